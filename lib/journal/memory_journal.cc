#include "journal/memory_journal.h"

namespace cloakroom {

Status MemoryJournal::expect_append(std::size_t) {
  __builtin_prefetch(&last_, 1);
  return Status();
}

Result<Version> MemoryJournal::append(const Mutation&) {
  return last_.fetch_add(1, std::memory_order_relaxed) + 1;
}

Result<Version> MemoryJournal::append_group(std::span<const Mutation> group) {
  return append(group.front());
}

bool MemoryJournal::try_append(const Mutation&) { return true; }
Status MemoryJournal::wait(Version, Durability) { return Status(); }
void MemoryJournal::when_durable(Version, std::function<void(Status)> f) { f(Status()); }
Status MemoryJournal::sync() { return Status(); }
Status MemoryJournal::admit_growth() { return Status(); }

Status MemoryJournal::read(std::string_view, FunctionRef<void(const RecordView&)>) {
  return Status(StatusCode::kNotFound);
}

Result<std::size_t> MemoryJournal::load(std::size_t, std::size_t,
                                        FunctionRef<void(const RecordView&)>) {
  return std::size_t{0};
}

Result<Version> MemoryJournal::checkpoint(const std::string&) {
  return Status(StatusCode::kInvalidArgument,
                "a memory-only store has no checkpoint; open it with Options::path");
}

Status MemoryJournal::close() { return Status(); }

JournalStats MemoryJournal::stats() const {
  JournalStats stats;
  stats.version_last = last_.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace cloakroom
