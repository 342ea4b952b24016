//! The order in which the gateway speaks: whoever placed a call knows its session before any client hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::gateway_conformance::CAST;
use crate::gateway_fixture::{Fixture, TOKEN};
use crate::peer::{self, Peer};

/// As many calls as wanted here, or the few of an ordinary run.
fn calls() -> u64 {
    std::env::var("DERING_ORDER_CALLS").ok().and_then(|calls| calls.parse().ok()).unwrap_or(300)
}

/// Keeps every core busy while it lives.
struct Load(Arc<AtomicBool>);

impl Load {
    fn begin() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(ends)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_never_hears_of_a_session_before_it_knows_it() {
    if !peer::is_ready() {
        return;
    }
    let calls = calls();
    // An ordinary run has neighbours that measure time.
    let _load = (calls > 1_000).then(Load::begin);
    let fixture = Fixture::start_with(&CAST, |options| options.recordings = None).await;
    let told =
        json!({"url": fixture.url(), "token": TOKEN, "number": "+15556000", "calls": calls, "parallel": 64});
    let begun = Instant::now();
    let mut peer = Peer::start("order.js", told).await;
    // Longer than a report is waited for elsewhere: ten thousand calls take a while.
    let report = tokio::time::timeout(Duration::from_secs(540), peer.reports.next_line());
    let line = report.await.expect("the calls end").expect("readable").expect("a report");
    let report: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    println!("{calls} calls in {} s: {report}", begun.elapsed().as_secs());
    let expected =
        json!({"placed": calls, "early": 0, "twice": 0, "joined": calls, "failed": 0, "ended": calls});
    assert_eq!(report["counts"], expected, "{report}");
}
