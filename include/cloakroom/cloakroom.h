// Everything: #include <cloakroom/cloakroom.h>.
#ifndef CLOAKROOM_CLOAKROOM_H_
#define CLOAKROOM_CLOAKROOM_H_

#include "cloakroom/clock.h"     // IWYU pragma: export
#include "cloakroom/cookies.h"   // IWYU pragma: export
#include "cloakroom/events.h"    // IWYU pragma: export
#include "cloakroom/options.h"   // IWYU pragma: export
#include "cloakroom/record.h"    // IWYU pragma: export
#include "cloakroom/session.h"   // IWYU pragma: export
#include "cloakroom/sessions.h"  // IWYU pragma: export
#include "cloakroom/stats.h"     // IWYU pragma: export
#include "cloakroom/status.h"    // IWYU pragma: export
#include "cloakroom/store.h"     // IWYU pragma: export

#endif  // CLOAKROOM_CLOAKROOM_H_
