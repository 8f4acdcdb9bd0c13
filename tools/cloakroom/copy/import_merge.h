// The records of an export into a store that exists and that no process has open.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_IMPORT_MERGE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_IMPORT_MERGE_H_

#include <memory>
#include <string>

#include "cloakroom/store.h"
#include "copy/copy.h"
#include "copy/import_lines.h"

namespace cloakroom::cli {

// Puts the records through the Store as its host would: they get versions and times of creation of
// its own, and as long to live as they have left. REQUIRES: options.merge.
[[nodiscard]] int run_merge(const ImportOptions& options, ImportLines& lines);

// A store that exists, opened for an offline change; or nothing, and it was said why not.
[[nodiscard]] std::unique_ptr<Store> open_for_change(const std::string& dir);

// What put() does, for every kind, also over a record of another kind.
[[nodiscard]] Status put_record(Store& store, const RecordView& record, PutOptions options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_IMPORT_MERGE_H_
