// Django's sessions.
//
//   signing.dumps():   [.]base64url:time:signature    the dot says that it is compressed (zlib);
//                      time is seconds since 1970 in base 62
//   before 3.1:        base64 of  hash ':' data       data is JSON or a pickle
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/base64url.h"
#include "reading/value_view.h"
#include "text/output.h"
#include "values/decoders.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kInflatedBytesMax = std::size_t{4} << 20;

bool made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

std::optional<std::string> from_base64url(std::string_view text) {
  constexpr std::array<std::size_t, 4> kBytesOfRest{0, 0, 1, 2};
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes(text.size() / 4 * 3 + kBytesOfRest[text.size() % 4], '\0');
  const std::span<unsigned char> out(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size());
  if (!base64url_decode(text, out)) return std::nullopt;
  return bytes;
}

// Nothing when it is no zlib stream, or one of more than kInflatedBytesMax: it claims nothing that
// we would believe, memory grows with what comes out.
std::optional<std::string> inflated(std::string_view bytes) {
  z_stream stream{};
  if (::inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(bytes.size(), UINT32_MAX));
  std::string out;
  std::array<char, 16384> chunk{};
  int state = Z_OK;
  while (state == Z_OK && out.size() <= kInflatedBytesMax) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk.size();
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (state != Z_STREAM_END || stream.avail_in != 0) return std::nullopt;
  return out;
}

std::optional<std::int64_t> from_base62(std::string_view text) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  if (text.empty() || text.size() > 7) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number * 62 + static_cast<std::int64_t>(digit);
  }
  return number;
}

// What was signed: JSON, or else a pickle or something of the application's own.
Decoded inner(std::string format, std::string_view data) {
  if (is_json(data)) return {.format = std::move(format), .text = pretty_json(data) + "\n"};
  if (const auto foreign = name_foreign(data)) format += ", " + foreign->format;
  return {.format = std::move(format), .text = hex_dump(data)};
}

std::optional<Decoded> decode_signed(std::string_view value) {
  const bool compressed = value.starts_with('.');
  if (compressed) value.remove_prefix(1);
  const std::size_t first = value.find(':');
  const std::size_t second = value.rfind(':');
  if (first == std::string_view::npos || first == second || first == 0) return std::nullopt;
  const std::string_view data = value.substr(0, first);
  const auto seconds = from_base62(value.substr(first + 1, second - first - 1));
  const std::string_view signature = value.substr(second + 1);
  // HMAC of SHA-256, or of SHA-1 before Django 3.1.
  const bool right_size = signature.size() == 43 || signature.size() == 27;
  if (!seconds || !right_size || !made_of(signature, "-_") || !made_of(data, "-_")) {
    return std::nullopt;
  }
  auto bytes = from_base64url(data);
  if (bytes && compressed) bytes = inflated(*bytes);
  if (!bytes) return std::nullopt;
  return inner(fmt::format("Django, signed {} UTC (the signature is not checked){}",
                           utc_time(*seconds * 1000), compressed ? ", compressed" : ""),
               *bytes);
}

std::optional<Decoded> decode_old(std::string_view value) {
  while (value.ends_with('\n')) value.remove_suffix(1);
  if (value.size() < 56 || value.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && value.ends_with('='); ++i) value.remove_suffix(1);
  if (!made_of(value, "+/")) return std::nullopt;
  std::string url(value);
  std::replace(url.begin(), url.end(), '+', '-');
  std::replace(url.begin(), url.end(), '/', '_');
  const auto bytes = from_base64url(url);
  if (!bytes) return std::nullopt;
  const std::size_t colon = bytes->find(':');
  const bool hash = colon == 40 || colon == 64;  // SHA-1, SHA-256 in hex
  if (!hash || !made_of(std::string_view(*bytes).substr(0, colon), "")) return std::nullopt;
  return inner("Django before 3.1 (its hash is not checked)",
               std::string_view(*bytes).substr(colon + 1));
}

}  // namespace

std::optional<Decoded> decode_django(std::string_view value) {
  if (auto signed_value = decode_signed(value)) return signed_value;
  return decode_old(value);
}

}  // namespace cloakroom::cli
