#include "report/report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/file.h"
#include "exit_codes.h"
#include "reading/open_store.h"
#include "report/page.h"
#include "text/output.h"

#ifndef CLOAKROOM_VERSION
#define CLOAKROOM_VERSION "unknown"
#endif

namespace cloakroom::cli {
namespace {

// Ctrl-C has to wait while it exists.
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&held, signal);
    ::sigprocmask(SIG_BLOCK, &held, &before_);
  }
  ~HeldSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_;
};

Status write_all(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return io_error("create", path, errno);
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return io_error("write", path, errno);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(file.get()) == 0 ? Status() : io_error("sync", path, errno);
}

// Beside its place, then there: a reader never meets half a page.
Status put_in_place(const std::string& path, const std::string& text) {
  struct stat there {};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    return Status(StatusCode::kIo,
                  path + " is there and is no file; name another, or - for stdout");
  }
  const HeldSignals held;
  const std::string partial = path + ".partial";
  Status written = write_all(partial, text);
  if (written && ::rename(partial.c_str(), path.c_str()) != 0) {
    written = io_error("rename", partial, errno);
  }
  if (!written) ::unlink(partial.c_str());
  return written;
}

}  // namespace

int run_report(const ReportOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  if (options.output != "-" && lies_in_store(options.output, options.dir)) return kExitUsage;
  auto survey = take_survey(*reader);
  if (!survey) {
    message(text_of(survey.status()) + "; run `cloakroom verify " + options.dir + "`");
    return survey.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  ReportData data{.info = reader->info(),
                  .survey = *std::move(survey),
                  .tables = {},
                  .files_unknown = {},
                  .made = system_clock().wall_ms(),
                  .version = "cloakroom " CLOAKROOM_VERSION,
                  .owners = options.limit,
                  .show_owners = options.show_owners};
  if (auto files = list_table_files(options.dir)) {
    data.tables = *std::move(files);
  } else {
    data.files_unknown = text_of(files.status());
  }
  const std::string page = report_page(data);
  const bool damaged = data.survey.damaged > 0 || !data.files_unknown.empty();
  if (options.output == "-") {
    print(page);
  } else if (const Status written = put_in_place(options.output, page); !written) {
    message(text_of(written));
    return kExitCannotOpen;
  } else {
    print(escape_text(options.output) + " written, " + human_bytes(page.size()) + "\n");
  }
  if (!damaged) return kExitOk;
  message("the store is damaged, as the page says; run `cloakroom verify " + options.dir + "`");
  return kExitFindings;
}

}  // namespace cloakroom::cli
