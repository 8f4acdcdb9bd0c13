#include "base/base64url.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

std::vector<unsigned char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("base64url: the examples of RFC 4648, without padding") {
  const std::vector<std::pair<std::string, std::string>> examples{
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : examples) {
    CHECK(base64url(bytes_of(plain)) == encoded);
    std::vector<unsigned char> decoded(plain.size());
    CHECK(base64url_decode(encoded, decoded));
    CHECK(decoded == bytes_of(plain));
  }
  CHECK(base64url(std::vector<unsigned char>{0xfb, 0xff}) == "-_8");
}

TEST_CASE("base64url: one byte string has one text") {
  std::vector<unsigned char> one(1);
  std::vector<unsigned char> two(2);
  CHECK(base64url_decode("Zg", one));
  CHECK_FALSE(base64url_decode("Zh", one));   // spare bits
  CHECK_FALSE(base64url_decode("Zm9", two));  // spare bits
  CHECK_FALSE(base64url_decode("Zg==", one));
  CHECK_FALSE(base64url_decode("Z", one));
  CHECK_FALSE(base64url_decode("Zm8", one));
  CHECK_FALSE(base64url_decode("Z+", one));
  CHECK_FALSE(base64url_decode("Z/", one));
  CHECK_FALSE(base64url_decode("Z\xff", one));
  CHECK_FALSE(base64url_decode(std::string_view("Z\0", 2), one));
}

TEST_CASE("base64url: random bytes come back, and no changed character gives the same bytes") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<unsigned char> plain(below(random, 50));
    for (unsigned char& byte : plain) byte = static_cast<unsigned char>(random());
    std::string text = base64url(plain);
    REQUIRE(text.size() == base64url_chars(plain.size()));
    std::vector<unsigned char> decoded(plain.size());
    REQUIRE(base64url_decode(text, decoded));
    REQUIRE(decoded == plain);
    if (text.empty()) continue;
    char& changed = text[below(random, text.size())];
    changed = static_cast<char>(changed ^ (1 << below(random, 8)));
    REQUIRE((!base64url_decode(text, decoded) || decoded != plain));
  }
}

}  // namespace cloakroom::testing
