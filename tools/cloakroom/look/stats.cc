// cloakroom stats: how the records of a store are distributed, drawn in the terminal.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "look/look.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "reading/survey.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

using Text = std::string (*)(std::int64_t);

constexpr std::pair<const char*, double> kPercentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
constexpr std::size_t kBarWidth = 40;

std::string size_text(std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); }

void draw_row(const Spread& spread, std::size_t i, std::uint64_t most, Text text) {
  const std::string label = spread.open_ended(i) ? "over " + text(spread.bounds()[i - 1])
                                                 : "up to " + text(spread.bounds()[i]);
  const auto count = static_cast<double>(spread.counts()[i]);
  print(fmt::format("  {} {} {} {:5.1f} %\n", pad_left(label, 15),
                    bar(stdout, count / static_cast<double>(most), kBarWidth),
                    pad_left(human_count(spread.counts()[i]), 12),
                    100 * count / static_cast<double>(spread.total())));
}

void draw(const std::string& title, const Spread& spread, Text text) {
  print("\n" + paint(stdout, Colour::kBold, title) + "\n");
  if (spread.total() == 0) return print("  none\n");
  const auto counts = spread.counts();
  const auto full = [](std::uint64_t count) { return count > 0; };
  const auto first = std::find_if(counts.begin(), counts.end(), full);
  const auto last = std::find_if(counts.rbegin(), counts.rend(), full).base();
  const std::uint64_t most = *std::max_element(counts.begin(), counts.end());
  for (auto at = first; at != last; ++at) {
    draw_row(spread, static_cast<std::size_t>(at - counts.begin()), most, text);
  }
  print("  ");
  for (const auto& [name, share] : kPercentiles) {
    print(fmt::format("{} {}   ", name, text(spread.percentile(share))));
  }
  print("max " + text(spread.max()) + "\n");
}

Json json_of(const Spread& spread) {
  Json out{{"count", spread.total()}};
  for (const auto& [name, share] : kPercentiles) out[name] = spread.percentile(share);
  out["max"] = spread.max();
  Json rows = Json::array();
  for (std::size_t i = 0; i < spread.counts().size(); ++i) {
    rows.push_back({{"up_to", spread.open_ended(i) ? Json(nullptr) : Json(spread.bounds()[i])},
                    {"count", spread.counts()[i]}});
  }
  out["histogram"] = std::move(rows);
  return out;
}

const KindTally& of(const Survey& survey, Kind kind) {
  return survey.kinds[static_cast<std::size_t>(kind)];
}

std::string kinds_text(const Survey& s) {
  std::string text;
  for (const Kind kind : {Kind::kSession, Kind::kBytes, Kind::kFields, Kind::kMembers}) {
    if (of(s, kind).count == 0) continue;
    text += fmt::format("{}{} of {} ({})", text.empty() ? "" : ", ", human_count(of(s, kind).count),
                        kind_name(kind), human_bytes(of(s, kind).value_bytes));
  }
  return text.empty() ? "none" : text;
}

std::string sessions_text(const SessionTally& tally) {
  return fmt::format("{} live, {} rotated away, {} ended and remembered, {} other",
                     human_count(tally.live), human_count(tally.replaced), human_count(tally.ended),
                     human_count(tally.other));
}

void print_text(const Survey& s) {
  std::vector<std::pair<std::string, std::string>> pairs{
      {"Records", fmt::format("{} alive, {} expired and not yet dropped ({})", human_count(s.alive),
                              human_count(s.expired), human_bytes(s.expired_bytes))},
      {"Kinds", kinds_text(s)}};
  if (of(s, Kind::kSession).count > 0) pairs.push_back({"Sessions", sessions_text(s.sessions)});
  pairs.insert(
      pairs.end(),
      {
          {"Owners", fmt::format("{}{}, of {} records", s.owners.exact() ? "" : "about ",
                                 human_count(s.owners.owners()), human_count(s.owners.records()))},
          {"Never expire", human_count(s.never_expire)},
          {"Keys, values", human_bytes(s.key_bytes) + ", " + human_bytes(s.value_bytes)},
      });
  print_pairs(pairs);
  draw("TTL left", s.time_left, human_duration);
  draw("Size of values", s.size, size_text);
  draw("Age", s.age, human_duration);
  if (s.idle.total() > 0) draw("Idle, of live sessions", s.idle, human_duration);
}

void print_json(const Survey& s) {
  Json kinds;
  for (const Kind kind : {Kind::kBytes, Kind::kFields, Kind::kSession, Kind::kMembers}) {
    kinds[kind_name(kind)] = {{"count", of(s, kind).count},
                              {"value_bytes", of(s, kind).value_bytes}};
  }
  const Json out{{"now_ms", s.now},
                 {"records", s.alive},
                 {"expired", s.expired},
                 {"expired_bytes", s.expired_bytes},
                 {"never_expire", s.never_expire},
                 {"kinds", kinds},
                 {"sessions",
                  {{"live", s.sessions.live},
                   {"replaced", s.sessions.replaced},
                   {"ended", s.sessions.ended},
                   {"other", s.sessions.other}}},
                 {"owned", s.owners.records()},
                 {"owners", s.owners.owners()},
                 {"owners_exact", s.owners.exact()},
                 {"key_bytes", s.key_bytes},
                 {"value_bytes", s.value_bytes},
                 {"damaged", s.damaged},
                 {"ttl_ms", json_of(s.time_left)},
                 {"size_bytes", json_of(s.size)},
                 {"age_ms", json_of(s.age)},
                 {"idle_ms", json_of(s.idle)},
                 {"idle_unknown", s.idle_unknown}};
  print(out.dump(2) + "\n");
}

}  // namespace

int run_stats(const StatsOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  const auto survey = take_survey(*reader);
  if (!survey) {
    message(text_of(survey.status()));
    return survey.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  if (options.json) {
    print_json(*survey);
  } else {
    print_text(*survey);
  }
  if (survey->damaged == 0) return kExitOk;
  message(fmt::format("{} damaged records are not counted; run `cloakroom verify {}`",
                      human_count(survey->damaged), options.dir));
  return kExitFindings;
}

}  // namespace cloakroom::cli
