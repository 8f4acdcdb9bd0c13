// cloakroom ls: the records of a store, filtered and sorted.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "look/look.h"
#include "reading/open_store.h"
#include "reading/parallel_walk.h"
#include "reading/parts_in_order.h"
#include "reading/record_json.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kBatch = 256;

// What is printed of a record: cells, or one line of JSON.
using Row = std::vector<std::string>;

Row row_of(const RecordView& record, TimeMs now, bool json) {
  if (json) return {record_json(record, now).dump() + "\n"};
  return {escape(record.key),
          kind_name(record.kind),
          human_count(record.value.size()),
          record.owner.empty() ? "-" : escape(record.owner),
          ttl_text(record, now),
          utc_time(record.created)};
}

class Listing {
 public:
  explicit Listing(bool json)
      : json_(json),
        table_({{"KEY"}, {"KIND"}, {"BYTES", true}, {"OWNER"}, {"TTL LEFT"}, {"CREATED (UTC)"}}) {}

  void show(Row row) {
    if (json_) {
      print(row.front());
    } else {
      table_.add(std::move(row));
    }
  }
  void finish() {
    if (!json_) table_.finish();
  }

 private:
  const bool json_;
  Table table_;
};

// --- in key order: rows are printed as they are found
// ---------------------------------------------

class KeyOrder {
 public:
  KeyOrder(const LsOptions& options, const Filter& filter, const WalkPlan& plan, TimeMs now,
           Listing& listing)
      : options_(options),
        filter_(filter),
        now_(now),
        out_([this, &listing](Row& row) {
          listing.show(std::move(row));
          return ++shown_ != options_.limit;
        }),
        rows_(plan.parts.size(), out_),
        batches_(plan.workers),
        found_(plan.workers) {}

  bool record(const WalkPlace& place, const RecordView& record) {
    if (!filter_.matches(record)) return true;
    auto& batch = batches_[place.worker];
    batch.push_back(row_of(record, now_, options_.json));
    // No part need show more than all together.
    if (++found_[place.worker] == options_.limit) return false;
    return batch.size() < kBatch || hand_on(place);
  }

  bool part_done(const WalkPlace& place) {
    found_[place.worker] = 0;
    const bool wanted = hand_on(place);
    return rows_.done(place.part) && wanted;
  }

 private:
  bool hand_on(const WalkPlace& place) {
    return rows_.add(place.part, std::exchange(batches_[place.worker], {}));
  }

  const LsOptions& options_;
  const Filter& filter_;
  const TimeMs now_;
  std::uint64_t shown_ = 0;
  const std::function<bool(Row&)> out_;
  PartsInOrder<Row> rows_;
  std::vector<std::vector<Row>> batches_;  // a worker
  std::vector<std::uint64_t> found_;       // a worker, of its part
};

// --- sorted: the first so many are kept
// -----------------------------------------------------------

struct Ranked {
  std::int64_t rank = 0;
  std::string key;  // equal ranks are in key order, so that the output is the same every time
  Row row;

  friend bool operator<(const Ranked& a, const Ranked& b) noexcept {
    return a.rank != b.rank ? a.rank < b.rank : a.key < b.key;
  }
};

struct Before {
  bool reverse = false;
  bool operator()(const Ranked& a, const Ranked& b) const noexcept {
    return reverse ? b < a : a < b;
  }
};

std::int64_t rank_of(const RecordView& record, SortBy by) {
  switch (by) {
    case SortBy::kSize:
      return -static_cast<std::int64_t>(record.value.size());
    case SortBy::kCreated:
      return until(0, record.created);
    case SortBy::kDeadline:
      return record.deadline;
    case SortBy::kKey:
      break;
  }
  return 0;
}

// Of one worker: with a limit a heap whose front is the last that is still in, else all.
class FirstOnes {
 public:
  void add(const RecordView& record, const LsOptions& options, TimeMs now) {
    Ranked ranked{.rank = rank_of(record, options.sort), .key = std::string(record.key), .row = {}};
    const Before before{options.reverse};
    const bool full = options.limit != 0 && heap_.size() == options.limit;
    if (full && !before(ranked, heap_.front())) return;
    if (full) {
      std::pop_heap(heap_.begin(), heap_.end(), before);
      heap_.pop_back();
    }
    ranked.row = row_of(record, now, options.json);
    heap_.push_back(std::move(ranked));
    if (options.limit != 0) std::push_heap(heap_.begin(), heap_.end(), before);
  }

  void merge_into(std::vector<Ranked>& all) {
    std::move(heap_.begin(), heap_.end(), std::back_inserter(all));
  }

 private:
  std::vector<Ranked> heap_;
};

void show_sorted(std::vector<FirstOnes>& workers, const LsOptions& options, Listing& listing) {
  std::vector<Ranked> all;
  for (FirstOnes& worker : workers) worker.merge_into(all);
  std::sort(all.begin(), all.end(), Before{options.reverse});
  if (options.limit != 0 && all.size() > options.limit) all.resize(options.limit);
  for (Ranked& ranked : all) listing.show(std::move(ranked.row));
}

int end_of(const Status& walked, std::uint64_t damaged, const LsOptions& options) {
  if (!walked) {
    message(text_of(walked));
    return walked.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  if (damaged == 0) return kExitOk;
  message(fmt::format("{} damaged records are left out; run `cloakroom verify {}`",
                      human_count(damaged), options.dir));
  return kExitFindings;
}

}  // namespace

int run_ls(const LsOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  const TimeMs now = reader->info().now;
  const Filter filter(options.filter, now);
  const WalkPlan plan = plan_walk(*reader, filter.range());
  Progress progress("reading", !is_terminal(stdout));  // else the listing shows that it goes on
  Listing listing(options.json);
  std::uint64_t damaged = 0;
  const auto damage = [&](const Finding& finding) {
    ++damaged;
    message(text_of(finding));
  };

  Status walked;
  if (options.sort == SortBy::kKey && !options.reverse) {
    KeyOrder rows(options, filter, plan, now, listing);
    const auto record = [&](const WalkPlace& place, const RecordView& view) {
      return rows.record(place, view);
    };
    const auto part_done = [&](const WalkPlace& place) { return rows.part_done(place); };
    walked = walk_parts(*reader, plan, {record, part_done, damage}, progress);
  } else {
    std::vector<FirstOnes> workers(plan.workers);
    const auto record = [&](const WalkPlace& place, const RecordView& view) {
      if (filter.matches(view)) workers[place.worker].add(view, options, now);
      return true;
    };
    const auto part_done = [](const WalkPlace&) { return true; };
    walked = walk_parts(*reader, plan, {record, part_done, damage}, progress);
    show_sorted(workers, options, listing);
  }
  listing.finish();
  return end_of(walked, damaged, options);
}

}  // namespace cloakroom::cli
