// Session: one visitor's session as a request sees it. Made by Sessions (sessions.h), which also
// writes it back.
#ifndef CLOAKROOM_SESSION_H_
#define CLOAKROOM_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/record.h"

namespace cloakroom {

// Limits of a session. save() and create() answer kTooLarge beyond them.
inline constexpr std::size_t kAttributeNameBytesMax = 256;
inline constexpr std::size_t kAttributeCountMax = 1024;
inline constexpr std::size_t kLabelBytesMax = 512;
inline constexpr std::size_t kSessionBytesMax = std::size_t{1} << 20;  // all attributes and label

// A token is 40 bytes in base64url: 32 random ones and 8 that prove that we made it.
inline constexpr std::size_t kTokenChars = 54;
// A handle is 16 random bytes in base64url.
inline constexpr std::size_t kHandleChars = 22;

// One change that save() has to bring to the store. Private means of lib/sessions.
struct AttributeChange {
  enum class Kind : std::uint8_t { kSet, kErase, kAdd };
  Kind kind = Kind::kSet;
  std::string name = {};
  std::string value = {};  // kSet: the value. kAdd: the sum, as get() shows it
  std::int64_t delta = 0;  // kAdd
};

// A copy of a session, taken when it was loaded. A value: copy it, move it, hold it as long as you
// like; nothing that happens to the session elsewhere changes it. Not for several threads at once.
// The token and the attributes in it are wiped when it goes.
//
// Attributes are bytes by name. What set(), erase(), pop() and increment() change is seen by get()
// at once and by everybody else after Sessions::save(), which sends the changes only, never the
// copy: two requests that change different attributes both win.
//
// A string_view that a method returns stays valid until the session is changed, saved, loaded
// into, moved or destroyed.
class Session {
 public:
  Session() noexcept;  // no session: token() is empty, and Sessions answers kNotFound for it
  ~Session();
  Session(const Session&);
  Session& operator=(const Session&);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // --- what it is --------------------------------------------------------------------------

  // The secret that the browser keeps: put it into the cookie and nowhere else. As the client sent
  // it; after create() and rotate() the new one.
  [[nodiscard]] std::string_view token() const noexcept {
    return {token_.data(), present_ ? token_.size() : 0};
  }

  // Names the session without giving access to it: for lists, logs and "log out this device". Stays
  // the same when the token is rotated.
  [[nodiscard]] std::string_view handle() const noexcept {
    return {handle_.data(), present_ ? handle_.size() : 0};
  }

  [[nodiscard]] std::string_view owner() const noexcept;  // empty: nobody has logged in
  [[nodiscard]] std::string_view label() const noexcept;  // as given to create()

  [[nodiscard]] TimeMs created() const noexcept { return created_; }
  // When it was loaded last, before this load.
  [[nodiscard]] TimeMs last_seen() const noexcept { return last_seen_; }
  // When it ends unless it is loaded again.
  [[nodiscard]] TimeMs deadline() const noexcept { return deadline_; }
  // When it ends in any case; kNever without a lifetime.
  [[nodiscard]] TimeMs lifetime() const noexcept { return lifetime_; }
  // When the user last proved who they are: created with an owner, or rotated with
  // RotateOptions::reauthenticated. 0: never.
  [[nodiscard]] TimeMs authenticated_at() const noexcept { return authenticated_at_; }
  // The token is older than the renewal interval: rotate it in this request. Never set when the
  // token was replaced already and is in its grace.
  [[nodiscard]] bool renewal_due() const noexcept { return renewal_due_; }

  // Of the record's last change that this copy has seen. create(), save() and rotate() set it, so
  // Store::when_durable(session.version(), f) covers them.
  [[nodiscard]] Version version() const noexcept { return version_; }

  // A number of the application's own: which layout its attributes have. 0 unless set.
  [[nodiscard]] std::uint32_t schema() const noexcept { return new_schema_.value_or(schema_); }
  void set_schema(std::uint32_t schema) { new_schema_ = schema; }

  // --- attributes --------------------------------------------------------------------------
  // Reading is linear in the session's size, which is right for tens of attributes. Limits are
  // checked by save().

  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const noexcept { return get(name).has_value(); }

  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);

  // Takes the attribute out and returns it: for messages that are shown once.
  std::optional<std::string> pop(std::string_view name);

  // Adds to a decimal attribute, absent counting as 0, and returns the sum as this copy sees it.
  // save() sends the difference: two requests that both count are both counted. An attribute that
  // is no 64-bit decimal counts as 0 here, and save() then answers kInvalidArgument; so it does
  // when the sum overflows.
  std::int64_t increment(std::string_view name, std::int64_t delta = 1);

  // Calls f(const Field&) for every attribute, in the order they were first set. f must not change
  // this session.
  void visit_attributes(FunctionRef<void(const Field&)> f) const;

  // Is there anything to save?
  [[nodiscard]] bool changed() const noexcept { return !changes_.empty() || new_schema_; }

 private:
  friend class SessionAccess;  // lib/sessions

  [[nodiscard]] const AttributeChange* change_of(std::string_view name) const noexcept;
  AttributeChange& change_to(std::string_view name, AttributeChange::Kind kind);
  [[nodiscard]] std::string_view attributes() const noexcept;
  void clear() noexcept;
  void wipe() noexcept;

  std::array<char, kTokenChars> token_{};
  std::array<char, kHandleChars> handle_{};
  std::array<unsigned char, 32> digest_{};  // of the record: another token's during a grace
  bool present_ = false;
  bool renewal_due_ = false;
  bool aliased_ = false;  // loaded by a token that was replaced
  std::uint32_t schema_ = 0;
  std::string buffer_;  // the record's value, then its owner
  std::size_t value_bytes_ = 0;
  std::size_t label_at_ = 0;
  std::size_t label_bytes_ = 0;
  std::size_t attributes_at_ = 0;
  TimeMs created_ = 0;
  TimeMs last_seen_ = 0;
  TimeMs deadline_ = 0;
  TimeMs lifetime_ = kNever;
  TimeMs authenticated_at_ = 0;
  Version version_ = 0;
  std::optional<std::uint32_t> new_schema_;
  std::vector<AttributeChange> changes_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_SESSION_H_
