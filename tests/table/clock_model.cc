// A model of the clock word of a record (lib/table/record.h, and those who use it: Table::read and
// extend, HeldRecord, Engine::touch_locked, the sweep) for Relacy, which runs it under many
// interleavings and all that the memory model allows.
//
// One key whose record is about to expire, and five threads:
//   toucher   extends the deadline without the lock; when it must, with the lock
//   writer    under the lock: replaces the record and keeps its deadline, or decides and leaves it
//   reader    reads twice, and seals what it finds expired
//   sweeper   under the lock: removes the record if it is dead
//   clock     makes the time pass the first deadline
//
// What must hold
//   1. What was answered to be gone stays gone. Nobody who begins after that answer finds the
//      record alive or touches it.
//   2. A touch that was answered is not lost. Nobody who begins after it finds the key gone, and
//      the record that there is in the end has the deadline it set.
//   3. Nobody answers gone before the deadline has passed.
//   4. Who finds a record sees it whole.
//
// "After" means: having been told by the other thread (a release store and an acquire load). Each
// planted bug must be caught, or the model would prove nothing.
#include "support/relacy_model.h"

namespace {

using namespace cloakroom::testing;

enum class Bug {
  kNone,
  kTouchIgnoresHold,    // extend() succeeds while a writer holds the word
  kReplacedIsLetGo,     // the writer ends its hold on what it has replaced
  kReaderDoesNotSeal,   // a reader answers "gone" and leaves the deadline
  kWriterDoesNotSeal,   // a writer that found the record dead does
  kTouchStores,         // extend() is a store instead of a compare-and-swap
  kPublishedTooWeakly,  // the new record's reference is stored relaxed
};

template <Bug kBug>
struct ClockModel : rl::test_suite<ClockModel<kBug>, 5> {
  // Times. The first deadline is the last moment before the clock ticks; those that are set later
  // are out of its reach.
  static constexpr unsigned kFirstDeadline = 10;
  static constexpr unsigned kLater = 11;
  static constexpr unsigned kFreshDeadline = 15;
  static constexpr unsigned kTouchedDeadline = 20;

  // The word: deadline and, in the lowest bit, held. Sealed is deadline 0.
  static constexpr unsigned kHeld = 1;
  static unsigned word_of(unsigned deadline) { return deadline << 1; }
  static unsigned deadline_of(unsigned word) { return word >> 1; }

  static constexpr unsigned kNoRecord = 0;  // a reference: 1 is the first record, 2 the next

  struct Record {
    rl::atomic<unsigned> clock;
    rl::var<unsigned> body;
  };

  rl::atomic<unsigned> time;
  rl::atomic<unsigned> slot;
  rl::mutex lock;
  Record records[3];
  // What others have been told.
  rl::atomic<unsigned> first_is_gone;
  rl::atomic<unsigned> was_touched;

  void before() {
    time.store(kFirstDeadline, rl::memory_order_relaxed);
    slot.store(1, rl::memory_order_relaxed);
    for (unsigned ref : {1u, 2u}) {
      records[ref].clock.store(word_of(kFirstDeadline), rl::memory_order_relaxed);
      VAR(records[ref].body) = ref == 1 ? 1 : 0;
    }
    first_is_gone.store(0, rl::memory_order_relaxed);
    was_touched.store(0, rl::memory_order_relaxed);
  }

  void thread(unsigned index) {
    switch (index) {
      case 0:
        return touch();
      case 1:
        return write();
      case 2:
        read();
        return read();
      case 3:
        return sweep();
      default:
        time.store(kLater, rl::memory_order_relaxed);
    }
  }

  void after() {
    if (was_touched.load(rl::memory_order_relaxed) == 0) return;
    const unsigned ref = slot.load(rl::memory_order_relaxed);
    RL_ASSERT(ref != kNoRecord);
    RL_ASSERT(records[ref].clock.load(rl::memory_order_relaxed) == word_of(kTouchedDeadline));
  }

  // The clock is one for all and orders nothing: always its latest value, without synchronizing.
  unsigned now() { return time.fetch_add(0, rl::memory_order_relaxed); }

  // --- what an operation has been told before it began, and what it answers ---

  struct Operation {
    bool first_is_gone;
    bool was_touched;
  };
  Operation begin() {
    return {first_is_gone.load(rl::memory_order_acquire) != 0,
            was_touched.load(rl::memory_order_acquire) != 0};
  }
  void answer_alive(const Operation& told, unsigned ref) {
    if (ref == 1) RL_ASSERT(!told.first_is_gone);
    const unsigned body = VAR(records[ref].body);
    RL_ASSERT(body == ref);
  }
  void answer_gone(const Operation& told) {
    RL_ASSERT(!told.was_touched);
    RL_ASSERT(now() > kFirstDeadline);
    first_is_gone.store(1, rl::memory_order_release);
  }

  // --- Record ---

  bool exchange_clock(unsigned ref, unsigned expected, unsigned next) {
    return records[ref].clock.compare_exchange_strong(expected, next, rl::memory_order_acq_rel);
  }
  bool seal(unsigned ref, unsigned expected) { return exchange_clock(ref, expected, word_of(0)); }
  bool extend(unsigned ref, unsigned expected, unsigned deadline) {
    if (kBug == Bug::kTouchStores) {
      records[ref].clock.store(word_of(deadline), rl::memory_order_release);
      return true;
    }
    return exchange_clock(ref, expected, word_of(deadline));
  }
  unsigned hold(unsigned ref) {
    return records[ref].clock.fetch_or(kHeld, rl::memory_order_acq_rel);
  }
  void let_go(unsigned ref) { records[ref].clock.fetch_and(~kHeld, rl::memory_order_release); }
  void set_deadline(unsigned ref, unsigned deadline) {
    records[ref].clock.store(word_of(deadline), rl::memory_order_release);
  }

  // HeldRecord::alive(): of what is dead the deadline is set to 0, which ends the hold.
  bool is_alive(unsigned ref, unsigned held_word) {
    if (now() <= deadline_of(held_word)) return true;
    if (kBug == Bug::kWriterDoesNotSeal) {
      let_go(ref);
    } else {
      set_deadline(ref, 0);
    }
    return false;
  }

  // --- operations ---

  enum class Life { kAlive, kDead, kUndecided };

  Life life_of(unsigned ref) {
    for (;;) {
      const unsigned word = records[ref].clock.load(rl::memory_order_acquire);
      if (now() <= deadline_of(word)) return Life::kAlive;
      if (deadline_of(word) == 0) return Life::kDead;
      if ((word & kHeld) != 0) return Life::kUndecided;
      if (kBug == Bug::kReaderDoesNotSeal || seal(ref, word)) return Life::kDead;
    }
  }

  void read() {
    const Operation told = begin();
    unsigned ref = slot.load(rl::memory_order_acquire);
    Life life = ref == kNoRecord ? Life::kDead : life_of(ref);
    if (life == Life::kUndecided) {
      lock.lock($);
      ref = slot.load(rl::memory_order_relaxed);
      life = ref == kNoRecord ? Life::kDead : life_of(ref);
      lock.unlock($);
      RL_ASSERT(life != Life::kUndecided);
    }
    if (life == Life::kAlive) {
      answer_alive(told, ref);
    } else {
      answer_gone(told);
    }
  }

  void touch() {
    const Operation told = begin();
    const unsigned ref = slot.load(rl::memory_order_acquire);
    if (ref == kNoRecord) return answer_gone(told);
    for (;;) {
      const unsigned word = records[ref].clock.load(rl::memory_order_acquire);
      if (kBug != Bug::kTouchIgnoresHold && (word & kHeld) != 0) return touch_locked(told);
      if (deadline_of(word) == 0) return answer_gone(told);
      if (now() > deadline_of(word)) {
        if (seal(ref, word)) return answer_gone(told);
        continue;
      }
      if (extend(ref, word, kTouchedDeadline)) return answer_touched(told, ref);
    }
  }

  void touch_locked(const Operation& told) {
    lock.lock($);
    const unsigned ref = slot.load(rl::memory_order_relaxed);
    const bool alive = ref != kNoRecord && is_alive(ref, hold(ref));
    if (alive) set_deadline(ref, kTouchedDeadline);
    lock.unlock($);
    if (alive) {
      answer_touched(told, ref);
    } else {
      answer_gone(told);
    }
  }

  void answer_touched(const Operation& told, unsigned ref) {
    answer_alive(told, ref);
    was_touched.store(1, rl::memory_order_release);
  }

  void write() {
    const Operation told = begin();
    const bool replaces = rl::rand(2) == 0;
    lock.lock($);
    const unsigned ref = slot.load(rl::memory_order_relaxed);
    const unsigned word = ref != kNoRecord ? hold(ref) : 0;
    const bool alive = ref != kNoRecord && is_alive(ref, word);
    if (alive) answer_alive(told, ref);
    if (!alive) answer_gone(told);
    if (replaces) {
      replace(ref, alive ? deadline_of(word) : kFreshDeadline);
    } else if (alive) {
      let_go(ref);
    }
    lock.unlock($);
  }

  // What was replaced stays held for good.
  void replace(unsigned old, unsigned deadline) {
    VAR(records[2].body) = 2;
    records[2].clock.store(word_of(deadline), rl::memory_order_relaxed);
    if (kBug == Bug::kPublishedTooWeakly) {
      slot.store(2, rl::memory_order_relaxed);
    } else {
      slot.store(2, rl::memory_order_release);
    }
    if (kBug == Bug::kReplacedIsLetGo && old != kNoRecord) let_go(old);
  }

  void sweep() {
    const Operation told = begin();
    lock.lock($);
    const unsigned ref = slot.load(rl::memory_order_relaxed);
    if (ref != kNoRecord) {
      if (is_alive(ref, hold(ref))) {
        answer_alive(told, ref);
        let_go(ref);
      } else {
        answer_gone(told);
        slot.store(kNoRecord, rl::memory_order_release);
      }
    }
    lock.unlock($);
  }
};

constexpr unsigned kIterations = 300'000;  // the faults are found within some hundred

template <Bug kBug>
void expect_caught(ModelSuite& suite, const char* otherwise) {
  suite.expect(Verdict::kFaultFound, simulate<ClockModel<kBug>>(kIterations), otherwise);
}

}  // namespace

int main() {
  ModelSuite suite("clock_model");
  suite.expect(Verdict::kHolds, simulate<ClockModel<Bug::kNone>>(4 * kIterations),
               "a record revives, a touch is lost, or a reader sees half of a record");
  expect_caught<Bug::kTouchIgnoresHold>(suite, "a touch of a held word is not noticed");
  expect_caught<Bug::kReplacedIsLetGo>(suite, "a touch of a replaced record is not noticed");
  expect_caught<Bug::kReaderDoesNotSeal>(suite, "a reader that does not seal is not noticed");
  expect_caught<Bug::kWriterDoesNotSeal>(suite, "a writer that does not seal is not noticed");
  expect_caught<Bug::kTouchStores>(suite, "a touch by a plain store is not noticed");
  expect_caught<Bug::kPublishedTooWeakly>(suite, "a relaxed publication is not noticed");
  return suite.finish();
}
