//! SIP signalling between two endpoints of ours.

use std::net::SocketAddr;
use std::time::Duration;

use dering::sip::{
    Account, Admission, Answering, Call, CallEvent, Endpoint, Incoming, Invite, Ladder, Message, Options,
    Party, Pong, Referral, Refusal, Registered, Reply, Server, SipError, SipUri, Transport,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
pub(crate) const NUMBER: &str = "+15552000001";
/// Longer than anything takes that should happen at all.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) fn options(transport: Transport, admission: Admission) -> Options {
    Options {
        name: "test".into(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        transport,
        public_address: None,
        server: None,
        account: None,
        admission,
    }
}

pub(crate) async fn open(transport: Transport, admission: Admission) -> (Endpoint, mpsc::Receiver<Incoming>) {
    Endpoint::open(options(transport, admission)).await.unwrap()
}

fn server(address: SocketAddr) -> Server {
    address.to_string().parse().unwrap()
}

pub(crate) fn account(password: &str) -> Account {
    Account { user: "bot".into(), password: password.to_owned().into() }
}

pub(crate) fn invite(to: SocketAddr, transport: Transport, account: Option<Account>) -> Invite {
    let at = server(to);
    Invite {
        to: SipUri::of_user(NUMBER, &at, transport).unwrap(),
        from: SipUri::of_user("+15552000002", &at, transport).unwrap(),
        display_name: Some("The \"bot\"".into()),
        asserted: None,
        fields: vec![("X-Campaign".into(), "spring".into()), ("X-Bad".into(), "a\r\nb: c".into())],
        account,
        sdp: SDP.into(),
        redirects: Vec::new(),
    }
}

pub(crate) async fn next(call: &mut Call) -> CallEvent {
    timeout(LONG, call.next()).await.expect("something happens").expect("the call is not over")
}

pub(crate) async fn taken(calls: &mut mpsc::Receiver<Incoming>) -> Incoming {
    timeout(LONG, calls.recv()).await.expect("a call comes in").expect("the endpoint is open")
}

/// Two endpoints with a call between them that rings.
async fn ringing(transport: Transport) -> (Call, Call, Answering, [Endpoint; 2]) {
    let (caller, _) = open(transport, Admission::Known(Vec::new())).await;
    let (callee, mut calls) = open(transport, Admission::Anybody).await;
    let mut call = caller.invite(invite(callee.address(), transport, None)).await.unwrap();
    let Incoming { answering, call: taken, .. } = taken(&mut calls).await;
    answering.ring();
    let ringing = next(&mut call).await;
    assert!(matches!(ringing, CallEvent::Progress { status: 180, sdp: None }), "{ringing:?}");
    (call, taken, answering, [caller, callee])
}

async fn answered(transport: Transport) -> (Call, Call, [Endpoint; 2]) {
    let (mut call, mut taken, answering, endpoints) = ringing(transport).await;
    answering.accept(SDP.into());
    let event = next(&mut call).await;
    assert!(matches!(&event, CallEvent::Answered { sdp: Some(sdp) } if sdp == SDP), "{event:?}");
    let event = next(&mut taken).await;
    assert!(matches!(event, CallEvent::Answered { .. }), "{event:?}");
    (call, taken, endpoints)
}

pub(crate) async fn ended(call: &mut Call) -> (Party, Option<u16>) {
    let event = next(call).await;
    let CallEvent::Ended { by, cause, .. } = event else { panic!("the call goes on: {event:?}") };
    assert!(timeout(LONG, call.next()).await.unwrap().is_none(), "nothing follows");
    (by, cause)
}

/// How it was refused.
pub(crate) async fn refused(call: &mut Call) -> Refusal {
    let event = next(call).await;
    let CallEvent::Refused(refusal) = event else { panic!("it is not refused: {event:?}") };
    refusal
}

/// The offer that came, and what to answer it with.
pub(crate) async fn offered(call: &mut Call) -> (Option<String>, Reply) {
    let event = next(call).await;
    let CallEvent::Offer { sdp, reply } = event else { panic!("no offer: {event:?}") };
    (sdp, reply)
}

#[tokio::test]
async fn a_call_is_answered_and_ended_by_either_side_over_udp_and_tcp() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (mut caller, mut callee, _endpoints) = answered(transport).await;
        callee.hang_up(Some(16));
        assert_eq!(ended(&mut callee).await, (Party::Us, None));
        assert_eq!(ended(&mut caller).await, (Party::Peer, Some(16)), "{transport:?}");

        let (mut caller, mut callee, _endpoints) = answered(transport).await;
        caller.hang_up(None);
        assert_eq!(ended(&mut caller).await, (Party::Us, None));
        assert_eq!(ended(&mut callee).await, (Party::Peer, None), "{transport:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_hung_up() {
    let (caller, mut callee, _endpoints) = answered(Transport::Udp).await;
    drop(caller);
    assert_eq!(ended(&mut callee).await.0, Party::Peer);
}

#[tokio::test]
async fn a_call_is_told_with_its_caller_its_number_and_its_fields() {
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let (callee, mut calls) = open(Transport::Udp, Admission::Anybody).await;
    let mut call = caller.invite(invite(callee.address(), Transport::Udp, None)).await.unwrap();
    let incoming = taken(&mut calls).await;
    assert_eq!((incoming.caller.as_str(), incoming.called.as_str()), ("+15552000002", NUMBER));
    assert_eq!(incoming.source, caller.address());
    assert_eq!(incoming.offer.as_deref(), Some(SDP));
    assert_eq!(incoming.headers.get("x-campaign"), Some("spring"));
    assert_eq!(incoming.headers.get("X-Bad"), None, "no field adds another");
    assert!(incoming.headers.get("user-agent").is_some_and(|agent| agent.starts_with("Dering/")));
    incoming.answering.refuse(486);
    let refusal = refused(&mut call).await;
    assert_eq!((refusal.status, refusal.text.as_str()), (486, "Busy Here"));
}

#[tokio::test]
async fn a_call_that_rings_is_cancelled() {
    let (mut caller, mut callee, _answering, _endpoints) = ringing(Transport::Udp).await;
    caller.hang_up(None);
    assert_eq!(ended(&mut callee).await.0, Party::Peer);
    assert_eq!(ended(&mut caller).await.0, Party::Us);
}

#[tokio::test]
async fn an_offer_that_nobody_takes_is_refused() {
    let (mut caller, callee, answering, _endpoints) = ringing(Transport::Udp).await;
    drop((callee, answering));
    assert_eq!(refused(&mut caller).await.status, 480);
}

#[tokio::test]
async fn who_knows_the_password_may_call_and_register_and_nobody_else() {
    let accounts = Admission::Accounts { realm: "dering".into(), accounts: vec![account("secret")] };
    let (callee, mut calls) = open(Transport::Udp, accounts).await;
    let (caller, _) = open(Transport::Udp, Admission::Known(Vec::new())).await;
    let to = callee.address();
    for wrong in [None, Some(account("guess"))] {
        let mut call = caller.invite(invite(to, Transport::Udp, wrong)).await.unwrap();
        assert_eq!(refused(&mut call).await.status, 401);
    }
    let mut call = caller.invite(invite(to, Transport::Udp, Some(account("secret")))).await.unwrap();
    let incoming = taken(&mut calls).await;
    assert_eq!(incoming.account.as_deref(), Some("bot"));
    incoming.answering.accept(SDP.into());
    assert!(matches!(next(&mut call).await, CallEvent::Answered { .. }));

    let mut registration = caller.register(&server(to), &account("secret")).unwrap();
    assert_eq!(timeout(LONG, registration.changed()).await.unwrap(), Some(Registered::Yes));
    let mut guessed = caller.register(&server(to), &account("guess")).unwrap();
    let state = timeout(LONG, guessed.changed()).await.unwrap();
    assert!(matches!(state, Some(Registered::Refused { status: 401, .. })), "{state:?}");
}

#[tokio::test]
async fn a_server_that_is_there_answers_a_ping() {
    let (callee, _calls) = open(Transport::Tcp, Admission::Anybody).await;
    let (caller, _) = open(Transport::Tcp, Admission::Known(Vec::new())).await;
    assert_eq!(caller.ping(&server(callee.address())).await, Pong::Answer(200));
}

#[tokio::test]
async fn a_server_that_takes_no_connection_is_said_to_take_none() {
    let (caller, _) = open(Transport::Tcp, Admission::Known(Vec::new())).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = caller.invite(invite(closed, Transport::Tcp, None)).await;
    assert!(matches!(refused, Err(SipError::NoConnection(_))), "{refused:?}");
    assert_eq!(caller.ping(&server(closed)).await, Pong::Silence);
    let mut registration = caller.register(&server(closed), &account("secret")).unwrap();
    let told = timeout(LONG, registration.changed()).await.unwrap();
    let is_known =
        matches!(&told, Some(Registered::Unreachable { why }) if why.contains("takes no connection"));
    assert!(is_known, "{told:?}");
}

#[tokio::test]
async fn all_calls_end_with_a_bye_when_the_program_has_to_stop() {
    let (mut caller, mut callee, [endpoint, _other]) = answered(Transport::Udp).await;
    endpoint.hang_up_all().await;
    assert_eq!(ended(&mut callee).await.0, Party::Peer);
    assert_eq!(ended(&mut caller).await.0, Party::Us);
    let (mut caller, mut callee, _answering, [endpoint, _other]) = ringing(Transport::Udp).await;
    endpoint.hang_up_all().await;
    assert_eq!(ended(&mut callee).await.0, Party::Peer);
    assert_eq!(ended(&mut caller).await.0, Party::Us);
}

#[tokio::test]
async fn a_call_keeps_its_messages_for_who_looks_for_its_fault() {
    let (caller, callee, endpoints) = answered(Transport::Udp).await;
    let (ours, theirs) = (caller.ladder(), callee.ladder());
    drop((caller, callee, endpoints));
    let lines = |ladder: &Ladder| -> Vec<String> {
        let (messages, left_out) = ladder.messages();
        assert_eq!(left_out, 0);
        let line = |message: &Message| {
            let first = message.text.lines().next().unwrap_or_default();
            let word = first.split(' ').find(|word| !word.starts_with("SIP/2.0")).unwrap_or_default();
            format!("{}{word}", if message.is_ours { ">" } else { "<" })
        };
        messages.iter().map(line).filter(|line| !line.ends_with("100")).collect()
    };
    assert_eq!(lines(&ours)[..4], [">INVITE", "<180", "<200", ">ACK"]);
    assert_eq!(lines(&theirs)[..4], ["<INVITE", ">180", ">200", "<ACK"]);
}

#[tokio::test]
async fn a_peer_is_asked_to_call_somebody_else_and_tells_what_came_of_it() {
    let (mut caller, mut callee, endpoints) = answered(Transport::Udp).await;
    let to = SipUri::of_user("+15552000005", &server(endpoints[1].address()), Transport::Udp).unwrap();
    assert!(caller.refer(7, &to));
    let CallEvent::Referred { to: asked, answer } = next(&mut callee).await else { panic!("no wish") };
    assert_eq!(asked, "+15552000005");
    answer.accept();
    callee.report(180);
    let progress = |status, is_last| Referral::Progress { status: Some(status), is_last };
    let event = next(&mut caller).await;
    assert!(
        matches!(&event, CallEvent::Referral { number: 7, referral } if *referral == progress(180, false)),
        "{event:?}"
    );
    callee.report(200);
    let event = next(&mut caller).await;
    assert!(
        matches!(&event, CallEvent::Referral { number: 7, referral } if *referral == progress(200, true)),
        "{event:?}"
    );
    assert!(caller.refer(8, &to));
    let CallEvent::Referred { answer, .. } = next(&mut callee).await else { panic!("no wish") };
    drop(answer);
    let event = next(&mut caller).await;
    let refused =
        matches!(&event, CallEvent::Referral { number: 8, referral: Referral::Refused { status: 603, .. } });
    assert!(refused, "{event:?}");
}
