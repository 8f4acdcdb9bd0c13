// FakeJournal: a Journal whose disk is a std::map, for tests of the engine without RocksDB.
//
// FakeDisk is the part that outlives a journal. It keeps what was appended in order, and two marks:
//
//        1 ........ synced ........ handed ........ last
//        survives a power cut | survives the process | lost with the process, or not
//
// kill_process() and cut_power() throw away what the marks allow, always leaving a prefix and never a
// part of a group, and the
// next FakeJournal on the same disk starts from what is left. Everything is behind one mutex, so
// that ThreadSanitizer sees the engine's own races and no other.
#ifndef CLOAKROOM_TESTS_SUPPORT_FAKE_JOURNAL_H_
#define CLOAKROOM_TESTS_SUPPORT_FAKE_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.h"

namespace cloakroom::testing {

// A record as the disk holds it.
struct DiskRecord {
  std::string value = {};
  std::string owner = {};
  Kind kind = Kind::kBytes;
  Version version = 0;
  TimeMs deadline = kNever;
  TimeMs lifetime = kNever;
  TimeMs created = 0;
};

// One appended mutation.
struct DiskEntry {
  Version version = 0;  // of the append
  Mutation::Type type = Mutation::Type::kPut;
  std::string key = {};
  DiskRecord record = {};
};

// Thread-safe.
class FakeDisk {
 public:
  FakeDisk() = default;
  // A copy is what lies on the disk at this moment, for an engine that shall not close it.
  FakeDisk(const FakeDisk& other);
  FakeDisk& operator=(const FakeDisk&) = delete;

  // The process dies: entries behind the handed mark are lost, except the first `keep` of them.
  void kill_process(std::size_t keep = 0);
  // The power goes: entries behind the synced mark are lost, except the first `keep` of them.
  void cut_power(std::size_t keep = 0);

  // What RocksDB's compaction would do at store time `now`: drops dead records that the journal's
  // dead check gives free. Returns how many.
  std::size_t compact(TimeMs now);

  // What the next open would find if nothing more was lost.
  [[nodiscard]] std::map<std::string, DiskRecord> records() const;
  // Everything appended since the journal was opened, in order.
  [[nodiscard]] std::vector<DiskEntry> entries() const;

 private:
  friend class FakeJournal;
  void cut_after(Version version, std::size_t keep);  // REQUIRES: mutex_ held
  void fold();                                        // REQUIRES: mutex_ held

  mutable std::mutex mutex_;
  std::map<std::string, DiskRecord> base_;  // as of the last open
  std::vector<DiskEntry> log_;              // since then
  std::function<bool(std::string_view, Version)> dead_check_;
  Version last_ = 0;
  Version handed_ = 0;
  Version synced_ = 0;
  bool clean_ = true;
};

class FakeJournal final : public Journal {
 public:
  explicit FakeJournal(std::shared_ptr<FakeDisk> disk);

  // The k-th append (or wait above kMemory) from now fails with kIo and latches; k = 1 is the next.
  void fail_append(std::uint64_t k);
  void fail_wait(std::uint64_t k);
  // The disk floor is reached: growth answers kFull.
  void set_full(bool full);
  // Called at every wait() and append(), before anything else and without the journal's mutex.
  void on_wait(std::function<void(Version, Durability)> f);
  void on_append(std::function<void(const Mutation&)> f);
  // How many read() calls went to the disk.
  [[nodiscard]] std::uint64_t reads() const;

  Result<Version> append(const Mutation& mutation) override;
  Result<Version> append_group(std::span<const Mutation> group) override;
  bool try_append(const Mutation& mutation) override;
  Status wait(Version version, Durability level) override;
  void when_durable(Version version, std::function<void(Status)> f) override;
  Status sync() override;
  Status admit_growth() override;
  Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) override;
  std::size_t begin_load(std::size_t parts) override;
  std::uint64_t load_estimate() override { return opened_.size(); }
  Result<std::size_t> load(std::size_t part, std::size_t count,
                           FunctionRef<void(const RecordView&)> f) override;
  void end_load() override;
  Result<Version> checkpoint(const std::string& dir) override;
  void set_dead_check(std::function<bool(std::string_view, Version)> f) override;
  Status close() override;
  [[nodiscard]] JournalStats stats() const override;

 private:
  Status latch(const char* why);  // REQUIRES: disk_->mutex_ held
  Result<Version> take(std::span<const Mutation> group);

  const std::shared_ptr<FakeDisk> disk_;
  const std::map<std::string, DiskRecord> opened_;  // what read() and load() see

  // Each belongs to one caller of load().
  using Place = std::map<std::string, DiskRecord>::const_iterator;
  std::vector<std::pair<Place, Place>> load_parts_;

  // Guarded by disk_->mutex_.
  std::string degraded_;
  std::uint64_t append_fails_in_ = 0;  // 0: never
  std::uint64_t wait_fails_in_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t syncs_ = 0;
  bool full_ = false;
  bool opened_clean_ = true;
  std::function<void(Version, Durability)> on_wait_;
  std::function<void(const Mutation&)> on_append_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_FAKE_JOURNAL_H_
