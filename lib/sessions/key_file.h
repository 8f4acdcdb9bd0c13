// The file that holds the keys tokens are made with.
//
//   cloakroom keys 1
//   q2Y0...43 characters of base64url, 32 bytes...
//   ...older keys, one a line; lines that begin with # are for the reader...
//
// The first key makes new tokens, all are accepted. Text, so that an operator can put a new key in
// front of the old ones. Mode 0600; a file that others may read, or that belongs to somebody else,
// is refused: what was in it may be known.
#ifndef CLOAKROOM_LIB_SESSIONS_KEY_FILE_H_
#define CLOAKROOM_LIB_SESSIONS_KEY_FILE_H_

#include <string>
#include <vector>

#include "cloakroom/status.h"
#include "sessions/tokens.h"

namespace cloakroom {

// Where the key file of a store is when nobody says otherwise: beside it, so that a copy of the
// store's directory has no key in it.
[[nodiscard]] std::string key_file_of(const std::string& store_path);

// The keys, in their order. kNotFound when there is no such file, kIo for every other trouble.
[[nodiscard]] Result<std::vector<std::string>> read_key_file(const std::string& path);

// Makes the file with one new key, durably and all at once. When somebody else made it in the
// meantime theirs is kept. Returns the keys that are in it then.
[[nodiscard]] Result<std::vector<std::string>> create_key_file(const std::string& path,
                                                               const RandomSource& random);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_KEY_FILE_H_
