//! Our Socket.IO client against the reference server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use callcore::retry::Backoff;
use dering::trunk::ocs::LinkError;
use dering::trunk::ocs::client::{self, AckError, Client, Host, Notice, Options};
use dering::trunk::ocs::packet::{Binary, Event, Limits, Placeholder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::peer::{self, Peer, hex, within};

/// A TLS configuration that trusts `roots` and nothing else.
fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(tls)
}

fn options(peer: &Peer) -> Options {
    Options {
        name: "test".into(),
        url: format!("ws://127.0.0.1:{}/socket.io/?EIO=4&transport=websocket", peer.port),
        token: Arc::new(|| SecretString::from("t")),
        tls: trusting(RootCertStore::empty()),
        limits: Limits::default(),
        backoff: Backoff { first_ms: 20, cap_ms: 100 },
        connect_timeout: Duration::from_secs(20),
        ack_timeout: Duration::from_secs(20),
        queue: 512,
    }
}

/// What a connection tells.
type Notices = mpsc::Receiver<(Host, Notice)>;

fn start(options: Options) -> (Client, Notices, JoinHandle<()>) {
    let (notices, told) = mpsc::channel(512);
    let (client, task) = client::start(options, 0, notices);
    (client, told, task)
}

async fn connected(peer: &Peer) -> (Client, Notices) {
    let (client, mut notices, _) = start(options(peer));
    up(&mut notices).await;
    (client, notices)
}

async fn up(notices: &mut Notices) {
    while !matches!(within("a connection", notices.recv()).await, Some((_, Notice::Up))) {}
}

async fn event(notices: &mut Notices) -> Event {
    loop {
        match within("an event", notices.recv()).await {
            Some((_, Notice::Event(event))) => return event,
            Some((_, Notice::Answered(_))) => {}
            other => panic!("{other:?} instead of an event"),
        }
    }
}

async fn down(notices: &mut Notices) -> LinkError {
    loop {
        if let (_, Notice::Down { error, .. }) = within("a loss", notices.recv()).await.expect("a notice") {
            return error;
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AudioIn {
    session_id: String,
    audio_data: Placeholder,
}

#[derive(Serialize)]
struct Nested {
    deep: Vec<Inner>,
    note: &'static str,
}

#[derive(Serialize)]
struct Inner {
    left: Binary,
    right: Binary,
}

fn nested() -> Nested {
    let inner = |l: &'static [u8], r: &'static [u8]| Inner {
        left: Binary(Bytes::from_static(l)),
        right: Binary(Bytes::from_static(r)),
    };
    Nested { deep: vec![inner(b"\x1e\x1e", b""), inner(b"\0\xff", b"4")], note: "\u{1e}\"ü" }
}

fn nested_as_seen() -> Value {
    json!({
        "deep": [
            {"left": hex(b"\x1e\x1e"), "right": hex(b"")},
            {"left": hex(b"\0\xff"), "right": hex(b"4")},
        ],
        "note": "\u{1e}\"ü",
    })
}

#[tokio::test]
async fn nested_binary_arrives_whole_whatever_bytes_are_in_it() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({})).await;
    let (client, mut notices) = connected(&peer).await;
    let every_byte: Vec<u8> = (0..=255).chain([0x1E; 400]).collect();
    for n in 0..50_usize {
        let audio = json!({"audioFormat": "pcm16", "audioData": hex(&every_byte[n..]), "sessionId": "s0"});
        peer.tell(json!({"emit": [["audio", audio]]})).await;
    }
    for n in 0..50 {
        let heard = event(&mut notices).await;
        let audio: AudioIn = heard.data.arg(0).expect("an audio payload");
        assert_eq!((heard.name.as_str(), audio.session_id.as_str()), ("audio", "s0"));
        assert_eq!(heard.data.binary(audio.audio_data).expect("its bytes"), &every_byte[n..]);
    }
    client.try_send(client.event("nested", &nested()).expect("JSON")).expect("room in the queue");
    assert_eq!(peer.event("nested").await, json!([nested_as_seen()]));
}

#[tokio::test]
async fn a_binary_event_is_acknowledged_with_binary() {
    if !peer::is_ready() {
        return;
    }
    let peer = Peer::start("carrier.js", json!({})).await;
    let (client, _notices) = connected(&peer).await;
    let (packet, answer) = client.request("echo", &nested()).expect("JSON");
    client.try_send(packet).expect("room in the queue");
    let data = within("the acknowledgement", answer).await.expect("settled").expect("acknowledged");
    assert_eq!(data.attachments(), [&b"\x1e\x1e"[..], b"", b"\0\xff", b"4"]);
    #[derive(Deserialize)]
    struct Deep {
        left: Placeholder,
        right: Placeholder,
    }
    #[derive(Deserialize)]
    struct Echo {
        deep: Vec<Deep>,
    }
    let echo: Echo = data.arg(0).expect("the payload");
    assert_eq!(data.binary(echo.deep[1].left).expect("its bytes"), &b"\0\xff"[..]);
    assert_eq!(data.binary(echo.deep[0].right).expect("its bytes"), &b""[..]);
}

#[tokio::test]
async fn the_server_gets_its_acknowledgements_with_and_without_binary() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({})).await;
    let (client, mut notices) = connected(&peer).await;
    peer.tell(json!({"ask": ["are you there", 1, hex(b"\x1e")]})).await;
    let asked = event(&mut notices).await;
    assert_eq!(asked.data.arg::<u8>(0).expect("the first argument"), 1);
    let id = asked.ack.expect("the server wants an acknowledgement");
    let answer = [Binary(Bytes::from_static(b"\x1eone")), Binary(Bytes::from_static(b"two"))];
    client.try_send(client.answer(id, &answer).expect("JSON")).expect("room in the queue");
    let seen = peer.wait_for("the answer", |report| report.get("answer").cloned()).await;
    assert_eq!(seen, json!([[hex(b"\x1eone"), hex(b"two")]]));

    peer.tell(json!({"ask": ["again"]})).await;
    let id = event(&mut notices).await.ack.expect("an acknowledgement is wanted");
    client.try_send(client.answer(id, &"plain").expect("JSON")).expect("room in the queue");
    let seen = peer.wait_for("the answer", |report| report.get("answer").cloned()).await;
    assert_eq!(seen, json!(["plain"]));
}

#[tokio::test]
async fn packets_of_many_tasks_never_mix() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({})).await;
    let (client, _notices) = connected(&peer).await;
    let client = Arc::new(client);
    for task in 0..8_u8 {
        let client = Arc::clone(&client);
        tokio::spawn(async move {
            for n in 0..100_u8 {
                let payload = [Binary(Bytes::from(vec![task; 320])), Binary(Bytes::from(vec![n]))];
                let packet = client.event("audio", &payload).expect("JSON");
                client.room().await.expect("a live connection").send(packet);
            }
        });
    }
    let mut next = [0_u8; 8];
    for _ in 0..800 {
        let args = peer.event("audio").await;
        let bytes = |at: usize| args[0][at]["$hex"].as_str().expect("bytes").to_owned();
        let task = u8::from_str_radix(&bytes(0)[..2], 16).expect("hex");
        assert_eq!(bytes(0), format!("{task:02x}").repeat(320));
        assert_eq!(bytes(1), format!("{:02x}", next[usize::from(task)]), "task {task}");
        next[usize::from(task)] += 1;
    }
    assert_eq!(next, [100; 8]);
}

#[tokio::test]
async fn a_bad_token_is_reported_and_a_fresh_one_is_asked_for_each_time() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({"token": "token 2"})).await;
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let mut options = options(&peer);
    options.token =
        Arc::new(move || SecretString::from(format!("token {}", count.fetch_add(1, Ordering::Relaxed))));
    let (_client, mut notices, _) = start(options);
    for n in 0..2 {
        match within("a refusal", notices.recv()).await {
            Some((_, Notice::Down { error: LinkError::Refused { message, data }, retry_in })) => {
                assert_eq!((message.as_str(), &data["code"]), ("bad token", &json!(401)));
                assert!(retry_in >= Duration::from_millis(50), "{retry_in:?} is not the slowest pace");
            }
            other => panic!("{other:?} instead of a refusal"),
        }
        let refused = peer.wait_for("the refusal", |report| report.get("refused").cloned()).await;
        assert_eq!(refused, json!({"token": format!("token {n}")}));
    }
    up(&mut notices).await;
    let auth = peer.wait_for("a connection", |report| report.get("connected").cloned()).await;
    assert_eq!(auth, json!({"token": "token 2"}));
}

#[tokio::test]
async fn a_restarted_server_is_found_again_and_gets_the_token_again() {
    if !peer::is_ready() {
        return;
    }
    let peer = Peer::start("carrier.js", json!({"acks": false})).await;
    let port = peer.port;
    let (client, mut notices) = connected(&peer).await;
    let (packet, answer) = client.request("audio", &1).expect("JSON");
    client.try_send(packet).expect("room in the queue");
    peer.kill().await;
    down(&mut notices).await;
    let lost = within("the acknowledgement to fail", answer).await.expect("settled");
    assert_eq!(lost, Err(AckError::Disconnected));

    let mut peer = Peer::start("carrier.js", json!({"port": port})).await;
    up(&mut notices).await;
    let auth = peer.wait_for("a connection", |report| report.get("connected").cloned()).await;
    assert_eq!(auth, json!({"token": "t"}));
    client.try_send(client.event("hello", &nested()).expect("JSON")).expect("room in the queue");
    assert_eq!(peer.event("hello").await, json!([nested_as_seen()]));
}

#[tokio::test]
async fn a_frozen_server_is_noticed_and_left_behind() {
    if !peer::is_ready() {
        return;
    }
    let peer = Peer::start("carrier.js", json!({"pingInterval": 150, "pingTimeout": 150})).await;
    let (_client, mut notices) = connected(&peer).await;
    peer.signal("STOP").await;
    let error = down(&mut notices).await;
    assert!(matches!(error, LinkError::Silent(_)), "{error}");
    peer.signal("CONT").await;
    up(&mut notices).await;
}

#[tokio::test]
async fn a_server_that_disconnects_us_is_called_again() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({})).await;
    let (_client, mut notices) = connected(&peer).await;
    for way in ["namespace", "transport"] {
        peer.tell(json!({"disconnect": way})).await;
        let error = down(&mut notices).await;
        assert!(matches!(error, LinkError::Closed(_)), "{way}: {error}");
        up(&mut notices).await;
    }
}

#[tokio::test]
async fn dropping_the_client_says_goodbye() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({})).await;
    let (client, mut notices, task) = start(options(&peer));
    up(&mut notices).await;
    client.try_send(client.event("last words", &1).expect("JSON")).expect("room in the queue");
    drop(client);
    within("the task to end", task).await.expect("no panic");
    assert_eq!(peer.event("last words").await, json!([1]));
    let reason = peer.wait_for("a goodbye", |report| report.get("disconnected").cloned()).await;
    assert_eq!(reason, "client namespace disconnect");
}

#[tokio::test]
async fn an_acknowledgement_that_never_comes_times_out_and_one_nobody_waits_for_does_no_harm() {
    if !peer::is_ready() {
        return;
    }
    let mut peer = Peer::start("carrier.js", json!({"acks": false})).await;
    let mut options = options(&peer);
    options.ack_timeout = Duration::from_millis(50);
    let (client, mut notices, _) = start(options);
    up(&mut notices).await;
    let (packet, answer) = client.request("audio", &1).expect("JSON");
    client.try_send(packet).expect("room in the queue");
    assert_eq!(within("the timeout", answer).await.expect("settled"), Err(AckError::Timeout));
    for _ in 0..3 {
        let (packet, answer) = client.request("echo", &1).expect("JSON");
        drop(answer);
        client.try_send(packet).expect("room in the queue");
    }
    client.try_send(client.event("still here", &1).expect("JSON")).expect("room in the queue");
    peer.event("still here").await;
}

/// A certificate for 127.0.0.1 and its key, in PEM, made now so that none can expire; `None` without openssl.
fn certificate() -> Option<(String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=carrier", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output();
    match made {
        Ok(output) if output.status.success() => {
            let read = |path| std::fs::read_to_string(path).expect("openssl wrote it");
            Some((read(cert), read(key)))
        }
        _ => {
            println!("skipped: this test needs openssl");
            None
        }
    }
}

#[tokio::test]
async fn over_tls_a_trusted_carrier_is_talked_to_and_a_stranger_is_not() {
    if !peer::is_ready() {
        return;
    }
    let Some((cert, key)) = certificate() else { return };
    let mut peer = Peer::start("carrier.js", json!({"tls": {"cert": cert, "key": key}})).await;
    let over_tls = |roots| Options {
        url: format!("wss://127.0.0.1:{}/socket.io/?EIO=4&transport=websocket", peer.port),
        tls: trusting(roots),
        ..options(&peer)
    };
    let (_stranger, mut notices, _) = start(over_tls(RootCertStore::empty()));
    let error = down(&mut notices).await;
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(cert.as_bytes()).expect("PEM")).expect("a certificate");
    let (client, mut notices, _) = start(over_tls(roots));
    up(&mut notices).await;
    client.try_send(client.event("nested", &nested()).expect("JSON")).expect("room in the queue");
    assert_eq!(peer.event("nested").await, json!([nested_as_seen()]));
}
