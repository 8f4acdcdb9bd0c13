#include "support/history.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdio>
#include <tuple>

namespace cloakroom::testing {
namespace {

using Type = Operation::Type;
using Outcome = Operation::Outcome;

const char* name_of(Type type) {
  switch (type) {
    case Type::kGet:
      return "get";
    case Type::kVisit:
      return "visit";
    case Type::kVisitMany:
      return "visit_many";
    case Type::kPut:
      return "put";
    case Type::kTouch:
      return "touch";
    case Type::kErase:
      return "erase";
    case Type::kUpdate:
      return "update";
    case Type::kAdvance:
      return "clock";
  }
  return "?";
}

std::string value_name(ValueId id) {
  if (id == kNoValue) return "absent";
  return id == kTornValue ? "TORN" : "v" + std::to_string(id);
}

std::string asked_of(const Operation& operation) {
  if (operation.type == Type::kAdvance) return " +" + std::to_string(operation.ttl.count());
  std::string text;
  if (operation.wrote != kNoValue) text += " " + value_name(operation.wrote);
  const bool leaves = operation.action == UpdateAction::kLeave;
  if (operation.type == Type::kUpdate && operation.action != UpdateAction::kStore) {
    text += leaves ? " leave" : " erase";
  }
  if (operation.ttl != kNoExpiry) text += " ttl " + std::to_string(operation.ttl.count());
  if (operation.keep_deadline) text += " keep_deadline";
  if (operation.if_version) text += " if_version " + std::to_string(*operation.if_version);
  return text;
}

std::string answer_of(const Operation& operation) {
  if (operation.is_open()) return "never returned";
  if (operation.type == Type::kAdvance) return "ok";
  if (operation.outcome == Outcome::kNotFound) return "not found";
  if (operation.outcome == Outcome::kConflict) return "conflict";
  if (operation.outcome == Outcome::kRefused) return "REFUSED";
  std::string text = "ok";
  if (operation.version != 0) text += " version " + std::to_string(operation.version);
  const bool reads = operation.type <= Type::kVisitMany || operation.type == Type::kUpdate;
  if (reads) text += ", saw " + value_name(operation.saw);
  if (operation.saw_version != 0) text += " version " + std::to_string(operation.saw_version);
  if (operation.saw_deadline) {
    const TimeMs deadline = *operation.saw_deadline;
    text += " deadline " + (deadline == kNever ? "never" : std::to_string(deadline));
  }
  return text;
}

// Did it give a record a new version, and is it known which?
bool gave_version(const Operation& operation) {
  if (operation.is_open() || operation.outcome != Outcome::kOk) return false;
  return operation.type == Type::kPut ||
         (operation.type == Type::kUpdate && operation.action == UpdateAction::kStore);
}

// A change of the number of operations in flight.
struct Edge {
  Stamp at;
  int change;
};

// A thread is in one call at a time: the operations of a visit_many count once.
std::vector<Edge> edges_of(const Operations& all) {
  std::vector<const Operation*> returned;
  for (const Operation& operation : all) {
    if (!operation.is_open()) returned.push_back(&operation);
  }
  std::sort(returned.begin(), returned.end(), [](const auto* a, const auto* b) {
    return std::tie(a->thread, a->invoked) < std::tie(b->thread, b->invoked);
  });
  std::vector<Edge> edges;
  const Operation* last = nullptr;
  for (const Operation* const operation : returned) {
    const bool same_call =
        last != nullptr && last->thread == operation->thread && operation->invoked < last->returned;
    if (same_call) continue;
    edges.push_back({operation->invoked, 1});
    edges.push_back({operation->returned, -1});
    last = operation;
  }
  std::sort(edges.begin(), edges.end(), [](Edge a, Edge b) { return a.at < b.at; });
  return edges;
}

}  // namespace

std::string value_text(ValueId id) {
  std::string text = std::to_string(id) + ':';
  text.append(static_cast<std::size_t>(id * 37 % 150), static_cast<char>('a' + id % 26));
  return text;
}

ValueId value_of(std::string_view bytes) {
  ValueId id = kNoValue;
  const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), id);
  if (parsed.ec != std::errc() || id == kNoValue || bytes != value_text(id)) return kTornValue;
  return id;
}

Operation::Outcome outcome_of(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk:
      return Outcome::kOk;
    case StatusCode::kNotFound:
      return Outcome::kNotFound;
    case StatusCode::kConflict:
      return Outcome::kConflict;
    default:
      return Outcome::kRefused;
  }
}

std::string to_text(const Operation& operation) {
  char when[64];
  const auto invoked = static_cast<unsigned long long>(operation.invoked);
  if (operation.is_open()) {
    std::snprintf(when, sizeof when, "t%u [%5llu,  open] ", operation.thread, invoked);
  } else {
    std::snprintf(when, sizeof when, "t%u [%5llu, %5llu] ", operation.thread, invoked,
                  static_cast<unsigned long long>(operation.returned));
  }
  return when + std::string(name_of(operation.type)) + asked_of(operation) + " -> " +
         answer_of(operation);
}

Operation& ThreadLog::begin(const Operation& asked) noexcept {
  assert(!full());
  Operation& operation = room_[used_++];
  operation = asked;
  operation.thread = thread_;
  operation.returned = kNeverReturned;
  operation.invoked = stamps_.next();
  return operation;
}

Operations operations_on(std::uint32_t key, const Operations& all) {
  Operations chosen;
  for (const Operation& operation : all) {
    if (operation.key == key || operation.key == kEveryKey) chosen.push_back(operation);
  }
  std::sort(chosen.begin(), chosen.end(),
            [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
  return chosen;
}

double mean_concurrency(const Operations& all) {
  Stamp in_flight = 0;  // sum over stamps of the operations in flight
  Stamp busy = 0;       // stamps at which there was one
  Stamp last = 0;
  std::uint64_t now = 0;
  for (const Edge& edge : edges_of(all)) {
    if (now != 0) {
      in_flight += now * (edge.at - last);
      busy += edge.at - last;
    }
    now = edge.change > 0 ? now + 1 : now - 1;
    last = edge.at;
  }
  return busy == 0 ? 0.0 : static_cast<double>(in_flight) / static_cast<double>(busy);
}

std::optional<std::string> versions_out_of_order(const Operations& all) {
  std::vector<const Operation*> began;
  for (const Operation& operation : all) {
    if (gave_version(operation)) began.push_back(&operation);
  }
  std::vector<const Operation*> ended = began;
  std::sort(began.begin(), began.end(),
            [](const auto* a, const auto* b) { return a->invoked < b->invoked; });
  std::sort(ended.begin(), ended.end(),
            [](const auto* a, const auto* b) { return a->returned < b->returned; });
  const Operation* highest = nullptr;  // of those that ended before `operation` began
  auto next = ended.begin();
  for (const Operation* const operation : began) {
    for (; next != ended.end() && (*next)->returned < operation->invoked; ++next) {
      if (highest == nullptr || (*next)->version > highest->version) highest = *next;
    }
    if (highest != nullptr && highest->version >= operation->version) {
      return "versions are not in the order of time:\n  " + to_text(*highest) + "\n  " +
             to_text(*operation);
    }
  }
  std::sort(began.begin(), began.end(),
            [](const auto* a, const auto* b) { return a->version < b->version; });
  const auto twice =
      std::adjacent_find(began.begin(), began.end(),
                         [](const auto* a, const auto* b) { return a->version == b->version; });
  if (twice == began.end()) return std::nullopt;
  return "a version was given twice:\n  " + to_text(**twice) + "\n  " + to_text(**(twice + 1));
}

}  // namespace cloakroom::testing
