// Lines in and out: files that are read line by line and written in large pieces.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_LINE_FILES_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_LINE_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "cloakroom/status.h"

namespace cloakroom::cli {

// Reads a file, or stdin, in lines of any length up to a bound. Not thread-safe.
class LineSource {
 public:
  // "-" is stdin.
  static Result<LineSource> open(const std::string& path);

  // False at the end, when Ctrl-C came, and when status() says why there is no more. Without its
  // newline; valid until the next call. A last line without one counts.
  bool next(std::string_view* line);

  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] std::uint64_t line_number() const noexcept { return line_; }   // of the last line
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }      // behind it
  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return total_; }  // 0: not known

  // Goes on behind `offset`, which was that of line `number`. Reads up to there where it must.
  Status skip_to(std::uint64_t offset, std::uint64_t number);

 private:
  explicit LineSource(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  bool fill();

  std::string path_;
  Fd fd_;
  Status status_;
  std::string buffer_;
  std::size_t at_ = 0;  // in the buffer: where the next line begins
  std::uint64_t line_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t total_ = 0;
  bool end_ = false;
  bool interrupted_ = false;  // while it waited for more
};

// Writes to stdout, or to a new file, mode 0600, that has its name only when it is whole and on
// disk. Not thread-safe.
class LineSink {
 public:
  // Empty: stdout. kIo when the file exists.
  static Result<LineSink> open(const std::string& path);

  // What is to be written next; append to it, then call flush_some().
  [[nodiscard]] std::string& buffer() noexcept { return buffer_; }
  Status flush_some() { return buffer_.size() < kBytes ? Status() : flush(); }
  Status finish();

  // The name under which a file is written until it is whole.
  [[nodiscard]] static std::string partial_of(const std::string& path) { return path + ".partial"; }

 private:
  static constexpr std::size_t kBytes = std::size_t{256} << 10;
  LineSink(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status flush();

  std::string path_;
  Fd fd_;
  std::string buffer_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_LINE_FILES_H_
