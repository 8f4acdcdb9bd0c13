#include "support/faulty_fs.h"

#include <cctype>
#include <utility>

namespace cloakroom::testing {
namespace {

using rocksdb::DataVerificationInfo;
using rocksdb::DirFsyncOptions;
using rocksdb::FSDirectory;
using rocksdb::FSDirectoryWrapper;
using rocksdb::FSWritableFile;
using rocksdb::FSWritableFileOwnerWrapper;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// "dir/000012.log" -> ".log", "dir/MANIFEST-000004" -> "MANIFEST": a kind of file, not a file.
std::string file_kind(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot != std::string::npos && dot > 0 && std::isdigit(static_cast<unsigned char>(name[0]))) {
    return name.substr(dot);
  }
  return name.substr(0, name.find_first_of("-.0123456789"));
}

class FaultyFile final : public FSWritableFileOwnerWrapper {
 public:
  FaultyFile(FaultyFs& fs, std::string path, std::unique_ptr<FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs), path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    std::size_t write = data.size();
    IOStatus status = fs_.step_append(path_, data.size(), &write);
    if (status.ok()) return target()->Append(data, options, dbg);
    if (write > 0) {
      target()->Append(Slice(data.data(), write), options, dbg).PermitUncheckedError();
    }
    return fs_.hides_errors() ? IOStatus::OK() : status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo&,
                  IODebugContext* dbg) override {
    return Append(data, options, dbg);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* dbg) override {
    IOStatus status = fs_.step("truncate", path_);
    return status.ok() ? target()->Truncate(size, options, dbg) : status;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
    IOStatus status = fs_.step("close", path_);
    IOStatus closed = target()->Close(options, dbg);  // A close that fails still closes.
    return status.ok() ? closed : status;
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* dbg) override {
    IOStatus status = fs_.step("flush", path_);
    return status.ok() ? target()->Flush(options, dbg) : status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    IOStatus status = fs_.step("sync", path_);
    return status.ok() ? target()->Sync(options, dbg) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    IOStatus status = fs_.step("sync", path_);
    return status.ok() ? target()->Fsync(options, dbg) : status;
  }
  IOStatus RangeSync(uint64_t offset, uint64_t count, const IOOptions& options,
                     IODebugContext* dbg) override {
    IOStatus status = fs_.step("range sync", path_);
    return status.ok() ? target()->RangeSync(offset, count, options, dbg) : status;
  }

 private:
  FaultyFs& fs_;
  const std::string path_;
};

class FaultyDirectory final : public FSDirectoryWrapper {
 public:
  FaultyDirectory(FaultyFs& fs, std::string path, std::unique_ptr<FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), fs_(fs), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    IOStatus status = fs_.step("sync directory", path_);
    return status.ok() ? FSDirectoryWrapper::Fsync(options, dbg) : status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* dbg,
                               const DirFsyncOptions& how) override {
    IOStatus status = fs_.step("sync directory", path_);
    return status.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, dbg, how) : status;
  }

 private:
  FaultyFs& fs_;
  const std::string path_;
};

}  // namespace

const char* to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::kIoError:
      return "EIO";
    case Fault::kNoSpace:
      return "ENOSPC";
    case Fault::kShortWrite:
      return "short write";
    case Fault::kLost:
      return "lost";
  }
  return "?";
}

FaultyFs::FaultyFs(std::shared_ptr<rocksdb::FileSystem> base)
    : FileSystemWrapper(std::move(base)) {}

void FaultyFs::arm(std::uint64_t k, Fault fault, bool sticky) {
  const std::lock_guard lock(mutex_);
  calls_ = fired_ = 0;
  target_ = k;
  fault_ = fault;
  sticky_ = sticky;
  first_site_.clear();
}

void FaultyFs::disarm() {
  const std::lock_guard lock(mutex_);
  target_ = 0;
}

std::uint64_t FaultyFs::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t FaultyFs::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

std::string FaultyFs::first_site() const {
  const std::lock_guard lock(mutex_);
  return first_site_;
}

bool FaultyFs::due(const char* what, const std::string& path) {
  ++calls_;
  if (target_ == 0 || (sticky_ ? calls_ < target_ : calls_ != target_)) return false;
  ++fired_;
  if (first_site_.empty()) first_site_ = std::string(what) + ' ' + file_kind(path);
  return true;
}

IOStatus FaultyFs::error() const {
  return fault_ == Fault::kNoSpace ? IOStatus::NoSpace("injected", "No space left on device")
                                   : IOStatus::IOError("injected", "Input/output error");
}

IOStatus FaultyFs::step(const char* what, const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (fault_ == Fault::kLost) return IOStatus::OK();
  return due(what, path) ? error() : IOStatus::OK();
}

bool FaultyFs::hides_errors() const {
  const std::lock_guard lock(mutex_);
  return fault_ == Fault::kLost;
}

IOStatus FaultyFs::step_append(const std::string& path, std::size_t size, std::size_t* write) {
  const std::lock_guard lock(mutex_);
  if (!due("append", path)) return IOStatus::OK();
  *write = fault_ == Fault::kShortWrite ? size / 2 : 0;
  return error();
}

IOStatus FaultyFs::NewWritableFile(const std::string& path, const FileOptions& options,
                                   std::unique_ptr<FSWritableFile>* result, IODebugContext* dbg) {
  IOStatus status = step("create", path);
  if (status.ok()) status = target()->NewWritableFile(path, options, result, dbg);
  if (status.ok()) *result = std::make_unique<FaultyFile>(*this, path, std::move(*result));
  return status;
}

IOStatus FaultyFs::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                      std::unique_ptr<FSWritableFile>* result,
                                      IODebugContext* dbg) {
  IOStatus status = step("reopen", path);
  if (status.ok()) status = target()->ReopenWritableFile(path, options, result, dbg);
  if (status.ok()) *result = std::make_unique<FaultyFile>(*this, path, std::move(*result));
  return status;
}

IOStatus FaultyFs::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                     const FileOptions& options,
                                     std::unique_ptr<FSWritableFile>* result,
                                     IODebugContext* dbg) {
  IOStatus status = step("reuse", path);
  if (status.ok()) status = target()->ReuseWritableFile(path, old_path, options, result, dbg);
  if (status.ok()) *result = std::make_unique<FaultyFile>(*this, path, std::move(*result));
  return status;
}

IOStatus FaultyFs::NewDirectory(const std::string& path, const IOOptions& options,
                                std::unique_ptr<FSDirectory>* result, IODebugContext* dbg) {
  // Opening a directory changes nothing; only its syncs are numbered.
  IOStatus status = target()->NewDirectory(path, options, result, dbg);
  if (status.ok()) *result = std::make_unique<FaultyDirectory>(*this, path, std::move(*result));
  return status;
}

IOStatus FaultyFs::DeleteFile(const std::string& path, const IOOptions& options,
                              IODebugContext* dbg) {
  IOStatus status = step("delete", path);
  return status.ok() ? target()->DeleteFile(path, options, dbg) : status;
}

IOStatus FaultyFs::Truncate(const std::string& path, std::size_t size, const IOOptions& options,
                            IODebugContext* dbg) {
  IOStatus status = step("truncate", path);
  return status.ok() ? target()->Truncate(path, size, options, dbg) : status;
}

IOStatus FaultyFs::CreateDir(const std::string& path, const IOOptions& options,
                             IODebugContext* dbg) {
  IOStatus status = step("create directory", path);
  return status.ok() ? target()->CreateDir(path, options, dbg) : status;
}

IOStatus FaultyFs::CreateDirIfMissing(const std::string& path, const IOOptions& options,
                                      IODebugContext* dbg) {
  IOStatus status = step("create directory", path);
  return status.ok() ? target()->CreateDirIfMissing(path, options, dbg) : status;
}

IOStatus FaultyFs::DeleteDir(const std::string& path, const IOOptions& options,
                             IODebugContext* dbg) {
  IOStatus status = step("delete directory", path);
  return status.ok() ? target()->DeleteDir(path, options, dbg) : status;
}

IOStatus FaultyFs::RenameFile(const std::string& from, const std::string& to,
                              const IOOptions& options, IODebugContext* dbg) {
  IOStatus status = step("rename", to);
  return status.ok() ? target()->RenameFile(from, to, options, dbg) : status;
}

IOStatus FaultyFs::LinkFile(const std::string& from, const std::string& to,
                            const IOOptions& options, IODebugContext* dbg) {
  IOStatus status = step("link", to);
  return status.ok() ? target()->LinkFile(from, to, options, dbg) : status;
}

IOStatus FaultyFs::LockFile(const std::string& path, const IOOptions& options,
                            rocksdb::FileLock** lock, IODebugContext* dbg) {
  IOStatus status = step("lock", path);
  return status.ok() ? target()->LockFile(path, options, lock, dbg) : status;
}

}  // namespace cloakroom::testing
