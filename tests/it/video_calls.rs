//! Video calls in Chromium: the bot shows a picture, the callee a camera, somebody watches, and it is recorded.

use callcore::audio::{tone, wav};
use dering::access::Role;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::browser_calls::{As, ask, ended};
use crate::peer::{self, Peer};
use crate::system_fixture::{Setup, TestSystem};
use crate::system_page::browser;

/// A red picture, and a tone that lasts until the callee hangs up.
const FLOW: &str = "flow: shop\nrecording: on\nstart: talk\nscenes:\n  talk:\n    - show: red.webp\n    - say: { text: [ { play: long.wav } ], barge_in: off }\n    \
     - hangup: told\n";
const RED: &[u8] = include_bytes!("../data/red.webp");

async fn system() -> TestSystem {
    let long = wav::write_8k(&[&tone::tone(&[440.0], 60_000, -20.0)]);
    let flows = vec![("shop.yaml", FLOW.into()), ("long.wav", long), ("red.webp", RED.to_vec())];
    let system = TestSystem::with(Setup { flows, ..Setup::default() }).await;
    let contact = json!({ "contact_id": "jj084", "phone_number": null, "name": "Jaya" });
    let reply = ask(&system, As::Program, Method::POST, "/v1/contacts", &contact).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    system
}

/// Calls Jaya by video: the call's id, and the token of the link.
async fn rung(system: &TestSystem) -> (String, String) {
    let body = json!({ "contact_id": "jj084", "type": "video", "flow": "shop", "user_id": "siap3943" });
    let reply = ask(system, As::Program, Method::POST, "/v1/calls", &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let told = reply.json();
    let token = told["ring_link"].as_str().unwrap().strip_prefix("/ring#").unwrap();
    (told["call_id"].as_str().unwrap().to_owned(), token.to_owned())
}

async fn facts(system: &TestSystem, call_id: &str, kind: &str) -> Vec<Value> {
    let events = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    let events = events["events"].as_array().unwrap();
    events.iter().filter(|event| event["kind"] == kind).map(|event| event["detail"].clone()).collect()
}

#[tokio::test]
async fn a_video_call_in_chromium_is_seen_both_ways_watched_and_recorded() {
    let Some(browser) = browser() else { return };
    if !peer::is_ready() {
        return;
    }
    let system = system().await;
    let microphone = system.folder.path().join("microphone.wav");
    std::fs::write(&microphone, wav::write_8k(&[&vec![0; 8_000]])).unwrap();
    let (seen, first) = rung(&system).await;
    let (blind, second) = rung(&system).await;
    let (declined, third) = rung(&system).await;
    let (answered, fourth) = rung(&system).await;
    let token = json!({ "flow": "shop" });
    let token = ask(&system, As::Program, Method::POST, "/v1/browser-tokens", &token).await.json();
    let welcome = system.app.sign_in_link("Ada", Role::Admin).await.unwrap();
    let options = json!({
        "browser": browser,
        "base": format!("http://{}", system.app.address()),
        "welcome": welcome.expose_secret(),
        "microphone": microphone,
        "links": [first, second, third, fourth],
        "token": token["token"],
        "call": seen,
        "pictures": std::env::var("DERING_PICTURES").ok(),
    });
    let mut peer = Peer::start("video.js", options).await;
    let placed = loop {
        let report = peer.report().await;
        if let Some(why) = report["failed"].as_str() {
            panic!("{why}");
        }
        if report["done"] == true {
            println!("{}", report["measured"]);
            break report["placed"].as_str().expect("the id of the call").to_owned();
        }
    };
    assert_eq!(ended(&system, &declined).await.0["causeCode"], 21);
    for (call_id, camera) in [(&seen, true), (&blind, false), (&placed, true), (&answered, false)] {
        let _ended = ended(&system, call_id).await;
        let wanted = json!({ "shows": true, "camera": camera });
        assert_eq!(facts(&system, call_id, "video").await, [wanted], "{call_id}");
        let pictures_came = facts(&system, call_id, "camera_seen").await.len();
        assert_eq!(pictures_came, usize::from(camera), "{call_id}");
        assert_eq!(facts(&system, call_id, "picture_shown").await, [json!({ "name": "red.webp" })]);
        let file = system.client.read(&format!("/v1/calls/{call_id}/camera")).await;
        assert_eq!(file.status, if camera { 200 } else { 404 }, "{}", file.text());
    }
    let history = system.client.read("/v1/calls/history?user_id=siap3943&limit=10").await.json();
    let records = history["call_records"].as_array().unwrap();
    let went = |record: &&Value| record["call_id"] != declined.as_str();
    assert_eq!(records.iter().filter(went).count(), 3);
    for record in records.iter().filter(went) {
        assert_eq!((&record["type"], &record["carried"]), (&json!("video"), &json!("video")), "{record}");
    }
}
