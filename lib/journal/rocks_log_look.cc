#include "journal/rocks_log_look.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "journal/rocks_batch.h"
#include "journal/rocks_crc.h"
#include "journal/rocks_fs.h"

namespace cloakroom {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kReadBytes = 8 * kBlockBytes;  // stays in the processor's cache

enum FragmentType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// Reads log after log. What answers a bool answers false when something is not as it should be;
// nothing may be asked after that.
class LogLook {
 public:
  bool log(rocksdb::FileSystem& file_system, const std::string& name) {
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    if (!file_system.NewSequentialFile(name, rocksdb::FileOptions(), &file, nullptr).ok()) {
      return false;
    }
    head_.reset();
    for (;;) {
      std::optional<std::string_view> bytes = read(*file);
      if (!bytes) return false;
      const bool at_end = bytes->size() < kReadBytes;
      while (!bytes->empty()) {
        if (!block(bytes->substr(0, kBlockBytes))) return false;
        bytes->remove_prefix(std::min(bytes->size(), kBlockBytes));
      }
      if (at_end) return !within_record_;
    }
  }

  // Nothing when there is no head in the last log.
  [[nodiscard]] std::optional<LoggedSpan> span() const {
    if (!head_) return std::nullopt;
    return LoggedSpan{.before = *first_, .last = *head_};
  }

 private:
  // Fewer than kReadBytes at the end of the file only; nothing after an error.
  std::optional<std::string_view> read(rocksdb::FSSequentialFile& file) {
    std::size_t filled = 0;
    while (filled < kReadBytes) {
      char* const to = buffer_.data() + filled;
      rocksdb::Slice got;
      const auto status = file.Read(kReadBytes - filled, rocksdb::IOOptions(), &got, to, nullptr);
      if (!status.ok()) return std::nullopt;
      if (got.empty()) break;
      if (got.data() != to) std::copy_n(got.data(), got.size(), to);
      filled += got.size();
    }
    return std::string_view(buffer_).substr(0, filled);
  }

  // A block, or at the end of the file what there is of it.
  bool block(std::string_view bytes) {
    const bool complete = bytes.size() == kBlockBytes;
    while (bytes.size() >= kHeaderBytes) {
      const std::size_t length = static_cast<unsigned char>(bytes[4]) |
                                 std::size_t{static_cast<unsigned char>(bytes[5])} << 8;
      if (bytes.size() < kHeaderBytes + length) return false;
      const std::string_view covered = bytes.substr(kHeaderBytes - 1, 1 + length);
      if (load_u32(bytes.data()) != masked_crc32c(covered)) return false;
      if (!fragment(static_cast<std::uint8_t>(covered[0]), covered.substr(1))) return false;
      bytes.remove_prefix(kHeaderBytes + length);
    }
    return bytes.empty() || (complete && bytes.find_first_not_of('\0') == bytes.npos);
  }

  bool fragment(std::uint8_t type, std::string_view payload) {
    const bool continues = type == kMiddle || type == kLast;
    if (within_record_ != continues) return false;
    within_record_ = type == kFirst || type == kMiddle;
    switch (type) {
      case kFull:
        return batch(payload);
      case kFirst:
        record_.assign(payload);
        return true;
      case kMiddle:
        record_.append(payload);
        return true;
      case kLast:
        record_.append(payload);
        return batch(record_);
      default:
        return false;
    }
  }

  bool batch(std::string_view bytes) {
    const auto parsed = parse_batch(bytes);
    if (!parsed || (next_sequence_ && parsed->sequence != *next_sequence_)) return false;
    next_sequence_ = parsed->sequence + parsed->count;
    if (!parsed->head) return true;
    if (!first_) first_ = parsed->head->previous;
    if (parsed->head->version < version_) return false;
    version_ = parsed->head->version;
    head_ = version_;
    return true;
  }

  std::string buffer_ = std::string(kReadBytes, '\0');
  std::string record_;  // the parts so far of one that lies in several blocks
  bool within_record_ = false;
  std::optional<std::uint64_t> next_sequence_;
  std::optional<Version> first_;  // the version before the first head in any log
  Version version_ = 0;           // of the last head in any log
  std::optional<Version> head_;   // of the last head in this log
};

// The number in "PREFIX000012SUFFIX"; nothing when the name is not of that kind.
std::optional<std::uint64_t> file_number(std::string_view name, std::string_view prefix,
                                         std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

struct NumberedLog {
  std::uint64_t number = 0;
  std::string name;
};

// The logs in order; none when there are none or one of the names says that point 5 may not hold.
std::vector<NumberedLog> logs_in(rocksdb::FileSystem& file_system, const std::string& path) {
  std::vector<std::string> names;
  if (!file_system.GetChildren(path, rocksdb::IOOptions(), &names, nullptr).ok()) return {};
  std::vector<NumberedLog> logs;
  std::uint64_t newest_list = 0;
  for (const std::string& name : names) {
    if (const auto number = file_number(name, "", ".log")) logs.push_back({*number, name});
    newest_list = std::max(newest_list, file_number(name, "MANIFEST-", "").value_or(0));
  }
  std::ranges::sort(logs, {}, &NumberedLog::number);
  if (logs.empty() || logs.back().number + 1 < newest_list) return {};
  return logs;
}

}  // namespace

std::optional<LoggedSpan> surely_logged(const std::string& path, const JournalHooks& hooks) {
  const auto file_system = make_guarded_file_system(hooks.file_system);
  const std::vector<NumberedLog> logs = logs_in(*file_system, path);
  if (logs.empty()) return std::nullopt;
  LogLook look;
  for (const NumberedLog& log : logs) {
    if (!look.log(*file_system, path + "/" + log.name)) return std::nullopt;
  }
  return look.span();
}

}  // namespace cloakroom
