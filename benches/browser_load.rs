//! Many calls in browsers: a server on a core of its own, and browsers that talk over the bot on another. Tells what a call
//! costs the server, what the browsers miss, and how soon they hear the bot fall silent.
//!
//! `cargo bench --bench browser_load -- [CALLS] [SECONDS]`, 300 calls and 30 s by default. Every browser says something every few
//! seconds, mostly over the bot, which falls silent. There is no recogniser, and no verdict on who answered: a person has called.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod pinned;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callcore::audio::g711;
use dering::config::local_file;
use rtp::Law;
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use webrtc::testing::Browser;
use webrtc::{Identity, Output};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const FLOW: &str = include_str!("../src/cli/bench/flow.yaml");
const FRAME: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;
/// Speech, and pauses between its parts, in frames.
const SPOKEN: usize = 60;
const PAUSES: [usize; 5] = [250, 350, 300, 400, 275];
const STARTS: Duration = Duration::from_secs(60);
const CONNECTS: Duration = Duration::from_secs(20);
/// Calls that are placed in a second.
const PER_SECOND: u32 = 50;
/// Louder than this, something sounds.
const SOUNDS: u16 = 300;
/// Quiet for so long is silence; words are held together by less.
const SILENCE: Duration = Duration::from_millis(300);

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if args.first().is_some_and(|arg| arg == "browsers") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(browsers(&args[1..]));
    }
    let calls = args.first().map_or("300", String::as_str);
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("flows"))?;
    std::fs::write(folder.path().join("flows/bench.yaml"), FLOW)?;
    let most: u64 = calls.parse()?;
    let config = json!({
        "listen": "127.0.0.1:0", "database": "bench.db", "recordings": "recordings", "speech_cache": "speech",
        "flows": "flows", "calls": { "max": most }, "log": { "filter": "warn" },
        "auth": { "app_rate": null, "key_rate": null }, "speech_to_text": { "engine": "none" },
        "webrtc": { "listen": "127.0.0.1:0", "max_calls": most, "per_caller": most, "per_address": most },
    });
    // JSON is YAML.
    std::fs::write(folder.path().join("dering.yaml"), config.to_string())?;
    let serve = ["serve", "--config", "dering.yaml"];
    let mut server =
        pinned::command("1", env!("CARGO_BIN_EXE_dering")).args(serve).current_dir(folder.path()).spawn()?;
    let own = std::env::current_exe()?.display().to_string();
    let (pid, home) = (server.id().to_string(), folder.path().display().to_string());
    let mut own_args = vec!["browsers", home.as_str(), pid.as_str(), calls];
    own_args.extend(args.get(1).map(String::as_str));
    let done = pinned::command("0", &own).args(&own_args).status();
    server.kill()?;
    server.wait()?;
    if done?.success() { Ok(()) } else { Err("the browsers failed".into()) }
}

/// What a person says, in frames of μ-law; `None` is a pause.
fn speech() -> Vec<Option<[u8; SAMPLES]>> {
    let file: &[u8] = include_bytes!("../flows/audio/delivery-voicemail.wav");
    let data = file.windows(4).position(|tag| tag == b"data").map_or(44, |at| at + 8);
    let bytes = file.get(data..).unwrap_or_default();
    let samples: Vec<i16> = bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let mut encoded = Vec::new();
    g711::to_ulaw(&samples, &mut encoded);
    let frames: Vec<[u8; SAMPLES]> =
        encoded.chunks_exact(SAMPLES).filter_map(|f| f.try_into().ok()).collect();
    let mut said = vec![None; 20];
    for (part, pause) in frames.chunks(SPOKEN).zip(PAUSES.iter().cycle()) {
        said.extend(part.iter().copied().map(Some));
        said.extend(std::iter::repeat_n(None, *pause));
    }
    said
}

/// What one browser measured.
#[derive(Default)]
struct Measured {
    received: u64,
    missing: u64,
    /// From its own first sound over the bot to the bot's last, ms.
    silent_after: Vec<u64>,
}

async fn browsers(args: &[String]) -> Fallible<()> {
    let [home, pid, calls, rest @ ..] = args else { return Err("no server".into()) };
    let (calls, seconds): (u32, u64) = (calls.parse()?, rest.first().map_or(Ok(30), |s| s.parse())?);
    let left = local_file(&Path::new(home).join("bench.db"));
    let began = Instant::now();
    let told: Value = loop {
        if let Some(told) = std::fs::read(&left).ok().and_then(|text| serde_json::from_slice(&text).ok()) {
            break told;
        }
        if began.elapsed() > STARTS {
            return Err("the server does not start".into());
        }
        sleep(Duration::from_millis(50)).await;
    };
    let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
    let (url, key) = (text("url"), text("key"));
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let identity = Arc::new(Identity::new(11)?);
    let said = Arc::new(speech());
    let (window, measuring) = watch::channel(None::<(Instant, Instant)>);
    let (ready, mut connected) = mpsc::channel(64);
    let (results, mut done) = mpsc::channel(64);
    let mut placing = interval(Duration::from_secs(1) / PER_SECOND);
    for _ in 0..calls {
        placing.tick().await;
        let (http, url, key, identity) = (http.clone(), url.clone(), key.clone(), Arc::clone(&identity));
        let (said, ready, results, measuring) =
            (Arc::clone(&said), ready.clone(), results.clone(), measuring.clone());
        tokio::spawn(async move {
            let outcome = match Page::call(&http, &url, &key, &identity).await {
                Ok(page) => Box::pin(page.talk(&said, ready, measuring)).await,
                Err(error) => Err(error),
            };
            drop(results.send(outcome).await);
        });
    }
    drop((ready, results));
    for n in 0..calls {
        let next = timeout(CONNECTS, connected.recv()).await;
        next.ok().flatten().ok_or_else(|| format!("{n} of {calls} browsers connected"))?;
    }
    // The calls have a moment to settle.
    let start = Instant::now() + Duration::from_secs(5);
    let end = start + Duration::from_secs(seconds);
    window.send_replace(Some((start, end)));
    tokio::time::sleep_until(start).await;
    let before = (pinned::cpu_us(pid)?, pinned::cpu_us("self")?);
    tokio::time::sleep_until(end).await;
    let after = (pinned::cpu_us(pid)?, pinned::cpu_us("self")?);
    let mut all = Measured::default();
    while let Some(measured) = done.recv().await {
        let measured = measured?;
        all.received += measured.received;
        all.missing += measured.missing;
        all.silent_after.extend(measured.silent_after);
    }
    all.silent_after.sort_unstable();
    let at = |share: f64| {
        let rank = (all.silent_after.len() as f64 * share).ceil() as usize;
        all.silent_after.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    };
    let per_call = |cpu: u64| cpu / u64::from(calls) / seconds;
    let server = per_call(after.0 - before.0);
    println!("{calls} calls in browsers for {seconds} s");
    println!("server: {server} µs per call and second, {} calls per core", 1_000_000 / server.max(1));
    println!(
        "browsers: {} µs, packets {} received, {} missing",
        per_call(after.1 - before.1),
        all.received,
        all.missing
    );
    println!(
        "barge-in: {} times, silent after p50 {} ms, p95 {} ms",
        all.silent_after.len(),
        at(0.5),
        at(0.95)
    );
    Ok(())
}

/// A browser with a socket.
struct Page {
    browser: Browser,
    socket: UdpSocket,
    is_over: bool,
    is_connected: bool,
    last_loud: Option<Instant>,
    numbers: Vec<u64>,
    pcm: Vec<i16>,
}

impl Page {
    async fn call(http: &reqwest::Client, url: &str, key: &str, identity: &Identity) -> Fallible<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let home: SocketAddr = socket.local_addr()?;
        let (mut browser, offer) = Browser::offering(identity, home, &[Law::Ulaw], Instant::now().into_std());
        let request = http.post(format!("{url}/v1/browser-calls")).bearer_auth(key);
        let answer = request.json(&json!({ "flow": "bench", "sdp": offer })).send().await?;
        let told: Value = serde_json::from_str(&answer.text().await?)?;
        let sdp = told["sdp"].as_str().ok_or_else(|| told.to_string())?;
        browser.accept(sdp)?;
        Ok(Self {
            browser,
            socket,
            is_over: false,
            is_connected: false,
            last_loud: None,
            numbers: Vec::new(),
            pcm: Vec::new(),
        })
    }

    fn drain(&mut self) -> Fallible<Instant> {
        loop {
            match self.browser.poll()? {
                Output::Wait(until) => return Ok(until.into()),
                Output::Send { to, datagram } => drop(self.socket.try_send_to(&datagram, to.address)),
                Output::Connected => self.is_connected = true,
                Output::Packet(received) => {
                    self.numbers.push(received.number());
                    self.pcm.clear();
                    g711::ulaw(received.packet().payload, &mut self.pcm);
                    if self.pcm.iter().any(|sample| sample.unsigned_abs() > SOUNDS) {
                        self.last_loud = Some(Instant::now());
                    }
                }
                Output::Closed => self.is_over = true,
                Output::Away | Output::Picture(_) | Output::KeyFrameWanted => {}
            }
        }
    }

    async fn talk(
        mut self,
        said: &[Option<[u8; SAMPLES]>],
        ready: mpsc::Sender<()>,
        measuring: watch::Receiver<Option<(Instant, Instant)>>,
    ) -> Fallible<Measured> {
        let mut ready = Some(ready);
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut datagram = vec![0; 2_048];
        let (mut sequence, mut was_speaking, mut spoke_at) = (0_u64, false, None::<Instant>);
        let mut measured = Measured::default();
        loop {
            let next = self.drain()?;
            if self.is_over {
                return Err("a call ended".into());
            }
            if self.is_connected
                && let Some(ready) = ready.take()
            {
                ready.send(()).await?;
            }
            let (start, end) = (*measuring.borrow()).unzip();
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                break;
            }
            if start.is_none_or(|start| now < start) {
                self.numbers.clear();
            }
            tokio::select! {
                biased;
                received = self.socket.recv_from(&mut datagram) => {
                    let (length, from) = received?;
                    self.browser.receive(&datagram[..length], from, Instant::now().into_std())?;
                }
                _ = frames.tick() => if self.is_connected {
                    let frame = said[usize::try_from(sequence)? % said.len()];
                    sequence += 1;
                    let now = Instant::now();
                    self.browser.say(0, sequence, &frame.unwrap_or([0xff; SAMPLES]), now.into_std());
                    let is_heard = self.last_loud.is_some_and(|at| now - at < Duration::from_millis(60));
                    if frame.is_some() && !was_speaking && is_heard && start.is_some_and(|start| now >= start) {
                        spoke_at = Some(now);
                    }
                    was_speaking = frame.is_some();
                    if let (Some(spoke), Some(loud)) = (spoke_at, self.last_loud)
                        && now - loud > SILENCE
                    {
                        measured.silent_after.push(u64::try_from((loud - spoke).as_millis())?);
                        spoke_at = None;
                    }
                },
                () = tokio::time::sleep_until(next) => {
                    self.browser.handle_timeout(Instant::now().into_std())?;
                }
            }
        }
        if self.browser.close().is_ok() {
            self.drain()?;
        }
        measured.received = self.numbers.len() as u64;
        let (first, last) = (self.numbers.iter().min(), self.numbers.iter().max());
        let expected = last.zip(first).map_or(0, |(last, first)| last - first + 1);
        measured.missing = expected.saturating_sub(measured.received);
        Ok(measured)
    }
}
