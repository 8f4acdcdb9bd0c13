// A store in memory, a clock that stands still, and Sessions over them.
#ifndef CLOAKROOM_TESTS_SESSIONS_SESSIONS_FIXTURE_H_
#define CLOAKROOM_TESTS_SESSIONS_SESSIONS_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloakroom/sessions.h"
#include "sessions/session_manager.h"
#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {

// Sessions without a thread of their own.
[[nodiscard]] inline SessionsOptions quiet_sessions(SessionsOptions options = {}) {
  options.background = false;
  return options;
}

[[nodiscard]] inline Sessions make_sessions(Store& store, SessionsOptions options = {},
                                            SessionsHooks hooks = {}) {
  Sessions sessions(std::make_unique<SessionManager>(store, quiet_sessions(std::move(options)),
                                                     std::move(hooks)));
  REQUIRE_OK(sessions.status());
  return sessions;
}

// What most cases need. The store is quiet: nothing happens but by calls.
struct SessionsFixture {
  explicit SessionsFixture(SessionsOptions options = {}, SessionsHooks hooks = {})
      : store(memory_store(clock)),
        sessions(make_sessions(store, std::move(options), std::move(hooks))) {}

  [[nodiscard]] Session create(const CreateOptions& options = {}) {
    auto session = sessions.create(options);
    REQUIRE_OK(session);
    return *std::move(session);
  }
  [[nodiscard]] Session create_for(std::string_view owner) { return create({.owner = owner}); }
  [[nodiscard]] Session load(std::string_view token) {
    auto session = sessions.load(token);
    REQUIRE_OK(session);
    return *std::move(session);
  }
  // The attribute as somebody sees it who loads the session now.
  [[nodiscard]] std::optional<std::string> stored(std::string_view token, std::string_view name) {
    const auto session = sessions.peek(token);
    REQUIRE_OK(session);
    const auto value = session->get(name);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  [[nodiscard]] std::size_t count_of(std::string_view owner) {
    const auto list = sessions.list(owner);
    REQUIRE_OK(list);
    return list->size();
  }

  ManualClock clock;
  Store store;
  Sessions sessions;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SESSIONS_SESSIONS_FIXTURE_H_
