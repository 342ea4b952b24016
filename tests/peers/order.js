// Places many calls at once and looks whether the client ever hears of a session that it does not know yet.
//
//   node order.js '{"url":"http://127.0.0.1:4500","token":"t","number":"+1555","calls":10000,"parallel":64}'
//
// It joins on `newSession`, as the carrier's own example does, and hangs up when it is in the room.
"use strict";

const { io } = require("socket.io-client");

const options = JSON.parse(process.argv[2]);
const report = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const known = new Set();
const counts = { placed: 0, early: 0, twice: 0, joined: 0, failed: 0, ended: 0 };
const announced = new Set();
const ends = new Map();

async function call() {
  const response = await fetch(`${options.url}/pbx/call`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${options.token}` },
    body: JSON.stringify({ phoneNumber: options.number }),
  });
  const { data } = await response.json();
  known.add(data.sessionId);
  counts.placed += 1;
  await new Promise((resolve) => ends.set(data.sessionId, resolve));
}

async function line() {
  while (started < options.calls) {
    started += 1;
    await call();
  }
}

let started = 0;
report({ port: 0 });
const socket = io(options.url, { transports: ["websocket"], reconnection: false, auth: { token: options.token } });
socket.on("newSession", ({ sessionId }) => {
  if (!known.has(sessionId)) counts.early += 1;
  if (announced.has(sessionId)) counts.twice += 1;
  announced.add(sessionId);
  socket.emit("joinRoom", { sessionId });
});
socket.on("roomJoined", ({ sessionId, status }) => {
  counts[status === "success" ? "joined" : "failed"] += 1;
  socket.emit("hangup", { sessionId });
});
socket.on("hangup", ({ sessionId }) => {
  counts.ended += 1;
  ends.get(sessionId)?.();
  ends.delete(sessionId);
});
socket.on("connect", async () => {
  try {
    await Promise.all(Array.from({ length: options.parallel }, line));
    report({ counts });
  } catch (error) {
    report({ failed: String(error.stack ?? error) });
  }
});
socket.on("connect_error", (error) => report({ failed: error.message }));
socket.on("disconnect", (reason) => report({ failed: reason }));
process.stdin.on("end", () => process.exit(0)).resume();
