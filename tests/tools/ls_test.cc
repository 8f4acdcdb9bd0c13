// info, ls and stats on a store at rest, on one that was killed and on one that is live.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "cli_runner.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

constexpr std::size_t kAlive = 208;  // make_store: 8 named, 200 of bulk
const char* const kHostileKey = R"(evil\x0d\x0a\x1b[2Jname\xff\\end)";

std::set<std::string> keys_of(const Arguments& filters) {
  Arguments arguments{"ls", shared_store(), "--json"};
  arguments.insert(arguments.end(), filters.begin(), filters.end());
  const CliAnswer answer = run_cli(arguments);
  CHECK(answer.code == 0);
  CHECK(answer.err.empty());
  std::set<std::string> keys;
  for (const auto& record : json_lines(answer.out)) keys.insert(record["key"]);
  return keys;
}

TEST_CASE("ls: every live record once, what has expired only with --dead") {
  const auto alive = keys_of({});
  CHECK(alive.size() == kAlive);
  CHECK(!alive.contains("sess:short"));
  const auto all = keys_of({"--dead"});
  CHECK(all.size() == kAlive + 1);
  CHECK(all.contains("sess:short"));
}

TEST_CASE("ls: filters") {
  CHECK(keys_of({"--prefix", "bulk:11"}).size() == 100);
  CHECK(keys_of({"--prefix", "none"}).empty());
  CHECK(keys_of({"--owner", "alice"}) == std::set<std::string>{"sess:fields", "sess:json"});
  CHECK(keys_of({"--owner", "alice", "--dead"}).size() == 3);
  CHECK(keys_of({"--kind", "fields"}) == std::set<std::string>{"sess:fields"});
  CHECK(keys_of({"--kind", "bytes"}).size() == kAlive - 1);
  CHECK(keys_of({"--larger-than", "64KiB"}) == std::set<std::string>{"large"});
  CHECK(keys_of({"--larger-than", "100006"}).empty());
  CHECK(keys_of({"--larger-than", "100005"}).size() == 1);
  CHECK(keys_of({"--expires-before", "90min"}) ==
        std::set<std::string>{"sess:fields", "sess:json"});
  CHECK(keys_of({"--limit", "7"}).size() == 7);
  CHECK(keys_of({"--prefix", "sess:", "--owner", "bob", "--kind", "bytes"}).size() == 1);
}

TEST_CASE("ls: filters take keys and owners as they are printed") {
  CHECK(keys_of({"--prefix", R"(evil\x0d)"}) == std::set<std::string>{kHostileKey});
  CHECK(keys_of({"--prefix", "evil\r\n"}) == std::set<std::string>{kHostileKey});
  CHECK(keys_of({"--owner", R"(m\xffllory\x0a)"}) == std::set<std::string>{kHostileKey});
}

TEST_CASE("ls: the JSON says all but the value") {
  const CliAnswer answer = run_cli({"ls", shared_store(), "--json", "--prefix", "sess:json"});
  const auto record = json_of(answer.out);
  CHECK(record["kind"] == "bytes");
  CHECK(record["bytes"] == 40);
  CHECK(record["owner"] == "alice");
  CHECK(record["ttl_ms"] > 0);  // it was made an hour before its end, by whichever case came first
  CHECK(record["ttl_ms"] <= 3'600'000);
  CHECK(record["lifetime_ms"].get<std::int64_t>() - record["deadline_ms"].get<std::int64_t>() ==
        36'000'000);
  CHECK(record["deadline_ms"].get<std::int64_t>() - record["created_ms"].get<std::int64_t>() ==
        7'200'000);
  CHECK(record["version"] > 0);
  const auto forever =
      json_of(run_cli({"ls", shared_store(), "--json", "--prefix", "sess:forever"}).out);
  CHECK(forever["ttl_ms"].is_null());
  CHECK(forever["lifetime_ms"].is_null());
  CHECK(forever["owner"].is_null());
  const auto dead =
      json_of(run_cli({"ls", shared_store(), "--json", "--dead", "--prefix", "sess:short"}).out);
  CHECK(dead["ttl_ms"] < 0);
}

TEST_CASE("ls: the table is for people, one line a record whatever the key holds") {
  const CliAnswer answer = run_cli({"ls", shared_store(), "--dead"});
  CHECK(answer.code == 0);
  CHECK(answer.out.starts_with("KEY "));
  CHECK(std::count(answer.out.begin(), answer.out.end(), '\n') ==
        static_cast<std::ptrdiff_t>(kAlive + 2));
  CHECK(contains(answer.out, kHostileKey));
  CHECK(contains(answer.out, "expired "));
  CHECK(contains(answer.out, "100,006"));
  CHECK(std::none_of(answer.out.begin(), answer.out.end(),
                     [](char c) { return c != '\n' && static_cast<unsigned char>(c) < 0x20; }));
}

TEST_CASE("info: what the store is") {
  const CliAnswer text = run_cli({"info", shared_store()});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "stopped cleanly"));
  CHECK(contains(text.out, " ago"));
  const auto info = json_of(run_cli({"info", shared_store(), "--json"}).out);
  CHECK(info["format_version"] == 1);
  CHECK(info["store_id"].get<std::string>().size() == 32);
  CHECK(info["state"] == "clean");
  CHECK(info["holder_pid"].is_null());
  CHECK(info["version_last"] >= kAlive);
  CHECK(info["version_synced"] == info["version_last"]);
  CHECK(info["total_bytes"] > 100'000);
  CHECK(info["file_count"] > 3);
  CHECK(info["age_ms"] >= 3'600'000);
}

TEST_CASE("stats: counts, percentiles and histograms agree with the store") {
  const auto stats = json_of(run_cli({"stats", shared_store(), "--json"}).out);
  CHECK(stats["records"] == kAlive);
  CHECK(stats["expired"] == 1);
  CHECK(stats["never_expire"] == 1);
  CHECK(stats["kinds"]["fields"]["count"] == 1);
  CHECK(stats["kinds"]["bytes"]["count"] == kAlive - 1);
  CHECK(stats["owners"] == 3);
  CHECK(stats["owned"] == 4);
  CHECK(stats["ttl_ms"]["count"] == kAlive - 1);
  CHECK(stats["size_bytes"]["max"] == 100'006);
  CHECK(stats["size_bytes"]["p50"] >= 300);
  CHECK(stats["size_bytes"]["p50"] <= 305);
  CHECK(stats["age_ms"]["p50"] >= 3'600'000);
  for (const char* name : {"ttl_ms", "size_bytes", "age_ms"}) {
    std::uint64_t sum = 0;
    for (const auto& row : stats[name]["histogram"]) sum += row["count"].get<std::uint64_t>();
    CHECK(sum == stats[name]["count"]);
  }
  const CliAnswer text = run_cli({"stats", shared_store()});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "208 alive, 1 expired"));
  CHECK(contains(text.out, "########"));
  CHECK(contains(text.out, "p99"));
}

TEST_CASE("reading: nothing in the directory of a store at rest changes") {
  const DirSnapshot before = snapshot_of(shared_store());
  for (const char* verb : {"info", "ls", "stats", "verify"}) {
    CHECK(run_cli({verb, shared_store()}).code == 0);
    CHECK_MESSAGE(difference(before, snapshot_of(shared_store())).empty(), verb,
                  difference(before, snapshot_of(shared_store())));
  }
  CHECK(run_cli({"get", shared_store(), "sess:json"}).code == 0);
  CHECK(difference(before, snapshot_of(shared_store())).empty());
}

TEST_CASE("reading: a verb leaves nothing behind in the temporary directory") {
  const TempDir temporary;
  for (const char* verb : {"info", "ls", "stats", "verify"}) {
    CHECK(run_cli({verb, shared_store()}, {.environment = {{"TMPDIR", temporary.path()}}}).code ==
          0);
  }
  CHECK(std::filesystem::is_empty(temporary.path()));
}

TEST_CASE("reading: after a kill everything acknowledged is seen, and nothing is repaired") {
  const TempDir directory;
  make_store(directory.store_path(), "killed");
  const DirSnapshot before = snapshot_of(directory.store_path());
  const auto info = json_of(run_cli({"info", directory.store_path(), "--json"}).out);
  CHECK(info["state"] == "unclean");
  CHECK(json_lines(run_cli({"ls", directory.store_path(), "--json"}).out).size() == kAlive);
  CHECK(run_cli({"verify", directory.store_path()}).code == 0);
  CHECK(difference(before, snapshot_of(directory.store_path())).empty());
}

TEST_CASE("reading: beside a live store") {
  const TempDir directory;
  const HeldStore held(directory.store_path());
  const DirSnapshot before = snapshot_of(directory.store_path());
  const auto info = json_of(run_cli({"info", directory.store_path(), "--json"}).out);
  CHECK(info["state"] == "live");
  CHECK(info["holder_pid"] == held.pid());
  CHECK(contains(run_cli({"info", directory.store_path()}).out,
                 "live: open by process " + std::to_string(held.pid())));
  CHECK(json_lines(run_cli({"ls", directory.store_path(), "--json"}).out).size() == kAlive + 1);
  CHECK(run_cli({"get", directory.store_path(), "sess:json"}).code == 0);
  CHECK(run_cli({"verify", directory.store_path()}).code == 0);
  CHECK(difference(before, snapshot_of(directory.store_path())).empty());
}

}  // namespace
}  // namespace cloakroom::testing
