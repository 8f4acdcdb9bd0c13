// What a core dump would hold of a session that has ended: the whole memory of the process is read.
//
// The texts that are looked for are made at run time and kept masked, so that the test itself does
// not hold them. A text is found before the session ends, which proves that the search works.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "cloakroom/sessions.h"
#include "support/manual_clock.h"
#include "support/store_fixture.h"

// A sanitizer keeps freed memory and maps terabytes of shadow: there the question has no meaning.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace cloakroom::testing {
namespace {

constexpr char kMask = 0x55;

std::string masked(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c ^ kMask);
  return out;
}

// How often the text behind the mask lies in the memory of this process, the buffer of the search
// left out.
class MemorySearch {
 public:
  explicit MemorySearch(std::vector<std::string> masked_texts)
      : texts_(std::move(masked_texts)), memory_(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}

  std::vector<int> run() {
    std::vector<int> found(texts_.size());
    std::ifstream maps("/proc/self/maps");
    std::vector<std::string> lines;
    for (std::string line; std::getline(maps, line);) lines.push_back(line);
    for (const std::string& line : lines) {
      std::uint64_t begin = 0;
      std::uint64_t end = 0;
      std::array<char, 5> rights{};
      if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights.data()) != 3) continue;
      if (rights[0] == 'r' && rights[1] == 'w') search(begin, end, found);
    }
    explicit_bzero(buffer_.data(), buffer_.size());
    return found;
  }

 private:
  static constexpr std::size_t kChunk = std::size_t{1} << 20;
  static constexpr std::size_t kOverlap = 256;

  void search(std::uint64_t begin, std::uint64_t end, std::vector<int>& found) {
    const auto own = reinterpret_cast<std::uint64_t>(buffer_.data());
    for (std::uint64_t at = begin; at < end; at += kChunk - kOverlap) {
      const std::size_t wanted = std::min<std::uint64_t>(kChunk, end - at);
      const ::ssize_t got =
          ::pread(memory_.get(), buffer_.data(), wanted, static_cast<::off_t>(at));
      if (got <= 0) continue;
      for (::ssize_t i = 0; i < got; ++i) buffer_[static_cast<std::size_t>(i)] ^= kMask;
      const std::string_view seen(buffer_.data(), static_cast<std::size_t>(got));
      for (std::size_t t = 0; t < texts_.size(); ++t) {
        for (std::size_t i = seen.find(texts_[t]); i != std::string_view::npos;
             i = seen.find(texts_[t], i + 1)) {
          const std::uint64_t where = at + i;
          if (where < own || where >= own + buffer_.size()) ++found[t];
        }
      }
    }
  }

  std::vector<std::string> texts_;
  Fd memory_;
  std::vector<char> buffer_ = std::vector<char>(kChunk);
};

// A text that nobody has in memory: `seed` makes it another one.
std::string make_canary(char seed) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text.push_back(static_cast<char>('a' + (seed * 7 + i * i * 5 + i) % 26));
  }
  return text;
}

// Frames of calls that have returned are overwritten by the next ones sooner or later; here at
// once, so that the outcome does not hang on the compiler.
[[gnu::noinline]] void clear_dead_frames() {
  std::array<char, std::size_t{64} << 10> frame;
  explicit_bzero(frame.data(), frame.size());
}

}  // namespace

TEST_CASE("security: when a session has ended, nothing of it is left in memory") {
  ManualClock clock;
  Store store = memory_store(clock);
  SessionsOptions options;
  options.background = false;
  Sessions sessions(store, options);
  REQUIRE_OK(sessions.status());

  std::vector<std::string> texts;
  {
    std::string value = make_canary(3);
    texts.push_back(masked(value));
    auto session = sessions.create({.owner = "alice"});
    REQUIRE_OK(session);
    texts.push_back(masked(session->token()));
    session->set("cart", value);
    REQUIRE_OK(sessions.save(*session));
    auto again = sessions.load(session->token());
    REQUIRE_OK(again);
    CHECK(again->get("cart") == value);
    MemorySearch search(texts);
    const std::vector<int> before = search.run();
    CHECK(before[0] > 0);
    CHECK(before[1] > 0);
    REQUIRE_OK(sessions.destroy(*session));
    explicit_bzero(value.data(), value.size());
  }
  for (int i = 0; i < 3; ++i) (void)store.sweep();  // what readers may still have held is freed
  clear_dead_frames();
  MemorySearch search(texts);
  const std::vector<int> after = search.run();
  CHECK(after[0] == 0);  // the value
  CHECK(after[1] == 0);  // the token
}

}  // namespace cloakroom::testing

#endif
