#include "journal/frame.h"

#include "base/coding.h"
#include "journal/disk_record.h"

namespace cloakroom {
namespace {

constexpr std::uint8_t kGroup = 5;
static_assert(kGroup > static_cast<std::uint8_t>(Mutation::Type::kShorten));

}  // namespace

std::size_t frame_bytes_max(const Mutation& mutation) noexcept {
  const std::size_t before = 1 + string_bytes(mutation.record.key);
  switch (mutation.type) {
    case Mutation::Type::kPut:
    case Mutation::Type::kShorten:
      return before + record_bytes_max(mutation.record);
    case Mutation::Type::kTouch:
      return before + kDeadlineBytesMax;
    case Mutation::Type::kErase:
      break;
  }
  return before;
}

std::size_t group_bytes_max(std::span<const Mutation> group) noexcept {
  std::size_t bytes = 1;
  for (const Mutation& mutation : group) bytes += sizeof(std::uint32_t) + frame_bytes_max(mutation);
  return bytes;
}

void append_frame(std::string& out, const Mutation& mutation, Version version) {
  put_u8(out, static_cast<std::uint8_t>(mutation.type));
  put_string(out, mutation.record.key);
  if (mutation.type == Mutation::Type::kPut) {
    RecordView record = mutation.record;
    record.version = version;
    append_record(out, record);
  } else if (mutation.type == Mutation::Type::kShorten) {
    append_record(out, mutation.record);
  } else if (mutation.type == Mutation::Type::kTouch) {
    append_deadline(out, mutation.record.key,
                    {.version = mutation.record.version, .deadline = mutation.record.deadline});
  }
}

std::optional<Frame> parse_frame(std::string_view body) noexcept {
  Reader reader(body);
  const std::uint8_t type = reader.u8();
  Frame frame;
  frame.type = static_cast<Mutation::Type>(type);
  frame.key = reader.string();
  frame.payload = reader.rest();
  if (!reader.ok() || type < static_cast<std::uint8_t>(Mutation::Type::kPut) ||
      type > static_cast<std::uint8_t>(Mutation::Type::kShorten)) {
    return std::nullopt;
  }
  return frame;
}

void append_group(std::string& out, std::span<const Mutation> group, Version version) {
  put_u8(out, kGroup);
  for (const Mutation& mutation : group) {
    const std::size_t begin = out.size();
    put_u32(out, 0);  // its length is known afterwards
    append_frame(out, mutation, version);
    const std::size_t bytes = out.size() - begin - sizeof(std::uint32_t);
    store_u32(out.data() + begin, static_cast<std::uint32_t>(bytes));
  }
}

bool parse_frames(std::string_view body, std::vector<Frame>& frames) {
  if (const auto frame = parse_frame(body)) {
    frames.push_back(*frame);
    return true;
  }
  const std::size_t before = frames.size();
  Reader reader(body);
  bool whole = reader.u8() == kGroup;
  while (whole && !reader.empty()) {
    const auto frame = parse_frame(reader.bytes(reader.u32()));
    whole = frame.has_value() && reader.ok();
    if (whole) frames.push_back(*frame);
  }
  whole = whole && frames.size() != before;
  if (!whole) frames.resize(before);
  return whole;
}

}  // namespace cloakroom
