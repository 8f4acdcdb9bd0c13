// Survey: everything that `stats` and `report` say about the records of a store, from one walk.
//
// Memory is bounded, however many records and owners there are: some 30 MB, and as much again for
// each further thread. Nothing of a value or a key stays in it; names of owners do.
//
// How long a session has been idle is known where it says so itself: a live session of Sessions
// holds its idle timeout and when it was last seen, and its deadline is that moment plus the
// timeout. On disk a deadline may be granted ahead (docs/decisions/0002), so beside a live store
// and after a crash the time can be up to a tenth of the timeout too short. Other records hold no
// trace of their last touch: they are counted in `idle_unknown`.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_SURVEY_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_SURVEY_H_

#include <array>
#include <cstdint>

#include "cloakroom/clock.h"
#include "cloakroom/record.h"
#include "offline/store_reader.h"
#include "reading/owner_tally.h"
#include "reading/spread.h"

namespace cloakroom::cli {

struct KindTally {
  std::uint64_t count = 0;
  std::uint64_t value_bytes = 0;
};

// What the records of Kind::kSession are: sessions, and what Sessions keeps beside them.
struct SessionTally {
  std::uint64_t live = 0;      // sessions, also of an epoch that is over
  std::uint64_t replaced = 0;  // leads from a rotated token to its session
  std::uint64_t ended = 0;     // tombstones
  std::uint64_t other = 0;     // one a name for itself; damaged or newer ones
};

struct Survey {
  TimeMs now = 0;  // store time: all times are relative to it

  // Of what is alive.
  std::uint64_t alive = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
  std::uint64_t never_expire = 0;
  std::array<KindTally, 4> kinds = {};  // by Kind
  SessionTally sessions;
  Spread time_left{time_bounds()};  // without those that never expire
  Spread size{size_bounds()};       // of values
  Spread age{time_bounds()};
  Spread idle{time_bounds()};
  std::uint64_t idle_unknown = 0;
  OwnerTally owners;  // bytes: of keys and values

  // What has expired and is not yet reclaimed: records, and the bytes of their keys and values.
  std::uint64_t expired = 0;
  std::uint64_t expired_bytes = 0;

  std::uint64_t damaged = 0;  // records that could not be read and are counted nowhere else

  void add(const RecordView& record);
  void merge(const Survey& other);
};

// Walks the whole store, with several threads. A damaged record is counted and passed over. kIo,
// kCorruption: the walk ended early, and the survey with it.
[[nodiscard]] Result<Survey> take_survey(StoreReader& reader);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_SURVEY_H_
