// Kills a server in the middle of EXEC, MSET, RENAME and SMOVE, as often as asked, and looks after
// each kill: of every one of them all writes are found or none, and all that was answered.
//
// One round is four steps, each of which moves one figure of the board on, from `acknowledged` to
// `intended`, and is acknowledged when its reply is there:
//
//   exec    strings, a hash, a set, a key that is deleted and one that comes; at times too large
//   for
//           the ring
//   mset    twelve strings
//   rename  a key over another one that exists
//   smove   a member from one set to the other
//
// Sabotage "stepwise": the same EXEC with a DBSIZE inside, which makes it write command by command.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness.h"
#include "resp/client.h"
#include "resp/dispatcher.h"
#include "resp/server.h"
#include "support/temp_dir.h"

namespace cloakroom::faults {
namespace {

using resp::Acl;
using resp::Client;
using resp::Server;

constexpr std::uint64_t kStrings = 12;
constexpr std::size_t kLargeBytes = 100'000;  // an eighth of the ring is less

enum Kind : std::size_t { kExec, kMset, kRename, kSmove, kKinds };
constexpr std::array<const char*, kKinds> kNames{"exec", "mset", "rename", "smove"};

// Outlives the server that is killed.
struct Board {
  std::array<std::atomic<std::uint64_t>, kKinds> intended{};
  std::array<std::atomic<std::uint64_t>, kKinds> acknowledged{};
  std::array<std::atomic<std::uint64_t>, kKinds> cut{};     // kills that met one under way
  std::array<std::atomic<std::uint64_t>, kKinds> landed{};  // and all of it was there
  std::atomic<bool> running{false};
  Note note;
};

class QuietClient final : public Client {
 public:
  void push(const std::string&) override {}
  void kill() override {}
};

// A store with a listener's commands over it.
class Life {
 public:
  static std::unique_ptr<Life> open(const std::string& path, Board& board) {
    Options options;
    options.path = path;
    options.ring_bytes = std::size_t{1} << 18;
    options.sync_interval = Millis(20);
    options.disk_floor_bytes = 0;
    auto store = Store::open(std::move(options));
    if (!store) board.note.set("open failed: " + store.status().to_string());
    return store ? std::unique_ptr<Life>(new Life(*std::move(store))) : nullptr;
  }

  std::string say(const std::vector<std::string>& words) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    std::string out;
    resp::dispatch(server_, *client_, args, out);
    return out;
  }

 private:
  explicit Life(Store store)
      : store_(std::move(store)), server_(store_, RespOptions{}, *Acl::make({}, {})) {
    client_->user = server_.acl.initial();
    client_->authenticated = true;
    server_.clients.add(client_);
  }

  Store store_;
  Server server_;
  std::shared_ptr<QuietClient> client_ = std::make_shared<QuietClient>();
};

std::string value_of(std::uint64_t n) {
  return n % 5 == 0 ? std::string(kLargeBytes, static_cast<char>('a' + n % 26)) : make_value(n);
}
std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

// Only a kill between `begin` and the reply counts as one that fell inside.
using Begin = const std::function<void()>&;

std::string exec(Life& life, std::uint64_t n, bool stepwise, Begin begin) {
  const std::string now = std::to_string(n);
  (void)life.say({"MULTI"});
  for (std::uint64_t i = 0; i < kStrings; ++i) {
    (void)life.say({"SET", "e" + std::to_string(i), i == 3 ? value_of(n) : now, "EX", "1000"});
  }
  (void)life.say({"HSET", "h", "n", now});
  (void)life.say({"DEL", "set"});
  (void)life.say({"SADD", "set", now, "x"});
  (void)life.say({"DEL", "at" + std::to_string(n - 1)});
  (void)life.say({"SET", "at" + now, now});
  if (stepwise) (void)life.say({"DBSIZE"});
  (void)life.say({"INCR", "count"});
  begin();
  return life.say({"EXEC"});
}

std::string mset(Life& life, std::uint64_t n, Begin begin) {
  std::vector<std::string> words{"MSET"};
  for (std::uint64_t i = 0; i < kStrings; ++i) {
    words.push_back("m" + std::to_string(i));
    words.push_back(std::to_string(n));
  }
  begin();
  return life.say(words);
}

std::string rename(Life& life, std::uint64_t n, Begin begin) {
  (void)life.say({"SET", "from", std::to_string(n)});
  begin();
  return life.say({"RENAME", "from", "to"});
}

std::string smove(Life& life, std::uint64_t n, Begin begin) {
  begin();
  return life.say({"SMOVE", n % 2 == 1 ? "a" : "b", n % 2 == 1 ? "b" : "a", "member"});
}

// Runs until it is killed.
int serve(const std::string& path, Board& board, bool stepwise) {
  const auto life = Life::open(path, board);
  if (life == nullptr) return 3;
  if (board.acknowledged[kSmove] == 0) {
    (void)life->say({"SADD", "a", "member", "other a"});
    (void)life->say({"SADD", "b", "other b"});
  }
  board.running = true;
  for (;;) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const std::uint64_t n = board.intended[kind] + 1;
      const auto begin = [&] { board.intended[kind] = n; };
      const std::string reply = kind == kExec     ? exec(*life, n, stepwise, begin)
                                : kind == kMset   ? mset(*life, n, begin)
                                : kind == kRename ? rename(*life, n, begin)
                                                  : smove(*life, n, begin);
      if (reply.starts_with("-")) {
        board.note.set(std::string(kNames[kind]) + " was refused: " + reply);
        return 3;
      }
      board.acknowledged[kind] = n;
    }
  }
}

// --- the oracle --------------------------------------------------------------------------------

// Everything that one step has written, as it is after `n` of them.
bool is_after(Life& life, std::size_t kind, std::uint64_t n) {
  const std::string now = std::to_string(n);
  bool fine = true;
  const auto expect = [&](const std::vector<std::string>& words, const std::string& reply) {
    fine = fine && life.say(words) == reply;
  };
  switch (kind) {
    case kExec:
      for (std::uint64_t i = 0; i < kStrings; ++i) {
        expect({"GET", "e" + std::to_string(i)},
               n == 0 ? "$-1\r\n" : bulk(i == 3 ? value_of(n) : now));
      }
      expect({"HGET", "h", "n"}, n == 0 ? "$-1\r\n" : bulk(now));
      expect({"SCARD", "set"}, n == 0 ? ":0\r\n" : ":2\r\n");
      expect({"SISMEMBER", "set", now}, n == 0 ? ":0\r\n" : ":1\r\n");
      expect({"EXISTS", "at" + std::to_string(n - 1), "at" + std::to_string(n + 1)}, ":0\r\n");
      expect({"EXISTS", "at" + now}, n == 0 ? ":0\r\n" : ":1\r\n");
      expect({"GET", "count"}, n == 0 ? "$-1\r\n" : bulk(now));
      return fine;
    case kMset:
      for (std::uint64_t i = 0; i < kStrings; ++i) {
        expect({"GET", "m" + std::to_string(i)}, n == 0 ? "$-1\r\n" : bulk(now));
      }
      return fine;
    case kRename:
      expect({"GET", "to"}, n == 0 ? "$-1\r\n" : bulk(now));
      return fine;
    case kSmove:
      expect({"SISMEMBER", "a", "member"}, n % 2 == 0 ? ":1\r\n" : ":0\r\n");
      expect({"SISMEMBER", "b", "member"}, n % 2 == 1 ? ":1\r\n" : ":0\r\n");
      return fine;
    default:
      return false;
  }
}

int verify(const std::string& path, Board& board) {
  const auto life = Life::open(path, board);
  if (life == nullptr) return 1;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const std::uint64_t acknowledged = board.acknowledged[kind];
    const std::uint64_t intended = board.intended[kind];
    std::uint64_t is = intended;
    if (acknowledged != intended) {
      ++board.cut[kind];
      if (is_after(*life, kind, intended)) {
        ++board.landed[kind];
      } else {
        is = acknowledged;
      }
    }
    if (!is_after(*life, kind, is)) {
      board.note.set(
          std::string(kNames[kind]) + " " + std::to_string(intended) +
          (acknowledged != intended ? " is there in part" : " was acknowledged and lost"));
      return 1;
    }
    board.intended[kind] = is;
    board.acknowledged[kind] = is;
  }
  std::_Exit(0);  // the next one finds what a crash left
}

class Campaign {
 public:
  Campaign(std::uint64_t seed, bool stepwise) : random_(seed), stepwise_(stepwise) {}

  // One kill; "" or what is wrong.
  std::string cycle() {
    board_->running = false;
    const std::string path = dir_.store_path();
    const int server = start_child([&] { return serve(path, *board_, stepwise_); });
    for (int i = 0; i < 30'000 && !board_->running; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 20'000));
    ::kill(server, SIGKILL);
    const Ending ending = wait_for_child(server);
    if (ending.signal != SIGKILL) return ending.to_string() + ": " + board_->note.text;
    const Ending verdict = run_child([&] { return verify(path, *board_); });
    return verdict.ok() ? "" : verdict.to_string() + ": " + board_->note.text;
  }

  [[nodiscard]] std::uint64_t cut() const {
    std::uint64_t sum = 0;
    for (const auto& one : board_->cut) sum += one;
    return sum;
  }

  void print() const {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      std::printf("%s: %llu done, %llu kills fell inside, after %llu of them all of it was there\n",
                  kNames[kind], static_cast<unsigned long long>(board_->acknowledged[kind]),
                  static_cast<unsigned long long>(board_->cut[kind]),
                  static_cast<unsigned long long>(board_->landed[kind]));
    }
  }

 private:
  testing::TempDir dir_;
  Random random_;
  const bool stepwise_;
  Shared<Board> board_;
};

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args = Args::parse(argc, argv, 60, "exec_crash_test [--cycles N] [--seed S]");
  Tally tally("exec_crash_test");
  bool found = false;
  Campaign torn(args.seed, /*stepwise=*/true);
  for (int i = 0; i < 200 && !found; ++i) {
    const std::string wrong = torn.cycle();
    found = !wrong.empty();
    if (found) std::printf("sabotage stepwise: found after %d kills (%s)\n", i + 1, wrong.c_str());
  }
  tally.check(found, "sabotage stepwise was not found: this harness sees nothing");
  Campaign campaign(args.seed, /*stepwise=*/false);
  for (std::uint64_t i = 0; i < args.cycles; ++i) {
    const std::string wrong = campaign.cycle();
    tally.check(wrong.empty(), "cycle " + std::to_string(i) + ": " + wrong);
    if (!wrong.empty()) break;
  }
  campaign.print();
  std::printf("faults that fired: %llu kills\n", static_cast<unsigned long long>(args.cycles));
  tally.check(campaign.cut() > args.cycles / 4, "too few kills fell inside a step");
  return tally.finish();
}
