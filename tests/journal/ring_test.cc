#include "journal/ring.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <set>
#include <thread>
#include <vector>

#include "support/dir_snapshot.h"
#include "support/random_seed.h"
#include "support/temp_dir.h"

using namespace cloakroom;

namespace {

constexpr std::size_t kCapacity = Ring::kCapacityMin;
constexpr Ring::Id kStore{1, 2, 3};
constexpr Ring::Id kBoot{4, 5, 6};

std::unique_ptr<Ring> open_ring(const testing::TempDir& dir) {
  auto ring = Ring::open(dir.path(), kStore, true);
  REQUIRE(ring);
  return *std::move(ring);
}

std::unique_ptr<Ring> new_ring(const testing::TempDir& dir, Version version = 0) {
  REQUIRE(Ring::create(dir.path(), kCapacity, kStore));
  auto ring = open_ring(dir);
  REQUIRE(ring->begin(version, kBoot, 0));
  return ring;
}

Version append(Ring& ring, std::string_view body) {
  const auto place = ring.reserve(body.size());
  REQUIRE(place);
  ring.publish(*place, body);
  return place->version();
}

// The bodies behind `version`.
std::vector<std::string> walk(const Ring& ring, Version version, bool pages_are_whole) {
  std::vector<std::string> bodies;
  Ring::Walk walk(ring, version, pages_are_whole);
  for (std::string_view body; walk.next(&body);) bodies.emplace_back(body);
  return bodies;
}

using Bodies = std::vector<std::string>;

}  // namespace

TEST_CASE("ring: frames come out in order, lap after lap, and their versions grow") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  const testing::TempDir dir;
  const auto ring = new_ring(dir, 1000);
  std::deque<std::pair<Version, std::string>> waiting;
  Version last = 1000;
  Version handed = 1000;
  std::size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (!testing::one_in(random, 3)) {
      const std::string body(random() % 3000, static_cast<char>(random()));
      // What a change has left over, or many in one frame.
      const std::size_t spare = random() % (testing::one_in(random, 4) ? 2000 : 7);
      const auto place = ring->reserve(body.size() + spare);
      if (!place) {
        ++refused;
        REQUIRE(ring->used_bytes() + body.size() + spare + 64 > kCapacity);
        continue;
      }
      REQUIRE(place->version() > last);
      last = place->version();
      ring->publish(*place, body);
      waiting.emplace_back(last, body);
    } else {
      Ring::Place place;
      std::string_view body;
      const bool found = ring->next(handed, &place, &body);
      REQUIRE(found == !waiting.empty());
      if (!found) continue;
      REQUIRE(place.version() == waiting.front().first);
      REQUIRE(body == waiting.front().second);
      handed = place.version();
      ring->release(handed);
      waiting.pop_front();
    }
    REQUIRE(ring->last() == last);
  }
  CHECK(refused > 0);
  CHECK(last * Ring::kUnit > 100 * kCapacity);
  // What is left is what a crash at this moment would leave.
  Bodies left;
  for (const auto& [version, body] : waiting) left.push_back(body);
  CHECK(walk(*ring, handed, true) == left);
  CHECK(walk(*ring, handed, false) == left);
  CHECK(walk(*open_ring(dir), handed, true) == left);
}

TEST_CASE("ring: a frame that was not finished hides none behind it, if the pages are whole") {
  const testing::TempDir dir;
  const auto ring = new_ring(dir);
  append(*ring, "one");
  REQUIRE(ring->reserve(500));
  append(*ring, "two");
  REQUIRE(ring->reserve(0));
  REQUIRE(ring->reserve(3000));
  append(*ring, "three");
  REQUIRE(ring->reserve(20));
  const auto crashed = open_ring(dir);
  CHECK(walk(*crashed, 0, true) == Bodies{"one", "two", "three"});
  CHECK(walk(*crashed, 0, false) == Bodies{"one"});
  Ring::Walk counting(*crashed, 0, true);
  for (std::string_view body; counting.next(&body);) {
  }
  CHECK(counting.skipped() == 2);
  CHECK(counting.version() * Ring::kUnit < ring->last() * Ring::kUnit);
}

TEST_CASE("ring: what an opening gave up never comes back") {
  const testing::TempDir dir;
  Version one = 0;
  {
    const auto ring = new_ring(dir);
    one = append(*ring, "one");
    append(*ring, "given up");
    append(*ring, "given up too");
  }
  {
    const auto ring = open_ring(dir);
    REQUIRE(ring->begin(one, kBoot, 0));  // as after a power cut that left a gap behind the first
    CHECK(walk(*ring, one, true).empty());
    append(*ring, "2");  // shorter: the frame behind it lies where an old one began
  }
  CHECK(walk(*open_ring(dir), one, true) == Bodies{"2"});
}

TEST_CASE("ring: every damaged byte of a frame ends it") {
  const testing::TempDir dir;
  {
    const auto ring = new_ring(dir);
    append(*ring, "before");
    append(*ring, "a body of some length, to be damaged");
    append(*ring, "behind");
  }
  const std::string path = dir.path() + "/" + kRingName;
  const std::string bytes = testing::read_file(path);
  const std::size_t begin = Ring::kHeaderBytes + 32;
  const std::size_t end = begin + Ring::kFrameHeaderBytes + 36;
  for (std::size_t at = begin; at < end; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    testing::write_file(path, damaged);
    const auto ring = open_ring(dir);
    CHECK(walk(*ring, 0, false) == Bodies{"before"});
    CHECK(walk(*ring, 0, true) == Bodies{"before", "behind"});
  }
}

TEST_CASE("ring: a file that does not fit is refused and stays as it is") {
  const testing::TempDir dir;
  CHECK(Ring::open(dir.path(), kStore, true).code() == StatusCode::kNotFound);
  { const auto ring = new_ring(dir); }
  CHECK(Ring::open(dir.path(), Ring::Id{9}, true).code() == StatusCode::kCorruption);
  const std::string path = dir.path() + "/" + kRingName;
  const std::string bytes = testing::read_file(path);
  std::vector<std::string> damaged{bytes.substr(0, bytes.size() - 1), bytes + "x", "",
                                   bytes.substr(0, 20)};
  for (std::size_t at = 0; at < 48; ++at) {
    damaged.push_back(bytes);
    damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ 1);
  }
  for (const std::string& file : damaged) {
    testing::write_file(path, file);
    const auto ring = Ring::open(dir.path(), kStore, true);
    CHECK((ring.code() == StatusCode::kCorruption || ring.code() == StatusCode::kInvalidArgument));
    CHECK(testing::read_file(path) == file);
  }
}

TEST_CASE("ring: many producers and one consumer") {
  CLOAKROOM_RANDOM_SEED(seed);
  const testing::TempDir dir;
  const auto ring = new_ring(dir);
  constexpr unsigned kThreads = 4;
  constexpr std::uint64_t kFrames = 20'000;  // of each
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, random = testing::Random(seed + t), t]() mutable {
      for (std::uint64_t i = 0; i < kFrames; ++i) {
        const std::string body = std::string(1, static_cast<char>('a' + t)) + std::to_string(i) +
                                 std::string(random() % 600, '.');
        for (;;) {
          const auto place = ring->reserve(body.size());
          if (!place) {
            std::this_thread::yield();
            continue;
          }
          ring->publish(*place, body);
          break;
        }
      }
    });
  }
  std::vector<std::uint64_t> next(kThreads, 0);
  Version handed = 0;
  std::size_t wrong = 0;
  for (std::uint64_t got = 0; got < kThreads * kFrames;) {
    Ring::Place place;
    std::string_view body;
    if (!ring->next(handed, &place, &body)) {
      std::this_thread::yield();
      continue;
    }
    const auto t = static_cast<std::size_t>(body[0] - 'a');
    if (std::stoull(std::string(body.substr(1, body.find('.') - 1))) != next[t]++) ++wrong;
    handed = place.version();
    ring->release(handed);
    ++got;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(ring->used_bytes() == 0);
}

TEST_CASE("ring: the boot id tells this run of the kernel") {
  CHECK(boot_id() == boot_id());
  CHECK(boot_id() != Ring::Id{});
}
