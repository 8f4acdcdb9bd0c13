#include "offline/ring_scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/coding.h"
#include "base/file.h"
#include "base/hash.h"
#include "journal/disk_record.h"
#include "journal/frame.h"
#include "journal/ring_layout.h"

namespace cloakroom {

using namespace ring_layout;

namespace {

constexpr std::uint64_t kCapacityMax = std::uint64_t{1} << 30;

bool all_zeros(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// The version that a frame says it has: that of the record it puts.
std::optional<Version> own_version(std::string_view body) {
  std::vector<Frame> frames;
  if (!parse_frames(body, frames)) return std::nullopt;
  for (const Frame& frame : frames) {
    if (frame.type != Mutation::Type::kPut) continue;
    if (const auto record = parse_record(frame.key, frame.payload)) return record->version;
  }
  return std::nullopt;
}

}  // namespace

Result<RingScan> RingScan::read(const std::string& dir) {
  const std::string path = dir + "/" + kRingName;
  const Result<bool> there = surely_exists(path);
  if (!there) return there.status();
  if (!*there) return Status(StatusCode::kNotFound, path + " is missing");
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return io_error("open", path, errno);
  const auto file_bytes = static_cast<std::uint64_t>(info.st_size);
  RingScan scan;
  Result<std::string> header = read_at(*fd, path, Ring::kHeaderBytes, 0);
  if (!header) return header.status();
  scan.header_ = *std::move(header);
  scan.header_.resize(Ring::kHeaderBytes);
  scan.read_header(file_bytes);
  if (scan.capacity_ == 0) return scan;
  Result<std::string> data =
      read_at(*fd, path, static_cast<std::size_t>(scan.capacity_), Ring::kHeaderBytes);
  if (!data) return data.status();
  scan.data_ = *std::move(data);
  scan.data_.resize(static_cast<std::size_t>(scan.capacity_));
  scan.data_.append(std::string(scan.data_));
  scan.find_frames();
  return scan;
}

void RingScan::read_header(std::uint64_t file_bytes) {
  const std::string_view bytes(header_);
  Reader reader(bytes.substr(kMagic.size()));
  const std::uint32_t format = reader.u32();
  const std::uint32_t header_bytes = reader.u32();
  const std::uint64_t capacity = reader.u64();
  const std::string_view id = reader.bytes(sizeof(Ring::Id));
  const std::uint64_t checksum = reader.u64();
  const bool sound = bytes.starts_with(kMagic) && format == kFormat &&
                     checksum == checksum64(bytes.substr(0, kIdentityBytes - 8)) &&
                     header_bytes == Ring::kHeaderBytes && std::has_single_bit(capacity) &&
                     capacity <= kCapacityMax;
  if (sound) {
    capacity_ = capacity;
    store_.emplace();
    std::memcpy(store_->data(), id.data(), store_->size());
  } else {
    damages_.push_back({0, "the header does not match its checksum"});
    const std::uint64_t rest = file_bytes - std::min<std::uint64_t>(file_bytes, Ring::kHeaderBytes);
    if (rest >= Ring::kUnit && rest <= kCapacityMax) capacity_ = std::bit_ceil(rest);
  }
  if (sound && file_bytes != Ring::kHeaderBytes + capacity_) {
    damages_.push_back({file_bytes, file_bytes < Ring::kHeaderBytes + capacity_
                                        ? "it is cut short"
                                        : "it is longer than it should be"});
  }
  std::memcpy(boot_.data(), bytes.data() + kBootAt, boot_.size());
  salt_ = load_u64(bytes.data() + kSaltAt);
  released_ = load_u64(bytes.data() + kReleasedAt);
  const std::uint64_t time_checksum = load_u64(bytes.data() + kTimeChecksumAt);
  if (time_checksum != 0 &&
      time_checksum != checksum64(bytes.substr(kBootAt, kTimeChecksumAt - kBootAt))) {
    damages_.push_back({kBootAt, "boot id and time do not match their checksum"});
  }
  std::size_t at = kIdentityBytes;
  const std::size_t written[][2] = {
      {kBootAt, 32}, {kSaltAt, 8}, {kReleasedAt, 8}, {bytes.size(), 0}};
  for (const auto& [next, count] : written) {
    if (!all_zeros(bytes.substr(at, next - at))) {
      damages_.push_back({at, "bytes that are not zeros in the header, where nothing is written"});
    }
    at = next + count;
  }
}

std::string_view RingScan::bytes_at(std::uint64_t offset, std::uint64_t count) const {
  return std::string_view(data_).substr(static_cast<std::size_t>(offset),
                                        static_cast<std::size_t>(count));
}

// Frames do not overlap, so what is hashed in a sound ring is no more than the ring. Bytes that
// were made to look like frames everywhere must not keep anybody for hours.
void RingScan::find_frames() {
  constexpr std::uint64_t kTurnsMax = 64;
  std::uint64_t budget = kTurnsMax * capacity_;
  for (std::uint64_t at = 0; at + Ring::kUnit <= capacity_; at += Ring::kUnit) {
    const char* const frame = data_.data() + at;
    const std::uint64_t size = load_u32(frame + kSizeAt);
    const std::uint64_t body_bytes = load_u32(frame + kBodySizeAt);
    if (size > capacity_ || size < Ring::kFrameHeaderBytes || !is_frame_size(size, body_bytes)) {
      continue;
    }
    if (body_bytes > budget) return;
    budget -= body_bytes;
    const Found found{.offset = at,
                      .commit = load_u64(frame),
                      .size = size,
                      .body = bytes_at(at + Ring::kFrameHeaderBytes, body_bytes)};
    if (load_u64(frame + kChecksumAt) == frame_checksum(found.body, found.commit, size)) {
      found_.push_back(found);
    }
  }
}

std::vector<RingFrame> RingScan::frames(std::uint64_t salt) const {
  std::vector<RingFrame> frames;
  for (const Found& found : found_) {
    const std::uint64_t begin = found.commit ^ salt;
    if ((begin & (capacity_ - 1)) != found.offset || begin >> 60 != 0) continue;
    frames.push_back({.begin = begin, .end = begin + found.size, .body = found.body});
  }
  std::ranges::sort(frames, {}, &RingFrame::begin);
  return frames;
}

std::optional<std::uint64_t> RingScan::other_salt_at(std::uint64_t position) const {
  for (const Found& found : found_) {
    if (found.offset != (position & (capacity_ - 1))) continue;
    const auto version = own_version(found.body);
    if (!version || *version * Ring::kUnit != position + found.size) continue;
    const std::uint64_t salt = found.commit ^ position;
    if (salt != salt_) return salt;
  }
  return std::nullopt;
}

RingScan::Gap RingScan::gap_at(std::uint64_t position, std::uint64_t salt) const {
  if (capacity_ == 0) return Gap::kNothing;
  const std::uint64_t offset = position & (capacity_ - 1);
  const char* const frame = data_.data() + offset;
  const std::uint64_t commit = position ^ salt;
  if (load_u64(frame) == commit) return Gap::kDamaged;
  const std::uint64_t size = load_u32(frame + kSizeAt);
  const std::uint64_t body_bytes = load_u32(frame + kBodySizeAt);
  if (size > capacity_ || size < Ring::kFrameHeaderBytes || !is_frame_size(size, body_bytes)) {
    return Gap::kNothing;
  }
  const std::string_view body = bytes_at(offset + Ring::kFrameHeaderBytes, body_bytes);
  const bool whole = load_u64(frame + kChecksumAt) == frame_checksum(body, commit, size);
  return whole ? Gap::kNearly : Gap::kNothing;
}

}  // namespace cloakroom
