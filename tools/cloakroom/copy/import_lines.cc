#include "copy/import_lines.h"

#include "base/hash.h"
#include "store/fields.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

ImportLines::ImportLines(const std::string& path, bool skip_broken)
    : path_(path == "-" ? "stdin" : path), skip_broken_(skip_broken) {
  auto source = LineSource::open(path);
  status_ = source.status();
  if (!status_) return;
  source_.emplace(*std::move(source));
  std::string_view line;
  const bool read = source_->next(&line);
  status_ = source_->status();
  if (!status_) return;
  const auto header = read ? parse_header(line)
                           : Result<ExportHeader>(Status(StatusCode::kInvalidArgument,
                                                         "this is no export of cloakroom: it is "
                                                         "empty"));
  if (!header) {
    const std::string why(header.status().message());
    const bool says_what_to_do = why.find(';') != std::string::npos;
    status_ = Status(header.code(),
                     path_ + ": " + why +
                         (says_what_to_do ? "" : "; name a file that `cloakroom export` wrote"));
    return;
  }
  header_ = *header;
  header_checksum_ = checksum64(line);
}

RecordLine* ImportLines::next() {
  std::string_view line;
  while (status_ && source_->next(&line)) {
    if (blank(line)) continue;
    if (promised_) {
      (void)break_off("there is more behind what should be the last line");
      promised_.reset();
      ++oddities_;
      if (!status_) return nullptr;
    }
    if (promised_ = parse_trailer(line); promised_) continue;
    ++records_;
    pace_.update(records_, source_->offset(), source_->total_bytes());
    auto parsed = parse_record_line(line);
    std::string_view wrong;
    if (!parsed) {
      wrong = parsed.status().message();
    } else if (parsed->kind == Kind::kFields && !holds_fields(parsed->value)) {
      wrong = "it is of kind fields and has none";
    }
    if (wrong.empty()) {
      record_ = *std::move(parsed);
      return &record_;
    }
    if (!reject(wrong)) return nullptr;
  }
  if (status_) status_ = source_->status();
  if (status_) compare_end();
  pace_.clear();
  return nullptr;
}

void ImportLines::compare_end() {
  std::string what;
  if (!promised_) {
    what = "its last line is missing: it was cut short, or is still being written";
  } else if (*promised_ != records_) {
    what = "it holds " + std::to_string(records_) + " records, its last line says " +
           std::to_string(*promised_);
  }
  if (what.empty()) return;
  ++oddities_;
  pace_.clear();
  const std::string text = path_ + ": " + what;
  if (skip_broken_) {
    message(text);
  } else {
    status_ = Status(StatusCode::kInvalidArgument,
                     text + "; make the export anew, or import what there is with --skip-broken");
  }
}

bool ImportLines::break_off(std::string_view what) {
  pace_.clear();
  const std::string text =
      path_ + ", line " + std::to_string(source_->line_number()) + ": " + std::string(what);
  if (skip_broken_) {
    message("left out: " + text);
    return true;
  }
  status_ = Status(StatusCode::kInvalidArgument,
                   text + "; mend the line, or leave out what is broken with --skip-broken");
  return false;
}

bool ImportLines::reject(std::string_view why) {
  ++broken_;
  return break_off(why);
}

ImportLines::Place ImportLines::place() const noexcept {
  return {.line = source_->line_number(),
          .offset = source_->offset(),
          .records = records_,
          .broken = broken_};
}

Status ImportLines::go_on(const Place& place) {
  records_ = place.records;
  broken_ = place.broken;
  return source_->skip_to(place.offset, place.line);
}

}  // namespace cloakroom::cli
