// libFuzzer on what verify and repair read a store's files with. The first byte picks the reader;
// blocks get the checksum that makes them pass, or nothing behind it would ever be reached.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/decompress.h"
#include "base/hash.h"
#include "journal/rocks_batch.h"
#include "offline/log_walk.h"
#include "offline/ring_scan.h"
#include "offline/rocks_filter.h"
#include "offline/table_block.h"
#include "offline/table_walk.h"

namespace cloakroom {
namespace {

std::string with_trailer(std::string_view content, std::uint8_t compression) {
  constexpr std::uint32_t kPrime = 0x6b9083d9;
  std::string block(content);
  put_u8(block, compression);
  put_u32(block, static_cast<std::uint32_t>(checksum64(content)) ^ (compression * kPrime));
  return block;
}

// Everything that may follow once the checksum is right.
void read_block(std::string_view content, std::uint8_t compression) {
  const std::string block = with_trailer(content, compression);
  std::string opened;
  if (!open_block(block, opened)) return;
  for (BlockEntries entries(opened); entries.next();) (void)parse_data_key(entries.key());
  (void)parse_index(opened);
  std::string found;
  if (const auto size = find_block(block, found); size && *size > block.size()) std::abort();
}

void read_log(std::string bytes) {
  LogWalk walk(std::move(bytes));
  for (LogRecord record; walk.next(record);) (void)parse_batch(record.bytes);
}

// A table whose first block is the input, and a footer that names it as index and metaindex.
void read_table(const std::string& directory, std::string_view bytes) {
  const std::string path = directory + "/000001.sst";
  std::string file = with_trailer(bytes, 0);
  std::string footer;
  put_u8(footer, 4);
  for (int i = 0; i < 2; ++i) {
    put_varint(footer, 0);
    put_varint(footer, bytes.size());
  }
  footer.resize(41);
  put_u32(footer, 5);
  put_u64(footer, 0x88e241b785f4cff7U);
  if (!bytes.empty() && bytes[0] % 4 != 0) file += footer;  // else blocks are looked for
  std::ofstream(path, std::ios::binary | std::ios::trunc) << file;
  const auto walk = TableWalk::open(path);
  if (!walk) std::abort();
  for (TableEntry entry; (*walk)->next(entry);) (void)(*walk)->may_hold(entry.key, {}, {});
}

void read_ring(const std::string& directory, std::string_view bytes) {
  std::string file(Ring::kHeaderBytes, '\0');
  const std::string_view front = bytes.substr(0, 64);
  file.replace(1024, front.size(), front);
  file += bytes;
  std::ofstream(directory + "/RING", std::ios::binary | std::ios::trunc) << file;
  const auto ring = RingScan::read(directory);
  if (!ring) std::abort();
  for (const RingFrame& frame : ring->frames(ring->salt())) (void)frame.version();
  (void)ring->other_salt_at(16);
  (void)ring->gap_at(32, ring->salt());
}

void read(std::uint8_t which, std::string_view bytes, const std::string& directory) {
  std::string out;
  switch (which % 8) {
    case 0:
      return read_log(std::string(bytes));
    case 1:
      each_change(bytes, [](const LoggedChange&) {});
      return;
    case 2:
      return read_block(bytes, 0);
    case 3:
      return read_block(bytes, 4);
    case 4:
      return read_block(bytes, 1);
    case 5:
      return read_table(directory, bytes);
    case 6:
      return read_ring(directory, bytes);
    default:
      if (const auto filter = RocksFilter::open(std::string(bytes))) (void)filter->may_hold("key");
      (void)find_block(bytes, out);
  }
}

}  // namespace
}  // namespace cloakroom

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string directory = [] {
    std::string name = "/tmp/cloakroom-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    return name;
  }();
  if (size == 0) return 0;
  cloakroom::read(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1}, directory);
  return 0;
}
