#include "cloakroom/cookies.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "support/random_seed.h"

using namespace cloakroom;
using namespace cloakroom::testing;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

struct Sent {
  std::string_view header;
  StatusCode code;
  std::string_view value = "";
};

// What find_cookie must answer for the name "sess".
void check_all(std::span<const Sent> table) {
  for (const Sent& sent : table) {
    CAPTURE(sent.header);
    const auto found = find_cookie(sent.header, "sess");
    CHECK(to_string(found.code()) == std::string_view(to_string(sent.code)));
    if (found.ok()) CHECK(*found == sent.value);
    CHECK(found.status().message().empty());
  }
}

std::vector<std::pair<std::string, std::string>> read_all(std::string_view header) {
  std::vector<std::pair<std::string, std::string>> all;
  for (CookieReader cookies(header); const auto cookie = cookies.next();) {
    all.emplace_back(cookie->name, cookie->value);
  }
  return all;
}

}  // namespace

// --- the request ---------------------------------------------------------------------------------

TEST_CASE("cookies: what browsers send is found") {
  check_all(std::vector<Sent>{
      {"sess=abc", StatusCode::kOk, "abc"},
      {"a=1; sess=abc; b=2", StatusCode::kOk, "abc"},
      {"a=1;sess=abc;b=2", StatusCode::kOk, "abc"},
      {"sess=abc=", StatusCode::kOk, "abc="},
      {"sess=a=b=c", StatusCode::kOk, "a=b=c"},
      {"sess=", StatusCode::kOk, ""},
      {"sess=\"abc\"", StatusCode::kOk, "abc"},
      {"sess=\"\"", StatusCode::kOk, ""},
      {"  \t sess \t = abc \t ; b=2", StatusCode::kOk, "abc"},
      {";;; ;sess=abc;;", StatusCode::kOk, "abc"},
      {"sess=%41%3B", StatusCode::kOk, "%41%3B"},  // nothing is decoded
      {"sess=abc; sess=abc", StatusCode::kOk, "abc"},
      {"sess=abc; sess=\"abc\"", StatusCode::kOk, "abc"},
      {"", StatusCode::kNotFound},
      {"a=1; b=2", StatusCode::kNotFound},
  });
}

TEST_CASE("cookies: a name is compared as a whole and byte by byte") {
  check_all(std::vector<Sent>{
      {"SESS=abc", StatusCode::kNotFound},
      {"xsess=abc", StatusCode::kNotFound},
      {"sessx=abc", StatusCode::kNotFound},
      {"ses=abc", StatusCode::kNotFound},
      {"\"sess\"=abc", StatusCode::kNotFound},
      {"s%65ss=abc", StatusCode::kNotFound},
      {"a=1, sess=abc", StatusCode::kNotFound},  // a comma separates nothing
      {"a=sess=abc", StatusCode::kNotFound},
      {"=sess=abc", StatusCode::kNotFound},  // a cookie without a name
      {"sess", StatusCode::kNotFound},
      {"sess; abc", StatusCode::kNotFound},
      {"$Version=1; sess=abc; $Path=/", StatusCode::kOk, "abc"},
  });
  for (const std::string_view bad :
       {""sv, "se ss"sv, "se=ss"sv, "se;ss"sv, "s\0"sv, "s\xc3\xa9"sv}) {
    CHECK(find_cookie("sess=abc", bad).code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("cookies: only a ';' ends a cookie, in quotes too") {
  check_all(std::vector<Sent>{
      // Were the quotes to hold the ';', the first cookie would swallow the session.
      {"a=\"x; sess=abc; b=y\"", StatusCode::kOk, "abc"},
      {"a=\"x; sess=abc", StatusCode::kOk, "abc"},
      {"a=x\\; sess=abc", StatusCode::kOk, "abc"},
      // And the session would swallow the next.
      {"sess=\"abc; secret=s3cr3t\"", StatusCode::kInvalidArgument},
      {"sess=\"abc", StatusCode::kInvalidArgument},
      {"sess=abc\"", StatusCode::kInvalidArgument},
      {"sess=\"", StatusCode::kInvalidArgument},
      {"sess=\"\"\"", StatusCode::kInvalidArgument},
      {"sess=\"a\\\"b\"", StatusCode::kInvalidArgument},
  });
}

TEST_CASE("cookies: a duplicate name with another value is no session at all") {
  check_all(std::vector<Sent>{
      {"sess=mine; sess=theirs", StatusCode::kConflict},
      {"sess=theirs; a=1; sess=mine; b=2", StatusCode::kConflict},
      {"sess=mine; sess=", StatusCode::kConflict},
      {"sess=; sess=mine", StatusCode::kConflict},
      {"sess=mine; sess=mine; sess=theirs", StatusCode::kConflict},
      {"sess=mine; sess=\"the", StatusCode::kConflict},
      {"sess=mine; SESS=theirs", StatusCode::kOk, "mine"},
  });
}

TEST_CASE("cookies: several headers count as one") {
  using Headers = std::vector<std::string_view>;
  const auto find = [](const Headers& headers) { return find_cookie(headers, "sess"); };
  CHECK(*find({"a=1", "sess=abc", "b=2"}) == "abc");
  CHECK(*find({"a=1; sess=abc", "sess=abc"}) == "abc");
  CHECK(find({"sess=abc", "sess=other"}).code() == StatusCode::kConflict);
  CHECK(find({"a=1", "b=2"}).code() == StatusCode::kNotFound);
  CHECK(find({}).code() == StatusCode::kNotFound);
  // A header boundary ends a cookie like a ';'.
  CHECK(find({"sess", "=abc"}).code() == StatusCode::kNotFound);
  CHECK(find({"sess=\"abc", "def\""}).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("cookies: bytes that we never send are not accepted, and harm no other cookie") {
  check_all(std::vector<Sent>{
      {"sess=a b", StatusCode::kInvalidArgument},
      {"sess=a,b", StatusCode::kInvalidArgument},
      {"sess=a\\b", StatusCode::kInvalidArgument},
      {"sess=caf\xc3\xa9", StatusCode::kInvalidArgument},
      {"sess=a\tb", StatusCode::kInvalidArgument},
      // A cookie with a control character does not exist.
      {"sess=a\0b"sv, StatusCode::kNotFound},
      {"sess=a\r\nSet-Cookie: x=y", StatusCode::kNotFound},
      {"se\x01ss=a", StatusCode::kNotFound},
      {"sess=a\x7f", StatusCode::kNotFound},
      {"sess\0=a"sv, StatusCode::kNotFound},
      // What scripts put into other cookies is their affair.
      {"j={\"a\": [1, 2]}; sess=abc", StatusCode::kOk, "abc"},
      {"u=\xff\xfe\x80; sess=abc; caf\xc3\xa9=1", StatusCode::kOk, "abc"},
      {"u=\0; sess=abc"sv, StatusCode::kOk, "abc"},
      {"foo[bar]=1; sess=abc", StatusCode::kOk, "abc"},
  });
}

TEST_CASE("cookies: a header over the limit is not read") {
  const std::string cookie = "sess=abc; pad=";
  const std::string full = cookie + std::string(kCookieHeaderBytesMax - cookie.size(), 'x');
  CHECK(*find_cookie(full, "sess") == "abc");
  CHECK(read_all(full).size() == 2);
  CHECK(find_cookie(full + "x", "sess").code() == StatusCode::kTooLarge);
  CHECK(read_all(full + "x").empty());
  const std::vector<std::string_view> headers = {full, "a"};
  CHECK(find_cookie(headers, "sess").code() == StatusCode::kTooLarge);
}

TEST_CASE("cookies: a header of nothing but separators takes one pass") {
  for (const char c : std::string_view(";= \t\",")) {
    const std::string header(kCookieHeaderBytesMax, c);
    CHECK(find_cookie(header, "sess").code() == StatusCode::kNotFound);
    CHECK(read_all(header).empty());
  }
}

TEST_CASE("cookies: the reader gives the named ones in order") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(read_all("b=2; a=1; b=3; none; =x; q=\"z\"; e=") ==
        Pairs{{"b", "2"}, {"a", "1"}, {"b", "3"}, {"q", "z"}, {"e", ""}});
  CHECK(read_all("").empty());
  CookieReader ended("a=1");
  CHECK(ended.next().has_value());
  CHECK_FALSE(ended.next().has_value());
  CHECK_FALSE(ended.next().has_value());
}

// --- the answer ----------------------------------------------------------------------------------

TEST_CASE("cookies: the defaults are the safe ones") {
  CHECK(check_cookie_options({}).ok());
  CHECK(*set_cookie({}, "abc") == "__Host-sess=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
  CHECK(*delete_cookie({}) ==
        "__Host-sess=; Path=/; Secure; HttpOnly; SameSite=Lax; "
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0");
}

TEST_CASE("cookies: every attribute is written as asked for") {
  CHECK(*set_cookie({.name = "__Secure-id",
                     .http_only = false,
                     .same_site = SameSite::kNone,
                     .path = "/app",
                     .domain = "example.com",
                     .max_age = 90s,
                     .partitioned = true},
                    "v") ==
        "__Secure-id=v; Path=/app; Domain=example.com; Secure; SameSite=None; Partitioned; "
        "Max-Age=90");
  CHECK(*set_cookie({.name = "id", .secure = false, .same_site = SameSite::kStrict}, "") ==
        "id=; Path=/; HttpOnly; SameSite=Strict");
  // The browser's key for it is name, Path, Domain and Partitioned: the deletion repeats them.
  CHECK(*delete_cookie({.name = "id",
                        .path = "/app",
                        .domain = "example.com",
                        .max_age = 90s,
                        .partitioned = true}) ==
        "id=; Path=/app; Domain=example.com; Secure; HttpOnly; SameSite=Lax; Partitioned; "
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0");
}

TEST_CASE("cookies: what browsers would drop or misread is refused, with the remedy") {
  struct Refused {
    CookieOptions options;
    std::string_view remedy;  // a part of the message
  };
  const std::vector<Refused> table = {
      {{.name = ""}, "name must be"},
      {{.name = "a b"}, "name must be"},
      {{.name = "a;b"}, "name must be"},
      {{.name = "a=b"}, "name must be"},
      {{.name = "a\r\nX-Evil: 1"}, "name must be"},
      {{.name = "caf\xc3\xa9"}, "name must be"},
      {{.name = std::string(5000, 'n')}, "shorten it"},
      {{.name = "__Host-"}, "append a name"},
      {{.name = "__host-sess"}, "spell a prefix exactly"},
      {{.name = "__SECURE-sess"}, "spell a prefix exactly"},
      {{.secure = false}, "needs secure"},
      {{.path = "/app"}, "needs the path \"/\""},
      {{.domain = "example.com"}, "allows no domain"},
      {{.name = "__Secure-s", .secure = false}, "needs secure"},
      {{.name = "__Http-s", .http_only = false}, "need http_only"},
      {{.name = "__Host-Http-s", .http_only = false}, "need http_only"},
      {{.name = "__Host-Http-s", .path = "/app"}, "needs the path \"/\""},
      {{.name = "s", .secure = false, .same_site = SameSite::kNone}, "needs secure"},
      {{.name = "s", .secure = false, .partitioned = true}, "needs secure"},
      {{.name = "s", .path = ""}, "begin with \"/\""},
      {{.name = "s", .path = "app"}, "begin with \"/\""},
      {{.name = "s", .path = "/; Domain=evil.example"}, "percent-encode"},
      {{.name = "s", .path = "/\r\nSet-Cookie: a=b"}, "percent-encode"},
      {{.name = "s", .path = "/\xc3\xa9"}, "percent-encode"},
      {{.name = "s", .path = "/" + std::string(1024, 'p')}, "1024 bytes"},
      {{.name = "s", .domain = ".example.com"}, "without outer dots"},
      {{.name = "s", .domain = "example.com."}, "without outer dots"},
      {{.name = "s", .domain = "a..b"}, "without outer dots"},
      {{.name = "s", .domain = "a.b; Path=/x"}, "host name"},
      {{.name = "s",
        .domain = "b\xc3\xbc"
                  "cher.example"},
       "host name"},
      {{.name = "s", .max_age = 0s}, "delete_cookie()"},
      {{.name = "s", .max_age = -1s}, "delete_cookie()"},
      {{.name = "s", .max_age = kCookieMaxAgeMax + 1s}, "ask for less"},
  };
  for (const Refused& refused : table) {
    CAPTURE(refused.options.name);
    CAPTURE(refused.remedy);
    const Status checked = check_cookie_options(refused.options);
    CHECK(checked.code() == StatusCode::kInvalidArgument);
    CHECK(checked.message().find(refused.remedy) != std::string::npos);
    CHECK(set_cookie(refused.options, "v").status().message() == checked.message());
    if (!refused.options.max_age) {
      CHECK(delete_cookie(refused.options).code() == StatusCode::kInvalidArgument);
    }
  }
  CHECK(check_cookie_options({.max_age = kCookieMaxAgeMax}).ok());
  CHECK(check_cookie_options({.name = "__Host-Http-s"}).ok());
}

TEST_CASE("cookies: a value that no cookie can carry is refused and not repeated") {
  for (const std::string_view bad : {"a b"sv, "a;b"sv, "a,b"sv, "a\"b"sv, "a\\b"sv,
                                     "a\r\nSet-Cookie: x=y"sv, "a\0b"sv, "\x7f"sv, "\xc3\xa9"sv}) {
    const auto refused = set_cookie({}, bad);
    CHECK(refused.code() == StatusCode::kInvalidArgument);
    CHECK(refused.status().message().find(bad) == std::string::npos);
  }
  const std::string longest(kCookieBytesMax - CookieOptions{}.name.size(), 'v');
  CHECK(set_cookie({}, longest).ok());
  const auto too_long = set_cookie({}, longest + "v");
  CHECK(too_long.code() == StatusCode::kTooLarge);
  CHECK(too_long.status().message().find("vv") == std::string::npos);
}

// --- random --------------------------------------------------------------------------------------

namespace {

// Text of the bytes that matter to a parser of cookies, so that they meet in every order.
std::string random_text(Random& random, std::size_t size) {
  static constexpr std::string_view kBytes =
      "sess=;=; \t\",\\$\0\r\n\x7f\x80\xff"
      "ab__Host-"sv;
  std::string text(size, '\0');
  for (char& c : text) c = kBytes[below(random, kBytes.size())];
  return text;
}

// The rules of cookies.h once more, as slowly and plainly as possible.
StatusCode expected_code(std::string_view header, std::string& value) {
  std::vector<std::string> pairs(1);
  for (const char c : header) {
    if (c == ';')
      pairs.emplace_back();
    else
      pairs.back() += c;
  }
  const auto strip = [](std::string text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.erase(0, 1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    return text;
  };
  std::map<std::string, int> values;
  for (const std::string& pair : pairs) {
    bool control = false;
    for (const char c : pair) control |= (c >= 0 && c < 32 && c != '\t') || c == 127;
    const std::size_t at = pair.find('=');
    if (control || at == std::string::npos || strip(pair.substr(0, at)) != "sess") continue;
    std::string one = strip(pair.substr(at + 1));
    if (one.size() > 1 && one.front() == '"' && one.back() == '"')
      one = one.substr(1, one.size() - 2);
    ++values[one];
  }
  if (values.empty()) return StatusCode::kNotFound;
  if (values.size() > 1) return StatusCode::kConflict;
  value = values.begin()->first;
  for (const char c : value) {
    if (c <= ' ' || c == 127 || c == '"' || c == ',' || c == '\\')
      return StatusCode::kInvalidArgument;
  }
  return StatusCode::kOk;
}

}  // namespace

TEST_CASE("cookies: any bytes at all are read by the rules") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  std::map<StatusCode, int> seen;
  for (int i = 0; i < 200'000; ++i) {
    std::string header = random_text(random, below(random, 24));
    if (!one_in(random, 3)) header += ";sess=" + random_text(random, below(random, 4));
    if (one_in(random, 3)) header += "; sess=" + random_text(random, below(random, 3));
    CAPTURE(header);
    std::string value;
    const StatusCode code = expected_code(header, value);
    const auto found = find_cookie(header, "sess");
    REQUIRE(found.code() == code);
    if (found.ok()) REQUIRE(*found == value);
    ++seen[code];
  }
  for (const StatusCode code : {StatusCode::kOk, StatusCode::kNotFound, StatusCode::kConflict,
                                StatusCode::kInvalidArgument}) {
    CHECK(seen[code] > 1000);  // The generator reaches every answer.
  }
}

TEST_CASE("cookies: what is set is what is found, and a header is one line") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    CookieOptions options{.name = random_text(random, 1 + below(random, 3))};
    if (one_in(random, 2)) options.path = "/" + random_text(random, below(random, 4));
    if (one_in(random, 4)) options.domain = random_text(random, below(random, 4));
    const std::string value = random_text(random, below(random, 4));
    const auto header = set_cookie(options, value);
    if (!header) continue;
    ++accepted;
    CAPTURE(*header);
    for (const char c : *header) REQUIRE((c >= ' ' && c < 127));
    // The browser sends back what stands before the first ';' of it.
    const std::string sent = "q=1; " + header->substr(0, header->find(';')) + "; z=2";
    const auto found = find_cookie(sent, options.name);
    REQUIRE(found.ok());
    REQUIRE(*found == value);
  }
  CHECK(accepted > 500);
}
