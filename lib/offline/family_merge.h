// FamilyMerge: the newest state of every key of a column family, merged from its table files in the
// order of keys, with all that damage leaves of them.
//
// Of each key the state with the highest sequence number counts, an erasure like any other. Where a
// part of a file is lost, an older state in another file may be one that was overwritten or erased
// in the lost part: covers_lost() says so. What is lost is bounded by the keys around it, and by
// the sequence numbers that the list of files names for its file.
//
// Memory: that of a TableWalk for each file. Not thread-safe.
#ifndef CLOAKROOM_LIB_OFFLINE_FAMILY_MERGE_H_
#define CLOAKROOM_LIB_OFFLINE_FAMILY_MERGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "offline/file_list.h"
#include "offline/store_reader.h"
#include "offline/table_walk.h"

namespace cloakroom {

// Views are valid until the next call of next().
struct MergedEntry {
  std::string_view key = {};
  std::string_view value = {};
  std::uint64_t sequence = 0;
  bool erased = false;
  std::string_view file = {};  // where it was found
  std::uint64_t block = 0;     // its offset there
};

class FamilyMerge {
 public:
  // A file to merge, of which the list says `listed`, if it does.
  void add(std::string name, std::unique_ptr<TableWalk> walk,
           const std::optional<ListedTable>& listed);
  // A file that is missing or cannot be read.
  void add_lost(const std::optional<ListedTable>& listed);

  // False at the end. Keys ascend.
  bool next(MergedEntry& entry);

  // May a state of this key newer than `sequence`, or any where that is nothing, have been in what
  // is lost? (A file in which everything is merged has sequence number 0.) REQUIRES: no key after
  // the one that next() gave last, or every key when next() has answered false.
  [[nodiscard]] bool covers_lost(std::string_view key, std::optional<std::uint64_t> sequence) const;

  // What is lost and damaged, file by file. After the last next().
  void report(FunctionRef<void(const Finding&)> report) const;

  [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }
  // So far, and as many as the files say that they have.
  [[nodiscard]] std::uint64_t entries_read() const noexcept;
  [[nodiscard]] std::uint64_t entries_total() const noexcept { return entries_total_; }

 private:
  struct Source {
    std::string name;
    std::unique_ptr<TableWalk> walk;  // null: all is lost
    std::optional<ListedTable> listed;
    TableEntry entry;
  };
  // For a heap whose top has the smallest key, and of equal ones the newest state.
  static bool later(const Source* a, const Source* b) {
    const int order = a->entry.key.compare(b->entry.key);
    return order != 0 ? order > 0 : a->entry.sequence < b->entry.sequence;
  }
  void advance_top();
  [[nodiscard]] static bool all_were_read(const Source& source);
  [[nodiscard]] static bool covers(const Source& source, std::string_view key);

  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<Source*> heap_;
  bool begun_ = false;
  std::string last_key_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t entries_total_ = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_FAMILY_MERGE_H_
