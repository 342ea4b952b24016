//! The gateway over SIP, called by our own trunk: the two halves agree, and the callees are the same.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus, Disposition, HangupBy};
use callcore::flow::ExternalStepEnd;
use callcore::ids::ExternalStepId;
use dering::gateway::SipOptions;
use dering::sip::{Account, Server, Transport};
use dering::trunk::sip::{Options, SipCarrier};
use dering::trunk::{Leg, LegCommand, LegEvent, Order};
use rtp::Law;
use serde_json::Value;

use crate::gateway_conformance::CAST;
use crate::gateway_fixture::{Fixture, TOKEN};
use crate::peer::within;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const KEYS: (&str, &str) =
    ("keys", "numbers: ['+15552007']\nring: 50ms\nscript:\n- silence: 200ms\n- dtmf: '7'\n- silence: 20s\n");

/// A gateway over SIP, and a trunk with this password.
async fn scene(password: &str) -> (Fixture, SipCarrier) {
    let callees: Vec<(&str, &str)> = CAST.into_iter().chain([KEYS]).collect();
    let fixture = Fixture::start_with(&callees, |options| {
        options.sip = Some(SipOptions { listen: LOCAL, rtp_ports: 33_000..=34_999 });
    })
    .await;
    let address = fixture.gateway.sip_address().expect("it speaks SIP");
    let server: Server = address.to_string().parse().expect("an address");
    let options = Options {
        name: "gateway".into(),
        from_domain: server.clone(),
        server,
        transport: Transport::Udp,
        listen: LOCAL,
        public_address: None,
        account: Some(Account { user: "a".into(), password: password.to_owned().into() }),
        registers: false,
        asserts_caller: false,
        laws: vec![Law::Alaw, Law::Ulaw],
        ports: 35_000..=36_999,
        allow: Vec::new(),
        redirects: Vec::new(),
        ping: None,
        away_timeout: Duration::from_secs(60),
        offers: None,
        traces: None,
    };
    (fixture, SipCarrier::start(options).await.expect("a good configuration"))
}

async fn call(trunk: &SipCarrier, number: &str) -> Leg {
    let order = Order { caller: Some("+15552000009".into()), ..Order::to(number) };
    within("a call", trunk.place(order)).await.expect("the request can be made")
}

/// The next event that is no audio, and whether audio before it was loud.
async fn told(leg: &mut Leg) -> (LegEvent, bool) {
    let mut is_loud = false;
    loop {
        match within("an event of the call", leg.events.recv()).await.expect("the call is there") {
            LegEvent::Audio { pcm, .. } => {
                is_loud |=
                    pcm.as_chunks::<2>().0.iter().any(|p| i16::from_le_bytes(*p).unsigned_abs() > 1_000);
            }
            LegEvent::RoundTrip(_) | LegEvent::Delivered { .. } | LegEvent::Alive | LegEvent::Link { .. } => {
            }
            event @ (LegEvent::Status(_)
            | LegEvent::Digit(_)
            | LegEvent::CheckPoint(_)
            | LegEvent::Hangup
            | LegEvent::Transfer { .. }
            | LegEvent::Cdr(_)
            | LegEvent::AudioUnreadable { .. }
            | LegEvent::Sight { .. }
            | LegEvent::Camera(_)
            | LegEvent::Lost { .. }) => return (event, is_loud),
        }
    }
}

/// Everything that is told of a call that is not answered: statuses, and the record.
async fn outcome(mut leg: Leg) -> (Vec<LegEvent>, CarrierCdr) {
    let mut before = Vec::new();
    loop {
        let event = told(&mut leg).await.0;
        let LegEvent::Cdr(cdr) = event else {
            before.push(event);
            continue;
        };
        return (before, cdr);
    }
}

/// Half a second that is clearly no silence.
fn loud() -> Bytes {
    (0..4_000_i16)
        .flat_map(|n| (if n / 10 % 2 == 0 { 6_000_i16 } else { -6_000 }).to_le_bytes())
        .collect::<Vec<_>>()
        .into()
}

/// The gateway's own record of a call.
async fn recorded(fixture: &Fixture, session: &str) -> Value {
    within("the end of the call", async {
        while fixture.gateway.calls() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (status, answer) = fixture.rest(&format!("GET /v1/cdr/{session}"), Some(TOKEN), None).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn a_callee_is_heard_hears_and_is_recorded_under_the_callers_name_for_the_call() {
    let (fixture, trunk) = scene(TOKEN).await;
    let mut leg = call(&trunk, "+15551000").await;
    assert_eq!(told(&mut leg).await.0, LegEvent::Status(DialStatus::Ringing));
    assert_eq!(told(&mut leg).await.0, LegEvent::Status(DialStatus::Connected));
    leg.commands.send(LegCommand::Audio(loud())).await.expect("a call");
    leg.commands.send(LegCommand::CheckPoint("said".into())).await.expect("a call");
    assert_eq!(
        told(&mut leg).await,
        (LegEvent::CheckPoint("said".into()), true),
        "the callee beeps meanwhile"
    );
    // It presses a key once the bot is silent, and hangs up.
    assert_eq!(told(&mut leg).await.0, LegEvent::Digit('5'));
    assert_eq!(told(&mut leg).await.0, LegEvent::Hangup);
    let (LegEvent::Cdr(cdr), _) = told(&mut leg).await else { panic!("no record") };
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Callee)));
    let theirs = recorded(&fixture, &leg.session_id).await;
    assert_eq!((&theirs["disposition"], &theirs["source"]), (&"ANSWERED".into(), &"+15552000009".into()));
    let (_, heard, timeline) = fixture.recording(&leg.session_id);
    let loud = heard.iter().filter(|sample| sample.unsigned_abs() > 5_000).count();
    assert!((3_900..=4_000).contains(&loud), "{loud} of 4000 samples");
    let events: Vec<&str> =
        timeline["events"].as_array().expect("events").iter().filter_map(|e| e["event"].as_str()).collect();
    assert!(events.contains(&"bot_started") && events.contains(&"bot_stopped"), "{events:?}");
}

#[tokio::test]
async fn keys_go_both_ways_and_the_caller_can_hang_up() {
    let (fixture, trunk) = scene(TOKEN).await;
    let mut leg = call(&trunk, "+15552007").await;
    while told(&mut leg).await.0 != LegEvent::Digit('7') {}
    leg.commands.send(LegCommand::Digit { digit: '4', duration_ms: 100 }).await.expect("a call");
    leg.commands.send(LegCommand::CheckPoint("pressed".into())).await.expect("a call");
    assert_eq!(told(&mut leg).await.0, LegEvent::CheckPoint("pressed".into()));
    leg.commands.send(LegCommand::Hangup).await.expect("a call");
    assert_eq!(told(&mut leg).await.0, LegEvent::Hangup);
    let theirs = recorded(&fixture, &leg.session_id).await;
    assert_eq!((&theirs["disposition"], &theirs["hangupBy"]), (&"ANSWERED".into(), &"CALLER".into()));
    let (_, _, timeline) = fixture.recording(&leg.session_id);
    let pressed = timeline["events"].as_array().expect("events").iter().any(|e| e["key"] == "4");
    assert!(pressed, "{timeline}");
}

#[tokio::test]
async fn whoever_does_not_answer_is_told_as_what_he_is() {
    let (_fixture, trunk) = scene(TOKEN).await;
    for (number, disposition, cause, rang) in [
        ("+15551001", Disposition::Busy, 17, false),
        ("+15551002", Disposition::Failed, 21, true),
        ("+15551003", Disposition::NoAnswer, 19, true),
        ("+15551004", Disposition::Failed, 34, false),
        ("+15559999", Disposition::Failed, 1, false),
    ] {
        let (before, cdr) = outcome(call(&trunk, number).await).await;
        assert_eq!((cdr.disposition, cdr.hangup_cause_code), (disposition, cause), "{number}: {before:?}");
        let ringing = LegEvent::Status(DialStatus::Ringing);
        assert_eq!(before.contains(&ringing), rang, "{number}: {before:?}");
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_ends_the_ringing() {
    let (fixture, trunk) = scene(TOKEN).await;
    let mut leg = call(&trunk, "+15556000").await;
    assert_eq!(told(&mut leg).await.0, LegEvent::Status(DialStatus::Ringing));
    leg.commands.send(LegCommand::Hangup).await.expect("a call");
    let (_, cdr) = outcome(leg).await;
    assert_eq!(cdr.disposition, Disposition::Cancel);
    assert_eq!(recorded(&fixture, &cdr.session_id).await["disposition"], "CANCEL");
}

#[tokio::test]
async fn without_the_right_token_nobody_is_called() {
    let (fixture, trunk) = scene("wrong").await;
    let (_, cdr) = outcome(call(&trunk, "+15552000").await).await;
    assert_eq!(cdr.disposition, Disposition::Failed);
    assert_eq!(fixture.gateway.calls(), 0);
}

#[tokio::test]
async fn a_gateway_that_stops_ends_its_calls_over_sip() {
    let (fixture, trunk) = scene(TOKEN).await;
    let mut leg = call(&trunk, "+15552000").await;
    while told(&mut leg).await.0 != LegEvent::Status(DialStatus::Connected) {}
    within("the gateway to stop", fixture.gateway.shutdown()).await;
    let (before, _) = outcome(leg).await;
    assert!(before.contains(&LegEvent::Hangup), "{before:?}");
}

/// What comes of a transfer of an answered call to a number.
async fn transferred(number: &str) -> (LegEvent, Leg, (Fixture, SipCarrier)) {
    let (fixture, trunk) = scene(TOKEN).await;
    let mut leg = call(&trunk, "+15552000").await;
    assert!(leg.abilities.transfer);
    assert_eq!(told(&mut leg).await.0, LegEvent::Status(DialStatus::Ringing));
    assert_eq!(told(&mut leg).await.0, LegEvent::Status(DialStatus::Connected));
    let (id, to) = (ExternalStepId(7), number.to_owned());
    let patience = Duration::from_secs(60);
    leg.commands.send(LegCommand::Transfer { id, to, patience }).await.expect("a call");
    let event = told(&mut leg).await.0;
    (event, leg, (fixture, trunk))
}

#[tokio::test]
async fn a_callee_is_connected_with_somebody_who_answers_and_the_bot_leaves() {
    let (event, mut leg, _open) = transferred("+15552007").await;
    assert_eq!(event, LegEvent::Transfer { id: ExternalStepId(7), end: ExternalStepEnd::Transferred });
    assert_eq!(told(&mut leg).await.0, LegEvent::Hangup);
    let LegEvent::Cdr(cdr) = told(&mut leg).await.0 else { panic!("no record") };
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Caller)));
}

#[tokio::test]
async fn a_callee_whose_new_party_is_busy_stays_with_the_bot() {
    let (event, mut leg, _open) = transferred("+15551001").await;
    let LegEvent::Transfer { end: ExternalStepEnd::Failed(why), .. } = event else { panic!("{event:?}") };
    assert!(why.contains("486"), "{why}");
    leg.commands.send(LegCommand::CheckPoint("goes on".into())).await.expect("the call goes on");
    assert_eq!(told(&mut leg).await.0, LegEvent::CheckPoint("goes on".into()));
}
