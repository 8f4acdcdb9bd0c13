// Replies, patterns, numbers, and the names of sixteen databases.
#include "resp/text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>

#include "resp/glob.h"
#include "resp/notifications.h"
#include "resp/reply.h"
#include "store/keyspace.h"

namespace cloakroom::resp {
namespace {

using namespace std::string_literals;

template <class F>
std::string said(int protocol, F&& f) {
  std::string out;
  Reply reply(out, protocol);
  f(reply);
  return out;
}

}  // namespace

TEST_CASE("reply: each protocol has its own types") {
  const auto all = [](Reply& reply) {
    reply.null();
    reply.null_array();
    reply.map(1);
    reply.set(2);
    reply.push(3);
    reply.number(1.5);
    reply.boolean(true);
    reply.verbatim("x");
    reply.integer(INT64_MIN);
    reply.bulk(std::string_view("\0\r\n", 3));
  };
  CHECK(said(2, all) ==
        "$-1\r\n*-1\r\n*2\r\n*2\r\n*3\r\n$3\r\n1.5\r\n:1\r\n$1\r\nx\r\n"
        ":-9223372036854775808\r\n$3\r\n\0\r\n\r\n"s);
  CHECK(said(3, all) ==
        "_\r\n_\r\n%1\r\n~2\r\n>3\r\n,1.5\r\n#t\r\n=5\r\ntxt:x\r\n"
        ":-9223372036854775808\r\n$3\r\n\0\r\n\r\n"s);
}

TEST_CASE("reply: an error quotes no line end and no more than fits") {
  const std::string out = said(2, [](Reply& reply) { reply.error("ERR a\r\n+OK\r\n"); });
  CHECK(out == "-ERR a  +OK  \r\n");
  const std::string longest =
      said(2, [](Reply& reply) { reply.error("ERR " + std::string(100'000, 'x')); });
  CHECK(longest.size() == kErrorBytesMax + 3);
}

TEST_CASE("glob: stars, sets, ranges and escapes") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("sess:*", "sess:abc"));
  CHECK_FALSE(glob_matches("sess:*", "sess"));
  CHECK(glob_matches("h?llo", "hallo"));
  CHECK_FALSE(glob_matches("h?llo", "hllo"));
  CHECK(glob_matches("h[ae]llo", "hello"));
  CHECK_FALSE(glob_matches("h[^e]llo", "hello"));
  CHECK(glob_matches("h[a-b]llo", "hbllo"));
  CHECK(glob_matches("h[b-a]llo", "hbllo"));
  CHECK(glob_matches("\\*", "*"));
  CHECK_FALSE(glob_matches("\\*", "x"));
  CHECK(glob_matches("[\\]]", "]"));
  CHECK(glob_matches("a*b*c", "aXXbYYbZc"));
  CHECK_FALSE(glob_matches("a*b*c", "aXXbYYbZ"));
  CHECK(glob_matches("GeT", "get", true));
  CHECK(glob_matches("[abc", "b"));
  CHECK_FALSE(glob_matches("", "x"));
  CHECK(glob_prefix("sess:*") == "sess:");
}

TEST_CASE("glob: a pattern made to be slow is not") {
  std::string pattern;
  for (int i = 0; i < 300; ++i) pattern += "a*";
  pattern += "b";
  // Exponential matchers do not return from this.
  CHECK_FALSE(glob_matches(pattern, std::string(5000, 'a')));
}

TEST_CASE("text: integers have one form") {
  CHECK(parse_int("0") == 0);
  CHECK(parse_int("-12") == -12);
  CHECK(parse_int("9223372036854775807") == INT64_MAX);
  CHECK(parse_int("-9223372036854775808") == INT64_MIN);
  for (const char* wrong :
       {"", "-", "+1", "01", "-0", " 1", "1 ", "1x", "9223372036854775808", "0x1", "--1"}) {
    CHECK_FALSE(parse_int(wrong));
  }
  CHECK(parse_uint("18446744073709551615") == UINT64_MAX);
  CHECK_FALSE(parse_uint("-1"));
}

TEST_CASE("text: floats are read and written as Redis does") {
  CHECK(parse_double("inf") == HUGE_VAL);
  CHECK(parse_double("-1e3") == -1000.0);
  for (const char* wrong : {"", " 1", "1 ", "nan", "x", "1e999"}) CHECK_FALSE(parse_double(wrong));
  CHECK(format_double(3.1) == "3.1000000000000001");
  CHECK(format_double(17) == "17");
  CHECK(format_double(-HUGE_VAL) == "-inf");
  CHECK(format_long_double(10.5L + 0.1L) == "10.6");
  CHECK(format_long_double(5.0e3L) == "5000");
  CHECK(format_long_double(-0.0L) == "0");
}

TEST_CASE("keyspace: the store's name of a key tells its database, and no two are the same") {
  std::set<std::string> stored;
  const std::string keys[] = {"",
                              "k",
                              std::string("\0", 1),
                              std::string("\0\0", 2),
                              std::string("\0\1k", 3),
                              std::string("\1", 1),
                              "\xff"};
  for (int database = 0; database < kDatabases; ++database) {
    for (const std::string& key : keys) {
      const std::string name = store_key(database, key);
      CHECK(stored.insert(name).second);
      const auto back = database_key(name);
      REQUIRE(back);
      CHECK(back->database == database);
      CHECK(back->key == key);
    }
  }
  CHECK(store_key(0, "sess:1") == "sess:1");
  CHECK_FALSE(database_key(private_key('T', "sess:1")));
}

TEST_CASE("notifications: classes are read and told in Redis's letters") {
  CHECK(notify_letters(*parse_notify_classes("KEA")) == "AKE");
  CHECK(notify_letters(*parse_notify_classes("Ex")) == "xE");
  CHECK(notify_letters(*parse_notify_classes("g$lshzxetdKE")) == "AKE");
  CHECK(notify_letters(*parse_notify_classes("")) == "");
  CHECK_FALSE(parse_notify_classes("Ey"));
}

}  // namespace cloakroom::resp
