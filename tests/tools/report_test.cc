// cloakroom report: what it writes and where. How the page is used is tests/browser/report's.
#include <doctest/doctest.h>

#include "cli_runner.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

std::string page_of(const std::string& store, const Arguments& more = {}) {
  Arguments arguments{"report", store, "-o", "-"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliAnswer answer = run_cli(arguments);
  CHECK_MESSAGE(answer.code == 0, answer.err);
  return answer.out;
}

TEST_CASE("report: one page that loads nothing, with the figures of the store") {
  const std::string page = page_of(shared_store());
  CHECK(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
  CHECK(page.ends_with("</html>\n"));
  for (const char* words : {"default-src 'none'", "Time to expiry", "Size of values", "By records",
                            "Table files by level", "expired", "The numbers"}) {
    CHECK_MESSAGE(contains(page, words), words);
  }
  for (const char* never : {"<script", "http:", "https:", "url(", "@import", "s3cret", "Alice"}) {
    CHECK_MESSAGE(!contains(page, never), never);
  }
  const auto stats = json_of(run_cli({"stats", shared_store(), "--json"}).out);
  CHECK(contains(page, ">" + std::to_string(stats["records"].get<int>()) + "<"));
}

TEST_CASE("report: owners are numbered, and named only when asked for") {
  const std::string page = page_of(shared_store());
  CHECK(contains(page, "number 1"));
  CHECK(!contains(page, "alice"));
  const std::string named = page_of(shared_store(), {"--show-owners"});
  CHECK(contains(named, ">alice<"));
  CHECK(contains(named, R"(m\xffllory\x0a)"));
  CHECK(contains(page_of(shared_store(), {"--limit", "0"}), "Nothing to show."));
}

TEST_CASE("report: names that were chosen to do harm are text") {
  const TempDir directory;
  make_sessions(directory.store_path(), "shop");
  const std::string page = page_of(directory.store_path(), {"--show-owners"});
  CHECK(contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  CHECK(contains(page, "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"));
  CHECK(contains(page, "O&#39;Brien &amp; sons"));
  CHECK(!contains(page, "<script"));
  CHECK(!contains(page, "<img"));
  CHECK(page.find('\x1b') == std::string::npos);
}

TEST_CASE("report: a path that was chosen to do harm is text, too") {
  const TempDir directory;
  const std::string store = directory / "<b>\"&'\x1b]0;title";
  make_store(store);
  const std::string page = page_of(store);
  CHECK(contains(page, "&lt;b&gt;&quot;&amp;&#39;\\x1b]0;title"));
  CHECK(!contains(page, "<b>"));
}

TEST_CASE("report -o: the file is for its owner only, and replaces an earlier one whole") {
  const TempDir directory;
  const std::string file = directory / "page.html";
  for (int run = 0; run < 2; ++run) {
    const CliAnswer answer = run_cli({"report", shared_store(), "-o", file});
    CHECK(answer.code == 0);
    CHECK(contains(answer.out, file));
    CHECK(read_file(file).ends_with("</html>\n"));
    CHECK((fs::status(file).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(snapshot_of(directory.path()).size() == 2);
    fs::permissions(file, fs::perms::all);
    write_file(file, "an earlier one");
  }
}

TEST_CASE("report -o: a place that cannot be written is told, and nothing is left there") {
  const TempDir directory;
  fs::create_directory(directory / "folder");
  const DirSnapshot before = snapshot_of(directory.path());
  for (const std::string& place : {directory / "folder", directory / "missing/page.html",
                                   std::string("/dev/full"), std::string("/proc/page.html")}) {
    const CliAnswer answer = run_cli({"report", shared_store(), "-o", place});
    CHECK_MESSAGE(answer.code == 3, place);
    CHECK_MESSAGE(contains(answer.err, place), answer.err);
    CHECK(answer.out.empty());
  }
  CHECK(difference(before, snapshot_of(directory.path())).empty());
  const CliAnswer full = run_cli({"report", shared_store(), "-o", "-"}, {.out_file = "/dev/full"});
  CHECK(full.code == 3);
  CHECK(contains(full.err, "cannot write the output"));
}

TEST_CASE("report: beside a live store, of an empty one, and of one that was killed") {
  const TempDir directory;
  {
    const HeldStore held(directory.store_path());
    CHECK(
        contains(page_of(directory.store_path()), "open in process " + std::to_string(held.pid())));
  }
  const TempDir empty;
  make_sessions(empty.store_path(), "empty");
  CHECK(contains(page_of(empty.store_path()), "Nothing to show."));
  const TempDir killed;
  make_store(killed.store_path(), "killed");
  CHECK(contains(page_of(killed.store_path()), "stopped uncleanly"));
}

TEST_CASE("report: a damaged store makes a page that says so, and exit code 1 or 3") {
  const TempDir directory;
  make_store(directory.store_path());
  for (const auto& entry : fs::directory_iterator(directory.store_path() + "/rocks")) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 10'000) continue;
    std::string bytes = read_file(entry.path());
    bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
    write_file(entry.path(), bytes);
  }
  const std::string file = directory / "page.html";
  const CliAnswer answer = run_cli({"report", directory.store_path(), "-o", file});
  CHECK(answer.code >= 1);
  CHECK(answer.code != 2);
  CHECK(contains(answer.err, "cloakroom verify"));
  if (fs::exists(file)) CHECK(contains(read_file(file), "Damage."));
}

}  // namespace
}  // namespace cloakroom::testing
