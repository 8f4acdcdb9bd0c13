#include "resp/parser.h"

#include <algorithm>
#include <cstring>

#include "resp/text.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024;
constexpr std::size_t kExtentsKept = 1024;  // of a huge command no memory is kept

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One escape inside double quotes, from the backslash on; returns how many bytes it took.
std::size_t unescape(std::string_view from, std::string& out) {
  if (from.size() >= 4 && from[1] == 'x' && hex_digit(from[2]) >= 0 && hex_digit(from[3]) >= 0) {
    out.push_back(static_cast<char>(hex_digit(from[2]) * 16 + hex_digit(from[3])));
    return 4;
  }
  switch (from[1]) {
    case 'n':
      out.push_back('\n');
      break;
    case 'r':
      out.push_back('\r');
      break;
    case 't':
      out.push_back('\t');
      break;
    case 'b':
      out.push_back('\b');
      break;
    case 'a':
      out.push_back('\a');
      break;
    default:
      out.push_back(from[1]);
  }
  return 2;
}

// A quoted part, from its opening quote on. Returns the bytes it took, 0 when it does not end.
std::size_t unquote(std::string_view from, std::string& out) {
  const char quote = from.front();
  std::size_t at = 1;
  while (at < from.size()) {
    if (from[at] == quote) return at + 1;
    if (quote == '"' && from[at] == '\\' && at + 1 < from.size()) {
      at += unescape(from.substr(at), out);
    } else if (quote == '\'' && from.substr(at).starts_with("\\'")) {
      out.push_back('\'');
      at += 2;
    } else {
      out.push_back(from[at++]);
    }
  }
  return 0;
}

}  // namespace

std::span<char> Parser::prepare(std::size_t bytes) {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, size_ - begin_);
    size_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - size_ < bytes) {
    buffer_.resize(std::max(size_ + bytes, size_ + size_ / 2));
  }
  return {buffer_.data() + size_, buffer_.size() - size_};
}

void Parser::feed(std::string_view bytes) {
  const std::span<char> room = prepare(bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  commit(bytes.size());
}

void Parser::release() noexcept {
  if (pending_bytes() != 0) return;
  std::string().swap(buffer_);
  size_ = begin_ = at_ = searched_ = 0;
  if (extents_.capacity() > kExtentsKept) std::vector<Extent>().swap(extents_);
  if (args_.capacity() > kExtentsKept) std::vector<std::string_view>().swap(args_);
}

Parser::Outcome Parser::fail(std::string text) {
  error_ = std::move(text);
  return Outcome::kError;
}

// The line from at_ on, without its end; at_ moves behind it. Nothing while it has no end. The line
// may end in LF alone.
std::optional<std::string_view> Parser::line(std::size_t longest) {
  const std::string_view rest(buffer_.data() + begin_ + at_, size_ - begin_ - at_);
  const std::size_t end = rest.find('\n', searched_);
  if (end == std::string_view::npos) {
    searched_ = rest.size();
    if (rest.size() > longest) error_ = "too big";
    return std::nullopt;
  }
  searched_ = 0;
  at_ += end + 1;
  std::string_view found = rest.substr(0, end);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

Parser::Outcome Parser::next() {
  if (!error_.empty()) return Outcome::kError;
  for (;;) {
    bool done = false;
    const bool at_end = begin_ + at_ >= size_ && state_ != State::kBulk;
    const Outcome outcome = at_end ? Outcome::kNeedMore : step(done);
    if (outcome == Outcome::kError) return outcome;
    if (outcome == Outcome::kCommand && done) {
      finish();
      if (!args_.empty()) return outcome;  // empty: nothing was said
      continue;
    }
    if (outcome == Outcome::kNeedMore) {
      if (size_ - begin_ > limits_.command_bytes) {
        return fail("Protocol error: the command is larger than this server allows");
      }
      return outcome;
    }
  }
}

// One line or argument. kCommand means "went on"; `done` that the command is complete.
Parser::Outcome Parser::step(bool& done) {
  Outcome outcome = Outcome::kNeedMore;
  switch (state_) {
    case State::kStart:
      if (buffer_[begin_] == '*') {
        outcome = read_header();
      } else {
        outcome = read_inline();
        done = outcome == Outcome::kCommand;
        return outcome;
      }
      break;
    case State::kBulkHeader:
      outcome = read_bulk_header();
      break;
    case State::kBulk:
      outcome = read_bulk();
      break;
  }
  done = outcome == Outcome::kCommand && state_ == State::kBulkHeader && missing_ <= 0;
  return outcome;
}

Parser::Outcome Parser::read_header() {
  const auto header = line(kLineBytesMax);
  if (!header) {
    return error_.empty() ? Outcome::kNeedMore : fail("Protocol error: too big mbulk count string");
  }
  const auto count = parse_int(header->substr(1));
  if (!count || *count > std::max<std::int64_t>(limits_.elements, 0)) {
    return fail(limits_.authenticated || !count
                    ? "Protocol error: invalid multibulk length"
                    : "Protocol error: unauthenticated multibulk length");
  }
  missing_ = *count;
  state_ = State::kBulkHeader;
  return Outcome::kCommand;
}

Parser::Outcome Parser::read_bulk_header() {
  const auto header = line(kLineBytesMax);
  if (!header) {
    return error_.empty() ? Outcome::kNeedMore : fail("Protocol error: too big bulk count string");
  }
  if (!header->starts_with('$')) {
    const char got = header->empty() ? '\r' : header->front();
    return fail("Protocol error: expected '$', got '" + std::string(1, got) + "'");
  }
  const auto length = parse_int(header->substr(1));
  if (!length || *length < 0 || *length > limits_.bulk_bytes) {
    return fail(limits_.authenticated || !length || *length < 0
                    ? "Protocol error: invalid bulk length"
                    : "Protocol error: unauthenticated bulk length");
  }
  bulk_ = static_cast<std::size_t>(*length);
  state_ = State::kBulk;
  return Outcome::kCommand;
}

Parser::Outcome Parser::read_bulk() {
  if (size_ - begin_ - at_ < bulk_ + 2) return Outcome::kNeedMore;
  extents_.push_back({at_, bulk_});
  at_ += bulk_ + 2;
  --missing_;
  state_ = State::kBulkHeader;
  return Outcome::kCommand;
}

Parser::Outcome Parser::read_inline() {
  const auto words = line(kLineBytesMax);
  if (!words) {
    return error_.empty() ? Outcome::kNeedMore : fail("Protocol error: too big inline request");
  }
  return split_inline(*words) ? Outcome::kCommand
                              : fail("Protocol error: unbalanced quotes in request");
}

// Into inline_ and extents_ (which then count from inline_).
bool Parser::split_inline(std::string_view line) {
  inline_.clear();
  extents_.clear();
  std::size_t at = 0;
  for (;;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at >= line.size()) break;
    const std::size_t begin = inline_.size();
    while (at < line.size() && !is_blank(line[at])) {
      if (line[at] != '"' && line[at] != '\'') {
        inline_.push_back(line[at++]);
        continue;
      }
      const std::size_t taken = unquote(line.substr(at), inline_);
      at += taken;
      // A closing quote ends the word.
      if (taken == 0 || (at < line.size() && !is_blank(line[at]))) return false;
      break;
    }
    extents_.push_back({begin, inline_.size() - begin});
  }
  args_.clear();
  for (const Extent& word : extents_) {
    args_.push_back(std::string_view(inline_).substr(word.at, word.size));
  }
  return true;
}

// Makes the views, and begins anew behind the command.
void Parser::finish() {
  was_inline_ = state_ == State::kStart;
  if (!was_inline_) {
    args_.clear();
    const std::string_view command(buffer_.data() + begin_, at_);
    for (const Extent& extent : extents_) args_.push_back(command.substr(extent.at, extent.size));
  }
  extents_.clear();
  command_bytes_ = at_;
  begin_ += at_;
  at_ = searched_ = 0;
  missing_ = 0;
  state_ = State::kStart;
}

}  // namespace cloakroom::resp
