#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/charts.h"
#include "report/html.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

// Nothing is loaded, sent or run, whatever got into the page.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action "
    "'none'";

constexpr std::pair<const char*, const char*> kSections[] = {{"sessions", "Sessions"},
                                                             {"owners", "Owners"},
                                                             {"files", "Files"},
                                                             {"writes", "Writes"},
                                                             {"about", "About this page"}};

std::string state_of(const StoreInfo& info) {
  if (info.live) {
    return info.holder_pid > 0 ? fmt::format("open in process {}", info.holder_pid) : "open";
  }
  return info.clean ? "at rest, stopped cleanly" : "at rest, stopped uncleanly";
}

std::string head(const ReportData& data) {
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", kPolicy);
  out +=
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<meta name=\"robots\" content=\"noindex\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n";
  out += "<title>" + html(escape_text(data.info.path)) + " · Cloakroom report</title>\n";
  return out + "<style>" + kReportStyle + "</style>\n</head>\n";
}

std::string top(const ReportData& data) {
  std::string out = "<a class=\"skip\" href=\"#main\">Skip to the figures</a>\n<header>\n";
  out += "<p class=\"kind\">Cloakroom report</p>\n<h1>" + html(escape_text(data.info.path)) +
         "</h1>\n<p class=\"when\">";
  out +=
      html(fmt::format("Read at {} UTC. The store was made {} ago and is {}.", utc_time(data.made),
                       human_duration(data.info.now - data.info.created), state_of(data.info)));
  out += "</p>\n</header>\n<nav aria-label=\"Contents\">\n<ul>\n";
  for (const auto& [id, title] : kSections) {
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", id, title);
  }
  return out + "</ul>\n</nav>\n";
}

std::string tile(const std::string& name, const std::string& much, const std::string& more) {
  return "<div><dt>" + html(name) + "</dt><dd><p class=\"much\">" + html(much) +
         "</p><p class=\"more\">" + html(more) + "</p></dd></div>\n";
}

std::string tiles(const ReportData& data) {
  const Survey& survey = data.survey;
  const std::uint64_t all = survey.alive + survey.expired;
  std::string out = "<dl class=\"tiles\">\n";
  out += tile("Alive", human_count(survey.alive),
              survey.sessions.live > 0
                  ? human_count(survey.sessions.live) + " sessions of the web layer"
                  : "records, " + human_bytes(survey.key_bytes + survey.value_bytes));
  out +=
      tile("Owners", (survey.owners.exact() ? "" : "about ") + human_count(survey.owners.owners()),
           fmt::format("of {} records", human_count(survey.owners.records())));
  out += tile(
      "Expired, not yet reclaimed", human_count(survey.expired),
      all == 0 ? "of no records"
               : fmt::format("{:.1f} % of all, {}",
                             100 * static_cast<double>(survey.expired) / static_cast<double>(all),
                             human_bytes(survey.expired_bytes)));
  out += tile("On disk", human_bytes(data.info.total_bytes),
              fmt::format("{} files", human_count(data.info.file_count)));
  return out + "</dl>\n";
}

std::string warnings(const ReportData& data) {
  std::string out;
  const std::string remedy =
      ". Run <code>cloakroom verify " + html(escape_text(data.info.path)) + "</code>.";
  if (data.survey.damaged > 0) {
    out += "<p class=\"warn\" role=\"note\"><strong>Damage.</strong> " +
           human_count(data.survey.damaged) +
           " records could not be read and are not counted here" + remedy + "</p>\n";
  }
  if (data.info.version_last < data.info.version_synced) {
    out +=
        "<p class=\"warn\" role=\"note\"><strong>Loss.</strong> Acknowledged writes are missing" +
        remedy + "</p>\n";
  }
  return out;
}

std::string about(const ReportData& data) {
  std::string out =
      "<section aria-labelledby=\"about\">\n<h2 id=\"about\">About this page</h2>\n"
      "<div class=\"about\">\n"
      "<p>It was made from the store's files alone, in one walk over all records, and nothing in "
      "the store was changed. Times are relative to the moment of reading, by the store's own "
      "clock.</p>\n";
  if (data.info.live) {
    out +=
        "<p>A process had the store open. What it had acknowledged when reading began is in the "
        "figures; what came later may be or not.</p>\n";
  }
  out +=
      "<p>An expired record is never served. Its memory comes back within a second, its space on "
      "disk when files are merged.</p>\n"
      "<p>How long a session has been idle is known for sessions of the web layer only; after a "
      "crash, and beside an open store, the time can be a tenth of the timeout too short.</p>\n"
      "<p>What a running server counts in memory (reads, refused writes, waits, what compaction "
      "has moved) ends with it and is in no file: ask <code>Store::stats()</code> there.</p>\n";
  if (!data.show_owners) {
    out += "<p>Names of owners are left out; <code>--show-owners</code> shows them.</p>\n";
  }
  return out + "</div>\n</section>\n";
}

}  // namespace

std::string report_page(const ReportData& data) {
  std::string out = head(data) + "<body>\n" + top(data) + "<main id=\"main\">\n";
  out += "<h2 class=\"unseen\">At a glance</h2>\n" + warnings(data) + tiles(data);
  out += sessions_section(data) + owners_section(data) + files_section(data) + writes_section(data);
  out += about(data) + "</main>\n<footer>\n<p>";
  out += html(fmt::format("Store {}, format {}. Made by {}.", data.info.store_id,
                          data.info.format_version, data.version));
  return out + "</p>\n</footer>\n</body>\n</html>\n";
}

}  // namespace cloakroom::cli
