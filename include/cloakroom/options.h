// Every knob of a store. The defaults are right for a session server; most callers set only `path`.
#ifndef CLOAKROOM_OPTIONS_H_
#define CLOAKROOM_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/clock.h"
#include "cloakroom/record.h"

namespace cloakroom {

// What an acknowledged write survives. The words are those of write() and write()+fsync():
enum class Durability : std::uint8_t {
  kMemory,   // Nothing is promised. With a path the write still reaches the disk, eventually.
  kProcess,  // The death of this process, at once; a power cut after at most `sync_interval`.
  kDisk,     // A power cut. The caller waits for an fdatasync, shared with others who wait.
};

// For Options::touch_resolution: a tenth of the ttl that the touch gives. Of 30 minutes three.
inline constexpr Millis kTenthOfTtl{-1};

enum class LogLevel : std::uint8_t { kInfo, kWarning, kError };

struct Options {
  // --- what the store does -----------------------------------------------------------------

  // Directory of the store. It is created (mode 0700) when it does not exist; its parent must.
  // Empty: memory only, nothing survives and nothing touches a disk.
  std::string path = {};

  // The level of writes that do not name their own.
  Durability durability = Durability::kProcess;

  // How old a kProcess write can be that a power cut takes. Shorter costs more fdatasync calls
  // (one per interval while there are writes, none while there are none).
  Millis sync_interval{100};

  // The journal's ring: what writers may be ahead of the disk by, preallocated in the store's
  // directory and mapped. A power of two, 64 KiB to 1 GiB. Full (stats().journal_waits), it makes
  // writers wait for the log. Another size than the store has takes effect at this open, once what
  // the ring held has been handed over.
  std::size_t ring_bytes = std::size_t{16} << 20;

  // How long a writer waits for room in a ring that is full because the disk has stalled, before it
  // is answered kBusy; and how long a kDisk write waits for another's sync before it is answered
  // kIo, in doubt. Readers never wait. Not for the thread that is in the disk's hands itself.
  Millis stall_limit{10'000};

  // Bytes that records and indexes may occupy. At the limit, creating and growing answer kFull;
  // reads, erases, touches and shrinking overwrites go on; nothing alive is ever evicted.
  // 0: a quarter of what the process may use (cgroup limit or physical memory).
  std::size_t memory_limit_bytes = 0;

  // Largest value, and largest encoded field record. At most 512 MiB.
  std::size_t value_bytes_max = std::size_t{16} << 20;

  // A touch is written to disk only when it moves the deadline past what the disk already grants;
  // then the disk is granted up to this much more. After a crash a session touched lately may so
  // live up to this much longer, never shorter. 0: every touch is written. At most an hour; more
  // counts as that. A clean stop is exact.
  Millis touch_resolution = kTenthOfTtl;

  // Below this much free space on the store's file system, creating and growing answer kFull while
  // erases still pass: RocksDB must never see a full disk (docs/durability.md, "Full disk").
  std::uint64_t disk_floor_bytes = std::uint64_t{64} << 20;

  // false: opening a path that holds no store yet answers kNotFound and creates nothing.
  bool create_if_missing = true;

  // Opens a store in which acknowledged writes are missing (kCorruption otherwise). The hole is
  // reported in stats().degraded and by one log call. For use after a backup was made.
  bool accept_loss = false;

  // true: what expired while the store was closed expires now instead, with a kExpired event each,
  // as soon as somebody has subscribed to those; until then nothing is reclaimed that has expired.
  // false: it is gone without a word, and costs nothing.
  bool tell_expired_at_open = false;

  // --- what it costs -----------------------------------------------------------------------

  // Number of stripes: locks, each with its part of the table. A power of two, 1 to 65536.
  // 0: 4096, so that growth moves a few hundred records at a time. Leave it alone.
  std::size_t stripe_count = 0;

  // false: no thread is started. Expiry, warm-up, interval syncs and events then happen only in
  // sweep() and sync(), in the calling thread. For tests and for hosts with a loop of their own.
  bool background = true;

  // Where time comes from; not owned, must outlive the store. nullptr: system_clock().
  const Clock* clock = nullptr;

  // Called with a line for the operator, rarely (opening, damage, read-only latch). From any
  // thread, never under a lock of the table; must not call the store. Never holds key or value.
  std::function<void(LogLevel, std::string_view)> log = {};
};

// How a put (or update, or set_fields) stores.
struct PutOptions {
  // Until the deadline, from now. kNoExpiry: never. REQUIRES: more than 0.
  Millis ttl = kNoExpiry;

  // Bound that no touch of this record will pass, from now. Only set when the record is created;
  // an overwrite of a live record keeps the bound it has (docs/index.md, "Two timeouts").
  Millis lifetime = kNoExpiry;

  // Unset: `ttl` counts. Otherwise exactly this moment of the store's time (Store::now), or the
  // record's lifetime if that is earlier. One that is past already stores a record that has expired.
  std::optional<TimeMs> deadline = std::nullopt;

  // On a live record: keep its deadline and ignore ttl and deadline.
  bool keep_deadline = false;

  // The user this record belongs to. Unset: a new record has none, an overwrite keeps the one it
  // has. Empty string: no owner.
  std::optional<std::string_view> owner = std::nullopt;

  // Store only if the record's version is this; 0: only if the key is absent. Otherwise kConflict.
  std::optional<Version> if_version = std::nullopt;

  // What put stores, and update expects and stores. kFields only with update, whose function must
  // then leave the fields' encoding, or nothing is changed (kInvalidArgument). set_fields ignores it.
  Kind kind = Kind::kBytes;

  // Unset: Options::durability.
  std::optional<Durability> durability = std::nullopt;
};

// One of the writes of Store::apply.
struct Write {
  std::string_view key = {};
  // Unset: the record is erased, if there is one; of the options only if_version counts then.
  std::optional<std::string_view> value = std::nullopt;
  // As for put, except that kFields is allowed with a value that is an encoding of fields, and that
  // `durability` is apply's.
  PutOptions options = {};
};

// How Store::rename moves a record. Kind and time of creation always go along.
struct RenameOptions {
  // Move only if the record's version is this. Otherwise kConflict.
  std::optional<Version> if_version = std::nullopt;

  // Unset: the value goes along. Otherwise this takes its place.
  std::optional<std::string_view> value = std::nullopt;

  // Unset: the owner goes along. Otherwise it is this one's from now on; empty: nobody's.
  std::optional<std::string_view> owner = std::nullopt;

  // true: deadline and lifetime go along. false: both begin anew, as `ttl` and `lifetime` say.
  bool keep_deadline = true;
  Millis ttl = kNoExpiry;
  Millis lifetime = kNoExpiry;

  // Unset: the old key is absent. Otherwise it holds a record with this value, of the same kind,
  // without an owner, for `leave_ttl`.
  std::optional<std::string_view> leave = std::nullopt;
  Millis leave_ttl = kNoExpiry;

  // Unset: Options::durability.
  std::optional<Durability> durability = std::nullopt;
};

// How Store::touch moves a deadline, and on what condition.
struct TouchOptions {
  // Until the deadline, from now. kNoExpiry: never. REQUIRES: more than 0.
  Millis ttl = kNoExpiry;

  // Unset: `ttl` counts. Otherwise exactly this moment of the store's time. One that is past already
  // ends the record, as its expiry would have.
  std::optional<TimeMs> deadline = std::nullopt;

  // Touch only if the record's version, or its deadline, is this. Otherwise kConflict. Looking and
  // touching so become one step: look, decide, touch with what was seen, again after kConflict.
  std::optional<Version> if_version = std::nullopt;
  std::optional<TimeMs> if_deadline = std::nullopt;
};

struct EraseOptions {
  // Erase only if the record's version is this. Otherwise kConflict.
  std::optional<Version> if_version = std::nullopt;
  // Unset: Options::durability. A logout wants kDisk: what is lost here is a session come back.
  std::optional<Durability> durability = std::nullopt;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_OPTIONS_H_
