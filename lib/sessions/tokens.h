// Tokens: made, proven, and turned into the keys of records.
//
//   token   base64url of:  32 bytes of getrandom | 8 bytes of proof       54 characters
//   proof   SipHash-2-4 of the 32 bytes, under a key of ours
//   digest  BLAKE2b-256 of another key of ours and all 40 bytes           what the store knows
//   key     name ':' base64url(digest)
//
// A token whose proof is wrong was not made by us: it costs one SipHash a key and nothing else. The
// proof also says under which of several keys a token was made, so there is one digest to compute.
// Nothing can be turned back into a token: what is in the store is neither of a token's length nor
// has it a proof.
//
// The proof keeps the guessing of strangers away from the table; what protects a session are the
// 256 random bits. So 8 bytes of proof are enough: 2^64 guesses for one wasted lookup.
//
// The digest is a MAC by prefix: BLAKE2b has no length extension, key and token have one length
// each, and both fit in one block. BLAKE2b's own keyed mode does the same with the key padded to a
// block of its own: twice the work (345 instead of 180 ns here) for nothing that matters to us.
//
// All keys are derived from the 32-byte keys of SessionsOptions by BLAKE2b, with the name of the
// Sessions in it: tokens of one name prove nothing under another. They are in locked memory that is
// left out of core dumps.
#ifndef CLOAKROOM_LIB_SESSIONS_TOKENS_H_
#define CLOAKROOM_LIB_SESSIONS_TOKENS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/session.h"
#include "cloakroom/status.h"

namespace cloakroom {

inline constexpr std::size_t kMasterKeyBytes = 32;
inline constexpr std::size_t kMasterKeysMax = 16;
inline constexpr std::size_t kSessionsNameBytesMax = 32;

using Digest = std::array<unsigned char, 32>;
using TokenText = std::array<char, kTokenChars>;
using HandleBytes = std::array<unsigned char, 16>;

// Fills the bytes or fails. random_bytes, but for tests.
using RandomSource = std::function<Status(std::span<unsigned char>)>;

// The key of a record, composed in place.
class RecordKey {
 public:
  // REQUIRES: name.size() <= kSessionsNameBytesMax.
  RecordKey(std::string_view name, const Digest& digest) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return {chars_.data(), size_}; }

  // The digest of such a key; false for keys of anything else.
  [[nodiscard]] static bool parse(std::string_view name, std::string_view key,
                                  Digest& digest) noexcept;

 private:
  std::array<char, kSessionsNameBytesMax + 1 + 43> chars_;
  std::size_t size_;
};

// Immutable; safe from any thread.
class TokenKeys {
 public:
  // kInvalidArgument unless there are 1 to kMasterKeysMax keys of 32 bytes, no two the same.
  static Result<TokenKeys> derive(std::span<const std::string> master_keys, std::string_view name);

  // A new token under the first key.
  [[nodiscard]] Status draw(const RandomSource& random, TokenText& token, Digest& digest) const;

  enum class Verdict { kOurs, kForged, kMalformed };
  // The digest of a token of ours.
  [[nodiscard]] Verdict check(std::string_view token, Digest& digest) const noexcept;

  // Names of the keys, which tell nothing about them; in the order they were given.
  [[nodiscard]] const std::vector<std::uint64_t>& ids() const noexcept { return ids_; }

 private:
  struct DerivedKey {
    std::array<unsigned char, 32> digest_key;
    std::array<unsigned char, 16> proof_key;
  };
  struct SodiumFree {
    void operator()(DerivedKey* keys) const noexcept;
  };

  TokenKeys() = default;

  std::unique_ptr<DerivedKey[], SodiumFree> keys_;
  std::vector<std::uint64_t> ids_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_TOKENS_H_
