#include "reading/survey.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "reading/last_seen.h"
#include "reading/parallel_walk.h"
#include "reading/record_json.h"

namespace cloakroom::cli {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::array<std::int64_t, 14> kTimeBounds{
    10'000,     kMinute, 5 * kMinute, 15 * kMinute, 30 * kMinute, kHour,      3 * kHour,
    12 * kHour, kDay,    7 * kDay,    30 * kDay,    90 * kDay,    365 * kDay, kNever - 1};
constexpr std::array<std::int64_t, 13> kSizeBounds{
    64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536, 262144, 1 << 20, kNever - 1};

std::optional<TimeMs> tally_session(const RecordView& record, SessionTally& tally) {
  LiveRecord live;
  switch (type_of(record.value)) {
    case RecordType::kLive:
      if (!decode(record.value, live)) break;
      ++tally.live;
      return last_seen(record, live);
    case RecordType::kReplaced:
      ++tally.replaced;
      return std::nullopt;
    case RecordType::kEnded:
      ++tally.ended;
      return std::nullopt;
    case RecordType::kMeta:
    case RecordType::kNone:
      break;
  }
  ++tally.other;
  return std::nullopt;
}

}  // namespace

std::span<const std::int64_t> time_bounds() noexcept { return kTimeBounds; }
std::span<const std::int64_t> size_bounds() noexcept { return kSizeBounds; }

void Survey::add(const RecordView& record) {
  const std::uint64_t bytes = record.key.size() + record.value.size();
  if (dead(record, now)) {
    ++expired;
    expired_bytes += bytes;
    return;
  }
  ++alive;
  key_bytes += record.key.size();
  value_bytes += record.value.size();
  KindTally& kind = kinds[static_cast<std::size_t>(record.kind)];
  ++kind.count;
  kind.value_bytes += record.value.size();
  if (record.deadline == kNever) {
    ++never_expire;
  } else {
    time_left.add(until(record.deadline, now));
  }
  size.add(static_cast<std::int64_t>(record.value.size()));
  age.add(until(now, record.created));
  if (!record.owner.empty()) owners.add(record.owner, bytes);
  const std::optional<TimeMs> seen =
      record.kind == Kind::kSession ? tally_session(record, sessions) : std::nullopt;
  if (seen) {
    idle.add(until(now, *seen));
  } else {
    ++idle_unknown;
  }
}

void Survey::merge(const Survey& other) {
  alive += other.alive;
  key_bytes += other.key_bytes;
  value_bytes += other.value_bytes;
  never_expire += other.never_expire;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    kinds[i].count += other.kinds[i].count;
    kinds[i].value_bytes += other.kinds[i].value_bytes;
  }
  sessions.live += other.sessions.live;
  sessions.replaced += other.sessions.replaced;
  sessions.ended += other.sessions.ended;
  sessions.other += other.sessions.other;
  time_left.merge(other.time_left);
  size.merge(other.size);
  age.merge(other.age);
  idle.merge(other.idle);
  idle_unknown += other.idle_unknown;
  owners.merge(other.owners);
  expired += other.expired;
  expired_bytes += other.expired_bytes;
  damaged += other.damaged;
}

Result<Survey> take_survey(StoreReader& reader) {
  const WalkPlan plan = plan_walk(reader);
  std::vector<Survey> surveys(plan.workers);
  for (Survey& survey : surveys) survey.now = reader.info().now;
  std::uint64_t damaged = 0;
  const auto record = [&](const WalkPlace& place, const RecordView& view) {
    surveys[place.worker].add(view);
    return true;
  };
  const auto part_done = [](const WalkPlace&) { return true; };
  const auto damage = [&](const Finding&) { ++damaged; };
  Progress progress("reading");
  const WalkVisitor visitor{.record = record, .part_done = part_done, .damage = damage};
  if (Status walked = walk_parts(reader, plan, visitor, progress); !walked) return walked;
  for (std::size_t i = 1; i < surveys.size(); ++i) surveys[0].merge(surveys[i]);
  surveys[0].damaged = damaged;
  return std::move(surveys[0]);
}

}  // namespace cloakroom::cli
