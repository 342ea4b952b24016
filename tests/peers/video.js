// Takes a video call in a browser of the size of a phone, while somebody watches its camera on the page of the call, and looks at what
// was recorded of it. And the same from a page that has the script for pages of others.
"use strict";

const { chromium } = require("playwright-core");

const options = JSON.parse(process.argv[2]);
const report = (about) => process.stdout.write(JSON.stringify(about) + "\n");
const must = (holds, what) => { if (!holds) throw new Error(what); };

const keep = () => {
  const Made = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Made {
    constructor(...given) { super(...given); window.made = this; }
  };
};

// Frames of video that the last connection of a page has decoded, and sent.
const frames = (page) => page.evaluate(async () => {
  const all = window.made ? [...(await window.made.getStats()).values()] : [];
  const of = (type) => all.find((one) => one.type === type && one.kind === "video");
  return { decoded: of("inbound-rtp")?.framesDecoded ?? 0, sent: of("outbound-rtp")?.framesEncoded ?? 0 };
});

// The colour in the middle of a picture that is shown.
const colour = (page, id) => page.evaluate((id) => {
  const video = document.getElementById(id);
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  const paper = canvas.getContext("2d");
  paper.drawImage(video, 0, 0);
  return [...paper.getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data].slice(0, 3);
}, id);

async function until(page, holds, what) {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await holds()) return;
    await page.waitForTimeout(100);
  }
  throw new Error(`${what} did not come`);
}

const picture = async (page, name) => {
  if (options.pictures) await page.screenshot({ path: `${options.pictures}/${name}.png`, fullPage: true });
};

async function walk() {
  const browser = await chromium.launch({
    executablePath: options.browser,
    args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${options.microphone}`],
  });
  const wrong = [];
  const phone = { locale: "en-GB", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const open = async (context, link) => {
    const page = await context.newPage();
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.goto(link);
    return page;
  };
  // A page of our own, which places a call with its camera or answers one, until it has seen what is shown and was seen itself.
  const shop = async (context, does, token) => {
    await context.route(`${options.base}/shop`, (route) => route.fulfill({
      contentType: "text/html",
      body: '<!doctype html><link rel="icon" href="data:,"><script src="/embed.js" defer></script><video id="shown" autoplay playsinline muted></video>',
    }));
    const page = await open(context, `${options.base}/shop`);
    const placed = page.waitForResponse(`${options.base}/v1/browser-calls`).then((answer) => answer.json(), () => ({}));
    const told = await page.evaluate(async ([does, token]) => {
      window.ended = new Promise((done) => { window.told = (state) => { if (state === "ended") done(); }; });
      const onpicture = (stream) => { document.getElementById("shown").srcObject = stream; };
      window.call = await window.Dering[does]({ token, camera: true, onpicture, onstate: (state) => window.told(state) });
      return { isSeen: Boolean(window.call.camera) };
    }, [does, token]);
    await until(page, async () => (await frames(page)).decoded > 0, "the picture of the bot on a page of our own");
    const shown = await colour(page, "shown");
    must(shown[0] > 180 && shown[1] < 80, `the picture is red: ${shown}`);
    if (told.isSeen) {
      await until(page, async () => (await frames(page)).sent > 20, "the camera of a page of our own");
      told.isCovered = await page.evaluate(() => {
        window.call.muteCamera(true);
        return !window.call.camera.getVideoTracks()[0].enabled;
      });
    }
    await page.evaluate(() => { window.call.hangUp(); return window.ended; });
    if (does === "call") told.callId = (await placed).callId;
    await page.close();
    return told;
  };
  try {
    const [called, desk] = [await browser.newContext(phone), await browser.newContext({ locale: "en-GB" })];
    for (const context of [called, desk]) await context.addInitScript(keep);
    const console = await open(desk, options.welcome);

    // Who keeps the camera to themselves talks, and sees what is shown.
    const shy = await browser.newContext(phone);
    await shy.addInitScript(keep);
    await shy.addInitScript(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = (wanted) =>
        wanted.video ? Promise.reject(new DOMException("no", "NotAllowedError")) : ask(wanted);
    });
    const blind = await open(shy, `${options.base}/ring#${options.links[1]}`);
    await blind.getByRole("button", { name: "Accept" }).click();
    await blind.getByText("Nobody sees you").waitFor();
    await until(blind, async () => (await frames(blind)).decoded > 0, "the picture of the bot, without a camera");
    await blind.getByRole("button", { name: "Hang up" }).click();
    await blind.getByText("The call has ended.").waitFor();

    // Who denies the microphone is asked for nothing else.
    const mute = await browser.newContext(phone);
    await mute.addInitScript(() => {
      window.asked = [];
      navigator.mediaDevices.getUserMedia = (wanted) => {
        window.asked.push(Object.keys(wanted).join());
        return Promise.reject(new DOMException("no", "NotAllowedError"));
      };
    });
    const refuses = await open(mute, `${options.base}/ring#${options.links[2]}`);
    await refuses.getByRole("button", { name: "Accept" }).click();
    await refuses.getByText("The microphone was denied.").waitFor();
    const asked = await refuses.evaluate(() => window.asked.join(" "));
    must(asked === "audio", `it was asked for: ${asked}`);
    await refuses.getByRole("button", { name: "Decline" }).click();
    await refuses.getByText("You declined the call.").waitFor();

    const [embedded, seen] = [await shop(called, "call", options.token), await shop(shy, "answer", options.links[3])];
    must(embedded.isSeen && embedded.isCovered && !seen.isSeen, `the cameras: ${JSON.stringify([embedded, seen])}`);

    const page = await open(called, `${options.base}/ring#${options.links[0]}`);
    await page.getByText("You are asked for your camera, too.").waitFor();
    await picture(page, "ring-video");
    await page.getByRole("button", { name: "Accept" }).click();
    await page.getByText("You are in the call.").waitFor();
    await until(page, async () => (await frames(page)).decoded > 0, "the picture of the bot");
    await until(page, async () => (await frames(page)).sent > 5, "the camera of the phone");
    const shown = await colour(page, "ring-picture");
    must(shown[0] > 180 && shown[1] < 80 && shown[2] < 80, `the picture is red: ${shown}`);
    await picture(page, "ring-video-talk");

    await console.goto(`${options.base}/calls/${options.call}`);
    await console.getByRole("button", { name: "Watch the camera" }).click();
    await until(console, async () => (await frames(console)).decoded > 5, "the camera on the page of the call");
    await picture(console, "call-watched");
    await page.getByRole("button", { name: "Hang up" }).click();
    await page.getByText("The call has ended.").waitFor();

    // What the camera showed is played with the recording.
    await until(console, async () => {
      await console.goto(`${options.base}/calls/${options.call}`);
      return console.locator("#film").isVisible();
    }, "the recorded camera");
    await console.locator("#sound").evaluate((sound) => sound.play());
    await until(console, () => console.locator("#film").evaluate((film) => film.videoWidth > 0 && film.currentTime > 1), "the recorded camera, as it plays");
    const film = await console.locator("#film").evaluate((film) => ({ length: film.duration, width: film.videoWidth }));
    await picture(console, "call-filmed");
    must(wrong.length === 0, `the browser complained: ${wrong.join("; ")}`);
    report({ done: true, measured: { film, shown }, placed: embedded.callId });
  } finally {
    await browser.close();
  }
}

report({ port: 0 });
walk().then(
  () => process.exit(0),
  (error) => {
    report({ failed: String(error.stack ?? error) });
    process.exit(1);
  },
);
