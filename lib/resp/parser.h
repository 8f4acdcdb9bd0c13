// Bytes of a connection to commands. Resumable at every byte, and it never takes a length at its
// word: memory grows with what has arrived, never with what was announced.
//
//   feed() or prepare()/commit()     bytes arrive
//   next()                           kCommand: args() until the next call that adds bytes
//                                    kNeedMore: feed it
//                                    kError: error() is the text; the connection must be closed
//
// The buffer
//
//   | consumed | commands already handed out | the command being read | free |
//   0          begin_ (after next())          args as offsets          size_
//
// Views handed out stay valid while commands follow one another, so that a batch can be looked at
// as a whole; the buffer is moved together only when bytes are added.
//
// What it reads: arrays of bulk strings (RESP2 and RESP3 send the same), and inline commands: words
// on a line, with Redis's quoting. "*0", "*-1" and empty lines are no commands and answer nothing.
//
// Thread safety: none, one connection owns it. Cost: linear in the bytes.
#ifndef CLOAKROOM_LIB_RESP_PARSER_H_
#define CLOAKROOM_LIB_RESP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cloakroom::resp {

struct ParserLimits {
  std::int64_t elements = 1024 * 1024;                // of one array
  std::int64_t bulk_bytes = std::int64_t{512} << 20;  // of one argument
  std::size_t command_bytes = std::size_t{1} << 30;   // of one command with everything around it
  bool authenticated = true;                          // only changes the error texts
};

// What is granted to somebody who has not said who they are.
inline constexpr ParserLimits kUnauthenticatedLimits{
    .elements = 10, .bulk_bytes = 16 * 1024, .command_bytes = 1 << 20, .authenticated = false};

class Parser {
 public:
  enum class Outcome { kCommand, kNeedMore, kError };

  explicit Parser(const ParserLimits& limits) : limits_(limits) {}

  // Take effect with the next header that is read.
  void set_limits(const ParserLimits& limits) noexcept { limits_ = limits; }

  // Room for at least `bytes` to read into; commit() says how many came. Ends the validity of args.
  [[nodiscard]] std::span<char> prepare(std::size_t bytes);
  void commit(std::size_t bytes) noexcept { size_ += bytes; }
  void feed(std::string_view bytes);

  [[nodiscard]] Outcome next();
  [[nodiscard]] std::span<const std::string_view> args() const noexcept { return args_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  // Whether args() is of an inline command: its views end with the next call of next().
  [[nodiscard]] bool is_inline() const noexcept { return was_inline_; }

  // Received and not yet handed out.
  [[nodiscard]] std::size_t pending_bytes() const noexcept { return size_ - begin_; }
  // Of the command that next() found last.
  [[nodiscard]] std::size_t command_bytes() const noexcept { return command_bytes_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return buffer_.size(); }
  // Whether a command has begun and not ended.
  [[nodiscard]] bool is_inside() const noexcept { return pending_bytes() != 0; }

  // Gives the buffer back when nothing is pending. Ends the validity of args.
  void release() noexcept;

 private:
  enum class State { kStart, kBulkHeader, kBulk };
  struct Extent {
    std::size_t at = 0;  // from begin_
    std::size_t size = 0;
  };

  Outcome step(bool& done);
  Outcome read_header();
  Outcome read_inline();
  Outcome read_bulk_header();
  Outcome read_bulk();
  Outcome fail(std::string text);
  void finish();
  std::optional<std::string_view> line(std::size_t longest);
  bool split_inline(std::string_view line);

  ParserLimits limits_;
  std::string buffer_ = {};  // its size is the capacity; size_ of it are filled
  std::size_t size_ = 0;
  std::size_t begin_ = 0;     // of the command being read
  std::size_t at_ = 0;        // read so far, from begin_
  std::size_t command_bytes_ = 0;
  std::size_t searched_ = 0;  // of the line being looked for, from at_
  State state_ = State::kStart;
  std::int64_t missing_ = 0;  // arguments
  std::size_t bulk_ = 0;      // length of the argument being read
  std::vector<Extent> extents_ = {};
  std::vector<std::string_view> args_ = {};
  std::string inline_ = {};  // unquoted words
  bool was_inline_ = false;
  std::string error_ = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_PARSER_H_
