#include "journal/rocks_threads.h"

#include <deque>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "base/priority.h"
#include "base/thread_annotations.h"

namespace cloakroom {
namespace {

using Function = void (*)(void*);

// One thread and what waits for it.
class Worker {
 public:
  explicit Worker(int nice) : nice_(nice) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  ~Worker() {
    std::thread thread;
    {
      MutexLock guard(mutex_);
      stop_ = true;
      jobs_.clear();
      thread = std::move(thread_);
      wake_.notify_all();
    }
    if (thread.joinable()) thread.join();
  }

  void schedule(Function run, void* arg, void* tag, Function dropped) EXCLUDES(mutex_) {
    MutexLock guard(mutex_);
    jobs_.push_back({run, arg, tag, dropped});
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
    wake_.notify_all();
  }

  // Drops the jobs of `tag` that have not begun, and tells how many they were.
  int unschedule(void* tag) EXCLUDES(mutex_) {
    std::deque<Job> dropped;
    {
      MutexLock guard(mutex_);
      std::deque<Job> kept;
      for (const Job& job : jobs_) (job.tag == tag ? dropped : kept).push_back(job);
      jobs_.swap(kept);
    }
    for (const Job& job : dropped) {
      if (job.dropped != nullptr) job.dropped(job.arg);
    }
    return static_cast<int>(dropped.size());
  }

  [[nodiscard]] unsigned queued() const EXCLUDES(mutex_) {
    MutexLock guard(mutex_);
    return static_cast<unsigned>(jobs_.size());
  }

 private:
  struct Job {
    Function run;
    void* arg;
    void* tag;
    Function dropped;
  };

  void work() EXCLUDES(mutex_) {
    give_way(nice_);
    for (;;) {
      Job job{};
      {
        MutexLock guard(mutex_);
        while (jobs_.empty() && !stop_) wake_.wait(mutex_);
        if (stop_) return;
        job = jobs_.front();
        jobs_.pop_front();
      }
      job.run(job.arg);
    }
  }

  const int nice_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  std::thread thread_ GUARDED_BY(mutex_);
  bool stop_ GUARDED_BY(mutex_) = false;
};

class OwnThreads final : public rocksdb::EnvWrapper {
 public:
  explicit OwnThreads(std::unique_ptr<rocksdb::Env> base) : EnvWrapper(std::move(base)) {
    // An Env answers for its file system itself; a wrapper's own would go through every call of it.
    file_system_ = target()->GetFileSystem();
    system_clock_ = target()->GetSystemClock();
  }

  const char* Name() const override { return "CloakroomEnv"; }

  void Schedule(Function run, void* arg, Priority pri, void* tag, Function dropped) override {
    worker(pri).schedule(run, arg, tag, dropped);
  }
  int UnSchedule(void* tag, Priority pri) override { return worker(pri).unschedule(tag); }
  unsigned int GetThreadPoolQueueLen(Priority pri) const override {
    return pri == HIGH ? flushes_.queued() : compactions_.queued();
  }

  // Always one of each: database_options() asks for no more. None for other priorities, so that
  // RocksDB gives those jobs to these.
  void SetBackgroundThreads(int, Priority) override {}
  void IncBackgroundThreadsIfNeeded(int, Priority) override {}
  int GetBackgroundThreads(Priority pri) override { return pri == HIGH || pri == LOW ? 1 : 0; }
  int ReserveThreads(int, Priority) override { return 0; }
  int ReleaseThreads(int, Priority) override { return 0; }
  rocksdb::Status LowerThreadPoolCPUPriority(Priority, rocksdb::CpuPriority) override {
    return rocksdb::Status::OK();
  }
  void LowerThreadPoolCPUPriority(Priority) override {}
  void LowerThreadPoolIOPriority(Priority) override {}

  // Its table of threads knows only the threads of its own pools.
  rocksdb::ThreadStatusUpdater* GetThreadStatusUpdater() const override { return nullptr; }

 private:
  Worker& worker(Priority pri) { return pri == HIGH ? flushes_ : compactions_; }

  Worker flushes_{kLater};
  Worker compactions_{kLast};
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_env_with_own_threads(std::unique_ptr<rocksdb::Env> base) {
  return std::make_unique<OwnThreads>(std::move(base));
}

}  // namespace cloakroom
