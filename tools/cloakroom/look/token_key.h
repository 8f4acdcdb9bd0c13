// From a session token to the key of its record. Tokens are in no store: it takes the key file.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_TOKEN_KEY_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_TOKEN_KEY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/status.h"

namespace cloakroom::cli {

// Whether a text has the form of a token. Such a text is not repeated in messages.
[[nodiscard]] bool looks_like_token(std::string_view text) noexcept;

// The key of the record of `token`; nothing when the keys of the file have not made it for any of
// these names of Sessions. kNotFound: there is no key file; kIo as it is said there.
[[nodiscard]] Result<std::optional<std::string>> key_of_token(const std::string& key_file,
                                                              const std::vector<std::string>& names,
                                                              std::string_view token);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_TOKEN_KEY_H_
