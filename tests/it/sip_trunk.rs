//! The SIP trunk against a peer that nobody here wrote.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callcore::call::{CarrierCdr, DialStatus, Disposition, HangupBy, Link};
use dering::sip::{self, Account, Admission, CallEvent, Endpoint, Invite, Server, SipUri, Transport};
use dering::trunk::sip::{Options, SipCarrier};
use dering::trunk::{DialError, Leg, LegCommand, LegEvent, Offer, Order};
use rtp::sdp::Negotiation;
use rtp::{Law, PACKET_BYTES, Sender, Start};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::sipp::{is_there, plays, plays_over, plays_text, start, text};

const NUMBER: &str = "+15552000001";
/// Longer than anything takes that should happen at all.
const LONG: Duration = Duration::from_secs(120);

pub(crate) fn options(server: SocketAddr) -> Options {
    let server: Server = server.to_string().parse().unwrap();
    Options {
        name: "sipp".into(),
        from_domain: server.clone(),
        server,
        transport: Transport::Udp,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_address: None,
        account: None,
        registers: false,
        asserts_caller: true,
        laws: vec![Law::Ulaw, Law::Alaw],
        ports: 21_000..=24_999,
        allow: Vec::new(),
        redirects: vec!["127.0.0.1".parse().unwrap()],
        ping: None,
        away_timeout: Duration::from_secs(10),
        offers: None,
        traces: None,
    }
}

pub(crate) fn order() -> Order {
    Order { caller: Some("+15552000009".into()), ..Order::to(NUMBER) }
}

async fn next(leg: &mut Leg) -> LegEvent {
    timeout(LONG, leg.events.recv()).await.expect("something happens").expect("the call is not over")
}

/// The next event that is no audio.
async fn told(leg: &mut Leg) -> LegEvent {
    loop {
        let event = next(leg).await;
        if !matches!(event, LegEvent::Audio { .. }) {
            return event;
        }
    }
}

async fn status(leg: &mut Leg, expected: DialStatus) {
    let event = told(leg).await;
    assert_eq!(event, LegEvent::Status(expected));
}

/// The record, which is the last word.
async fn record(leg: &mut Leg) -> CarrierCdr {
    let event = told(leg).await;
    let LegEvent::Cdr(cdr) = event else { panic!("no record: {event:?}") };
    assert!(timeout(LONG, leg.events.recv()).await.unwrap().is_none(), "nothing follows");
    cdr
}

async fn command(leg: &Leg, command: LegCommand) {
    leg.commands.send(command).await.unwrap();
}

/// A second of 400 Hz.
fn tone() -> Bytes {
    let sample = |n: u32| ((f64::from(n) * 400.0 * std::f64::consts::TAU / 8_000.0).sin() * 8_000.0) as i16;
    (0..8_000).flat_map(|n| sample(n).to_le_bytes()).collect::<Vec<_>>().into()
}

fn is_loud(pcm: &[u8]) -> bool {
    pcm.as_chunks::<2>().0.iter().any(|pair| i16::from_le_bytes(*pair).unsigned_abs() > 4_000)
}

#[tokio::test]
async fn a_call_is_answered_and_heard_both_ways_over_udp_and_tcp() {
    if !is_there() {
        return;
    }
    for transport in [Transport::Udp, Transport::Tcp] {
        let sipp = plays_over("answers.xml", transport);
        let carrier = SipCarrier::start(Options { transport, ..options(sipp.address) }).await.unwrap();
        let mut leg = carrier.place(order()).await.unwrap();
        status(&mut leg, DialStatus::Ringing).await;
        status(&mut leg, DialStatus::Connected).await;
        command(&leg, LegCommand::Audio(tone())).await;
        command(&leg, LegCommand::CheckPoint("said".into())).await;
        let (mut is_heard, mut is_said) = (false, false);
        while !(is_heard && is_said) {
            let event = next(&mut leg).await;
            if let LegEvent::Audio { pcm, .. } = &event {
                is_heard |= is_loud(pcm);
            } else {
                assert_eq!(event, LegEvent::CheckPoint("said".into()));
                is_said = true;
            }
        }
        command(&leg, LegCommand::Hangup).await;
        assert_eq!(told(&mut leg).await, LegEvent::Hangup);
        let cdr = record(&mut leg).await;
        assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Caller)));
        assert_eq!((cdr.destination.as_str(), cdr.hangup_cause_code), (NUMBER, 16));
        assert_eq!((cdr.session_id, cdr.source.as_deref()), (leg.session_id, Some("+15552000009")));
        sipp.ends_well().await;
    }
}

#[tokio::test]
async fn a_call_is_held_taken_back_and_ended_by_the_callee() {
    if !is_there() {
        return;
    }
    let sipp = plays("hangs_up.xml");
    let carrier = SipCarrier::start(options(sipp.address)).await.unwrap();
    let mut leg = carrier.place(order()).await.unwrap();
    status(&mut leg, DialStatus::Ringing).await;
    status(&mut leg, DialStatus::Connected).await;
    assert!(matches!(told(&mut leg).await, LegEvent::Link { link: Link::Stalled, .. }));
    assert!(matches!(told(&mut leg).await, LegEvent::Link { link: Link::Up, .. }));
    assert_eq!(told(&mut leg).await, LegEvent::Hangup);
    let cdr = record(&mut leg).await;
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Callee)));
    sipp.ends_well().await;
}

#[tokio::test]
async fn a_call_that_is_refused_says_how() {
    if !is_there() {
        return;
    }
    let failed = LegEvent::Status(DialStatus::Failed);
    for (line, told_first, disposition, cause) in [
        ("486 Busy Here", LegEvent::Status(DialStatus::Busy), Disposition::Busy, 17),
        ("480 Temporarily Unavailable", LegEvent::Hangup, Disposition::NoAnswer, 19),
        ("603 Decline", failed.clone(), Disposition::Failed, 21),
        ("302 Moved Temporarily", failed.clone(), Disposition::Failed, 23),
        ("503 Service Unavailable", failed, Disposition::Failed, 41),
    ] {
        let sipp = plays_text(&text("refuses.xml").replace("486 Busy Here", line), Transport::Udp);
        let carrier = SipCarrier::start(options(sipp.address)).await.unwrap();
        let mut leg = carrier.place(order()).await.unwrap();
        status(&mut leg, DialStatus::Ringing).await;
        assert_eq!(told(&mut leg).await, told_first, "{line}");
        let cdr = record(&mut leg).await;
        assert_eq!((cdr.disposition, cdr.hangup_cause_code), (disposition, cause), "{line}");
        assert_eq!((cdr.answer_time, cdr.billable_seconds), (None, 0));
        sipp.ends_well().await;
    }
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_cancelled() {
    if !is_there() {
        return;
    }
    let sipp = plays("rings_on.xml");
    let carrier = SipCarrier::start(options(sipp.address)).await.unwrap();
    let mut leg = carrier.place(order()).await.unwrap();
    status(&mut leg, DialStatus::Ringing).await;
    command(&leg, LegCommand::Hangup).await;
    assert_eq!(told(&mut leg).await, LegEvent::Hangup);
    let cdr = record(&mut leg).await;
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Cancel, Some(HangupBy::Caller)));
    sipp.ends_well().await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_password_gets_it() {
    if !is_there() {
        return;
    }
    let account = |password: &str| Account { user: "bot".into(), password: password.to_owned().into() };
    let sipp = plays("asks.xml");
    let with = Options { account: Some(account("secret")), ..options(sipp.address) };
    let carrier = SipCarrier::start(with).await.unwrap();
    let mut leg = carrier.place(order()).await.unwrap();
    status(&mut leg, DialStatus::Connected).await;
    command(&leg, LegCommand::Hangup).await;
    assert_eq!(told(&mut leg).await, LegEvent::Hangup);
    assert_eq!(record(&mut leg).await.disposition, Disposition::Answered);
    sipp.ends_well().await;

    let sipp = plays("asks.xml");
    let with = Options { account: Some(account("guess")), ..options(sipp.address) };
    let carrier = SipCarrier::start(with).await.unwrap();
    let mut leg = carrier.place(order()).await.unwrap();
    status(&mut leg, DialStatus::Failed).await;
    let cdr = record(&mut leg).await;
    assert_eq!((cdr.disposition, cdr.hangup_cause_code), (Disposition::Failed, 57));
}

#[tokio::test]
async fn a_leg_that_is_dropped_hangs_up() {
    if !is_there() {
        return;
    }
    let sipp = plays("answers.xml");
    let carrier = SipCarrier::start(options(sipp.address)).await.unwrap();
    let mut leg = carrier.place(order()).await.unwrap();
    status(&mut leg, DialStatus::Ringing).await;
    status(&mut leg, DialStatus::Connected).await;
    drop((leg, carrier));
    sipp.ends_well().await;
}

#[tokio::test]
async fn a_call_comes_in_is_taken_and_ended_by_the_caller() {
    if !is_there() {
        return;
    }
    let (offers, mut offered) = mpsc::channel(4);
    let server = SocketAddr::from(([127, 0, 0, 1], 5_060));
    let carrier = SipCarrier::start(Options { offers: Some(offers), ..options(server) }).await.unwrap();
    let to = carrier.address().to_string();
    let sipp = start(
        tempfile::tempdir().unwrap(),
        &["-sn", "uac", "-s", "15552000077", "-d", "1500", &to],
        Transport::Udp,
    );
    let Offer { call, mut leg, pickup } = timeout(LONG, offered.recv()).await.expect("a call").unwrap();
    assert_eq!((call.called.as_str(), call.trunk.as_deref()), ("15552000077", Some("sipp")));
    assert_eq!(call.session_id, leg.session_id);
    status(&mut leg, DialStatus::Ringing).await;
    pickup.send(()).unwrap();
    status(&mut leg, DialStatus::Connected).await;
    command(&leg, LegCommand::Audio(tone())).await;
    let mut is_heard = false;
    let end = loop {
        let event = next(&mut leg).await;
        let LegEvent::Audio { pcm, .. } = &event else { break event };
        is_heard |= is_loud(pcm);
    };
    assert_eq!((end, is_heard), (LegEvent::Hangup, true));
    let cdr = record(&mut leg).await;
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Caller)));
    sipp.ends_well().await;
}

#[tokio::test]
async fn a_caller_whom_nobody_takes_is_told_why() {
    let (offers, mut offered) = mpsc::channel(4);
    let server = SocketAddr::from(([127, 0, 0, 1], 5_060));
    let carrier = SipCarrier::start(Options { offers: Some(offers), ..options(server) }).await.unwrap();
    let (caller, _calls) = Endpoint::open(sip::Options {
        name: "caller".into(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        transport: Transport::Udp,
        public_address: None,
        server: None,
        account: None,
        admission: Admission::Anybody,
    })
    .await
    .unwrap();
    let at: Server = carrier.address().to_string().parse().unwrap();
    let uri = |user| SipUri::of_user(user, &at, Transport::Udp).unwrap();
    let audio = SocketAddr::from(([127, 0, 0, 1], 40_000));
    let mut call = caller
        .invite(Invite {
            to: uri("+15552003100"),
            from: uri(NUMBER),
            display_name: None,
            asserted: None,
            fields: Vec::new(),
            account: None,
            sdp: Negotiation::new(audio, vec![Law::Ulaw], 1).offer(),
            redirects: Vec::new(),
        })
        .await
        .unwrap();
    let Offer { leg, pickup, .. } = timeout(LONG, offered.recv()).await.expect("a call").unwrap();
    // A call that nobody takes is let go of before it is refused.
    drop(pickup);
    command(&leg, LegCommand::Refuse { cause: 1 }).await;
    let refusal = loop {
        let event = timeout(LONG, call.next()).await.expect("an answer").expect("an answer");
        if let CallEvent::Refused(refusal) = event {
            break refusal;
        }
        // It may have begun to ring.
        assert!(matches!(event, CallEvent::Progress { status: 180, .. }), "{event:?}");
    };
    assert_eq!((refusal.status, refusal.cause), (404, Some(1)));
}

#[tokio::test]
async fn what_a_network_plays_before_it_refuses_a_call_is_heard() {
    let admission = Admission::Anybody;
    let (network, mut calls) = Endpoint::open(sip::Options {
        name: "network".into(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        transport: Transport::Udp,
        public_address: None,
        server: None,
        account: None,
        admission,
    })
    .await
    .unwrap();
    let carrier = SipCarrier::start(options(network.address())).await.unwrap();
    let mut leg = carrier.place(order()).await.unwrap();
    let incoming = timeout(LONG, calls.recv()).await.expect("a call comes in").unwrap();

    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut negotiation = Negotiation::new(socket.local_addr().unwrap(), vec![Law::Ulaw], 1);
    let (answer, agreed) = negotiation.answer(&incoming.offer.unwrap()).unwrap();
    incoming.answering.progress(answer);
    let plays = tokio::spawn(async move {
        let start = Start { ssrc: 1, sequence: 1, timestamp: 1 };
        let (mut sender, mut packet) = (Sender::new(agreed.formats, start), [0; PACKET_BYTES]);
        let mut frames = tokio::time::interval(Duration::from_millis(20));
        loop {
            frames.tick().await;
            let length = sender.next(&[8_000; 160], &mut packet);
            socket.send_to(&packet[..length], agreed.address).await.unwrap();
        }
    });
    status(&mut leg, DialStatus::Ringing).await;
    loop {
        let event = next(&mut leg).await;
        let LegEvent::Audio { pcm, .. } = event else { panic!("{event:?}") };
        if is_loud(&pcm) {
            break;
        }
    }
    incoming.answering.refuse(404);
    status(&mut leg, DialStatus::Failed).await;
    let cdr = record(&mut leg).await;
    assert_eq!((cdr.disposition, cdr.hangup_cause_code), (Disposition::Failed, 1));
    plays.abort();
}

#[tokio::test]
async fn a_number_that_would_say_more_is_not_sent() {
    let carrier = SipCarrier::start(options(SocketAddr::from(([127, 0, 0, 1], 5_060)))).await.unwrap();
    for number in ["+1555@evil.test", "1;user=x", "1\r\nX: y", "<1>", ""] {
        let placed = carrier.place(Order::to(number)).await;
        assert!(matches!(placed, Err(DialError::BadNumber { .. })), "{number:?}");
    }
}
