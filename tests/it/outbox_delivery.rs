//! Delivery of webhooks to real local receivers: order, retries, signatures, crashes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use callcore::retry::Schedule;
use dering::net::guard::AddressPolicy;
use dering::outbox::receiver::{Inbox, Receipt, Receiver};
use dering::outbox::{BreakerOptions, Handle, Options, Outbox};
use dering::store::{AttemptRow, CallBatch, NotificationRow, NotificationState, Store};
use dering::wallclock::now_ms;
use serde_json::Value;

use crate::store_fixture::{SECRET, begun, later, notification, store_with_app};

const QUICK: Schedule = Schedule(&[0, 20, 20, 20, 20]);
/// For receivers that are away for as long as a test likes.
const PATIENT: Schedule = Schedule(&[5; 5_000]);
const LIMIT: Duration = Duration::from_secs(120);

fn options(schedule: Schedule) -> Options {
    // Failures come quickly here; the pauses of a breaker are a matter of other tests.
    let breaker = BreakerOptions { failures: 1_000_000, ..BreakerOptions::default() };
    Options { policy: AddressPolicy::Anywhere, schedule, breaker, ..Options::default() }
}

fn local() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn inbox() -> Inbox {
    Inbox::new(vec![SECRET.into()])
}

/// A receiver that gives the answers of `script` first and files what comes after.
fn scripted(inbox: &Inbox, script: Vec<Response>) -> Router {
    let script = Arc::new(Mutex::new(VecDeque::from(script)));
    inbox.router().layer(from_fn(move |request: Request, next: Next| {
        let scripted = script.lock().unwrap().pop_front();
        async move {
            match scripted {
                Some(answer) => answer,
                None => next.run(request).await,
            }
        }
    }))
}

fn answer(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap().into_response()
}

fn answer_with(status: u16, header: &'static str, value: &'static str) -> Response {
    let mut response = answer(status);
    response.headers_mut().insert(HeaderName::from_static(header), HeaderValue::from_static(value));
    response
}

async fn begin(store: &Store, outbox: &Handle, call_id: &str, url: &str, statuses: &[&str]) {
    let notifications = statuses.iter().map(|status| notification(call_id, url, status)).collect();
    store.record(CallBatch { notifications, ..begun(call_id, 5) }).await.unwrap();
    outbox.wake();
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.unwrap()
}

/// Waits until `count` posts were filed.
async fn filed(inbox: &Inbox, count: u64) -> Vec<Receipt> {
    in_time(inbox.arrived_after(count - 1)).await;
    inbox.after(0)
}

/// Waits until the ledger shows of a call what `wanted` looks for.
async fn ledger(
    store: &Store,
    call_id: &str,
    wanted: impl Fn(&[NotificationRow]) -> bool,
) -> Vec<NotificationRow> {
    in_time(async {
        loop {
            let rows = store.notifications(call_id).await.unwrap();
            if wanted(&rows) {
                return rows;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn attempts(store: &Store, row: &NotificationRow) -> Vec<AttemptRow> {
    store.attempts(&row.id).await.unwrap()
}

fn statuses(receipts: &[Receipt]) -> Vec<String> {
    let status = |receipt: &Receipt| {
        let body: Value = serde_json::from_str(&receipt.body).unwrap();
        body["status"].as_str().unwrap().to_owned()
    };
    receipts.iter().map(status).collect()
}

fn all_delivered(rows: &[NotificationRow]) -> bool {
    rows.iter().all(|row| row.state == NotificationState::Delivered)
}

#[tokio::test]
async fn notifications_arrive_in_order_signed_and_with_the_callers_headers() {
    let (store, inbox) = (store_with_app().await, inbox());
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();

    let mut greedy = notification("c1", &receiver.url(), "Answered");
    for (name, value) in [("Content-Type", "text/plain"), ("savg-signature", "t=1,v1=00"), ("bad name", "x")]
    {
        greedy.headers.insert(name.to_owned(), value.to_owned());
    }
    let rest = ["Call-In-Progress", "completed"].map(|status| notification("c1", &receiver.url(), status));
    let notifications = [vec![greedy], rest.to_vec()].concat();
    store.record(CallBatch { notifications, ..begun("c1", 5) }).await.unwrap();
    outbox.wake();

    let receipts = filed(&inbox, 3).await;
    assert_eq!(statuses(&receipts), ["Answered", "Call-In-Progress", "completed"]);
    for receipt in &receipts {
        assert_eq!(receipt.problem, None);
        assert_eq!(receipt.headers["x-channel-type"], "X42_IVR");
        assert_eq!(receipt.headers["content-type"], "application/json");
        assert!(receipt.headers["user-agent"].starts_with("dering/"));
    }
    ledger(&store, "c1", all_delivered).await;
}

#[tokio::test]
async fn a_receiver_that_is_killed_and_restarted_misses_nothing_and_sees_no_disorder() {
    let (store, inbox) = (store_with_app().await, inbox());
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let (url, address) = (receiver.url(), receiver.address());
    let outbox = Outbox::start(store.clone(), options(PATIENT)).unwrap();
    let calls = ["c1", "c2", "c3"];
    for call in calls {
        begin(&store, &outbox, call, &url, &["Answered"]).await;
    }
    filed(&inbox, 3).await;
    receiver.stop().await;

    for status in ["Call-In-Progress", "amd_stopped", "completed"] {
        for call in calls {
            let notifications = vec![notification(call, &url, status)];
            store.record(CallBatch { notifications, ..later(call) }).await.unwrap();
        }
    }
    outbox.wake();
    let failed = ledger(&store, "c1", |rows| rows[1].attempts >= 3).await;
    let tries = attempts(&store, &failed[1]).await;
    assert!(tries[0].error.as_deref().unwrap().starts_with("the post failed: "), "{tries:?}");
    assert_eq!((failed[2].state.as_str(), failed[2].attempts), ("waiting", 0));

    let _restarted = Receiver::start(inbox.router(), address).await.unwrap();
    filed(&inbox, 12).await;
    for call in calls {
        let receipts = inbox.of(call);
        assert_eq!(statuses(&receipts), ["Answered", "Call-In-Progress", "amd_stopped", "completed"]);
        assert!(receipts.iter().all(|receipt| receipt.valid() && !receipt.duplicate));
        ledger(&store, call, all_delivered).await;
    }
}

#[tokio::test]
async fn a_failed_post_is_repeated_under_the_same_id() {
    let (store, inbox) = (store_with_app().await, inbox());
    let router = scripted(&inbox, vec![answer(500), answer(404)]);
    let receiver = Receiver::start(router, local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();
    begin(&store, &outbox, "c1", &receiver.url(), &["Answered", "completed"]).await;

    let receipts = filed(&inbox, 2).await;
    let rows = ledger(&store, "c1", all_delivered).await;
    assert_eq!(statuses(&receipts), ["Answered", "completed"]);
    assert_eq!(receipts[0].id, rows[0].id);
    let tries = attempts(&store, &rows[0]).await;
    let seen: Vec<_> = tries.iter().map(|attempt| attempt.status).collect();
    assert_eq!(seen, [Some(500), Some(404), Some(200)]);
    assert_eq!(tries[0].error.as_deref(), Some("the receiver answered 500 Internal Server Error"));
}

#[tokio::test]
async fn a_receiver_that_is_never_well_gives_way_to_the_next_notification() {
    let (store, inbox) = (store_with_app().await, inbox());
    let failures = [503, 503, 503, 503, 503].map(answer);
    let receiver = Receiver::start(scripted(&inbox, failures.into()), local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();
    begin(&store, &outbox, "c1", &receiver.url(), &["unlucky", "completed"]).await;

    assert_eq!(statuses(&filed(&inbox, 1).await), ["completed"]);
    let rows = ledger(&store, "c1", |rows| rows[1].state == NotificationState::Delivered).await;
    let fates: Vec<_> = rows
        .iter()
        .map(|row| (row.state.as_str(), row.reason.map(|reason| reason.as_str()), row.attempts))
        .collect();
    assert_eq!(fates, [("dead", Some("exhausted"), 5), ("delivered", None, 1)]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_of_the_call_but_of_others() {
    let (store, inbox) = (store_with_app().await, inbox());
    let receiver = Receiver::start(scripted(&inbox, vec![answer(410)]), local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();
    begin(&store, &outbox, "c1", &receiver.url(), &["gone", "completed"]).await;
    let rows = ledger(&store, "c1", |rows| rows[1].state == NotificationState::Dead).await;
    let fates: Vec<_> =
        rows.iter().map(|row| (row.reason.map(|reason| reason.as_str()), row.attempts)).collect();
    assert_eq!(fates, [(Some("gone"), 1), (Some("gone"), 0)]);
    begin(&store, &outbox, "c2", &receiver.url(), &["Answered"]).await;
    assert_eq!(statuses(&filed(&inbox, 1).await), ["Answered"]);
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_gets_it() {
    let (store, inbox) = (store_with_app().await, inbox());
    let router = scripted(&inbox, vec![answer_with(503, "retry-after", "7200")]);
    let receiver = Receiver::start(router, local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();
    let before = now_ms();
    begin(&store, &outbox, "c1", &receiver.url(), &["Answered"]).await;
    let rows = ledger(&store, "c1", |rows| rows[0].attempts == 1).await;
    assert_eq!(rows[0].state, NotificationState::Due);
    assert!(rows[0].due_ms >= before + 7_200_000);
}

#[tokio::test]
async fn an_endpoint_that_never_answers_does_not_hold_up_the_others() {
    let (store, inbox) = (store_with_app().await, inbox());
    let silent = Router::new().fallback(std::future::pending::<StatusCode>);
    let silent = Receiver::start(silent, local()).await.unwrap();
    let lively = Receiver::start(inbox.router(), local()).await.unwrap();
    let (timeout, lease) = (Duration::from_secs(60), Duration::from_secs(90));
    let options = Options { concurrency: 4, per_endpoint: 2, timeout, lease, ..options(QUICK) };
    let outbox = Outbox::start(store.clone(), options).unwrap();
    for n in 0..10 {
        begin(&store, &outbox, &format!("silent-{n}"), &silent.url(), &["Answered"]).await;
    }
    for n in 0..10 {
        begin(&store, &outbox, &format!("lively-{n}"), &lively.url(), &["Answered", "completed"]).await;
    }
    filed(&inbox, 20).await;
    // Not even the first of the silent ones has timed out yet.
    for n in 0..10 {
        assert_eq!(store.notifications(&format!("silent-{n}")).await.unwrap()[0].attempts, 0);
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_in_time_is_tried_again() {
    let (store, inbox) = (store_with_app().await, inbox());
    let hangs = Arc::new(Mutex::new(true));
    let router = inbox.router().layer(from_fn(move |request: Request, next: Next| {
        let hang = std::mem::take(&mut *hangs.lock().unwrap());
        async move {
            if hang {
                std::future::pending::<()>().await;
            }
            next.run(request).await
        }
    }));
    let receiver = Receiver::start(router, local()).await.unwrap();
    let options = Options { timeout: Duration::from_secs(1), ..options(QUICK) };
    let outbox = Outbox::start(store.clone(), options).unwrap();
    begin(&store, &outbox, "c1", &receiver.url(), &["Answered"]).await;
    filed(&inbox, 1).await;
    let rows = ledger(&store, "c1", all_delivered).await;
    let tries = attempts(&store, &rows[0]).await;
    assert_eq!(tries[0].error.as_deref(), Some("the receiver did not answer in time"));
}

#[tokio::test]
async fn an_address_of_our_own_network_is_never_posted_to() {
    let (store, inbox) = (store_with_app().await, inbox());
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let options = Options { policy: AddressPolicy::Public, ..options(QUICK) };
    let outbox = Outbox::start(store.clone(), options).unwrap();
    begin(&store, &outbox, "literal", &receiver.url(), &["Answered"]).await;
    let named = format!("http://localhost:{}/notify", receiver.address().port());
    begin(&store, &outbox, "named", &named, &["Answered"]).await;

    for call in ["literal", "named"] {
        let rows = ledger(&store, call, |rows| rows[0].state == NotificationState::Dead).await;
        let error = attempts(&store, &rows[0]).await[0].error.clone().unwrap();
        assert!(error.ends_with("not at a public address; nothing is sent there"), "{error}");
    }
    assert!(inbox.after(0).is_empty());
}

#[tokio::test]
async fn nothing_is_sent_unsigned() {
    let (store, inbox) = (store_with_app().await, inbox());
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();
    let mut stray = notification("c1", &receiver.url(), "Answered");
    stray.app_id = "cs-gone".to_owned();
    store.record(CallBatch { notifications: vec![stray], ..begun("c1", 5) }).await.unwrap();
    outbox.wake();
    let rows = ledger(&store, "c1", |rows| rows[0].state == NotificationState::Dead).await;
    let error = attempts(&store, &rows[0]).await[0].error.clone();
    assert_eq!(error.as_deref(), Some("the client app cs-gone has no active secret to sign with"));
    assert!(inbox.after(0).is_empty());
}

#[tokio::test]
async fn a_worker_that_dies_in_mid_flight_loses_nothing() {
    let (store, inbox) = (store_with_app().await, inbox());
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let hold = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = Arc::clone(&hold);
    let router = inbox.router().layer(from_fn(move |request: Request, next: Next| {
        arrived.send(()).unwrap();
        let gate = Arc::clone(&gate);
        async move {
            let _pass = gate.acquire().await.unwrap();
            next.run(request).await
        }
    }));
    let receiver = Receiver::start(router, local()).await.unwrap();
    let brief =
        Options { lease: Duration::from_secs(3), timeout: Duration::from_millis(2_500), ..options(PATIENT) };

    let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let outbox = {
        let _inside = doomed.enter();
        Outbox::start(store.clone(), brief.clone()).unwrap()
    };
    for call in ["c1", "c2", "c3"] {
        begin(&store, &outbox, call, &receiver.url(), &["Answered", "completed"]).await;
    }
    for _ in 0..3 {
        in_time(arrivals.recv()).await.unwrap();
    }
    // The posts hang in the receiver; their worker goes without a word.
    doomed.shutdown_background();
    hold.add_permits(1_000);

    let _outbox = Outbox::start(store.clone(), brief).unwrap();
    for call in ["c1", "c2", "c3"] {
        ledger(&store, call, all_delivered).await;
        let mut receipts = inbox.of(call);
        receipts.retain(|receipt| !receipt.duplicate);
        assert_eq!(statuses(&receipts), ["Answered", "completed"]);
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_the_posts_in_flight() {
    let (store, inbox) = (store_with_app().await, inbox());
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let hold = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = Arc::clone(&hold);
    let router = inbox.router().layer(from_fn(move |request: Request, next: Next| {
        arrived.send(()).unwrap();
        let gate = Arc::clone(&gate);
        async move {
            let _pass = gate.acquire().await.unwrap();
            next.run(request).await
        }
    }));
    let receiver = Receiver::start(router, local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options(QUICK)).unwrap();
    begin(&store, &outbox, "c1", &receiver.url(), &["Answered", "completed"]).await;
    in_time(arrivals.recv()).await.unwrap();
    let stopping = tokio::spawn(async move { outbox.shutdown().await });
    hold.add_permits(1_000);
    in_time(stopping).await.unwrap();
    let rows = store.notifications("c1").await.unwrap();
    assert_eq!(rows[0].state, NotificationState::Delivered);
    assert_eq!(store.tally("c1").await.unwrap().dead, 0);
}
