//! Whole calls of the server against the reference server of the wire: what a carrier gets of them, and how they wait for
//! one that has no time.

use std::time::Duration;

use callcore::audio::{tone, wav};
use dering::app::App;
use dering::config::Trunk;
use serde_json::{Value, json};

use crate::peer::{self, Peer};
use crate::system_fixture::{Carrier, Client, PERSON, config, create_credentials, in_time, write_fixtures};

/// A flow whose prompt is no whole number of frames long.
const ODD: &str = "flow: short\nstart: talk\nscenes:\n  talk:\n    - say: { text: [ { play: odd.wav } ], \
                   barge_in: off }\n    - wait: 60s\n    - hangup: told\n";
const ODD_MS: u64 = 515;

/// A server whose carrier is the reference server.
struct TestSystem {
    app: App,
    client: Client,
    peer: Peer,
    _folder: tempfile::TempDir,
}

impl TestSystem {
    /// `None` without node.
    async fn start(carrier: Value) -> Option<Self> {
        if !peer::is_ready() {
            return None;
        }
        let peer = Peer::start("carrier.js", carrier).await;
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        let flows = folder.path().join("flows");
        std::fs::write(flows.join("short.yaml"), ODD).unwrap();
        std::fs::write(flows.join("odd.wav"), wav::write_8k(&[&tone::tone(&[440.0], ODD_MS, -12.0)]))
            .unwrap();
        let elsewhere = Carrier::start(folder.path()).await;
        let mut config = config(folder.path(), &elsewhere);
        config.trunks = vec![Trunk::with_token("main", &peer.url(), "t".into())];
        let app = Box::pin(App::start(&config)).await.unwrap();
        let (secret, key) = create_credentials(app.store()).await;
        let client = Client::new(app.address(), secret, key);
        Some(Self { app, client, peer, _folder: folder })
    }

    /// The kinds of the call's timeline, with what they say.
    async fn events(&self, call_id: &str) -> Vec<(String, Value)> {
        let shown = self.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
        let events = shown["events"].as_array().unwrap().iter();
        events.map(|event| (event["kind"].as_str().unwrap().to_owned(), event["detail"].clone())).collect()
    }
}

#[tokio::test]
async fn every_packet_of_a_prompt_is_whole_frames_and_the_last_is_filled_up_with_silence() {
    let Some(mut system) = TestSystem::start(json!({})).await else { return };
    let call_id = system.client.dial("short", PERSON, json!({})).await;
    system.peer.event("joinRoom").await;
    let connected = json!({ "sessionId": "s0", "status": "Connected" });
    system.peer.emit("s0", "dialStatus", connected).await;
    let (mut packets, mut ended) = (Vec::new(), false);
    while !ended {
        let report = system.peer.report().await;
        if report["event"] == "audio" {
            packets.push(report["args"][0]["audioData"]["$hex"].as_str().unwrap().to_owned());
        }
        ended = report["event"] == "checkPoint";
    }
    // Two letters a byte.
    assert!(packets.iter().all(|packet| packet.len() % 640 == 0 && !packet.is_empty()), "{packets:?}");
    let heard: String = packets.concat();
    assert_eq!(heard.len() as u64, ODD_MS.next_multiple_of(20) * 8 * 4);
    let rest = &heard[ODD_MS as usize * 8 * 4..];
    assert!(rest.len() == 160 && rest.chars().all(|digit| digit == '0'), "{rest}");
    system.client.hang_up(&call_id).await;
    system.peer.event("hangup").await;
    system.app.shutdown().await;
}

#[tokio::test]
async fn a_call_whose_carrier_asks_to_wait_waits_so_long_and_is_dialled_then() {
    let busy = json!({ "status": 429, "body": { "status": 429, "errors": "too many calls", "data": null },
                       "headers": { "retry-after": "1" } });
    let Some(mut system) = TestSystem::start(json!({ "rest": busy })).await else { return };
    let call_id = system.client.dial("stay", PERSON, json!({})).await;
    system.peer.rest("POST /pbx/call").await;
    let refused = tokio::time::Instant::now();
    system.peer.tell(json!({ "set": { "rest": null } })).await;
    system.peer.rest("POST /pbx/call").await;
    assert!(refused.elapsed() >= Duration::from_millis(900), "{:?}", refused.elapsed());
    system.peer.event("joinRoom").await;
    let events = in_time(async {
        loop {
            let events = system.events(&call_id).await;
            if events.iter().any(|(kind, _)| kind == "placed") {
                return events;
            }
        }
    })
    .await;
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).take(6).collect();
    assert_eq!(kinds, ["dialled", "dialling", "queued", "dequeued", "dialling", "placed"]);
    assert_eq!(
        (&events[2].1["retryAfterMs"], &events[2].1["why"]),
        (&json!(1_000), &json!("429: too many calls"))
    );
    system.client.hang_up(&call_id).await;
    system.app.shutdown().await;
}
