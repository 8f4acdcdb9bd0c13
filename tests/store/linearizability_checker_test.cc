// The checker itself: histories written by hand, right ones and wrong ones.
#include <string>

#include "support/linearizability.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

using Type = Operation::Type;
using Outcome = Operation::Outcome;

// A history in the making. Operations are given as they lie in time, with their stamps; what they
// ask and answer is filled in by the words below.
class Script {
 public:
  Operation& add(Type type, Stamp invoked, Stamp returned, Outcome outcome = Outcome::kOk) {
    Operation operation;
    operation.type = type;
    operation.thread = static_cast<std::uint32_t>(operations_.size());
    operation.invoked = invoked;
    operation.returned = returned;
    operation.outcome = outcome;
    operations_.push_back(operation);
    return operations_.back();
  }

  Operation& put(Stamp invoked, Stamp returned, ValueId wrote, Version version) {
    Operation& operation = add(Type::kPut, invoked, returned);
    operation.wrote = wrote;
    operation.version = version;
    return operation;
  }
  Operation& get(Stamp invoked, Stamp returned, ValueId saw, Version version) {
    Operation& operation = add(Type::kGet, invoked, returned);
    operation.saw = saw;
    operation.version = version;
    return operation;
  }
  Operation& update(Stamp invoked, Stamp returned, ValueId saw, Version saw_version, ValueId wrote,
                    Version version) {
    Operation& operation = put(invoked, returned, wrote, version);
    operation.type = Type::kUpdate;
    operation.saw = saw;
    operation.saw_version = saw_version;
    return operation;
  }
  Operation& touch(Stamp invoked, Stamp returned, Millis ttl, Version version) {
    Operation& operation = add(Type::kTouch, invoked, returned);
    operation.ttl = ttl;
    operation.version = version;
    return operation;
  }
  void missed(Stamp invoked, Stamp returned, Type type = Type::kGet) {
    add(type, invoked, returned, Outcome::kNotFound);
  }
  void erase(Stamp invoked, Stamp returned) { add(Type::kErase, invoked, returned); }
  void advance(Stamp invoked, Stamp returned, Millis by) {
    Operation& operation = add(Type::kAdvance, invoked, returned);
    operation.key = kEveryKey;
    operation.ttl = by;
  }

  [[nodiscard]] Judgement judged() const { return judge(operations_on(0, operations_), {}); }
  [[nodiscard]] bool holds() const {
    const Judgement judgement = judged();
    CHECK(judgement.verdict != Verdict::kUndecided);
    CHECK(judgement.report.empty() == (judgement.verdict == Verdict::kLinearizable));
    return judgement.verdict == Verdict::kLinearizable;
  }

 private:
  Operations operations_;
};

}  // namespace

TEST_CASE("checker: one operation after another is right when each answer follows") {
  Script script;
  script.missed(1, 2);
  script.put(3, 4, 7, 10).if_version = 0;
  script.get(5, 6, 7, 10);
  script.update(7, 8, 7, 10, 8, 11);
  script.get(9, 10, 8, 11);
  script.erase(11, 12);
  script.missed(13, 14);
  CHECK(script.holds());
  script.get(15, 16, 8, 11);  // revived
  CHECK(!script.holds());
}

TEST_CASE("checker: operations in flight together may be ordered either way, others may not") {
  for (const bool overlap : {true, false}) {
    CAPTURE(overlap);
    Script script;
    script.put(1, 2, 7, 10);
    script.put(3, overlap ? 9 : 4, 8, 11);
    script.get(5, 6, 7, 10);  // the old value, while the second put is under way or after it
    CHECK(script.holds() == overlap);
  }
  // Once one reader has seen the new value, nobody may see the old one.
  Script script;
  script.put(1, 2, 7, 10);
  script.put(3, 20, 8, 11);
  script.get(4, 5, 8, 11);
  CHECK(script.holds());
  script.get(6, 7, 7, 10);
  CHECK(!script.holds());
}

TEST_CASE("checker: an update that lost another's write is found") {
  Script lost;
  lost.put(1, 2, 7, 10);
  lost.update(3, 6, 7, 10, 8, 11);
  lost.update(4, 5, 7, 10, 9, 12);  // both saw the first value
  CHECK(!lost.holds());
  Script kept;
  kept.put(1, 2, 7, 10);
  kept.update(3, 6, 9, 12, 8, 13);
  kept.update(4, 5, 7, 10, 9, 12);
  CHECK(kept.holds());
}

TEST_CASE("checker: conditions on the version are held to") {
  for (const Version given : {Version{0}, Version{10}, Version{11}}) {
    CAPTURE(given);
    Script stored;
    stored.put(1, 2, 7, 10);
    stored.put(3, 4, 8, 11).if_version = given;
    CHECK(stored.holds() == (given == 10));
    Script refused;
    refused.put(1, 2, 7, 10);
    Operation& put = refused.put(3, 4, 8, 0);
    put.if_version = given;
    put.outcome = Outcome::kConflict;
    CHECK(refused.holds() == (given != 10));
    Script erased;
    erased.put(1, 2, 7, 10);
    erased.add(Type::kErase, 3, 4).if_version = given;
    erased.missed(5, 6);
    CHECK(erased.holds() == (given == 10));
  }
  Script twice;  // of two that create, one must be refused
  twice.put(1, 4, 7, 10).if_version = 0;
  twice.put(2, 3, 8, 11).if_version = 0;
  CHECK(!twice.holds());
}

TEST_CASE("checker: versions of a key only grow, over an erase too") {
  Script script;
  script.put(1, 2, 7, 10);
  script.erase(3, 4);
  script.put(5, 6, 8, 9);
  CHECK(!script.holds());
}

TEST_CASE("checker: a record is alive up to and including its deadline") {
  for (const int passed : {4, 5, 6}) {
    CAPTURE(passed);
    Script served;
    served.put(1, 2, 7, 10).ttl = Millis(5);
    served.advance(3, 4, Millis(passed));
    served.get(5, 6, 7, 10);
    CHECK(served.holds() == (passed <= 5));
    Script missed;
    missed.put(1, 2, 7, 10).ttl = Millis(5);
    missed.advance(3, 4, Millis(passed));
    missed.missed(5, 6, Type::kTouch);
    CHECK(missed.holds() == (passed > 5));
  }
}

TEST_CASE("checker: a step of the clock takes effect once, somewhere between its ends") {
  Script script;
  script.put(1, 2, 7, 10).ttl = Millis(5);
  script.advance(3, 10, Millis(6));
  script.get(4, 5, 7, 10);
  script.missed(6, 7);
  CHECK(script.holds());
  script.get(8, 9, 7, 10);
  CHECK(!script.holds());
}

TEST_CASE("checker: a touch moves the deadline, and one that comes late revives nothing") {
  Script moved;
  moved.put(1, 2, 7, 10).ttl = Millis(5);
  moved.touch(3, 4, Millis(20), 10);
  moved.advance(5, 6, Millis(6));
  moved.get(7, 8, 7, 10).saw_deadline = 20;
  CHECK(moved.holds());
  moved.get(9, 10, 7, 10).saw_deadline = 5;
  CHECK(!moved.holds());
  Script late;
  late.put(1, 2, 7, 10).ttl = Millis(5);
  late.advance(3, 4, Millis(6));
  late.touch(5, 6, Millis(20), 10);
  CHECK(!late.holds());
}

TEST_CASE("checker: a touch that changes nothing now may change something after the clock's step") {
  Script script;
  script.put(1, 2, 7, 10).ttl = Millis(5);
  script.touch(3, 8, Millis(5), 10);
  script.advance(4, 5, Millis(3));
  script.get(9, 10, 7, 10).saw_deadline = 8;
  CHECK(script.holds());
}

TEST_CASE("checker: a torn value and an answer that is not allowed are found") {
  Script torn;
  torn.put(1, 2, 7, 10);
  torn.get(3, 4, kTornValue, 10);
  CHECK(!torn.holds());
  Script refused;
  refused.add(Type::kPut, 1, 2, Outcome::kRefused).wrote = 7;
  CHECK(!refused.holds());
}

TEST_CASE("checker: an operation that never returned happened later, or never, but not half") {
  Script script;
  script.put(1, 2, 7, 10);
  script.put(3, kNeverReturned, 8, 0);
  script.get(4, 5, 7, 10);
  CHECK(script.holds());    // not yet, or never
  script.get(6, 7, 8, 15);  // now it did, with a version that only this tells
  script.touch(8, 9, 1h, 15);
  CHECK(script.holds());
  script.get(10, 11, 7, 10);  // and cannot be undone
  CHECK(!script.holds());
}

TEST_CASE("checker: the version of a write nobody heard of is what the first answer says it is") {
  for (const Version told : {Version{9}, Version{10}, Version{12}}) {
    CAPTURE(told);
    Script script;
    script.put(1, 2, 7, 10);
    script.update(3, kNeverReturned, kNoValue, 0, 8, 0);
    script.get(4, 5, 8, told);
    CHECK(script.holds() == (told > 10));
    script.put(6, 7, 9, 20).if_version = told + 1;
    CHECK(!script.holds());
  }
  Script erased;
  erased.put(1, 2, 7, 10);
  erased.erase(3, kNeverReturned);
  erased.missed(4, 5);
  CHECK(erased.holds());
  erased.get(6, 7, 7, 10);
  CHECK(!erased.holds());
}

TEST_CASE("checker: the report shows the operations that contradict each other and no more") {
  Script script;
  for (Stamp i = 1; i < 100; i += 4) {
    script.put(i, i + 1, i, i);
    script.get(i + 2, i + 3, i, i);
  }
  script.put(101, 106, 200, 200);
  script.get(102, 103, 200, 200);
  script.get(104, 105, 97, 97);
  script.get(107, 108, 200, 200);
  const Judgement judgement = script.judged();
  CHECK(judgement.verdict == Verdict::kNotLinearizable);
  CHECK(judgement.report ==
        "not linearizable; of 54 operations 3 show it.\n"
        "Before them the key may be\n"
        "    v97, version 97, deadline never, now 0\n"
        "and there is no order of\n"
        "    t50 [  101,  open] put v200 -> never returned\n"
        "    t51 [  102,   103] get -> ok version 200, saw v200\n"
        "    t52 [  104,   105] get -> ok version 97, saw v97   <- finds no place\n");
}

TEST_CASE("checker: eight threads and two hundred operations are decided") {
  Script script;
  Version version = 0;
  for (Stamp wave = 0; wave < 25; ++wave) {
    const Stamp began = wave * 100 + 1;
    // All eight are in flight together; each put is seen by the update that follows it.
    for (Stamp i = 0; i < 4; ++i) {
      const ValueId value = wave * 10 + i + 1;
      script.put(began + 2 * i, began + 90 - i, value, version + 2 * i + 1);
      script.update(began + 2 * i + 1, began + 80 - i, value, 0, value + 1000, version + 2 * i + 2);
    }
    version += 8;
  }
  CHECK(script.holds());
  script.get(3000, 3001, 1, 1);
  CHECK(!script.holds());
}

TEST_CASE("checker: versions are unique and in the order of time over all keys") {
  Operations history(2);
  history[0] = {.type = Type::kPut, .key = 0, .invoked = 1, .returned = 4};
  history[1] = {.type = Type::kPut, .key = 1, .invoked = 2, .returned = 3};
  for (Operation& operation : history) operation.outcome = Outcome::kOk;
  history[0].version = 6;
  history[1].version = 5;
  CHECK(!versions_out_of_order(history));  // they overlap
  history[0].returned = 2;
  history[1].invoked = 3;
  history[1].returned = 4;
  CHECK(versions_out_of_order(history));
  history[0].version = 5;
  CHECK(versions_out_of_order(history));
  history[1].version = 6;
  CHECK(!versions_out_of_order(history));
}

TEST_CASE("checker: concurrency is one without overlap, and counts a call once") {
  Operations history(2);
  history[0] = {.thread = 0, .invoked = 1, .returned = 2};
  history[1] = {.thread = 1, .invoked = 3, .returned = 4};
  CHECK(mean_concurrency(history) == doctest::Approx(1.0));
  history[0].returned = 5;
  CHECK(mean_concurrency(history) == doctest::Approx(1.25));
  history[1].thread = 0;  // the two of one visit_many
  CHECK(mean_concurrency(history) == doctest::Approx(1.0));
}

TEST_CASE("checker: a value is recognised whole and in no other form") {
  for (const ValueId id : {ValueId{1}, ValueId{2}, ValueId{77}, ValueId{12345}}) {
    const std::string text = value_text(id);
    CHECK(value_of(text) == id);
    CHECK(value_of(text + "x") == kTornValue);
    CHECK(value_of(value_text(id + 1).substr(0, 3) + text) == kTornValue);
  }
  CHECK(value_of("") == kTornValue);
}

}  // namespace cloakroom::testing
