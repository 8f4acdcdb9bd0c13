#include "offline/ledger_files.h"

#include "journal/ledger_file.h"

namespace cloakroom {
namespace {

constexpr const char* kRemedy =
    "nothing has to be done: the server goes on without it. Why some session ended is lost";

}  // namespace

void check_ledgers(const std::string& dir, FunctionRef<void(const Finding&)> report) {
  for (const std::string& name : ledger_names(dir)) {
    const std::string file = std::string(kLedgerPrefix) + name;
    const Result<LedgerImage> image = read_ledger_file(dir, name);
    if (!image && image.code() != StatusCode::kNotFound) {
      report({.file = file, .key = {}, .what = image.status().message(), .remedy = kRemedy});
    }
    if (!image) continue;
    for (const std::uint64_t offset : image->damaged) {
      report({.file = file,
              .key = {},
              .what = "an entry that does not match its checksum",
              .remedy = kRemedy,
              .offset = offset});
    }
  }
}

Status copy_ledgers(const std::string& from, const std::string& to) {
  Status outcome;
  for (const std::string& name : ledger_names(from)) {
    const Result<LedgerImage> image = read_ledger_file(from, name);
    if (!image || image->entries.empty()) continue;
    const auto opened = LedgerFile::open(to, name, image->capacity);
    if (!opened.file) outcome = opened.problem;
    if (!opened.file) continue;
    for (const LedgerEntry& entry : image->entries) opened.file->append(entry);
  }
  return outcome;
}

}  // namespace cloakroom
