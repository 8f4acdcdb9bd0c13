// The life of a web session, told to an application over HTTP. The application has the routes
//   POST /login {user}   new session id, session.user, visits 0     POST /logout    destroys
//   GET /me              {user, visits}, counting up; 401 without   GET /read       the same, no change
//   POST /data {value}   keeps a value                              GET /data       {value}
// and `store` looks at what lies in the server: another client beside the application's own.

import assert from "node:assert/strict";
import { Browser, check, restart, until } from "./interop.mjs";

export const MAX_AGE_S = 3600;

// Every code point below 256 and beyond, surrogate pairs, what JSON escapes and what Lua would not like.
const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
export const ODD_TEXT = `${bytes} Grüße, 你好, \u{1f9e5}\u{1f3ab} \u2028\u2029\ufeff "quoted" \\ \r\n *3\r\n$3\r\n`;

async function loggedIn(base, user = "alice") {
  const browser = new Browser(base);
  const response = await browser.post("/login", { user });
  assert.equal(response.status, 200);
  return browser;
}

export async function sessionScenario({ base, store, keyOf, rolling }) {
  const ttlIsFull = async (key) => {
    const left = await store.pttl(key);
    assert.ok(left > (MAX_AGE_S - 20) * 1000 && left <= (MAX_AGE_S + 1) * 1000, `PTTL ${left}`);
  };

  await check("without a cookie nobody is logged in", async () => {
    const stranger = new Browser(base);
    assert.equal((await stranger.fetch("/me")).status, 401);
    assert.equal(await store.count(), 0);
  });

  await check("login: a cookie, a key with the value, and its full time to live", async () => {
    const browser = await loggedIn(base);
    const key = keyOf(browser);
    assert.equal(JSON.parse(await store.get(key)).user, "alice");
    await ttlIsFull(key);
    assert.equal((await browser.fetch("/me")).json.user, "alice");
  });

  await check("each request sees what the one before it wrote", async () => {
    const browser = await loggedIn(base);
    for (let visits = 1; visits <= 20; ++visits) {
      assert.equal((await browser.fetch("/me")).json.visits, visits);
    }
  });

  await check("touch: a request that changes nothing renews the time to live", async () => {
    const browser = await loggedIn(base);
    const key = keyOf(browser);
    const before = await store.get(key);
    await store.pexpire(key, 30_000);
    const response = await browser.fetch("/read");
    assert.equal(response.status, 200);
    await ttlIsFull(key);
    assert.equal(JSON.parse(await store.get(key)).visits, JSON.parse(before).visits);
    if (rolling) assert.equal(response.setCookie.length, 1, "the cookie is renewed too");
  });

  await check("a second login gives a new id, and the old one is dead", async () => {
    const browser = await loggedIn(base);
    const thief = browser.copy();
    const old = keyOf(browser);
    await browser.post("/login", { user: "alice" });
    assert.notEqual(keyOf(browser), old);
    assert.equal(await store.get(old), null);
    assert.equal((await thief.fetch("/me")).status, 401);
    assert.equal((await browser.fetch("/me")).status, 200);
  });

  await check("logout: the key is gone, and the cookie opens nothing", async () => {
    const browser = await loggedIn(base);
    const key = keyOf(browser);
    const thief = browser.copy();
    assert.equal((await browser.post("/logout")).status, 200);
    assert.equal(await store.get(key), null);
    assert.equal((await thief.fetch("/me")).status, 401);
  });

  await check("revoke: what another client deletes is logged out at the next request", async () => {
    const browser = await loggedIn(base);
    assert.equal(await store.del(keyOf(browser)), 1);
    assert.equal((await browser.fetch("/me")).status, 401);
  });

  await check("expiry: a session past its deadline is absent", async () => {
    const browser = await loggedIn(base);
    const key = keyOf(browser);
    assert.equal(await store.pexpire(key, 1), 1);
    await until("expired", async () => (await store.pttl(key)) === -2);
    assert.equal((await browser.fetch("/me")).status, 401);
  });

  await check("fifty parallel requests of one session, and of fifty", async () => {
    const browser = await loggedIn(base);
    const same = await Promise.all(Array.from({ length: 50 }, () => browser.copy().fetch("/me")));
    for (const response of same) assert.equal(response.json.user, "alice");
    const users = Array.from({ length: 50 }, (_, i) => `user-${i}`);
    const browsers = await Promise.all(users.map((user) => loggedIn(base, user)));
    const answers = await Promise.all(browsers.map((each) => each.fetch("/me")));
    assert.deepEqual(answers.map((answer) => answer.json.user), users);
  });

  await check("a value of a million characters comes back as it was", async () => {
    const browser = await loggedIn(base);
    const value = "0123456789abcdef".repeat(65_536);
    assert.equal((await browser.post("/data", { value })).status, 200);
    assert.ok((await browser.fetch("/data")).json.value === value);
  });

  await check("unicode, control characters and protocol marks come back as they were", async () => {
    const browser = await loggedIn(base, ODD_TEXT);
    await browser.post("/data", { value: { [ODD_TEXT]: ODD_TEXT } });
    assert.deepEqual((await browser.fetch("/data")).json.value, { [ODD_TEXT]: ODD_TEXT });
    assert.equal((await browser.fetch("/me")).json.user, ODD_TEXT);
  });

  await check("kill -9 and restart: sessions live on, ended ones stay ended", async () => {
    const browser = await loggedIn(base, "survivor");
    for (let visits = 1; visits <= 5; ++visits) await browser.fetch("/me");
    const ended = await loggedIn(base, "ended");
    const thief = ended.copy();
    await ended.post("/logout");
    await store.pexpire(keyOf(browser), 600_000);
    await restart();
    await until("reconnected", async () => (await browser.fetch("/read")).status === 200);
    assert.equal((await browser.fetch("/me")).json.visits, 6);
    assert.equal((await thief.fetch("/me")).status, 401);
    await until("the other client too", () => store.get(keyOf(browser)).catch(() => false));
    await ttlIsFull(keyOf(browser));
  });

  await check("kill -9 keeps the deadline, not a fresh one", async () => {
    await store.set("interop:deadline", "v", 600_000);
    const before = Date.now();
    const left = await store.pttl("interop:deadline");
    await restart();
    await until("reconnected", () => store.get("interop:deadline").catch(() => false));
    const drift = await store.pttl("interop:deadline") - (left - (Date.now() - before));
    assert.ok(Math.abs(drift) < 1500, `the deadline moved by ${drift} ms`);
    await store.del("interop:deadline");
  });
}
