#include "copy/line_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "text/interrupt.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
// A value of 512 MiB, escaped or in base64, and its names.
constexpr std::size_t kLineBytesMax = std::size_t{1} << 30;

}  // namespace

Result<LineSource> LineSource::open(const std::string& path) {
  if (path == "-") {
    Fd in(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!in) return io_error("read", "stdin", errno);
    return LineSource("stdin", std::move(in));
  }
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    return Status(StatusCode::kIo, "there is no file " + path + "; name the one that export wrote");
  }
  if (!fd) return io_error("open", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return io_error("open", path, errno);
  if (S_ISDIR(info.st_mode)) {
    return Status(StatusCode::kIo, path + " is a directory; name the file that export wrote");
  }
  LineSource source(path, std::move(fd));
  if (S_ISREG(info.st_mode)) source.total_ = static_cast<std::uint64_t>(info.st_size);
  return source;
}

// Reads another piece behind what is in the buffer; false at the end.
bool LineSource::fill() {
  if (end_) return false;
  buffer_.erase(0, at_);
  at_ = 0;
  if (buffer_.size() > kLineBytesMax) {
    status_ = Status(StatusCode::kTooLarge, path_ + ": line " + std::to_string(line_ + 1) +
                                                " is longer than any export's");
    end_ = true;
    return false;
  }
  const std::size_t old = buffer_.size();
  // A long line is read in pieces that grow with it.
  const std::size_t piece = std::max(kChunkBytes, old);
  buffer_.resize(old + piece);
  ssize_t count = 0;
  do {
    count = ::read(fd_.get(), buffer_.data() + old, piece);
  } while (count < 0 && errno == EINTR && !Interrupts::pending());
  buffer_.resize(old + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  interrupted_ = count < 0 && errno == EINTR;
  if (count < 0 && !interrupted_) status_ = io_error("read", path_, errno);
  end_ = count <= 0;
  return !end_;
}

bool LineSource::next(std::string_view* line) {
  std::size_t searched = at_;
  for (;;) {
    const char* const from = buffer_.data() + searched;
    const void* const found = std::memchr(from, '\n', buffer_.size() - searched);
    if (found != nullptr) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      *line = std::string_view(buffer_).substr(at_, end - at_);
      offset_ += end + 1 - at_;
      at_ = end + 1;
      ++line_;
      return true;
    }
    const std::size_t begun = buffer_.size() - at_;
    if (!fill()) break;
    searched = begun;
  }
  if (!status_ || interrupted_ || at_ == buffer_.size()) return false;
  *line = std::string_view(buffer_).substr(at_);
  offset_ += buffer_.size() - at_;
  at_ = buffer_.size();
  ++line_;
  return true;
}

Status LineSource::skip_to(std::uint64_t offset, std::uint64_t number) {
  std::string_view line;
  while (offset_ < offset) {
    if (next(&line)) continue;
    return status_ ? Status(StatusCode::kInvalidArgument,
                            path_ + " ends before the place where the import stopped")
                   : status_;
  }
  if (offset_ == offset && line_ == number) return Status();
  return Status(StatusCode::kInvalidArgument, path_ + " is not the file that was being imported");
}

Result<LineSink> LineSink::open(const std::string& path) {
  if (path.empty()) {
    Fd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!out) return io_error("write", "stdout", errno);
    return LineSink(path, std::move(out));
  }
  if (exists(path)) {
    return Status(StatusCode::kIo, path + " exists already; name another file, or remove it");
  }
  const std::string partial = partial_of(path);
  ::unlink(partial.c_str());  // of one that was killed; its mode might be another
  Result<Fd> fd = open_file(partial, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return fd.status();
  return LineSink(path, *std::move(fd));
}

Status LineSink::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("write", path_.empty() ? "stdout" : path_, errno);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
  return Status();
}

Status LineSink::finish() {
  if (Status flushed = flush(); !flushed || path_.empty()) return flushed;
  const std::string partial = partial_of(path_);
  if (::fsync(fd_.get()) != 0) return io_error("sync", partial, errno);
  // link(2) refuses a name that is taken, rename(2) would not.
  if (::link(partial.c_str(), path_.c_str()) != 0) {
    if (errno != EPERM) return io_error("name", path_, errno);
    if (::rename(partial.c_str(), path_.c_str()) != 0) return io_error("name", path_, errno);
  }
  ::unlink(partial.c_str());
  return sync_directory(parent_of(path_));
}

}  // namespace cloakroom::cli
