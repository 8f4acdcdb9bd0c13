// cloakroom stats: how the records of a store are distributed, drawn in the terminal.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/hash.h"
#include "exit_codes.h"
#include "look/look.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "text/log_histogram.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

// Upper bounds, inclusive. Those of times are the ones that people set timeouts to.
const std::vector<std::int64_t> kTimeBounds{
    10'000,     kMinute, 5 * kMinute, 15 * kMinute, 30 * kMinute, kHour,      3 * kHour,
    12 * kHour, kDay,    7 * kDay,    30 * kDay,    90 * kDay,    365 * kDay, kNever - 1};
const std::vector<std::int64_t> kSizeBounds{64,   128,   256,   512,    1024,    2048,      4096,
                                            8192, 16384, 65536, 262144, 1 << 20, kNever - 1};

// One quantity: exact counts between round bounds to draw, and percentiles.
class Distribution {
 public:
  Distribution(std::string title, const std::vector<std::int64_t>& bounds,
               std::string (*text)(std::int64_t))
      : title_(std::move(title)), bounds_(bounds), text_(text), counts_(bounds.size()) {}

  void add(std::int64_t value) {
    value = std::max<std::int64_t>(value, 0);
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end() - 1, value);
    ++counts_[static_cast<std::size_t>(at - bounds_.begin())];
    histogram_.record(static_cast<std::uint64_t>(value));
  }

  void draw() const {
    print("\n" + paint(stdout, Colour::kBold, title_) + "\n");
    if (histogram_.total() == 0) return print("  none\n");
    const auto full = [](std::uint64_t count) { return count > 0; };
    const auto first = std::find_if(counts_.begin(), counts_.end(), full);
    const auto last = std::find_if(counts_.rbegin(), counts_.rend(), full).base();
    const std::uint64_t most = *std::max_element(counts_.begin(), counts_.end());
    for (auto at = first; at != last; ++at)
      draw_row(static_cast<std::size_t>(at - counts_.begin()), most);
    print("  ");
    for (const auto& [name, share] : kPercentiles)
      print(fmt::format("{} {}   ", name, text(share)));
    print("max " + text_(static_cast<std::int64_t>(histogram_.max())) + "\n");
  }

  [[nodiscard]] Json json() const {
    Json out{{"count", histogram_.total()}};
    for (const auto& [name, share] : kPercentiles) out[name] = histogram_.percentile(share);
    out["max"] = histogram_.max();
    Json rows = Json::array();
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      const bool open_end = i + 1 == counts_.size();
      rows.push_back(
          {{"up_to", open_end ? Json(nullptr) : Json(bounds_[i])}, {"count", counts_[i]}});
    }
    out["histogram"] = std::move(rows);
    return out;
  }

 private:
  static constexpr std::pair<const char*, double> kPercentiles[] = {
      {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
  static constexpr std::size_t kBarWidth = 40;

  [[nodiscard]] std::string text(double share) const {
    return text_(static_cast<std::int64_t>(histogram_.percentile(share)));
  }

  void draw_row(std::size_t i, std::uint64_t most) const {
    const bool open_end = i + 1 == counts_.size();
    const std::string label =
        open_end ? "over " + text_(bounds_[i - 1]) : "up to " + text_(bounds_[i]);
    const double share = static_cast<double>(counts_[i]) / static_cast<double>(most);
    const double percent =
        100 * static_cast<double>(counts_[i]) / static_cast<double>(histogram_.total());
    print(fmt::format("  {} {} {} {:5.1f} %\n", pad_left(label, 15), bar(stdout, share, kBarWidth),
                      pad_left(human_count(counts_[i]), 12), percent));
  }

  std::string title_;
  const std::vector<std::int64_t>& bounds_;
  std::string (*text_)(std::int64_t);
  std::vector<std::uint64_t> counts_;
  LogHistogram histogram_;
};

std::string size_text(std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); }

struct Summary {
  std::uint64_t alive = 0;
  std::uint64_t expired = 0;
  std::uint64_t never_expire = 0;
  std::uint64_t of_fields = 0;
  std::uint64_t owned = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
  std::uint64_t damaged = 0;
  std::unordered_set<std::uint64_t> owners;  // hashes: names of users stay out of our memory

  Distribution ttl{"TTL left", kTimeBounds, human_duration};
  Distribution size{"Size of values", kSizeBounds, size_text};
  Distribution age{"Age", kTimeBounds, human_duration};

  void add(const RecordView& record, TimeMs now) {
    if (dead(record, now)) {
      ++expired;
      return;
    }
    ++alive;
    of_fields += record.kind == Kind::kFields;
    key_bytes += record.key.size();
    value_bytes += record.value.size();
    if (!record.owner.empty()) {
      ++owned;
      owners.insert(checksum64(record.owner));
    }
    if (record.deadline == kNever) {
      ++never_expire;
    } else {
      ttl.add(until(record.deadline, now));
    }
    size.add(static_cast<std::int64_t>(record.value.size()));
    age.add(until(now, record.created));
  }
};

void print_text(const Summary& s) {
  print_pairs({
      {"Records", fmt::format("{} alive, {} expired and not yet dropped", human_count(s.alive),
                              human_count(s.expired))},
      {"Kinds", fmt::format("{} of bytes, {} of fields", human_count(s.alive - s.of_fields),
                            human_count(s.of_fields))},
      {"Owners",
       fmt::format("{}, of {} records", human_count(s.owners.size()), human_count(s.owned))},
      {"Never expire", human_count(s.never_expire)},
      {"Keys, values", human_bytes(s.key_bytes) + ", " + human_bytes(s.value_bytes)},
  });
  s.ttl.draw();
  s.size.draw();
  s.age.draw();
}

void print_json(const Summary& s) {
  const Json out{{"records", s.alive},
                 {"expired", s.expired},
                 {"never_expire", s.never_expire},
                 {"of_fields", s.of_fields},
                 {"owned", s.owned},
                 {"owners", s.owners.size()},
                 {"key_bytes", s.key_bytes},
                 {"value_bytes", s.value_bytes},
                 {"damaged", s.damaged},
                 {"ttl_ms", s.ttl.json()},
                 {"size_bytes", s.size.json()},
                 {"age_ms", s.age.json()}};
  print(out.dump(2) + "\n");
}

}  // namespace

int run_stats(const StatsOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  const TimeMs now = reader->info().now;
  Summary summary;
  Progress progress("reading");
  std::uint64_t seen = 0;
  const auto on_damage = [&](const Finding&) { ++summary.damaged; };
  const FunctionRef<void(const Finding&)> on_damage_ref = on_damage;
  const Status walked = reader->for_each(
      [&](const RecordView& record) {
        summary.add(record, now);
        progress.update(++seen, reader->info().records_estimate);
        return true;
      },
      &on_damage_ref);
  progress.clear();
  if (!walked) {
    message(text_of(walked));
    return walked.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  if (options.json) {
    print_json(summary);
  } else {
    print_text(summary);
  }
  if (summary.damaged == 0) return kExitOk;
  message(fmt::format("{} damaged records are not counted; run `cloakroom verify {}`",
                      human_count(summary.damaged), options.dir));
  return kExitFindings;
}

}  // namespace cloakroom::cli
