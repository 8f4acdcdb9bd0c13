// The parser: what it reads, split wherever a packet may end, and what it refuses.
#include "resp/parser.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/random_seed.h"

namespace cloakroom::resp {
namespace {

using Words = std::vector<std::string>;
using Commands = std::vector<Words>;

// Everything that `pieces` hold, and the error, if any.
struct Parsed {
  Commands commands = {};
  std::string error = {};
};

void drain(Parser& parser, Parsed& parsed) {
  for (;;) {
    switch (parser.next()) {
      case Parser::Outcome::kCommand:
        parsed.commands.emplace_back(parser.args().begin(), parser.args().end());
        break;
      case Parser::Outcome::kNeedMore:
        return;
      case Parser::Outcome::kError:
        parsed.error = parser.error();
        return;
    }
  }
}

Parsed parse(const std::vector<std::string_view>& pieces, const ParserLimits& limits = {}) {
  Parser parser(limits);
  Parsed parsed;
  for (const auto piece : pieces) {
    parser.feed(piece);
    drain(parser, parsed);
    if (!parsed.error.empty()) break;
  }
  return parsed;
}

Parsed parse_whole(std::string_view bytes, const ParserLimits& limits = {}) {
  return parse({bytes}, limits);
}

std::string array_of(const Words& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

}  // namespace

TEST_CASE("parser: arrays, inline commands and what is no command, in one stream") {
  const Parsed parsed = parse_whole(
      "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
      "PING\r\n"
      "*0\r\n*-1\r\n\r\n\n   \r\n"
      "set  a\t\"b c\" 'd\\'e'\n"
      "*1\r\n$0\r\n\r\n");
  CHECK(parsed.error.empty());
  CHECK(parsed.commands == Commands{{"GET", "k"}, {"PING"}, {"set", "a", "b c", "d'e"}, {""}});
}

TEST_CASE("parser: a stream split at any two places gives the same commands") {
  const Commands commands{{"SET", "k", std::string("\0\r\n$1", 5)},
                          {"GET", "k"},
                          {"PING"},
                          {"MSET", "a", "", "b", std::string(300, 'x')}};
  std::string stream;
  for (const Words& words : commands) stream += array_of(words);
  stream += "ECHO \"\\x00\\n\"\r\n";
  Commands expected = commands;
  expected.push_back({"ECHO", std::string("\0\n", 2)});
  const std::string_view view = stream;
  for (std::size_t i = 0; i <= view.size(); ++i) {
    for (std::size_t j = i; j <= view.size(); j += 1 + (j > i + 16 ? 37 : 0)) {
      const Parsed parsed = parse({view.substr(0, i), view.substr(i, j - i), view.substr(j)});
      CHECK(parsed.error.empty());
      REQUIRE(parsed.commands == expected);
    }
  }
}

TEST_CASE("parser: byte by byte is the same as at once, for random streams") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string stream;
    Commands expected;
    for (int i = 0; i < 8; ++i) {
      Words words;
      for (std::uint64_t n = 1 + testing::below(random, 5); n > 0; --n) {
        std::string word(testing::below(random, 40), '\0');
        for (char& c : word) c = static_cast<char>(random());
        words.push_back(std::move(word));
      }
      stream += array_of(words);
      expected.push_back(std::move(words));
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < stream.size(); ++i) {
      bytes.push_back(std::string_view(stream).substr(i, 1));
    }
    REQUIRE(parse(bytes).commands == expected);
    REQUIRE(parse_whole(stream).commands == expected);
  }
}

TEST_CASE("parser: arguments stay valid while the commands of one read are handed out") {
  Parser parser(ParserLimits{});
  parser.feed(array_of({"GET", "first"}) + array_of({"GET", "second"}));
  REQUIRE(parser.next() == Parser::Outcome::kCommand);
  const std::string_view first = parser.args()[1];
  REQUIRE(parser.next() == Parser::Outcome::kCommand);
  CHECK(first == "first");
  CHECK(parser.args()[1] == "second");
}

TEST_CASE("parser: what breaks the protocol is an error with Redis's text, and stays one") {
  const auto error_of = [](std::string_view bytes) { return parse_whole(bytes).error; };
  CHECK(error_of("*99999999999\r\n") == "Protocol error: invalid multibulk length");
  CHECK(error_of("*x\r\n") == "Protocol error: invalid multibulk length");
  CHECK(error_of("*1048577\r\n") == "Protocol error: invalid multibulk length");
  CHECK(error_of("*1\r\n:1\r\n") == "Protocol error: expected '$', got ':'");
  CHECK(error_of("*1\r\n$-1\r\n") == "Protocol error: invalid bulk length");
  CHECK(error_of("*1\r\n$99999999999\r\n") == "Protocol error: invalid bulk length");
  CHECK(error_of("*1\r\n$9223372036854775808\r\n") == "Protocol error: invalid bulk length");
  CHECK(error_of("get \"x\r\n") == "Protocol error: unbalanced quotes in request");
  CHECK(error_of("get \"x\"y\r\n") == "Protocol error: unbalanced quotes in request");
  CHECK(error_of(std::string(70'000, 'x')) == "Protocol error: too big inline request");
  CHECK(error_of("*" + std::string(70'000, '1')) == "Protocol error: too big mbulk count string");
  Parser parser(ParserLimits{});
  parser.feed("*x\r\n" + array_of({"PING"}));
  CHECK(parser.next() == Parser::Outcome::kError);
  CHECK(parser.next() == Parser::Outcome::kError);
}

TEST_CASE("parser: who has not said who they are is granted little") {
  const auto error_of = [](std::string_view bytes) {
    return parse_whole(bytes, kUnauthenticatedLimits).error;
  };
  CHECK(error_of("*11\r\n") == "Protocol error: unauthenticated multibulk length");
  CHECK(error_of("*1\r\n$16385\r\n") == "Protocol error: unauthenticated bulk length");
  CHECK(error_of("*10\r\n$16384\r\n").empty());
}

TEST_CASE("parser: an announced length costs no memory before the bytes come") {
  Parser parser(ParserLimits{});
  parser.feed("*1048576\r\n$536870912\r\n0123456789");
  CHECK(parser.next() == Parser::Outcome::kNeedMore);
  CHECK(parser.capacity() < 1024);
}

TEST_CASE("parser: a command that grows past its limit is refused though each part is small") {
  ParserLimits limits;
  limits.command_bytes = 4096;
  Parser parser(limits);
  Parser::Outcome outcome = Parser::Outcome::kNeedMore;
  parser.feed("*1000000\r\n");
  for (int i = 0; i < 1000 && outcome == Parser::Outcome::kNeedMore; ++i) {
    parser.feed("$10\r\n0123456789\r\n");
    outcome = parser.next();
  }
  CHECK(outcome == Parser::Outcome::kError);
  CHECK(parser.pending_bytes() < 8192);
}

TEST_CASE("parser: the buffer is given back when nothing is pending") {
  Parser parser(ParserLimits{});
  parser.feed(array_of({"SET", "k", std::string(100'000, 'v')}));
  REQUIRE(parser.next() == Parser::Outcome::kCommand);
  parser.release();
  CHECK(parser.capacity() == 0);
  parser.feed("*1\r\n");
  CHECK(parser.next() == Parser::Outcome::kNeedMore);
  parser.release();  // something is pending
  parser.feed("$4\r\nPING\r\n");
  REQUIRE(parser.next() == Parser::Outcome::kCommand);
  CHECK(parser.args()[0] == "PING");
}

}  // namespace cloakroom::resp
