// How the models for Relacy are run: each in a process of its own, since what Relacy does after it
// has found something is not always safe.
#ifndef CLOAKROOM_TESTS_SUPPORT_RELACY_MODEL_H_
#define CLOAKROOM_TESTS_SUPPORT_RELACY_MODEL_H_

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <relacy/relacy.hpp>
#include <sstream>
#include <streambuf>
#include <string>

namespace cloakroom::testing {

enum class Verdict { kHolds = 0, kFaultFound = 42, kModelBroken = 1 };

// Ends the process when Relacy reports a race or a failed RL_ASSERT; all else it reports (a
// deadlock, a life lock) is a mistake of the model.
class ReportWatch : public std::streambuf {
 protected:
  int overflow(int c) override {
    if (c != EOF) seen_.push_back(static_cast<char>(c));
    return watch(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    seen_.append(text, static_cast<std::size_t>(count));
    watch(0);
    return count;
  }

 private:
  int watch(int c) {
    for (const char* fault : {"DATA RACE", "USER ASSERT FAILED"}) {
      if (seen_.find(fault) != std::string::npos) ::_exit(static_cast<int>(Verdict::kFaultFound));
    }
    return c;
  }
  std::string seen_;
};

template <class Model>
Verdict simulate(unsigned iterations) {
  const pid_t child = ::fork();
  if (child == 0) {
    ReportWatch watch;
    std::ostream report(&watch);
    std::ostringstream progress;
    rl::test_params params;
    params.iteration_count = iterations;
    params.output_stream = &report;
    params.progress_stream = &progress;
    const bool holds = rl::simulate<Model>(params);
    ::_exit(static_cast<int>(holds ? Verdict::kHolds : Verdict::kModelBroken));
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    return Verdict::kModelBroken;
  }
  return static_cast<Verdict>(WEXITSTATUS(status));
}

// Counts what was expected of models, and ends as a suite of tools/dev/run_suites does.
class ModelSuite {
 public:
  explicit ModelSuite(const char* name) : name_(name) {}

  void expect(Verdict expected, Verdict verdict, const char* otherwise) {
    if (verdict == expected) {
      ++passed_;
      return;
    }
    ++failed_;
    std::printf("%s: %s%s\n", name_, otherwise,
                verdict == Verdict::kModelBroken ? " (the model itself is broken)" : "");
  }
  int finish() const {
    std::printf("[%s] %d passed, %d failed\n", name_, passed_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  const char* name_;
  int passed_ = 0;
  int failed_ = 0;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_RELACY_MODEL_H_
