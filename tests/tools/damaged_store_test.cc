// verify and repair on stores with one random damage each.
//
//   verify  reports damage, or the store's content is what it was, record for record; it never
//           crashes and never hangs
//   repair  every record that does not lie in what is reported as lost is in the new store, as it
//           was; nothing is in it that was not written, and nothing old unless it is marked as a
//           copy; the damaged store stays as it is
//
// CLOAKROOM_DAMAGES says how many; CLOAKROOM_SEED which.
#include "damaged_store.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "cli_runner.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uint64_t kDamages = 120;  // a run of CI
constexpr unsigned kSecondsMax = 60;     // for one command, on a machine that does other things

std::uint64_t damages_wanted() {
  const char* text = std::getenv("CLOAKROOM_DAMAGES");
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : kDamages;
}

// Locks name whoever has looked.
DirSnapshot bytes_of(const std::string& path) {
  DirSnapshot bytes = snapshot_of(path);
  bytes.erase("LOCK");
  bytes.erase("rocks/LOCK");
  return bytes;
}

struct Counts {
  std::uint64_t inflicted = 0;
  std::uint64_t reported = 0;
  std::uint64_t harmless = 0;   // verify found nothing, and nothing had changed
  std::uint64_t unseen = 0;     // see is_end_of_ring()
  std::uint64_t recovered = 0;  // records
  std::uint64_t lost = 0;
  std::uint64_t uncertain = 0;
  std::uint64_t as_copy = 0;  // stores
  std::uint64_t whole = 0;    // stores that repair gave back entirely
};

// What was written last before a crash lies at the end of the ring, and nothing else says that it
// was there: zeros, or an older page, look as if it had never been written (docs/decisions/0014).
bool is_end_of_ring(const Damage& damage) {
  const bool blank = damage.harm == Harm::kZeros || damage.harm == Harm::kOlder;
  return blank && damage.file == "RING";
}

class Trial {
 public:
  Trial(const Subject& subject, const Damage& damage, const TempDir& dir, Counts& counts)
      : subject_(subject),
        damage_(damage),
        victim_(dir / "victim"),
        saved_(dir / "saved"),
        counts_(counts) {}

  void run() {
    fs::remove_all(victim_);
    fs::remove_all(saved_);
    fs::copy(subject_.path, victim_, fs::copy_options::recursive);
    if (!inflict(damage_, victim_)) return;
    ++counts_.inflicted;
    const DirSnapshot before = bytes_of(victim_);
    check_verify();
    check_repair();
    const std::string changed = difference(before, bytes_of(victim_));
    CHECK_MESSAGE(changed.empty(), changed);
  }

 private:
  void check_verify() {
    const CliAnswer answer = run_cli({"verify", victim_, "--json"}, {.seconds_max = kSecondsMax});
    REQUIRE_MESSAGE((answer.code == 0 || answer.code == 1 || answer.code == 3), answer.code, " ",
                    answer.out, answer.err);
    if (answer.code != 0) {
      // Another format than ours is refused, with a message; all else is a finding.
      const bool told =
          answer.code == 1 ? contains(answer.out, "\"finding\"") : contains(answer.err, "format");
      CHECK_MESSAGE(told, answer.out, answer.err);
      ++counts_.reported;
      return;
    }
    const auto dump = dump_of(victim_);
    REQUIRE_MESSAGE(dump, "verify found nothing, and the store cannot be read: ", answer.out);
    if (*dump == subject_.truth) {
      ++counts_.harmless;
      return;
    }
    CHECK_MESSAGE(is_end_of_ring(damage_),
                  "verify found nothing, and the store has changed: ", first_difference(*dump),
                  answer.out);
    ++counts_.unseen;
  }

  [[nodiscard]] std::string first_difference(const Dump& dump) const {
    for (const auto& [key, record] : subject_.truth) {
      const auto found = dump.find(key);
      if (found == dump.end()) return key + " is missing";
      if (found->second != record) return record.dump() + " became " + found->second.dump();
    }
    for (const auto& [key, record] : dump) {
      if (!subject_.truth.contains(key)) return "new is " + record.dump();
    }
    return {};
  }

  void check_repair() {
    const CliAnswer answer =
        run_cli({"repair", victim_, saved_, "--json"}, {.seconds_max = kSecondsMax});
    if (answer.code == 3 && contains(answer.err, "format")) return;
    REQUIRE_MESSAGE((answer.code == 0 || answer.code == 1), answer.code, " ", answer.out,
                    answer.err);
    lines_ = json_lines(answer.out);
    REQUIRE(!lines_.empty());
    const Json& summary = lines_.back();
    REQUIRE(summary["type"] == "summary");
    copy_ = summary["marked_as_copy"] == true;
    const auto saved = dump_of(saved_);
    REQUIRE_MESSAGE(saved, "the new store cannot be read");
    CHECK(summary["records_saved"] == saved->size());
    for (const auto& [key, record] : *saved) check_saved(key, record);
    std::uint64_t missing = 0;
    for (const auto& entry : subject_.truth) {
      const std::string& key = entry.first;
      const Json& record = entry.second;
      if (saved->contains(key)) continue;
      ++missing;
      if (is_uncertain(key)) ++counts_.uncertain;
      CHECK_MESSAGE((is_told(key, record) || is_end_of_ring(damage_)), "nothing says that ", key,
                    " is lost: ", answer.out);
    }
    // A flipped bit costs a block, or a batch of the log, and no more.
    if (damage_.harm == Harm::kFlipBit && damage_.file.ends_with(".sst")) CHECK(missing <= 40);
    counts_.lost += missing;
    counts_.recovered += saved->size();
    counts_.as_copy += copy_ ? 1 : 0;
    counts_.whole += *saved == subject_.truth ? 1 : 0;
    CHECK(run_cli({"verify", saved_}, {.seconds_max = kSecondsMax}).code == 0);
  }

  void check_saved(const std::string& key, const Json& record) const {
    CHECK_MESSAGE(was_written(record), "a wrong value: ", record.dump());
    const auto truth = subject_.truth.find(key);
    const bool current =
        truth != subject_.truth.end() && truth->second["version"] == record["version"];
    if (!current) {
      CHECK_MESSAGE((copy_ || is_end_of_ring(damage_)), "an old state came back: ", record.dump());
      return;
    }
    if (truth->second == record) return;
    Json but_for_deadline = record;
    but_for_deadline["deadline_ms"] = truth->second["deadline_ms"];
    CHECK_MESSAGE(but_for_deadline == truth->second, record.dump(), " was ", truth->second.dump());
    CHECK_MESSAGE((copy_ || deadlines_lost() || is_end_of_ring(damage_)),
                  "a deadline is wrong: ", record.dump(), " was ",
                  truth->second["deadline_ms"].dump(), told());
  }

  [[nodiscard]] std::string told() const {
    std::string text;
    for (const Json& line : lines_) text += "\n" + line.dump();
    return text;
  }

  [[nodiscard]] bool deadlines_lost() const {
    return std::ranges::any_of(lines_, [](const Json& line) {
      return line.value("type", "") == "loss" && line.value("file", "") == "deadlines";
    });
  }

  [[nodiscard]] bool is_uncertain(const std::string& key) const {
    return std::ranges::any_of(lines_, [&](const Json& line) {
      return line.value("type", "") == "uncertain" && line["key"] == key;
    });
  }

  [[nodiscard]] bool is_told(const std::string& key, const Json& record) const {
    return is_uncertain(key) || std::ranges::any_of(lines_, [&](const Json& line) {
             if (line.value("type", "") != "loss" || line["loses_records"] != true) return false;
             if (line["key"] == key) return true;
             if (!line["key"].is_null()) return false;
             const bool after = line["after_key"].is_null() || key >= line["after_key"];
             const bool before = line["before_key"].is_null() || key <= line["before_key"];
             return after && before && in_span(line["what"], record["version"]);
           });
  }

  // "... versions 12 to 20": then only those.
  static bool in_span(const std::string& what, std::uint64_t version) {
    unsigned long long first = 0;
    unsigned long long last = 0;
    const auto at = what.find("versions ");
    if (at == std::string::npos) return true;
    if (std::sscanf(what.c_str() + at, "versions %llu to %llu", &first, &last) != 2) return true;
    return version >= first && version <= last;
  }

  const Subject& subject_;
  const Damage& damage_;
  const std::string victim_;
  const std::string saved_;
  Counts& counts_;
  std::vector<Json> lines_;
  bool copy_ = false;
};

TEST_CASE("damage: verify finds it or nothing has changed, repair saves all that lies outside it") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir dir;
  const std::vector<Subject> subjects = make_subjects(dir);
  Counts counts;
  for (std::uint64_t i = 0; i < damages_wanted(); ++i) {
    const Subject& subject = subjects[i % subjects.size()];
    const Damage damage = random_damage(subject, random);
    INFO(i, ": ", subject.name, ": ", damage.to_string());
    Trial(subject, damage, dir, counts).run();
  }
  MESSAGE(counts.inflicted << " damages: verify reported " << counts.reported << ", nothing had "
                           << "changed in " << counts.harmless << ", not to be seen "
                           << counts.unseen);
  MESSAGE("repair: " << counts.recovered << " records saved, " << counts.lost << " lost, of these "
                     << counts.uncertain << " left out as uncertain; " << counts.whole
                     << " stores whole, " << counts.as_copy << " marked as copies");
  CHECK(counts.inflicted > damages_wanted() / 2);
}

}  // namespace
}  // namespace cloakroom::testing
