//! What the inbound tests run: a server whose port takes calls, and carriers that place them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use callcore::audio::{tone, wav};
use dering::app::App;
use dering::config::{Auth, Config, Inbound, InboundRoute, Outward};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::peer::Peer;
use crate::system_fixture::{Client, create_credentials, in_time, local};

/// The number of each flow.
pub(crate) const SHORT: &str = "+62215550001";
pub(crate) const LONG: &str = "+62215550002";
pub(crate) const KEYS: &str = "+62215550003";
pub(crate) const WHO: &str = "+62215550004";
pub(crate) const UNKNOWN: &str = "+15559999";
pub(crate) const CALLER: &str = "+6281234567";

/// Length of the long recording, in bytes on the wire (10 s).
pub(crate) const LONG_BYTES: u64 = 160_000;
/// Length of the short one (500 ms).
pub(crate) const SHORT_BYTES: u64 = 8_000;

const FLOWS: [(&str, &str); 4] = [
    (
        "short.yaml",
        "flow: short\nstart: talk\nscenes:\n  talk:\n    - say: { text: [ { play: hello.wav }, \
         { checkpoint: told } ], barge_in: off }\n    - hangup: told\n",
    ),
    (
        "long.yaml",
        "flow: long\nstart: talk\nscenes:\n  talk:\n    - say: { text: [ { checkpoint: begun }, { play: long.wav }, \
         { checkpoint: all } ], barge_in: both }\n    - branch: [ { when: heard_all, goto: patient } ]\n    \
         - hangup: impatient\n  patient: [ { hangup: patient } ]\n",
    ),
    (
        "keys.yaml",
        "flow: keys\nstart: talk\nscenes:\n  talk:\n    - send_digits: \"5#\"\n    - ask:\n        say: [ { play: hello.wav } ]\n        \
         timeout: 30s\n        choices: { \"42\": right, \"9\": wrong }\n    - hangup: silent\n  \
         right: [ { hangup: right } ]\n  wrong: [ { hangup: wrong } ]\n",
    ),
    (
        "who.yaml",
        "flow: who\nvariables: { caller: text, called: text, shop: { type: text, default: none } }\nstart: talk\nscenes:\n  \
         talk:\n    - branch:\n        - when: caller == \"+6281234567\" and called == \"+62215550004\" and shop == \"Menteng\"\n          \
         goto: known\n    - hangup: unknown\n  known: [ { hangup: known } ]\n",
    ),
];

fn write_fixtures(folder: &Path) {
    let flows = folder.join("flows");
    fs::create_dir_all(&flows).unwrap();
    for (name, text) in FLOWS {
        fs::write(flows.join(name), text).unwrap();
    }
    for (name, ms) in [("hello.wav", 500), ("long.wav", 10_000)] {
        let samples = tone::tone(&[440.0], ms, -20.0);
        fs::write(flows.join(name), wav::write_8k(&[&samples])).unwrap();
    }
}

fn route(did: &str, flow: &str) -> InboundRoute {
    InboundRoute { did: did.into(), flow: flow.into(), ..InboundRoute::default() }
}

/// The section `inbound`: every flow at its number.
pub(crate) fn inbound() -> Inbound {
    let variables: Map<String, Value> = [("shop".to_owned(), json!("Menteng"))].into_iter().collect();
    Inbound {
        listen: Some(local()),
        routes: vec![
            route(SHORT, "short"),
            route("006221 555 0002", "long"),
            route("+62215550003*", "keys"),
            InboundRoute { variables, ..route(WHO, "who") },
        ],
        ..Inbound::default()
    }
}

/// A server without carriers of its own.
pub(crate) struct TestSystem {
    pub(crate) app: App,
    pub(crate) client: Client,
    pub(crate) folder: TempDir,
}

impl TestSystem {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server whose configuration `change` has changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        let mut config = Config {
            listen: local(),
            database: folder.path().join("dering.db"),
            recordings: folder.path().join("recordings").into(),
            speech_cache: folder.path().join("speech"),
            flows: folder.path().join("flows"),
            webhooks: Outward { allow_private: true, allow: Vec::new() },
            // Tests ask again and again instead of waiting.
            auth: Auth { app_rate: None, key_rate: None, ..Auth::default() },
            inbound: inbound(),
            ..Config::default()
        };
        change(&mut config);
        let app = Box::pin(App::start(&config)).await.unwrap();
        let (secret, key) = create_credentials(app.store()).await;
        let client = Client::new(app.address(), secret, key);
        Self { app, client, folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.app.inbound_address().expect("the port for calls is open")
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address())
    }

    /// A carrier that connects and announces a call.
    pub(crate) async fn call(&self, did: &str, session: &str) -> Peer {
        let call = json!({ "callerId": CALLER, "didNumber": did, "sessionId": session });
        Peer::start("inbound.js", json!({ "url": self.url(), "call": call })).await
    }

    /// A carrier whose call has been answered.
    pub(crate) async fn answered(&self, did: &str, session: &str) -> Peer {
        let mut peer = self.call(did, session).await;
        peer.event("answer").await;
        peer
    }

    /// A call once it has ended, as the API shows it.
    pub(crate) async fn ended(&self, session: &str) -> Value {
        in_time(async {
            loop {
                let calls = self.client.read("/v1/calls?progress=ended").await.json();
                let found =
                    calls["calls"].as_array().unwrap().iter().find(|call| call["sessionId"] == session);
                if let Some(call) = found {
                    return call.clone();
                }
            }
        })
        .await
    }

    pub(crate) async fn cdr(&self, session: &str) -> Value {
        self.client.read(&format!("/v1/cdr/{session}")).await.json()["data"].clone()
    }

    /// The kinds of a call's timeline, with their details.
    pub(crate) async fn timeline(&self, call: &Value) -> Vec<(String, Value)> {
        let path = format!("/v1/calls/{}/events", call["callId"].as_str().unwrap());
        let shown = self.client.read(&path).await.json();
        let line = |event: &Value| (event["kind"].as_str().unwrap().to_owned(), event["detail"].clone());
        shown["events"].as_array().unwrap().iter().map(line).collect()
    }
}

/// The carrier's record of a call.
pub(crate) fn cdr(session: &str, cause: Value) -> Value {
    json!({
        "event": "cdr", "sessionId": session, "destination": SHORT,
        "startTime": "2026-01-01T00:00:00.000Z", "answerTime": "2026-01-01T00:00:02.000Z",
        "endTime": "2026-01-01T00:00:12.000Z", "duration": 12, "billableSeconds": 10,
        "disposition": "ANSWERED", "hangupBy": "CALLEE", "hangupCauseCode": cause,
        "hangupCauseText": "Call completed successfully", "source": CALLER,
    })
}

/// What a carrier has heard so far.
pub(crate) async fn heard(peer: &mut Peer) -> Value {
    peer.tell(json!({ "heard": true })).await;
    peer.wait_for("what was heard", |report| report.get("heard").cloned()).await
}

/// The close frame that a carrier got.
pub(crate) async fn closed(peer: &mut Peer) -> (u64, String) {
    peer.wait_for("the end of the connection", |report| {
        let code = report["closed"].as_u64()?;
        Some((code, report["reason"].as_str().unwrap_or_default().to_owned()))
    })
    .await
}
