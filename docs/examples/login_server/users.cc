#include "users.h"

#include <sodium.h>

#include <algorithm>
#include <array>

using cloakroom::Durability;
using cloakroom::Result;
using cloakroom::Status;
using cloakroom::StatusCode;

namespace login {
namespace {

std::string key_of(std::string_view name) { return "user:" + std::string(name); }

bool is_name(std::string_view name) {
  static constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";
  return !name.empty() && name.size() <= kNameBytesMax &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Status check_password_rules(std::string_view password) {
  if (password.size() >= kPasswordBytesMin && password.size() <= kPasswordBytesMax) return Status();
  return Status(StatusCode::kInvalidArgument,
                "A password has at least 15 characters. A sentence is a good one.");
}

}  // namespace

Result<std::string> Users::hash(std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  const std::scoped_lock lock(hashing_);
  if (crypto_pwhash_str(text.data(), password.data(), password.size(),
                        crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return Status(StatusCode::kFull, "no memory to hash a password");
  }
  return std::string(text.data());
}

Status Users::add(std::string_view name, std::string_view password) {
  if (!is_name(name)) {
    return Status(StatusCode::kInvalidArgument,
                  "A name has 1 to 64 letters, digits and the characters - _ . @.");
  }
  if (auto allowed = check_password_rules(password); !allowed) return allowed;
  auto hashed = hash(password);
  if (!hashed) return hashed.status();
  return store_.put(key_of(name), *hashed, {.if_version = 0, .durability = Durability::kDisk})
      .status();
}

Status Users::check(std::string_view name, std::string_view password) {
  // Of a password that nobody has: what an unknown name is compared with.
  static const std::string nobody = [this] {
    std::array<char, 32> random{};
    randombytes_buf(random.data(), random.size());
    auto hashed = hash({random.data(), random.size()});
    return hashed ? *hashed : std::string();
  }();
  if (!is_name(name) || password.size() > kPasswordBytesMax) return Status(StatusCode::kNotFound);

  auto stored = store_.get(key_of(name));
  if (!stored && stored.code() != StatusCode::kNotFound) return stored.status();
  const std::string& hashed = stored ? *stored : nobody;
  const std::scoped_lock lock(hashing_);
  const bool right =
      crypto_pwhash_str_verify(hashed.c_str(), password.data(), password.size()) == 0;
  return Status(right && stored ? StatusCode::kOk : StatusCode::kNotFound);
}

Status Users::set_password(std::string_view name, std::string_view password) {
  if (auto allowed = check_password_rules(password); !allowed) return allowed;
  auto hashed = hash(password);
  if (!hashed) return hashed.status();
  return store_.put(key_of(name), *hashed, {.durability = Durability::kDisk}).status();
}

}  // namespace login
