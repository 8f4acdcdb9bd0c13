// What the Node suites share: how to reach the server, how to count, how to act as a browser.

import { readFileSync } from "node:fs";
import net from "node:net";

export const env = {
  transport: process.env.INTEROP_TRANSPORT,
  host: process.env.INTEROP_HOST,
  port: Number(process.env.INTEROP_PORT),
  socket: process.env.INTEROP_SOCKET,
  password: process.env.INTEROP_PASSWORD || undefined,
  resp: Number(process.env.INTEROP_RESP),
};
const tls = env.transport === "tls" ? { ca: readFileSync(process.env.INTEROP_CA) } : undefined;

export async function nodeRedis(options = {}, from = "redis") {
  const { createClient } = await import(from);
  const socket = env.transport === "unix"
    ? { path: env.socket }
    : { host: env.host, port: env.port, ...(tls && { tls: true, ...tls }) };
  // The default of version 6 is RESP3, so for that it is told nothing; version 4 knows RESP2 only.
  const protocol = env.resp === 2 ? { RESP: 2 } : {};
  const client = createClient({
    password: env.password,
    ...protocol,
    ...options,
    socket: { ...socket, reconnectStrategy: 20, ...options.socket },
  });
  client.on("error", () => {});  // it reconnects; who waits for a reply is told by the reply
  await client.connect();
  return client;
}

export async function ioredis(options = {}, from = "ioredis") {
  const { Redis } = await import(from);
  const where = env.transport === "unix"
    ? { path: env.socket }
    : { host: env.host, port: env.port, ...(tls && { tls }) };
  const protocol = env.resp === 2 ? { protocol: 2 } : {};
  const client = new Redis({
    ...where, ...protocol, password: env.password, retryStrategy: () => 20, ...options,
  });
  client.on("error", () => {});
  await new Promise((resolve, reject) => {
    client.once("ready", resolve);
    client.once("end", () => reject(new Error("ioredis gave up")));
  });
  return client;
}

// Kills the server with SIGKILL and starts it again; resolves when it answers.
export function restart() {
  return new Promise((resolve, reject) => {
    const control = net.connect(Number(process.env.INTEROP_CONTROL), "127.0.0.1");
    let answer = "";
    control.on("error", reject);
    control.on("data", (bytes) => (answer += bytes));
    control.on("end", () =>
      answer === "done\n" ? resolve() : reject(new Error(`restart: ${answer}`)));
    control.write("restart\n");
  });
}

export async function check(name, body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("took over 20 s")), 20_000);
  });
  try {
    await Promise.race([body(), late]);
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${String(error.message ?? error).split("\n").slice(0, 6).join(" ")}`);
  } finally {
    clearTimeout(timer);
  }
}

// Waits for what happens by itself within moments; sleeps no longer than it must.
export async function until(what, condition) {
  const end = Date.now() + 5000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

// A browser with one cookie jar: remembers every cookie that it is given, and when it was renewed.
export class Browser {
  cookies = new Map();
  attributes = new Map();

  constructor(base) {
    this.base = base;
  }

  async fetch(path, { method = "GET", body } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(this.base + path, {
      method,
      headers: {
        ...(cookie && { cookie }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const set = response.headers.getSetCookie();
    for (const line of set) {
      const [pair, ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
      this.attributes.set(pair.slice(0, at), attributes);
    }
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, json, text, setCookie: set };
  }

  post(path, body = {}) {
    return this.fetch(path, { method: "POST", body });
  }

  copy() {
    const other = new Browser(this.base);
    other.cookies = new Map(this.cookies);
    return other;
  }
}
