// A carrier for the wire tests: the reference Socket.IO server and the REST calls of the Outgoing Call
// Service. It reports what it sees as JSON lines on stdout and does what it is told on stdin.
//
//   node carrier.js '{"port":0,"token":"t","pingInterval":25000,"pingTimeout":20000,…}'
//
// Buffers are written {"$hex":"…"} in both directions. With version 1.0.5 it names itself as the media host,
// serves the plain WebSocket at /ws/{sessionId}, and acknowledges nothing.
"use strict";

const http = require("node:http");
const https = require("node:https");
const readline = require("node:readline");
const { Server } = require("socket.io");
const { WebSocketServer } = require("ws");

const options = {
  port: 0,
  token: "t",
  version: "1.0.4",
  endpoint: null, // endpointUrl of 1.0.5, when it is not this server
  serves: true, // Socket.IO is served here
  pingInterval: 25000,
  pingTimeout: 20000,
  acks: true, // acknowledge audio
  ackError: null, // … with this error
  announce: "before", // newSession before or after the REST answer, or "never"
  early: [], // events emitted to everybody before the REST answer, "$id" is the session
  knows: true, // joinRoom succeeds
  rest: null, // {status, body, headers}: answer every POST /pbx/call with this
  cdrs: {}, // session id → record, for GET /v1/cdr/{id}
  list: null, // the answer to GET /v1/cdr
  cdrMisses: 0, // so many requests for a record fail first
  firstSession: 0,
  tls: null, // {cert, key} in PEM: serve https and wss
  ...JSON.parse(process.argv[2] || "{}"),
};

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

let sessions = options.firstSession;

const server = (options.tls ? https : http).createServer(options.tls ?? {}, (request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const answer = (status, json, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(json));
    };
    const parsed = body ? JSON.parse(body) : null;
    report({ rest: `${request.method} ${request.url}`, body: parsed });
    if (request.headers.authorization !== `Bearer ${options.token}`) {
      return answer(401, { status: 401, errors: "Authentication token is required", data: null });
    }
    if (request.method === "POST" && request.url === "/pbx/call") {
      if (options.rest) return answer(options.rest.status, options.rest.body, options.rest.headers);
      const sessionId = `s${sessions++}`;
      const announce = () => io.emit("newSession", { sessionId, type: "outbound" });
      if (options.announce === "before") announce();
      for (const [name, data] of options.early) {
        io.emit(name, JSON.parse(JSON.stringify(data).replaceAll("$id", sessionId)));
      }
      const data = { phoneNumber: parsed.phoneNumber, sessionId };
      if (options.version === "1.0.5") {
        data.endpointUrl = options.endpoint ?? `http://127.0.0.1:${server.address().port}`;
      }
      answer(200, { status: 200, errors: "", data });
      if (options.announce === "after") announce();
    } else if (request.method === "POST" && request.url === "/pbx/hangup") {
      answer(200, { status: 200, errors: "", data: { sessionId: parsed.sessionId } });
    } else if (options.version === "1.0.3" && request.url.startsWith("/v1/cdr")) {
      answer(404, { status: 404, errors: "Not found", data: null });
    } else if (request.method === "GET" && options.list && /^\/v1\/cdr(\?|$)/.test(request.url)) {
      answer(200, options.list);
    } else if (request.method === "GET" && request.url.startsWith("/v1/cdr/")) {
      const record = options.cdrs[decodeURIComponent(request.url.slice("/v1/cdr/".length))];
      if (!record || options.cdrMisses-- > 0) {
        return answer(404, { status: 404, errors: "CDR not found", data: null });
      }
      answer(200, { status: 200, errors: "", data: record });
    } else {
      answer(404, { status: 404, errors: "Not found", data: null });
    }
  });
});

const io = new Server(server, {
  pingInterval: options.pingInterval,
  pingTimeout: options.pingTimeout,
  serveClient: false,
  destroyUpgrade: false,
  path: options.serves ? "/socket.io/" : "/nothing-here/",
});

const media = new Map();
const plain = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, stream, head) => {
  if (request.url.startsWith("/socket.io/") && options.serves) return; // engine.io's own
  const id = decodeURIComponent((/^\/ws\/(.+)$/.exec(request.url) ?? [])[1] ?? "");
  const known = options.version === "1.0.5" && id && options.knows;
  const status = request.headers.authorization === `Bearer ${options.token}` ? 404 : 401;
  if (!known || status === 401) {
    report({ turnedAway: request.url, status });
    return stream.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  }
  plain.handleUpgrade(request, stream, head, (socket) => {
    media.set(id, socket);
    report({ opened: id });
    socket.on("close", (code) => report({ closed: id, code }));
    socket.on("message", (bytes, binary) => {
      report(binary ? { ws: id, audio: pack(bytes) } : { ws: id, frame: JSON.parse(bytes.toString()) });
    });
  });
});

io.use((socket, next) => {
  if (socket.handshake.auth.token === options.token) return next();
  report({ refused: socket.handshake.auth });
  const error = new Error("bad token");
  error.data = { code: 401 };
  next(error);
});

io.on("connection", (socket) => {
  report({ connected: socket.handshake.auth, transport: socket.conn.transport.name });
  socket.on("disconnect", (reason) => report({ disconnected: reason }));
  socket.onAny((name, ...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : null;
    const on = name === "joinRoom" ? { on: socket.id } : {};
    report({ event: name, args: pack(args), ack: ack !== null, ...on });
    if (name === "joinRoom") {
      const { sessionId } = args[0];
      if (options.knows) socket.join(sessionId);
      socket.emit("roomJoined", { sessionId, status: options.knows ? "success" : "failed" });
    } else if (name === "echo" && ack) {
      ack(...args);
    } else if (name === "audio" && ack && options.acks && options.version !== "1.0.5") {
      ack({ success: options.ackError === null, error: options.ackError });
    }
  });
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  if (told.set) Object.assign(options, told.set);
  for (const [name, ...args] of told.emit || []) {
    const room = told.room ? io.to(told.room) : io;
    room.emit(name, ...unpack(args));
  }
  if (told.ask) {
    const [name, ...args] = told.ask;
    for (const socket of io.sockets.sockets.values()) {
      socket.timeout(5000).emit(name, ...unpack(args), (error, ...answer) => {
        report({ answer: error ? null : pack(answer) });
      });
    }
  }
  if (told.ws) {
    const socket = media.get(told.ws);
    for (const frame of told.send || []) {
      socket.send(typeof frame === "string" ? frame : frame.$hex ? unpack(frame) : JSON.stringify(frame));
    }
    if (told.close) socket.close(told.close);
    if (told.terminate) socket.terminate();
  }
  if (told.raw) {
    for (const socket of io.sockets.sockets.values()) socket.conn.transport.socket.send(told.raw);
  }
  if (told.pause) {
    for (const socket of io.sockets.sockets.values()) socket.conn.transport.socket._socket.pause();
  }
  if (told.big) {
    const audioData = Buffer.alloc(told.big.bytes);
    io.to(told.big.sessionId).emit("audio", { sessionId: told.big.sessionId, audioData });
  }
  if (told.disconnect) io.disconnectSockets(told.disconnect === "transport");
});

server.listen(options.port, "127.0.0.1", () => report({ port: server.address().port }));
