// cloakroom serve: what it refuses before it opens anything. That it serves is the listener's
// tests' business, and that clients understand it the interoperability suites'.
#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "cli_runner.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {

TEST_CASE("serve: what is missing or unsafe is a usage error that names the remedy") {
  const TempDir dir;
  const std::string socket = dir / "s";
  const std::string open_secret = dir / "password";
  std::ofstream(open_secret) << "secret\n";
  const std::string config = dir / "config";
  std::ofstream(config) << "# comment\nno-such-option = 1\n";
  struct Case {
    Arguments arguments;
    const char* says;
  };
  const Case cases[] = {
      {{"serve", "--unix", socket}, "name the store's directory, or --memory"},
      {{"serve", "--memory"}, "nowhere to listen"},
      {{"serve", "--memory", "--port", "1", "--address", "0.0.0.0"}, "needs a password"},
      {{"serve", "--memory", "--unix", socket, "--tombstone", "x"}, "PREFIX=DURATION"},
      {{"serve", "--memory", "--unix", socket, "--owner-field", "x=y"}, "PREFIX=POINTER"},
      {{"serve", "--memory", "--unix", socket, "--hash-keys", "sess:"}, "hash_secret"},
      {{"serve", "--memory", "--unix", socket, "--password-file", open_secret}, "chmod 600"},
      {{"serve", "--memory", "--unix", socket, "--config", config}, "line 2"},
      {{"serve", "--memory", "--unix", socket, "--notify", "q"}, "KEg$lshzxetmdnA"},
  };
  for (const Case& one : cases) {
    const CliAnswer answer = run_cli(one.arguments);
    INFO(one.says);
    CHECK(answer.code == 2);
    CHECK(contains(answer.err + answer.out, one.says));
  }
}

}  // namespace cloakroom::testing
