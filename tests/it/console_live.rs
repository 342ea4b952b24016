//! Pages that go on while they are open: what they are told, for how long, and what they weigh.

use axum::body::Body;
use callcore::call::{Direction, Fact};
use dering::access::{Options, Role};
use dering::store::{CallBatch, CallState, CallUpdate, NewCall, NewEvent, Store};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::json;
use tower::ServiceExt;

use crate::console_fixture::{Browser, Pages};
use crate::system_fixture::in_time;

const FLOW: &str = "flow: ours\nstart: a\nscenes: { a: [ { hangup: done } ] }\n";
/// Largest page without audio, bytes: itself and all that it loads.
const HEAVIEST: usize = 120 * 1024;

async fn running(store: &Store, id: &str) {
    let new = NewCall {
        app_id: "shop".to_owned(),
        bot_id: "ours".to_owned(),
        trunk: "main".to_owned(),
        direction: Direction::Outbound,
        target: "+6281234567".to_owned(),
        flow: "ours".to_owned(),
        flow_digest: "0123456789abcdef".to_owned(),
        metadata: json!({}),
        state: CallState::Connected,
        created_ms: 1_000,
        ..NewCall::default()
    };
    let update = CallUpdate { answered_ms: Some(3_000), ..CallUpdate::default() };
    let batch = CallBatch {
        call_id: id.to_owned(),
        new: Some(new),
        update: Some(update),
        events: vec![event(1_000, "dialled", json!({ "flow": "ours", "digest": "d", "trunk": "main" }))],
        ..CallBatch::default()
    };
    store.record(batch).await.unwrap();
}

fn event(at_ms: i64, kind: &str, detail: serde_json::Value) -> NewEvent {
    NewEvent { at_ms, t_ms: u64::try_from(at_ms - 1_000).unwrap(), fact: Fact::read(kind, &detail).unwrap() }
}

async fn happens(store: &Store, id: &str, name: &str) {
    let events = vec![event(4_000, "checkpoint", json!({ "name": name }))];
    store.record(CallBatch { call_id: id.to_owned(), events, ..CallBatch::default() }).await.unwrap();
}

async fn ends(store: &Store, id: &str) {
    let batch = CallBatch {
        call_id: id.to_owned(),
        update: Some(CallUpdate { ended_ms: Some(9_000), ..CallUpdate::default() }),
        events: vec![event(9_000, "ended", json!({ "outcome": "done", "cause": 16 }))],
        ..CallBatch::default()
    };
    store.record(batch).await.unwrap();
}

/// What an open page of a call is told.
struct Told(BoxStream<'static, Result<axum::body::Bytes, axum::Error>>);

impl Told {
    async fn by(pages: &Pages, browser: &Browser<'_>, path: &str) -> Self {
        let request = browser.request("GET", path).body(Body::empty()).unwrap();
        let response = pages.api.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body().into_data_stream().boxed())
    }

    /// The name of the next event and its id; `None` when the stream is over.
    async fn next(&mut self) -> Option<(String, Option<i64>)> {
        let block = in_time(self.0.next()).await?.unwrap();
        let text = String::from_utf8(block.to_vec()).unwrap();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        Some((field("event").unwrap().to_owned(), field("id").map(|id| id.parse().unwrap())))
    }
}

#[tokio::test]
async fn a_page_of_a_running_call_hears_of_news_until_the_call_has_ended() {
    let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
    let (store, browser) = (pages.api.store(), pages.signed_in(Role::Viewer).await);
    running(store, "c1").await;
    let page = browser.get("/calls/c1").await.text;
    assert!(page.contains("sse-connect=\"/calls/c1/changes?after=1\""), "{page}");
    let mut told = Told::by(&pages, &browser, "/calls/c1/changes?after=1").await;
    happens(store, "c1", "greeting").await;
    assert_eq!(told.next().await, Some(("changed".to_owned(), Some(2))));
    ends(store, "c1").await;
    assert_eq!(
        told.next().await,
        Some(("changed".to_owned(), Some(3))),
        "what came in between is not told twice"
    );
    assert_eq!(told.next().await, Some(("end".to_owned(), None)));
    assert_eq!(told.next().await, None);
    let page = browser.get("/calls/c1").await.text;
    assert!(
        !page.contains("sse-connect") && !page.contains("htmx"),
        "an ended call has no live part: {page}"
    );
    let mut late = Told::by(&pages, &browser, "/calls/c1/changes?after=3").await;
    assert_eq!(late.next().await, Some(("end".to_owned(), None)));
    assert_eq!(browser.get("/calls/nobody/changes").await.status, 404);
}

#[tokio::test]
async fn who_is_signed_out_hears_of_a_call_no_more() {
    let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
    let (store, browser) = (pages.api.store(), pages.signed_in(Role::Viewer).await);
    running(store, "c1").await;
    let mut told = Told::by(&pages, &browser, "/calls/c1/changes?after=1").await;
    happens(store, "c1", "greeting").await;
    assert!(told.next().await.is_some());
    let token = browser.token().await;
    let again = Browser::new(&pages);
    again.cookies.lock().unwrap().clone_from(&browser.cookies.lock().unwrap());
    assert_eq!(again.post("/sign-out", &[("token", &token)]).await.status, 303);
    happens(store, "c1", "news").await;
    assert_eq!(told.next().await, None);
}

/// The addresses that a page loads by itself.
fn loaded(html: &str) -> Vec<String> {
    let parts =
        html.split(['<', '>']).filter(|part| part.starts_with("script ") || part.starts_with("link "));
    let address = |part: &str| {
        let (_, from) = part.split_once("src=\"").or_else(|| part.split_once("href=\""))?;
        from.split('"').next().map(|address| address.replace("&#x2F;", "/"))
    };
    parts.filter_map(address).collect()
}

#[tokio::test]
async fn no_page_weighs_more_than_a_slow_line_bears() {
    let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
    let (store, browser) = (pages.api.store(), pages.signed_in(Role::Admin).await);
    running(store, "c1").await;
    for n in 0..100 {
        happens(store, "c1", &format!("point {n}")).await;
    }
    let mut with_live_parts = 0;
    for path in [
        "/",
        "/calls/c1",
        "/trunks",
        "/calls",
        "/flows/ours",
        "/flows/new",
        "/campaigns/new",
        "/settings",
        "/me",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let mut weight = page.text.len();
        let files = loaded(&page.text);
        with_live_parts += usize::from(files.iter().any(|file| file.contains("htmx")));
        for file in files {
            let request = browser.request("GET", &file).header("accept-encoding", "gzip");
            let response =
                pages.api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 200);
            weight += axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().len();
        }
        assert!(weight <= HEAVIEST, "{path} weighs {weight} bytes");
    }
    assert!(
        with_live_parts >= 2,
        "home and a running call renew themselves; what does not, loads nothing for it"
    );
}
