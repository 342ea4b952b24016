// A receiver of webhooks that checks them with the npm package `standardwebhooks` and nothing of ours. Reports each
// post as a JSON line; answers 204 when the signature holds, else 401.
"use strict";

const http = require("node:http");
const { Webhook } = require("standardwebhooks");

const options = JSON.parse(process.argv[2]);
const webhook = new Webhook(options.secret);

function report(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const text = Buffer.concat(chunks).toString("utf8");
    try {
      const body = webhook.verify(text, request.headers);
      report({ webhook: { id: request.headers["webhook-id"], ok: true, body } });
      response.writeHead(204).end();
    } catch (error) {
      report({ webhook: { id: request.headers["webhook-id"], ok: false, error: error.message } });
      response.writeHead(401).end(error.message);
    }
  });
});
server.listen(0, "127.0.0.1", () => report({ port: server.address().port }));
