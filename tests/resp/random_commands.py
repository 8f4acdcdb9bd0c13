"""The random commands that tests/resp/differential says to both servers."""

import random
import time


class Generator:
    """Random commands over few keys, so that types collide."""

    def __init__(self, rng):
        self.rng = rng
        self.keys = [b"k%d" % i for i in range(6)] + [b"bin\x00\r\n\xff", b"\x00zero", b""]

    def key(self):
        return self.rng.choice(self.keys)

    def value(self):
        r = self.rng
        return r.choice([
            b"", b"v", b"10", b"-5", b"3.5", b"9223372036854775807", b"-9223372036854775808", b"abc",
            b"0", b"007", b"1e3", b" 1", b"x" * r.randrange(200), bytes(r.randrange(256) for _ in range(9)),
        ])

    def integer(self):
        r = self.rng
        return r.choice([b"0", b"1", b"-1", b"2", b"5", b"-3", b"100", b"9223372036854775807",
                         b"-9223372036854775808", b"9223372036854775808", b"x", b"1.5", b"", b"-7"])

    def index(self):
        return self.rng.choice([b"0", b"1", b"-1", b"2", b"3", b"-2", b"-100", b"100", b"5", b"x"])

    def member(self):
        return self.rng.choice([b"a", b"b", b"c", b"d", b"e", b"1", b"2", b"10", b"", b"\xff\x00"])

    def score(self):
        return self.rng.choice([b"1", b"2", b"2", b"3.1", b"-1", b"0", b"inf", b"-inf", b"1e10", b"x", b"nan",
                                b"0.1", b"+5", b"1e-5"])

    def seconds(self):
        return self.rng.choice([b"100", b"1000", b"5000", b"0", b"-1", b"x", b"20000",
                                b"9223372036854775807", b"-9223372036854775808", b"9223372036854776"])

    def at(self, milli):
        now = int(time.time())
        s = self.rng.choice([now + 500, now + 5000, 1, -1, 0, now - 10])
        return b"%d" % (s * 1000 if milli else s)

    def score_bound(self):
        return self.rng.choice([b"-inf", b"+inf", b"1", b"(1", b"2", b"(2", b"3.1", b"x", b"0", b"(0"])

    def name_bound(self):
        return self.rng.choice([b"-", b"+", b"[a", b"(a", b"[c", b"(c", b"[d", b"x", b"["])

    def words(self, *choices):
        r = self.rng
        out = []
        for choice in choices:
            if r.random() < 0.3:
                out += choice() if callable(choice) else [choice]
        if r.random() < 0.3:
            r.shuffle(out)
        return out

    def set_options(self):
        r = self.rng
        return self.words(b"NX", b"xx", b"GET", b"KEEPTTL", lambda: [b"EX", self.seconds()],
                          lambda: [b"px", r.choice([b"100000", b"0", b"x", b"-5", b"5000000"])],
                          lambda: [b"EXAT", self.at(False)], lambda: [b"PXAT", self.at(True)])

    def limit(self):
        return [b"LIMIT", self.index(), self.index()]

    def pairs(self, make, n=3):
        out = []
        for _ in range(self.rng.randrange(1, n)):
            out += make()
        return out

    def fields(self):
        return self.pairs(lambda: [self.member(), self.value()], 4)

    def some(self, make, n=4):
        return [make() for _ in range(self.rng.randrange(1, n))]

    def strings(self):
        r = self.rng
        k = self.key
        return r.choice([
            lambda: [b"SET", k(), self.value()],
            lambda: [b"SET", k(), self.value()] + self.set_options(),
            lambda: [b"GET", k()],
            lambda: [b"SETEX", k(), self.seconds(), self.value()],
            lambda: [b"PSETEX", k(), r.choice([b"100000", b"0", b"x"]), self.value()],
            lambda: [b"SETNX", k(), self.value()],
            lambda: [b"GETSET", k(), self.value()],
            lambda: [b"GETDEL", k()],
            lambda: [b"GETEX", k()] + self.words(b"PERSIST", lambda: [b"EX", self.seconds()],
                                                 lambda: [b"PXAT", self.at(True)]),
            lambda: [b"MGET"] + self.some(k),
            lambda: [b"MSET"] + self.pairs(lambda: [k(), self.value()]),
            lambda: [b"MSETNX"] + self.pairs(lambda: [k(), self.value()]),
            lambda: [b"MSET", k()],
            lambda: [b"APPEND", k(), self.value()],
            lambda: [b"STRLEN", k()],
            lambda: [b"GETRANGE", k(), self.index(), self.index()],
            lambda: [b"SUBSTR", k(), self.index(), self.index()],
            lambda: [b"SETRANGE", k(), r.choice([b"0", b"3", b"20", b"-1", b"x"]), self.value()],
            lambda: [b"SETBIT", k(), r.choice([b"0", b"7", b"9", b"100", b"-1", b"x"]), r.choice([b"0", b"1", b"1", b"2"])],
            lambda: [b"GETBIT", k(), r.choice([b"0", b"7", b"9", b"100", b"-1", b"x"])],
            lambda: [b"BITCOUNT", k()] + r.choice([[], [self.index(), self.index()], [self.index()],
                                                   [self.index(), self.index(), r.choice([b"BIT", b"byte", b"x"])]]),
            lambda: [b"BITPOS", k(), r.choice([b"0", b"1", b"1", b"2"])] +
            [self.index(), self.index(), r.choice([b"BIT", b"byte", b"x"])][:r.randrange(4)],
            lambda: [b"BITOP", r.choice([b"AND", b"or", b"XOR", b"NOT", b"x"]), k()] + self.some(k),
            lambda: [b"INCR", k()], lambda: [b"DECR", k()],
            lambda: [b"INCRBY", k(), self.integer()], lambda: [b"DECRBY", k(), self.integer()],
            lambda: [b"INCRBYFLOAT", k(), self.score()],
        ])()

    def generic(self):
        r = self.rng
        k = self.key
        return r.choice([
            lambda: [b"DEL"] + self.some(k), lambda: [b"UNLINK"] + self.some(k),
            lambda: [b"EXISTS"] + self.some(k), lambda: [b"TOUCH"] + self.some(k),
            lambda: [b"TYPE", k()],
            lambda: [b"RENAME", k(), k()], lambda: [b"RENAMENX", k(), k()],
            lambda: [b"COPY", k(), k()] + self.words(b"REPLACE", lambda: [b"DB", r.choice([b"0", b"1", b"16", b"x"])]),
            lambda: [b"MOVE", k(), r.choice([b"0", b"1", b"15", b"16", b"x"])],
            lambda: [b"KEYS", r.choice([b"*", b"k*", b"k[12]", b"k[^1-3]", b"?1", b"nothing", b"\\k1"])],
            lambda: [b"SCAN", b"0", b"COUNT", b"1000"] + self.words(lambda: [b"MATCH", b"k*"],
                                                                    lambda: [b"TYPE", r.choice([b"string", b"hash", b"zset"])]),
            lambda: [b"SCAN", r.choice([b"x", b"1x"])],
            lambda: [b"SCAN", b"0", b"COUNT", r.choice([b"0", b"-1", b"x"])],
            lambda: [b"DBSIZE"],
            lambda: [b"EXPIRE", k(), self.seconds()],
            # Never the same one twice: a millisecond would decide.
            lambda: [b"EXPIRE", k(), b"%d" % r.randrange(-100, 90000)] + self.words(b"NX", b"XX", b"GT", b"LT"),
            # No deadline after the year 3084: that is none here.
            lambda: [b"PEXPIRE", k(), r.choice([b"100000", b"900000", b"0", b"-1", b"9223372036854775807", b"x"])],
            lambda: [b"EXPIREAT", k(), self.at(False)] + self.words(b"NX", b"gt"),
            lambda: [b"PEXPIREAT", k(), self.at(True)] + self.words(b"XX", b"LT", b"BAD"),
            lambda: [r.choice([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME", b"PERSIST"]), k()],
            lambda: [b"OBJECT", r.choice([b"REFCOUNT"]), b"nokey"],
            lambda: [b"SELECT", r.choice([b"0", b"0", b"0", b"1", b"15", b"16", b"-1", b"x"])],
        ])()

    def hashes(self):
        r = self.rng
        k = self.key
        return r.choice([
            lambda: [b"HSET", k()] + self.fields(), lambda: [b"HMSET", k()] + self.fields(),
            lambda: [b"HSET", k(), b"f"], lambda: [b"HSET", k(), b"f", b"v", b"g"],
            lambda: [b"HSETNX", k(), self.member(), self.value()],
            lambda: [b"HGET", k(), self.member()], lambda: [b"HMGET", k()] + self.some(self.member),
            lambda: [b"HGETALL", k()], lambda: [b"HDEL", k()] + self.some(self.member),
            lambda: [b"HEXISTS", k(), self.member()],
            lambda: [r.choice([b"HKEYS", b"HVALS", b"HLEN"]), k()],
            lambda: [b"HSTRLEN", k(), self.member()],
            lambda: [b"HINCRBY", k(), self.member(), self.integer()],
            lambda: [b"HINCRBYFLOAT", k(), self.member(), self.score()],
            lambda: [b"HSCAN", k(), b"0"] + self.words(lambda: [b"MATCH", b"[a-c]"], lambda: [b"COUNT", b"100"]),
            lambda: [b"HRANDFIELD", b"none"] + self.words(b"2"),
        ])()

    def sets(self):
        r = self.rng
        k = self.key
        return r.choice([
            lambda: [b"SADD", k()] + self.some(self.member, 6), lambda: [b"SREM", k()] + self.some(self.member),
            lambda: [b"SCARD", k()], lambda: [b"SISMEMBER", k(), self.member()],
            lambda: [b"SMISMEMBER", k()] + self.some(self.member), lambda: [b"SMEMBERS", k()],
            lambda: [b"SMOVE", k(), k(), self.member()],
            lambda: [r.choice([b"SINTER", b"SUNION", b"SDIFF"])] + self.some(k),
            lambda: [r.choice([b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE"]), k()] + self.some(k),
            lambda: [b"SINTERCARD", r.choice([b"1", b"2", b"0", b"9", b"x"])] + self.some(k) +
            self.words(lambda: [b"LIMIT", self.index()]),
            lambda: [b"SSCAN", k(), b"0"] + self.words(lambda: [b"MATCH", b"[a-c]"]),
            lambda: [b"SPOP", k(), r.choice([b"100", b"0", b"-1", b"x"])] if r.random() < 0.3 else
            [b"SCARD", k()],
            lambda: [b"SRANDMEMBER", b"none"] + self.words(b"3"),
        ])()

    def sorted_sets(self):
        r = self.rng
        k = self.key
        scored = lambda: self.pairs(lambda: [self.score(), self.member()], 5)
        flags = lambda: self.words(b"NX", b"XX", b"GT", b"lt", b"CH", b"INCR")
        ws = lambda: self.words(b"WITHSCORES", self.limit)
        return r.choice([
            lambda: [b"ZADD", k()] + scored(), lambda: [b"ZADD", k()] + flags() + scored(),
            lambda: [b"ZADD", k(), b"1", b"a", b"2"],
            lambda: [b"ZINCRBY", k(), self.score(), self.member()],
            lambda: [b"ZREM", k()] + self.some(self.member), lambda: [b"ZCARD", k()],
            lambda: [b"ZSCORE", k(), self.member()], lambda: [b"ZMSCORE", k()] + self.some(self.member),
            lambda: [r.choice([b"ZRANK", b"ZREVRANK"]), k(), self.member()],
            lambda: [r.choice([b"ZRANGE", b"ZREVRANGE"]), k(), self.index(), self.index()] + self.words(b"WITHSCORES"),
            lambda: [b"ZRANGE", k(), self.index(), self.index(), b"REV"] + ws(),
            lambda: [b"ZRANGE", k(), self.score_bound(), self.score_bound(), b"BYSCORE"] + self.words(b"REV") + ws(),
            lambda: [b"ZRANGE", k(), self.name_bound(), self.name_bound(), b"BYLEX"] + self.words(b"REV") + ws(),
            lambda: [r.choice([b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"]), k(), self.score_bound(), self.score_bound()] + ws(),
            lambda: [r.choice([b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"]), k(), self.name_bound(), self.name_bound()] +
            self.words(self.limit),
            lambda: [b"ZRANGESTORE", k(), k(), self.index(), self.index()] + self.words(b"REV"),
            lambda: [b"ZRANGESTORE", k(), k(), self.score_bound(), self.score_bound(), b"BYSCORE"] + self.words(self.limit),
            lambda: [b"ZCOUNT", k(), self.score_bound(), self.score_bound()],
            lambda: [b"ZLEXCOUNT", k(), self.name_bound(), self.name_bound()],
            lambda: [b"ZREMRANGEBYRANK", k(), self.index(), self.index()],
            lambda: [b"ZREMRANGEBYSCORE", k(), self.score_bound(), self.score_bound()],
            lambda: [b"ZREMRANGEBYLEX", k(), self.name_bound(), self.name_bound()],
            lambda: [r.choice([b"ZPOPMIN", b"ZPOPMAX"]), k()] + self.words(r.choice([b"2", b"0", b"-1", b"x"])),
            self.algebra, self.algebra,
            lambda: [b"ZMPOP"] + self.counted(k) + [r.choice([b"MIN", b"max", b"MIDDLE"])] +
            self.words(lambda: [b"COUNT", r.choice([b"1", b"2", b"0", b"x"])]),
            lambda: [b"ZRANDMEMBER", b"none"] + self.words(r.choice([b"2", b"-3", b"x"]), b"WITHSCORES"),
            lambda: [b"ZSCAN", k(), b"0"] + self.words(lambda: [b"MATCH", b"[a-c]"]),
        ])()

    def counted(self, make):
        """A number of keys, and about as many keys."""
        keys = self.some(make)
        return [self.rng.choice([b"%d" % len(keys)] * 8 + [b"0", b"9", b"x"])] + keys

    def algebra(self):
        r = self.rng
        name = r.choice([b"ZUNION", b"ZINTER", b"ZDIFF", b"ZINTERCARD", b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"])
        target = [self.key()] if name.endswith(b"STORE") else []
        keys = self.counted(self.key)
        weights = lambda: [b"WEIGHTS"] + [self.score() for _ in keys[1:]]
        aggregate = lambda: [b"AGGREGATE", r.choice([b"SUM", b"min", b"MAX", b"MEAN"])]
        return [name] + target + keys + self.words(weights, aggregate, b"WITHSCORES",
                                                   lambda: [b"LIMIT", self.index()])

    def control(self):
        r = self.rng
        k = self.key
        return r.choice([
            lambda: [b"MULTI"], lambda: [b"EXEC"], lambda: [b"EXEC"], lambda: [b"DISCARD"],
            # Of keys whose deadlines nothing moves: to the same one again is no change here.
            lambda: [b"WATCH", b"watched"], lambda: [b"SET", b"watched", b"v"],
            lambda: [b"WATCH", b"coming"], lambda: [b"SET", b"coming", b"v"], lambda: [b"DEL", b"coming"],
            lambda: [b"UNWATCH"],
            lambda: [b"PING"], lambda: [b"PING", self.value()], lambda: [b"ECHO", self.value()],
            lambda: [b"PING", b"a", b"b"], lambda: [b"GET"], lambda: [b"get", b"a", b"b"],
            lambda: [b"nosuch"], lambda: [b"nosuch", b"a", b"bc"], lambda: [b"CLIENT", b"nosuch"],
            lambda: [b"CLIENT"], lambda: [b"CLIENT", b"SETNAME", self.value()], lambda: [b"CLIENT", b"GETNAME"],
            lambda: [b"CLIENT", b"SETNAME"], lambda: [b"CONFIG", b"GET"],
            lambda: [b"AUTH", b"x"], lambda: [b"AUTH", b"no", b"x"], lambda: [b"AUTH", b"a", b"b", b"c"],
            lambda: [b"HELLO", b"4"], lambda: [b"HELLO", b"x"], lambda: [b"HELLO", b"3", b"BAD"],
            lambda: [b"EVALSHA", b"0" * 40, b"0"],
            lambda: [b"PUBLISH", b"c", b"m"], lambda: [b"SPUBLISH", b"c", b"m"], lambda: [b"PUBSUB", b"SHARDNUMSUB", b"c"], lambda: [b"PUBSUB", b"NUMSUB", b"c"], lambda: [b"PUBSUB", b"NUMPAT"],
            lambda: [b"CLUSTER", b"INFO"], lambda: [b"OBJECT", b"nosuch", b"k"], lambda: [b"OBJECT", b"ENCODING"],
            lambda: [b"CONFIG", b"SET", b"nosuch", b"1"],
            lambda: [b"CONFIG", b"SET", b"notify-keyspace-events", r.choice([b"KEA", b"KEAnm", b"", b"Ex", b"gxE", b"Eg", b"Km", b"y"])],
            lambda: [b"CONFIG", b"GET", b"notify-keyspace-events"],
            lambda: [b"CLIENT", b"TRACKINGINFO"], lambda: [b"CLIENT", b"GETREDIR"],
            lambda: [b"CLIENT", b"CACHING", r.choice([b"YES", b"x"])],
            lambda: [b"CLIENT", b"UNBLOCK", r.choice([b"999999", b"x"])] + self.words(b"ERROR", b"bad"),
            lambda: [b"CLIENT", b"PAUSE", r.choice([b"x", b"-1", b"0"])] + self.words(b"bad"),
            lambda: [b"CLIENT", b"UNPAUSE"],
            lambda: [b"ACL", b"SETUSER", b"u"] + self.words(
                b"on", b"off", b"nopass", b"resetpass", b">p", b"<q", b"#zz", b"~a", b"%R~c", b"%W~c", b"%X~c",
                b"resetkeys", b"&x", b"resetchannels", b"+get", b"+set", b"+nosuch", b"bad"),
            lambda: [b"ACL", b"SETUSER", b"v", b"+@stream", b"-@list"],
            lambda: [b"ACL", b"GETUSER", r.choice([b"u", b"default", b"nobody"])],
            lambda: [b"ACL", b"DELUSER", r.choice([b"u", b"nobody", b"default"])],
            lambda: [b"ACL", b"DRYRUN", r.choice([b"u", b"u", b"nobody"])] +
            r.choice([[b"get", b"a"], [b"get", b"c"], [b"set", b"c", b"v"], [b"set", b"c", b"v", b"GET"], [b"nosuch"],
                      [b"get"], [b"exists", b"c"]]),
            lambda: [b"ACL", b"WHOAMI"], lambda: [b"ACL", b"CAT"], lambda: [b"ACL", b"CAT", b"nosuch"],
            lambda: [b"ACL", b"GENPASS", r.choice([b"0", b"x", b"5000"])], lambda: [b"ACL", b"SAVE"],
            lambda: [b"CONFIG", b"SET", r.choice([b"maxclients", b"timeout", b"maxmemory"]), r.choice([b"x", b"-1"])],
            lambda: [b"FUNCTION", b"LIST"], lambda: [b"FUNCTION", b"FLUSH", r.choice([b"SYNC", b"async", b"x"])],
            lambda: [b"FUNCTION", b"KILL"], lambda: [b"SCRIPT", b"KILL"], lambda: [b"FUNCTION", b"nosuch"],
            lambda: [r.choice([b"CLIENT", b"OBJECT", b"PUBSUB", b"CONFIG"]), b"HELP", b"x"],
            lambda: [b"COMMAND", b"LIST", b"FILTERBY", r.choice([b"MODULE", b"nosuch"]), b"x"],
            lambda: [b"COMMAND", b"GETKEYS"] + r.choice([self.algebra, self.strings])(),
            lambda: [b"FLUSHDB", b"BAD"], lambda: [b"SLOWLOG", b"GET", b"-2"],
        ])()

    def command(self):
        return self.rng.choices([self.strings, self.generic, self.hashes, self.sets, self.sorted_sets, self.control],
                                weights=[6, 6, 4, 4, 5, 2])[0]()


class LargeGenerator(Generator):
    """Random commands over collections of some thousand members, changed at any place of them."""

    def __init__(self, rng):
        super().__init__(rng)
        self.keys = [b"large", b"other"]
        self.names = rng.choice([300, 3000, 6000])

    def member(self):
        r = self.rng
        n = r.randrange(self.names)
        if n % 97 == 0:
            return b"x" * (120 + n % 15) + b"%d" % n  # around the length that takes two bytes
        return r.choice([b"spring:session:expires:%06d", b"s:%d"]) % n

    def score(self):
        return self.rng.choice([b"%d" % self.rng.randrange(2000), b"1", b"-inf", b"1e3", b"0"])

    def score_bound(self):
        return self.rng.choice([b"%d", b"(%d"]) % self.rng.randrange(2000)

    def index(self):
        return self.rng.choice([b"%d" % self.rng.randrange(-self.names, self.names), b"0", b"-1", b"1"])

    def many(self, make):
        return self.some(make, self.rng.choice([2, 2, 4, 300]))

    def fill(self, kind):
        """What a round begins with."""
        n = self.names * 2 // 3
        some = [self.member() for _ in range(n)]
        scores = [b"%d" % self.rng.randrange(2000) for _ in range(n)]
        if kind == b"set":
            return [b"SADD", b"large"] + some
        if kind == b"hash":
            return [b"HSET", b"large"] + [x for pair in zip(some, scores) for x in pair]
        return [b"ZADD", b"large"] + [x for pair in zip(scores, some) for x in pair]

    def large_set(self):
        r = self.rng
        k, m = self.key, self.member
        return r.choice([
            lambda: [b"SADD", k()] + self.many(m), lambda: [b"SADD", b"large"] + self.many(m),
            lambda: [b"SREM", b"large"] + self.many(m), lambda: [b"SREM", k()] + self.many(m),
            lambda: [b"SISMEMBER", k(), m()], lambda: [b"SMISMEMBER", k()] + self.many(m),
            lambda: [b"SMOVE", k(), k(), m()], lambda: [b"SCARD", k()],
            lambda: [r.choice([b"SMEMBERS", b"SCARD"]), k()],
            lambda: [r.choice([b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE"]), b"other", k(), k()]
            if r.random() < 0.2 else [b"SCARD", k()],
        ])()

    def large_sorted_set(self):
        r = self.rng
        k, m = self.key, self.member
        flags = lambda: self.words(b"NX", b"XX", b"GT", b"LT", b"CH")
        scored = lambda: [x for name in self.many(m) for x in (self.score(), name)]
        limit = lambda: self.words(lambda: [b"LIMIT", b"%d" % r.randrange(20), b"%d" % r.randrange(-1, 20)])
        few = lambda: (lambda low: [b"%d" % low, b"%d" % (low + r.randrange(30))])(r.randrange(-self.names, self.names))
        return r.choice([
            lambda: [b"ZADD", b"large"] + scored(), lambda: [b"ZADD", b"large"] + flags() + scored(),
            lambda: [b"ZADD", k()] + scored(), lambda: [b"ZADD", b"large", self.score(), m()],
            lambda: [b"ZINCRBY", k(), b"%d" % r.randrange(-500, 500), m()],
            lambda: [b"ZREM", b"large"] + self.many(m),
            lambda: [b"ZSCORE", k(), m()], lambda: [b"ZMSCORE", k()] + self.many(m),
            lambda: [r.choice([b"ZRANK", b"ZREVRANK"]), k(), m()],
            lambda: [r.choice([b"ZRANGE", b"ZREVRANGE"]), k()] + few() + self.words(b"WITHSCORES"),
            lambda: [r.choice([b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"]), k(), self.score_bound(), self.score_bound()] +
            self.words(b"WITHSCORES") + limit(),
            lambda: [b"ZCOUNT", k(), self.score_bound(), self.score_bound()], lambda: [b"ZCARD", k()],
            lambda: [b"ZREMRANGEBYRANK", k()] + few(),
            lambda: (lambda low: [b"ZREMRANGEBYSCORE", k(), b"%d" % low, b"(%d" % (low + 9)])(r.randrange(2000)),
            lambda: [r.choice([b"ZPOPMIN", b"ZPOPMAX"]), k()] + self.words(b"%d" % r.randrange(20)),
            lambda: [b"ZRANGESTORE", b"other", b"large"] + few(),
        ])()

    def large_hash(self):
        r = self.rng
        k, m = self.key, self.member
        pairs = lambda: [x for name in self.many(m) for x in (name, self.value())]
        return r.choice([
            lambda: [b"HSET", b"large"] + pairs(), lambda: [b"HSET", k()] + pairs(),
            lambda: [b"HSET", b"large", m(), self.value()], lambda: [b"HSETNX", k(), m(), self.value()],
            lambda: [b"HDEL", b"large"] + self.many(m), lambda: [b"HDEL", k()] + self.many(m),
            lambda: [b"HGET", k(), m()], lambda: [b"HMGET", k()] + self.many(m),
            lambda: [b"HEXISTS", k(), m()], lambda: [b"HSTRLEN", k(), m()], lambda: [b"HLEN", k()],
            lambda: [b"HINCRBY", k(), m(), b"%d" % r.randrange(-9, 9)],
            lambda: [b"HGETALL", k()] if r.random() < 0.2 else [b"HLEN", k()],
        ])()


def large_commands(rng, commands):
    """Commands of one family over large collections, and what all of them come to at the end."""
    generator = LargeGenerator(rng)
    kind = rng.choice([b"set", b"zset", b"hash"])
    make = {b"set": generator.large_set, b"zset": generator.large_sorted_set, b"hash": generator.large_hash}[kind]
    whole = {b"set": [b"SMEMBERS"], b"zset": [b"ZRANGE", b"0", b"-1", b"WITHSCORES"], b"hash": [b"HGETALL"]}[kind]
    yield generator.fill(kind)
    for _ in range(commands):
        yield make()
    for key in generator.keys:
        yield whole[:1] + [key] + whole[1:]


def tracked_command(generator):
    """What a tracker says: mostly reads, and something about itself. No transactions: what they erase and then read
    is told at their end here, once too often rather than once too seldom."""
    r, k = generator.rng, generator.key
    return r.choice([
        lambda: [b"GET", k()], lambda: [b"GET", k()], lambda: [b"MGET", k(), k()], lambda: [b"EXISTS", k(), k()],
        lambda: [b"HGET", k(), b"a"], lambda: [b"SINTERCARD", b"2", k(), k()], lambda: [b"TTL", k()],
        lambda: [b"ZUNION", b"2", k(), k()], lambda: [b"SET", k(), b"v"], lambda: [b"DEL", k()],
        lambda: [b"CLIENT", b"CACHING", r.choice([b"YES", b"no"])], lambda: [b"CLIENT", b"TRACKINGINFO"],
        lambda: [b"SELECT", r.choice([b"0", b"0", b"1"])],
        lambda: [b"CLIENT", b"TRACKING", b"ON"] + generator.words(
            b"BCAST", b"OPTIN", b"OPTOUT", b"NOLOOP", b"x", lambda: [b"PREFIX", r.choice([b"k", b"k1", b"x", b""])],
            lambda: [b"PREFIX", r.choice([b"k2", b"b"])], lambda: [b"REDIRECT", r.choice([b"0", b"x", b"999999"])]),
    ])()
