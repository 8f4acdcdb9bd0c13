#include "sessions/session_access.h"

#include <string.h>

#include <algorithm>

#include "base/base64url.h"

namespace cloakroom {

void SessionAccess::adopt(Session& session, const LiveRecord& live, const Digest& digest) noexcept {
  const char* const start = session.buffer_.data();
  base64url_encode(live.handle, session.handle_.data());
  session.digest_ = digest;
  session.schema_ = live.schema;
  session.label_at_ = static_cast<std::size_t>(live.label.data() - start);
  session.label_bytes_ = live.label.size();
  session.attributes_at_ = static_cast<std::size_t>(live.attributes.data() - start);
  session.authenticated_at_ = live.authenticated_at;
  session.last_seen_ = std::max(session.created_, live.last_seen);
  if (live.idle_timeout != kNoExpiry && session.deadline_ != kNever) {
    session.last_seen_ =
        std::max(session.last_seen_, session.deadline_ - live.idle_timeout.count());
  }
  session.present_ = true;
}

void SessionAccess::set_token(Session& session, std::string_view token) noexcept {
  std::copy_n(token.begin(), session.token_.size(), session.token_.begin());
}

}  // namespace cloakroom
