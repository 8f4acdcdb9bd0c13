#include "base/spin_lock.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace cloakroom;

TEST_CASE("spin lock: holders exclude each other") {
  SpinLock lock;
  long first = 0;
  long second = 0;
  std::atomic<long> torn{0};
  const auto write = [&] {
    for (int i = 0; i < 20000; ++i) {
      SpinLockGuard guard(lock);
      ++first;
      ++second;
    }
  };
  const auto read = [&] {
    for (int i = 0; i < 20000; ++i) {
      SpinLockGuard guard(lock);
      if (first != second) ++torn;
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(write);
  threads.emplace_back(write);
  threads.emplace_back(read);
  threads.emplace_back(read);
  for (std::thread& thread : threads) thread.join();
  CHECK(first == 40000);
  CHECK(second == 40000);
  CHECK(torn == 0);
}
