#include "look/token_key.h"

#include "base/base64url.h"
#include "base/wipe.h"
#include "cloakroom/session.h"
#include "sessions/key_file.h"
#include "sessions/tokens.h"

namespace cloakroom::cli {

bool looks_like_token(std::string_view text) noexcept {
  constexpr std::size_t kTokenBytes = 40;
  unsigned char bytes[kTokenBytes];
  return text.size() == kTokenChars && base64url_decode(text, bytes);
}

Result<std::optional<std::string>> key_of_token(const std::string& key_file,
                                                const std::vector<std::string>& names,
                                                std::string_view token) {
  Result<std::vector<std::string>> secrets = read_key_file(key_file);
  if (!secrets) return secrets.status();
  std::optional<std::string> key;
  for (const std::string& name : names) {
    if (name.size() > kSessionsNameBytesMax) continue;
    const Result<TokenKeys> keys = TokenKeys::derive(*secrets, name);
    Digest digest;
    if (!keys || keys->check(token, digest) != TokenKeys::Verdict::kOurs) continue;
    key = std::string(RecordKey(name, digest).view());
    break;
  }
  for (std::string& secret : *secrets) wipe(secret);
  return key;
}

}  // namespace cloakroom::cli
