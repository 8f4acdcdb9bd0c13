// verify: what it is called and what it takes.
#include <memory>

#include "command_line.h"
#include "prove/prove.h"

namespace cloakroom::cli {

void add_prove(CLI::App& root, Verbs& verbs) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* app = add_store_verb(root, "verify", "Check every checksum and bound; exit 1 on damage",
                                 "cloakroom verify sessions && echo sound", options->dir);
  app->add_flag("--json", options->json, "JSON Lines: a line for each finding, then a summary");
  verbs.push_back({app, [options] { return run_verify(*options); }});
}

}  // namespace cloakroom::cli
