"""The table of suites: what each needs, how it is run, and over which connections it can talk.

A suite is a program. It learns from its environment where the server is (see ../README.md), prints
"ok NAME" or "not ok NAME: WHY" for each check, and at its end "done". Nothing else counts.
"""

import dataclasses
import sys
import typing

from harness import packages

TESTS = packages.TESTS
COPY = TESTS.parent.parent / "docs" / "examples" / "copy_sessions.py"
TRANSPORTS = ("tcp", "unix", "tls")


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to connect."""

    transport: str
    auth: bool
    resp: int

    def __str__(self):
        return f"{self.transport}{'+auth' if self.auth else ''}/resp{self.resp}"


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    command: typing.Callable[[], list]  # raises Unavailable or BuildFailed
    short: tuple  # the variants of a short run
    transports: tuple = TRANSPORTS
    protocols: tuple = (2, 3)
    serve: tuple = ()  # options of cloakroom serve; a suite that has them does not run against redis

    def variants(self, full):
        if not full:
            return list(self.short)
        return [Variant(transport, auth, resp) for transport in self.transports
                for auth in (False, True) for resp in self.protocols]


def node_suite(script, *args):
    return lambda: ["node", str(packages.node() / script), *args]


def python_suite(script, *args):
    return lambda: [str(packages.python()), str(TESTS / "python" / script), *args]


def debian_suite(script, *args):
    return lambda: [str(packages.debian_python()), str(TESTS / "python" / script), *args]


def java_suite(main, *args):
    def command():
        program, class_path = packages.java()
        # A short-lived JVM: no second compiler, little heap, no cost of a parallel collector.
        return [program, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m",
                "-cp", class_path, main, *args]

    return command


def tools_suite():
    packages.redis_tools()
    return [sys.executable, str(TESTS / "python" / "redis_tools.py")]


TCP2, TCP3 = Variant("tcp", False, 2), Variant("tcp", False, 3)
UNIX2, UNIX3 = Variant("unix", False, 2), Variant("unix", False, 3)
UNIX_AUTH2, UNIX_AUTH3 = Variant("unix", True, 2), Variant("unix", True, 3)
TLS_AUTH2, TLS_AUTH3 = Variant("tls", True, 2), Variant("tls", True, 3)

# The short variants reach every transport, both protocols, AUTH and TLS from every family of
# clients, and each client at least as it connects when nothing is configured.
SUITES = [
    Suite("express-node-redis", node_suite("express.mjs", "redis"), (TCP3, TLS_AUTH2)),
    Suite("express-node-redis-4", node_suite("express.mjs", "redis-4"), (TCP2,), protocols=(2,)),
    Suite("express-ioredis", node_suite("express.mjs", "ioredis"), (TCP3, UNIX_AUTH2)),
    Suite("express-ioredis-5", node_suite("express.mjs", "ioredis-5"), (TLS_AUTH2,), protocols=(2,)),
    Suite("express-rules", node_suite("express_rules.mjs"), (TCP3,), serve=(
        "--tombstone", "sess:=30s", "--owner-field", "sess:=/user", "--hash-keys", "sess:")),
    Suite("fastify", node_suite("fastify.mjs"), (UNIX3,)),
    Suite("redis-py", python_suite("redis_py.py"), (TCP2, TLS_AUTH3)),
    Suite("redis-py-debian", debian_suite("redis_py.py"), (UNIX_AUTH2,), protocols=(2,)),
    Suite("django-redis", python_suite("django_suite.py", "django-redis"), (TCP3, UNIX_AUTH2)),
    Suite("django-builtin", python_suite("django_suite.py", "builtin"), (TLS_AUTH2,)),
    Suite("django-rules", python_suite("django_suite.py", "builtin"), (UNIX3,), serve=(
        "--tombstone", ":1:django.contrib.sessions=30s",
        "--hash-keys", ":1:django.contrib.sessions")),
    Suite("django-redis-debian", debian_suite("django_suite.py", "django-redis"), (UNIX2,),
          protocols=(2,)),
    # Over TLS the script would need the throw-away authority among the system's.
    Suite("copy-sessions", python_suite("copy_suite.py", str(COPY)), (UNIX_AUTH2,),
          transports=("tcp", "unix"), protocols=(2,)),
    Suite("lettuce", java_suite("LettuceSuite"), (TCP3, UNIX_AUTH2)),
    Suite("jedis", java_suite("JedisSuite"), (TCP2, TLS_AUTH3), transports=("tcp", "tls")),
    Suite("spring-simple", java_suite("SpringSuite", "simple"), (TCP3,)),
    Suite("spring-indexed", java_suite("SpringSuite", "indexed"), (TLS_AUTH3,)),
    Suite("spring-rules", java_suite("SpringSuite", "simple"), (TCP3,), serve=(
        "--tombstone", "spring:session:sessions:=30s",
        "--hash-keys", "spring:session:sessions:")),
    Suite("go-redis", lambda: [str(packages.go())], (TCP3, TLS_AUTH2)),
    Suite("hiredis", lambda: [str(packages.hiredis())], (UNIX_AUTH2,), transports=("tcp", "unix"),
          protocols=(2,)),
    Suite("redis-tools", tools_suite, (TCP2, TLS_AUTH3)),
]
