// Opens links that ring in a browser of the size of a phone, accepts and declines, and measures what is heard.
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

const energy = (page) => page.evaluate(async () => {
  const all = window.made ? [...(await window.made.getStats()).values()] : [];
  return all.find((one) => one.type === "inbound-rtp")?.totalAudioEnergy ?? 0;
});

const picture = async (page, name) => {
  if (options.pictures) await page.screenshot({ path: `${options.pictures}/${name}.png` });
};

async function walk() {
  const browser = await chromium.launch({
    executablePath: options.browser,
    args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      // The server is on this machine, which browsers let a page of a foreign address reach only when they are asked.
      "--disable-features=LocalNetworkAccessChecks", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${options.microphone}`],
  });
  const measured = {};
  const [first, second, third, fourth] = options.links.map((token) => `${options.base}/ring#${token}`);
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const wrong = [];
  const open = async (context, link) => {
    const page = await context.newPage();
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("console", (line) => {
      // A browser notes every answer that is none of success.
      if (line.type() === "error" && !line.location().url.includes("/v1/")) wrong.push(`${line.text()} ${line.location().url}`);
    });
    await page.goto(link);
    return page;
  };
  try {
    const context = await browser.newContext({ locale: "en-GB", ...phone });
    await context.addInitScript(keep);
    const page = await open(context, first);
    await page.getByText("From Dering").waitFor();
    await picture(page, "ring");
    // It is still good when it is opened twice: the phone fell asleep, or the page was loaded again.
    const other = await open(context, first);
    await other.getByRole("button", { name: "Accept" }).waitFor();
    const clicked = Date.now();
    await page.getByRole("button", { name: "Accept" }).click();
    await page.getByText("You are in the call.").waitFor();
    measured.connected_ms = Date.now() - clicked;
    const over = page.getByText("The call has ended.").waitFor().then(() => true);
    measured.energy = 0;
    const listening = (async () => {
      while (!(await Promise.race([over, page.waitForTimeout(50).then(() => false)]))) {
        measured.energy = Math.max(measured.energy, await energy(page).catch(() => 0));
      }
    })();
    // A page that is looked at again asks at once; otherwise the short call could be over before it does.
    await other.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await other.getByText("This link was used already.").waitFor();
    await picture(page, "ring-talk");
    await listening;
    must(measured.energy > 0.0005, `the bot cannot be heard: ${measured.energy}`);
    await other.reload();
    await other.getByText("The call has ended.").waitFor();
    await picture(page, "ring-ended");

    // In Indonesian, on a page where the microphone is denied.
    const bahasa = await browser.newContext({ locale: "id-ID", ...phone });
    await bahasa.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    const refuses = await open(bahasa, second);
    await refuses.getByRole("button", { name: "Terima" }).click();
    await refuses.getByText("Mikrofon ditolak.").waitFor();
    await picture(refuses, "ring-denied");
    await refuses.getByRole("button", { name: "Tolak" }).click();
    await refuses.getByText("Anda menolak panggilan ini.").waitFor();

    // Muted, and hung up by hand.
    const talks = await open(context, third);
    await talks.getByRole("button", { name: "Accept" }).click();
    await talks.getByText("You are in the call.").waitFor();
    await talks.getByRole("button", { name: "Mute" }).click();
    must(await talks.getByRole("button", { name: "Mute", pressed: true }).isVisible(), "the page shows that it is muted");
    await talks.getByRole("button", { name: "Hang up" }).click();
    await talks.getByText("The call has ended.").waitFor();

    // A call that was cancelled, and links that are none.
    const late = await open(context, fourth);
    await late.getByText("The call has ended.").waitFor();
    const none = await open(context, `${options.base}/ring#rl_none`);
    await none.getByText("This link is no longer good.").waitFor();
    const bare = await open(context, `${options.base}/ring`);
    await bare.getByText("This link is no longer good.").waitFor();
    await picture(bare, "ring-none");

    // From a page of somebody else, whose policy allows nothing inline.
    const policy = `default-src 'none'; img-src data:; script-src ${options.base}; connect-src ${options.base}`;
    await context.route(`${options.shop}/**`, (route) => route.fulfill({
      contentType: "text/html",
      headers: { "content-security-policy": policy },
      body: `<!doctype html><link rel="icon" href="data:,"><script src="${options.base}/embed.js" defer></script>`,
    }));
    const shop = await context.newPage();
    const complaints = [];
    shop.on("console", (line) => complaints.push(`${line.text()} ${line.location().url}`));
    shop.on("requestfailed", (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
    await shop.goto(`${options.shop}/`);
    must(await shop.evaluate(() => Boolean(window.Dering)), `the script does not run on the page of the shop: ${complaints.join("; ")}`);
    const states = await shop.evaluate(async (token) => {
      const states = [];
      const ended = new Promise((done) => {
        window.Dering.call({ token, onstate: (state) => { states.push(state); if (state === "ended") done(); } }).catch((error) => {
          states.push(String(error), error.code);
          done();
        });
      });
      await ended;
      return states;
    }, options.token);
    must(states.join() === "asking,connecting,talking,ended", `the page of the shop: ${states.join()}`);
    const again = await shop.evaluate((token) => window.Dering.call({ token }).catch((error) => error.code), options.token);
    must(again === "credentials_invalid", `a token is good once: ${again}`);
    must(wrong.length === 0, `the browser complained: ${wrong.join("; ")}`);
    report({ done: true, measured });
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
