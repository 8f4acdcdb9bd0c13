// Decoders: what other stacks put into a session, made readable.
//
// Values come from strangers. No decoder recurses with their nesting, reserves by a length they
// claim, or lets a control character through; what they make is at most kTextBytesMax long, and
// nesting beyond Outline::kDepthMax is not theirs. A decoder answers nothing for bytes that are not
// wholly and exactly of its format: the next one is asked, and a hex dump is the last.
//
// Nothing is run that a value asks for. Pickles, Ruby's and Java's objects are named, not loaded; a
// signature is not checked, its key is the application's.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_VALUES_DECODERS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_VALUES_DECODERS_H_

#include <optional>
#include <string>
#include <string_view>

namespace cloakroom::cli {

struct Decoded {
  std::string format;  // "MessagePack", "PHP session", ...
  std::string text;    // lines; empty: named only, the bytes are shown as they are
};

// A map or an array, the Redis encoding of connect-redis with a serializer and of others.
[[nodiscard]] std::optional<Decoded> decode_msgpack(std::string_view value);

// serialize(), PHP's own session format (`name|value name|value`), and a serialized value inside a
// serialized string, which is Laravel's.
[[nodiscard]] std::optional<Decoded> decode_php(std::string_view value);

// signing.dumps() with its time, compressed or not, and the older base64 of "hash:data".
[[nodiscard]] std::optional<Decoded> decode_django(std::string_view value);

// Python's pickle, Java's serialized objects (with the class's name), Ruby's Marshal, igbinary.
[[nodiscard]] std::optional<Decoded> name_foreign(std::string_view value);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_VALUES_DECODERS_H_
