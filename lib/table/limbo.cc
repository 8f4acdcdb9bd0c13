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
  std::vector<Retired> full;
  bool noted = true;
  {
    SpinLockGuard guard(lane.lock);
    try {
      if (lane.open.capacity() == 0) lane.open.reserve(kBatch);
      lane.open.push_back(thing);
      lane.open_bytes += thing.far_bytes;
    } catch (const std::bad_alloc&) {
      noted = false;
    }
    if (lane.open.size() >= kBatch || lane.open_bytes >= kBatchBytes) {
      full.swap(lane.open);
      lane.open_bytes = 0;
    }
    const std::size_t frees = lane.ready.size() > kBatch ? kFreesARetire : 1;
    while (count < frees && !lane.ready.empty()) {
      freed[count++] = lane.ready.back();
      lane.ready.pop_back();
    }
  }
  for (std::size_t i = 0; i < count; ++i) free_(freed[i]);
  if (!full.empty()) seal(lane, std::move(full));
  if (!noted) free_after_readers({&thing, 1});
}

// Under no lock while the epoch is stepped: on a busy machine that can take a scheduler's slice.
void Limbo::seal(Lane& lane, std::vector<Retired> things) noexcept {
  const std::uint64_t epoch = advance_epoch();
  bool noted = true;
  {
    SpinLockGuard guard(lane.lock);
    try {
      lane.sealed.push_back({.epoch = epoch, .things = {}});
      lane.sealed.back().things.swap(things);
      ripen(lane);
    } catch (const std::bad_alloc&) {
      noted = things.empty();
    }
  }
  if (!noted) free_after_readers(things);
}

// Things of two threads can be sealed in another order than their epochs; then some wait longer.
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
    std::vector<Retired> open;
    std::vector<Retired> ready;
    {
      SpinLockGuard guard(lane.lock);
      open.swap(lane.open);
      lane.open_bytes = 0;
      try {
        ripen(lane);
      } catch (const std::bad_alloc&) {
        // What is not ripe by this stays until the next call.
      }
      ready.swap(lane.ready);
    }
    for (const Retired& thing : ready) free_(thing);
    if (!open.empty()) seal(lane, std::move(open));
  }
}

// A thread that reads itself cannot wait for its readers; then the things are lost, not freed too
// early.
void Limbo::free_after_readers(std::span<const Retired> things) noexcept {
  if (this_reader().depth != 0) return;
  const std::uint64_t epoch = advance_epoch();
  while (oldest_epoch() < epoch) std::this_thread::yield();
  for (const Retired& thing : things) free_(thing);
}

}  // namespace cloakroom
