#include "sessions/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/base64url.h"
#include "base/file.h"
#include "base/wipe.h"

namespace cloakroom {
namespace {

constexpr std::string_view kFirstLine = "cloakroom keys 1";
constexpr std::size_t kFileBytesMax = std::size_t{64} << 10;

Status refuse(const std::string& path, const std::string& why) {
  return Status(StatusCode::kIo, "the key file " + path + " " + why);
}

Status check_access(const Fd& fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return io_error("examine", path, errno);
  if (!S_ISREG(info.st_mode)) return refuse(path, "is not a file; put the key file there");
  if (info.st_uid != ::geteuid()) {
    return refuse(path, "belongs to user " + std::to_string(info.st_uid) + ", not to user " +
                            std::to_string(::geteuid()) +
                            " of this process; run as its owner, or chown it");
  }
  if ((info.st_mode & 077) != 0) {
    return refuse(path,
                  "can be opened by other users, who may know the keys by now; put a new key in "
                  "front, then chmod 600 it");
  }
  if (static_cast<std::uint64_t>(info.st_size) > kFileBytesMax) {
    return refuse(path, "is larger than a key file can be; put the right file there");
  }
  return Status();
}

std::string_view take_line(std::string_view& text) noexcept {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

Result<std::vector<std::string>> parse(std::string_view text, const std::string& path) {
  if (take_line(text) != kFirstLine) {
    return refuse(
        path, "does not begin with \"" + std::string(kFirstLine) + "\"; put it back from a copy");
  }
  std::vector<std::string> keys;
  for (std::size_t number = 2; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty() || line.front() == '#') continue;
    unsigned char key[kMasterKeyBytes];
    if (!base64url_decode(line, key)) {
      return refuse(path, "has no key of 43 base64url characters in line " +
                              std::to_string(number) + "; put it back from a copy");
    }
    keys.emplace_back(reinterpret_cast<const char*>(key), sizeof(key));
    explicit_bzero(key, sizeof(key));
  }
  if (keys.empty()) return refuse(path, "has no key in it; put it back from a copy");
  return keys;
}

// Removes a file that did not get its place.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  const std::string path_;
};

Status write_new(const std::string& path, std::string_view text) {
  const Result<Fd> fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return fd.status();
  if (::fchmod(fd->get(), 0600) != 0) return io_error("make private", path, errno);
  if (Status written = write_at(*fd, path, text, 0); !written) return written;
  return sync_file(*fd, path);
}

}  // namespace

std::string key_file_of(const std::string& store_path) {
  // "." and "sessions/" name a directory whose own name comes first to light here.
  std::error_code ignored;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(store_path, ignored);
  std::string path = ignored ? store_path : resolved.string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path + ".key";
}

Result<std::vector<std::string>> read_key_file(const std::string& path) {
  const int raw = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (raw < 0 && errno == ENOENT) return StatusCode::kNotFound;
  if (raw < 0) return io_error("open the key file", path, errno);
  const Fd fd(raw);
  if (Status fine = check_access(fd, path); !fine) return fine;
  Result<std::string> text = read_at(fd, path, kFileBytesMax, 0);
  if (!text) return text.status();
  Result<std::vector<std::string>> keys = parse(*text, path);
  wipe(*text);
  return keys;
}

Result<std::vector<std::string>> create_key_file(const std::string& path,
                                                 const RandomSource& random) {
  unsigned char key[kMasterKeyBytes];
  if (Status drawn = random(key); !drawn) return drawn;
  unsigned char suffix[8];
  if (Status drawn = random(suffix); !drawn) return drawn;
  std::string text(kFirstLine);
  text += "\n# Session tokens are made with the first key and accepted with all. Keep it secret.\n";
  text += base64url(key) + "\n";
  explicit_bzero(key, sizeof(key));

  const TemporaryFile temporary(path + "." + base64url(suffix));
  const Status written = write_new(temporary.path(), text);
  wipe(text);
  if (!written) return written;
  // Unlike rename(2), link(2) never takes the place of a key that is in use.
  if (::link(temporary.path().c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return io_error("create the key file", path, errno);
  }
  if (Status synced = sync_directory(parent_of(path)); !synced) return synced;
  return read_key_file(path);
}

}  // namespace cloakroom
