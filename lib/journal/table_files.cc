#include "journal/table_files.h"

#include "journal/recovery.h"
#include "journal/rocks_snapshot.h"

namespace cloakroom {

Result<TableFiles> list_table_files(const std::string& dir) {
  // A live server may remove a file between the look into the manifest and the look into the file.
  constexpr int kTries = 5;
  for (int tries = 1;; ++tries) {
    auto snapshot = RocksSnapshot::open(
        {.path = dir + "/" + kRocksName, .mode = RocksSnapshot::Mode::kLookAtTables});
    Result<TableFiles> files = snapshot ? (*snapshot)->table_files() : snapshot.status();
    if (files || tries == kTries) return files;
  }
}

}  // namespace cloakroom
