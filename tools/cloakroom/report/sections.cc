// The sections of the page.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reading/record_json.h"
#include "report/charts.h"
#include "report/html.h"
#include "report/page.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kFilesShown = 100;
constexpr std::size_t kIntervalsShown = 12;

std::string size_text(std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); }

std::string open_section(const char* id, const char* title, const std::string& lead) {
  return fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", id, title) +
         (lead.empty() ? "" : "<p class=\"lead\">" + html(lead) + "</p>\n");
}

std::string two_points(const Spread& spread, const char* phrase,
                       std::string (*text)(std::int64_t)) {
  if (spread.total() == 0) return {};
  return fmt::format("Half {} {}, nine in ten {}.", phrase, text(spread.percentile(0.5)),
                     text(spread.percentile(0.9)));
}

Chart spread_chart(const char* id, const char* title, const std::string& note, const Spread& spread,
                   std::string (*text)(std::int64_t)) {
  return {.id = id,
          .title = title,
          .note = note,
          .labels = "Range",
          .amounts = "Records",
          .cumulative = true,
          .bars = bars_of(spread, text)};
}

Chart kinds_chart(const Survey& survey) {
  Chart chart{.id = "kinds",
              .title = "Records by what they hold",
              .note = {},
              .labels = "Kind",
              .amounts = "Records",
              .bars = {}};
  const auto add = [&](const char* label, std::uint64_t count) {
    if (count > 0) chart.bars.push_back({label, count, human_count(count)});
  };
  add("live sessions", survey.sessions.live);
  add("rotated tokens", survey.sessions.replaced);
  add("ended sessions", survey.sessions.ended);
  add("other of these", survey.sessions.other);
  const auto of = [&](Kind kind) { return survey.kinds[static_cast<std::size_t>(kind)].count; };
  add("bytes", of(Kind::kBytes));
  add("fields", of(Kind::kFields));
  add("sets and sorted", of(Kind::kMembers));
  return chart;
}

Chart expired_chart(const Survey& survey) {
  Chart chart{.id = "expired",
              .title = "Alive, and expired but not yet reclaimed",
              .note = "Bytes of keys and values.",
              .labels = "State",
              .amounts = "Bytes",
              .bars = {}};
  const std::uint64_t alive = survey.key_bytes + survey.value_bytes;
  if (alive + survey.expired_bytes == 0) return chart;
  chart.bars = {{"alive", alive, human_bytes(alive)},
                {"expired", survey.expired_bytes, human_bytes(survey.expired_bytes)}};
  return chart;
}

std::string owner_label(const ReportData& data, const OwnerShare& share, std::size_t rank) {
  return data.show_owners ? escape(share.owner) : fmt::format("number {}", rank);
}

Chart owners_chart(const ReportData& data, OwnerTally::By by, const char* id, const char* title) {
  Chart chart{.id = id,
              .title = title,
              .note = {},
              .labels = "Owner",
              .amounts = by == OwnerTally::By::kCount ? "Records" : "Bytes",
              .names = data.show_owners,
              .bars = {}};
  std::size_t rank = 0;
  for (const OwnerShare& share : data.survey.owners.top(by, data.owners)) {
    const bool count = by == OwnerTally::By::kCount;
    chart.bars.push_back({owner_label(data, share, ++rank), count ? share.count : share.bytes,
                          count ? human_count(share.count) : human_bytes(share.bytes)});
  }
  return chart;
}

// --- files -----------------------------------------------------------------------------------

Chart levels_chart(const std::vector<TableInfo>& files) {
  std::map<std::pair<std::string, int>, std::pair<std::uint64_t, std::uint64_t>> levels;
  for (const TableInfo& file : files) {
    auto& [bytes, count] = levels[{file.family, file.level}];
    bytes += file.bytes;
    ++count;
  }
  Chart chart{.id = "levels",
              .title = "Table files by level",
              .note = "Level 0 is as it was flushed; higher levels are merged and older.",
              .labels = "Family, level",
              .amounts = "Bytes",
              .bars = {}};
  for (const auto& [level, sum] : levels) {
    chart.bars.push_back(
        {fmt::format("{} {}", level.first, level.second), sum.first, human_bytes(sum.first)});
  }
  return chart;
}

Chart ages_chart(const ReportData& data) {
  const auto bounds = time_bounds();
  std::vector<std::uint64_t> bytes(bounds.size());
  for (const TableInfo& file : data.tables.files) {
    const TimeMs age = std::max<TimeMs>(0, data.made - file.written);
    const auto at = std::lower_bound(bounds.begin(), bounds.end() - 1, age);
    bytes[static_cast<std::size_t>(at - bounds.begin())] += file.bytes;
  }
  Chart chart{.id = "growth",
              .title = "Table files by when they were written",
              .note = "How the files have grown; a merge writes anew what it merges.",
              .labels = "Written",
              .amounts = "Bytes",
              .cumulative = true,
              .bars = {}};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (bytes[i] == 0) continue;
    const bool open_end = i + 1 == bounds.size();
    const std::string label =
        open_end ? "over " + human_duration(bounds[i - 1]) : "up to " + human_duration(bounds[i]);
    chart.bars.push_back({label, bytes[i], human_bytes(bytes[i])});
  }
  return chart;
}

Chart parts_chart(const StoreInfo& info) {
  const std::uint64_t known = info.sst_bytes + info.wal_bytes + info.ring_bytes;
  const std::uint64_t other = info.total_bytes > known ? info.total_bytes - known : 0;
  Chart chart{.id = "parts",
              .title = "What the directory holds",
              .note = {},
              .labels = "Part",
              .amounts = "Bytes",
              .bars = {}};
  for (const auto& [name, bytes] :
       {std::pair("tables", info.sst_bytes), std::pair("log", info.wal_bytes),
        std::pair("ring", info.ring_bytes), std::pair("other", other)}) {
    chart.bars.push_back({name, bytes, human_bytes(bytes)});
  }
  return chart;
}

std::string files_table(const ReportData& data) {
  HtmlTable table{"Table files",
                  {"File", "Family", "Level", "Written (UTC)", "Size", "Entries", "Deletions"},
                  {}};
  for (const TableInfo& file : data.tables.files) {
    if (table.rows.size() == kFilesShown) break;
    table.rows.push_back(
        {escape_text(file.name), escape_text(file.family), std::to_string(file.level),
         file.written == 0 ? "not known" : utc_time(file.written), human_bytes(file.bytes),
         human_count(file.entries), human_count(file.deletions)});
  }
  std::string out =
      "<div class=\"panel scroll\" role=\"region\" aria-label=\"Table files\" tabindex=\"0\">\n" +
      html_table(table) + "</div>\n";
  if (data.tables.files.size() > kFilesShown) {
    out += fmt::format("<p class=\"lead\">{} more are left out.</p>\n",
                       human_count(data.tables.files.size() - kFilesShown));
  }
  return out;
}

// --- writes ----------------------------------------------------------------------------------

std::string rate_text(double per_second) {
  if (per_second >= 100) return human_count(static_cast<std::uint64_t>(per_second)) + "/s";
  return fmt::format("{:.{}f}/s", per_second, per_second < 1 ? 2 : 1);
}

double per_second(std::uint64_t count, TimeMs ms) {
  return ms <= 0 ? 0 : static_cast<double>(count) * 1000 / static_cast<double>(ms);
}

Chart rates_chart(const ReportData& data) {
  Chart chart{.id = "rates",
              .title = "Operations a second, between flushes",
              .note = "Put, deletion or touch, by RocksDB's own count. Each bar ends with a flush.",
              .labels = "Until (UTC)",
              .amounts = "Operations a second",
              .names = true,
              .bars = {}};
  for (const WriteInterval& interval : write_intervals(data.tables.files, kIntervalsShown)) {
    const double rate = per_second(interval.operations, interval.to - interval.from);
    chart.bars.push_back(
        {utc_time(interval.to), static_cast<std::uint64_t>(rate * 1000), rate_text(rate)});
  }
  return chart;
}

}  // namespace

std::string sessions_section(const ReportData& data) {
  const Survey& survey = data.survey;
  // The web layer keeps one such record of its own.
  const std::uint64_t forever =
      survey.never_expire - std::min(survey.never_expire, survey.sessions.other);
  std::string out = open_section("sessions", "Sessions",
                                 forever == 0 ? "" : human_count(forever) + " never expire.");
  out += "<div class=\"charts\">\n";
  out += bar_chart(spread_chart("age", "Age",
                                two_points(survey.age, "are not older than", human_duration),
                                survey.age, human_duration));
  out += bar_chart(spread_chart("left", "Time to expiry",
                                two_points(survey.time_left, "expire within", human_duration),
                                survey.time_left, human_duration));
  if (survey.idle.total() > 0) {
    out += bar_chart(spread_chart("idle", "Time since the last request",
                                  two_points(survey.idle, "were seen within", human_duration),
                                  survey.idle, human_duration));
  }
  out += bar_chart(spread_chart("size", "Size of values",
                                two_points(survey.size, "have at most", size_text), survey.size,
                                size_text));
  out += bar_chart(kinds_chart(survey)) + bar_chart(expired_chart(survey));
  return out + "</div>\n</section>\n";
}

std::string owners_section(const ReportData& data) {
  const OwnerTally& owners = data.survey.owners;
  std::string lead = "Those with the most. ";
  if (!data.show_owners) lead += "Their names are left out.";
  if (!owners.exact()) {
    lead += fmt::format(" There are too many to count each: a number may be up to {} too low.",
                        human_count(owners.count_missing()));
  }
  std::string out = open_section("owners", "Owners", lead) + "<div class=\"charts\">\n";
  out += bar_chart(owners_chart(data, OwnerTally::By::kCount, "owners-count", "By records"));
  out += bar_chart(owners_chart(data, OwnerTally::By::kBytes, "owners-bytes", "By bytes"));
  return out + "</div>\n</section>\n";
}

std::string files_section(const ReportData& data) {
  std::string out = open_section("files", "Files", "");
  out += "<div class=\"charts\">\n" + bar_chart(parts_chart(data.info));
  if (!data.files_unknown.empty()) {
    return out + "</div>\n<p class=\"warn\" role=\"note\">The table files could not be listed: " +
           html(escape_text(data.files_unknown)) + "</p>\n</section>\n";
  }
  out += bar_chart(levels_chart(data.tables.files)) + bar_chart(ages_chart(data)) + "</div>\n";
  if (!data.tables.files.empty()) out += files_table(data);
  return out + "</section>\n";
}

std::string writes_section(const ReportData& data) {
  const StoreInfo& info = data.info;
  const TimeMs life = info.now - info.created;
  std::string lead;
  if (data.tables.operations > 0) {
    lead = fmt::format("{} operations up to the last flush, {} since the store was made. ",
                       human_count(data.tables.operations),
                       rate_text(per_second(data.tables.operations, life)));
  }
  // A version is a place in the journal, in units of 16 bytes (docs/format.md).
  const std::uint64_t journaled = info.version_last * 16;
  lead += fmt::format("{} have gone through the journal.", human_bytes(journaled));
  if (info.ring_changes > 0) {
    lead += " " + human_count(info.ring_changes) + " changes wait in the ring.";
  }
  Chart rates = rates_chart(data);
  if (rates.bars.empty()) {
    rates.note = "Not known: it takes two flushes that no merge has taken up, and there are none.";
  }
  return open_section("writes", "Writes", lead) + "<div class=\"charts\">\n" + bar_chart(rates) +
         "</div>\n</section>\n";
}

std::vector<WriteInterval> write_intervals(const std::vector<TableInfo>& files, std::size_t limit) {
  std::map<std::uint64_t, TimeMs> marks;  // operations so far, and when
  for (const TableInfo& file : files) {
    if (file.last_operation == 0 || file.written == 0 || file.level != 0) continue;
    const auto [mark, is_new] = marks.try_emplace(file.last_operation, file.written);
    if (!is_new) mark->second = std::min(mark->second, file.written);
  }
  std::vector<WriteInterval> intervals;
  std::uint64_t operations = 0;
  TimeMs from = 0;
  for (const auto& [count, written] : marks) {
    // A file's time is told in seconds: shorter intervals say nothing.
    if (from != 0 && written - from < 1000) continue;
    if (from != 0) intervals.push_back({from, written, count - operations});
    operations = count;
    from = written;
  }
  if (intervals.size() > limit) {
    intervals.erase(intervals.begin(), intervals.end() - static_cast<std::ptrdiff_t>(limit));
  }
  return intervals;
}

}  // namespace cloakroom::cli
