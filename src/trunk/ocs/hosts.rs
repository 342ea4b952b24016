//! The Socket.IO connections of one trunk: one to the base URL up to 1.0.4, one to each media host after.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::acks::AckLog;
use super::client::{self, Client, Host, Notice, Outgoing};
use super::endpoint;
use super::packet::PacketError;

/// The connection to the base URL.
pub(super) const BASE: Host = 0;
/// Media hosts at the same time; a carrier that names more has them refused.
const MAX_HOSTS: usize = 64;
/// A media host that no call uses is left after this long.
const IDLE: Duration = Duration::from_secs(300);
/// Control packets that wait for a full queue; more means that the carrier reads nothing.
const MAX_BACKLOG: usize = 4_096;

/// One connection.
#[derive(Debug)]
pub(super) struct Connected {
    url: String,
    pub(super) client: Client,
    task: JoinHandle<()>,
    pub(super) is_up: bool,
    pub(super) acks: Arc<AckLog>,
    pub(super) round_trip: Option<Duration>,
    /// Control packets that found the queue full.
    backlog: VecDeque<Outgoing>,
    idle_since: Instant,
}

/// Why a packet did not go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// Audio found no room and was dropped.
    Dropped,
    /// Control packets pile up: the carrier reads nothing.
    Stuck,
}

pub(super) struct Hosts {
    template: client::Options,
    notices: mpsc::Sender<(Host, Notice)>,
    all: BTreeMap<Host, Connected>,
    next: Host,
    /// Calls that share a connection: one that breaks takes no more with it, and each is read by a task of its own.
    share: usize,
}

impl Hosts {
    /// No connection yet; `template` is for all of them but for the address.
    pub(super) fn new(
        template: client::Options,
        notices: mpsc::Sender<(Host, Notice)>,
        share: usize,
    ) -> Self {
        Self { template, notices, all: BTreeMap::new(), next: BASE, share: share.max(1) }
    }

    /// A connection to the server beside `base` for one more call, where `calls` tells how many each has: opened when
    /// all are full, and another one ahead of need. `None` when there are too many.
    pub(super) fn open(&mut self, base: Url, calls: impl Fn(Host) -> usize) -> Option<Host> {
        let url = endpoint::socket_io(base);
        let own = self.all.iter().filter(|(_, connected)| connected.url == url);
        let own: Vec<(Host, bool, usize)> =
            own.map(|(host, connected)| (*host, connected.is_up, calls(*host))).collect();
        let with_room = || own.iter().filter(|(_, _, calls)| *calls < self.share);
        let room: usize = with_room().map(|(_, _, calls)| self.share - calls).sum();
        let chosen = with_room().find(|(_, is_up, _)| *is_up).or_else(|| with_room().next());
        let chosen = chosen.map(|(host, ..)| *host);
        let least = own.iter().min_by_key(|(_, _, calls)| *calls).map(|(host, ..)| *host);
        match chosen {
            // The next connection is there before it is needed.
            Some(host) if room <= self.share / 5 => {
                self.connect(url);
                Some(host)
            }
            Some(host) => Some(host),
            None => self.connect(url).or(least),
        }
    }

    fn connect(&mut self, url: String) -> Option<Host> {
        if self.all.len() >= MAX_HOSTS {
            return None;
        }
        let host = self.next;
        self.next += 1;
        let options = client::Options { url: url.clone(), ..self.template.clone() };
        let name = options.name.clone();
        let (client, task) = client::start(options, host, self.notices.clone());
        let connected = Connected {
            url,
            client,
            task,
            is_up: false,
            acks: AckLog::new(name),
            round_trip: None,
            backlog: VecDeque::new(),
            idle_since: Instant::now(),
        };
        self.all.insert(host, connected);
        Some(host)
    }

    /// Leaves the number of the base connection to it, even when there is none.
    pub(super) const fn without_base(mut self) -> Self {
        self.next = BASE + 1;
        self
    }

    pub(super) fn get(&self, host: Host) -> Option<&Connected> {
        self.all.get(&host)
    }

    pub(super) fn up(&mut self, host: Host) {
        if let Some(connected) = self.all.get_mut(&host) {
            connected.is_up = true;
        }
    }

    pub(super) fn down(&mut self, host: Host) {
        if let Some(connected) = self.all.get_mut(&host) {
            connected.is_up = false;
            connected.round_trip = None;
            // Rooms say again what must not get lost.
            connected.backlog.clear();
        }
    }

    pub(super) fn round_trip(&mut self, host: Host, time: Duration) {
        if let Some(connected) = self.all.get_mut(&host) {
            connected.round_trip = Some(time);
        }
    }

    /// Queues a control packet; it is never dropped for want of room.
    pub(super) fn control(
        &mut self,
        host: Host,
        packet: impl FnOnce(&Client) -> Result<Outgoing, PacketError>,
    ) -> Result<(), NotSent> {
        let Some(connected) = self.all.get_mut(&host) else { return Ok(()) };
        let packet = match packet(&connected.client) {
            Ok(packet) => packet,
            Err(error) => {
                unsendable(&self.template.name, &error);
                return Ok(());
            }
        };
        let packet = if connected.backlog.is_empty() {
            match connected.client.try_send(packet) {
                Ok(()) | Err(TrySendError::Closed(_)) => return Ok(()),
                Err(TrySendError::Full(packet)) => packet,
            }
        } else {
            packet
        };
        if connected.backlog.len() >= MAX_BACKLOG {
            return Err(NotSent::Stuck);
        }
        connected.backlog.push_back(packet);
        Ok(())
    }

    /// Queues audio, or drops it when there is no room: it would only come late.
    pub(super) fn audio(&self, host: Host, packet: Result<Outgoing, PacketError>) -> Result<(), NotSent> {
        let Some(connected) = self.all.get(&host) else { return Ok(()) };
        match packet {
            Ok(packet) if connected.backlog.is_empty() => {
                connected.client.try_send(packet).map_err(|_| NotSent::Dropped)
            }
            Ok(_) => Err(NotSent::Dropped),
            Err(error) => {
                unsendable(&self.template.name, &error);
                Ok(())
            }
        }
    }

    /// Whether there is room for audio to this host, and some to spare.
    pub(super) fn is_roomy(&self, host: Host) -> bool {
        self.all
            .get(&host)
            .is_none_or(|connected| connected.backlog.is_empty() && connected.client.is_roomy())
    }

    /// Whether packets wait that [`Self::flush`] could send.
    pub(super) fn has_backlog(&self) -> bool {
        self.all.values().any(|connected| !connected.backlog.is_empty())
    }

    /// Tries again what found the queue full.
    pub(super) fn flush(&mut self) {
        for connected in self.all.values_mut() {
            while let Some(packet) = connected.backlog.pop_front() {
                if let Err(TrySendError::Full(packet)) = connected.client.try_send(packet) {
                    connected.backlog.push_front(packet);
                    break;
                }
            }
        }
    }

    /// Leaves media hosts that nobody has used for long.
    pub(super) fn leave_idle(&mut self, now: Instant, is_used: impl Fn(Host) -> bool) {
        self.all.retain(|host, connected| {
            if *host == BASE || is_used(*host) {
                connected.idle_since = now;
            }
            now - connected.idle_since < IDLE
        });
    }

    /// Says goodbye everywhere.
    pub(super) async fn close(self) {
        drop(self.notices);
        for (_, Connected { client, task, .. }) in self.all {
            drop(client);
            if task.await.is_err() {
                tracing::error!(trunk = self.template.name, "the connection's task has panicked");
            }
        }
    }
}

pub(super) fn unsendable(trunk: &str, error: &PacketError) {
    tracing::error!(trunk, %error, "a message could not be encoded");
}
