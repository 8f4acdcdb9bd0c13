// FaultyFs: a RocksDB file system that fails where it is told to.
//
// It numbers the calls that change something on disk (create, append, sync, rename, delete, ...),
// starting at 1 after arm(), and fails the k-th: once, or that one and all that follow. A harness
// that runs k = 1, 2, 3, ... until nothing fired has visited every place where a disk can fail.
#ifndef CLOAKROOM_TESTS_SUPPORT_FAULTY_FS_H_
#define CLOAKROOM_TESTS_SUPPORT_FAULTY_FS_H_

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace cloakroom::testing {

enum class Fault {
  kIoError,     // EIO; nothing of the call happened
  kNoSpace,     // ENOSPC; nothing of the call happened
  kShortWrite,  // of an append the first half happened, then EIO; other calls as kIoError
  kLost,        // an append says ok and did not happen; no other call fails. For sabotage
};
[[nodiscard]] const char* to_string(Fault fault) noexcept;

// Thread-safe.
class FaultyFs final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFs(std::shared_ptr<rocksdb::FileSystem> base = rocksdb::FileSystem::Default());

  [[nodiscard]] const char* Name() const override { return "FaultyFs"; }

  // From now on the k-th mutating call fails, k = 1 being the next; sticky: and all after it.
  void arm(std::uint64_t k, Fault fault, bool sticky);
  void disarm();

  [[nodiscard]] std::uint64_t calls() const;  // mutating calls since arm(), or since construction
  [[nodiscard]] std::uint64_t fired() const;  // faults that really happened since arm()
  // Where the first fault fired: "append .log" and the like, a call and a kind of file.
  [[nodiscard]] std::string first_site() const;

  // The next mutating call, named by what it does and to what. Ok, or the fault.
  rocksdb::IOStatus step(const char* what, const std::string& path);
  // The same for an append: `write` says how many bytes of `size` still happen.
  rocksdb::IOStatus step_append(const std::string& path, std::size_t size, std::size_t* write);
  [[nodiscard]] bool hides_errors() const;

  using IOStatus = rocksdb::IOStatus;
  using IOOptions = rocksdb::IOOptions;
  using IODebugContext = rocksdb::IODebugContext;
  using FileOptions = rocksdb::FileOptions;
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* dbg) override;
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* dbg) override;
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* dbg) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* dbg) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* dbg) override;
  IOStatus Truncate(const std::string& path, std::size_t size, const IOOptions& options,
                    IODebugContext* dbg) override;
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* dbg) override;
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* dbg) override;
  IOStatus DeleteDir(const std::string& path, const IOOptions& options,
                     IODebugContext* dbg) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* dbg) override;
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* dbg) override;
  IOStatus LockFile(const std::string& path, const IOOptions& options, rocksdb::FileLock** lock,
                    IODebugContext* dbg) override;

 private:
  bool due(const char* what, const std::string& path);  // REQUIRES: mutex_ held
  IOStatus error() const;                               // REQUIRES: mutex_ held

  mutable std::mutex mutex_;
  std::uint64_t calls_ = 0;
  std::uint64_t fired_ = 0;
  std::uint64_t target_ = 0;  // 0: never
  Fault fault_ = Fault::kIoError;
  bool sticky_ = false;
  std::string first_site_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_FAULTY_FS_H_
