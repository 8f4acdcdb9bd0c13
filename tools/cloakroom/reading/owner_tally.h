// OwnerTally: how much each owner has, in bounded memory.
//
// Up to kTracked owners are counted exactly. When there are more, those with the least are
// forgotten, half of them at a time, and what a forgotten owner may have had is added to bounds:
// count_missing() and bytes_missing(). An owner that comes again starts at nothing, so a number is
// never too high and too low by at most the bound; an owner with more than the bound is never
// missed. A million owners of one record each: a bound of some 30 records.
//
// How many owners there are is exact as long as nothing was forgotten, then an estimate to within
// 2 % or so (HyperLogLog, Flajolet et al. 2007, with 2^13 registers: standard error 1.15 %).
//
// Some 6 MB with names of usual length. Not thread-safe: each thread fills one of its own, and
// merge() puts them together.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_OWNER_TALLY_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_OWNER_TALLY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cloakroom::cli {

struct OwnerShare {
  std::string owner;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

class OwnerTally {
 public:
  static constexpr std::size_t kTracked = 65536;

  enum class By { kCount, kBytes };

  explicit OwnerTally(std::size_t tracked = kTracked);

  void add(std::string_view owner, std::uint64_t bytes) { add(owner, 1, bytes); }
  void merge(const OwnerTally& other);

  // The `limit` owners with the most, the most first; equal ones by name.
  [[nodiscard]] std::vector<OwnerShare> top(By by, std::size_t limit) const;

  [[nodiscard]] bool exact() const noexcept { return count_missing_ == 0; }
  [[nodiscard]] std::uint64_t owners() const noexcept;
  // By how much a number may be too low.
  [[nodiscard]] std::uint64_t count_missing() const noexcept { return count_missing_; }
  [[nodiscard]] std::uint64_t bytes_missing() const noexcept { return bytes_missing_; }
  // Of all owners together; these are exact.
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  // One owner; `name_bytes` 0 is a free slot.
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    std::uint32_t name_at = 0;  // in names_
    std::uint32_t name_bytes = 0;
  };

  void add(std::string_view owner, std::uint64_t count, std::uint64_t bytes);
  [[nodiscard]] Slot& slot_of(std::string_view owner, std::uint64_t hash) noexcept;
  [[nodiscard]] Slot& free_slot(std::uint64_t hash) noexcept;
  [[nodiscard]] std::string_view name_of(const Slot& slot) const noexcept {
    return std::string_view(names_).substr(slot.name_at, slot.name_bytes);
  }
  [[nodiscard]] std::vector<const Slot*> used() const;
  [[nodiscard]] double score(const Slot& slot) const noexcept;
  void note_distinct(std::string_view owner) noexcept;
  void forget_the_least();

  const std::size_t tracked_;
  const std::uint64_t seed_;  // owners are chosen by strangers: nobody can choose ones that collide
  std::vector<Slot> slots_;   // open addressing; at most half of them used
  std::string names_;         // of the slots, one after the other
  std::size_t used_ = 0;
  std::vector<std::uint8_t> registers_;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t count_missing_ = 0;
  std::uint64_t bytes_missing_ = 0;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_OWNER_TALLY_H_
