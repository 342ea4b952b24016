//! Calls that a server redirects (3xx), with peers that write their messages by hand.

use callcore::call::{DialStatus, Disposition};
use dering::trunk::sip::{Options, SipCarrier};
use dering::trunk::{Leg, LegCommand, LegEvent};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::sip_by_hand::Hand;
use crate::sip_signalling::{LONG, SDP};
use crate::sip_trunk;

/// What a leg tells next, beside audio and of the way to the peer.
async fn told(leg: &mut Leg) -> LegEvent {
    loop {
        let event = timeout(LONG, leg.events.recv()).await.expect("something happens").expect("a call");
        if !matches!(event, LegEvent::Audio { .. } | LegEvent::Link { .. }) {
            return event;
        }
    }
}

async fn socket(address: &str) -> UdpSocket {
    UdpSocket::bind((address, 0)).await.unwrap()
}

#[tokio::test]
async fn a_redirect_to_a_host_of_the_trunk_is_followed_and_told_in_ladder_and_record() {
    let (first, second) = (socket("127.0.0.1").await, socket("127.0.0.1").await);
    let elsewhere = socket("127.0.0.9").await;
    let (traces, mut traced) = tokio::sync::mpsc::channel(1);
    let options = Options { traces: Some(traces), ..sip_trunk::options(first.local_addr().unwrap()) };
    let carrier = SipCarrier::start(options).await.unwrap();
    let mut leg = carrier.place(sip_trunk::order()).await.unwrap();
    let hand = |socket| Hand { socket, to: carrier.address(), call_id: leg.session_id.clone() };
    let (first, second) = (hand(first), hand(second));
    let request = first.expect("INVITE").await;
    let (at, stranger) = (second.address(), elsewhere.local_addr().unwrap());
    let contacts = format!(
        "302 Moved Temporarily\r\nContact: <sip:+19005550100@{stranger}>;q=1.0, <sip:+15552000008@{at}>;q=0.5"
    );
    first.reply_without_contact(&request, &contacts).await;
    first.expect("ACK").await;
    let request = second.expect("INVITE sip:+15552000008@").await;
    assert!(request.contains(&leg.session_id), "it is the same call: {request}");
    second.reply(&request, "200 OK", "hand", SDP).await;
    second.expect("ACK").await;
    assert_eq!(told(&mut leg).await, LegEvent::Status(DialStatus::Connected));
    leg.commands.send(LegCommand::Hangup).await.unwrap();
    let bye = second.expect("BYE").await;
    second.reply(&bye, "200 OK", "hand", "").await;
    assert_eq!(told(&mut leg).await, LegEvent::Hangup);
    let LegEvent::Cdr(cdr) = told(&mut leg).await else { panic!("no record") };
    assert_eq!(cdr.disposition, Disposition::Answered);
    assert!(cdr.hangup_cause_text.ends_with(&format!("; redirected to sip:+15552000008@{at}")), "{cdr:?}");
    let trace = timeout(LONG, traced.recv()).await.expect("a trace").unwrap();
    let lines: Vec<_> = trace.messages.iter().filter_map(|message| message.text.lines().next()).collect();
    let of = |beginning: &str| lines.iter().filter(|line| line.starts_with(beginning)).count();
    assert_eq!((of("INVITE"), of("SIP/2.0 302")), (2, 1), "{lines:#?}");
    let mut buffer = [0; 64];
    assert!(elsewhere.try_recv_from(&mut buffer).is_err(), "nobody else is called");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (first, elsewhere) = (socket("127.0.0.1").await, socket("127.0.0.9").await);
    let carrier = SipCarrier::start(sip_trunk::options(first.local_addr().unwrap())).await.unwrap();
    let mut leg = carrier.place(sip_trunk::order()).await.unwrap();
    let first = Hand { socket: first, to: carrier.address(), call_id: leg.session_id.clone() };
    let request = first.expect("INVITE").await;
    let stranger = elsewhere.local_addr().unwrap();
    let status = format!("302 Moved Temporarily\r\nContact: <sip:+19005550100@{stranger}>");
    first.reply_without_contact(&request, &status).await;
    assert_eq!(told(&mut leg).await, LegEvent::Status(DialStatus::Failed));
    let LegEvent::Cdr(cdr) = told(&mut leg).await else { panic!("no record") };
    assert_eq!((cdr.disposition, cdr.hangup_cause_code), (Disposition::Failed, 23));
    let mut buffer = [0; 64];
    assert!(elsewhere.try_recv_from(&mut buffer).is_err(), "nobody else is called");
}
