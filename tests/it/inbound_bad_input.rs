//! What a broken or hostile carrier may send: nothing of it reaches the calls beside it.

use serde_json::json;

use crate::inbound_fixture::{CALLER, LONG, SHORT, SHORT_BYTES, TestSystem, cdr, closed, heard};
use crate::peer::{self, Peer, hex};

/// Another call works, from its beginning to its record.
async fn a_good_call_works(system: &TestSystem, session: &str) {
    let mut carrier = system.answered(SHORT, session).await;
    carrier.event("hangup").await;
    assert_eq!(heard(&mut carrier).await["bytes"], SHORT_BYTES);
    carrier.tell(json!({ "send": cdr(session, json!(16)) })).await;
    assert_eq!(closed(&mut carrier).await.0, 1000);
    assert_eq!(system.ended(session).await["outcome"], "told");
}

#[tokio::test]
async fn odd_empty_and_misplaced_messages_do_no_harm_to_their_own_call() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.call(LONG, "s1").await;
    carrier.wait_for("a connection", |report| report["open"].as_bool()).await;
    // Before the answer, as far as it is quick enough.
    carrier.tell(json!({ "audio": hex(&[1; 320]) })).await;
    carrier.event("answer").await;
    for told in [
        json!({ "audio": hex(&[7; 321]) }),
        json!({ "audio": hex(&[]) }),
        json!({ "text": "{\"event\":\"dtmf\"" }),
        json!({ "text": "audio as text" }),
        json!({ "text": "" }),
        json!({ "text": "\u{0}\u{1f4a9}" }),
        json!({ "send": { "event": "dance", "with": ["me"] } }),
        json!({ "send": { "event": "dtmf", "digit": "not a key" } }),
        json!({ "send": { "event": "cdr", "duration": { "a": 1 } } }),
        json!({ "send": { "event": "incoming_call", "callerId": CALLER, "didNumber": SHORT, "sessionId": "s2" } }),
        json!({ "flood": { "count": 200, "bytes": 16_000 } }),
    ] {
        carrier.tell(told).await;
    }
    carrier.tell(json!({ "send": { "event": "dtmf", "digit": "1" } })).await;
    carrier.event("interrupt").await;
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    assert_eq!(system.ended("s1").await["outcome"], "impatient", "the key was heard after all of it");
    let calls = system.client.read("/v1/calls").await.json();
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1, "a second incoming_call makes no second call");
    a_good_call_works(&system, "s3").await;
}

#[tokio::test]
async fn a_megabyte_at_once_and_broken_frames_end_the_call_with_a_reason() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut large = system.answered(LONG, "large").await;
    large.tell(json!({ "flood": { "count": 1, "bytes": 1_000_000 } })).await;
    let (code, reason) = closed(&mut large).await;
    assert!(code == 1009 && reason.contains("256 KiB"), "{code} {reason}");
    let mut broken = system.answered(LONG, "broken").await;
    // A frame with reserved bits set.
    broken.tell(json!({ "raw": hex(&[0xf2, 0x80, 0, 0, 0, 0]) })).await;
    assert_eq!(closed(&mut broken).await.0, 1002);
    for session in ["large", "broken"] {
        let call = system.ended(session).await;
        assert_eq!((&call["outcome"], &call["causeCode"]), (&json!("carrier_lost"), &json!(38)), "{session}");
        assert_eq!(system.cdr(session).await["disposition"], "ANSWERED");
    }
    a_good_call_works(&system, "good").await;
}

#[tokio::test]
async fn message_after_message_of_nonsense_ends_the_call() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(LONG, "s1").await;
    for _ in 0..101 {
        carrier.tell(json!({ "text": "nonsense" })).await;
    }
    let (code, reason) = closed(&mut carrier).await;
    assert!(code == 1008 && reason.contains("mean nothing"), "{code} {reason}");
    assert_eq!(system.ended("s1").await["outcome"], "carrier_lost");
}

#[tokio::test]
async fn a_crowd_that_never_gets_to_the_point_leaves_room_for_callers() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(tokio::net::TcpStream::connect(system.address()).await.expect("the port is open"));
    }
    let mut talker = Peer::start("inbound.js", json!({ "url": system.url() })).await;
    talker.wait_for("a connection", |report| report["open"].as_bool()).await;
    talker.tell(json!({ "flood": { "count": 500, "bytes": 320 } })).await;
    assert_eq!(closed(&mut talker).await.0, 1008);
    a_good_call_works(&system, "good").await;
    drop(crowd);
}
