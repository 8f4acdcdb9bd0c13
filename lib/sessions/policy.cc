#include "sessions/policy.h"

#include <algorithm>
#include <string>

#include "base/timeline.h"
#include "cloakroom/cookies.h"
#include "sessions/tokens.h"

namespace cloakroom {
namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

Status invalid(std::string text) { return Status(StatusCode::kInvalidArgument, std::move(text)); }

Status check_timeouts(const Timeouts& timeouts, const std::string& where) {
  if (timeouts.idle_timeout <= Millis{0})
    return invalid(where + "::idle_timeout must be more than 0");
  if (timeouts.lifetime <= Millis{0}) return invalid(where + "::lifetime must be more than 0");
  if (timeouts.renewal_interval <= Millis{0}) {
    return invalid(where + "::renewal_interval must be more than 0; kNoExpiry switches it off");
  }
  return Status();
}

}  // namespace

Status check_options(const SessionsOptions& options) {
  const Timeouts timeouts{options.idle_timeout, options.lifetime, options.renewal_interval};
  if (Status fine = check_timeouts(timeouts, "SessionsOptions"); !fine) return fine;
  if (options.name.empty() || options.name.size() > kSessionsNameBytesMax ||
      options.name.find_first_not_of(kNameCharacters) != std::string::npos) {
    return invalid("SessionsOptions::name must be 1 to 32 of a-z, A-Z, 0-9, '-', '_', '.'");
  }
  if (options.rotate_grace < Millis{0} || options.rotate_grace > std::chrono::hours(1)) {
    return invalid("SessionsOptions::rotate_grace must be 0 to 1 hour");
  }
  if (options.remember_ended < std::chrono::seconds(1)) {
    return invalid("SessionsOptions::remember_ended must be at least 1 s");
  }
  // With a value of a token's length: the name could be too long for it.
  return set_cookie(options.cookie, std::string(kTokenChars, 'A')).status();
}

Result<Timeouts> timeouts_of(const SessionsOptions& options, const CreateOptions& create) {
  const Timeouts timeouts{create.idle_timeout.value_or(options.idle_timeout),
                          create.lifetime.value_or(options.lifetime),
                          create.renewal_interval.value_or(options.renewal_interval)};
  if (Status fine = check_timeouts(timeouts, "CreateOptions"); !fine) return fine;
  return timeouts;
}

Millis grace_of(const SessionsOptions& options, const RotateOptions& rotate) noexcept {
  const bool raises = rotate.reauthenticated || rotate.owner.has_value();
  return rotate.grace.value_or(raises ? Millis{0} : options.rotate_grace);
}

Millis slide_step(Millis idle_timeout) noexcept {
  return std::min(idle_timeout / 64, kSlideStepMax);
}

TimeMs after(TimeMs now, Millis duration) noexcept { return Timeline::after(now, duration); }

}  // namespace cloakroom
