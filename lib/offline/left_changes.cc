#include "offline/left_changes.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "journal/frame.h"
#include "journal/recovery.h"
#include "journal/ring_layout.h"
#include "journal/rocks_options.h"
#include "offline/log_walk.h"

namespace cloakroom {
namespace {

constexpr const char* kLossRemedy =
    "restore a backup, save the rest with `cloakroom repair STORE-DIR NEW-DIR`, or open what the "
    "next open would find with Options::accept_loss";
constexpr const char* kNoRemedy = "nothing has to be done";

Finding in_ring(std::uint64_t offset, std::string what, std::string remedy, bool note = false) {
  return {.file = kRingName,
          .key = {},
          .what = std::move(what),
          .remedy = std::move(remedy),
          .offset = offset,
          .note = note};
}

std::string span_of(Version after, Version until) {
  return "versions " + std::to_string(after + 1) + " to " + std::to_string(until);
}

}  // namespace

LeftChanges::LeftChanges(std::optional<Head> flushed) : head_(flushed) {
  linked_ = flushed.has_value();
  version_ = flushed ? flushed->version : 0;
}

// --- logs ----------------------------------------------------------------------------------------

void LeftChanges::apply(const LoggedChange& change, Version after) {
  if (change.family != kRecordsFamily && change.family != kDeadlinesFamily) return;
  KeyChanges& changes = keys_[std::string(change.key)];
  auto& state = change.family == kRecordsFamily ? changes.record : changes.deadline;
  if (state && state->sequence > change.sequence) return;
  state = LoggedState{.sequence = change.sequence,
                      .after = after,
                      .erased = change.erased,
                      .value = std::string(change.value)};
}

// A batch of which some bytes are wrong: what checks by itself is kept, and every erasure that can
// be read. One with a damaged key erases nothing, or in the worst case too much.
void LeftChanges::apply_salvaged(std::string_view bytes, const FileList& list, std::uint64_t log) {
  std::string copy(bytes);
  if (copy.size() < sizeof(std::uint64_t)) return;
  if (next_sequence_) store_u64(copy.data(), *next_sequence_);  // the header is the least protected
  each_change(copy, [&](const LoggedChange& change) {
    if (!list.needs_log(change.family, log)) return;
    if (!change.erased && change.family == kRecordsFamily) {
      if (!parse_record(change.key, change.value)) return;
    }
    if (!change.erased && change.family == kDeadlinesFamily) {
      if (!parse_deadline(change.key, change.value)) return;
    }
    apply(change, version_);
  });
}

void LeftChanges::link(const Head& head, const std::string& where) {
  if (linked_ && head.previous > version_) {
    holes_.push_back({.after = version_, .until = head.previous, .where = where});
  }
  linked_ = true;
  if (head.version < version_) return;  // it is in table files already
  version_ = head.version;
  head_ = head;
}

Status LeftChanges::add_log(const std::string& path, std::uint64_t number, const FileList& list,
                            bool last, Report report) {
  Result<LogWalk> walk = LogWalk::open(path);
  if (!walk) return walk.status();
  const std::string name = std::string(kRocksName) + path.substr(path.rfind('/'));
  LogRecord record;
  std::vector<LogDamage> damages;
  while (walk->next(record)) {
    const auto batch = record.sound ? parse_batch(record.bytes) : std::nullopt;
    if (!batch) {
      if (record.sound) damages.push_back({record.offset, "a batch that cannot be understood"});
      apply_salvaged(record.bytes, list, number);
      continue;
    }
    next_sequence_ = batch->sequence + batch->count;
    const Version after = batch->head ? batch->head->previous : version_;
    each_change(record.bytes, [&](const LoggedChange& change) {
      if (list.needs_log(change.family, number)) apply(change, after);
    });
    if (batch->head) link(*batch->head, name);
  }
  damages.insert(damages.end(), walk->damages().begin(), walk->damages().end());
  for (const LogDamage& damage : damages) {
    // A torn end is what a crash leaves; whether anything is missing, conclude() knows.
    const bool torn = damage.offset >= walk->sound_until();
    report(
        {.file = name,
         .key = {},
         .what = std::string(damage.what) +
                 (torn ? ", at the end of the log: a crash leaves it so, and so does damage" : ""),
         .remedy =
             torn ? "nothing has to be done, unless writes are reported missing" : kLossRemedy,
         .offset = damage.offset,
         .note = torn && last});
  }
  return Status();
}

// --- the ring ------------------------------------------------------------------------------------

void LeftChanges::apply_change(const Frame& change, Version version) {
  RingState& state = keys_[std::string(change.key)].ring;
  switch (change.type) {
    case Mutation::Type::kPut:
    case Mutation::Type::kShorten:
      if (!parse_record(change.key, change.payload)) return;
      state.record = std::string(change.payload);
      state.deadline.reset();
      break;
    case Mutation::Type::kErase:
      state = {.erased_at = version};
      break;
    case Mutation::Type::kTouch:
      if (parse_deadline(change.key, change.payload)) state.deadline = std::string(change.payload);
      break;
  }
}

void LeftChanges::apply_frame(const RingFrame& frame) {
  std::vector<Frame> changes;
  if (frame.body == kElsewhere || !parse_frames(frame.body, changes)) return;
  for (const Frame& change : changes) apply_change(change, frame.version());
  ++frames_;
}

// True when the frames leave nothing of the hole.
bool LeftChanges::fill(const Hole& hole, const std::vector<RingFrame>& frames) {
  std::uint64_t at = hole.after * Ring::kUnit;
  bool whole = true;
  for (const RingFrame& frame : frames) {
    if (frame.begin < at || frame.version() > hole.until) continue;
    whole = whole && frame.begin == at && frame.body != kElsewhere;
    at = frame.end;
    apply_frame(frame);
  }
  return whole && at == hole.until * Ring::kUnit;
}

void LeftChanges::walk_tail(const RingScan& ring, std::uint64_t salt,
                            const std::vector<RingFrame>& frames, Report report) {
  std::uint64_t at = version_ * Ring::kUnit;
  bool gapless = true;
  const auto look_at_gap = [&](bool last) {
    const RingScan::Gap gap = ring.gap_at(at, salt);
    if (gap == RingScan::Gap::kDamaged) {
      report(
          in_ring(ring.file_offset(at), "a write that was acknowledged is damaged", kLossRemedy));
      holes_.push_back({.after = version_, .until = version_ + 1, .where = kRingName});
    } else if (gap == RingScan::Gap::kNearly) {
      report(
          in_ring(ring.file_offset(at),
                  "a write is whole but for the word that says so: the process died in that very "
                  "moment, or the word is damaged",
                  kLossRemedy));
    } else if (!last) {
      report(in_ring(ring.file_offset(at),
                     "a write that was begun is not there: the process died meanwhile, and nobody "
                     "was told that it was done; or it is damaged",
                     kNoRemedy, true));
    }
  };
  for (const RingFrame& frame : frames) {
    if (frame.begin < at) continue;
    if (frame.begin > at) {
      look_at_gap(false);
      gapless = false;
    }
    apply_frame(frame);
    at = frame.end;
    if (gapless) version_ = frame.version();
  }
  look_at_gap(true);
  if (!gapless && !frames.empty()) version_ = std::max(version_, frames.back().version());
}

void LeftChanges::add_ring(const RingScan& ring, const std::optional<SyncMark>& mark,
                           Report report) {
  std::uint64_t salt = ring.salt();
  std::vector<RingFrame> frames = ring.frames(salt);
  const std::uint64_t next = version_ * Ring::kUnit;
  const bool any =
      std::ranges::any_of(frames, [&](const RingFrame& frame) { return frame.begin >= next; });
  if (const auto other = any ? std::nullopt : ring.other_salt_at(next)) {
    report(in_ring(ring_layout::kSaltAt,
                   "the word that marks frames as written is damaged: the next "
                   "open would not see what was acknowledged last",
                   kLossRemedy));
    salt = *other;
    frames = ring.frames(salt);
  }
  const std::vector<Hole> holes = std::exchange(holes_, {});
  for (const Hole& hole : holes) {
    if (!fill(hole, frames)) holes_.push_back(hole);
  }
  const bool beyond =
      std::ranges::any_of(frames, [&](const RingFrame& frame) { return frame.begin >= next; });
  if (mark && mark->clean && beyond) {
    report({.file = kSuperblockName,
            .key = {},
            .what = "it says that the store was stopped in order, but the ring holds writes after "
                    "that, which the next open would ignore",
            .remedy = kLossRemedy});
  }
  walk_tail(ring, salt, frames, report);
}

void LeftChanges::conclude(Version promised, Report report) {
  if (version_ < promised) {
    holes_.push_back({.after = version_, .until = promised, .where = kRocksName});
    version_ = promised;
  }
  for (const Hole& hole : holes_) {
    report({.file = hole.where,
            .key = {},
            .what = "acknowledged writes are missing: " + span_of(hole.after, hole.until),
            .remedy = kLossRemedy,
            .loses_records = true,
            .lost = hole.until - hole.after});
  }
}

}  // namespace cloakroom
