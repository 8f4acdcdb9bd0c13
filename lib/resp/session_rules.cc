#include "resp/session_rules.h"

#include <nlohmann/json.hpp>

#include "resp/crypto.h"
#include "store/keyspace.h"

namespace cloakroom::resp {
namespace {

constexpr char kTombstone = 'T';

std::string base64url(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out.push_back(kDigits[bits >> (held - 6) & 63]);
  }
  if (held > 0) out.push_back(kDigits[bits << (6 - held) & 63]);
  return out;
}

}  // namespace

std::optional<std::string> hashed_key(const RespOptions& options, std::string_view key) {
  for (const std::string& prefix : options.hash_keys) {
    if (!key.starts_with(prefix)) continue;
    return prefix + base64url(hmac_sha256(options.hash_secret, key.substr(prefix.size())));
  }
  return std::nullopt;
}

std::optional<Millis> tombstone_of(const RespOptions& options, std::string_view key) {
  for (const RespTombstone& rule : options.tombstones) {
    if (key.starts_with(rule.prefix)) return rule.duration;
  }
  return std::nullopt;
}

bool is_buried(const Keys& store, std::string_view stored_key) {
  return store.visit(private_key(kTombstone, stored_key), [](const RecordView&) {}).ok();
}

Status bury(const Keys& store, std::string_view stored_key, Millis duration) {
  return store.put(private_key(kTombstone, stored_key), {}, {.ttl = duration}).status();
}

std::optional<std::string> owner_of(const RespOptions& options, std::string_view key,
                                    std::string_view value) {
  for (const RespOwnerField& rule : options.owner_fields) {
    if (!key.starts_with(rule.prefix)) continue;
    const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return std::string();
    try {
      const auto& found = json.at(nlohmann::json::json_pointer(rule.pointer));
      if (found.is_string()) return found.get<std::string>();
      if (found.is_number_integer()) return found.dump();
    } catch (const nlohmann::json::exception&) {
      // The value has no such place: nobody's session.
    }
    return std::string();
  }
  return std::nullopt;
}

}  // namespace cloakroom::resp
