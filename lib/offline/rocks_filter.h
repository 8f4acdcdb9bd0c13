// The Bloom filter of a table file, asked without RocksDB: was this key in a part of the file that
// is lost? It says "surely not" for 99 of 100 keys that were not.
//
//   contents   cache lines of 64 bytes | u8 255 | u8 0 | u8 block size, 3 bits, and number of
//              probes, 5 bits | u16 0
//
// The hash is RocksDB's own. Its headers do not show it, its library does: should another version
// hash otherwise, the filter says no to keys that are known to be in the file. So whoever asks
// shows it such keys, and believes it only as long as it knows them all.
#ifndef CLOAKROOM_LIB_OFFLINE_ROCKS_FILTER_H_
#define CLOAKROOM_LIB_OFFLINE_ROCKS_FILTER_H_

#include <optional>
#include <string>
#include <string_view>

namespace cloakroom {

class RocksFilter {
 public:
  // Nothing when it is no filter of this kind.
  static std::optional<RocksFilter> open(std::string contents);

  // False: the key is in no part of the file.
  [[nodiscard]] bool may_hold(std::string_view key) const;

 private:
  RocksFilter(std::string contents, unsigned probes)
      : contents_(std::move(contents)), probes_(probes) {}

  std::string contents_;  // the lines only
  unsigned probes_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_ROCKS_FILTER_H_
