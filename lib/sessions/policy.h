// What the options of Sessions mean: their bounds, and the clocks of one session.
#ifndef CLOAKROOM_LIB_SESSIONS_POLICY_H_
#define CLOAKROOM_LIB_SESSIONS_POLICY_H_

#include <optional>
#include <string_view>

#include "cloakroom/clock.h"
#include "cloakroom/sessions.h"

namespace cloakroom {

// kInvalidArgument with the option that is out of its bounds.
[[nodiscard]] Status check_options(const SessionsOptions& options);

// The clocks of a new session; kInvalidArgument when one of them is not more than 0.
[[nodiscard]] Result<Timeouts> timeouts_of(const SessionsOptions& options,
                                           const CreateOptions& create);

// How long a rotated token still works.
[[nodiscard]] Millis grace_of(const SessionsOptions& options, const RotateOptions& rotate) noexcept;

// Moving a deadline costs more than looking at it, so it is moved in steps: of a 64th of the idle
// timeout, and of a second at most. A session may so idle out that much early.
inline constexpr Millis kSlideStepMax{1000};
[[nodiscard]] Millis slide_step(Millis idle_timeout) noexcept;

// now + duration without overflow.
[[nodiscard]] TimeMs after(TimeMs now, Millis duration) noexcept;

// Where the lifetime cuts a deadline short, "last seen" is written down, this often.
inline constexpr Millis kLastSeenStep{60'000};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_POLICY_H_
