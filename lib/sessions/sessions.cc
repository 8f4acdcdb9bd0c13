// The public handle: forwards to the manager, answers kClosed when there is none.
#include "cloakroom/sessions.h"

#include <utility>

#include "sessions/session_manager.h"

namespace cloakroom {
namespace {

Status moved_from() { return Status(StatusCode::kClosed, "these Sessions were moved from"); }

}  // namespace

Sessions::Sessions(Store& store, SessionsOptions options)
    : manager_(std::make_unique<SessionManager>(store, std::move(options))) {}
Sessions::Sessions(std::unique_ptr<SessionManager> manager) noexcept
    : manager_(std::move(manager)) {}
Sessions::~Sessions() = default;
Sessions::Sessions(Sessions&&) noexcept = default;
Sessions& Sessions::operator=(Sessions&&) noexcept = default;

Status Sessions::status() const { return manager_ ? manager_->status() : moved_from(); }

Result<Session> Sessions::create(const CreateOptions& options) {
  if (!manager_) return moved_from();
  return manager_->create(options);
}

Result<Session> Sessions::load(std::string_view token) {
  if (!manager_) return moved_from();
  Session session;
  if (Status loaded = manager_->load(token, session); !loaded) return loaded;
  return session;
}

Status Sessions::load(std::string_view token, Session& session) {
  return manager_ ? manager_->load(token, session) : moved_from();
}

Result<Session> Sessions::peek(std::string_view token) const {
  if (!manager_) return moved_from();
  Session session;
  if (Status seen = manager_->peek(token, session); !seen) return seen;
  return session;
}

Status Sessions::save(Session& session, const SaveOptions& options) {
  return manager_ ? manager_->save(session, options) : moved_from();
}

Result<Session> Sessions::update(std::string_view token, FunctionRef<void(Session&)> f,
                                 const SaveOptions& options) {
  if (!manager_) return moved_from();
  return manager_->update(token, f, options);
}

Status Sessions::rotate(Session& session, const RotateOptions& options) {
  return manager_ ? manager_->rotate(session, options) : moved_from();
}

Result<Version> Sessions::destroy(std::string_view token, const EndOptions& options) {
  if (!manager_) return moved_from();
  return manager_->destroy(token, options);
}

Result<Version> Sessions::destroy(const Session& session, const EndOptions& options) {
  if (!manager_) return moved_from();
  return manager_->destroy(session, options);
}

Result<Version> Sessions::destroy_handle(std::string_view owner, std::string_view handle,
                                         const EndOptions& options) {
  if (!manager_) return moved_from();
  return manager_->destroy_handle(owner, handle, options);
}

Result<EndedCount> Sessions::destroy_all(std::string_view owner, std::string_view keep_token,
                                         const EndOptions& options) {
  if (!manager_) return moved_from();
  return manager_->destroy_all(owner, keep_token, options);
}

Result<Version> Sessions::end_everyone(const EndOptions& options) {
  if (!manager_) return moved_from();
  return manager_->end_everyone(options);
}

Result<std::vector<SessionInfo>> Sessions::list(std::string_view owner,
                                                std::string_view current_token) const {
  if (!manager_) return moved_from();
  return manager_->list(owner, current_token);
}

Result<Ending> Sessions::why_ended(std::string_view token) const {
  if (!manager_) return moved_from();
  return manager_->why_ended(token);
}

Status Sessions::require_fresh(const Session& session, Millis max_age) const {
  return manager_ ? manager_->require_fresh(session, max_age) : moved_from();
}

Subscription Sessions::subscribe(std::function<void(const SessionEvent&)> f, EventMask mask) {
  return manager_ ? manager_->subscribe(std::move(f), mask) : Subscription();
}

void Sessions::deliver() {
  if (manager_) manager_->deliver();
}

SessionsStats Sessions::stats() const { return manager_ ? manager_->stats() : SessionsStats(); }

}  // namespace cloakroom
