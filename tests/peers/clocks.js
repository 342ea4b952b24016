// How long a person in a browser waits, by the browser's own clock: from the click on *Call it* to the first sound of the flow, and from
// the first sound of their own voice to the bot's silence. Starts a server and Chromium with a file for a microphone, and prints a table.
//
//   node clocks.js [--binary ../../target/release/dering] [--rounds 20] [--json]
//
// Both tracks go into one AudioContext, where a worklet takes the level of every 128 samples with the time of the context; the click is
// noted by the same clock. So the figures hold what the browser does, too: its buffers, its processing of the microphone, its playout.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const net = require("node:net");
const { tmpdir } = require("node:os");
const { delimiter, join, resolve } = require("node:path");
const { parseArgs } = require("node:util");
const { chromium } = require("playwright-core");

const { values: options } = parseArgs({
  options: {
    binary: { type: "string", default: join(__dirname, "../../target/release/dering") },
    rounds: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
  },
});

// Above it something sounds: -46 dB of full scale, mean over 128 samples at 48 kHz.
const SOUNDS = 0.005;
// Quiet for so long is silence, s. Words are held together by less.
const SILENCE = 0.5;
// Before the person speaks, and after, s.
const [BEFORE, AFTER] = [4.5, 10];
const PASSWORD = "three quiet words";
const FLOW = `flow: clocks
start: talk
scenes:
  talk:
    - say: ["Hello. This is a measurement.", { play: tone.wav }]
    - wait: 1s
    - hangup: told
`;

// A WAV file of these samples, 16 bit.
function wav(samples, rate) {
  const file = Buffer.alloc(44 + samples.length * 2);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + samples.length * 2, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, at) => file.writeInt16LE(sample, 44 + at * 2));
  return file;
}

// What the person says, with silence before and after it; the browser plays it again and again.
function microphone(folder) {
  const spoken = join(folder, "spoken.wav");
  execFileSync("espeak-ng", ["-w", spoken, "Excuse me, I have a question about that."]);
  const file = readFileSync(spoken);
  const rate = file.readUInt32LE(24);
  const words = [];
  for (let at = 44; at + 1 < file.length; at += 2) words.push(file.readInt16LE(at));
  const quiet = (seconds) => new Array(Math.round(seconds * rate)).fill(0);
  const path = join(folder, "microphone.wav");
  writeFileSync(path, wav([...quiet(BEFORE), ...words, ...quiet(AFTER)], rate));
  return path;
}

const freePort = () => new Promise((done) => {
  const server = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

// A server of its own in `folder`, and the link of its first person.
async function serve(folder) {
  mkdirSync(join(folder, "flows"));
  writeFileSync(join(folder, "flows/clocks.yaml"), FLOW);
  // Twenty seconds at -20 dB.
  const tone = Array.from({ length: 160000 }, (_, at) => Math.round(4600 * Math.sin((2 * Math.PI * 440 * at) / 8000)));
  writeFileSync(join(folder, "flows/tone.wav"), wav(tone, 8000));
  const config = join(folder, "dering.yaml");
  writeFileSync(config, `listen: 127.0.0.1:${await freePort()}\nlog: { filter: warn }\nwebrtc: { listen: "127.0.0.1:0" }\nflows: ${join(folder, "flows")}\n`);
  const server = spawn(resolve(options.binary), ["serve", "--config", config], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  const welcome = await new Promise((done, failed) => {
    server.on("error", failed);
    server.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${told}`)));
    for (const stream of [server.stdout, server.stderr]) {
      stream.on("data", (text) => {
        told += text;
        const link = told.match(/http\S+\/welcome\?link=\S+/);
        if (link) done(link[0]);
      });
    }
  });
  return { server, welcome };
}

const stop = (server) => new Promise((done) => {
  server.removeAllListeners("exit").on("exit", done).kill();
});

// In the page: both tracks are measured by one clock from now on.
async function listen() {
  const context = new AudioContext({ latencyHint: "interactive", sampleRate: 48000 });
  const worklet = `registerProcessor("level", class extends AudioWorkletProcessor {
    process([[samples]]) {
      if (!samples) return true;
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      (this.levels ??= []).push(currentTime, Math.sqrt(sum / samples.length));
      if (this.levels.length >= 64) this.port.postMessage(this.levels.splice(0));
      return true;
    }
  })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
  const levels = { own: [], bot: [] };
  window.clocks = { levels, clicked: null, waits: [] };
  const measure = (name, stream) => {
    const level = new AudioWorkletNode(context, "level", { numberOfOutputs: 0 });
    level.port.onmessage = ({ data }) => levels[name].push(...data);
    context.createMediaStreamSource(stream).connect(level);
  };
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    measure("own", stream);
    return stream;
  };
  const Made = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Made {
    constructor(...given) {
      super(...given);
      this.addEventListener("track", ({ track }) => { if (track.kind === "audio") measure("bot", new MediaStream([track])); });
      const asked = setInterval(async () => {
        if (this.connectionState === "closed") return clearInterval(asked);
        const inbound = [...(await this.getStats()).values()].find((one) => one.type === "inbound-rtp" && one.kind === "audio");
        if (inbound?.jitterBufferEmittedCount) window.clocks.waits.push((inbound.jitterBufferDelay / inbound.jitterBufferEmittedCount) * 1000);
      }, 500);
    }
  };
  document.getElementById("talk-start").addEventListener("click", () => { window.clocks.clicked = context.currentTime; }, true);
}

// Times at which something sounds.
const sounding = (levels) => levels.filter((_, at) => at % 2 === 0 && levels[at + 1] > SOUNDS);

// One call, ms.
async function round(page, base) {
  await page.goto(`${base}/flows/clocks/talk`);
  await page.evaluate(listen);
  await page.getByRole("button", { name: "Call it" }).click();
  await page.getByText("You are talking to it.").waitFor();
  await page.getByText("The call has ended.").waitFor({ timeout: 60000 });
  const { levels, clicked, waits } = await page.evaluate(() => window.clocks);
  const [bot, own] = [sounding(levels.bot), sounding(levels.own)];
  const spoke = own.find((at) => at > bot[0]);
  if (!bot.length || spoke === undefined) throw new Error(`the bot sounds ${bot.length} times, the person ${own.length}`);
  const silent = bot.find((at, n) => at >= spoke && (bot[n + 1] ?? Infinity) - at > SILENCE);
  if (silent === undefined) throw new Error("the bot had fallen silent before the person spoke");
  return { word: (bot[0] - clicked) * 1000, silence: (silent - spoke) * 1000, waits: waits.at(-1) ?? NaN };
}

function spread(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share) => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

function show(rows, count) {
  console.log(`${"ms, by the browser's clock".padEnd(44)}${["p50", "p95", "max", "goal"].map((name) => name.padStart(7)).join("")}`);
  for (const [name, { p50, p95, max }, goal] of rows) {
    console.log(`${name.padEnd(44)}${[p50, p95, max, goal].map((value) => String(value).padStart(7)).join("")}`);
  }
  console.log(`${count} calls, ${SOUNDS * 1000}/1000 of full scale is sound`);
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "dering-clocks-"));
  const program = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    .flatMap((name) => process.env.PATH.split(delimiter).map((place) => join(place, name))).find(existsSync);
  if (!program) throw new Error("chromium is not installed");
  let running = null;
  let browser = null;
  try {
    const file = microphone(folder);
    running = await serve(folder);
    browser = await chromium.launch({
      executablePath: program,
      args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${file}`],
    });
    // The worklet is none of the page's own scripts.
    const context = await browser.newContext({ locale: "en-GB", bypassCSP: true });
    const page = await context.newPage();
    await page.goto(running.welcome);
    await page.getByLabel("Name").fill("Ada");
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByLabel("The same again").fill(PASSWORD);
    await page.getByRole("button", { name: "Save and sign in" }).click();
    await page.getByText("Welcome. You are signed in.").waitFor();
    const rounds = [];
    for (let n = 0; n < Number(options.rounds); n += 1) {
      rounds.push(await round(page, new URL(running.welcome).origin));
      if (process.stderr.isTTY) process.stderr.write(`\r${n + 1} of ${options.rounds} calls`);
    }
    if (process.stderr.isTTY) process.stderr.write("\r");
    const [word, silence, buffer] = ["word", "silence", "waits"].map((name) => spread(rounds.map((one) => one[name])));
    if (options.json) console.log(JSON.stringify({ calls: rounds.length, clickToFirstWordMs: word, speechToSilenceMs: silence, jitterBufferMs: buffer, rounds }));
    else show([["click to the first word", word, 1000], ["voice of the person to silence of the bot", silence, 250], ["of which waits in the browser's jitter buffer", buffer, "-"]], rounds.length);
  } finally {
    await browser?.close();
    if (running) await stop(running.server);
    rmSync(folder, { recursive: true, force: true });
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(String(error.stack ?? error));
  process.exit(1);
});
