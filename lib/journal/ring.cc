#include "journal/ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/coding.h"
#include "base/hash.h"
#include "base/random.h"
#include "cloakroom/clock.h"
#include "journal/ring_layout.h"

namespace cloakroom {

using namespace ring_layout;

namespace {

constexpr std::size_t kFrameBytesMax = std::size_t{1} << 30;

std::string path_of(const std::string& dir) { return dir + "/" + kRingName; }

std::string encode_identity(std::size_t capacity, const Ring::Id& store) {
  std::string bytes(kMagic);
  put_u32(bytes, kFormat);
  put_u32(bytes, static_cast<std::uint32_t>(Ring::kHeaderBytes));
  put_u64(bytes, capacity);
  bytes.append(reinterpret_cast<const char*>(store.data()), store.size());
  put_u64(bytes, checksum64(bytes));
  return bytes;
}

Status damaged(const std::string& path, std::string_view what) {
  return Status(StatusCode::kCorruption,
                path + ": " + std::string(what) +
                    "; what had been written in the moments before the last stop may be missing; "
                    "copy the directory away and open it with Options::accept_loss");
}

// The capacity, when everything fits.
Result<std::size_t> check_identity(const std::string& path, std::string_view bytes,
                                   std::uint64_t file_bytes, const Ring::Id& store) {
  if (!bytes.starts_with(kMagic)) return damaged(path, "this is no journal ring");
  Reader reader(bytes.substr(kMagic.size()));
  const std::uint32_t format = reader.u32();
  const std::uint32_t header_bytes = reader.u32();
  const std::uint64_t capacity = reader.u64();
  const std::string_view id = reader.bytes(store.size());
  const std::uint64_t checksum = reader.u64();
  if (format > kFormat) {
    return Status(StatusCode::kInvalidArgument,
                  path + ": the ring has format " + std::to_string(format) +
                      ", this version reads up to " + std::to_string(kFormat) +
                      "; open it with a newer Cloakroom. Nothing was changed");
  }
  if (!reader.ok() || checksum != checksum64(bytes.substr(0, kIdentityBytes - 8)) ||
      header_bytes != Ring::kHeaderBytes) {
    return damaged(path, "the ring's header does not match its checksum");
  }
  if (file_bytes != Ring::kHeaderBytes + capacity) {
    return damaged(path, "the ring has " + std::to_string(file_bytes) + " bytes instead of " +
                             std::to_string(Ring::kHeaderBytes + capacity));
  }
  if (std::memcmp(id.data(), store.data(), store.size()) != 0) {
    return damaged(path, "the ring belongs to another store");
  }
  return static_cast<std::size_t>(capacity);
}

Status write_new_ring(const std::string& path, std::size_t capacity, const Ring::Id& store) {
  Result<Fd> fd = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
  if (!fd) return fd.status();
  const auto bytes = static_cast<off_t>(Ring::kHeaderBytes + capacity);
  // Blocks that were missing would be a SIGBUS one day.
  if (const int failed = ::posix_fallocate(fd->get(), 0, bytes); failed != 0) {
    return io_error("allocate", path, failed);
  }
  if (Status written = write_at(*fd, path, encode_identity(capacity, store), 0); !written) {
    return written;
  }
  return sync_file(*fd, path);
}

}  // namespace

Status Ring::create(const std::string& dir, std::size_t capacity, const Id& store) {
  const std::string path = path_of(dir);
  const std::string temporary = path + ".tmp";
  Status made = write_new_ring(temporary, capacity, store);
  if (made && ::rename(temporary.c_str(), path.c_str()) != 0) {
    made = io_error("rename", temporary, errno);
  }
  if (!made) ::unlink(temporary.c_str());
  return made ? sync_directory(dir) : made;
}

Result<std::unique_ptr<Ring>> Ring::open(const std::string& dir, const Id& store, bool writable) {
  const std::string path = path_of(dir);
  const Result<bool> there = surely_exists(path);
  if (!there) return there.status();
  if (!*there) return Status(StatusCode::kNotFound, path + " is missing");
  Result<Fd> fd = open_file(path, writable ? O_RDWR : O_RDONLY);
  if (!fd) return fd.status();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return io_error("open", path, errno);
  const Result<std::string> bytes = read_at(*fd, path, kIdentityBytes, 0);
  if (!bytes) return bytes.status();
  const auto capacity =
      check_identity(path, *bytes, static_cast<std::uint64_t>(info.st_size), store);
  if (!capacity) return capacity.status();
  std::unique_ptr<Ring> ring(new Ring(*std::move(fd), *capacity));
  if (Status mapped = ring->map(path, writable); !mapped) return mapped;
  return ring;
}

Status Ring::map(const std::string& path, bool writable) {
  const std::size_t bytes = kHeaderBytes + 2 * capacity_;
  void* const space =
      ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) return io_error("map", path, errno);
  header_ = static_cast<char*>(space);
  data_ = header_ + kHeaderBytes;
  const int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const auto place = [&](char* to, std::size_t count, std::size_t offset) {
    return ::mmap(to, count, access, MAP_SHARED | MAP_FIXED, fd_.get(),
                  static_cast<off_t>(offset)) != MAP_FAILED;
  };
  if (!place(header_, kHeaderBytes + capacity_, 0) ||
      !place(data_ + capacity_, capacity_, kHeaderBytes)) {
    return io_error("map", path, errno);
  }
  // A child would write into the same file; a core dump would hold sessions.
  (void)::madvise(header_, bytes, MADV_DONTFORK);
  (void)::madvise(header_, bytes, MADV_DONTDUMP);
  salt_ = word(kSaltAt).load(std::memory_order_relaxed);
  return Status();
}

Ring::~Ring() {
  if (header_ != nullptr) ::munmap(header_, kHeaderBytes + 2 * capacity_);
}

// --- recovery ------------------------------------------------------------------------------------

Ring::Id Ring::boot() const noexcept {
  Id boot;
  std::memcpy(boot.data(), header_ + kBootAt, boot.size());
  return boot;
}

std::optional<TimeMs> Ring::time_offset() const noexcept {
  const std::uint64_t checksum = word(kTimeChecksumAt).load(std::memory_order_acquire);
  const std::string_view bytes(header_ + kBootAt, kTimeChecksumAt - kBootAt);
  if (checksum != checksum64(bytes)) return std::nullopt;
  return static_cast<TimeMs>(word(kTimeOffsetAt).load(std::memory_order_relaxed));
}

Version Ring::released() const noexcept {
  return word(kReleasedAt).load(std::memory_order_relaxed) / kUnit;
}

std::optional<Ring::Place> Ring::whole_frame(std::uint64_t position,
                                             std::string_view* body) const noexcept {
  const std::uint64_t commit = commit_word(position).load(std::memory_order_acquire);
  if (commit != (position ^ salt_)) return std::nullopt;
  const char* const frame = at(position);
  const std::uint64_t size = load_u32(frame + kSizeAt);
  const std::uint64_t body_size = load_u32(frame + kBodySizeAt);
  if (!is_frame_size(size, body_size) || size > capacity_) return std::nullopt;
  *body = {frame + kFrameHeaderBytes, static_cast<std::size_t>(body_size)};
  if (load_u64(frame + kChecksumAt) != frame_checksum(*body, commit, size)) return std::nullopt;
  return Place{.begin = position, .end = position + size};
}

std::optional<Ring::Place> Ring::copy_frame(std::uint64_t position, std::string& body) const {
  std::string_view seen;
  const auto place = whole_frame(position, &seen);
  if (!place) return std::nullopt;
  body.assign(seen);
  // The checksum once more, of the copy: what whole_frame() saw may have gone since.
  const std::uint64_t commit = position ^ salt_;
  const std::uint64_t checksum = load_u64(at(position) + kChecksumAt);
  if (checksum != frame_checksum(body, commit, place->end - place->begin)) return std::nullopt;
  return place;
}

std::uint64_t Ring::salt_on_file() const noexcept {
  return word(kSaltAt).load(std::memory_order_acquire);
}

// What lies before the released position may be gone, what lies a lap behind it never was.
Ring::Walk::Walk(const Ring& ring, Version version, bool pages_are_whole) noexcept
    : ring_(ring),
      pages_are_whole_(pages_are_whole),
      end_(std::max(ring.released(), version) * kUnit + ring.capacity_),
      position_(version * kUnit),
      version_(version) {}

bool Ring::Walk::next(std::string_view* body) noexcept {
  std::uint64_t skipped = 0;
  for (std::uint64_t at = position_; at + kFrameHeaderBytes <= end_; at += kUnit) {
    if (const auto place = ring_.whole_frame(at, body)) {
      skipped_ += skipped;
      position_ = place->end;
      version_ = place->version();
      return true;
    }
    if (!pages_are_whole_) return false;
    skipped = 1;
  }
  return false;
}

Status Ring::begin(Version version, const Id& boot, std::optional<TimeMs> time_offset) noexcept {
  const Result<std::uint64_t> salt = random_u64();
  if (!salt) return salt.status();
  // In this order: a process that dies in between leaves a ring in which nothing looks published.
  salt_ = *salt;
  word(kSaltAt).store(salt_, std::memory_order_release);
  // The offset is of one kernel's clock: without a checksum while the two do not belong together.
  word(kTimeChecksumAt).store(0, std::memory_order_release);
  std::memcpy(header_ + kBootAt, boot.data(), boot.size());
  const auto offset = static_cast<std::uint64_t>(time_offset.value_or(0));
  word(kTimeOffsetAt).store(offset, std::memory_order_release);
  const std::uint64_t checksum = checksum64({header_ + kBootAt, kTimeChecksumAt - kBootAt});
  if (time_offset) word(kTimeChecksumAt).store(checksum, std::memory_order_release);
  reserved_.store(version * kUnit, std::memory_order_relaxed);
  release(version);
  return Status();
}

// --- producers -----------------------------------------------------------------------------------

std::optional<Ring::Place> Ring::reserve(std::size_t bytes) noexcept {
  if (bytes > kFrameBytesMax) return std::nullopt;
  const std::uint64_t size = whole_units(kFrameHeaderBytes + bytes);
  std::uint64_t begin = reserved_.load(std::memory_order_relaxed);
  do {
    const std::uint64_t room = released_.load(std::memory_order_acquire) + capacity_ - begin;
    if (size > room) return std::nullopt;
  } while (!reserved_.compare_exchange_weak(begin, begin + size, std::memory_order_acq_rel,
                                            std::memory_order_relaxed));
  return Place{.begin = begin, .end = begin + size};
}

void Ring::publish(const Place& place, std::string_view body) noexcept {
  char* const frame = at(place.begin);
  const std::uint64_t commit = place.begin ^ salt_;
  store_u64(frame + kChecksumAt, frame_checksum(body, commit, place.end - place.begin));
  store_u32(frame + kSizeAt, static_cast<std::uint32_t>(place.end - place.begin));
  store_u32(frame + kBodySizeAt, static_cast<std::uint32_t>(body.size()));
  std::memcpy(frame + kFrameHeaderBytes, body.data(), body.size());
  commit_word(place.begin).store(commit, std::memory_order_release);
}

void Ring::prefetch() const noexcept {
  __builtin_prefetch(&reserved_, 1);
  const char* const next = at(reserved_.load(std::memory_order_relaxed));
  for (std::size_t offset = 0; offset < 512; offset += 64) __builtin_prefetch(next + offset, 1);
}

std::size_t Ring::used_bytes() const noexcept {
  const std::uint64_t released = released_.load(std::memory_order_acquire);
  return static_cast<std::size_t>(reserved_.load(std::memory_order_acquire) - released);
}

// --- consumer ------------------------------------------------------------------------------------

bool Ring::next(Version version, Place* place, std::string_view* body) const noexcept {
  const std::uint64_t begin = version * kUnit;
  if (begin == reserved_.load(std::memory_order_acquire)) return false;
  if (commit_word(begin).load(std::memory_order_acquire) != (begin ^ salt_)) return false;
  const char* const frame = at(begin);
  *place = {.begin = begin, .end = begin + load_u32(frame + kSizeAt)};
  *body = {frame + kFrameHeaderBytes, load_u32(frame + kBodySizeAt)};
  return true;
}

void Ring::release(Version version) noexcept {
  word(kReleasedAt).store(version * kUnit, std::memory_order_release);
  released_.store(version * kUnit, std::memory_order_release);
}

namespace {

std::optional<Ring::Id> boot_id_of_kernel() {
  const std::string path = "/proc/sys/kernel/random/boot_id";
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return std::nullopt;
  const Result<std::string> text = read_at(*fd, path, 64, 0);
  if (!text) return std::nullopt;
  Ring::Id id{};
  std::size_t digits = 0;
  for (const char c : *text) {
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0 || digits == 2 * id.size()) continue;
    id[digits / 2] = static_cast<unsigned char>(id[digits / 2] << 4 | value);
    ++digits;
  }
  return digits == 2 * id.size() ? std::optional<Ring::Id>(id) : std::nullopt;
}

// When the kernel started, to the minute. If the wall clock is set meanwhile it seems to be another
// one, and the ring counts for less; never the reverse, on a machine whose clock goes on while off.
Ring::Id boot_minute(const Clock& clock) {
  constexpr TimeMs kMinute = 60'000;
  std::string bytes("by clock");
  put_u64(bytes, static_cast<std::uint64_t>((clock.wall_ms() - clock.boot_ms()) / kMinute));
  Ring::Id id{};
  std::memcpy(id.data(), bytes.data(), id.size());
  return id;
}

}  // namespace

Ring::Id boot_id() {
  const auto id = boot_id_of_kernel();
  return id ? *id : boot_minute(system_clock());
}

}  // namespace cloakroom
