#include "faults/mortals.h"

namespace cloakroom::faults {
namespace {

constexpr TimeMs kDay = 86'400'000;
constexpr std::uint64_t kTtlMax = 2000;

TimeMs boot_now() { return system_clock().boot_ms(); }

}  // namespace

void JumpingClock::Error::jump(Random& random) {
  ms.store(static_cast<TimeMs>(random() % (2 * kDay + 1)) - kDay);
  jumps.fetch_add(1);
}

std::string Mortals::name(std::size_t writer, const Slot& slot) {
  return std::string(kPrefix) + std::to_string(writer) + "." + std::to_string(slot.number);
}

std::string Mortals::step(Engine& store, std::size_t writer, Random& random) {
  Slot& slot = slots_[writer][random() % kSlots];
  switch (slot.state.load()) {
    case State::kNone:
      slot.number = ++numbers_[writer];
      return put(store, name(writer, slot), slot, random);
    case State::kGone:
      if (random() % 8 == 0) {
        slot.state.store(State::kNone);
        return "";
      }
      break;
    default:
      break;
  }
  return look(store, name(writer, slot), slot);
}

std::string Mortals::put(Engine& store, const std::string& name, Slot& slot, Random& random) {
  slot.ttl = static_cast<TimeMs>(1 + random() % kTtlMax);
  slot.begun = boot_now();
  slot.state.store(State::kBeingPut);
  const auto done = store.put(name, name, {.ttl = Millis(slot.ttl)});
  if (!done) return "a put of " + name + " failed: " + done.status().to_string();
  slot.ended = boot_now();
  slot.state.store(State::kAlive);
  return "";
}

std::string Mortals::look(Engine& store, const std::string& name, Slot& slot) {
  std::string value;
  const TimeMs before = boot_now();
  const auto got = store.get(name, value);
  const TimeMs after = boot_now();
  if (got) {
    if (slot.state.load() == State::kGone) return name + ": what had expired came back";
    if (before > slot.ended + slot.ttl) return name + ": it is served after its deadline";
    return value == name ? "" : name + ": the content is not what was stored";
  }
  if (got.code() != StatusCode::kNotFound) return name + ": " + got.status().to_string();
  if (slot.state.load() == State::kGone) return "";
  if (after <= slot.begun + slot.ttl) return name + ": it ended before its deadline";
  slot.state.store(State::kGone);
  died_.fetch_add(1);
  return "";
}

std::string Mortals::check_all(Engine& store, const Contents& contents) {
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    for (Slot& slot : slots_[writer]) {
      const State state = slot.state.load();
      if (state == State::kNone) continue;
      const std::string key = name(writer, slot);
      if (state == State::kBeingPut) {
        slot.state.store(State::kNone);
        continue;
      }
      checked_.fetch_add(1);
      if (state == State::kGone && contents.contains(key)) {
        return key + ": what had expired came back in a scan";
      }
      if (std::string wrong = look(store, key, slot); !wrong.empty()) return wrong;
    }
  }
  return "";
}

}  // namespace cloakroom::faults
