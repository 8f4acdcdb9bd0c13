// Starts the command line and takes what it answers.
#ifndef CLOAKROOM_TESTS_TOOLS_CLI_RUNNER_H_
#define CLOAKROOM_TESTS_TOOLS_CLI_RUNNER_H_

#include <sys/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"

namespace cloakroom::testing {

struct CliAnswer {
  int code = -1;  // exit code; 128 + signal when one ended it
  std::string out;
  std::string err;
};

struct CliSetting {
  std::map<std::string, std::string> environment = {};  // added to ours
  std::string out_file = {};  // stdout goes here instead of into CliAnswer::out
  bool as_nobody = false;     // without the rights of root
  unsigned seconds_max = 0;   // ended by SIGALRM after so long; 0: never
  std::uint64_t file_bytes_max = 0;  // no file becomes longer, as on a full disk; 0: no limit
  std::vector<int> closed = {};  // standard files it is started without
  bool on_terminal = false;   // stdout and stderr are one terminal; both are in `out`
};

using Arguments = std::vector<std::string>;

[[nodiscard]] CliAnswer run_cli(const Arguments& arguments, const CliSetting& setting = {});

// The command line at work, its stdout going into a file. Ended by SIGKILL if it still is.
class RunningCli {
 public:
  RunningCli(const Arguments& arguments, const std::string& out_file);
  ~RunningCli();
  RunningCli(const RunningCli&) = delete;
  RunningCli& operator=(const RunningCli&) = delete;

  void signal(int number) const;  // to all its processes, as a terminal does
  // Waits for its end: exit code and stderr; `out` is what the file holds.
  [[nodiscard]] CliAnswer wait();

 private:
  std::string out_file_;
  pid_t pid_ = -1;
  int err_ = -1;
};

// The program make_store, which stops as `ending` says. Its answer must be the expected one.
void make_store(const std::string& dir, std::string_view ending = "clean");

// The program make_sessions; answers with the lines that it printed.
std::vector<std::string> make_sessions(const std::string& dir, std::string_view what);

// make_store, holding a store open while it exists.
class HeldStore {
 public:
  explicit HeldStore(const std::string& dir);
  ~HeldStore();
  HeldStore(const HeldStore&) = delete;
  HeldStore& operator=(const HeldStore&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_ = -1;
  int input_ = -1;  // closing it lets the process end
};

// The store of make_store("clean"), made once for all tests that only read it.
[[nodiscard]] const std::string& shared_store();

// One JSON object; a failed check and null when it is not one.
[[nodiscard]] nlohmann::json json_of(const std::string& text);
// The objects of JSON Lines.
[[nodiscard]] std::vector<nlohmann::json> json_lines(const std::string& text);

[[nodiscard]] bool contains(std::string_view text, std::string_view part);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_CLI_RUNNER_H_
