#include "journal/disk_record.h"

#include "base/coding.h"
#include "base/hash.h"

namespace cloakroom {
namespace {

constexpr std::size_t kVersionBytesMax = 7;  // of 48 bits (table/record.h)
constexpr unsigned kHasLifetime = 1;
constexpr unsigned kHasOwner = 2;

Status damaged(std::string_view what) { return Status(StatusCode::kCorruption, std::string(what)); }

Status wrong_format(std::string_view what, unsigned format) {
  return damaged(std::string(what) + " of format " + std::to_string(format) +
                 ", this version knows " + std::to_string(kRecordFormat));
}

// Splits off the checksum at the end and compares it. The body without it, or nothing.
template <class Checksum>
std::optional<std::string_view> checked_body(std::string_view key, std::string_view bytes) {
  if (bytes.size() < sizeof(Checksum)) return std::nullopt;
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(Checksum));
  Reader end(bytes.substr(body.size()));
  const std::uint64_t found = sizeof(Checksum) == 8 ? end.u64() : end.u32();
  if (found != static_cast<Checksum>(checksum64(key, body))) return std::nullopt;
  return body;
}

}  // namespace

void append_record(std::string& out, const RecordView& record) {
  const std::size_t start = out.size();
  const unsigned flags =
      (record.lifetime != kNever ? kHasLifetime : 0) | (record.owner.empty() ? 0 : kHasOwner);
  put_u8(out, kRecordFormat);
  put_u8(out, static_cast<std::uint8_t>(static_cast<unsigned>(record.kind) | flags << 4));
  put_varint(out, record.version);
  put_u64(out, static_cast<std::uint64_t>(record.deadline));
  put_varint(out, static_cast<std::uint64_t>(record.created));
  if (record.lifetime != kNever) put_u64(out, static_cast<std::uint64_t>(record.lifetime));
  if (!record.owner.empty()) put_string(out, record.owner);
  out.append(record.value);
  put_u64(out, checksum64(record.key, std::string_view(out).substr(start)));
}

std::size_t record_bytes_max(const RecordView& record) noexcept {
  constexpr std::size_t kFixed = 1 + 1 + kVersionBytesMax + 8 + 8;
  return kFixed + varint_bytes(static_cast<std::uint64_t>(record.created)) +
         (record.lifetime != kNever ? 8 : 0) +
         (record.owner.empty() ? 0 : string_bytes(record.owner)) + record.value.size();
}

Result<RecordView> parse_record(std::string_view key, std::string_view bytes) {
  const auto body = checked_body<std::uint64_t>(key, bytes);
  if (!body) return damaged("record whose checksum does not match");
  Reader reader(*body);
  if (const unsigned format = reader.u8(); format != kRecordFormat) {
    return wrong_format("record", format);
  }
  const unsigned kind_and_flags = reader.u8();
  const unsigned flags = kind_and_flags >> 4;
  const unsigned kind = kind_and_flags & 0xf;
  RecordView view;
  view.key = key;
  view.kind = static_cast<Kind>(kind);
  view.version = reader.varint();
  view.deadline = static_cast<TimeMs>(reader.u64());
  view.created = static_cast<TimeMs>(reader.varint());
  if ((flags & kHasLifetime) != 0) view.lifetime = static_cast<TimeMs>(reader.u64());
  if ((flags & kHasOwner) != 0) view.owner = reader.string();
  view.value = reader.rest();
  const bool sane = reader.ok() && kind <= static_cast<unsigned>(Kind::kMembers) && flags <= 3 &&
                    view.version != 0 && key.size() <= kKeyBytesMax &&
                    view.owner.size() <= kOwnerBytesMax;
  if (!sane) return damaged("record with a right checksum and impossible content");
  return view;
}

void append_deadline(std::string& out, std::string_view key, const GrantedDeadline& granted) {
  const std::size_t start = out.size();
  put_u8(out, kRecordFormat);
  put_varint(out, granted.version);
  put_u64(out, static_cast<std::uint64_t>(granted.deadline));
  put_u32(out, static_cast<std::uint32_t>(checksum64(key, std::string_view(out).substr(start))));
}

Result<GrantedDeadline> parse_deadline(std::string_view key, std::string_view bytes) {
  const auto body = checked_body<std::uint32_t>(key, bytes);
  if (!body) return damaged("deadline whose checksum does not match");
  Reader reader(*body);
  if (const unsigned format = reader.u8(); format != kRecordFormat) {
    return wrong_format("deadline", format);
  }
  GrantedDeadline granted;
  granted.version = reader.varint();
  granted.deadline = static_cast<TimeMs>(reader.u64());
  if (!reader.ok() || !reader.empty()) return damaged("deadline with impossible content");
  return granted;
}

void append_head(std::string& out, const Head& head) {
  const std::size_t start = out.size();
  put_u8(out, kRecordFormat);
  put_u64(out, head.version);
  put_u64(out, head.previous);
  put_u64(out, static_cast<std::uint64_t>(head.mark.store));
  put_u64(out, static_cast<std::uint64_t>(head.mark.wall));
  put_u64(out, checksum64(kHeadKey, std::string_view(out).substr(start)));
}

Result<Head> parse_head(std::string_view bytes) {
  const auto body = checked_body<std::uint64_t>(kHeadKey, bytes);
  if (!body) return damaged("head whose checksum does not match");
  Reader reader(*body);
  if (const unsigned format = reader.u8(); format != kRecordFormat) {
    return wrong_format("head", format);
  }
  Head head;
  head.version = reader.u64();
  head.previous = reader.u64();
  head.mark.store = static_cast<TimeMs>(reader.u64());
  head.mark.wall = static_cast<TimeMs>(reader.u64());
  if (!reader.ok() || !reader.empty()) return damaged("head with impossible content");
  return head;
}

}  // namespace cloakroom
