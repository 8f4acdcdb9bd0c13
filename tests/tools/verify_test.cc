// verify on sound and on damaged stores: damage is an answer, never a crash.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "cli_runner.h"
#include "cloakroom/store.h"
#include "store/members.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

// The file with this ending that is largest.
std::string largest_file(const std::string& dir, std::string_view ending) {
  std::string found;
  std::uintmax_t most = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || !contains(name, ending) || entry.file_size() < most) continue;
    most = entry.file_size();
    found = entry.path();
  }
  REQUIRE_MESSAGE(!found.empty(), "no file ", ending);
  return found;
}

void flip_byte(const std::string& path, double where) {
  std::string bytes = read_file(path);
  REQUIRE(!bytes.empty());
  const auto at = static_cast<std::size_t>(where * static_cast<double>(bytes.size() - 1));
  bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
  write_file(path, bytes);
}

// No assertion, terminate() or raw exception text reaches the user as the whole answer.
void check_told(const CliAnswer& answer) {
  CHECK(answer.code < 128);
  CHECK(!contains(answer.err, "terminate called"));
  CHECK(!(answer.out + answer.err).empty());
}

TEST_CASE("verify: a sound store") {
  const CliAnswer text = run_cli({"verify", shared_store()});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "209 records checked, no damage found"));
  const auto lines = json_lines(run_cli({"verify", shared_store(), "--json"}).out);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["type"] == "summary");
  CHECK(lines[0]["ok"] == true);
  CHECK(lines[0]["findings"] == 0);
  CHECK(lines[0]["records_checked"] == 209);
}

TEST_CASE("verify: a flipped byte in a table is found, with file and remedy") {
  const TempDir directory;
  make_store(directory.store_path());
  flip_byte(largest_file(directory.store_path(), ".sst"), 0.5);
  const DirSnapshot before = snapshot_of(directory.store_path());

  const CliAnswer text = run_cli({"verify", directory.store_path()});
  CHECK(text.code == 1);
  CHECK(contains(text.out, "damage"));
  CHECK(contains(text.out, "backup"));
  const auto lines = json_lines(run_cli({"verify", directory.store_path(), "--json"}).out);
  REQUIRE(lines.size() >= 2);
  CHECK(lines.back()["ok"] == false);
  CHECK(lines.back()["findings"] == lines.size() - 1);
  CHECK(lines[0]["type"] == "finding");
  CHECK(!lines[0]["file"].get<std::string>().empty());
  CHECK(!lines[0]["what"].get<std::string>().empty());
  CHECK(!lines[0]["remedy"].get<std::string>().empty());
  CHECK(!contains(text.out, "s3cret"));
  CHECK(difference(before, snapshot_of(directory.store_path())).empty());
}

TEST_CASE("verify: a byte flipped anywhere in any file ends in an answer") {
  const TempDir directory;
  make_store(directory.store_path());
  const DirSnapshot files = snapshot_of(directory.store_path());
  for (const auto& file : files) {
    const std::string& name = file.first;
    const std::string path = directory.store_path() + "/" + name;
    if (!fs::is_regular_file(path) || fs::file_size(path) == 0) continue;
    const std::string whole = read_file(path);
    for (const double where : {0.0, 0.1, 0.5, 0.9, 0.97, 1.0}) {
      flip_byte(path, where);
      CAPTURE(name);
      CAPTURE(where);
      const CliAnswer answer = run_cli({"verify", directory.store_path()});
      check_told(answer);
      // The last 53 bytes of a table are its footer, most of it padding that nothing reads.
      const bool read =
          where * static_cast<double>(whole.size()) < static_cast<double>(whole.size()) - 54;
      if (name.ends_with(".sst") && read) CHECK(answer.code != 0);
      for (const char* verb : {"info", "ls", "stats"}) {
        check_told(run_cli({verb, directory.store_path()}));
      }
      write_file(path, whole);
    }
  }
  CHECK(run_cli({"verify", directory.store_path()}).code == 0);
}

TEST_CASE("verify: a table that is gone or cut short is found") {
  const TempDir directory;
  make_store(directory.store_path());
  const std::string table = largest_file(directory.store_path(), ".sst");
  fs::resize_file(table, fs::file_size(table) / 2);
  CHECK(run_cli({"verify", directory.store_path()}).code != 0);
  fs::remove(table);
  const CliAnswer gone = run_cli({"verify", directory.store_path()});
  CHECK(gone.code != 0);
  check_told(gone);
}

TEST_CASE("verify: a value that passes its checksum and is not what its kind says is a finding") {
  const TempDir directory;
  const std::map<std::string, std::pair<Kind, std::string>> records{
      {"sound:set", {Kind::kMembers, encode_set({"a", "b"})}},
      {"sound:sorted", {Kind::kMembers, encode_sorted_set({{-1.5, "b"}, {2, "a"}, {2, "c"}})}},
      {"sound:infinite",
       {Kind::kMembers, encode_sorted_set({{-std::numeric_limits<double>::infinity(), "a"}})}},
      {"wrong:nothing", {Kind::kMembers, ""}},
      {"wrong:type", {Kind::kMembers, std::string("\x03\x01\x01s", 4)}},
      {"wrong:empty", {Kind::kMembers, std::string("\x01\x00", 2)}},
      {"wrong:order", {Kind::kMembers, encode_set({"b", "a"})}},
      {"wrong:twice", {Kind::kMembers, encode_set({"a", "a"})}},
      {"wrong:cut", {Kind::kMembers, encode_set({"a", "s3cret"}).substr(0, 6)}},
      {"wrong:more", {Kind::kMembers, encode_set({"a"}) + "x"}},
      {"wrong:scores", {Kind::kMembers, encode_sorted_set({{2, "a"}, {1, "b"}})}},
      {"wrong:number",
       {Kind::kMembers, encode_sorted_set({{std::numeric_limits<double>::quiet_NaN(), "a"}})}}};
  auto store = Store::open({.path = directory.store_path(), .background = false});
  REQUIRE(store);
  std::size_t wrong = 0;
  for (const auto& [key, record] : records) {
    REQUIRE(store->put(key, record.second, {.kind = record.first}));
    wrong += key.starts_with("wrong:") ? 1 : 0;
  }
  REQUIRE(store->sync());
  const auto check = [&] {
    const CliAnswer answer = run_cli({"verify", directory.store_path(), "--json"});
    CHECK(answer.code == 1);
    CHECK(!contains(answer.out, "s3cret"));
    std::set<std::string> found;
    for (const auto& line : json_lines(answer.out)) {
      if (line["type"] == "finding") found.insert(line["key"].get<std::string>());
    }
    CHECK(found.size() == wrong);
    for (const std::string& key : found) CHECK_MESSAGE(key.starts_with("wrong:"), key);
  };
  check();  // beside the server
  REQUIRE(store->close());
  check();
}

}  // namespace
}  // namespace cloakroom::testing
