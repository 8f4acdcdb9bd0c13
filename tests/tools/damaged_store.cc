#include "damaged_store.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>

#include "cli_runner.h"
#include "cloakroom/store.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uint64_t kKeys = 90;
constexpr std::uint64_t kPageBytes = 4096;

std::string key_of(std::uint64_t i) { return "record" + std::to_string(1000 + i); }

// "key#round#filler", in which the filler follows from the rest: bytes that do not compress, and a
// value that is not whole shows.
std::string value_of(const std::string& key, std::uint64_t round) {
  std::string value = key + "#" + std::to_string(round) + "#";
  std::uint64_t x = std::hash<std::string>()(value) | 1;
  const std::size_t size = value.size() + 40 + x % 300;
  while (value.size() < size) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    value += static_cast<char>('!' + x % 90);
  }
  return value;
}

// One opening's worth of changes; later rounds change a part of what is there.
bool change(Store& store, std::uint64_t round, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t i = first; i < last; ++i) {
    const std::string key = key_of(i);
    const std::string owner = "owner" + std::to_string(i % 3);
    if (round != 0 && (i + round) % 3 != 0) continue;
    if (round != 0 && i % 7 == round) {
      if (const Status erased = store.erase(key);
          !erased && erased.code() != StatusCode::kNotFound) {
        return false;
      }
      continue;
    }
    const std::string value = value_of(key, round);
    const Field fields[] = {{.name = "value", .value = value}};
    const bool put =
        i % 5 == 0 ? store.set_fields(key, fields, {.ttl = 24h, .owner = owner}).ok()
                   : store.put(key, value, {.ttl = 24h, .lifetime = 72h, .owner = owner}).ok();
    if (!put) return false;
    if (i % 4 == 0 && !store.touch(key, 30h)) return false;
  }
  return true;
}

Options options_for(const std::string& path) {
  Options options;
  options.path = path;
  options.background = false;
  options.stripe_count = 16;
  options.memory_limit_bytes = std::size_t{64} << 20;
  options.disk_floor_bytes = 0;
  options.ring_bytes = std::size_t{64} << 10;
  return options;
}

// In a process of its own, which may leave the store as a crash does.
void in_child(const std::function<bool()>& f) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(f() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
}

void closed_round(const std::string& path, std::uint64_t round) {
  in_child([&] {
    auto store = Store::open(options_for(path));
    return store && change(*store, round, 0, kKeys) && store->close();
  });
}

void crashed_round(const std::string& path) {
  in_child([&] {
    auto store = Store::open(options_for(path));
    // Synced: in the log. Not synced: in the ring only, as background is off.
    return store && change(*store, 3, 0, kKeys / 3) && store->sync() &&
           change(*store, 4, kKeys / 3, kKeys / 2) && store->sync() &&
           change(*store, 5, kKeys / 2, kKeys);
  });
}

void keep_copy(Subject& subject, const TempDir& dir) {
  const std::string copy = dir / (subject.name + std::to_string(subject.earlier.size()));
  fs::copy(subject.path, copy, fs::copy_options::recursive);
  subject.earlier.push_back(copy);
}

struct Place {
  std::string file;
  std::uint64_t bytes = 0;
};

std::vector<Place> files_of(const std::string& store) {
  std::vector<Place> files;
  for (const auto& entry : fs::recursive_directory_iterator(store)) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || entry.file_size() == 0 || name == "LOCK") continue;
    files.push_back({fs::relative(entry.path(), store).string(), entry.file_size()});
  }
  std::ranges::sort(files, {}, &Place::file);
  return files;
}

std::uint64_t share_of(const Place& place) {
  if (place.file.ends_with(".sst")) return 12;
  if (place.file.ends_with(".log")) return 12;
  if (place.file.find("OPTIONS") != std::string::npos || place.file.ends_with("IDENTITY")) return 1;
  return 6;
}

const Place& pick(const std::vector<Place>& files, Random& random) {
  std::uint64_t total = 0;
  for (const Place& place : files) total += share_of(place);
  std::uint64_t at = below(random, total);
  for (const Place& place : files) {
    if (at < share_of(place)) return place;
    at -= share_of(place);
  }
  return files.back();
}

}  // namespace

std::optional<Dump> dump_of(const std::string& dir) {
  const CliAnswer answer = run_cli({"export", dir, "--show-values", "--dead"}, {.seconds_max = 60});
  if (answer.code != 0) {
    MESSAGE("export of " << dir << " answers " << answer.code << ": " << answer.err);
    return std::nullopt;
  }
  Dump dump;
  for (nlohmann::json& line : json_lines(answer.out)) {
    if (!line.contains("key")) continue;
    const std::string key = line["key"].get<std::string>();
    dump[key] = std::move(line);
  }
  return dump;
}

bool was_written(const nlohmann::json& record) {
  const nlohmann::json& text =
      record.contains("fields") ? record.at("fields").at("value") : record.at("value");
  if (!text.is_string()) return false;
  const std::string found = text.get<std::string>();
  const std::string key = record.at("key").get<std::string>();
  for (std::uint64_t round = 0; round < 6; ++round) {
    if (found == value_of(key, round)) return true;
  }
  return false;
}

std::vector<Subject> make_subjects(const TempDir& dir) {
  std::vector<Subject> subjects;
  for (const bool crashed : {false, true}) {
    Subject subject;
    subject.name = crashed ? "crashed" : "closed";
    subject.path = dir / subject.name;
    for (std::uint64_t round = 0; round < 3; ++round) {
      closed_round(subject.path, round);
      keep_copy(subject, dir);
    }
    if (crashed) crashed_round(subject.path);
    auto truth = dump_of(subject.path);
    REQUIRE(truth);
    REQUIRE(truth->size() > kKeys / 2);
    for (const auto& entry : *truth) {
      REQUIRE_MESSAGE(was_written(entry.second), entry.second.dump());
    }
    subject.truth = *std::move(truth);
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

std::string Damage::to_string() const {
  return std::string(kHarmNames[static_cast<std::size_t>(harm)]) + " " + file +
         (other.empty() ? "" : " and " + other) + " at " + std::to_string(offset) + ", " +
         std::to_string(count) + " bytes, bit " + std::to_string(bit) + " " + earlier;
}

Damage random_damage(const Subject& subject, Random& random) {
  const std::vector<Place> files = files_of(subject.path);
  const Place& place = pick(files, random);
  Damage damage{.file = place.file};
  damage.offset = below(random, place.bytes);
  damage.bit = static_cast<unsigned>(below(random, 8));
  const std::uint64_t kind = below(random, 20);
  damage.harm = kind < 8    ? Harm::kFlipBit
                : kind < 12 ? Harm::kZeros
                : kind < 15 ? Harm::kTruncate
                : kind < 17 ? Harm::kOlder
                : kind < 19 ? Harm::kSwap
                            : Harm::kRemove;
  switch (damage.harm) {
    case Harm::kZeros:
      damage.count = std::min(place.bytes - damage.offset, std::uint64_t{1} << below(random, 14));
      break;
    case Harm::kOlder:
      damage.earlier = subject.earlier[below(random, subject.earlier.size())];
      damage.offset = damage.offset / kPageBytes * kPageBytes;
      damage.count = kPageBytes;
      break;
    case Harm::kSwap:
      damage.other = pick(files, random).file;
      break;
    default:
      break;
  }
  return damage;
}

bool inflict(const Damage& damage, const std::string& store) {
  const std::string path = store + "/" + damage.file;
  const std::string before = read_file(path);
  std::string after = before;
  switch (damage.harm) {
    case Harm::kFlipBit:
      after[damage.offset] =
          static_cast<char>(static_cast<unsigned char>(after[damage.offset]) ^ (1U << damage.bit));
      break;
    case Harm::kTruncate:
      after.resize(damage.offset);
      break;
    case Harm::kZeros:
      after.replace(damage.offset, damage.count, damage.count, '\0');
      break;
    case Harm::kRemove:
      fs::remove(path);
      return true;
    case Harm::kSwap: {
      const std::string other = read_file(store + "/" + damage.other);
      if (other == before) return false;
      write_file(store + "/" + damage.other, before);
      after = other;
      break;
    }
    case Harm::kOlder: {
      const std::string source = damage.earlier + "/" + damage.file;
      if (!fs::exists(source)) return false;
      const std::string old = read_file(source);
      if (old.size() <= damage.offset) return false;
      const std::string page = old.substr(damage.offset, damage.count);
      after.replace(damage.offset, page.size(), page);
      break;
    }
  }
  if (after == before) return false;
  write_file(path, after);
  return true;
}

}  // namespace cloakroom::testing
