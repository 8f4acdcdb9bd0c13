#include "journal/rocks_crc.h"

#include <fcntl.h>
#include <rocksdb/file_checksum.h>

#include <memory>

#include "base/file.h"

namespace cloakroom {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;

// Its public face is the checksum of a file.
std::unique_ptr<rocksdb::FileChecksumGenerator> make_generator() {
  static const std::shared_ptr<rocksdb::FileChecksumGenFactory> factory =
      rocksdb::GetFileChecksumGenCrc32cFactory();
  return factory->CreateFileChecksumGenerator(rocksdb::FileChecksumGenContext());
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  const auto generator = make_generator();
  generator->Update(bytes.data(), bytes.size());
  generator->Finalize();
  std::uint32_t crc = 0;
  for (const char byte : generator->GetChecksum()) {
    crc = crc << 8 | static_cast<unsigned char>(byte);
  }
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

Result<std::string> crc32c_of_file(const std::string& path) {
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return fd.status();
  const auto generator = make_generator();
  for (std::uint64_t at = 0;;) {
    const Result<std::string> bytes = read_at(*fd, path, kReadBytes, at);
    if (!bytes) return bytes.status();
    generator->Update(bytes->data(), bytes->size());
    at += bytes->size();
    if (bytes->size() < kReadBytes) break;
  }
  generator->Finalize();
  return generator->GetChecksum();
}

}  // namespace cloakroom
