// What a request pays for its session: Sessions::load, beside a bare get of the store it is built
// on and beside what a session stack does with Redis. And what a login costs.
//
// Tokens and keys are copied into the first-level cache before the clock starts: in a server they
// come out of the request that was just parsed. Sessions are asked for at random, so their records
// are not in the cache.
#include "cloakroom/sessions.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "failure.h"
#include "interrupt.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::string_view kLoad = "load";
constexpr std::string_view kSessionsLogin = "create, with owner";

// The machine's clock, which can be moved on.
class MovableClock final : public Clock {
 public:
  [[nodiscard]] TimeMs wall_ms() const noexcept override { return system_clock().wall_ms(); }
  [[nodiscard]] TimeMs boot_ms() const noexcept override {
    return system_clock().boot_ms() + ahead_.load(std::memory_order_relaxed);
  }
  void move_on(Millis by) noexcept { ahead_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<TimeMs> ahead_{0};
};

// A token, or a key, as long as either.
using Text = std::array<char, kTokenChars>;

Text text_of(std::string_view chars) {
  Text text{};
  std::memcpy(text.data(), chars.data(), std::min(chars.size(), text.size()));
  return text;
}

struct Everything {
  MovableClock clock;
  std::optional<Store> store;  // bare records, of the same size and number
  std::optional<Store> sessions_store;
  std::optional<Sessions> sessions;
  std::vector<Text> tokens;
  std::vector<Text> forged;
  std::unique_ptr<RedisSessions> redis;
};

Store open(const Bench& bench, const char* name, const Clock& clock) {
  const std::size_t limit =
      (std::size_t{1} << 30) + static_cast<std::size_t>(bench.sessions(kSessions)) * 2048;
  auto store = Store::open({.path = bench.workspace.fresh(name) + "/store",
                            .memory_limit_bytes = limit,
                            .clock = &clock});
  if (!store) throw Failure("sessions: " + store.status().to_string());
  return *std::move(store);
}

void check(const Status& status) {
  if (!status) throw Failure("sessions: " + status.to_string());
}

void make_sessions(Everything& all, const Dataset& dataset) {
  for (std::uint64_t i = 0; i < dataset.sessions(); ++i) {
    if (i % 4096 == 0) stop_if_interrupted();
    const Field data{.name = "data", .value = dataset.value(i)};
    const auto session = all.sessions->create({.attributes = {&data, 1}});
    check(session.status());
    all.tokens.push_back(text_of(session->token()));
    Text forged = all.tokens.back();
    forged[20] = forged[20] == 'A' ? 'B' : 'A';
    all.forged.push_back(forged);
    char key[kKeyBytes];
    write_key(i, key);
    check(all.store->put({key, sizeof(key)}, dataset.value(i), {.ttl = kTtl}).status());
  }
}

// Nanoseconds that operation(text of a random number) takes, over `seconds`.
template <class Pick, class F>
double time_each(const Dataset& dataset, double seconds, std::uint64_t seed, Pick pick,
                 F operation) {
  Random random(seed);
  std::array<Text, kBatch> batch;
  std::uint64_t took = 0;
  std::uint64_t count = 0;
  const auto limit = static_cast<std::uint64_t>(seconds * 1e9 / ns_per_tick());
  while (took < limit) {
    for (Text& text : batch) text = pick(random.below(dataset.sessions()));
    const std::uint64_t began = ticks();
    for (const Text& text : batch) operation(text);
    took += ticks() - began;
    count += kBatch;
  }
  stop_if_interrupted();
  return static_cast<double>(took) * ns_per_tick() / static_cast<double>(count);
}

void run_requests(const Bench& bench, Everything& all, const Dataset& dataset) {
  Section section("sessions",
                  fmt::format("sessions: what a request pays, {}", circumstances(bench, dataset)),
                  "ns/request", kLoad);
  const auto token_of = [&](std::uint64_t i) { return all.tokens[i]; };
  const auto forged_of = [&](std::uint64_t i) { return all.forged[i]; };
  const auto key_of = [](std::uint64_t i) {
    Text text{};
    write_key(i, text.data());
    return text;
  };
  Session session;
  std::string value;
  const auto load = [&](const Text& token) {
    check(all.sessions->load({token.data(), token.size()}, session));
  };
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("sessions: round {} of {}", round + 1, bench.options.rounds));
    const auto add = [&](std::string_view who, auto pick, auto operation) {
      section.add("request", who,
                  time_each(dataset, bench.options.seconds, round + 1, pick, operation));
    };
    add("store get, buffer reused", key_of, [&](const Text& key) {
      check(all.store->get({key.data(), kKeyBytes}, value).status());
    });
    add(kLoad, token_of, load);
    add(
        "load, every one slides",
        [&](std::uint64_t i) {
          if (i % 8 == 0) all.clock.move_on(Millis(150));  // 1.2 s for a batch
          return all.tokens[i];
        },
        load);
    add("peek", token_of, [&](const Text& token) {
      check(all.sessions->peek({token.data(), token.size()}).status());
    });
    add("load + save of one attribute", token_of, [&](const Text& token) {
      load(token);
      session.set("seen", round % 2 == 0 ? "a" : "b");
      check(all.sessions->save(session));
    });
    add("forged token", forged_of, [&](const Text& token) {
      if (all.sessions->load({token.data(), token.size()}, session)) throw Failure("forged!");
    });
    if (all.redis) {
      add("redis GET + EXPIRE, pipelined", key_of, [&](const Text& key) {
        all.redis->request({key.data(), kKeyBytes});
      });
    }
  }
  bench.report.add(section);
}

// Operations a second of `threads` threads, each waiting for the disk.
template <class F>
double rate(unsigned threads, double seconds, F operation) {
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> failed{false};
  const std::uint64_t began = monotonic_ns();
  const std::uint64_t end = began + static_cast<std::uint64_t>(seconds * 1e9);
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (std::uint64_t i = 0; monotonic_ns() < end && !failed; ++i) {
        if (!operation(t, i)) failed = true;
        ++done;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  if (failed) throw Failure("sessions: a durable write failed");
  return static_cast<double>(done) * 1e9 / static_cast<double>(monotonic_ns() - began);
}

void run_logins(const Bench& bench, Everything& all, const Dataset& dataset) {
  Section section(
      "sessions-login",
      fmt::format("sessions: what survives a power cut, {} rounds", bench.options.rounds), "kops/s",
      kSessionsLogin);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    for (const unsigned threads : {1U, 16U}) {
      const std::string measure = fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
      section.add(measure, "store put, kDisk",
                  rate(threads, bench.options.seconds, [&](unsigned t, std::uint64_t i) {
                    char key[kKeyBytes];
                    write_absent_key(i * 64 + t, key);
                    return all.store
                        ->put({key, sizeof(key)}, dataset.value(i),
                              {.ttl = kTtl, .durability = Durability::kDisk})
                        .ok();
                  }) / 1000);
      section.add(measure, kSessionsLogin,
                  rate(threads, bench.options.seconds, [&](unsigned t, std::uint64_t i) {
                    const Field data{.name = "data", .value = dataset.value(i)};
                    const std::string owner = fmt::format("user{}-{}", t, i % 1000);
                    return all.sessions->create({.owner = owner, .attributes = {&data, 1}}).ok();
                  }) / 1000);
    }
  }
  bench.report.add(section);
}

}  // namespace

void run_sessions(const Bench& bench) {
  const Dataset dataset(bench.sessions(kSessions), bench.options.value_bytes);
  const auto names = line_up(bench, {kCloakroomDisk}, {kRedis});
  Everything all;
  all.store.emplace(open(bench, "records", all.clock));
  all.sessions_store.emplace(open(bench, "sessions", all.clock));
  all.sessions.emplace(*all.sessions_store,
                       SessionsOptions{.idle_timeout = std::chrono::hours(1000),
                                       .lifetime = std::chrono::hours(100'000)});
  check(all.sessions->status());
  bench.report.progress(fmt::format("making {} sessions", grouped(dataset.sessions())));
  make_sessions(all, dataset);
#if CLOAKROOM_BENCH_REDIS
  if (names.size() > 1) {
    all.redis = make_redis_sessions(bench.workspace.fresh("sessions-redis"), dataset);
  }
#endif
  run_requests(bench, all, dataset);
  run_logins(bench, all, dataset);
}

}  // namespace cloakroom::bench
