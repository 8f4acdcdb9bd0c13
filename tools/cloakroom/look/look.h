// Verbs that look into a store: each takes its parsed options and answers with an exit code.
// They work on a store at rest and beside a live server, and change nothing on disk.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_LOOK_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_LOOK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cloakroom/record.h"

namespace cloakroom::cli {

struct InfoOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_info(const InfoOptions& options);

struct LsOptions {
  std::string dir;
  std::string prefix;
  std::optional<std::string> owner;
  std::optional<Kind> kind;
  std::optional<std::uint64_t> larger_than_bytes;
  std::optional<std::int64_t> expires_before_ms;
  std::uint64_t limit = 0;  // 0: all
  bool dead = false;
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

struct StatsOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_stats(const StatsOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_LOOK_H_
