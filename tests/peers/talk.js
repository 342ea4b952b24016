// Talks to flows in a browser with a file for a microphone, and measures what comes back by the received track.
"use strict";

const { chromium } = require("playwright-core");
const readline = require("node:readline");

const options = JSON.parse(process.argv[2]);
const base = options.base;
const report = (about) => process.stdout.write(JSON.stringify(about) + "\n");
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const must = (holds, what) => { if (!holds) throw new Error(what); };

// Every connection that a page makes is kept where it can be measured.
const keep = () => {
  const Made = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Made {
    constructor(...given) { super(...given); window.made = this; }
  };
};

// Energy of the sound that came, and packets, as the browser counts them.
const measure = (page) => page.evaluate(async () => {
  const all = [...(await window.made.getStats()).values()];
  const inbound = all.find((one) => one.type === "inbound-rtp") ?? {};
  const outbound = all.find((one) => one.type === "outbound-rtp") ?? {};
  return { energy: inbound.totalAudioEnergy ?? 0, received: inbound.packetsReceived ?? 0, lost: inbound.packetsLost ?? 0, sent: outbound.packetsSent ?? 0 };
});

async function call(page, flow) {
  await page.goto(`${base}/flows/${flow}`);
  await page.getByRole("link", { name: "Talk to it" }).click();
  await page.getByRole("button", { name: "Call it" }).focus();
  const clicked = Date.now();
  await page.keyboard.press("Enter");
  await page.getByText("You are talking to it.").waitFor();
  const link = page.getByRole("link", { name: "The page of this call" });
  return { id: (await link.getAttribute("href")).split("/").pop(), took: Date.now() - clicked };
}

async function ended(id) {
  report({ ended: id });
  await lines.next();
}

const over = (page) => page.getByText("The call has ended.").waitFor();

const launch = (more) => chromium.launch({
  executablePath: options.browser,
  args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${options.microphone}`, ...more],
});

// The same page in a browser that may send no UDP; how its packets travelled.
async function withoutUdp(signedIn, measured) {
  const browser = await launch(["--force-webrtc-ip-handling-policy=disable_non_proxied_udp", "--webrtc-ip-handling-policy=disable_non_proxied_udp"]);
  try {
    const context = await browser.newContext({ locale: "en-GB", storageState: signedIn });
    await context.addInitScript(keep);
    const page = await context.newPage();
    const { id } = await call(page, "stay");
    await page.waitForTimeout(1500);
    measured.without_udp = await measure(page);
    const { sent, received } = measured.without_udp;
    must(received > 30 && sent > 30, `packets both ways over TCP: ${JSON.stringify(measured.without_udp)}`);
    const protocol = await page.evaluate(async () => {
      const all = await window.made.getStats();
      const transport = [...all.values()].find((one) => one.type === "transport");
      const pair = all.get(transport.selectedCandidatePairId);
      return all.get(pair.localCandidateId).protocol;
    });
    must(protocol === "tcp", `a browser without UDP used ${protocol}`);
    await page.getByRole("button", { name: "Hang up" }).first().click();
    await over(page);
    await ended(id);
  } finally {
    await browser.close();
  }
}

async function talk() {
  const browser = await launch([]);
  const measured = {};
  try {
    const context = await browser.newContext({ locale: "en-GB" });
    await context.addInitScript(keep);
    const page = await context.newPage();
    const wrong = [];
    // Whoever hangs up a call that has just ended is told that there is none.
    const isLate = (url) => url.includes("/v1/browser-calls/");
    page.on("console", (line) => { if (line.type() === "error" && !isLate(line.location().url)) wrong.push(`${line.text()} ${line.location().url}`); });
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.goto(options.welcome);

    // The bot is heard, and hangs up.
    const short = await call(page, "short");
    measured.connected_ms = short.took;
    measured.energy = 0;
    const ending = over(page).then(() => true);
    while (!(await Promise.race([ending, page.waitForTimeout(50).then(() => false)]))) {
      measured.energy = Math.max(measured.energy, (await measure(page)).energy);
    }
    // Half a second of a tone at -20 dB: its mean square is 0.005.
    must(measured.energy > 0.0005, `the bot cannot be heard: ${measured.energy}`);
    await ended(short.id);
    await page.locator("#talk-call").getByText("told").first().waitFor();

    // Keys.
    const card = await call(page, "card");
    for (const key of ["4", "7", "1", "1"]) {
      await page.getByRole("group", { name: "Keys" }).getByRole("button", { name: key, exact: true }).click();
      await page.waitForTimeout(350);
    }
    await over(page);
    await ended(card.id);

    // Somebody hangs up.
    const stay = await call(page, "stay");
    await page.waitForTimeout(1500);
    measured.track = await measure(page);
    must(measured.track.received > 30 && measured.track.sent > 30, `packets both ways: ${JSON.stringify(measured.track)}`);
    await page.getByRole("button", { name: "Hang up" }).first().click();
    await over(page);
    await ended(stay.id);

    await withoutUdp(await context.storageState(), measured);

    // A page without a microphone says so.
    await context.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await page.goto(`${base}/flows/short/talk`);
    await page.getByRole("button", { name: "Call it" }).click();
    await page.getByText("The microphone was denied.").waitFor();
    must(wrong.length === 0, `the browser complained: ${wrong.join("; ")}`);
    report({ done: true, measured });
  } finally {
    await browser.close();
  }
}

report({ port: 0 });
talk().then(
  () => process.exit(0),
  (error) => {
    report({ failed: String(error.stack ?? error) });
    process.exit(1);
  },
);
