#include <doctest/doctest.h>

#include "cli_runner.h"

namespace cloakroom::testing {
namespace {

CliAnswer get(const std::string& key, const Arguments& flags = {}) {
  Arguments arguments{"get"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(), {"--", shared_store(), key});
  return run_cli(arguments);
}

TEST_CASE("get: everything but the value") {
  const CliAnswer answer = get("sess:json");
  CHECK(answer.code == 0);
  for (const char* part : {"sess:json", "alice", "40 bytes", "59 min", "not shown", "Lifetime"}) {
    CHECK_MESSAGE(contains(answer.out, part), part);
  }
  const auto record = json_of(get("sess:json", {"--json"}).out);
  CHECK(record["bytes"] == 40);
  CHECK(!record.contains("value"));
}

TEST_CASE("get --show-values: JSON is indented, other bytes are a hex dump") {
  CHECK(contains(get("sess:json", {"--show-values"}).out, "{\n  \"b\": \"s3cret\",\n"));
  CHECK(contains(get("sess:binary", {"--show-values"}).out,
                 "00000000  00 01 ff 20 73 33 63 72 65 74 20 02              |... s3cret .|"));
  CHECK(json_of(get("sess:json", {"--show-values", "--json"}).out)["value"] ==
        R"({"b":"s3cret","a":[1,{"x":2.50}],"e":{}})");
  CHECK(json_of(get("sess:binary", {"--show-values", "--json"}).out)["value"]["base64"] ==
        "AAH/IHMzY3JldCAC");
}

TEST_CASE("get: a record of fields is told by its fields") {
  CHECK(contains(get("sess:fields").out, "3 fields"));
  const CliAnswer answer = get("sess:fields", {"--show-values"});
  CHECK(contains(answer.out, "name: Alice s3cret\n"));
  CHECK(contains(answer.out, "cart:\n[\n  \"s3cret\"\n]\n"));
  CHECK(contains(answer.out, "raw:\n00000000  ff 00 73"));
  const auto hidden = json_of(get("sess:fields", {"--json"}).out);
  CHECK(hidden["field_count"] == 3);
  CHECK(!hidden.contains("fields"));
  const auto shown = json_of(get("sess:fields", {"--json", "--show-values"}).out);
  CHECK(shown["fields"][0]["name"] == "name");
  CHECK(shown["fields"][0]["value"] == "Alice s3cret");
  CHECK(shown["fields"][2]["value"]["base64"] == "/wBzM2NyZXQ=");
}

TEST_CASE("get --raw: the bytes of the value and nothing else") {
  CHECK(get("sess:binary", {"--raw"}).out == std::string("\x00\x01\xff s3cret \x02", 12));
  CHECK(get("large", {"--raw"}).out.size() == 100'006);
  const CliAnswer fields = get("sess:fields", {"--raw"});
  CHECK(fields.code == 2);
  CHECK(fields.out.empty());
  CHECK(contains(fields.err, "--show-values"));
}

TEST_CASE("get: a key as ls prints it") {
  const CliAnswer answer = get(R"(evil\x0d\x0a\x1b[2Jname\xff\\end)", {"--json"});
  CHECK(answer.code == 0);
  CHECK(json_of(answer.out)["bytes"] == 6);
  CHECK(get("evil\r\n\x1b[2Jname\xff\\end").code == 0);
}

TEST_CASE("get: an absent key is exit code 1, an expired one too, and both are told apart") {
  const CliAnswer absent = get("no such\nkey");
  CHECK(absent.code == 1);
  CHECK(absent.out.empty());
  CHECK(contains(absent.err, R"(no record with key no such\x0akey)"));
  CHECK(contains(absent.err, "cloakroom ls"));
  const CliAnswer dead = get("sess:short");
  CHECK(dead.code == 1);
  CHECK(dead.out.empty());
  CHECK(contains(dead.err, "expired 59 min"));
  CHECK(contains(dead.err, "--dead"));
  CHECK(get("sess:short", {"--dead"}).code == 0);
  CHECK(contains(get("sess:short", {"--dead", "--raw"}).out, "s3cret past"));
}

}  // namespace
}  // namespace cloakroom::testing
