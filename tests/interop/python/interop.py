"""What the Python suites share: how to reach the server, how to count."""

import os
import socket
import sys
import time
import traceback
import urllib.parse

import redis

TRANSPORT = os.environ["INTEROP_TRANSPORT"]
HOST = os.environ["INTEROP_HOST"]
PORT = int(os.environ["INTEROP_PORT"])
SOCKET = os.environ["INTEROP_SOCKET"]
PASSWORD = os.environ["INTEROP_PASSWORD"]
CA = os.environ["INTEROP_CA"]
RESP = int(os.environ["INTEROP_RESP"])

# Every byte, and what the protocol itself is made of.
ODD_BYTES = bytes(range(256)) + b"\r\n$-1\r\n*3\r\n:0\r\n"
ODD_TEXT = "".join(map(chr, range(256))) + "Grüße, 你好, \U0001f9e5 \u2028\ufeff\r\n"


def url(database=0):
    """The one line that a Django project changes."""
    secret = f":{urllib.parse.quote(PASSWORD, safe='')}@" if PASSWORD else ""
    if TRANSPORT == "unix":
        return f"unix://{secret}{SOCKET}?db={database}"
    return f"{'rediss' if TRANSPORT == 'tls' else 'redis'}://{secret}{HOST}:{PORT}/{database}"


def url_options():
    """What goes with url(): the protocol, which older clients do not know, and our authority."""
    options = {}
    if int(redis.__version__.split(".")[0]) >= 5:
        options["protocol"] = RESP
    if TRANSPORT == "tls":
        options["ssl_ca_certs"] = CA
    return options


def client(database=0, **options):
    return redis.Redis.from_url(url(database), **url_options(), **options)


def restart(how="restart"):
    """Has the server killed with SIGKILL and started again; returns when it answers.

    With "restart gently" by SIGTERM."""
    with socket.create_connection(("127.0.0.1", int(os.environ["INTEROP_CONTROL"]))) as control:
        control.sendall(how.encode() + b"\n")
        answer = control.makefile().readline()
    if answer != "done\n":
        raise RuntimeError(f"restart: {answer}")


def until(what, condition):
    """Waits for what happens by itself within moments."""
    end = time.monotonic() + 5
    while True:
        try:
            if condition():
                return
        except redis.ConnectionError:
            pass  # the old connection, after a restart
        if time.monotonic() > end:
            raise AssertionError(f"still not: {what}")
        time.sleep(0.002)


def check(name):
    """Runs the decorated function at once, as one check."""
    def run(body):
        try:
            body()
            print(f"ok {name}")
        except Exception as why:  # noqa: BLE001: a check may fail in any way
            line = traceback.extract_tb(sys.exc_info()[2])[-1].lineno
            inside = [frame.lineno for frame in traceback.extract_tb(sys.exc_info()[2])][1:2]
            text = " ".join(f"{type(why).__name__} {why}".split())[:300]
            print(f"not ok {name}: line {inside[0] if inside else line}: {text}")
        sys.stdout.flush()
        return body
    return run


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {str(found)[:120]!r}, wanted {str(wanted)[:120]!r}")


def holds(truth, shown=""):
    if not truth:
        raise AssertionError(f"does not hold: {shown}")


def raises(kind, part, call, *args, **options):
    try:
        call(*args, **options)
    except kind as why:
        holds(part in str(why), f"{part!r} in {why}")
        return
    raise AssertionError(f"{kind.__name__} was not raised")
