#include "offline/store_files.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

#include "base/file.h"
#include "journal/ledger_file.h"
#include "journal/recovery.h"
#include "journal/ring.h"
#include "journal/superblock.h"

namespace cloakroom {
namespace {

namespace fs = std::filesystem;

// The number in "000012.sst"; nothing for another name.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  name.remove_suffix(ending.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

bool is_of_rocks(const std::string& name) {
  return number_of(name, ".sst") || number_of(name, ".log") || name == "CURRENT" ||
         name == "IDENTITY" || name.starts_with("LOCK") || name.starts_with("LOG") ||
         name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-");
}

}  // namespace

Result<StoreFiles> store_files(const std::string& dir) {
  const std::string rocks = dir + "/" + kRocksName;
  StoreFiles files;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(rocks, failed)) {
    const std::string name = entry.path().filename();
    if (const auto table = number_of(name, ".sst")) files.tables[*table] = name;
    if (const auto log = number_of(name, ".log")) files.logs[*log] = name;
  }
  if (failed) return io_error("list", rocks, failed.value());
  return files;
}

std::string rocks_file(std::string_view name) {
  return std::string(kRocksName) + "/" + std::string(name);
}

std::string table_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, digits.size() < 6 ? 6 - digits.size() : 0, '0');
  return digits + ".sst";
}

void tell_strangers(const std::string& dir, const StoreFiles& files, const FileList& list,
                    FunctionRef<void(const Finding&)> report) {
  const auto stranger = [&](const std::string& file, const std::string& what) {
    report(
        {.file = file, .key = {}, .what = what, .remedy = "nothing has to be done", .note = true});
  };
  const std::set<std::string> of_store{kSuperblockName, kRingName, kLockName, kRocksName};
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(dir, failed)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kLedgerPrefix)) continue;
    if (!of_store.contains(name)) stranger(name, "no file of a store");
  }
  for (const auto& entry : fs::directory_iterator(dir + "/" + kRocksName, failed)) {
    const std::string name = entry.path().filename();
    if (!is_of_rocks(name)) stranger(rocks_file(name), "no file of a store");
  }
  if (!list.whole) return;
  for (const auto& [number, name] : files.tables) {
    if (list.tables.contains(number)) continue;
    stranger(rocks_file(name),
             "a table file that the list of files does not name: what was not "
             "finished, or no longer needed, when the process ended");
  }
}

}  // namespace cloakroom
