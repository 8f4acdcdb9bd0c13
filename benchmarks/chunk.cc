#include "chunk.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "ticks.h"

namespace cloakroom::bench {
namespace {

// So many that an erase finds its record cold, as the least recently used one of a store is.
constexpr std::uint64_t kExtraRecords = 1000;

bool has_verb(const Mix& mix, Verb verb) {
  return std::any_of(mix.begin(), mix.end(),
                     [&](const MixPart& part) { return part.verb == verb; });
}

}  // namespace

Chunk::Chunk(const Dataset& dataset, const KeyPicker& picker, Mix mix, std::size_t operations,
             std::uint64_t seed)
    : dataset_(dataset),
      picker_(picker),
      mix_(std::move(mix)),
      batched_(mix_.front().verb == Verb::kVisitMany),
      turns_over_(has_verb(mix_, Verb::kCreate)),
      random_(seed),
      verbs_(operations),
      key_bytes_(operations * kKeyBytes, '\0'),
      extra_begin_((seed + 1) << 32),
      extra_end_(extra_begin_) {
  for (std::size_t at = 0; at < operations; ++at) {
    keys_.push_back(std::string_view(key_bytes_).substr(at * kKeyBytes, kKeyBytes));
  }
}

Verb Chunk::draw_verb() {
  std::uint64_t dice = random_.below(100);
  for (const MixPart& part : mix_) {
    if (dice < part.percent) return part.verb;
    dice -= part.percent;
  }
  return mix_.back().verb;
}

void Chunk::draw_key(Verb verb, char* out) {
  if (verb == Verb::kCreate) return write_key(extra_end_++, out);
  if (verb == Verb::kErase) return write_key(extra_begin_++, out);
  const std::uint64_t key = picker_.next(random_);
  return verb == Verb::kMiss ? write_absent_key(key, out) : write_key(key, out);
}

void Chunk::prepare(Lane& lane) {
  if (!turns_over_) return;
  std::array<char, kKeyBytes> key{};
  while (extra_end_ - extra_begin_ < kExtraRecords) {
    draw_key(Verb::kCreate, key.data());
    lane.put({key.data(), key.size()}, dataset_.value(values_used_++));
  }
}

std::size_t Chunk::settle(Lane& lane) {
  std::size_t wrong = 0;
  std::array<char, kKeyBytes> key{};
  while (extra_begin_ != extra_end_) {
    draw_key(Verb::kErase, key.data());
    wrong += lane.erase({key.data(), key.size()}) ? 0U : 1U;
  }
  return wrong;
}

void Chunk::refill() {
  for (std::size_t at = 0; at < verbs_.size(); ++at) {
    verbs_[at] = draw_verb();
    // Chance would have it that all of them were erased.
    if (verbs_[at] == Verb::kErase && extra_begin_ == extra_end_) verbs_[at] = Verb::kCreate;
    draw_key(verbs_[at], key_bytes_.data() + at * kKeyBytes);
  }
}

bool Chunk::step(Lane& lane, std::size_t at) {
  const std::string_view key = keys_[at];
  switch (verbs_[at]) {
    case Verb::kGet:
      return lane.get(key);
    case Verb::kGetInto:
      return lane.get_into(key, buffer_);
    case Verb::kVisit:
      return lane.visit(key);
    case Verb::kVisitMany:
      return true;  // batch() does these
    case Verb::kPut:
    case Verb::kCreate:
      lane.put(key, dataset_.value(values_used_++));
      return true;
    case Verb::kTouch:
      return lane.touch(key);
    case Verb::kEraseCreate:
      lane.erase(key);  // Another thread may have erased it first.
      lane.put(key, dataset_.value(values_used_++));
      return true;
    case Verb::kMiss:
      return !lane.get_into(key, buffer_);
    case Verb::kGetTouch:
      return lane.get_into(key, buffer_) && lane.touch(key);
    case Verb::kErase:
      return lane.erase(key);
  }
  return false;
}

bool Chunk::batch(Lane& lane, std::size_t at) {
  return lane.visit_many(std::span(keys_).subspan(at, kBatch)) == kBatch;
}

std::size_t Chunk::run(Lane& lane) {
  std::size_t wrong = 0;
  if (batched_) {
    for (std::size_t at = 0; at < verbs_.size(); at += kBatch) wrong += batch(lane, at) ? 0U : 1U;
  } else {
    for (std::size_t at = 0; at < verbs_.size(); ++at) wrong += step(lane, at) ? 0U : 1U;
  }
  return wrong;
}

std::size_t Chunk::run_timed(Lane& lane, Histogram& latencies) {
  std::size_t wrong = 0;
  const std::size_t stride = batched_ ? kBatch : 1;
  for (std::size_t at = 0; at < verbs_.size(); at += stride) {
    const std::uint64_t began = ticks();
    wrong += (batched_ ? batch(lane, at) : step(lane, at)) ? 0U : 1U;
    latencies.add((ticks() - began) / stride);
  }
  return wrong;
}

}  // namespace cloakroom::bench
