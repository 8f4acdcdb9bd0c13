#include "trace_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "failure.h"

namespace cloakroom::bench {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18;
constexpr std::size_t kLineBytesMax = 4096;  // a line of a trace has about 40
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

}  // namespace

LineSource::LineSource(std::string path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_) {
    throw Failure(fmt::format("cannot open {}: {}", path_, std::strerror(errno)), kExitUsage);
  }
  read_input();
  compressed_ = std::string_view(input_).starts_with(kZstdMagic);
  if (compressed_) {
    stream_.reset(ZSTD_createDStream());
    if (!stream_) throw Failure("zstd: no memory");
  }
}

bool LineSource::read_input() {
  input_.resize(kReadBytes);
  input_at_ = 0;
  ssize_t count = 0;
  do {
    count = ::read(file_.get(), input_.data(), input_.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    throw Failure(fmt::format("cannot read {}: {}", path_, std::strerror(errno)), kExitUsage);
  }
  input_.resize(static_cast<std::size_t>(count));
  return count > 0;
}

bool LineSource::fill() {
  text_.erase(0, text_at_);
  text_at_ = 0;
  if (input_at_ == input_.size() && !read_input()) {
    if (!inside_frame_) return false;
    throw Failure(fmt::format("{} ends in the middle of its compressed data; copy it again", path_),
                  kExitUsage);
  }
  if (!compressed_) {
    text_.append(input_);
    input_at_ = input_.size();
    return true;
  }
  const std::size_t before = text_.size();
  text_.resize(before + ZSTD_DStreamOutSize());
  ZSTD_outBuffer out{text_.data(), text_.size(), before};
  ZSTD_inBuffer in{input_.data(), input_.size(), input_at_};
  const std::size_t answer = ZSTD_decompressStream(stream_.get(), &out, &in);
  if (ZSTD_isError(answer) != 0) {
    throw Failure(
        fmt::format("{} is damaged (zstd: {}); copy it again", path_, ZSTD_getErrorName(answer)),
        kExitUsage);
  }
  inside_frame_ = answer != 0;
  input_at_ = in.pos;
  text_.resize(out.pos);
  return true;
}

std::optional<std::string_view> LineSource::next() {
  std::size_t newline = 0;
  std::size_t searched = 0;
  while ((newline = text_.find('\n', text_at_ + searched)) == std::string::npos) {
    searched = text_.size() - text_at_;
    if (searched > kLineBytesMax) {
      throw Failure(fmt::format("{}, line {}: over {} bytes long; this is not an operation file",
                                path_, line_number_ + 1, kLineBytesMax),
                    kExitUsage);
    }
    if (fill()) continue;
    if (searched == 0) return std::nullopt;
    newline = text_.size();  // The last line may lack its newline.
    break;
  }
  std::string_view line = std::string_view(text_).substr(text_at_, newline - text_at_);
  text_at_ = std::min(newline + 1, text_.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++line_number_;
  return line;
}

}  // namespace cloakroom::bench
