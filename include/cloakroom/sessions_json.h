// Attributes with types: JSON and MessagePack through nlohmann-json (nlohmann-json3-dev). Optional:
// no other header of Cloakroom includes it, and cloakroom.h does not include this one.
//
//   if (auto set = cloakroom::set_json(session, "cart", cart); !set) return fail(set);
//   if (auto cart = cloakroom::get_json<std::vector<Item>>(session, "cart")) ...
//
// T is whatever nlohmann-json converts: numbers, strings, containers, nlohmann::json itself, and
// types with to_json() and from_json(). None of these functions throws for what is in a session.
#ifndef CLOAKROOM_SESSIONS_JSON_H_
#define CLOAKROOM_SESSIONS_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/session.h"
#include "cloakroom/status.h"

namespace cloakroom {

namespace json_parts {

// The document as a T. kWrongKind when it is none.
template <class T>
[[nodiscard]] Result<T> convert(const nlohmann::json& document) {
  if (document.is_discarded()) {
    return Status(StatusCode::kWrongKind, "the attribute is not such a document");
  }
  try {
    return document.get<T>();
  } catch (const nlohmann::json::exception&) {
    return Status(StatusCode::kWrongKind, "the attribute is of another type than was asked for");
  }
}

}  // namespace json_parts

// Sets the attribute to the value as JSON text. kInvalidArgument when that is impossible (text that
// is not UTF-8); nothing was changed then.
template <class T>
[[nodiscard]] Status set_json(Session& session, std::string_view name, const T& value) {
  try {
    session.set(name, nlohmann::json(value).dump());
  } catch (const nlohmann::json::exception&) {
    return Status(StatusCode::kInvalidArgument, "set_json: the value cannot be written as JSON");
  }
  return Status();
}

// kNotFound when there is no such attribute, kWrongKind when it is not JSON or not a T.
template <class T>
[[nodiscard]] Result<T> get_json(const Session& session, std::string_view name) {
  const std::optional<std::string_view> text = session.get(name);
  if (!text) return StatusCode::kNotFound;
  return json_parts::convert<T>(nlohmann::json::parse(*text, nullptr, false));
}

// The same as MessagePack: smaller, and it keeps bytes that are no text.
template <class T>
[[nodiscard]] Status set_msgpack(Session& session, std::string_view name, const T& value) {
  try {
    const std::vector<std::uint8_t> bytes = nlohmann::json::to_msgpack(nlohmann::json(value));
    session.set(name, std::string(bytes.begin(), bytes.end()));
  } catch (const nlohmann::json::exception&) {
    return Status(StatusCode::kInvalidArgument,
                  "set_msgpack: the value cannot be written as MessagePack");
  }
  return Status();
}

template <class T>
[[nodiscard]] Result<T> get_msgpack(const Session& session, std::string_view name) {
  const std::optional<std::string_view> bytes = session.get(name);
  if (!bytes) return StatusCode::kNotFound;
  return json_parts::convert<T>(
      nlohmann::json::from_msgpack(bytes->begin(), bytes->end(), true, false));
}

}  // namespace cloakroom

#endif  // CLOAKROOM_SESSIONS_JSON_H_
