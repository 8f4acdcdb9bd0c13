// Strings as rows of bits, at their ends. What random bits answer is the differential test's.
#include <string>

#include "harness.h"

namespace cloakroom::resp {

TEST_CASE("resp: a bit can be set, cleared and read wherever it lies") {
  Harness h;
  CHECK(h.say("GETBIT k 100") == ":0\r\n");
  CHECK(h.say("SETBIT k 7 1") == ":0\r\n");
  CHECK(h.say("SETBIT k 7 0") == ":1\r\n");
  CHECK(h.say("STRLEN k") == ":1\r\n");
  CHECK(h.say("SETBIT k 9 1") == ":0\r\n");
  CHECK(h.say("GETRANGE k 1 1") == "$1\r\n@\r\n");
  CHECK(h.say("SETBIT k 4294967296 1") == "-ERR bit offset is not an integer or out of range\r\n");
  CHECK(h.say("SETBIT k -1 1") == "-ERR bit offset is not an integer or out of range\r\n");
  CHECK(h.say("SETBIT k 1 2") == "-ERR bit is not an integer or out of range\r\n");
  CHECK(h.say("SADD s m") == ":1\r\n");
  CHECK(h.say("SETBIT s 1 1").starts_with("-WRONGTYPE"));
  CHECK(h.say("GETBIT s 1").starts_with("-WRONGTYPE"));
}

TEST_CASE("resp: BITCOUNT counts bytes or bits from either end") {
  Harness h;
  CHECK(h.say("SET k foobar") == "+OK\r\n");
  CHECK(h.say("BITCOUNT k") == ":26\r\n");
  CHECK(h.say("BITCOUNT k 1 1") == ":6\r\n");
  CHECK(h.say("BITCOUNT k 5 30 BIT") == ":17\r\n");
  CHECK(h.say("BITCOUNT k -1 -1") == ":4\r\n");
  CHECK(h.say("BITCOUNT k -2 -100 x") == ":0\r\n");  // decided before the unit is looked at
  CHECK(h.say("BITCOUNT k -1 -5") == ":0\r\n");
  CHECK(h.say("BITCOUNT k 1") == "-ERR syntax error\r\n");
  CHECK(h.say("BITCOUNT none 1 1 word") == ":0\r\n");
}

TEST_CASE("resp: BITPOS finds clear bits behind a string unless its end was given") {
  Harness h;
  std::string ones(3, '\xff');
  CHECK(h.say(h.first(), {"SET", "k", ones}) == "+OK\r\n");
  CHECK(h.say("BITPOS k 0") == ":24\r\n");
  CHECK(h.say("BITPOS k 0 1") == ":24\r\n");
  CHECK(h.say("BITPOS k 0 0 -1") == ":-1\r\n");
  CHECK(h.say("BITPOS k 1 1") == ":8\r\n");
  CHECK(h.say("BITPOS k 1 9 20 BIT") == ":9\r\n");
  // Ends out of order that clamping lets meet: BITPOS looks at the byte, BITCOUNT at none.
  CHECK(h.say("BITPOS k 1 -2 -100") == h.say("BITPOS k 1 1 0"));
  CHECK(h.say("SET one a") == "+OK\r\n");
  CHECK(h.say("BITPOS one 1 -2 -100 BYTE") == ":1\r\n");
  CHECK(h.say("BITCOUNT one -2 -100") == ":0\r\n");
  CHECK(h.say("BITPOS none 1") == ":-1\r\n");
  CHECK(h.say("BITPOS none 0") == ":0\r\n");
  CHECK(h.say("BITPOS k 2") == "-ERR The bit argument must be 1 or 0.\r\n");
}

TEST_CASE("resp: BITOP combines strings of different lengths, and erases when all are empty") {
  Harness h;
  CHECK(h.say("SET a abc") == "+OK\r\n");
  CHECK(h.say("SET b a") == "+OK\r\n");
  CHECK(h.say("BITOP XOR out a b") == ":3\r\n");
  CHECK(h.say(h.first(), {"GETRANGE", "out", "1", "2"}) == "$2\r\nbc\r\n");
  CHECK(h.say("BITOP NOT out out") == ":3\r\n");
  CHECK(h.say("GETBIT out 0") == ":1\r\n");
  CHECK(h.say("BITOP AND out none none") == ":0\r\n");
  CHECK(h.say("EXISTS out") == ":0\r\n");
  CHECK(h.say("BITOP NOT out a b") ==
        "-ERR BITOP NOT must be called with a single source key.\r\n");
  CHECK(h.say("BITOP NAND out a") == "-ERR syntax error\r\n");
}

}  // namespace cloakroom::resp
