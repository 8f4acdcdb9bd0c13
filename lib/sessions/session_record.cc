#include "sessions/session_record.h"

#include <algorithm>
#include <limits>

#include "base/coding.h"
#include "sessions/attributes.h"

namespace cloakroom {
namespace {

constexpr std::uint8_t kFormat = 1;

void put_head(std::string& out, RecordType type) {
  put_u8(out, kFormat);
  put_u8(out, static_cast<std::uint8_t>(type));
}

template <std::size_t N>
void put_array(std::string& out, const std::array<unsigned char, N>& bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), N);
}

template <std::size_t N>
void get_array(Reader& reader, std::array<unsigned char, N>& bytes) noexcept {
  const std::string_view taken = reader.bytes(N);
  std::copy(taken.begin(), taken.end(), bytes.begin());
}

void put_time(std::string& out, TimeMs time) {
  put_varint(out, static_cast<std::uint64_t>(std::max<TimeMs>(time, 0)));
}

void put_duration(std::string& out, Millis duration) {
  put_varint(out, duration == kNoExpiry ? 0 : static_cast<std::uint64_t>(duration.count()));
}

// Reads what such functions wrote; `bad` remembers what cannot be.
class Fields {
 public:
  explicit Fields(std::string_view value, RecordType type) noexcept
      : reader(value), bad_(type_of(value) != type) {
    (void)reader.bytes(2);
  }

  TimeMs time() noexcept {
    const std::uint64_t raw = reader.varint();
    if (raw > static_cast<std::uint64_t>(kNever)) bad_ = true;
    return bad_ ? 0 : static_cast<TimeMs>(raw);
  }
  Millis duration() noexcept {
    const TimeMs raw = time();
    return raw == 0 ? kNoExpiry : Millis(raw);
  }
  std::uint32_t u32() noexcept {
    const std::uint64_t raw = reader.varint();
    if (raw > std::numeric_limits<std::uint32_t>::max()) bad_ = true;
    return static_cast<std::uint32_t>(raw);
  }
  [[nodiscard]] bool ok() const noexcept { return reader.ok() && !bad_; }
  [[nodiscard]] bool all_read() const noexcept { return ok() && reader.empty(); }

  Reader reader;

 private:
  bool bad_;
};

}  // namespace

RecordType type_of(std::string_view value) noexcept {
  if (value.size() < 2 || static_cast<std::uint8_t>(value[0]) != kFormat) return RecordType::kNone;
  const auto type = static_cast<std::uint8_t>(value[1]);
  return type <= static_cast<std::uint8_t>(RecordType::kMeta) ? static_cast<RecordType>(type)
                                                              : RecordType::kNone;
}

bool decode(std::string_view value, LiveRecord& record) noexcept {
  Fields fields(value, RecordType::kLive);
  get_array(fields.reader, record.handle);
  record.epoch = fields.reader.varint();
  record.schema = fields.u32();
  record.authenticated_at = fields.time();
  record.token_made_at = fields.time();
  record.idle_timeout = fields.duration();
  record.lifetime = fields.duration();
  record.renewal_interval = fields.duration();
  record.last_seen = fields.time();
  record.label = fields.reader.string();
  record.attributes = fields.reader.rest();
  return fields.ok() && attributes_are_sound(record.attributes);
}

bool decode(std::string_view value, ReplacedRecord& record) noexcept {
  Fields fields(value, RecordType::kReplaced);
  get_array(fields.reader, record.handle);
  get_array(fields.reader, record.digest);
  record.replaced_at = fields.time();
  record.grace_until = fields.time();
  record.uses = fields.u32();
  record.uses_max = fields.u32();
  record.owner = fields.reader.string();
  return fields.all_read();
}

bool decode(std::string_view value, EndedRecord& record) noexcept {
  Fields fields(value, RecordType::kEnded);
  get_array(fields.reader, record.handle);
  record.reason = static_cast<EndReason>(fields.reader.u8());
  record.when = fields.time();
  record.owner = fields.reader.string();
  return fields.all_read() && record.reason <= EndReason::kCorrupt;
}

bool decode(std::string_view value, MetaRecord& record) {
  Fields fields(value, RecordType::kMeta);
  record.epoch = fields.reader.varint();
  record.generation = fields.reader.varint();
  record.epoch_began_at = fields.time();
  record.key_ids.clear();
  for (std::uint64_t left = fields.reader.varint(); left > 0 && fields.ok(); --left) {
    record.key_ids.push_back(fields.reader.u64());
  }
  return fields.all_read();
}

std::string encode(const LiveRecord& record) {
  std::string out;
  out.reserve(kLiveHeadBytesMax + record.label.size() + record.attributes.size());
  put_head(out, RecordType::kLive);
  put_array(out, record.handle);
  put_varint(out, record.epoch);
  put_varint(out, record.schema);
  put_time(out, record.authenticated_at);
  put_time(out, record.token_made_at);
  put_duration(out, record.idle_timeout);
  put_duration(out, record.lifetime);
  put_duration(out, record.renewal_interval);
  put_time(out, record.last_seen);
  put_string(out, record.label);
  out.append(record.attributes);
  return out;
}

std::string encode(const ReplacedRecord& record) {
  std::string out;
  put_head(out, RecordType::kReplaced);
  put_array(out, record.handle);
  put_array(out, record.digest);
  put_time(out, record.replaced_at);
  put_time(out, record.grace_until);
  put_varint(out, record.uses);
  put_varint(out, record.uses_max);
  put_string(out, record.owner);
  return out;
}

std::string encode(const EndedRecord& record) {
  std::string out;
  put_head(out, RecordType::kEnded);
  put_array(out, record.handle);
  put_u8(out, static_cast<std::uint8_t>(record.reason));
  put_time(out, record.when);
  put_string(out, record.owner);
  return out;
}

std::string encode(const MetaRecord& record) {
  std::string out;
  put_head(out, RecordType::kMeta);
  put_varint(out, record.epoch);
  put_varint(out, record.generation);
  put_time(out, record.epoch_began_at);
  put_varint(out, record.key_ids.size());
  for (const std::uint64_t id : record.key_ids) put_u64(out, id);
  return out;
}

}  // namespace cloakroom
