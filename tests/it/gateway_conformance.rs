//! The gateway against the documents, version by version: tables of named checks in node (npm
//! `socket.io-client`, npm `ws`, plain HTTP), one for each endpoint, event and field.

use std::collections::HashMap;

use dering::gateway::{Account, Options, Version};
use serde_json::{Value, json};

use crate::gateway_fixture::Fixture;
use crate::peer::{self, Peer};

pub(crate) const CAST: [(&str, &str); 7] = [
    (
        "polite",
        "numbers: ['+15551000']\nring: 100ms\nscript:\n- silence: 100ms\n- beep: { hz: 1000, length: 300ms }\n\
         - wait_until_bot_stops: { silence: 200ms }\n- dtmf: '5'\n- hang_up\n",
    ),
    ("patient", "numbers: ['+15552000']\nring: 50ms\n"),
    ("busy", "numbers: ['+15551001']\noutcome: busy\nring: 50ms\n"),
    ("reject", "numbers: ['+15551002']\noutcome: reject\nring: 50ms\n"),
    ("away", "numbers: ['+15551003']\noutcome: no_answer\nring: 50ms\n"),
    ("congestion", "numbers: ['+15551004']\noutcome: congestion\nring: 50ms\n"),
    ("slow", "numbers: ['+15556000']\nring: 50s\n"),
];

/// An account of each version, whose token is its name, and one that never calls.
pub(crate) fn accounts(options: &mut Options) {
    let versions = [("1.0.3", Version::V1_0_3), ("1.0.4", Version::V1_0_4), ("1.0.5", Version::V1_0_5)];
    let names = versions.iter().map(|(name, _)| *name).chain(["silent"]);
    options.accounts = names.map(|name| Account { name: name.into(), token: name.into() }).collect();
    options.account_versions = versions.map(|(name, version)| (name.to_owned(), version)).into();
    options.version = Version::V1_0_5;
    options.recordings = None;
}

async fn conforms(version: &str, stranger: &str, at_least: usize) {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start_with(&CAST, accounts).await;
    let mp3: String = include_bytes!("../data/tone-24k.mp3").iter().map(|b| format!("{b:02x}")).collect();
    let told = json!({"url": fixture.url(), "version": version, "token": version, "stranger": stranger,
                      "recorder": "silent", "mp3": mp3});
    let mut peer = Peer::start("conform.js", told).await;
    let (mut passed, mut failed) = (0, Vec::new());
    loop {
        let report = peer.report().await;
        if report["done"] == true {
            break;
        }
        let name = report["check"].as_str().unwrap_or_default();
        if report["ok"] == true {
            println!("{version}: {name}");
            passed += 1;
        } else {
            failed.push(format!("{name}\n{}", report["why"].as_str().unwrap_or_default()));
        }
    }
    assert!(failed.is_empty(), "{version} fails:\n{}", failed.join("\n\n"));
    assert!(passed >= at_least, "{version}: only {passed} checks ran");
    assert_eq!(fixture.gateway.calls(), 0, "every call has ended");
}

#[tokio::test]
async fn version_1_0_3_is_served_to_the_letter() {
    conforms("1.0.3", "1.0.4", 40).await;
}

#[tokio::test]
async fn version_1_0_4_is_served_to_the_letter() {
    conforms("1.0.4", "1.0.3", 60).await;
}

#[tokio::test]
async fn version_1_0_5_is_served_to_the_letter() {
    conforms("1.0.5", "1.0.4", 60).await;
}

#[tokio::test]
async fn media_of_1_0_5_may_have_a_host_of_their_own() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start_with(&CAST, |options| {
        accounts(options);
        options.media_listen = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let media = fixture.gateway.media_address().expect("a host of its own");
    let body = json!({"phoneNumber": "+15552000"}).to_string();
    let (_, answer) = fixture.rest("POST /pbx/call", Some("1.0.5"), Some(&body)).await;
    let (id, url) = (&answer["data"]["sessionId"], format!("http://{media}"));
    assert_eq!(answer["data"]["endpointUrl"], json!(url));

    let refused = Peer::start("client.js", json!({"url": fixture.url(), "token": "1.0.5"})).await;
    let mut refused = refused;
    let reason = refused.wait_for("a refusal", |report| report.get("refused").cloned()).await;
    assert_eq!(reason, "Connect to the endpointUrl of the call");
    let mut client = Peer::start("client.js", json!({"url": url, "token": "1.0.5"})).await;
    client.wait_for("a connection", |report| report["connected"].as_bool()).await;
    client.tell(json!({"emit": ["joinRoom", {"sessionId": id}]})).await;
    client.wait_for("Connected", |report| (report["args"][0]["status"] == "Connected").then_some(())).await;
    client.tell(json!({"emit": ["hangup", {"sessionId": id}]})).await;
    client.event("cdr").await;

    let mut older = fixture.client("1.0.4").await;
    let (_, answer) = fixture.rest("POST /pbx/call", Some("1.0.4"), Some(&body)).await;
    assert_eq!(answer["data"].get("endpointUrl"), None);
    let expected = json!([{"sessionId": answer["data"]["sessionId"], "type": "outbound"}]);
    assert_eq!(older.event("newSession").await, expected, "older versions have one host");
    let (status, _) = fixture.rest(&format!("GET /ws/{id}"), Some("1.0.5"), None).await;
    assert_eq!(status, 404, "the WebSocket is at the media host");
}

#[tokio::test]
async fn a_version_for_an_account_that_does_not_exist_is_a_mistake() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = crate::gateway_fixture::options(folder.path(), &CAST);
    options.account_versions = HashMap::from([("nobody".to_owned(), Version::V1_0_3)]);
    let error = dering::gateway::Gateway::start(options).await.expect_err("no such account");
    assert!(error.to_string().contains("nobody"), "{error}");
    assert_eq!(json!(Version::V1_0_5.as_str()), Value::from("1.0.5"));
}
