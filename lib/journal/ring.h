// Ring: the journal's queue, in a file that is mapped. What is published in it survives the death
// of the process, because the kernel keeps the pages; nobody has to make a system call for that.
//
//   file   header, 64 KiB (a page, however large) | data, `capacity` bytes: a power of two
//
//     0  magic "CLKRING\n" | u32 format | u32 header bytes | u64 capacity | 16 bytes store id |
//        u64 checksum                                                       written at create()
//   960  16 bytes boot id | u64 store time minus boot clock | u64 checksum  written at begin()
//  1024  u64 salt        of this opening
//  1088  u64 released    position up to which frames have been handed over
//
//   frame, at a position that is a multiple of 16, contiguous in memory: the data are mapped twice
//   in a row, so nothing has to be split at the end
//
//     u64 commit word = position ^ salt, written last | u64 checksum of commit word, size and
//     body | u32 size of the frame, a multiple of 16 | u32 size of the body | body | unused
//
// Positions only grow, from one opening to the next too; position modulo capacity is the place in
// the file. A frame's version is the position of its end in units of 16: a number that grows with
// every frame, without a second counter, and tells where the next frame begins.
//
// States of the memory at a position p:
//   free        released + capacity <= p             --reserve() by a producer-->        reserved
//   reserved    reserved > p, commit word is not p's --publish() by that producer-->     published
//   published   commit word is p's                   --release() by the consumer-->      free, a
//   lap
//                                                                                        later
// Invariants
//   1. released <= every frame that is not handed over < reserved <= released + capacity.
//   2. A commit word is right for one position of one opening only: what an earlier lap or an
//   earlier
//      opening has left never looks like a frame.
//   3. The file's blocks are allocated at create(), so that writing to the mapping cannot fail.
//
// After a crash. Same boot id: the kernel is the one that held the pages, so every published frame
// is there; one that its producer had not finished is skipped by looking for the next commit word.
// Other boot id: pages may be missing, so frames count only up to the first gap
// (docs/durability.md).
//
// Thread safety: reserve() and publish() from any thread; next() and release() from one at a time;
// the rest before or after all others. A child of fork() does not have the mapping.
#ifndef CLOAKROOM_LIB_JOURNAL_RING_H_
#define CLOAKROOM_LIB_JOURNAL_RING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

inline constexpr const char* kRingName = "RING";

class Ring {
 public:
  using Id = std::array<unsigned char, 16>;

  static constexpr std::uint64_t kUnit = 16;
  static constexpr std::size_t kFrameHeaderBytes = 24;
  static constexpr std::size_t kHeaderBytes = 65536;
  static constexpr std::size_t kCapacityMin = std::size_t{1} << 16;

  // Makes the file of a new store, or one in the place of another. kIo, nothing is left then.
  // REQUIRES: capacity is a power of two, at least kCapacityMin.
  static Status create(const std::string& dir, std::size_t capacity, const Id& store);

  // Maps the file. kNotFound when there is none; kCorruption when it is damaged, cut short or
  // another store's; kInvalidArgument for a newer format. Changes nothing.
  static Result<std::unique_ptr<Ring>> open(const std::string& dir, const Id& store, bool writable);

  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  // --- recovery ------------------------------------------------------------------------------

  // Of the kernel that has run when the ring was begun; zeros before that.
  [[nodiscard]] Id boot() const noexcept;
  // By how much store time was ahead of that kernel's boot clock; nothing when it is not known.
  [[nodiscard]] std::optional<TimeMs> time_offset() const noexcept;
  // The version up to which frames had been handed over when the process before us ended.
  [[nodiscard]] Version released() const noexcept;

  // Walks what was published after `version` and not given up: next() is false at the end. With
  // `pages_are_whole` unfinished frames are skipped, else they are the end.
  class Walk {
   public:
    Walk(const Ring& ring, Version version, bool pages_are_whole) noexcept;
    bool next(std::string_view* body) noexcept;
    // Of the last frame, or the one that the walk began with.
    [[nodiscard]] Version version() const noexcept { return version_; }
    // Frames that were reserved and not finished, and have others behind them.
    [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }

   private:
    const Ring& ring_;
    const bool pages_are_whole_;
    const std::uint64_t end_;
    std::uint64_t position_;
    Version version_;
    std::uint64_t skipped_ = 0;
  };

  // Starts anew behind `version`; whatever the ring holds is given up. REQUIRES: writable.
  // `time_offset`: nothing, when store time runs with another clock than the kernel's.
  Status begin(Version version, const Id& boot, std::optional<TimeMs> time_offset) noexcept;

  // --- producers -----------------------------------------------------------------------------

  struct Place {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    [[nodiscard]] Version version() const noexcept { return end / kUnit; }
  };
  // Room for a frame with a body of up to `bytes`; nothing when there is none. What was reserved
  // must be published, soon.
  [[nodiscard]] std::optional<Place> reserve(std::size_t bytes) noexcept;
  void publish(const Place& place, std::string_view body) noexcept;

  // Asks for the lines that the next frame will need.
  void prefetch() const noexcept;

  // The version of the last frame that was reserved, and the bytes that are not released.
  [[nodiscard]] Version last() const noexcept {
    return reserved_.load(std::memory_order_acquire) / kUnit;
  }
  [[nodiscard]] std::size_t used_bytes() const noexcept;

  // --- in another process ----------------------------------------------------------------------

  // The frame at `position`, copied, for one who reads beside the process that writes: nothing when
  // none is there that is whole, or when it was written over meanwhile.
  [[nodiscard]] std::optional<Place> copy_frame(std::uint64_t position, std::string& body) const;

  // Tells one opening of the ring from the next, in this process or another.
  [[nodiscard]] std::uint64_t salt_on_file() const noexcept;
  [[nodiscard]] std::uint64_t salt() const noexcept { return salt_; }

  // --- consumer ------------------------------------------------------------------------------

  // The frame behind `version`: false while it is not published. `body` is valid until release().
  [[nodiscard]] bool next(Version version, Place* place, std::string_view* body) const noexcept;
  // Everything up to `version` has been handed over.
  void release(Version version) noexcept;

 private:
  Ring(Fd fd, std::size_t capacity) noexcept : fd_(std::move(fd)), capacity_(capacity) {}
  Status map(const std::string& path, bool writable);

  [[nodiscard]] char* at(std::uint64_t position) const noexcept {
    return data_ + (position & (capacity_ - 1));
  }
  [[nodiscard]] std::atomic_ref<std::uint64_t> commit_word(std::uint64_t position) const noexcept {
    return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(at(position)));
  }
  [[nodiscard]] std::atomic_ref<std::uint64_t> word(std::size_t offset) const noexcept {
    return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(header_ + offset));
  }
  // The frame at `position` if it is whole in every respect.
  [[nodiscard]] std::optional<Place> whole_frame(std::uint64_t position,
                                                 std::string_view* body) const noexcept;

  // Constant after map() and begin().
  const Fd fd_;
  const std::size_t capacity_;
  char* header_ = nullptr;
  char* data_ = nullptr;
  std::uint64_t salt_ = 0;

  // Where producers meet; the consumer's word is read by them and stands apart.
  alignas(64) std::atomic<std::uint64_t> reserved_{0};
  alignas(64) std::atomic<std::uint64_t> released_{0};
};

// Tells one run of the kernel from another: its boot id, or, where /proc/sys is hidden, the minute in
// which it started.
[[nodiscard]] Ring::Id boot_id();

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_RING_H_
