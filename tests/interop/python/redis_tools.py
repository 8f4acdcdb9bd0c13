"""redis-cli and redis-benchmark, as an administrator uses them. Needs the standard library only."""

import os
import re
import socket
import subprocess
import sys

TRANSPORT = os.environ["INTEROP_TRANSPORT"]
PASSWORD = os.environ["INTEROP_PASSWORD"]
RESP3 = os.environ["INTEROP_RESP"] == "3"

WHERE = {
    "unix": ["-s", os.environ["INTEROP_SOCKET"]],
    "tcp": ["-h", os.environ["INTEROP_HOST"], "-p", os.environ["INTEROP_PORT"]],
    "tls": ["-h", os.environ["INTEROP_HOST"], "-p", os.environ["INTEROP_PORT"], "--tls",
            "--cacert", os.environ["INTEROP_CA"]],
}[TRANSPORT]


def cli(*args, stdin=None, password=PASSWORD, timeout=30):
    environment = {**os.environ, "REDISCLI_AUTH": password} if password else os.environ
    command = ["redis-cli", *WHERE, *(["-3"] if RESP3 else []), *args]
    done = subprocess.run(command, input=stdin, env=environment, capture_output=True,
                          timeout=timeout, check=False,
                          **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    return (done.stdout + done.stderr).decode(errors="replace")


def check(name):
    def run(body):
        try:
            body()
            print(f"ok {name}")
        except Exception as why:  # noqa: BLE001: a check may fail in any way
            print(f"not ok {name}: {' '.join(f'{type(why).__name__} {why}'.split())[:400]}")
        sys.stdout.flush()
    return run


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found[:200]!r}, wanted {wanted[:200]!r}")


def has(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"no {part!r} in {text[-300:]!r}")


@check("redis-cli: commands from its arguments")
def _():
    equal(cli("ping"), "PONG\n")
    equal(cli("set", "k", "v", "px", "100000"), "OK\n")
    equal(cli("get", "k"), "v\n")
    equal(cli("get", "absent"), "\n")
    equal(cli("--no-raw", "get", "absent"), "(nil)\n")
    equal(cli("--no-raw", "del", "k", "absent"), "(integer) 1\n")
    has(cli("nosuch"), "ERR unknown command 'nosuch'")


@check("redis-cli: commands from its standard input, quoted bytes, databases, transactions")
def _():
    text = b'set "a b" "\\x00\\xff\\r\\n"\nstrlen "a b"\nselect 5\nget "a b"\nselect 0\ndel "a b"\n'
    equal(cli(stdin=text), "OK\n4\nOK\n\nOK\n1\n")
    equal(cli(stdin=b"multi\nset a 1\nincr a\nexec\ndel a\n"), "OK\nQUEUED\nQUEUED\nOK\n2\n1\n")
    equal(cli("-n", "3", "set", "k", "three"), "OK\n")
    equal(cli("-n", "3", "getdel", "k"), "three\n")
    equal(cli("-x", "set", "k", stdin=b"from stdin"), "OK\n")
    equal(cli("getdel", "k"), "from stdin\n")


@check("redis-cli: maps and doubles in its own notation")
def _():
    cli("hset", "h", "f", "v")
    cli("zadd", "z", "1.5", "m")
    cli("sadd", "s", "m")
    shown = cli("--no-raw", "hgetall", "h") + cli("--no-raw", "zscore", "z", "m") + cli(
        "--no-raw", "smembers", "s")
    equal(shown, '1# "f" => "v"\n(double) 1.5\n1~ "m"\n' if RESP3 else
          '1) "f"\n2) "v"\n"1.5"\n1) "m"\n')
    equal(cli("del", "h", "z", "s"), "3\n")


@check("redis-cli --pipe: a hundred thousand commands, each answered")
def _():
    commands = b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$1\r\nv\r\n" % (len(key), key)
                        for key in (b"bulk:%d" % i for i in range(100_000)))
    has(cli("--pipe", stdin=commands, timeout=60), "errors: 0, replies: 100000")
    equal(cli("dbsize"), "100000\n")


@check("redis-cli --scan and --bigkeys walk everything")
def _():
    equal(len(set(cli("--scan", "--pattern", "bulk:*").split())), 100_000)
    equal(cli("--scan", "--pattern", "bulk:4711"), "bulk:4711\n")
    has(cli("--bigkeys", timeout=60), "Sampled 100000 keys", "100000 strings")
    equal(cli("flushdb"), "OK\n")


@check("redis-cli: INFO, CONFIG, CLIENT, SLOWLOG, LATENCY as monitoring asks for them")
def _():
    info = cli("info", "everything")
    for field in ("redis_version", "redis_mode", "process_id", "tcp_port", "uptime_in_seconds",
                  "connected_clients", "maxclients", "blocked_clients", "used_memory", "maxmemory",
                  "loading", "total_commands_processed", "keyspace_hits", "keyspace_misses",
                  "expired_keys", "evicted_keys", "total_net_input_bytes", "total_net_output_bytes",
                  "role", "cmdstat_get"):
        if not re.search(rf"^{field}:", info, re.MULTILINE):
            raise AssertionError(f"INFO has no {field}")
    cli("set", "k", "v", "ex", "100")
    if not re.search(r"^db0:keys=1,expires=1,avg_ttl=\d+", cli("info", "keyspace"), re.MULTILINE):
        raise AssertionError("INFO keyspace")
    cli("del", "k")
    has(cli("config", "get", "maxmemory"), "maxmemory")
    has(cli("client", "list"), "addr=", "cmd=client|list", "resp=")
    has(cli("slowlog", "len"), "\n")
    cli("slowlog", "get", "1")
    equal(cli("latency", "reset"), "0\n")
    has(cli("role"), "master")
    has(cli("command", "count"), "\n")


@check("redis-cli: --stat and --latency run")
def _():
    shortest, longest, mean, samples = map(float, cli("-i", "0.2", "--latency", "--raw").split())
    if not (shortest <= mean <= longest and samples > 1):
        raise AssertionError(f"{shortest} {mean} {longest} {samples}")
    try:
        cli("--stat", "-i", "0.01", timeout=1)
    except subprocess.TimeoutExpired as running:
        has((running.stdout or b"").decode(), "keys", "requests")


@check("redis-cli: a wrong password is refused, and so is none")
def _():
    if not PASSWORD:
        return
    has(cli("get", "k", password="wrong"), "WRONGPASS")
    has(cli("get", "k", password=""), "NOAUTH")


@check("a health check by bare lines: LF alone, and the answer")
def _():
    if TRANSPORT == "tls":
        return
    with (socket.socket(socket.AF_UNIX) if TRANSPORT == "unix" else socket.socket()) as connection:
        connection.settimeout(10)
        connection.connect(WHERE[1] if TRANSPORT == "unix" else (WHERE[1], int(WHERE[3])))
        connection.sendall(b"\n\r\nPING\n")
        equal(connection.recv(7).decode(), "-NOAUTH" if PASSWORD else "+PONG\r\n")


@check("redis-benchmark: fifty connections, pipelines of sixteen, every command it knows of ours")
def _():
    password = ["-a", PASSWORD] if PASSWORD else []
    tests = "ping,set,get,incr,sadd,hset,zadd,mset"
    command = ["redis-benchmark", *WHERE, *password, *(["-3"] if RESP3 else []), "-c", "50", "-P",
               "16", "-n", "10000", "-r", "1000", "-d", "200", "--csv", "-t", tests]
    done = subprocess.run(command, capture_output=True, timeout=90, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    rows = [line for line in done.stdout.splitlines() if re.match(r'"[A-Z]', line)]
    if done.returncode or len(rows) < 9 or "rror" in done.stderr.replace("-a", ""):
        raise AssertionError(f"exit {done.returncode}, {len(rows)} rows, {done.stderr[-200:]}")
    cli("flushall")


print("done")
