//! Receivers that misbehave: silent, broken for a day, slow, talkative, redirecting to where nobody may go, with
//! a certificate that nobody trusts. The ledger does its work, and other receivers do not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use callcore::retry::{Backoff, Schedule, WEBHOOK};
use dering::net::guard::AddressPolicy;
use dering::outbox::receiver::{Inbox, Receiver};
use dering::outbox::{BreakerOptions, Handle, Options, Outbox};
use dering::store::{CallBatch, EndpointRow, NotificationRow, NotificationState, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::store_fixture::{SECRET, begun, notification, store_with_app};
use crate::system_fixture::{in_time, local};

const QUICK: Schedule = Schedule(&[0, 20, 20]);

fn options() -> Options {
    Options { policy: AddressPolicy::Anywhere, schedule: QUICK, ..Options::default() }
}

async fn begin(store: &Store, outbox: &Handle, call: &str, url: &str) {
    let notifications = vec![notification(call, url, "Answered")];
    store.record(CallBatch { notifications, ..begun(call, 5) }).await.unwrap();
    outbox.wake();
}

/// Waits until a call's first notification looks as `wanted`.
async fn first(store: &Store, call: &str, wanted: impl Fn(&NotificationRow) -> bool) -> NotificationRow {
    in_time(async {
        loop {
            let row = store.notifications(call).await.unwrap().remove(0);
            if wanted(&row) {
                return row;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn problem(store: &Store, call: &str) -> String {
    let row = first(store, call, |row| row.attempts > 0).await;
    store.attempts(&row.id).await.unwrap().remove(0).error.unwrap_or_default()
}

async fn endpoint(store: &Store) -> EndpointRow {
    store.endpoints(10).await.unwrap().remove(0)
}

fn redirecting(status: u16, to: &str) -> Router {
    let to = HeaderValue::try_from(to).unwrap();
    Router::new().fallback(move || {
        let to = to.clone();
        async move {
            let mut answer = StatusCode::from_u16(status).unwrap().into_response();
            answer.headers_mut().insert("location", to);
            answer
        }
    })
}

/// Days pass when this is moved.
static TODAY: AtomicI64 = AtomicI64::new(1_750_942_157_600);

#[tokio::test]
async fn a_receiver_that_answers_500_for_a_day_gets_everything_once_it_is_well_and_in_order() {
    let store = store_with_app().await;
    let ill = Arc::new(AtomicUsize::new(1));
    let inbox = Inbox::new(vec![SECRET.into()]);
    let (seen, sick) = (inbox.clone(), Arc::clone(&ill));
    let router = Router::new().fallback(move |headers: axum::http::HeaderMap, body: Bytes| {
        let (seen, sick) = (seen.clone(), Arc::clone(&sick));
        async move {
            if sick.load(Ordering::SeqCst) == 1 {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            drop(headers);
            let kept = seen.router();
            let request = axum::http::Request::post("/").body(Body::from(body)).unwrap();
            let _unsigned = tower::ServiceExt::oneshot(kept, request).await;
            StatusCode::OK
        }
    });
    let receiver = Receiver::start(router, local()).await.unwrap();
    let now_ms = || TODAY.load(Ordering::SeqCst);
    // A claim must not lapse because a day goes by in a second.
    let options = Options { schedule: WEBHOOK, now_ms, lease: Duration::from_secs(10_000_000), ..options() };
    let outbox = Outbox::start(store.clone(), options).unwrap();
    let calls: Vec<String> = (0..6).map(|n| format!("c{n}")).collect();
    for call in &calls {
        let kinds = ["Answered", "Call-In-Progress", "completed"];
        let notifications = kinds.map(|kind| notification(call, &receiver.url(), kind)).to_vec();
        store.record(CallBatch { notifications, ..begun(call, 5) }).await.unwrap();
    }
    // The ledger writes real times; the worker lives on the test's.
    TODAY.store(dering::wallclock::now_ms() + 1, Ordering::SeqCst);
    let begun_ms = now_ms();
    outbox.wake();
    let made = async || {
        let mut made = 0;
        for call in &calls {
            made += store.notifications(call).await.unwrap().iter().map(|row| row.attempts).sum::<i64>();
        }
        made
    };
    in_time(async {
        while made().await < 6 {
            tokio::task::yield_now().await
        }
    })
    .await;
    // Ten minutes at a time, so that breakers get their tries.
    while now_ms() < begun_ms + 24 * 3_600_000 || endpoint(&store).await.failures < 10 {
        TODAY.fetch_add(600_000, Ordering::SeqCst);
        outbox.wake();
        // Whatever was set off by that has come to its end when nothing is being sent any more.
        in_time(async {
            loop {
                let mut sending = false;
                for call in &calls {
                    sending |= store
                        .notifications(call)
                        .await
                        .unwrap()
                        .iter()
                        .any(|row| row.state == NotificationState::Sending);
                }
                if !sending {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let state = endpoint(&store).await;
    assert!(state.open_until_ms.is_some() && state.failures >= 10, "{state:?}");
    for call in &calls {
        let rows = store.notifications(call).await.unwrap();
        assert!(
            rows.iter().all(|row| matches!(row.state, NotificationState::Due | NotificationState::Waiting)),
            "{rows:?}"
        );
    }
    ill.store(0, Ordering::SeqCst);
    in_time(async {
        loop {
            let mut delivered = true;
            for call in &calls {
                delivered &= store.tally(call).await.unwrap().delivered == 3;
            }
            if delivered {
                return;
            }
            TODAY.fetch_add(3_600_000, Ordering::SeqCst);
            outbox.wake();
            tokio::task::yield_now().await;
        }
    })
    .await;
    for call in &calls {
        let kinds: Vec<String> = inbox
            .of(call)
            .iter()
            .map(|receipt| {
                serde_json::from_str::<serde_json::Value>(&receipt.body).unwrap()["status"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(kinds, ["Answered", "Call-In-Progress", "completed"]);
    }
    assert_eq!(endpoint(&store).await.open_until_ms, None);
}

/// Days pass when this is moved.
static LATER: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn what_waits_for_a_dead_endpoint_is_given_up_when_its_time_is_over() {
    let store = store_with_app().await;
    let receiver =
        Receiver::start(Router::new().fallback(|| async { StatusCode::BAD_GATEWAY }), local()).await;
    let receiver = receiver.unwrap();
    let now_ms = || LATER.load(Ordering::SeqCst);
    LATER.store(dering::wallclock::now_ms(), Ordering::SeqCst);
    let breaker =
        BreakerOptions { failures: 1, pause: Backoff { first_ms: 400 * 3_600_000, cap_ms: 400 * 3_600_000 } };
    let outbox =
        Outbox::start(store.clone(), Options { now_ms, breaker, schedule: WEBHOOK, ..options() }).unwrap();
    begin(&store, &outbox, "c1", &receiver.url()).await;
    // What is due now is due for a worker whose clock is behind, too.
    LATER.fetch_add(1_000, Ordering::SeqCst);
    outbox.wake();
    first(&store, "c1", |row| row.attempts == 1 && row.state == NotificationState::Due).await;
    LATER.fetch_add(60 * 3_600_000, Ordering::SeqCst);
    outbox.wake();
    let dead = first(&store, "c1", |row| row.state == NotificationState::Dead).await;
    assert_eq!((dead.reason.map(|reason| reason.as_str()), dead.attempts), (Some("expired"), 1));
    // Somebody asks for it: it is tried although the endpoint is held back.
    let again = store.redeliver_one(&dead.id).await.unwrap().unwrap();
    outbox.try_now(again.endpoints);
    first(&store, "c1", |row| row.attempts == 2).await;
}

#[tokio::test]
async fn an_endpoint_out_of_order_is_left_alone_and_tried_with_one_post_at_a_time() {
    let store = store_with_app().await;
    let posts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&posts);
    let router = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::SERVICE_UNAVAILABLE }
    });
    let receiver = Receiver::start(router, local()).await.unwrap();
    let breaker = BreakerOptions { failures: 5, pause: Backoff { first_ms: 600_000, cap_ms: 600_000 } };
    let outbox = Outbox::start(store.clone(), Options { breaker, per_endpoint: 1, ..options() }).unwrap();
    for n in 0..20 {
        begin(&store, &outbox, &format!("c{n}"), &receiver.url()).await;
    }
    in_time(async {
        loop {
            let known = store.endpoints(1).await.unwrap();
            if known.first().is_some_and(|row| row.open_until_ms.is_some()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Everything else goes on; nothing more comes here.
    let inbox = Inbox::new(vec![SECRET.into()]);
    let lively = Receiver::start(inbox.router(), local()).await.unwrap();
    begin(&store, &outbox, "lively", &lively.url()).await;
    first(&store, "lively", |row| row.state == NotificationState::Delivered).await;
    assert_eq!(posts.load(Ordering::SeqCst), 5);
    let state = endpoint(&store).await;
    assert_eq!((state.failures, state.failed), (5, 5));
    assert!(state.last_problem.unwrap().contains("503"));
}

#[tokio::test]
async fn a_refusal_is_no_illness() {
    let store = store_with_app().await;
    let receiver = Receiver::start(Router::new().fallback(|| async { StatusCode::NOT_FOUND }), local()).await;
    let receiver = receiver.unwrap();
    let breaker = BreakerOptions { failures: 1, ..BreakerOptions::default() };
    let outbox = Outbox::start(store.clone(), Options { breaker, ..options() }).unwrap();
    begin(&store, &outbox, "c1", &receiver.url()).await;
    let row = first(&store, "c1", |row| row.state == NotificationState::Dead).await;
    assert_eq!((row.attempts, row.reason.map(|reason| reason.as_str())), (3, Some("exhausted")));
    assert_eq!(endpoint(&store).await.open_until_ms, None);
}

#[tokio::test]
async fn a_post_is_redirected_with_its_signature_but_only_to_where_it_may_go() {
    let store = store_with_app().await;
    let inbox = Inbox::new(vec![SECRET.into()]);
    let moved = Receiver::start(inbox.router(), local()).await.unwrap();
    let old = Receiver::start(redirecting(308, &moved.url()), local()).await.unwrap();
    let outbox = Outbox::start(store.clone(), options()).unwrap();
    begin(&store, &outbox, "moved", &old.url()).await;
    first(&store, "moved", |row| row.state == NotificationState::Delivered).await;
    let receipt = inbox.of("moved").remove(0);
    assert!(receipt.valid());
    assert!(
        !receipt.headers.contains_key("x-channel-type"),
        "the caller's headers are for the caller's host"
    );

    for (call, status, to, expected) in [
        ("get", 302, "http://127.0.0.1:9/".to_owned(), "only 307 and 308 are followed"),
        ("scheme", 307, "ftp://127.0.0.1/".to_owned(), "requests go to http or https"),
        ("lost", 307, "http://[".to_owned(), "without saying where to"),
    ] {
        let receiver = Receiver::start(redirecting(status, &to), local()).await.unwrap();
        begin(&store, &outbox, call, &receiver.url()).await;
        let problem = problem(&store, call).await;
        assert!(problem.contains(expected), "{call}: {problem}");
    }
    let endless = Receiver::start(redirecting(307, "/again"), local()).await.unwrap();
    begin(&store, &outbox, "endless", &endless.url()).await;
    assert_eq!(problem(&store, "endless").await, "the receiver redirects more than 3 times");
}

#[tokio::test]
async fn an_answer_without_end_is_read_to_its_limit_and_one_that_drips_is_not_waited_for() {
    let store = store_with_app().await;
    let flood = Router::new().fallback(|| async {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        let chunks =
            futures_util::stream::repeat_with(move || Ok::<_, std::convert::Infallible>(chunk.clone()));
        (StatusCode::BAD_REQUEST, Body::from_stream(chunks)).into_response()
    });
    let drip = Router::new().fallback(|| async {
        let first =
            futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"wait\0"))]);
        let never = futures_util::stream::pending();
        Response::new(Body::from_stream(futures_util::StreamExt::chain(first, never)))
    });
    let (flood, drip) =
        (Receiver::start(flood, local()).await.unwrap(), Receiver::start(drip, local()).await.unwrap());
    let outbox = Outbox::start(store.clone(), options()).unwrap();
    begin(&store, &outbox, "flood", &flood.url()).await;
    begin(&store, &outbox, "drip", &drip.url()).await;
    let row = first(&store, "flood", |row| row.attempts == 1).await;
    let attempt = store.attempts(&row.id).await.unwrap().remove(0);
    assert_eq!(attempt.response.map(|body| body.len()), Some(1024));
    let row = first(&store, "drip", |row| row.state == NotificationState::Delivered).await;
    let attempt = store.attempts(&row.id).await.unwrap().remove(0);
    assert_eq!((attempt.status, attempt.response.as_deref()), (Some(200), Some("wait ")));
}

#[tokio::test]
async fn a_receiver_that_is_no_web_server_or_has_no_good_certificate_is_named_as_such() {
    let store = store_with_app().await;
    let listener = TcpListener::bind(local()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let mut block = [0; 512];
            let _hello = peer.read(&mut block).await;
            let _nonsense = peer.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        }
    });
    let outbox = Outbox::start(store.clone(), options()).unwrap();
    begin(&store, &outbox, "plain", &format!("http://{address}/")).await;
    begin(&store, &outbox, "tls", &format!("https://{address}/")).await;
    for call in ["plain", "tls"] {
        let problem = problem(&store, call).await;
        assert!(problem.starts_with("the post failed: "), "{call}: {problem}");
        assert!(!problem.contains(&address.port().to_string()), "addresses stay in the row: {problem}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_an_answer_and_holds_up_nobody() {
    let store = store_with_app().await;
    let open = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = Arc::clone(&open);
    let slow = Router::new().fallback(move || {
        let gate = Arc::clone(&gate);
        async move {
            let _pass = gate.acquire().await.unwrap();
            StatusCode::OK
        }
    });
    let slow = Receiver::start(slow, local()).await.unwrap();
    let inbox = Inbox::new(vec![SECRET.into()]);
    let quick = Receiver::start(inbox.router(), local()).await.unwrap();
    let options = Options { concurrency: 8, timeout: Duration::from_secs(25), ..options() };
    let outbox = Outbox::start(store.clone(), options).unwrap();
    for n in 0..30 {
        begin(&store, &outbox, &format!("slow-{n}"), &slow.url()).await;
    }
    for n in 0..50 {
        begin(&store, &outbox, &format!("quick-{n}"), &quick.url()).await;
        first(&store, &format!("quick-{n}"), |row| row.state == NotificationState::Delivered).await;
    }
    open.add_permits(1_000);
    for n in 0..30 {
        first(&store, &format!("slow-{n}"), |row| row.state == NotificationState::Delivered).await;
    }
}

#[tokio::test]
async fn many_slow_endpoints_together_do_not_hold_up_a_quick_one() {
    let store = store_with_app().await;
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let open = Arc::new(tokio::sync::Semaphore::new(0));
    let mut slow = Vec::new();
    for _ in 0..40 {
        let (arrived, gate) = (arrived.clone(), Arc::clone(&open));
        let router = Router::new().fallback(move || {
            let (arrived, gate) = (arrived.clone(), Arc::clone(&gate));
            async move {
                let _told = arrived.send(());
                let _pass = gate.acquire().await.unwrap();
                StatusCode::OK
            }
        });
        slow.push(Receiver::start(router, local()).await.unwrap());
    }
    let inbox = Inbox::new(vec![SECRET.into()]);
    let quick = Receiver::start(inbox.router(), local()).await.unwrap();
    let options = Options { concurrency: 32, timeout: Duration::from_secs(25), ..options() };
    let outbox = Outbox::start(store.clone(), options).unwrap();
    begin(&store, &outbox, "quick", &quick.url()).await;
    first(&store, "quick", |row| row.state == NotificationState::Delivered).await;
    for (n, receiver) in slow.iter().enumerate() {
        for call in 0..5 {
            begin(&store, &outbox, &format!("slow-{n}-{call}"), &receiver.url()).await;
        }
    }
    // They take three quarters of the room, and not one of them answers.
    for _ in 0..24 {
        in_time(arrivals.recv()).await.unwrap();
    }
    for n in 0..50 {
        begin(&store, &outbox, &format!("quick-{n}"), &quick.url()).await;
        first(&store, &format!("quick-{n}"), |row| row.state == NotificationState::Delivered).await;
    }
    assert!(arrivals.try_recv().is_err(), "the last quarter is not for them");
    open.add_permits(100_000);
    for n in 0..slow.len() {
        for call in 0..5 {
            first(&store, &format!("slow-{n}-{call}"), |row| row.state == NotificationState::Delivered).await;
        }
    }
}
