//! Webhooks from a ledger on disk to local receivers: how many per second, and whether one slow endpoint delays
//! the others.
//!
//! `cargo bench --bench outbox -- [NOTIFICATIONS] [ROUNDS]`, 40,000 and 3 by default. Everything (ledger, worker,
//! receivers) is in this one process. The second part makes 400 notifications per second for 8 s, once with eight
//! quick endpoints and once with seven of these and one that answers after 8 s, in turn; lateness is measured
//! from the commit to the arrival of a notification at the quick ones.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use callcore::call::Direction;
use dering::net::guard::AddressPolicy;
use dering::outbox::{Handle, Options, Outbox};
use dering::store::{
    self, CallBatch, DeliveryFilter, DeliveryState, NewApp, NewCall, NewNotification, Store, Visibility,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ENDPOINTS: usize = 8;
const PER_CALL: usize = 4;
/// Of the second part.
const PER_SECOND: u64 = 400;
const SECONDS: u64 = 8;
const SLOW: Duration = Duration::from_secs(8);

/// What receivers saw.
#[derive(Debug)]
struct Seen {
    began: Instant,
    posts: AtomicU64,
    /// From the commit to the arrival, µs.
    late: Mutex<Vec<u64>>,
}

impl Seen {
    fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), posts: AtomicU64::new(0), late: Mutex::default() })
    }

    fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// The body carries the moment of its commit.
    fn arrived(&self, body: &[u8]) {
        self.posts.fetch_add(1, Ordering::Relaxed);
        let text = String::from_utf8_lossy(body);
        let made =
            text.rsplit_once("\"us\":").and_then(|(_, rest)| rest.trim_end_matches('}').parse::<u64>().ok());
        if let Some(made) = made {
            let late = self.now_us().saturating_sub(made);
            self.late.lock().push(late);
        }
    }
}

fn main() -> Fallible<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let (count, rounds) = (numbers.first().copied().unwrap_or(40_000), numbers.get(1).copied().unwrap_or(3));
    tokio::runtime::Runtime::new()?.block_on(async {
        throughput(count).await?;
        slow_endpoint(rounds).await
    })
}

async fn receiver(seen: &Arc<Seen>, delay: Option<Duration>) -> Fallible<String> {
    let seen = Arc::clone(seen);
    let handler = move |body: Bytes| {
        let seen = Arc::clone(&seen);
        async move {
            match delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => seen.arrived(&body),
            }
            StatusCode::NO_CONTENT
        }
    };
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/notify", post(handler))).await });
    Ok(url)
}

async fn ledger(folder: &std::path::Path) -> Fallible<Store> {
    let store = Store::open(store::Options::file(folder.join("dering.db"))).await?;
    let app = NewApp {
        id: "bench".into(),
        name: "bench".into(),
        scopes: Vec::new(),
        bots: Vec::new(),
        secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".into(),
    };
    store.create_app(app).await?;
    Ok(store)
}

fn call(id: &str, url: &str, bodies: impl IntoIterator<Item = String>) -> CallBatch {
    let notifications = bodies.into_iter().map(|body| NewNotification {
        app_id: "bench".into(),
        kind: "Call-In-Progress".into(),
        url: url.into(),
        headers: [("x-channel-type".to_owned(), "X42_IVR".to_owned())].into(),
        body,
    });
    let new = NewCall { app_id: "bench".into(), direction: Direction::Outbound, ..NewCall::default() };
    let notifications = notifications.collect();
    CallBatch { call_id: id.to_owned(), new: Some(new), notifications, ..CallBatch::default() }
}

/// About as long as a notification is.
fn body(call: &str, sequence: usize, us: u64) -> String {
    format!(
        "{{\"conversationId\":\"{call}\",\"ringDurationInMS\":1200,\"connectDurationInMS\":4100,\"sequence\":{sequence},\
         \"reason\":\"200 OK\",\"reasonCode\":\"OK\",\"callConnectTime\":\"2026-11-21T05:30:00.000Z\",\
         \"status\":\"Call-In-Progress\",\"machineDetection\":\"amd_human_detected\",\"amdSequence\":2,\"us\":{us}}}"
    )
}

fn start(store: &Store) -> Fallible<Handle> {
    Ok(Outbox::start(store.clone(), Options { policy: AddressPolicy::Anywhere, ..Options::default() })?)
}

async fn throughput(count: usize) -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let store = ledger(folder.path()).await?;
    let seen = Seen::new();
    let mut urls = Vec::new();
    for _ in 0..ENDPOINTS {
        urls.push(receiver(&seen, None).await?);
    }
    let mut writing = JoinSet::new();
    for n in 0..count / PER_CALL {
        let (store, url) = (store.clone(), urls[n % ENDPOINTS].clone());
        writing.spawn(async move {
            let id = format!("call-{n}");
            store.record(call(&id, &url, (1..=PER_CALL).map(|sequence| body(&id, sequence, 0)))).await
        });
        if writing.len() == 512 {
            writing.join_next().await.transpose()?.transpose()?;
        }
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let outbox = start(&store)?;
    let open =
        DeliveryFilter { state: Some(DeliveryState::Open), ..DeliveryFilter::within(Visibility::all()) };
    while seen.posts.load(Ordering::Relaxed) < (count / PER_CALL * PER_CALL) as u64
        || store.count_deliveries(&open, 1).await? > 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let posts = seen.posts.load(Ordering::Relaxed);
    println!(
        "{posts} notifications of {} calls to {ENDPOINTS} endpoints, settled on disk: {took:.2} s, {:.0} per second; \
         {:.0} µs of CPU each, receivers included",
        count / PER_CALL,
        posts as f64 / took,
        cpu * 1e6 / posts as f64,
    );
    outbox.shutdown().await;
    store.close().await;
    Ok(())
}

async fn slow_endpoint(rounds: usize) -> Fallible<()> {
    let (mut quick, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (delay, all) in [(None, &mut quick), (Some(SLOW), &mut beside)] {
            let mut late = lateness(delay).await?;
            late.sort_unstable();
            let at = |share: f64| {
                late.get((late.len() as f64 * share) as usize).copied().unwrap_or(0) as f64 / 1000.0
            };
            println!(
                "{} arrivals {}: p50 {:.2} ms, p99 {:.2} ms",
                late.len(),
                if delay.is_some() { "beside a slow endpoint" } else { "all endpoints quick  " },
                at(0.5),
                at(0.99)
            );
            all.extend(late);
        }
    }
    let p99 = |all: &mut Vec<u64>| {
        all.sort_unstable();
        all.get(all.len() * 99 / 100).copied().unwrap_or(0) as f64 / 1000.0
    };
    let (quick, beside) = (p99(&mut quick), p99(&mut beside));
    println!(
        "p99 of all rounds: {quick:.2} ms, beside a slow endpoint {beside:.2} ms ({:+.0} %)",
        (beside / quick - 1.0) * 100.0
    );
    Ok(())
}

/// How late notifications are at seven quick endpoints while an eighth one takes `delay`.
async fn lateness(delay: Option<Duration>) -> Fallible<Vec<u64>> {
    let folder = tempfile::tempdir()?;
    let store = ledger(folder.path()).await?;
    let outbox = start(&store)?;
    // The eighth is not measured in either case.
    let (seen, unseen) = (Seen::new(), Seen::new());
    let mut urls = vec![receiver(&unseen, delay).await?];
    for _ in 1..ENDPOINTS {
        urls.push(receiver(&seen, None).await?);
    }
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / PER_SECOND));
    let mut writing = JoinSet::new();
    for n in 0..PER_SECOND * SECONDS {
        ticks.tick().await;
        let (store, outbox, seen) = (store.clone(), outbox.clone(), Arc::clone(&seen));
        let url = urls[n as usize % ENDPOINTS].clone();
        writing.spawn(async move {
            let id = format!("call-{n}");
            let written = store.record(call(&id, &url, [body(&id, 1, seen.now_us())])).await;
            outbox.wake();
            written
        });
        while let Some(written) = writing.try_join_next() {
            written??;
        }
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    let quick = PER_SECOND * SECONDS / ENDPOINTS as u64 * (ENDPOINTS as u64 - 1);
    while seen.posts.load(Ordering::Relaxed) < quick {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    outbox.shutdown().await;
    store.close().await;
    let late = seen.late.lock().clone();
    Ok(late)
}

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime, in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0
}
