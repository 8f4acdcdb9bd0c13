#include "journal/expiry_filter.h"

#include "journal/disk_record.h"

namespace cloakroom {

bool ExpiryFilter::Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
                          bool*) const {
  if (!rule_.active.load(std::memory_order_acquire)) return false;
  const std::string_view record_key(key.data(), key.size());
  const std::string_view bytes(value.data(), value.size());
  GrantedDeadline granted;
  if (family_ == FilteredFamily::kRecords) {
    const auto record = parse_record(record_key, bytes);
    if (!record) return false;  // damage is kept: it is evidence, and verify must find it
    granted = {.version = record->version, .deadline = record->deadline};
  } else {
    const auto parsed = parse_deadline(record_key, bytes);
    if (!parsed) return false;
    granted = *parsed;
  }
  if (granted.deadline >= rule_.now() || !rule_.dead_check(record_key, granted.version)) {
    return false;
  }
  rule_.dropped.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace cloakroom
