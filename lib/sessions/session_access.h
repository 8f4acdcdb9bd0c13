// SessionAccess: what SessionManager does to the insides of a Session.
#ifndef CLOAKROOM_LIB_SESSIONS_SESSION_ACCESS_H_
#define CLOAKROOM_LIB_SESSIONS_SESSION_ACCESS_H_

#include <optional>
#include <span>
#include <string_view>

#include "cloakroom/record.h"
#include "cloakroom/session.h"
#include "sessions/session_record.h"
#include "sessions/tokens.h"

namespace cloakroom {

class SessionAccess {
 public:
  static void clear(Session& session) noexcept { session.clear(); }

  // Copies what a record shows, of whatever type, into the session's buffer; it holds no session
  // yet. The same memory is used again.
  static void copy(Session& session, const RecordView& view) {
    session.buffer_.clear();
    session.buffer_.reserve(view.value.size() + view.owner.size());  // growing leaves a copy behind
    session.buffer_.assign(view.value);
    session.buffer_.append(view.owner);
    session.value_bytes_ = view.value.size();
    session.created_ = view.created;
    session.deadline_ = view.deadline;
    session.lifetime_ = view.lifetime;
    session.version_ = view.version;
  }
  [[nodiscard]] static std::string_view value(const Session& session) noexcept {
    return std::string_view(session.buffer_).substr(0, session.value_bytes_);
  }

  // Makes it a session: `live` was decoded from value(session).
  static void adopt(Session& session, const LiveRecord& live, const Digest& digest) noexcept;
  static void set_token(Session& session, std::string_view token) noexcept;

  // Pending changes are kept when what is stored is read again.
  static void set_deadline(Session& session, TimeMs deadline) noexcept {
    session.deadline_ = deadline;
  }
  static void set_lifetime(Session& session, TimeMs lifetime) noexcept {
    session.lifetime_ = lifetime;
  }
  static void set_version(Session& session, Version version) noexcept {
    session.version_ = version;
  }
  static void set_aliased(Session& session, bool aliased) noexcept { session.aliased_ = aliased; }
  static void set_renewal_due(Session& session, bool due) noexcept { session.renewal_due_ = due; }
  static void forget_changes(Session& session) noexcept {
    session.changes_.clear();
    session.new_schema_.reset();
  }

  [[nodiscard]] static bool present(const Session& session) noexcept { return session.present_; }
  [[nodiscard]] static bool aliased(const Session& session) noexcept { return session.aliased_; }
  [[nodiscard]] static const Digest& digest(const Session& session) noexcept {
    return session.digest_;
  }
  [[nodiscard]] static std::span<const AttributeChange> changes(const Session& session) noexcept {
    return session.changes_;
  }
  [[nodiscard]] static std::optional<std::uint32_t> new_schema(const Session& session) noexcept {
    return session.new_schema_;
  }
  [[nodiscard]] static std::string_view attributes(const Session& session) noexcept {
    return session.attributes();
  }
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_SESSION_ACCESS_H_
