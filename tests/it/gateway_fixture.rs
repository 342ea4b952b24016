//! A gateway on a free port with callees written by the test, and what a client of it does.

use std::path::Path;
use std::time::Duration;

use dering::gateway::{Account, Gateway, Options, Running};
use dering::speech::tts::{self, Synthesizer, Tts, fake::Fake};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::Peer;

pub(crate) const TOKEN: &str = "token-of-a";
pub(crate) const OTHER_TOKEN: &str = "token-of-b";

/// The gateway and the folder it lives in.
pub(crate) struct Fixture {
    pub(crate) gateway: Running,
    pub(crate) folder: TempDir,
    http: reqwest::Client,
}

impl Fixture {
    /// Starts a gateway whose callees are `(file name, YAML)`.
    pub(crate) async fn start(callees: &[(&str, &str)]) -> Self {
        Self::start_with(callees, |_| {}).await
    }

    /// The same, with options of its own.
    pub(crate) async fn start_with(callees: &[(&str, &str)], change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = options(folder.path(), callees);
        change(&mut options);
        let gateway = Gateway::start(options).await.expect("the gateway starts");
        // Repeated by every test of the process: only the first installs it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        Self { gateway, folder, http: reqwest::Client::new() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// A connected client of the account with `token`.
    pub(crate) async fn client(&self, token: &str) -> Peer {
        let mut peer = Peer::start("client.js", json!({"url": self.url(), "token": token})).await;
        peer.wait_for("a connection", |report| report["connected"].as_bool()).await;
        peer
    }

    /// A REST request: HTTP status and JSON body.
    pub(crate) async fn rest(&self, request: &str, token: Option<&str>, body: Option<&str>) -> (u16, Value) {
        let (method, path) = request.split_once(' ').expect("method and path");
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await.expect("the gateway answers");
        let status = response.status().as_u16();
        (status, response.json().await.expect("JSON"))
    }

    /// Places a call and returns its session.
    pub(crate) async fn call(&self, number: &str) -> String {
        let body = json!({"phoneNumber": number}).to_string();
        let (status, answer) = self.rest("POST /pbx/call", Some(TOKEN), Some(&body)).await;
        assert_eq!(
            (status, &answer["status"], &answer["errors"]),
            (200, &json!(200), &json!("")),
            "{answer}"
        );
        assert_eq!(answer["data"]["phoneNumber"], number);
        answer["data"]["sessionId"].as_str().expect("a session").to_owned()
    }

    /// Places a call, joins its room and waits for the answer.
    pub(crate) async fn connect(&self, client: &mut Peer, number: &str) -> String {
        let id = self.call(number).await;
        join(client, &id).await;
        status(client, &id, "Connected").await;
        id
    }

    /// What the gateway recorded: what the callee said, what it heard, and the timeline.
    pub(crate) fn recording(&self, session: &str) -> (Vec<i16>, Vec<i16>, Value) {
        let path = self.gateway.recording(session).expect("recordings are on");
        let bytes = std::fs::read(&path).expect("a recording");
        let samples: Vec<i16> =
            bytes[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        let channel = |n: usize| samples.iter().skip(n).step_by(2).copied().collect();
        let timeline = std::fs::read(path.with_extension("json")).expect("a timeline");
        (channel(0), channel(1), serde_json::from_slice(&timeline).expect("JSON"))
    }
}

pub(crate) fn options(folder: &Path, callees: &[(&str, &str)]) -> Options {
    let cast = folder.join("callees");
    std::fs::create_dir_all(&cast).expect("writable");
    for (name, text) in callees {
        std::fs::write(cast.join(format!("{name}.yaml")), text).expect("writable");
    }
    let account = |name: &str, token: &str| Account { name: name.into(), token: token.into() };
    Options {
        accounts: vec![account("a", TOKEN), account("b", OTHER_TOKEN)],
        callees: cast,
        tts: Tts::new(tts::Options {
            synthesizer: Synthesizer::Fake(Fake::default()),
            ..tts::Options::default()
        }),
        recordings: Some(folder.join("recordings")),
        // Long enough that a client on a busy machine sees the call from its first event.
        join_wait: Duration::from_secs(10),
        ..Options::default()
    }
}

/// Joins a room as every client does.
pub(crate) async fn join(client: &mut Peer, session: &str) {
    client.tell(json!({"emit": ["joinRoom", {"sessionId": session}]})).await;
    let answer = joined(client, session).await;
    assert_eq!(answer, "success");
}

/// How the gateway answers `joinRoom` for `session`.
pub(crate) async fn joined(client: &mut Peer, session: &str) -> String {
    client
        .wait_for("roomJoined", |report| {
            let (event, payload) = (&report["event"], &report["args"][0]);
            (event == "roomJoined" && payload["sessionId"] == session)
                .then(|| payload["status"].as_str().unwrap_or_default().to_owned())
        })
        .await
}

/// Waits until the call has come so far.
pub(crate) async fn status(client: &mut Peer, session: &str, status: &str) {
    let expected = json!([{"sessionId": session, "status": status}]);
    client
        .wait_for(status, |report| {
            (report["event"] == "dialStatus" && report["args"] == expected).then_some(())
        })
        .await;
}

/// Sends audio and returns the acknowledgement.
pub(crate) async fn send(client: &mut Peer, session: &str, format: &str, bytes: &[u8]) -> Value {
    let payload = json!({"sessionId": session, "audioData": crate::peer::hex(bytes), "audioFormat": format});
    acknowledged(client, "audio", payload).await
}

/// Sends audio without waiting for an acknowledgement.
pub(crate) async fn feed(client: &mut Peer, session: &str, format: &str, bytes: &[u8]) {
    let payload = json!({"sessionId": session, "audioData": crate::peer::hex(bytes), "audioFormat": format});
    client.tell(json!({"emit": ["audio", payload]})).await;
}

/// Emits with an acknowledgement and returns it.
pub(crate) async fn acknowledged(client: &mut Peer, event: &str, payload: Value) -> Value {
    client.tell(json!({"emit": [event, payload], "ack": 1})).await;
    client.wait_for("an acknowledgement", |report| report.get("answer").map(|a| a[0].clone())).await
}
