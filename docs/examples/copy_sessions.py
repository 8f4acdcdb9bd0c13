#!/usr/bin/env python3
"""Copies keys from one Redis-protocol server to another: copy_sessions.py SOURCE TARGET

SOURCE and TARGET are URLs, such as redis://localhost:6379/0 and unix:///run/shop/redis.sock?db=0.
Strings, hashes, sets and sorted sets are copied with their deadlines, which stay the moments that
they were. A key that is in the target already is replaced. Needs redis-py, 4.3 or later.

Stop the application first: a session that ends after it was copied would live on in the target.
"""

import argparse
import sys
import time

import redis

BATCH = 500  # keys in flight; a round trip for each would take minutes for a million


def readers(pipe, key, kind):
    """Queues the command that reads a key of this type; False for a type that is not copied."""
    if kind == b"string":
        pipe.get(key)
    elif kind == b"hash":
        pipe.hgetall(key)
    elif kind == b"set":
        pipe.smembers(key)
    elif kind == b"zset":
        pipe.zrange(key, 0, -1, withscores=True)
    else:
        return False
    return True


def write(pipe, key, kind, value, deadline_ms):
    """Queues the commands that write it."""
    if kind == b"string":
        pipe.set(key, value)
    else:
        pipe.delete(key)
    if kind == b"hash":
        pipe.hset(key, mapping=value)
    elif kind == b"set":
        pipe.sadd(key, *value)
    elif kind == b"zset":
        pipe.zadd(key, dict(value))
    if deadline_ms is not None:
        pipe.pexpireat(key, deadline_ms)


def copy_batch(source, target, keys):
    """Returns how many were copied, and the keys of types that cannot be."""
    look = source.pipeline(transaction=False)
    for key in keys:
        look.type(key)
    kinds = look.execute()
    read = source.pipeline(transaction=False)
    wanted = [(key, kind) for key, kind in zip(keys, kinds) if readers(read, key, kind)]
    for key, _ in wanted:
        read.pttl(key)
    answers = read.execute()
    now_ms = int(time.time() * 1000)
    values, left = answers[:len(wanted)], answers[len(wanted):]
    copied = 0
    with target.pipeline(transaction=True) as pipe:
        for (key, kind), value, ttl in zip(wanted, values, left):
            if not value and kind != b"string" or value is None or ttl == -2:
                continue  # it expired meanwhile
            write(pipe, key, kind, value, now_ms + ttl if ttl >= 0 else None)
            copied += 1
        pipe.execute()
    lost = [key for key, kind in zip(keys, kinds)
            if kind not in (b"string", b"hash", b"set", b"zset", b"none")]
    return copied, lost


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--match", default="*", help="only these keys, such as sess:* (default: all)")
    options = parser.parse_args()
    source, target = redis.Redis.from_url(options.source), redis.Redis.from_url(options.target)
    copied, lost, batch = 0, [], []

    def flush():
        nonlocal copied
        if batch:
            more, unknown = copy_batch(source, target, batch)
            copied += more
            lost.extend(unknown)
            batch.clear()

    for key in source.scan_iter(match=options.match, count=BATCH):
        batch.append(key)
        if len(batch) == BATCH:
            flush()
    flush()
    print(f"{copied} keys copied, {len(lost)} of other types left out")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
