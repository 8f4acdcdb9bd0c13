// Small stores of every shape, what they hold, and random damage to one place of one of their
// files.
#ifndef CLOAKROOM_TESTS_TOOLS_DAMAGED_STORE_H_
#define CLOAKROOM_TESTS_TOOLS_DAMAGED_STORE_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/random_seed.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {

// Records by key, as lines of an export.
using Dump = std::map<std::string, nlohmann::json>;

// What `cloakroom export` shows of a store, the dead included; nothing when it does not end well.
[[nodiscard]] std::optional<Dump> dump_of(const std::string& dir);

// Is the record one that the stores were once given under this key: is its value whole?
[[nodiscard]] bool was_written(const nlohmann::json& record);

// A store and how it was at earlier moments of its life.
struct Subject {
  std::string name;
  std::string path;
  std::vector<std::string> earlier;  // copies, for damage of the kind "older content"
  Dump truth;
};

// closed: three openings, each closed in order, with records overwritten, erased and touched.
// crashed: the same, then one that was killed, with changes in the log and others in the ring only.
[[nodiscard]] std::vector<Subject> make_subjects(const TempDir& dir);

enum class Harm { kFlipBit, kTruncate, kZeros, kRemove, kSwap, kOlder };
inline constexpr const char* kHarmNames[] = {"flip a bit", "truncate", "zeros",
                                             "remove",     "swap",     "older content"};

struct Damage {
  Harm harm = Harm::kFlipBit;
  std::string file;        // relative to the store
  std::string other = {};  // kSwap
  std::uint64_t offset = 0;
  std::uint64_t count = 0;  // bytes
  unsigned bit = 0;
  std::string earlier = {};  // kOlder: the store that it comes from
  [[nodiscard]] std::string to_string() const;
};

// At random, every kind of file and of harm having its share.
[[nodiscard]] Damage random_damage(const Subject& subject, Random& random);

// False when every byte stays as it was.
bool inflict(const Damage& damage, const std::string& store);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_DAMAGED_STORE_H_
