#include "table/limbo.h"

#include <new>
#include <thread>
#include <utility>

#include "base/epoch.h"

namespace cloakroom {

Limbo::~Limbo() {
  for (Lane& lane : lanes_) {
    SpinLockGuard guard(lane.lock);
    for (const Retired& thing : lane.ready) free_(thing);
    for (const Batch& batch : lane.sealed) {
      for (const Retired& thing : batch.things) free_(thing);
    }
    for (const Retired& thing : lane.open) free_(thing);
  }
}

void Limbo::retire(const Retired& thing) noexcept {
  Lane& lane = lanes_[this_reader().number % kLanes];
  std::array<Retired, kFreesARetire> freed;
  std::size_t count = 0;
  bool noted = true;
  {
    SpinLockGuard guard(lane.lock);
    try {
      if (lane.open.capacity() == 0) lane.open.reserve(kBatch);
      lane.open.push_back(thing);
      if (lane.open.size() >= kBatch) {
        seal(lane);
        ripen(lane);
      }
    } catch (const std::bad_alloc&) {
      noted = !lane.open.empty() && lane.open.back().ref == thing.ref &&
              lane.open.back().memory == thing.memory;
    }
    while (count < kFreesARetire && !lane.ready.empty()) {
      freed[count++] = lane.ready.back();
      lane.ready.pop_back();
    }
  }
  for (std::size_t i = 0; i < count; ++i) free_(freed[i]);
  if (!noted) free_after_readers(thing);
}

void Limbo::seal(Lane& lane) {
  if (lane.open.empty()) return;
  lane.sealed.push_back({.epoch = 0, .things = {}});
  lane.sealed.back().things.swap(lane.open);
  lane.sealed.back().epoch = advance_epoch();
}

void Limbo::ripen(Lane& lane) {
  if (lane.sealed.empty()) return;
  const std::uint64_t oldest = oldest_epoch();
  while (!lane.sealed.empty() && lane.sealed.front().epoch <= oldest) {
    std::vector<Retired>& things = lane.sealed.front().things;
    if (lane.ready.empty()) {
      lane.ready.swap(things);
    } else {
      lane.ready.insert(lane.ready.end(), things.begin(), things.end());
    }
    lane.sealed.pop_front();
  }
}

void Limbo::collect() noexcept {
  for (Lane& lane : lanes_) {
    std::vector<Retired> ready;
    {
      SpinLockGuard guard(lane.lock);
      try {
        seal(lane);
        ripen(lane);
      } catch (const std::bad_alloc&) {
        // It stays until the next call.
      }
      ready.swap(lane.ready);
    }
    for (const Retired& thing : ready) free_(thing);
  }
}

// A thread that reads itself cannot wait for its readers; then the thing is lost, not freed too
// early.
void Limbo::free_after_readers(const Retired& thing) noexcept {
  if (this_reader().depth != 0) return;
  const std::uint64_t epoch = advance_epoch();
  while (oldest_epoch() < epoch) std::this_thread::yield();
  free_(thing);
}

}  // namespace cloakroom
