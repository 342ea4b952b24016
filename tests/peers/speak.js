// Speaks to a flow in a browser whose microphone is a file, and measures by the tracks when who fell silent.
"use strict";

const { chromium } = require("playwright-core");

const options = JSON.parse(process.argv[2]);
const report = (about) => process.stdout.write(JSON.stringify(about) + "\n");
const must = (holds, what) => { if (!holds) throw new Error(what); };

const keep = () => {
  const Made = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Made {
    constructor(...given) { super(...given); window.made = this; window.watched = []; }
  };
};

// Energy of both tracks, fifty times a second, until the call is over.
const watch = (page) => page.evaluate(async () => {
  const begun = performance.now();
  while (performance.now() - begun < 60000 && window.made.connectionState !== "closed") {
    const all = [...(await window.made.getStats()).values()];
    const energy = (type) => all.find((one) => one.type === type && one.kind === "audio")?.totalAudioEnergy ?? 0;
    window.watched.push({ at: performance.now() - begun, bot: energy("inbound-rtp"), own: energy("media-source") });
    await new Promise((done) => setTimeout(done, 20));
  }
  return window.watched;
});

async function speak() {
  const browser = await chromium.launch({
    executablePath: options.browser,
    args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${options.microphone}`],
  });
  try {
    const context = await browser.newContext({ locale: "en-GB" });
    await context.addInitScript(keep);
    const page = await context.newPage();
    await page.goto(options.welcome);
    await page.goto(`${options.base}/flows/question/talk`);
    await page.getByRole("button", { name: "Call it" }).click();
    await page.getByText("You are talking to it.").waitFor();
    const link = page.getByRole("link", { name: "The page of this call" });
    const call = (await link.getAttribute("href")).split("/").pop();
    const samples = await watch(page);
    await page.getByText("The call has ended.").waitFor();
    // A tone of -20 dB has a mean square of 0.005: in 20 ms its energy grows by 0.0001.
    const grew = (name, least) => samples.filter((one, at) => at > 0 && one[name] - samples[at - 1][name] > least);
    const [bot, own] = [grew("bot", 2e-5), grew("own", 2e-5)];
    must(bot.length > 0, "the bot cannot be heard");
    must(own.length > 0, "the microphone cannot be heard");
    const [first, last] = [bot[0].at, bot[bot.length - 1].at];
    const began = own.find((one) => one.at > first)?.at ?? 0;
    report({ done: true, measured: { call, heard_ms: last - first, speech_to_silence_ms: last - began, own: own.length } });
  } finally {
    await browser.close();
  }
}

report({ port: 0 });
speak().then(
  () => process.exit(0),
  (error) => {
    report({ failed: String(error.stack ?? error) });
    process.exit(1);
  },
);
