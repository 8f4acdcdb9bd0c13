// report: what it is called and what it takes.
#include <memory>

#include "command_line.h"
#include "reading/isolate.h"
#include "report/report.h"

namespace cloakroom::cli {

void add_report(CLI::App& root, Verbs& verbs) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app = add_store_verb(
      root, "report", "Make a page about the store: ages, sizes, owners, files, writes",
      "cloakroom report /var/lib/shop/sessions -o report.html", options->dir);
  call_it(app->add_option("-o,--output", options->output,
                          "the file to write, mode 600; - writes to stdout")
              ->required(),
          "FILE");
  app->add_flag("--show-owners", options->show_owners,
                "name the owners; without it they are numbered");
  call_it(app->add_option("--limit", options->limit, "how many owners to show")
              ->check(CLI::Range(0, 1000))
              ->capture_default_str(),
          "N");
  verbs.push_back({app, [options] {
                     return run_isolated(options->dir, [&] { return run_report(*options); });
                   }});
}

}  // namespace cloakroom::cli
