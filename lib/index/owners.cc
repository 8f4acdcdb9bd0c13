#include "index/owners.h"

namespace cloakroom {

Owners::Part::Part(std::atomic<std::uint64_t>* bytes)
    : owners(0, NameHash(), std::equal_to<>(), Map::allocator_type(bytes)) {}

Owners::Owners() {
  for (std::size_t i = 0; i < kPartCount; ++i) parts_.push_back(std::make_unique<Part>(&bytes_));
}

Owners::Part& Owners::part_of(std::string_view owner) const noexcept {
  // Other bits than the maps inside use.
  return *parts_[(NameHash()(owner) >> 40) % kPartCount];
}

void Owners::add(std::string_view owner, std::uint64_t hash) {
  if (owner.empty()) return;
  Part& part = part_of(owner);
  MutexLock guard(part.mutex);
  auto found = part.owners.find(owner);
  if (found == part.owners.end()) {
    Hashes hashes(0, std::hash<std::uint64_t>(), std::equal_to<>(),
                  Hashes::allocator_type(&bytes_));
    hashes.insert(hash);
    part.owners.emplace(Name(owner, CountingAllocator<char>(&bytes_)), std::move(hashes));
  } else {
    found->second.insert(hash);
  }
}

void Owners::remove(std::string_view owner, std::uint64_t hash) noexcept {
  if (owner.empty()) return;
  Part& part = part_of(owner);
  MutexLock guard(part.mutex);
  const auto found = part.owners.find(owner);
  if (found == part.owners.end()) return;
  if (const auto entry = found->second.find(hash); entry != found->second.end()) {
    found->second.erase(entry);
  }
  if (found->second.empty()) part.owners.erase(found);
  // The bucket array of an emptied map would stay for ever.
  if (part.owners.empty()) {
    Map(0, NameHash(), std::equal_to<>(), part.owners.get_allocator()).swap(part.owners);
  }
}

std::vector<std::uint64_t> Owners::hashes_of(std::string_view owner) const {
  Part& part = part_of(owner);
  MutexLock guard(part.mutex);
  const auto found = part.owners.find(owner);
  if (found == part.owners.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::uint64_t Owners::owner_count() const noexcept {
  std::uint64_t count = 0;
  for (const auto& part : parts_) {
    MutexLock guard(part->mutex);
    count += part->owners.size();
  }
  return count;
}

}  // namespace cloakroom
