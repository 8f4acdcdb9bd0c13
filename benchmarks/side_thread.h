// A thread beside the one that measures: told to stop when this goes, and what it throws arrives
// where it is finished.
#ifndef CLOAKROOM_BENCHMARKS_SIDE_THREAD_H_
#define CLOAKROOM_BENCHMARKS_SIDE_THREAD_H_

#include <exception>
#include <stop_token>
#include <thread>
#include <utility>

namespace cloakroom::bench {

class SideThread {
 public:
  // Calls f(stop), which returns soon after stop.stop_requested().
  template <class F>
  explicit SideThread(F f)
      : thread_([this, f = std::move(f)](const std::stop_token& stop) {
          try {
            f(stop);
          } catch (...) {
            failure_ = std::current_exception();
          }
        }) {}

  void finish() {
    thread_.request_stop();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::exception_ptr failure_;
  std::jthread thread_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_SIDE_THREAD_H_
