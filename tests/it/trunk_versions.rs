//! What differs between the versions of the Outgoing Call Service: each documented event and field, against
//! servers that behave as each version does.

use std::time::Duration;

use bytes::Bytes;
use callcore::call::{DialStatus, Disposition, Link as Way};
use dering::cdr_wire::{CdrField, CdrFilter, CdrQuery, Comparison};
use dering::media::Codec;
use dering::trunk::ocs::{Link, MediaWire, OcsCarrier, Options, Version};
use dering::trunk::{DialError, Leg, LegCommand, LegEvent, Order};
use serde_json::{Value, json};

use crate::peer::{Peer, hex, within};
use crate::trunk_fixture::{Scene, ask, cdr, heard, heard_audio, over, place, record, way};

const STATUSES: [(&str, DialStatus); 3] = [
    ("Dialing", DialStatus::Dialing),
    ("Ringing", DialStatus::Ringing),
    ("Connected", DialStatus::Connected),
];

fn v5(change: impl FnOnce(&mut Options)) -> impl FnOnce(&mut Options) {
    |options| {
        options.version = Some(Version::V1_0_5);
        change(options);
    }
}

fn pcm(samples: &[i16]) -> Bytes {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

#[tokio::test]
async fn on_1_0_5_the_media_host_is_joined_and_nothing_is_acknowledged_or_labelled() {
    // The media host is another server than the one that takes the call.
    let Some(Scene { peer: mut media, trunk: _unused, .. }) = Scene::start(json!({"version": "1.0.5"})).await
    else {
        return;
    };
    let carrier = json!({"version": "1.0.5", "serves": false, "endpoint": media.url()});
    let scene = Scene::with(carrier, v5(|options| options.codec = Codec::Ulaw));
    let Some(Scene { mut peer, trunk, task }) = scene.await else { return };
    assert_eq!((trunk.link(), trunk.version()), (Link::OnDemand, Some(Version::V1_0_5)));
    let order = Order {
        number: "08123456789".into(),
        caller: Some("02150001000".into()),
        ring_timeout: Some(Duration::from_secs(25)),
    };
    let mut leg = within("a call", trunk.place(order)).await.expect("the carrier takes the call");
    let asked = json!({
        "phoneNumber": "08123456789", "callerId": "02150001000", "timeout": 25,
        "audio": {"input": "ulaw", "output": "ulaw"},
    });
    assert_eq!(peer.rest("POST /pbx/call").await, asked);
    let id = leg.session_id.clone();
    assert_eq!(media.event("joinRoom").await, json!([{"sessionId": id}]));
    for (text, status) in STATUSES {
        media.emit(&id, "dialStatus", json!({"sessionId": id, "status": text})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Status(status));
    }
    media.emit(&id, "audio", json!({"sessionId": id, "audioData": hex(&[0xff, 0x00, 0x80])})).await;
    assert_eq!(heard_audio(&mut leg).await, pcm(&[0, -32_124, 32_124]));
    ask(&leg, LegCommand::Audio(pcm(&[0, -32_124, 32_124]))).await;
    let said = media.wait_for("audio", |report| (report["event"] == "audio").then(|| report.clone())).await;
    assert_eq!(said["args"], json!([{"audioData": hex(&[0xff, 0x00, 0x80]), "sessionId": id}]));
    assert_eq!(said["ack"], false, "1.0.5 acknowledges nothing, so nothing may be asked");
    media.emit(&id, "hangup", json!({"sessionId": id})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
    let mut sent = cdr(&id);
    sent["source"] = json!("02150001000");
    media.emit(&id, "cdr", sent).await;
    let LegEvent::Cdr(cdr) = heard(&mut leg).await else { panic!("no record") };
    assert_eq!(cdr.source.as_deref(), Some("02150001000"));
    over(&mut leg).await;
    drop((leg, trunk));
    within("the trunk to end", task).await.expect("no panic");
}

#[tokio::test]
async fn calls_share_the_connection_to_their_media_host() {
    let Some(Scene { mut peer, trunk, .. }) = Scene::with(json!({"version": "1.0.5"}), v5(|_| ())).await
    else {
        return;
    };
    let mut legs = Vec::new();
    for _ in 0..5 {
        legs.push(place(&trunk).await);
    }
    let mut joined = 0;
    let mut connections = 0;
    while joined < 5 {
        let report = peer.report().await;
        joined += u32::from(report["event"] == "joinRoom");
        connections += u32::from(report.get("connected").is_some());
    }
    assert_eq!(connections, 1);
    for leg in &mut legs {
        let id = leg.session_id.clone();
        peer.emit(&id, "dtmf", json!({"sessionId": id, "digit": "3"})).await;
        assert_eq!(heard(leg).await, LegEvent::Digit('3'));
    }
}

/// A call over the plain WebSocket whose callee has answered.
async fn plain(codec: Codec) -> Option<(Peer, OcsCarrier, Leg)> {
    let choose = v5(|options| {
        options.media = MediaWire::WebSocket;
        options.codec = codec;
        options.cdr_wait = Duration::from_millis(100);
    });
    let Scene { mut peer, trunk, .. } =
        Scene::with(json!({"version": "1.0.5", "serves": false}), choose).await?;
    let mut leg = place(&trunk).await;
    let opened = peer.wait_for("the call's socket", |r| r.get("opened").cloned()).await;
    assert_eq!(opened, leg.session_id);
    let id = leg.session_id.clone();
    for (text, status) in STATUSES {
        say(&mut peer, &id, json!({"event": "dialStatus", "data": {"sessionId": id, "status": text}})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Status(status));
    }
    Some((peer, trunk, leg))
}

async fn say(peer: &mut Peer, id: &str, frame: Value) {
    peer.tell(json!({"ws": id, "send": [frame]})).await;
}

async fn frame(peer: &mut Peer) -> Value {
    peer.wait_for("a text frame", |report| report.get("frame").cloned()).await
}

#[tokio::test]
async fn a_whole_call_over_the_plain_websocket_in_each_codec() {
    let voice = pcm(&[0, 8_031, -8_031, 32_124, -32_124]);
    for codec in [Codec::Pcm16, Codec::Ulaw, Codec::Alaw] {
        let Some((mut peer, _trunk, mut leg)) = plain(codec).await else { return };
        let id = leg.session_id.clone();
        ask(&leg, LegCommand::Audio(voice.clone())).await;
        ask(&leg, LegCommand::CheckPoint("greeting".into())).await;
        let said = peer.wait_for("audio", |report| report.get("audio").cloned()).await;
        let bytes = said["$hex"].as_str().expect("bytes").len() / 2;
        assert_eq!(bytes, if codec == Codec::Pcm16 { 10 } else { 5 });
        assert_eq!(frame(&mut peer).await, json!({"event": "checkPoint", "data": "greeting"}));
        // What is sent back is heard as it was said, within the codec's rounding.
        say(&mut peer, &id, said).await;
        let back = heard_audio(&mut leg).await;
        assert_eq!(back.len(), voice.len());
        for (a, b) in back.as_chunks::<2>().0.iter().zip(voice.as_chunks::<2>().0) {
            let off = i32::from(i16::from_le_bytes(*a)) - i32::from(i16::from_le_bytes(*b));
            assert!(off.abs() < 600, "{codec:?} is off by {off}");
        }
        // The check point comes back with a capital C.
        say(&mut peer, &id, json!({"event": "CheckPoint", "data": "greeting"})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::CheckPoint("greeting".into()));
        say(&mut peer, &id, json!({"event": "dtmf", "data": {"digit": "7"}})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Digit('7'));
        ask(&leg, LegCommand::Digit { digit: '4', duration_ms: 500 }).await;
        assert_eq!(frame(&mut peer).await, json!({"event": "dtmf", "data": {"digit": "4", "duration": 500}}));
        ask(&leg, LegCommand::Interruption).await;
        assert_eq!(frame(&mut peer).await, json!({"event": "interruption"}));
        ask(&leg, LegCommand::Hangup).await;
        assert_eq!(frame(&mut peer).await, json!({"event": "hangup"}));
        say(&mut peer, &id, json!({"event": "hangup"})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
        say(&mut peer, &id, json!({"event": "cdr", "data": cdr(&id)})).await;
        record(&mut leg).await;
        over(&mut leg).await;
        let code = peer.wait_for("the end of the socket", |report| report.get("code").cloned()).await;
        assert!(code == 1000 || code == 1005, "closed with {code}");
    }
}

#[tokio::test]
async fn a_call_whose_websocket_breaks_goes_on_over_a_new_one() {
    let Some((mut peer, _trunk, mut leg)) = plain(Codec::Pcm16).await else { return };
    let id = leg.session_id.clone();
    ask(&leg, LegCommand::CheckPoint("before".into())).await;
    frame(&mut peer).await;
    peer.tell(json!({"ws": id, "terminate": true})).await;
    assert_eq!(way(&mut leg).await, Way::Away);
    peer.wait_for("another socket", |report| report.get("opened").cloned()).await;
    assert_eq!(way(&mut leg).await, Way::Up);
    // What the carrier has not confirmed is the call's to send again.
    ask(&leg, LegCommand::CheckPoint("after".into())).await;
    assert_eq!(frame(&mut peer).await, json!({"event": "checkPoint", "data": "after"}));
    say(&mut peer, &id, json!({"event": "dtmf", "data": {"digit": "1"}})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Digit('1'));
}

#[tokio::test]
async fn a_websocket_that_the_carrier_closes_in_order_ends_the_call() {
    let Some((mut peer, trunk, mut leg)) = plain(Codec::Pcm16).await else { return };
    let id = leg.session_id.clone();
    peer.tell(json!({"set": {"cdrs": {id.clone(): cdr(&id)}}})).await;
    peer.tell(json!({"ws": id, "close": 1000})).await;
    assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
    record(&mut leg).await;
    over(&mut leg).await;
    assert_eq!(trunk.link(), Link::OnDemand);
}

#[tokio::test]
async fn a_carrier_that_forgot_a_call_of_the_plain_websocket_ends_it() {
    let Some((mut peer, _trunk, mut leg)) = plain(Codec::Pcm16).await else { return };
    let id = leg.session_id.clone();
    peer.tell(json!({"set": {"knows": false, "cdrs": {id.clone(): cdr(&id)}}, "ws": id, "terminate": true}))
        .await;
    let lost = LegEvent::Lost { reason: "the carrier does not know this call any more".into() };
    assert_eq!(heard(&mut leg).await, lost);
    record(&mut leg).await;
    over(&mut leg).await;
}

#[tokio::test]
async fn the_version_is_found_out_by_the_first_call() {
    for (version, found) in [("1.0.4", Version::V1_0_4), ("1.0.5", Version::V1_0_5)] {
        let Some(mut scene) = Scene::start(json!({"version": version})).await else { return };
        assert_eq!(scene.trunk.version(), None);
        let leg = scene.answered().await;
        assert_eq!(scene.trunk.version(), Some(found), "{version}");
        ask(&leg, LegCommand::Audio(pcm(&[1, 2]))).await;
        let peer = &mut scene.peer;
        let said =
            peer.wait_for("audio", |report| (report["event"] == "audio").then(|| report.clone())).await;
        let is_labelled = found != Version::V1_0_5;
        assert_eq!(said["ack"], is_labelled, "{version}");
        assert_eq!(said["args"][0].get("audioFormat").is_some(), is_labelled, "{version}");
        // From now on it is told all that its version takes, and nothing else.
        let order = Order { caller: Some("021".into()), ..Order::to("0811") };
        within("a call", scene.trunk.place(order)).await.expect("a second call");
        let first = peer.rest("POST /pbx/call").await;
        let has_caller = first.get("callerId").is_some() && first.get("timeout").is_some();
        assert_eq!(has_caller, !is_labelled, "{version}: {first}");
    }
}

#[tokio::test]
async fn a_carrier_of_1_0_5_that_serves_only_rest_at_its_base_url_is_found_out_too() {
    let Some(Scene { peer: mut media, .. }) = Scene::start(json!({"version": "1.0.5"})).await else { return };
    let carrier = json!({"version": "1.0.5", "serves": false, "endpoint": media.url()});
    let Some(Scene { trunk, peer: _carrier, .. }) = Scene::start(carrier).await else { return };
    let leg = place(&trunk).await;
    assert_eq!(media.event("joinRoom").await, json!([{"sessionId": leg.session_id}]));
    assert_eq!((trunk.link(), trunk.version()), (Link::OnDemand, Some(Version::V1_0_5)));
}

#[tokio::test]
async fn the_token_is_not_shown_to_a_media_host_of_somebody_else() {
    let carrier = json!({"version": "1.0.5", "endpoint": "http://media.evil.example:1"});
    let Some(Scene { mut peer, trunk, .. }) = Scene::with(carrier, v5(|_| ())).await else { return };
    let refused = within("an answer", trunk.place(Order::to("1"))).await.expect_err("a stranger");
    let DialError::Protocol { reason } = &refused else { panic!("{refused}") };
    assert!(reason.contains("media.evil.example") && reason.contains("media_hosts"), "{reason}");
    assert_eq!(peer.rest("POST /pbx/hangup").await, json!({"sessionId": "s0"}), "no call is left behind");
}

#[tokio::test]
async fn failed_and_busy_end_a_call_of_a_carrier_that_says_no_more() {
    for (text, status) in [("Failed", DialStatus::Failed), ("Busy", DialStatus::Busy)] {
        let scene = Scene::with(json!({}), |options| options.cdr_wait = Duration::from_millis(20));
        let Some(Scene { mut peer, trunk, .. }) = scene.await else { return };
        let mut leg = place(&trunk).await;
        let id = leg.session_id.clone();
        peer.event("joinRoom").await;
        peer.emit(&id, "dialStatus", json!({"sessionId": id, "status": text})).await;
        assert_eq!(heard(&mut leg).await, LegEvent::Status(status));
        // The carrier owes a hang-up; the trunk makes one in its place.
        assert_eq!(heard(&mut leg).await, LegEvent::Hangup);
        over(&mut leg).await;
    }
}

#[tokio::test]
async fn records_are_listed_with_filters_pages_and_order() {
    let list = json!({
        "data": [cdr("s7")],
        "meta": {"itemsPerPage": 10, "totalItems": 36, "currentPage": 2, "totalPages": 4, "sortBy": [["id", "DESC"]]},
    });
    let Some(Scene { mut peer, trunk, .. }) =
        Scene::start(json!({"list": list, "cdrs": {"s7": cdr("s7")}})).await
    else {
        return;
    };
    let query = CdrQuery {
        page: 2,
        limit: 10,
        filters: vec![
            CdrFilter::DestinationContains("0812".into()),
            CdrFilter::Duration(Comparison::GreaterOrEqual, 30),
            CdrFilter::DispositionIn(vec![Disposition::Answered, Disposition::NoAnswer]),
        ],
        sort_by: vec![(CdrField::Duration, false)],
    };
    let page = within("a page", trunk.cdrs(&query)).await.expect("a list");
    assert_eq!((page.records[0].cdr.session_id.as_str(), page.meta.total_pages), ("s7", 4));
    let asked = peer.wait_for("the request", |report| report["rest"].as_str().map(str::to_owned)).await;
    assert_eq!(
        asked,
        "GET /v1/cdr?page=2&limit=10&filter.destination=%24contains%3A0812&filter.duration=%24gte%3A30\
         &filter.disposition=%24in%3AANSWERED%2CNO+ANSWER&sortBy=duration%3AASC"
    );
    let one = within("a record", trunk.cdr("s7")).await.expect("an answer").expect("a record");
    assert_eq!(one.duration, 15);
    assert_eq!(within("none", trunk.cdr("s8")).await.expect("an answer"), None);
}

#[tokio::test]
async fn a_carrier_that_is_known_to_be_down_is_reported_at_once() {
    let Some(Scene { peer, trunk, .. }) = Scene::with(json!({}), |options| {
        options.down_timeout = Duration::from_millis(50);
        options.connect_timeout = Duration::from_secs(3_600);
    })
    .await
    else {
        return;
    };
    within("a connection", trunk.connected()).await.expect("the carrier is there");
    peer.kill().await;
    within("the loss to be noticed", async {
        while !matches!(trunk.link(), Link::Down(_)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Not after the hour that a first connection may take here.
    let refused = within("an answer", trunk.place(Order::to("1"))).await.expect_err("no carrier");
    assert!(matches!(refused, DialError::Unavailable { .. }), "{refused}");
}
