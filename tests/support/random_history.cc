#include "support/random_history.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <thread>
#include <type_traits>

#include "support/random_seed.h"
#include "support/yield_points.h"

namespace cloakroom::testing {
namespace {

using Type = Operation::Type;
using Keys = std::vector<std::string>;

constexpr std::uint32_t kKeysMax = 4;

// What the threads of a history share.
struct Stage {
  StoreShim& store;
  ManualClock& clock;
  const HistoryPlan& plan;
  const Keys keys;
  const TimeMs start;       // the store's time at the beginning
  const TimeMs start_boot;  // the clock's
  StampCounter stamps = {};
  std::atomic<std::uint32_t> waiting{0};
  std::atomic<bool> done{false};
};

void note_view(Operation& operation, const RecordView& view, TimeMs start) {
  operation.saw = value_of(view.value);
  operation.saw_version = view.version;
  operation.saw_deadline = view.deadline == kNever ? kNever : view.deadline - start;
  YieldPoints::pass();
}

// One thread's operations, each performed and recorded.
class Client {
 public:
  Client(Stage& stage, std::span<Operation> room, std::uint32_t thread)
      : stage_(stage),
        log_(stage.stamps, room, thread),
        random_(stage.plan.seed * 64 + thread),
        next_value_(thread + 1) {}

  void run(std::uint32_t operations) {
    for (std::uint32_t i = 0; i < operations; ++i) one();
  }
  [[nodiscard]] std::span<const Operation> operations() const { return log_.operations(); }

 private:
  void one();
  [[nodiscard]] Operation any_write(Type type);
  [[nodiscard]] Operation any_other(Type type);
  [[nodiscard]] std::uint32_t any_key() {
    return static_cast<std::uint32_t>(below(random_, stage_.plan.keys));
  }
  [[nodiscard]] Version any_version(std::uint32_t key);
  [[nodiscard]] Millis any_ttl() {
    return one_in(random_, 3) ? kNoExpiry : Millis(1 + below(random_, 25));
  }

  void perform(const Operation& asked);
  void call(Operation& operation);
  void call_update(Operation& operation);
  void visit_all();
  [[nodiscard]] PutOptions put_options(const Operation& operation) const {
    return {.ttl = operation.ttl,
            .keep_deadline = operation.keep_deadline,
            .if_version = operation.if_version};
  }
  template <class Answer>
  void note(Operation& operation, const Answer& answer) {
    operation.outcome = outcome_of(answer.code());
    if constexpr (!std::is_same_v<Answer, Status>) operation.version = answer ? *answer : 0;
  }

  Stage& stage_;
  ThreadLog log_;
  Random random_;
  ValueId next_value_;
  std::array<Version, kKeysMax> known_ = {};  // the version each key had when this thread last saw
  std::string text_;                          // of the value to be written, or read by get()
};

void Client::one() {
  const std::uint64_t dice = below(random_, 100);
  if (dice < 5) return visit_all();
  if (dice < 29) return perform(any_write(Type::kPut));
  if (dice < 47) return perform(any_write(Type::kUpdate));
  perform(any_other(dice < 65   ? Type::kGet
                    : dice < 75 ? Type::kVisit
                    : dice < 84 ? Type::kErase
                    : dice < 95 ? Type::kTouch
                                : Type::kAdvance));
}

Operation Client::any_other(Type type) {
  Operation asked;
  asked.type = type;
  asked.key = any_key();
  if (type == Type::kTouch) asked.ttl = any_ttl();
  if (type == Type::kErase && one_in(random_, 3)) asked.if_version = any_version(asked.key);
  if (type == Type::kAdvance) {
    asked.key = kEveryKey;
    asked.ttl = Millis(1 + below(random_, 8));
  }
  return asked;
}

Operation Client::any_write(Type type) {
  Operation asked;
  asked.type = type;
  asked.key = any_key();
  asked.ttl = any_ttl();
  if (type == Type::kUpdate) {
    constexpr UpdateAction kActions[] = {UpdateAction::kStore, UpdateAction::kStore,
                                         UpdateAction::kStore, UpdateAction::kLeave,
                                         UpdateAction::kErase};
    asked.action = kActions[below(random_, std::size(kActions))];
    asked.keep_deadline = !one_in(random_, 4);
    if (one_in(random_, 6)) asked.if_version = any_version(asked.key);
  } else {
    asked.keep_deadline = one_in(random_, 4);
    if (!one_in(random_, 2)) asked.if_version = any_version(asked.key);
  }
  if (type == Type::kPut || asked.action == UpdateAction::kStore) {
    asked.wrote = next_value_;
    next_value_ += stage_.plan.threads;
  }
  return asked;
}

Version Client::any_version(std::uint32_t key) { return one_in(random_, 3) ? 0 : known_[key]; }

void Client::perform(const Operation& asked) {
  if (asked.wrote != kNoValue) text_ = value_text(asked.wrote);
  Operation& operation = log_.begin(asked);
  YieldPoints::pass();
  (void)YieldingClock::take_last_look();
  call(operation);
  // The last look is the one that counted: a touch that has to try again looks again.
  if (const auto look = YieldingClock::take_last_look()) operation.at = *look - stage_.start_boot;
  YieldPoints::pass();
  log_.end(operation);
  const bool got = operation.type == Type::kGet && operation.outcome == Operation::Outcome::kOk;
  if (got) operation.saw = value_of(text_);
  const Version known = std::max(operation.version, operation.saw_version);
  if (known != 0) known_[operation.key] = known;
}

void Client::call(Operation& operation) {
  const std::string_view key =
      operation.key == kEveryKey ? std::string_view() : stage_.keys[operation.key];
  StoreShim& store = stage_.store;
  switch (operation.type) {
    case Type::kGet:
      return note(operation, store.get(key, text_));
    case Type::kVisit:
    case Type::kVisitMany:
      return note(operation, store.visit(key, [&](const RecordView& view) {
        note_view(operation, view, stage_.start);
      }));
    case Type::kPut:
      return note(operation, store.put(key, text_, put_options(operation)));
    case Type::kTouch:
      return note(operation, store.touch(key, operation.ttl));
    case Type::kErase:
      return note(operation, store.erase(key, {.if_version = operation.if_version}));
    case Type::kUpdate:
      return call_update(operation);
    case Type::kAdvance:
      return stage_.clock.advance(operation.ttl);
  }
}

void Client::call_update(Operation& operation) {
  const auto update = [&](const RecordView* current, std::string& value) {
    if (current != nullptr) note_view(operation, *current, stage_.start);
    if (operation.action == UpdateAction::kStore) value = text_;
    return operation.action;
  };
  note(operation, stage_.store.update(stage_.keys[operation.key], update, put_options(operation)));
}

// One call, and an operation on every key: each may take effect at a moment of its own.
void Client::visit_all() {
  std::array<Operation*, kKeysMax> operations = {};
  std::array<std::string_view, kKeysMax> keys = {};
  const std::uint32_t count = stage_.plan.keys;
  for (std::uint32_t i = 0; i < count; ++i) {
    keys[i] = stage_.keys[i];
    operations[i] = &log_.begin({.type = Type::kVisitMany, .key = i});
    operations[i]->outcome = Operation::Outcome::kNotFound;
  }
  YieldPoints::pass();
  const std::span<const std::string_view> wanted(keys.data(), count);
  std::size_t visited = 0;
  const auto found = stage_.store.visit_many(wanted, [&](std::size_t i, const RecordView& view) {
    operations[i]->outcome = Operation::Outcome::kOk;
    note_view(*operations[i], view, stage_.start);
    ++visited;
  });
  YieldPoints::pass();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!found || *found != visited) operations[i]->outcome = Operation::Outcome::kRefused;
    log_.end(*operations[i]);
    if (operations[i]->saw_version != 0) known_[i] = operations[i]->saw_version;
  }
}

void start_together(Stage& stage) {
  ++stage.waiting;
  while (stage.waiting.load() < stage.plan.threads) std::this_thread::yield();
}

// Names that no history before had.
Keys fresh_keys(std::uint32_t count) {
  static std::atomic<std::uint64_t> histories{0};
  const std::string prefix = "h" + std::to_string(++histories) + ".";
  Keys keys;
  for (std::uint32_t i = 0; i < count; ++i) keys.push_back(prefix + std::to_string(i));
  return keys;
}

}  // namespace

HistoryPlan HistoryPlan::random(std::uint64_t seed) {
  Random random(seed);
  HistoryPlan plan;
  plan.seed = seed;
  // The fewer keys and the more threads, the more operations meet.
  constexpr std::uint32_t kThreads[] = {2, 3, 4, 4, 4};
  constexpr std::uint32_t kKeys[] = {1, 1, 1, 1, 2, 2, 3, kKeysMax};
  plan.threads = kThreads[below(random, std::size(kThreads))];
  plan.keys = kKeys[below(random, std::size(kKeys))];
  plan.operations = static_cast<std::uint32_t>(plan.keys * (40 + below(random, 60)));
  plan.yield_one_in = static_cast<unsigned>(1 + below(random, 5));
  return plan;
}

Operations run_history(StoreShim& store, ManualClock& clock, const HistoryPlan& plan,
                       const Bystander& bystander) {
  Stage stage{store, clock, plan, fresh_keys(plan.keys), clock.wall_ms(), clock.boot_ms()};
  const std::uint32_t each = plan.operations / plan.threads;
  std::vector<Operations> rooms(plan.threads, Operations(std::size_t{each} * plan.keys));
  std::vector<std::unique_ptr<Client>> clients;
  for (std::uint32_t t = 0; t < plan.threads; ++t) {
    clients.push_back(std::make_unique<Client>(stage, rooms[t], t));
  }
  std::thread beside;
  if (bystander) beside = std::thread([&] { bystander(stage.done); });
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < plan.threads; ++t) {
    threads.emplace_back([&, t] {
      YieldPoints::start(plan.seed * 64 + t + 1, plan.yield_one_in);
      start_together(stage);
      clients[t]->run(each);
    });
  }
  for (std::thread& thread : threads) thread.join();
  stage.done.store(true);
  if (beside.joinable()) beside.join();

  for (const std::string& key : stage.keys) (void)store.erase(key, {}).ok();
  Operations all;
  for (const auto& client : clients) {
    all.insert(all.end(), client->operations().begin(), client->operations().end());
  }
  return all;
}

std::string complaint_about(const Operations& history, const HistoryPlan& plan) {
  const std::string seed = " (repeat with CLOAKROOM_SEED=" + std::to_string(plan.seed) + "): ";
  if (const auto wrong = versions_out_of_order(history)) return "all keys" + seed + *wrong;
  for (std::uint32_t key = 0; key < plan.keys; ++key) {
    const Operations operations = operations_on(key, history);
    const std::string name = "key " + std::to_string(key) + seed;
    if (operations.size() > kOperationsMax) return name + "more operations than can be judged";
    const Judgement judgement = judge(operations, KeyState{});
    if (judgement.verdict != Verdict::kLinearizable) return name + judgement.report;
  }
  return {};
}

}  // namespace cloakroom::testing
