//! Transfers over SIP with a peer that writes its messages by hand: one that asks for a password, one that says nothing.

use std::net::SocketAddr;
use std::time::Duration;

use callcore::call::DialStatus;
use callcore::flow::ExternalStepEnd;
use callcore::ids::ExternalStepId;
use dering::sip::{
    Admission, Call, CallEvent, Endpoint, Options, Party, Referral, Server, SipUri, Transport,
};
use dering::trunk::sip::SipCarrier;
use dering::trunk::{Leg, LegCommand, LegEvent};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::sip_by_hand::{Hand, placed_by_hand, tag_of};
use crate::sip_signalling::{LONG, SDP, account, ended, next, options};
use crate::sip_trunk;

const ASKS: &str = "407 Proxy Authentication Required\r\nProxy-Authenticate: Digest realm=\"pbx\", nonce=\"n\", algorithm=MD5";

/// What has come of a transfer.
async fn referral(call: &mut Call) -> (u32, Referral) {
    let event = next(call).await;
    let CallEvent::Referral { number, referral } = event else { panic!("no word of a transfer: {event:?}") };
    (number, referral)
}

#[tokio::test]
async fn a_transfer_for_which_a_password_is_missing_is_refused_and_the_call_goes_on() {
    let (endpoint, hand, mut call, tag) = placed_by_hand().await;
    let at: Server = endpoint.address().to_string().parse().unwrap();
    let to = SipUri::of_user("+15552000005", &at, Transport::Udp).unwrap();
    // A second time, too: what it takes for the call to go on is done for each.
    for count in [2, 3] {
        assert!(call.refer(count, &to));
        let request = hand.expect("REFER").await;
        hand.reply(&request, ASKS, "hand", "").await;
        let told = referral(&mut call).await;
        assert!(matches!(told, (_, Referral::Refused { status: 407, .. })), "{told:?}");
        assert_eq!(told.0, count);
        hand.request("INFO", count, &tag, "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\n").await;
        assert!(matches!(next(&mut call).await, CallEvent::Digit { digit: '7', .. }));
        hand.expect("SIP/2.0 200").await;
    }
    call.hang_up(None);
    let bye = hand.expect("BYE").await;
    assert!(bye.contains(&tag) && bye.contains(";tag=hand"), "{bye}");
    hand.reply(&bye, "200 OK", "hand", "").await;
    assert_eq!(ended(&mut call).await.0, Party::Us);
}

#[tokio::test]
async fn a_server_that_asks_for_a_password_within_a_call_that_it_brought_gets_it() {
    let options =
        Options { account: Some(account("secret")), ..options(Transport::Udp, Admission::Known(Vec::new())) };
    let at = |address: SocketAddr| -> Server { address.to_string().parse().unwrap() };
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let options = Options { server: Some(at(socket.local_addr().unwrap())), ..options };
    let (endpoint, mut calls) = Endpoint::open(options).await.unwrap();
    let hand = Hand { socket, to: endpoint.address(), call_id: uuid::Uuid::new_v4().to_string() };
    let (mut call, tag) = hand.places(&mut calls).await;
    assert!(call.refer(7, &SipUri::of_user("+15552000005", &at(hand.address()), Transport::Udp).unwrap()));
    let request = hand.expect("REFER").await;
    hand.reply(&request, ASKS, "hand", "").await;
    let request = hand.expect("REFER").await;
    assert!(request.contains("Proxy-Authorization: Digest username=\"bot\""), "{request}");
    hand.reply(&request, "202 Accepted", "hand", "").await;
    let done = "Event: refer\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag\r\n";
    hand.request("NOTIFY", 2, &tag, done, "SIP/2.0 200 OK\r\n").await;
    assert_eq!(referral(&mut call).await, (7, Referral::Progress { status: Some(200), is_last: true }));
}

/// The fields of a NOTIFY of the transfer that was asked for in this request.
fn about(request: &str) -> String {
    let count = request.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap();
    let count = count.split(' ').next().unwrap();
    format!("Event: refer;id={count}\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag\r\n")
}

#[tokio::test]
async fn word_of_a_transfer_is_told_as_of_the_one_that_it_is_about() {
    let (endpoint, hand, mut call, tag) = placed_by_hand().await;
    let at: Server = endpoint.address().to_string().parse().unwrap();
    let to = SipUri::of_user("+15552000005", &at, Transport::Udp).unwrap();
    let mut asked = Vec::new();
    for number in [7, 8] {
        assert!(call.refer(number, &to));
        let request = hand.expect("REFER").await;
        hand.reply(&request, "202 Accepted", "hand", "").await;
        asked.push(about(&request));
    }
    hand.request("NOTIFY", 2, &tag, &asked[1], "SIP/2.0 200 OK\r\n").await;
    assert_eq!(referral(&mut call).await, (8, Referral::Progress { status: Some(200), is_last: true }));
    hand.request("NOTIFY", 3, &tag, &asked[0], "SIP/2.0 486 Busy Here\r\n").await;
    assert_eq!(referral(&mut call).await, (7, Referral::Progress { status: Some(486), is_last: true }));
}

/// What a leg tells next, beside audio and of the way to the peer.
async fn told(leg: &mut Leg) -> LegEvent {
    loop {
        let event = timeout(LONG, leg.events.recv()).await.expect("something happens").expect("a call");
        if !matches!(event, LegEvent::Audio { .. } | LegEvent::Link { .. }) {
            return event;
        }
    }
}

#[tokio::test]
async fn a_transfer_of_which_nothing_comes_is_given_up_and_the_next_one_is_made() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let carrier = SipCarrier::start(sip_trunk::options(socket.local_addr().unwrap())).await.unwrap();
    let mut leg = carrier.place(sip_trunk::order()).await.unwrap();
    let hand = Hand { socket, to: carrier.address(), call_id: leg.session_id.clone() };
    let request = hand.expect("INVITE").await;
    hand.reply(&request, "200 OK", "hand", SDP).await;
    hand.expect("ACK").await;
    assert_eq!(told(&mut leg).await, LegEvent::Status(DialStatus::Connected));
    let from = request.lines().find(|line| line.starts_with("From:")).unwrap();
    let tag = tag_of(&from.replace("From:", "To:"));
    let mut asked = Vec::new();
    for (id, patience) in [(5, Duration::ZERO), (6, LONG), (7, LONG)] {
        let (id, to) = (ExternalStepId(id), "+15552000005".to_owned());
        leg.commands.send(LegCommand::Transfer { id, to, patience }).await.unwrap();
        let request = hand.expect("REFER").await;
        hand.reply(&request, "202 Accepted", "hand", "").await;
        asked.push(about(&request));
        // The first is given up in time, the second for the third.
        if id != ExternalStepId(6) {
            let before = ExternalStepId(if id.0 == 5 { 5 } else { 6 });
            let event = told(&mut leg).await;
            assert!(
                matches!(&event, LegEvent::Transfer { id, end: ExternalStepEnd::Failed(_) } if *id == before),
                "{event:?}"
            );
        }
    }
    hand.request("NOTIFY", 2, &tag, &asked[0], "SIP/2.0 486 Busy Here\r\n").await;
    hand.expect("SIP/2.0 200").await;
    hand.request("NOTIFY", 3, &tag, &asked[2], "SIP/2.0 200 OK\r\n").await;
    let done = LegEvent::Transfer { id: ExternalStepId(7), end: ExternalStepEnd::Transferred };
    assert_eq!(told(&mut leg).await, done);
    hand.expect("BYE").await;
}
