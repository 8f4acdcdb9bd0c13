#include "support/key_model.h"

#include <utility>

namespace cloakroom::testing {
namespace {

using Type = Operation::Type;
using Outcome = Operation::Outcome;
using Next = std::optional<KeyState>;

// REQUIRES of all that follow: the state is judged().
bool alive(const KeyState& state) { return state.value != kNoValue; }

TimeMs after(TimeMs now, Millis ttl) { return ttl == kNoExpiry ? kNever : now + ttl.count(); }

KeyState absent(KeyState state) {
  state.value = kNoValue;
  state.deadline = kNever;
  state.exact = true;
  return state;
}

KeyState advanced(KeyState state, Millis by) {
  state.now += by.count();
  return state;
}

// The state as an operation finds it that judges by this time. What it finds dead stays so.
KeyState judged(const KeyState& state, TimeMs time) {
  return state.value != kNoValue && state.deadline < time ? absent(state) : state;
}

// The time by which a write judges and sets deadlines.
TimeMs time_of(const KeyState& state, const Operation& operation) {
  return operation.at.value_or(state.now);
}

// The state if its live record has this version. Version 0: nobody says which it has.
Next of_version(KeyState state, Version version) {
  if (version == 0 || (state.exact && version == state.version)) return state;
  if (state.exact || version <= state.version) return std::nullopt;
  state.version = version;
  state.exact = true;
  return state;
}

// The state if a condition on the version holds, as 0 for an absent key.
Next expected(const KeyState& state, std::optional<Version> version) {
  if (!version) return state;
  if (*version == 0) return alive(state) ? Next() : state;
  return alive(state) ? of_version(state, *version) : Next();
}

// The state if a condition on the version was answered with kConflict.
Next conflicted(const KeyState& state, std::optional<Version> version) {
  if (!version) return std::nullopt;
  if (!alive(state)) return *version == 0 ? Next() : state;
  return state.exact && *version == state.version ? Next() : state;
}

// The state if an operation that found the record (or, with kNoValue, did not) saw this.
Next seen(const KeyState& state, const Operation& operation) {
  if (operation.saw != state.value) return std::nullopt;
  if (!alive(state)) return state;
  if (operation.saw_deadline && *operation.saw_deadline != state.deadline) return std::nullopt;
  return of_version(state, operation.saw_version);
}

// A write of a value; `version` is 0 when it is not known.
Next written(KeyState state, const Operation& operation, Version version) {
  if (version != 0 && version <= state.version) return std::nullopt;
  const bool keeps = alive(state) && operation.keep_deadline;
  if (!keeps) state.deadline = after(time_of(state, operation), operation.ttl);
  state.value = operation.wrote;
  state.exact = version != 0;
  // Of two writes that nobody heard of, the second exceeds the first, of which only a bound is
  // known.
  if (version != 0) state.version = version;
  return state;
}

Next read(const KeyState& state, const Operation& operation) {
  if (operation.is_open()) return state;
  if (operation.outcome == Outcome::kNotFound) return alive(state) ? Next() : state;
  if (operation.outcome != Outcome::kOk || operation.saw == kNoValue) return std::nullopt;
  const Next told = seen(state, operation);
  return told ? of_version(*told, operation.version) : told;
}

Next put(const KeyState& state, const Operation& operation) {
  if (!operation.is_open() && operation.outcome == Outcome::kConflict) {
    return conflicted(state, operation.if_version);
  }
  const Next held = expected(state, operation.if_version);
  if (!held) return held;
  if (operation.is_open()) return written(*held, operation, 0);
  const bool ok = operation.outcome == Outcome::kOk && operation.version != 0;
  return ok ? written(*held, operation, operation.version) : Next();
}

Next touch(const KeyState& state, const Operation& operation) {
  if (!operation.is_open() && operation.outcome == Outcome::kNotFound) {
    return alive(state) ? Next() : state;
  }
  if (!alive(state)) return std::nullopt;
  Next touched = state;
  if (!operation.is_open()) {
    if (operation.outcome != Outcome::kOk) return std::nullopt;
    touched = of_version(state, operation.version);
  }
  if (touched) touched->deadline = after(time_of(state, operation), operation.ttl);
  return touched;
}

Next erase(const KeyState& state, const Operation& operation) {
  if (!operation.is_open() && operation.outcome == Outcome::kNotFound) {
    return alive(state) ? Next() : state;
  }
  if (!alive(state)) return std::nullopt;
  if (!operation.is_open() && operation.outcome == Outcome::kConflict) {
    return conflicted(state, operation.if_version);
  }
  if (!operation.is_open() && operation.outcome != Outcome::kOk) return std::nullopt;
  const Next held = expected(state, operation.if_version);
  return held ? absent(*held) : held;
}

// An update whose function ran: what it saw is judged, then what it did.
Next updated(const KeyState& state, const Operation& operation) {
  const Version version = operation.is_open() ? 0 : operation.version;
  switch (operation.action) {
    case UpdateAction::kStore:
      if (!operation.is_open() && version == 0) return std::nullopt;
      return written(state, operation, version);
    case UpdateAction::kErase:
      if (version != 0) return std::nullopt;
      return absent(state);
    case UpdateAction::kLeave:
      if (operation.is_open()) return state;
      if (!alive(state)) return version == 0 ? Next(state) : Next();
      return version != 0 ? of_version(state, version) : Next();
  }
  return std::nullopt;
}

Next update(const KeyState& state, const Operation& operation) {
  if (!operation.is_open() && operation.outcome == Outcome::kConflict) {
    return conflicted(state, operation.if_version);
  }
  Next held = expected(state, operation.if_version);
  if (held && !operation.is_open()) {
    if (operation.outcome != Outcome::kOk) return std::nullopt;
    held = seen(*held, operation);
  }
  return held ? updated(*held, operation) : held;
}

Next write(const KeyState& state, const Operation& operation) {
  // Who finds a record sealed by another needs no look at the clock of its own.
  const bool missed = !operation.is_open() && operation.outcome == Outcome::kNotFound;
  const TimeMs time = missed ? state.now : time_of(state, operation);
  if (time > state.now) return std::nullopt;  // it looked at the clock before it took effect
  const KeyState found = judged(state, time);
  switch (operation.type) {
    case Type::kPut:
      return put(found, operation);
    case Type::kTouch:
      return touch(found, operation);
    case Type::kErase:
      return erase(found, operation);
    default:
      return update(found, operation);
  }
}

}  // namespace

std::optional<KeyState> step(const KeyState& state, const Operation& operation) {
  switch (operation.type) {
    case Type::kGet:
    case Type::kVisit:
    case Type::kVisitMany:
      return read(judged(state, state.now), operation);
    case Type::kAdvance:
      return advanced(state, operation.ttl);
    default:
      return write(state, operation);
  }
}

std::string to_text(const KeyState& state) {
  std::string text = alive(state) ? "v" + std::to_string(state.value) : std::string("absent");
  text += state.exact && alive(state) ? ", version " : ", versions above ";
  text += std::to_string(state.version);
  if (alive(state)) {
    text += ", deadline " + (state.deadline == kNever ? "never" : std::to_string(state.deadline));
  }
  return text + ", now " + std::to_string(state.now);
}

}  // namespace cloakroom::testing
