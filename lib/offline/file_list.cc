#include "offline/file_list.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/coding.h"
#include "base/file.h"

namespace cloakroom {
namespace {

enum Tag : std::uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFile = 3,
  kLastSequence = 4,
  kCompactCursor = 5,
  kDeletedFile = 6,
  kPrevLogNumber = 9,
  kMinLogNumber = 10,
  kNewFile = 103,
  kFamily = 200,
  kFamilyAdd = 201,
  kFamilyDrop = 202,
  kMaxFamily = 203,
  kAtomicGroup = 300,
  kSafeToIgnore = 1U << 13,  // a string follows, whatever it means
};
enum FileField : std::uint64_t { kEnd = 1, kChecksum = 7 };
constexpr std::size_t kTagBytes = 8;
constexpr std::size_t kCurrentBytesMax = 64;

std::string user_key(std::string_view key) {
  return std::string(key.substr(0, key.size() < kTagBytes ? 0 : key.size() - kTagBytes));
}

ListedTable read_table(Reader& reader) {
  ListedTable table;
  (void)reader.varint();  // level
  table.number = reader.varint();
  table.bytes = reader.varint();
  table.smallest = user_key(reader.string());
  table.largest = user_key(reader.string());
  table.smallest_sequence = reader.varint();
  table.largest_sequence = reader.varint();
  for (std::uint64_t field = 0; reader.ok();) {
    field = reader.varint();
    if (field == kEnd) break;
    const std::string_view value = reader.string();
    if (field == kChecksum) table.checksum = value;
  }
  return table;
}

// What one edit changes, known only when all of it was read.
struct Edit {
  std::uint64_t family = 0;
  std::optional<std::uint64_t> log_number;
  std::optional<std::uint64_t> next_file;
  std::optional<std::uint64_t> last_sequence;
  std::optional<std::string> name;
  bool dropped = false;
  std::vector<std::uint64_t> gone;
  std::vector<ListedTable> come;
};

bool read_field(Reader& reader, Edit& edit) {
  const std::uint64_t tag = reader.varint();
  switch (tag) {
    case kLogNumber:
      edit.log_number = reader.varint();
      break;
    case kNextFile:
      edit.next_file = reader.varint();
      break;
    case kLastSequence:
      edit.last_sequence = reader.varint();
      break;
    case kPrevLogNumber:
    case kMinLogNumber:
    case kMaxFamily:
    case kAtomicGroup:
      (void)reader.varint();
      break;
    case kComparator:
      (void)reader.string();
      break;
    case kCompactCursor:
      (void)reader.varint();
      (void)reader.string();
      break;
    case kDeletedFile:
      (void)reader.varint();
      edit.gone.push_back(reader.varint());
      break;
    case kNewFile:
      edit.come.push_back(read_table(reader));
      break;
    case kFamily:
      edit.family = reader.varint();
      break;
    case kFamilyAdd:
      edit.name = std::string(reader.string());
      break;
    case kFamilyDrop:
      edit.dropped = true;
      break;
    default:
      if ((tag & kSafeToIgnore) == 0) return false;
      (void)reader.string();
  }
  return reader.ok();
}

bool apply(std::string_view bytes, FileList& list) {
  Edit edit;
  for (Reader reader(bytes); !reader.empty();) {
    if (!read_field(reader, edit)) return false;
  }
  if (edit.name) list.families[edit.family] = *edit.name;
  if (edit.dropped) list.families.erase(edit.family);
  if (edit.log_number) list.log_numbers[edit.family] = *edit.log_number;
  if (edit.next_file) list.next_file = *edit.next_file;
  if (edit.last_sequence) list.last_sequence = *edit.last_sequence;
  for (const std::uint64_t number : edit.gone) list.tables.erase(number);
  for (ListedTable& table : edit.come) {
    table.family = edit.family;
    list.tables[table.number] = std::move(table);
  }
  return true;
}

// The newest list in the directory, for when CURRENT cannot tell.
std::string newest_manifest(const std::string& rocks) {
  constexpr std::string_view kPrefix = "MANIFEST-";
  std::string newest;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(rocks, failed)) {
    const std::string name = entry.path().filename();
    const bool later =
        name.size() > newest.size() || (name.size() == newest.size() && name > newest);
    if (name.starts_with(kPrefix) && later) newest = name;
  }
  return newest;
}

// "MANIFEST-000005", from CURRENT; kCorruption when it does not say.
Result<std::string> manifest_name(const std::string& rocks) {
  const std::string path = rocks + "/CURRENT";
  const Result<bool> there = surely_exists(path);
  if (!there) return there.status();
  if (!*there) return Status(StatusCode::kCorruption, "CURRENT is missing");
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  Result<std::string> text = read_at(*fd, path, kCurrentBytesMax, 0);
  if (!text) return text;
  const bool named = text->starts_with("MANIFEST-") && text->back() == '\n' &&
                     text->find('/') == std::string::npos;
  if (!named) return Status(StatusCode::kCorruption, "CURRENT does not name a list of files");
  text->pop_back();
  return text;
}

}  // namespace

Result<FileList> read_file_list(const std::string& rocks) {
  FileList list;
  list.families[0] = "default";
  const Result<std::string> name = manifest_name(rocks);
  if (!name && name.code() != StatusCode::kCorruption) return name.status();
  if (name) list.manifest = *name;
  if (!name) list.lost = name.status().message();
  if (name && !exists(rocks + "/" + *name)) {
    list.lost = *name + ", which CURRENT names, is missing";
    list.manifest.clear();
  }
  if (list.manifest.empty()) list.manifest = newest_manifest(rocks);
  if (list.manifest.empty()) return list;
  Result<LogWalk> walk = LogWalk::open(rocks + "/" + list.manifest);
  if (!walk) return walk.status();
  LogRecord record;
  bool understood = true;
  while (walk->next(record)) {
    if (!record.sound) continue;
    if (apply(record.bytes, list)) continue;
    understood = false;
    list.damages.push_back({record.offset, "an edit that cannot be understood"});
  }
  list.damages.insert(list.damages.end(), walk->damages().begin(), walk->damages().end());
  list.whole = understood && list.damages.empty() && list.families.size() > 1;
  if (list.damages.empty() && !list.whole) list.lost = list.manifest + " is cut short";
  return list;
}

}  // namespace cloakroom
