#include "resp/batch.h"

#include <doctest/doctest.h>

#include <string>

namespace cloakroom::resp {
namespace {

std::string text_of(const Parsed& part) {
  std::string text;
  for (const auto arg : part.args) text += (text.empty() ? "" : " ") + std::string(arg);
  return text;
}

TEST_CASE("batch: commands come out in the order in which they were read, and stay readable") {
  Parser parser{ParserLimits{}};
  parser.feed(
      "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nset\r\n$1\r\nb\r\n$2\r\nxy\r\n*1\r\n$"
      "4\r\nnope\r\n*2\r\n$3\r\nGE");
  Batch batch;
  REQUIRE(batch.refill(parser, 16) == Parser::Outcome::kCommand);
  REQUIRE(batch.size() == 3);
  CHECK(batch[0].command == CommandTable::instance().find("get"));
  CHECK(batch[1].command == CommandTable::instance().find("set"));
  CHECK(batch[2].command == nullptr);
  CHECK(text_of(batch[0]) == "GET a");
  batch.pop();
  CHECK(text_of(batch[0]) == "set b xy");
  CHECK(text_of(batch[1]) == "nope");
  batch.pop(2);
  CHECK(batch.empty());
  CHECK(batch.refill(parser, 16) == Parser::Outcome::kNeedMore);
  parser.feed("T\r\n$1\r\nc\r\n");
  REQUIRE(batch.refill(parser, 16) == Parser::Outcome::kCommand);
  CHECK(text_of(batch[0]) == "GET c");
}

TEST_CASE("batch: no more is taken than was asked for") {
  Parser parser{ParserLimits{}};
  for (int i = 0; i < 5; ++i) parser.feed("*1\r\n$4\r\nPING\r\n");
  Batch batch;
  REQUIRE(batch.refill(parser, 2) == Parser::Outcome::kCommand);
  CHECK(batch.size() == 2);
  batch.pop(2);
  REQUIRE(batch.refill(parser, 16) == Parser::Outcome::kCommand);
  CHECK(batch.size() == 3);
}

TEST_CASE("batch: an inline command is the last one, because the parser forgets its words") {
  Parser parser{ParserLimits{}};
  parser.feed("*1\r\n$4\r\nPING\r\nset k \"a b\"\r\n*1\r\n$4\r\nPING\r\n");
  Batch batch;
  REQUIRE(batch.refill(parser, 16) == Parser::Outcome::kCommand);
  REQUIRE(batch.size() == 2);
  CHECK(batch[1].is_inline);
  CHECK(text_of(batch[1]) == "set k a b");
  batch.pop(2);
  REQUIRE(batch.refill(parser, 16) == Parser::Outcome::kCommand);
  CHECK(text_of(batch[0]) == "PING");
}

TEST_CASE("batch: what was whole before an error is run first") {
  Parser parser{ParserLimits{}};
  parser.feed("*1\r\n$4\r\nPING\r\n*1\r\n:4\r\n");
  Batch batch;
  REQUIRE(batch.refill(parser, 16) == Parser::Outcome::kCommand);
  CHECK(batch.size() == 1);
  batch.pop();
  CHECK(batch.refill(parser, 16) == Parser::Outcome::kError);
  CHECK(batch.empty());
  CHECK(parser.error() == "Protocol error: expected '$', got ':'");
}

}  // namespace
}  // namespace cloakroom::resp
