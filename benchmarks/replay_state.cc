#include "replay_state.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "failure.h"

namespace cloakroom::bench {
namespace {

std::size_t bytes_for(std::size_t keys) noexcept {
  return sizeof(ReplayState) + keys * sizeof(std::uint32_t);
}

[[noreturn]] void fail(const char* what) {
  throw Failure(
      fmt::format("cannot {} the memory shared with the replay: {}", what, std::strerror(errno)));
}

}  // namespace

SharedReplayState::SharedReplayState(std::size_t keys)
    : file_(::memfd_create("cloakroom-replay", MFD_CLOEXEC)) {
  if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(bytes_for(keys))) != 0) fail("create");
  map(keys);
}

SharedReplayState::SharedReplayState(int fd, std::size_t keys) : file_(fd) {
  if (::lseek(fd, 0, SEEK_END) != static_cast<off_t>(bytes_for(keys))) {
    throw Failure("child-replay is started by replay only", kExitUsage);
  }
  map(keys);
}

SharedReplayState::~SharedReplayState() { ::munmap(state_, bytes_); }

void SharedReplayState::map(std::size_t keys) {
  bytes_ = bytes_for(keys);
  void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (memory == MAP_FAILED) fail("map");
  // A memory file begins as zeros, which is what every member means by "nothing yet".
  state_ = static_cast<ReplayState*>(memory);
  last_write_ = {reinterpret_cast<std::uint32_t*>(state_ + 1), keys};
}

}  // namespace cloakroom::bench
