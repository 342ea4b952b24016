// Checks of what only version 1.0.5 has: negotiated codecs, caller id, time limit, plain WebSocket.
"use strict";

const { assert, check, client, connected, options, pcm, place, plain, plainRefusal, rest, ISO } = require("./checks");
const { invalid, isCdr } = require("./service");

async function negotiationChecks() {
  await check("mp3 and unknown codecs are refused with 422", async () => {
    for (const [field, audio] of [["audio.input", { input: "mp3" }], ["audio.output", { output: "opus" }]]) {
      const answer = await rest("POST", "/pbx/call", { body: { phoneNumber: "+15552000", audio } });
      invalid(answer, field, "Audio codec must be one of ulaw, alaw, pcm16");
    }
  });
  await check("a time limit that is none is refused with 422", async () => {
    for (const timeout of [0, -1, 1.5, "soon", true]) {
      const answer = await rest("POST", "/pbx/call", { body: { phoneNumber: "+15552000", timeout } });
      invalid(answer, "timeout", "Timeout must be a whole number of seconds from 1 to 3600");
    }
  });
  const one = await client();
  await check("an unanswered call is given up after its timeout", async () => {
    const { sessionId } = await place("+15556000", { timeout: 2 });
    one.emit("joinRoom", { sessionId });
    for (const status of ["Dialing", "Ringing", "Failed"]) {
      assert.equal((await one.next("dialStatus", (d) => d.sessionId === sessionId)).status, status);
    }
    const cdr = await one.next("cdr", (d) => d.sessionId === sessionId);
    assert.deepEqual([cdr.disposition, cdr.hangupCauseCode], ["NO ANSWER", 19]);
    assert.ok(cdr.duration >= 2 && cdr.duration < 20, `far less than the callee would ring: ${cdr.duration}`);
  });
  await check("callerId is the source of the record, which is null without one", async () => {
    for (const [callerId, source] of [["+622155500", "+622155500"], [622155500, "622155500"], [undefined, null]]) {
      const { sessionId } = await place("+15551099", { callerId });
      one.emit("joinRoom", { sessionId });
      const cdr = await one.next("cdr", (d) => d.sessionId === sessionId);
      assert.equal(cdr.source, source);
      assert.equal((await rest("GET", `/v1/cdr/${sessionId}`)).body.data.source, source);
    }
  });
  for (const [output, bytes] of [["ulaw", 160], ["alaw", 160], ["mulaw", 160], ["pcm16", 320]]) {
    await check(`20 ms of ${output} have ${bytes} bytes, both ways`, async () => {
      const { sessionId, endpointUrl } = await place("+15552000", { audio: { input: output, output } });
      const media = await client(options.token, endpointUrl);
      await connected(media, sessionId);
      const { data } = await media.until("audio", () => media.audio[3]);
      assert.deepEqual([Object.keys(data).sort(), data.audioData.length], [["audioData", "sessionId"], bytes]);
      for (let n = 0; n < 10; n++) media.emit("audio", { sessionId, audioData: Buffer.alloc(bytes, 0x55) });
      media.emit("checkPoint", { sessionId, name: "end" });
      assert.equal((await media.next("checkPoint")).name, "end");
      media.emit("hangup", { sessionId });
      await media.next("cdr");
      media.close();
    });
  }
  one.close();
}

async function plainChecks() {
  await check("a plain WebSocket needs a token and a session of its account", async () => {
    const { sessionId } = await place("+15552000");
    const url = `${options.url}/ws/${sessionId}`;
    assert.equal(await plainRefusal(url, null), 401);
    assert.equal(await plainRefusal(url, "nobody"), 401);
    assert.equal(await plainRefusal(url, options.recorder), 404);
    assert.equal(await plainRefusal(url, options.stranger), 404);
    assert.equal(await plainRefusal(`${options.url}/ws/no-such`, options.token), 404);
    assert.equal((await rest("GET", `/ws/${sessionId}`)).code, 400);
    await rest("POST", "/pbx/hangup", { body: { sessionId } });
  });
  await check("a whole call over a plain WebSocket", async () => {
    const { sessionId, endpointUrl } = await place("+15551000", { callerId: "+6221" });
    const call = await plain(`${endpointUrl}/ws/${sessionId}`, options.token);
    for (const status of ["Dialing", "Ringing", "Connected"]) {
      assert.deepEqual(await call.next("dialStatus"), { sessionId, status });
    }
    const { data } = await call.until("audio", () => call.audio[10]);
    assert.equal(data.length, 320);
    for (const bytes of [160, 161, 1, 320, 2560]) call.binary(Buffer.alloc(bytes, 1));
    call.text({ event: "checkPoint", data: "greeting" });
    assert.equal(await call.next("CheckPoint"), "greeting");
    assert.deepEqual(await call.next("dtmf"), { sessionId, digit: "5" });
    assert.deepEqual(await call.next("hangup"), { sessionId });
    const cdr = await call.next("cdr");
    isCdr(cdr, sessionId, "+15551000");
    assert.deepEqual([cdr.disposition, cdr.hangupBy, cdr.source], ["ANSWERED", "CALLEE", "+6221"]);
    assert.match(cdr.answerTime, ISO);
    assert.equal(await call.closed, 1000);
    assert.ok(!call.has("error"));
  });
  await check("keys, interruption and hangup over a plain WebSocket, with what is wrong answered", async () => {
    const { sessionId, endpointUrl } = await place("+15552000", { audio: { input: "alaw", output: "ulaw" } });
    const call = await plain(`${endpointUrl}/ws/${sessionId}`, options.token);
    await call.next("dialStatus", (d) => d.status === "Connected");
    assert.equal((await call.until("audio", () => call.audio[0])).data.length, 160);
    call.binary(Buffer.alloc(240_000, 0x55));
    call.text({ event: "checkPoint", data: "never" });
    call.text({ event: "interruption" });
    call.text({ event: "dtmf", data: { digit: "4", duration: 500 } });
    call.binary(Buffer.alloc(160, 0x55));
    call.text({ event: "checkPoint", data: "after" });
    assert.equal(await call.next("CheckPoint"), "after");
    assert.ok(!call.has("error"));
    for (const [frame, event, reason] of [
      ["{", "", /^Invalid frame/],
      ["[]", "", /^Invalid frame/],
      [{ event: "dance" }, "dance", /^Unknown event$/],
      [{ event: "dtmf", data: { digit: "x" } }, "dtmf", /^Invalid digit/],
      [{ event: "dtmf" }, "dtmf", /^Invalid dtmf event/],
      [{ event: "checkPoint", data: { name: "x" } }, "checkPoint", /^Invalid checkPoint event/],
    ]) {
      call.text(frame);
      const error = await call.next("error");
      assert.equal(error.event, event);
      assert.match(error.message, reason);
    }
    call.binary(Buffer.alloc(0));
    assert.equal((await call.next("error")).message, "Audio data is empty");
    call.text({ event: "hangup" });
    await call.next("hangup");
    assert.deepEqual([(await call.next("cdr")).hangupBy, await call.closed], ["CALLER", 1000]);
  });
  await check("Socket.IO and a plain WebSocket share a call", async () => {
    const { sessionId, endpointUrl } = await place("+15552000");
    const call = await plain(`${endpointUrl}/ws/${sessionId}`, options.token);
    const one = await client();
    await connected(one, sessionId);
    call.binary(pcm(20));
    call.text({ event: "checkPoint", data: "both" });
    assert.deepEqual(await one.next("checkPoint"), { sessionId, name: "both" });
    assert.equal(await call.next("CheckPoint"), "both");
    one.emit("hangup", { sessionId });
    await call.next("cdr");
    await one.next("cdr");
    one.close();
  });
}

module.exports = { negotiationChecks, plainChecks };
