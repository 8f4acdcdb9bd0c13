#include "support/unsynced_fs.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;
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

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kPage = 4096;  // in which the kernel writes back

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// RocksDB writes "dir//file" here and "dir/file" there; one name must be one key.
std::string clean(const std::string& path) {
  std::string cleaned = fs::path(path).lexically_normal().string();
  while (cleaned.size() > 1 && cleaned.back() == '/') cleaned.pop_back();
  return cleaned;
}

bool lies_below(const std::string& path, const std::string& root) {
  return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
}

// How many bytes of the file are there after the cut.
std::uint64_t kept_bytes(const UnsyncedFs::Inode& inode, Damage damage, std::mt19937_64& random) {
  const std::uint64_t at_risk = inode.size - inode.synced;
  switch (damage) {
    case Damage::kDropAll:
      return inode.synced;
    case Damage::kKeepSome:
      return inode.synced + random() % (at_risk + 1);
    case Damage::kTornSector: {
      const std::uint64_t end = (inode.synced + random() % (at_risk + 1)) / kSector * kSector;
      return std::max(inode.synced, end);
    }
    case Damage::kHole:
    case Damage::kNothing:
      return inode.size;
  }
  return inode.synced;
}

// Zeroes the unsynced part of a few sectors or pages; returns how many bytes that were.
std::uint64_t punch_hole(const std::string& path, const UnsyncedFs::Inode& inode,
                         std::mt19937_64& random) {
  const std::uint64_t at = inode.synced + random() % (inode.size - inode.synced);
  const std::uint64_t granule = random() % 2 == 0 ? kSector : kPage;
  const std::uint64_t first = at / granule;
  const std::uint64_t begin = std::max(inode.synced, first * granule);
  const std::uint64_t end = std::min(inode.size, (first + 1 + random() % 8) * granule);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(begin));
  file << std::string(end - begin, '\0');
  return end - begin;
}

class TrackedFile final : public FSWritableFileOwnerWrapper {
 public:
  TrackedFile(UnsyncedFs& fs, UnsyncedFs::InodePtr inode, std::unique_ptr<FSWritableFile> file);

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override;
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo&,
                  IODebugContext* dbg) override {
    return Append(data, options, dbg);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* dbg) override;
  IOStatus Flush(const IOOptions& options, IODebugContext* dbg) override;
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override;
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Sync(options, dbg);
  }
  // Starts write-back and promises nothing, so it is worth nothing here.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  UnsyncedFs& fs_;
  const UnsyncedFs::InodePtr inode_;
};

class TrackedDirectory final : public FSDirectoryWrapper {
 public:
  TrackedDirectory(UnsyncedFs& fs, std::string path, std::unique_ptr<FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), fs_(fs), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override;
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* dbg,
                               const DirFsyncOptions&) override {
    return Fsync(options, dbg);
  }

 private:
  UnsyncedFs& fs_;
  const std::string path_;
};

}  // namespace

template <class Call>
IOStatus UnsyncedFs::powered(Call call) {
  const std::shared_lock power(power_mutex_);
  if (!powered_) return IOStatus::IOError("injected", "the power is gone");
  calls_.fetch_add(1);
  return call();
}

namespace {

TrackedFile::TrackedFile(UnsyncedFs& fs, UnsyncedFs::InodePtr inode,
                         std::unique_ptr<FSWritableFile> file)
    : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs), inode_(std::move(inode)) {}

IOStatus TrackedFile::Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) {
  return fs_.powered([&] {
    IOStatus status = target()->Append(data, options, dbg);
    if (status.ok()) fs_.appended(*inode_, data.size());
    return status;
  });
}

IOStatus TrackedFile::Truncate(uint64_t size, const IOOptions& options, IODebugContext* dbg) {
  return fs_.powered([&] {
    IOStatus status = target()->Truncate(size, options, dbg);
    if (status.ok()) fs_.truncated(*inode_, size);
    return status;
  });
}

IOStatus TrackedFile::Flush(const IOOptions& options, IODebugContext* dbg) {
  return fs_.powered([&] { return target()->Flush(options, dbg); });
}

IOStatus TrackedFile::Sync(const IOOptions& options, IODebugContext* dbg) {
  return fs_.powered([&] {
    IOStatus status = target()->Flush(options, dbg);
    if (status.ok()) fs_.synced(*inode_);
    return status;
  });
}

IOStatus TrackedDirectory::Fsync(const IOOptions&, IODebugContext*) {
  return fs_.powered([&] {
    fs_.directory_synced(path_);
    return IOStatus::OK();
  });
}

}  // namespace

const char* to_string(Damage damage) noexcept {
  switch (damage) {
    case Damage::kDropAll:
      return "drop all";
    case Damage::kKeepSome:
      return "keep some";
    case Damage::kTornSector:
      return "torn sector";
    case Damage::kHole:
      return "hole";
    case Damage::kNothing:
      return "nothing";
  }
  return "?";
}

UnsyncedFs::UnsyncedFs(std::string graveyard, std::shared_ptr<rocksdb::FileSystem> base)
    : FileSystemWrapper(std::move(base)), graveyard_(std::move(graveyard)) {}

void UnsyncedFs::appended(Inode& inode, std::uint64_t bytes) {
  const std::lock_guard lock(names_mutex_);
  inode.size += bytes;
}

void UnsyncedFs::truncated(Inode& inode, std::uint64_t size) {
  const std::lock_guard lock(names_mutex_);
  inode.size = size;
  inode.synced = std::min(inode.synced, size);
}

void UnsyncedFs::synced(Inode& inode) {
  const std::lock_guard lock(names_mutex_);
  inode.synced = inode.size;
  syncs_.fetch_add(1);
}

void UnsyncedFs::directory_synced(const std::string& path) {
  const std::lock_guard lock(names_mutex_);
  const auto found = pending_.find(path);
  if (found == pending_.end()) return;
  for (const NameChange& change : found->second) {
    if (!change.saved.empty()) ::unlink(change.saved.c_str());
  }
  pending_.erase(found);
}

void UnsyncedFs::entomb(NameChange& change, const std::string& path) {
  const std::string grave = graveyard_ + "/" + std::to_string(++graves_);
  if (::link(path.c_str(), grave.c_str()) != 0) return;  // There was no such file.
  change.saved = grave;
  change.deleted = path;
  const auto inode = inodes_.find(path);
  if (inode != inodes_.end()) change.saved_inode = inode->second;
}

IOStatus UnsyncedFs::NewSequentialFile(const std::string& path, const FileOptions& options,
                                       std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                       IODebugContext* dbg) {
  return powered([&] { return target()->NewSequentialFile(path, options, result, dbg); });
}

IOStatus UnsyncedFs::NewRandomAccessFile(const std::string& path, const FileOptions& options,
                                         std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                         IODebugContext* dbg) {
  return powered([&] { return target()->NewRandomAccessFile(path, options, result, dbg); });
}

IOStatus UnsyncedFs::NewWritableFile(const std::string& given, const FileOptions& options,
                                     std::unique_ptr<FSWritableFile>* result, IODebugContext* dbg) {
  const std::string path = clean(given);
  return powered([&] {
    const std::lock_guard lock(names_mutex_);
    NameChange change{.created = path};
    entomb(change, path);
    // Truncating in place would reach through the hard link into the grave.
    if (!change.saved.empty()) ::unlink(path.c_str());
    IOStatus status = target()->NewWritableFile(path, options, result, dbg);
    if (!status.ok()) return status;
    auto inode = std::make_shared<Inode>();
    inodes_[path] = inode;
    pending_[directory_of(path)].push_back(std::move(change));
    *result = std::make_unique<TrackedFile>(*this, std::move(inode), std::move(*result));
    return status;
  });
}

IOStatus UnsyncedFs::ReopenWritableFile(const std::string& given, const FileOptions& options,
                                        std::unique_ptr<FSWritableFile>* result,
                                        IODebugContext* dbg) {
  const std::string path = clean(given);
  return powered([&] {
    const std::lock_guard lock(names_mutex_);
    const bool existed = ::access(path.c_str(), F_OK) == 0;
    IOStatus status = target()->ReopenWritableFile(path, options, result, dbg);
    if (!status.ok()) return status;
    InodePtr& inode = inodes_[path];
    if (inode == nullptr) {
      const std::uint64_t size = fs::file_size(path);
      inode = std::make_shared<Inode>(Inode{size, size});
    }
    if (!existed) pending_[directory_of(path)].push_back({.created = path});
    *result = std::make_unique<TrackedFile>(*this, inode, std::move(*result));
    return status;
  });
}

IOStatus UnsyncedFs::NewDirectory(const std::string& path, const IOOptions& options,
                                  std::unique_ptr<FSDirectory>* result, IODebugContext* dbg) {
  return powered([&] {
    IOStatus status = target()->NewDirectory(path, options, result, dbg);
    if (status.ok()) {
      *result = std::make_unique<TrackedDirectory>(*this, clean(path), std::move(*result));
    }
    return status;
  });
}

IOStatus UnsyncedFs::DeleteFile(const std::string& given, const IOOptions& options,
                                IODebugContext* dbg) {
  const std::string path = clean(given);
  return powered([&] {
    const std::lock_guard lock(names_mutex_);
    NameChange change;
    entomb(change, path);
    IOStatus status = target()->DeleteFile(path, options, dbg);
    if (!status.ok()) return status;
    inodes_.erase(path);
    pending_[directory_of(path)].push_back(std::move(change));
    return status;
  });
}

IOStatus UnsyncedFs::RenameFile(const std::string& given_from, const std::string& given_to,
                                const IOOptions& options, IODebugContext* dbg) {
  const std::string from = clean(given_from);
  const std::string to = clean(given_to);
  return powered([&] {
    const std::lock_guard lock(names_mutex_);
    NameChange change{.created = to, .from = from};
    entomb(change, to);
    IOStatus status = target()->RenameFile(from, to, options, dbg);
    if (!status.ok()) return status;
    const auto inode = inodes_.find(from);
    if (inode != inodes_.end()) {
      inodes_[to] = inode->second;
      inodes_.erase(from);
    } else {
      inodes_.erase(to);
    }
    pending_[directory_of(to)].push_back(std::move(change));
    return status;
  });
}

IOStatus UnsyncedFs::LinkFile(const std::string& given_from, const std::string& given_to,
                              const IOOptions& options, IODebugContext* dbg) {
  const std::string from = clean(given_from);
  const std::string to = clean(given_to);
  return powered([&] {
    const std::lock_guard lock(names_mutex_);
    IOStatus status = target()->LinkFile(from, to, options, dbg);
    if (!status.ok()) return status;
    const auto inode = inodes_.find(from);
    if (inode != inodes_.end()) inodes_[to] = inode->second;
    pending_[directory_of(to)].push_back({.created = to});
    return status;
  });
}

void UnsyncedFs::undo(const NameChange& change, const std::string& root, const std::string& image,
                      Names& names) const {
  const auto in_image = [&](const std::string& path) { return image + path.substr(root.size()); };
  std::error_code ignored;
  if (!change.from.empty()) {
    fs::rename(in_image(change.created), in_image(change.from), ignored);
    if (names.contains(change.created)) names[change.from] = names[change.created];
    names.erase(change.created);
  } else if (!change.created.empty()) {
    fs::remove(in_image(change.created), ignored);
    names.erase(change.created);
  }
  if (!change.saved.empty()) {
    fs::copy_file(change.saved, in_image(change.deleted), fs::copy_options::overwrite_existing,
                  ignored);
    if (change.saved_inode) names[change.deleted] = change.saved_inode;
  }
}

CutReport UnsyncedFs::cut(const std::string& given_root, const std::string& image, Damage damage,
                          std::mt19937_64& random) {
  const std::string root = clean(given_root);
  const std::unique_lock power(power_mutex_);
  const std::lock_guard lock(names_mutex_);
  powered_ = false;
  fs::copy(root, image, fs::copy_options::recursive);

  CutReport report;
  Names names = inodes_;
  for (const auto& [directory, changes] : pending_) {
    if (directory != root && !lies_below(directory, root)) continue;
    std::size_t kept = damage == Damage::kNothing ? changes.size() : 0;
    if (damage != Damage::kDropAll && damage != Damage::kNothing) {
      kept = static_cast<std::size_t>(random() % (changes.size() + 1));
    }
    for (std::size_t i = changes.size(); i > kept; --i) undo(changes[i - 1], root, image, names);
    report.names_at_risk += changes.size();
    report.names_undone += changes.size() - kept;
  }
  for (const auto& [path, inode] : names) {
    if (!lies_below(path, root) || inode->size == inode->synced) continue;
    const std::string copy = image + path.substr(root.size());
    const std::uint64_t kept = kept_bytes(*inode, damage, random);
    fs::resize_file(copy, kept);
    report.bytes_at_risk += inode->size - inode->synced;
    report.bytes_lost += inode->size - kept;
    if (damage == Damage::kHole) report.bytes_lost += punch_hole(copy, *inode, random);
  }
  return report;
}

void UnsyncedFs::reset() {
  const std::unique_lock power(power_mutex_);
  const std::lock_guard lock(names_mutex_);
  powered_ = true;
  inodes_.clear();
  pending_.clear();
}

void UnsyncedFs::inherit(UnsyncedFs& dead, const std::string& given_root,
                         const std::string& image) {
  const std::string root = clean(given_root);
  const auto moved = [&](const std::string& path) {
    return lies_below(path, root) ? image + path.substr(root.size()) : path;
  };
  const std::lock_guard theirs(dead.names_mutex_);
  const std::lock_guard ours(names_mutex_);
  for (const auto& [path, inode] : dead.inodes_) {
    if (lies_below(path, root)) inodes_[moved(path)] = std::make_shared<Inode>(*inode);
  }
  for (const auto& [directory, changes] : dead.pending_) {
    if (directory != root && !lies_below(directory, root)) continue;
    for (NameChange change : changes) {
      for (std::string* name : {&change.created, &change.deleted, &change.from}) {
        *name = moved(*name);
      }
      pending_[directory == root ? image : moved(directory)].push_back(std::move(change));
    }
  }
  graves_ = dead.graves_;
}

}  // namespace cloakroom::testing
