#include "demo/shared.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cloakroom::cli {
namespace {

constexpr std::size_t kHeaderBytes = (sizeof(Shared) + 4095) / 4096 * 4096;
constexpr const char* kName = "the demo's shared memory";

}  // namespace

Result<SharedMemory> SharedMemory::create(std::size_t slots) {
  Fd fd(::memfd_create("cloakroom-demo", MFD_CLOEXEC));
  if (!fd) return io_error("create", kName, errno);
  const std::size_t bytes = kHeaderBytes + slots * sizeof(SessionSlot);
  // Sparse: only slots that are used take memory.
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return io_error("extend", kName, errno);
  }
  return map(std::move(fd), bytes);
}

Result<SharedMemory> SharedMemory::attach(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return io_error("find", kName, errno);
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes < kHeaderBytes) return io_error("read", kName, EINVAL);
  return map(Fd(fd), bytes);
}

Result<SharedMemory> SharedMemory::map(Fd fd, std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return io_error("map", kName, errno);
  return SharedMemory(std::move(fd), std::unique_ptr<void, Unmap>(memory, Unmap{bytes}));
}

SharedMemory::SharedMemory(Fd fd, std::unique_ptr<void, Unmap> memory)
    : fd_(std::move(fd)), memory_(std::move(memory)) {}

void SharedMemory::Unmap::operator()(void* memory) const noexcept { ::munmap(memory, bytes); }

SessionSlot* SharedMemory::slots() const noexcept {
  return reinterpret_cast<SessionSlot*>(static_cast<char*>(memory_.get()) + kHeaderBytes);
}

std::span<SessionSlot> SharedMemory::used(std::size_t thread) const noexcept {
  const Shared& shared = *operator->();
  return {slots() + thread * shared.plan.slots_per_thread,
          shared.threads[thread].slots_used.load(std::memory_order_acquire)};
}

void SharedMemory::fail(std::string_view text) const noexcept {
  Shared& shared = *operator->();
  if (shared.phase.exchange(Phase::kFailed) == Phase::kFailed) return;
  const std::size_t length = std::min(text.size(), shared.error_text.size() - 1);
  std::copy_n(text.data(), length, shared.error_text.data());
  shared.error_text[length] = '\0';
}

}  // namespace cloakroom::cli
