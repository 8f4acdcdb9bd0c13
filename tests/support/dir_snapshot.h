// What a directory holds, for "nothing on disk was changed".
#ifndef CLOAKROOM_TESTS_SUPPORT_DIR_SNAPSHOT_H_
#define CLOAKROOM_TESTS_SUPPORT_DIR_SNAPSHOT_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace cloakroom::testing {

[[nodiscard]] inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Relative path -> type, permission bits and content of everything below `root`, itself included.
// Stores in tests are small, so whole contents beat a hash: a difference can be looked at.
using DirSnapshot = std::map<std::string, std::string>;

[[nodiscard]] inline DirSnapshot snapshot_of(const std::string& root) {
  namespace fs = std::filesystem;
  DirSnapshot entries;
  const auto add = [&](const fs::path& path, const std::string& name) {
    const fs::file_status status = fs::symlink_status(path);
    if (status.type() == fs::file_type::not_found) return;
    std::string entry = std::to_string(static_cast<unsigned>(status.permissions())) + ' ';
    if (fs::is_regular_file(status)) entry += "file " + read_file(path.string());
    if (fs::is_directory(status)) entry += "directory";
    if (fs::is_symlink(status)) entry += "link " + fs::read_symlink(path).string();
    entries[name] = entry;
  };
  add(root, ".");
  if (!fs::is_directory(root)) return entries;
  for (const auto& item : fs::recursive_directory_iterator(root)) {
    add(item.path(), fs::relative(item.path(), root).string());
  }
  return entries;
}

// The first name that differs, for the message of a failed check; empty when there is none.
[[nodiscard]] inline std::string difference(const DirSnapshot& before, const DirSnapshot& after) {
  for (const auto& [name, entry] : before) {
    const auto found = after.find(name);
    if (found == after.end()) return name + " went away";
    if (found->second != entry) return name + " changed";
  }
  for (const auto& [name, entry] : after) {
    if (!before.contains(name)) return name + " appeared";
  }
  return {};
}

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_DIR_SNAPSHOT_H_
