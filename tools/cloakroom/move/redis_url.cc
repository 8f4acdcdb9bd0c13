#include "move/redis_url.h"

#include <fcntl.h>

#include <charconv>
#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "store/keyspace.h"

namespace cloakroom::cli {
namespace {

constexpr std::string_view kForm =
    "write redis://[user:password@]host[:port][/db][?match=GLOB], rediss:// for TLS, or "
    "unix:///path[?db=N&match=GLOB]";

Status wrong(std::string_view what) {
  return Status(StatusCode::kInvalidArgument, "the address of the Redis is wrong: " +
                                                  std::string(what) + "; " + std::string(kForm));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A percent that begins no code stays as it is: people paste patterns.
std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool code = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                      hex_digit(text[i + 2]) >= 0;
    if (code) {
      out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<int> number(std::string_view text, int max) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0 || value > max) return std::nullopt;
  return value;
}

Status set_database(RedisTarget& target, std::string_view text) {
  const auto database = number(text, kDatabases - 1);
  if (!database) return wrong("the database must be a number from 0 to 15");
  target.database = *database;
  return Status();
}

Status take_query(RedisTarget& target, std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const std::string value =
        equals == std::string_view::npos ? std::string() : decode(part.substr(equals + 1));
    if (name == "match") {
      target.match = value;
    } else if (name == "db") {
      if (Status set = set_database(target, value); !set) return set;
    } else {
      return wrong("it knows \"match\" and \"db\" behind the question mark");
    }
  }
  return Status();
}

Status take_host(RedisTarget& target, std::string_view text) {
  if (text.starts_with('[')) {  // an IPv6 address
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("a bracket is missing");
    target.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    const std::size_t end = text.find(':');
    target.host = decode(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  if (target.host.empty()) target.host = "localhost";
  if (text.empty()) return Status();
  const auto port = text.starts_with(':') ? number(text.substr(1), 65535) : std::nullopt;
  if (!port || *port == 0) return wrong("the port must be a number from 1 to 65535");
  target.port = *port;
  return Status();
}

Status take_network(RedisTarget& target, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  const std::string_view database =
      slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = authority.substr(0, at);
    const std::size_t colon = login.find(':');
    target.user = decode(login.substr(0, colon));
    if (colon != std::string_view::npos) target.password = decode(login.substr(colon + 1));
    authority.remove_prefix(at + 1);
  }
  if (Status host = take_host(target, authority); !host) return host;
  return database.empty() ? Status() : set_database(target, database);
}

}  // namespace

std::string RedisTarget::name() const {
  if (host.empty()) return path;
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool is_redis_url(std::string_view text) noexcept {
  return text.starts_with("redis://") || text.starts_with("rediss://") ||
         text.starts_with("unix://");
}

Result<RedisTarget> parse_redis_url(std::string_view url) {
  RedisTarget target;
  std::string_view rest = url.substr(url.find("://") + 3);
  std::string_view query;
  if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  Status taken;
  if (url.starts_with("unix://")) {
    target.path = decode(rest);
    if (!target.path.starts_with('/')) taken = wrong("the path of the socket must be absolute");
  } else {
    target.tls = url.starts_with("rediss://");
    taken = take_network(target, rest);
  }
  if (taken) taken = take_query(target, query);
  if (!taken) return taken;
  return target;
}

Result<RedisTarget> redis_target(const RedisAccess& access) {
  constexpr std::size_t kBytesMax = 4096;
  auto target = parse_redis_url(access.url);
  if (!target) return target;
  target->ca_file = access.tls_ca;
  target->cert_file = access.tls_cert;
  target->key_file = access.tls_key;
  if (!access.password_file.empty()) {
    const Result<Fd> fd = open_file(access.password_file, O_RDONLY);
    if (!fd) return fd.status();
    const Result<std::string> text = read_at(*fd, access.password_file, kBytesMax, 0);
    if (!text) return text.status();
    target->password = text->substr(0, text->find_first_of("\r\n"));
    return target;
  }
  const char* const given = std::getenv("CLOAKROOM_REDIS_PASSWORD");
  if (target->password.empty() && given != nullptr) target->password = given;
  return target;
}

}  // namespace cloakroom::cli
