//! Clients that misbehave, and others beside them that notice nothing.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway_fixture::{Fixture, TOKEN, join, joined, send};
use crate::peer::{self, Peer, within};

const PATIENT: &str = "
numbers: ['+15552000']
ring: 50ms
";

/// The call goes on: audio is taken and comes to its end.
async fn lives(client: &mut Peer, id: &str, name: &str) {
    assert_eq!(send(client, id, "pcm16", &[0; 320]).await["success"], true);
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": name}]})).await;
    assert_eq!(client.event("checkPoint").await[0]["name"], name);
}

#[tokio::test]
async fn ten_thousand_joins_are_each_answered() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut good = fixture.client(TOKEN).await;
    let mut bad = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut good, "+15552000").await;
    bad.tell(json!({"emit": ["joinRoom", {"sessionId": id}], "times": 5_000})).await;
    bad.tell(json!({"emit": ["joinRoom", {"sessionId": "no-such"}], "times": 5_000})).await;
    for _ in 0..5_000 {
        assert_eq!(joined(&mut bad, &id).await, "success");
    }
    for _ in 0..5_000 {
        assert_eq!(joined(&mut bad, "no-such").await, "failed");
    }
    lives(&mut good, &id, "still here").await;
    lives(&mut bad, &id, "so am I").await;
}

#[tokio::test]
async fn a_room_has_a_limit_and_those_in_it_stay() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut good = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut good, "+15552000").await;
    let crowd = json!({"url": fixture.url(), "token": TOKEN, "session": id, "clients": 64});
    let mut crowd = Peer::start("crowd.js", crowd).await;
    let answers = crowd.wait_for("answers", |report| report.get("joined").cloned()).await;
    assert_eq!(answers, json!({"success": 63, "failed": 1}));
    lives(&mut good, &id, "still here").await;
}

#[tokio::test]
async fn a_client_that_stops_reading_costs_nobody_else_and_loses_no_event() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut good = fixture.client(TOKEN).await;
    let mut stuck = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut good, "+15552000").await;
    join(&mut stuck, &id).await;
    stuck.signal("STOP").await;
    // More than its sockets hold: its own events make the answers that it does not read.
    for n in 0..20 {
        lives(&mut good, &id, &format!("{n}: {}", "x".repeat(1_000))).await;
    }
    good.tell(json!({"emit": ["hangup", {"sessionId": id}]})).await;
    let cdr = good.event("cdr").await;
    stuck.signal("CONT").await;
    for n in 0..20 {
        let name = stuck.event("checkPoint").await[0]["name"].as_str().unwrap_or_default().to_owned();
        assert!(name.starts_with(&format!("{n}: ")), "in order: {name:.10}");
    }
    stuck.event("hangup").await;
    assert_eq!(stuck.event("cdr").await, cdr);
}

#[tokio::test]
async fn connections_that_never_ask_or_never_finish_asking_harm_nobody() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut good = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut good, "+15552000").await;
    let mut open = Vec::new();
    for n in 0..150 {
        let mut stream = TcpStream::connect(fixture.gateway.address()).await.expect("it accepts");
        let half = match n % 4 {
            0 => "",
            1 => "POST /pbx/call HTTP/1.1\r\nHost: x\r\nAuthorization: Bea",
            2 => {
                "POST /pbx/call HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-a\r\nContent-Length: 500\r\n\r\n{"
            }
            _ => "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n",
        };
        stream.write_all(half.as_bytes()).await.expect("it reads");
        open.push(stream);
    }
    lives(&mut good, &id, "still here").await;
    for what in ["\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "{\"event\":\"audio\"}\r\n\r\n"] {
        let mut stream = TcpStream::connect(fixture.gateway.address()).await.expect("it accepts");
        stream.write_all(what.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        let read = within("the end of a connection that is not HTTP", stream.read_to_end(&mut answer)).await;
        assert!(read.is_err() || answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    }
    lives(&mut good, &id, "still here, too").await;
    drop(open);
}

#[tokio::test]
async fn a_message_beyond_any_size_costs_the_sender_its_connection_only() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut good = fixture.client(TOKEN).await;
    let mut bad = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut good, "+15552000").await;
    let huge = json!({"sessionId": id, "name": "x".repeat(3_000_000)});
    bad.tell(json!({"emit": ["checkPoint", huge]})).await;
    let gone = bad.wait_for("its end", |report| report.get("disconnected").cloned()).await;
    assert!(matches!(gone, Value::String(_)), "{gone}");
    lives(&mut good, &id, "still here").await;
}
