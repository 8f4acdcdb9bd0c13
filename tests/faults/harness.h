// What the fault harnesses share: arguments, a tally, and children that may die.
//
// A harness forks before it has opened any store and never opens one itself: RocksDB's threads do
// not survive a fork, and an assertion of RocksDB must end a child, to be counted, not the harness.
#ifndef CLOAKROOM_TESTS_FAULTS_HARNESS_H_
#define CLOAKROOM_TESTS_FAULTS_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <new>
#include <random>
#include <string>
#include <string_view>

#include "cloakroom/store.h"

namespace cloakroom::faults {

using Random = std::mt19937_64;

struct Args {
  std::uint64_t cycles = 0;  // each harness says of what
  std::uint64_t seed = 0;    // random unless --seed was given
  bool all = false;          // every place instead of a sample
  std::string sabotage = {};  // a planted bug that the harness must find

  // "--cycles N --seed S --all --sabotage NAME"; prints the usage and exits on anything else.
  static Args parse(int argc, char** argv, std::uint64_t default_cycles, const char* usage);
};

// Counts checks and prints the first failures.
class Tally {
 public:
  explicit Tally(std::string name) : name_(std::move(name)) {}

  void pass(std::uint64_t count = 1) { passed_ += count; }
  void fail(const std::string& what);
  void check(bool ok, const std::string& what) { ok ? pass() : fail(what); }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }

  // Prints the one line "[name] N passed, M failed"; returns the exit code.
  int finish() const;

 private:
  const std::string name_;
  std::uint64_t passed_ = 0;
  std::uint64_t failed_ = 0;
};

void* map_shared(std::size_t bytes);
void unmap_shared(void* memory, std::size_t bytes);

// A T that the harness and its children see alike.
template <class T>
class Shared {
 public:
  Shared() : object_(new (map_shared(sizeof(T))) T()) {}
  ~Shared() { unmap_shared(object_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }

 private:
  T* object_;
};
// How a child ended.
struct Ending {
  int exit_code = -1;    // when it exited
  int signal = 0;        // when it was killed
  bool timed_out = false;
  [[nodiscard]] bool ok() const { return exit_code == 0; }
  [[nodiscard]] std::string to_string() const;
};

// Forks; the child runs f, whose result is its exit code, and dies with this process.
int start_child(const std::function<int()>& f);
// Waits for it; after `seconds` it is killed.
Ending wait_for_child(int pid, int seconds = 60);
inline Ending run_child(const std::function<int()>& f, int seconds = 60) {
  return wait_for_child(start_child(f), seconds);
}

// A line of text a child leaves behind; the last one counts.
struct Note {
  char text[512] = {};
  void set(std::string_view line);
};

// tmpfs where there is one: what these harnesses simulate needs no disk that really syncs.
[[nodiscard]] std::string fast_temp_root();

// Bytes that follow from their arguments, of a size that does too.
[[nodiscard]] std::string make_value(std::uint64_t seed, std::uint64_t bytes_max = 600);

// Everything a store holds, by key; not ok when a scan fails.
struct Found {
  std::string value = {};
  std::string owner = {};
  Kind kind = Kind::kBytes;
  Version version = 0;
  TimeMs deadline = kNever;
  friend bool operator==(const Found&, const Found&) = default;
};
using Contents = std::map<std::string, Found>;
template <class AnyStore>
[[nodiscard]] Result<Contents> contents_of(AnyStore& store) {
  Contents contents;
  Cursor cursor = kScanStart;
  do {
    const auto next = store.scan(cursor, 256, [&](const RecordView& view) {
      contents[std::string(view.key)] = {std::string(view.value), std::string(view.owner),
                                         view.kind, view.version, view.deadline};
    });
    if (!next) return next.status();
    cursor = *next;
  } while (cursor != kScanStart);
  return contents;
}

}  // namespace cloakroom::faults

#endif  // CLOAKROOM_TESTS_FAULTS_HARNESS_H_
