#include "look/session_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64url.h"
#include "reading/last_seen.h"
#include "reading/record_json.h"
#include "reading/value_view.h"
#include "sessions/attributes.h"
#include "sessions/session_record.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

// A time that a deadline was worked out from may be a little ahead: see reading/last_seen.h.
std::string moment(TimeMs time, TimeMs now) {
  const std::int64_t ago = std::max<std::int64_t>(until(now, time), 0);
  return fmt::format("{} UTC, {} ago", utc_time(time), human_duration(ago));
}

std::string duration_text(Millis duration) {
  return duration == kNoExpiry ? "none" : human_duration(duration.count());
}

Json duration_json(Millis duration) {
  return duration == kNoExpiry ? Json(nullptr) : Json(duration.count());
}

Json bytes_json(std::string_view bytes) {
  return is_utf8(bytes) ? Json(bytes) : Json{{"base64", base64(bytes)}};
}

std::size_t count_attributes(const LiveRecord& live) {
  std::size_t count = 0;
  AttributeReader reader(live.attributes);
  for (Field field; reader.next(field);) ++count;
  return count;
}

// The name of the Sessions is what stands before the last colon of a key.
std::string key_beside(std::string_view key, const Digest& digest) {
  return std::string(key.substr(0, key.rfind(':') + 1)) + base64url(digest);
}

Pairs pairs_of(const RecordView& record, const LiveRecord& live, TimeMs now) {
  return {
      {"Handle", base64url(live.handle)},
      {"Last seen", moment(last_seen(record, live), now)},
      {"Logged in", moment(live.authenticated_at, now)},
      {"Token made", moment(live.token_made_at, now)},
      {"Timeouts", fmt::format("idle {}, lifetime {}, renewal {}", duration_text(live.idle_timeout),
                               duration_text(live.lifetime), duration_text(live.renewal_interval))},
      {"Epoch, schema", fmt::format("{}, {}", live.epoch, live.schema)}};
}

Json json_of(const RecordView& record, const LiveRecord& live, bool show_values) {
  Json out{{"type", "live"},
           {"handle", base64url(live.handle)},
           {"last_seen_ms", last_seen(record, live)},
           {"authenticated_at_ms", live.authenticated_at},
           {"token_made_at_ms", live.token_made_at},
           {"idle_timeout_ms", duration_json(live.idle_timeout)},
           {"lifetime_ms", duration_json(live.lifetime)},
           {"renewal_interval_ms", duration_json(live.renewal_interval)},
           {"epoch", live.epoch},
           {"schema", live.schema},
           {"attribute_count", count_attributes(live)}};
  if (!show_values) return out;
  out["label"] = bytes_json(live.label);
  Json attributes = Json::array();
  AttributeReader reader(live.attributes);
  for (Field field; reader.next(field);) {
    attributes.push_back({{"name", bytes_json(field.name)}, {"value", bytes_json(field.value)}});
  }
  out["attributes"] = std::move(attributes);
  return out;
}

}  // namespace

std::string session_kind(const RecordView& record) {
  if (LiveRecord live; decode(record.value, live)) {
    return fmt::format("live session, {} attributes", count_attributes(live));
  }
  if (EndedRecord ended; decode(record.value, ended)) {
    return fmt::format("tombstone of a session that ended: {}", to_string(ended.reason));
  }
  if (ReplacedRecord replaced; decode(record.value, replaced)) return "rotated away";
  if (MetaRecord meta; decode(record.value, meta)) return "what all sessions of a name share";
  return "session that cannot be decoded";
}

Pairs session_pairs(const RecordView& record, TimeMs now) {
  if (LiveRecord live; decode(record.value, live)) return pairs_of(record, live, now);
  if (EndedRecord ended; decode(record.value, ended)) {
    return {{"Handle", base64url(ended.handle)},
            {"Ended", moment(ended.when, now)},
            {"Reason", to_string(ended.reason)},
            {"Was of", ended.owner.empty() ? "-" : escape(ended.owner)}};
  }
  if (ReplacedRecord replaced; decode(record.value, replaced)) {
    const std::int64_t grace = until(replaced.grace_until, now);
    return {{"Handle", base64url(replaced.handle)},
            {"Rotated", moment(replaced.replaced_at, now)},
            {"Grace", grace < 0 ? "over" : human_duration(grace) + " left"},
            {"Uses", fmt::format("{} of {} in the grace", replaced.uses, replaced.uses_max)},
            {"Goes on as", escape(key_beside(record.key, replaced.digest))},
            {"Was of", replaced.owner.empty() ? "-" : escape(replaced.owner)}};
  }
  if (MetaRecord meta; decode(record.value, meta)) {
    return {{"Epoch", fmt::format("{}, begun {}", meta.epoch, moment(meta.epoch_began_at, now))},
            {"Generation", std::to_string(meta.generation)},
            {"Keys", std::to_string(meta.key_ids.size())}};
  }
  return {};
}

Json session_json(const RecordView& record, TimeMs now, bool show_values) {
  if (LiveRecord live; decode(record.value, live)) return json_of(record, live, show_values);
  if (EndedRecord ended; decode(record.value, ended)) {
    return {{"type", "ended"},
            {"handle", base64url(ended.handle)},
            {"reason", to_string(ended.reason)},
            {"ended_at_ms", ended.when},
            {"owner", ended.owner.empty() ? Json(nullptr) : Json(escape(ended.owner))}};
  }
  if (ReplacedRecord replaced; decode(record.value, replaced)) {
    return {{"type", "replaced"},
            {"handle", base64url(replaced.handle)},
            {"replaced_at_ms", replaced.replaced_at},
            {"grace_until_ms", replaced.grace_until},
            {"in_grace", until(replaced.grace_until, now) >= 0},
            {"uses", replaced.uses},
            {"uses_max", replaced.uses_max},
            {"next_key", escape(key_beside(record.key, replaced.digest))},
            {"owner", replaced.owner.empty() ? Json(nullptr) : Json(escape(replaced.owner))}};
  }
  if (MetaRecord meta; decode(record.value, meta)) {
    return {{"type", "meta"},
            {"epoch", meta.epoch},
            {"epoch_began_at_ms", meta.epoch_began_at},
            {"generation", meta.generation},
            {"key_count", meta.key_ids.size()}};
  }
  return nullptr;
}

void each_attribute(const RecordView& record, FunctionRef<void(const Field&)> f) {
  LiveRecord live;
  if (!decode(record.value, live)) return;
  AttributeReader reader(live.attributes);
  for (Field field; reader.next(field);) f(field);
}

std::string label_of(const RecordView& record) {
  LiveRecord live;
  return decode(record.value, live) ? std::string(live.label) : std::string();
}

std::optional<std::string> next_key(const RecordView& record) {
  ReplacedRecord replaced;
  if (record.kind != Kind::kSession || !decode(record.value, replaced)) return std::nullopt;
  return key_beside(record.key, replaced.digest);
}

}  // namespace cloakroom::cli
