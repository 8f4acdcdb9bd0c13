#include "journal/rocks_threads.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace cloakroom {
namespace {

// A gate that a job waits at, and what the jobs did.
struct Bench {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool arrived = false;
  std::vector<int> ran;
  std::vector<int> dropped;

  void wait_for(const bool& flag) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return flag; });
  }
  void set(bool& flag) {
    const std::lock_guard<std::mutex> lock(mutex);
    flag = true;
    changed.notify_all();
  }
};

struct Job {
  Bench* bench;
  int number;
};

void block(void* arg) {
  auto* const bench = static_cast<Bench*>(arg);
  bench->set(bench->arrived);
  bench->wait_for(bench->open);
}
void note_run(void* arg) {
  const auto* const job = static_cast<Job*>(arg);
  const std::lock_guard<std::mutex> lock(job->bench->mutex);
  job->bench->ran.push_back(job->number);
  job->bench->changed.notify_all();
}
void note_dropped(void* arg) {
  const auto* const job = static_cast<Job*>(arg);
  job->bench->dropped.push_back(job->number);
}

std::unique_ptr<rocksdb::Env> make_env() {
  return make_env_with_own_threads(
      rocksdb::NewCompositeEnv(rocksdb::Env::Default()->GetFileSystem()));
}

TEST_CASE("rocks_threads: jobs of a pool run in order, and what is taken back does not run") {
  Bench bench;
  std::vector<Job> jobs{{&bench, 0}, {&bench, 1}, {&bench, 2}, {&bench, 3}};
  int mine = 0;
  int other = 0;
  const auto env = make_env();
  env->Schedule(block, &bench, rocksdb::Env::LOW, nullptr, nullptr);
  bench.wait_for(bench.arrived);
  env->Schedule(note_run, &jobs[0], rocksdb::Env::LOW, &other, note_dropped);
  env->Schedule(note_run, &jobs[1], rocksdb::Env::LOW, &mine, note_dropped);
  env->Schedule(note_run, &jobs[2], rocksdb::Env::LOW, &mine, nullptr);
  env->Schedule(note_run, &jobs[3], rocksdb::Env::LOW, &other, note_dropped);
  CHECK(env->GetThreadPoolQueueLen(rocksdb::Env::LOW) == 4);
  CHECK(env->GetThreadPoolQueueLen(rocksdb::Env::HIGH) == 0);

  CHECK(env->UnSchedule(&mine, rocksdb::Env::HIGH) == 0);
  CHECK(env->UnSchedule(&mine, rocksdb::Env::LOW) == 2);
  CHECK(bench.dropped == std::vector<int>{1});

  bench.set(bench.open);
  std::unique_lock<std::mutex> lock(bench.mutex);
  bench.changed.wait(lock, [&] { return bench.ran.size() == 2; });
  CHECK(bench.ran == std::vector<int>{0, 3});
}

TEST_CASE("rocks_threads: a flush does not wait for a compaction") {
  Bench bench;
  Job flush{&bench, 7};
  const auto env = make_env();
  env->Schedule(block, &bench, rocksdb::Env::LOW, nullptr, nullptr);
  bench.wait_for(bench.arrived);
  env->Schedule(note_run, &flush, rocksdb::Env::HIGH, nullptr, nullptr);
  {
    std::unique_lock<std::mutex> lock(bench.mutex);
    bench.changed.wait(lock, [&] { return bench.ran.size() == 1; });
  }
  bench.set(bench.open);
}

TEST_CASE("rocks_threads: destruction waits for what runs") {
  Bench bench;
  auto env = make_env();
  env->Schedule(block, &bench, rocksdb::Env::LOW, nullptr, nullptr);
  bench.wait_for(bench.arrived);
  std::atomic<bool> gone{false};
  std::thread destroyer([&] {
    env.reset();
    gone = true;
  });
  CHECK_FALSE(gone);  // it cannot be: its job waits for us
  bench.set(bench.open);
  destroyer.join();
  CHECK(gone);
}

TEST_CASE("rocks_threads: they make way for the threads of the host") {
  struct Seen {
    Bench bench;
    int nice = -100;
    bool done = false;
  } seen;
  const auto look = [](void* arg) {
    auto* const there = static_cast<Seen*>(arg);
    there->nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
    there->bench.set(there->done);
  };
  const int own = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  const auto env = make_env();
  for (const auto pool : {rocksdb::Env::HIGH, rocksdb::Env::LOW}) {
    seen.done = false;
    env->Schedule(look, &seen, pool, nullptr, nullptr);
    seen.bench.wait_for(seen.done);
    CHECK(seen.nice > std::min(own, 18));
  }
}

TEST_CASE("rocks_threads: the file system is the wrapped one's, without a layer between") {
  const auto system = rocksdb::Env::Default()->GetFileSystem();
  const auto env = make_env_with_own_threads(rocksdb::NewCompositeEnv(system));
  CHECK(env->GetFileSystem() == system);
  CHECK(env->GetBackgroundThreads(rocksdb::Env::HIGH) == 1);
  CHECK(env->GetBackgroundThreads(rocksdb::Env::BOTTOM) == 0);
}

}  // namespace
}  // namespace cloakroom
