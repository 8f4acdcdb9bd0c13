// Store time over a restart, when the process had no chance to say how late it was.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>

#include "journal/recovery.h"
#include "journal/ring.h"
#include "support/dir_snapshot.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

using namespace cloakroom;
using namespace std::chrono_literals;

namespace {

constexpr Ring::Id kKernel{7};

// A store with one synced write, whose process has died a minute later; nothing was written in
// that minute, so no mark tells of it.
class Crashed {
 public:
  Crashed() {
    auto opened = open_journal(options(dir_.store_path()), hooks_);
    REQUIRE(opened);
    const auto version =
        opened->journal->append({.type = Mutation::Type::kPut, .record = {.key = "k"}});
    REQUIRE(version);
    REQUIRE(opened->journal->sync());
    clock.advance(60s);
    last_ = opened->timeline->now();
    std::filesystem::copy(dir_.store_path(), path(), std::filesystem::copy_options::recursive);
  }

  [[nodiscard]] std::string path() const { return dir_ / "crashed"; }
  // Store time at the open, less what it was when the process died.
  [[nodiscard]] Millis reopen(const JournalHooks& hooks) const {
    const auto opened = open_journal(options(path()), hooks);
    REQUIRE(opened);
    return Millis(opened->timeline->now() - last_);
  }
  [[nodiscard]] Millis reopen() const { return reopen(hooks_); }

  testing::ManualClock clock;

 private:
  Options options(const std::string& path) const {
    return {.path = path, .disk_floor_bytes = 0, .background = false, .clock = &clock};
  }

  const testing::TempDir dir_;
  const JournalHooks hooks_{.boot_id = kKernel, .clock_is_kernels = true};
  TimeMs last_ = 0;
};

}  // namespace

TEST_CASE("recovery: a restart after a crash and a wall clock set back does not turn time back") {
  Crashed crashed;
  crashed.clock.advance(5s);
  crashed.clock.jump_wall(-24h);
  CHECK(crashed.reopen() == 5s);
}

TEST_CASE("recovery: a restart after a jump forward that nothing was written after adds no time") {
  Crashed crashed;
  crashed.clock.jump_wall(24h);
  crashed.clock.advance(5s);
  CHECK(crashed.reopen() == 5s);
  // Nor does the next one, which has a mark from after the jump.
  crashed.clock.jump_wall(-48h);
  crashed.clock.advance(1s);
  CHECK(crashed.reopen() == 6s);
}

TEST_CASE("recovery: at a restart of the machine the wall clock tells what time has passed") {
  Crashed crashed;
  crashed.clock.set_boot(3);
  crashed.clock.advance(5s);
  CHECK(crashed.reopen({.boot_id = Ring::Id{8}, .clock_is_kernels = true}) == 5s);
  // The boot clock may also be further than it was then.
  crashed.clock.set_boot(1'000'000'000'000);
  crashed.clock.advance(5s);
  CHECK(crashed.reopen({.boot_id = Ring::Id{9}, .clock_is_kernels = true}) == 10s);
}

TEST_CASE("recovery: a restart believes no boot clock but the kernel's, nor a damaged offset") {
  Crashed crashed;
  SUBCASE("the clock is the host's own: it may begin anew with each process") {
    crashed.clock.set_boot(1'000'000'000'000);
    crashed.clock.advance(5s);
    CHECK(crashed.reopen({.boot_id = kKernel}) == 5s);
  }
  SUBCASE("a clock that began anew all the same") {
    crashed.clock.set_boot(3);
    crashed.clock.advance(5s);
    CHECK(crashed.reopen() == 5s);
  }
  SUBCASE("any bit of the offset or of its checksum") {
    const std::string ring = crashed.path() + "/" + kRingName;
    std::string bytes = testing::read_file(ring);
    bytes[976 + 3] = static_cast<char>(bytes[976 + 3] ^ 0x10);
    testing::write_file(ring, bytes);
    crashed.clock.advance(5s);
    crashed.clock.jump_wall(-24h);
    CHECK(crashed.reopen() == -60s);  // as without it: the mark, and no time since
  }
}
