#include "journal/rocks_batch.h"

#include "base/coding.h"
#include "journal/rocks_options.h"

namespace cloakroom {
namespace {

enum OperationTag : std::uint8_t { kDelete = 4, kPut = 5 };

}  // namespace

std::optional<LoggedBatch> parse_batch(std::string_view bytes) {
  Reader reader(bytes);
  LoggedBatch batch;
  batch.sequence = reader.u64();
  batch.count = reader.u32();
  std::string_view last_head;
  for (std::uint32_t i = 0; i < batch.count && reader.ok(); ++i) {
    const std::uint8_t tag = reader.u8();
    const std::uint64_t family = reader.varint();
    const std::string_view key = reader.string();
    const std::string_view value = tag == kPut ? reader.string() : std::string_view();
    if ((tag != kPut && tag != kDelete) || family > kMetaFamily) return std::nullopt;
    last_head = family == kMetaFamily && key == kHeadKey ? value : std::string_view();
  }
  if (!reader.ok() || !reader.empty()) return std::nullopt;
  if (last_head.empty()) return batch;
  const Result<Head> head = parse_head(last_head);
  if (!head) return std::nullopt;
  batch.head = *head;
  return batch;
}

}  // namespace cloakroom
