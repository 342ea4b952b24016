//! Takes offers: each that can be answered is a call that rings, or answers a call whose link does.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::webrtc::{BadOffer, Identity, Listening, Peer, Spoken, Viewer};
use callcore::call::Direction;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::call::BrowserCall;
use super::camera::Feeds;
use super::limits::{Crowded, Limits, Place};
use super::line::{Act, Carries, Line};
use super::links::Links;
use super::options::{Options, StartError};
use super::port::{Datagram, Port, Seat};
use super::task::{COMMANDS, CallTask, EVENTS};
use crate::trunk::leg::{Abilities, Leg};
use crate::trunk::record::Record;
use crate::wallclock::now_ms;

/// An offer, and whose it is.
#[derive(Clone, Debug)]
pub struct Offered<'a> {
    /// The session description of the browser.
    pub sdp: &'a str,
    /// Whose call it is, for the limits: an app, a key, a person.
    pub subject: &'a str,
    /// From where the offer came.
    pub address: Option<IpAddr>,
    /// Who calls, and what is called, as the record names them.
    pub caller: String,
    pub called: String,
}

/// A call that rings.
#[derive(Debug)]
pub struct Answered {
    /// The session description for the browser.
    pub sdp: String,
    /// Who knows it may end the call, as the person in the browser does; see [`Browsers::hang_up`].
    pub secret: String,
    /// Reports `Ringing` at once, and `Connected` once it is picked up and the browser has connected. Dropping it hangs up.
    pub leg: Leg,
    /// Answers the call.
    pub pickup: oneshot::Sender<()>,
}

/// Why an offer is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error(transparent)]
    Offer(#[from] BadOffer),
    #[error(transparent)]
    Crowded(#[from] Crowded),
}

/// Takes calls of browsers. Cheap to clone; the port is closed with the last clone.
#[derive(Clone, Debug)]
pub struct Browsers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    identity: Identity,
    port: Arc<Port>,
    limits: Limits,
    links: Mutex<Links<mpsc::Sender<Act>>>,
    feeds: Arc<Feeds>,
    /// Room for those who watch.
    watchers: Arc<Semaphore>,
    _reading: AbortOnDropHandle<()>,
    _accepting: Option<AbortOnDropHandle<()>>,
}

impl Browsers {
    /// Opens the port.
    ///
    /// # Errors
    /// When the address is taken or not ours, or no certificate can be made.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let address = options.listen;
        let identity = Identity::new(rand::random())?;
        let (port, listener) = Port::open(address, options.public_address, options.tcp)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        let port = Arc::new(port);
        tracing::info!(address = %port.address(), "calls in the browser are taken");
        let reading = Arc::clone(&port);
        let reading = AbortOnDropHandle::new(tokio::spawn(async move { reading.read().await }));
        let accepting = listener.map(|listener| {
            let port = Arc::clone(&port);
            AbortOnDropHandle::new(tokio::spawn(async move { port.accept(&listener).await }))
        });
        let feeds = Arc::new(Feeds::new(options.camera_kbit));
        let watchers = Arc::new(Semaphore::new(options.max_watchers));
        let limits = Limits::new(options.max_calls, options.per_caller, options.per_address);
        Ok(Self(Arc::new(Inner {
            options,
            identity,
            port,
            limits,
            links: Mutex::default(),
            feeds,
            watchers,
            _reading: reading,
            _accepting: accepting,
        })))
    }

    /// Where browsers send to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.port.address()
    }

    /// Answers an offer.
    ///
    /// # Errors
    /// When it cannot be answered, or there are too many calls.
    pub fn answer(&self, offered: Offered<'_>) -> Result<Answered, NoAnswer> {
        let (line, sdp, secret) =
            self.line(offered.sdp, Carries::Pictures, offered.subject, offered.address)?;
        let Line { peer, seat, datagrams, ended, place } = line;
        let (options, now) = (self.options(), Instant::now());
        let session_id = Uuid::now_v7().to_string();
        let source = Some(offered.caller).filter(|caller| !caller.is_empty());
        let record = Record::new(session_id.clone(), offered.called, source, Direction::Inbound, now_ms());
        let (tell, events) = mpsc::channel(EVENTS);
        let (command, commands) = mpsc::channel(COMMANDS);
        let (pickup, wanted) = oneshot::channel();
        let machine = BrowserCall::new(record, options.connect_within, options.away_timeout, now);
        let task = CallTask {
            session_id: session_id.clone(),
            peer,
            seat,
            datagrams,
            machine,
            stream: None,
            pickup: Some(wanted),
            ended: Some(ended),
            tell,
            commands,
            began: now,
            feeds: Arc::clone(&self.0.feeds),
            camera: None,
            screen: None,
            is_video: false,
            _place: place,
        };
        tokio::spawn(task.run());
        let leg = Leg { session_id, abilities: Abilities::default(), events, commands: command };
        Ok(Answered { sdp, secret, leg, pickup })
    }

    /// A connection to whoever offers, with the answer for their browser and the secret that ends it. `subject` is whose call it is.
    ///
    /// # Errors
    /// When the offer cannot be answered, or there are too many calls.
    pub(super) fn line(
        &self,
        sdp: &str,
        carries: Carries,
        subject: &str,
        address: Option<IpAddr>,
    ) -> Result<(Line, String, String), NoAnswer> {
        let line = self.try_line(sdp, carries, subject, address);
        let result = match &line {
            Ok(_) => "answered",
            Err(NoAnswer::Offer(_)) => "unusable",
            Err(NoAnswer::Crowded(_)) => "crowded",
        };
        metrics::counter!("dering_browser_offers_total", "result" => result).increment(1);
        line
    }

    fn try_line(
        &self,
        sdp: &str,
        carries: Carries,
        subject: &str,
        address: Option<IpAddr>,
    ) -> Result<(Line, String, String), NoAnswer> {
        let Inner { options, identity, .. } = &*self.0;
        let place = self.enter(subject, address)?;
        let spoken = Spoken { laws: &options.laws, pictures: carries == Carries::Pictures };
        let (peer, sdp) = Peer::answer(identity, self.listening(), spoken, sdp, Instant::now().into_std())?;
        let (seat, datagrams, ended, secret) = self.seat(peer.user());
        Ok((Line { peer, seat, datagrams, ended, place }, sdp, secret))
    }

    /// A place among the calls, for `subject` at `address`.
    pub(super) fn enter(&self, subject: &str, address: Option<IpAddr>) -> Result<Place, Crowded> {
        self.0.limits.enter(subject, address)
    }

    /// A place among those who watch; `None` when there is none.
    pub(super) fn seat_to_watch(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.watchers).try_acquire_owned().ok()
    }

    /// A connection for whoever watches a camera.
    pub(super) fn viewer(&self, sdp: &str) -> Result<(Viewer, String), BadOffer> {
        Viewer::answer(&self.0.identity, self.listening(), sdp, Instant::now().into_std())
    }

    fn listening(&self) -> Listening {
        Listening { address: self.address(), tcp: self.0.options.tcp }
    }

    /// A seat at the port for the connection with this ICE user, and the secret that ends it.
    pub(super) fn seat(&self, user: &str) -> (Seat, mpsc::Receiver<Datagram>, oneshot::Receiver<()>, String) {
        // Unlike the session's name, it is told to nobody else.
        let secret = hex::encode(rand::random::<[u8; 16]>());
        let (seat, datagrams, ended) = self.0.port.seat(user, &secret);
        (seat, datagrams, ended, secret)
    }

    pub(super) fn feeds(&self) -> &Arc<Feeds> {
        &self.0.feeds
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn links(&self) -> MutexGuard<'_, Links<mpsc::Sender<Act>>> {
        self.0.links.lock()
    }

    /// Whether the connection that this secret ends is still there.
    #[must_use]
    pub fn is_on(&self, secret: &str) -> bool {
        self.0.port.has(secret)
    }

    /// Ends a call as the person in the browser does, by the secret that came with its answer; whether there was one.
    #[must_use]
    pub fn hang_up(&self, secret: &str) -> bool {
        self.0.port.end(secret)
    }
}
