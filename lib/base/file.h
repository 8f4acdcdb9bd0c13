// The few file operations Cloakroom does itself (RocksDB does the rest). Every error is a kIo
// Status that names the path, the system's reason and, where there is one, the remedy.
#ifndef CLOAKROOM_LIB_BASE_FILE_H_
#define CLOAKROOM_LIB_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cloakroom/status.h"

namespace cloakroom {

// A file descriptor that closes itself.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// kIo "cannot <action> <path>: <reason of errno>", with a remedy for the reasons users meet.
[[nodiscard]] Status io_error(std::string_view action, const std::string& path, int error);

// open(2) with O_CLOEXEC | O_NOFOLLOW; a created file has mode 0600 whatever the umask.
[[nodiscard]] Result<Fd> open_file(const std::string& path, int flags);
// Opens a file, created when absent, and locks it for as long as the answer lives: against other
// processes and against others in this one. kConflict when somebody has it; does not wait.
[[nodiscard]] Result<Fd> lock_file(const std::string& path);

[[nodiscard]] Status write_at(const Fd& fd, const std::string& path, std::string_view bytes,
                              std::uint64_t offset);
// At most `count` bytes from `offset`; fewer only at the end of the file.
[[nodiscard]] Result<std::string> read_at(const Fd& fd, const std::string& path, std::size_t count,
                                          std::uint64_t offset);
[[nodiscard]] Status sync_file(const Fd& fd, const std::string& path);
[[nodiscard]] Status sync_directory(const std::string& path);  // makes created names durable

// Creates the directory, mode 0700. Ok when it exists as a directory of ours already; then access
// by others is taken away. kIo for anything else in its place, or a directory of another user.
[[nodiscard]] Status make_private_directory(const std::string& path);

[[nodiscard]] bool exists(const std::string& path) noexcept;
// The same where a wrong "no" would do harm: kIo when the system cannot tell.
[[nodiscard]] Result<bool> surely_exists(const std::string& path);

// Free bytes for us on the file system of `path`.
[[nodiscard]] Result<std::uint64_t> free_bytes(const std::string& path);

// The directory a path lies in, "." when it names none.
[[nodiscard]] std::string parent_of(const std::string& path);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_FILE_H_
