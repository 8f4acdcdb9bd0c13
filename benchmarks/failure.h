// How a benchmark gives up: thrown where it happens, printed by main() after everything that was
// started has been stopped by its destructor.
#ifndef CLOAKROOM_BENCHMARKS_FAILURE_H_
#define CLOAKROOM_BENCHMARKS_FAILURE_H_

#include <stdexcept>
#include <string>

#include "cloakroom/status.h"

namespace cloakroom::bench {

// Exit codes are part of the interface (--help).
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed =
    1;                                // something did not work, or a replay disagrees with its file
inline constexpr int kExitUsage = 2;  // the command line or an input file is wrong

class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, int exit_code = kExitFailed)
      : std::runtime_error(message), exit_code_(exit_code) {}

  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

// The value of a Result, or a Failure that says what was being done.
template <class T>
T value_or_fail(Result<T> result, const char* action) {
  if (!result) throw Failure(std::string(action) + ": " + result.status().to_string());
  return *std::move(result);
}

// The same for a call that has only a Status.
inline void check(const Status& status, const char* action) {
  if (!status) throw Failure(std::string(action) + ": " + status.to_string());
}

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_FAILURE_H_
