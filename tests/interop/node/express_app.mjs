// The application of the Express suites; scenario.mjs says what its routes do.

import express from "express";
import session from "express-session";
import { MAX_AGE_S } from "./scenario.mjs";

// The requests to /slow that wait, as functions that let them go on.
export const slow = [];

// The key of a browser's session; its cookie is s%3A<id>.<signature>.
export const keyOf = (browser) =>
  `sess:${decodeURIComponent(browser.cookies.get("connect.sid")).slice(2).split(".")[0]}`;

// Starts the application over a session store, and resolves to its address.
export async function serve(store) {
  const app = express();
  app.use(express.json({ limit: "4mb" }));
  app.use(session({
    store,
    secret: "a secret for signing cookies",
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { maxAge: MAX_AGE_S * 1000 },
  }));
  app.post("/login", (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      request.session.user = request.body.user;
      request.session.visits = 0;
      response.json({ ok: true });
    });
  });
  app.use((request, response, next) => {
    if (request.session.user === undefined) return response.status(401).json({});
    next();
  });
  app.get("/me", (request, response) => {
    request.session.visits += 1;
    response.json({ user: request.session.user, visits: request.session.visits });
  });
  // Has read the session, and will write it when it is told to: a request in flight.
  app.post("/slow", (request, response) => {
    request.session.visits += 1;
    slow.push(() => response.json({ ok: true }));
  });
  app.get("/read", (request, response) => response.json({ visits: request.session.visits }));
  app.post("/data", (request, response) => {
    request.session.value = request.body.value;
    response.json({ ok: true });
  });
  app.get("/data", (request, response) => response.json({ value: request.session.value }));
  app.post("/logout", (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.json({ ok: true })));
  });
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
  app.use((error, request, response, next) => response.status(500).json({ error: error.message }));
  return `http://127.0.0.1:${server.address().port}`;
}
