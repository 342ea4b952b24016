// People who use the console in a browser, each with what their role may do.
//
//   node walk.js '{"browser":"chromium","welcome":"http://…/welcome?link=…","shots":"/tmp/shots"}'
//
// It reports what it looks at (`{"looks":"a call"}`), and what it wants done outside the browser (`{"wants":"call"}`), and goes
// on when it is told. At the end it reports `{"done":true}` with what was looked at, or `{"failed":"…"}`. Every page it comes to
// is looked through by axe and must not be wider than its window.
"use strict";

const { createHmac } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { createInterface } = require("node:readline");
const { chromium } = require("playwright-core");

const options = JSON.parse(process.argv[2]);
const report = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const told = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const base = new URL(options.welcome).origin;
const password = "three quiet words";
const looked = [];
// What browsers complained of.
const wrong = [];

async function ask(wants, more = {}) {
  report({ wants, ...more });
  return JSON.parse((await told.next()).value);
}

function must(true_, what) {
  if (!true_) throw new Error(what);
}

// What a page must be, whoever looks at it on whatever: one heading, no wider than the window, nothing that axe calls serious.
async function look(page, name, { scripts = true } = {}) {
  must((await page.locator("h1").count()) === 1, `${name}: one h1`);
  looked.push(name);
  report({ looks: name });
  if (options.shots && scripts) await page.evaluate(() => scrollTo(0, 0));
  if (options.shots) await page.screenshot({ path: `${options.shots}/${name.replaceAll(/[^a-z0-9]+/gi, "-")}.png`, fullPage: true });
  if (!scripts) return;
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  must(wide <= 0, `${name} is ${wide} px wider than its window`);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  });
  must(found.length === 0, `${name}: ${found.join("; ")}`);
}

async function visit(page, path, name, how) {
  const answer = await page.goto(base + path);
  must(answer.status() === 200, `${name} answers ${answer.status()}`);
  await look(page, name, how);
}

async function says(page, text) {
  await page.getByText(text).first().waitFor();
}

async function context(browser, more = {}) {
  const made = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 }, ...more });
  made.setDefaultTimeout(100_000);
  made.on("weberror", (error) => wrong.push(String(error.error())));
  made.on("console", (line) => /Content Security Policy|eval/i.test(line.text()) && wrong.push(line.text()));
  return made;
}

async function welcome(page, link, name) {
  await page.goto(link);
  await look(page, `welcome ${name ?? ""}`);
  if (name) await page.getByLabel("Name").fill(name);
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("The same again").fill(password);
  await page.getByRole("button", { name: "Save and sign in" }).click();
  await says(page, "Welcome. You are signed in.");
}

async function signOut(page) {
  await page.locator("header").getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/sign-in/);
}

// A page that cannot reach the server says so, and since when, until it can.
async function lostAndFound(page) {
  await page.route("**/now", (route) => route.abort());
  await says(page, /The connection to the server is lost since \d/);
  if (options.shots) await page.screenshot({ path: `${options.shots}/connection-lost.png` });
  await page.unroute("**/now");
  await page.locator(".alarm[role=status]").waitFor({ state: "detached" });
}

// A running call: its parts follow what happens, and nothing moves under who is in it.
async function renewed(page, call) {
  await page.evaluate(() => { window.kept = true; });
  const truth = page.getByLabel("a voicemail that takes messages");
  await truth.check();
  const button = page.getByRole("button", { name: "Say so" });
  await button.focus();
  const before = await page.locator(".timeline li").count();
  const ear = page.locator("#ear");
  await ear.evaluate((ear) => ear.play());
  await page.waitForFunction(() => document.getElementById("ear").currentTime > 0.5);
  const other = await page.context().newPage();
  await other.setViewportSize({ width: 390, height: 844 });
  await other.emulateMedia({ colorScheme: "dark" });
  await visit(other, `/calls/${call}`, "a live call on a telephone");
  // The page is slow: while it asks for what was new, the call ends, and it has to ask once more.
  let end = () => {};
  const ended = new Promise((resolve) => { end = resolve; });
  await page.route(`**/calls/${call}`, async (route) => { await ended; await route.continue(); });
  await other.getByRole("button", { name: "Hang up" }).click();
  await says(other, "The call is being ended.");
  await other.close();
  await ask("ended", { call });
  end();
  await page.locator("#sound").waitFor();
  await page.waitForFunction(() => !document.querySelector("#live").hasAttribute("hx-get"));
  must((await page.locator("main").count()) === 1, "the page is renewed in its place");
  must((await page.locator(".timeline li").count()) > before, "the timeline goes on");
  must(await page.evaluate(() => window.kept), "the page was not loaded anew");
  must(await truth.isChecked(), "what was chosen stays chosen");
  must(await button.evaluate((button) => button === document.activeElement), "the focus stays");
  must((await page.getByRole("button", { name: "Hang up" }).count()) === 0, "nothing is left to hang up");
  must((await page.locator(".alarm[role=status]").count()) === 0, "an end is no lost connection");
}

async function calls(page) {
  const { call, other } = await ask("calls");
  await visit(page, "/", "home with calls");
  await page.locator(`#c-${call} a`).waitFor();
  await lostAndFound(page);
  await visit(page, `/calls/${call}`, "a live call");
  await renewed(page, call);
  await visit(page, `/calls/${call}`, "a call");
  const sound = await page.request.get(`${base}/calls/${call}/recording.wav`);
  must(sound.status() === 200 && (await sound.body()).length > 1_000, "the recording can be heard");
  must((await page.locator("audio").count()) === 1, "there is a player");
  must((await page.locator("svg[data-wave] path").count()) === 2, "both sides are drawn");
  must((await page.locator("svg[data-wave] .mark.verdict").count()) >= 1, "the verdict is marked");
  must(await page.locator("img.picture").evaluate(async (image) => {
    image.loading = "eager";
    await image.decode();
    return image.naturalWidth > 100;
  }), "why it was decided so is shown");
  await page.getByLabel("a voicemail that takes messages").check();
  await page.getByRole("button", { name: "Say so" }).click();
  await says(page, "what you said is kept");
  return { call, other };
}

async function accuracy(page, { call, other }) {
  await visit(page, "/accuracy", "accuracy before");
  await page.getByRole("link", { name: "Listen to the next call" }).click();
  await look(page, "a call to listen to");
  must(page.url().endsWith("/accuracy/next"), "the page to listen");
  // A call is drawn whether or not somebody said something on its page.
  const heard = new Set();
  for (let at = 0; at < 2; at += 1) {
    const sound = await page.locator("audio").getAttribute("src");
    heard.add(sound);
    await page.keyboard.press("1");
    await page.waitForFunction((sound) => document.querySelector("audio")?.getAttribute("src") !== sound, sound);
  }
  must([call, other].every((id) => heard.has(`/calls/${id}/recording.wav`)), `both calls are listened to: ${[...heard]}`);
  await says(page, "Every call that has a recording and a verdict was listened to.");
  await visit(page, "/accuracy", "accuracy");
  await says(page, "Calls listened to: 2.");
  await page.getByRole("link", { name: "What if …" }).click();
  await look(page, "what if");
  await page.getByLabel("Leaning").fill("99");
  await page.getByLabel("Decision at the latest after").fill("600");
  await page.getByRole("button", { name: "Hear the calls again" }).click();
  await says(page, "Must be a number from -10 to 10.");
  await look(page, "what if, with a number that is wrong");
  await page.getByLabel("Leaning").fill("");
  await page.getByRole("button", { name: "Hear the calls again" }).click();
  await says(page, "Calls heard again: 2.");
  await look(page, "what if, answered");
  await visit(page, "/accuracy/tune", "tune");
  await page.getByRole("button", { name: "Begin the search" }).click();
  await says(page, "at least 5 of each are needed");
  await look(page, "tune, too few");
}

async function doNotCall(page, number) {
  await visit(page, "/do-not-call", "do-not-call");
  await page.getByRole("textbox", { name: "Number", exact: true }).fill(number);
  await page.locator("form[action='/do-not-call/add'] [name=reason]").fill("asked by letter");
  await page.getByRole("button", { name: "Add a number" }).click();
  await says(page, "it is not called any more");
  await look(page, "do-not-call with a number");
  const { status } = await ask("refused", { number });
  must(status === 403, `the dial is refused: ${status}`);
}

async function contacts(page) {
  const send = async (path, text) => {
    await page.goto(base + path);
    await page.locator("summary", { hasText: "Import a file" }).click();
    await page.locator("input[type=file]").setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    const reason = page.locator(`form[action='${path}/import'] [name=reason]`);
    if (await reason.count()) await reason.fill("register of November");
    await page.getByRole("button", { name: "Import" }).click();
    await says(page, "Lines left out: 1.");
  };
  await visit(page, "/contacts", "contacts before");
  await send("/contacts", "Nama;Nomor HP;Tagihan\nAni;+62 812-3456-901;250.000\nBudi;2026-11-29;1\n");
  await says(page, "semicolons");
  await look(page, "imported contacts");
  await visit(page, "/contacts?q=ani", "contacts");
  await page.getByRole("link", { name: "+628123456901" }).click();
  await says(page, "This number is not on the do-not-call list.");
  await look(page, "a contact");
  await send("/do-not-call", "+62 812-3456-901\nnobody\n");
  await look(page, "imported numbers");
  await visit(page, "/contacts", "contacts not to be called");
  must((await page.locator("table .tag.dead").count()) === 1, "the contact is marked");
}

async function lists(page) {
  await visit(page, "/lists", "lists before");
  await page.locator("form[action='/lists'] [name=name]").fill("June reminders");
  await page.locator("form[action='/lists'] [name=country]").fill("ID");
  await page.getByRole("button", { name: "Make it" }).click();
  await look(page, "a list before");
  const table = "Pelanggan Juni\n\nNama;Kontak;Zona waktu;Tgl persetujuan;Tagihan\nAni;0812-3456-901;WITA;15/06/2026;250.000\nBudi;2026-11-29;;;1\nCici;0361 555010;;;2\nDewi;0812-3456-901;;;3\nEka;0813-3456-902;Mars;;4\n";
  await page.locator("input[type=file]").setInputFiles({ name: "june.csv", mimeType: "text/csv", buffer: Buffer.from(table) });
  await page.getByRole("button", { name: "Look at the file" }).click();
  await says(page, "header in line 3");
  await look(page, "a file without a column of numbers");
  await page.getByLabel("What the column Kontak holds").selectOption("phone");
  await page.getByRole("button", { name: "Show again" }).click();
  await says(page, "Of 5 rows 2 would be refused.");
  await look(page, "a file with its columns");
  await page.getByRole("button", { name: "Import the file" }).click();
  await says(page, "Contacts added: 2. Numbers that were there: 1. Rows refused: 2.");
  await look(page, "an import");
  const report = page.url();
  await page.locator("nav.crumbs a").last().click();
  await look(page, "a list");
  await page.getByRole("link", { name: "See them" }).click();
  await says(page, "+628123456901");
  await look(page, "contacts of a list");
  await visit(page, "/contacts?consent=yes", "contacts who agreed");
  await page.getByRole("link", { name: "+628123456901" }).click();
  await says(page, "Asia/Makassar");
  await look(page, "a contact of a list");
  await page.goto(report);
  await page.locator("summary", { hasText: "Undo this import" }).click();
  await page.locator("details[open] button.danger").click();
  await says(page, "The contacts of this file are out of the list.");
  await look(page, "an import undone");
  await page.goto(`${base}/lists`);
  await look(page, "lists");
}

async function campaigns(page) {
  await page.goto(`${base}/lists`);
  await page.locator("form[action='/lists'] [name=name]").fill("Walkers");
  await page.locator("form[action='/lists'] [name=zone]").fill("UTC");
  await page.getByRole("button", { name: "Make it" }).click();
  const table = "phone,name\n+15551001,Ani\n2026-11-29,Budi\n+15551005,Cici\n+15551004,Dewi\n";
  await page.locator("input[type=file]").setInputFiles({ name: "walkers.csv", mimeType: "text/csv", buffer: Buffer.from(table) });
  await page.getByRole("button", { name: "Look at the file" }).click();
  await page.getByRole("button", { name: "Import the file" }).click();
  await says(page, "Contacts added: 3. Numbers that were there: 0. Rows refused: 1.");

  await visit(page, "/campaigns", "campaigns before");
  await page.getByRole("link", { name: "New campaign" }).click();
  await look(page, "a new campaign");
  await page.getByLabel("Name").fill("A walk");
  await page.locator("[name=flow]").fill("nothing");
  await page.locator("label.choice:has([name^='list:'])", { hasText: "Walkers" }).locator("input").check();
  await page.locator("[name=windows]").fill("sometimes");
  await page.locator("[name=concurrent]").fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await says(page, "is no window");
  await look(page, "a campaign that is not right");
  await page.locator("[name=windows]").fill("mon-sun 00:00-24:00");
  await page.getByRole("button", { name: "Save" }).click();
  await says(page, "there is no flow `nothing`");
  await page.locator("[name=flow]").fill("short");
  await page.getByRole("button", { name: "Save" }).click();
  await says(page, "kept as a draft");
  await look(page, "a draft");
  const campaign = page.url().split("?")[0];
  await page.getByRole("button", { name: "Look ahead" }).click();
  await page.getByRole("heading", { name: "Before the launch" }).waitFor();
  await look(page, "before the launch");
  await page.getByLabel("On which ground").fill("simulated people of a test");
  await page.getByRole("button", { name: "Launch: 3 contacts will be called" }).click();
  await says(page, "The campaign runs.");
  await page.getByRole("button", { name: "Pause" }).click();
  await says(page, "The campaign is paused.");
  await look(page, "a campaign paused");
  await page.getByRole("link", { name: "Edit" }).click();
  await says(page, "goes on by the new settings");
  await page.locator("[name=concurrent]").fill("3");
  await page.getByRole("button", { name: "Save" }).click();
  await says(page, "The campaign is changed.");
  await page.getByRole("button", { name: "Go on" }).click();
  await says(page, "The campaign goes on.");
  for (let tries = 0; tries < 200 && (await page.locator("table a", { hasText: "declined" }).count()) === 0; tries++) {
    await page.waitForTimeout(250);
    await page.goto(campaign);
  }
  await look(page, "a campaign");
  await page.locator("table a", { hasText: "declined" }).click();
  await look(page, "contacts of a campaign");
  await visit(page, "/contacts?q=dewi", "contacts of a name");
  await page.getByRole("link", { name: "+15551004" }).click();
  await says(page, "A walk");
  await look(page, "a contact with attempts");
  await page.getByRole("link", { name: "A walk" }).click();
  await says(page, "Another attempt at");
  await look(page, "why a contact waits");
  await page.locator("table a").first().click();
  await page.waitForURL(`${base}/calls/**`);
  const path = new URL(campaign).pathname;
  await visit(page, `${path}/report`, "the report of a campaign");
  await visit(page, `${path}/compare`, "campaigns to compare");
  await visit(page, "/campaigns", "campaigns");
}

async function flows(page) {
  const draft = async (text) => {
    await page.goto(`${base}/flows/new`);
    await page.locator("textarea").fill(text);
    await page.locator("form.upload").getByRole("button", { name: "Check and keep" }).click();
  };
  await draft("flow: walk\nstart: nowhere\nscenes:\n  talk: [ { hangup: done } ]\n");
  await says(page, "nothing was kept");
  await look(page, "a flow with an error");
  must((await page.locator("#l2.bad").count()) === 1, "the error stands at its line");
  must((await page.locator("textarea").inputValue()).includes("start: nowhere"), "nothing that was typed is lost");
  await draft("flow: walk\nstart: talk\nscenes:\n  talk: [ { hangup: done } ]\n");
  await says(page, "The version is kept.");
  await draft("flow: walk\nstart: talk\nscenes:\n  talk: [ { hangup: later } ]\n");
  await visit(page, "/flows/walk", "a flow");
  const before = await page.locator("table tr:has(.tag.works) td a").first().innerText();
  await page.locator("summary", { hasText: "Let it run" }).first().click();
  await page.locator("details[open] button.danger").click();
  await says(page, "The version runs from the next call on.");
  const after = await page.locator("table tr:has(.tag.works) td a").first().innerText();
  must(before !== after, `another version runs: ${before}, ${after}`);
  await page.goto(`${base}/flows/new`);
  const zip = { name: "walk.zip", mimeType: "application/zip", buffer: Buffer.from("PK\u0003\u0004 and nothing") };
  await page.locator("form.drop input[type=file]").setInputFiles(zip);
  await page.locator("form.drop").getByRole("button", { name: "Check and keep" }).click();
  await says(page, "The zip cannot be read");
  await look(page, "a bundle that is none");
  const yaml = { name: "walk.yaml", mimeType: "application/yaml", buffer: Buffer.from("flow: brought\nstart: a\nscenes: { a: [ { hangup: done } ] }\n") };
  await page.locator("form.drop input[type=file]").setInputFiles(yaml);
  await page.locator("form.drop").getByRole("button", { name: "Only check" }).click();
  await says(page, "The flow brought is right");
  await visit(page, "/flows", "flows");
}

// What a telephone shows for a secret in base32, so many steps from now.
function shown(secret, steps) {
  let bits = "";
  for (const letter of secret.replaceAll(" ", "")) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

// Somebody sets a second factor up on a telephone, in the dark, and signs in with it.
async function secondFactor(browser, link) {
  const small = await context(browser, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  const page = await small.newPage();
  await welcome(page, link);
  await page.goto(`${base}/me`);
  await page.getByRole("button", { name: "Set it up" }).click();
  await look(page, "a second factor to set up");
  const secret = await page.locator(".hint .code").innerText();
  await page.locator("form:has([name=begun]) [name=current]").fill(password);
  await page.locator("form:has([name=begun]) [name=code]").fill(shown(secret, 0));
  await page.getByRole("button", { name: "Turn it on" }).click();
  await look(page, "recovery codes");
  must((await page.locator(".codes li").count()) === 10, "ten recovery codes");
  await signOut(page);
  await page.getByLabel("Name").fill("Tina");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await look(page, "the second step");
  await page.locator("[name=code]").fill(shown(secret, 1));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${base}/`);
  await small.close();
}

async function webhooks(page) {
  await visit(page, "/webhooks?state=all", "webhooks");
  await page.locator("table a[href^='/webhooks/']").first().click();
  await page.getByRole("button", { name: "Send again" }).waitFor();
  await look(page, "a webhook");
  await page.getByRole("button", { name: "Send again" }).click();
  await ask("again");
}

async function invite(page, name, role) {
  await visit(page, "/people", "people");
  await page.locator("form[action='/people'] [name=name]").fill(name);
  await page.locator("form[action='/people'] [name=role]").selectOption(role);
  await page.getByRole("button", { name: "Invite" }).click();
  const shown = page.locator(".done .code");
  await shown.waitFor();
  return new URL(await shown.innerText(), base).href;
}

// Reading as another role, in Indonesian, in the dark, on a telephone.
async function asOther(browser, link, name, rooms) {
  const small = await context(browser, { locale: "id-ID", viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  const page = await small.newPage();
  await page.goto(link);
  must((await page.locator("html").getAttribute("lang")) === "id", "the browser's language is spoken");
  await page.locator("#password").fill(password);
  await page.locator("#again").fill(password);
  await page.locator("main form button, form[action='/welcome'] button").first().click();
  await page.waitForURL(`${base}/**`);
  const doors = await page.locator("nav.rail a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  must(JSON.stringify(doors) === JSON.stringify(rooms), `${name} sees ${doors}`);
  const beyond = ["/accuracy/what-if", "/accuracy/tune"];
  for (const path of [...rooms, ...beyond].filter((room) => room !== "/docs")) await visit(page, path, `${name} ${path}`);
  const refused = await page.goto(`${base}/people`);
  must(refused.status() === 403, `${name} may not see the people: ${refused.status()}`);
  await look(page, `${name} refused`);
  await small.close();
}

// Without scripts: signing in and reading.
async function plain(browser, call) {
  const made = await context(browser, { javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  const page = await made.newPage();
  await page.goto(base);
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${base}/`);
  for (const path of ["/", "/calls", `/calls/${call}`, "/do-not-call", "/lists", "/flows", "/flows/walk", "/accuracy", "/accuracy/what-if", "/accuracy/tune", "/webhooks", "/audit", "/me"]) {
    await visit(page, path, `plain ${path.replace(call, "ID")}`, { scripts: false });
  }
  await made.close();
}

async function walk() {
  const browser = await chromium.launch({
    executablePath: options.browser,
    args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  try {
    const page = await (await context(browser, { colorScheme: "light" })).newPage();
    await welcome(page, options.welcome, "Ada");
    await visit(page, "/", "home");
    const { call, other } = await calls(page);
    await accuracy(page, { call, other });
    await doNotCall(page, options.number);
    await contacts(page);
    await lists(page);
    await campaigns(page);
    await flows(page);
    await webhooks(page);
    for (const path of ["/calls", "/audit", "/callers", "/speech", "/settings", "/me"]) await visit(page, path, path);
    await secondFactor(browser, await invite(page, "Tina", "viewer"));
    await visit(page, "/people", "people with a second factor");
    const everybody = ["/", "/calls", "/campaigns", "/contacts", "/lists", "/do-not-call", "/flows", "/accuracy", "/webhooks", "/trunks", "/speech"];
    for (const role of ["viewer", "campaign_manager", "flow_author"]) {
      await asOther(browser, await invite(page, `A ${role}`, role), role, [...everybody, "/docs"]);
    }
    await plain(browser, call);
    await signOut(page);
    await look(page, "signed out");
    must(wrong.length === 0, `browsers complained: ${wrong.join("; ")}`);
    report({ done: true, looked });
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
