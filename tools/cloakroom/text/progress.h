// A progress bar on the messages' stream, drawn only on a terminal and at most ten times a second.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_TEXT_PROGRESS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_TEXT_PROGRESS_H_

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "text/output.h"

namespace cloakroom::cli {

class Progress {
 public:
  explicit Progress(std::string label, bool wanted = true)
      : label_(std::move(label)), enabled_(wanted && is_terminal(messages())) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `total` 0 means unknown: then only the count is shown. `note` follows the figures.
  void update(std::uint64_t done, std::uint64_t total, const std::string& note = {}) {
    if (!enabled_) return;
    const auto now = std::chrono::steady_clock::now();
    if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    drawn_ = true;
    std::string line = label_ + "  ";
    if (total > 0) {
      // Totals are estimates: more may be done than was expected.
      const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
      line += fmt::format("[{}] {:3.0f} %  ", bar(messages(), share, 30), share * 100);
    }
    line += note.empty() ? human_count(done) : note;
    fmt::print(messages(), "\r\x1b[K{}", line);
    std::fflush(messages());
  }

  // Takes the bar away, so that a line can be printed in its place.
  void clear() {
    if (!std::exchange(drawn_, false)) return;
    fmt::print(messages(), "\r\x1b[K");
    std::fflush(messages());
  }

 private:
  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_TEXT_PROGRESS_H_
