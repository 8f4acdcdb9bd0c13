"""docs/examples/copy_sessions.py: from a redis-server of its own to the server under test.

Starts that server itself, because INTEROP_* names the target.
"""

import pathlib
import shutil
import subprocess
import sys
import time

import redis
from interop import ODD_BYTES, check, client, equal, holds, until, url

SCRIPT = pathlib.Path(sys.argv[1])
KEYS = 20_000

source_socket = pathlib.Path.cwd() / "source.sock"
if not shutil.which("redis-server"):
    print("skip everything: there is no redis-server to copy from")
    print("done")
    sys.exit(0)
server = subprocess.Popen(
    ["redis-server", "--port", "0", "--unixsocket", str(source_socket), "--save", "",
     "--dir", str(pathlib.Path.cwd())],
    stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
try:
    source = redis.Redis(unix_socket_path=str(source_socket))
    target = client()
    until("the source answers", source.ping)

    with source.pipeline(transaction=False) as pipe:
        for i in range(KEYS):
            pipe.set(f"sess:{i}", f'{{"user":"user-{i}"}}', px=3_600_000 + i)
        pipe.execute()
    source.set(ODD_BYTES, ODD_BYTES)
    source.hset("hash", mapping={"f": ODD_BYTES, "g": "1"})
    source.pexpire("hash", 5_000_000)
    source.sadd("set", "a", ODD_BYTES)
    source.zadd("zset", {"a": 1.5, "b": float("-inf")})
    source.rpush("list", "x")
    target.set("sess:7", "stale")
    target.set("own", "stays")

    @check(f"copies {KEYS} keys and says what it left out")
    def _():
        began = time.monotonic()
        done = subprocess.run([sys.executable, SCRIPT, f"unix://{source_socket}?db=0", url()],
                              capture_output=True, text=True, check=False, timeout=60)
        equal(done.stdout + done.stderr[-300:],
              f"{KEYS + 4} keys copied, 1 of other types left out\n")
        equal(done.returncode, 1)
        print(f"# {KEYS} keys in {time.monotonic() - began:.1f} s")

    @check("values of every type arrive, stale ones are replaced, others stay")
    def _():
        keys = [f"sess:{i}" for i in range(KEYS)]
        equal(target.mget(keys), source.mget(keys))
        equal(target.get(ODD_BYTES), ODD_BYTES)
        equal(target.hgetall("hash"), source.hgetall("hash"))
        equal(target.smembers("set"), source.smembers("set"))
        equal(target.zrange("zset", 0, -1, withscores=True),
              source.zrange("zset", 0, -1, withscores=True))
        equal(target.get("own"), b"stays")
        equal(target.dbsize(), KEYS + 5)

    @check("deadlines are the same moments")
    def _():
        for key in ("sess:0", "sess:7", f"sess:{KEYS - 1}", "hash"):
            apart = target.execute_command("PEXPIRETIME", key) - source.execute_command(
                "PEXPIRETIME", key)
            holds(abs(apart) < 1000, f"{key}: {apart} ms apart")
        equal(target.pttl(ODD_BYTES), -1)
finally:
    server.kill()
    server.wait()
print("done")
