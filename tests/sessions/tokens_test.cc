// Tokens: drawn, proven, hashed; and what is no token of ours.
#include "sessions/tokens.h"

#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "base/random.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

using Verdict = TokenKeys::Verdict;

TokenKeys keys_of(const std::vector<std::string>& masters, std::string_view name = "sess") {
  auto keys = TokenKeys::derive(masters, name);
  REQUIRE_OK(keys);
  return *std::move(keys);
}

TokenText draw(const TokenKeys& keys, Digest& digest) {
  TokenText token;
  REQUIRE_OK(
      keys.draw([](std::span<unsigned char> out) { return random_bytes(out); }, token, digest));
  return token;
}

std::string_view view(const TokenText& token) { return {token.data(), token.size()}; }

const std::string kOld(32, 'o');
const std::string kNew(32, 'n');

}  // namespace

TEST_CASE("tokens: what was drawn is ours, with the same digest every time") {
  const TokenKeys keys = keys_of({kNew});
  Digest drawn;
  const TokenText token = draw(keys, drawn);
  Digest checked;
  CHECK(keys.check(view(token), checked) == Verdict::kOurs);
  CHECK(checked == drawn);
  CHECK(keys_of({kNew}).check(view(token), checked) == Verdict::kOurs);
  CHECK(checked == drawn);
}

TEST_CASE("tokens: any changed bit makes it a forgery or no token at all") {
  const TokenKeys keys = keys_of({kNew});
  Digest digest;
  const TokenText token = draw(keys, digest);
  for (std::size_t at = 0; at < token.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      TokenText changed = token;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      CHECK(keys.check(view(changed), digest) != Verdict::kOurs);
    }
  }
}

TEST_CASE("tokens: random texts of the right form are forgeries") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TokenKeys keys = keys_of({kNew, kOld});
  Digest digest;
  for (int round = 0; round < 100'000; ++round) {
    TokenText token;
    for (char& c : token)
      c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random() & 63];
    REQUIRE(keys.check(view(token), digest) != Verdict::kOurs);
  }
}

TEST_CASE("tokens: other keys and other names prove other tokens") {
  Digest digest;
  const TokenText token = draw(keys_of({kNew}), digest);
  CHECK(keys_of({kOld}).check(view(token), digest) == Verdict::kForged);
  CHECK(keys_of({kNew}, "admin").check(view(token), digest) == Verdict::kForged);
}

TEST_CASE("tokens: after a rotation the old key still proves, and the first one draws") {
  Digest old_digest;
  Digest new_digest;
  Digest digest;
  const TokenText old_token = draw(keys_of({kOld}), old_digest);
  const TokenKeys both = keys_of({kNew, kOld});
  CHECK(both.check(view(old_token), digest) == Verdict::kOurs);
  CHECK(digest == old_digest);
  const TokenText new_token = draw(both, new_digest);
  CHECK(keys_of({kNew}).check(view(new_token), digest) == Verdict::kOurs);
  CHECK(digest == new_digest);
  CHECK(keys_of({kNew}).check(view(old_token), digest) == Verdict::kForged);
  CHECK(both.ids().size() == 2);
  CHECK(both.ids()[1] == keys_of({kOld}).ids()[0]);
}

TEST_CASE("tokens: a key tells its digest, and foreign keys have none") {
  Digest digest;
  (void)draw(keys_of({kNew}), digest);
  const RecordKey key("sess", digest);
  CHECK(key.view().size() == 48);
  Digest parsed;
  REQUIRE(RecordKey::parse("sess", key.view(), parsed));
  CHECK(parsed == digest);
  CHECK_FALSE(RecordKey::parse("ses", key.view(), parsed));
  CHECK_FALSE(RecordKey::parse("sess2", key.view(), parsed));
  CHECK_FALSE(RecordKey::parse("sess", "sess:meta", parsed));
  CHECK_FALSE(RecordKey::parse("sess", "sess", parsed));
  CHECK_FALSE(RecordKey::parse("sess", "", parsed));
}

TEST_CASE("tokens: parent and child of a fork never draw the same") {
  const TokenKeys keys = keys_of({kNew});
  Digest digest;
  (void)draw(keys, digest);  // whatever state there could be, is there
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  constexpr int kChildren = 4;
  constexpr int kEach = 50;
  std::set<std::string> tokens;
  for (int child = 0; child < kChildren; ++child) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      std::string all;
      for (int i = 0; i < kEach; ++i) all += view(draw(keys, digest));
      const bool written =
          ::write(ends[1], all.data(), all.size()) == static_cast<ssize_t>(all.size());
      ::_exit(written ? 0 : 1);
    }
    int status = 1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(status == 0);
    std::string all(kEach * kTokenChars, '\0');
    REQUIRE(::read(ends[0], all.data(), all.size()) == static_cast<ssize_t>(all.size()));
    for (std::size_t i = 0; i < kEach; ++i) tokens.insert(all.substr(i * kTokenChars, kTokenChars));
  }
  for (int i = 0; i < kEach; ++i) tokens.emplace(view(draw(keys, digest)));
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(tokens.size() == (kChildren + 1) * kEach);
}

}  // namespace cloakroom::testing
