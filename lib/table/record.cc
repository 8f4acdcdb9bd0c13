#include "table/record.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <cstring>
#include <new>

namespace cloakroom {
namespace {

constexpr TimeMs kCreatedMax = (TimeMs{1} << 48) - 1;

}  // namespace

std::size_t Record::allocation_bytes(const RecordView& view) noexcept {
  return sizeof(Record) + (view.lifetime != kNever ? sizeof(TimeMs) : 0) +
         (view.owner.empty() ? 0 : sizeof(std::uint16_t) + view.owner.size()) + view.key.size() +
         view.value.size();
}

std::size_t Record::allocation_bytes() const noexcept {
  return sizeof(Record) + extras_bytes() + key_size() + value_size_ + owner_size();
}

RecordPtr Record::make(const RecordView& view, std::uint32_t lead_ms) {
  void* memory = ::operator new(allocation_bytes(view));
  return RecordPtr(new (memory) Record(view, lead_ms));
}

Record::Record(const RecordView& view, std::uint32_t lead_ms) noexcept
    : deadline_(view.deadline),
      version_(view.version),
      value_size_(static_cast<std::uint32_t>(view.value.size())),
      lead_ms_(lead_ms) {
  const unsigned flags = (view.lifetime != kNever ? kHasLifetime : 0) |
                         (view.owner.empty() ? 0 : kHasOwner);
  const TimeMs created = std::clamp<TimeMs>(view.created, 0, kCreatedMax);
  packed_ = static_cast<std::uint64_t>(created) | std::uint64_t{view.key.size()} << 48 |
            static_cast<std::uint64_t>(view.kind) << 59 | std::uint64_t{flags} << 61;
  char* to = reinterpret_cast<char*>(this + 1);
  const auto append = [&to](const void* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, from, bytes);
    to += bytes;
  };
  if (view.lifetime != kNever) append(&view.lifetime, sizeof(view.lifetime));
  if (!view.owner.empty()) {
    const auto owner_size = static_cast<std::uint16_t>(view.owner.size());
    append(&owner_size, sizeof(owner_size));
  }
  append(view.key.data(), view.key.size());
  append(view.value.data(), view.value.size());
  append(view.owner.data(), view.owner.size());
}

TimeMs Record::lifetime() const noexcept {
  if ((flags() & kHasLifetime) == 0) return kNever;
  TimeMs lifetime;
  std::memcpy(&lifetime, extras(), sizeof(lifetime));
  return lifetime;
}

std::size_t Record::owner_size() const noexcept {
  if (!has_owner()) return 0;
  std::uint16_t size;
  std::memcpy(&size, body() - sizeof(size), sizeof(size));
  return size;
}

std::string_view Record::owner() const noexcept {
  return {body() + key_size() + value_size_, owner_size()};
}

RecordView Record::view() const noexcept {
  return {.key = key(),
          .value = {body() + key_size(), value_size_},
          .owner = owner(),
          .kind = kind(),
          .version = version_,
          .deadline = deadline_,
          .lifetime = lifetime(),
          .created = created()};
}

void RecordDeleter::operator()(Record* record) const noexcept {
  const std::size_t bytes = record->allocation_bytes();
  record->~Record();
  explicit_bzero(static_cast<void*>(record), bytes);
  ::operator delete(static_cast<void*>(record));
}

}  // namespace cloakroom
