#include "reading/open_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "reading/parallel_walk.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

// Whether there is a directory that we may look into: the reader would find no store in any of
// these cases, the user wants to know which it is.
Status examine(const std::string& dir) {
  const Fd opened(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened && ::faccessat(opened.get(), ".", X_OK, AT_EACCESS) == 0) return Status();
  switch (errno) {
    case ENOENT:
      return Status(StatusCode::kNotFound, "there is no directory " + dir + "; check the path");
    case ENOTDIR:
      return Status(StatusCode::kIo,
                    dir + " is no directory; name the directory that the store was opened with");
    default:
      return io_error("open directory", dir, errno);
  }
}

}  // namespace

bool may_look_into(const std::string& dir) {
  const Status examined = examine(dir);
  if (!examined) message(text_of(examined));
  return examined.ok();
}

std::unique_ptr<StoreReader> open_reader(const std::string& dir) {
  if (!may_look_into(dir)) return nullptr;
  auto reader = StoreReader::open(dir);
  if (!reader) {
    message(text_of(reader.status()));
    return nullptr;
  }
  if ((*reader)->info().live) be_gentle();
  return *std::move(reader);
}

bool lies_in_store(const std::string& path, const std::string& dir) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path store = fs::weakly_canonical(dir, failed);
  if (failed) return false;
  for (fs::path at = fs::weakly_canonical(path, failed); !failed; at = at.parent_path()) {
    if (at == store) {
      message(path + " lies in the store " + dir + "; name a place outside of it");
      return true;
    }
    if (at == at.parent_path()) break;
  }
  return false;
}

std::string text_of(const Finding& finding) {
  std::string text = finding.file;
  if (finding.offset) text += ", offset " + std::to_string(*finding.offset);
  if (!finding.key.empty()) text += (text.empty() ? "" : ", ") + ("key " + escape(finding.key));
  text += (text.empty() ? "" : ": ") + escape_text(finding.what);
  if (!finding.remedy.empty()) text += "; " + escape_text(finding.remedy);
  return text;
}

}  // namespace cloakroom::cli
