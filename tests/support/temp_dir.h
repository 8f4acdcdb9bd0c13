// A directory that goes with its scope.
#ifndef CLOAKROOM_TESTS_SUPPORT_TEMP_DIR_H_
#define CLOAKROOM_TESTS_SUPPORT_TEMP_DIR_H_

#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace cloakroom::testing {

// An empty directory under $TMPDIR (or /tmp), removed with all it holds. A store is best opened at
// a name below it, store_path(): the directory itself then stays the existing parent it needs.
class TempDir {
 public:
  TempDir() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/cloakroom_XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) {
      std::perror(("cannot create " + path_).c_str());
      std::abort();  // A test without its directory could only report nonsense.
    }
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }
  [[nodiscard]] std::string store_path() const { return *this / "store"; }

 private:
  std::string path_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_TEMP_DIR_H_
