// What one key of a store should do: its state, and what each operation makes of it.
//
// The state is small enough to be a key of the checker's memory:
//
//   value     which value the record holds; kNoValue when it is absent
//   version   absent: a bound that every later version exceeds. Alive: the record's version, or,
//             while `exact` is false, a bound that it exceeds
//   deadline  alive up to and including it; a record whose deadline has passed is dead once an
//             operation has found it so, and until then a write may find it that looked at the
//             clock before
//   now       the time of the store
//
// A version is not exact after a write whose answer nobody heard: the first operation that tells a
// version of that record makes it exact. Until then a conflict is believed.
//
// A write judges and sets deadlines by one look at the clock, at a moment of its call before it
// takes effect. That is all that the store promises: readers take no lock, so nothing keeps the
// clock from moving on between the look and the effect. Operation::at tells the time that was seen;
// without it a write is taken to have looked at the very moment of its effect.
//
// Time is part of every key's state, and a step of the clock an operation on every key that takes
// effect at one moment between its beginning and its end, like any other. That way expiry races
// with everything else, which it would not if the clock were moved only while nothing is in flight.
// The price: two keys may disagree within that interval on when the step was. The store does not
// promise that they agree either, for an operation reads the clock once, at a moment of its own.
#ifndef CLOAKROOM_TESTS_SUPPORT_KEY_MODEL_H_
#define CLOAKROOM_TESTS_SUPPORT_KEY_MODEL_H_

#include <optional>
#include <string>

#include "support/history.h"

namespace cloakroom::testing {

struct KeyState {
  ValueId value = kNoValue;
  Version version = 0;
  bool exact = true;
  TimeMs deadline = kNever;
  TimeMs now = 0;

  friend bool operator==(const KeyState&, const KeyState&) = default;
};

// The state after the operation, if it can take effect here and answer what it answered; nothing if
// not. An open operation takes effect if it can; what it would have answered does not matter.
[[nodiscard]] std::optional<KeyState> step(const KeyState& state, const Operation& operation);

// "v12, version 9, deadline 1040, now 1010"
[[nodiscard]] std::string to_text(const KeyState& state);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_KEY_MODEL_H_
