// A client of the Outgoing Call Service for the gateway's tests: the reference Socket.IO client. It reports
// what it sees as JSON lines on stdout and does what it is told on stdin.
//
//   node client.js '{"url":"http://127.0.0.1:4500","token":"t"}'
//
// Told: {"emit":[name, payload]}, with "ack":n to report its acknowledgement, or "times":n; {"heard":true} to report the
// audio received so far; {"raw":"…"} to write to the connection below Socket.IO.
// Buffers are written {"$hex":"…"} in both directions.
"use strict";

const readline = require("node:readline");
const { io } = require("socket.io-client");

const options = { url: "", token: null, transports: ["websocket"], ...JSON.parse(process.argv[2] || "{}") };

function pack(value) {
  if (Buffer.isBuffer(value)) return { $hex: value.toString("hex") };
  if (Array.isArray(value)) return value.map(pack);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, pack(v)]));
  }
  return value;
}

function unpack(value) {
  if (Array.isArray(value)) return value.map(unpack);
  if (value && typeof value === "object") {
    if (typeof value.$hex === "string") return Buffer.from(value.$hex, "hex");
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, unpack(v)]));
  }
  return value;
}

function report(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

const socket = io(options.url, {
  transports: options.transports,
  reconnection: false,
  auth: options.token === null ? {} : { token: options.token },
});
const heard = { packets: 0, shapes: new Set(), samples: [] };

socket.on("connect", () => report({ connected: true }));
socket.on("connect_error", (error) => report({ refused: error.message }));
socket.on("disconnect", (reason) => report({ disconnected: reason }));
socket.onAny((name, ...args) => {
  if (name !== "audio") {
    report({ event: name, args: pack(args) });
    return;
  }
  const [{ sessionId, audioData, audioFormat, ...rest }] = args;
  heard.packets += 1;
  const extra = Object.keys(rest).length;
  heard.shapes.add([typeof sessionId, Buffer.isBuffer(audioData), audioData.length, audioFormat, extra].join());
  for (let at = 0; at + 1 < audioData.length; at += 2) heard.samples.push(audioData.readInt16LE(at));
});

report({ port: 0 });

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  if (told.emit) {
    const [name, ...args] = unpack(told.emit);
    if (told.ack === undefined) for (let n = 0; n < (told.times ?? 1); n++) socket.emit(name, ...args);
    else socket.emit(name, ...args, (...answer) => report({ ack: told.ack, answer: pack(answer) }));
  }
  if (told.raw !== undefined) socket.io.engine.write(told.raw);
  if (told.heard) {
    const loudest = heard.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    report({ heard: { packets: heard.packets, shapes: [...heard.shapes], loudest } });
  }
});
process.stdin.on("end", () => process.exit(0));
