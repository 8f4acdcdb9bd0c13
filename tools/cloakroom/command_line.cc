#include "command_line.h"

#include "text/output.h"

namespace cloakroom::cli {

CLI::App* add_store_verb(CLI::App& root, const char* name, const char* what, const char* example,
                         std::string& dir) {
  CLI::App* app = root.add_subcommand(name, what);
  app->add_option("STORE-DIR", dir, "directory of the store")->required();
  app->footer(std::string("Example:\n  ") + example + "\n");
  return app;
}

void call_it(CLI::Option* option, const std::string& name) {
  const std::string value = option->get_default_str();
  option->option_text(value.empty() ? name : name + "=" + value);
}

CLI::Validator duration_check() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_duration(text) ? std::string() : "not a duration; write 90s, 15min, 2h or 7d";
      },
      "DURATION");
}

}  // namespace cloakroom::cli
