//! What a start makes of calls that the last one left behind: no second is billed that nobody saw, and a call that the
//! carrier may have placed without being heard is looked for.

use std::time::Duration;

use callcore::audio::wav;
use callcore::call::{DialStatus, Fact, Wait};
use callcore::flow::{BargeIn, Note, Trigger};
use callcore::ids::PlayId;
use dering::app::App;
use dering::config::VersionChoice;
use dering::session::{recover, settle};
use dering::store::{CallBatch, CallRow, CallUpdate, NewCall, NewEvent, NewRecording, NodeId, Store};
use dering::trunk::ocs::{OcsCarrier, Options, Version};
use dering::trunk::{LegEvent, Order, Trunk, TrunkOptions};
use dering::wallclock::{epoch_ms, now_ms};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::store_fixture::{begun, later, store_with_app};
use crate::system_fixture::{
    BUSY, Carrier, Client, PERSON, config, create_credentials, in_time, local, write_fixtures,
};

const CONNECTED: Fact = Fact::DialStatus { status: DialStatus::Connected };

fn dialled() -> Fact {
    let (flow, digest, trunk) = ("reminder".into(), "d1".into(), "main".into());
    Fact::Dialled { flow, digest, trunk, sid: None, late_ms: None }
}

/// A call that was dialled at `began_ms`; its timeline has these facts, each with ms since then.
async fn left_behind(store: &Store, began_ms: i64, facts: &[(Fact, i64)], answered_ms: Option<i64>) {
    left_behind_until(store, began_ms, facts, answered_ms, None).await;
}

/// The same, and nobody wanted it any more from `expires_ms` on.
async fn left_behind_until(
    store: &Store,
    began_ms: i64,
    facts: &[(Fact, i64)],
    answered_ms: Option<i64>,
    expires_ms: Option<i64>,
) {
    let mut batch = begun("c1", began_ms);
    let new = batch.new.take().unwrap();
    batch.new = Some(NewCall {
        notify_url: Some("http://127.0.0.1:9/n".into()),
        trunk: "main".into(),
        target: BUSY.into(),
        expires_ms,
        ..new
    });
    let event = |(fact, ms): &(Fact, i64)| {
        let (at_ms, t_ms) = (began_ms + ms, u64::try_from(*ms).unwrap());
        NewEvent { at_ms, t_ms, fact: fact.clone() }
    };
    batch.events = facts.iter().map(event).collect();
    batch.update = Some(CallUpdate {
        answered_ms: answered_ms.map(|ms| began_ms + ms),
        session_id: answered_ms.map(|_| "s1".into()),
        ..CallUpdate::default()
    });
    store.as_node(NodeId::fresh()).record(batch).await.unwrap();
}

async fn told(store: &Store) -> Value {
    let last = store.notifications("c1").await.unwrap().pop().unwrap();
    serde_json::from_str(&last.body).unwrap()
}

#[tokio::test]
async fn a_call_ends_when_it_was_last_seen_however_long_the_server_was_down() {
    let store = store_with_app().await;
    let folder = TempDir::new().unwrap();
    // 7.5 s of call, then 70 s without a server.
    let began_ms = now_ms() - 77_500;
    let facts = [
        (Fact::Placed { session_id: "s1".into() }, 100),
        (CONNECTED, 2_000),
        (Fact::Prompt { play: PlayId(1), barge_in: BargeIn::Both }, 7_500),
    ];
    left_behind(&store, began_ms, &facts, Some(2_000)).await;
    let recovered = recover(&store, folder.path()).await.unwrap();
    assert_eq!((recovered.closed(), recovered.held()), (1, 1));
    let call = store.call("c1").await.unwrap().unwrap();
    assert_eq!(call.ended_ms, Some(began_ms + 7_500));
    let cdr = store.cdr("s1").await.unwrap().unwrap();
    assert_eq!((cdr.cdr.duration, cdr.cdr.billable_seconds, cdr.estimated), (7, 5, true));
    assert_eq!(epoch_ms(&cdr.cdr.end_time), Some(began_ms + 7_500));
    let body = told(&store).await;
    assert_eq!((&body["callDuration"], &body["reasonCode"]), (&json!(5), &json!("KoreVG-disconnected")));
    let events = store.events("c1", 0, 10).await.unwrap();
    let recovered = events.iter().find(|event| event.kind == "recovered").unwrap();
    assert_eq!(recovered.detail["knownToMs"], 7_500);
    assert!(recovered.detail["unknownMs"].as_i64().unwrap() >= 70_000, "{}", recovered.detail);
}

#[tokio::test]
async fn the_last_notification_agrees_with_those_before_and_knows_of_the_opt_out() {
    let store = store_with_app().await;
    let folder = TempDir::new().unwrap();
    let began_ms = now_ms() - 20_000;
    let facts = [
        (Fact::Dialling { trunk: "main".into() }, 200),
        (Fact::DialStatus { status: DialStatus::Ringing }, 1_000),
        (CONNECTED, 6_000),
        (Fact::Flow(Note::DoNotCall(Trigger::Dtmf { key: "1".into() })), 8_000),
    ];
    left_behind(&store, began_ms, &facts, Some(6_000)).await;
    recover(&store, folder.path()).await.unwrap();
    let told = told(&store).await;
    assert_eq!((&told["status"], &told["doNotCall"]), (&json!("completed"), &json!(true)));
    assert_eq!((&told["ringDurationInMS"], &told["connectDurationInMS"]), (&json!(5_000), &json!(5_800)));
}

#[tokio::test]
async fn the_recording_knows_more_of_a_call_than_its_last_event() {
    let store = store_with_app().await;
    let folder = TempDir::new().unwrap();
    let began_ms = now_ms() - 600_000;
    left_behind(&store, began_ms, &[(CONNECTED, 2_000)], Some(2_000)).await;
    let path = folder.path().join("c1.wav");
    // As a kill leaves it: twelve seconds of samples, and a header that knows of none.
    let mut bytes = wav::write_8k(&[&[], &[]]);
    bytes.extend(vec![0; 12 * 8_000 * 4]);
    std::fs::write(&path, bytes).unwrap();
    std::fs::write(folder.path().join("c1-message-1.wav"), [wav::write_8k(&[&[]]), vec![0; 800]].concat())
        .unwrap();
    let recording = Some(NewRecording {
        path: path.display().to_string(),
        channels: 2,
        sample_rate_hz: 8_000,
        duration_ms: 0,
        started_ms: began_ms + 2_000,
        keep_days: Some(9),
    });
    store.record(CallBatch { recording, ..later("c1") }).await.unwrap();
    recover(&store, folder.path()).await.unwrap();
    assert_eq!(store.call("c1").await.unwrap().unwrap().ended_ms, Some(began_ms + 14_000));
    let kept = store.recording("c1").await.unwrap().unwrap();
    assert_eq!((kept.duration_ms, kept.keep_days), (12_000, Some(9)));
    let samples = |name: &str| wav::read_8k(&std::fs::read(folder.path().join(name)).unwrap()).unwrap().len();
    assert_eq!((samples("c1.wav"), samples("c1-message-1.wav")), (96_000, 400));
}

/// A trunk to a carrier of our own.
async fn to_carrier(folder: &TempDir) -> (Carrier, Trunk, OcsCarrier) {
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let mut options = Options::new("main", carrier.url(), SecretString::from(carrier.token().to_owned()));
    options.ring_timeout = Duration::from_secs(10);
    let (client, _task) = OcsCarrier::start(options).unwrap();
    let trunk = Trunk::new(client.clone(), TrunkOptions { name: "main".into(), ..TrunkOptions::default() });
    (carrier, trunk, client)
}

async fn ended(store: &Store) -> CallRow {
    let ended = async {
        loop {
            let call = store.call("c1").await.unwrap().unwrap();
            if call.ended_ms.is_some() {
                return call;
            }
            tokio::task::yield_now().await;
        }
    };
    in_time(ended).await
}

#[tokio::test]
async fn a_call_that_the_carrier_placed_unheard_is_told_by_its_record_and_before_that_not_at_all() {
    let folder = TempDir::new().unwrap();
    let (_carrier, trunk, client) = to_carrier(&folder).await;
    let store = store_with_app().await;
    // What the carrier made of a request whose answer nobody heard.
    let asked_ms = now_ms();
    let mut leg = in_time(client.place(Order::to(BUSY))).await.unwrap();
    let session_id = leg.session_id.clone();
    while in_time(leg.events.recv()).await.is_some() {}

    let asked = [(dialled(), 0), (Fact::Dialling { trunk: "main".into() }, 50)];
    left_behind(&store, asked_ms - 50, &asked, None).await;
    // A start that is cut off leaves it to the next one.
    for _ in 0..2 {
        let recovered = recover(&store.as_node(NodeId::fresh()), folder.path()).await.unwrap();
        assert_eq!((recovered.closed(), recovered.unheard()), (0, 1));
        assert!(store.notifications("c1").await.unwrap().is_empty());
        assert_eq!(store.call("c1").await.unwrap().unwrap().ended_ms, None);
    }
    let recovered = recover(&store, folder.path()).await.unwrap();
    settle(&store, &[trunk], recovered).await.unwrap();
    let call = ended(&store).await;
    assert_eq!(
        (call.session_id.as_deref(), call.disposition.map(|disposition| disposition.as_str())),
        (Some(&*session_id), Some("BUSY"))
    );
    let told = told(&store).await;
    assert_eq!((&told["status"], &told["reason"]), (&json!("Failed"), &json!("486 Busy Here")));
    assert_eq!(told["detail"], Value::Null, "nothing is unknown: {told}");
    let kept = store.cdr(&session_id).await.unwrap().unwrap();
    assert_eq!(store.cdr("c1").await.unwrap(), None, "none of our own");
    assert_eq!((kept.estimated, kept.cdr.hangup_cause_code), (false, 17));
    let events = store.events("c1", 0, 10).await.unwrap();
    assert!(events.iter().all(|event| event.kind != "may_be_ringing"), "{events:?}");
}

#[tokio::test]
async fn a_callee_who_answered_while_the_server_was_away_is_told_as_answered() {
    let folder = TempDir::new().unwrap();
    let (_carrier, trunk, client) = to_carrier(&folder).await;
    let store = store_with_app().await;
    let began_ms = now_ms();
    let mut leg = in_time(client.place(Order::to(PERSON))).await.unwrap();
    let session_id = leg.session_id.clone();
    let connected = |event: &LegEvent| matches!(event, LegEvent::Status(DialStatus::Connected));
    while !connected(&in_time(leg.events.recv()).await.unwrap()) {}
    in_time(client.end(&session_id)).await.unwrap();
    while in_time(leg.events.recv()).await.is_some() {}

    let facts = [
        (dialled(), 0),
        (Fact::Dialling { trunk: "main".into() }, 1),
        (Fact::Placed { session_id: session_id.clone() }, 2),
    ];
    left_behind(&store, began_ms, &facts, None).await;
    let update = CallUpdate { session_id: Some(session_id.clone()), ..CallUpdate::default() };
    store.record(CallBatch { update: Some(update), ..later("c1") }).await.unwrap();
    let recovered = recover(&store, folder.path()).await.unwrap();
    settle(&store, &[trunk], recovered).await.unwrap();
    let call = ended(&store).await;
    assert!(call.answered_ms.is_some() && call.message_left.is_none(), "{call:?}");
    let told = told(&store).await;
    assert_eq!((&told["status"], &told["sessionId"]), (&json!("completed"), &json!(session_id)));
    assert_eq!(told["sequence"], 1);
    assert!(told["detail"].as_str().is_some_and(|why| why.contains("nobody spoke")), "{told}");
}

#[tokio::test]
async fn without_a_carrier_to_ask_a_call_that_was_being_dialled_is_told_with_what_is_not_known() {
    let store = store_with_app().await;
    let folder = TempDir::new().unwrap();
    let asked = [(dialled(), 0), (Fact::Dialling { trunk: "main".into() }, 50)];
    left_behind(&store, now_ms() - 5_000, &asked, None).await;
    let recovered = recover(&store, folder.path()).await.unwrap();
    settle(&store, &[], recovered).await.unwrap();
    let told = told(&store).await;
    assert_eq!(told["status"], "Failed");
    assert!(told["detail"].as_str().is_some_and(|why| why.contains("may have answered")), "{told}");
    let events = store.events("c1", 0, 10).await.unwrap();
    assert!(events.iter().any(|event| event.kind == "may_be_ringing"), "{events:?}");
    // A start much later asks again.
    assert_eq!(recover(&store, folder.path()).await.unwrap().held(), 1);
}

#[tokio::test]
async fn a_dial_request_is_written_down_before_the_carrier_sees_it() {
    let folder = TempDir::new().unwrap();
    write_fixtures(folder.path());
    // A carrier that takes the request and never answers.
    let listener = tokio::net::TcpListener::bind(local()).await.unwrap();
    let carrier = Carrier::start(folder.path()).await;
    let mut config = config(folder.path(), &carrier);
    config.trunks[0].url = format!("http://{}", listener.local_addr().unwrap());
    config.trunks[0].version = VersionChoice::Fixed(Version::V1_0_5);
    let app = App::start(&config).await.unwrap();
    let (secret, key) = create_credentials(app.store()).await;
    let client = Client::new(app.address(), secret, key);
    let call_id = client.dial("stay", PERSON, json!({})).await;
    let (mut carrier, _) = in_time(listener.accept()).await.unwrap();
    let mut seen = [0; 14];
    in_time(carrier.read_exact(&mut seen)).await.unwrap();
    assert_eq!(&seen, b"POST /pbx/call");
    // A kill at this moment would leave just this.
    let kept = app.store().events(&call_id, 0, 10).await.unwrap();
    let kinds: Vec<&str> = kept.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["dialled", "dialling"]);
}

#[tokio::test]
async fn a_call_that_was_never_asked_for_is_not_said_to_ring() {
    let store = store_with_app().await;
    let folder = TempDir::new().unwrap();
    let because = Wait::Limits { calls: Some(1), per_second: None };
    let queued = Fact::Queued { trunk: "main".into(), ahead: 0, because };
    left_behind(&store, now_ms() - 5_000, &[(dialled(), 0), (queued, 10)], None).await;
    let recovered = recover(&store, folder.path()).await.unwrap();
    assert_eq!((recovered.held(), recovered.unheard()), (0, 0));
    let told = told(&store).await;
    assert!(told["detail"].as_str().is_some_and(|why| why.contains("nobody was called")), "{told}");
    assert!(store.events("c1", 0, 10).await.unwrap().iter().all(|event| event.kind != "may_be_ringing"));
}

#[tokio::test]
async fn a_call_that_waited_for_a_line_and_expired_while_the_server_was_down_has_expired() {
    let store = store_with_app().await;
    let folder = TempDir::new().unwrap();
    let because = Wait::Limits { calls: Some(1), per_second: None };
    let queued = Fact::Queued { trunk: "main".into(), ahead: 0, because };
    let began_ms = now_ms() - 5_000;
    left_behind_until(&store, began_ms, &[(dialled(), 0), (queued, 10)], None, Some(began_ms + 3_000)).await;
    recover(&store, folder.path()).await.unwrap();
    let told = told(&store).await;
    assert_eq!((&told["status"], &told["reason"]), (&json!("Failed"), &json!("408 Expired")), "{told}");
    let call = store.call("c1").await.unwrap().unwrap();
    assert_eq!(call.outcome.as_deref(), Some("expired"));
}
