// Several threads on one table, with nothing above it: no store, no journal.
//
// Some keys stay. They are read in every way there is, rewritten and touched, while a crowd of
// others comes and goes around them, expires, makes stripes grow and shrink, and leaves memory
// behind that is gathered. Whoever finds something that must not be counts it.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "support/random_seed.h"
#include "support/yield_points.h"
#include "table/table_writer.h"

namespace cloakroom::testing {
namespace {

constexpr std::uint64_t kStaying = 48;
constexpr std::uint64_t kReadsMin = 500;  // of every kind, however fast the crowd is done
constexpr TimeMs kStart = 1'700'000'000'000;
constexpr TimeMs kFarAway = kStart + 1'000'000'000;  // the clock does not get there
constexpr unsigned kYieldOneIn = 100;

// A value tells whose it is and of which version, and ends with the checksum of all that.
std::string value_for(std::string_view key, Version version, std::size_t filler) {
  std::string value(key);
  value.append(":").append(std::to_string(version)).append(":").append(filler, '.');
  const std::uint64_t sum = checksum64(value);
  value.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
  return value;
}

bool is_whole(const RecordView& view) {
  std::uint64_t sum = 0;
  if (view.value.size() < sizeof(sum)) return false;
  const std::string_view text = view.value.substr(0, view.value.size() - sizeof(sum));
  std::memcpy(&sum, text.data() + text.size(), sizeof(sum));
  std::string begin(view.key);
  begin.append(":").append(std::to_string(view.version)).append(":");
  return checksum64(text) == sum && text.starts_with(begin);
}

// Mostly within a record, seldom in an allocation of its own.
std::size_t filler_bytes(Random& random) { return one_in(random, 50) ? 5000 : below(random, 1000); }

// What one thread has seen last of every key.
class Seen {
 public:
  // Is this record one that the thread may see now?
  bool accepts(std::string_view key, const RecordView& view) {
    Version& last = versions_[std::string(view.key)];
    const bool right = view.key == key && is_whole(view) && view.version >= last;
    last = view.version;
    return right;
  }

 private:
  std::map<std::string, Version> versions_;
};

class Storm {
 public:
  Storm(std::size_t stripes, std::uint64_t crowd, std::uint64_t seed)
      : crowd_(crowd), seed_(seed), table_(stripes, seed) {
    Random random(seed);
    for (std::uint64_t i = 0; i < kStaying; ++i) {
      keys_.push_back("stays" + std::to_string(i));
      put(keys_.back(), kFarAway, random);
    }
    views_.assign(keys_.begin(), keys_.end());
  }

  void run(int rounds) {
    std::vector<std::thread> threads;
    const auto start = [&](auto work) {
      threads.emplace_back([this, work, salt = threads.size()] {
        YieldPoints::start(seed_ + salt, kYieldOneIn);
        Random random(seed_ + salt);
        Seen seen;
        while (!done_.load()) (this->*work)(random, seen);
      });
    };
    start(&Storm::read_singly);
    start(&Storm::read_together);
    start(&Storm::read_all);
    start(&Storm::rewrite);
    start(&Storm::touch);
    start(&Storm::keep_up);
    std::thread other([&] { crowd_and_leave("b", rounds); });
    crowd_and_leave("a", rounds);
    other.join();
    done_.store(true);
    for (std::thread& thread : threads) thread.join();
  }

  // What is left in use when all has been erased and nobody reads any more.
  std::size_t bytes_after_all() {
    writer_.sweep();
    for (const std::string& key : keys_) {
      if (!writer_.erase(key)) ++missed;
    }
    table_.collect();
    table_.collect();
    return table_.slabs().used_bytes();
  }

  std::atomic<std::uint64_t> missed{0};  // a key that was there throughout was not found
  std::atomic<std::uint64_t> wrong{0};   // a value of another key, version, or torn
  std::atomic<std::uint64_t> lost{0};    // a touch that was answered and is not there
  std::atomic<std::uint64_t> dead{0};    // a record served that had expired before it was asked for
  std::atomic<std::uint64_t> swept{0};
  std::atomic<std::uint64_t> gathered{0};  // closed chunks seen
  std::atomic<std::uint64_t> singly{0}, together{0}, scanned{0}, rewritten{0}, touched{0};

  Table& table() { return table_; }

 private:
  [[nodiscard]] TimeMs now() const {
    const TimeMs time = time_.load();
    YieldPoints::pass();  // after the look: what is done with the time is done late
    return time;
  }

  Version put(const std::string& key, TimeMs deadline, Random& random) {
    const std::size_t filler = filler_bytes(random);
    return writer_.put(key, deadline,
                       [&](Version version) { return value_for(key, version, filler); });
  }

  // Reads one; nothing when it is absent.
  std::optional<RecordCopy> read(const std::string& key, Seen& seen) {
    std::optional<RecordCopy> copy;
    const TimeMs before = time_.load();
    table_.read(
        table_.hash(key), key, [this] { return now(); },
        [&](const RecordView& view) {
          if (!seen.accepts(key, view)) ++wrong;
          if (view.deadline < before) ++dead;
          YieldPoints::pass();  // a visitor may take its time
          if (!is_whole(view)) ++wrong;
          copy.emplace(view);
        });
    return copy;
  }

  void read_singly(Random& random, Seen& seen) {
    if (!read(keys_[below(random, kStaying)], seen)) ++missed;
    (void)read((one_in(random, 2) ? "a" : "b") + std::to_string(below(random, crowd_)), seen);
    ++singly;
  }

  void read_together(Random&, Seen& seen) {
    table_.read_many(
        views_, [this] { return now(); },
        [&](std::size_t i, const RecordView& view) {
          if (!seen.accepts(keys_[i], view)) ++wrong;
        },
        [&](std::size_t) { ++missed; });
    ++together;
  }

  void read_all(Random& random, Seen& seen) {
    std::uint64_t cursor = 0;
    const std::size_t count = 1 + below(random, 200);
    std::map<std::string, int> times;
    do {
      std::vector<RecordCopy> records;
      if (!table_.scan(cursor, count, now(), records)) ++wrong;
      for (const RecordCopy& record : records) {
        const RecordView view = record.view();
        if (!seen.accepts(view.key, view)) ++wrong;
        if (view.key.starts_with("stays")) ++times[std::string(view.key)];
      }
      scanned += records.size();
    } while (cursor != 0);
    missed += kStaying - times.size();
    for (const auto& [key, met] : times) wrong += met == 1 ? 0 : 1;
  }

  void rewrite(Random& random, Seen& seen) {
    const std::string& key = keys_[below(random, kStaying)];
    const Version version = put(key, kFarAway, random);
    const auto now_there = read(key, seen);  // nobody else rewrites it
    if (!now_there) ++missed;
    if (now_there && now_there->view().version != version) ++wrong;
    ++rewritten;
  }

  // Nobody else touches, and a rewrite keeps the deadline.
  void touch(Random& random, Seen& seen) {
    const std::string& key = keys_[below(random, kStaying)];
    const std::optional<TimeMs> deadline = writer_.touch(key, 1);
    const auto now_there = read(key, seen);
    if (!deadline || !now_there) ++missed;
    if (deadline && now_there && now_there->view().deadline != *deadline) ++lost;
    ++touched;
  }

  void keep_up(Random& random, Seen&) {
    swept += writer_.sweep();
    table_.collect();
    table_.gather(1 + below(random, 64));
    gathered += table_.slabs().closed_chunks() != 0 ? 1 : 0;
    std::this_thread::yield();
  }

  [[nodiscard]] bool read_enough() const {
    return singly >= kReadsMin && together >= kReadsMin && scanned >= kReadsMin &&
           rewritten >= kReadsMin && touched >= kReadsMin;
  }

  // The keys with this prefix are this thread's: it knows what must be there.
  void crowd_and_leave(const std::string& prefix, int rounds) {
    const std::uint64_t salt = static_cast<unsigned char>(prefix[0]);
    YieldPoints::start(seed_ + salt, kYieldOneIn);
    Random random(seed_ + salt);
    Seen seen;
    for (int round = 0; round < rounds || !read_enough(); ++round) {
      for (std::uint64_t i = 0; i < crowd_; ++i) come(prefix + std::to_string(i), random, seen);
      for (std::uint64_t i = 0; i < crowd_; ++i) leave(prefix + std::to_string(i), random, seen);
    }
  }

  void come(const std::string& key, Random& random, Seen& seen) {
    const bool brief = one_in(random, 4);
    const TimeMs time = brief ? time_.load() + static_cast<TimeMs>(below(random, 5000)) : kNever;
    const Version version = put(key, time, random);
    if (!one_in(random, 8)) return;
    const auto now_there = read(key, seen);
    if (!now_there && !brief) ++missed;
    if (now_there && now_there->view().version != version) ++wrong;
  }

  void leave(const std::string& key, Random& random, Seen& seen) {
    if (one_in(random, 20)) time_ += 100;
    (void)writer_.erase(key);
    if (one_in(random, 8) && read(key, seen)) ++wrong;
  }

  const std::uint64_t crowd_;
  const std::uint64_t seed_;
  std::atomic<TimeMs> time_{kStart};
  Table table_;
  struct Clock {
    const Storm* storm;
    TimeMs operator()() const { return storm->now(); }
  };
  TableWriter<Clock> writer_{table_, Clock{this}};
  std::vector<std::string> keys_;
  std::vector<std::string_view> views_;
  std::atomic<bool> done_{false};
};

}  // namespace

TEST_CASE("table: readers, writers, touches and upkeep of many threads never show what is not so") {
  CLOAKROOM_RANDOM_SEED(seed);
  // In one stripe everybody meets; in many, large enough, there is memory to gather.
  struct Setting {
    std::size_t stripes;
    std::uint64_t crowd;
    int rounds;
    bool gathers;
  };
  for (const Setting& setting : {Setting{1, 200, 8, false}, Setting{64, 8000, 1, true}}) {
    CAPTURE(setting.stripes);
    Storm storm(setting.stripes, setting.crowd, seed);
    storm.run(setting.rounds);
    CHECK(storm.missed == 0);
    CHECK(storm.wrong == 0);
    CHECK(storm.lost == 0);
    CHECK(storm.dead == 0);
    CHECK(storm.swept > 0);
    CHECK((storm.gathered > 0 || !setting.gathers));
    CHECK(storm.table().counts().records >= kStaying);
    CHECK(storm.bytes_after_all() == 0);
    CHECK(storm.missed == 0);
    CHECK(storm.table().counts().records == 0);
  }
}

}  // namespace cloakroom::testing
