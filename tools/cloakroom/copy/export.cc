// cloakroom export: every record as a line of JSON.
#include <unistd.h>

#include "copy/copy.h"
#include "copy/line_encoder.h"
#include "copy/line_files.h"
#include "copy/pace.h"
#include "copy/record_line.h"
#include "exit_codes.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

int cannot(const Status& status) {
  message(text_of(status));
  return kExitCannotOpen;
}

// Counts what is damaged, and says where it is.
class Damage {
 public:
  explicit Damage(bool skip) : skip_(skip) {}

  void tell(const Finding& finding) {
    ++count_;
    message("left out: " + text_of(finding));
  }
  [[nodiscard]] bool skip() const noexcept { return skip_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  const bool skip_;
  std::uint64_t count_ = 0;
};

int write_all(const ExportOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  if (!options.out.empty() && lies_in_store(options.out, options.dir)) return kExitUsage;
  auto sink = LineSink::open(options.out);
  if (!sink) return cannot(sink.status());
  const StoreInfo& info = reader->info();
  append_header(sink->buffer(), {.store_id = info.store_id,
                                 .created = info.created,
                                 .store_time = info.mark_store,
                                 .wall_time = info.mark_wall,
                                 .version_last = info.version_last});
  Pace pace("exporting");
  Damage damage(options.skip_broken);
  std::uint64_t seen = 0;
  std::uint64_t written = 0;
  const auto on_damage = [&](const Finding& finding) {
    pace.clear();
    damage.tell(finding);
  };
  const FunctionRef<void(const Finding&)> tell = on_damage;
  LineEncoder encoder(*sink);
  const Status walked = reader->for_each(
      [&](const RecordView& record) {
        ++seen;
        pace.update(seen, seen, info.records_estimate);
        if (!options.selection.holds(record, info.now)) return true;
        ++written;
        return encoder.add(record);
      },
      damage.skip() ? &tell : nullptr);
  const Status encoded = encoder.finish();
  pace.clear();
  if (!encoded) return cannot(encoded);
  if (!walked) {
    message(text_of(walked) + "; run `cloakroom verify " + options.dir +
            "`, and export what is left with --skip-broken");
    return walked.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  append_trailer(sink->buffer(), written);
  if (const Status finished = sink->finish(); !finished) return cannot(finished);
  if (!options.out.empty()) {
    message("exported " + human_count(written) + " records to " + options.out + ", " +
            pace.rate(written));
  }
  return damage.count() == 0 ? kExitOk : kExitFindings;
}

}  // namespace

int run_export(const ExportOptions& options) {
  if (!options.show_values) {
    message(
        "an export holds every value in the clear, and who reads it can take over sessions; say "
        "--show-values when that is wanted");
    return kExitUsage;
  }
  IsolatedChild child([&] { return write_all(options); });
  const ChildEnd end = child.wait();
  const bool whole = end.signal == 0 && (end.exit_code == kExitOk || exists(options.out));
  if (!options.out.empty() && !whole) ::unlink(LineSink::partial_of(options.out).c_str());
  return finish_isolated(options.dir, end);
}

}  // namespace cloakroom::cli
