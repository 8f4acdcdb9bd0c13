#include "faults/scripted_load.h"

#include <algorithm>
#include <array>

#include "store/fields.h"

namespace cloakroom::faults {
namespace {

constexpr std::uint64_t kPlainKeys = 12;
constexpr std::uint64_t kFieldKeys = 3;
constexpr std::array<const char*, 3> kFieldNames{"cart", "n", "seen"};

Values values_of(const Contents& contents, const std::string& prefix) {
  Values values;
  for (const auto& [key, record] : contents) {
    if (key.starts_with(prefix)) values[key] = record.value;
  }
  return values;
}

// How many keys two states differ in, kept up to date while one of them changes.
class Difference {
 public:
  Difference(Values state, const Values& wanted) : state_(std::move(state)), wanted_(wanted) {
    for (const auto& [key, value] : wanted_) keys_ += differs(key) ? 1 : 0;
    for (const auto& [key, value] : state_) keys_ += wanted_.contains(key) ? 0 : 1;
  }
  void set(const std::string& key, const std::optional<std::string>& value) {
    keys_ -= differs(key) ? 1 : 0;
    if (value) {
      state_[key] = *value;
    } else {
      state_.erase(key);
    }
    keys_ += differs(key) ? 1 : 0;
  }
  [[nodiscard]] bool none() const { return keys_ == 0; }

 private:
  [[nodiscard]] bool differs(const std::string& key) const {
    const auto have = state_.find(key);
    const auto want = wanted_.find(key);
    if (have == state_.end() || want == wanted_.end()) {
      return (have == state_.end()) != (want == wanted_.end());
    }
    return have->second != want->second;
  }

  Values state_;
  const Values& wanted_;
  std::uint64_t keys_ = 0;
};

// One writer's past, beside what was found of it.
class Trial {
 public:
  Trial(const WriterPast& past, const Values& before, const Contents& found, const Rules& rules)
      : past_(past),
        rules_(rules),
        found_(found),
        prefix_(Script::prefix_of(past.script.writer)),
        wanted_(values_of(found, prefix_)) {
    Script script(past.script, before);
    for (std::uint64_t i = 0; i < past.begun; ++i) steps_.push_back(script.next());
    require();
    match(before);
  }

  // The newest version of this writer that was found or promised.
  [[nodiscard]] Version newest() const {
    Version newest = 0;
    for (const auto& [key, value] : wanted_) newest = std::max(newest, found_.at(key).version);
    for (std::size_t i = 0; i < required_; ++i) {
      newest = std::max(newest, past_.acknowledged[i].version);
    }
    return newest;
  }

  // "" or which promise was broken. `newest`: of all writers.
  [[nodiscard]] std::string wrong(Version newest) const {
    const std::string who = "writer " + std::to_string(past_.script.writer) + ": ";
    if (past_.begun < past_.acknowledged.size()) return who + "more acknowledged than begun";
    if (!matched_) return who + erased_is_back("what is found is no prefix of what was written");
    if (*matched_ < required_) {
      return who + erased_is_back(std::to_string(required_ - *matched_) + " writes promised by " +
                                  promise_ + " are lost");
    }
    for (std::size_t i = *matched_; i < past_.acknowledged.size(); ++i) {
      const Version version = past_.acknowledged[i].version;
      if (version != 0 && version <= newest)
        return who + "a hole: a later write of another is there";
    }
    const std::string deadline = wrong_deadline();
    return deadline.empty() ? "" : who + deadline;
  }

  void count(Verdict& verdict) const {
    verdict.acknowledged += past_.acknowledged.size();
    verdict.required += required_;
    for (std::size_t i = 0; i < required_; ++i) {
      verdict.required_erases += steps_[i].op == Op::kErase ? 1 : 0;
    }
    if (!matched_ || *matched_ >= past_.acknowledged.size()) return;
    verdict.lost += past_.acknowledged.size() - *matched_;
    const std::uint64_t at = past_.acknowledged[*matched_].at_us;
    if (past_.alive && rules_.cut_us > at) {
      verdict.oldest_lost_us = std::max(verdict.oldest_lost_us, rules_.cut_us - at);
    }
  }

 private:
  void require() {
    required_ = past_.required;
    promise_ = past_.promise;
    const auto require = [&](std::size_t count, const char* why) {
      required_ = count;
      promise_ = why;
    };
    const std::size_t count = std::min<std::size_t>(past_.acknowledged.size(), steps_.size());
    for (std::size_t i = required_; i < count; ++i) {
      const Acknowledged& told = past_.acknowledged[i];
      if (rules_.believe_process || steps_[i].level == Durability::kDisk) {
        require(i + 1, "kDisk");
      } else if (told.version != 0 && told.version <= rules_.version_disk) {
        require(i + 1, "stats().version_disk");
      } else if (past_.alive && told.at_us + rules_.age_us_max <= rules_.cut_us) {
        require(i + 1, "their age");
      }
    }
  }

  // The largest n so that the first n steps lead from `before` to what was found.
  void match(const Values& before) {
    Values state;
    for (const auto& [key, value] : before) {
      if (key.starts_with(prefix_)) state[key] = value;
    }
    Difference difference(std::move(state), wanted_);
    for (std::size_t n = 0;; ++n) {
      if (difference.none()) matched_ = n;
      if (n == steps_.size()) return;
      difference.set(steps_[n].key, steps_[n].after);
    }
  }

  [[nodiscard]] std::string erased_is_back(const std::string& otherwise) const {
    std::map<std::string, const Step*> last;
    for (std::size_t i = 0; i < required_; ++i) last[steps_[i].key] = &steps_[i];
    for (const auto& [key, step] : last) {
      if (step->op == Op::kErase && wanted_.contains(key) && !written_later(key)) {
        return key + ": an erased record is back";
      }
    }
    return otherwise;
  }
  [[nodiscard]] bool written_later(const std::string& key) const {
    for (std::size_t i = required_; i < steps_.size(); ++i) {
      if (steps_[i].key == key && steps_[i].after) return true;
    }
    return false;
  }

  // The deadline of each record that was written in this past: one that it had since the last
  // promise, or that of the last touch, and the resolution at most beyond.
  [[nodiscard]] std::string wrong_deadline() const {
    for (const auto& [key, value] : wanted_) {
      TimeMs least = 0;
      TimeMs most = 0;
      bool known = false;
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        const Step& step = steps_[i];
        if (step.key != key) continue;
        if (step.op != Op::kTouch && i >= *matched_) break;
        const bool told = i < past_.acknowledged.size();
        const TimeMs deadline = told ? past_.acknowledged[i].deadline : 0;
        if (step.op != Op::kTouch) {
          known = deadline != 0 && step.op != Op::kErase;
          least = most = deadline;
        } else if (!told) {
          known = false;  // it may have moved it anywhere
        } else {
          least = i < required_ ? deadline : std::min(least, deadline);
          most = std::max(most, deadline);
        }
      }
      if (!known) continue;
      const TimeMs deadline = found_.at(key).deadline;
      if (deadline < least) return key + ": its deadline came nearer";
      if (deadline > most + rules_.touch_resolution.count())
        return key + ": its deadline went too far";
    }
    return "";
  }

  const WriterPast& past_;
  const Rules& rules_;
  const Contents& found_;
  const std::string prefix_;
  const Values wanted_;
  std::vector<Step> steps_;
  std::size_t required_ = 0;
  const char* promise_ = "";
  std::optional<std::size_t> matched_;
};

}  // namespace

Script::Script(const Plan& plan, const Values& before)
    : plan_(plan), random_(plan.seed * 131 + plan.writer) {
  const std::string mine = prefix_of(plan.writer);
  for (const auto& [key, value] : before) {
    if (key.starts_with(mine)) state_[key] = value;
  }
}

std::string Script::prefix_of(std::size_t writer) {
  return "writer" + std::to_string(writer) + ".";
}

Step Script::next() {
  const bool field = random_() % 5 == 0;
  const std::uint64_t which = random_() % (field ? kFieldKeys : kPlainKeys);
  Step step{.op = field ? Op::kField : Op::kPut,
            .key = prefix_of(plan_.writer) + (field ? "fields" : "key") + std::to_string(which),
            .ttl = Millis(3'600'000 + random_() % 7'200'000)};
  const auto present = state_.find(step.key);
  const std::uint64_t dice = random_() % 8;
  if (present != state_.end() && dice < 3) step.op = dice == 0 ? Op::kErase : Op::kTouch;
  const bool on_disk = plan_.disk_one_in != 0 && random_() % plan_.disk_one_in == 0;
  if (on_disk && step.op != Op::kTouch) step.level = Durability::kDisk;
  // Every value is another one, so that what is found tells where the writer stood.
  step.value = std::to_string(++number_) + "." + std::to_string(plan_.seed);
  const std::uint64_t bytes_max = random_() % 32 == 0 ? 20'000 : 300;
  const std::uint64_t bytes = random_() % bytes_max;
  step.value.append(bytes, static_cast<char>(random_()));
  if (step.op == Op::kErase) {
    state_.erase(step.key);
    return step;
  }
  if (step.op == Op::kField) {
    step.field = kFieldNames[random_() % kFieldNames.size()];
    const Field set{.name = step.field, .value = step.value};
    const std::string& old = state_[step.key];
    state_[step.key] = *with_fields(old, std::span(&set, 1));
  } else if (step.op == Op::kPut) {
    state_[step.key] = step.value;
  }
  step.after = state_[step.key];
  return step;
}

Verdict judge(const std::vector<WriterPast>& writers, const Values& before, const Contents& found,
              const Rules& rules) {
  Verdict verdict;
  std::vector<Trial> trials;
  Version newest = 0;
  trials.reserve(writers.size());
  for (const WriterPast& past : writers) {
    trials.emplace_back(past, before, found, rules);
    newest = std::max(newest, trials.back().newest());
  }
  for (const Trial& trial : trials) {
    if (verdict.wrong.empty()) verdict.wrong = trial.wrong(newest);
    trial.count(verdict);
  }
  const auto written = [&](const std::string& key) {
    return std::any_of(writers.begin(), writers.end(), [&](const WriterPast& past) {
      return key.starts_with(Script::prefix_of(past.script.writer));
    });
  };
  for (const auto& [key, value] : before) {
    const auto there = found.find(key);
    if (written(key) || (there != found.end() && there->second.value == value)) continue;
    verdict.wrong = key + ": nobody wrote it, and it is not what it was";
  }
  for (const auto& [key, record] : found) {
    if (!written(key) && !before.contains(key)) verdict.wrong = key + ": nobody wrote it";
  }
  return verdict;
}

}  // namespace cloakroom::faults
