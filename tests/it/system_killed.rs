//! The server under load, killed with `kill -9` at random moments, start-up included. Whatever happens, every dial
//! request that was accepted comes to exactly one last notification, in order, and a repeat has the same
//! `webhook-id`.
//!
//! `DERING_KILLS=100` for the long run (`make killtest`); `DERING_SEED` repeats the moments of an earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{self, CallFilter, Store, Visibility};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::system_fixture::{
    BUSY, HANGS_UP, PERSON, REJECTS, create_credentials, in_time, is_final, local, write_fixtures,
};

const KILLS: u64 = 5;
/// A start takes a moment; most kills come later than that.
const LONGEST_LIFE: Duration = Duration::from_millis(1_800);
const DIALLERS: usize = 6;
/// For the last calls to end after the last kill.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// An address that is free now, for a server that must be found again after each start.
pub(crate) fn free() -> SocketAddr {
    std::net::TcpListener::bind(local()).unwrap().local_addr().unwrap()
}

pub(crate) fn dering(folder: &Path, log: &str, arguments: &[&str]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join(log)).unwrap();
    Command::new(env!("CARGO_BIN_EXE_dering"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits until somebody listens there.
pub(crate) async fn is_up(address: SocketAddr) {
    in_time(async {
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

pub(crate) fn configure(folder: &Path, server: SocketAddr, carrier: SocketAddr) {
    let mut config =
        format!("listen: {server}\nwebhooks: {{ allow_private: true }}\nlog: {{ filter: warn }}\n");
    for (key, name) in [
        ("database", "dering.db"),
        ("recordings", "recordings"),
        ("speech_cache", "speech"),
        ("flows", "flows"),
    ] {
        writeln!(config, "{key}: {}", folder.join(name).display()).unwrap();
    }
    writeln!(config, "trunks: [ {{ name: main, url: 'http://{carrier}', token: t, away_timeout: 2 }} ]")
        .unwrap();
    std::fs::write(folder.join("dering.yaml"), config).unwrap();
}

/// Dials all the time, whether a server is there or not, and keeps the ids of what was accepted.
struct Diallers {
    server: SocketAddr,
    secret: SecretString,
    notify: String,
    http: reqwest::Client,
    accepted: Mutex<BTreeSet<String>>,
    unanswered: AtomicU64,
    enough: AtomicBool,
}

impl Diallers {
    async fn dial(self: Arc<Self>, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed);
        let cast =
            [(BUSY, "short"), (REJECTS, "short"), (HANGS_UP, "stay"), (PERSON, "short"), (PERSON, "detect")];
        while !self.enough.load(Ordering::SeqCst) {
            let (number, bot) = cast[chance.random_range(0..cast.len())];
            let token = dering::access::mint("shop", &self.secret, Duration::from_secs(600), &[]).unwrap();
            let url = format!("http://{}/api/1.1/public/bot/{bot}/smartassist/dialout", self.server);
            let body = json!({ "target": format!("tel:{number}"), "notifyUrl": self.notify });
            let request = self.http.post(url).header("auth", token.expose_secret()).json(&body);
            let answer = match request.send().await {
                Ok(answer) if answer.status() == 200 => answer.json::<Value>().await.ok(),
                Ok(_) | Err(_) => None,
            };
            match answer.as_ref().and_then(|answer| answer["callId"].as_str()) {
                Some(call) => drop(self.accepted.lock().unwrap().insert(call.to_owned())),
                None => drop(self.unanswered.fetch_add(1, Ordering::SeqCst)),
            }
            sleep(Duration::from_millis(chance.random_range(5..120))).await;
        }
    }
}

/// What arrived for one call: `webhook-id`, `sequence`, whether it is the last word.
type Arrivals = BTreeMap<String, Vec<(String, u64, bool)>>;

fn sorted(inbox: &Inbox) -> Arrivals {
    let mut arrivals = Arrivals::new();
    for receipt in inbox.after(0) {
        assert!(receipt.valid(), "{receipt:?}");
        let body: Value = serde_json::from_str(&receipt.body).unwrap();
        let entry = (receipt.id, body["sequence"].as_u64().unwrap(), is_final(&body));
        arrivals.entry(receipt.conversation_id).or_default().push(entry);
    }
    arrivals
}

/// What is wrong with the notifications of one call.
fn complaint(arrived: &[(String, u64, bool)]) -> Option<String> {
    let ids: BTreeSet<(u64, &str)> =
        arrived.iter().map(|(id, sequence, _)| (*sequence, id.as_str())).collect();
    let finals: BTreeSet<&str> =
        arrived.iter().filter(|(.., last)| *last).map(|(id, ..)| id.as_str()).collect();
    if finals.len() != 1 {
        return Some(format!("{} last notifications", finals.len()));
    }
    if !ids.iter().map(|(sequence, _)| *sequence).eq(1..=ids.len() as u64) {
        return Some("a number is missing, or stands for two notifications".to_owned());
    }
    if !arrived.is_sorted_by_key(|(_, sequence, _)| *sequence) {
        return Some("out of order".to_owned());
    }
    (!arrived.last().is_some_and(|(.., last)| *last)).then(|| "something follows the last one".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_is_killed_again_and_again_tells_each_call_once_to_its_end() {
    let (kills, seed) = (number("DERING_KILLS", KILLS), number("DERING_SEED", 0));
    let seed = if seed == 0 { rand::random::<u32>().into() } else { seed };
    println!("{kills} kills; repeat with DERING_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_fixtures(folder);
    let (server, carrier) = (free(), free());
    configure(folder, server, carrier);
    let database = folder.join("dering.db");
    let store = Store::open(store::Options::file(&database)).await.unwrap();
    let (secret, _) = create_credentials(&store).await;
    store.close().await;
    let listen = carrier.to_string();
    let gateway = ["gateway", "--listen", &listen, "--token", "t", "--callees", "callees", "--log", "error"];
    let _gateway = dering(folder, "gateway.log", &gateway);

    // An answer that takes its time leaves room for a kill between the post and its settlement.
    let inbox = Inbox::new(vec![secret.clone()]);
    let unhurried = inbox.router().layer(from_fn(|request: Request, next: Next| async move {
        let wait = rand::random_range(0..25);
        let answer = next.run(request).await;
        sleep(Duration::from_millis(wait)).await;
        answer
    }));
    let receiver = Receiver::start(unhurried, local()).await.unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let diallers = Arc::new(Diallers {
        server,
        secret,
        notify: receiver.url(),
        http,
        accepted: Mutex::default(),
        unanswered: AtomicU64::new(0),
        enough: AtomicBool::new(false),
    });
    let dialling: Vec<_> =
        (0..DIALLERS).map(|n| tokio::spawn(Arc::clone(&diallers).dial(seed + n as u64))).collect();

    for _ in 0..kills {
        let mut process = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
        sleep(LONGEST_LIFE.mul_f64(chance.random::<f64>())).await;
        // On Unix this is SIGKILL.
        process.kill().await.unwrap();
    }
    let mut last = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
    sleep(LONGEST_LIFE).await;
    diallers.enough.store(true, Ordering::SeqCst);
    for dialler in dialling {
        dialler.await.unwrap();
    }
    let accepted = diallers.accepted.lock().unwrap().clone();
    let told = |arrivals: &Arrivals| {
        accepted.iter().all(|call| arrivals.get(call).is_some_and(|all| all.iter().any(|(.., last)| *last)))
    };
    let all_told = async {
        // What arrives between the look and the wait is not waited for in vain.
        let mut seen = 0;
        while !told(&sorted(&inbox)) {
            seen = inbox.arrived_after(seen).await.last().map_or(seen, |receipt| receipt.number);
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all_told).await.is_ok();
    // Whatever else there is to say would come now.
    sleep(Duration::from_millis(500)).await;
    last.kill().await.unwrap();

    let arrivals = sorted(&inbox);
    let log = || std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let last_word = |call: &String| arrivals.get(call).is_some_and(|all| all.iter().any(|(.., last)| *last));
    let untold: Vec<_> = accepted.iter().filter(|call| !last_word(call)).collect();
    assert!(
        in_time && untold.is_empty(),
        "{} of {} calls lack their last word: {untold:?}\n{}",
        untold.len(),
        accepted.len(),
        log()
    );
    for (call, arrived) in &arrivals {
        // A call whose acceptance was cut off on its way to the client is a call all the same.
        if let Some(complaint) = complaint(arrived) {
            panic!("call {call}: {complaint}: {arrived:?}\nseed {seed}\n{}", log());
        }
    }
    let store = Store::open_read_only(&database).await.unwrap();
    let (mut cursor, mut calls) = (None, 0);
    loop {
        let page = store.calls(&CallFilter::within(Visibility::all()), cursor.as_ref(), 500).await.unwrap();
        for call in &page.items {
            calls += 1;
            assert!(call.ended_ms.is_some(), "no end: {call:?}");
            assert!(arrivals.contains_key(&call.id), "in the books, but untold: {call:?}");
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let posts: usize = arrivals.values().map(Vec::len).sum();
    let distinct: usize =
        arrivals.values().map(|all| all.iter().map(|(id, ..)| id).collect::<BTreeSet<_>>().len()).sum();
    println!(
        "{kills} kills: {} dials accepted, {calls} calls, {distinct} notifications in {posts} posts, {} dials without an answer",
        accepted.len(),
        diallers.unanswered.load(Ordering::SeqCst)
    );
    assert!(accepted.len() as u64 > kills, "there was no load");
}
