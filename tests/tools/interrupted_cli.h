// The command line, interrupted at a chosen moment: before its n-th system call that changes
// something on a disk.
//
// The calls of all its processes are counted with ptrace(2): write and its kin, open with O_CREAT,
// rename, link, unlink, mkdir, rmdir, truncate, allocate, sync. At the n-th all of them get SIGINT,
// as from a terminal. Nothing is timed: which call is the n-th may differ between runs where
// threads race, what must hold does not.
#ifndef CLOAKROOM_TESTS_TOOLS_INTERRUPTED_CLI_H_
#define CLOAKROOM_TESTS_TOOLS_INTERRUPTED_CLI_H_

#include <cstdint>
#include <optional>

#include "cli_runner.h"

namespace cloakroom::testing {

struct InterruptedAnswer {
  CliAnswer cli;
  std::uint64_t calls = 0;  // that were counted
};

// Nothing where the system does not let us trace. `n` 0: never interrupted.
[[nodiscard]] std::optional<InterruptedAnswer> run_interrupted(const Arguments& arguments,
                                                               std::uint64_t n);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_INTERRUPTED_CLI_H_
