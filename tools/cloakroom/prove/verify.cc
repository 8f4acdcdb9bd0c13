// cloakroom verify: every checksum and bound. The check itself runs in a child, which reports
// through a pipe; where it dies of an assertion in RocksDB, that is one more finding.
//
// A message in the pipe is a length (u32) and that many bytes: a letter, then its parts.
//   'F' a finding   'P' done, total   'E' code, text: the check ended with this
//   Status
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/coding.h"
#include "exit_codes.h"
#include "offline/ledger_files.h"
#include "offline/salvage.h"
#include "prove/prove.h"
#include "reading/finding_json.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "store/fields.h"
#include "store/members.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

// --- the child's end -------------------------------------------------------------------------

void send(const Fd& pipe, std::string_view body) {
  std::string frame;
  put_u32(frame, static_cast<std::uint32_t>(body.size()));
  frame += body;
  for (std::string_view rest = frame; !rest.empty();) {
    const ssize_t count = ::write(pipe.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ::_exit(kExitCannotOpen);  // The parent is gone; so is the reader of a message.
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void put_optional(std::string& body, const std::optional<std::string>& text) {
  put_u8(body, text.has_value() ? 1 : 0);
  put_string(body, text.value_or(""));
}

void put_optional(std::string& body, const std::optional<std::uint64_t>& number) {
  put_u8(body, number.has_value() ? 1 : 0);
  put_varint(body, number.value_or(0));
}

void send_finding(const Fd& pipe, const Finding& finding) {
  std::string body = "F";
  put_string(body, finding.file);
  put_string(body, finding.key);
  put_string(body, finding.what);
  put_string(body, finding.remedy);
  put_u8(body, finding.note ? 1 : 0);
  put_optional(body, finding.offset);
  put_optional(body, finding.after);
  put_optional(body, finding.before);
  send(pipe, body);
}

void send_progress(const Fd& pipe, std::uint64_t done, std::uint64_t total) {
  std::string body = "P";
  put_varint(body, done);
  put_varint(body, total);
  send(pipe, body);
}

void send_end(const Fd& pipe, const Status& ended) {
  std::string body = "E";
  put_varint(body, static_cast<std::uint64_t>(ended.code()));
  put_string(body, ended ? std::string() : text_of(ended));
  send(pipe, body);
}

// What a checksum cannot tell: whether the value is what its kind says.
void check_value(const Fd& pipe, const RecordView& record) {
  Status decoded;
  if (record.kind == Kind::kFields) {
    decoded = for_each_field(record.value, [](const Field&) { return true; });
  } else if (record.kind == Kind::kMembers) {
    decoded = check_members(record.value);
  }
  if (decoded) return;
  send_finding(pipe, {.file = "records",
                      .key = std::string(record.key),
                      .what = record.kind == Kind::kFields ? "its fields cannot be told apart"
                                                           : std::string(decoded.message()),
                      .remedy = "rewrite or erase the record"});
}

// Beside a live server: what RocksDB shows of its files, which change meanwhile.
int check_live(const std::string& dir, const Fd& pipe) {
  const auto reader = open_reader(dir);
  if (!reader) return kExitCannotOpen;
  send_progress(pipe, 0, reader->info().records_estimate);
  check_ledgers(dir, [&](const Finding& finding) { send_finding(pipe, finding); });
  const auto look = [&](const RecordView& record) { check_value(pipe, record); };
  const FunctionRef<void(const RecordView&)> check = look;
  send_end(pipe, reader->verify([&](const Finding& finding) { send_finding(pipe, finding); },
                                [&](std::uint64_t done, std::uint64_t total) {
                                  send_progress(pipe, done, total);
                                },
                                &check));
  return kExitOk;
}

// Every file by itself, then whether RocksDB agrees that this is a database.
int check_files(const std::string& dir, const Fd& pipe) {
  const auto report = [&](const Finding& finding) { send_finding(pipe, finding); };
  const auto salvage = Salvage::open(dir, report);
  if (!salvage) {
    message(text_of(salvage.status()));
    return kExitCannotOpen;
  }
  std::uint64_t records = 0;
  const Status walked = (*salvage)->each(
      [&](const RecordView& record, bool) {
        ++records;
        check_value(pipe, record);
        return true;
      },
      report,
      [&](std::uint64_t done, std::uint64_t total) {
        send_progress(pipe, done, std::max(done, total));
      });
  (*salvage)->check_files(report);
  check_ledgers(dir, report);
  send_progress(pipe, records, records);
  if (holder_of(dir) != 0) {
    message(dir + " was opened by a server meanwhile; run `cloakroom verify` again");
    return kExitCannotOpen;
  }
  if (const auto reader = StoreReader::open(dir); !reader) {
    report({.file = "rocks",
            .key = {},
            .what = "it cannot be opened: " + text_of(reader.status()),
            .remedy = "restore a backup, or save the rest with `cloakroom repair`"});
  }
  send_end(pipe, walked);
  return kExitOk;
}

int check(const std::string& dir, const Fd& pipe) {
  if (!may_look_into(dir)) return kExitCannotOpen;
  return holder_of(dir) != 0 ? check_live(dir, pipe) : check_files(dir, pipe);
}

// --- the parent's end ------------------------------------------------------------------------

class Report {
 public:
  explicit Report(const VerifyOptions& options) : options_(options), progress_("checking") {}

  void take(std::string_view body) {
    if (body.empty()) return;
    Reader reader(body.substr(1));
    if (body[0] == 'F') {
      Finding finding;
      finding.file = reader.string();
      finding.key = reader.string();
      finding.what = reader.string();
      finding.remedy = reader.string();
      finding.note = reader.u8() != 0;
      if (reader.u8() != 0)
        finding.offset = reader.varint();
      else
        (void)reader.varint();
      if (reader.u8() != 0)
        finding.after = std::string(reader.string());
      else
        (void)reader.string();
      if (reader.u8() != 0)
        finding.before = std::string(reader.string());
      else
        (void)reader.string();
      add(finding);
    } else if (body[0] == 'P') {
      checked_ = reader.varint();
      progress_.update(checked_, reader.varint());
    } else if (body[0] == 'E') {
      const auto code = static_cast<StatusCode>(reader.varint());
      if (code != StatusCode::kOk) {
        add({.file = {},
             .key = {},
             .what = std::string(reader.string()),
             .remedy = "the check ended here; free the cause and run it again"});
      }
    }
  }

  void add(const Finding& finding) {
    ++(finding.note ? notes_ : findings_);
    progress_.clear();
    if (options_.json) {
      print(finding_json(finding).dump() + "\n");
    } else {
      const std::string word = finding.note ? paint(stdout, Colour::kYellow, "note")
                                            : paint(stdout, Colour::kRed, "damage");
      print(word + "  " + text_of(finding) + "\n");
    }
    std::fflush(stdout);
  }

  [[nodiscard]] int finish() {
    progress_.clear();
    if (options_.json) {
      const Json line{{"type", "summary"},
                      {"records_checked", checked_},
                      {"findings", findings_},
                      {"notes", notes_},
                      {"ok", findings_ == 0}};
      print(line.dump() + "\n");
    } else if (findings_ == 0) {
      print(paint(stdout, Colour::kGreen, "ok") +
            fmt::format("  {} records checked, no damage found\n", human_count(checked_)));
    } else {
      print(
          fmt::format("{} findings, {} records checked; make a copy of the directory before you "
                      "change anything\n",
                      human_count(findings_), human_count(checked_)));
    }
    return findings_ == 0 ? kExitOk : kExitFindings;
  }

 private:
  const VerifyOptions& options_;
  Progress progress_;
  std::uint64_t checked_ = 0;
  std::uint64_t findings_ = 0;
  std::uint64_t notes_ = 0;
};

// Reads messages until the child closes its end.
void receive(const Fd& pipe, Report& report) {
  constexpr std::size_t kLength = 4;
  std::string buffer;
  std::string chunk(65'536, '\0');
  while (true) {
    const ssize_t count = ::read(pipe.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    buffer.append(chunk, 0, static_cast<std::size_t>(count));
    std::size_t at = 0;
    while (buffer.size() - at >= kLength) {
      const std::size_t size = load_u32(buffer.data() + at);
      if (buffer.size() - at - kLength < size) break;
      report.take(std::string_view(buffer).substr(at + kLength, size));
      at += kLength + size;
    }
    buffer.erase(0, at);
  }
}

}  // namespace

int run_verify(const VerifyOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    message(text_of(io_error("create", "a pipe", errno)));
    return kExitCannotOpen;
  }
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  IsolatedChild child([&] {
    read_end.reset();
    return check(options.dir, write_end);
  });
  write_end.reset();

  Report report(options);
  receive(read_end, report);
  const ChildEnd end = child.wait();
  end_alike(end);
  if (end.exit_code > 0) return end.exit_code;  // It said why.
  if (end.signal != 0) {
    report.add({.file = "rocksdb",
                .key = {},
                .what = "RocksDB gave up on the files with " + describe(end) +
                        "; what it had not reached is unchecked",
                .remedy = "restore a backup, or save the rest with `cloakroom repair`"});
  }
  return report.finish();
}

}  // namespace cloakroom::cli
