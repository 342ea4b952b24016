//! What every part of a running gateway can reach.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::{Account, Accounts};
use super::callees::Callees;
use super::cdr::Records;
use super::clients::{Client, Clients};
use super::room::{Room, Rooms};
use super::version::Version;
use crate::speech::tts::{self, Tts};
use crate::telemetry::Lateness;

/// How a gateway runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes any free port.
    pub listen: SocketAddr,
    /// A second address for the media of 1.0.5: its clients must then connect there. Without one the
    /// `endpointUrl` of a call leads to [`Options::listen`].
    pub media_listen: Option<SocketAddr>,
    /// Calls are taken over SIP, too.
    pub sip: Option<SipOptions>,
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

/// Where the gateway speaks SIP.
#[derive(Clone, Debug)]
pub struct SipOptions {
    /// Over UDP; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Ports for audio, two for each call.
    pub rtp_ports: RangeInclusive<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            media_listen: None,
            sip: None,
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

    /// Of the noise of the next call.
    pub(super) fn next_seed(&self) -> u64 {
        self.options.seed.wrapping_add(self.placed.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells every client of the account that there is a new session.
    pub(super) fn announce(&self, room: &Room) {
        let _one_at_a_time = self.announcing.lock();
        if let Some(event) = room.announce() {
            self.clients.announce(room.holder.account, &event);
        }
    }

    /// Lets in a client that hears of sessions: of those to come, and of those that wait to be joined.
    pub(super) fn welcome(&self, client: &Arc<Client>) {
        let _one_at_a_time = self.announcing.lock();
        self.clients.add(client);
        for event in self.rooms.waiting(client.holder.account) {
            client.tell(event);
        }
    }
}
