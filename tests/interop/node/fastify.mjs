// fastify + @fastify/cookie + @fastify/session + connect-redis over node-redis.

import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { RedisStore } from "connect-redis";
import Fastify from "fastify";
import { nodeRedis } from "./interop.mjs";
import { MAX_AGE_S, sessionScenario } from "./scenario.mjs";

const client = await nodeRedis();
const app = Fastify({ bodyLimit: 4 << 20 });
app.register(fastifyCookie);
app.register(fastifySession, {
  store: new RedisStore({ client }),
  secret: "a secret of at least thirty-two characters",
  saveUninitialized: false,
  rolling: true,
  cookie: { secure: false, maxAge: MAX_AGE_S * 1000 },
});
app.post("/login", async (request) => {
  await request.session.regenerate();
  request.session.user = request.body.user;
  request.session.visits = 0;
  await request.session.save();
  return { ok: true };
});
const guarded = { preHandler: async (request, reply) => {
  if (request.session.user === undefined) return reply.code(401).send({});
} };
app.get("/me", guarded, async (request) => {
  request.session.visits += 1;
  return { user: request.session.user, visits: request.session.visits };
});
app.get("/read", guarded, async (request) => ({ visits: request.session.visits }));
app.post("/data", guarded, async (request) => {
  request.session.value = request.body.value;
  return { ok: true };
});
app.get("/data", guarded, async (request) => ({ value: request.session.value }));
app.post("/logout", guarded, async (request) => {
  await request.session.destroy();
  return { ok: true };
});
const base = await app.listen({ port: 0, host: "127.0.0.1" });

const raw = await nodeRedis();
const store = {
  get: (key) => raw.get(key), del: (key) => raw.del(key), pttl: (key) => raw.pTTL(key),
  pexpire: (key, ms) => raw.pExpire(key, ms), count: () => raw.dbSize(),
  set: (key, value, ms) => raw.set(key, value, { PX: ms }),
};
// <id>.<signature>
const keyOf = (browser) =>
  `sess:${decodeURIComponent(browser.cookies.get("sessionId")).split(".")[0]}`;

await sessionScenario({ base, store, keyOf, rolling: true });
console.log("done");
process.exit(0);
