#include "contestant.h"

#include <unistd.h>

#include <array>

namespace cloakroom::bench {

void Contestant::load(const Dataset& dataset) {
  const std::unique_ptr<Lane> lane = this->lane();
  std::array<char, kKeyBytes> key{};
  for (std::uint64_t index = 0; index < dataset.sessions(); ++index) {
    write_key(index, key.data());
    lane->put({key.data(), key.size()}, dataset.value(index));
  }
}

pid_t Contestant::process() const { return ::getpid(); }

}  // namespace cloakroom::bench
