// Strings as rows of bits: SETBIT and its relatives. Bit 0 is the highest of the first byte; behind
// the end of a string all bits are clear.
#include <algorithm>
#include <bit>

#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

constexpr std::string_view kBadOffset = "ERR bit offset is not an integer or out of range";

bool bit_at(std::string_view bytes, std::int64_t at) noexcept {
  const auto byte = static_cast<std::size_t>(at >> 3);
  if (byte >= bytes.size()) return false;
  return ((static_cast<unsigned char>(bytes[byte]) >> (7 - (at & 7))) & 1) != 0;
}

// A bit's place in a string that this listener would take; says itself when it is none.
std::optional<std::int64_t> offset_of(Call& call, std::size_t i) {
  const auto offset = parse_int(call[i]);
  const auto longest = static_cast<std::int64_t>(call.server.options.limits.bulk_bytes);
  if (offset && *offset >= 0 && (*offset >> 3) < longest) return offset;
  call.error(kBadOffset);
  return std::nullopt;
}

// Copies the string at a key. False when it was said what is wrong; `found` whether there is one.
bool copy_string(Call& call, std::string_view raw_key, std::string& value, bool* found = nullptr) {
  bool wrong = false;
  const auto seen = call.store().visit(call.map(raw_key), [&](const RecordView& record) {
    wrong = record.kind != Kind::kBytes;
    if (!wrong) value = record.value;
  });
  if (!call.read(seen.status())) return false;
  if (wrong) call.wrong_type();
  if (found != nullptr) *found = seen.ok();
  return !wrong;
}

void getbit(Call& call) {
  const auto offset = offset_of(call, 2);
  if (!offset) return;
  std::string value;
  if (copy_string(call, call[1], value)) call.out.integer(bit_at(value, *offset) ? 1 : 0);
}

void setbit(Call& call) {
  const auto offset = offset_of(call, 2);
  if (!offset) return;
  if (call[3] != "0" && call[3] != "1") {
    return call.error("ERR bit is not an integer or out of range");
  }
  const auto byte = static_cast<std::size_t>(*offset >> 3);
  const auto mask = static_cast<unsigned char>(0x80U >> (*offset & 7));
  const bool wanted = call[3] == "1";
  bool before = false;
  bool changes = false;
  const auto changed = call.store().update(
      call.key(1),
      [&](const RecordView*, std::string& value) {
        before = bit_at(value, *offset);
        changes = value.size() <= byte || before != wanted;
        if (!changes) return UpdateAction::kLeave;
        if (value.size() <= byte) value.resize(byte + 1);
        const auto old = static_cast<unsigned char>(value[byte]);
        value[byte] = static_cast<char>(wanted ? old | mask : old & ~mask);
        return UpdateAction::kStore;
      },
      call.keeping());
  if (!changed) return call.fail(changed.status());
  if (changes) call.notify(kNotifyString, "setbit", call[1]);
  call.out.integer(before ? 1 : 0);
}

// A range of bits, both ends of it inside; empty when first > last.
struct BitRange {
  std::int64_t first = 0;
  std::int64_t last = -1;
  bool ends = false;  // its end was given
};

// From the arguments from `at` on: start [end [BYTE|BIT]]. Says itself what is wrong.
std::optional<BitRange> range_of(Call& call, std::size_t at, std::size_t bytes) {
  BitRange range{.last = static_cast<std::int64_t>(bytes) * 8 - 1};
  if (call.size() <= at) return range;
  const auto start = call.integer(at);
  if (!start) return std::nullopt;
  bool bits = false;
  if (call.size() > at + 2) {
    bits = is_word(call[at + 2], "bit");
    if (!bits && !is_word(call[at + 2], "byte")) call.error(kSyntaxError);
    if (!bits && !is_word(call[at + 2], "byte")) return std::nullopt;
  }
  const std::int64_t size = static_cast<std::int64_t>(bytes) * (bits ? 8 : 1);
  std::int64_t from = *start;
  std::int64_t to = size - 1;
  if (call.size() > at + 1) {
    const auto end = call.integer(at + 1);
    if (!end) return std::nullopt;
    to = *end;
    range.ends = true;
  }
  if (from < 0) from = std::max<std::int64_t>(from + size, 0);
  if (to < 0) to = std::max<std::int64_t>(to + size, 0);
  to = std::min(to, size - 1);
  if (from > to) return BitRange{.ends = range.ends};
  range.first = bits ? from : from * 8;
  range.last = bits ? to : to * 8 + 7;
  return range;
}

void bitcount(Call& call) {
  std::string value;
  bool found = false;
  if (!copy_string(call, call[1], value, &found)) return;
  if (!found) return call.out.integer(0);
  if (call.size() == 3 || call.size() > 5) return call.error(kSyntaxError);
  if (call.size() > 3) {  // the numbers count before their unit
    const auto first = call.integer(2);
    const auto last = first ? call.integer(3) : std::nullopt;
    if (!last) return;
    // Clamped they could meet; Redis asks before it clamps, and for BITCOUNT only.
    if (*first < 0 && *last < 0 && *first > *last) return call.out.integer(0);
  }
  const auto range = range_of(call, 2, value.size());
  if (!range) return;
  std::int64_t count = 0;
  std::int64_t at = range->first;
  while (at <= range->last) {
    if ((at & 7) == 0 && range->last - at >= 7) {
      count += std::popcount(static_cast<unsigned char>(value[static_cast<std::size_t>(at >> 3)]));
      at += 8;
    } else {
      count += bit_at(value, at++) ? 1 : 0;
    }
  }
  call.out.integer(count);
}

void bitpos(Call& call) {
  const auto bit = call.integer(2);
  if (!bit) return;
  if (*bit != 0 && *bit != 1) return call.error("ERR The bit argument must be 1 or 0.");
  std::string value;
  bool found = false;
  if (!copy_string(call, call[1], value, &found)) return;
  if (!found) return call.out.integer(*bit == 1 ? -1 : 0);
  if (call.size() > 6) return call.error(kSyntaxError);
  const auto range = range_of(call, 3, value.size());
  if (!range) return;
  if (range->first > range->last) return call.out.integer(-1);
  const auto other = static_cast<char>(*bit == 1 ? 0x00 : 0xff);
  std::int64_t at = range->first;
  while (at <= range->last && bit_at(value, at) != (*bit == 1)) {
    const bool skips = (at & 7) == 0 && value[static_cast<std::size_t>(at >> 3)] == other;
    at += skips ? 8 : 1;
  }
  if (at <= range->last) return call.out.integer(at);
  // Behind a string that was not cut off come clear bits.
  call.out.integer(*bit == 0 && !range->ends ? range->last + 1 : -1);
}

enum class BitOperation : std::uint8_t { kAnd, kOr, kXor, kNot };

std::optional<BitOperation> operation_of(std::string_view word) {
  if (is_word(word, "and")) return BitOperation::kAnd;
  if (is_word(word, "or")) return BitOperation::kOr;
  if (is_word(word, "xor")) return BitOperation::kXor;
  if (is_word(word, "not")) return BitOperation::kNot;
  return std::nullopt;
}

// Shorter strings go on with clear bits.
void combine(BitOperation operation, std::string& result, std::string_view value) {
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto a = static_cast<unsigned char>(result[i]);
    const auto b = static_cast<unsigned char>(i < value.size() ? value[i] : '\0');
    unsigned combined = a ^ b;
    if (operation == BitOperation::kAnd) combined = a & b;
    if (operation == BitOperation::kOr) combined = a | b;
    result[i] = static_cast<char>(combined);
  }
}

void bitop(Call& call) {
  const auto operation = operation_of(call[1]);
  if (!operation) return call.error(kSyntaxError);
  if (*operation == BitOperation::kNot && call.size() != 4) {
    return call.error("ERR BITOP NOT must be called with a single source key.");
  }
  std::vector<std::string> values(call.size() - 3);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!copy_string(call, call[3 + i], values[i])) return;
    longest = std::max(longest, values[i].size());
  }
  std::string result = values[0];
  result.resize(longest);
  for (std::size_t i = 1; i < values.size(); ++i) combine(*operation, result, values[i]);
  if (*operation == BitOperation::kNot) {
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return static_cast<char>(~c); });
  }
  if (result.empty()) {
    const auto erased = erase_key(call, call[2]);
    if (!erased) return call.fail(erased.status());
    if (*erased) call.notify(kNotifyGeneric, "del", call[2]);
    return call.out.integer(0);
  }
  if (!store_string(call, call[2], result, call.fresh())) return;
  call.notify(kNotifyString, "set", call[2]);
  call.out.integer(static_cast<std::int64_t>(result.size()));
}

constexpr Command kCommands[] = {
    {"getbit", 3, kReadOnly | kFast, 1, 1, 1, "bitmap", "2.2.0", "Get a bit of a string", getbit},
    {"setbit", 4, kWrite | kDenyOom, 1, 1, 1, "bitmap", "2.2.0",
     "Set or clear a bit of a string, and get what it was", setbit},
    {"bitcount", -2, kReadOnly, 1, 1, 1, "bitmap", "2.6.0", "Count the bits that are set",
     bitcount},
    {"bitpos", -3, kReadOnly, 1, 1, 1, "bitmap", "2.8.7", "Find the first bit that is set or clear",
     bitpos},
    {"bitop", -4, kWrite | kDenyOom | kExclusive, 2, -1, 1, "bitmap", "2.6.0",
     "Combine the bits of strings and store them", bitop},
};

}  // namespace

std::span<const Command> bit_commands() { return kCommands; }

}  // namespace cloakroom::resp
