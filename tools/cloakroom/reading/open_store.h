// A store opened for looking.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_OPEN_STORE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_OPEN_STORE_H_

#include <memory>
#include <string>

#include "offline/store_reader.h"

namespace cloakroom::cli {

// Opens the store of a verb, or says why not and answers null (exit code 3).
[[nodiscard]] std::unique_ptr<StoreReader> open_reader(const std::string& dir);

// Whether there is a directory that we may look into; else says which it is that is wrong.
[[nodiscard]] bool may_look_into(const std::string& dir);

// Whether `path`, which need not exist, is the store's directory or lies in it. What a verb makes
// has no place there: a message, and true.
[[nodiscard]] bool lies_in_store(const std::string& path, const std::string& dir);

// "a.sst, offset 12, key sess:1: what is wrong; what to do", escaped.
[[nodiscard]] std::string text_of(const Finding& finding);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_OPEN_STORE_H_
