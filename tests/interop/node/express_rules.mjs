// The same application over a server that was told what its keys are (`cloakroom serve` with
// --tombstone, --hash-keys and --owner-field): sessions that have ended stay ended, users have their
// sessions, and no session id is on the disk. Redis has none of this, so the suite runs without it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { RedisStore } from "connect-redis";
import { keyOf, serve, slow } from "./express_app.mjs";
import { Browser, check, nodeRedis, restart, until } from "./interop.mjs";
import { sessionScenario } from "./scenario.mjs";

const client = await nodeRedis();
const base = await serve(new RedisStore({ client }));
const raw = await nodeRedis();
const store = {
  get: (key) => raw.get(key), del: (key) => raw.del(key), pttl: (key) => raw.pTTL(key),
  pexpire: (key, ms) => raw.pExpire(key, ms), count: () => raw.dbSize(),
  set: (key, value, ms) => raw.set(key, value, { PX: ms }),
};

async function loggedIn(user) {
  const browser = new Browser(base);
  await browser.post("/login", { user });
  return browser;
}

// Sends a request that has read its session and writes it after `ends` has run.
async function inFlight(browser, ends) {
  const answer = browser.copy().post("/slow");
  await until("the request waits", () => slow.length > 0);
  await ends();
  slow.pop()();
  assert.equal((await answer).status, 200);
}

function filesUnder(directory) {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? filesUnder(path) : [path];
  });
}

await sessionScenario({ base, store, keyOf, rolling: true });

await check("a request in flight does not bring a session back that was logged out", async () => {
  const browser = await loggedIn("alice");
  const thief = browser.copy();
  const key = keyOf(browser);
  await inFlight(browser, () => browser.post("/logout"));
  assert.equal(await store.get(key), null);
  assert.equal((await thief.fetch("/me")).status, 401);
});

await check("nor one that was deleted by another client, nor after a kill -9", async () => {
  const browser = await loggedIn("alice");
  await inFlight(browser, () => store.del(keyOf(browser)));
  assert.equal((await browser.copy().fetch("/me")).status, 401);
  const other = await loggedIn("alice");
  await inFlight(other, async () => {
    await store.del(keyOf(other));
    await restart();
    await until("reconnected", () => Promise.all([client.ping(), raw.ping()]).catch(() => false));
  });
  assert.equal((await other.fetch("/me")).status, 401);
});

await check("revoke: every session of a user ends, also one with a request in flight", async () => {
  const browsers = await Promise.all(Array.from({ length: 5 }, () => loggedIn("carol")));
  const bystander = await loggedIn("dave");
  const owned = await raw.sendCommand(["CLOAKROOM", "OWNED", "carol"]);
  assert.equal(owned.length, 5);
  await inFlight(browsers[0], async () => {
    assert.equal(await raw.sendCommand(["CLOAKROOM", "REVOKE", "carol"]), 5);
  });
  for (const browser of browsers) assert.equal((await browser.fetch("/me")).status, 401);
  assert.equal((await bystander.fetch("/me")).status, 200);
  assert.equal((await raw.sendCommand(["CLOAKROOM", "OWNED", "carol"])).length, 0);
});

await check("no session id is in any file of the store", async () => {
  const browser = await loggedIn("mallory-of-the-files");
  const id = keyOf(browser).slice("sess:".length);
  const holds = (path, text) => {
    try {
      return readFileSync(path).includes(text);
    } catch (error) {
      if (error.code === "ENOENT") return false;  // the store removes logs that it needs no more
      throw error;
    }
  };
  const found = (text) => filesUnder("store").filter((path) => holds(path, text));
  assert.notEqual(found("mallory-of-the-files").length, 0, "what is looked for can be found");
  assert.deepEqual(found(id), []);
});

console.log("done");
process.exit(0);
