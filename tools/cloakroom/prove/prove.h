// Verbs that say whether a store is sound.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_PROVE_PROVE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_PROVE_PROVE_H_

#include <string>

namespace cloakroom::cli {

struct VerifyOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_verify(const VerifyOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_PROVE_PROVE_H_
