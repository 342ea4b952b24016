//! What the system tests run: a carrier with quick callees, a server, a webhook receiver and a client,
//! which know one another by their wires only. No callee and no flow here needs a voice, so nothing is
//! skipped where espeak-ng is absent.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use callcore::audio::{tone, wav};
use dering::access::{self, Scope};
use dering::api::{PageOrigins, PublicUrl};
use dering::app::App;
use dering::config::{Auth, Config, Outward, Trunk, WebRtc};
use dering::gateway::{self, Account, Gateway};
use dering::outbox::receiver::{Inbox, Receipt, Receiver};
use dering::speech::tts::{self, Synthesizer, Tts};
use dering::store::{NewApp, Store};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Takes the call and listens for a minute.
pub(crate) const PERSON: &str = "+15551001";
pub(crate) const FAX: &str = "+15551002";
pub(crate) const BUSY: &str = "+15551003";
pub(crate) const REJECTS: &str = "+15551004";
/// Takes the call and puts the receiver down.
pub(crate) const HANGS_UP: &str = "+15551005";
/// Rings for a minute.
pub(crate) const RINGS: &str = "+15551006";
/// Takes the call and presses 4711.
pub(crate) const PRESSES: &str = "+15551007";
/// Nobody's number.
pub(crate) const NOBODY: &str = "+15559999";

/// The client app that may dial.
pub(crate) const APP: &str = "shop";
/// An app without the scope to dial.
pub(crate) const READER: &str = "reader";

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

const CALLEES: [(&str, &str); 7] = [
    ("person.yaml", "numbers: ['+15551001']\nring: 150ms\ncap: 60s\n"),
    (
        "fax.yaml",
        "numbers: ['+15551002']\nring: 150ms\ncap: 20s\nscript: [ { silence: 200ms }, { fax: { answer: 3s } } ]\n",
    ),
    ("busy.yaml", "numbers: ['+15551003']\nring: 100ms\noutcome: busy\n"),
    ("rejects.yaml", "numbers: ['+15551004']\nring: 100ms\noutcome: reject\n"),
    ("hangs-up.yaml", "numbers: ['+15551005']\nring: 150ms\nscript: [ { silence: 400ms }, hang_up ]\n"),
    (
        "presses.yaml",
        "numbers: ['+15551007']\nring: 150ms\ncap: 60s\nscript: [ { silence: 300ms }, { dtmf: \"4711\" } ]\n",
    ),
    ("rings.yaml", "numbers: ['+15551006']\nring: 60s\noutcome: no_answer\n"),
];

const FLOWS: [(&str, &str); 9] = [
    // Says half a second of something and hangs up.
    (
        "short.yaml",
        "flow: short\nstart: talk\nscenes:\n  talk:\n    - say: { text: [ { play: hello.wav }, \
         { checkpoint: told } ], barge_in: off }\n    - hangup: told\n",
    ),
    // Stays until somebody ends the call.
    ("stay.yaml", "flow: stay\nstart: talk\nscenes: { talk: [ { wait: 60s }, { hangup: bored } ] }\n"),
    (
        "detect.yaml",
        "flow: detect\namd:\n  mode: detect\n  on: { human: over, machine: over, fax: over, no_speech: over, \
         timeout: over }\nscenes: { over: [ { wait: 200ms }, { hangup: known } ] }\n",
    ),
    (
        "named.yaml",
        "flow: named\nvariables: { name: text }\nstart: talk\nscenes: { talk: [ { say: \"Hi {{ name }}\" } ] }\n",
    ),
    (
        "speak.yaml",
        "flow: speak\nstart: talk\non_error: sorry\nscenes:\n  talk: [ { say: Hello }, { hangup: said } ]\n  \
         sorry: [ { hangup: no_voice } ]\n",
    ),
    // Asks for a number that nobody may read later.
    (
        "card.yaml",
        "flow: card\nredact: digits\nvariables: { digits: { default: none } }\nstart: talk\nscenes:\n  talk:\n    \
         - ask: { say: [ { play: hello.wav } ], digits: { into: digits, min: 4, max: 4 }, timeout: 20s }\n    \
         - notify: { event: paid, data: { digits: \"{{ digits }}\" } }\n    - wait: 600ms\n    - hangup: told\n",
    ),
    // Wants things done outside the conversation.
    (
        "errands.yaml",
        "flow: errands\nrecording: off\nstart: talk\nscenes:\n  talk:\n    \
         - notify: { event: reached, data: { n: 1 } }\n    \
         - http: { url: \"http://127.0.0.1:9/x?secret=1\", on_error: refused }\n  refused:\n    \
         - record: { beep: false, max: 400ms, on_empty: silent }\n  silent: [ { hangup: silent } ]\n",
    ),
    ("broken.yaml", "flow: broken\nstart: nowhere\nscenes: { talk: [ { hangup: x } ] }\n"),
    ("mute.yaml", "flow: mute\nstart: talk\nscenes: { talk: [ { play: missing.wav }, { hangup: x } ] }\n"),
];

/// Waits for something that must come soon.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it takes too long")
}

pub(crate) fn local() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Writes the flows and callees of the tests into `folder`.
pub(crate) fn write_fixtures(folder: &Path) {
    let (flows, callees) = (folder.join("flows"), folder.join("callees"));
    for (folder, files) in [(&flows, FLOWS.as_slice()), (&callees, CALLEES.as_slice())] {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let hello = tone::tone(&[440.0], 500, -20.0);
    fs::write(flows.join("hello.wav"), wav::write_8k(&[&hello])).unwrap();
}

/// The client app, a reader without scopes, and an API key, in a database of their own.
pub(crate) async fn create_credentials(store: &Store) -> (SecretString, SecretString) {
    let secret = access::new_app_secret();
    let bots = [
        "card", "errands", "short", "stay", "detect", "named", "broken", "mute", "speak", "ghost", "sales",
        "greet",
    ];
    for (id, scope) in [(APP, Scope::Dialout), (READER, Scope::Read)] {
        let app = NewApp {
            id: id.into(),
            name: id.into(),
            scopes: vec![scope.into()],
            bots: bots.map(String::from).to_vec(),
            secret: secret.clone(),
        };
        store.create_app(app).await.unwrap();
    }
    let (kept, key) = access::new_api_key("tests", &[Scope::Read, Scope::Campaigns]);
    store.create_api_key(kept).await.unwrap();
    (secret, key)
}

/// The carrier, on threads of its own so that it can vanish at once.
pub(crate) struct Carrier {
    live: Option<(gateway::Running, Runtime)>,
    token: SecretString,
    url: String,
}

impl Carrier {
    pub(crate) async fn start(folder: &Path) -> Self {
        let token = access::new_app_secret();
        let options = gateway::Options {
            accounts: vec![Account { name: "tests".into(), token: token.clone() }],
            callees: folder.join("callees"),
            tts: Tts::new(tts::Options {
                synthesizer: Synthesizer::Fake(tts::fake::Fake::default()),
                ..tts::Options::default()
            }),
            ..gateway::Options::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let running = runtime.spawn(Gateway::start(options)).await.unwrap().unwrap();
        let url = format!("http://{}", running.address());
        Self { live: Some((running, runtime)), token, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Calls that are live at the carrier.
    pub(crate) fn calls(&self) -> usize {
        self.live.as_ref().map_or(0, |(running, _)| running.calls())
    }

    /// Is gone from one moment to the next, with every connection.
    pub(crate) fn vanish(&mut self) {
        if let Some((_, runtime)) = self.live.take() {
            runtime.shutdown_background();
        }
    }

    /// Ends its calls and closes, as on a signal; the connections end when that is done.
    pub(crate) async fn stop(&mut self) {
        if let Some((running, runtime)) = self.live.take() {
            runtime.spawn(running.shutdown()).await.unwrap();
            runtime.shutdown_background();
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.vanish();
    }
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("no JSON: {error}: {self:?}"))
    }

    /// Of a problem document: status, code, detail. Fails when it is none.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status);
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        (self.status, text("code"), text("detail"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// A program that uses the API.
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    pub(crate) secret: SecretString,
    pub(crate) key: SecretString,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, secret: SecretString, key: SecretString) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, address, secret, key }
    }

    pub(crate) fn token(&self) -> String {
        let token = access::mint(APP, &self.secret, Duration::from_secs(60), &[]);
        token.unwrap().expose_secret().to_owned()
    }

    /// Posts `body` to `bot` with `token`, or without one when it is empty.
    pub(crate) async fn post_dial(&self, bot: &str, token: &str, body: String) -> Reply {
        let url = format!("http://{}/api/1.1/public/bot/{bot}/smartassist/dialout", self.address);
        let mut request = self.http.post(url).header("content-type", "application/json").body(body);
        if !token.is_empty() {
            request = request.header("auth", token);
        }
        reply(request).await
    }

    pub(crate) async fn try_dial(&self, bot: &str, number: &str, extra: Value) -> Reply {
        let mut body = json!({ "target": format!("tel:{number}"), "caller": "+15550100" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.post_dial(bot, &self.token(), body.to_string()).await
    }

    /// Dials, and expects to be heard; the call's id.
    pub(crate) async fn dial(&self, bot: &str, number: &str, extra: Value) -> String {
        let reply = self.try_dial(bot, number, extra).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["callId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn read(&self, path: &str) -> Reply {
        let url = format!("http://{}{path}", self.address);
        reply(self.http.get(url).bearer_auth(self.key.expose_secret())).await
    }

    pub(crate) async fn hang_up(&self, call_id: &str) -> Reply {
        let url = format!("http://{}/v1/calls/{call_id}/hangup", self.address);
        reply(self.http.post(url).bearer_auth(self.key.expose_secret())).await
    }

    /// Waits until the call's notifications look as `wanted`; asks the API again and again.
    pub(crate) async fn ledger(&self, call_id: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        in_time(async {
            loop {
                let shown = self.read(&format!("/v1/calls/{call_id}/notifications")).await.json();
                let rows = shown["notifications"].as_array().unwrap().clone();
                if wanted(&rows) {
                    return rows;
                }
            }
        })
        .await
    }
}

/// The answer to a request of one's own.
pub(crate) async fn reply_to(request: reqwest::RequestBuilder) -> Reply {
    reply(request).await
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = in_time(request.send()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}

/// Whether a notification is the last one of its call.
pub(crate) fn is_final(body: &Value) -> bool {
    matches!(body["status"].as_str(), Some("completed" | "Failed"))
}

/// The notifications of a call, once the last one is there.
pub(crate) async fn last_word(inbox: &Inbox, call_id: &str) -> Vec<Value> {
    arrived(inbox, call_id, |bodies| bodies.last().is_some_and(is_final)).await
}

/// The notifications of a call, once they look as `wanted`. Every signature must hold.
pub(crate) async fn arrived(inbox: &Inbox, call_id: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let waiting = async {
        let mut seen = 0;
        loop {
            let receipts = inbox.of(call_id);
            assert!(receipts.iter().all(Receipt::valid), "{receipts:?}");
            let bodies: Vec<Value> =
                receipts.iter().map(|receipt| serde_json::from_str(&receipt.body).unwrap()).collect();
            if wanted(&bodies) {
                return bodies;
            }
            seen = inbox.arrived_after(seen).await.last().map_or(seen, |receipt| receipt.number);
        }
    };
    in_time(waiting).await
}

/// What differs from test to test.
pub(crate) struct Setup {
    /// Whether webhooks may go to this computer.
    pub(crate) allow_private: bool,
    /// Calls that the trunk takes at the same time, and calls that may wait for it.
    pub(crate) lines: Option<(usize, usize)>,
    /// How others reach the server.
    pub(crate) public_url: PublicUrl,
    /// The parameters that run in shadow.
    pub(crate) shadow: Option<String>,
    /// The section `speech_to_text`, as YAML.
    pub(crate) speech_to_text: Option<String>,
    /// Pages of others that may call.
    pub(crate) origins: PageOrigins,
    /// Where calls in the browser are taken.
    pub(crate) browsers: SocketAddr,
    /// Flows beside the usual ones, by the names of their files.
    pub(crate) flows: Vec<(&'static str, Vec<u8>)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            allow_private: true,
            lines: None,
            public_url: PublicUrl::default(),
            shadow: None,
            speech_to_text: None,
            origins: PageOrigins::default(),
            browsers: local(),
            flows: Vec::new(),
        }
    }
}

/// Everything, running.
pub(crate) struct TestSystem {
    pub(crate) app: App,
    pub(crate) carrier: Carrier,
    pub(crate) client: Client,
    pub(crate) inbox: Inbox,
    pub(crate) receiver: Receiver,
    pub(crate) folder: TempDir,
}

/// The configuration of a server in `folder`, on any free port.
pub(crate) fn config(folder: &Path, carrier: &Carrier) -> Config {
    let mut trunk = Trunk::with_token("main", carrier.url(), carrier.token.clone());
    trunk.away_timeout = 1;
    Config {
        listen: local(),
        database: folder.join("dering.db"),
        recordings: folder.join("recordings").into(),
        speech_cache: folder.join("speech"),
        flows: folder.join("flows"),
        bots: [("sales".to_owned(), "short".to_owned())].into(),
        trunks: vec![trunk],
        webhooks: Outward { allow_private: true, allow: Vec::new() },
        webrtc: WebRtc { listen: Some(local()), per_address: 3, ..WebRtc::default() },
        // Tests ask again and again instead of waiting.
        auth: Auth { app_rate: None, key_rate: None, ..Auth::default() },
        ..Config::default()
    }
}

impl TestSystem {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_fixtures(folder.path());
        for (name, content) in setup.flows {
            fs::write(folder.path().join("flows").join(name), content).unwrap();
        }
        let carrier = Carrier::start(folder.path()).await;
        let mut config = config(folder.path(), &carrier);
        if let Some(yaml) = setup.speech_to_text {
            let file = folder.path().join("hears.yaml");
            fs::write(&file, format!("speech_to_text:\n{yaml}")).unwrap();
            config.speech_to_text = dering::config::load(&file).unwrap().speech_to_text;
        }
        config.webhooks.allow_private = setup.allow_private;
        config.public_url = setup.public_url;
        config.webrtc.origins = setup.origins;
        config.webrtc.listen = Some(setup.browsers);
        config.amd.shadow = setup.shadow;
        if let Some((calls, queue)) = setup.lines {
            config.trunks[0].limits.calls = Some(calls);
            config.trunks[0].limits.queue = queue;
        }
        let app = Box::pin(App::start(&config)).await.unwrap();
        let (secret, key) = create_credentials(app.store()).await;
        let inbox = Inbox::new(vec![secret.clone()]);
        let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
        let client = Client::new(app.address(), secret, key);
        Self { app, carrier, client, inbox, receiver, folder }
    }

    /// Dials with notifications to the receiver.
    pub(crate) async fn dial(&self, bot: &str, number: &str, extra: Value) -> String {
        let mut all = json!({ "notifyUrl": self.receiver.url() });
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.client.dial(bot, number, all).await
    }

    pub(crate) async fn last_word(&self, call_id: &str) -> Vec<Value> {
        last_word(&self.inbox, call_id).await
    }

    /// Waits until the callee has taken the call.
    pub(crate) async fn answered(&self, call_id: &str) {
        arrived(&self.inbox, call_id, |bodies| !bodies.is_empty()).await;
    }
}

/// A field of every notification.
pub(crate) fn each<'a>(bodies: &'a [Value], field: &str) -> Vec<&'a str> {
    bodies.iter().map(|body| body[field].as_str().unwrap_or_default()).collect()
}

/// The fields that a reply says were ignored, but for `caller`: whether the carrier takes it is known once its version is.
pub(crate) fn ignored_but_caller(header: &impl AsRef<[u8]>) -> String {
    let fields = String::from_utf8_lossy(header.as_ref()).into_owned();
    fields.split(", ").filter(|field| *field != "caller").collect::<Vec<_>>().join(", ")
}
