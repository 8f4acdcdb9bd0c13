// Child processes and temporary directories, both undone by their destructors.
#ifndef CLOAKROOM_BENCHMARKS_PROCESS_H_
#define CLOAKROOM_BENCHMARKS_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace cloakroom::bench {

// A directory of ours under $TMPDIR, removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// Creates an empty directory; removes what an earlier round left at the same place.
void make_fresh_directory(const std::string& path);

// Failure (kExitUsage) unless `path` is absent or an empty directory: nothing of a user's is
// touched. Changes nothing.
void require_absent_or_empty(const std::string& path);

// How a child ended.
struct ChildEnd {
  int exit_code = -1;  // -1: it did not exit
  int signal = 0;      // the signal that ended it, 0: none

  [[nodiscard]] bool clean() const noexcept { return exit_code == 0; }
};

[[nodiscard]] std::string to_string(const ChildEnd& end);

// A program that was started. It is killed with SIGKILL when this goes, or when the thread that
// started it does.
class Child {
 public:
  struct Settings {
    bool capture = false;        // its stdout can be read here
    bool quiet = false;          // its stdout and stderr go to /dev/null
    int keep_fd = -1;            // stays open in the child, under the same number
    std::string directory = {};  // where it starts; empty: here
  };

  // argv[0] is looked for in $PATH. Failure when the system has no process to give; a program that
  // cannot be executed ends with exit code 127.
  Child(const std::vector<std::string>& argv, const Settings& settings);
  // This program again, with other arguments.
  static Child self(std::vector<std::string> arguments, const Settings& settings);

  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // The next line of its stdout without the newline; nothing at its end. REQUIRES: capture.
  [[nodiscard]] std::optional<std::string> read_line();

  [[nodiscard]] std::optional<ChildEnd> poll();  // nothing while it runs
  ChildEnd wait();
  ChildEnd kill();  // SIGKILL, then wait()

 private:
  pid_t pid_ = -1;
  std::optional<ChildEnd> end_;
  Fd output_;
  std::string buffered_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_PROCESS_H_
