// The decoders of values: what they show of real formats, and that nothing a stranger can put into
// a value makes them read too far, take too much or print a control character.
#include <doctest/doctest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/base64url.h"
#include "base/coding.h"
#include "reading/value_view.h"
#include "support/random_seed.h"
#include "text/output.h"
#include "values/outline.h"

namespace cloakroom::cli {
namespace {

using namespace std::string_literals;
using testing::Random;

std::string in_base64url(std::string_view bytes) {
  return base64url({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

std::string compressed(std::string_view bytes) {
  uLongf size = ::compressBound(bytes.size());
  std::string out(size, '\0');
  REQUIRE(::compress(reinterpret_cast<Bytef*>(out.data()), &size,
                     reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == Z_OK);
  out.resize(size);
  return out;
}

// Signed at 1695116712, which is 1qiXI8 in base 62.
std::string django(std::string_view data) {
  return in_base64url(data) + ":1qiXI8:" + std::string(43, 's');
}

struct Sample {
  std::string format;
  std::string value;
  std::string text;  // what is shown begins so
};

std::vector<Sample> samples() {
  const std::string json = R"({"user":7,"cart":[]})";
  const std::string pretty = "{\n  \"user\": 7,\n  \"cart\": []\n}\n";
  const std::string laravel = R"(a:1:{s:6:"_token";s:3:"abc";})";
  const std::string hash(64, 'f');
  return {
      {"JSON", json, pretty},
      {"MessagePack",
       "\x83\xa4user\x07\xa4"
       "cart\x92\xc3\xc0\xa1"
       "f\xcb\x40\x04\0\0\0\0\0\0"s,
       "{\n  \"user\": 7,\n  \"cart\": [\n    true,\n    null\n  ],\n  \"f\": 2.5\n}\n"},
      {"MessagePack",
       "\x94\xd1\xff\x38\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xc4\x02\x01\x02\xd6\xff\x65\x92\0\x80"s,
       "[\n  -200,\n  18446744073709551615,\n  <2 bytes: 01 02>,\n  2024-01-01 00:00:00 UTC\n]\n"},
      {"PHP serialized", R"(a:3:{i:0;s:1:"x";i:1;b:1;s:4:"name";d:0.5;})",
       "[\n  \"x\",\n  true,\n  \"name\": 0.5\n]\n"},
      {"PHP serialized", "O:4:\"User\":2:{s:2:\"id\";i:7;s:7:\"\0*\0mail\";N;}"s,
       "User {\n  \"id\": 7,\n  protected \"mail\": null\n}\n"},
      {"PHP serialized", R"(a:2:{i:0;C:3:"Bag":3:{a"b}i:1;E:9:"Suit:Club";})",
       "[\n  Bag <\"a\\\"b\">,\n  Suit:Club\n]\n"},
      {"PHP serialized, in a string",
       "s:" + std::to_string(laravel.size()) + ":\"" + laravel + "\";",
       "[\n  \"_token\": \"abc\"\n]\n"},
      {"JSON, in a string of PHP", "s:20:\"" + json + "\";", pretty},
      {"PHP session", R"(lang|s:5:"en-GB";cart|a:1:{i:5;i:2;}!gone|)",
       "\"lang\": \"en-GB\"\n\"cart\": [\n  5: 2\n]\n\"gone\": <no value>\n"},
      {"Django, signed 2023-09-19 09:45:12 UTC (the signature is not checked)", django(json),
       pretty},
      {"Django, signed 2023-09-19 09:45:12 UTC (the signature is not checked), compressed",
       "." + django(compressed(json)), pretty},
      {"Django before 3.1 (its hash is not checked)", base64(hash + ":" + json), pretty},
      {"Django before 3.1 (its hash is not checked), Python pickle, protocol 4 (loading one runs "
       "its "
       "code)",
       base64(hash + ":\x80\x04]\x94."s), "00000000"},
      {"Python pickle, protocol 4 (loading one runs its code)", "\x80\x04]\x94."s, "00000000"},
      {"Java serialized, an object of class \"java.util.HashMap\"",
       "\xac\xed\0\x05sr\0\x11java.util.HashMap"s, "00000000"},
      {"Java serialized string",
       "\xac\xed\0\x05t\0\x03"
       "abc"s,
       "\"abc\"\n"},
      {"Ruby Marshal (loading it makes its objects)", "\x04\x08{\0"s, "00000000"},
      {"PHP igbinary 2", "\0\0\0\2\x14\0"s, "00000000"},
      {"text", "plain words", "plain words\n"},
      {"bytes", "\xff\xfe"s, "00000000"},
      {"empty", "", ""},
  };
}

// What holds for every value, whatever it is.
void check_shown(std::string_view value) {
  const ValueView view = view_value(value);
  CHECK(!view.format.empty());
  CHECK(view.text.empty() == value.empty());
  // The most that a byte of JSON or of a hex dump becomes; what was decoded has its own bound.
  CHECK(view.text.size() <= 80 * (value.size() + 2) + Outline::kTextBytesMax);
  bool printable = true;
  for (std::string_view rest = view.text; !rest.empty() && printable;) {
    const std::size_t length = printable_prefix(rest);
    printable = length > 0 || rest[0] == '\n' || (rest[0] == '\t' && view.format == "text");
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  CHECK_MESSAGE(printable, escape(value));
}

TEST_CASE("values: every format is recognised and shown") {
  for (const Sample& sample : samples()) {
    const ValueView view = view_value(sample.value);
    CHECK(view.format == sample.format);
    CHECK_MESSAGE(view.text.starts_with(sample.text), view.text);
    check_shown(sample.value);
  }
}

TEST_CASE("values: what is cut short anywhere, or has a byte too much, is shown all the same") {
  for (const Sample& sample : samples()) {
    for (std::size_t size = 0; size <= sample.value.size(); ++size) {
      check_shown(std::string_view(sample.value).substr(0, size));
    }
    for (const char* more : {"}", ";", "\0", "\xff"}) check_shown(sample.value + more);
  }
}

TEST_CASE("values: random bytes, and samples with random damage") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const std::vector<Sample> all = samples();
  for (int round = 0; round < 20'000; ++round) {
    std::string value = all[random() % all.size()].value;
    if (value.empty() || round % 4 == 0) value.resize(random() % 64);
    const std::uint64_t damages = 1 + random() % 4;
    for (std::uint64_t i = 0; i < damages && !value.empty(); ++i) {
      const std::size_t at = random() % value.size();
      switch (random() % 3) {
        case 0:
          value[at] = static_cast<char>(random());
          break;
        case 1:
          value.erase(at, random() % 8);
          break;
        default:
          value.insert(at, value.substr(random() % value.size(), random() % 16));
      }
    }
    check_shown(value);
  }
}

TEST_CASE("values: nesting without end neither recurses nor grows the output without bound") {
  constexpr std::size_t kDeep = 200'000;
  std::string php;
  std::string deep_json;
  for (std::size_t i = 0; i < kDeep; ++i) php += "a:1:{i:0;";
  for (std::size_t i = 0; i < kDeep; ++i) deep_json += "[";
  for (std::size_t i = 0; i < kDeep; ++i) deep_json += "]";
  check_shown(php);
  check_shown("n|" + php);
  check_shown(deep_json);
  check_shown(std::string(kDeep, '\x91') + '\xc0');
  check_shown(std::string(kDeep, '\x81'));
  // A string in a string, and so on.
  std::string nested = "N;";
  for (int i = 0; i < 1000; ++i)
    nested = "s:" + std::to_string(nested.size()) + ":\"" + nested + "\";";
  check_shown(nested);
}

TEST_CASE("values: a zero byte behind JSON does not hide what follows it") {
  const std::string value = "{\"a\":1}\0\x1b[2J\""s;
  CHECK(!is_json(value));
  check_shown(value);
}

TEST_CASE("values: lengths that are claimed are not believed") {
  for (const std::string& value :
       {"\xdd\xff\xff\xff\xff"s, "\xdf\xff\xff\xff\xff\xa1x"s, "\x91\xc6\xff\xff\xff\xff"s,
        "\x91\xc9\xff\xff\xff\xff\x01"s, "\x91\xdb\xff\xff\xff\xff"s}) {
    CHECK(view_value(value).format == "bytes");
  }
  for (const char* value : {R"(s:18446744073709551615:"x";)", R"(a:9223372036854775808:{})",
                            R"(a:4000000000:{i:0;i:1;})", R"(O:4000000000:"x":0:{})",
                            R"(s:99999999999999999999999999:"x";)", R"(s:-1:"x";)",
                            R"(i:99999999999999999999;)", R"(C:1:"x":4000000000:{})"}) {
    CHECK(view_value(value).format == "text");
  }
}

TEST_CASE("values: of a long one the end is cut, and it says so") {
  std::string value = "\xdd\0\x10\0\0"s + std::string(1 << 20, '\x01');
  const ValueView view = view_value(value);
  CHECK(view.format == "MessagePack");
  CHECK(view.text.size() < Outline::kTextBytesMax + 100);
  CHECK(view.text.ends_with("... cut after 1 MiB; --raw writes all\n"));
}

TEST_CASE("values: a stream that inflates without end is not Django's") {
  const std::string bomb = compressed(std::string(64 << 20, ' '));
  CHECK(bomb.size() < 100'000);
  CHECK(view_value("." + django(bomb)).format == "text");
}

TEST_CASE("values: hostile strings inside are escaped") {
  const ValueView view = view_value("\x91\xa6\x1b[2J\"\\"s);
  CHECK(view.text == "[\n  \"\\x1b[2J\\\"\\\\\"\n]\n");
}

TEST_CASE("members: sets and sorted sets") {
  std::string set("\1\2", 2);
  put_string(set, "a");
  put_string(set, "b");
  std::vector<std::string> seen;
  const auto note = [&](std::string_view member, std::optional<double> score) {
    seen.push_back(std::string(member) + (score ? "=" + number_text(*score) : ""));
  };
  CHECK(decode_members(set, note));
  CHECK(seen == std::vector<std::string>{"a", "b"});
  std::string sorted("\2\1", 2);
  put_u64(sorted, 0x3ff8000000000000);
  put_string(sorted, "m");
  seen.clear();
  CHECK(decode_members(sorted, note));
  CHECK(seen == std::vector<std::string>{"m=1.5"});
  for (const std::string& bad :
       {""s, "\1"s, "\3\0"s, "\1\2\1a"s, set + "x", "\1\xff\xff\xff\x7f"s}) {
    CHECK(decode_members(bad, note).code() == StatusCode::kCorruption);
  }
}

// CLOAKROOM_PAYLOADS names a file of JSON Lines with real sessions in `value` or `value_base64`.
TEST_CASE("values: samples of real stacks" *
          doctest::skip(std::getenv("CLOAKROOM_PAYLOADS") == nullptr)) {
  std::ifstream lines(std::getenv("CLOAKROOM_PAYLOADS"));
  std::map<std::string, std::map<std::string, int>> formats;
  for (std::string line; std::getline(lines, line);) {
    const auto sample = nlohmann::json::parse(line);
    const std::string name = sample["framework"];
    if (sample.contains("value")) {
      const std::string value = sample["value"];
      check_shown(value);
      ++formats[name][view_value(value).format.substr(0, 20)];
    } else if (sample.contains("value_base64")) {
      std::string url = sample["value_base64"];
      while (url.ends_with('=')) url.pop_back();
      for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
      std::string bytes(url.size() * 3 / 4, '\0');
      REQUIRE(
          base64url_decode(url, {reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()}));
      check_shown(bytes);
      ++formats[name][view_value(bytes).format.substr(0, 20)];
    }
  }
  for (const auto& [name, counts] : formats) {
    for (const auto& [format, count] : counts) MESSAGE(name << ": " << format << ": " << count);
    CHECK(!counts.contains("bytes"));
    CHECK(!counts.contains("text"));
  }
}

}  // namespace
}  // namespace cloakroom::cli
