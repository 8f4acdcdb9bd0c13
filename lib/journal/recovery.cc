#include "journal/recovery.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/boot_clock.h"
#include "base/file.h"
#include "base/random.h"
#include "journal/committer.h"
#include "journal/fold.h"
#include "journal/memory_journal.h"
#include "journal/ring.h"
#include "journal/rocks_log_look.h"
#include "journal/superblock.h"

namespace cloakroom {
namespace {

enum class Found { kNothing, kEmptyDirectory, kStore };

Result<Found> look_at(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT && !exists(path)) return Found::kNothing;
    return io_error("open", path, errno);
  }
  if (!S_ISDIR(info.st_mode)) {
    return Status(StatusCode::kIo,
                  "cannot open store " + path + ": a file stands in its place; name a directory");
  }
  const Result<bool> is_store = surely_exists(path + "/" + kSuperblockName);
  if (!is_store) return is_store.status();
  if (*is_store) return Found::kStore;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(path, failed)) {
    // What a crash in the first moments of a store leaves.
    const std::string name = entry.path().filename();
    if (name == kLockName || name == std::string(kSuperblockName) + ".tmp") continue;
    if (name == kRingName || name == std::string(kRingName) + ".tmp") continue;
    return Status(StatusCode::kInvalidArgument,
                  path + " is no Cloakroom store and holds other files (" + name +
                      " for one); name a new or empty directory. Nothing was changed");
  }
  if (failed) return io_error("list", path, failed.value());
  return Found::kEmptyDirectory;
}

Result<Fd> take_lock(const std::string& dir) {
  const std::string path = dir + "/" + kLockName;
  Result<Fd> fd = lock_file(path);
  if (!fd && fd.status().code() != StatusCode::kConflict) return fd;
  if (!fd) {
    const Result<Fd> held = open_file(path, O_RDONLY);
    if (!held) return held.status();
    const Result<std::string> holder = read_at(*held, path, 20, 0);
    const std::string pid = holder && !holder->empty() ? *holder : "unknown";
    return Status(StatusCode::kIo, "store " + dir + " is open already, in process " +
                                       pid.substr(0, pid.find('\n')) +
                                       "; close it there, or open another path");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd->get(), 0) != 0) return io_error("write", path, errno);
  if (Status written = write_at(*fd, path, pid, 0); !written) return written;
  return fd;
}

Result<Superblock> create_superblock(const Options& options, const Clock& clock) {
  if (const Result<std::uint64_t> free = free_bytes(options.path);
      free && *free < options.disk_floor_bytes) {
    return Status(StatusCode::kFull,
                  "cannot create a store in " + options.path + ": " + std::to_string(*free) +
                      " bytes are free, Options::disk_floor_bytes asks for " +
                      std::to_string(options.disk_floor_bytes) + "; free space, or lower it");
  }
  Identity identity;
  if (Status random = random_bytes(identity.id); !random) return random;
  identity.created = clock.wall_ms();
  if (Status ring = Ring::create(options.path, options.ring_bytes, identity.id); !ring) return ring;
  const SyncMark mark{.sequence = 0,
                      .synced = 0,
                      .clock = {.store = identity.created, .wall = identity.created},
                      .clean = true};
  if (Status made = Superblock::create(options.path, identity, mark); !made) return made;
  return Superblock::open(options.path, true);
}

std::string_view id_of(const Superblock& superblock) {
  const auto& id = superblock.identity().id;
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

// The id inside RocksDB and the one in the superblock must agree: files were not mixed up.
Status compare_id(std::string_view found, const Superblock& superblock, const std::string& path) {
  if (found == id_of(superblock)) return Status();
  return Status(StatusCode::kCorruption,
                path + ": the files in " + kRocksName + " belong to another store than " +
                    kSuperblockName + "; put the directory back together, or restore a backup");
}

Status check_id(RocksSnapshot& snapshot, const Superblock& superblock, const std::string& path) {
  const Result<std::string> found = snapshot.id();
  if (!found) return found.status();
  if (found->empty() && superblock.mark().synced == 0) {
    return snapshot.put_id(id_of(superblock));
  }
  return compare_id(*found, superblock, path);
}

std::string describe_hole(const std::string& path, Version found, Version promised) {
  return path + ": acknowledged writes are missing: the log ends at version " +
         std::to_string(found) + ", version " + std::to_string(promised) +
         " was acknowledged; restore a backup, or copy the directory away and open what is left "
         "with "
         "Options::accept_loss";
}

Status with_remedy(const Status& status) {
  if (status.code() != StatusCode::kCorruption) return status;
  return Status(StatusCode::kCorruption,
                status.message() + "; run `cloakroom verify`, restore a backup");
}

Result<std::unique_ptr<RocksSnapshot>> open_snapshot(const std::string& path,
                                                     const Superblock& superblock, bool created,
                                                     std::optional<Version> flushed,
                                                     const JournalHooks& hooks) {
  const std::string rocks = path + "/" + kRocksName;
  if (Status made = make_private_directory(rocks); !made) return made;
  const bool never_written = superblock.mark().synced == 0;
  auto snapshot =
      RocksSnapshot::open({.path = rocks,
                           .mode = created || never_written ? RocksSnapshot::Mode::kCreate
                                                            : RocksSnapshot::Mode::kWrite,
                           .flushed = flushed,
                           .hooks = hooks});
  if (!snapshot) return with_remedy(snapshot.status());
  return snapshot;
}

// --- the ring ------------------------------------------------------------------------------------

// The ring that a store was left with.
struct LeftRing {
  std::unique_ptr<Ring> ring;    // none: there is none, or none that matters
  bool pages_are_whole = false;  // the kernel that held its pages is still running
  std::string loss;
};

// Is the boot clock the kernel's own? That of a host may begin anew with each process.
bool is_kernels_clock(const Options& options, const JournalHooks& hooks) {
  return options.clock == nullptr || hooks.clock_is_kernels;
}

Result<LeftRing> open_left_ring(const Options& options, const Superblock& superblock,
                                const Ring::Id& boot) {
  LeftRing left;
  auto ring = Ring::open(options.path, superblock.identity().id, true);
  if (ring) {
    left.ring = *std::move(ring);
    left.pages_are_whole = left.ring->boot() == boot;
    return left;
  }
  const SyncMark& mark = superblock.mark();
  const bool missing = ring.code() == StatusCode::kNotFound;
  const bool broken = missing || ring.code() == StatusCode::kCorruption;
  // After a clean stop nothing is in it; a checkpoint has none.
  if (broken && (mark.clean || !mark.ring)) return left;
  left.loss = missing ? ring.status().message() +
                            "; writes that were acknowledged in the moments before the last stop "
                            "may be missing; put it back, restore a backup, or copy the directory "
                            "away and open it with Options::accept_loss"
                      : ring.status().message();
  if (broken && options.accept_loss) return left;
  return broken ? Status(StatusCode::kCorruption, left.loss) : ring.status();
}

// Do the log's end and the ring's frames behind it make up what was promised? A log that lost its
// end loses nothing then.
bool ring_reaches(const LeftRing& left, Version head, Version promised) {
  if (left.ring == nullptr) return false;
  Ring::Walk walk(*left.ring, head, false);
  for (std::string_view body; walk.version() < promised && walk.next(&body);) {
    if (body == kElsewhere) return false;
  }
  return walk.version() >= promised;
}

// --- the database --------------------------------------------------------------------------------

struct TablesLook {
  Version flushed = 0;  // the version they hold
  bool with_id = false;
};

// The table files without the logs; refused when they are another store's.
Result<TablesLook> look_at_tables(const std::string& rocks, const Superblock& superblock,
                                  const std::string& path, const JournalHooks& hooks) {
  auto snapshot = RocksSnapshot::open(
      {.path = rocks, .mode = RocksSnapshot::Mode::kLookAtTables, .hooks = hooks});
  if (!snapshot) return with_remedy(snapshot.status());
  const Result<std::string> id = (*snapshot)->id();
  if (!id) return id.status();
  if (!id->empty()) {
    if (Status ours = compare_id(*id, superblock, path); !ours) return ours;
  }
  const Result<Head> head = (*snapshot)->head();
  if (!head) return head.status();
  return TablesLook{.flushed = head->version, .with_id = !id->empty()};
}

// What acknowledged writes need, and where it may be.
struct Evidence {
  const Superblock& superblock;
  const LeftRing& left;
  Version promised = 0;
};

// Does the database with its logs, and the ring, hold the promised version of this very store?
Status look_at_all(const std::string& rocks, Version flushed, const Evidence& evidence,
                   const std::string& path, const JournalHooks& hooks) {
  auto snapshot = RocksSnapshot::open(
      {.path = rocks, .mode = RocksSnapshot::Mode::kLook, .flushed = flushed, .hooks = hooks});
  if (!snapshot) return with_remedy(snapshot.status());
  const Result<std::string> id = (*snapshot)->id();
  if (!id) return id.status();
  if (Status ours = compare_id(*id, evidence.superblock, path); !ours) return ours;
  const Result<Head> head = (*snapshot)->head();
  if (!head) return head.status();
  if (head->version >= evidence.promised) return Status();
  if (ring_reaches(evidence.left, head->version, evidence.promised)) return Status();
  return Status(StatusCode::kCorruption, describe_hole(path, head->version, evidence.promised));
}

// Opening for writing rewrites RocksDB's own lists of files, so whether synced writes are missing
// is asked first: who is refused finds every byte as it was. RocksDB, opened read-only to answer,
// would replay the logs of a crash, and the open for writing once more. Nearly always the logs
// answer by themselves, and it is enough to look at the rest without them. Answers the version that
// the table files hold.
Result<Version> check_untouched(const Options& options, const Evidence& evidence,
                                const JournalHooks& hooks) {
  const std::string rocks = options.path + "/" + kRocksName;
  const Result<bool> with_database = surely_exists(rocks + "/CURRENT");
  if (!with_database) return with_database.status();
  if (!*with_database && !hooks.file_system) {
    return Status(StatusCode::kCorruption,
                  rocks + "/CURRENT is missing; restore the directory from a backup");
  }
  const Result<TablesLook> tables = look_at_tables(rocks, evidence.superblock, options.path, hooks);
  if (!tables) return tables.status();
  if (options.accept_loss) return tables->flushed;
  // Also after every clean stop.
  if (tables->with_id && tables->flushed >= evidence.promised) return tables->flushed;
  const auto logged = surely_logged(rocks, hooks);
  if (!tables->with_id || !logged || logged->last < evidence.promised ||
      logged->before > tables->flushed) {
    const Status whole = look_at_all(rocks, tables->flushed, evidence, options.path, hooks);
    if (!whole) return whole;
  }
  return tables->flushed;
}

// Takes away what a creation that failed has made. REQUIRES: the lock is held.
void undo_creation(const std::string& path, bool made_directory) {
  std::error_code ignored;
  std::filesystem::remove_all(path + "/" + kRocksName, ignored);
  std::filesystem::remove(path + "/" + kSuperblockName, ignored);
  std::filesystem::remove(path + "/" + kRingName, ignored);
  std::filesystem::remove(path + "/" + kLockName, ignored);
  if (made_directory) ::rmdir(path.c_str());  // goes only when it is empty
}

// Hands what was acknowledged and not handed over to the database. Answers the version it ends
// with.
Result<Version> replay_ring(const LeftRing& left, RocksSnapshot& snapshot, Version head,
                            const ClockMark& mark) {
  constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
  Ring::Walk walk(*left.ring, head, left.pages_are_whole);
  std::vector<Frame> frames;
  std::size_t bytes = 0;
  Version written = head;
  const auto write = [&](Version version) {
    fold(frames, version);
    const Status status = snapshot.write(frames, {.version = version, .mark = mark});
    written = version;
    frames.clear();
    bytes = 0;
    return status;
  };
  for (std::string_view body; walk.next(&body);) {
    if (body == kElsewhere) {
      // It was not acknowledged. Without it nothing behind it may be there after a power cut.
      if (!left.pages_are_whole) break;
    } else if (parse_frames(body, frames)) {
      bytes += body.size();
    } else {
      return Status(StatusCode::kCorruption, "the ring holds a frame with impossible content");
    }
    if (bytes >= kBatchBytes) {
      if (Status status = write(walk.version()); !status) return status;
    }
  }
  if (!frames.empty()) {
    if (Status status = write(walk.version()); !status) return status;
  }
  return written;
}

// A ring that starts behind `last`, of the size that is asked for.
Result<std::unique_ptr<Ring>> begin_ring(const Options& options, const Superblock& superblock,
                                         std::unique_ptr<Ring> ring, Version last,
                                         const Ring::Id& boot,
                                         std::optional<TimeMs> time_offset) {
  const Ring::Id& id = superblock.identity().id;
  if (ring == nullptr || ring->capacity() != options.ring_bytes) {
    ring.reset();
    if (Status made = Ring::create(options.path, options.ring_bytes, id); !made) return made;
    auto opened = Ring::open(options.path, id, true);
    if (!opened) return opened;
    ring = *std::move(opened);
  }
  if (Status begun = ring->begin(last, boot, time_offset); !begun) return begun;
  return ring;
}

// --- all together --------------------------------------------------------------------------------

struct OpenedDatabase {
  std::unique_ptr<RocksSnapshot> snapshot;
  Head head;
};

// The database as its logs leave it. Refused, with every byte as it was, when what was `promised`
// is not there.
Result<OpenedDatabase> open_database(const Options& options, const Evidence& evidence, bool create,
                                     const JournalHooks& hooks) {
  const std::string& path = options.path;
  const Superblock& superblock = evidence.superblock;
  std::optional<Version> flushed;
  if (!create && evidence.promised != 0) {
    const Result<Version> found = check_untouched(options, evidence, hooks);
    if (!found) return found.status();
    flushed = *found;
  }
  if (!superblock.mark().clean) {
    // RocksDB syncs only the log it writes itself. What the process before us handed over and did
    // not sync must be on disk before anything newer is, or a power cut could leave a hole.
    if (Status synced = RocksSnapshot::sync_logs(path + "/" + kRocksName, hooks); !synced) {
      return synced;
    }
  }
  auto snapshot = open_snapshot(path, superblock, create, flushed, hooks);
  if (!snapshot) return snapshot.status();
  if (Status ours = check_id(**snapshot, superblock, path); !ours) return ours;
  const Result<Head> head = (*snapshot)->head();
  if (!head) return head.status();
  return OpenedDatabase{*std::move(snapshot), *head};
}

// Takes `lock` over when it succeeds.
Result<OpenedStore> open_locked(const Options& options, const Clock& clock, Fd& lock, bool create,
                                const JournalHooks& hooks) {
  const std::string& path = options.path;
  const Ring::Id boot = hooks.boot_id ? *hooks.boot_id : boot_id();
  Result<Superblock> superblock =
      create ? create_superblock(options, clock) : Superblock::open(path, true);
  if (!superblock) return superblock.status();
  const SyncMark mark = superblock->mark();
  Result<LeftRing> left = open_left_ring(options, *superblock, boot);
  if (!left) return left.status();
  const bool replays = left->ring != nullptr && !mark.clean;
  // What was handed over lies in the kernel at least, as long as that is the same.
  const Version promised = replays && left->pages_are_whole
                               ? std::max(mark.synced, left->ring->released())
                               : mark.synced;
  Result<OpenedDatabase> database = open_database(
      options, {.superblock = *superblock, .left = *left, .promised = promised}, create, hooks);
  if (!database) return database.status();
  const Head& head = database->head;

  OpenedStore opened{.path = path,
                     .lock = Fd(),
                     .superblock = *std::move(superblock),
                     .snapshot = std::move(database->snapshot),
                     .ring = nullptr,
                     .timeline = nullptr,
                     .last = head.version,
                     .synced = head.version,
                     .clean = mark.clean && head.version == mark.synced,
                     .copy = mark.copy,
                     .loss = std::move(left->loss)};
  const bool head_is_later = head.version != 0 && head.mark.store > mark.clock.store;
  const bool clock_goes_on = is_kernels_clock(options, hooks);
  const TimeMs shift = boot_clock_shift();
  std::optional<TimeMs> offset;  // of store time to our boot clock, if it went on
  if (clock_goes_on && left->pages_are_whole) offset = left->ring->time_offset();
  if (offset) *offset -= shift;
  opened.timeline =
      std::make_shared<Timeline>(clock, head_is_later ? head.mark : mark.clock, offset);
  if (replays) {
    const auto replayed =
        replay_ring(*left, *opened.snapshot, head.version, opened.timeline->mark());
    if (!replayed) return with_remedy(replayed.status());
    opened.last = *replayed;
  }
  if (opened.last < promised) {
    opened.loss = describe_hole(path, opened.last, promised);
    if (!options.accept_loss) return Status(StatusCode::kCorruption, opened.loss);
    // What was lost had versions; they are not given out again.
    if (Status moved = opened.snapshot->write({}, {.version = promised, .mark = head.mark});
        !moved) {
      return moved;
    }
    opened.last = promised;
  }
  if (!opened.clean) {
    if (Status flushing = opened.snapshot->flush(false); !flushing) return flushing;
  }
  auto ring =
      begin_ring(options, opened.superblock, std::move(left->ring), opened.last, boot,
                 clock_goes_on ? std::optional(opened.timeline->offset() + shift) : std::nullopt);
  if (!ring) return ring.status();
  opened.ring = *std::move(ring);
  const Status unclean = opened.superblock.write_mark(
      {.synced = opened.synced, .clock = opened.timeline->mark(), .clean = false, .ring = true},
      true);
  if (!unclean) return unclean;
  opened.lock = std::move(lock);
  return opened;
}

Result<OpenedStore> open_store(const Options& options, const Clock& clock, Found found,
                               const JournalHooks& hooks) {
  const std::string& path = options.path;
  bool create = found != Found::kStore;
  if (!create) {
    // Read before anything is touched, so that a refusal leaves every byte as it was.
    if (const auto readable = Superblock::open(path, false); !readable) return readable.status();
  }
  if (Status made = make_private_directory(path); !made) return made;
  Result<Fd> lock = take_lock(path);
  if (!lock) return lock.status();
  // Another process may have created the store since we looked.
  const Result<bool> is_store = surely_exists(path + "/" + kSuperblockName);
  if (!is_store) return is_store.status();
  create = create && !*is_store;
  Result<OpenedStore> opened = open_locked(options, clock, *lock, create, hooks);
  if (!opened && create) undo_creation(path, found == Found::kNothing);
  return opened;
}

}  // namespace

Result<OpenedJournal> open_journal(const Options& options, const JournalHooks& hooks) {
  const Clock& clock = options.clock != nullptr ? *options.clock : system_clock();
  if (options.path.empty()) {
    return OpenedJournal{std::make_unique<MemoryJournal>(),
                         std::make_shared<Timeline>(clock, std::nullopt)};
  }
  const Result<Found> found = look_at(options.path);
  if (!found) return found.status();
  if (*found != Found::kStore && !options.create_if_missing) {
    return Status(StatusCode::kNotFound,
                  "no store at " + options.path + " and Options::create_if_missing is false");
  }
  Result<OpenedStore> opened = open_store(options, clock, *found, hooks);
  if (!opened) return opened.status();
  if (options.log && !opened->loss.empty()) options.log(LogLevel::kError, opened->loss);
  if (options.log && opened->copy) {
    options.log(LogLevel::kWarning,
                "store " + options.path + " is a copy, made at version " +
                    std::to_string(opened->last) +
                    ", and is opened for the first time: sessions that have ended since are alive "
                    "in it; end those that must not be");
  }
  auto timeline = opened->timeline;
  auto journal = std::make_unique<RocksJournal>(
      *std::move(opened), RocksJournal::Settings{.sync_interval = options.sync_interval,
                                                 .disk_floor_bytes = options.disk_floor_bytes,
                                                 .stall_limit = options.stall_limit,
                                                 .background = options.background,
                                                 .log = options.log,
                                                 .hooks = hooks});
  return OpenedJournal{std::move(journal), std::move(timeline)};
}

}  // namespace cloakroom
