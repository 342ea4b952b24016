// Firefox talks to a flow, takes and declines calls by link, and is called by video, with a tone for a microphone and a test picture
// for a camera; what comes back is measured by the received tracks.
"use strict";

const puppeteer = require("puppeteer-core");

const options = JSON.parse(process.argv[2]);
const report = (about) => process.stdout.write(JSON.stringify(about) + "\n");
const must = (holds, what) => { if (!holds) throw new Error(what); };
const PATIENCE = { timeout: 60000, polling: 100 };

// Every connection that a page makes is kept where it can be measured.
const keep = () => {
  const Made = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Made {
    constructor(...given) { super(...given); window.made = this; }
  };
};

// What the last connection of a page has received and sent, as the browser counts it.
const measure = (page) => page.evaluate(async () => {
  const all = window.made ? [...(await window.made.getStats()).values()] : [];
  const of = (type, kind) => all.find((one) => one.type === type && one.kind === kind) ?? {};
  return {
    energy: of("inbound-rtp", "audio").totalAudioEnergy ?? 0,
    received: of("inbound-rtp", "audio").packetsReceived ?? 0,
    sent: of("outbound-rtp", "audio").packetsSent ?? 0,
    decoded: of("inbound-rtp", "video").framesDecoded ?? 0,
    filmed: of("outbound-rtp", "video").framesEncoded ?? 0,
  };
});

const says = async (page, id, text) => {
  const holds = (id, text) => document.getElementById(id)?.textContent.includes(text);
  await page.waitForFunction(holds, PATIENCE, id, text).catch(async () => {
    throw new Error(`"${text}" did not come; there is: ${await page.$eval(`#${id}`, (part) => part.textContent)}`);
  });
};

const press = async (page, id) => {
  await page.waitForFunction((id) => document.getElementById(id)?.checkVisibility(), PATIENCE, id);
  await page.click(`#${id}`);
};

async function until(page, holds, what) {
  for (let tries = 0; tries < 300; tries += 1) {
    const measured = await measure(page);
    if (holds(measured)) return measured;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${what} did not come: ${JSON.stringify(await measure(page))}`);
}

// The bot is heard, and hears.
const talks = (page) => until(page, (now) => now.energy > 0.0005 && now.received > 100 && now.sent > 100, "sound both ways");

const picture = async (page, name) => {
  if (options.pictures) await page.screenshot({ path: `${options.pictures}/firefox-${name}.png` });
};

async function walk(browser) {
  const wrong = [];
  const open = async (address) => {
    const page = await browser.newPage();
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.evaluateOnNewDocument(keep);
    await page.goto(address);
    return page;
  };
  const desk = await open(options.welcome);

  // The page of a flow: heard, a key, hung up by hand.
  await desk.goto(`${options.base}/flows/long/talk`);
  await press(desk, "talk-start");
  await says(desk, "talk-state", "You are talking to it.");
  const measured = { talk: await talks(desk) };
  await picture(desk, "talk");
  await desk.click("[data-key-pressed='7']");
  await says(desk, "talk-call", "key_heard");
  await press(desk, "talk-end");
  await says(desk, "talk-state", "The call has ended.");
  const talked = await desk.$eval("#talk-call a", (link) => link.href.split("/").pop());

  // Links: accepted and hung up, declined.
  const accepts = await open(`${options.base}/ring#${options.links[0]}`);
  await press(accepts, "ring-accept");
  await says(accepts, "ring-state", "You are in the call.");
  measured.ring = await talks(accepts);
  await press(accepts, "ring-end");
  await says(accepts, "ring-state", "The call has ended.");
  const declines = await open(`${options.base}/ring#${options.links[1]}`);
  await press(declines, "ring-decline");
  await says(declines, "ring-state", "You declined the call.");

  // Video: the picture is decoded, the camera is sent, watched and played.
  const seen = await open(`${options.base}/ring#${options.links[2]}`);
  await press(seen, "ring-accept");
  await says(seen, "ring-state", "You are in the call.");
  measured.video = await until(seen, (now) => now.decoded > 0 && now.filmed > 60, "pictures both ways");
  measured.shown = await seen.$eval("#ring-picture", (video) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    const paper = canvas.getContext("2d");
    paper.drawImage(video, 0, 0);
    return [...paper.getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data].slice(0, 3);
  });
  must(measured.shown[0] > 180 && measured.shown[1] < 80 && measured.shown[2] < 80, `the picture is red: ${measured.shown}`);
  await picture(seen, "video");
  await desk.goto(`${options.base}/calls/${options.video}`);
  await desk.waitForSelector("[data-watch]");
  await desk.click("[data-watch]");
  measured.watched = await until(desk, (now) => now.decoded > 5, "the camera on the page of the call");
  await press(seen, "ring-end");
  await says(seen, "ring-state", "The call has ended.");
  for (let tries = 0; !(await desk.$("#film")) && tries < 100; tries += 1) await desk.goto(`${options.base}/calls/${options.video}`);
  // Firefox decodes no film of a page that nobody sees.
  await desk.bringToFront();
  await desk.$eval("#sound", (sound) => sound.play());
  const plays = () => document.getElementById("film").videoWidth > 0 && document.getElementById("film").currentTime > 1;
  await desk.waitForFunction(plays, { ...PATIENCE, timeout: 20000 }).catch(async () => {
    const state = () => ["film", "sound"].map((id) => {
      const { duration, currentTime, paused, readyState, networkState, error, videoWidth } = document.getElementById(id);
      return { id, duration, currentTime, paused, readyState, networkState, error: error?.message, videoWidth };
    });
    throw new Error(`the recorded camera does not play: ${JSON.stringify(await desk.evaluate(state))}`);
  });
  must(wrong.length === 0, `the browser complained: ${wrong.join("; ")}`);
  report({ done: true, measured, talked });
}

async function main() {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: options.browser,
    headless: true,
    extraPrefsFirefox: {
      "intl.accept_languages": "en-GB",
      "media.autoplay.default": 0,
      "media.navigator.audio.fake_frequency": options.tone,
      "media.navigator.permission.disabled": true,
      "media.navigator.streams.fake": true,
    },
  });
  try {
    await walk(browser);
  } finally {
    await browser.close();
  }
}

report({ port: 0 });
main().then(
  () => process.exit(0),
  (error) => {
    report({ failed: String(error.stack ?? error) });
    process.exit(1);
  },
);
