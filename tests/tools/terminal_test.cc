// On a terminal there are colours and progress bars; elsewhere, or with NO_COLOR, there are none.
#include <doctest/doctest.h>
#include <pty.h>
#include <unistd.h>

#include "cli_runner.h"

namespace cloakroom::testing {
namespace {

constexpr std::string_view kEscape = "\x1b[";

CliAnswer on_terminal(const Arguments& arguments,
                      std::map<std::string, std::string> environment = {}) {
  environment.insert({"TERM", "xterm"});
  return run_cli(arguments, {.environment = std::move(environment), .on_terminal = true});
}

// A bare change-root environment may have none.
bool has_terminals() {
  int ends[2] = {-1, -1};
  const bool opened = ::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) == 0;
  for (const int end : ends) ::close(end);
  if (!opened) MESSAGE("SKIPPED: no pseudo-terminal can be had; is /dev/pts mounted?");
  return opened;
}

TEST_CASE("terminal: colours, unless NO_COLOR or a dumb terminal forbids them") {
  if (!has_terminals()) return;
  for (const char* verb : {"info", "ls", "stats"}) {
    CHECK_MESSAGE(contains(on_terminal({verb, shared_store()}).out, "\x1b[1m"), verb);
    const CliAnswer plain = on_terminal({verb, shared_store()}, {{"NO_COLOR", "1"}});
    CHECK(plain.code == 0);
    CHECK_MESSAGE(!contains(plain.out, "\x1b[1m"), verb);
    CHECK_MESSAGE(!contains(on_terminal({verb, shared_store()}, {{"TERM", "dumb"}}).out, "\x1b[1m"),
                  verb);
  }
}

TEST_CASE("terminal: no colour and no progress in a pipe") {
  for (const char* verb : {"info", "ls", "stats", "verify"}) {
    const CliAnswer answer = run_cli({verb, shared_store()}, {.environment = {{"TERM", "xterm"}}});
    CHECK_MESSAGE(!contains(answer.out, kEscape), verb);
    CHECK_MESSAGE(answer.err.empty(), verb);
  }
}

TEST_CASE("terminal: verify shows its progress and takes it away again") {
  if (!has_terminals()) return;
  const CliAnswer answer = on_terminal({"verify", shared_store()});
  CHECK(answer.code == 0);
  CHECK(contains(answer.out, "checking"));
  CHECK(contains(answer.out, "\r\x1b[K"));
  CHECK(contains(answer.out, "no damage found"));
}

TEST_CASE("terminal: a hostile key cannot write to it") {
  if (!has_terminals()) return;
  const CliAnswer answer = on_terminal({"ls", shared_store()}, {{"NO_COLOR", "1"}});
  CHECK(!contains(answer.out, "\x1b[2J"));
}

}  // namespace
}  // namespace cloakroom::testing
