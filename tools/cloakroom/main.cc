// cloakroom: the command line of a store. Puts the groups of verbs together and runs the one that
// was asked for.
#include <algorithm>
#include <clocale>

#include "command_line.h"
#include "exit_codes.h"
#include "text/output.h"

#ifndef CLOAKROOM_VERSION
#define CLOAKROOM_VERSION "unknown"
#endif

namespace cloakroom::cli {
namespace {

constexpr const char* kFooter = R"(Exit codes:
  0  fine
  1  findings: damage, an absent key, a failed demo
  2  the command line is wrong
  3  the store cannot be opened or read, or the output not written

The verbs that change a store (compact, rm, revoke, expire-all) want it at rest; all others change
nothing in it, and work beside a live server, but for repair.
`cloakroom VERB --help` shows a verb's options and an example.
)";

int run(int argc, char** argv) {
  CLI::App root("Look into a Cloakroom session store, at rest or beside a live server.",
                "cloakroom");
  root.set_version_flag("--version", "cloakroom " CLOAKROOM_VERSION);
  root.footer(kFooter);
  root.require_subcommand(1);

  Verbs verbs;
  add_look(root, verbs);
  add_prove(root, verbs);
  add_mend(root, verbs);
  add_copy(root, verbs);
  add_demo(root, verbs);
#ifdef CLOAKROOM_WITH_RESP
  add_serve(root, verbs);
#endif
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return root.exit(e) == 0 ? kExitOk : kExitUsage;  // --help and --version are 0
  }
  const auto given =
      std::find_if(verbs.begin(), verbs.end(), [](const Verb& verb) { return verb.app->parsed(); });
  const int code = given->run();
  return flush_output() ? code : kExitCannotOpen;
}

}  // namespace
}  // namespace cloakroom::cli

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");  // Is the terminal UTF-8? Nothing else depends on it.
  return cloakroom::cli::run(argc, argv);
}
