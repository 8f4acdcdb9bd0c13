#include "sessions/tokens.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/base64url.h"
#include "base/coding.h"

namespace cloakroom {
namespace {

constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kProofBytes = crypto_shorthash_BYTES;
constexpr std::size_t kTokenBytes = kRandomBytes + kProofBytes;
using TokenBytes = std::array<unsigned char, kTokenBytes>;

static_assert(base64url_chars(kTokenBytes) == kTokenChars);
static_assert(base64url_chars(sizeof(HandleBytes)) == kHandleChars);
static_assert(sizeof(Digest) == crypto_generichash_BYTES);

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Another key for every purpose, name and master key.
void derive_key(std::span<unsigned char> out, std::string_view purpose, std::string_view name,
                const std::string& master) {
  std::string input("cloakroom ");
  input.append(purpose).append(":").append(name);
  crypto_generichash(out.data(), out.size(), bytes_of(input), input.size(), bytes_of(master),
                     master.size());
}

void prove(const unsigned char* random, const unsigned char* key, unsigned char* proof) noexcept {
  crypto_shorthash(proof, random, kRandomBytes, key);
}

void digest_of(const TokenBytes& token, const std::array<unsigned char, 32>& key,
               Digest& digest) noexcept {
  std::array<unsigned char, 32 + kTokenBytes> input;
  static_assert(sizeof(input) <= 128, "one block of BLAKE2b, so one compression");
  std::copy(key.begin(), key.end(), input.begin());
  std::copy(token.begin(), token.end(), input.begin() + key.size());
  crypto_generichash(digest.data(), digest.size(), input.data(), input.size(), nullptr, 0);
  sodium_memzero(input.data(), input.size());
}

Status check_master_keys(std::span<const std::string> keys) {
  if (keys.empty() || keys.size() > kMasterKeysMax) {
    return Status(StatusCode::kInvalidArgument,
                  "SessionsOptions::keys: 1 to " + std::to_string(kMasterKeysMax) +
                      " keys are possible, not " + std::to_string(keys.size()));
  }
  for (const std::string& key : keys) {
    if (key.size() != kMasterKeyBytes) {
      return Status(
          StatusCode::kInvalidArgument,
          "SessionsOptions::keys: a key has 32 random bytes, not " + std::to_string(key.size()));
    }
    if (std::count(keys.begin(), keys.end(), key) != 1) {
      return Status(StatusCode::kInvalidArgument, "SessionsOptions::keys: a key is there twice");
    }
  }
  return Status();
}

}  // namespace

RecordKey::RecordKey(std::string_view name, const Digest& digest) noexcept
    : size_(name.size() + 1 + base64url_chars(digest.size())) {
  std::copy(name.begin(), name.end(), chars_.begin());
  chars_[name.size()] = ':';
  base64url_encode(digest, chars_.data() + name.size() + 1);
}

bool RecordKey::parse(std::string_view name, std::string_view key, Digest& digest) noexcept {
  if (key.size() <= name.size() || key.substr(0, name.size()) != name) return false;
  return key[name.size()] == ':' && base64url_decode(key.substr(name.size() + 1), digest);
}

void TokenKeys::SodiumFree::operator()(DerivedKey* keys) const noexcept { sodium_free(keys); }

Result<TokenKeys> TokenKeys::derive(std::span<const std::string> master_keys,
                                    std::string_view name) {
  if (sodium_init() < 0) {
    return Status(StatusCode::kIo, "libsodium does not start: it finds no source of randomness");
  }
  if (Status fine = check_master_keys(master_keys); !fine) return fine;
  TokenKeys made;
  made.keys_.reset(static_cast<DerivedKey*>(
      sodium_allocarray(master_keys.size(), sizeof(DerivedKey))));  // wiped when it is freed
  if (!made.keys_) throw std::bad_alloc();
  for (std::size_t at = 0; at < master_keys.size(); ++at) {
    const std::string& master = master_keys[at];
    derive_key(made.keys_[at].digest_key, "record key", name, master);
    derive_key(made.keys_[at].proof_key, "token proof", name, master);
    unsigned char id[16];
    derive_key(id, "key id", "", master);
    made.ids_.push_back(load_u64(reinterpret_cast<const char*>(id)));
  }
  sodium_mprotect_readonly(made.keys_.get());
  return made;
}

Status TokenKeys::draw(const RandomSource& random, TokenText& token, Digest& digest) const {
  TokenBytes bytes;
  if (Status drawn = random(std::span(bytes).first(kRandomBytes)); !drawn) return drawn;
  prove(bytes.data(), keys_[0].proof_key.data(), bytes.data() + kRandomBytes);
  digest_of(bytes, keys_[0].digest_key, digest);
  base64url_encode(bytes, token.data());
  sodium_memzero(bytes.data(), bytes.size());
  return Status();
}

TokenKeys::Verdict TokenKeys::check(std::string_view token, Digest& digest) const noexcept {
  TokenBytes bytes;
  if (!base64url_decode(token, bytes)) return Verdict::kMalformed;
  Verdict verdict = Verdict::kForged;
  for (std::size_t at = 0; at < ids_.size(); ++at) {
    unsigned char proof[kProofBytes];
    prove(bytes.data(), keys_[at].proof_key.data(), proof);
    if (sodium_memcmp(proof, bytes.data() + kRandomBytes, kProofBytes) != 0) continue;
    digest_of(bytes, keys_[at].digest_key, digest);
    verdict = Verdict::kOurs;
    break;
  }
  sodium_memzero(bytes.data(), bytes.size());
  return verdict;
}

}  // namespace cloakroom
