//! Who may send requests. What comes from anywhere else is dropped without an answer, and counted: a scanner learns not
//! even that somebody listens.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use parking_lot::{Mutex, RwLock};
use rsipstack::sip::prelude::HeadersExt as _;
use rsipstack::sip::{Host, Method, Request, Response, SipMessage, StatusCode, StatusCodeKind};
use rsipstack::transaction::endpoint::{MessageInspector, TransportEventInspector};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::{SipAddr, TransportEvent};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::challenge::Account;
use super::ladder::{Ladder, WeakLadder};
use super::message;

/// Requests outside of calls that are taken at once, and in a second after that. Each costs memory for half a minute, in which
/// it may be repeated; a carrier that pings, registers and brings calls stays far below.
const BURST: f64 = 1_000.0;
const RATE: f64 = 500.0;
/// Notes that may wait for the task of a call.
const NOTES: usize = 8;
/// Addresses at which the peer of one call is known.
const MOST_PEERS: usize = 32;
/// Requests of ours to one call whose answers are known as such.
const MOST_BRANCHES: usize = 16;
/// Ladders that nobody wants may be left beside one for each call.
const SPARE: usize = 64;

/// Who may begin something with us. Requests within a call are taken from them, too, and from the peer of the call: where its
/// messages come from, and where it says in `Contact` and `Record-Route` that it is.
#[derive(Clone, Debug)]
pub enum Admission {
    /// The server of [`Options`](super::Options), and these networks.
    Known(Vec<IpNet>),
    /// Who proves to know a password; everybody else is asked for one. Their registrations are accepted.
    Accounts { realm: String, accounts: Vec<Account> },
    /// Everybody: for a port on the loopback interface.
    Anybody,
}

/// What the endpoint tells the task of a call.
pub(super) enum Note {
    /// The peer sent BYE, and named this cause.
    Bye { cause: Option<u16> },
    /// The peer asks for something before it has answered the call.
    Early(Box<Transaction>),
}

/// The door of one endpoint.
#[derive(Debug)]
pub(super) struct Guard {
    name: String,
    /// `None`: everybody may ask.
    networks: Option<Vec<IpNet>>,
    /// Nobody is asked for anything: the port is none that others reach.
    is_open: bool,
    /// Addresses of the server.
    peers: RwLock<HashSet<IpAddr>>,
    calls: Mutex<HashMap<String, Known>>,
    /// Messages of calls, for as long as somebody wants them: the last ones go to and fro when a call is over.
    ladders: Mutex<HashMap<String, WeakLadder>>,
    budget: Mutex<Budget>,
    /// Calls are to end at once.
    cut: CancellationToken,
}

/// What the door knows of a call.
#[derive(Debug)]
struct Known {
    tell: mpsc::Sender<Note>,
    /// Where the peer is.
    peers: HashSet<IpAddr>,
    /// What our requests were marked with; nobody answers one of them who has not got it.
    branches: VecDeque<String>,
}

impl Known {
    /// Learns from a message where the peer is; whether the message is one of the call.
    fn learn(&mut self, message: &SipMessage, is_ours: bool, peer: Option<SocketAddr>) -> bool {
        match (is_ours, message) {
            (true, SipMessage::Request(request)) => {
                if self.branches.len() == MOST_BRANCHES {
                    self.branches.pop_front();
                }
                self.branches.extend(message::branch(request));
            }
            (true, SipMessage::Response(_)) => {}
            (false, _) => {
                let is_answer = |response: &Response| {
                    message::branch(response).is_some_and(|branch| self.branches.contains(&branch))
                };
                if matches!(message, SipMessage::Response(response) if !is_answer(response)) {
                    return false;
                }
                if self.peers.len() < MOST_PEERS {
                    self.peers.extend(peer.map(|peer| peer.ip().to_canonical()));
                    self.peers.extend(message::named_hosts(message));
                }
            }
        }
        true
    }
}

/// What may still come.
#[derive(Debug)]
struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    /// Whether one more may come at `now`.
    fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * RATE;
        self.left = (self.left + earned).min(BURST);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

/// Why a request is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Stranger,
    Flood,
}

impl Dropped {
    const fn reason(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Flood => "flood",
        }
    }
}

impl Guard {
    pub(super) fn new(name: String, admission: &Admission) -> Self {
        let networks = match admission {
            Admission::Known(networks) => Some(networks.clone()),
            Admission::Accounts { .. } | Admission::Anybody => None,
        };
        let budget = Mutex::new(Budget { left: BURST, at: Instant::now() });
        let is_open = matches!(admission, Admission::Anybody);
        Self {
            name,
            networks,
            is_open,
            peers: RwLock::default(),
            calls: Mutex::default(),
            ladders: Mutex::default(),
            budget,
            cut: CancellationToken::new(),
        }
    }

    /// The server has these addresses, too.
    pub(super) fn admit(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.peers.write().extend(addresses);
    }

    /// Whether somebody at this address may begin something with us.
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .as_ref()
            .is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
            || self.peers.read().contains(&address)
    }

    /// Whether the server is at this address.
    pub(super) fn is_server(&self, address: IpAddr) -> bool {
        self.peers.read().contains(&address.to_canonical())
    }

    /// Counts something that was not taken.
    pub(super) fn dropped(&self, reason: &'static str) {
        metrics::counter!("dering_sip_dropped_total", "endpoint" => self.name.clone(), "reason" => reason)
            .increment(1);
    }

    /// A place for a call, for as long as it lives; `None` where the Call-ID is taken.
    pub(super) fn call(self: &Arc<Self>, call_id: &str) -> Option<Place> {
        let (tell, notes) = mpsc::channel(NOTES);
        let mut calls = self.calls.lock();
        if calls.contains_key(call_id) {
            return None;
        }
        let known = Known { tell, peers: HashSet::new(), branches: VecDeque::new() };
        calls.insert(call_id.to_owned(), known);
        let (running, ladder) = (calls.len(), Ladder::default());
        drop(calls);
        let mut ladders = self.ladders.lock();
        if ladders.len() > 2 * running + SPARE {
            ladders.retain(|_, ladder| ladder.is_wanted());
        }
        ladders.insert(call_id.to_owned(), ladder.weak());
        drop(ladders);
        let cut = self.cut.clone();
        Some(Place { guard: Arc::clone(self), call_id: call_id.to_owned(), notes, ladder, cut })
    }

    /// Has every call end now.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Whether there is no call.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.lock().is_empty()
    }

    /// A message of a call came from there, and is taken.
    pub(super) fn came(&self, message: &SipMessage, from: Option<SocketAddr>) {
        self.keep(message, false, from);
    }

    fn keep(&self, message: &SipMessage, is_ours: bool, peer: Option<SocketAddr>) {
        let Ok(call_id) = message.call_id_header() else { return };
        if let Some(call) = self.calls.lock().get_mut(call_id.value())
            && !call.learn(message, is_ours, peer)
        {
            return;
        }
        let ladder = self.ladders.lock().get(call_id.value()).and_then(WeakLadder::upgrade);
        if let Some(ladder) = ladder {
            ladder.keep(message, is_ours, peer);
        }
    }

    /// Whether the peer of a call is at this address, as far as is known.
    fn is_peer(&self, call_id: &str, address: IpAddr) -> bool {
        let calls = self.calls.lock();
        calls.get(call_id).is_some_and(|call| self.is_open || call.peers.contains(&address.to_canonical()))
    }

    fn has_call(&self, call_id: &str) -> bool {
        self.calls.lock().contains_key(call_id)
    }

    /// Tells the task of a call.
    pub(super) fn note(&self, call_id: &str, note: Note) {
        if let Some(call) = self.calls.lock().get(call_id) {
            // A task that has not taken eight notes is past caring about the ninth.
            let _full = call.tell.try_send(note);
        }
    }

    /// Whether a request may come in.
    fn check(&self, request: &Request, from: &Host, now: Instant) -> Result<(), Dropped> {
        let Host::IpAddr(address) = from else { return Err(Dropped::Stranger) };
        let call_id = request.call_id_header().map(|id| id.value().to_owned()).unwrap_or_default();
        if message::is_in_dialog(request) && self.has_call(&call_id) {
            // Whoever has overheard the tags of a call may not end it.
            let is_server = self.networks.is_some() && self.knows(*address);
            let may = is_server || self.is_peer(&call_id, *address);
            return if may { Ok(()) } else { Err(Dropped::Stranger) };
        }
        if !self.knows(*address) {
            return Err(Dropped::Stranger);
        }
        if self.budget.lock().take(now) { Ok(()) } else { Err(Dropped::Flood) }
    }
}

/// The inspector that the stack asks about each message.
pub(super) struct Door(pub(super) Arc<Guard>);

#[async_trait]
impl TransportEventInspector for Door {
    async fn handle(&self, mut event: TransportEvent) -> Option<TransportEvent> {
        if let TransportEvent::Incoming(message, _, from) = &mut event {
            if let SipMessage::Request(request) = message
                && let Err(dropped) = self.0.check(request, &from.addr.host, Instant::now())
            {
                self.0.dropped(dropped.reason());
                return None;
            }
            // As it came.
            self.0.came(message, from.get_socketaddr().ok());
            if let SipMessage::Response(response) = message {
                accept_as_answer(response);
            }
        }
        Some(event)
    }
}

/// Any 2xx to an INVITE answers it (RFC 3261, section 13.2.2.4); the stack knows 200 alone, and would neither confirm the
/// call nor ever end it.
fn accept_as_answer(response: &mut Response) {
    let is_other =
        response.status_code.kind() == StatusCodeKind::Successful && response.status_code != StatusCode::OK;
    let is_of_invite = || {
        let method = response.cseq_header().ok().and_then(|cseq| cseq.method().ok());
        method == Some(Method::Invite)
    };
    if is_other && is_of_invite() {
        response.status_code = StatusCode::OK;
    }
}

/// The inspector that sees each message before it is sent.
pub(super) struct Watcher(pub(super) Arc<Guard>);

impl MessageInspector for Watcher {
    fn before_send(&self, message: SipMessage, to: Option<&SipAddr>) -> SipMessage {
        self.0.keep(&message, true, to.and_then(|to| to.get_socketaddr().ok()));
        message
    }

    fn after_received(&self, message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        message
    }
}

/// The place of a call.
pub(super) struct Place {
    guard: Arc<Guard>,
    call_id: String,
    pub(super) notes: mpsc::Receiver<Note>,
    pub(super) ladder: Ladder,
    /// The call is to end at once.
    pub(super) cut: CancellationToken,
}

impl Place {
    pub(super) fn dropped(&self, reason: &'static str) {
        self.guard.dropped(reason);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.guard.calls.lock().remove(&self.call_id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(call_id: &str, tag: &str) -> Request {
        let text = format!(
            "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n\
             From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>{tag}\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        Request::try_from(text.as_str()).expect("a request")
    }

    fn host(text: &str) -> Host {
        Host::IpAddr(text.parse().expect("an address"))
    }

    #[test]
    fn only_the_server_its_networks_and_calls_that_run_are_let_in() {
        let networks = vec!["198.51.100.0/24".parse().expect("a network")];
        let guard = Arc::new(Guard::new("t".into(), &Admission::Known(networks)));
        guard.admit(["192.0.2.7".parse().expect("an address")]);
        let is_let_in =
            |call_id, tag, from| guard.check(&request(call_id, tag), &host(from), Instant::now()).is_ok();
        let lets_in = |call_id, from| is_let_in(call_id, ";tag=2", from);
        assert!(lets_in("new", "192.0.2.7"));
        assert!(lets_in("new", "198.51.100.9"));
        assert!(!lets_in("new", "203.0.113.1"));
        let place = guard.call("ours").expect("a place");
        assert!(!lets_in("ours", "203.0.113.1"), "it has overheard the tags");
        let from = Some(SocketAddr::from(([203, 0, 113, 1], 5060)));
        let answer = |branch: &str| {
            let text = format!(
                "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch={branch}\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: ours\r\nCSeq: 1 INVITE\r\nContact: <sip:gate@203.0.113.7:5080>\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            SipMessage::try_from(text.as_str()).expect("a response")
        };
        guard.came(&answer("z9hG4bKguessed"), from);
        assert!(!lets_in("ours", "203.0.113.1"), "it answers nothing of ours");
        guard.keep(&request("ours", "").into(), true, from);
        guard.came(&answer("z9hG4bK1"), from);
        assert!(lets_in("ours", "203.0.113.1"), "another proxy of the same call");
        assert!(lets_in("ours", "203.0.113.7"), "the peer said that it is there");
        assert!(lets_in("ours", "198.51.100.9") && !lets_in("ours", "203.0.113.2"));
        assert!(!is_let_in("ours", "", "203.0.113.1"), "it begins something new");
        assert!(guard.call("ours").is_none());
        drop(place);
        assert!(!lets_in("ours", "203.0.113.1"));
    }

    #[test]
    fn an_answer_is_one_whatever_its_number() {
        let answer = |status: &str, method: &str| {
            let text = format!(
                "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
            );
            let mut response = Response::try_from(text.as_str()).expect("a response");
            accept_as_answer(&mut response);
            response.status_code.code()
        };
        assert_eq!((answer("202 Accepted", "INVITE"), answer("202 Accepted", "REFER")), (200, 202));
        assert_eq!((answer("299 Odd", "INVITE"), answer("302 Moved", "INVITE")), (200, 302));
    }

    #[test]
    fn where_passwords_are_asked_for_everybody_may_be_asked() {
        let admission = Admission::Accounts { realm: "r".into(), accounts: Vec::new() };
        let guard = Guard::new("t".into(), &admission);
        assert_eq!(guard.check(&request("new", ""), &host("203.0.113.1"), Instant::now()), Ok(()));
    }

    #[test]
    fn a_flood_is_cut_off_and_calls_go_on() {
        let guard = Arc::new(Guard::new("t".into(), &Admission::Anybody));
        let _place = guard.call("ours").expect("a place");
        let start = Instant::now();
        let check = |call_id, ms| {
            guard.check(&request(call_id, ";tag=2"), &host("203.0.113.1"), start + Duration::from_millis(ms))
        };
        let taken = |ms| (0..10_000).filter(|_| check("new", ms).is_ok()).count();
        assert_eq!((taken(0), taken(1_000)), (1_000, 500));
        assert_eq!((check("new", 1_000), check("ours", 1_000)), (Err(Dropped::Flood), Ok(())));
    }
}
