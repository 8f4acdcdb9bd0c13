#include "chunk.h"

#include <span>
#include <utility>

#include "ticks.h"

namespace cloakroom::bench {

Chunk::Chunk(const Dataset& dataset, const KeyPicker& picker, Mix mix, std::size_t operations,
             std::uint64_t seed)
    : dataset_(dataset),
      picker_(picker),
      mix_(std::move(mix)),
      batched_(mix_.front().verb == Verb::kVisitMany),
      random_(seed),
      verbs_(operations),
      key_bytes_(operations * kKeyBytes, '\0') {
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

void Chunk::refill() {
  for (std::size_t at = 0; at < verbs_.size(); ++at) {
    verbs_[at] = draw_verb();
    char* bytes = key_bytes_.data() + at * kKeyBytes;
    const std::uint64_t key = picker_.next(random_);
    if (verbs_[at] == Verb::kMiss) {
      write_absent_key(key, bytes);
    } else {
      write_key(key, bytes);
    }
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
