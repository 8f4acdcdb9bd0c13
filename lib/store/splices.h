// Changing an encoding where it lies: what is cut out of it, and what is put in.
//
// A record of many members or fields is one value. Whoever changes one of them looks for its place
// by a walk (members.h, fields.h) and notes here what has to happen there; apply() then moves
// bytes, and nothing is decoded, sorted or encoded anew.
//
// Cost of apply(): one memmove of what lies behind a single change, or between a piece that moves
// to another place; for more changes one copy of all.
//
// Thread safety: none needed, these are values of one call.
#ifndef CLOAKROOM_LIB_STORE_SPLICES_H_
#define CLOAKROOM_LIB_STORE_SPLICES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cloakroom {

class Splices {
 public:
  // Offsets are those of the encoding before apply(). Pieces that are replaced do not overlap; what
  // is put at one place twice lies there in the order of the calls.
  void replace(std::size_t begin, std::size_t end, std::string_view bytes);
  void cut(std::size_t begin, std::size_t end) { replace(begin, end, {}); }
  void put(std::size_t at, std::string_view bytes) { replace(at, at, bytes); }

  [[nodiscard]] bool empty() const noexcept { return splices_.empty(); }

  // `encoded` must not be what the bytes of replace() were views into: those were copied.
  void apply(std::string& encoded);

 private:
  struct Splice {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t from = 0;  // in pool_
    std::size_t size = 0;
  };
  [[nodiscard]] std::string_view bytes_of(const Splice& splice) const noexcept {
    return std::string_view(pool_).substr(splice.from, splice.size);
  }
  bool slide(std::string& encoded) const noexcept;
  void rebuild(std::string& encoded) const;

  std::vector<Splice> splices_ = {};
  std::string pool_ = {};
};

// Names that are looked for in one walk. Each is asked about every name that the walk meets, so a
// few are compared by their last bytes first: session ids begin alike and end differently.
class Wanted {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  // Of a name given twice the last place counts. The names must outlive this.
  explicit Wanted(std::span<const std::string_view> names);

  // The place among the names, or kNone.
  [[nodiscard]] std::size_t find(std::string_view name) const {
    if (!many_.empty()) return find_many(name);
    const std::uint64_t tail = tail_of(name);
    for (const One& one : few_) {
      if (one.tail == tail && one.name == name) return one.place;
    }
    return kNone;
  }
  [[nodiscard]] std::size_t distinct() const noexcept { return few_.size() + many_.size(); }

 private:
  struct One {
    std::string_view name;
    std::uint64_t tail;
    std::size_t place;
  };
  static constexpr std::size_t kFewMax = 4;

  [[nodiscard]] std::size_t find_many(std::string_view name) const;
  [[nodiscard]] static std::uint64_t tail_of(std::string_view name) noexcept {
    std::uint64_t tail = name.size();
    if (name.size() >= sizeof(tail)) {
      std::memcpy(&tail, name.data() + name.size() - sizeof(tail), sizeof(tail));
    }
    return tail;
  }

  std::vector<One> few_ = {};
  std::unordered_map<std::string_view, std::size_t> many_ = {};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_SPLICES_H_
