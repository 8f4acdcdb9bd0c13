// cloakroom repair: everything that can be read of a damaged store, in a new one.
//
// Nothing of the old store is changed. What is uncertain (docs/decisions/0014) is left out unless
// it is asked for, and a new store in which an ended session may be alive says so when it is opened
// first, as a restored checkpoint does: Sessions end every session in it then.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "mend/mend.h"
#include "offline/ledger_files.h"
#include "offline/salvage.h"
#include "offline/store_writer.h"
#include "reading/finding_json.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "reading/session_generation.h"
#include "text/interrupt.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kUncertainShown = 20;  // by key, in text; --json names all

class Repair {
 public:
  explicit Repair(const RepairOptions& options) : options_(options), progress_("saving") {}

  int run() {
    if (!may_look_into(options_.dir)) return kExitCannotOpen;
    if (lies_in_store(options_.new_dir, options_.dir)) return kExitUsage;
    const auto report = [&](const Finding& finding) { tell(finding); };
    auto salvage = Salvage::open(options_.dir, report);
    if (!salvage) return cannot(salvage.status());
    const Interrupts interrupts;  // before anything is made that would be left
    if (Status begun = begin((*salvage)->store()); !begun) return cannot(begun);
    Status failed;
    const Status walked = (*salvage)->each(
        [&](const RecordView& record, bool uncertain) {
          failed = take(record, uncertain);
          return failed.ok() && !interrupts.came();
        },
        report,
        [&](std::uint64_t done, std::uint64_t total) {
          progress_.update(done, std::max(done, total));
        });
    progress_.clear();
    if (interrupts.came()) {
      writer_.reset();
      message("stopped; nothing was made, and nothing was changed");
      return interrupts.end();
    }
    if (!walked) failed = walked;
    if (failed && holder_of(options_.dir) != 0) {
      failed = Status(StatusCode::kIo, options_.dir +
                                           " was opened by a server meanwhile; stop it, "
                                           "then run `cloakroom repair` again");
    }
    if (failed) failed = finish(**salvage);
    return failed ? conclude() : cannot(failed);
  }

 private:
  int cannot(const Status& status) {
    progress_.clear();
    message(text_of(status));
    return kExitCannotOpen;
  }

  Status begin(const SalvagedStore& store) {
    if (options_.dry_run) return Status();
    auto writer = StoreWriter::create(options_.new_dir, {.store_id = store.store_id,
                                                         .generation = store.generation,
                                                         .created = store.created,
                                                         .store_time = store.store_time,
                                                         .wall_time = store.wall_time,
                                                         .version_last = store.version_last});
    if (!writer) return writer.status();
    writer_ = *std::move(writer);
    return Status();
  }

  Status take(const RecordView& record, bool uncertain) {
    generation_ = std::max(generation_, session_generation(record));
    if (uncertain) tell_uncertain(record);
    if (uncertain && !options_.keep_uncertain) return Status();
    if (!writer_) {
      ++saved_;
      return Status();
    }
    const Status added = writer_->add(record);
    if (added.code() == StatusCode::kInvalidArgument) {
      tell({.file = "records",
            .key = std::string(record.key),
            .what = added.message(),
            .remedy = "it was left out",
            .loses_records = true,
            .lost = 1});
      return Status();
    }
    if (added) ++saved_;
    return added;
  }

  Status finish(const Salvage& salvage) {
    const SalvagedStore& store = salvage.store();
    doubtful_ = salvage.in_doubt() || (uncertain_ != 0 && options_.keep_uncertain);
    if (!writer_) return Status();
    writer_->raise_version_last(store.version_last);
    writer_->set_copy(doubtful_ || store.copy);
    // Sessions take a store for a copy when its generation is not the last that they saw.
    const std::uint32_t same = store.identified ? store.generation : generation_;
    writer_->set_generation(doubtful_ ? std::max(same, generation_) + 1 : same);
    if (Status finished = writer_->finish(); !finished) return finished;
    // Why sessions ended is worth having, and no reason to give the records up.
    if (const Status kept = copy_ledgers(options_.dir, options_.new_dir); !kept) {
      message("why sessions ended could not be kept: " + text_of(kept));
    }
    return Status();
  }

  void tell(const Finding& finding) {
    ++(finding.note ? notes_ : losses_);
    progress_.clear();
    if (options_.json) {
      Json line = finding_json(finding);
      if (!finding.note) line["type"] = "loss";
      line.erase("remedy");
      line["loses_records"] = finding.loses_records;
      line["records_max"] = finding.lost ? Json(*finding.lost) : Json(nullptr);
      print(line.dump() + "\n");
      return;
    }
    Finding shown = finding;
    shown.remedy.clear();
    if (finding.loses_records) shown.what += lost_text(finding);
    const std::string word = finding.note ? paint(stdout, Colour::kYellow, "note")
                                          : paint(stdout, Colour::kRed, "damage");
    print(word + "  " + text_of(shown) + "\n");
  }

  static std::string lost_text(const Finding& finding) {
    std::string text = "; lost: ";
    text += finding.lost ? "at most " + human_count(*finding.lost) + " records" : "records";
    if (finding.after) text += ", after key " + escape(*finding.after);
    if (finding.before) text += ", before key " + escape(*finding.before);
    return text;
  }

  void tell_uncertain(const RecordView& record) {
    ++uncertain_;
    if (options_.json) {
      print(Json{{"type", "uncertain"},
                 {"key", escape(record.key)},
                 {"version", record.version},
                 {"kept", options_.keep_uncertain}}
                .dump() +
            "\n");
    } else if (uncertain_ <= kUncertainShown) {
      progress_.clear();
      print(paint(stdout, Colour::kYellow, options_.keep_uncertain ? "kept" : "left out") +
            "  key " + escape(record.key) +
            ": what is left of it is old, and what was lost may have held a newer state, or its "
            "end\n");
    }
  }

  [[nodiscard]] int conclude() {
    const bool whole = losses_ == 0 && uncertain_ == 0;
    if (options_.json) {
      print(Json{{"type", "summary"},
                 {"store", escape_text(options_.new_dir)},
                 {"records_saved", saved_},
                 {"losses", losses_},
                 {"notes", notes_},
                 {"uncertain", uncertain_},
                 {"uncertain_kept", options_.keep_uncertain},
                 {"marked_as_copy", doubtful_},
                 {"dry_run", options_.dry_run},
                 {"ok", whole}}
                .dump() +
            "\n");
      return whole ? kExitOk : kExitFindings;
    }
    if (uncertain_ > kUncertainShown) {
      print(fmt::format("... and {} more keys like these\n",
                        human_count(uncertain_ - kUncertainShown)));
    }
    print(fmt::format("{} {} records{}{}\n", options_.dry_run ? "could save" : "saved",
                      human_count(saved_),
                      options_.dry_run ? "" : " into " + escape_text(options_.new_dir),
                      whole ? ", nothing was lost" : "; findings: " + human_count(losses_)));
    if (uncertain_ != 0 && !options_.keep_uncertain) {
      print(human_count(uncertain_) +
            " records were left out because they are uncertain; --keep-uncertain keeps them\n");
    }
    if (doubtful_) {
      print(
          "Sessions that had ended may be alive in it: it is marked as a copy, and the web layer "
          "ends every session when it is opened (SessionsOptions::trust_copy)\n");
    }
    return whole ? kExitOk : kExitFindings;
  }

  const RepairOptions& options_;
  Progress progress_;
  std::unique_ptr<StoreWriter> writer_;  // none: a dry run
  std::uint64_t saved_ = 0;
  std::uint64_t losses_ = 0;
  std::uint64_t notes_ = 0;
  std::uint64_t uncertain_ = 0;
  bool doubtful_ = false;
  std::uint32_t generation_ = 0;  // the highest that sessions saw
};

}  // namespace

int run_repair(const RepairOptions& options) {
  if (const auto holder = holder_of(options.dir); holder != 0) {
    message("store " + options.dir + " is open" +
            (holder > 0 ? " in process " + std::to_string(holder) : "") +
            "; stop that server first, or repair a copy of the directory");
    return kExitCannotOpen;
  }
  return run_isolated(options.dir, [&] { return Repair(options).run(); });
}

}  // namespace cloakroom::cli
