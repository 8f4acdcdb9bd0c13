// cloakroom verify: every checksum and bound. The check itself runs in a child, which reports
// through a pipe; where it dies of an assertion in RocksDB, that is one more finding.
//
// A message in the pipe is a length (u32) and that many bytes: a letter, then its parts.
//   'F' file, key, what, remedy   'P' done, total   'E' code, text: the check ended with this
//   Status
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/coding.h"
#include "exit_codes.h"
#include "prove/prove.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
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

void send_finding(const Fd& pipe, const Finding& finding) {
  std::string body = "F";
  put_string(body, finding.file);
  put_string(body, finding.key);
  put_string(body, finding.what);
  put_string(body, finding.remedy);
  send(pipe, body);
}

void send_progress(const Fd& pipe, std::uint64_t done, std::uint64_t total) {
  std::string body = "P";
  put_varint(body, done);
  put_varint(body, total);
  send(pipe, body);
}

int check(const std::string& dir, const Fd& pipe) {
  const auto reader = open_reader(dir);
  if (!reader) return kExitCannotOpen;
  send_progress(pipe, 0, reader->info().records_estimate);
  const Status verified = reader->verify(
      [&](const Finding& finding) { send_finding(pipe, finding); },
      [&](std::uint64_t done, std::uint64_t total) { send_progress(pipe, done, total); });
  std::string body = "E";
  put_varint(body, static_cast<std::uint64_t>(verified.code()));
  put_string(body, verified ? std::string() : text_of(verified));
  send(pipe, body);
  return kExitOk;
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
    ++findings_;
    progress_.clear();
    if (options_.json) {
      const Json line{{"type", "finding"},
                      {"file", escape_text(finding.file)},
                      {"key", finding.key.empty() ? Json(nullptr) : Json(escape(finding.key))},
                      {"what", escape_text(finding.what)},
                      {"remedy", escape_text(finding.remedy)}};
      print(line.dump() + "\n");
    } else {
      print(paint(stdout, Colour::kRed, "damage") + "  " + text_of(finding) + "\n");
    }
    std::fflush(stdout);
  }

  [[nodiscard]] int finish() {
    progress_.clear();
    if (options_.json) {
      const Json line{{"type", "summary"},
                      {"records_checked", checked_},
                      {"findings", findings_},
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
                .remedy = "restore the store from a backup"});
  }
  return report.finish();
}

}  // namespace cloakroom::cli
