// Drives the gateway as a client of one version would, and reports a table of named checks.
//
//   node conform.js '{"url":"http://127.0.0.1:4500","version":"1.0.5","token":"t","stranger":"u","recorder":"w","mp3":"…"}'
//
// `stranger` and `recorder` are tokens of other accounts: one to intrude with, one that never calls.
"use strict";

const { main, options } = require("./checks");
const { callChecks, recordChecks, restChecks } = require("./service");
const { sessionChecks } = require("./sessions");
const { negotiationChecks, plainChecks } = require("./service5");

main(async () => {
  await restChecks();
  await callChecks();
  await sessionChecks();
  if (options.version !== "1.0.3") await recordChecks();
  if (options.version === "1.0.5") {
    await negotiationChecks();
    await plainChecks();
  }
});
