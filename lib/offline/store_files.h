// The names of a store's files: which are there, which belong to it.
#ifndef CLOAKROOM_LIB_OFFLINE_STORE_FILES_H_
#define CLOAKROOM_LIB_OFFLINE_STORE_FILES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cloakroom/status.h"
#include "offline/file_list.h"
#include "offline/store_reader.h"

namespace cloakroom {

// RocksDB's files by their numbers: their names in its directory.
struct StoreFiles {
  std::map<std::uint64_t, std::string> tables = {};
  std::map<std::uint64_t, std::string> logs = {};
};

// kIo when the directory of RocksDB cannot be listed.
[[nodiscard]] Result<StoreFiles> store_files(const std::string& dir);

// "rocks/000012.sst", relative to the store.
[[nodiscard]] std::string rocks_file(std::string_view name);
// "000012.sst", as RocksDB writes it.
[[nodiscard]] std::string table_name(std::uint64_t number);

// Notes files that no store has, and table files that a list which can be believed does not name.
void tell_strangers(const std::string& dir, const StoreFiles& files, const FileList& list,
                    FunctionRef<void(const Finding&)> report);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_STORE_FILES_H_
