// The ledgers of a store (journal/ledger_file.h), for the command line: checked, and carried over
// into a store that was saved from a damaged one.
#ifndef CLOAKROOM_LIB_OFFLINE_LEDGER_FILES_H_
#define CLOAKROOM_LIB_OFFLINE_LEDGER_FILES_H_

#include <string>

#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "offline/store_reader.h"

namespace cloakroom {

// Reports each ledger that cannot be read and each damaged entry. No records are lost with them.
// A file that cannot be opened is a finding, too. Also beside a live server.
void check_ledgers(const std::string& dir, FunctionRef<void(const Finding&)> report);

// Makes ledgers in the store `to` of the entries that are sound in `from`. kIo: some are missing.
[[nodiscard]] Status copy_ledgers(const std::string& from, const std::string& to);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_LEDGER_FILES_H_
