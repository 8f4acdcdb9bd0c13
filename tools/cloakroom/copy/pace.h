// How a copy says how far it is: count, rate, and how much of the whole.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_PACE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_PACE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {

class Pace {
 public:
  explicit Pace(std::string label) : progress_(std::move(label)) {}

  // `done` of `total` in any unit; total 0: not known. Looks at the clock every 1024th record.
  void update(std::uint64_t records, std::uint64_t done, std::uint64_t total) {
    if (records % 1024 != 0) return;
    progress_.update(done, total, human_count(records) + " records, " + rate(records));
  }
  // The same, whatever the number of records is.
  void update_now(std::uint64_t records, std::uint64_t done, std::uint64_t total) {
    progress_.update(done, total, human_count(records) + " records, " + rate(records));
  }
  void clear() { progress_.clear(); }

  // "123,456/s"
  [[nodiscard]] std::string rate(std::uint64_t records) const {
    const double passed = seconds();
    const double rate = passed > 0 ? static_cast<double>(records) / passed : 0;
    return human_count(static_cast<std::uint64_t>(rate)) + "/s";
  }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  Progress progress_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_PACE_H_
