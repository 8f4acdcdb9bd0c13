// Cookies: what carries a session's token between a browser and a server.
//
// Three things: find a cookie in the Cookie header of a request, build the Set-Cookie header that
// sets it, build the one that deletes it. Strings in, strings out; nothing here knows a web
// framework, a session or a store. "RFC 6265bis" is draft-ietf-httpbis-rfc6265bis, what browsers do
// today; where only RFC 6265 is named, the two agree.
//
// The request. A browser sends all its cookies in one header, `Cookie: a=1; b=2`, and RFC 9113
// (HTTP/2) 8.2.3 lets it send them in several; the functions below take either. Rules of reading:
//
//   1. Only ';' ends a cookie, in or out of quotes, as in every browser (RFC 6265bis 5.6, 5.8.3).
//      A parser that lets a quoted value run on over a ';' hands one cookie's bytes to another.
//      A comma separates nothing, and `$Version` is a name like any other.
//   2. Spaces and tabs around names and values do not count. The first '=' ends the name; a pair
//      without one, or with an empty name, is a cookie without a name and never found.
//   3. One pair of double quotes around a whole value is not part of it (RFC 6265 4.1.1). Nothing
//      is unescaped: no %41, no backslash.
//   4. Names are compared byte by byte: `SESS` is not `sess` (RFC 6265bis 5.7).
//   5. A cookie with a control character in it does not exist. Other cookies may hold bytes that
//   the
//      grammar forbids, as scripts set them, and do no harm to the one that is asked for.
//
// The same name twice. Browsers do send it: once for each Path and Domain it was set with, and
// somebody who controls a neighbouring host (evil.example.com) can set a cookie for example.com
// whose longer Path makes it come first. Whoever takes the first or the last one takes the
// attacker's in some browser, and logs its user into the attacker's account (session fixation). So
// two different values under one name are answered kConflict: no session at all. The default name,
// with its prefix "__Host-", makes browsers refuse such foreign cookies to begin with.
//
// Thread safety: all functions are pure. Cost: one pass over the header, no allocation in
// find_cookie and CookieReader, whatever the number of cookies.
#ifndef CLOAKROOM_COOKIES_H_
#define CLOAKROOM_COOKIES_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cloakroom/status.h"

namespace cloakroom {

// Longer Cookie headers, all of a request's together, are not read. Servers stop at 8 to 32 KiB
// themselves; this bounds the pass where one does not.
inline constexpr std::size_t kCookieHeaderBytesMax = std::size_t{64} << 10;

// Browsers ignore a cookie whose name and value together are longer (RFC 6265bis 5.6), and an
// attribute (Path, Domain) that is longer than the second of these.
inline constexpr std::size_t kCookieBytesMax = 4096;
inline constexpr std::size_t kCookieAttributeBytesMax = 1024;

// Browsers forget every cookie after 400 days, whatever its Max-Age (RFC 6265bis 5.5).
inline constexpr std::chrono::seconds kCookieMaxAgeMax = std::chrono::hours{400 * 24};

// --- the request ---------------------------------------------------------------------------------

// One cookie of a request; both views point into the header it was read from.
struct Cookie {
  std::string_view name = {};
  std::string_view value = {};  // without the quotes around it, if it had any
};

// Reads the cookies of one Cookie header in order, those with a name and without control
// characters:
//
//   for (CookieReader cookies(header); auto cookie = cookies.next();) ...
//
// A header over kCookieHeaderBytesMax holds none. The header must outlive what was read from it.
class CookieReader {
 public:
  explicit CookieReader(std::string_view header) noexcept;

  // The next cookie; nothing at the end, and from then on.
  [[nodiscard]] std::optional<Cookie> next() noexcept;

 private:
  std::string_view rest_;
};

// The value of the cookie with this name; a view into the header. Codes, none with a message:
//
//   kNotFound         the request has no such cookie
//   kConflict         it has several, and their values differ (see above)
//   kInvalidArgument  the value has bytes that set_cookie() never sends, so it was not set by it;
//                     or `name` is no cookie name
//   kTooLarge         the header is over kCookieHeaderBytesMax and was not read
//
// Without kOk, treat the request as one without the cookie. Never answer it from the first, the
// last or the longest: that is the choice an attacker wants to have.
[[nodiscard]] Result<std::string_view> find_cookie(std::string_view header, std::string_view name);

// The same over several Cookie headers of one request, which count as one (RFC 9113 8.2.3).
[[nodiscard]] Result<std::string_view> find_cookie(std::span<const std::string_view> headers,
                                                   std::string_view name);

// --- the answer ----------------------------------------------------------------------------------

// When a browser sends the cookie along with a request that another site caused.
enum class SameSite : std::uint8_t {
  kStrict,  // Never; not even when the user follows a link to your site, who then looks logged out.
  kLax,     // Only with such a link: a GET of a whole page. Forged POSTs come without the cookie.
  kNone,    // Always. For pages embedded in other sites; forged requests are then yours to detect.
};

// How a cookie is set. The defaults are right for a session: sent over TLS only (and to localhost),
// hidden from scripts, to this host alone, gone when the browser is closed.
struct CookieOptions {
  // "__Host-" makes browsers accept the cookie only if it is Secure, has Path=/ and no Domain, so
  // neither a neighbouring host nor a man in the middle can plant one (RFC 6265bis 4.1.3.2).
  // "__Secure-" asks for Secure alone; "__Http-" and "__Host-Http-", which only new browsers know,
  // for HttpOnly besides. An application of several on one host takes another name.
  std::string name = "__Host-sess";

  // Over TLS only. Browsers count http://localhost as safe. false, with a name without prefix, is
  // for a server that has no TLS in front of it; anybody on the way can then take the session.
  bool secure = true;

  // Not shown to scripts. false only for what a script must read, never for a session.
  bool http_only = true;

  SameSite same_site = SameSite::kLax;

  // Where the cookie is sent: this path and those below it. It separates nothing securely: a script
  // of another path of the host can still use it.
  std::string path = "/";

  // Empty: this host alone. Else this domain with every host in it, each of which can then read the
  // cookie and plant one. Not with "__Host-".
  std::string domain = {};

  // How long the browser keeps it. Unset: until it is closed, which is what NIST SP 800-63B asks of
  // session secrets. The server's own timeouts hold in any case.
  std::optional<std::chrono::seconds> max_age = std::nullopt;

  // One jar for each site that embeds yours ("CHIPS"): for pages in frames, with SameSite::kNone.
  bool partitioned = false;
};

// Whether set_cookie() will accept these options; ask once, at start. kInvalidArgument, with what
// is wrong and how to right it, for whatever a browser would drop or that gives a false safety:
//
//   - a name that is no token (RFC 9110 5.6.2), or a prefix alone, or with a prefix in other
//   letters
//     than above
//   - a prefix, partitioned or SameSite::kNone without secure; "__Host-" with another path than "/"
//     or with a domain; "__Http-" without http_only
//   - a path that does not begin with '/', a domain that is no host name, either over
//     kCookieAttributeBytesMax; control characters, ';' or bytes beyond ASCII in them
//   - a max_age below one second or over kCookieMaxAgeMax
[[nodiscard]] Status check_cookie_options(const CookieOptions& options);

// The value of a Set-Cookie header: "__Host-sess=...; Path=/; Secure; HttpOnly; SameSite=Lax". Send
// it as a header of its own: Set-Cookie headers cannot be joined by commas (RFC 6265 3).
//
// kInvalidArgument as above, and for a value with bytes that no cookie can carry (RFC 6265 4.1.1:
// controls, space, '"', ',', ';', '\', and whatever is not ASCII): encode it, as base64url say.
// kTooLarge when name and value have over kCookieBytesMax. Messages never contain the value.
[[nodiscard]] Result<std::string> set_cookie(const CookieOptions& options, std::string_view value);

// The Set-Cookie header that makes the browser drop the cookie; with the options it was set with,
// because name, Path, Domain and Partitioned are its identity. It has an Expires in the past for
// the grammar of RFC 6265 4.1.1, and Max-Age=0 for browsers whose clock is wrong. max_age is not
// used. A deletion is a courtesy: what ends a session is its end on the server.
[[nodiscard]] Result<std::string> delete_cookie(const CookieOptions& options);

}  // namespace cloakroom

#endif  // CLOAKROOM_COOKIES_H_
