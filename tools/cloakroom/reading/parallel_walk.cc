#include "reading/parallel_walk.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace cloakroom::cli {
namespace {

constexpr std::size_t kWorkersMax = 8;
// More parts than workers: they take different times, and what a part's end waits for is less.
constexpr std::size_t kPartsPerWorker = 4;
constexpr std::uint64_t kCountEvery = 256;

std::size_t workers_for(bool live) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return std::clamp<std::size_t>(live ? cores / 2 : cores, 1, kWorkersMax);
}

// What the threads of one walk share.
class SharedWalk {
 public:
  SharedWalk(StoreReader& reader, const WalkPlan& plan, const WalkVisitor& visitor,
             Progress& progress)
      : reader_(reader),
        plan_(plan),
        visitor_(visitor),
        progress_(progress),
        expected_(reader.info().records_estimate) {}

  void work(std::size_t worker) noexcept {
    try {
      for (std::size_t part; !stop_ && (part = next_++) < plan_.parts.size();) {
        walk_part({.worker = worker, .part = part});
      }
    } catch (...) {
      const std::scoped_lock guard(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
      stop_ = true;
    }
  }

  Status finish() {
    if (thrown_) std::rethrow_exception(thrown_);
    return status_;
  }

 private:
  void walk_part(const WalkPlace& place) {
    std::uint64_t seen = 0;
    const auto on_damage = [this](const Finding& finding) {
      const std::scoped_lock guard(mutex_);
      visitor_.damage(finding);
    };
    const FunctionRef<void(const Finding&)> on_damage_ref = on_damage;
    const Status walked = reader_.for_each(
        plan_.parts[place.part],
        [&](const RecordView& record) {
          if (++seen % kCountEvery == 0) {
            const std::uint64_t sum = seen_ += kCountEvery;
            if (place.worker == 0) progress_.update(sum, expected_);
            if (stop_) return false;
          }
          return visitor_.record(place, record);
        },
        &on_damage_ref);
    if (!walked) {
      const std::scoped_lock guard(mutex_);
      if (status_) status_ = walked;
      stop_ = true;
    }
    if (!visitor_.part_done(place)) stop_ = true;
  }

  StoreReader& reader_;
  const WalkPlan& plan_;
  const WalkVisitor& visitor_;
  Progress& progress_;
  const std::uint64_t expected_;

  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> seen_{0};
  std::atomic<bool> stop_{false};

  std::mutex mutex_;  // of what follows, and of visitor_.damage
  Status status_;
  std::exception_ptr thrown_;
};

}  // namespace

WalkPlan plan_walk(StoreReader& reader, const KeyRange& range) {
  WalkPlan plan;
  plan.workers = workers_for(reader.info().live);
  std::string begin = range.begin;
  for (std::string& key : reader.split(plan.workers * kPartsPerWorker)) {
    if (key <= begin || (!range.end.empty() && key >= range.end)) continue;
    plan.parts.push_back({.begin = begin, .end = key});
    begin = std::move(key);
  }
  plan.parts.push_back({.begin = begin, .end = range.end});
  plan.workers = std::min(plan.workers, plan.parts.size());
  return plan;
}

KeyRange prefix_range(std::string_view prefix) {
  // The end is the prefix with its last byte one higher; one of 255 has none, the byte before
  // counts.
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return {.begin = std::string(prefix), .end = end};
}

void be_gentle() noexcept { (void)::setpriority(PRIO_PROCESS, 0, 10); }

Status walk_parts(StoreReader& reader, const WalkPlan& plan, const WalkVisitor& visitor,
                  Progress& progress) {
  SharedWalk walk(reader, plan, visitor, progress);
  {
    std::vector<std::jthread> others;
    for (std::size_t worker = 1; worker < plan.workers; ++worker) {
      others.emplace_back([&walk, worker] { walk.work(worker); });
    }
    walk.work(0);
  }
  progress.clear();
  return walk.finish();
}

}  // namespace cloakroom::cli
