// A history: what several threads asked of a store and what it answered, each call with the moments
// it began and ended at, so that linearizability.h can judge it.
//
// Moments are stamps of one atomic counter, taken before the call and after it. Why that order is
// sound: the counter's additions have one total order, and a call lies within its two stamps. If
// the end of A is stamped lower than the beginning of B, A really had returned before B was called.
// The reverse need not hold: a thread may be late to take its stamp, which widens its interval and
// only ever allows more. So a history may hide a fault, but never invents one.
//
// Recording costs two additions on a shared line and a copy of some 100 bytes into the thread's own
// log: no lock, no allocation, nothing that would put the threads in order.
#ifndef CLOAKROOM_TESTS_SUPPORT_HISTORY_H_
#define CLOAKROOM_TESTS_SUPPORT_HISTORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/store.h"

namespace cloakroom::testing {

// Is this a build for ThreadSanitizer? g++ and clang say it differently.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool kThreadSanitizer = false;
#endif

using Stamp = std::uint64_t;
inline constexpr Stamp kNeverReturned = UINT64_MAX;

// Values are numbers, each written once, so that what is read names the write it came from.
using ValueId = std::uint64_t;
inline constexpr ValueId kNoValue = 0;             // the record is absent
inline constexpr ValueId kTornValue = UINT64_MAX;  // bytes that no write has written

// The bytes of a value; their number differs from value to value, so that records move in memory.
[[nodiscard]] std::string value_text(ValueId id);
// The value of these bytes; kTornValue when they are not exactly value_text() of any.
[[nodiscard]] ValueId value_of(std::string_view bytes);

inline constexpr std::uint32_t kEveryKey = UINT32_MAX;  // Operation::key of a step of the clock

struct Operation {
  enum class Type : std::uint8_t {
    kGet,
    kVisit,
    kVisitMany,
    kPut,
    kTouch,
    kErase,
    kUpdate,
    kAdvance,  // the clock moves on by `ttl`
  };
  enum class Outcome : std::uint8_t {
    kOk,
    kNotFound,
    kConflict,
    kRefused,  // any other code: none is allowed in a history
  };

  Type type = Type::kGet;
  std::uint32_t key = 0;
  std::uint32_t thread = 0;
  Stamp invoked = 0;
  Stamp returned = kNeverReturned;

  // What was asked.
  ValueId wrote = kNoValue;  // kPut, kUpdate
  Millis ttl = kNoExpiry;
  bool keep_deadline = false;
  UpdateAction action = UpdateAction::kStore;        // kUpdate
  std::optional<Version> if_version = std::nullopt;  // kPut, kErase, kUpdate

  // By which time a write judged, when that is known; see key_model.h.
  std::optional<TimeMs> at = std::nullopt;

  // What was answered; means nothing when the operation never returned.
  Outcome outcome = Outcome::kRefused;
  Version version = 0;                                // the call's result; 0: it tells none
  ValueId saw = kNoValue;                             // reads, kUpdate: the value found
  Version saw_version = 0;                            // the same, as the record itself says
  std::optional<TimeMs> saw_deadline = std::nullopt;  // the same; a get does not tell

  [[nodiscard]] bool is_open() const noexcept { return returned == kNeverReturned; }
};

// A log may lie in memory shared with a process that will be killed.
static_assert(std::is_trivially_copyable_v<Operation>);

[[nodiscard]] Operation::Outcome outcome_of(StatusCode code) noexcept;

// "t1 [  14,  19] put v12 ttl 30 if_version 4 -> ok version 9"
[[nodiscard]] std::string to_text(const Operation& operation);

// The order of a history; shared by its threads.
class StampCounter {
 public:
  // Nothing moves over a stamp in either direction: on x86 an atomic addition is a full fence
  // whatever order is asked for, elsewhere seq_cst asks for one. Under ThreadSanitizer it is asked
  // for relaxed, because anything stronger would order the threads in its eyes and hide from it
  // the races it is there to find; there the call into its runtime keeps the compiler from moving.
  Stamp next() noexcept { return next_.fetch_add(1, kOrder); }

 private:
  static constexpr auto kOrder =
      kThreadSanitizer ? std::memory_order_relaxed : std::memory_order_seq_cst;
  alignas(64) std::atomic<Stamp> next_{1};
};

// What one thread did. Used by that thread alone until it is joined.
class ThreadLog {
 public:
  // Room for as many operations as `room` holds; it must outlive the log.
  ThreadLog(StampCounter& stamps, std::span<Operation> room, std::uint32_t thread) noexcept
      : stamps_(stamps), room_(room), thread_(thread) {}

  // Logs that the operation begins. The result is to be given to end(), or to be left as it is when
  // the call never returns. REQUIRES: !full().
  Operation& begin(const Operation& asked) noexcept;
  // The operation has returned, and what it answered is in it.
  void end(Operation& operation) noexcept { operation.returned = stamps_.next(); }

  [[nodiscard]] bool full() const noexcept { return used_ == room_.size(); }
  [[nodiscard]] std::span<const Operation> operations() const noexcept {
    return room_.first(used_);
  }

 private:
  StampCounter& stamps_;
  const std::span<Operation> room_;
  const std::uint32_t thread_;
  std::size_t used_ = 0;
};

using Operations = std::vector<Operation>;

// The operations on one key, and the steps of the clock, in the order they began.
[[nodiscard]] Operations operations_on(std::uint32_t key, const Operations& all);

// How many operations are in flight while any is, on average over the stamps: 1 when each waits for
// the one before it. Open operations do not count.
[[nodiscard]] double mean_concurrency(const Operations& all);

// Are versions, over all keys, unique and in the order of time: is one that was given before
// another operation began lower than the one that is given there? Names the two operations that are
// not.
[[nodiscard]] std::optional<std::string> versions_out_of_order(const Operations& all);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_HISTORY_H_
