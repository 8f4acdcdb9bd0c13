#include "base/decompress.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/coding.h"

namespace cloakroom {
namespace {

constexpr std::size_t kMatchBytesMin = 4;  // of LZ4: shorter ones are not worth their description

// Bytes in, bytes out, and no step over either end. The output grows as it is filled: what a
// stranger claims to be large costs nothing until it is.
class Copier {
 public:
  Copier(std::string_view in, std::string& out, std::size_t out_bytes)
      : in_(reinterpret_cast<const unsigned char*>(in.data())),
        in_end_(in_ + in.size()),
        out_(out),
        out_bytes_(out_bytes) {
    out_.resize(std::min(out_bytes_, kFirstBytes));
  }

  [[nodiscard]] bool full() const noexcept { return at_ == out_bytes_; }
  [[nodiscard]] const unsigned char* position() const noexcept { return in_; }

  bool byte(unsigned& value) noexcept {
    if (in_ == in_end_) return false;
    value = *in_++;
    return true;
  }

  // `bytes` little-endian bytes.
  bool number(unsigned bytes, std::size_t& value) noexcept {
    if (static_cast<std::size_t>(in_end_ - in_) < bytes) return false;
    value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::size_t{*in_++} << (8 * i);
    return true;
  }

  bool literals(std::size_t count) {
    if (count > static_cast<std::size_t>(in_end_ - in_) || !make_room(count)) return false;
    std::memcpy(out_.data() + at_, in_, count);
    in_ += count;
    at_ += count;
    return true;
  }

  // Of what is there already. It may reach into itself: then it repeats.
  bool match(std::size_t distance, std::size_t count) {
    if (distance == 0 || distance > at_ || !make_room(count)) return false;
    char* const to = out_.data() + at_;
    const char* const from = to - distance;
    at_ += count;
    if (distance >= count) {
      std::memcpy(to, from, count);
    } else {
      for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
    }
    return true;
  }

 private:
  static constexpr std::size_t kFirstBytes = std::size_t{16} << 10;

  bool make_room(std::size_t count) {
    if (count > out_bytes_ - at_) return false;
    if (count > out_.size() - at_) {
      out_.resize(std::min(out_bytes_, std::max(2 * out_.size(), at_ + count)));
    }
    return true;
  }

  const unsigned char* in_;
  const unsigned char* const in_end_;
  std::string& out_;
  const std::size_t out_bytes_;
  std::size_t at_ = 0;
};

// 15 in the token's half means that more follows, 255 that still more does.
bool longer(Copier& copier, std::size_t& length) noexcept {
  if (length != 15) return true;
  for (unsigned more = 255; more == 255;) {
    if (!copier.byte(more)) return false;
    length += more;
    if (length > kDecompressedBytesMax) return false;
  }
  return true;
}

// The size in front; what is claimed must be plausible for what is there: LZ4 makes at most 255
// bytes of one, Snappy 22 or so.
std::optional<std::size_t> size_in_front(Reader& reader) {
  const std::uint64_t size = reader.varint();
  if (!reader.ok() || size > kDecompressedBytesMax || size / 256 > reader.rest().size()) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(size);
}

std::size_t used_of(std::string_view in, const Copier& copier) {
  return static_cast<std::size_t>(reinterpret_cast<const char*>(copier.position()) - in.data());
}

}  // namespace

std::optional<std::size_t> decompress_lz4(std::string_view in, std::string& out) {
  Reader reader(in);
  const auto size = size_in_front(reader);
  if (!size) return std::nullopt;
  Copier copier(reader.rest(), out, *size);
  while (true) {
    unsigned token = 0;
    if (!copier.byte(token)) return std::nullopt;
    std::size_t count = token >> 4;
    if (!longer(copier, count) || !copier.literals(count)) return std::nullopt;
    if (copier.full()) return used_of(in, copier);  // The last sequence has literals only.
    std::size_t distance = 0;
    if (!copier.number(2, distance)) return std::nullopt;
    count = token & 15;
    if (!longer(copier, count) || !copier.match(distance, count + kMatchBytesMin)) {
      return std::nullopt;
    }
  }
}

std::optional<std::size_t> decompress_snappy(std::string_view in, std::string& out) {
  Reader reader(in);
  const auto size = size_in_front(reader);
  if (!size) return std::nullopt;
  Copier copier(reader.rest(), out, *size);
  while (!copier.full()) {
    unsigned tag = 0;
    if (!copier.byte(tag)) return std::nullopt;
    std::size_t count = (tag >> 2) + 1;
    std::size_t distance = 0;
    bool fits = false;
    switch (tag & 3) {
      case 0:  // literals; 60 to 63 say that their count follows
        if (count > 60) {
          fits = copier.number(static_cast<unsigned>(count - 60), count) && ++count != 0;
          if (!fits) return std::nullopt;
        }
        fits = copier.literals(count);
        break;
      case 1: {  // eleven bits of distance
        unsigned low = 0;
        fits = copier.byte(low) &&
               copier.match((std::size_t{tag >> 5} << 8) | low, ((tag >> 2) & 7) + 4);
        break;
      }
      case 2:
        fits = copier.number(2, distance) && copier.match(distance, count);
        break;
      default:
        fits = copier.number(4, distance) && copier.match(distance, count);
    }
    if (!fits) return std::nullopt;
  }
  return used_of(in, copier);
}

}  // namespace cloakroom
