// import from a Redis and export to one, against real servers; skipped where there is none.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "cli_runner.h"
#include "move/redis_fetch.h"
#include "move/redis_url.h"
#include "redis_server.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

using cli::Fetched;
using cli::KeyFetcher;
using cli::RedisClient;
using cli::Reply;

constexpr std::int64_t kSameMs = 5;

std::string random_bytes_of(Random& random, std::size_t max) {
  std::string bytes(below(random, max + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

std::string random_score(Random& random) {
  switch (below(random, 6)) {
    case 0:
      return "inf";
    case 1:
      return "-inf";
    case 2:
      return "-0";
    case 3:
      return std::to_string(below(random, 1'000'000));
    case 4:
      return "0.30000000000000004";
    default:
      return "1e-" + std::to_string(below(random, 300));
  }
}

// One key of any type, and for two of three a time to live.
void queue_random_key(RedisClient& redis, Random& random, const std::string& key) {
  std::vector<std::string> words;
  const std::size_t count = 1 + below(random, 20);
  switch (below(random, 4)) {
    case 0:
      words = {"SET", key, random_bytes_of(random, 600)};
      break;
    case 1:
      words = {"HSET", key};
      for (std::size_t i = 0; i < count; ++i) {
        words.push_back(random_bytes_of(random, 10));
        words.push_back(random_bytes_of(random, 40));
      }
      break;
    case 2:
      words = {"SADD", key};
      for (std::size_t i = 0; i < count; ++i) words.push_back(random_bytes_of(random, 10));
      break;
    default:
      words = {"ZADD", key};
      for (std::size_t i = 0; i < count; ++i) {
        words.push_back(random_score(random));
        words.push_back(random_bytes_of(random, 10));
      }
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  redis.queue({"DEL", key});
  redis.queue(views);
  if (!one_in(random, 3)) {
    redis.queue({"PEXPIRE", key, std::to_string(600'000 + below(random, 90'000'000))});
  } else {
    redis.queue({"PERSIST", key});
  }
}

void send_all(RedisClient& redis, std::size_t commands) {
  REQUIRE(redis.send());
  for (std::size_t i = 0; i < commands; ++i) {
    const auto reply = redis.reply();
    REQUIRE(reply);
    REQUIRE_MESSAGE(!reply->is_error(), std::string(reply->text()));
  }
}

void fill(RedisClient& redis, Random& random, std::size_t count, std::size_t first = 0) {
  for (std::size_t i = 0; i < count; ++i) {
    queue_random_key(redis, random, "sess:" + std::to_string(first + i));
    if (i % 500 == 499 || i + 1 == count) send_all(redis, 3 * (i % 500 + 1));
  }
}

struct Held {
  std::string type;
  std::string value;  // as Redis itself says it, sorted where it has no order
  std::int64_t expires = 0;
};

void append(std::string& out, std::string_view text) {
  out += std::to_string(text.size()) + ":";
  out += text;
}

// Everything in a database, read in another way than import does: by KEYS and one key at a time.
std::map<std::string, Held> all_of(RedisClient& redis) {
  std::map<std::string, Held> held;
  const auto keys = redis.call({"KEYS", "*"});
  REQUIRE(keys);
  for (std::size_t i = 0; i < keys->size(); ++i) {
    const std::string key((*keys)[i].text());
    Held& here = held[key];
    here.type = redis.call({"TYPE", key})->text();
    here.expires = redis.call({"PEXPIRETIME", key})->integer();
    const auto value = here.type == "string" ? redis.call({"GET", key})
                       : here.type == "hash" ? redis.call({"HGETALL", key})
                       : here.type == "set"  ? redis.call({"SMEMBERS", key})
                                             : redis.call({"ZRANGE", key, "0", "-1", "WITHSCORES"});
    REQUIRE(value);
    if (here.type == "string") {
      here.value = value->text();
      continue;
    }
    const std::size_t step = here.type == "hash" ? 2 : 1;
    std::vector<std::string> parts;
    for (std::size_t j = 0; j < value->size(); j += step) {
      std::string part;
      for (std::size_t k = j; k < j + step; ++k) append(part, (*value)[k].text());
      parts.push_back(std::move(part));
    }
    if (here.type != "zset") std::ranges::sort(parts);
    for (const std::string& part : parts) append(here.value, part);
  }
  return held;
}

// The number of keys that are not the same.
std::size_t differences(const std::map<std::string, Held>& a,
                        const std::map<std::string, Held>& b) {
  std::size_t count = 0;
  for (const auto& [key, held] : a) count += !b.contains(key);
  for (const auto& [key, held] : b) {
    const auto other = a.find(key);
    if (other == a.end()) {
      ++count;
      continue;
    }
    const bool same = other->second.type == held.type && other->second.value == held.value &&
                      (other->second.expires < 0) == (held.expires < 0) &&
                      std::abs(other->second.expires - held.expires) <= kSameMs;
    count += !same;
  }
  return count;
}

std::size_t keys_wanted(std::size_t usual) {
  const char* const text = std::getenv("CLOAKROOM_REDIS_KEYS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

TEST_CASE("redis: what goes in and out again is the same: keys, types, values, times to live") {
  if (!has_redis()) return;
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir dir;
  const RedisServer from;
  const RedisServer to;
  const auto source = from.client({}, 3);
  fill(*source, random, keys_wanted(5000));
  const CliAnswer in = run_cli({"import", dir.store_path(), from.url(3), "--json"});
  REQUIRE_MESSAGE(in.code == 0, in.err);
  CHECK(json_of(in.out)["stored"] == keys_wanted(5000));
  CHECK(run_cli({"verify", dir.store_path()}).code == 0);
  const CliAnswer out = run_cli({"export", dir.store_path(), to.url(3), "--json"});
  REQUIRE_MESSAGE(out.code == 0, out.err);
  const auto target = to.client({}, 3);
  const auto before = all_of(*source);
  CHECK(before.size() == keys_wanted(5000));
  CHECK(differences(before, all_of(*target)) == 0);
  // Once more: everything is there and is kept, or replaced if asked to be.
  CHECK(json_of(run_cli({"export", dir.store_path(), to.url(3), "--json"}).out)["stored"] == 0);
  REQUIRE(target->call({"SET", "sess:0", "other"}));
  const CliAnswer replaced = run_cli({"export", dir.store_path(), to.url(3), "--replace"});
  CHECK_MESSAGE(replaced.code == 0, replaced.err);
  CHECK(differences(before, all_of(*target)) == 0);
}

TEST_CASE("redis: --match takes what matches, and what no store has is told") {
  if (!has_redis()) return;
  const TempDir dir;
  const RedisServer server;
  const auto redis = server.client();
  for (const char* const key : {"sess:1", "sess:2", "cache:1"})
    REQUIRE(redis->call({"SET", key, "v"}));
  REQUIRE(redis->call({"RPUSH", "sess:list", "x"}));
  const CliAnswer answer =
      run_cli({"import", dir.store_path(), server.url() + "&match=sess:*", "--json"});
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "left out: key sess:list is of type list"));
  CHECK(json_of(answer.out)["stored"] == 2);
  CHECK(json_of(answer.out)["left_out"]["list"] == 1);
  CHECK(json_lines(run_cli({"ls", dir.store_path(), "--json"}).out).size() == 2);
}

TEST_CASE("redis: into a store that exists, keys are kept or replaced as is asked") {
  if (!has_redis()) return;
  const TempDir dir;
  const RedisServer server;
  const auto redis = server.client();
  REQUIRE(redis->call({"SET", "sess:json", "new"}));
  REQUIRE(redis->call({"SADD", "sess:binary", "new"}));
  make_store(dir.store_path());
  const auto value = [&](const char* key) {
    return run_cli({"get", dir.store_path(), key, "--raw"}).out;
  };
  CHECK(run_cli({"import", dir.store_path(), server.url()}).code == 3);
  const CliAnswer kept = run_cli({"import", dir.store_path(), server.url(), "--merge", "skip"});
  CHECK_MESSAGE(kept.code == 0, kept.err);
  CHECK(contains(kept.out, "2 were there and were kept"));
  CHECK(contains(value("sess:json"), "s3cret"));
  CHECK(run_cli({"import", dir.store_path(), server.url(), "--merge", "replace"}).code == 0);
  CHECK(value("sess:json") == "new");
  const auto binary = json_of(run_cli({"get", dir.store_path(), "sess:binary", "--json"}).out);
  CHECK(binary["kind"] == "members");
}

TEST_CASE("redis: --follow goes on with every change until it is told to end") {
  if (!has_redis()) return;
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir dir;
  const RedisServer server;
  const auto redis = server.client();
  fill(*redis, random, 2000);
  const CliAnswer refused = run_cli({"import", dir.store_path(), server.url(), "--follow"});
  CHECK(refused.code == 2);
  CHECK(contains(refused.err, "CONFIG SET notify-keyspace-events KA"));
  const std::string cli = built_program("CLOAKROOM_CLI", "../../tools/cloakroom");
  ChildProcess follow({cli, "import", dir.store_path(), server.url(), "--follow", "--set-events"});
  // A writer changes everything meanwhile, from the first copy on: new keys, other types, erased
  // ones, other deadlines.
  for (int round = 0; round < 20; ++round) {
    fill(*redis, random, 300, below(random, 3000));
    for (int i = 0; i < 50; ++i)
      redis->queue({"DEL", "sess:" + std::to_string(below(random, 3000))});
    send_all(*redis, 50);
  }
  REQUIRE(follow.await("following the changes"));
  fill(*redis, random, 300, 5000);
  REQUIRE(redis->call({"DEL", "sess:5000"}));
  follow.signal(SIGINT);
  CHECK(follow.wait() == 0);
  CHECK(redis->call({"CONFIG", "GET", "notify-keyspace-events"})->size() == 2);
  CHECK((*redis->call({"CONFIG", "GET", "notify-keyspace-events"}))[1].text().empty());
  const RedisServer to;
  const CliAnswer out = run_cli({"export", dir.store_path(), to.url()});
  REQUIRE_MESSAGE(out.code == 0, out.err);
  const auto target = to.client();
  CHECK(differences(all_of(*redis), all_of(*target)) == 0);
  CHECK(run_cli({"verify", dir.store_path()}).code == 0);
}

TEST_CASE("redis: when the Redis is stopped under --follow, what came is kept") {
  if (!has_redis()) return;
  const TempDir dir;
  RedisServer server;
  const auto redis = server.client();
  REQUIRE(redis->call({"CONFIG", "SET", "notify-keyspace-events", "KA"}));
  REQUIRE(redis->call({"SET", "k", "v"}));
  const std::string cli = built_program("CLOAKROOM_CLI", "../../tools/cloakroom");
  ChildProcess follow({cli, "import", dir.store_path(), server.url(), "--follow"});
  REQUIRE(follow.await("following the changes"));
  server.stop();
  CHECK(follow.wait() == 1);
  CHECK(run_cli({"get", dir.store_path(), "k", "--raw"}).out == "v");
  CHECK(!std::filesystem::exists(dir.store_path() + ".partial"));
}

TEST_CASE("redis: a password comes from a file or the environment, and is in no message") {
  if (!has_redis()) return;
  const TempDir dir;
  const RedisServer server({"--requirepass", "pa:ss@word"});
  REQUIRE(server.client("pa:ss@word")->call({"SET", "k", "v"}));
  const CliAnswer none = run_cli({"import", dir / "a", server.url()});
  CHECK(none.code == 3);
  CHECK(contains(none.err, "CLOAKROOM_REDIS_PASSWORD"));
  const CliAnswer wrong = run_cli({"import", dir / "a", server.url()},
                                  {.environment = {{"CLOAKROOM_REDIS_PASSWORD", "no"}}});
  CHECK(wrong.code == 3);
  CHECK(contains(wrong.err, "WRONGPASS"));
  CHECK(!std::filesystem::exists(dir / "a.partial"));
  CHECK(run_cli({"import", dir / "b", server.url()},
                {.environment = {{"CLOAKROOM_REDIS_PASSWORD", "pa:ss@word"}}})
            .code == 0);
  std::ofstream(dir / "password") << "pa:ss@word\n";
  CHECK(run_cli({"import", dir / "c", server.url(), "--password-file", dir / "password"}).code ==
        0);
}

// A certificate of its own for `name`, signed by nobody else.
void make_certificate(const TempDir& dir, const std::string& name) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
      "-days 2 -subj /CN=test -addext subjectAltName=" +
      name + " -keyout " + dir.path() + "/key.pem -out " + dir.path() + "/cert.pem >/dev/null 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
}

TEST_CASE("redis: over TLS, to a server whose certificate is trusted and bears its name") {
  if (!has_redis()) return;
  const TempDir dir;
  make_certificate(dir, "DNS:localhost,IP:127.0.0.1");
  const std::string port = std::to_string(20'000 + ::getpid() % 20'000);
  const RedisServer server({"--port", "0", "--tls-port", port, "--tls-cert-file", dir / "cert.pem",
                            "--tls-key-file", dir / "key.pem", "--tls-ca-cert-file",
                            dir / "cert.pem", "--tls-auth-clients", "no"});
  Random random(1);
  fill(*server.client(), random, 300);
  const auto import = [&](const std::string& host, const Arguments& more) {
    Arguments arguments{"import", dir.store_path(), "rediss://" + host + ":" + port + "/0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_cli(arguments);
  };
  const CliAnswer untrusted = import("localhost", {});
  CHECK(untrusted.code == 3);
  CHECK(contains(untrusted.err, "--tls-ca"));
  for (const char* const host : {"localhost", "127.0.0.1"}) {
    const CliAnswer answer = import(host, {"--tls-ca", dir / "cert.pem"});
    CHECK_MESSAGE(answer.code == 0, answer.err);
    CHECK(contains(answer.out, "300 keys"));
    std::filesystem::remove_all(dir.store_path());
  }
  // Another name than the certificate's, though it leads to the same server.
  const CliAnswer other = import("127.0.0.2", {"--tls-ca", dir / "cert.pem"});
  CHECK(other.code == 3);
  CHECK(contains(other.err, "not trusted"));
  CHECK(import("localhost", {"--tls-ca", dir / "none.pem"}).code == 3);
}

TEST_CASE("redis: what is wrong is said, with a remedy, and leaves nothing behind") {
  const TempDir dir;
  make_store(dir.store_path());
  const auto says = [&](const Arguments& arguments, int code, std::string_view text) {
    const CliAnswer answer = run_cli(arguments);
    CAPTURE(answer.err);
    CHECK(answer.code == code);
    CHECK(contains(answer.err, text));
    CHECK(!std::filesystem::exists(dir / "n"));
    CHECK(!std::filesystem::exists(dir / "n.partial"));
  };
  says({"import", dir / "n", "unix://" + dir.path() + "/none"}, 3, "is it running");
  says({"import", dir / "n", "redis://localhost:1/0"}, 3, "is it running");
  says({"import", dir / "n", "redis://localhost:0/0"}, 2, "the port must be");
  says({"import", dir / "n", "redis://localhost/16"}, 2, "the database must be");
  says({"import", dir / "n", "unix://relative"}, 2, "must be absolute");
  says({"import", dir / "n", "redis://h/0?mach=x"}, 2, "behind the question mark");
  says({"export", dir.store_path(), "elsewhere"}, 2, "redis://HOST/DB");
  says({"export", dir.store_path(), "redis://localhost:1/0"}, 3, "is it running");
  says({"import", dir / "n", "redis://h/0", "--follow", "--dry-run"}, 2,
       "--follow makes a new store");
}

TEST_CASE("redis: addresses are read part by part, percent codes and all") {
  const auto target = cli::parse_redis_url("rediss://us%40er:p%3Aw:x@[::1]:7000/5?match=a%26b*%zz");
  REQUIRE(target);
  CHECK(target->tls);
  CHECK(target->user == "us@er");
  CHECK(target->password == "p:w:x");
  CHECK(target->host == "::1");
  CHECK(target->port == 7000);
  CHECK(target->database == 5);
  CHECK(target->match == "a&b*%zz");
  CHECK(target->name() == "[::1]:7000");
  CHECK(cli::parse_redis_url("redis://")->host == "localhost");
  CHECK(cli::parse_redis_url("redis://:pw@h")->password == "pw");
  CHECK(cli::parse_redis_url("unix:///run/r.sock?db=2")->path == "/run/r.sock");
}

}  // namespace
}  // namespace cloakroom::testing
