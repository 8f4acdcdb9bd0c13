#include "cloakroom/cookies.h"

#include <algorithm>
#include <array>

namespace cloakroom {
namespace {

// --- bytes ---------------------------------------------------------------------------------------

enum : std::uint8_t {
  kControl = 1,     // CTL of RFC 5234, without the tab, which counts as a space
  kToken = 2,       // RFC 9110 5.6.2: may stand in a name
  kOctet = 4,       // cookie-octet of RFC 6265 4.1.1: may stand in a value
  kHost = 8,        // letters, digits and '-': may stand in a label of a host name
  kAttribute = 16,  // av-octet of RFC 6265 4.1.1 in ASCII: may stand in a path
};

constexpr bool is_letter_or_digit(unsigned c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr std::uint8_t classes_of(unsigned c) {
  unsigned classes = 0;
  if ((c < 0x20 && c != '\t') || c == 0x7f) classes |= kControl;
  const bool alnum = is_letter_or_digit(c);
  if (alnum || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                              std::string_view::npos)) {
    classes |= kToken;
  }
  if (c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\') classes |= kOctet;
  if (alnum || c == '-') classes |= kHost;
  if (c >= 0x20 && c < 0x7f && c != ';') classes |= kAttribute;
  return static_cast<std::uint8_t>(classes);
}

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) classes[c] = classes_of(c);
  return classes;
}();

bool is(char c, std::uint8_t wanted) {
  return (kClasses[static_cast<std::uint8_t>(c)] & wanted) != 0;
}

bool all(std::string_view text, std::uint8_t wanted) {
  return std::all_of(text.begin(), text.end(), [=](char c) { return is(c, wanted); });
}

bool any(std::string_view text, std::uint8_t wanted) {
  return std::any_of(text.begin(), text.end(), [=](char c) { return is(c, wanted); });
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_quotes(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

bool is_name(std::string_view name) { return !name.empty() && all(name, kToken); }

// --- options -------------------------------------------------------------------------------------

constexpr std::string_view kHostPrefix = "__Host-";
constexpr std::string_view kSecurePrefix = "__Secure-";
constexpr std::string_view kHttpPrefix = "__Http-";
constexpr std::string_view kHostHttpPrefix = "__Host-Http-";

bool begins_with_any_case(std::string_view text, std::string_view prefix) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

Status refuse(std::string_view what) {
  return Status(StatusCode::kInvalidArgument, std::string("cookie: ").append(what));
}

Status check_name(const CookieOptions& options) {
  const std::string_view name = options.name;
  if (!is_name(name)) {
    return refuse(
        "the name must be one or more of the letters, digits and !#$%&'*+-.^_`|~ of ASCII");
  }
  if (name.size() > kCookieBytesMax) return refuse("the name is over 4096 bytes; shorten it");
  for (const std::string_view prefix : {kHostPrefix, kSecurePrefix, kHttpPrefix, kHostHttpPrefix}) {
    if (!begins_with_any_case(name, prefix)) continue;
    // Browsers that know prefixes compare them in any case, older ones byte by byte: a name spelled
    // otherwise would be refused by some and unprotected in others.
    if (!name.starts_with(prefix))
      return refuse("spell a prefix exactly, as in __Host- and __Secure-");
    if (name.size() == prefix.size()) return refuse("the name is a prefix alone; append a name");
    if (!options.secure) {
      return refuse("a name with a prefix, like __Host-, needs secure; browsers drop it else");
    }
    if (prefix.ends_with(kHttpPrefix.substr(2)) && !options.http_only) {
      return refuse("__Http- and __Host-Http- need http_only; browsers drop the cookie else");
    }
  }
  if (!name.starts_with(kHostPrefix)) return Status();
  if (options.path != "/") return refuse("__Host- needs the path \"/\"; use __Secure- for others");
  if (!options.domain.empty()) {
    return refuse("__Host- allows no domain; leave it empty, or use __Secure- for several hosts");
  }
  return Status();
}

// Letters, digits, '-' and '.'; no empty label, so neither a leading nor a trailing dot.
bool is_host_name(std::string_view name) {
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || !all(label, kHost)) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

Status check_attributes(const CookieOptions& options) {
  if (!options.path.starts_with('/')) return refuse("the path must begin with \"/\"");
  if (!all(options.path, kAttribute)) {
    return refuse(
        "the path has a control character, ';' or bytes beyond ASCII; percent-encode them");
  }
  if (!options.domain.empty() && !is_host_name(options.domain)) {
    return refuse("the domain must be a host name in ASCII, like example.com, without outer dots");
  }
  if (std::max(options.path.size(), options.domain.size()) > kCookieAttributeBytesMax) {
    return refuse("path and domain have at most 1024 bytes each; browsers ignore longer ones");
  }
  if (options.same_site == SameSite::kNone && !options.secure) {
    return refuse("SameSite::kNone needs secure; browsers drop the cookie else");
  }
  if (options.partitioned && !options.secure) {
    return refuse("partitioned needs secure; browsers drop the cookie else");
  }
  if (!options.max_age) return Status();
  if (options.max_age->count() < 1) {
    return refuse("max_age must be a second or more; delete_cookie() deletes");
  }
  if (*options.max_age > kCookieMaxAgeMax) {
    return refuse("max_age is over 400 days, where browsers cut it; ask for less");
  }
  return Status();
}

void append_attributes(std::string& header, const CookieOptions& options) {
  header.append("; Path=").append(options.path);
  if (!options.domain.empty()) header.append("; Domain=").append(options.domain);
  if (options.secure) header.append("; Secure");
  if (options.http_only) header.append("; HttpOnly");
  switch (options.same_site) {
    case SameSite::kStrict:
      header.append("; SameSite=Strict");
      break;
    case SameSite::kLax:
      header.append("; SameSite=Lax");
      break;
    case SameSite::kNone:
      header.append("; SameSite=None");
      break;
  }
  if (options.partitioned) header.append("; Partitioned");
}

}  // namespace

// --- the request ---------------------------------------------------------------------------------

CookieReader::CookieReader(std::string_view header) noexcept
    : rest_(header.size() <= kCookieHeaderBytesMax ? header : std::string_view()) {}

std::optional<Cookie> CookieReader::next() noexcept {
  while (!rest_.empty()) {
    const std::size_t end = rest_.find(';');
    const std::string_view pair = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);

    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = trim(pair.substr(0, equals));
    if (name.empty() || any(pair, kControl)) continue;
    return Cookie{name, without_quotes(trim(pair.substr(equals + 1)))};
  }
  return std::nullopt;
}

Result<std::string_view> find_cookie(std::string_view header, std::string_view name) {
  return find_cookie(std::span(&header, 1), name);
}

Result<std::string_view> find_cookie(std::span<const std::string_view> headers,
                                     std::string_view name) {
  if (!is_name(name)) return StatusCode::kInvalidArgument;
  std::size_t left = kCookieHeaderBytesMax;
  for (const std::string_view header : headers) {
    if (header.size() > left) return StatusCode::kTooLarge;
    left -= header.size();
  }
  std::optional<std::string_view> found;
  for (const std::string_view header : headers) {
    for (CookieReader cookies(header); const auto cookie = cookies.next();) {
      if (cookie->name != name) continue;
      if (found && *found != cookie->value) return StatusCode::kConflict;
      found = cookie->value;
    }
  }
  if (!found) return StatusCode::kNotFound;
  if (!all(*found, kOctet)) return StatusCode::kInvalidArgument;
  return *found;
}

// --- the answer ----------------------------------------------------------------------------------

Status check_cookie_options(const CookieOptions& options) {
  if (auto named = check_name(options); !named) return named;
  return check_attributes(options);
}

Result<std::string> set_cookie(const CookieOptions& options, std::string_view value) {
  if (auto checked = check_cookie_options(options); !checked) return checked;
  if (!all(value, kOctet)) {
    return refuse("the value has bytes that no cookie can carry; encode it, as base64url say");
  }
  if (options.name.size() + value.size() > kCookieBytesMax) {
    return Status(StatusCode::kTooLarge,
                  "cookie: name and value have over 4096 bytes, and browsers ignore such a cookie; "
                  "keep the data in the session and send its token");
  }
  std::string header = options.name;
  header.append("=").append(value);
  append_attributes(header, options);
  if (options.max_age) header.append("; Max-Age=").append(std::to_string(options.max_age->count()));
  return header;
}

Result<std::string> delete_cookie(const CookieOptions& options) {
  CookieOptions kept = options;
  kept.max_age.reset();
  if (auto checked = check_cookie_options(kept); !checked) return checked;
  std::string header = options.name;
  header.append("=");
  append_attributes(header, options);
  header.append("; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0");
  return header;
}

}  // namespace cloakroom
