// cloakroom import: an export becomes a store. Into a store that exists: import_merge.cc.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "copy/copy.h"
#include "copy/import_lines.h"
#include "copy/import_merge.h"
#include "exit_codes.h"
#include "offline/store_writer.h"
#include "reading/session_generation.h"
#include "text/interrupt.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kSaveEveryBytes = std::uint64_t{64} << 20;  // of the file

int cannot(const Status& status) {
  message(text_of(status));
  const bool input = status.code() == StatusCode::kInvalidArgument;
  return input ? kExitFindings : kExitCannotOpen;
}

// What a run that is taken up again must know.
struct Note {
  std::uint64_t header = 0;
  ImportLines::Place place;
  Version given = 0;
  std::uint32_t generation = 0;
};

std::string encode(const Note& note) {
  return Json{{"header", note.header},        {"line", note.place.line},
              {"offset", note.place.offset},  {"records", note.place.records},
              {"broken", note.place.broken},  {"given", note.given},
              {"generation", note.generation}}
      .dump();
}

std::optional<Note> decode(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Note note;
  note.header = json.value("header", std::uint64_t{0});
  note.place = {.line = json.value("line", std::uint64_t{0}),
                .offset = json.value("offset", std::uint64_t{0}),
                .records = json.value("records", std::uint64_t{0}),
                .broken = json.value("broken", std::uint64_t{0})};
  note.given = json.value("given", Version{0});
  note.generation = json.value("generation", std::uint32_t{0});
  return note;
}

class NewStore {
 public:
  NewStore(const ImportOptions& options, ImportLines& lines)
      : options_(options), lines_(lines), given_(lines.header().version_last) {}

  int run() {
    if (Status begun = begin(); !begun) return cannot(begun);
    const Interrupts interrupts;
    while (RecordLine* const record = lines_.next()) {
      if (Status added = add(*record); !added) return cannot(added);
      if (interrupts.came()) return stop(interrupts);
    }
    if (interrupts.came()) return stop(interrupts);
    if (!lines_.status()) return cannot(lines_.status());
    if (Status finished = finish(); !finished) return cannot(finished);
    return tell();
  }

 private:
  Status begin() {
    const ExportHeader& header = lines_.header();
    const StoreSeed seed{.store_id = header.store_id,
                         .copy = true,
                         .created = header.created,
                         .store_time = header.store_time,
                         .wall_time = header.wall_time,
                         .version_last = header.version_last};
    if (options_.dry_run) return Status();
    if (options_.resume) {
      const Status resumed = resume(seed);
      if (resumed.code() != StatusCode::kNotFound) return resumed;
      message("there is nothing to go on with; begins with the first line");
    }
    auto made = StoreWriter::create(options_.dir, seed);
    if (!made) return made.status();
    writer_ = *std::move(made);
    return Status();
  }

  Status resume(const StoreSeed& seed) {
    std::string text;
    auto reopened = StoreWriter::reopen(options_.dir, seed, &text);
    if (!reopened) return reopened.status();
    const auto note = decode(text);
    if (!note || note->header != lines_.header_checksum()) {
      return Status(StatusCode::kInvalidArgument,
                    options_.dir +
                        ".partial is the beginning of another import; import that file, " +
                        "or remove it");
    }
    if (Status there = lines_.go_on(note->place); !there) return there;
    writer_ = *std::move(reopened);
    given_ = note->given;
    generation_ = note->generation;
    saved_at_ = note->place.offset;
    message("goes on behind line " + std::to_string(note->place.line) + ", " +
            human_count(lines_.records()) + " records are there");
    return Status();
  }

  // Ok also when the record was left out.
  Status add(RecordLine& record) {
    if (!record.version) record.version = ++given_;
    if (!record.created) record.created = lines_.header().store_time;
    generation_ = std::max(generation_, session_generation(record.view()));
    if (!writer_) return Status();
    const Status added = writer_->add(record.view());
    if (added.code() == StatusCode::kInvalidArgument) {
      return lines_.reject(added.message()) ? Status() : lines_.status();
    }
    if (!added) return added;
    if (lines_.place().offset - saved_at_ < kSaveEveryBytes) return Status();
    return save();
  }

  Status save() {
    saved_at_ = lines_.place().offset;
    return writer_->save_point(encode({.header = lines_.header_checksum(),
                                       .place = lines_.place(),
                                       .given = given_,
                                       .generation = generation_}));
  }

  int stop(const Interrupts& interrupts) {
    lines_.pace().clear();
    if (writer_) {
      if (Status saved = save(); !saved) return cannot(saved);
      message("stopped behind line " + std::to_string(lines_.place().line) + "; " + options_.dir +
              ".partial keeps what is there: go on with --resume, or remove it");
      writer_.reset();
    }
    return interrupts.end();
  }

  // Another generation than any that the sessions saw: they notice that this is a copy.
  Status finish() {
    if (!writer_) return Status();
    writer_->set_generation(generation_ + 1);
    writer_->raise_version_last(given_);
    return writer_->finish();
  }

  int tell() {
    if (options_.json) {
      print(Json{{"store", escape_text(options_.dir)},
                 {"records", lines_.records()},
                 {"broken", lines_.broken()},
                 {"dry_run", options_.dry_run}}
                .dump() +
            "\n");
    } else {
      print((options_.dry_run ? "could import " : "imported ") + human_count(lines_.records()) +
            " records into " + escape_text(options_.dir) + ", " +
            lines_.pace().rate(lines_.records()) +
            (lines_.broken() == 0 ? "" : "; findings: " + human_count(lines_.broken())) + "\n");
    }
    return lines_.broken() == 0 ? kExitOk : kExitFindings;
  }

  const ImportOptions& options_;
  ImportLines& lines_;
  std::unique_ptr<StoreWriter> writer_;  // none: a dry run
  Version given_;                        // to records that came without a version
  std::uint32_t generation_ = 0;
  std::uint64_t saved_at_ = 0;
};

}  // namespace

int run_import(const ImportOptions& options) {
  ImportLines lines(options.source, options.skip_broken);
  if (!lines.status()) return cannot(lines.status());
  return options.merge ? run_merge(options, lines) : NewStore(options, lines).run();
}

}  // namespace cloakroom::cli
