// FileList: which of RocksDB's files count, read from its MANIFEST without RocksDB.
//
// RocksDB opens a database or it does not; this reads what can be read of a list that is damaged or
// names files that are gone, and says which they are. The MANIFEST is a log (log_walk.h) of edits,
// each a row of fields:
//
//   varint tag | what belongs to it      2 log number, 3 next file, 4 last sequence, 6 a file goes,
//                                        103 a file comes, 200 the column family that all this is
//                                        about, 201 its name; others are passed over
//
// A file that comes: varints level, number, bytes | strings smallest, largest key | varints
// smallest, largest sequence | (varint tag, string)..., ended by tag 1; 7 is its checksum.
#ifndef CLOAKROOM_LIB_OFFLINE_FILE_LIST_H_
#define CLOAKROOM_LIB_OFFLINE_FILE_LIST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cloakroom/status.h"
#include "offline/log_walk.h"

namespace cloakroom {

struct ListedTable {
  std::uint64_t number = 0;
  std::uint64_t family = 0;
  std::uint64_t bytes = 0;
  std::string smallest = {};  // keys of the user
  std::string largest = {};
  std::uint64_t smallest_sequence = 0;
  std::uint64_t largest_sequence = 0;
  std::string checksum = {};  // empty: none
};

struct FileList {
  std::string manifest = {};  // its name; empty: not known
  std::map<std::uint64_t, ListedTable> tables = {};
  std::map<std::uint64_t, std::string> families = {};
  std::map<std::uint64_t, std::uint64_t> log_numbers = {};  // older logs are in tables, by family
  std::uint64_t next_file = 0;
  std::uint64_t last_sequence = 0;
  // It was read to its end and nothing is missing in it.
  bool whole = false;
  std::vector<LogDamage> damages = {};  // of the MANIFEST
  std::string lost = {};                // why there is no list at all

  // Whether the changes in a log, for this family, may be in no table file.
  [[nodiscard]] bool needs_log(std::uint64_t family, std::uint64_t log) const {
    const auto found = log_numbers.find(family);
    return found == log_numbers.end() || log >= found->second;
  }
};

// Of the directory `rocks`. Damage is in the answer; kIo only when a file cannot be read.
[[nodiscard]] Result<FileList> read_file_list(const std::string& rocks);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_FILE_LIST_H_
