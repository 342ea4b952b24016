//! The port for inbound calls without a session behind it: who gets in, and what passes through.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::{DialStatus, Link};
use dering::trunk::ocs_inbound::access::Access;
use dering::trunk::ocs_inbound::{Options, Server, tls};
use dering::trunk::{LegCommand, LegEvent, Offer};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::inbound_fixture::{cdr, closed, heard};
use crate::peer::{self, Peer, hex, within};
use crate::system_fixture::local;

type Offers = mpsc::Receiver<Offer>;

async fn start(change: impl FnOnce(&mut Options)) -> (Server, Offers) {
    let mut options = Options::new(local());
    change(&mut options);
    Server::start(options).await.expect("a free port")
}

fn url(server: &Server) -> String {
    format!("ws://{}", server.address())
}

async fn connect(url: String, mut more: Value) -> Peer {
    more["url"] = url.into();
    Peer::start("inbound.js", more).await
}

fn call(session: &str) -> Value {
    json!({ "call": { "callerId": "+6281", "didNumber": "+6221", "sessionId": session } })
}

async fn offer(offers: &mut Offers) -> Offer {
    within("a call", offers.recv()).await.expect("the port is open")
}

const fn is_sign_of_life(event: &LegEvent) -> bool {
    matches!(event, LegEvent::Alive | LegEvent::Delivered { .. })
}

/// The next event of the call; signs of life are left out, because nobody can foresee them.
async fn told(offer: &mut Offer) -> LegEvent {
    loop {
        let event = within("an event of the call", offer.leg.events.recv()).await;
        let event = event.expect("the call is still there");
        if !is_sign_of_life(&event) {
            return event;
        }
    }
}

async fn ask(offer: &Offer, command: LegCommand) {
    offer.leg.commands.send(command).await.expect("the port takes commands");
}

/// A call that has been picked up.
async fn answered(server: &Server, offers: &mut Offers) -> (Peer, Offer) {
    let mut carrier = connect(url(server), call("s1")).await;
    let mut offer = offer(offers).await;
    let (unused, _) = tokio::sync::oneshot::channel();
    std::mem::replace(&mut offer.pickup, unused).send(()).expect("it rings");
    for status in [DialStatus::Ringing, DialStatus::Connected] {
        assert_eq!(told(&mut offer).await, LegEvent::Status(status));
    }
    carrier.event("answer").await;
    (carrier, offer)
}

#[tokio::test]
async fn what_is_echoed_comes_back_byte_for_byte_however_it_was_cut() {
    if !peer::is_ready() {
        return;
    }
    let (server, mut offers) = start(|_| {}).await;
    let (mut carrier, mut offer) = answered(&server, &mut offers).await;
    assert_eq!((offer.call.caller.as_str(), offer.call.called.as_str()), ("+6281", "+6221"));
    let sent: Vec<u8> = (0..48_000_u32).map(|n| (n % 251) as u8).collect();
    let mut rest = &sent[..];
    for length in [1, 159, 320, 0, 2_560, 24_000, 3, 16_001].into_iter().chain([640; 8]) {
        let (chunk, more) = rest.split_at(length.min(rest.len()));
        carrier.tell(json!({ "audio": hex(chunk) })).await;
        rest = more;
    }
    let total = sent.len() - rest.len();
    let mut echoed = 0;
    while echoed < total {
        if let LegEvent::Audio { pcm: bytes, .. } = told(&mut offer).await {
            echoed += bytes.len();
            ask(&offer, LegCommand::Audio(bytes)).await;
        }
    }
    ask(&offer, LegCommand::CheckPoint("echoed".into())).await;
    assert_eq!(told(&mut offer).await, LegEvent::CheckPoint("echoed".into()));
    assert_eq!(heard(&mut carrier).await["bytes"], total);
    ask(&offer, LegCommand::Hangup).await;
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("s1", json!("16")) })).await;
    assert!(matches!(told(&mut offer).await, LegEvent::Cdr(cdr) if cdr.hangup_cause_code == 16));
    assert!(within("the end", offer.leg.events.recv()).await.is_none());
    server.shutdown().await;
}

#[tokio::test]
async fn only_who_knows_the_secret_gets_in() {
    if !peer::is_ready() {
        return;
    }
    let secret = SecretString::from("s3cret");
    let access = Access::new(&[], Some(&secret)).expect("good rules");
    let (server, mut offers) = start(|options| options.access = access).await;
    let base = url(&server);
    for (url, headers) in [
        (base.clone(), json!({})),
        (base.clone(), json!({ "authorization": "Bearer wrong" })),
        (format!("{base}/?token=wrong"), json!({})),
        (format!("{base}/wrong"), json!({})),
    ] {
        let mut carrier = connect(url, json!({ "headers": headers })).await;
        let status = carrier.wait_for("a refusal", |report| report["refused"].as_u64()).await;
        assert_eq!(status, 401);
    }
    for (url, headers) in [
        (base.clone(), json!({ "authorization": "Bearer s3cret" })),
        (format!("{base}/?token=s3cret"), json!({})),
        (format!("{base}/s3cret"), json!({})),
    ] {
        let mut with_call = call("s1");
        with_call["headers"] = headers;
        let carrier = connect(url, with_call).await;
        assert_eq!(offer(&mut offers).await.call.called, "+6221");
        drop(carrier);
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_and_a_connection_too_many_are_cut_off_at_once() {
    if !peer::is_ready() {
        return;
    }
    let access = Access::new(&["203.0.113.0/24".into()], None).expect("good rules");
    let (server, _offers) = start(|options| options.access = access).await;
    let mut stranger = connect(url(&server), call("s1")).await;
    stranger.wait_for("an error", |report| report["error"].as_str().map(str::to_owned)).await;

    let access = Access::new(&["127.0.0.0/8".into()], None).expect("good rules");
    let (server, mut offers) = start(|options| {
        options.access = access;
        options.max_connections = 1;
    })
    .await;
    let _first = connect(url(&server), call("s1")).await;
    let _ringing = offer(&mut offers).await;
    let mut second = connect(url(&server), call("s2")).await;
    second.wait_for("an error", |report| report["error"].as_str().map(str::to_owned)).await;
    assert!(offers.try_recv().is_err());
}

#[tokio::test]
async fn a_peer_that_says_nothing_or_something_else_first_is_sent_away() {
    if !peer::is_ready() {
        return;
    }
    let (server, _offers) = start(|options| options.waits.first_message = Duration::from_millis(200)).await;
    let mut mute = connect(url(&server), json!({})).await;
    let (code, reason) = closed(&mut mute).await;
    assert!(code == 1008 && reason.contains("incoming_call"), "{code} {reason}");

    let (server, _offers) = start(|_| {}).await;
    for (told, word) in [
        (json!({ "text": "hello" }), "malformed"),
        (json!({ "send": { "event": "dtmf", "digit": "1" } }), "first event"),
        (json!({ "send": { "event": "incoming_call", "callerId": "1" } }), "malformed"),
    ] {
        let mut carrier = connect(url(&server), json!({})).await;
        carrier.wait_for("a connection", |report| report["open"].as_bool()).await;
        carrier.tell(json!({ "audio": hex(&[0; 320]) })).await;
        carrier.tell(told).await;
        let (code, reason) = closed(&mut carrier).await;
        assert!(code == 1008 && reason.contains(word), "{code} {reason}");
    }
}

#[tokio::test]
async fn a_connection_that_never_becomes_one_is_given_up() {
    let (server, _offers) = start(|options| options.waits.handshake = Duration::from_millis(200)).await;
    let mut half_open = tokio::net::TcpStream::connect(server.address()).await.expect("the port is open");
    let mut answer = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut half_open, &mut answer);
    // An end or a reset, but no silence for ever.
    drop(within("the end of the connection", ended).await);
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_carrier_that_has_fallen_silent_is_lost() {
    if !peer::is_ready() {
        return;
    }
    let (server, mut offers) = start(|options| {
        options.waits.ping = Duration::from_millis(100);
        options.waits.silence = Duration::from_secs(2);
    })
    .await;
    let (carrier, mut offer) = answered(&server, &mut offers).await;
    // It answers pings for as long as it lives.
    let until = tokio::time::Instant::now() + Duration::from_secs(4);
    while let Ok(event) = tokio::time::timeout_at(until, offer.leg.events.recv()).await {
        assert!(event.as_ref().is_some_and(is_sign_of_life), "{event:?}");
    }
    carrier.signal("STOP").await;
    let lost = told(&mut offer).await;
    assert!(matches!(&lost, LegEvent::Lost { reason } if reason.contains("silent")), "{lost:?}");
    carrier.signal("CONT").await;
}

#[tokio::test]
async fn a_carrier_that_never_reads_holds_up_nobody() {
    if !peer::is_ready() {
        return;
    }
    let (server, mut offers) = start(|options| {
        options.waits.write = Duration::from_millis(300);
        options.waits.ping = Duration::from_millis(100);
        options.waits.silence = Duration::from_secs(5);
    })
    .await;
    let (mut deaf, mut of_deaf) = answered(&server, &mut offers).await;
    deaf.tell(json!({ "pause": true })).await;
    let (mut other, mut of_other) = answered(&server, &mut offers).await;
    // It answers no ping either, so it is found out long before the buffers between us are full.
    let lost = loop {
        let audio = LegCommand::Audio(Bytes::from(vec![1; 320]));
        if of_deaf.leg.commands.try_send(audio).is_err() {
            assert!(!of_deaf.leg.commands.is_closed() || of_deaf.leg.events.is_closed());
        }
        match tokio::time::timeout(Duration::from_millis(20), of_deaf.leg.events.recv()).await {
            Ok(Some(event)) if is_sign_of_life(&event) => {}
            // On a busy machine it takes long enough to be told of first.
            Ok(Some(LegEvent::Link { link: Link::Stalled, .. })) => {}
            Ok(event) => break event,
            Err(_) => {}
        }
    };
    assert!(matches!(lost, Some(LegEvent::Lost { .. })), "{lost:?}");
    ask(&of_other, LegCommand::Audio(Bytes::from(vec![1; 1_600]))).await;
    ask(&of_other, LegCommand::CheckPoint("heard".into())).await;
    assert_eq!(told(&mut of_other).await, LegEvent::CheckPoint("heard".into()));
    assert_eq!(heard(&mut other).await["bytes"], 1_600);
}

/// A certificate for 127.0.0.1 and its key, made on the spot; false where openssl is missing.
fn certificate(folder: &Path) -> bool {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=dering", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output();
    made.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn with_a_certificate_the_port_speaks_wss_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if !peer::is_ready() || !certificate(folder.path()) {
        println!("skipped: this test needs openssl");
        return;
    }
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let renewable = tls::Certificate::read(&cert, &key).expect("a good certificate");
    let (server, mut offers) = start(|options| options.tls = Some(renewable)).await;
    let mut with_call = call("s1");
    with_call["ca"] = cert.display().to_string().into();
    let mut carrier = connect(format!("wss://{}", server.address()), with_call).await;
    let secure = offer(&mut offers).await;
    secure.pickup.send(()).expect("it rings");
    carrier.event("answer").await;
    let mut plain = connect(url(&server), call("s2")).await;
    plain.wait_for("an error", |report| report["error"].as_str().map(str::to_owned)).await;
    assert!(tls::server_config(&key, &cert).is_err(), "the files are told apart");

    // Renewed while the port is open; a broken one changes nothing.
    assert!(certificate(folder.path()) && server.read_certificate().expect("a good certificate"));
    let whole = std::fs::read(&cert).expect("it is there");
    std::fs::write(&cert, "half of").expect("it can be written");
    assert!(server.read_certificate().is_err());
    std::fs::write(&cert, whole).expect("it can be written");
    let mut with_call = call("s3");
    with_call["ca"] = cert.display().to_string().into();
    let mut carrier = connect(format!("wss://{}", server.address()), with_call).await;
    let secure = offer(&mut offers).await;
    secure.pickup.send(()).expect("it rings");
    carrier.event("answer").await;
}
