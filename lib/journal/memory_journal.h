// MemoryJournal: the journal of a store without a path. It counts versions and keeps nothing.
#ifndef CLOAKROOM_LIB_JOURNAL_MEMORY_JOURNAL_H_
#define CLOAKROOM_LIB_JOURNAL_MEMORY_JOURNAL_H_

#include <atomic>

#include "journal/journal.h"

namespace cloakroom {

class MemoryJournal final : public Journal {
 public:
  [[nodiscard]] bool keeps() const noexcept override { return false; }
  Status expect_append(std::size_t bytes) override;
  Result<Version> append(const Mutation& mutation) override;
  Result<Version> append_group(std::span<const Mutation> group) override;
  bool try_append(const Mutation& mutation) override;
  Status wait(Version version, Durability level) override;
  void when_durable(Version version, std::function<void(Status)> f) override;
  Status sync() override;
  Status admit_growth() override;
  Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) override;
  std::size_t begin_load(std::size_t) override { return 0; }
  Result<std::size_t> load(std::size_t part, std::size_t count,
                           FunctionRef<void(const RecordView&)> f) override;
  void end_load() override {}
  Result<Version> checkpoint(const std::string& dir) override;
  void set_dead_check(std::function<bool(std::string_view, Version)>) override {}
  Status close() override;
  [[nodiscard]] JournalStats stats() const override;

 private:
  // Written by all; not in a line with the table of virtual functions, which all read.
  alignas(64) std::atomic<Version> last_{0};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_MEMORY_JOURNAL_H_
