// UnsyncedFs: a RocksDB file system that knows what a power cut would leave.
//
// It remembers for every file how many of its bytes were synced, and for every directory which
// names were created, renamed or deleted since the directory was synced. cut() writes an image of
// the store's directory as a disk could hold it after the power went, and from then on refuses all
// I/O, so that whatever the old process still does reaches neither the image nor the disk:
//
//   file bytes        kept up to the last sync; of the rest nothing, or a part (see Damage)
//   names             kept up to the last sync of their directory; of later changes a prefix
//                     (a journaling file system loses the newest first, never one in the middle)
//
// Nothing is really synced: surviving is decided here, so a harness runs at the speed of the page
// cache. Files that Cloakroom writes itself (the superblock) are copied as they are at the cut.
#ifndef CLOAKROOM_TESTS_SUPPORT_UNSYNCED_FS_H_
#define CLOAKROOM_TESTS_SUPPORT_UNSYNCED_FS_H_

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <vector>

namespace cloakroom::testing {

// What becomes of bytes that were written and not synced.
enum class Damage {
  kDropAll,     // none of them is there
  kKeepSome,    // a random number of them is there
  kTornSector,  // a random number of whole 512-byte sectors is there
  kHole,        // all are there, but one sector among them reads as zeros: written out of order
  kNothing,     // all are there: the process died and the machine went on
};
inline constexpr int kPowerDamageCount = 4;  // the first four
[[nodiscard]] const char* to_string(Damage damage) noexcept;

// What a cut took.
struct CutReport {
  std::uint64_t bytes_at_risk = 0;  // written and not synced
  std::uint64_t bytes_lost = 0;     // of these: gone or zeroed
  std::uint64_t names_at_risk = 0;  // created, renamed, deleted and not synced
  std::uint64_t names_undone = 0;
};

// Thread-safe.
class UnsyncedFs final : public rocksdb::FileSystemWrapper {
 public:
  // Deleted files wait in the directory `graveyard`, which must exist on the file system of the
  // store, until their deletion is durable.
  explicit UnsyncedFs(std::string graveyard, std::shared_ptr<rocksdb::FileSystem> base =
                                                 rocksdb::FileSystem::Default());

  [[nodiscard]] const char* Name() const override { return "UnsyncedFs"; }

  // The power goes: writes what is left of the directory `root` to the new directory `image`.
  CutReport cut(const std::string& root, const std::string& image, Damage damage,
                std::mt19937_64& random);
  // Takes I/O again and holds everything for synced.
  void reset();
  // For a process that died (Damage::kNothing) on a machine that goes on: what `dead` had not synced
  // in `root` is not synced in `image` either, and a later power cut may take it.
  void inherit(UnsyncedFs& dead, const std::string& root, const std::string& image);
  // Mutating calls so far; a harness may cut at the k-th.
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_.load(); }
  [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_.load(); }

  using IOStatus = rocksdb::IOStatus;
  using IOOptions = rocksdb::IOOptions;
  using IODebugContext = rocksdb::IODebugContext;
  using FileOptions = rocksdb::FileOptions;
  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext* dbg) override;
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext* dbg) override;
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* dbg) override;
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* dbg) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* dbg) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* dbg) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* dbg) override;
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* dbg) override;

  // The bytes of one file, whatever its names; guarded by names_mutex_.
  struct Inode {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
  };
  using InodePtr = std::shared_ptr<Inode>;

  // For the file wrappers: runs `call` unless the power is gone.
  template <class Call>
  IOStatus powered(Call call);
  void appended(Inode& inode, std::uint64_t bytes);
  void truncated(Inode& inode, std::uint64_t size);
  void synced(Inode& inode);
  void directory_synced(const std::string& path);

 private:
  // A change of a directory that its last sync did not cover, with what undoes it.
  struct NameChange {
    std::string created = {};   // this name appeared
    std::string deleted = {};   // this name went; its file waits at `saved`
    std::string saved = {};
    InodePtr saved_inode = {};  // null: all of it was synced
    std::string from = {};      // rename: `created` was `from` before
  };
  using Names = std::map<std::string, InodePtr>;

  void entomb(NameChange& change, const std::string& path);  // REQUIRES: names_mutex_ held
  void undo(const NameChange& change, const std::string& root, const std::string& image,
            Names& names) const;

  const std::string graveyard_;
  std::shared_mutex power_mutex_;  // shared: a call is running; exclusive: the cut
  bool powered_ = true;            // guarded by power_mutex_
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> syncs_{0};

  std::mutex names_mutex_;
  Names inodes_;                                          // files written through us
  std::map<std::string, std::vector<NameChange>> pending_;  // by directory
  std::uint64_t graves_ = 0;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_UNSYNCED_FS_H_
