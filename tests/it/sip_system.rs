//! Whole calls of the server over a SIP trunk.

use dering::app::App;
use dering::config::Trunk;
use serde_json::{Value, json};

use crate::sipp::{self, Sipp};
use crate::system_fixture::{Carrier, Client, PERSON, config, create_credentials, in_time, write_fixtures};

/// A server whose trunk is a SIP peer.
struct TestSystem {
    app: App,
    client: Client,
    _carrier: Carrier,
    _folder: tempfile::TempDir,
}

impl TestSystem {
    async fn start(peer: &Sipp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        let carrier = Carrier::start(folder.path()).await;
        let mut config = config(folder.path(), &carrier);
        let trunk = format!(
            "{{ name: main, kind: sip, server: '{}', listen: '127.0.0.1:0', rtp_ports: 25000-27999, ping: 0 }}",
            peer.address
        );
        let trunk: Trunk = serde_saphyr::from_str(&trunk).unwrap();
        config.trunks = vec![trunk];
        let app = Box::pin(App::start(&config)).await.unwrap();
        let (secret, key) = create_credentials(app.store()).await;
        let client = Client::new(app.address(), secret, key);
        Self { app, client, _carrier: carrier, _folder: folder }
    }

    /// The timeline of a call once it has ended: kinds with what they say.
    async fn ended(&self, call_id: &str) -> Vec<(String, Value)> {
        in_time(async {
            loop {
                let shown = self.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
                let events = shown["events"].as_array().unwrap().iter();
                let events: Vec<(String, Value)> = events
                    .map(|event| (event["kind"].as_str().unwrap().to_owned(), event["detail"].clone()))
                    .collect();
                if events.iter().any(|(kind, _)| kind == "ended") {
                    return events;
                }
            }
        })
        .await
    }
}

impl TestSystem {
    /// What is kept of the signalling of a call, once it is.
    async fn ladder(&self, call_id: &str) -> Value {
        in_time(async {
            loop {
                let told = self.client.read(&format!("/v1/calls/{call_id}/sip")).await.json();
                if told["messages"].as_array().is_some_and(|messages| !messages.is_empty()) {
                    return told;
                }
            }
        })
        .await
    }
}

fn detail<'e>(events: &'e [(String, Value)], kind: &str) -> &'e Value {
    let found = events.iter().find(|(known, _)| known == kind);
    found.map(|(_, detail)| detail).unwrap_or_else(|| panic!("{kind} among {events:#?}"))
}

#[tokio::test]
async fn a_bot_says_its_prompt_and_hangs_up() {
    if !sipp::is_there() {
        return;
    }
    let peer = sipp::plays("answers.xml");
    let system = TestSystem::start(&peer).await;
    let call_id = system.client.dial("short", PERSON, json!({})).await;
    let events = system.ended(&call_id).await;
    assert_eq!(detail(&events, "ended")["outcome"], "told");
    assert_eq!(detail(&events, "ended")["disposition"], "ANSWERED");
    assert!(events.iter().any(|(kind, _)| kind == "checkpoint"), "{events:#?}");
    let session = detail(&events, "placed")["sessionId"].as_str().unwrap().to_owned();
    let record = system.client.read(&format!("/v1/cdr/{session}")).await.json();
    assert_eq!(record["data"]["disposition"], "ANSWERED", "{record}");
    let sip = system.ladder(&call_id).await;
    let lines: Vec<&str> = sip["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap().lines().next().unwrap())
        .collect();
    for part in ["INVITE sip:", "SIP/2.0 180", "SIP/2.0 200", "ACK sip:", "BYE sip:"] {
        assert!(lines.iter().any(|line| line.starts_with(part)), "{part} in {lines:#?}");
    }
    assert!(
        sip["messages"][0]["isOurs"] == true && lines.last().unwrap().starts_with("SIP/2.0 200"),
        "{lines:#?}"
    );
    assert!(sip["audio"]["received"].as_i64().unwrap() > 0, "{sip}");
    peer.ends_well().await;
    system.app.shutdown().await;
}

#[tokio::test]
async fn a_line_that_is_busy_is_busy() {
    if !sipp::is_there() {
        return;
    }
    let peer = sipp::plays("refuses.xml");
    let system = TestSystem::start(&peer).await;
    let call_id = system.client.dial("short", PERSON, json!({})).await;
    let ended = detail(&system.ended(&call_id).await, "ended").clone();
    assert_eq!((&ended["outcome"], &ended["cause"]), (&json!("busy"), &json!(17)), "{ended}");
    peer.ends_well().await;
    system.app.shutdown().await;
}
