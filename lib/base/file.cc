#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace cloakroom {
namespace {

const char* remedy(int error) noexcept {
  switch (error) {
    case ENOENT: return "; create the parent directory, or correct the path";
    case EACCES:
    case EPERM: return "; run as the owner of the directory, or give that user access";
    case ENOTDIR: return "; a file stands where a directory is needed: choose another path";
    case EISDIR: return "; a directory stands where a file is needed";
    case ENOSPC:
    case EDQUOT: return "; free space on the file system";
    case EROFS: return "; the file system is mounted read-only";
    case ELOOP: return "; symbolic links are not followed here: give the real path";
    case EMFILE:
    case ENFILE: return "; raise the limit of open files (ulimit -n)";
    default: return "";
  }
}

}  // namespace

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status io_error(std::string_view action, const std::string& path, int error) {
  std::string text("cannot ");
  text.append(action).append(" ").append(path).append(": ");
  text.append(std::generic_category().message(error)).append(remedy(error));
  return Status(StatusCode::kIo, std::move(text));
}

Result<Fd> open_file(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return io_error("open", path, errno);
  return Fd(fd);
}

Result<Fd> lock_file(const std::string& path) {
  Result<Fd> fd = open_file(path, O_RDWR | O_CREAT);
  if (!fd) return fd;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  // An open file description lock: two stores of one process exclude each other too.
  if (::fcntl(fd->get(), F_OFD_SETLK, &whole) == 0) return fd;
  if (errno != EAGAIN && errno != EACCES) return io_error("lock", path, errno);
  return Status(StatusCode::kConflict, path + " is locked by another process");
}

Status write_at(const Fd& fd, const std::string& path, std::string_view bytes,
                std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return io_error("write", path, errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Status();
}

Result<std::string> read_at(const Fd& fd, const std::string& path, std::size_t count,
                            std::uint64_t offset) {
  std::string bytes(count, '\0');
  std::size_t got = 0;
  while (got < count) {
    const ssize_t read = ::pread(fd.get(), bytes.data() + got, count - got,
                                 static_cast<off_t>(offset + got));
    if (read < 0) {
      if (errno == EINTR) continue;
      return io_error("read", path, errno);
    }
    if (read == 0) break;
    got += static_cast<std::size_t>(read);
  }
  bytes.resize(got);
  return bytes;
}

Status sync_file(const Fd& fd, const std::string& path) {
  if (::fdatasync(fd.get()) != 0) return io_error("sync", path, errno);
  return Status();
}

Status sync_directory(const std::string& path) {
  Result<Fd> fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return fd.status();
  if (::fsync(fd->get()) != 0) return io_error("sync directory", path, errno);
  return Status();
}

Status make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return io_error("create directory", path, errno);
  }
  // Opened first and then asked, so that nobody can exchange it in between.
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error("open directory", path, errno);
  const Fd closer(fd);
  struct stat info {};
  if (::fstat(fd, &info) != 0) return io_error("examine", path, errno);
  if (info.st_uid != ::geteuid()) {
    return Status(StatusCode::kIo, "directory " + path + " belongs to user " +
                                       std::to_string(info.st_uid) + ", not to user " +
                                       std::to_string(::geteuid()) +
                                       " of this process; run as its owner, or chown it");
  }
  if ((info.st_mode & 0777) != 0700 && ::fchmod(fd, 0700) != 0) {
    return io_error("make private", path, errno);
  }
  return Status();
}

bool exists(const std::string& path) noexcept {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

Result<bool> surely_exists(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return io_error("examine", path, errno);
}

Result<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return io_error("examine", path, errno);
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

std::string parent_of(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path.empty() ? "." : "/";
  const std::size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace cloakroom
