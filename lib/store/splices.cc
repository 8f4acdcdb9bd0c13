#include "store/splices.h"

#include <algorithm>

#include "base/wipe.h"

namespace cloakroom {

void Splices::replace(std::size_t begin, std::size_t end, std::string_view bytes) {
  splices_.push_back({.begin = begin, .end = end, .from = pool_.size(), .size = bytes.size()});
  pool_.append(bytes);
}

void Splices::apply(std::string& encoded) {
  // Walks note what they meet in order; what moves up lies behind where it goes.
  std::stable_sort(splices_.begin(), splices_.end(), [](const Splice& a, const Splice& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  if (splices_.size() == 1) {
    const Splice& only = splices_.front();
    encoded.replace(only.begin, only.end - only.begin, bytes_of(only));
  } else if (!splices_.empty() && !slide(encoded)) {
    rebuild(encoded);
  }
  splices_.clear();
  pool_.clear();
}

// A piece that is cut out and one of the same size that is put elsewhere: what lies between moves,
// the rest stays.
bool Splices::slide(std::string& encoded) const noexcept {
  if (splices_.size() != 2) return false;
  const bool forward = splices_[0].size == 0;
  const Splice& cut = splices_[forward ? 0 : 1];
  const Splice& put = splices_[forward ? 1 : 0];
  const std::size_t size = cut.end - cut.begin;
  if (cut.size != 0 || put.begin != put.end || put.size != size) return false;
  char* const data = encoded.data();
  char* to = data + put.begin;
  if (forward) {
    std::memmove(data + cut.begin, data + cut.end, put.begin - cut.end);
    to -= size;
  } else {
    std::memmove(data + put.begin + size, data + put.begin, cut.begin - put.begin);
  }
  std::memcpy(to, pool_.data() + put.from, size);
  return true;
}

void Splices::rebuild(std::string& encoded) const {
  std::size_t size = encoded.size() + pool_.size();
  for (const Splice& splice : splices_) size -= splice.end - splice.begin;
  std::string out;
  out.reserve(size);
  std::size_t done = 0;
  for (const Splice& splice : splices_) {
    out.append(encoded, done, splice.begin - done);
    out.append(bytes_of(splice));
    done = splice.end;
  }
  out.append(encoded, done);
  encoded.swap(out);
  wipe(out);
}

Wanted::Wanted(std::span<const std::string_view> names) {
  if (names.size() > kFewMax) {
    many_.reserve(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) many_.insert_or_assign(names[i], i);
    return;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::erase_if(few_, [&](const One& one) { return one.name == names[i]; });
    few_.push_back({.name = names[i], .tail = tail_of(names[i]), .place = i});
  }
}

std::size_t Wanted::find_many(std::string_view name) const {
  const auto found = many_.find(name);
  return found == many_.end() ? kNone : found->second;
}

}  // namespace cloakroom
