// What was read of a pipeline and is not yet run.
//
// Commands are taken from the parser several at a time, so that the records they name are on their
// way into the processor's cache before the first is run. Their arguments stay where they were
// read: the parser moves nothing until bytes are added, and no bytes are added before all are run.
//
//   refill()     from the parser, up to kTogether commands; ends behind an inline command, whose
//                arguments the parser keeps only until it is asked for the next
//   front()      the one to be run next; pop() when it was
//
// Thread safety: none, one connection owns it.
#ifndef CLOAKROOM_LIB_RESP_BATCH_H_
#define CLOAKROOM_LIB_RESP_BATCH_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "resp/command_table.h"
#include "resp/parser.h"

namespace cloakroom::resp {

// A command as it was read. `command` is null when there is none of this name.
struct Parsed {
  const Command* command = nullptr;
  std::span<const std::string_view> args = {};  // at least one
  bool is_inline = false;
};

class Batch {
 public:
  // REQUIRES: empty(). Takes at most `most` commands; the outcome is kCommand when there is one,
  // else what the parser said. What the parser has to say behind them it says at the next refill.
  Parser::Outcome refill(Parser& parser, std::size_t most);

  [[nodiscard]] bool empty() const noexcept { return at_ == parts_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return parts_.size() - at_; }
  // As they came, of those not yet run.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // The i-th that is to be run. REQUIRES: i < size().
  [[nodiscard]] Parsed operator[](std::size_t i) const noexcept;
  void pop(std::size_t count = 1) noexcept;

 private:
  struct Part {
    const Command* command = nullptr;
    std::size_t first = 0;  // in args_
    std::size_t count = 0;
    std::size_t bytes = 0;
    bool is_inline = false;
  };

  std::vector<Part> parts_ = {};
  std::vector<std::string_view> args_ = {};
  std::size_t at_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_BATCH_H_
