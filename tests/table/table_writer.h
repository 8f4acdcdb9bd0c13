// The writes of a table as the engine makes them (store/engine_write.cc, store/sweeper.cc), with
// neither a journal nor owners: tests of the table that need more than one insert use these.
#ifndef CLOAKROOM_TESTS_TABLE_TABLE_WRITER_H_
#define CLOAKROOM_TESTS_TABLE_TABLE_WRITER_H_

#include <atomic>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "table/table.h"

namespace cloakroom::testing {

// Now() -> TimeMs. Safe from any thread.
template <class Now>
class TableWriter {
 public:
  TableWriter(Table& table, Now now) : table_(table), now_(std::move(now)) {}

  // Creates or replaces; make(version) gives the value. One that is replaced keeps its deadline.
  // Returns the version; those of one key rise.
  template <class Make>
  Version put(std::string_view key, TimeMs deadline, Make&& make) {
    const std::uint64_t hash = table_.hash(key);
    Ref retired = 0;
    Version version = 0;
    {
      Stripe& stripe = table_.stripe_of(hash);
      SpinLockGuard guard(stripe.lock());
      HeldRecord held(stripe, stripe.find(tag_of(hash), key));
      const Record* const current = held.alive(now_());
      version = ++versions_;
      const auto& value = make(version);
      NewRecord record(table_.slabs(),
                       {.key = key,
                        .value = value,
                        .version = version,
                        .deadline = current != nullptr ? held.clock().deadline : deadline});
      if (held.record() != nullptr) {
        retired = stripe.replace(*held.slot(), record);
        held.gone();
      } else {
        stripe.reserve_one();
        stripe.insert(tag_of(hash), record);
      }
    }
    if (retired != 0) table_.retire(retired);
    return version;
  }

  // False when it was absent or dead.
  bool erase(std::string_view key) {
    const std::uint64_t hash = table_.hash(key);
    Ref retired = 0;
    {
      Stripe& stripe = table_.stripe_of(hash);
      SpinLockGuard guard(stripe.lock());
      HeldRecord held(stripe, stripe.find(tag_of(hash), key));
      if (held.alive(now_()) == nullptr) return false;
      held.gone();
      retired = stripe.remove(*held.slot());
      stripe.shrink();
    }
    table_.retire(retired);
    return true;
  }

  // Moves the deadline by `later` from where it is, which is answered; nothing when it is absent.
  std::optional<TimeMs> touch(std::string_view key, TimeMs later) {
    const std::uint64_t hash = table_.hash(key);
    TimeMs deadline = 0;
    const auto touched =
        table_.extend(hash, key, now_, [&](const Record&, const ClockWord& clock, TimeMs) {
          deadline = clock.deadline + later;
          return std::optional(Table::Extension{deadline, 0});
        });
    if (touched) return deadline;
    if (touched.code() != StatusCode::kConflict) return std::nullopt;
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    if (held.alive(now_()) == nullptr) return std::nullopt;
    deadline = held.clock().deadline + later;
    stripe.set_deadline(*held.slot(), deadline, 0);
    return deadline;
  }

  // Removes what is dead; returns how many there were.
  std::size_t sweep() {
    std::size_t swept = 0;
    for (Stripe& stripe : table_.stripes()) {
      if (table_.is_due(stripe, hint_of(now_()))) swept += sweep_stripe(stripe);
    }
    return swept;
  }

 private:
  std::size_t sweep_stripe(Stripe& stripe) {
    std::vector<Ref> retired;
    {
      SpinLockGuard guard(stripe.lock());
      const std::uint32_t due = hint_of(now_());
      for (auto bucket = stripe.next_due(0, due); bucket;
           bucket = stripe.next_due(*bucket + 1, due)) {
        stripe.for_each_in(*bucket, [&](Stripe::Slot slot, const Record&) REQUIRES(stripe.lock()) {
          HeldRecord held(stripe, slot);
          if (held.alive(now_()) != nullptr) return;
          held.gone();
          retired.push_back(stripe.remove(slot));
        });
        stripe.rehint(*bucket);
      }
      stripe.rehint_stripe();
      if (!retired.empty()) stripe.shrink();
    }
    for (const Ref ref : retired) table_.retire(ref);
    return retired.size();
  }

  Table& table_;
  const Now now_;
  std::atomic<Version> versions_{0};
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TABLE_TABLE_WRITER_H_
