// The carrier's side of the inbound WebSocket, with the npm package ws: it connects to our server, says what
// it is told on stdin and reports what it sees as JSON lines on stdout.
//
//   node inbound.js '{"url":"ws://127.0.0.1:4143","headers":{},"call":{"didNumber":"1",…}}'
//
// Told: {"send":{…}} as JSON text, {"text":"…"} as it is, {"audio":{"$hex":"…"}}, {"silence":ms} of pcm16 at
// once, {"flood":{"count":n,"bytes":n}}, {"raw":{"$hex":"…"}} below WebSocket, {"close":[code,reason]},
// {"terminate":true}, {"pause":true} to stop reading, {"heard":true} to report the audio so far.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const { WebSocket } = require("ws");

const options = { url: "", headers: {}, call: null, ca: null, ...JSON.parse(process.argv[2] || "{}") };

function report(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

function bytes(value) {
  return Buffer.from(value.$hex, "hex");
}

const socket = new WebSocket(options.url, {
  headers: options.headers,
  perMessageDeflate: false,
  ...(options.ca ? { ca: fs.readFileSync(options.ca) } : {}),
});
const heard = { bytes: 0, packets: 0, longest: 0, odd: 0, loudest: 0, first: "" };

socket.on("open", () => {
  report({ open: true });
  if (options.call) socket.send(JSON.stringify({ event: "incoming_call", ...options.call }));
});
socket.on("unexpected-response", (_, response) => {
  report({ refused: response.statusCode });
  response.destroy();
});
socket.on("error", (error) => report({ error: error.message }));
socket.on("close", (code, reason) => report({ closed: code, reason: reason.toString() }));
socket.on("message", (data, isBinary) => {
  if (!isBinary) {
    const message = JSON.parse(data.toString());
    report({ event: message.event, args: message });
    return;
  }
  heard.bytes += data.length;
  heard.packets += 1;
  heard.longest = Math.max(heard.longest, data.length);
  heard.odd += data.length % 2;
  for (let at = 0; at + 1 < data.length; at += 2) {
    heard.loudest = Math.max(heard.loudest, Math.abs(data.readInt16LE(at)));
  }
  if (heard.packets === 1) report({ audio: true });
});

report({ port: 0 });

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  if (told.send) socket.send(JSON.stringify(told.send));
  if (told.text !== undefined) socket.send(told.text);
  if (told.audio) socket.send(bytes(told.audio));
  if (told.silence) socket.send(Buffer.alloc(told.silence * 16));
  if (told.flood) {
    for (let n = 0; n < told.flood.count; n += 1) socket.send(Buffer.alloc(told.flood.bytes));
  }
  if (told.raw) socket._socket.write(bytes(told.raw));
  if (told.close) socket.close(...told.close);
  if (told.terminate) socket.terminate();
  if (told.pause) socket.pause();
  if (told.heard) report({ heard });
});
process.stdin.on("end", () => process.exit(0));
