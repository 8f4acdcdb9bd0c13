// RingScan: what lies in a ring's file, for tools that look for damage and save what is left.
//
// Ring opens a sound file and walks along its frames. This takes the file apart without trusting
// its header: every frame says by its checksum that it is one, and by its commit word where it
// belongs. A header that is damaged or of which only the salt is wrong hides nothing.
//
// Holds the whole file in memory. Not thread-safe. REQUIRES: nobody writes to it.
#ifndef CLOAKROOM_LIB_OFFLINE_RING_SCAN_H_
#define CLOAKROOM_LIB_OFFLINE_RING_SCAN_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "journal/ring.h"

namespace cloakroom {

struct RingFrame {
  std::uint64_t begin = 0;  // position
  std::uint64_t end = 0;
  std::string_view body = {};
  [[nodiscard]] Version version() const noexcept { return end / Ring::kUnit; }
};

class RingScan {
 public:
  // kNotFound when there is none, kIo when it cannot be read.
  static Result<RingScan> read(const std::string& dir);

  struct Damage {
    std::uint64_t offset = 0;
    std::string what = {};
  };
  // Of the header, but for the salt.
  [[nodiscard]] const std::vector<Damage>& damages() const noexcept { return damages_; }

  [[nodiscard]] const std::optional<Ring::Id>& store() const noexcept { return store_; }
  [[nodiscard]] const Ring::Id& boot() const noexcept { return boot_; }
  [[nodiscard]] Version released() const noexcept { return released_ / Ring::kUnit; }
  [[nodiscard]] std::uint64_t salt() const noexcept { return salt_; }
  [[nodiscard]] std::uint64_t file_offset(std::uint64_t position) const noexcept {
    return Ring::kHeaderBytes + (position & (capacity_ - 1));
  }

  // The frames of one opening of the store, in order, those of the last lap and what is left of
  // the one before.
  [[nodiscard]] std::vector<RingFrame> frames(std::uint64_t salt) const;

  // A salt under which a frame begins at the position that its own record names, and that is not
  // the header's: of an earlier opening, or the header is wrong.
  [[nodiscard]] std::optional<std::uint64_t> other_salt_at(std::uint64_t position) const;

  // What is at a position where a frame should begin and none does.
  enum class Gap {
    kNothing,  // no trace of a frame for this place
    kDamaged,  // it was published, and is not what was written
    kNearly,   // whole, but for the commit word
  };
  [[nodiscard]] Gap gap_at(std::uint64_t position, std::uint64_t salt) const;

 private:
  // A frame whose checksum fits its own commit word.
  struct Found {
    std::uint64_t offset = 0;  // in the data
    std::uint64_t commit = 0;
    std::uint64_t size = 0;
    std::string_view body = {};
  };

  void read_header(std::uint64_t file_bytes);
  void find_frames();
  [[nodiscard]] std::string_view bytes_at(std::uint64_t offset, std::uint64_t count) const;

  std::string header_;
  std::string data_;  // `capacity_` bytes; the beginning once more, for frames that pass the end
  std::uint64_t capacity_ = 0;
  std::optional<Ring::Id> store_;
  Ring::Id boot_{};
  std::uint64_t salt_ = 0;
  std::uint64_t released_ = 0;
  std::vector<Found> found_;
  std::vector<Damage> damages_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_RING_SCAN_H_
