// PartsInOrder: what several threads find in the parts of a walk, handed on as if one had walked.
//
// The items of a part wait until all parts before it have ended. Parts are begun in ascending
// order, so the part whose turn it is always has a thread at work, and a thread that is far ahead
// of it can wait for it: at most kHeldMax batches are held for a part.
//
// Safe from any thread, for one part by one thread at a time. `out` is called by one at a time.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_PARTS_IN_ORDER_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_PARTS_IN_ORDER_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "cloakroom/record.h"

namespace cloakroom::cli {

template <class Item>
class PartsInOrder {
 public:
  using Batch = std::vector<Item>;
  static constexpr std::size_t kHeldMax = 64;

  // `out` answers false when it wants no more.
  PartsInOrder(std::size_t parts, FunctionRef<bool(Item&)> out) : parts_(parts), out_(out) {}

  // Both answer false when nothing more is wanted, of any part.
  bool add(std::size_t part, Batch batch) {
    std::unique_lock guard(mutex_);
    moved_.wait(guard,
                [&] { return !wanted_ || part == turn_ || parts_[part].held.size() < kHeldMax; });
    parts_[part].held.push_back(std::move(batch));
    if (part == turn_) hand_on();
    return wanted_;
  }

  bool done(std::size_t part) {
    const std::scoped_lock guard(mutex_);
    parts_[part].done = true;
    while (turn_ < parts_.size() && (hand_on(), parts_[turn_].done)) ++turn_;
    moved_.notify_all();
    return wanted_;
  }

 private:
  struct Part {
    std::vector<Batch> held;
    bool done = false;
  };

  void hand_on() {
    for (Batch& batch : std::exchange(parts_[turn_].held, {})) {
      for (Item& item : batch) {
        if (wanted_ && !out_(item)) wanted_ = false;
      }
    }
    if (!wanted_) moved_.notify_all();
  }

  std::mutex mutex_;  // of everything below
  std::condition_variable moved_;
  std::vector<Part> parts_;
  std::size_t turn_ = 0;  // parts before it have ended and are handed on
  bool wanted_ = true;
  FunctionRef<bool(Item&)> out_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_PARTS_IN_ORDER_H_
