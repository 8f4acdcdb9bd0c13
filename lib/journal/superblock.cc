#include "journal/superblock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/coding.h"
#include "base/hash.h"

namespace cloakroom {
namespace {

constexpr std::string_view kMagic("CLOAKRM\n", 8);
constexpr std::size_t kSlotOffset[2] = {1024, 2048};
constexpr std::size_t kSlotBytes = 4 * 8 + 1 + 8;
constexpr std::size_t kIdentityBytes = 8 + 4 + 4 + 16 + 8 + 8;
constexpr std::size_t kFileBytes = 3072;
constexpr unsigned kClean = 1;
constexpr unsigned kWithRing = 2;
constexpr unsigned kCopy = 4;

std::string encode(const Identity& identity) {
  std::string out(kMagic);
  put_u32(out, identity.format);
  put_u32(out, identity.generation);
  out.append(reinterpret_cast<const char*>(identity.id.data()), identity.id.size());
  put_u64(out, static_cast<std::uint64_t>(identity.created));
  put_u64(out, checksum64(out));
  return out;
}

std::string encode(const SyncMark& mark) {
  std::string out;
  put_u64(out, mark.sequence);
  put_u64(out, mark.synced);
  put_u64(out, static_cast<std::uint64_t>(mark.clock.store));
  put_u64(out, static_cast<std::uint64_t>(mark.clock.wall));
  put_u8(out, static_cast<std::uint8_t>((mark.clean ? kClean : 0) | (mark.ring ? kWithRing : 0) |
                                        (mark.copy ? kCopy : 0)));
  put_u64(out, checksum64(out));
  return out;
}

std::optional<SyncMark> decode_mark(std::string_view bytes) {
  Reader reader(bytes);
  SyncMark mark;
  mark.sequence = reader.u64();
  mark.synced = reader.u64();
  mark.clock.store = static_cast<TimeMs>(reader.u64());
  mark.clock.wall = static_cast<TimeMs>(reader.u64());
  const unsigned flags = reader.u8();
  mark.clean = (flags & kClean) != 0;
  mark.ring = (flags & kWithRing) != 0;
  mark.copy = (flags & kCopy) != 0;
  const std::uint64_t checksum = reader.u64();
  if (!reader.ok() || checksum != checksum64(bytes.substr(0, kSlotBytes - 8))) return std::nullopt;
  return mark;
}

Status damaged(const std::string& path, const std::string& what) {
  return Status(StatusCode::kCorruption,
                path + ": " + what + "; restore the directory from a backup. Nothing was changed");
}

Result<Identity> decode_identity(const std::string& path, std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return damaged(path, "this is not a Cloakroom superblock");
  Reader reader(bytes.substr(kMagic.size()));
  Identity identity;
  identity.format = reader.u32();
  identity.generation = reader.u32();
  const std::string_view id = reader.bytes(identity.id.size());
  identity.created = static_cast<TimeMs>(reader.u64());
  const std::uint64_t checksum = reader.u64();
  // Before the checksum: a newer format may well have moved it.
  if (identity.format > kStoreFormat) {
    return Status(StatusCode::kInvalidArgument,
                  path + ": the store has format " + std::to_string(identity.format) +
                      ", this version reads up to " + std::to_string(kStoreFormat) +
                      "; open it with a newer Cloakroom. Nothing was changed");
  }
  if (!reader.ok() || checksum != checksum64(bytes.substr(0, kIdentityBytes - 8))) {
    return damaged(path, "the superblock's checksum does not match");
  }
  for (std::size_t i = 0; i < id.size(); ++i) {
    identity.id[i] = static_cast<unsigned char>(id[i]);
  }
  return identity;
}

// Marks that cannot both have been written so, and bytes that are none of the file's.
void check_marks(std::string_view bytes, SuperblockLook& look) {
  std::optional<SyncMark> marks[2];
  bool blank[2] = {};
  for (const std::size_t slot : {0U, 1U}) {
    const std::string_view here = bytes.substr(kSlotOffset[slot], kSlotBytes);
    blank[slot] = here.find_first_not_of('\0') == std::string_view::npos;
    marks[slot] = decode_mark(here);
    if (marks[slot] && marks[slot]->sequence % 2 != slot) marks[slot].reset();
    if (!marks[slot] && !blank[slot]) {
      look.damages.push_back({kSlotOffset[slot], "a sync mark is damaged"});
    }
    const bool newer = marks[slot] && (!look.mark || marks[slot]->sequence > look.mark->sequence);
    if (newer) look.mark = marks[slot];
  }
  for (const std::size_t slot : {0U, 1U}) {
    // Only the very first mark has none before it.
    if (blank[slot] && look.mark && look.mark->sequence > 1) {
      look.damages.push_back({kSlotOffset[slot], "a sync mark is missing"});
    }
  }
  if (!look.mark && blank[0] && blank[1]) {
    look.damages.push_back({kSlotOffset[0], "both sync marks are missing"});
  }
  std::size_t at = kIdentityBytes;
  for (const std::size_t next : {kSlotOffset[0], kSlotOffset[1], kFileBytes}) {
    const std::size_t dirty = bytes.substr(at, next - at).find_first_not_of('\0');
    if (dirty != std::string_view::npos) {
      look.damages.push_back({at + dirty, "bytes that are not zeros where nothing is written"});
    }
    at = next + kSlotBytes;
  }
}

}  // namespace

Result<SuperblockLook> look_at_superblock(const std::string& dir) {
  const std::string path = dir + "/" + kSuperblockName;
  SuperblockLook look;
  const Result<bool> there = surely_exists(path);
  if (!there) return there.status();
  look.there = *there;
  if (!look.there) return look;
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  Result<std::string> bytes = read_at(*fd, path, kFileBytes + 1, 0);
  if (!bytes) return bytes.status();
  if (bytes->size() != kFileBytes) {
    look.damages.push_back({bytes->size(), "it has " + std::string(bytes->size() < kFileBytes
                                                                       ? "fewer"
                                                                       : "more") +
                                               " bytes than it should"});
    bytes->resize(kFileBytes);
  }
  const Result<Identity> identity = decode_identity(path, *bytes);
  if (identity.code() == StatusCode::kInvalidArgument) return identity.status();
  if (identity) look.identity = *identity;
  if (!identity) look.damages.push_back({0, "what says which store this is does not check"});
  check_marks(*bytes, look);
  return look;
}

Status Superblock::create(const std::string& dir, const Identity& identity, const SyncMark& mark) {
  const std::string path = dir + "/" + kSuperblockName;
  const std::string temporary = path + ".tmp";
  Result<Fd> fd = open_file(temporary, O_RDWR | O_CREAT | O_TRUNC);
  if (!fd) return fd.status();
  SyncMark first = mark;
  first.sequence = 1;
  std::string bytes(kFileBytes, '\0');
  const std::string identity_bytes = encode(identity);
  const std::string mark_bytes = encode(first);
  bytes.replace(0, identity_bytes.size(), identity_bytes);
  bytes.replace(kSlotOffset[1], mark_bytes.size(), mark_bytes);
  if (Status written = write_at(*fd, temporary, bytes, 0); !written) return written;
  if (Status synced = sync_file(*fd, temporary); !synced) return synced;
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io_error("rename", temporary, errno);
  return sync_directory(dir);
}

Result<Superblock> Superblock::open(const std::string& dir, bool writable) {
  const std::string path = dir + "/" + kSuperblockName;
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return io_error("open", path, errno);
    return Status(StatusCode::kNotFound, "no store in " + dir + ": it holds no file " +
                                             kSuperblockName + "; check the path");
  }
  Result<Fd> fd = open_file(path, writable ? O_RDWR : O_RDONLY);
  if (!fd) return fd.status();
  const Result<std::string> bytes = read_at(*fd, path, kFileBytes, 0);
  if (!bytes) return bytes.status();
  const Result<Identity> identity = decode_identity(path, *bytes);
  if (!identity) return identity.status();
  if (bytes->size() < kFileBytes) return damaged(path, "the superblock is cut short");
  std::optional<SyncMark> newest;
  for (const std::size_t offset : kSlotOffset) {
    const auto mark = decode_mark(std::string_view(*bytes).substr(offset, kSlotBytes));
    if (mark && (!newest || mark->sequence > newest->sequence)) newest = mark;
  }
  if (!newest) return damaged(path, "both sync marks are damaged");
  return Superblock(path, *std::move(fd), *identity, *newest);
}

Status Superblock::write_mark(SyncMark mark, bool durable) {
  mark.sequence = mark_.sequence + 1;
  Status written = write_at(fd_, path_, encode(mark), kSlotOffset[mark.sequence % 2]);
  if (!written) return written;
  mark_ = mark;
  return durable ? sync_file(fd_, path_) : Status();
}

std::string to_hex(const std::array<unsigned char, 16>& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : id) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

}  // namespace cloakroom
