// Verbs that look into a store: each takes its parsed options and answers with an exit code.
// They work on a store at rest and beside a live server, and change nothing on disk.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_LOOK_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_LOOK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "look/filter.h"

namespace cloakroom::cli {

struct InfoOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_info(const InfoOptions& options);

enum class SortBy { kKey, kSize, kCreated, kDeadline };

struct LsOptions {
  std::string dir;
  FilterOptions filter;
  // By key ascending, size from the largest, creation from the newest, deadline from the nearest.
  SortBy sort = SortBy::kKey;
  bool reverse = false;
  std::uint64_t limit = 0;  // 0: all
  bool json = false;
};
[[nodiscard]] int run_ls(const LsOptions& options);

struct GetOptions {
  std::string dir;
  std::string key;
  bool show_values = false;
  bool raw = false;
  bool dead = false;
  bool json = false;
};
[[nodiscard]] int run_get(const GetOptions& options);

struct OwnersOptions {
  std::string dir;
  std::string prefix;
  bool by_bytes = false;
  std::uint64_t limit = 20;
  bool dead = false;
  bool json = false;
};
[[nodiscard]] int run_owners(const OwnersOptions& options);

struct EventsOptions {
  std::string dir;
  bool follow = false;
  std::string prefix;
  std::optional<std::string> owner;
  std::uint64_t limit = 0;  // 0: all
  bool json = false;
};
[[nodiscard]] int run_events(const EventsOptions& options);

struct WhyOptions {
  std::string dir;
  std::string subject;   // a key, a token, or else an owner or handle; "-": from stdin
  std::string key_file;  // for a token; empty: the one beside the store
  bool json = false;
};
[[nodiscard]] int run_why(const WhyOptions& options);

struct StatsOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_stats(const StatsOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_LOOK_H_
