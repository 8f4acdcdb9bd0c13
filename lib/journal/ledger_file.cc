#include "journal/ledger_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/coding.h"
#include "base/hash.h"
#include "cloakroom/record.h"

namespace cloakroom {
namespace {

constexpr std::string_view kMagic("CLKLEDG\n");
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kHeadBytes = 64;  // what the header's checksum is of

constexpr std::size_t kSequenceAt = 0;
constexpr std::size_t kChecksumAt = 8;
constexpr std::size_t kWhenAt = 16;
constexpr std::size_t kKeyAt = 24;
constexpr std::size_t kHandleAt = 56;
constexpr std::size_t kReasonAt = 72;
constexpr std::size_t kOwnerLengthAt = 73;
constexpr std::size_t kOwnerAt = 74;
constexpr std::size_t kOwnerBytesMaxHere = kLedgerSlotBytes - kOwnerAt;
constexpr unsigned char kOwnerLeftOut = 255;
static_assert(kOwnerBytesMaxHere < kOwnerLeftOut);
static_assert(kKeyAt + sizeof(LedgerEntry::key) == kHandleAt);
static_assert(kHandleAt + sizeof(LedgerEntry::handle) == kReasonAt);
static_assert(kLedgerHeaderBytes % kLedgerSlotBytes == 0);

using Slot = std::array<char, kLedgerSlotBytes>;

std::string path_of(const std::string& dir, const std::string& name) {
  return dir + "/" + std::string(kLedgerPrefix) + name;
}

// While it is made. No name of Sessions has a '~'.
std::string temporary_of(const std::string& path) { return path + "~"; }

std::size_t file_bytes(std::size_t capacity) {
  return kLedgerHeaderBytes + capacity * kLedgerSlotBytes;
}

std::uint64_t checksum_of(const char* slot) noexcept {
  return checksum64({slot + kSequenceAt, sizeof(std::uint64_t)},
                    {slot + kWhenAt, kLedgerSlotBytes - kWhenAt});
}

Slot encode(const LedgerEntry& entry, std::uint64_t sequence) noexcept {
  Slot slot{};
  char* const at = slot.data();
  store_u64(at + kSequenceAt, sequence);
  store_u64(at + kWhenAt, static_cast<std::uint64_t>(entry.when));
  std::memcpy(at + kKeyAt, entry.key.data(), entry.key.size());
  std::memcpy(at + kHandleAt, entry.handle.data(), entry.handle.size());
  slot[kReasonAt] = static_cast<char>(entry.reason);
  // A part of a name is another name.
  const bool fits = entry.owner.size() <= kOwnerBytesMaxHere;
  slot[kOwnerLengthAt] =
      static_cast<char>(fits ? static_cast<unsigned char>(entry.owner.size()) : kOwnerLeftOut);
  if (fits) std::copy(entry.owner.begin(), entry.owner.end(), at + kOwnerAt);
  store_u64(at + kChecksumAt, checksum_of(at));
  return slot;
}

// False when it is damaged, or does not belong into slot `place` of so many.
bool decode(const char* slot, std::size_t place, std::size_t capacity, LedgerEntry& entry) {
  const std::uint64_t sequence = load_u64(slot + kSequenceAt);
  if (load_u64(slot + kChecksumAt) != checksum_of(slot)) return false;
  if ((sequence - 1) % capacity != place) return false;
  const auto length = static_cast<unsigned char>(slot[kOwnerLengthAt]);
  if (length > kOwnerBytesMaxHere && length != kOwnerLeftOut) return false;
  entry.when = static_cast<TimeMs>(load_u64(slot + kWhenAt));
  std::memcpy(entry.key.data(), slot + kKeyAt, entry.key.size());
  std::memcpy(entry.handle.data(), slot + kHandleAt, entry.handle.size());
  entry.reason = static_cast<std::uint8_t>(slot[kReasonAt]);
  entry.owner.assign(slot + kOwnerAt, length == kOwnerLeftOut ? 0 : length);
  return true;
}

std::string encode_header(const std::string& name, std::size_t capacity) {
  std::string header(kMagic);
  put_u32(header, kFormat);
  put_u32(header, static_cast<std::uint32_t>(kLedgerSlotBytes));
  put_u64(header, capacity);
  put_u8(header, static_cast<std::uint8_t>(name.size()));
  header += name;
  header.resize(kHeadBytes, '\0');
  put_u64(header, checksum64(header));
  return header;
}

Status damaged(const std::string& path, const std::string& what) {
  return Status(StatusCode::kCorruption,
                path + ": " + what +
                    "; remove the file: only the reasons of sessions that ended are lost with it");
}

// The capacity that a header tells of.
Result<std::size_t> check_header(const std::string& path, const std::string& name,
                                 std::string_view bytes, std::uint64_t size) {
  if (!bytes.starts_with(kMagic)) return damaged(path, "this is no ledger");
  Reader reader(bytes.substr(kMagic.size()));
  const std::uint32_t format = reader.u32();
  const std::uint32_t slot_bytes = reader.u32();
  const std::uint64_t capacity = reader.u64();
  const std::size_t length = reader.u8();
  const std::string_view whose = reader.bytes(std::min(length, kNameBytesMax));
  if (format > kFormat) {
    return Status(StatusCode::kInvalidArgument,
                  path + ": the ledger has format " + std::to_string(format) +
                      ", this version reads up to " + std::to_string(kFormat) +
                      "; look at it with a newer Cloakroom. Nothing was changed");
  }
  const bool sound = bytes.size() == kHeadBytes + sizeof(std::uint64_t) &&
                     load_u64(bytes.data() + kHeadBytes) == checksum64(bytes.substr(0, kHeadBytes));
  if (!sound) return damaged(path, "its header does not match its checksum");
  if (slot_bytes != kLedgerSlotBytes || capacity == 0 || capacity > kLedgerFileEntriesMax ||
      size != file_bytes(capacity)) {
    return damaged(path, "it has " + std::to_string(size) + " bytes, which is not its length");
  }
  if (whose != name) return damaged(path, "it is the ledger of another name");
  return static_cast<std::size_t>(capacity);
}

// Takes the entries from the bytes of all slots. `again` reads a slot once more: what looks damaged
// may just be written.
void read_slots(std::string_view slots, FunctionRef<std::string(std::size_t place)> again,
                LedgerImage& image) {
  constexpr int kLooks = 3;
  std::vector<std::pair<std::uint64_t, LedgerEntry>> found;
  for (std::size_t place = 0; place < image.capacity; ++place) {
    std::string slot(slots.substr(place * kLedgerSlotBytes, kLedgerSlotBytes));
    LedgerEntry entry;
    bool is_free = false;
    bool sound = false;
    for (int look = 0; look < kLooks && !sound && !is_free; ++look) {
      if (look != 0) slot = again(place);
      if (slot.size() != kLedgerSlotBytes) break;
      is_free = load_u64(slot.data() + kSequenceAt) == 0;
      sound = !is_free && decode(slot.data(), place, image.capacity, entry);
    }
    if (sound) found.emplace_back(load_u64(slot.data() + kSequenceAt), std::move(entry));
    if (!sound && !is_free) {
      image.damaged.push_back(kLedgerHeaderBytes + place * kLedgerSlotBytes);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  if (!found.empty()) image.sequence = found.back().first;
  for (auto& [sequence, entry] : found) image.entries.push_back(std::move(entry));
}

// A new file, whole, locked, and under its name.
Result<Fd> make_file(const std::string& path, const std::string& name, std::size_t capacity,
                     const std::vector<LedgerEntry>& entries) {
  const std::string temporary = temporary_of(path);
  Result<Fd> fd = lock_file(temporary);
  if (!fd) return fd;
  std::string bytes = encode_header(name, capacity);
  bytes.resize(kLedgerHeaderBytes, '\0');
  std::uint64_t sequence = 0;
  for (const LedgerEntry& entry : entries) {
    const Slot slot = encode(entry, ++sequence);
    bytes.append(slot.data(), slot.size());
  }
  Status made;
  const auto size = static_cast<off_t>(file_bytes(capacity));
  if (::ftruncate(fd->get(), 0) != 0) made = io_error("empty", temporary, errno);
  // Blocks that were missing would be a SIGBUS one day.
  if (const int failed = made ? ::posix_fallocate(fd->get(), 0, size) : 0; failed != 0) {
    made = io_error("allocate", temporary, failed);
  }
  if (made) made = write_at(*fd, temporary, bytes, 0);
  if (made) made = sync_file(*fd, temporary);
  if (made && ::rename(temporary.c_str(), path.c_str()) != 0) {
    made = io_error("rename", temporary, errno);
  }
  if (made) return fd;
  ::unlink(temporary.c_str());
  return made;
}

}  // namespace

Result<LedgerImage> read_ledger_file(const std::string& dir, const std::string& name) {
  const std::string path = path_of(dir, name);
  const Result<bool> there = surely_exists(path);
  if (!there) return there.status();
  if (!*there) return StatusCode::kNotFound;
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return io_error("examine", path, errno);
  const Result<std::string> head = read_at(*fd, path, kHeadBytes + sizeof(std::uint64_t), 0);
  if (!head) return head.status();
  const auto capacity = check_header(path, name, *head, static_cast<std::uint64_t>(info.st_size));
  if (!capacity) return capacity.status();
  LedgerImage image{.name = name, .capacity = *capacity};
  const Result<std::string> slots =
      read_at(*fd, path, *capacity * kLedgerSlotBytes, kLedgerHeaderBytes);
  if (!slots) return slots.status();
  if (slots->size() != *capacity * kLedgerSlotBytes) return damaged(path, "it was cut short");
  const auto again = [&](std::size_t place) {
    const Result<std::string> slot =
        read_at(*fd, path, kLedgerSlotBytes, kLedgerHeaderBytes + place * kLedgerSlotBytes);
    return slot ? *slot : std::string();
  };
  read_slots(*slots, again, image);
  return image;
}

std::vector<std::string> ledger_names(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(dir, failed)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kLedgerPrefix) || name.ends_with('~')) continue;
    names.push_back(name.substr(kLedgerPrefix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

LedgerFile::Opened LedgerFile::open(const std::string& dir, const std::string& name,
                                    std::size_t capacity) {
  const std::string path = path_of(dir, name);
  Opened opened;
  Result<LedgerImage> image = read_ledger_file(dir, name);
  if (image) opened.entries = std::move(image->entries);
  const bool absent = image.code() == StatusCode::kNotFound;
  const bool replace =
      absent || image.code() == StatusCode::kCorruption || (image && image->capacity != capacity);
  if (!image && !absent) opened.problem = image.status();
  if (!image && !replace) return opened;

  Result<Fd> fd = StatusCode::kNotFound;
  if (!absent) {
    fd = lock_file(path);
    if (!fd) {
      opened.problem = fd.status();
      return opened;
    }
  }
  std::uint64_t sequence = image ? image->sequence : 0;
  if (replace) {
    const std::size_t kept = std::min(capacity, opened.entries.size());
    const std::vector<LedgerEntry> newest(opened.entries.end() - static_cast<std::ptrdiff_t>(kept),
                                          opened.entries.end());
    fd = make_file(path, name, capacity, newest);
    sequence = kept;
  }
  if (!fd) {
    opened.problem = fd.status();
    return opened;
  }
  std::unique_ptr<LedgerFile> file(new LedgerFile(*std::move(fd), capacity, sequence));
  if (Status mapped = file->map(path); !mapped) {
    opened.problem = mapped;
  } else {
    opened.file = std::move(file);
  }
  return opened;
}

Status LedgerFile::remove(const std::string& dir, const std::string& name) {
  const std::string path = path_of(dir, name);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
    return io_error("remove", path, errno);
  }
  return Status();
}

Status LedgerFile::map(const std::string& path) {
  const std::size_t size = file_bytes(capacity_);
  // A copy of the file may have holes where this one has zeros.
  if (const int failed = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size)); failed != 0) {
    return io_error("allocate", path, failed);
  }
  void* const bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (bytes == MAP_FAILED) return io_error("map", path, errno);
  bytes_ = static_cast<char*>(bytes);
  // A child would write into the same file; a core dump would hold who was here.
  (void)::madvise(bytes_, size, MADV_DONTFORK);
  (void)::madvise(bytes_, size, MADV_DONTDUMP);
  return Status();
}

LedgerFile::~LedgerFile() {
  if (bytes_ != nullptr) ::munmap(bytes_, file_bytes(capacity_));
}

void LedgerFile::append(const LedgerEntry& entry) noexcept {
  MutexLock guard(mutex_);
  const std::uint64_t sequence = ++sequence_;
  const Slot bytes = encode(entry, sequence);
  char* const slot = bytes_ + kLedgerHeaderBytes + (sequence - 1) % capacity_ * kLedgerSlotBytes;
  const std::atomic_ref<std::uint64_t> word(*reinterpret_cast<std::uint64_t*>(slot + kSequenceAt));
  // In this order: whoever is killed in between leaves a free slot.
  (void)word.exchange(0, std::memory_order_acq_rel);
  std::memcpy(slot + kChecksumAt, bytes.data() + kChecksumAt, bytes.size() - kChecksumAt);
  std::uint64_t own = 0;
  std::memcpy(&own, bytes.data() + kSequenceAt, sizeof(own));
  word.store(own, std::memory_order_release);
}

}  // namespace cloakroom
