#include "journal/rocks_fs.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "journal/rocks_table_check.h"

namespace cloakroom {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// See rule 1 of the header.
IOStatus without_no_space(IOStatus status) {
  if (!status.IsNoSpace()) return status;
  return IOStatus::IOError("no space left on device", status.ToString());
}

class GuardedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  // `log` is null unless the file is one.
  GuardedFile(std::unique_ptr<FSWritableFile> file, std::shared_ptr<OpenLogs::Log> log)
      : FSWritableFileOwnerWrapper(std::move(file)), log_(std::move(log)) {
    if (!log_) return;
    MutexLock guard(log_->mutex);
    log_->file = target();
  }
  ~GuardedFile() override { forget(); }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Append(data, options, info, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return without_no_space(
        FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& info,
                            IODebugContext* debug) override {
    return without_no_space(
        FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, info, debug));
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Truncate(size, options, debug));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    forget();
    return without_no_space(FSWritableFileOwnerWrapper::Close(options, debug));
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Flush(options, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, debug));
  }
  IOStatus Allocate(uint64_t offset, uint64_t length, const IOOptions& options,
                    IODebugContext* debug) override {
    return without_no_space(FSWritableFileOwnerWrapper::Allocate(offset, length, options, debug));
  }

 private:
  void forget() {
    if (!log_) return;
    MutexLock guard(log_->mutex);
    log_->file = nullptr;
  }

  const std::shared_ptr<OpenLogs::Log> log_;
};

class GuardedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  GuardedFileSystem(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<OpenLogs> logs)
      : FileSystemWrapper(std::move(base)), logs_(std::move(logs)) {}

  const char* Name() const override { return "CloakroomFileSystem"; }

  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext* debug) override {
    IOStatus opened = target()->NewRandomAccessFile(name, options, result, debug);
    if (!opened.ok() || !name.ends_with(".sst")) return opened;
    std::uint64_t bytes = 0;
    if (!target()->GetFileSize(name, IOOptions(), &bytes, debug).ok()) return opened;
    IOStatus checked = check_properties(**result, bytes, name);
    if (!checked.ok()) result->reset();
    return checked;
  }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    return guard(name, target()->NewWritableFile(name, options, result, debug), result);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* result,
                              IODebugContext* debug) override {
    return guard(name, target()->ReopenWritableFile(name, options, result, debug), result);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                             const FileOptions& options, std::unique_ptr<FSWritableFile>* result,
                             IODebugContext* debug) override {
    return guard(name, target()->ReuseWritableFile(name, old_name, options, result, debug), result);
  }
  IOStatus CreateDir(const std::string& name, const IOOptions& options,
                     IODebugContext* debug) override {
    return made_directory(name, target()->CreateDir(name, options, debug));
  }
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& options,
                              IODebugContext* debug) override {
    return made_directory(name, target()->CreateDirIfMissing(name, options, debug));
  }
  IOStatus LockFile(const std::string& name, const IOOptions& options, rocksdb::FileLock** lock,
                    IODebugContext* debug) override {
    IOStatus locked = target()->LockFile(name, options, lock, debug);
    if (locked.ok()) ::chmod(name.c_str(), 0600);
    return locked;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return without_no_space(target()->RenameFile(from, to, options, debug));
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override {
    return without_no_space(target()->LinkFile(from, to, options, debug));
  }

 private:
  IOStatus guard(const std::string& name, IOStatus made, std::unique_ptr<FSWritableFile>* file) {
    if (!made.ok()) return without_no_space(std::move(made));
    ::chmod(name.c_str(), 0600);  // a file system of a test may keep no file by this name
    std::shared_ptr<OpenLogs::Log> log;
    if (logs_ && name.ends_with(".log")) {
      log = std::make_shared<OpenLogs::Log>();
      log->directory = name.substr(0, name.find_last_of('/'));
    }
    *file = std::make_unique<GuardedFile>(std::move(*file), log);
    if (log) logs_->add(std::move(log));
    return made;
  }

  static IOStatus made_directory(const std::string& name, IOStatus made) {
    if (made.ok()) ::chmod(name.c_str(), 0700);
    return without_no_space(std::move(made));
  }

  const std::shared_ptr<OpenLogs> logs_;
};

}  // namespace

void OpenLogs::add(std::shared_ptr<Log> log) {
  MutexLock guard(mutex_);
  std::erase_if(logs_, [](const auto& old) {
    MutexLock open(old->mutex);
    return old->file == nullptr;
  });
  logs_.push_back(std::move(log));
}

IOStatus OpenLogs::sync(rocksdb::FileSystem& file_system) {
  std::vector<std::shared_ptr<Log>> logs;
  {
    MutexLock guard(mutex_);
    logs = logs_;
  }
  for (const auto& log : logs) {
    MutexLock guard(log->mutex);
    if (log->file == nullptr) continue;  // closed: what it held is in table files by now
    IOStatus synced = log->file->Sync(IOOptions(), nullptr);
    if (synced.ok() && !log->name_synced) {
      std::unique_ptr<rocksdb::FSDirectory> directory;
      synced = file_system.NewDirectory(log->directory, IOOptions(), &directory, nullptr);
      if (synced.ok()) synced = directory->Fsync(IOOptions(), nullptr);
      log->name_synced = synced.ok();
    }
    if (!synced.ok()) return without_no_space(std::move(synced));
  }
  return IOStatus::OK();
}

std::shared_ptr<rocksdb::FileSystem> make_guarded_file_system(
    std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<OpenLogs> logs) {
  if (!base) base = rocksdb::FileSystem::Default();
  return std::make_shared<GuardedFileSystem>(std::move(base), std::move(logs));
}

}  // namespace cloakroom
