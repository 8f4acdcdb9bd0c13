// How the command line ends: part of its interface (man page, docs/operations.md).
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_EXIT_CODES_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_EXIT_CODES_H_

namespace cloakroom::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFindings = 1;    // damage found, or the key is absent, or the demo failed
inline constexpr int kExitUsage = 2;       // the command line is wrong
inline constexpr int kExitCannotOpen = 3;  // the store cannot be opened or read, or output written

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_EXIT_CODES_H_
