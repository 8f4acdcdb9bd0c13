#include "resp/batch.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kArgsKept = 1024;  // of a huge command no memory is kept

}  // namespace

Parser::Outcome Batch::refill(Parser& parser, std::size_t most) {
  parts_.clear();
  args_.clear();
  at_ = bytes_ = 0;
  if (args_.capacity() > kArgsKept) std::vector<std::string_view>().swap(args_);
  Parser::Outcome outcome = Parser::Outcome::kNeedMore;
  while (parts_.size() < most) {
    outcome = parser.next();
    if (outcome != Parser::Outcome::kCommand) break;
    const std::span<const std::string_view> args = parser.args();
    parts_.push_back({CommandTable::instance().of(args), args_.size(), args.size(),
                      parser.command_bytes(), parser.is_inline()});
    bytes_ += parser.command_bytes();
    args_.insert(args_.end(), args.begin(), args.end());
    if (parser.is_inline() || args_.size() > kArgsKept) break;
  }
  return parts_.empty() ? outcome : Parser::Outcome::kCommand;
}

void Batch::pop(std::size_t count) noexcept {
  for (const std::size_t end = at_ + count; at_ < end; ++at_) bytes_ -= parts_[at_].bytes;
}

Parsed Batch::operator[](std::size_t i) const noexcept {
  const Part& part = parts_[at_ + i];
  return {.command = part.command,
          .args = std::span(args_).subspan(part.first, part.count),
          .is_inline = part.is_inline};
}

}  // namespace cloakroom::resp
