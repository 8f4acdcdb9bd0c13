// busy_store DIR COUNTS: a server that writes as fast as it can, for tests beside a live store.
//
// Each of kThreads threads T puts the records "T:1", "T:2", ... and erases each again when it is
// kAliveMax behind, every 64th write at level kDisk. What is acknowledged it counts in the file
// COUNTS, mapped by whoever watches. Prints "busy" when all have begun; ends with its input.
#include "busy_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "cloakroom/store.h"

namespace {

using namespace cloakroom::testing;

void work(cloakroom::Store& store, std::uint64_t thread, BusyCounts& counts,
          const std::atomic<bool>& stop) {
  for (std::uint64_t i = 1; !stop; ++i) {
    const auto durability =
        i % 64 == 0 ? cloakroom::Durability::kDisk : cloakroom::Durability::kProcess;
    const auto put = store.put(busy_key(thread, i), busy_value(thread, i),
                               {.ttl = std::chrono::hours(6), .durability = durability});
    if (!put) break;
    counts.written[thread].store(i);
    if (i <= kAliveMax) continue;
    if (!store.erase(busy_key(thread, i - kAliveMax), {.durability = durability})) break;
    counts.erased[thread].store(i - kAliveMax);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  BusyCounts* const counts = map_counts(argv[2]);
  if (counts == nullptr) return 3;
  auto store = cloakroom::Store::open({.path = argv[1]});
  if (!store) {
    std::fprintf(stderr, "busy_store: %s\n", store.status().to_string().c_str());
    return 1;
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] { work(*store, t, *counts, stop); });
  }
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    while (counts->written[t].load() == 0) std::this_thread::yield();
  }
  std::puts("busy");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return store->close() ? 0 : 1;
}
