// The world of the resurrect test: sessions that are loaded, changed, saved, rotated and ended
// while other requests do the same between the steps, over a disk that loses power; and a model of
// what may be seen of them.
//
// One interleaving is one operation with another one run between its steps
// (SessionsHooks::between). The model knows of every session whether it has ended, and of every
// token whose it is, and when it was rotated away. After every interleaving it asks:
//
//   1. no token of an ended session is served, and no save, update or rotation of it says ok
//   2. every living session is served by its current token, with the counter that was acknowledged
//   3. a rotated token is served within its grace only, and leads to its session
//   4. the list of every owner has the handles of the living and no others
//
// over restarts: an orderly stop, a kill (what was acknowledged as kProcess stays) and a power cut
// (what was acknowledged as kDisk stays).
#ifndef CLOAKROOM_TESTS_SESSIONS_RESURRECT_WORLD_H_
#define CLOAKROOM_TESTS_SESSIONS_RESURRECT_WORLD_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sessions/fake_disk_fixture.h"
#include "sessions/tokens.h"
#include "support/random_seed.h"

namespace cloakroom::testing {

// What other session layers do, to be found out.
enum class PlantedFault {
  kNone,
  kSaveInserts,       // save writes back what was loaded, as SET does in Redis
  kLogoutNotDurable,  // destroy returns before the disk has it
  kRotateInTwoSteps,  // put the new, then erase the old
  kStaleList,         // destroy_all erases the keys it listed
  kSaveWholeSession,  // save writes all attributes, not the changed ones
};

class ResurrectWorld {
 public:
  ResurrectWorld(std::uint64_t seed, PlantedFault fault = PlantedFault::kNone);

  // Runs so many interleavings, or until something is wrong. Returns how many there were.
  std::uint64_t run(std::uint64_t count);

  // What is wrong, one a line; empty: nothing.
  [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }
  [[nodiscard]] std::uint64_t checks() const noexcept { return checks_; }
  [[nodiscard]] std::uint64_t restarts() const noexcept { return restarts_; }

 private:
  // A session as it should be.
  struct Life {
    std::string handle;
    std::string owner;   // "": nobody's
    std::string token;   // the current one
    bool brief = false;  // expires when time passes and nobody loads it
    bool ended = false;
    std::uint64_t ended_at = 0;  // step
    std::uint64_t owned_at = 0;  // step in which it came to this owner
    std::int64_t counter = 0;    // acknowledged
  };
  struct OldToken {
    std::string token;
    std::string handle;
    TimeMs grace_until;
  };

  void begin_anew();
  void one_interleaving();
  void one_operation();
  void create();
  void load_change_save();
  void update();
  void rotate();
  void destroy();
  void destroy_handle();
  void destroy_all();
  void end_everyone();
  void let_time_pass();
  void restart();
  void settle(bool power_cut);

  [[nodiscard]] std::optional<Session> load(Life& life);
  void end(Life& life);
  void look_whether_it_ended(Life& life);
  [[nodiscard]] bool may_have_ended(Life& life);
  void new_token(Life& life, const Session& session, Millis grace);
  void check(bool all);
  void check_life(Life& life);
  void check_old_token(const OldToken& old);
  void check_list(const std::string& owner);
  void complain(const std::string& what);

  // The planted faults.
  [[nodiscard]] std::string key_of(std::string_view token) const;
  bool save_by_put(const Life& life, std::string value);
  bool rotate_in_two_steps(Life& life);
  void destroy_listed(const std::string& owner);

  [[nodiscard]] Life* pick();
  [[nodiscard]] std::string random_owner() { return text("owner", below(random_, 3)); }
  [[nodiscard]] Store& store() { return world_->store(); }
  [[nodiscard]] Sessions& sessions() { return world_->sessions(); }
  [[nodiscard]] TimeMs now() const { return world_->clock.wall_ms(); }
  void between();

  Random random_;
  const PlantedFault fault_;
  std::unique_ptr<FakeDiskFixture> world_;
  std::optional<TokenKeys> keys_;
  std::deque<Life> lives_;
  std::vector<OldToken> old_tokens_;
  std::uint64_t step_ = 0;
  std::uint64_t checks_ = 0;
  std::uint64_t restarts_ = 0;
  std::vector<std::string> ending_;  // owners whose sessions are just being ended, around us
  int nests_ = 0;                    // so many operations may still come in between
  std::string doing_;                // what is going on, for complaints
  std::string wrong_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SESSIONS_RESURRECT_WORLD_H_
