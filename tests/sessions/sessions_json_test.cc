// Typed attributes: what goes in comes out, and what is something else is said to be.
#include "cloakroom/sessions_json.h"

#include <map>
#include <string>
#include <vector>

#include "sessions/sessions_fixture.h"

namespace cloakroom::testing {
namespace {

struct Item {
  std::string name;
  int count = 0;
  friend bool operator==(const Item&, const Item&) = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, name, count)

}  // namespace

TEST_CASE("session json: typed values come back from the store") {
  SessionsFixture f;
  Session session = f.create();
  const std::vector<Item> cart{{"tea", 2}, {"caf\xc3\xa9", 1}};
  REQUIRE_OK(set_json(session, "cart", cart));
  REQUIRE_OK(set_msgpack(session, "packed", cart));
  REQUIRE_OK(set_json(session, "number", 42));
  REQUIRE_OK(set_json(session, "text", "hello"));
  REQUIRE_OK(set_json(session, "flag", true));
  REQUIRE_OK(f.sessions.save(session));
  const Session loaded = f.load(session.token());
  CHECK(*get_json<std::vector<Item>>(loaded, "cart") == cart);
  CHECK(*get_msgpack<std::vector<Item>>(loaded, "packed") == cart);
  CHECK(*get_json<int>(loaded, "number") == 42);
  CHECK(*get_json<std::string>(loaded, "text") == "hello");
  CHECK(*get_json<bool>(loaded, "flag"));
  CHECK(get_json<nlohmann::json>(loaded, "cart")->at(0).at("name") == "tea");
}

TEST_CASE("session json: absent, of another type, and no document at all are told apart") {
  SessionsFixture f;
  Session session = f.create();
  session.set("broken", "{\"a\":");
  session.set("bytes", "\xc1\xff");
  REQUIRE_OK(set_json(session, "text", "hello"));
  CHECK_CODE(get_json<int>(session, "absent"), kNotFound);
  CHECK_CODE(get_msgpack<int>(session, "absent"), kNotFound);
  CHECK_CODE(get_json<int>(session, "text"), kWrongKind);
  CHECK_CODE(get_json<Item>(session, "text"), kWrongKind);
  CHECK_CODE(get_json<int>(session, "broken"), kWrongKind);
  CHECK_CODE(get_msgpack<int>(session, "bytes"), kWrongKind);
  CHECK_CODE(get_msgpack<int>(session, "broken"), kWrongKind);
}

TEST_CASE("session json: what is no text is refused as JSON and kept as MessagePack") {
  SessionsFixture f;
  Session session = f.create();
  const std::string bytes("\xff\xfe", 2);
  CHECK_CODE(set_json(session, "a", bytes), kInvalidArgument);
  CHECK(!session.has("a"));
  REQUIRE_OK(set_msgpack(session, "a", nlohmann::json::binary({0xff, 0xfe})));
  CHECK(get_msgpack<nlohmann::json>(session, "a")->get_binary().size() == 2);
}

TEST_CASE("session json: a document that is nested without end is no danger") {
  SessionsFixture f;
  Session session = f.create();
  session.set("deep", std::string(500'000, '['));
  CHECK_CODE(get_json<nlohmann::json>(session, "deep"), kWrongKind);
  session.set("closed", std::string(100'000, '[') + std::string(100'000, ']'));
  CHECK_CODE(get_json<int>(session, "closed"), kWrongKind);
}

}  // namespace cloakroom::testing
