// What a user can do wrong, or the world can do to a user: each answer has its code, names the path,
// says what to do, and leaves every byte on disk as it was.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/hash.h"
#include "support/dir_snapshot.h"
#include "support/faulty_fs.h"
#include "support/manual_clock.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"
#include "store/engine.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

// The lock file names who has the store open, so it is the one file a refusal may touch.
DirSnapshot without_lock(DirSnapshot snapshot) {
  std::erase_if(snapshot, [](const auto& entry) { return entry.first.ends_with("LOCK"); });
  return snapshot;
}

// Opens at options.path: that must be refused with `code`, name the path, and change nothing below
// `root`. Returns how it was refused.
Status refusal(const Options& options, const std::string& root, StatusCode code) {
  const DirSnapshot before = without_lock(snapshot_of(root));
  const auto store = Store::open(options);
  CHECK_MESSAGE(store.code() == code, store.status().to_string());
  CHECK_MESSAGE(store.status().message().find(options.path) != std::string::npos,
                store.status().to_string());
  CHECK(difference(before, without_lock(snapshot_of(root))) == "");
  return store.status();
}

void check_refused(const Options& options, const std::string& root, StatusCode code) {
  CHECK(!refusal(options, root, code));
}

bool mentions(const Status& status, std::string_view text) {
  return status.message().find(text) != std::string::npos;
}

// A small store, closed.
void make_store(const Options& options) {
  Store store = open_store(options);
  for (std::uint64_t i = 0; i < 50; ++i) REQUIRE_OK(store.put(text("k", i), text("v", i)));
  REQUIRE_OK(store.close());
}

void check_store(const Options& options) {
  Store store = open_store(options);
  CHECK(contents_of(store).size() == 50);
  CHECK_VALUE(store, "k7", "v7");
}

}  // namespace

TEST_CASE("wrong use: a missing parent is not created") {
  TempDir dir;
  ManualClock clock;
  check_refused(quiet_options(clock, dir / "no/such/store"), dir.path(), StatusCode::kIo);
}

TEST_CASE("wrong use: a file in the store's place stays what it is") {
  TempDir dir;
  ManualClock clock;
  write_file(dir / "file", "precious");
  check_refused(quiet_options(clock, dir / "file"), dir.path(), StatusCode::kIo);
  check_refused(quiet_options(clock, dir / "file/store"), dir.path(), StatusCode::kIo);
}

TEST_CASE("wrong use: a file in the place of RocksDB's directory stays what it is") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  fs::rename(dir / "store/rocks", dir / "aside");
  write_file(dir / "store/rocks", "precious");
  const auto store = Store::open(options);
  CHECK(!store);
  CHECK(mentions(store.status(), dir / "store"));
  CHECK(read_file(dir / "store/rocks") == "precious");
  fs::remove(dir / "store/rocks");
  fs::rename(dir / "aside", dir / "store/rocks");
  check_store(options);
}

TEST_CASE("wrong use: no store and create_if_missing off is kNotFound and creates nothing") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.create_if_missing = false;
  check_refused(options, dir.path(), StatusCode::kNotFound);
  fs::create_directory(dir.store_path());
  check_refused(options, dir.path(), StatusCode::kNotFound);
}

TEST_CASE("wrong use: a second opener is told who holds the store, and harms nobody") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  Store store = open_store(options);
  REQUIRE_OK(store.put("k", "v", {.durability = Durability::kDisk}));
  const DirSnapshot before = snapshot_of(dir.path());
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto second = Store::open(options);
    CHECK_CODE(second, kIo);
    CHECK(mentions(second.status(), dir.store_path()));
    CHECK(mentions(second.status(), std::to_string(::getpid())));
  }
  CHECK(difference(before, snapshot_of(dir.path())) == "");
  REQUIRE_OK(store.put("k", "w", {.durability = Durability::kDisk}));
  CHECK_OK(store.close());
  Store again = open_store(options);
  CHECK_VALUE(again, "k", "w");
}

TEST_CASE("wrong use: the lock goes with the process that held it") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  write_file(dir / "store/LOCK", "999999\n");  // a holder that died
  check_store(options);
}

TEST_CASE("wrong use: a directory with other files is left alone") {
  TempDir dir;
  ManualClock clock;
  fs::create_directory(dir / "home");
  write_file(dir / "home/letter.txt", "dear");
  check_refused(quiet_options(clock, dir / "home"), dir.path(), StatusCode::kInvalidArgument);
}

TEST_CASE("wrong use: a RocksDB of somebody else is left alone") {
  TempDir dir;
  ManualClock clock;
  make_store(quiet_options(clock, dir.store_path()));
  // What lies in rocks/ is a RocksDB database without a superblock: not a store of ours.
  check_refused(quiet_options(clock, dir / "store/rocks"), dir.path(), StatusCode::kInvalidArgument);
  check_store(quiet_options(clock, dir.store_path()));
}

TEST_CASE("wrong use: the files of two stores do not mix") {
  TempDir dir;
  ManualClock clock;
  make_store(quiet_options(clock, dir / "one"));
  make_store(quiet_options(clock, dir / "two"));
  fs::remove_all(dir / "one/rocks");
  fs::copy(dir / "two/rocks", dir / "one/rocks", fs::copy_options::recursive);
  const auto mixed = Store::open(quiet_options(clock, dir / "one"));
  CHECK_CODE(mixed, kCorruption);
  CHECK(mentions(mixed.status(), dir / "one"));
  check_store(quiet_options(clock, dir / "two"));
}

TEST_CASE("wrong use: a damaged superblock is refused") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  const std::string path = dir / "store/CLOAKROOM";
  const std::string whole = read_file(path);
  // All but the format, 8 to 11: whoever has a newer one may have laid out the rest anew.
  for (const std::size_t at : {0U, 5U, 13U, 20U, 35U, 45U}) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(path, damaged);
    check_refused(options, dir.path(), StatusCode::kCorruption);
  }
  for (const std::size_t size : {0U, 7U, 47U, 1024U, 2048U, 3071U}) {
    CAPTURE(size);
    write_file(path, whole.substr(0, size));
    check_refused(options, dir.path(), StatusCode::kCorruption);
  }
  write_file(path, whole);
  check_store(options);
}

TEST_CASE("wrong use: a newer format is refused by name") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  const std::string path = dir / "store/CLOAKROOM";
  const std::string whole = read_file(path);
  // The identity is 40 bytes and their checksum; the format is the number at offset 8.
  std::string identity = whole.substr(0, 40);
  identity[8] = 99;
  put_u64(identity, checksum64(identity));
  write_file(path, identity + whole.substr(48));
  const Status status = refusal(options, dir.path(), StatusCode::kInvalidArgument);
  CHECK(mentions(status, "99"));
  write_file(path, whole);
  check_store(options);
}

TEST_CASE("wrong use: a missing RocksDB is not replaced by an empty one") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  SUBCASE("its CURRENT is gone") { fs::remove(dir / "store/rocks/CURRENT"); }
  SUBCASE("its directory is gone") { fs::remove_all(dir / "store/rocks"); }
  SUBCASE("its directory is empty") {
    fs::remove_all(dir / "store/rocks");
    fs::create_directory(dir / "store/rocks");
  }
  const auto store = Store::open(options);
  CHECK_CODE(store, kCorruption);
  CHECK(mentions(store.status(), dir.store_path()));
}

TEST_CASE("wrong use: a store in which acknowledged writes are missing is refused") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  {
    // A copy of a running store is what a crash leaves.
    Store store = open_store(quiet_options(clock, dir / "running"));
    for (std::uint64_t i = 0; i < 50; ++i) {
      REQUIRE_OK(store.put(text("k", i), text("v", i), {.durability = Durability::kDisk}));
    }
    fs::copy(dir / "running", dir.store_path(), fs::copy_options::recursive);
  }
  std::string log;
  for (const auto& entry : fs::directory_iterator(dir / "store/rocks")) {
    if (entry.path().extension() == ".log" && entry.file_size() > 1000) log = entry.path().string();
  }
  REQUIRE(!log.empty());
  fs::resize_file(log, fs::file_size(log) - 200);
  SUBCASE("the ring holds them still") {
    Store store = open_store(options);
    CHECK(contents_of(store).size() == 50);
    CHECK(store.stats().degraded.empty());
    return;
  }
  // Its frames are behind 64 KiB of header.
  const std::string ring = read_file(dir / "store/RING");
  write_file(dir / "store/RING", ring.substr(0, 65536) + std::string(ring.size() - 65536, '\0'));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Status status = refusal(options, dir.path(), StatusCode::kCorruption);
    CHECK(mentions(status, "accept_loss"));
  }
  options.accept_loss = true;
  Store store = open_store(options);
  CHECK(mentions(Status(StatusCode::kIo, store.stats().degraded), "missing"));
  CHECK(!store.stats().read_only);
  const std::size_t left = contents_of(store).size();
  CHECK(left < 50);
  CHECK(left > 40);
  CHECK_VALUE(store, "k0", "v0");
  // Versions do not begin again: what was lost had some of them.
  CHECK(*store.put("new", "v") > 50);
}

TEST_CASE("wrong use: a missing superblock is not replaced by a new one") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  const std::string superblock = read_file(dir / "store/CLOAKROOM");
  fs::remove(dir / "store/CLOAKROOM");
  check_refused(options, dir.path(), StatusCode::kInvalidArgument);
  write_file(dir / "store/CLOAKROOM", superblock);
  check_store(options);
}

TEST_CASE("wrong use: a directory that existed stays when a creation in it fails") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.disk_floor_bytes = std::uint64_t{1} << 60;
  fs::create_directory(dir.store_path());
  fs::permissions(dir.store_path(), fs::perms::owner_all);
  const DirSnapshot before = snapshot_of(dir.path());
  const auto store = Store::open(options);
  CHECK(!store);
  CHECK(mentions(store.status(), dir.store_path()));
  CHECK(difference(before, snapshot_of(dir.path())) == "");
}

TEST_CASE("wrong use: oversized keys and values are told to be that") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.value_bytes_max = 100;
  Store store = open_store(options);
  const auto key = store.put(std::string(kKeyBytesMax + 1, 'k'), "v");
  CHECK_CODE(key, kTooLarge);
  CHECK(!key.status().message().empty());
  const auto value = store.put("k", std::string(101, 'v'));
  CHECK_CODE(value, kTooLarge);
  CHECK(!value.status().message().empty());
  CHECK(!mentions(value.status(), "vvvv"));
  CHECK(store.stats().version_last == 0);
}

TEST_CASE("wrong use: below the disk floor growth is refused and erasing is not") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  make_store(options);
  options.disk_floor_bytes = std::uint64_t{1} << 60;
  Store store = open_store(options);
  const auto put = store.put("new", "v");
  CHECK_CODE(put, kFull);
  CHECK(mentions(put.status(), dir.store_path()));
  CHECK_CODE(store.put("k1", std::string(1000, 'v')), kFull);
  CHECK_VALUE(store, "k1", "v1");
  CHECK_OK(store.put("k1", "v"));
  CHECK_OK(store.touch("k2", 1h));
  CHECK_OK(store.erase("k3"));
  CHECK_OK(store.sync());
  CHECK(!store.stats().read_only);
}

TEST_CASE("wrong use: a full disk latches the store read-only, and nothing acknowledged is lost") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  auto disk = std::make_shared<FaultyFs>();
  {
    auto engine = Engine::open(options, JournalHooks{.file_system = disk});
    REQUIRE_OK(engine);
    REQUIRE_OK((*engine)->put("kept", "v", {.durability = Durability::kDisk}));
    disk->arm(1, Fault::kNoSpace, true);
    const auto put = (*engine)->put("lost", "v", {.durability = Durability::kDisk});
    CHECK_CODE(put, kIo);
    CHECK(mentions(put.status(), "space"));
    CHECK_CODE((*engine)->put("more", "v", {}), kReadOnly);
    std::string value;
    CHECK_OK((*engine)->get("kept", value));
    CHECK(value == "v");
    CHECK_OK((*engine)->get("lost", value));  // in doubt, and visible
    // An ended session is not served, even if a restart may find it again; the answer says so.
    CHECK_CODE((*engine)->erase("lost", {}), kReadOnly);
    CHECK_CODE((*engine)->get("lost", value), kNotFound);
    const Stats stats = (*engine)->stats();
    CHECK(stats.read_only);
    CHECK(!stats.degraded.empty());
    CHECK(disk->fired() > 0);
    CHECK(!(*engine)->close());
  }
  Store store = open_store(options);
  CHECK(!store.stats().opened_clean);
  CHECK_VALUE(store, "kept", "v");
  CHECK_CODE(store.get("more"), kNotFound);
  REQUIRE_OK(store.put("more", "v"));
}

TEST_CASE("wrong use: no permission is said to be that") {
  if (::geteuid() != 0) {
    MESSAGE("SKIPPED: needs root, to become somebody else");
    return;
  }
  TempDir dir;
  ManualClock clock;
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  make_store(quiet_options(clock, dir.store_path()));
  const DirSnapshot before = snapshot_of(dir.path());
  for (const std::string& path : {dir.store_path(), dir / "new"}) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(100);
      const auto store = Store::open(quiet_options(clock, path));
      const bool named = mentions(store.status(), path) && mentions(store.status(), "ermission");
      ::_exit(store.code() == StatusCode::kIo ? (named ? 0 : 1) : 2);
    }
    int state = 0;
    REQUIRE(::waitpid(child, &state, 0) == child);
    CHECK(WIFEXITED(state));
    CHECK(WEXITSTATUS(state) == 0);
  }
  CHECK(difference(before, snapshot_of(dir.path())) == "");
}

}  // namespace cloakroom::testing
