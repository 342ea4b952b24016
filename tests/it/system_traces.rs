//! Traces, as a collector of OpenTelemetry gets them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::post;
use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{Options, Store};
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::system_fixture::{BUSY, Carrier, Client, create_credentials, last_word, local, write_fixtures};
use crate::system_process::{Launch, Server};

type Kept = Arc<Mutex<Vec<u8>>>;

/// Takes what is posted, one after the other.
async fn take(State(kept): State<Kept>, uri: Uri, headers: HeaderMap, body: Bytes) {
    assert_eq!(
        (uri.path(), headers["content-type"].to_str().unwrap()),
        ("/v1/traces", "application/x-protobuf")
    );
    kept.lock().await.extend_from_slice(&body);
}

/// How often some bytes stand in others.
fn count(all: &[u8], part: &[u8]) -> usize {
    all.windows(part.len()).filter(|window| *window == part).count()
}

#[tokio::test]
async fn a_collector_gets_requests_calls_and_webhooks_and_no_number() {
    let kept = Kept::default();
    let collector = Router::new().fallback(post(take)).with_state(Arc::clone(&kept));
    let collector = Receiver::start(collector, local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let store = Store::open(Options::file(folder.path().join("dering.db"))).await.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let config = format!("telemetry: {{ otlp: {{ endpoint: 'http://{}' }} }}\n", collector.address());
    let launch = Launch { config: &config, ..Launch::default() };
    let mut server = Server::launch(folder.path(), &carrier, launch).await;
    let client = Client::new(server.address, secret.clone(), key);
    let inbox = Inbox::new(vec![secret]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let call = client.dial("short", BUSY, json!({ "notifyUrl": receiver.url() })).await;
    last_word(&inbox, &call).await;
    // What is left is sent at the end.
    server.signal(Signal::TERM);
    server.ended().await;
    let told = kept.lock().await;
    for part in [
        "dering",
        "POST /api/1.1/public/bot/{bot_id}/smartassist/dialout",
        "call.flow",
        "call.trunk",
        "BUSY",
        "webhook.kind",
        "delivered",
    ] {
        assert!(count(&told, part.as_bytes()) > 0, "{part}: {}", String::from_utf8_lossy(&told));
    }
    let trace = Uuid::parse_str(&call).unwrap().into_bytes();
    assert_eq!(count(&told, &trace), 2, "the call and its webhook are one trace");
    assert_eq!(count(&told, BUSY.trim_start_matches('+').as_bytes()), 0);
}
