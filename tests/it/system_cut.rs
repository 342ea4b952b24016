//! Calls over a line that breaks: connections to the carrier are cut or stand still at random moments, before the answer,
//! in a prompt, in a question, in a message, once or again and again. Whatever the timelines and the books say then is
//! held against the carrier's own timeline and recording.
//!
//! `DERING_CUTS=1000` for the long run (`make cuttest`); `DERING_SEED` repeats the moments of an earlier one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callcore::audio::{tone, wav};
use dering::access;
use dering::app::App;
use dering::config::{Auth, Config, Outward, Trunk};
use dering::gateway::{self, Account, Gateway, Version};
use dering::store::{CallRow, EventRow, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::system_fixture::{Client, create_credentials, in_time, local, write_fixtures};

const CALLS: u64 = 24;
/// Calls under way at the same time.
const AT_ONCE: usize = 40;
const MAILBOX: &str = "+15551008";
const PERSON: &str = "+15551001";
/// The carrier waits so long for a call that it cannot reach, s.
const AWAY: u64 = 3;
/// Audio that the callee hears later than it was reckoned, ms: the way there, a late timer, a busy machine.
const LATE_MS: u64 = 300;
/// A hole in a prompt that a busy machine can make is no longer, frames of 20 ms.
const LONGEST_HOLE: usize = 25;
/// What a break of the way does to the audio is felt from so much before it to so much after it, ms.
const FELT_MS: (i64, i64) = (100, 500);

const TALK: &str = "\
flow: stay
start: talk
scenes:
  talk:
    - say: { text: [ { play: a.wav }, { checkpoint: one }, { play: b.wav }, { checkpoint: two } ], barge_in: off }
    - ask: { say: [ { play: b.wav } ], choices: { '1': rest }, timeout: 1s, retries: 0, no_input: rest }
  rest:
    - say: { text: [ { play: a.wav }, { checkpoint: three } ], barge_in: off }
    - hangup: done
";

const MESSAGE: &str = "\
flow: detect
amd:
  mode: detect
  on: { human: over, machine: leave, fax: leave, no_speech: over, timeout: over }
scenes:
  leave:
    - wait_for_beep: { timeout: 10s }
    - say: { text: [ { play: a.wav }, { checkpoint: one }, { play: b.wav } ], barge_in: off }
    - wait: 300ms
    - hangup: left
  over: [ { hangup: known } ]
";

const MAILBOX_CALLEE: &str = "numbers: ['+15551008']\nring: 300ms\ncap: 60s\nscript: [ { silence: 200ms }, \
    { fax: { answer: 2s } }, { silence: 2800ms }, { beep: { hz: 1000, length: 400ms } } ]\n";

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing is passed on.
    Stuck,
    Cut,
}

/// A way to the carrier that can be broken.
struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
}

impl Proxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind(local()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, seen) = watch::channel(Way::Open);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, to, seen.clone()));
            }
        });
        Self { address, way }
    }
}

async fn pass(near: TcpStream, to: SocketAddr, mut way: watch::Receiver<Way>) {
    let Ok(far) = TcpStream::connect(to).await else { return };
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    tokio::select! {
        _ = pump(from_near, to_far, way.clone()) => {}
        _ = pump(from_far, to_near, way.clone()) => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 || way.wait_for(|way| *way != Way::Stuck).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}

fn epoch_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// From when to when the way was broken, ms since 1970.
type Break = (i64, i64);

/// Breaks the way at random until there has been enough of it.
async fn break_it(proxy: Arc<Proxy>, seed: u64, enough: Arc<AtomicBool>) -> Vec<Break> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut breaks = Vec::new();
    while !enough.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(chance.random_range(500..6_000))).await;
        let way = if chance.random_bool(0.5) { Way::Cut } else { Way::Stuck };
        let long = if chance.random_bool(0.25) { 3_500..7_000 } else { 20..2_500 };
        let from_ms = epoch_ms();
        proxy.way.send_replace(way);
        sleep(Duration::from_millis(chance.random_range(long))).await;
        proxy.way.send_replace(Way::Open);
        breaks.push((from_ms, epoch_ms()));
    }
    breaks
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the carrier knows of a call.
struct Truth {
    events: Vec<Value>,
    /// Whether the callee heard something, by frames of 20 ms since the answer.
    heard: Vec<bool>,
}

impl Truth {
    fn of(folder: &Path, session: &str) -> Option<Self> {
        let timeline = std::fs::read(folder.join(format!("{session}.json"))).ok()?;
        let timeline: Value = serde_json::from_slice(&timeline).unwrap();
        let wav = std::fs::read(folder.join(format!("{session}.wav"))).ok()?;
        let samples = wav[44..].as_chunks::<4>().0.iter().map(|pair| i16::from_le_bytes([pair[2], pair[3]]));
        let samples: Vec<i16> = samples.collect();
        let heard = samples.chunks(160).map(|frame| frame.iter().any(|s| s.unsigned_abs() > 500)).collect();
        Some(Self { events: timeline["events"].as_array()?.clone(), heard })
    }

    fn marks<'a>(&'a self, name: &'a str) -> impl Iterator<Item = u64> + 'a {
        let all = self.events.iter().filter(|event| event["event"] == "check_point");
        let named = all.filter(move |event| event["name"].as_str().unwrap().split('#').next() == Some(name));
        named.map(|event| event["atMs"].as_u64().unwrap())
    }

    fn heard_ms(&self) -> u64 {
        self.heard.iter().filter(|heard| **heard).count() as u64 * 20
    }

    /// What could have been heard if the carrier, which runs on this machine too, had not come late to its own timers:
    /// with the short holes inside of prompts that no break of the way explains.
    fn could_be_heard_ms(&self, answered_ms: i64, breaks: &[Break]) -> u64 {
        let ends: Vec<usize> = self.marks("end").map(|ms| ms as usize / 20).collect();
        let mut holes = 0;
        let mut from = 0;
        for part in self.heard.chunk_by(|one, next| one == next) {
            let to = from + part.len();
            let inside = from > 0 && to < self.heard.len() && !part[0] && part.len() <= LONGEST_HOLE;
            let (began, ended) = (answered_ms + from as i64 * 20, answered_ms + to as i64 * 20);
            let felt = |way: &Break| began < way.1 + FELT_MS.1 && ended > way.0 - FELT_MS.0;
            let pause = ends.iter().any(|end| (from.saturating_sub(5)..to).contains(end));
            if inside && !pause && !breaks.iter().any(felt) {
                holes += part.len() as u64 * 20;
            }
            from = to;
        }
        self.heard_ms() + holes
    }
}

/// What the books say of a call that is not so.
fn lies(call: &CallRow, events: &[EventRow], truth: Option<&Truth>, breaks: &[Break]) -> Vec<String> {
    let mut lies = Vec::new();
    let of = |kind: &'static str| events.iter().filter(move |event| event.kind == kind);
    let lost = of("carrier_lost").count() > 0;
    let outcome = call.outcome.as_deref().unwrap_or_default();
    // Of a call that was never answered the carrier's record may say more.
    let by_record = call.answered_ms.is_none() && call.cause_code != Some(16);
    if lost && !by_record && (call.cause_code, outcome) != (Some(38), "carrier_lost") {
        lies.push(format!("lost, but cause {:?} and outcome {outcome}", call.cause_code));
    }
    let reached: Vec<&str> = of("checkpoint").filter_map(|event| event.detail["name"].as_str()).collect();
    let completed = of("prompt_ended").filter(|event| event.detail["completed"] == true).count();
    let heard: u64 = of("prompt_ended").filter_map(|event| event.detail["heardMs"].as_u64()).sum();
    let left = call.message_left == Some(true);
    let Some(truth) = truth else {
        if !reached.is_empty() || completed > 0 || heard > 0 || left || call.answered_ms.is_some() {
            lies.push(format!("never answered at the carrier: {reached:?} {completed} {heard} {left}"));
        }
        return lies;
    };
    for name in reached {
        if truth.marks(name).next().is_none() {
            lies.push(format!("{name} reached, but not played"));
        }
    }
    let ends = truth.marks("end").count();
    if completed > ends {
        lies.push(format!("{completed} prompts completed, {ends} played to their end"));
    }
    let played = truth.heard_ms();
    let could = truth.could_be_heard_ms(call.answered_ms.unwrap_or_default(), breaks);
    if heard > could + LATE_MS {
        lies.push(format!("heard for {heard} ms, played for {played} ms, at most {could} ms"));
    }
    if left && (played < LONG_MS + SHORT_MS || ends == 0) {
        lies.push(format!("a message was left of which {played} ms were played"));
    }
    if outcome == "done" && completed < 3 {
        lies.push(format!("done after {completed} prompts"));
    }
    lies
}

const LONG_MS: u64 = 1_500;
const SHORT_MS: u64 = 700;

/// The one that takes all calls over one connection, and the one with a connection for each.
const TRUNKS: [&str; 2] = ["main", "alone"];

/// The carrier that knows the truth, and the server that must not say anything else.
struct TestSystem {
    app: App,
    client: Client,
    carrier: gateway::Running,
    folder: tempfile::TempDir,
    proxies: Vec<Arc<Proxy>>,
}

async fn start() -> TestSystem {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let flows = folder.path().join("flows");
    for (name, text) in [("stay.yaml", TALK), ("detect.yaml", MESSAGE)] {
        std::fs::write(flows.join(name), text).unwrap();
    }
    for (name, ms) in [("a.wav", LONG_MS), ("b.wav", SHORT_MS)] {
        std::fs::write(flows.join(name), wav::write_8k(&[&tone::tone(&[440.0], ms, -12.0)])).unwrap();
    }
    std::fs::write(folder.path().join("callees/mailbox.yaml"), MAILBOX_CALLEE).unwrap();
    let (shared, alone) = (access::new_app_secret(), access::new_app_secret());
    let account =
        |name: &str, token: &secrecy::SecretString| Account { name: name.into(), token: token.clone() };
    let options = gateway::Options {
        accounts: vec![account("shared", &shared), account("alone", &alone)],
        account_versions: [("shared".to_owned(), Version::V1_0_4), ("alone".to_owned(), Version::V1_0_5)]
            .into(),
        callees: folder.path().join("callees"),
        recordings: Some(folder.path().join("truth")),
        ..gateway::Options::default()
    };
    let carrier = Gateway::start(options).await.unwrap();
    let mut proxies = Vec::new();
    let mut trunks = Vec::new();
    for (name, token) in TRUNKS.into_iter().zip([shared, alone]) {
        let proxy = Proxy::start(carrier.address()).await;
        let mut trunk = Trunk::with_token(name, &format!("http://{}", proxy.address), token);
        trunk.away_timeout = AWAY;
        if name == "alone" {
            trunk.media = dering::trunk::ocs::MediaWire::WebSocket;
            trunk.version = dering::config::VersionChoice::Fixed(dering::trunk::ocs::Version::V1_0_5);
        }
        trunks.push(trunk);
        proxies.push(Arc::new(proxy));
    }
    let config = Config {
        listen: local(),
        database: folder.path().join("dering.db"),
        recordings: folder.path().join("recordings").into(),
        speech_cache: folder.path().join("speech"),
        flows,
        trunks,
        webhooks: Outward { allow_private: true, allow: Vec::new() },
        auth: Auth { app_rate: None, key_rate: None, ..Auth::default() },
        ..Config::default()
    };
    let app = App::start(&config).await.unwrap();
    let (secret, key) = create_credentials(app.store()).await;
    let client = Client::new(app.address(), secret, key);
    TestSystem { app, client, carrier, folder, proxies }
}

async fn ended(store: &Store, call_id: &str) -> CallRow {
    loop {
        let call = store.call(call_id).await.unwrap().unwrap();
        if call.ended_ms.is_some() {
            return call;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fact_is_made_up_of_calls_whose_connection_breaks() {
    let (calls, seed) = (number("DERING_CUTS", CALLS), number("DERING_SEED", 0));
    let seed = if seed == 0 { rand::random::<u32>().into() } else { seed };
    println!("{calls} calls; repeat with DERING_SEED={seed}");
    let system = Arc::new(start().await);
    let enough = Arc::new(AtomicBool::new(false));
    let mut breaking = JoinSet::new();
    for (n, (trunk, proxy)) in TRUNKS.into_iter().zip(&system.proxies).enumerate() {
        let broken = break_it(Arc::clone(proxy), seed + n as u64, Arc::clone(&enough));
        breaking.spawn(async move { (trunk, broken.await) });
    }
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut calling = JoinSet::new();
    let mut chance = StdRng::seed_from_u64(seed + 7);
    for n in 0..calls {
        let place = Arc::clone(&room).acquire_owned().await.unwrap();
        sleep(Duration::from_millis(chance.random_range(0..150))).await;
        let system = Arc::clone(&system);
        calling.spawn(async move {
            let (bot, callee) = if n % 3 == 0 { ("detect", MAILBOX) } else { ("stay", PERSON) };
            let trunk = TRUNKS[usize::from(n % 2 == 1)];
            let call_id = system.client.dial(bot, callee, json!({ "trunk": trunk })).await;
            // Calls last ten seconds, and three of those cut can be lost in them.
            let call =
                tokio::time::timeout(Duration::from_secs(180), ended(system.app.store(), &call_id)).await;
            drop(place);
            call.unwrap_or_else(|_| panic!("{call_id} has no end"))
        });
    }
    let all: Vec<CallRow> = calling.join_all().await;
    enough.store(true, Ordering::SeqCst);
    let mut breaks = BTreeMap::new();
    while let Some(of) = breaking.join_next().await {
        let (trunk, of) = of.unwrap();
        breaks.insert(trunk, of);
    }
    let cuts: usize = breaks.values().map(Vec::len).sum();
    // A call that the carrier has not been told the end of ends with its callee, or with the carrier.
    let Some(system) = Arc::into_inner(system) else { panic!("somebody still calls") };
    in_time(system.carrier.shutdown()).await;

    let truths = system.folder.path().join("truth");
    let (mut wrong, mut outcomes, mut facts) = (Vec::new(), BTreeMap::<String, u64>::new(), 0);
    let mut stood_still = 0;
    for call in &all {
        let events = system.app.store().events(&call.id, 0, 1_000).await.unwrap();
        let truth = call.session_id.as_deref().and_then(|session| Truth::of(&truths, session));
        facts += events.len();
        stood_still += usize::from(events.iter().any(|event| event.kind == "carrier_back"));
        *outcomes.entry(call.outcome.clone().unwrap_or_default()).or_default() += 1;
        for lie in lies(call, &events, truth.as_ref(), &breaks[call.trunk.as_str()]) {
            let told: Vec<String> =
                events.iter().map(|e| format!("{} {} {}", e.t_ms, e.kind, e.detail)).collect();
            let known = truth.as_ref().map(|truth| truth.events.clone());
            wrong.push(format!("{}: {lie}\n{}\n{known:#?}", call.id, told.join("\n")));
        }
    }
    println!("{} calls, {cuts} breaks, {stood_still} calls went on, {facts} facts: {outcomes:?}", all.len());
    assert!(wrong.is_empty(), "{} facts are false; seed {seed}\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(outcomes.contains_key("carrier_lost") || calls < 200, "no call was lost");
}
