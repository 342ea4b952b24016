//! What every part of a running gateway can reach.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::{Account, Accounts, Holder};
use super::call::{Call, Setup};
use super::callees::{Callee, Callees};
use super::cdr::Records;
use super::clients::{Client, Clients};
use super::drive;
use super::messages::Incoming;
use super::room::{Codecs, Room, Rooms};
use super::version::Version;
use crate::speech::tts::{self, Tts};
use crate::telemetry::{Lateness, mask};
use crate::wallclock;

/// How a gateway runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes any free port.
    pub listen: SocketAddr,
    /// A second address for the media of 1.0.5: its clients must then connect there. Without one the
    /// `endpointUrl` of a call leads to [`Options::listen`].
    pub media_listen: Option<SocketAddr>,
    pub accounts: Vec<Account>,
    /// What accounts speak that are not in `account_versions`.
    pub version: Version,
    /// By the name of the account.
    pub account_versions: HashMap<String, Version>,
    /// Folder of callee files.
    pub callees: PathBuf,
    /// Speaks what callees say.
    pub tts: Tts,
    /// Where recordings go; `None` records nothing.
    pub recordings: Option<PathBuf>,
    /// The same seed makes the same noise on the line.
    pub seed: u64,
    /// How much audio may wait to be played in one call, in milliseconds.
    pub queue_limit_ms: u64,
    /// Calls at once; beyond it a call is refused.
    pub max_calls: usize,
    /// Calls are asked to wait while timers are later than this.
    pub max_lateness: Duration,
    /// How long after the answer to the dial request clients hear of the session. The answer is on the wire before, but
    /// a client needs some turns to read it, and joins by what it has read.
    pub announce_delay: Duration,
    /// How long dialling waits for the first client to join the room, once clients have heard of it.
    pub join_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            media_listen: None,
            accounts: Vec::new(),
            version: Version::default(),
            account_versions: HashMap::new(),
            callees: PathBuf::from("flows/callees"),
            tts: Tts::new(tts::Options::default()),
            recordings: None,
            seed: 1,
            queue_limit_ms: 300_000,
            max_calls: 2_000,
            max_lateness: Duration::from_millis(250),
            announce_delay: Duration::from_millis(250),
            join_wait: Duration::from_secs(1),
        }
    }
}

/// Which of the two hosts a request came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Host {
    #[default]
    Api,
    Media,
}

/// A call as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub number: String,
    /// Of an unanswered call, in seconds.
    pub timeout: Option<u64>,
    pub caller_id: Option<String>,
    pub codecs: Codecs,
}

/// A call to the clients of an account, as it was asked for.
#[derive(Debug)]
pub(super) struct RingIn {
    pub incoming: Incoming,
    pub caller: Arc<Callee>,
    /// How long it rings, in seconds.
    pub ring: Option<u64>,
}

/// The state of a running gateway.
#[derive(Debug)]
pub(super) struct Shared {
    pub options: Options,
    pub callees: Callees,
    pub accounts: Accounts,
    pub clients: Clients,
    pub rooms: Rooms,
    pub records: Records,
    pub stopping: CancellationToken,
    pub calls: TaskTracker,
    lateness: Lateness,
    placed: AtomicU64,
    /// Held while a client learns of sessions, so that it hears of each of them once.
    announcing: Mutex<()>,
}

impl Shared {
    pub(super) fn new(options: Options, callees: Callees) -> Self {
        Self {
            accounts: Accounts::new(&options.accounts, options.version, &options.account_versions),
            options,
            callees,
            clients: Clients::default(),
            rooms: Rooms::default(),
            records: Records::default(),
            stopping: CancellationToken::new(),
            calls: TaskTracker::new(),
            lateness: Lateness::watch(),
            placed: AtomicU64::new(0),
            announcing: Mutex::default(),
        }
    }

    /// Whether there is too much to do for one more call.
    pub(super) fn is_late(&self) -> bool {
        self.lateness.now() > self.options.max_lateness
    }

    /// Places a call. Every client of the account is told when `answered` says that whoever asked for it knows
    /// its session, or never will. `None` when no line is free.
    pub(super) fn place(
        self: &Arc<Self>,
        holder: Holder,
        wish: Wish,
        answered: oneshot::Receiver<()>,
    ) -> Option<Arc<str>> {
        let session: Arc<str> = uuid::Uuid::now_v7().to_string().into();
        let callee = self.callees.find(&wish.number);
        let number = mask(&wish.number);
        let call = Call::new(Setup {
            session_id: session.to_string(),
            number: wish.number,
            source: holder.version.negotiates().then_some(wish.caller_id),
            started: wallclock::now_ms(),
            far_end: callee.as_ref().map(|callee| (callee.file.outcome, callee.ring_ms())),
            is_incoming: false,
            timeout_ms: wish.timeout.map(|seconds| seconds.saturating_mul(1_000)),
            join_wait_ms: u64::try_from(self.options.join_wait.as_millis()).unwrap_or(u64::MAX),
            queue_limit_ms: self.options.queue_limit_ms,
            seed: self.options.seed.wrapping_add(self.placed.fetch_add(1, Ordering::Relaxed)),
        });
        let room = Arc::new(Room::new(Arc::clone(&session), holder, wish.codecs, call));
        if self.stopping.is_cancelled() || !self.rooms.open(Arc::clone(&room), self.options.max_calls) {
            return None;
        }
        tracing::info!(%session, account = self.accounts.name(holder.account), version = %holder.version,
            %number, callee = callee.as_ref().map_or("none", |c| &c.name), "a call is placed");
        self.calls.spawn(drive::run(Arc::clone(self), room, callee, answered));
        Some(session)
    }

    /// Has somebody call the clients of the account, who are told at once. `None` when no line is free.
    pub(super) fn ring_in(self: &Arc<Self>, holder: Holder, asked: RingIn) -> Option<Arc<str>> {
        let session: Arc<str> = uuid::Uuid::now_v7().to_string().into();
        let RingIn { incoming, caller, ring } = asked;
        let call = Call::new(Setup {
            session_id: session.to_string(),
            number: incoming.called.clone(),
            source: holder.version.negotiates().then(|| Some(incoming.caller.clone())),
            started: wallclock::now_ms(),
            far_end: None,
            is_incoming: true,
            timeout_ms: ring.map(|seconds| seconds.saturating_mul(1_000)),
            join_wait_ms: 0,
            queue_limit_ms: self.options.queue_limit_ms,
            seed: self.options.seed.wrapping_add(self.placed.fetch_add(1, Ordering::Relaxed)),
        });
        tracing::info!(%session, account = self.accounts.name(holder.account), version = %holder.version,
            caller = %mask(&incoming.caller), called = %mask(&incoming.called), "somebody rings in");
        let room = Room::new(Arc::clone(&session), holder, Codecs::default(), call).incoming(incoming);
        let room = Arc::new(room);
        if self.stopping.is_cancelled() || !self.rooms.open(Arc::clone(&room), self.options.max_calls) {
            return None;
        }
        let (left, answered) = oneshot::channel();
        // Whoever asked is not the one who joins.
        drop(left);
        self.calls.spawn(drive::run(Arc::clone(self), room, Some(caller), answered));
        Some(session)
    }

    /// Tells every client of the account that there is a new session.
    pub(super) fn announce(&self, room: &Room) {
        let _one_at_a_time = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = room.announce() {
            self.clients.announce(room.holder.account, &event);
        }
    }

    /// Lets in a client that hears of sessions: of those to come, and of those that wait to be joined.
    pub(super) fn welcome(&self, holder: Holder) -> Arc<Client> {
        let _one_at_a_time = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        let client = self.clients.add(holder, true);
        for event in self.rooms.waiting(holder.account) {
            client.tell(event);
        }
        client
    }
}
