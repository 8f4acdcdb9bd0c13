#include "offline/log_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/coding.h"
#include "base/file.h"
#include "journal/rocks_crc.h"

namespace cloakroom {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
enum FragmentType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

}  // namespace

Result<LogWalk> LogWalk::open(const std::string& path) {
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return io_error("open", path, errno);
  Result<std::string> bytes = read_at(*fd, path, static_cast<std::size_t>(info.st_size), 0);
  if (!bytes) return bytes.status();
  return LogWalk(*std::move(bytes));
}

bool LogWalk::next_fragment(Fragment& fragment) {
  while (at_ < bytes_.size()) {
    const std::size_t block_end = std::min(bytes_.size(), (at_ / kBlockBytes + 1) * kBlockBytes);
    const std::string_view rest = std::string_view(bytes_).substr(at_, block_end - at_);
    const bool complete = block_end % kBlockBytes == 0;
    if (rest.size() < kHeaderBytes) {
      if (!complete || rest.find_first_not_of('\0') != std::string_view::npos) {
        damaged(at_, complete ? "a block ends with bytes that are not zeros" : "it is cut off");
      }
      at_ = block_end;
      continue;
    }
    const std::size_t length =
        static_cast<unsigned char>(rest[4]) | std::size_t{static_cast<unsigned char>(rest[5])} << 8;
    fragment.offset = at_;
    fragment.type = static_cast<std::uint8_t>(rest[6]);
    const bool known = fragment.type >= kFull && fragment.type <= kLast;
    if (!known || length > rest.size() - kHeaderBytes) {
      damaged(at_, rest.substr(0, kHeaderBytes).find_first_not_of('\0') == std::string_view::npos
                       ? "zeros where a record should begin"
                   : known && !complete ? "a record is cut off"
                                        : "what should begin a record is damaged");
      at_ = block_end;
      continue;
    }
    fragment.payload = rest.substr(kHeaderBytes, length);
    const std::string_view covered = rest.substr(kHeaderBytes - 1, 1 + length);
    fragment.sound = load_u32(rest.data()) == masked_crc32c(covered);
    if (!fragment.sound) damaged(at_, "a record does not match its checksum");
    at_ += kHeaderBytes + length;
    return true;
  }
  return false;
}

bool LogWalk::give(LogRecord& record, bool ends_well) {
  within_ = false;
  given_.swap(record_);
  record_.clear();
  record = {.bytes = given_, .offset = record_offset_, .sound = ends_well && record_sound_};
  if (record.sound) sound_until_ = at_;
  return true;
}

bool LogWalk::next(LogRecord& record) {
  Fragment fragment;
  std::size_t before = at_;
  while (next_fragment(fragment)) {
    const bool continues = fragment.type == kMiddle || fragment.type == kLast;
    if (within_ && !continues) {
      // Its end is lost. This fragment comes again.
      if (record_sound_) damaged(record_offset_, "a record has no end");
      record_sound_ = false;
      const std::size_t again = static_cast<std::size_t>(fragment.offset);
      if (!fragment.sound) damages_.pop_back();
      give(record, false);
      at_ = again;
      return true;
    }
    if (!within_ && continues) {
      if (fragment.sound) damaged(fragment.offset, "a record has no beginning");
      before = at_;
      continue;
    }
    if (!within_) {
      record_offset_ = fragment.offset;
      record_sound_ = true;
      within_ = true;
      record_.clear();
    }
    // Blocks that were passed over lie within this record.
    if (continues && fragment.offset != before &&
        fragment.offset / kBlockBytes > before / kBlockBytes + 1) {
      record_sound_ = false;
    }
    record_sound_ = record_sound_ && fragment.sound;
    record_.append(fragment.payload);
    before = at_;
    if (fragment.type == kFull || fragment.type == kLast) return give(record, true);
  }
  if (!within_) return false;
  if (damages_.empty() || damages_.back().offset < record_offset_) {
    damaged(record_offset_, "a record is cut off");
  }
  return give(record, false);
}

}  // namespace cloakroom
