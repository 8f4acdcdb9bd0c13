// Expiry, steadily, and when there is nothing to do.
#include <algorithm>
#include <cmath>

#include "expiry.h"
#include "failure.h"
#include "machine.h"

namespace cloakroom::bench {
namespace {

// A tenth of what a session server has (20 to 120 s), so that a turn takes seconds: about 5,000
// records die in each of them.
constexpr std::uint64_t kAlive = 50'000;
constexpr TimeMs kShortestMs = 2000;
constexpr TimeMs kLongestMs = 12'000;
constexpr TimeMs kFirstSampleMs = 3000;
constexpr TimeMs kLastSampleMs = 8000;
constexpr TimeMs kStepMs = 10;
constexpr std::uint64_t kSampleEvery = 5;  // steps

// Knows from the deadlines that were given how many records live at a time.
class Ledger {
 public:
  explicit Ledger(TimeMs begin) : begin_(begin), dying_(kLastSampleMs + 2 * kLongestMs) {}

  void add(TimeMs deadline) {
    ++dying_.at(static_cast<std::size_t>(deadline - begin_));
    ++alive_;
  }

  // REQUIRES: `now` does not go back.
  std::uint64_t alive_at(TimeMs now) {
    // A record lives through the millisecond of its deadline.
    for (; passed_ < now - begin_; ++passed_)
      alive_ -= dying_.at(static_cast<std::size_t>(passed_));
    return alive_;
  }

 private:
  TimeMs begin_;
  std::vector<std::uint64_t> dying_;  // in each millisecond since begin_
  TimeMs passed_ = 0;
  std::uint64_t alive_ = 0;
};

TimeMs ttl_ms_of(std::uint64_t index) {
  return kShortestMs + static_cast<TimeMs>(mix(index ^ 0x77) % (kLongestMs - kShortestMs));
}

// Puts records first to last - 1 and enters their deadlines.
void put_mortals(const ExpiryTurn& turn, std::uint64_t first, std::uint64_t last, Ledger& ledger) {
  turn.contestant.reclaimer()->put_for(turn.dataset, first, last, [&](std::uint64_t index) {
    const TimeMs ttl_ms = ttl_ms_of(index);
    ledger.add(now_ms() + ttl_ms);
    return Millis(ttl_ms);
  });
}

double dead_percent(const ExpiryTurn& turn, Ledger& ledger) {
  const auto held = static_cast<double>(turn.contestant.reclaimer()->held_records());
  const auto alive = static_cast<double>(ledger.alive_at(now_ms()));
  // A contestant that has removed what is alive, and not just by a clock that is a little fast.
  if (held < 0.99 * alive) throw Failure("expiry: " + turn.name + " has lost records");
  return held > 0 ? 100 * std::max(0.0, held - alive) / held : 0;
}

}  // namespace

void run_steady_expiry(const ExpiryTurn& turn, Section& table) {
  const TimeMs began = now_ms();
  Ledger ledger(began);
  std::uint64_t created = kAlive;
  put_mortals(turn, 0, created, ledger);
  std::vector<double> samples;
  for (std::uint64_t step = 0; now_ms() < began + kLastSampleMs; ++step) {
    sleep_until_ms(now_ms() + kStepMs);
    const std::uint64_t missing = kAlive - std::min(kAlive, ledger.alive_at(now_ms()));
    put_mortals(turn, created, created + missing, ledger);
    created += missing;
    const bool settled = now_ms() >= began + kFirstSampleMs;
    if (settled && step % kSampleEvery == 0) samples.push_back(dead_percent(turn, ledger));
  }
  table.add("dead, half of the time at most", turn.name, median(samples));
  table.add("dead, at most", turn.name, *std::max_element(samples.begin(), samples.end()));
}

void run_idle(const ExpiryTurn& turn, Section& table) {
  turn.contestant.load(turn.dataset);
  constexpr TimeMs kSettleMs = 500;  // what loading has left to do
  sleep_until_ms(now_ms() + kSettleMs);
  const auto span_ms =
      static_cast<TimeMs>(std::clamp(8 * turn.bench.options.seconds, 1.0, 30.0) * 1000);
  const TimeMs began = now_ms();
  const double before = background_seconds(turn.contestant.process());
  sleep_until_ms(began + span_ms);
  const double spent = background_seconds(turn.contestant.process()) - before;
  const auto passed = static_cast<double>(now_ms() - began) / 1000;
  table.add("idle", turn.name, 100 * spent / passed);
}

}  // namespace cloakroom::bench
