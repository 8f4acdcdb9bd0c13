#include "journal/fold.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/hash.h"

namespace cloakroom {
namespace {

// Seen from the end: the first frame of each key met, in a table of open addressing.
class Later {
 public:
  Later(std::size_t frames, std::uint64_t seed)
      : seed_(seed), entries_(std::bit_ceil(2 * frames + 1)) {}

  // Is this frame void because of a later one? Notes it if not.
  bool voids(const Frame& frame) {
    const bool touch = frame.type == Mutation::Type::kTouch;
    const std::uint64_t hash = hash64(frame.key, seed_);
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      Entry& entry = entries_[at];
      if (entry.frame == nullptr) {
        entry = {.frame = &frame, .replaced = !touch};
        return false;
      }
      if (entry.frame->key != frame.key) continue;
      if (entry.replaced || touch) return true;
      entry.replaced = true;
      return false;
    }
  }

 private:
  struct Entry {
    const Frame* frame = nullptr;
    bool replaced = false;  // by a record or an erase; else only touched
  };
  [[nodiscard]] std::size_t mask() const noexcept { return entries_.size() - 1; }

  const std::uint64_t seed_;
  std::vector<Entry> entries_;
};

}  // namespace

void fold(std::vector<Frame>& frames, std::uint64_t seed) {
  if (frames.size() < 2) return;
  Later later(frames.size(), seed);
  std::vector<bool> kept(frames.size());
  for (std::size_t i = frames.size(); i-- > 0;) kept[i] = !later.voids(frames[i]);
  std::size_t to = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (kept[i]) frames[to++] = frames[i];
  }
  frames.resize(to);
}

}  // namespace cloakroom
