// The checker against the plainest one that could be right: all orders, tried one by one.
#include <algorithm>
#include <numeric>

#include "support/linearizability.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

using Type = Operation::Type;
using Outcome = Operation::Outcome;

// Can the operations not yet done be done from here? Tries each that no other must come before.
bool explainable(const Operations& history, std::vector<bool>& done, const KeyState& state) {
  bool all_returned_done = true;
  Stamp first_return = kNeverReturned;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (done[i] || history[i].is_open()) continue;
    all_returned_done = false;
    first_return = std::min(first_return, history[i].returned);
  }
  if (all_returned_done) return true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (done[i] || history[i].invoked > first_return) continue;
    const auto after = step(state, history[i]);
    if (!after) continue;
    done[i] = true;
    const bool explained = explainable(history, done, *after);
    done[i] = false;
    if (explained) return true;
  }
  return false;
}

// What was asked and what was answered, from so few possibilities that they often fit.
void draw_answer(Random& random, Operation& operation) {
  constexpr Outcome kOutcomes[] = {Outcome::kOk, Outcome::kOk, Outcome::kNotFound,
                                   Outcome::kConflict};
  operation.outcome = kOutcomes[below(random, 4)];
  operation.version = below(random, 6);
  operation.saw = below(random, 6);
  operation.saw_version = one_in(random, 2) ? 0 : below(random, 6);
  operation.saw_deadline.reset();
  if (one_in(random, 2)) operation.saw_deadline = static_cast<TimeMs>(below(random, 5));
}

Operation draw(Random& random, ValueId value) {
  constexpr Type kTypes[] = {Type::kGet,   Type::kGet,    Type::kPut,     Type::kPut,
                             Type::kTouch, Type::kTouch,  Type::kAdvance, Type::kAdvance,
                             Type::kErase, Type::kUpdate, Type::kUpdate};
  Operation operation;
  operation.type = kTypes[below(random, std::size(kTypes))];
  operation.action = static_cast<UpdateAction>(below(random, 3));
  operation.ttl = Millis(1 + below(random, 2));
  if (operation.type == Type::kPut || operation.type == Type::kUpdate) {
    operation.wrote = value;
    operation.keep_deadline = one_in(random, 2);
    if (one_in(random, 3)) operation.if_version = below(random, 6);
  }
  draw_answer(random, operation);
  return operation;
}

// Operations that follow one another, each with an answer that fits if one was drawn soon.
Operations draw_sequence(Random& random, std::size_t count) {
  Operations operations;
  KeyState state;
  for (ValueId value = 1; value <= count; ++value) {
    Operation operation = draw(random, value);
    operation.returned = 0;  // open ones take any answer
    std::optional<KeyState> after = step(state, operation);
    for (int tries = 0; tries < 200 && !after; ++tries) {
      draw_answer(random, operation);
      after = step(state, operation);
    }
    if (!after) continue;
    state = *after;
    operations.push_back(operation);
  }
  return operations;
}

// Intervals around the moments i * 10, so wide that several overlap; some never end.
void draw_intervals(Random& random, Operations& operations) {
  std::vector<Stamp> taken;
  const auto fresh = [&](Stamp wanted) {
    while (std::find(taken.begin(), taken.end(), wanted) != taken.end()) ++wanted;
    taken.push_back(wanted);
    return wanted;
  };
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Stamp moment = 1000 + 10 * i;
    operations[i].invoked = fresh(moment - below(random, 30));
    operations[i].returned = fresh(moment + 100 * (one_in(random, 9) ? 1 : 0) + below(random, 30));
    operations[i].returned = std::max(operations[i].returned, operations[i].invoked + 1);
    if (one_in(random, 8)) operations[i].returned = kNeverReturned;
  }
}

}  // namespace

TEST_CASE("checker: agrees with trying all orders") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  int right = 0;
  int wrong = 0;
  for (int round = 0; round < 40000; ++round) {
    Operations history = draw_sequence(random, 3 + below(random, 6));
    if (history.empty()) continue;
    draw_intervals(random, history);
    if (one_in(random, 2)) draw_answer(random, history[below(random, history.size())]);
    history = operations_on(0, history);
    std::vector<bool> done(history.size(), false);
    const bool expected = explainable(history, done, KeyState{});
    const Judgement judgement = judge(history, KeyState{});
    std::string text;
    for (const Operation& operation : history) text += "\n  " + to_text(operation);
    REQUIRE_MESSAGE((judgement.verdict == Verdict::kLinearizable) == expected, text);
    ++(expected ? right : wrong);
  }
  MESSAGE(right << " right histories, " << wrong << " wrong ones");
  CHECK(right > 1000);
  CHECK(wrong > 1000);
}

}  // namespace cloakroom::testing
