// A disk that does not answer for a while: readers go on, writers wait with a bound and are told.
#include <doctest/doctest.h>
#include <rocksdb/file_system.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/engine.h"
#include "support/temp_dir.h"

using namespace cloakroom;

namespace {

// Holds every append to a log while it is stalled.
class StallingFs final : public rocksdb::FileSystemWrapper {
 public:
  StallingFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "StallingFs"; }

  void stall(bool stalled) {
    const std::lock_guard lock(mutex_);
    stalled_ = stalled;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !stalled_; });
  }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus made = target()->NewWritableFile(path, options, file, debug);
    if (made.ok() && path.ends_with(".log")) {
      *file = std::make_unique<StallingFile>(*this, std::move(*file));
    }
    return made;
  }

 private:
  class StallingFile final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    StallingFile(StallingFs& fs, std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      fs_.pass();
      return target()->Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo&,
                             rocksdb::IODebugContext* debug) override {
      return Append(data, options, debug);
    }

   private:
    StallingFs& fs_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stalled_ = false;
};

// With so short a limit a slow machine's own disk may be in doubt, too.
template <typename Act>
Status patiently(const Act& act) {
  Status status = act();
  while (status.code() == StatusCode::kBusy || status.code() == StatusCode::kIo) {
    std::this_thread::yield();
    status = act();
  }
  return status;
}

}  // namespace

TEST_CASE("stalled disk: readers go on, writers are told, and nothing is lost") {
  const testing::TempDir dir;
  const auto fs = std::make_shared<StallingFs>();
  Options options{.path = dir.store_path(),
                  .sync_interval = Millis{1},
                  .ring_bytes = std::size_t{64} << 10,
                  .stall_limit = Millis{20},
                  .disk_floor_bytes = 0};
  Version last = 0;
  std::size_t taken = 0;
  std::size_t gone = 0;
  {
    auto opened = Engine::open(options, JournalHooks{.file_system = fs});
    REQUIRE(opened);
    Engine& engine = **opened;
    REQUIRE(patiently([&] { return engine.put("first", "v", {}).status(); }));
    REQUIRE(patiently([&] { return engine.sync(); }));
    const std::string value(500, 'v');
    fs->stall(true);
    Status refused;
    for (; refused.ok() && taken < 1000; ++taken) {
      const auto put = engine.put("k" + std::to_string(taken), value, {});
      refused = put.status();
      if (put) last = *put;
    }
    CHECK(refused.code() == StatusCode::kBusy);
    --taken;  // the last was refused
    CHECK(taken > 50);
    // Erases are smaller and pass a little longer; one that is refused is not half done.
    Status erased;
    for (; gone < taken; ++gone) {
      erased = engine.erase("k" + std::to_string(gone), {});
      if (!erased) break;
    }
    CHECK(erased.code() == StatusCode::kBusy);
    std::string got;
    CHECK(engine.get("first", got));
    CHECK(engine.get("k" + std::to_string(gone), got));
    CHECK(got == value);
    CHECK_FALSE(engine.get("k" + std::to_string(taken), got));
    CHECK(engine.stats().journal_waits > 0);
    CHECK_FALSE(engine.stats().read_only);
    // Who waits for the disk behind somebody else is told that it is in doubt.
    CHECK(engine.sync().code() == StatusCode::kIo);
    CHECK(engine.stats().degraded.empty());

    fs->stall(false);
    REQUIRE(patiently([&] { return engine.put("later", "v", {}).status(); }));
    REQUIRE(patiently([&] { return engine.erase("first", {}); }));
    REQUIRE(patiently([&] { return engine.sync(); }));
    CHECK_FALSE(engine.stats().read_only);
    CHECK(engine.stats().version_disk >= last);
    REQUIRE(engine.close());
  }
  auto opened = Engine::open(options, JournalHooks{});
  REQUIRE(opened);
  std::string got;
  for (std::size_t i = 0; i < taken; ++i) {
    CHECK((*opened)->get("k" + std::to_string(i), got).ok() == (i >= gone));
  }
  CHECK((*opened)->get("first", got).code() == StatusCode::kNotFound);
}
