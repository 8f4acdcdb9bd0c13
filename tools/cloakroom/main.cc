// cloakroom: the command line of a store. Puts the groups of verbs together and runs the one that
// was asked for.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <string>
#include <vector>

#include "command_line.h"
#include "exit_codes.h"
#include "help/help.h"
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
`cloakroom VERB --help` shows a verb's options and examples.
)";

// Who starts us without a standard file must not find our output in the first file we open, which
// may be the store's. What stands in its place refuses: reading, writing, or is silent for
// messages.
void hold_standard_files() {
  constexpr int kInPlace[] = {O_WRONLY, O_RDONLY, O_RDWR};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", kInPlace[fd]);  // the lowest free one
  }
}

int run(int argc, char** argv) {
  CLI::App root(
      "Look into a Cloakroom session store, at rest or beside a live server, and after it.",
      "cloakroom");
  root.formatter(help_formatter());
  root.set_help_flag("-h,--help", "show this help");
  root.set_version_flag("--version", "cloakroom " CLOAKROOM_VERSION, "show the version");
  root.footer(kFooter);
  root.require_subcommand(1);

  Verbs verbs;
  add_look(root, verbs);
  add_prove(root, verbs);
  add_mend(root, verbs);
  add_copy(root, verbs);
  add_demo(root, verbs);
  add_help(root, verbs);
  add_report(root, verbs);
#ifdef CLOAKROOM_WITH_RESP
  add_serve(root, verbs);
#endif
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    print(version.what() + std::string("\n"));
    return flush_output() ? kExitOk : kExitCannotOpen;
  } catch (const CLI::CallForHelp&) {
    print(root.help());
    return flush_output() ? kExitOk : kExitCannotOpen;
  } catch (const CLI::ParseError& wrong) {
    message(complaint(root, wrong, words));
    return kExitUsage;
  }
  if (const std::string problem = out_of_range(root, words); !problem.empty()) {
    message(problem);
    return kExitUsage;
  }
  const auto given =
      std::find_if(verbs.begin(), verbs.end(), [](const Verb& verb) { return verb.app->parsed(); });
  const int code = given->run();
  return flush_output() ? code : kExitCannotOpen;
}

}  // namespace
}  // namespace cloakroom::cli

int main(int argc, char** argv) {
  cloakroom::cli::hold_standard_files();
  std::setlocale(LC_CTYPE, "");  // Is the terminal UTF-8? Nothing else depends on it.
  return cloakroom::cli::run(argc, argv);
}
