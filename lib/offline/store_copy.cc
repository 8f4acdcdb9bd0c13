#include "offline/store_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include "base/file.h"
#include "journal/recovery.h"
#include "journal/ring.h"
#include "journal/superblock.h"

namespace cloakroom {
namespace {

constexpr unsigned kAttemptsMax = 8;
constexpr unsigned kRingCopiesMax = 20;
constexpr auto kRingPause = std::chrono::milliseconds(2);
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;

// A file of the store that is held open, so that its bytes stay.
struct HeldFile {
  Fd fd;
  CopiedTable is;
};
using HeldFiles = std::map<std::string, HeldFile>;  // numbers of equal width: in their order

Result<HeldFile> hold(const std::string& path, const std::string& name) {
  Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return io_error("open", path, errno);
  HeldFile file{.fd = *std::move(fd), .is = {.name = name}};
  file.is.bytes = static_cast<std::uint64_t>(info.st_size);
  file.is.inode = info.st_ino;
  file.is.changed_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  return file;
}

// Adds the table files and logs that are not there yet. What has gone meanwhile is not missed here.
Status hold_all(const std::string& rocks, HeldFiles& tables, HeldFiles& logs) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(rocks, failed)) {
    const std::string name = entry.path().filename();
    HeldFiles* const files = name.ends_with(".sst")   ? &tables
                             : name.ends_with(".log") ? &logs
                                                      : nullptr;
    if (files == nullptr || files->contains(name)) continue;
    Result<HeldFile> file = hold(entry.path(), name);
    if (file) {
      files->emplace(name, *std::move(file));
    } else if (exists(entry.path())) {
      return file.status();
    }
  }
  return failed ? io_error("list", rocks, failed.value()) : Status();
}

// Writes all of `from`, as long as it is when its end is met, into the new file `to`; not synced.
Status copy_bytes(const Fd& from, const std::string& to,
                  const std::function<void(std::uint64_t)>& count) {
  const Result<Fd> out = open_file(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!out) return out.status();
  for (std::uint64_t at = 0;;) {
    const Result<std::string> bytes = read_at(from, to, kChunkBytes, at);
    if (!bytes) return bytes.status();
    if (Status written = write_at(*out, to, *bytes, at); !written) return written;
    at += bytes->size();
    if (count) count(bytes->size());
    if (bytes->size() < kChunkBytes) return Status();
  }
}

Status copy_file(const std::string& from, const std::string& to) {
  const Result<Fd> fd = open_file(from, O_RDONLY);
  return fd ? copy_bytes(*fd, to, {}) : fd.status();
}

Status sync_copy(const std::string& path) {
  const Result<Fd> fd = open_file(path, O_RDONLY);
  return fd ? sync_file(*fd, path) : fd.status();
}

class Copier {
 public:
  Copier(std::string from, std::string to, const CopySettings& settings)
      : from_(std::move(from)), to_(std::move(to)), settings_(settings) {}

  Result<StoreCopy> run() {
    copy_ = StoreCopy();
    const auto superblock = Superblock::open(from_, false);  // 1
    if (!superblock) return superblock.status();
    Status done = make_private_directory(to_);
    if (done) done = make_private_directory(to_ + "/" + kRocksName);
    if (done) done = take_files(*superblock);
    if (done) done = make_store(*superblock);
    if (!done) return done;
    return copy_;
  }

 private:
  Status take_files(const Superblock& superblock) {
    const std::string from = from_ + "/" + kRocksName;
    const bool with_ring = !superblock.mark().clean && superblock.mark().ring;
    const auto& id = superblock.identity().id;
    if (with_ring) {  // 2
      if (Status taken = take_ring(id); !taken) return taken;
    }
    HeldFiles tables;
    HeldFiles logs;
    if (Status held = hold_all(from, tables, logs); !held) return held;  // 3
    if (Status taken = take_list(from); !taken) return taken;            // 4
    if (Status held = hold_all(from, tables, logs); !held) return held;  // 5
    for (const auto& [name, log] : logs) {                               // 6
      if (Status copied = copy_bytes(log.fd, in_copy(name), {}); !copied) return copied;
    }
    if (with_ring) {
      if (Status same = compare_ring(); !same) return same;
    }
    return take_tables(tables);
  }

  // Until no frame is missing in it that has others behind it. A writer that died half-way leaves
  // such a place for good; then it is taken as it is, as recovery would.
  Status take_ring(const Ring::Id& id) {
    for (unsigned i = 0; i < kRingCopiesMax; ++i) {
      const std::string to = to_ + "/" + kRingName;
      ::unlink(to.c_str());
      if (Status copied = copy_file(from_ + "/" + kRingName, to); !copied) return copied;
      const auto ring = Ring::open(to_, id, false);
      if (!ring) return ring.status();
      Ring::Walk walk(**ring, (*ring)->released(), true);
      for (std::string_view body; walk.next(&body);) {
      }
      if (walk.skipped() == 0) break;
      std::this_thread::sleep_for(kRingPause);
    }
    return Status();
  }

  // A server that was started meanwhile has begun its ring anew, and with it another history.
  Status compare_ring() const {
    for (const std::string& path : {from_ + "/" + kRingName, to_ + "/" + kRingName}) {
      if (!exists(path)) return Status(StatusCode::kIo, path + " is gone");
    }
    const auto first = opening_of(to_ + "/" + kRingName);
    const auto now = opening_of(from_ + "/" + kRingName);
    if (!first) return first.status();
    if (!now) return now.status();
    if (*first == *now) return Status();
    return Status(StatusCode::kIo, "store " + from_ + " was opened anew while it was copied");
  }

  // The bytes of a ring's header that differ from opening to opening.
  static Result<std::string> opening_of(const std::string& path) {
    constexpr std::size_t kSaltAt = 1024;
    const Result<Fd> fd = open_file(path, O_RDONLY);
    if (!fd) return fd.status();
    return read_at(*fd, path, sizeof(std::uint64_t), kSaltAt);
  }

  Status take_list(const std::string& from) {
    const std::string path = from + "/CURRENT";
    const Result<Fd> fd = open_file(path, O_RDONLY);
    if (!fd) return fd.status();
    const Result<std::string> current = read_at(*fd, path, 64, 0);
    if (!current) return current.status();
    const std::string name = current->substr(0, current->find('\n'));
    if (!name.starts_with("MANIFEST-")) {
      return Status(StatusCode::kCorruption, path + " does not name a list of files");
    }
    Status copied = copy_file(from + "/" + name, in_copy(name));
    if (copied) copied = copy_file(path, in_copy("CURRENT"));
    return copied;
  }

  Status take_tables(const HeldFiles& tables) {
    std::uint64_t total = 0;
    for (const auto& [name, table] : tables) total += table.is.bytes;
    std::uint64_t done = 0;
    const auto count = [&](std::uint64_t bytes) {
      done += bytes;
      if (settings_.progress) settings_.progress(done, total);
    };
    for (const auto& [name, table] : tables) {
      copy_.tables.push_back(table.is);
      if (link_table(table)) {
        copy_.bytes_linked += table.is.bytes;
        count(table.is.bytes);
        continue;
      }
      copy_.bytes_copied += table.is.bytes;
      Status copied = copy_bytes(table.fd, in_copy(name), count);
      if (copied) copied = sync_copy(in_copy(name));
      if (!copied) return copied;
    }
    return Status();
  }

  // Linked by the open file, for its name may have gone.
  bool link_table(const HeldFile& table) const {
    const std::string to = in_copy(table.is.name);
    if (settings_.link) {
      const std::string open = "/proc/self/fd/" + std::to_string(table.fd.get());
      if (::linkat(AT_FDCWD, open.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0)
        return true;
      const std::string named = from_ + "/" + kRocksName + "/" + table.is.name;
      if (::link(named.c_str(), to.c_str()) == 0) return true;
    }
    const auto& earlier = settings_.earlier_tables;
    if (settings_.earlier.empty() || std::ranges::count(earlier, table.is) == 0) return false;
    const std::string there = settings_.earlier + "/" + kRocksName + "/" + table.is.name;
    return ::link(there.c_str(), to.c_str()) == 0;
  }

  // What a crash would have left is opened and closed; then it gets its own superblock.
  Status make_store(const Superblock& original) {
    SyncMark mark = original.mark();
    mark.copy = false;
    if (Status made = Superblock::create(to_, original.identity(), mark); !made) return made;
    {
      auto opened = open_journal({.path = to_, .create_if_missing = false, .background = false});
      if (!opened) return opened.status();
      if (Status closed = opened->journal->close(); !closed) return closed;
    }
    // Nothing is in it any more, and an open makes one where there is none.
    ::unlink((to_ + "/" + kRingName).c_str());
    const auto stopped = Superblock::open(to_, false);
    if (!stopped) return stopped.status();
    Identity identity = original.identity();
    ++identity.generation;
    SyncMark copy = stopped->mark();
    copy.copy = true;
    if (Status made = Superblock::create(to_, identity, copy); !made) return made;
    copy_.store_id = to_hex(identity.id);
    copy_.generation = identity.generation;
    copy_.version = copy.synced;
    copy_.live = !original.mark().clean;
    return sync_directory(to_ + "/" + kRocksName);
  }

  [[nodiscard]] std::string in_copy(const std::string& name) const {
    return to_ + "/" + kRocksName + "/" + name;
  }

  const std::string from_;
  const std::string to_;
  const CopySettings& settings_;
  StoreCopy copy_;
};

void remove(const std::string& dir) {
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
}

}  // namespace

Result<StoreCopy> copy_store(const std::string& from, const std::string& to,
                             const CopySettings& settings) {
  if (exists(to)) {
    return Status(StatusCode::kIo, "cannot copy to " + to + ": it exists already");
  }
  Result<StoreCopy> copied = StatusCode::kIo;
  for (unsigned attempt = 1; attempt <= kAttemptsMax; ++attempt) {
    copied = Copier(from, to, settings).run();
    if (copied) {
      copied->attempts = attempt;
      return copied;
    }
    remove(to);
    const StatusCode code = copied.code();
    if (code != StatusCode::kIo && code != StatusCode::kCorruption) break;
    std::this_thread::sleep_for(kPause);
  }
  return copied;
}

Status copy_closed_store(const std::string& from, const std::string& to,
                         const CopySettings& settings) {
  if (exists(to)) return Status(StatusCode::kIo, "cannot copy to " + to + ": it exists already");
  if (const auto store = Superblock::open(from, false); !store) return store.status();
  const std::string rocks = std::string("/") + kRocksName;
  std::vector<std::string> names{std::string("/") + kSuperblockName};
  if (exists(from + "/" + kRingName)) names.push_back(std::string("/") + kRingName);
  std::error_code failed;
  std::uint64_t total = 0;
  for (const auto& entry : std::filesystem::directory_iterator(from + rocks, failed)) {
    const std::string name = entry.path().filename();
    if (name == kLockName) continue;
    names.push_back(rocks + "/" + name);
    std::error_code gone;
    total += entry.file_size(gone);
  }
  if (failed) return io_error("list", from + rocks, failed.value());
  std::uint64_t done = 0;
  const auto count = [&](std::uint64_t bytes) {
    done += bytes;
    if (settings.progress) settings.progress(std::min(done, total), total);
  };
  Status copied = make_private_directory(to);
  if (copied) copied = make_private_directory(to + rocks);
  for (const std::string& name : names) {
    if (!copied) break;
    const Result<Fd> fd = open_file(from + name, O_RDONLY);
    copied = fd ? copy_bytes(*fd, to + name, count) : fd.status();
    if (copied) copied = sync_copy(to + name);
  }
  if (copied) copied = sync_directory(to + rocks);
  if (copied) copied = sync_directory(to);
  if (!copied) remove(to);
  return copied;
}

}  // namespace cloakroom
