// Work on a store that may be damaged, in a child process.
//
// Debian's RocksDB is built with its asserts on: damaged bytes can end the process that reads them
// with SIGABRT. In a child that is an answer; in our own process it would be a crash.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_ISOLATE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_ISOLATE_H_

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/file.h"

namespace cloakroom::cli {

// How a child ended.
struct ChildEnd {
  int exit_code = -1;  // -1: it did not exit
  int signal = 0;      // the signal that ended it, 0: none
  std::string text;    // what was written to its stderr past messages(): an assertion's text
};

// A forked child. Its messages() stay those of the parent; whatever else is written to its stderr
// is kept for ChildEnd::text. It dies with its parent, leaves no core, which would hold values, and
// its temporary directory goes with it. While it runs, Ctrl-C is for the child alone.
// REQUIRES: the calling process has a single thread, and one such child at a time.
class IsolatedChild {
 public:
  // Runs f in a child; its result is the exit code. Exit code 3 and a message when fork fails.
  explicit IsolatedChild(const std::function<int()>& f);
  ~IsolatedChild();  // ends the child if it still runs
  IsolatedChild(const IsolatedChild&) = delete;
  IsolatedChild& operator=(const IsolatedChild&) = delete;

  [[nodiscard]] ChildEnd wait();

 private:
  pid_t pid_ = -1;
  Fd text_;              // a memory file that took the child's stderr
  std::string scratch_;  // the child's TMPDIR
};

// Runs a verb in a child and answers with its exit code. A child that died becomes a message that
// sends the reader to `cloakroom verify DIR`, and exit code 3.
[[nodiscard]] int run_isolated(const std::string& dir, const std::function<int()>& verb);

// The end of run_isolated(), for who has something to do between the two.
[[nodiscard]] int finish_isolated(const std::string& dir, const ChildEnd& end);

// Ends this process by the signal when it is one the user sent (Ctrl-C) or the reader of our output
// (SIGPIPE), as any filter does; otherwise returns.
void end_alike(const ChildEnd& end);

// "SIGABRT" and so on, with the assertion's text behind it where there is one.
[[nodiscard]] std::string describe(const ChildEnd& end);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_ISOLATE_H_
