// Checks of what all versions of the Outgoing Call Service share, each in the spelling of its own.
"use strict";

const { assert, check, client, connected, options, pcm, place, refusal, rest, ISO } = require("./checks");

const v3 = options.version === "1.0.3";
const v5 = options.version === "1.0.5";

/** The error answer to a wrong field. */
function invalid(answer, field, reason) {
  if (v5) {
    assert.deepEqual(answer, {
      code: 422,
      body: { code: 422, message: "Validation failed", errors: { [field]: [reason] } },
    });
  } else {
    assert.deepEqual(answer, { code: 400, body: { status: 400, errors: reason, data: null } });
  }
}

function refused(answer, status, errors) {
  assert.deepEqual(answer, { code: status, body: { status, errors, data: null } });
}

const CDR_EVENT = [
  "sessionId", "destination", "startTime", "answerTime", "endTime", "duration", "billableSeconds",
  "disposition", "hangupBy", "hangupCauseCode", "hangupCauseText", ...(v5 ? ["source"] : []),
].sort();
const CDR_REST = [...CDR_EVENT, "createdAt", "updatedAt"].sort();

function isCdr(cdr, sessionId, destination) {
  assert.deepEqual(Object.keys(cdr).sort(), CDR_EVENT);
  assert.deepEqual([cdr.sessionId, cdr.destination], [sessionId, destination]);
  assert.match(cdr.startTime, ISO);
  assert.match(cdr.endTime, ISO);
  assert.ok(cdr.answerTime === null || ISO.test(cdr.answerTime));
  assert.ok(Number.isInteger(cdr.duration) && Number.isInteger(cdr.billableSeconds));
}

async function restChecks() {
  await check("POST /pbx/call without a token is 401", async () => {
    const answer = await rest("POST", "/pbx/call", { token: null, body: { phoneNumber: "+15552000" } });
    refused(answer, 401, "Authentication token is required");
  });
  await check("a token that nobody holds is 401", async () => {
    for (const [method, path] of [["POST", "/pbx/call"], ["POST", "/pbx/hangup"]]) {
      refused(await rest(method, path, { token: "nobody", body: {} }), 401, "Invalid authentication token");
    }
  });
  await check("POST /pbx/call answers with the number and a session", async () => {
    const { code, body } = await rest("POST", "/pbx/call", { body: { phoneNumber: "+15551099", extra: { a: 1 } } });
    assert.equal(code, 200);
    assert.deepEqual([body.status, body.errors, Object.keys(body).sort()], [200, "", ["data", "errors", "status"]]);
    const { phoneNumber, sessionId, endpointUrl, ...rest_ } = body.data;
    assert.deepEqual([phoneNumber, typeof sessionId, rest_], ["+15551099", "string", {}]);
    assert.equal(endpointUrl, v5 ? options.url : undefined);
    await rest("POST", "/pbx/hangup", { body: { sessionId } });
  });
  await check("a numeric phoneNumber is taken", async () => {
    const { phoneNumber, sessionId } = await place(15551099);
    assert.equal(phoneNumber, "15551099");
    await rest("POST", "/pbx/hangup", { body: { sessionId } });
  });
  await check("a missing phoneNumber is said so", async () => {
    for (const body of [{}, { phoneNumber: null }, { phoneNumber: "" }]) {
      invalid(await rest("POST", "/pbx/call", { body }), "phoneNumber", "Phone number is required");
    }
  });
  await check("an impossible phoneNumber is said so", async () => {
    for (const phoneNumber of ["call me", "12", "1".repeat(30), ["1"], true]) {
      const answer = await rest("POST", "/pbx/call", { body: { phoneNumber } });
      invalid(answer, "phoneNumber", "Invalid phone number format");
    }
  });
  await check("malformed JSON is 400", async () => {
    for (const raw of ["{", "", "[1]", '"x"', "\u0000"]) {
      const { code, body } = await rest("POST", "/pbx/call", { raw });
      assert.deepEqual([code, body.status, body.data], [400, 400, null], raw);
      assert.match(body.errors, /^Invalid request body/);
    }
  });
  await check("POST /pbx/hangup without a session is said so", async () => {
    invalid(await rest("POST", "/pbx/hangup", { body: {} }), "sessionId", "Session ID is required");
  });
  await check("POST /pbx/hangup of an unknown session is 404", async () => {
    refused(await rest("POST", "/pbx/hangup", { body: { sessionId: "no-such" } }), 404, "Session not found");
  });
  await check("an unknown path is 404", async () => {
    refused(await rest("GET", "/v1/nothing"), 404, "Resource not found");
  });
  await check("Socket.IO without a good token is refused", async () => {
    assert.equal(await refusal({}), "Authentication token is required");
    assert.equal(await refusal({ token: "nobody" }), "Invalid authentication token");
  });
}

async function callChecks() {
  const one = await client();
  const two = await client();
  const stranger = await client(options.stranger);
  let id;
  await check("newSession reaches every client of the account and no other", async () => {
    id = (await place("+15551000")).sessionId;
    for (const each of [one, two]) {
      assert.deepEqual(await each.next("newSession", (d) => d.sessionId === id), { sessionId: id, type: "outbound" });
    }
    assert.ok(!stranger.has("newSession"));
  });
  await check("joinRoom is answered with roomJoined, failed for what is not ours", async () => {
    one.emit("joinRoom", { sessionId: id });
    assert.deepEqual(await one.next("roomJoined"), { sessionId: id, status: "success" });
    stranger.emit("joinRoom", { sessionId: id });
    assert.deepEqual(await stranger.next("roomJoined"), { sessionId: id, status: "failed" });
    one.emit("joinRoom", { sessionId: "no-such" });
    assert.deepEqual(await one.next("roomJoined"), { sessionId: "no-such", status: "failed" });
  });
  await check("dialStatus tells Dialing, Ringing and Connected", async () => {
    for (const status of ["Dialing", "Ringing", "Connected"]) {
      assert.deepEqual(await one.next("dialStatus"), { sessionId: id, status });
    }
  });
  await check("who joins late is told how far the call is", async () => {
    two.emit("joinRoom", { sessionId: id });
    assert.deepEqual(await two.next("dialStatus"), { sessionId: id, status: "Connected" });
  });
  await check("audio from the call is 20 ms of pcm16 in the shape of the version", async () => {
    const { data } = await one.until("audio", () => one.audio[10]);
    const names = ["audioData", "sessionId", ...(v3 || v5 ? [] : ["audioFormat"])].sort();
    assert.deepEqual(Object.keys(data).sort(), names);
    assert.ok(Buffer.isBuffer(data.audioData) && data.audioData.length === 320 && data.sessionId === id);
    if (!v3 && !v5) assert.equal(data.audioFormat, "pcm16");
  });
  await check("a checkPoint comes back when the audio before it was played", async () => {
    for (const bytes of [160, 161, 1, 320, 2560]) one.emit("audio", format({ sessionId: id, audioData: Buffer.alloc(bytes, 1) }));
    one.emit("checkPoint", { sessionId: id, name: "greeting" });
    assert.deepEqual(await one.next("checkPoint"), { sessionId: id, name: "greeting" });
    assert.deepEqual(await two.next("checkPoint"), { sessionId: id, name: "greeting" });
  });
  await check("dtmf tells the key the callee pressed", async () => {
    assert.deepEqual(await one.next("dtmf"), { sessionId: id, digit: "5" });
  });
  await check("hangup tells that the callee has hung up", async () => {
    assert.deepEqual(await one.next("hangup"), { sessionId: id });
    assert.deepEqual(await two.next("hangup"), { sessionId: id });
  });
  if (!v3) {
    await check("cdr has the documented fields", async () => {
      const cdr = await one.next("cdr");
      isCdr(cdr, id, "+15551000");
      const { disposition, hangupBy, hangupCauseCode, hangupCauseText } = cdr;
      assert.deepEqual([disposition, hangupBy], ["ANSWERED", "CALLEE"]);
      assert.deepEqual([hangupCauseCode, hangupCauseText], [16, "Call completed successfully"]);
      assert.deepEqual(await two.next("cdr"), cdr);
    });
  }
  await check("joinRoom of a call that is over fails", async () => {
    one.emit("joinRoom", { sessionId: id });
    assert.deepEqual(await one.next("roomJoined"), { sessionId: id, status: "failed" });
  });
  await check("joinRoom may be sent before the REST answer was read", async () => {
    const answer = rest("POST", "/pbx/call", { body: { phoneNumber: "+15552000" } });
    const { sessionId } = await one.next("newSession", (d) => d.sessionId !== id);
    one.emit("joinRoom", { sessionId });
    await one.next("dialStatus", (d) => d.sessionId === sessionId && d.status === "Connected");
    const { body } = await answer;
    assert.equal(body.data.sessionId, sessionId);
    one.emit("hangup", { sessionId });
    assert.deepEqual(await one.next("hangup", (d) => d.sessionId === sessionId), { sessionId });
    if (!v3) {
      const cdr = await one.next("cdr", (d) => d.sessionId === sessionId);
      assert.deepEqual([cdr.disposition, cdr.hangupBy], ["ANSWERED", "CALLER"]);
    }
  });
  await talkChecks(one, stranger);
  await endChecks(one);
  for (const each of [one, two, stranger]) each.close();
  return one;
}

/** A client of 1.0.5 names no format. */
function format(audio, audioFormat = "pcm16") {
  return v5 ? audio : { ...audio, audioFormat };
}

async function talkChecks(one, stranger) {
  const { sessionId } = await place("+15552000");
  await connected(one, sessionId);
  await check("interruption stops the audio and drops the check points behind it", async () => {
    one.emit("audio", format({ sessionId, audioData: pcm(30_000) }));
    one.emit("checkPoint", { sessionId, name: "never" });
    one.emit("interruption", { sessionId });
    one.emit("audio", format({ sessionId, audioData: pcm(40) }));
    one.emit("checkPoint", { sessionId, name: "after" });
    assert.equal((await one.next("checkPoint")).name, "after");
  });
  await check("dtmf from a client is taken as text and as number", async () => {
    one.emit("dtmf", { sessionId, digit: "1", duration: 200 });
    one.emit("dtmf", { sessionId, digit: 2 });
    one.emit("checkPoint", { sessionId, name: "pressed" });
    await one.next("checkPoint");
    assert.ok(!one.has("error"));
  });
  await check("what has no effect is answered with an error", async () => {
    const cases = [
      ["dtmf", { sessionId, digit: "x" }, /^Invalid digit/],
      ["dtmf", { sessionId }, /^Invalid dtmf event/],
      ["checkPoint", { sessionId }, /^Invalid checkPoint event/],
      ["checkPoint", { sessionId, name: "x".repeat(2000) }, /^Check point cannot be set/],
      ["interruption", { sessionId: "no-such" }, /^Session not found$/],
      ["hangup", { sessionId: 5 }, /^Invalid hangup event/],
      ["dance", { sessionId }, /^Unknown event$/],
    ];
    for (const [event, data, reason] of cases) {
      one.emit(event, data);
      const error = await one.next("error");
      assert.equal(error.event, event);
      assert.match(error.message, reason);
    }
  });
  await check("events of another account for this session are refused and change nothing", async () => {
    for (const [event, more] of [["hangup", {}], ["interruption", {}], ["dtmf", { digit: "1" }], ["checkPoint", { name: "x" }]]) {
      stranger.emit(event, { sessionId, ...more });
      assert.deepEqual(await stranger.next("error"), { event, message: "Session not found" });
    }
    const answer = await rest("POST", "/pbx/hangup", { token: options.stranger, body: { sessionId } });
    assert.equal(answer.code, 404);
  });
  await (v5 ? codecsOf5 : acknowledgements)(one, stranger, sessionId);
  await check("POST /pbx/hangup ends a call", async () => {
    const answer = await rest("POST", "/pbx/hangup", { body: { sessionId } });
    assert.deepEqual(answer, { code: 200, body: { status: 200, errors: "", data: { sessionId } } });
    await one.next("hangup", (d) => d.sessionId === sessionId);
    if (!v3) assert.equal((await one.next("cdr", (d) => d.sessionId === sessionId)).hangupBy, "CALLER");
  });
}

async function acknowledgements(one, stranger, sessionId) {
  const good = { success: true, error: null };
  for (const audioFormat of ["pcm16", "ulaw", "alaw", "mulaw", "l16-8k"]) {
    await check(`audio in ${audioFormat} is acknowledged`, async () => {
      assert.deepEqual(await one.ask("audio", { sessionId, audioData: Buffer.alloc(640), audioFormat }), good);
    });
  }
  await check("mp3 is acknowledged, and is what audio without a format is", async () => {
    const mp3 = Buffer.from(options.mp3, "hex");
    assert.deepEqual(await one.ask("audio", { sessionId, audioData: mp3, audioFormat: "mp3" }), good);
    assert.deepEqual(await one.ask("audio", { sessionId, audioData: mp3 }), good);
  });
  await check("audio without a format that holds no mp3 frame is refused in its acknowledgement", async () => {
    const noise = Buffer.from(Array.from({ length: 2_560 }, (_, n) => (n * 97) % 251));
    for (const audioData of [Buffer.alloc(320), noise, Buffer.alloc(2_560, 0x55)]) {
      const { success, error } = await one.ask("audio", { sessionId, audioData });
      assert.equal(success, false);
      assert.match(error, /^Audio cannot be decoded: the packet holds no MP3 frame; name what it is in audioFormat$/);
    }
  });
  await check("chunks from 160 to 24,000 bytes are taken, odd lengths included", async () => {
    for (const bytes of [160, 321, 2_239, 2_560, 7_999, 24_000]) {
      const audio = { sessionId, audioData: Buffer.alloc(bytes), audioFormat: "pcm16" };
      assert.deepEqual(await one.ask("audio", audio), good);
    }
  });
  await check("audio that cannot be played is acknowledged with the reason", async () => {
    const audioData = Buffer.alloc(320);
    const cases = [
      [{ sessionId, audioData, audioFormat: "opus" }, /^Unsupported audio format: opus$/],
      [{ sessionId, audioData: Buffer.alloc(0), audioFormat: "pcm16" }, /^Audio data is empty$/],
      [{ sessionId, audioData: "text", audioFormat: "pcm16" }, /^Invalid audio event/],
      [{ sessionId, audioFormat: "pcm16" }, /^Invalid audio event/],
      [{ sessionId, audioData: Buffer.alloc(1_500_000), audioFormat: "pcm16" }, /^Audio packet is larger than/],
      [{ sessionId: "no-such", audioData, audioFormat: "pcm16" }, /^Session not found$/],
    ];
    for (const [audio, reason] of cases) {
      const { success, error } = await one.ask("audio", audio);
      assert.equal(success, false);
      assert.match(error, reason);
    }
    const foreign = await stranger.ask("audio", { sessionId, audioData, audioFormat: "pcm16" });
    assert.deepEqual(foreign, { success: false, error: "Session not found" });
  });
  await check("a queue that is full is said so, and an interruption empties it", async () => {
    const megabyte = { sessionId, audioData: Buffer.alloc(1_000_000), audioFormat: "pcm16" };
    let last;
    for (let n = 0; n < 6; n++) last = await one.ask("audio", megabyte);
    assert.equal(last.success, false);
    assert.match(last.error, /^Audio queue is full: .*300000 ms/);
    one.emit("interruption", { sessionId });
    assert.deepEqual(await one.ask("audio", megabyte), good);
  });
}

async function codecsOf5(one, stranger, sessionId) {
  await check("audio is never acknowledged", async () => {
    one.emit("interruption", { sessionId });
    let answered = false;
    one.send("audio", { sessionId, audioData: pcm(20) }, () => (answered = true));
    one.emit("checkPoint", { sessionId, name: "no ack" });
    await one.next("checkPoint");
    assert.equal(answered, false);
  });
  await check("audio that cannot be played is answered with an error", async () => {
    const cases = [
      [{ sessionId, audioData: pcm(20), audioFormat: "mp3" }, /^Audio format mp3 is not the negotiated pcm16$/],
      [{ sessionId, audioData: Buffer.alloc(0) }, /^Audio data is empty$/],
      [{ sessionId, audioData: "text" }, /^Invalid audio event/],
      [{ sessionId: "no-such", audioData: pcm(20) }, /^Session not found$/],
    ];
    for (const [audio, reason] of cases) {
      one.emit("audio", audio);
      const error = await one.next("error");
      assert.equal(error.event, "audio");
      assert.match(error.message, reason);
    }
    one.emit("audio", { sessionId, audioData: pcm(20), audioFormat: "l16-8k" });
    one.emit("checkPoint", { sessionId, name: "named rightly" });
    await one.next("checkPoint");
    assert.ok(!one.has("error"));
  });
}

/** How calls end that nobody takes. */
async function endChecks(one) {
  const cases = [
    ["+15551001", ["Dialing", "Busy"], "BUSY", 17, "Destination busy"],
    ["+15551002", ["Dialing", "Ringing", "Failed"], "FAILED", 21, "Call declined by user"],
    ["+15551003", ["Dialing", "Ringing", "Failed"], "NO ANSWER", 19, "Destination not answering"],
    ["+15551004", ["Dialing", "Failed"], "FAILED", 34, "Network congestion"],
    ["+15551099", ["Dialing", "Failed"], "FAILED", 1, "Invalid destination number"],
  ];
  for (const [number, statuses, disposition, cause, text] of cases) {
    await check(`a call that ends ${disposition} with cause ${cause} is told as the version knows`, async () => {
      const { sessionId } = await place(number);
      one.emit("joinRoom", { sessionId });
      for (const status of statuses.filter((s) => !v3 || s !== "Failed")) {
        assert.deepEqual(await one.next("dialStatus", (d) => d.sessionId === sessionId), { sessionId, status });
      }
      await one.next("hangup", (d) => d.sessionId === sessionId);
      if (v3) return;
      const cdr = await one.next("cdr", (d) => d.sessionId === sessionId);
      isCdr(cdr, sessionId, number);
      assert.deepEqual([cdr.disposition, cdr.hangupBy], [disposition, "CALLEE"]);
      assert.deepEqual([cdr.hangupCauseCode, cdr.hangupCauseText], [cause, text]);
      assert.deepEqual([cdr.answerTime, cdr.billableSeconds], [null, 0]);
    });
  }
  await check("a call hung up while it rings is cancelled by the caller", async () => {
    const { sessionId } = await place("+15556000");
    one.emit("joinRoom", { sessionId });
    await one.next("dialStatus", (d) => d.sessionId === sessionId && d.status === "Ringing");
    one.emit("hangup", { sessionId });
    await one.next("hangup", (d) => d.sessionId === sessionId);
    if (v3) return;
    const cdr = await one.next("cdr", (d) => d.sessionId === sessionId);
    assert.deepEqual([cdr.disposition, cdr.hangupBy, cdr.hangupCauseCode], ["CANCEL", "CALLER", 16]);
  });
  if (v3) {
    await check("1.0.3 has no Failed, no cdr event and no audioFormat", async () => {
      assert.ok(!one.has("cdr") && !one.has("dialStatus", (d) => d.status === "Failed"));
    });
    await check("1.0.3 has no /v1/cdr", async () => {
      refused(await rest("GET", "/v1/cdr"), 404, "Resource not found");
      refused(await rest("GET", "/v1/cdr/some"), 404, "Resource not found");
    });
  }
}

async function recordChecks() {
  const list = async (query) => (await rest("GET", `/v1/cdr?${query}`)).body;
  const all = (await list("limit=1000")).data;
  await check("GET /v1/cdr lists records with the documented fields, newest first", async () => {
    assert.ok(all.length >= 8);
    for (const record of all) {
      assert.deepEqual(Object.keys(record).sort(), CDR_REST);
      assert.match(record.createdAt, ISO);
      assert.match(record.updatedAt, ISO);
    }
    const times = all.map((record) => record.createdAt);
    assert.deepEqual(times, [...times].sort().reverse());
  });
  await check("meta describes the page", async () => {
    const { data, meta } = await list("page=2&limit=3");
    const totalItems = all.length;
    const totalPages = Math.ceil(totalItems / 3);
    assert.deepEqual(meta, { itemsPerPage: 3, totalItems, currentPage: 2, totalPages, sortBy: [["id", "DESC"]] });
    assert.deepEqual(data, all.slice(3, 6));
    assert.equal((await list("")).meta.itemsPerPage, 100);
    assert.deepEqual((await list("page=9999")).data, []);
  });
  await check("sortBy orders, and is repeated in meta", async () => {
    const { data, meta } = await list("sortBy=destination:ASC&sortBy=id:DESC&limit=1000");
    assert.deepEqual(meta.sortBy, [["destination", "ASC"], ["id", "DESC"]]);
    const numbers = data.map((record) => record.destination);
    assert.deepEqual(numbers, [...numbers].sort());
  });
  const talked = all.find((record) => record.destination === "+15551000");
  const filters = [
    ["filter.destination=$eq:%2B15551001", (r) => r.destination === "+15551001"],
    ["filter.destination=$contains:555100", (r) => r.destination.includes("555100")],
    ["filter.disposition=$eq:BUSY", (r) => r.disposition === "BUSY"],
    ["filter.disposition=$eq:NO%20ANSWER", (r) => r.disposition === "NO ANSWER"],
    ["filter.disposition=$in:ANSWERED,NO ANSWER,FAILED", (r) => ["ANSWERED", "NO ANSWER", "FAILED"].includes(r.disposition)],
    ["filter.destination=$contains:1555&filter.disposition=$in:BUSY", (r) => r.disposition === "BUSY"],
  ];
  const comparisons = { eq: (a, b) => a === b, gt: (a, b) => a > b, gte: (a, b) => a >= b, lt: (a, b) => a < b, lte: (a, b) => a <= b };
  for (const field of ["duration", "billableSeconds"]) {
    for (const [operator, holds] of Object.entries(comparisons)) {
      const value = talked[field];
      filters.push([`filter.${field}=$${operator}:${value}`, (r) => holds(r[field], value)]);
    }
  }
  for (const [query, wanted] of filters) {
    await check(`GET /v1/cdr?${query} selects`, async () => {
      const { data, meta } = await list(`${encodeURI(query).replace("%252B", "%2B").replace("%2520", "%20")}&limit=1000`);
      assert.deepEqual(data, all.filter(wanted));
      assert.equal(meta.totalItems, data.length);
    });
  }
  await check("a filter or page that makes no sense is refused", async () => {
    for (const [field, query] of [
      ["page", "page=0"],
      ["limit", "limit=many"],
      ["filter.duration", "filter.duration=$contains:3"],
      ["filter.duration", "filter.duration=$gte:long"],
      ["filter.destination", "filter.destination=$gt:1"],
      ["filter.disposition", "filter.disposition=$eq:MAYBE"],
      ["filter.colour", "filter.colour=$eq:red"],
      ["sortBy", "sortBy=colour:ASC"],
    ]) {
      const { code, body } = await rest("GET", `/v1/cdr?${query}`);
      if (v5) {
        assert.deepEqual([code, body.code, Object.keys(body.errors)], [422, 422, [field]], query);
      } else {
        assert.deepEqual([code, body.status, body.data], [400, 400, null], query);
        assert.ok(body.errors.startsWith(field), body.errors);
      }
    }
  });
  await check("GET /v1/cdr/{sessionId} has one record in the envelope", async () => {
    const { code, body } = await rest("GET", `/v1/cdr/${talked.sessionId}`);
    assert.deepEqual({ code, body }, { code: 200, body: { status: 200, errors: "", data: talked } });
  });
  await check("a record that does not exist, or is another account's, is 404", async () => {
    refused(await rest("GET", "/v1/cdr/no-such"), 404, "CDR not found");
    const foreign = await rest("GET", `/v1/cdr/${talked.sessionId}`, { token: options.recorder });
    refused(foreign, 404, "CDR not found");
    assert.deepEqual((await rest("GET", "/v1/cdr", { token: options.recorder })).body.data, []);
  });
  await check("records need a token", async () => {
    refused(await rest("GET", "/v1/cdr", { token: null }), 401, "Authentication token is required");
    refused(await rest("GET", "/v1/cdr/x", { token: "nobody" }), 401, "Invalid authentication token");
  });
}

module.exports = { callChecks, invalid, isCdr, recordChecks, restChecks };
