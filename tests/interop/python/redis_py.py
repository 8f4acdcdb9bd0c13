"""redis-py without a framework: types, deadlines, transactions, messages, errors, a restart.

Runs with redis-py 4.3 (Debian's) and with the current one.
"""

import threading
import time

import redis
from interop import (ODD_BYTES, ODD_TEXT, PASSWORD, check, client, equal, holds, raises, restart,
                     until)

r = client()
text = client(decode_responses=True)
r.flushdb()


@check("ping, echo, an absent key")
def _():
    equal(r.ping(), True)
    equal(r.echo(ODD_BYTES), ODD_BYTES)
    equal(r.get("absent"), None)
    equal(r.exists("absent", "absent"), 0)


@check("keys and values of any bytes")
def _():
    r.set(ODD_BYTES, ODD_BYTES)
    equal(r.get(ODD_BYTES), ODD_BYTES)
    equal(r.strlen(ODD_BYTES), len(ODD_BYTES))
    text.set(ODD_TEXT, ODD_TEXT)
    equal(text.get(ODD_TEXT), ODD_TEXT)
    r.set("empty", b"")
    equal(r.get("empty"), b"")
    equal(r.delete(ODD_BYTES, ODD_TEXT, "empty", "absent"), 3)


@check("a value of 1 MiB and one of 8 MiB")
def _():
    for size in (1 << 20, 8 << 20):
        value = ODD_BYTES * (size // len(ODD_BYTES))
        r.set("large", value)
        holds(r.get("large") == value, size)
    r.delete("large")


@check("SET: NX, XX, GET, KEEPTTL, and what each answers")
def _():
    equal(r.set("k", "1", nx=True, px=100_000), True)
    equal(r.set("k", "2", nx=True), None)
    equal(r.set("other", "2", xx=True), None)
    equal(r.set("k", "3", keepttl=True), True)
    holds(99_000 < r.pttl("k") <= 100_000, r.pttl("k"))
    equal(r.set("k", "4", get=True), b"3")
    equal(r.pttl("k"), -1)
    equal(r.getdel("k"), b"4")
    equal(r.getdel("k"), None)


@check("deadlines in milliseconds are exact within 5 ms of the time that passed")
def _():
    for wanted in (1, 1_234_567, 86_400_000, 1 << 31, 1 << 40):
        began = time.monotonic()
        r.set("k", "v", px=60_000)
        if wanted > 1:
            r.pexpire("k", wanted)
            left = r.pttl("k")
            passed = (time.monotonic() - began) * 1000
            holds(wanted - passed - 5 <= left <= wanted, f"{wanted}: {left} after {passed} ms")
    at = int(time.time() * 1000) + 500_000
    r.pexpireat("k", at)
    equal(r.execute_command("PEXPIRETIME", "k"), at)
    equal(r.execute_command("EXPIRETIME", "k"), (at + 500) // 1000)
    equal(r.persist("k"), True)
    equal(r.pttl("k"), -1)
    equal(r.ttl("absent"), -2)


@check("EXPIRE: refused for an absent key, deletes when it lies in the past, NX XX GT LT")
def _():
    equal(r.expire("absent", 10), False)
    r.set("k", "v")
    equal(r.execute_command("EXPIRE", "k", 100, "XX"), 0)
    equal(r.execute_command("EXPIRE", "k", 100, "NX"), 1)
    equal(r.execute_command("EXPIRE", "k", 50, "GT"), 0)
    equal(r.execute_command("EXPIRE", "k", 50, "LT"), 1)
    equal(r.ttl("k"), 50)
    equal(r.expire("k", 0), True)
    equal(r.exists("k"), 0)
    raises(redis.ResponseError, "invalid expire time", r.set, "k", "v", ex=0)


@check("a key past its deadline is absent for every command")
def _():
    r.set("k", "v", px=1)
    until("expired", lambda: r.get("k") is None)
    equal(r.exists("k"), 0)
    equal(r.pttl("k"), -2)
    equal(r.mget("k"), [None])
    equal(r.set("k", "new", nx=True), True)
    r.delete("k")


@check("MGET, MSET, GETSET, GETEX, APPEND, INCR keep and clear what they should")
def _():
    r.mset({"a": "1", "b": "2"})
    r.hset("h", "f", "v")
    equal(r.mget("a", "h", "absent", "b"), [b"1", None, None, b"2"])
    r.pexpire("a", 100_000)
    equal(r.incrby("a", 41), 42)
    equal(r.append("a", "7"), 3)
    holds(r.pttl("a") > 99_000)
    equal(r.getex("b", px=50_000), b"2")
    holds(49_000 < r.pttl("b") <= 50_000)
    raises(redis.ResponseError, "not an integer", r.incr, "h2") if r.set("h2", "x") else None
    r.delete("a", "b", "h", "h2")


@check("hashes")
def _():
    equal(r.hset("h", mapping={"f1": ODD_BYTES, "f2": "2"}), 2)
    equal(r.hset("h", "f1", "1"), 0)
    equal(r.hgetall("h"), {b"f1": b"1", b"f2": b"2"})
    equal(r.hmget("h", "f2", "absent"), [b"2", None])
    equal(r.hincrby("h", "f2", 5), 7)
    equal(r.hdel("h", "f1", "f2", "f3"), 2)
    equal(r.exists("h"), 0)
    equal(r.hgetall("h"), {})


@check("sets and sorted sets")
def _():
    equal(r.sadd("s", "a", "b", "a"), 2)
    equal(r.smembers("s"), {b"a", b"b"})
    equal(bool(r.sismember("s", "a")), True)
    equal(r.srem("s", "a", "b"), 2)
    equal(r.exists("s"), 0)
    equal(r.zadd("z", {"one": 1, "half": 0.5, "far": float("inf")}), 3)
    equal(r.zscore("z", "half"), 0.5)
    equal(r.zrangebyscore("z", "(0.5", "+inf"), [b"one", b"far"])
    equal(r.zrem("z", "one"), 1)
    r.delete("z")


@check("RENAME carries the deadline, and says what is missing")
def _():
    r.set("from", "v", px=70_000)
    r.set("to", "old")
    equal(r.rename("from", "to"), True)
    equal(r.get("to"), b"v")
    holds(r.pttl("to") > 69_000)
    raises(redis.ResponseError, "no such key", r.rename, "from", "to")
    r.delete("to")


@check("SCAN gives each of 5,000 keys that stay, while others come and go")
def _():
    stay = {f"stay:{i}".encode() for i in range(5000)}
    with r.pipeline(transaction=False) as pipe:
        for key in stay:
            pipe.set(key, "v")
        pipe.execute()
    seen = set()
    for number, key in enumerate(r.scan_iter(match="stay:*", count=100)):
        seen.add(key)
        if number % 50 == 0:
            r.set(f"come:{number}", "v")
    holds(seen == stay, f"{len(seen)} of {len(stay)}")
    r.flushdb()
    equal(r.dbsize(), 0)


@check("a pipeline of 10,000 commands answers in order, errors in their places")
def _():
    with r.pipeline(transaction=False) as pipe:
        for i in range(10_000):
            pipe.set("counter", str(i)) if i % 1000 else pipe.hget("counter", "x")
        answers = pipe.execute(raise_on_error=False)
    equal(len(answers), 10_000)
    equal(sum(isinstance(answer, redis.ResponseError) for answer in answers), 9)
    equal(r.get("counter"), b"9999")
    r.delete("counter")


@check("MULTI and EXEC; WATCH sees a write, a delete and an expiry by others")
def _():
    with r.pipeline() as pipe:
        equal(pipe.set("a", 1).incr("a").get("a").execute(), [True, 2, b"2"])

    def disturbed(by):
        r.set("w", "v", px=100_000)
        with r.pipeline() as pipe:
            pipe.watch("w")
            by()
            pipe.multi()
            pipe.set("w", "mine")
            try:
                pipe.execute()
            except redis.WatchError:
                return True
        return False

    equal(disturbed(lambda: None), False)
    equal(disturbed(lambda: text.set("w", "v")), True)
    equal(disturbed(lambda: text.delete("w")), True)
    equal(disturbed(lambda: text.get("w")), False)
    with r.pipeline() as pipe:
        answers = pipe.set("s", "x").hget("s", "f").set("s", "y").execute(raise_on_error=False)
    holds(isinstance(answers[1], redis.ResponseError), answers)
    equal(r.get("s"), b"y")
    r.delete("a", "w", "s")


@check("databases are apart")
def _():
    one = client(1)
    one.flushdb()
    r.set("k", "zero")
    equal(one.get("k"), None)
    one.set("k", "one")
    equal(r.get("k"), b"zero")
    one.flushdb()
    equal(r.get("k"), b"zero")
    raises(redis.ResponseError, "out of range", client(99).ping)
    r.delete("k")


@check("messages by channel and pattern, keyspace events in order")
def _():
    r.config_set("notify-keyspace-events", "Egx$")
    messages = client().pubsub(ignore_subscribe_messages=True)
    messages.subscribe("news")
    messages.psubscribe("__keyevent@0__:*", "n?ws")
    messages.get_message(timeout=5)
    until("subscribed", lambda: r.pubsub_numpat() == 2)
    equal(r.publish("news", ODD_BYTES), 2)
    r.set("k", "v")
    r.rename("k", "k2")
    r.delete("k2")
    r.set("k", "v", px=1)
    until("expired", lambda: r.get("k") is None)
    seen, end = [], time.monotonic() + 5
    while len(seen) < 9 and time.monotonic() < end:
        message = messages.get_message(timeout=1)
        if message:
            seen.append((message["channel"].split(b":")[-1].decode(), message["data"]))
    equal(seen, [("news", ODD_BYTES), ("news", ODD_BYTES), ("set", b"k"), ("rename_from", b"k"),
                 ("rename_to", b"k2"), ("del", b"k2"), ("set", b"k"), ("expire", b"k"),
                 ("expired", b"k")])
    messages.close()


@check("a lock: acquired by one, extended, released by its owner only")
def _():
    lock = r.lock("lock", timeout=30)
    equal(lock.acquire(blocking=False), True)
    equal(r.lock("lock", timeout=30).acquire(blocking=False), False)
    equal(lock.extend(60, replace_ttl=True), True)
    holds(r.pttl("lock") > 59_000, r.pttl("lock"))
    lock.release()
    equal(r.exists("lock"), 0)
    raises(redis.exceptions.LockError, "", lock.release)


@check("errors have Redis's words and leave the connection usable")
def _():
    r.set("k", "v")
    raises(redis.ResponseError, "WRONGTYPE", r.hgetall, "k")
    raises(redis.ResponseError, "unknown command", r.execute_command, "NOSUCH", "a")
    raises(redis.ResponseError, "wrong number of arguments for 'get' command", r.execute_command,
           "GET")
    raises(redis.ResponseError, "syntax error", r.execute_command, "SET", "k", "v", "BAD")
    raises(redis.ResponseError, "not an integer", r.execute_command, "EXPIRE", "k", "soon")
    equal(r.get("k"), b"v")
    r.delete("k")


@check("a wrong password is refused, and so is none")
def _():
    if not PASSWORD:
        return
    kwargs = dict(r.connection_pool.connection_kwargs)
    for password in ("wrong", None):
        pool = redis.ConnectionPool(connection_class=r.connection_pool.connection_class,
                                    **{**kwargs, "password": password})
        raises(redis.RedisError, "", redis.Redis(connection_pool=pool).get, "k")


@check("INFO, CLIENT LIST and CONFIG GET are understood")
def _():
    info = r.info()
    equal(info["loading"], 0)
    equal(info["role"], "master")
    holds(int(info["redis_version"].split(".")[0]) >= 6, info["redis_version"])
    r.client_setname("interop")
    holds(any(each["name"] == "interop" for each in r.client_list()))
    holds("maxmemory" in r.config_get("maxmemory*"))


@check("fifty connections at once lose no increment")
def _():
    def work():
        own = client()
        for _ in range(40):
            own.incr("n")
            own.hincrby("nh", "f", 1)
        own.close()

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(r.get("n"), b"2000")
    equal(r.hget("nh", "f"), b"2000")
    r.delete("n", "nh")


@check("kill -9 and restart: every acknowledged write is there, of every type, with its deadline")
def _():
    for i in range(200):
        r.set(f"s:{i}", f"v{i}", px=1_000_000)
    r.hset("h", mapping={"f": ODD_BYTES})
    r.sadd("set", "a", "b")
    r.zadd("z", {"a": 1.5})
    r.set("gone", "v")
    r.delete("gone")
    client(1).set("one", "1")
    left, began = r.pttl("s:7"), time.monotonic()
    restart()
    until("reconnected", r.ping)
    passed = (time.monotonic() - began) * 1000
    holds(abs(left - passed - r.pttl("s:7")) < 1500, "the deadline")
    equal(r.mget([f"s:{i}" for i in range(200)]), [f"v{i}".encode() for i in range(200)])
    equal(r.hgetall("h"), {b"f": ODD_BYTES})
    equal(r.smembers("set"), {b"a", b"b"})
    equal(r.zscore("z", "a"), 1.5)
    equal(r.exists("gone"), 0)
    equal(client(1).get("one"), b"1")
    equal(r.type("h"), b"hash")
    r.flushall()


def written_through(how):
    """Eight clients write while the server ends; returns [(last acknowledged, found)]."""
    acknowledged = [0] * 8

    def work(index):
        own = client()
        try:
            while True:
                own.set(f"w:{index}", acknowledged[index] + 1)
                acknowledged[index] += 1
                if over.is_set():
                    return
        except (redis.ConnectionError, redis.ResponseError):
            pass  # of the one that was not acknowledged nobody knows

    over = threading.Event()
    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    until("writing", lambda: min(acknowledged) > 20)
    restart(how)
    over.set()
    for thread in threads:
        thread.join()
    until("reconnected", r.ping)
    return [(sure, int(r.get(f"w:{index}"))) for index, sure in enumerate(acknowledged)]


for name, how in (("kill -9", "restart"), ("SIGTERM", "restart gently")):
    @check(f"{name} while eight clients write: what was acknowledged is there, and nothing older")
    def _():
        for sure, found in written_through(how):
            holds(sure <= found <= sure + 1, f"{sure} acknowledged, {found} found")
        r.flushall()


print("done")
