//! SIP signalling with peers that write their messages by hand: odd, late, spoilt and forged ones.

use std::net::SocketAddr;

use dering::sip::{Admission, Call, CallEvent, Endpoint, Incoming, Party, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::sip_signalling::{LONG, NUMBER, SDP, account, ended, invite, next, offered, open, refused, taken};

/// A peer that writes its messages by hand.
pub(crate) struct Hand {
    pub(crate) socket: UdpSocket,
    pub(crate) to: SocketAddr,
    pub(crate) call_id: String,
}

impl Hand {
    pub(crate) async fn at(address: [u8; 4], to: SocketAddr) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((address, 0))).await.unwrap();
        Self { socket, to, call_id: uuid::Uuid::new_v4().to_string() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(crate) async fn request(&self, method: &str, cseq: u32, to_tag: &str, fields: &str, body: &str) {
        let (own, to) = (self.address(), self.to);
        let branch = uuid::Uuid::new_v4().simple();
        let call_id = &self.call_id;
        let message = format!(
            "{method} sip:{NUMBER}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{branch}\r\n\
             From: <sip:+15552000003@{own}>;tag=hand\r\nTo: <sip:{NUMBER}@{to}>{to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:hand@{own}>\r\nMax-Forwards: 70\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.send_to(message.as_bytes(), to).await.unwrap();
    }

    async fn receive(&self) -> String {
        let mut buffer = [0; 4_096];
        let (length, _) =
            timeout(LONG, self.socket.recv_from(&mut buffer)).await.expect("a message").unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that begins so.
    pub(crate) async fn expect(&self, beginning: &str) -> String {
        loop {
            let message = self.receive().await;
            if message.starts_with(beginning) {
                return message;
            }
        }
    }

    /// Answers a request that came.
    pub(crate) async fn reply(&self, request: &str, status: &str, tag: &str, body: &str) {
        let status = format!("{status}\r\nContact: <sip:hand@{}>", self.address());
        self.answer(request, &status, tag, body).await;
    }

    /// Refuses a request; what else is to be said stands behind the status.
    pub(crate) async fn reply_without_contact(&self, request: &str, status: &str) {
        self.answer(request, status, "hand", "").await;
    }

    async fn answer(&self, request: &str, status: &str, tag: &str, body: &str) {
        let field = |name: &str| {
            let line = request.lines().find(|line| line.starts_with(name)).unwrap();
            line.trim_end().to_owned()
        };
        // Within a call there is one already.
        let tag = if field("To:").contains(";tag=") { String::new() } else { format!(";tag={tag}") };
        let message = format!(
            "SIP/2.0 {status}\r\n{}\r\n{}\r\n{}{tag}\r\n{}\r\n{}\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            field("Via:"),
            field("From:"),
            field("To:"),
            field("Call-ID:"),
            field("CSeq:"),
            body.len()
        );
        self.socket.send_to(message.as_bytes(), self.to).await.unwrap();
    }

    /// Places a call that is answered; the call there, and its tag.
    pub(crate) async fn places(&self, calls: &mut mpsc::Receiver<Incoming>) -> (Call, String) {
        self.request("INVITE", 1, "", "Content-Type: application/sdp\r\n", SDP).await;
        let Incoming { answering, mut call, .. } = taken(calls).await;
        answering.accept(SDP.into());
        let tag = tag_of(&self.expect("SIP/2.0 200").await);
        self.request("ACK", 1, &tag, "", "").await;
        assert!(matches!(next(&mut call).await, CallEvent::Answered { sdp: None }));
        (call, tag)
    }

    fn nothing_came(&self) -> bool {
        let mut buffer = [0; 4_096];
        self.socket.try_recv_from(&mut buffer).is_err()
    }
}

pub(crate) fn tag_of(message: &str) -> String {
    let to = message.lines().find(|line| line.starts_with("To:")).unwrap();
    format!(";tag={}", to.split(";tag=").nth(1).unwrap().trim())
}

#[tokio::test]
async fn strangers_get_no_answer() {
    let networks = vec!["127.0.0.2/32".parse().unwrap()];
    let (endpoint, mut calls) = open(Transport::Udp, Admission::Known(networks)).await;
    let stranger = Hand::at([127, 0, 0, 1], endpoint.address()).await;
    for (cseq, method) in ["OPTIONS", "INVITE", "REGISTER", "BYE"].into_iter().enumerate() {
        stranger.request(method, cseq as u32 + 1, "", "", "").await;
    }
    for noise in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\r\n\r\n", b"\r\n", b" "] {
        stranger.socket.send_to(noise, endpoint.address()).await.unwrap();
    }
    let friend = Hand::at([127, 0, 0, 2], endpoint.address()).await;
    friend.socket.send_to(b"\r\n\r\n", endpoint.address()).await.unwrap();
    assert_eq!(
        friend.receive().await,
        "\r\n",
        "a friend's way through a translation of addresses is kept open"
    );
    friend.request("OPTIONS", 1, "", "", "").await;
    let answer = friend.expect("SIP/2.0 200").await;
    assert!(answer.contains("Allow: INVITE"), "{answer}");
    assert!(stranger.nothing_came() && calls.try_recv().is_err());
}

#[tokio::test]
async fn a_peer_that_asks_for_what_is_not_there_is_told_so() {
    let (endpoint, _calls) = open(Transport::Udp, Admission::Anybody).await;
    let hand = Hand::at([127, 0, 0, 1], endpoint.address()).await;
    hand.request("INVITE", 1, "", "Require: 100rel\r\n", "").await;
    assert!(hand.expect("SIP/2.0 420").await.contains("Unsupported: 100rel"));
    hand.request("SUBSCRIBE", 2, "", "", "").await;
    assert!(hand.expect("SIP/2.0 405").await.contains("Allow: INVITE"));
    hand.request("BYE", 3, ";tag=none", "", "").await;
    hand.expect("SIP/2.0 481").await;
}

/// A call that a peer by hand has placed, and its tag.
pub(crate) async fn placed_by_hand() -> (Endpoint, Hand, Call, String) {
    let (endpoint, mut calls) = open(Transport::Udp, Admission::Anybody).await;
    let hand = Hand::at([127, 0, 0, 1], endpoint.address()).await;
    let (call, tag) = hand.places(&mut calls).await;
    (endpoint, hand, call, tag)
}

#[tokio::test]
async fn an_answer_is_repeated_until_it_is_confirmed() {
    let (endpoint, mut calls) = open(Transport::Udp, Admission::Anybody).await;
    let hand = Hand::at([127, 0, 0, 1], endpoint.address()).await;
    hand.request("INVITE", 1, "", "Content-Type: application/sdp\r\n", SDP).await;
    let Incoming { answering, mut call, .. } = taken(&mut calls).await;
    answering.ring();
    hand.expect("SIP/2.0 180").await;
    answering.accept(SDP.into());
    let first = hand.expect("SIP/2.0 200").await;
    assert_eq!(hand.expect("SIP/2.0 200").await, first, "the first one may have been lost");
    hand.request("ACK", 1, &tag_of(&first), "", "").await;
    assert!(matches!(next(&mut call).await, CallEvent::Answered { .. }));
}

#[tokio::test]
async fn a_peer_holds_the_call_asks_for_an_offer_and_presses_keys() {
    let (_endpoint, hand, mut call, tag) = placed_by_hand().await;
    let held = SDP.replace("RTP/AVP 0\r\n", "RTP/AVP 0\r\na=sendonly\r\n");
    hand.request("INVITE", 2, &tag, "Content-Type: application/sdp\r\n", &held).await;
    let (sdp, reply) = offered(&mut call).await;
    assert_eq!(sdp.as_deref(), Some(held.as_str()));
    reply.accept("v=0 recvonly".into());
    assert!(hand.expect("SIP/2.0 200").await.ends_with("v=0 recvonly"));
    hand.request("ACK", 2, &tag, "", "").await;

    hand.request("INVITE", 3, &tag, "", "").await;
    let (sdp, reply) = offered(&mut call).await;
    assert_eq!(sdp, None);
    reply.accept(SDP.into());
    hand.expect("SIP/2.0 200").await;
    hand.request("ACK", 3, &tag, "Content-Type: application/sdp\r\n", &held).await;
    let event = next(&mut call).await;
    assert!(matches!(&event, CallEvent::Answer { sdp } if *sdp == held), "{event:?}");

    hand.request("INFO", 4, &tag, "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\nDuration=120\r\n")
        .await;
    assert!(matches!(next(&mut call).await, CallEvent::Digit { digit: '7', ms: Some(120) }));
    hand.expect("SIP/2.0 200").await;
    hand.request("INFO", 5, &tag, "Content-Type: text/plain\r\n", "hello").await;
    hand.expect("SIP/2.0 415").await;
    hand.request("UPDATE", 6, &tag, "", "").await;
    hand.expect("SIP/2.0 200").await;
    hand.request("REFER", 7, &tag, "Refer-To: <sip:x@y>\r\n", "").await;
    let event = next(&mut call).await;
    assert!(matches!(&event, CallEvent::Referred { to, .. } if to == "x"), "{event:?}");
    drop(event);
    hand.expect("SIP/2.0 603").await;
    hand.request("INVITE", 8, &tag, "Content-Type: application/sdp\r\n", SDP).await;
    drop(offered(&mut call).await);
    hand.expect("SIP/2.0 488").await;
    hand.request("ACK", 8, &tag, "", "").await;
    hand.request("BYE", 9, &tag, "Reason: Q.850;cause=38\r\n", "").await;
    hand.expect("SIP/2.0 200").await;
    assert_eq!(ended(&mut call).await, (Party::Peer, Some(38)));
}

#[tokio::test]
async fn the_first_of_two_answers_wins_and_the_other_is_ended() {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let hand = Hand::at([127, 0, 0, 1], caller.address()).await;
    let mut call = caller.invite(invite(hand.address(), Transport::Udp, None)).await.unwrap();
    let request = hand.expect("INVITE").await;
    hand.reply(&request, "183 Session Progress", "b", SDP).await;
    let event = next(&mut call).await;
    assert!(matches!(event, CallEvent::Progress { status: 183, sdp: Some(_) }), "{event:?}");
    hand.reply(&request, "200 OK", "a", SDP).await;
    assert!(matches!(next(&mut call).await, CallEvent::Answered { sdp: Some(_) }));
    hand.expect("ACK").await;
    hand.reply(&request, "200 OK", "b", SDP).await;
    let ended = hand.expect("BYE").await;
    assert!(ended.contains(";tag=b"), "{ended}");
    hand.reply(&ended, "200 OK", "b", "").await;
    call.hang_up(None);
    assert!(matches!(next(&mut call).await, CallEvent::Ended { by: Party::Us, .. }));
    assert!(hand.expect("BYE").await.contains(";tag=a"));
}

#[tokio::test]
async fn an_answer_that_crosses_our_cancel_is_ended() {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let hand = Hand::at([127, 0, 0, 1], caller.address()).await;
    let mut call = caller.invite(invite(hand.address(), Transport::Udp, None)).await.unwrap();
    let request = hand.expect("INVITE").await;
    hand.reply(&request, "180 Ringing", "a", "").await;
    assert!(matches!(next(&mut call).await, CallEvent::Progress { status: 180, .. }));
    call.hang_up(None);
    let cancel = hand.expect("CANCEL").await;
    hand.reply(&request, "200 OK", "a", SDP).await;
    hand.reply(&cancel, "200 OK", "a", "").await;
    hand.expect("ACK").await;
    let bye = hand.expect("BYE").await;
    hand.reply(&bye, "200 OK", "a", "").await;
    assert!(matches!(next(&mut call).await, CallEvent::Ended { by: Party::Us, .. }));
}

#[tokio::test]
async fn a_refusal_says_what_its_reason_says() {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let hand = Hand::at([127, 0, 0, 1], caller.address()).await;
    let mut call = caller.invite(invite(hand.address(), Transport::Udp, None)).await.unwrap();
    let request = hand.expect("INVITE").await;
    hand.reply(&request, "480 Nobody here\r\nReason: Q.850;cause=20;text=\"absent\"", "a", "").await;
    let refusal = refused(&mut call).await;
    assert_eq!((refusal.status, refusal.text.as_str(), refusal.cause), (480, "Nobody here", Some(20)));
    hand.expect("ACK").await;
}

/// A call of ours that rings at a peer that writes its messages by hand, which asks for something: its request has the tag "a".
async fn early_by_hand() -> (Endpoint, Hand, Call, String) {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let mut hand = Hand::at([127, 0, 0, 1], caller.address()).await;
    let mut call = caller.invite(invite(hand.address(), Transport::Udp, None)).await.unwrap();
    let request = hand.expect("INVITE").await;
    hand.call_id = call.id().to_owned();
    hand.reply(&request, "183 Session Progress", "hand", SDP).await;
    assert!(matches!(next(&mut call).await, CallEvent::Progress { status: 183, .. }));
    let from = request.lines().find(|line| line.starts_with("From:")).unwrap();
    let tag = format!(";tag={}", from.split(";tag=").nth(1).unwrap().trim());
    (caller, hand, call, tag)
}

#[tokio::test]
async fn a_peer_refreshes_and_changes_the_session_before_it_answers() {
    let (_caller, hand, mut call, tag) = early_by_hand().await;
    hand.request("UPDATE", 2, &tag, "", "").await;
    hand.expect("SIP/2.0 200").await;
    hand.request("UPDATE", 3, &tag, "Content-Type: application/sdp\r\n", SDP).await;
    let (sdp, reply) = offered(&mut call).await;
    assert_eq!(sdp.as_deref(), Some(SDP));
    reply.accept("v=0 answer".into());
    let answer = hand.expect("SIP/2.0 200").await;
    assert!(answer.ends_with("v=0 answer") && answer.contains("Contact:"), "{answer}");
    hand.request("UPDATE", 4, ";tag=guessed", "", "").await;
    hand.expect("SIP/2.0 481").await;
}

#[tokio::test]
async fn nobody_but_the_peer_ends_a_call_whose_tags_he_has_overheard() {
    let networks = vec!["127.0.0.1/32".parse().unwrap()];
    let (endpoint, mut calls) = open(Transport::Udp, Admission::Known(networks)).await;
    let hand = Hand::at([127, 0, 0, 1], endpoint.address()).await;
    hand.request("INVITE", 1, "", "Content-Type: application/sdp\r\n", SDP).await;
    let Incoming { answering, mut call, .. } = taken(&mut calls).await;
    answering.accept(SDP.into());
    let tag = tag_of(&hand.expect("SIP/2.0 200").await);
    hand.request("ACK", 1, &tag, "", "").await;
    assert!(matches!(next(&mut call).await, CallEvent::Answered { .. }));
    let mut thief = Hand::at([127, 0, 0, 3], endpoint.address()).await;
    thief.call_id = hand.call_id.clone();
    thief.request("BYE", 7, &tag, "", "").await;
    hand.request("OPTIONS", 2, &tag, "", "").await;
    hand.expect("SIP/2.0 200").await;
    assert!(thief.nothing_came());
    hand.request("BYE", 1, &tag, "", "").await;
    hand.expect("SIP/2.0 500").await;
    hand.request("BYE", 3, &tag, "", "").await;
    hand.expect("SIP/2.0 200").await;
    assert_eq!(ended(&mut call).await.0, Party::Peer);
}

#[tokio::test]
async fn an_answer_with_another_number_than_200_is_one_and_ends_with_a_bye() {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let hand = Hand::at([127, 0, 0, 1], caller.address()).await;
    let mut call = caller.invite(invite(hand.address(), Transport::Udp, None)).await.unwrap();
    let request = hand.expect("INVITE").await;
    hand.reply(&request, "202 Accepted", "a", SDP).await;
    assert!(matches!(next(&mut call).await, CallEvent::Answered { sdp: Some(_) }));
    hand.expect("ACK").await;
    call.hang_up(None);
    let bye = hand.expect("BYE").await;
    hand.reply(&bye, "200 OK", "a", "").await;
}

#[tokio::test]
async fn a_question_for_a_password_that_cannot_be_answered_is_told_as_one() {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let hand = Hand::at([127, 0, 0, 1], caller.address()).await;
    let invite = invite(hand.address(), Transport::Udp, Some(account("secret")));
    let mut call = caller.invite(invite).await.unwrap();
    let request = hand.expect("INVITE").await;
    hand.reply(&request, "407 Proxy Authentication Required", "a", "").await;
    let refusal = refused(&mut call).await;
    assert_eq!(refusal.status, 407);
    assert!(refusal.text.contains("cannot be answered"), "{refusal:?}");
}

#[tokio::test]
async fn a_message_with_a_name_in_latin_1_and_no_length_is_read_whole() {
    let (endpoint, mut calls) = open(Transport::Udp, Admission::Anybody).await;
    let hand = Hand::at([127, 0, 0, 1], endpoint.address()).await;
    let (own, to) = (hand.address(), endpoint.address());
    let head = format!(
        "INVITE sip:{NUMBER}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKlatin\r\nSubject: caf"
    );
    let tail = format!(
        "\r\nFrom: <sip:+15552000003@{own}>;tag=hand\r\nTo: <sip:{NUMBER}@{to}>\r\nCall-ID: latin\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:hand@{own}>\r\nContent-Type: application/sdp\r\n\r\n{SDP}"
    );
    let message = [head.as_bytes(), b"\xe9", tail.as_bytes()].concat();
    hand.socket.send_to(&message, to).await.unwrap();
    let incoming = taken(&mut calls).await;
    assert_eq!((incoming.caller.as_str(), incoming.offer.as_deref()), ("+15552000003", Some(SDP)));
}

/// Messages of every kind, as a peer would write them.
fn samples(own: SocketAddr, to: SocketAddr) -> Vec<String> {
    let head = |method: &str| {
        format!(
            "{method} sip:{NUMBER}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKodd;rport\r\n\
             From: \"A \\\"B\\\"\" <sip:a%20b@{own}>;tag=odd\r\nTo: <sip:{NUMBER}@{to};user=phone>\r\nCall-ID: odd@{own}\r\n\
             CSeq: 7 {method}\r\nContact: <sip:odd@{own}>;expires=60;q=0.5\r\nMax-Forwards: 70\r\n"
        )
    };
    let digest = "Authorization: Digest username=\"bot\", realm=\"dering\", nonce=\"0-0\", uri=\"sip:x\", response=\"0\", \
                  algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n";
    vec![
        format!(
            "{}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
            head("INVITE"),
            SDP.len()
        ),
        format!("{}{digest}Expires: 60\r\nContent-Length: 0\r\n\r\n", head("REGISTER")),
        format!("{}Accept: application/sdp, text/plain;q=0.1\r\nContent-Length: 0\r\n\r\n", head("OPTIONS")),
        format!("{}Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nContent-Length: 0\r\n\r\n", head("BYE")),
        format!("{}Content-Length: 0\r\n\r\n", head("CANCEL")),
        format!("{}Content-Length: 0\r\n\r\n", head("ACK")),
        format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {to};branch=z9hG4bKodd\r\nFrom: <sip:a@{to}>;tag=1\r\nTo: <sip:b@{own}>;tag=2\r\n\
             Call-ID: odd\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        ),
    ]
}

/// Cuts, doubles and replaces bytes, as chance has it.
fn spoil(message: &str, chance: &mut u64) -> Vec<u8> {
    let mut next = |most: usize| {
        *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*chance >> 33) as usize % most.max(1)
    };
    const ODD: [&[u8]; 12] = [
        b"\r\n",
        b"\r\n ",
        b"\0",
        b"\xff\xfe",
        b";",
        b"\"",
        b"<",
        b"%",
        b"@",
        b":",
        b"99999999999999999999",
        b"=,=",
    ];
    let mut bytes = message.as_bytes().to_vec();
    for _ in 0..=next(4) {
        let at = next(bytes.len());
        match next(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..(at + next(40)).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, ODD[next(ODD.len())].iter().copied())),
            3 => {
                let piece = bytes[at..(at + next(60)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = next(256) as u8;
                }
            }
        }
    }
    bytes
}

#[tokio::test]
async fn spoilt_messages_do_no_harm() {
    let accounts = Admission::Accounts { realm: "dering".into(), accounts: vec![account("secret")] };
    let mut chance = 1;
    for round in 0..10 {
        let admission = if round % 2 == 0 { Admission::Anybody } else { accounts.clone() };
        let (endpoint, mut calls) = open(Transport::Udp, admission).await;
        let hand = Hand::at([127, 0, 0, 1], endpoint.address()).await;
        let samples = samples(hand.address(), endpoint.address());
        // No more than an endpoint takes at once outside of calls.
        for n in 0..800 {
            let message = spoil(&samples[n % samples.len()], &mut chance);
            hand.socket.send_to(&message, endpoint.address()).await.unwrap();
            if n % 50 == 0 {
                // Not faster than the socket of the other side takes them, and what they led to is let go.
                hand.request("OPTIONS", n as u32 + 1, "", "", "").await;
                hand.expect("SIP/2.0 200").await;
                while calls.try_recv().is_ok() {}
            }
        }
        let fresh = Hand::at([127, 0, 0, 1], endpoint.address()).await;
        fresh.request("OPTIONS", 1, "", "", "").await;
        fresh.expect("SIP/2.0 200").await;
    }
}
