// A reader of another thread, with its guard held for as long as a test wants.
#ifndef CLOAKROOM_TESTS_SUPPORT_HOLDING_READER_H_
#define CLOAKROOM_TESTS_SUPPORT_HOLDING_READER_H_

#include <latch>
#include <thread>

#include "base/epoch.h"

namespace cloakroom::testing {

// A thread that holds a guard from the constructor to let_go(). Its guard has begun and ended when
// these return.
class HoldingReader {
 public:
  HoldingReader() : thread_([this] { run(); }) { begun_.wait(); }
  ~HoldingReader() { let_go(); }
  HoldingReader(const HoldingReader&) = delete;
  HoldingReader& operator=(const HoldingReader&) = delete;

  void let_go() {
    if (!thread_.joinable()) return;
    end_.count_down();
    thread_.join();
  }

 private:
  void run() {
    const EpochGuard guard;
    begun_.count_down();
    end_.wait();
  }

  std::latch begun_{1};
  std::latch end_{1};
  std::thread thread_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_HOLDING_READER_H_
