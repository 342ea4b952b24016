// What the conformance checks of the gateway share: named checks, REST, and clients that remember what they
// were sent. A script runs its checks one after another and reports each as a JSON line on stdout.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { io } = require("socket.io-client");
const WebSocket = require("ws");

const options = JSON.parse(process.argv[2]);
const PATIENCE_MS = 20_000;

function report(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

async function check(name, run) {
  try {
    await run();
    report({ check: name, ok: true });
  } catch (error) {
    report({ check: name, ok: false, why: String(error.stack ?? error) });
  }
}

/** Runs the whole table and ends the process. */
async function main(table) {
  report({ port: 0 });
  try {
    await table();
  } catch (error) {
    report({ check: "the table runs to its end", ok: false, why: String(error.stack ?? error) });
  }
  report({ done: true });
  setTimeout(() => process.exit(0), 100);
}

async function rest(method, path, { token = options.token, body, raw } = {}) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(options.url + path, { method, headers, body: raw ?? (body && JSON.stringify(body)) });
  return { code: response.status, body: await response.json() };
}

/** Places a call; the session. */
async function place(phoneNumber, more = {}) {
  const { code, body } = await rest("POST", "/pbx/call", { body: { phoneNumber, ...more } });
  assert.equal(code, 200, JSON.stringify(body));
  return body.data;
}

/** Events in the order they came; each is waited for once. */
class Log {
  constructor() {
    this.events = [];
    this.audio = [];
    this.waiting = null;
  }

  add(event) {
    (event.name === "audio" ? this.audio : this.events).push(event);
    this.waiting?.();
  }

  async until(what, found) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const result = found();
      if (result !== undefined) return result;
      assert.ok(Date.now() < deadline, `waited in vain for ${what}; there is ${JSON.stringify(this.events)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.waiting = () => (clearTimeout(timer), resolve());
      });
    }
  }

  /** The data of the next event `name` that `wanted` likes; it is taken out of the log. */
  next(name, wanted = () => true) {
    return this.until(name, () => {
      const at = this.events.findIndex((event) => event.name === name && wanted(event.data));
      return at < 0 ? undefined : this.events.splice(at, 1)[0].data;
    });
  }

  has(name, wanted = () => true) {
    return this.events.some((event) => event.name === name && wanted(event.data));
  }
}

/** A connected Socket.IO client. */
async function client(token = options.token, url = options.url) {
  const log = new Log();
  const socket = io(url, { transports: ["websocket"], reconnection: false, forceNew: true, auth: { token } });
  socket.onAny((name, data) => log.add({ name, data }));
  await new Promise((resolve, reject) => {
    socket.on("connect", resolve);
    socket.on("connect_error", reject);
  });
  log.emit = (name, data) => socket.emit(name, data);
  log.ask = (name, data) => new Promise((resolve) => socket.emit(name, data, resolve));
  log.send = (name, data, callback) => socket.emit(name, data, callback);
  log.close = () => socket.disconnect();
  return log;
}

/** Why a Socket.IO connection is refused. */
async function refusal(auth, url = options.url) {
  const socket = io(url, { transports: ["websocket"], reconnection: false, forceNew: true, auth });
  return new Promise((resolve, reject) => {
    socket.on("connect", () => reject(new Error("was let in")));
    socket.on("connect_error", (error) => resolve(error.message));
  });
}

/** A plain WebSocket. */
async function plain(url, token) {
  const log = new Log();
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const socket = new WebSocket(url.replace(/^http/, "ws"), { headers });
  socket.on("message", (data, binary) => {
    if (binary) return log.add({ name: "audio", data });
    const { event, data: payload, ...rest } = JSON.parse(data);
    log.add({ name: event, data: payload, rest });
  });
  log.closed = new Promise((resolve) => socket.on("close", resolve));
  await Promise.race([
    once(socket, "open"),
    new Promise((_, reject) => {
      socket.on("unexpected-response", (_, response) => reject(Object.assign(new Error("refused"), { status: response.statusCode })));
      socket.on("error", reject);
    }),
  ]);
  log.binary = (bytes) => socket.send(bytes);
  log.text = (value) => socket.send(typeof value === "string" ? value : JSON.stringify(value));
  return log;
}

/** The status with which a plain WebSocket is refused. */
async function plainRefusal(url, token) {
  return plain(url, token).then(
    () => assert.fail("was let in"),
    (error) => error.status,
  );
}

/** Joins as every client does and waits for the answer. */
async function connected(log, sessionId) {
  log.emit("joinRoom", { sessionId });
  await log.next("roomJoined", (d) => d.sessionId === sessionId && d.status === "success");
  await log.next("dialStatus", (d) => d.sessionId === sessionId && d.status === "Connected");
}

const pcm = (ms) => Buffer.alloc(ms * 16);
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

module.exports = { assert, check, client, connected, main, options, pcm, place, plain, plainRefusal, refusal, rest, ISO };
