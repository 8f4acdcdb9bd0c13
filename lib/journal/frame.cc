#include "journal/frame.h"

#include "base/coding.h"
#include "journal/disk_record.h"

namespace cloakroom {

void append_frame(std::string& out, const Mutation& mutation, Version version) {
  const std::size_t start = out.size();
  put_u32(out, 0);  // the size, once it is known
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
  store_u32(out.data() + start,
            static_cast<std::uint32_t>(out.size() - start - sizeof(std::uint32_t)));
}

bool FrameReader::next(Frame& frame) noexcept {
  if (rest_.empty()) return false;
  Reader outer(rest_);
  const std::uint32_t size = outer.u32();
  Reader inner(outer.bytes(size));
  const std::uint8_t type = inner.u8();
  frame.type = static_cast<Mutation::Type>(type);
  frame.key = inner.string();
  frame.payload = inner.rest();
  rest_ = outer.rest();
  ok_ = outer.ok() && inner.ok() && type >= static_cast<std::uint8_t>(Mutation::Type::kPut) &&
        type <= static_cast<std::uint8_t>(Mutation::Type::kShorten);
  return ok_;
}

}  // namespace cloakroom
