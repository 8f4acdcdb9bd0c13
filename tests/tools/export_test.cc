// export and import: lossless for every record that a store can hold, and careful with files that
// are not what they should be.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/coding.h"
#include "child_process.h"
#include "cli_runner.h"
#include "cloakroom/store.h"
#include "offline/store_reader.h"
#include "offline/store_writer.h"
#include "support/dir_snapshot.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

std::string some_bytes(Random& random, std::size_t max) {
  static constexpr std::string_view kPieces[] = {
      "a", "\"",   "\\",          "\n", "\0", "\xc3\xa4", "\xe2\x80\xae", "\xf0\x9f\x98\x80",
      "{", "\x7f", "plain text ", "\t"};
  std::string bytes;
  const std::size_t count = below(random, max + 1);
  const bool text = !one_in(random, 3);  // else not UTF-8
  while (bytes.size() < count) {
    bytes += kPieces[below(random, std::size(kPieces))];
    if (!text) bytes += static_cast<char>(random());
  }
  return bytes;
}

std::string some_fields(Random& random) {
  std::string out;
  const std::size_t count = 1 + below(random, 6);
  for (std::size_t i = 0; i < count; ++i) {
    put_string(out, (one_in(random, 8) ? "same" : std::to_string(i)) + some_bytes(random, 5));
    put_string(out, some_bytes(random, 40));
  }
  return out;
}

// A store of every sort of record, the odd ones too.
void make_any_store(const std::string& dir, Random& random, std::size_t records) {
  auto writer = StoreWriter::create(dir, {.version_last = 10'000'000});
  REQUIRE(writer);
  const TimeMs now = system_clock().wall_ms();
  for (std::size_t i = 0; i < records; ++i) {
    const std::string key = std::to_string(i) + some_bytes(random, 30);
    const std::string owner = one_in(random, 2) ? std::string() : some_bytes(random, 20);
    RecordView record{.key = key, .owner = owner};
    record.kind = static_cast<Kind>(below(random, 4));
    const std::string value =
        record.kind == Kind::kFields ? some_fields(random) : some_bytes(random, 300);
    record.value = value;
    record.version = 1 + below(random, 1'000'000);
    record.created = now - static_cast<TimeMs>(below(random, 1'000'000));
    if (!one_in(random, 3)) record.lifetime = now + 100'000'000;
    if (record.lifetime != kNever || one_in(random, 2)) {
      record.deadline = now + 3'600'000 + static_cast<TimeMs>(below(random, 10'000'000));
    }
    REQUIRE((*writer)->add(record));
  }
  REQUIRE((*writer)->finish());
}

std::string exported(const std::string& dir) {
  const CliAnswer answer = run_cli({"export", dir, "--show-values", "--dead"});
  CHECK_MESSAGE(answer.code == 0, answer.err);
  return answer.out;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  return lines;
}

TEST_CASE("export: what is imported again is exported byte for byte the same") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir dir;
  make_any_store(dir / "a", random, 3000);
  const std::string text = exported(dir / "a");
  write_text(dir / "e", text);
  const CliAnswer imported = run_cli({"import", dir / "b", dir / "e"});
  CHECK_MESSAGE(imported.code == 0, imported.err);
  const bool same = exported(dir / "b") == text;
  CHECK(same);
  // Nothing is wrong in it but what was: values of sets that are none.
  const std::string found = run_cli({"verify", dir / "b", "--json"}).out;
  const bool same_found = found == run_cli({"verify", dir / "a", "--json"}).out;
  CHECK(same_found);
  for (const auto& line : json_lines(found)) {
    if (line["type"] != "finding") continue;
    CHECK_MESSAGE(contains(line["what"].get<std::string>(), "members"), line.dump());
  }
}

TEST_CASE("export: of a store that was stopped, killed or is open, a copy's export is the same") {
  for (const char* const ending : {"clean", "killed"}) {
    CAPTURE(ending);
    const TempDir dir;
    make_store(dir.store_path(), ending);
    const DirSnapshot before = snapshot_of(dir.store_path());
    const std::string text = exported(dir.store_path());
    CHECK(snapshot_of(dir.store_path()) == before);
    write_text(dir / "e", text);
    REQUIRE(run_cli({"import", dir / "b", dir / "e"}).code == 0);
    CHECK(exported(dir / "b") == text);
  }
  const TempDir dir;
  const HeldStore held(dir.store_path());
  write_text(dir / "e", exported(dir.store_path()));
  const CliAnswer answer = run_cli({"import", dir / "b", dir / "e", "--json"});
  CHECK_MESSAGE(answer.code == 0, answer.err);
  CHECK(json_of(answer.out)["records"] == 209);
}

TEST_CASE("export: needs --show-values, writes a private file, and never over another") {
  const TempDir dir;
  const std::string& store = shared_store();
  const CliAnswer refused = run_cli({"export", store});
  CHECK(refused.code == 2);
  CHECK(refused.out.empty());
  CHECK(contains(refused.err, "--show-values"));
  CHECK(run_cli({"export", store, "--show-values", "-o", dir / "e"}).code == 0);
  struct stat info {};
  REQUIRE(::stat((dir / "e").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(run_cli({"export", store, "--show-values", "-o", dir / "e"}).code == 3);
  CHECK(run_cli({"export", store, "--show-values", "-o", dir / "no/e"}).code == 3);
  CHECK(!std::filesystem::exists(dir / "e.partial"));
  CHECK(run_cli({"export", store, "--show-values"}, {.out_file = "/dev/full"}).code == 3);
}

TEST_CASE("export: a selection, and what has expired only when asked for") {
  const auto keys = [](const Arguments& more) {
    Arguments arguments{"export", shared_store(), "--show-values"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return json_lines(run_cli(arguments).out).size() - 2;
  };
  CHECK(keys({}) == 208);
  CHECK(keys({"--dead"}) == 209);
  CHECK(keys({"--prefix", "bulk:11"}) == 100);
  CHECK(keys({"--owner", R"(m\xffllory\x0a)"}) == 1);
  CHECK(keys({"--kind", "fields"}) == 1);
}

TEST_CASE("import: a broken line is named by its number, and fatal or left out") {
  const TempDir dir;
  const auto lines = lines_of(exported(shared_store()));
  const std::vector<std::pair<std::string, std::string>> broken{
      {"{\n", "it is no JSON"},
      {"[1]\n", "it is no JSON object"},
      {"{\"key\":\"k\",\"deadline_ms\":null}\n", "neither \"value\" nor \"fields\""},
      {"{\"key\":\"k\",\"value\":\"v\"}\n", "no \"deadline_ms\""},
      {"{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":\"x\"}\n", "\"deadline_ms\" is no time"},
      {"{\"key\":\"k\",\"value\":{\"base64\":\"!\"},\"deadline_ms\":null}\n",
       "\"value\" is no string"},
      {"{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":null,\"deadlin\":1}\n", "no export has"},
      {"{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":null,\"kind\":\"x\"}\n",
       "\"kind\" is unknown"},
      {"{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":9,\"lifetime_ms\":5}\n",
       "past its lifetime"},
      {"{\"key\":\"k\",\"value\":\"v\",\"deadline_ms\":null,\"kind\":\"fields\"}\n", "has none"},
  };
  for (const auto& [line, reason] : broken) {
    const std::string& why = reason;
    CAPTURE(why);
    std::string text;
    for (std::size_t i = 0; i < lines.size(); ++i) text += i == 20 ? line : lines[i];
    write_text(dir / "e", text);
    const CliAnswer fatal = run_cli({"import", dir / "b", dir / "e"});
    CHECK(fatal.code == 1);
    CHECK(contains(fatal.err, "line 21: "));
    CHECK(contains(fatal.err, why));
    CHECK(!std::filesystem::exists(dir / "b"));
    const CliAnswer skipped = run_cli({"import", dir / "b", dir / "e", "--skip-broken", "--json"});
    CHECK(skipped.code == 1);
    CHECK(contains(skipped.err, "left out: "));
    CHECK(json_of(skipped.out)["records"] == 208);
    CHECK(json_of(skipped.out)["broken"] == 1);
    std::filesystem::remove_all(dir / "b");
  }
}

TEST_CASE("import: a file that was cut short is noticed, wherever it was cut") {
  const TempDir dir;
  const std::string text = exported(shared_store());
  const auto lines = lines_of(text);
  std::vector<std::string> cut{text.substr(0, text.size() - lines.back().size()),
                               text.substr(0, text.size() / 2), lines[0], ""};
  std::string one_missing;
  for (std::size_t i = 0; i < lines.size(); ++i) one_missing += i == 9 ? "" : lines[i];
  cut.push_back(one_missing);
  cut.push_back(text + lines[5]);
  for (const std::string& part : cut) {
    write_text(dir / "e", part);
    const CliAnswer answer = run_cli({"import", dir / "b", dir / "e"});
    CHECK(answer.code == 1);
    CHECK(!answer.err.empty());
    CHECK(!std::filesystem::exists(dir / "b"));
    CHECK(!std::filesystem::exists(dir / "b.partial"));
  }
}

TEST_CASE("import: stopped by Ctrl-C it goes on with --resume, and ends as if it had not stopped") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir dir;
  make_any_store(dir / "a", random, 5000);
  const std::string text = exported(dir / "a");
  write_text(dir / "e", text);
  const std::string cli = built_program("CLOAKROOM_CLI", "../../tools/cloakroom");
  ChildProcess import({cli, "import", dir / "b", "-"}, true);
  // More than a pipe holds: when all is written, some has been imported.
  REQUIRE(import.write(text.substr(0, text.size() / 2)));
  import.signal(SIGINT);
  CHECK(import.wait() == 128 + SIGINT);
  CHECK(!std::filesystem::exists(dir / "b"));
  CHECK(std::filesystem::exists(dir / "b.partial"));
  std::string other = text;
  other.replace(other.find("\"store_id\":\"") + 12, 4, "0000");
  write_text(dir / "other", other);
  CHECK(contains(run_cli({"import", dir / "b", dir / "other", "--resume"}).err, "another import"));
  const CliAnswer resumed = run_cli({"import", dir / "b", dir / "e", "--resume"});
  CHECK_MESSAGE(resumed.code == 0, resumed.err);
  CHECK(contains(resumed.err, "goes on behind line "));
  CHECK(!std::filesystem::exists(dir / "b.partial"));
  const bool same = exported(dir / "b") == text;
  CHECK(same);
}

TEST_CASE(
    "import: merged into a store, keys that are there stay, are replaced, or the newer wins") {
  const TempDir dir;
  make_store(dir / "a");
  make_store(dir / "b");
  REQUIRE(run_cli({"export", dir / "a", "--show-values", "-o", dir / "e"}).code == 0);
  const auto merged = [&](const char* how, const std::string& into) {
    const CliAnswer answer = run_cli({"import", into, dir / "e", "--merge", how, "--json"});
    CHECK_MESSAGE(answer.code == 0, answer.err);
    return json_of(answer.out);
  };
  CHECK(merged("skip", dir / "b")["kept"] == 208);
  CHECK(merged("newer", dir / "a")["kept"] == 208);
  CHECK(run_cli({"import", dir / "b", dir / "e", "--merge", "newer"}).code == 1);
  const auto time_left = [&](const std::string& store) {
    return json_of(run_cli({"get", store, "sess:fields", "--json"}).out)["ttl_ms"].get<TimeMs>();
  };
  const TimeMs before = time_left(dir / "a");
  const auto replaced = merged("replace", dir / "b");
  CHECK(replaced["replaced"] == 208);
  CHECK(time_left(dir / "b") <= before);
  CHECK(time_left(dir / "b") > before - 60'000);
  CHECK(run_cli({"verify", dir / "b"}).code == 0);
  CHECK(run_cli({"import", dir / "b", dir / "e"}).code == 3);
  CHECK(run_cli({"import", dir / "none", dir / "e", "--merge", "skip"}).code == 3);
  const TempDir live;
  const HeldStore held(live.store_path());
  const CliAnswer refused = run_cli({"import", live.store_path(), dir / "e", "--merge", "skip"});
  CHECK(refused.code == 3);
  CHECK(contains(refused.err, std::to_string(held.pid())));
}

TEST_CASE("import: what it is given is said to be wrong, with a remedy, and nothing is made") {
  const TempDir dir;
  write_text(dir / "text", "hello\n");
  write_text(dir / "new", R"({"cloakroom":"export","format":2})"
                          "\n");
  const auto says = [&](const Arguments& arguments, int code, std::string_view text) {
    const CliAnswer answer = run_cli(arguments);
    CAPTURE(answer.err);
    CHECK(answer.code == code);
    CHECK(contains(answer.err, text));
    CHECK(!std::filesystem::exists(dir / "b"));
    CHECK(!std::filesystem::exists(dir / "b.partial"));
  };
  says({"import", dir / "b", dir / "none"}, 3, "there is no file");
  says({"import", dir / "b", dir.path()}, 3, "is a directory");
  says({"import", dir / "b", dir / "text"}, 1, "no export of cloakroom");
  says({"import", dir / "b", dir / "new"}, 1, "import it with a newer cloakroom");
  says({"import", dir / "b", "-"}, 1, "it is empty");
  says({"import", dir / "b"}, 2, "SOURCE");
}

}  // namespace
}  // namespace cloakroom::testing
