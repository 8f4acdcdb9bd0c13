#include "journal/frame.h"

#include "base/coding.h"
#include "journal/disk_record.h"

namespace cloakroom {

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

}  // namespace cloakroom
