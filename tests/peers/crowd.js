// Many Socket.IO clients that join one session and count how they were answered.
//
//   node crowd.js '{"url":"http://127.0.0.1:4500","token":"t","session":"…","clients":64}'
"use strict";

const { io } = require("socket.io-client");

const options = JSON.parse(process.argv[2]);
const report = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const joined = { success: 0, failed: 0 };
report({ port: 0 });
for (let n = 0; n < options.clients; n++) {
  const socket = io(options.url, {
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
    auth: { token: options.token },
  });
  socket.on("connect", () => socket.emit("joinRoom", { sessionId: options.session }));
  socket.on("roomJoined", ({ status }) => {
    joined[status] += 1;
    if (joined.success + joined.failed === options.clients) report({ joined });
  });
}
process.stdin.on("end", () => process.exit(0)).resume();
