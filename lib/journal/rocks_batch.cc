#include "journal/rocks_batch.h"

#include "base/coding.h"
#include "journal/rocks_options.h"

namespace cloakroom {
namespace {

enum OperationTag : std::uint8_t { kDelete = 4, kPut = 5 };

}  // namespace

bool each_change(std::string_view bytes, FunctionRef<void(const LoggedChange&)> f) {
  Reader reader(bytes);
  const std::uint64_t sequence = reader.u64();
  const std::uint32_t count = reader.u32();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint8_t tag = reader.u8();
    LoggedChange change{.erased = tag != kPut, .sequence = sequence + i};
    change.family = reader.varint();
    change.key = reader.string();
    if (tag == kPut) change.value = reader.string();
    if ((tag != kPut && tag != kDelete) || change.family > kMetaFamily || !reader.ok()) {
      return false;
    }
    f(change);
  }
  return reader.ok() && reader.empty();
}

std::optional<LoggedBatch> parse_batch(std::string_view bytes) {
  Reader reader(bytes);
  LoggedBatch batch;
  batch.sequence = reader.u64();
  batch.count = reader.u32();
  std::string_view last_head;
  const bool whole = each_change(bytes, [&](const LoggedChange& change) {
    const bool is_head = change.family == kMetaFamily && change.key == kHeadKey;
    last_head = is_head ? change.value : std::string_view();
  });
  if (!whole) return std::nullopt;
  if (last_head.empty()) return batch;
  const Result<Head> head = parse_head(last_head);
  if (!head) return std::nullopt;
  batch.head = *head;
  return batch;
}

}  // namespace cloakroom
