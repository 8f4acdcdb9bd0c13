#include "resp/batch.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kArgsKept = 1024;  // of a huge command no memory is kept

}  // namespace

Parser::Outcome Batch::refill(Parser& parser, std::size_t most) {
  parts_.clear();
  args_.clear();
  at_ = 0;
  if (args_.capacity() > kArgsKept) std::vector<std::string_view>().swap(args_);
  Parser::Outcome outcome = Parser::Outcome::kNeedMore;
  while (parts_.size() < most) {
    outcome = parser.next();
    if (outcome != Parser::Outcome::kCommand) break;
    const std::span<const std::string_view> args = parser.args();
    parts_.push_back({CommandTable::instance().of(args), args_.size(), args.size(),
                      parser.command_bytes(), parser.is_inline()});
    args_.insert(args_.end(), args.begin(), args.end());
    if (parser.is_inline() || args_.size() > kArgsKept) break;
  }
  return parts_.empty() ? outcome : Parser::Outcome::kCommand;
}

std::size_t Batch::bytes() const noexcept {
  std::size_t sum = 0;
  for (std::size_t i = at_; i < parts_.size(); ++i) sum += parts_[i].bytes;
  return sum;
}

Parsed Batch::operator[](std::size_t i) const noexcept {
  const Part& part = parts_[at_ + i];
  return {.command = part.command,
          .args = std::span(args_).subspan(part.first, part.count),
          .is_inline = part.is_inline};
}

}  // namespace cloakroom::resp
