// What the verbs print with: nothing a stranger wrote reaches a terminal as it is.
#include "text/output.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/random_seed.h"
#include "reading/value_view.h"

namespace cloakroom::cli {
namespace {

std::string random_bytes(testing::Random& random) {
  constexpr std::string_view kAlphabet("\\x0af\x1b\n\xc3\xa9\xe2\x80\xae\xff\xed\xa0\x80 a", 19);
  std::string bytes(testing::below(random, std::size_t{12}), '\0');
  for (char& c : bytes) {
    c = testing::one_in(random, 4) ? static_cast<char>(random())
                                   : kAlphabet[testing::below(random, kAlphabet.size())];
  }
  return bytes;
}

TEST_CASE("escape: what a terminal would obey becomes \\xNN") {
  CHECK(escape("sess:1") == "sess:1");
  CHECK(escape("a\r\n\x1b[2J") == R"(a\x0d\x0a\x1b[2J)");
  CHECK(escape("back\\slash") == R"(back\\slash)");
  CHECK(escape("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  CHECK(escape("\xff\x7f") == R"(\xff\x7f)");
  CHECK(escape("\xc2\x9b") == R"(\xc2\x9b)");          // C1 control
  CHECK(escape("\xe2\x80\xae") == R"(\xe2\x80\xae)");  // right-to-left override
  CHECK(escape("\xed\xa0\x80") == R"(\xed\xa0\x80)");  // surrogate
  CHECK(escape("\xc0\xaf") == R"(\xc0\xaf)");          // overlong
  CHECK(escape("\xf0\x9f\x98") == R"(\xf0\x9f\x98)");  // cut short
  CHECK(escape(std::string_view("\0", 1)) == R"(\x00)");
}

TEST_CASE("escape: every string comes back, and prints only what is printable") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  for (int i = 0; i < 5'000; ++i) {
    const std::string bytes = random_bytes(random);
    const std::string text = escape(bytes);
    CHECK(unescape(text) == bytes);
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    });
    REQUIRE((printable && is_utf8(text)));
  }
}

TEST_CASE("unescape: what escape cannot have written is refused") {
  for (const char* text : {"\\", "\\n", "\\x", "\\x1", "\\xg0", "a\\"}) CHECK(!unescape(text));
}

TEST_CASE("output: durations, sizes and counts are told as people tell them") {
  CHECK(human_duration(250) == "250 ms");
  CHECK(human_duration(59'999) == "59 s");
  CHECK(human_duration(1'752'000) == "29 min 12 s");
  CHECK(human_duration(3'600'000) == "1 h");
  CHECK(human_duration(90'000'000) == "1 d 1 h");
  CHECK(human_duration(kNever) == "never");
  CHECK(human_duration(-5'000) == "-5 s");
  CHECK(human_duration(INT64_MIN).starts_with("-"));
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(65'536) == "64 KiB");
  CHECK(human_bytes(UINT64_MAX) == "16 EiB");
  CHECK(human_count(0) == "0");
  CHECK(human_count(999) == "999");
  CHECK(human_count(1'234'567) == "1,234,567");
  CHECK(human_nanos(480) == "480 ns");
  CHECK(human_nanos(1'200) == "1.20 us");
  CHECK(utc_time(1'769'850'000'500) == "2026-01-31 09:00:00");
  CHECK(utc_time(-1) == "1969-12-31 23:59:59");
  CHECK(!utc_time(INT64_MAX).empty());
}

TEST_CASE("output: durations are read as they are written") {
  CHECK(parse_duration("250ms") == 250);
  CHECK(parse_duration("90s") == 90'000);
  CHECK(parse_duration("15min") == 900'000);
  CHECK(parse_duration("2h") == 7'200'000);
  CHECK(parse_duration("7d") == 604'800'000);
  for (const char* text :
       {"", "5", "s", "-1s", "1.5h", "1 h", "9999999999999999999s", "1y", "99999999999999d"}) {
    CHECK_MESSAGE(!parse_duration(text), text);
  }
}

TEST_CASE("output: base64 is the one of RFC 4648") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("pretty_json: the same JSON, indented") {
  CHECK(pretty_json(R"({"b":1,"a":[1,{"x":2.50}],"e":{},"l":[]})") == R"({
  "b": 1,
  "a": [
    1,
    {
      "x": 2.50
    }
  ],
  "e": {},
  "l": []
})");
  CHECK(pretty_json(" { } ") == "{}");
}

TEST_CASE("pretty_json: order, duplicate names and digits stay") {
  const std::string text = R"({"z":1e300,"a":12345678901234567890123,"z":-0.10})";
  REQUIRE(is_json(text));
  const std::string pretty = pretty_json(text);
  CHECK(pretty == "{\n  \"z\": 1e300,\n  \"a\": 12345678901234567890123,\n  \"z\": -0.10\n}");
}

TEST_CASE("pretty_json: strings are safe on a terminal and still the same strings") {
  const std::string text = "[\"{,:}\\\"\\\\\", \"\xc2\x9b\x7f\xe2\x80\xae\xc3\xa9\"]";
  REQUIRE(is_json(text));
  const std::string pretty = pretty_json(text);
  CHECK(nlohmann::json::parse(pretty) == nlohmann::json::parse(text));
  CHECK(pretty.find("\\u009b\\u007f\\u202e\xc3\xa9") != std::string::npos);
}

TEST_CASE("pretty_json: hostile nesting costs neither stack nor space without bound") {
  const std::size_t depth = 500'000;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  REQUIRE(is_json(deep));
  CHECK(pretty_json(deep).size() < deep.size() * 70);
  CHECK(!is_json(std::string(depth, '[')));
}

TEST_CASE("is_json: objects and arrays of valid UTF-8") {
  CHECK(!is_json("true"));
  CHECK(!is_json("{\"a\":\"\xff\"}"));
  CHECK(hex_dump("{\"a\":1") ==
        "00000000  7b 22 61 22 3a 31                                |{\"a\":1|\n");
  CHECK(hex_dump(std::string(17, '\n')).find("00000010  0a ") != std::string::npos);
}

TEST_CASE("table: columns line up, wide characters of many bytes count once") {
  CHECK(columns_of("gr\xc3\xbc\xc3\x9f") == 4);
  CHECK(pad_right("\xc3\xbc", 3) == "\xc3\xbc  ");
  CHECK(pad_left("ab", 4) == "  ab");
  CHECK(pad_left("abcde", 4) == "abcde");
}

}  // namespace
}  // namespace cloakroom::cli
