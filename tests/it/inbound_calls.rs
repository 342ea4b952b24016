//! Calls that come in, from the carrier's WebSocket to the record, driven by the npm package `ws`.

use std::thread;
use std::time::{Duration, Instant};

use dering::config::InboundRoute;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::inbound_fixture::{
    CALLER, KEYS, LONG, LONG_BYTES, SHORT, SHORT_BYTES, TestSystem, UNKNOWN, WHO, cdr, closed, heard,
};
use crate::peer::{self, within};
use crate::system_fixture::{APP, in_time};

/// What a question waits for the next key, if it does not say.
const DIGIT_TIMEOUT: Duration = Duration::from_secs(2);

fn kinds(timeline: &[(String, Value)]) -> Vec<&str> {
    timeline.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[tokio::test]
async fn a_caller_hears_the_flow_to_its_end_and_the_call_is_kept_as_any_other() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(SHORT, "s1").await;
    carrier.tell(json!({ "silence": 100 })).await;
    carrier.event("hangup").await;
    let sound = heard(&mut carrier).await;
    assert_eq!(sound["bytes"], SHORT_BYTES, "all of the prompt, and not a byte more");
    assert!(sound["longest"].as_u64() <= Some(3_200), "no packet is longer than 200 ms: {sound}");
    assert!(sound["loudest"].as_u64() > Some(1_000), "{sound}");
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    assert_eq!(closed(&mut carrier).await.0, 1000);

    let call = system.ended("s1").await;
    assert_eq!((&call["direction"], &call["trunk"]), (&json!("inbound"), &json!("inbound")), "{call}");
    assert_eq!((&call["caller"], &call["target"]), (&json!(CALLER), &json!(SHORT)));
    assert_eq!((&call["flow"], &call["outcome"]), (&json!("short"), &json!("told")));
    assert_eq!((&call["disposition"], &call["lastCheckpoint"]), (&json!("ANSWERED"), &json!("told")));
    let timeline = system.timeline(&call).await;
    let seen = kinds(&timeline);
    assert_eq!(&seen[..3], ["incoming", "accepted", "dial_status"], "{seen:?}");
    for kind in ["prompt", "checkpoint", "prompt_ended", "hangup", "ended"] {
        assert!(seen.contains(&kind), "no {kind} in {seen:?}");
    }
    let (_, over) = timeline.iter().find(|(kind, _)| kind == "prompt_ended").unwrap();
    assert_eq!((&over["heardMs"], &over["completed"]), (&json!(500), &json!(true)));
    assert!(!seen.contains(&"amd"), "nobody asks whether a caller is a machine: {seen:?}");
    let record = system.cdr("s1").await;
    assert_eq!((&record["duration"], &record["hangupCauseCode"]), (&json!(12), &json!(16)));
    let recording = format!("/v1/calls/{}/recording", call["callId"].as_str().unwrap());
    assert_eq!(system.client.read(&recording).await.status, 200);
}

#[tokio::test]
async fn a_record_that_names_another_session_or_its_cause_as_a_text_is_filed_where_it_belongs() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(SHORT, "s1").await;
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("somebody else's", json!("16")) })).await;
    closed(&mut carrier).await;
    system.ended("s1").await;
    assert_eq!(system.cdr("s1").await["hangupCauseCode"], 16);
    assert_eq!(system.client.read("/v1/cdr/somebody%20else's").await.status, 404);
}

#[tokio::test]
async fn a_key_cuts_the_prompt_and_the_carrier_is_told_to_stop() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(LONG, "s1").await;
    carrier.wait_for("audio", |report| report["audio"].as_bool()).await;
    carrier.tell(json!({ "send": { "event": "dtmf", "digit": "1" } })).await;
    carrier.event("interrupt").await;
    carrier.event("hangup").await;
    let sound = heard(&mut carrier).await["bytes"].as_u64().unwrap();
    assert!(sound > 0 && sound < LONG_BYTES / 2, "{sound} bytes of {LONG_BYTES}");
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["lastCheckpoint"]), (&json!("impatient"), &json!("begun")));
    let timeline = system.timeline(&call).await;
    let (_, over) = timeline.iter().find(|(kind, _)| kind == "prompt_ended").unwrap();
    assert_eq!(over["completed"], false);
    let told = over["heardMs"].as_u64().unwrap();
    assert!(told * 16 <= sound && sound <= (told + 200) * 16, "{told} ms of {sound} bytes were heard");
}

#[tokio::test]
async fn keys_go_both_ways() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    // One number of a prefix route, written as some carriers do.
    let mut carrier = system.answered("0062215550003 77", "s1").await;
    for digit in ["5", "#"] {
        let key = carrier.event("dtmf").await;
        assert_eq!(key["digit"], digit);
        assert!(key["duration"].as_u64().is_some_and(|ms| (1..=1_000).contains(&ms)), "{key}");
    }
    for digit in [json!("4"), json!(2)] {
        carrier.tell(json!({ "send": { "event": "dtmf", "digit": digit } })).await;
    }
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["target"]), (&json!("right"), &json!("+6221555000377")));
    assert!(KEYS.ends_with("50003"));
}

#[tokio::test]
async fn the_flow_knows_who_calls_whom_and_what_the_route_says() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(WHO, "s1").await;
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    let call = system.ended("s1").await;
    assert_eq!(call["outcome"], "known", "{call}");
    assert_eq!(call["metadata"], json!({ "caller": CALLER, "called": WHO, "shop": "Menteng" }));
}

#[tokio::test]
async fn the_caller_hangs_up_and_the_record_comes_after() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(LONG, "s1").await;
    carrier.tell(json!({ "send": { "event": "hangup" } })).await;
    let mut record = cdr("s1", json!(16));
    record["hangupBy"] = "CALLER".into();
    carrier.tell(json!({ "send": record })).await;
    assert_eq!(closed(&mut carrier).await.0, 1000);
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["disposition"]), (&json!("caller_hung_up"), &json!("ANSWERED")));
    assert_eq!(system.cdr("s1").await["hangupBy"], "CALLER");
    assert!(!kinds(&system.timeline(&call).await).contains(&"cdr_estimated"));
}

#[tokio::test]
async fn a_caller_who_gives_up_before_the_answer_is_a_cancelled_call() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = peer::Peer::start("inbound.js", json!({ "url": system.url() })).await;
    carrier.wait_for("a connection", |report| report["open"].as_bool()).await;
    let call = json!({ "event": "incoming_call", "callerId": CALLER, "didNumber": LONG, "sessionId": "s1" });
    carrier.tell(json!({ "send": call })).await;
    carrier.tell(json!({ "send": { "event": "hangup" } })).await;
    let call = system.ended("s1").await;
    let told = (call["outcome"].as_str().unwrap(), call["disposition"].as_str().unwrap());
    // The answer may have been quicker than the second message.
    assert!([("cancelled", "CANCEL"), ("caller_hung_up", "ANSWERED")].contains(&told), "{call}");
    assert_eq!(system.cdr("s1").await["disposition"], told.1);
}

#[tokio::test]
async fn a_carrier_that_vanishes_leaves_a_call_with_a_record_of_our_own() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(LONG, "s1").await;
    carrier.wait_for("audio", |report| report["audio"].as_bool()).await;
    carrier.tell(json!({ "terminate": true })).await;
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["causeCode"]), (&json!("carrier_lost"), &json!(38)));
    let seen = system.timeline(&call).await;
    assert!(kinds(&seen).contains(&"carrier_lost") && kinds(&seen).contains(&"cdr_estimated"), "{seen:?}");
    let record = system.cdr("s1").await;
    assert_eq!((&record["destination"], &record["disposition"]), (&json!(LONG), &json!("ANSWERED")));
    assert_eq!((&record["hangupBy"], &record["hangupCauseCode"]), (&json!("CALLER"), &json!(38)));
}

#[tokio::test]
async fn a_connection_that_is_closed_in_order_is_a_hang_up() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(LONG, "s1").await;
    carrier.tell(json!({ "close": [1000, "bye"] })).await;
    closed(&mut carrier).await;
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["causeCode"]), (&json!("caller_hung_up"), &json!(16)));
}

#[tokio::test]
async fn a_record_that_never_comes_is_made_from_our_own_times() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.answered(SHORT, "s1").await;
    carrier.event("hangup").await;
    let (code, reason) = closed(&mut carrier).await;
    assert!(code == 1000 && reason.contains("the call is over"), "{code} {reason}");
    let call = system.ended("s1").await;
    assert!(kinds(&system.timeline(&call).await).contains(&"cdr_estimated"));
    let path = format!("/v1/calls/{}/events", call["callId"].as_str().unwrap());
    let shown = system.client.read(&path).await.json();
    let ended = shown["events"].as_array().unwrap().iter().find(|event| event["kind"] == "ended").unwrap();
    assert_eq!(ended["atMs"], call["endedMs"], "the wait for the record is no part of the call: {ended}");
    let record = system.cdr("s1").await;
    assert_eq!((&record["hangupBy"], &record["hangupCauseCode"]), (&json!("CALLEE"), &json!(16)));
    assert_eq!((&record["estimated"], &record["source"]), (&json!(true), &json!(CALLER)), "{record}");
}

#[tokio::test]
async fn two_callers_at_once_have_a_call_each_even_under_one_name() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let (mut first, mut second) = (system.answered(LONG, "same").await, system.answered(SHORT, "same").await);
    second.event("hangup").await;
    second.tell(json!({ "send": cdr("same", json!(16)) })).await;
    closed(&mut second).await;
    assert_eq!(heard(&mut second).await["bytes"], SHORT_BYTES);
    first.tell(json!({ "send": { "event": "hangup" } })).await;
    first.tell(json!({ "send": cdr("same", json!(16)) })).await;
    closed(&mut first).await;
    system.ended("same").await;
    let calls = system.client.read("/v1/calls").await.json();
    let mut flows: Vec<&str> =
        calls["calls"].as_array().unwrap().iter().map(|call| call["flow"].as_str().unwrap()).collect();
    flows.sort_unstable();
    assert_eq!(flows, ["long", "short"]);
    in_time(async {
        // The two are written down one after the other.
        while system.client.read("/v1/cdr").await.json()["meta"]["totalItems"] != 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_number_without_a_flow_is_hung_up_and_the_refusal_can_be_read() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let mut carrier = system.call(UNKNOWN, "s1").await;
    carrier.event("hangup").await;
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["causeCode"]), (&json!("no_route"), &json!(1)));
    let timeline = system.timeline(&call).await;
    assert_eq!(kinds(&timeline), ["turned_away"]);
    assert!(timeline[0].1["why"].as_str().unwrap().contains("no inbound route"), "{timeline:?}");
    let record = system.cdr("s1").await;
    assert_eq!((&record["disposition"], &record["destination"]), (&json!("FAILED"), &json!(UNKNOWN)));
    let metrics = system.client.read("/metrics").await.text();
    if !metrics.is_empty() {
        assert!(metrics.contains("dering_inbound_turned_away_total{reason=\"no_route\"}"), "{metrics}");
    }
    // The carrier's own record goes before ours.
    let mut record = cdr("s1", json!(1));
    record["disposition"] = "FAILED".into();
    record["hangupCauseText"] = "in the carrier's words".into();
    carrier.tell(json!({ "send": record })).await;
    closed(&mut carrier).await;
    in_time(async { while system.cdr("s1").await["hangupCauseText"] != "in the carrier's words" {} }).await;
}

#[tokio::test]
async fn a_default_flow_takes_every_other_number() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::with(|config| config.inbound.default_flow = Some("short".into())).await;
    let mut carrier = system.answered(UNKNOWN, "s1").await;
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    assert_eq!(system.ended("s1").await["flow"], "short");
}

#[tokio::test]
async fn calls_beyond_the_lines_are_hung_up_as_congestion() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::with(|config| config.calls.max = 1).await;
    let first = system.answered(LONG, "s1").await;
    let mut second = system.call(SHORT, "s2").await;
    second.event("hangup").await;
    let call = system.ended("s2").await;
    assert_eq!((&call["outcome"], &call["causeCode"]), (&json!("lines_busy"), &json!(34)));
    drop(first);
}

#[tokio::test]
async fn a_server_that_stops_hangs_up_new_calls_and_lets_the_old_ones_end() {
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let url = system.url();
    let mut running = system.answered(SHORT, "s1").await;
    let calls = system.app.calls().clone();
    let stopping = tokio::spawn(system.app.shutdown());
    let call = json!({ "callerId": CALLER, "didNumber": SHORT, "sessionId": "s2" });
    let mut late = peer::Peer::start("inbound.js", json!({ "url": url, "call": call })).await;
    running.event("hangup").await;
    running.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    assert_eq!(closed(&mut running).await.0, 1000);
    // Hung up, or not let in any more.
    late.wait_for("an end", |report| {
        (report["event"] == "hangup" || report.get("error").is_some()).then_some(())
    })
    .await;
    peer::within("the end of the server", stopping).await.unwrap();
    assert!(calls.live().is_empty());
}

#[tokio::test]
async fn a_route_may_notify_its_app() {
    if !peer::is_ready() {
        return;
    }
    // Nobody listens there: what is to be sent stands in the ledger all the same.
    let route = InboundRoute {
        did: "777".into(),
        flow: "short".into(),
        app: Some(APP.into()),
        notify_url: Some("http://127.0.0.1:9/notify".into()),
        ..InboundRoute::default()
    };
    let system = TestSystem::with(|config| config.inbound.routes = vec![route]).await;
    let mut carrier = system.answered("777", "s1").await;
    carrier.event("hangup").await;
    carrier.tell(json!({ "send": cdr("s1", json!(16)) })).await;
    let call = system.ended("s1").await;
    let rows = system.client.ledger(call["callId"].as_str().unwrap(), |rows| rows.len() == 2).await;
    let told: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::from_str(row["notification"]["body"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!((&told[0]["status"], &told[1]["status"]), (&json!("Answered"), &json!("completed")));
    assert_eq!(told[1]["reasonCode"], "bot-disconnected");
}

/// A carrier that has rung in and hears the bot.
async fn hears(system: &TestSystem, did: &str, session: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let (mut carrier, _) = connect_async(system.url()).await.unwrap();
    let call =
        json!({ "event": "incoming_call", "callerId": CALLER, "didNumber": did, "sessionId": session });
    carrier.send(Message::text(call.to_string())).await.unwrap();
    let voice = async { while !carrier.next().await.unwrap().unwrap().is_binary() {} };
    within("the bot's voice", voice).await;
    carrier
}

/// Of a process that is stopped for a moment, timers and messages are due at once, in any order.
#[tokio::test]
async fn a_caller_who_hung_up_while_this_machine_stood_still_has_hung_up() {
    let system = TestSystem::start().await;
    for number in 0..10 {
        let session = format!("s{number}");
        let mut carrier = hears(&system, LONG, &session).await;
        for event in [json!({ "event": "hangup" }), cdr(&session, json!(16))] {
            carrier.send(Message::text(event.to_string())).await.unwrap();
        }
        drop(carrier);
        thread::sleep(Duration::from_millis(250));
        let call = system.ended(&session).await;
        assert_eq!(call["outcome"], "caller_hung_up", "{:?}", system.timeline(&call).await);
        assert_eq!(system.cdr(&session).await["startTime"], cdr("", json!(16))["startTime"]);
    }
}

#[tokio::test]
async fn a_key_pressed_while_this_machine_stood_still_comes_before_the_timer_that_waited_for_it() {
    let system = TestSystem::start().await;
    for number in 0..3 {
        let session = format!("s{number}");
        let (mut carrier, mut said) = hears(&system, KEYS, &session).await.split();
        tokio::spawn(async move { while said.next().await.is_some() {} });
        let key = |digit: &str| Message::text(json!({ "event": "dtmf", "digit": digit }).to_string());
        let begun = Instant::now();
        carrier.send(key("4")).await.unwrap();
        let pressed = async {
            loop {
                let calls = system.client.read("/v1/calls").await.json();
                let call =
                    calls["calls"].as_array().unwrap().iter().find(|call| call["sessionId"] == session);
                if let Some(call) = call
                    && kinds(&system.timeline(call).await).contains(&"digit")
                {
                    break;
                }
            }
        };
        within("the first key", pressed).await;
        carrier.send(key("2")).await.unwrap();
        if begun.elapsed() > DIGIT_TIMEOUT / 2 {
            println!("skipped: this machine is too busy to say what came in time");
            continue;
        }
        thread::sleep(DIGIT_TIMEOUT + Duration::from_millis(500));
        let call = system.ended(&session).await;
        assert_eq!(call["outcome"], "right", "{:?}", system.timeline(&call).await);
    }
}
