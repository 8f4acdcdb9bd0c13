/* hiredis 0.14: synchronous, appended (pipelined), and bare bytes over its reader. RESP2 only, and
 * no TLS, because Debian's hiredis has neither. */

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static redisContext *redis;
static char problem[512];

static redisContext *connect_to_server(const char *password) {
  const struct timeval limit = {10, 0};
  redisContext *context = strcmp(getenv("INTEROP_TRANSPORT"), "unix") == 0
      ? redisConnectUnixWithTimeout(getenv("INTEROP_SOCKET"), limit)
      : redisConnectWithTimeout(getenv("INTEROP_HOST"), atoi(getenv("INTEROP_PORT")), limit);
  if (context == NULL || context->err) return context;
  redisSetTimeout(context, limit);
  if (password[0] != '\0') freeReplyObject(redisCommand(context, "AUTH %s", password));
  return context;
}

static bool fail(const char *format, ...) {
  va_list parts;
  va_start(parts, format);
  vsnprintf(problem, sizeof problem, format, parts);
  va_end(parts);
  return false;
}

/* Whether the reply is of the type and, where text is given, has or begins with the text. Frees it. */
static bool is(redisReply *reply, int type, const char *text, long long integer) {
  bool good = false;
  if (reply == NULL) return fail("no reply: %s", redis->errstr);
  if (reply->type != type) {
    fail("type %d, wanted %d: %.100s", reply->type, type, reply->str ? reply->str : "");
  } else if (text != NULL && (type == REDIS_REPLY_ERROR ? strstr(reply->str, text) == NULL
                                                        : strcmp(reply->str, text) != 0)) {
    fail("found %.100s, wanted %.100s", reply->str, text);
  } else if (type == REDIS_REPLY_INTEGER && reply->integer != integer) {
    fail("found %lld, wanted %lld", reply->integer, integer);
  } else {
    good = true;
  }
  freeReplyObject(reply);
  return good;
}

static redisReply *run(const char *format, ...) {
  va_list parts;
  va_start(parts, format);
  redisReply *reply = redisvCommand(redis, format, parts);
  va_end(parts);
  return reply;
}

static bool ok(redisReply *reply) { return is(reply, REDIS_REPLY_STATUS, "OK", 0); }
static bool count(redisReply *reply, long long wanted) {
  return is(reply, REDIS_REPLY_INTEGER, NULL, wanted);
}
static bool bulk(redisReply *reply, const char *wanted) {
  return is(reply, REDIS_REPLY_STRING, wanted, 0);
}
static bool nil(redisReply *reply) { return is(reply, REDIS_REPLY_NIL, NULL, 0); }
static bool refused(redisReply *reply, const char *wanted) {
  return is(reply, REDIS_REPLY_ERROR, wanted, 0);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool bytes_of_any_kind(void) {
  const size_t sizes[] = {0, 1, 512, 1 << 20, 8 << 20};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s) {
    char *value = malloc(sizes[s] + 1);
    for (size_t i = 0; i < sizes[s]; ++i) value[i] = (char)(i * 31);
    bool good = ok(run("SET %b %b", "\0k\r\n", (size_t)4, value, sizes[s]));
    redisReply *reply = good ? run("GET %b", "\0k\r\n", (size_t)4) : NULL;
    good = good && reply && reply->type == REDIS_REPLY_STRING && (size_t)reply->len == sizes[s] &&
           memcmp(reply->str, value, sizes[s]) == 0;
    if (!good && problem[0] == '\0') fail("a value of %zu bytes differs", sizes[s]);
    freeReplyObject(reply);
    free(value);
    if (!good) return false;
  }
  return count(run("DEL %b", "\0k\r\n", (size_t)4), 1);
}

static bool deadlines(void) {
  const long long wanted[] = {1234567, 1LL << 31, 1LL << 40};
  for (int i = 0; i < 3; ++i) {
    if (!ok(run("SET k v"))) return false;
    const double began = now_ms();
    if (!count(run("PEXPIRE k %lld", wanted[i]), 1)) return false;
    redisReply *reply = run("PTTL k");
    const double low = (double)wanted[i] - (now_ms() - began) - 5;
    const bool good = reply && reply->type == REDIS_REPLY_INTEGER && reply->integer <= wanted[i] &&
                      (double)reply->integer >= low;
    if (!good) fail("PTTL %lld of %lld", reply ? reply->integer : -99, wanted[i]);
    freeReplyObject(reply);
    if (!good) return false;
  }
  return count(run("PERSIST k"), 1) && count(run("TTL k"), -1) && count(run("EXPIRE k 0"), 1) &&
         count(run("TTL k"), -2) && refused(run("SETEX k 0 v"), "invalid expire time");
}

static bool options_and_types(void) {
  return ok(run("SET k 1 NX PX 100000")) && nil(run("SET k 2 NX")) && ok(run("SET k 3 XX KEEPTTL")) &&
         bulk(run("SET k 4 GET"), "3") && count(run("TTL k"), -1) && bulk(run("GETDEL k"), "4") &&
         count(run("HSET h a 1 b 2"), 2) && bulk(run("HGET h b"), "2") && nil(run("HGET h c")) &&
         count(run("HDEL h a b"), 2) && count(run("EXISTS h"), 0) && count(run("SADD s a b"), 2) &&
         count(run("SISMEMBER s a"), 1) && count(run("ZADD z 1.5 a"), 1) &&
         bulk(run("ZSCORE z a"), "1.5") && count(run("DEL s z"), 2);
}

static bool errors(void) {
  return ok(run("SET k v")) && refused(run("HGETALL k"), "WRONGTYPE") &&
         refused(run("INCR k"), "not an integer") && refused(run("NOSUCH a"), "unknown command") &&
         refused(run("GET"), "wrong number of arguments for 'get' command") &&
         refused(run("SET k v BAD"), "syntax error") && refused(run("SELECT 99"), "out of range") &&
         refused(run("EXEC"), "EXEC without MULTI") && bulk(run("GETDEL k"), "v");
}

static bool transaction(void) {
  redisContext *other = connect_to_server(getenv("INTEROP_PASSWORD"));
  bool good = ok(run("SET w 1")) && ok(run("WATCH w"));
  freeReplyObject(redisCommand(other, "SET w 2"));
  redisFree(other);
  /* An aborted EXEC is the null array, which this client shows as nil. */
  return good && ok(run("MULTI")) && is(run("SET w 3"), REDIS_REPLY_STATUS, "QUEUED", 0) &&
         nil(run("EXEC")) && bulk(run("GETDEL w"), "2");
}

static bool deep_pipeline(void) {
  enum { kDepth = 50000 };
  for (int i = 0; i < kDepth; ++i) redisAppendCommand(redis, i % 2 ? "GET p:%d" : "SET p:%d v", i / 2);
  for (int i = 0; i < kDepth; ++i) {
    redisReply *reply = NULL;
    if (redisGetReply(redis, (void **)&reply) != REDIS_OK) return fail("reply %d: %s", i, redis->errstr);
    if (!(i % 2 ? bulk(reply, "v") : ok(reply))) return false;
  }
  return ok(run("FLUSHDB"));
}

/* One byte at a time, and the writing side closed before the answers are read. */
static bool bytes_one_by_one_and_half_close(void) {
  redisContext *other = connect_to_server(getenv("INTEROP_PASSWORD"));
  const char text[] = "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$5\r\na\r\nbc\r\n\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
  for (size_t i = 0; i < sizeof text - 1; ++i) {
    if (write(other->fd, text + i, 1) != 1) return fail("a byte was not taken");
  }
  shutdown(other->fd, SHUT_WR);
  redisReply *first = NULL, *second = NULL, *third = NULL;
  bool good = redisGetReply(other, (void **)&first) == REDIS_OK &&
              redisGetReply(other, (void **)&second) == REDIS_OK &&
              redisGetReply(other, (void **)&third) == REDIS_OK;
  if (!good) fail("the answers after a half-close: %s", other->errstr);
  good = ok(first) && good;
  good = is(second, REDIS_REPLY_STATUS, "PONG", 0) && good;
  good = bulk(third, "a\r\nbc") && good;
  redisFree(other);
  return good && count(run("DEL k"), 1);
}

static bool wrong_password(void) {
  if (getenv("INTEROP_PASSWORD")[0] == '\0') return true;
  redisContext *other = connect_to_server("");
  bool good = refused(redisCommand(other, "GET k"), "NOAUTH") &&
              refused(redisCommand(other, "AUTH wrong"), "WRONGPASS") &&
              refused(redisCommand(other, "GET k"), "NOAUTH");
  redisFree(other);
  return good;
}

static bool restart(void) {
  const struct sockaddr_in where = {.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)atoi(getenv("INTEROP_CONTROL"))),
                                    .sin_addr = {htonl(INADDR_LOOPBACK)}};
  char answer[16] = "";
  const int control = socket(AF_INET, SOCK_STREAM, 0);
  const bool done = connect(control, (const struct sockaddr *)&where, sizeof where) == 0 &&
                    write(control, "restart\n", 8) == 8 && read(control, answer, 15) == 5 &&
                    strcmp(answer, "done\n") == 0;
  close(control);
  return done ? true : fail("restart: %s", answer);
}

static bool survives_kill(void) {
  for (int i = 0; i < 500; ++i) {
    if (!ok(run("SET s:%d v%d PX 1000000", i, i))) return false;
  }
  if (!ok(run("SET gone v")) || !count(run("DEL gone"), 1) || !restart()) return false;
  redisFree(redis);
  redis = connect_to_server(getenv("INTEROP_PASSWORD"));
  for (int i = 0; i < 500; ++i) {
    char wanted[16];
    snprintf(wanted, sizeof wanted, "v%d", i);
    if (!bulk(run("GET s:%d", i), wanted)) return false;
  }
  return nil(run("GET gone")) && ok(run("FLUSHALL"));
}

static void check(const char *name, bool (*body)(void)) {
  problem[0] = '\0';
  if (redis->err) {  // the check before this one has spoilt the connection
    redisFree(redis);
    redis = connect_to_server(getenv("INTEROP_PASSWORD"));
  }
  const bool good = body();
  for (char *c = problem; *c; ++c) {
    if (*c == '\n' || *c == '\r') *c = ' ';
  }
  printf(good ? "ok %s\n" : "not ok %s: %s\n", name, problem);
  fflush(stdout);
}

int main(void) {
  redis = connect_to_server(getenv("INTEROP_PASSWORD"));
  if (redis == NULL || redis->err) {
    printf("not ok connect: %s\n", redis ? redis->errstr : "no memory");
    return 1;
  }
  check("keys and values of any bytes, from none to 8 MiB", bytes_of_any_kind);
  check("deadlines are exact within 5 ms of the time that passed", deadlines);
  check("SET with its options, hashes, sets, sorted sets", options_and_types);
  check("errors have Redis's words and leave the connection usable", errors);
  check("an EXEC that WATCH aborts is the null array", transaction);
  check("fifty thousand commands before the first answer is read", deep_pipeline);
  check("bytes one by one, empty and inline lines, half-close", bytes_one_by_one_and_half_close);
  check("a wrong password is refused, and so is none", wrong_password);
  check("kill -9 and restart: every acknowledged write is there", survives_kill);
  printf("done\n");
  return 0;
}
