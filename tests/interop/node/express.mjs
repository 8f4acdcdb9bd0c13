// express + express-session + connect-redis over node-redis or ioredis: node express.mjs CLIENT
//
// CLIENT is the name of the package that the application uses, redis, redis-4, ioredis or ioredis-5.
// connect-redis is version 9 with redis, else version 7, the last one for the others.

import assert from "node:assert/strict";
import { keyOf, serve } from "./express_app.mjs";
import { check, env, ioredis, nodeRedis, until } from "./interop.mjs";
import { sessionScenario } from "./scenario.mjs";

const from = process.argv[2];
const kind = from.startsWith("ioredis") ? "ioredis" : "redis";
const client = kind === "ioredis" ? await ioredis({}, from) : await nodeRedis({}, from);
const RedisStore = from === "redis"
  ? (await import("connect-redis")).RedisStore
  : (await import("connect-redis-7")).default;
const sessions = new RedisStore({ client });

const base = await serve(sessions);

// The client beside: the other library, so that both see the same bytes.
const raw = kind === "ioredis" ? await nodeRedis() : await ioredis();
const lower = (name) => raw[name].bind(raw);
const store = kind === "ioredis"
  ? {
      get: lower("get"), del: lower("del"), pttl: lower("pTTL"), pexpire: lower("pExpire"),
      set: (key, value, ms) => raw.set(key, value, { PX: ms }),
      count: () => raw.dbSize(),
    }
  : {
      get: lower("get"), del: lower("del"), pttl: lower("pttl"), pexpire: lower("pexpire"),
      set: (key, value, ms) => raw.set(key, value, "PX", ms),
      count: () => raw.dbsize(),
    };

await sessionScenario({ base, store, keyOf, rolling: true });

const call = (name, ...args) =>
  new Promise((resolve, reject) => {
    sessions[name](...args, (error, value) => (error ? reject(error) : resolve(value)));
  });

await check("all, ids and length list every session once; clear ends them", async () => {
  await call("clear");
  const ids = Array.from({ length: 1500 }, (_, i) => `id-${i}`);
  await Promise.all(ids.map((id) => call("set", id, { user: id, cookie: {} })));
  assert.equal(await call("length"), ids.length);
  assert.deepEqual((await call("ids")).sort(), [...ids].sort());
  assert.deepEqual((await call("all")).map((each) => each.user).sort(), [...ids].sort());
  await call("destroy", "id-7");
  assert.equal(await call("get", "id-7") ?? null, null);
  await call("clear");
  assert.equal(await call("length"), 0);
});

await check("a cookie whose time is a fraction of a second away is rounded up, not lost", async () => {
  const cookie = { expires: new Date(Date.now() + 1300) };
  await call("set", "short", { cookie });
  const left = await store.pttl("sess:short");
  assert.ok(left > 1900 && left <= 2000, `PTTL ${left}`);
});

await check("a thousand commands in one pipeline answer in order", async () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `interop:pipe-${i}`);
  await Promise.all(keys.map((key) => store.set(key, `value of ${key}`, 60_000)));
  const values = await Promise.all(keys.map((key) => store.get(key)));
  assert.deepEqual(values, keys.map((key) => `value of ${key}`));
  await Promise.all(keys.map((key) => store.del(key)));
});

await check("the one line that changes: a URL, or a path, is enough", async () => {
  if (env.transport === "tls") return;
  const secret = env.password ? `:${encodeURIComponent(env.password)}@` : "";
  const url = `redis://${secret}${env.host}:${env.port}`;
  const { createClient } = await import("redis");
  // Not unix:// with a password: node-redis 6.3 takes that apart as if it had a host.
  const opened = await createClient(env.transport === "unix"
    ? { socket: { path: env.socket }, password: env.password }
    : { url }).connect();
  assert.equal(await opened.ping(), "PONG");
  opened.destroy();
  const { Redis } = await import("ioredis");
  const other = env.transport === "unix"
    ? new Redis(env.socket, { password: env.password })
    : new Redis(url);
  assert.equal(await other.ping(), "PONG");
  other.disconnect();
});

await check("a wrong password is refused, and so is none", async () => {
  if (!env.password) return;
  const refused = async (password) => {
    const answer = await nodeRedis({ password, socket: { reconnectStrategy: false } })
      .then((opened) => opened.get("x").finally(() => opened.destroy()))
      .then(() => "was let in", (error) => error.message);
    assert.match(answer, /WRONGPASS|NOAUTH/);
  };
  await refused("not this one");
  await refused(undefined);
});

await check("messages and keyspace events arrive", async () => {
  const config = kind === "ioredis"
    ? (value) => raw.configSet("notify-keyspace-events", value)
    : (value) => raw.config("SET", "notify-keyspace-events", value);
  await config("Egx");
  const seen = [];
  const listener = await nodeRedis();
  await listener.subscribe("news", (message) => seen.push(`news ${message}`));
  await listener.pSubscribe("__keyevent@0__:*", (message, channel) =>
    seen.push(`${channel.split(":")[1]} ${message}`));
  await raw.publish("news", "hello");
  await store.set("interop:event", "v", 60_000);
  await store.pexpire("interop:event", 1);
  await until("expired", async () => (await store.get("interop:event")) === null);
  await until("the events", () => seen.includes("expired interop:event"));
  // SET with a time to live is an "expire" too.
  assert.deepEqual(seen, ["news hello", "expire interop:event", "expire interop:event",
    "expired interop:event"]);
  listener.destroy();
});

console.log("done");
process.exit(0);
