#include "offline/table_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/coding.h"

namespace cloakroom {
namespace {

constexpr std::size_t kFooterBytes = 53;
constexpr std::size_t kHandlesBytes = 41;
constexpr std::uint64_t kMagic = 0x88e241b785f4cff7U;
constexpr std::uint32_t kFormatVersion = 5;
constexpr std::uint8_t kXxh3 = 4;
constexpr std::size_t kAheadBytes = std::size_t{256} << 10;
constexpr std::size_t kSearchBytes = std::size_t{17} << 20;  // what a block may have, and some

struct Footer {
  BlockPlace metaindex;
  BlockPlace index;
};

std::optional<Footer> parse_footer(std::string_view bytes) {
  Reader end(bytes.substr(kHandlesBytes));
  if (end.u32() != kFormatVersion || end.u64() != kMagic) return std::nullopt;
  Reader reader(bytes.substr(0, kHandlesBytes));
  if (reader.u8() != kXxh3) return std::nullopt;
  Footer footer;
  footer.metaindex = {.offset = reader.varint(), .size = reader.varint()};
  footer.index = {.offset = reader.varint(), .size = reader.varint()};
  const bool padded = reader.rest().find_first_not_of('\0') == std::string_view::npos;
  return reader.ok() && padded ? std::optional(footer) : std::nullopt;
}

std::optional<std::uint64_t> varint_of(std::string_view value) {
  Reader reader(value);
  const std::uint64_t number = reader.varint();
  return reader.ok() && reader.empty() ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<TableWalk>> TableWalk::open(const std::string& path) {
  Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return io_error("open", path, errno);
  std::unique_ptr<TableWalk> walk(
      new TableWalk(path, *std::move(fd), static_cast<std::uint64_t>(info.st_size)));
  walk->read_layout();
  return walk;
}

std::optional<std::string_view> TableWalk::bytes_at(std::uint64_t offset, std::uint64_t count,
                                                    std::size_t ahead) {
  if (offset > bytes_ || count > bytes_ - offset) return std::nullopt;
  const bool here = offset >= window_offset_ && offset - window_offset_ <= window_.size() &&
                    count <= window_.size() - (offset - window_offset_);
  if (!here) {
    const auto wanted = static_cast<std::size_t>(std::max<std::uint64_t>(count, ahead));
    Result<std::string> read = read_at(fd_, path_, wanted, offset);
    // Something ahead cannot be read: this may be readable all the same.
    if (!read && wanted > count)
      read = read_at(fd_, path_, static_cast<std::size_t>(count), offset);
    if (!read || read->size() < count) return std::nullopt;
    window_ = *std::move(read);
    window_offset_ = offset;
  }
  return std::string_view(window_).substr(static_cast<std::size_t>(offset - window_offset_),
                                          static_cast<std::size_t>(count));
}

bool TableWalk::load(const BlockPlace& place) {
  if (place.size > bytes_ || place.offset > bytes_) return false;
  const auto bytes = bytes_at(place.offset, place.size + kBlockTrailerBytes, kAheadBytes);
  return bytes && open_block(*bytes, content_);
}

void TableWalk::damaged(std::uint64_t offset, std::uint64_t bytes, std::string what,
                        bool entries_lost) {
  TableDamage damage{
      .offset = offset, .bytes = bytes, .what = std::move(what), .entries_lost = entries_lost};
  if (entries_lost && has_last_) damage.after = last_key_;
  damages_.push_back(std::move(damage));
}

void TableWalk::read_layout() {
  if (bytes_ < kFooterBytes) {
    return damaged(0, bytes_, "the file is cut short: it has no footer", false);
  }
  const std::uint64_t footer_at = bytes_ - kFooterBytes;
  const auto bytes = bytes_at(footer_at, kFooterBytes, 0);
  const auto footer = bytes ? parse_footer(*bytes) : std::nullopt;
  if (!footer) {
    return damaged(footer_at, kFooterBytes, "the footer is damaged or cut off", false);
  }
  std::vector<BlockPlace> places{footer->metaindex, footer->index};
  if (load(footer->index)) {
    if (auto index = parse_index(content_)) {
      indexed_ = true;
      index_ = *std::move(index);
    }
  }
  if (!indexed_) damaged(footer->index.offset, footer->index.size, "the index is damaged", false);
  std::optional<BlockPlace> properties;
  bool whole = indexed_;
  if (load(footer->metaindex)) {
    BlockEntries entries(content_);
    while (entries.next()) {
      Reader reader(entries.value());
      const BlockPlace place{.offset = reader.varint(), .size = reader.varint()};
      if (!reader.ok()) continue;
      places.push_back(place);
      if (entries.key() == "rocksdb.properties") properties = place;
      if (entries.key().starts_with("fullfilter.")) filter_place_ = place;
    }
  } else {
    whole = false;
    damaged(footer->metaindex.offset, footer->metaindex.size, "the metaindex is damaged", false);
  }
  for (std::size_t i = 2; i < places.size(); ++i) {
    if (load(places[i])) continue;
    damaged(places[i].offset, places[i].size, "a block of the filter or the properties is damaged",
            false);
    if (properties && properties->offset == places[i].offset) properties.reset();
    if (filter_place_ && filter_place_->offset == places[i].offset) filter_place_.reset();
  }
  if (properties) read_properties(*properties);
  if (whole) check_gaps(std::move(places));
}

void TableWalk::read_properties(const BlockPlace& place) {
  if (!load(place)) return;
  BlockEntries entries(content_);
  while (entries.next()) {
    if (entries.key() == "rocksdb.column.family.id") {
      properties_.family = varint_of(entries.value());
    } else if (entries.key() == "rocksdb.num.entries") {
      properties_.entries = varint_of(entries.value());
    }
  }
}

// The blocks follow one another without a gap: otherwise there would be bytes nobody has checked.
void TableWalk::check_gaps(std::vector<BlockPlace> places) {
  places.insert(places.end(), index_.begin(), index_.end());
  std::ranges::sort(places, {}, &BlockPlace::offset);
  std::uint64_t at = 0;
  for (const BlockPlace& place : places) {
    if (place.offset != at || place.size > bytes_) break;
    at = place.end();
  }
  if (at == bytes_ - kFooterBytes) return;
  damaged(at, bytes_ - kFooterBytes - at, "bytes that belong to no block", false);
}

bool TableWalk::next(TableEntry& entry) {
  while (true) {
    if (!in_block_ && !next_block()) return false;
    if (entries_.next()) {
      const auto key = parse_data_key(entries_.key());
      if (!key || !accept(*key)) {
        damaged(block_, block_end_ - block_, "an entry that cannot be, in a block that checks",
                true);
        continue;
      }
      for (; unbounded_ < damages_.size(); ++unbounded_) {
        if (damages_[unbounded_].entries_lost) damages_[unbounded_].before = key->user;
      }
      entry = {.key = key->user,
               .value = entries_.value(),
               .sequence = key->sequence,
               .block = block_,
               .erased = key->erased};
      ++entries_read_;
      return true;
    }
    if (!entries_.sound()) {
      damaged(block_, block_end_ - block_, "entries that do not fit, in a block that checks", true);
    }
    in_block_ = false;
  }
}

bool TableWalk::may_hold(std::string_view key, std::string_view smallest,
                         std::string_view largest) {
  if (!filter_ && filter_place_) {
    const BlockPlace place = *std::exchange(filter_place_, std::nullopt);
    const auto bytes = bytes_at(place.offset, place.size + kBlockTrailerBytes, 0);
    std::string contents;
    if (bytes && open_block(*bytes, contents)) filter_ = RocksFilter::open(std::move(contents));
    const bool tested = has_last_ || !smallest.empty();
    const auto knows = [&](std::string_view known) {
      return known.empty() || filter_->may_hold(known);
    };
    if (filter_ && !(tested && knows(last_key_) && knows(smallest) && knows(largest))) {
      filter_.reset();
    }
  }
  return !filter_ || filter_->may_hold(key);
}

// Keys ascend, of one key the newest state comes first. A block out of place is none of the file.
bool TableWalk::accept(const DataKey& key) {
  if (has_last_ &&
      (key.user < last_key_ || (key.user == last_key_ && key.sequence >= last_sequence_))) {
    return false;
  }
  has_last_ = true;
  last_key_.assign(key.user);
  last_sequence_ = key.sequence;
  if (filter_ && !filter_->may_hold(key.user)) filter_.reset();
  return true;
}

bool TableWalk::next_block() { return indexed_ ? next_indexed_block() : next_found_block(); }

bool TableWalk::begin_block(std::uint64_t offset) {
  block_ = offset;
  entries_ = BlockEntries(content_);
  in_block_ = true;
  return true;
}

bool TableWalk::next_indexed_block() {
  while (next_in_index_ < index_.size()) {
    const BlockPlace place = index_[next_in_index_++];
    if (load(place)) {
      block_end_ = place.end();
      return begin_block(place.offset);
    }
    damaged(place.offset, place.size + kBlockTrailerBytes,
            place.end() > bytes_ ? "a block is cut off" : "a block does not match its checksum",
            true);
  }
  return false;
}

// A block that holds keys before those already read is the index, or a leftover: passed over.
bool TableWalk::next_found_block() {
  const std::uint64_t from = searched_;
  for (; searched_ < bytes_; ++searched_) {
    const std::uint64_t left = bytes_ - searched_;
    const auto count = std::min<std::uint64_t>(left, kSearchBytes);
    const auto bytes = bytes_at(searched_, count, 2 * kSearchBytes);
    if (!bytes) continue;
    const auto found = find_block(*bytes, content_);
    if (!found) continue;
    BlockEntries entries(content_);
    const bool any = entries.next();
    const auto first = any ? parse_data_key(entries.key()) : std::nullopt;
    if (!first || (has_last_ && first->user < last_key_)) continue;
    if (searched_ != from) {
      damaged(from, searched_ - from, "bytes that are no block", true);
    }
    const std::uint64_t offset = searched_;
    searched_ += *found;
    block_end_ = searched_;
    return begin_block(offset);
  }
  // Also when the file ends with a whole block: what followed it may be cut off.
  if (!std::exchange(end_told_, true)) {
    damaged(from, bytes_ - from, "bytes that are no block of records, up to the end of the file",
            true);
  }
  return false;
}

}  // namespace cloakroom
