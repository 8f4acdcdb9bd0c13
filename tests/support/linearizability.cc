#include "support/linearizability.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <unordered_set>

namespace cloakroom::testing {
namespace {

using Type = Operation::Type;
using Outcome = Operation::Outcome;
using States = std::vector<KeyState>;

// The operations done, and the state they led to.
struct Configuration {
  std::array<std::uint64_t, kOperationsMax / 64> done = {};
  KeyState state;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

struct HashOfConfiguration {
  std::size_t operator()(const Configuration& configuration) const noexcept {
    std::uint64_t hash = configuration.state.value;
    const auto mix = [&hash](std::uint64_t word) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 29;
    };
    for (const std::uint64_t word : configuration.done) mix(word);
    mix(configuration.state.version);
    mix(static_cast<std::uint64_t>(configuration.state.deadline));
    mix(static_cast<std::uint64_t>(configuration.state.now));
    return static_cast<std::size_t>(hash);
  }
};

// Does it change nothing, whenever it happens? A touch or a write does not count that happens to
// leave things as they are: later it may not.
bool is_idle(const Operation& operation) {
  if (operation.type <= Type::kVisitMany) return true;
  if (operation.type == Type::kAdvance) return false;
  if (operation.type == Type::kUpdate && operation.action == UpdateAction::kLeave) return true;
  return !operation.is_open() && operation.outcome != Outcome::kOk;
}

// One search through one history. The calls and returns not yet done form a doubly linked list in
// the order of time, as node numbers: operation i is called at node i and returns at node n + i. An
// operation may come next if its call is before the first return in the list.
class Search {
 public:
  explicit Search(const Operations& history);

  // Can all that returned be done, one after another?
  Verdict run(const KeyState& initial) { return search(initial, nullptr); }
  // The states in which that can end. REQUIRES: no operation is open.
  States ends(const KeyState& initial) {
    States ends;
    search(initial, &ends);
    return ends;
  }

 private:
  using Node = std::size_t;
  struct Choice {
    Node call;
    KeyState before;
    bool settled;  // there is no use in trying another instead
  };

  Verdict search(const KeyState& initial, States* ends);
  [[nodiscard]] bool take(Node call);  // does it if it fits and leads anywhere new
  [[nodiscard]] bool take_back();      // the last that had alternatives; false: none is left
  [[nodiscard]] bool is_call(Node node) const { return node < history_.size(); }
  [[nodiscard]] Node return_of(Node call) const { return history_.size() + call; }
  void flip(Node call) { at_.done[call / 64] ^= std::uint64_t{1} << (call % 64); }
  void unlink(Node node) {
    next_[previous_[node]] = next_[node];
    previous_[next_[node]] = previous_[node];
  }
  void relink(Node node) {  // in the reverse order of unlink()
    next_[previous_[node]] = node;
    previous_[next_[node]] = node;
  }

  const Operations& history_;
  const Node head_;  // of the list, which is a ring
  std::vector<Node> next_;
  std::vector<Node> previous_;
  std::size_t returns_left_ = 0;
  Configuration at_;
  Node node_ = 0;  // where to look on
  std::vector<Choice> choices_;
  std::unordered_set<Configuration, HashOfConfiguration> seen_;
};

Search::Search(const Operations& history)
    : history_(history),
      head_(2 * history.size()),
      next_(2 * history.size() + 1),
      previous_(2 * history.size() + 1) {
  assert(history.size() <= kOperationsMax);
  std::vector<std::pair<Stamp, Node>> events;
  for (Node i = 0; i < history.size(); ++i) {
    events.emplace_back(history[i].invoked, i);
    if (!history[i].is_open()) events.emplace_back(history[i].returned, return_of(i));
  }
  returns_left_ = events.size() - history.size();
  std::sort(events.begin(), events.end());
  Node last = head_;
  for (const auto& event : events) {
    next_[last] = event.second;
    previous_[event.second] = last;
    last = event.second;
  }
  next_[last] = head_;
  previous_[head_] = last;
}

bool Search::take(Node call) {
  const Operation& operation = history_[call];
  const std::optional<KeyState> after = step(at_.state, operation);
  if (!after) return false;
  if (operation.is_open() && *after == at_.state) return false;  // as good as not yet
  // A read may change what is known of a version, and then is a choice like others.
  const bool settled = is_idle(operation) && *after == at_.state;
  Configuration next = at_;
  next.state = *after;
  next.done[call / 64] |= std::uint64_t{1} << (call % 64);
  if (!seen_.insert(next).second) return false;
  choices_.push_back({call, at_.state, settled});
  at_ = next;
  unlink(call);
  if (!operation.is_open()) {
    unlink(return_of(call));
    --returns_left_;
  }
  return true;
}

bool Search::take_back() {
  while (!choices_.empty()) {
    const Choice choice = choices_.back();
    choices_.pop_back();
    if (!history_[choice.call].is_open()) {
      relink(return_of(choice.call));
      ++returns_left_;
    }
    relink(choice.call);
    flip(choice.call);
    at_.state = choice.before;
    node_ = next_[choice.call];
    if (!choice.settled) return true;
  }
  return false;
}

Verdict Search::search(const KeyState& initial, States* ends) {
  at_.state = initial;
  node_ = next_[head_];
  for (;;) {
    if (seen_.size() > kConfigurationsMax) return Verdict::kUndecided;
    if (returns_left_ == 0) {
      if (ends == nullptr) return Verdict::kLinearizable;
      if (std::find(ends->begin(), ends->end(), at_.state) == ends->end()) {
        ends->push_back(at_.state);
      }
      if (!take_back()) return Verdict::kLinearizable;
    } else if (!is_call(node_)) {
      if (!take_back()) return Verdict::kNotLinearizable;
    } else if (take(node_)) {
      node_ = next_[head_];
    } else {
      node_ = next_[node_];
    }
  }
}

// --- what is told of a history that is not linearizable --------------------------------------

bool fails(const Operations& history, const KeyState& initial) {
  return Search(history).run(initial) == Verdict::kNotLinearizable;
}

// What was known of the history at a moment: later operations are gone, those in flight are open. A
// prefix of a linearizable history is linearizable.
Operations prefix(const Operations& history, Stamp end) {
  Operations begun;
  for (Operation operation : history) {
    if (operation.invoked > end) continue;
    if (operation.returned > end) operation.returned = kNeverReturned;
    begun.push_back(operation);
  }
  return begun;
}

Operations shortest_failing_prefix(const Operations& history, const KeyState& initial) {
  std::vector<Stamp> returns;
  for (const Operation& operation : history) {
    if (!operation.is_open()) returns.push_back(operation.returned);
  }
  std::sort(returns.begin(), returns.end());
  const auto first = std::partition_point(returns.begin(), returns.end(), [&](Stamp end) {
    return !fails(prefix(history, end), initial);
  });
  return first == returns.end() ? history : prefix(history, *first);
}

// The others are as right or wrong without an operation that is idle.
void drop_what_is_not_needed(Operations& history, const KeyState& initial) {
  for (std::size_t i = history.size(); i-- > 0;) {
    if (!is_idle(history[i])) continue;
    Operations without = history;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    if (fails(without, initial)) history = std::move(without);
  }
}

// The last operation that began while none was in flight.
std::size_t last_quiet_moment(const Operations& history) {
  std::size_t quiet = 0;
  Stamp busy_until = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history[i].invoked > busy_until) quiet = i;
    busy_until = std::max(busy_until, history[i].returned);
  }
  return quiet;
}

std::string report(const Operations& whole, const KeyState& initial) {
  Operations window = shortest_failing_prefix(whole, initial);
  drop_what_is_not_needed(window, initial);
  const auto cut = window.begin() + static_cast<std::ptrdiff_t>(last_quiet_moment(window));
  const Operations before(window.begin(), cut);
  window.erase(window.begin(), cut);
  std::string text = "not linearizable; of " + std::to_string(whole.size()) + " operations " +
                     std::to_string(window.size()) + " show it.\nBefore them the key may be\n";
  for (const KeyState& state : Search(before).ends(initial)) text += "    " + to_text(state) + '\n';
  text += "and there is no order of\n";
  Stamp last = 0;
  for (const Operation& operation : window) {
    if (!operation.is_open()) last = std::max(last, operation.returned);
  }
  for (const Operation& operation : window) {
    const bool stuck = operation.returned == last;
    text += "    " + to_text(operation) + (stuck ? "   <- finds no place\n" : "\n");
  }
  return text;
}

}  // namespace

Judgement judge(const Operations& history, const KeyState& initial) {
  switch (Search(history).run(initial)) {
    case Verdict::kLinearizable:
      return {};
    case Verdict::kNotLinearizable:
      return {Verdict::kNotLinearizable, report(history, initial)};
    case Verdict::kUndecided:
      break;
  }
  return {Verdict::kUndecided, "undecided: too many configurations"};
}

}  // namespace cloakroom::testing
