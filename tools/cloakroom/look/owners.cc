// cloakroom owners: who has the most.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "look/look.h"
#include "reading/open_store.h"
#include "reading/owner_tally.h"
#include "reading/parallel_walk.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Totals {
  std::uint64_t records = 0;
  std::uint64_t unowned = 0;
  std::uint64_t damaged = 0;
};

void print_text(const OwnerTally& tally, const std::vector<OwnerShare>& top, const Totals& totals) {
  Table table({{"OWNER"}, {"RECORDS", true}, {"BYTES", true}, {"SHARE", true}});
  for (const OwnerShare& share : top) {
    const double part = static_cast<double>(share.count) / static_cast<double>(totals.records);
    table.add({escape(share.owner), human_count(share.count), human_bytes(share.bytes),
               fmt::format("{:.1f} %", 100 * part)});
  }
  table.finish();
  print(fmt::format("{} of {}{} owners; {} of {} records have no owner\n", human_count(top.size()),
                    tally.exact() ? "" : "about ", human_count(tally.owners()),
                    human_count(totals.unowned), human_count(totals.records)));
  if (tally.exact()) return;
  print(
      fmt::format("There are more owners than are counted at a time: a number may be too low by "
                  "up to {} records or {}\n",
                  human_count(tally.count_missing()), human_bytes(tally.bytes_missing())));
}

void print_json(const OwnerTally& tally, const std::vector<OwnerShare>& top, const Totals& totals) {
  Json rows = Json::array();
  for (const OwnerShare& share : top) {
    rows.push_back(
        {{"owner", escape(share.owner)}, {"count", share.count}, {"bytes", share.bytes}});
  }
  const Json out{{"owners", tally.owners()},
                 {"exact", tally.exact()},
                 {"count_low_by_at_most", tally.count_missing()},
                 {"bytes_low_by_at_most", tally.bytes_missing()},
                 {"records", totals.records},
                 {"unowned", totals.unowned},
                 {"damaged", totals.damaged},
                 {"top", std::move(rows)}};
  print(out.dump(2) + "\n");
}

}  // namespace

int run_owners(const OwnersOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  FilterOptions only;
  only.prefix = options.prefix;
  only.dead = options.dead;
  const Filter filter(only, reader->info().now);
  const WalkPlan plan = plan_walk(*reader, filter.range());
  std::vector<OwnerTally> tallies(plan.workers);
  std::vector<Totals> totals(plan.workers);
  const auto record = [&](const WalkPlace& place, const RecordView& view) {
    if (!filter.matches(view)) return true;
    ++totals[place.worker].records;
    if (view.owner.empty()) {
      ++totals[place.worker].unowned;
    } else {
      tallies[place.worker].add(view.owner, view.key.size() + view.value.size());
    }
    return true;
  };
  const auto part_done = [](const WalkPlace&) { return true; };
  const auto damage = [&](const Finding&) { ++totals[0].damaged; };
  Progress progress("reading");
  const Status walked = walk_parts(*reader, plan, {record, part_done, damage}, progress);
  if (!walked) {
    message(text_of(walked));
    return walked.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  for (std::size_t i = 1; i < plan.workers; ++i) {
    tallies[0].merge(tallies[i]);
    totals[0].records += totals[i].records;
    totals[0].unowned += totals[i].unowned;
  }
  const auto by = options.by_bytes ? OwnerTally::By::kBytes : OwnerTally::By::kCount;
  const auto top = tallies[0].top(by, options.limit == 0 ? SIZE_MAX : options.limit);
  if (options.json) {
    print_json(tallies[0], top, totals[0]);
  } else {
    print_text(tallies[0], top, totals[0]);
  }
  if (totals[0].damaged == 0) return kExitOk;
  message(fmt::format("{} damaged records are not counted; run `cloakroom verify {}`",
                      human_count(totals[0].damaged), options.dir));
  return kExitFindings;
}

}  // namespace cloakroom::cli
