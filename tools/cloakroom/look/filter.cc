#include "look/filter.h"

#include <algorithm>
#include <ctime>

#include "reading/parallel_walk.h"
#include "reading/record_json.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr TimeMs kBegin = -kNever;

// now + ms without overflow.
TimeMs after(TimeMs now, std::int64_t ms) {
  TimeMs sum = 0;
  return __builtin_add_overflow(now, ms, &sum) ? kNever - 1 : sum;
}

}  // namespace

std::optional<Moment> parse_moment(const std::string& text) {
  if (const auto duration = parse_duration(text)) return Moment{.relative = true, .ms = *duration};
  for (const char* form : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
                           "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* const end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    std::tm normal = parts;
    const std::time_t seconds = ::timegm(&normal);
    if (normal.tm_mday != parts.tm_mday) return std::nullopt;  // the 31st of February
    return Moment{.relative = false, .ms = static_cast<std::int64_t>(seconds) * 1000};
  }
  return std::nullopt;
}

Filter::Filter(const FilterOptions& options, TimeMs now)
    : options_(options),
      now_(now),
      prefix_bytes_(unescape(options.prefix).value_or(options.prefix)),
      owner_bytes_(unescape(options.owner.value_or("")).value_or(options.owner.value_or(""))),
      created_from_(kBegin),
      created_to_(kNever),
      deadline_from_(kBegin),
      deadline_to_(kNever) {
  const auto ago = [&](const Moment& m) { return m.relative ? until(now, m.ms) : m.ms; };
  const auto ahead = [&](const Moment& m) { return m.relative ? after(now, m.ms) : m.ms; };
  if (options.created_after) created_from_ = ago(*options.created_after);
  if (options.created_before) created_to_ = ago(*options.created_before);
  if (options.expires_after) deadline_from_ = after(ahead(*options.expires_after), 1);
  // What never expires is behind every moment that can be named.
  if (options.expires_before) deadline_to_ = std::min(ahead(*options.expires_before), kNever - 1);
  // Two forms that differ have no range in common.
  if (prefix_bytes_ == options.prefix) range_ = prefix_range(options.prefix);
}

bool Filter::matches(const RecordView& record) const noexcept {
  if (options_.owner && record.owner != *options_.owner && record.owner != owner_bytes_) {
    return false;
  }
  if (!options_.dead && cli::dead(record, now_)) return false;
  if (options_.kind && record.kind != *options_.kind) return false;
  const std::uint64_t bytes = record.value.size();
  if (options_.larger_than_bytes && bytes <= *options_.larger_than_bytes) return false;
  if (options_.smaller_than_bytes && bytes >= *options_.smaller_than_bytes) return false;
  if (record.created < created_from_ || record.created > created_to_) return false;
  if (record.deadline < deadline_from_ || record.deadline > deadline_to_) return false;
  return record.key.starts_with(options_.prefix) || record.key.starts_with(prefix_bytes_);
}

}  // namespace cloakroom::cli
