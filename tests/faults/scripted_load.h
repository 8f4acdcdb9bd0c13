// A load that follows from its seed, and what must be found of it after a cut.
//
// Script makes the steps of one writer, on keys of its own: puts, erases, touches, fields. The
// writer runs them in a child that loses its memory when the power goes; the oracle runs the same
// script again, far from the store, and needs only to be told how far it was acknowledged.
//
//   steps   0 1 2 3 4 5 6 7 8 9
//           [---------)            required: promised to survive this fault
//           [-------------)        acknowledged before it
//           [-----------------)    begun: the rest may be there or not
//   found   [-----------)          a prefix, at least `required` long
//
// Several writers are held together by versions: if a write is there, so is every acknowledged one
// of another writer with a lower version.
#ifndef CLOAKROOM_TESTS_FAULTS_SCRIPTED_LOAD_H_
#define CLOAKROOM_TESTS_FAULTS_SCRIPTED_LOAD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "faults/harness.h"

namespace cloakroom::faults {

enum class Op { kPut, kErase, kTouch, kField };

struct Step {
  Op op = Op::kPut;
  std::string key = {};
  std::string value = {};                 // of a put, or of the field
  std::string field = {};                 // its name
  std::optional<std::string> after = {};  // the key's value as it lies in the store, none: absent
  Millis ttl{0};
  Durability level = Durability::kProcess;
};

using Values = std::map<std::string, std::string>;

class Script {
 public:
  struct Plan {
    std::uint64_t seed = 0;
    std::size_t writer = 0;
    std::uint64_t disk_one_in = 8;  // so many steps have one of level kDisk; 0: none
  };
  // `before`: what the store holds, of this writer's keys at least.
  Script(const Plan& plan, const Values& before);
  Step next();

  [[nodiscard]] static std::string prefix_of(std::size_t writer);

 private:
  const Plan plan_;
  Random random_;
  Values state_;
  std::uint64_t number_ = 0;
};

// What one writer told before the cut.
struct Acknowledged {
  Version version = 0;  // 0: the call does not tell
  std::uint64_t at_us = 0;
  TimeMs deadline = 0;  // of the record, after a put, field or touch
};

struct WriterPast {
  Script::Plan script = {};
  std::vector<Acknowledged> acknowledged = {};  // of steps 0, 1, 2, ...
  std::uint64_t begun = 0;
  std::size_t required = 0;  // but for kDisk steps, which are required by themselves
  const char* promise = "";  // why
  bool alive = true;         // its process was there when the power went
};

// What counts as promised, besides the writers' `required`.
struct Rules {
  Version version_disk = 0;      // the store said that it survives a power cut up to here
  bool believe_process = false;  // sabotage: takes kProcess for kDisk
  std::uint64_t cut_us = 0;      // when the power went
  std::uint64_t age_us_max = 0;  // older kProcess writes of a living process must be there
  Millis touch_resolution{0};
};

struct Verdict {
  std::string wrong = {};          // "" or what promise was broken
  std::uint64_t acknowledged = 0;  // writes
  std::uint64_t required = 0;      // of these: promised
  std::uint64_t required_erases = 0;
  std::uint64_t lost = 0;            // acknowledged, not promised and not there
  std::uint64_t oldest_lost_us = 0;  // age of the oldest of them when the power went
};

// Compares what was found with what the writers did to `before`.
[[nodiscard]] Verdict judge(const std::vector<WriterPast>& writers, const Values& before,
                            const Contents& found, const Rules& rules);

}  // namespace cloakroom::faults

#endif  // CLOAKROOM_TESTS_FAULTS_SCRIPTED_LOAD_H_
