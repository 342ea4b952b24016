// Checks of what a client hears without having asked: sessions that begin or wait, and how far its audio is.
"use strict";

const { assert, check, client, connected, options, pcm, place, rest } = require("./checks");

const v5 = options.version === "1.0.5";

async function sessionChecks() {
  await waitingChecks();
  await soundChecks();
  await incomingChecks();
  await browserChecks();
}

async function waitingChecks() {
  await check("a client that connects while a session waits to be joined hears of it, once", async () => {
    const { sessionId } = await place("+15556000");
    const late = await client();
    assert.deepEqual(await late.next("newSession", (d) => d.sessionId === sessionId), { sessionId, type: "outbound" });
    late.emit("joinRoom", { sessionId });
    assert.equal((await late.next("roomJoined")).status, "success");
    await late.next("dialStatus", (d) => d.sessionId === sessionId);
    assert.ok(!late.has("newSession", (d) => d.sessionId === sessionId));
    const later = await client();
    later.emit("joinRoom", { sessionId });
    await later.next("roomJoined");
    assert.ok(!later.has("newSession", (d) => d.sessionId === sessionId), "somebody is in the room");
    const stranger = await client(options.stranger);
    stranger.emit("joinRoom", { sessionId });
    assert.equal((await stranger.next("roomJoined")).status, "failed");
    assert.ok(!stranger.has("newSession", (d) => d.sessionId === sessionId), "it is another account's");
    late.emit("hangup", { sessionId });
    await late.next("hangup", (d) => d.sessionId === sessionId);
    for (const each of [late, later, stranger]) each.close();
  });
  await check("a session whose client has gone waits to be joined again", async () => {
    const { sessionId } = await place("+15552000");
    const first = await client();
    await connected(first, sessionId);
    first.close();
    let again;
    for (let tries = 0; tries < 200; tries++) {
      again = await client();
      again.emit("joinRoom", { sessionId });
      await again.next("roomJoined");
      // The gateway may not have seen yet that the first one is gone.
      if (again.has("newSession", (d) => d.sessionId === sessionId)) break;
      again.close();
    }
    assert.ok(again.has("newSession", (d) => d.sessionId === sessionId));
    again.emit("hangup", { sessionId });
    await again.next("hangup", (d) => d.sessionId === sessionId);
    again.close();
  });
  await check("newSession comes after the REST answer, in the carrier's own example", async () => {
    const socket = await client();
    for (let n = 0; n < 10; n++) {
      let sessionId = null;
      const joined = socket.until("newSession", () => {
        const at = socket.events.findIndex((event) => event.name === "newSession");
        if (at < 0) return undefined;
        const [event] = socket.events.splice(at, 1);
        return { told: event.data.sessionId, known: sessionId };
      });
      sessionId = (await place("+15556000")).sessionId;
      assert.deepEqual(await joined, { told: sessionId, known: sessionId });
      socket.emit("joinRoom", { sessionId });
      socket.emit("hangup", { sessionId });
      await socket.next("hangup", (d) => d.sessionId === sessionId);
    }
    socket.close();
  });
}

async function soundChecks() {
  const socket = await client();
  const { sessionId } = await place("+15552000");
  await connected(socket, sessionId);
  const names = ["audioStarted", "audioPlaying", "audioCompleted"];
  const told = () => socket.events.filter((event) => names.includes(event.name));
  if (v5) {
    await check("1.0.5, which acknowledges no audio, tells nothing of it either", async () => {
      socket.emit("audio", { sessionId, audioData: pcm(40), label: "greeting" });
      socket.emit("checkPoint", { sessionId, name: "end" });
      await socket.next("checkPoint");
      assert.deepEqual(told(), []);
    });
  } else {
    await check("audioStarted, audioPlaying and audioCompleted follow audio under its label", async () => {
      socket.emit("audio", { sessionId, audioData: pcm(40), audioFormat: "pcm16", label: "greeting" });
      for (const name of names) assert.deepEqual(await socket.next(name), { sessionId, label: "greeting" });
      socket.emit("audio", { sessionId, audioData: pcm(40), audioFormat: "pcm16" });
      for (const name of names) assert.deepEqual(await socket.next(name), { sessionId, label: "" });
    });
    await check("audio that was interrupted is never completed", async () => {
      socket.emit("audio", { sessionId, audioData: pcm(30_000), audioFormat: "pcm16", label: "long" });
      await socket.next("audioPlaying");
      socket.emit("interruption", { sessionId });
      socket.emit("audio", { sessionId, audioData: pcm(40), audioFormat: "pcm16", label: "short" });
      assert.deepEqual(await socket.next("audioCompleted"), { sessionId, label: "short" });
    });
  }
  socket.emit("hangup", { sessionId });
  await socket.next("hangup", (d) => d.sessionId === sessionId);
  socket.close();
}

async function incomingChecks() {
  const one = await client();
  const ring = async (more = {}) => {
    const body = { didNumber: "+62215550100", callee: "patient", ...more };
    const answer = await rest("POST", "/gateway/dial-in", { body });
    assert.equal(answer.code, 200, JSON.stringify(answer.body));
    return answer.body.data.sessionId;
  };
  await check("newSession of type inbound names both numbers, and joining answers the call", async () => {
    const sessionId = await ring({ callerId: "+628123456789" });
    const numbers = { callerId: "+628123456789", didNumber: "+62215550100" };
    const told = await one.next("newSession", (d) => d.sessionId === sessionId);
    assert.deepEqual(told, { sessionId, type: "inbound", ...numbers });
    one.emit("joinRoom", { sessionId });
    assert.deepEqual(await one.next("roomJoined"), { sessionId, status: "success" });
    for (const status of ["Ringing", "Connected"]) {
      assert.deepEqual(await one.next("dialStatus", (d) => d.sessionId === sessionId), { sessionId, status });
    }
    await one.until("audio", () => one.audio.find(({ data }) => data.sessionId === sessionId));
    one.emit("checkPoint", { sessionId, name: "heard" });
    assert.deepEqual(await one.next("checkPoint"), { sessionId, name: "heard" });
    one.emit("hangup", { sessionId });
    await one.next("hangup", (d) => d.sessionId === sessionId);
    const { cdr } = (await ended(sessionId)).data;
    assert.deepEqual([cdr.disposition, cdr.hangupBy, cdr.destination], ["ANSWERED", "CALLEE", "+62215550100"]);
    assert.equal(cdr.source, v5 ? "+628123456789" : undefined);
  });
  await check("a caller whom nobody takes is told of, and of its end", async () => {
    const sessionId = await ring({ ring: 1 });
    await one.next("newSession", (d) => d.sessionId === sessionId);
    await one.next("hangup", (d) => d.sessionId === sessionId);
    const { cdr } = (await ended(sessionId)).data;
    assert.deepEqual([cdr.disposition, cdr.hangupCauseCode, cdr.answerTime], ["NO ANSWER", 19, null]);
  });
  await check("a caller can be declined over REST", async () => {
    const sessionId = await ring();
    await one.next("newSession", (d) => d.sessionId === sessionId);
    assert.equal((await rest("POST", "/pbx/hangup", { body: { sessionId } })).code, 200);
    const { cdr } = (await ended(sessionId)).data;
    assert.deepEqual([cdr.disposition, cdr.hangupBy, cdr.hangupCauseCode], ["FAILED", "CALLEE", 21]);
  });
  await check("whoever cannot call is said so", async () => {
    for (const body of [{}, { didNumber: "+62215550100", callee: "nobody" }, { didNumber: "+62215550100", callee: "busy" }]) {
      const { code } = await rest("POST", "/gateway/dial-in", { body });
      assert.equal(code, v5 ? 422 : 400);
    }
    assert.equal((await rest("POST", "/gateway/dial-in", { token: null, body: {} })).code, 401);
  });
  one.close();
}

/** What became of a call that came in, once it is over. */
async function ended(sessionId) {
  for (;;) {
    const { body } = await rest("GET", `/gateway/dial-in/${sessionId}`);
    if (body.data?.state === "ended") return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function browserChecks() {
  await check("a page of any origin may call: preflight, REST and the polling transport", async () => {
    const origin = "https://app.example";
    const preflight = await fetch(`${options.url}/pbx/call`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    assert.equal(preflight.status, 200);
    const allowed = (name) => preflight.headers.get(name).toLowerCase().replaceAll(" ", "");
    assert.equal(allowed("access-control-allow-origin"), origin);
    assert.match(allowed("access-control-allow-methods"), /post/);
    assert.match(allowed("access-control-allow-headers"), /authorization/);
    for (const path of ["/pbx/hangup", "/v1/nothing", "/socket.io/?EIO=4&transport=polling"]) {
      const answer = await fetch(options.url + path, { headers: { origin } });
      assert.equal(answer.headers.get("access-control-allow-origin"), origin, path);
    }
    assert.equal((await rest("POST", "/pbx/hangup", { token: null })).code, 401, "the token is still asked for");
  });
}

module.exports = { sessionChecks };
