//! Who may send requests. What comes from anywhere else is dropped without an answer, and counted: a scanner learns not
//! even that somebody listens.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use parking_lot::{Mutex, RwLock};
use rsipstack::sip::prelude::HeadersExt as _;
use rsipstack::sip::{Host, Request, SipMessage};
use rsipstack::transaction::endpoint::TransportEventInspector;
use rsipstack::transport::TransportEvent;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::challenge::Account;
use super::message;

/// Requests outside of calls that are taken at once, and in a second after that. Each costs memory for half a minute, in which
/// it may be repeated; a carrier that pings, registers and brings calls stays far below.
const BURST: f64 = 1_000.0;
const RATE: f64 = 500.0;
/// Notes that may wait for the task of a call.
const NOTES: usize = 8;

/// Who may begin something with us. Requests within a call are matched to the call, wherever they come from.
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
#[derive(Clone, Copy, Debug)]
pub(super) enum Note {
    /// The peer sent BYE, and named this cause.
    Bye { cause: Option<u16> },
}

/// The door of one endpoint.
#[derive(Debug)]
pub(super) struct Guard {
    name: String,
    /// `None`: everybody may ask.
    networks: Option<Vec<IpNet>>,
    /// Addresses of the server.
    peers: RwLock<HashSet<IpAddr>>,
    calls: Mutex<HashMap<String, mpsc::Sender<Note>>>,
    budget: Mutex<Budget>,
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
        Self { name, networks, peers: RwLock::default(), calls: Mutex::default(), budget }
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
        calls.insert(call_id.to_owned(), tell);
        Some(Place { guard: Arc::clone(self), call_id: call_id.to_owned(), notes })
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.calls.lock().is_empty()
    }

    /// Tells the task of a call.
    pub(super) fn note(&self, call_id: &str, note: Note) {
        if let Some(call) = self.calls.lock().get(call_id) {
            // A task that has not taken eight notes is past caring about the ninth.
            let _full = call.try_send(note);
        }
    }

    /// Whether a request may come in.
    fn check(&self, request: &Request, from: &Host, now: Instant) -> Result<(), Dropped> {
        let is_of_a_call = message::is_in_dialog(request)
            && request.call_id_header().is_ok_and(|id| self.calls.lock().contains_key(id.value()));
        if is_of_a_call {
            return Ok(());
        }
        let is_known = match from {
            Host::IpAddr(address) => self.knows(*address),
            Host::Domain(_) => false,
        };
        if !is_known {
            return Err(Dropped::Stranger);
        }
        if self.budget.lock().take(now) { Ok(()) } else { Err(Dropped::Flood) }
    }
}

/// The inspector that the stack asks about each message.
pub(super) struct Door(pub(super) Arc<Guard>);

#[async_trait]
impl TransportEventInspector for Door {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        if let TransportEvent::Incoming(SipMessage::Request(request), _, from) = &event
            && let Err(dropped) = self.0.check(request, &from.addr.host, Instant::now())
        {
            self.0.dropped(dropped.reason());
            return None;
        }
        Some(event)
    }
}

/// The place of a call.
#[derive(Debug)]
pub(super) struct Place {
    guard: Arc<Guard>,
    call_id: String,
    pub(super) notes: mpsc::Receiver<Note>,
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
        assert!(lets_in("ours", "203.0.113.1"), "another proxy of the same call");
        assert!(!is_let_in("ours", "", "203.0.113.1"), "it begins something new");
        assert!(guard.call("ours").is_none());
        drop(place);
        assert!(!lets_in("ours", "203.0.113.1"));
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
