//! A carrier that breaks the rules: nothing crashes, nothing grows, and other calls notice nothing.

use bytes::Bytes;
use dering::trunk::ocs::{MediaWire, Version};
use dering::trunk::{LegCommand, LegEvent};
use serde_json::json;

use crate::peer::{hex, within};
use crate::trunk_fixture::{Scene, ask, connect, heard, heard_audio, place};

#[tokio::test]
async fn nonsense_over_socket_io_is_passed_over() {
    let Some(mut scene) = Scene::start(json!({})).await else { return };
    let mut leg = scene.answered().await;
    let id = leg.session_id.clone();
    let peer = &mut scene.peer;
    peer.tell(json!({"emit": [
        ["coffee"], ["coffee", "ready", {"sugar": 2}], [""], ["audio"], ["audio", null], ["audio", {"sessionId": id}],
        ["audio", {"sessionId": id, "audioData": "text where bytes are due"}],
        ["audio", {"sessionId": id, "audioData": hex(b"\xff\xfb"), "audioFormat": "mp3"}],
        ["audio", {"sessionId": "strange", "audioData": hex(b"ab")}],
        ["dtmf", {"sessionId": id, "digit": "123"}], ["dtmf", {"sessionId": id, "digit": {}}],
        ["dialStatus", {"sessionId": id, "status": "Flying"}], ["dialStatus", {"status": "Busy"}],
        ["checkPoint", {"sessionId": id, "name": "never asked for"}],
        ["roomJoined", {"sessionId": id, "status": "failed"}],
        ["cdr", "none"], ["cdr", {"sessionId": 7}], ["hangup", []], ["hangup", {"sessionId": ["x"]}],
    ]}))
    .await;
    let event = heard(&mut leg).await;
    assert!(matches!(event, LegEvent::AudioUnreadable { is_ours: false, .. }), "{event:?}, and only once");
    // Empty and odd audio is audio.
    for length in [0, 1, 3] {
        let bytes = vec![1_u8; length];
        peer.emit(&id, "audio", json!({"sessionId": id, "audioData": hex(&bytes)})).await;
        assert_eq!(heard_audio(&mut leg).await, bytes);
    }
}

#[tokio::test]
async fn a_packet_of_a_megabyte_is_thrown_away_and_the_connection_stays() {
    let Some(mut scene) = Scene::start(json!({})).await else { return };
    let (mut leg, mut other) = (scene.answered().await, scene.answered().await);
    let (id, other_id) = (leg.session_id.clone(), other.session_id.clone());
    let peer = &mut scene.peer;
    for bytes in [1_000_000, 1_048_577, 3_000_000] {
        peer.tell(json!({"big": {"sessionId": id, "bytes": bytes}})).await;
    }
    peer.emit(&id, "dtmf", json!({"sessionId": id, "digit": "1"})).await;
    let event = heard(&mut leg).await;
    let LegEvent::AudioUnreadable { is_ours: false, why } = event else { panic!("{event:?}") };
    assert_eq!(why, "a packet of audio is too long");
    assert_eq!(heard(&mut leg).await, LegEvent::Digit('1'));
    peer.emit(&other_id, "dtmf", json!({"sessionId": other_id, "digit": "2"})).await;
    assert_eq!(heard(&mut other).await, LegEvent::Digit('2'));
}

#[tokio::test]
async fn a_connection_out_of_step_is_made_anew_and_the_calls_go_on() {
    for raw in ["{", "451-[\"audio\",{\"_placeholder\":true,\"num\":0}]", "42{", "9", "4", "42/other,[\"x\"]"]
    {
        let Some(mut scene) = Scene::start(json!({})).await else { return };
        let mut leg = scene.answered().await;
        let id = leg.session_id.clone();
        scene.peer.tell(json!({"raw": raw})).await;
        // An attachment that never comes is missed when the next text does.
        scene.peer.emit(&id, "coffee", json!({})).await;
        scene.peer.event("joinRoom").await;
        scene.peer.emit(&id, "dtmf", json!({"sessionId": id, "digit": "1"})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Digit('1'), "{raw}");
    }
}

#[tokio::test]
async fn a_carrier_that_never_reads_costs_a_bounded_queue_and_is_still_heard() {
    let Some(mut scene) = Scene::start(json!({})).await else { return };
    let mut leg = scene.answered().await;
    let id = leg.session_id.clone();
    scene.peer.tell(json!({"pause": true})).await;
    // 64 MB of audio, more than the kernel's buffers and our queue hold together.
    let second = Bytes::from(vec![0_u8; 16_000]);
    for _ in 0..4_000 {
        within("room for a command", leg.commands.send(LegCommand::Audio(second.clone())))
            .await
            .expect("room");
    }
    ask(&leg, LegCommand::Interruption).await;
    scene.peer.emit(&id, "dtmf", json!({"sessionId": id, "digit": "1"})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Digit('1'));
}

#[tokio::test]
async fn nonsense_over_the_plain_websocket_is_passed_over() {
    let scene = Scene::with(json!({"version": "1.0.5", "serves": false}), |options| {
        options.version = Some(Version::V1_0_5);
        options.media = MediaWire::WebSocket;
    });
    let Some(mut scene) = scene.await else { return };
    let mut leg = place(&scene.trunk).await;
    let id = leg.session_id.clone();
    let peer = &mut scene.peer;
    peer.wait_for("the call's socket", |report| report.get("opened").cloned()).await;
    peer.tell(json!({"ws": id, "send": [
        "", "{", "[]", "null", "{\"event\":1}", {"event": "coffee"}, {"event": "dtmf", "data": {"digit": "12"}},
        {"event": "cdr", "data": null}, {"event": "hangup", "data": {"sessionId": "somebody else"}},
        {"event": "dialStatus", "data": {"sessionId": id, "status": "Flying"}},
        hex(&vec![0; 70_000]), hex(b"abc"),
    ]}))
    .await;
    let event = heard(&mut leg).await;
    assert!(matches!(event, LegEvent::AudioUnreadable { is_ours: false, .. }), "{event:?}");
    assert_eq!(heard_audio(&mut leg).await, &b"abc"[..]);
    // A frame over all limits breaks the connection, and the call goes on over a new one.
    peer.tell(json!({"ws": id, "send": [hex(&vec![0; 5_000_000])]})).await;
    peer.wait_for("another socket", |report| report.get("opened").cloned()).await;
    peer.tell(json!({"ws": id, "send": [{"event": "dtmf", "data": {"digit": "9"}}]})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Digit('9'));
}

#[tokio::test]
async fn ten_thousand_sessions_of_others_are_nobodys_here() {
    let Some(mut scene) = Scene::start(json!({})).await else { return };
    let mut leg = scene.answered().await;
    let strangers: Vec<_> = (0..10_000)
        .map(|n| json!(["newSession", {"sessionId": format!("x{n}"), "type": "inbound"}]))
        .collect();
    scene.peer.tell(json!({"emit": strangers})).await;
    let id = leg.session_id.clone();
    scene.peer.emit(&id, "dtmf", json!({"sessionId": id, "digit": "1"})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Digit('1'));
    let mut second = place(&scene.trunk).await;
    connect(&mut scene.peer, &mut second).await;
    assert_eq!(second.session_id, "s1", "the only other room that was joined");
}
