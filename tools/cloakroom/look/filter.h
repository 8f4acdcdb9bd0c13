// Which records a verb is asked about.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_FILTER_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_FILTER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cloakroom/record.h"
#include "journal/key_range.h"

namespace cloakroom::cli {

// A point in time as people say it: "2h", measured from now, or "2026-01-31 09:30:00", which is
// UTC.
struct Moment {
  bool relative = true;
  std::int64_t ms = 0;
};
// Also "2026-01-31" and "2026-01-31T09:30:00Z". Nothing when it is none of these.
[[nodiscard]] std::optional<Moment> parse_moment(const std::string& text);

struct FilterOptions {
  std::string prefix;
  std::optional<std::string> owner;
  std::optional<Kind> kind;
  std::optional<std::uint64_t> larger_than_bytes;
  std::optional<std::uint64_t> smaller_than_bytes;
  std::optional<Moment> created_before;  // relative: so long ago
  std::optional<Moment> created_after;
  std::optional<Moment> expires_before;  // relative: so long from now
  std::optional<Moment> expires_after;
  bool dead = false;  // what has expired counts too
};

// The options, made ready for `now`. Keys and owners are matched as their bytes or in the escaped
// form of our own listings, from which people copy them. Safe from any thread.
class Filter {
 public:
  Filter(const FilterOptions& options, TimeMs now);

  [[nodiscard]] bool matches(const RecordView& record) const noexcept;

  // Holds every key that can match.
  [[nodiscard]] const KeyRange& range() const noexcept { return range_; }

 private:
  FilterOptions options_;
  TimeMs now_;
  std::string prefix_bytes_;  // unescaped; the same where that is no escaped form
  std::string owner_bytes_;
  TimeMs created_from_;  // inclusive bounds
  TimeMs created_to_;
  TimeMs deadline_from_;
  TimeMs deadline_to_;
  KeyRange range_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_FILTER_H_
