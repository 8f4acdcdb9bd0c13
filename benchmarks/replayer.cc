#include "replayer.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "dataset.h"
#include "failure.h"
#include "ticks.h"

namespace cloakroom::bench {
namespace {

// The value that operation `number` stores: bytes that no other operation stores.
void make_value(std::uint64_t number, std::size_t bytes, std::string& out) {
  out.resize(bytes);
  std::uint64_t word = mix(number);
  for (std::size_t at = 0; at < bytes; at += sizeof word) {
    std::memcpy(out.data() + at, &word, std::min(sizeof word, bytes - at));
    word = std::rotl(word, 23) * 0x9e3779b97f4a7c15 + number;
  }
}

// A store in memory has no thread of its own here; what a thread would do is done this often.
constexpr std::uint64_t kSweepEvery = 4096;
constexpr std::uint64_t kClockEvery = 64;

}  // namespace

Replayer::Replayer(const Trace& trace, SharedReplayState& shared, std::string path, bool after_kill)
    : trace_(trace),
      state_(shared.state()),
      last_write_(shared.last_write()),
      path_(std::move(path)),
      keys_(trace.key_bytes.size()),
      maybe_applied_(after_kill) {
  for (std::size_t key = 1; key < keys_.size(); ++key) {
    if (trace.key_bytes[key] == 0) continue;
    keys_[key] = key_text(static_cast<std::uint32_t>(key), trace.key_bytes[key]);
  }
  // The store opens at the moment of the last acknowledged operation, not at the beginning of time.
  const std::uint64_t done = state_.acknowledged.load();
  clock_.move_to(trace.lines[done > 0 ? done - 1 : 0].t_seconds);
  open();
}

void Replayer::open() {
  // Every touch is written, so that after a SIGKILL deadlines are exact to the millisecond.
  store_.emplace(value_or_fail(Store::open({.path = path_,
                                            .durability = Durability::kProcess,
                                            .touch_resolution = Millis(0),
                                            .background = !path_.empty(),
                                            .clock = &clock_}),
                               "cannot open the store"));
}

void Replayer::reopen() {
  check(store_->close(), "cannot close the store");
  store_.reset();
  open();
  state_.reopens.fetch_add(1);
}

void Replayer::run_to(std::uint64_t end) {
  ReplayCounts counts = state_.current();
  std::uint64_t number = state_.acknowledged.load();
  std::uint64_t clock_read_ns = monotonic_ns();
  const auto account_time = [&] {
    const std::uint64_t now = monotonic_ns();
    state_.busy_ns.fetch_add(now - std::exchange(clock_read_ns, now));
  };
  while (number < end) {
    apply(trace_.lines[number], number + 1, counts);
    maybe_applied_ = false;
    state_.advance(++number, counts);
    if (number % kClockEvery == 0) account_time();
    if (path_.empty() && number % kSweepEvery == 0) store_->sweep();
  }
  account_time();
}

void Replayer::apply(const TraceLine& line, std::uint64_t number, ReplayCounts& counts) {
  clock_.move_to(line.t_seconds);
  switch (line.op) {
    case TraceOp::kGet:
    case TraceOp::kGets:
      read(line, counts);
      return;
    case TraceOp::kSet:
    case TraceOp::kAdd:
    case TraceOp::kCas:
      put(line, number, counts);
      return;
    case TraceOp::kTouch:
      touch(line, counts);
      return;
    case TraceOp::kDelete:
      erase(line, counts);
      return;
  }
}

void Replayer::read(const TraceLine& line, ReplayCounts& counts) {
  const bool versioned = line.op == TraceOp::kGets;
  const auto found = store_->get(keys_[line.key], value_);
  ++counts.gets;
  counts.gets_version = found ? *found : 0;
  if (!found) {
    if (found.code() != StatusCode::kNotFound) check(found.status(), "get");
    ++counts.misses;
    if (last_write_[line.key] != 0) ++counts.expired;
    // The cas behind a gets succeeds, so the gets must hit.
    if (versioned || line.value_bytes != 0) ++counts.unexpected_misses;
    return;
  }
  ++counts.hits;
  if (!holds_last_write(line.key, value_)) ++counts.wrong_value;
  if (versioned) return;  // The file has no size for it; the bytes were compared.
  if (value_.size() != line.value_bytes) ++counts.wrong_size;
  if (line.value_bytes == 0) ++counts.unexpected_hits;
}

void Replayer::put(const TraceLine& line, std::uint64_t number, ReplayCounts& counts) {
  PutOptions options{.ttl = std::chrono::seconds(line.ttl_seconds)};
  if (line.op == TraceOp::kAdd) options.if_version = 0;
  if (line.op == TraceOp::kCas) options.if_version = counts.gets_version;
  const bool found = maybe_applied_ && was_applied(line.key, number);
  if (found) ++counts.found_in_flight;
  make_value(number, line.value_bytes, expected_);
  const auto stored = store_->put(keys_[line.key], expected_, options);
  if (!stored && stored.code() != StatusCode::kConflict) check(stored.status(), "put");
  const bool applied = stored.ok() || found;
  if (applied) last_write_[line.key] = static_cast<std::uint32_t>(number);
  if (line.op == TraceOp::kSet) ++counts.sets;
  if (line.op == TraceOp::kAdd) {
    ++counts.adds;
    if (!applied) ++counts.adds_kept;
  }
  if (line.op == TraceOp::kCas) {
    ++counts.cas;
    if (!applied) ++counts.cas_conflicts;
  }
}

// Whether the key holds what operation `number` stores: then the process was killed between the
// store's part of the operation and ours.
bool Replayer::was_applied(std::uint32_t key, std::uint64_t number) {
  if (!store_->get(keys_[key], value_)) return false;
  make_value(number, value_.size(), expected_);
  return value_ == expected_;
}

void Replayer::touch(const TraceLine& line, ReplayCounts& counts) {
  const auto touched = store_->touch(keys_[line.key], std::chrono::seconds(line.ttl_seconds));
  ++counts.touches;
  if (touched) return;
  if (touched.code() != StatusCode::kNotFound) check(touched.status(), "touch");
  ++counts.touch_misses;
}

void Replayer::erase(const TraceLine& line, ReplayCounts& counts) {
  const Status erased = store_->erase(keys_[line.key]);
  if (!erased && erased.code() != StatusCode::kNotFound) check(erased, "erase");
  last_write_[line.key] = 0;
  ++counts.deletes;
}

bool Replayer::holds_last_write(std::uint32_t key, std::string_view value) {
  const std::uint32_t number = last_write_[key];
  if (number == 0 || trace_.lines[number - 1].value_bytes != value.size()) return false;
  make_value(number, value.size(), expected_);
  return value == expected_;
}

void Replayer::find_alive() {
  state_.alive_at_end = 0;
  state_.wrong_at_end = 0;
  for (std::size_t key = 1; key < keys_.size(); ++key) {
    if (keys_[key].empty()) continue;
    const auto found = store_->get(keys_[key], value_);
    if (!found) {
      if (found.code() != StatusCode::kNotFound) check(found.status(), "get");
      continue;
    }
    ++state_.alive_at_end;
    if (!holds_last_write(static_cast<std::uint32_t>(key), value_)) ++state_.wrong_at_end;
  }
}

void Replayer::finish() {
  find_alive();
  std::unordered_set<std::string> seen;
  Cursor cursor = kScanStart;
  do {
    cursor = value_or_fail(
        store_->scan(cursor, 1000, [&](const RecordView& record) { seen.emplace(record.key); }),
        "scan");
  } while (cursor != kScanStart);
  state_.scanned_at_end = seen.size();
  check(store_->close(), "cannot close the store");
  store_.reset();
  state_.finished.store(1);
}

}  // namespace cloakroom::bench
