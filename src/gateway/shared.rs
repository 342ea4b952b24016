//! What every part of a running gateway can reach.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socketioxide::SocketIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::{Account, Accounts};
use super::call::Call;
use super::callees::Callees;
use super::cdr::Records;
use super::messages::NewSession;
use super::room::{Room, Rooms};
use crate::speech::tts::{self, Tts};
use crate::telemetry::mask;
use crate::wallclock;

/// How a gateway runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port 0 takes any free port.
    pub listen: SocketAddr,
    pub accounts: Vec<Account>,
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
    /// How long dialling waits for the first client to join the room.
    pub join_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            accounts: Vec::new(),
            callees: PathBuf::from("flows/callees"),
            tts: Tts::new(tts::Options::default()),
            recordings: None,
            seed: 1,
            queue_limit_ms: 300_000,
            max_calls: 2_000,
            join_wait: Duration::from_secs(1),
        }
    }
}

/// The state of a running gateway.
#[derive(Debug)]
pub(super) struct Shared {
    pub options: Options,
    pub callees: Callees,
    pub accounts: Accounts,
    pub rooms: Rooms,
    pub records: Records,
    pub stopping: CancellationToken,
    pub calls: TaskTracker,
    placed: AtomicU64,
}

/// The Socket.IO room of all clients of an account.
pub(super) fn account_room(account: usize) -> String {
    format!("account/{account}")
}

impl Shared {
    pub(super) fn new(options: Options, callees: Callees) -> Self {
        Self {
            accounts: Accounts::new(&options.accounts),
            options,
            callees,
            rooms: Rooms::default(),
            records: Records::default(),
            stopping: CancellationToken::new(),
            calls: TaskTracker::new(),
            placed: AtomicU64::new(0),
        }
    }

    /// Places a call to `number` and tells every client of the account. `None` when no line is free.
    pub(super) async fn place(
        self: &Arc<Self>,
        io: &SocketIo,
        account: usize,
        number: String,
    ) -> Option<String> {
        let session_id = uuid::Uuid::now_v7().to_string();
        let room = Arc::new(Room::new(session_id.clone(), account));
        if self.stopping.is_cancelled() || !self.rooms.open(Arc::clone(&room), self.options.max_calls) {
            return None;
        }
        let callee = self.callees.find(&number);
        tracing::info!(session = %session_id, account = self.accounts.name(account),
            number = %mask(&number), callee = callee.as_ref().map_or("none", |c| &c.name), "a call is placed");
        let news = NewSession { session_id: &session_id, r#type: "outbound" };
        if let Err(error) = io.to(account_room(account)).emit("newSession", &news).await {
            metrics::counter!("dering_gateway_emits_dropped_total", "event" => "newSession").increment(1);
            tracing::debug!(%error, "a client was not told of a new session");
        }
        let seed = self.options.seed.wrapping_add(self.placed.fetch_add(1, Ordering::Relaxed));
        let started = wallclock::now_ms();
        let call = Call { shared: Arc::clone(self), room, number, callee, started, seed };
        self.calls.spawn(call.run());
        Some(session_id)
    }
}
