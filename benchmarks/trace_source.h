// The lines of a text file, which may be compressed with zstd; found out from its first bytes.
#ifndef CLOAKROOM_BENCHMARKS_TRACE_SOURCE_H_
#define CLOAKROOM_BENCHMARKS_TRACE_SOURCE_H_

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace cloakroom::bench {

class LineSource {
 public:
  // Failure (kExitUsage) when the file cannot be read.
  explicit LineSource(std::string path);

  // The next line without its newline, valid until the next call; nothing at the end. Failure
  // (kExitUsage) for damaged or truncated compression.
  [[nodiscard]] std::optional<std::string_view> next();

  // Of the line that next() returned last; the first is 1.
  [[nodiscard]] std::uint64_t line_number() const noexcept { return line_number_; }

 private:
  struct FreeStream {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };

  bool fill();        // more text behind text_; false at the end
  bool read_input();  // more of the file into input_; false at its end

  std::string path_;
  Fd file_;
  std::string input_;  // as in the file, from input_at_ on not yet used
  std::size_t input_at_ = 0;
  bool compressed_ = false;
  bool inside_frame_ = false;
  std::unique_ptr<ZSTD_DStream, FreeStream> stream_;

  std::string text_;  // from text_at_ on not yet returned
  std::size_t text_at_ = 0;
  std::uint64_t line_number_ = 0;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_TRACE_SOURCE_H_
