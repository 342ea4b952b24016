//! The handle to one carrier: starts its task, places calls, asks for records.

use std::sync::Arc;
use std::time::Duration;

use callcore::call::CarrierCdr;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::hosts::Hosts;
use super::link::{Link, Seen};
use super::options::{Options, StartError, Version};
use super::packet::Limits;
use super::placements::{Placement, Request};
use super::rest::{CdrPage, Rest, RestError};
use super::room::Patience;
use super::router::{Router, Settled, Traffic};
use super::{client, endpoint, tls};
use crate::cdr_wire::CdrQuery;
use crate::trunk::leg::Leg;
use crate::trunk::order::{DialError, Held, Order};
use crate::trunk::reach::Reach;
use crate::wallclock::now_ms;

/// Packets that may wait to be written to the carrier, and events that may wait to be sorted.
const QUEUE: usize = 1_024;

/// Places calls at one carrier. Cheap to clone. When the last handle is gone, the trunk ends as soon as
/// its calls are over.
#[derive(Clone, Debug)]
pub struct OcsCarrier {
    requests: mpsc::Sender<Request>,
    link: watch::Receiver<Seen>,
    version: watch::Receiver<Option<Version>>,
    connect_timeout: Duration,
    down_timeout: Duration,
    rest: Rest,
}

impl OcsCarrier {
    /// Starts connecting. The task ends after the last handle has been dropped and the last call is over;
    /// by then the connection is closed.
    ///
    /// # Errors
    /// When the base URL is none, or TLS cannot be set up.
    pub fn start(options: Options) -> Result<(Self, JoinHandle<()>), StartError> {
        let base = options.base()?;
        let tls = tls::client_config()?;
        let token = options.token.clone();
        let token: client::TokenSource = Arc::new(move || token.clone());
        let rest = Rest::new(base.clone(), Arc::clone(&token), tls.clone(), options.rest_timeout)?;
        let tls = Arc::new(tls);
        let (notices_in, notices) = mpsc::channel(QUEUE);
        let template = client::Options {
            name: options.name.clone(),
            url: String::new(),
            token: Arc::clone(&token),
            tls: Arc::clone(&tls),
            limits: Limits::default(),
            backoff: options.backoff,
            connect_timeout: options.connect_timeout,
            ack_timeout: options.ack_timeout,
            queue: QUEUE,
        };
        let mut hosts = Hosts::new(template, notices_in, options.calls_per_connection);
        // Who takes calls must be connected to hear of them.
        let on_demand = options.version == Some(Version::V1_0_5) && options.offers.is_none();
        if on_demand {
            hosts = hosts.without_base();
        } else {
            hosts.open(base.clone(), |_| 0);
        }
        let (requests, requested) = mpsc::channel(QUEUE);
        let at_first = if on_demand { Link::OnDemand } else { Link::Connecting };
        let (link, seen) = watch::channel(Seen::new(at_first, now_ms()));
        let (version, known) = watch::channel(options.version);
        let router = Router {
            settled: Settled {
                name: options.name,
                version: options.version,
                media: options.media,
                codec: options.codec,
                patience: Patience {
                    away: options.away_timeout,
                    ring: options.ring_timeout,
                    cdr: options.cdr_wait,
                },
                token,
                tls,
                backoff: options.backoff,
                connect_timeout: options.connect_timeout,
                offers: options.offers,
                did: options.did.unwrap_or_default(),
            },
            policy: endpoint::Policy::new(base.clone(), options.media_hosts),
            base,
            hosts,
            notices,
            requests: requested,
            rest: rest.clone(),
            link,
            version,
            traffic: Traffic::new(QUEUE),
        };
        let task = tokio::spawn(router.run());
        let (connect_timeout, down_timeout) = (options.connect_timeout, options.down_timeout);
        Ok((Self { requests, link: seen, version: known, connect_timeout, down_timeout, rest }, task))
    }

    /// The connection as it is now, for a health page.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.borrow().link.clone()
    }

    /// Whether it is within reach, as last seen.
    pub(in crate::trunk) fn reach(&self) -> Reach {
        self.link.borrow().reach()
    }

    /// Whether calls can be placed as things are: it is connected, or needs no connection before a call.
    pub(in crate::trunk) fn is_reachable(&self) -> bool {
        matches!(self.link.borrow().link, Link::Up | Link::OnDemand)
    }

    /// Whether it can show the callee a number of our choice; versions before 1.0.5 show the account's own.
    pub(in crate::trunk) fn shows_caller(&self) -> bool {
        self.version().is_none_or(|version| version == Version::V1_0_5)
    }

    /// Whether it can be asked for records; 1.0.3 keeps none.
    pub(in crate::trunk) fn keeps_records(&self) -> bool {
        self.version() != Some(Version::V1_0_3)
    }

    /// The carrier's version, as configured or found out; `None` until a first call has told.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        *self.version.borrow()
    }

    /// Waits until the carrier can be heard: a call placed before would run unobserved. A carrier that is
    /// known to be down is given a moment only.
    ///
    /// # Errors
    /// When the token is refused, or there is no connection in time.
    pub async fn connected(&self) -> Result<(), DialError> {
        // From 1.0.5 on calls need no connection to the base URL.
        if self.version() == Some(Version::V1_0_5) {
            return Ok(());
        }
        let mut link = self.link.clone();
        let latest = Instant::now() + self.connect_timeout;
        let mut down_until = None;
        loop {
            let until = match &link.borrow_and_update().link {
                Link::Up | Link::OnDemand => return Ok(()),
                // A carrier of 1.0.5 may turn away everybody here. Its REST side tells whether it is the token.
                Link::Refused(_) if self.version().is_none() => return Ok(()),
                Link::Refused(reason) => return Err(DialError::Unauthorized { reason: reason.clone() }),
                Link::Connecting => latest,
                Link::Down(_) => *down_until.get_or_insert(latest.min(Instant::now() + self.down_timeout)),
            };
            match timeout_at(until, link.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ended()),
                Err(_) => break,
            }
        }
        let reason = match self.link() {
            Link::Down(reason) | Link::Refused(reason) => reason,
            Link::Connecting | Link::Up | Link::OnDemand => "there is no connection yet".into(),
        };
        Err(DialError::Unavailable { reason })
    }

    /// Calls somebody. The leg's events begin with what the carrier said first, even if that was before
    /// it answered the request. A caller that stops waiting leaves no call behind: it is hung up.
    ///
    /// # Errors
    /// When the carrier cannot be reached, or refuses the call.
    pub async fn place(&self, order: Order) -> Result<Leg, DialError> {
        self.place_holding(order, None).await
    }

    /// As [`Self::place`]; `held` is dropped when the carrier's side of the call is over.
    pub(in crate::trunk) async fn place_holding(
        &self,
        order: Order,
        held: Option<Held>,
    ) -> Result<Leg, DialError> {
        self.connected().await?;
        let (reply, answer) = oneshot::channel();
        let request = Request::Place(Placement { order, held, reply });
        self.requests.send(request).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Has a call of an earlier run ended, over REST and in the background; a failure is logged.
    ///
    /// # Errors
    /// When the trunk's task has ended.
    pub async fn end(&self, session_id: &str) -> Result<(), DialError> {
        self.requests.send(Request::HangUp(session_id.to_owned())).await.map_err(|_| ended())
    }

    /// The carrier's record of a session; `None` when it has none, or not yet. A carrier of 1.0.3 has none.
    ///
    /// # Errors
    /// When the carrier cannot be asked, or refuses to answer.
    pub async fn cdr(&self, session_id: &str) -> Result<Option<CarrierCdr>, RestError> {
        if !self.keeps_records() {
            return Ok(None);
        }
        self.rest.cdr(session_id).await
    }

    /// A page of the carrier's records.
    ///
    /// # Errors
    /// When the carrier cannot be asked, or refuses the query.
    pub async fn cdrs(&self, query: &CdrQuery) -> Result<CdrPage, RestError> {
        self.rest.cdrs(query).await
    }
}

fn ended() -> DialError {
    DialError::Unavailable { reason: "the trunk has ended".into() }
}
