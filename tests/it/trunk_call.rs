//! Whole calls of the Socket.IO trunk against a carrier made of the reference server.

use std::time::Duration;

use bytes::Bytes;
use callcore::call::{DialStatus, Link as Way};
use dering::trunk::ocs::{Link, OcsCarrier, Version};
use dering::trunk::{DialError, LegCommand, LegEvent, Order};
use serde_json::json;

use crate::peer::{Peer, hex, within};
use crate::trunk_fixture::{Scene, ask, cdr, connect, heard, heard_audio, options, over, place, record, way};

#[tokio::test]
async fn a_whole_call_goes_both_ways_from_dialling_to_its_record() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let mut leg = place(&trunk).await;
    assert_eq!(peer.rest("POST /pbx/call").await, json!({"phoneNumber": "08123456789"}));
    let id = leg.session_id.clone();
    assert_eq!(peer.event("joinRoom").await, json!([{"sessionId": id}]));
    for (text, status) in [
        ("Dialing", DialStatus::Dialing),
        ("Ringing", DialStatus::Ringing),
        ("Connected", DialStatus::Connected),
    ] {
        peer.emit(&id, "dialStatus", json!({"sessionId": id, "status": text})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Status(status));
    }

    let voice = [0x1E_u8, 0, 0xFF, 0x7F].repeat(80);
    let audio = json!({"sessionId": id, "audioData": hex(&voice), "audioFormat": "pcm16"});
    peer.emit(&id, "audio", audio).await;
    assert_eq!(heard_audio(&mut leg).await, voice);

    ask(&leg, LegCommand::Audio(Bytes::from(voice.clone()))).await;
    ask(&leg, LegCommand::CheckPoint("greeting".into())).await;
    ask(&leg, LegCommand::Digit { digit: '#', duration_ms: 200 }).await;
    ask(&leg, LegCommand::Interruption).await;
    let said = peer.event("audio").await;
    assert_eq!(said, json!([{"audioData": hex(&voice), "sessionId": id, "audioFormat": "pcm16"}]));
    assert_eq!(peer.event("checkPoint").await, json!([{"sessionId": id, "name": "greeting"}]));
    assert_eq!(peer.event("dtmf").await, json!([{"sessionId": id, "digit": "#", "duration": 200}]));
    assert_eq!(peer.event("interruption").await, json!([{"sessionId": id}]));

    peer.emit(&id, "checkPoint", json!({"sessionId": id, "name": "greeting"})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::CheckPoint("greeting".into()));
    peer.emit(&id, "dtmf", json!({"sessionId": id, "digit": "1"})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Digit('1'));

    ask(&leg, LegCommand::Hangup).await;
    assert_eq!(peer.event("hangup").await, json!([{"sessionId": id}]));
    peer.emit(&id, "hangup", json!({"sessionId": id})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
    peer.emit(&id, "cdr", cdr(&id)).await;
    record(&mut leg).await;
    over(&mut leg).await;
}

#[tokio::test]
async fn a_carrier_of_1_0_3_needs_no_format_no_acks_and_no_record() {
    let carrier = json!({"version": "1.0.3", "acks": false});
    let scene = Scene::with(carrier, |options| {
        options.version = Some(Version::V1_0_3);
        options.cdr_wait = Duration::from_millis(20);
        options.ack_timeout = Duration::from_millis(20);
    });
    let Some(mut scene) = scene.await else { return };
    let mut leg = scene.answered().await;
    let peer = &mut scene.peer;
    let id = leg.session_id.clone();
    peer.emit(&id, "audio", json!({"sessionId": id, "audioData": hex(b"\x01\0")})).await;
    assert_eq!(heard_audio(&mut leg).await, &b"\x01\0"[..]);
    // Far more than are ever awaited: none may wait for an answer to the one before.
    for n in 0..100_u8 {
        ask(&leg, LegCommand::Audio(Bytes::from(vec![n; 320]))).await;
    }
    for n in 0..100_u8 {
        assert_eq!(peer.event("audio").await[0]["audioData"], hex(&[n; 320]));
    }
    peer.emit(&id, "hangup", json!({"sessionId": id})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
    over(&mut leg).await;
}

#[tokio::test]
async fn long_audio_leaves_in_packets_of_160_ms_and_stays_in_order_with_its_check_point() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({"ackError": "queue full"})).await else {
        return;
    };
    let mut leg = place(&trunk).await;
    connect(&mut peer, &mut leg).await;
    let speech: Vec<u8> = (0..6_000_u32).map(|n| n as u8).collect();
    ask(&leg, LegCommand::Audio(Bytes::from(speech.clone()))).await;
    ask(&leg, LegCommand::CheckPoint("end".into())).await;
    let mut lengths = Vec::new();
    let mut said = String::new();
    loop {
        let report = peer.report().await;
        match report["event"].as_str() {
            Some("audio") => {
                let part = report["args"][0]["audioData"]["$hex"].as_str().expect("bytes").to_owned();
                lengths.push(part.len() / 2);
                said.push_str(&part);
            }
            Some("checkPoint") => break,
            _ => {}
        }
    }
    assert_eq!(lengths, [2_560, 2_560, 880]);
    assert_eq!(hex(&speech), json!({"$hex": said}));
}

#[tokio::test]
async fn calls_on_one_connection_do_not_hear_one_another() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let mut legs = Vec::new();
    for _ in 0..20 {
        let mut leg = place(&trunk).await;
        connect(&mut peer, &mut leg).await;
        legs.push(leg);
    }
    for n in 0..10_u8 {
        for (room, leg) in legs.iter().enumerate() {
            let id = &leg.session_id;
            let audio = json!({"sessionId": id, "audioData": hex(&[room as u8, n]), "audioFormat": "pcm16"});
            peer.emit(id, "audio", audio).await;
            ask(leg, LegCommand::Audio(Bytes::from(vec![room as u8, n]))).await;
        }
    }
    for (room, leg) in legs.iter_mut().enumerate() {
        for n in 0..10_u8 {
            assert_eq!(heard_audio(leg).await, vec![room as u8, n]);
        }
    }
    let mut next = [0_u8; 20];
    for _ in 0..200 {
        let said = peer.event("audio").await[0].clone();
        let room = legs.iter().position(|leg| said["sessionId"] == leg.session_id).expect("one of ours");
        assert_eq!(said["audioData"], hex(&[room as u8, next[room]]));
        next[room] += 1;
    }
}

#[tokio::test]
async fn what_the_carrier_says_before_it_answers_the_request_is_not_lost() {
    let early = json!([
        ["dialStatus", {"sessionId": "$id", "status": "Dialing"}],
        ["dialStatus", {"sessionId": "somebody else", "status": "Busy"}],
        ["dialStatus", {"sessionId": "$id", "status": "Ringing"}],
    ]);
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({"early": early})).await else { return };
    let mut leg = place(&trunk).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Status(DialStatus::Dialing));
    assert_eq!(heard(&mut leg).await, LegEvent::Status(DialStatus::Ringing));
    assert_eq!(peer.event("joinRoom").await, json!([{"sessionId": leg.session_id}]));
}

#[tokio::test]
async fn sessions_of_others_are_left_alone() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let mut ours = place(&trunk).await;
    connect(&mut peer, &mut ours).await;
    peer.tell(json!({"emit": [
        ["newSession", {"sessionId": "theirs", "type": "inbound"}],
        ["hangup", {"sessionId": "theirs"}],
        ["hangup", {"no": "session"}],
        ["coffee", "ready"],
        ["audio", {"sessionId": ours.session_id, "audioData": "text"}],
    ]}))
    .await;
    peer.emit(&ours.session_id, "dtmf", json!({"sessionId": ours.session_id, "digit": "5"})).await;
    let deaf = heard(&mut ours).await;
    assert!(matches!(deaf, LegEvent::AudioUnreadable { is_ours: false, .. }), "{deaf:?}");
    assert_eq!(heard(&mut ours).await, LegEvent::Digit('5'));
    ask(&ours, LegCommand::Hangup).await;
    let joined_since = loop {
        let report = peer.report().await;
        if report["event"] == "joinRoom" {
            break true;
        }
        if report["event"] == "hangup" {
            break false;
        }
    };
    assert!(!joined_since, "a room was joined that is not ours");
}

#[tokio::test]
async fn a_session_announced_only_after_the_answer_is_joined_again() {
    let Some(Scene { mut peer, trunk, .. }) =
        Scene::start(json!({"announce": "never", "knows": false})).await
    else {
        return;
    };
    let mut leg = place(&trunk).await;
    let id = leg.session_id.clone();
    peer.event("joinRoom").await;
    peer.tell(json!({
        "set": {"knows": true},
        "emit": [["newSession", {"sessionId": id, "type": "outbound"}]],
    }))
    .await;
    connect(&mut peer, &mut leg).await;
}

#[tokio::test]
async fn a_restart_of_the_carrier_in_mid_call_is_survived() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let port = peer.port;
    let (mut one, mut two) = (place(&trunk).await, place(&trunk).await);
    connect(&mut peer, &mut one).await;
    connect(&mut peer, &mut two).await;
    ask(&one, LegCommand::CheckPoint("asked before".into())).await;
    peer.event("checkPoint").await;
    peer.kill().await;
    ask(&one, LegCommand::CheckPoint("asked while away".into())).await;

    let mut peer = Peer::start("carrier.js", json!({"port": port, "firstSession": 2})).await;
    let auth = peer.wait_for("a connection", |report| report.get("connected").cloned()).await;
    assert_eq!(auth, json!({"token": "t"}));
    let mut rejoined = [peer.event("joinRoom").await, peer.event("joinRoom").await];
    rejoined.sort_by_key(ToString::to_string);
    assert_eq!(rejoined, [json!([{"sessionId": "s0"}]), json!([{"sessionId": "s1"}])]);
    assert_eq!((way(&mut one).await, way(&mut one).await), (Way::Away, Way::Up));
    // The audio before them may be lost: they are not asked for again, and not believed.
    ask(&one, LegCommand::CheckPoint("asked again".into())).await;
    assert_eq!(peer.event("checkPoint").await, json!([{"sessionId": "s0", "name": "asked again"}]));
    for name in ["asked before", "asked while away", "asked again", "asked again"] {
        peer.emit("s0", "checkPoint", json!({"sessionId": "s0", "name": name})).await;
    }
    assert_eq!(heard(&mut one).await, LegEvent::CheckPoint("asked again".into()));
    peer.emit("s1", "dtmf", json!({"sessionId": "s1", "digit": "2"})).await;
    assert_eq!(heard(&mut two).await, LegEvent::Digit('2'));
}

#[tokio::test]
async fn a_carrier_that_forgot_the_call_ends_it_and_still_gives_the_record() {
    let Some(mut scene) = Scene::start(json!({})).await else { return };
    let mut leg = scene.answered().await;
    let Scene { peer, trunk: _trunk, .. } = scene;
    let port = peer.port;
    peer.kill().await;
    let options = json!({"port": port, "knows": false, "cdrs": {"s0": cdr("s0")}});
    let mut peer = Peer::start("carrier.js", options).await;
    assert_eq!(
        heard(&mut leg).await,
        LegEvent::Lost { reason: "the carrier does not know this call any more".into() }
    );
    record(&mut leg).await;
    over(&mut leg).await;
    assert_eq!(peer.rest("POST /pbx/hangup").await, json!({"sessionId": "s0"}));
}

#[tokio::test]
async fn a_carrier_that_vanishes_in_mid_call_loses_the_call_and_nothing_hangs() {
    let scene = Scene::with(json!({}), |options| options.away_timeout = Duration::from_millis(100));
    let Some(mut scene) = scene.await else { return };
    let mut leg = scene.answered().await;
    let Scene { peer, trunk, task } = scene;
    peer.kill().await;
    assert_eq!(
        heard(&mut leg).await,
        LegEvent::Lost { reason: "the carrier has been away for 0.1 s".into() }
    );
    over(&mut leg).await;
    assert!(matches!(trunk.link(), Link::Down(_)), "{:?}", trunk.link());
    drop(trunk);
    within("the trunk to end", task).await.expect("no panic");
}

#[tokio::test]
async fn a_record_that_is_not_sent_is_fetched_even_if_the_carrier_is_slow_to_write_it() {
    let carrier = json!({"cdrs": {"s0": cdr("s0")}, "cdrMisses": 1});
    let scene = Scene::with(carrier, |options| options.cdr_wait = Duration::from_millis(20));
    let Some(mut scene) = scene.await else { return };
    let mut leg = scene.answered().await;
    scene.peer.emit("s0", "hangup", json!({"sessionId": "s0"})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
    record(&mut leg).await;
    over(&mut leg).await;
}

#[tokio::test]
async fn a_record_without_a_hangup_ends_the_call_in_the_usual_order() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let mut leg = place(&trunk).await;
    connect(&mut peer, &mut leg).await;
    peer.emit("s0", "cdr", cdr("s0")).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
    record(&mut leg).await;
    over(&mut leg).await;
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_hung_up() {
    let scene = Scene::with(json!({}), |options| options.ring_timeout = Duration::from_millis(50));
    let Some(Scene { mut peer, trunk, .. }) = scene.await else { return };
    let leg = place(&trunk).await;
    let hung_up = peer
        .wait_for("a hang-up by either way", |report| {
            let by_socket = report["event"] == "hangup";
            (by_socket || report["rest"] == "POST /pbx/hangup").then_some(())
        })
        .await;
    assert_eq!((hung_up, leg.session_id.as_str()), ((), "s0"));
}

#[tokio::test]
async fn refusals_of_the_carrier_say_what_is_wrong() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let refused = |status: u16, why: &str| json!({"set": {"rest": {"status": status, "body": {"status": status, "errors": why, "data": null}}}});
    peer.tell(refused(400, "Invalid phone number format")).await;
    let bad_number = loop {
        // The peer reads its orders apart from its requests, so the first call may come too early.
        match within("an answer", trunk.place(Order::to("1"))).await {
            Err(error) => break error,
            Ok(leg) => drop(leg),
        }
    };
    assert_eq!(bad_number.to_string(), "the carrier refuses the number …1: Invalid phone number format");

    let mut strict = Peer::start("carrier.js", json!({"token": "another"})).await;
    let (stranger, _) = OcsCarrier::start(options(strict.url())).expect("a good configuration");
    let unauthorized = within("an answer", stranger.place(Order::to("1"))).await.expect_err("a bad token");
    assert!(matches!(unauthorized, DialError::Unauthorized { .. }), "{unauthorized}");
    strict.wait_for("the refusal", |report| report.get("refused").map(|_| ())).await;

    let mut impatient = options("http://127.0.0.1:9".into());
    impatient.connect_timeout = Duration::from_millis(200);
    let (nowhere, _) = OcsCarrier::start(impatient).expect("a good configuration");
    let unavailable = within("an answer", nowhere.place(Order::to("1"))).await.expect_err("no carrier");
    assert!(matches!(unavailable, DialError::Unavailable { .. }), "{unavailable}");
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_no_call_behind() {
    let Some(Scene { mut peer, trunk, task }) = Scene::start(json!({})).await else { return };
    within("a connection", trunk.connected()).await.expect("the carrier is there");
    // Polled once, so that the wish is on its way, then dropped.
    let mut placing = Box::pin(trunk.place(Order::to("1")));
    assert!(futures_util::poll!(&mut placing).is_pending());
    drop(placing);
    assert_eq!(peer.rest("POST /pbx/hangup").await, json!({"sessionId": "s0"}));
    drop(trunk);
    within("the trunk to end", task).await.expect("no panic");
    let reason = peer.wait_for("a goodbye", |report| report.get("disconnected").cloned()).await;
    assert_eq!(reason, "client namespace disconnect");
}

#[tokio::test]
async fn a_leg_that_does_not_read_loses_audio_but_nothing_else() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::start(json!({})).await else { return };
    let mut leg = place(&trunk).await;
    connect(&mut peer, &mut leg).await;
    for n in 0..1_000_u32 {
        let audio = json!({"sessionId": "s0", "audioData": hex(&n.to_le_bytes()), "audioFormat": "pcm16"});
        peer.emit("s0", "audio", audio).await;
        if n % 100 == 99 {
            let digit = (n / 100).to_string();
            peer.emit("s0", "dtmf", json!({"sessionId": "s0", "digit": digit})).await;
        }
    }
    // Another call on the same connection is served meanwhile; its event is behind all the others.
    let mut other = place(&trunk).await;
    connect(&mut peer, &mut other).await;

    peer.emit("s0", "hangup", json!({"sessionId": "s0"})).await;
    let (mut audio, mut digits) = (Vec::new(), String::new());
    loop {
        let event = heard(&mut leg).await;
        if let LegEvent::Audio { pcm: bytes, .. } = event {
            audio.push(u32::from_le_bytes(bytes.as_ref().try_into().expect("4 bytes")));
        } else if let LegEvent::Digit(digit) = event {
            digits.push(digit);
        } else {
            assert_eq!(event, LegEvent::Hangup);
            break;
        }
    }
    assert_eq!(digits, "0123456789");
    assert!(audio.len() < 1_000 && audio.is_sorted(), "{} packets", audio.len());
    assert_eq!(audio.last(), Some(&999), "the newest audio is what is kept");
}
