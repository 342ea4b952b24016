//! One call as its owner sees it: what happens, and what is wanted.

use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};

use super::address::SipUri;
use super::ladder::Ladder;

/// The header fields of a message, in their order, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    pub(super) const fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Us,
    Peer,
    /// Nobody: the peer answers nothing any more.
    Nobody,
}

/// A final answer that is no acceptance, or none in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SIP status, 300 to 699. 408 when there was no answer at all.
    pub status: u16,
    /// The peer's words for it.
    pub text: String,
    /// The cause that the peer names in a `Reason` header (Q.850).
    pub cause: Option<u16>,
}

/// What happens to a call. After [`Self::Refused`] or [`Self::Ended`] nothing follows.
#[derive(Debug)]
pub enum CallEvent {
    /// Provisional status, 101 to 199: 180 rings, 183 may bring early media.
    Progress { status: u16, sdp: Option<String> },
    /// It is answered: the peer's 2xx to an outgoing call, its ACK to an incoming one. `sdp` is the peer's description
    /// where that message has one.
    Answered { sdp: Option<String> },
    /// The peer names somebody else, who is called now.
    Redirected { to: SipUri },
    /// An outgoing call came to nothing.
    Refused(Refusal),
    /// The peer wants other media (hold, another address), or wants to hear from us what we offer (`sdp` is `None`).
    Offer { sdp: Option<String>, reply: Reply },
    /// The peer's answer to the description that went out in a [`Reply`] to an offer without one.
    Answer { sdp: String },
    /// What becomes of the [`Call::refer`] of this number.
    Referral { number: u32, referral: Referral },
    /// The peer wants to be connected with somebody else: the user of its `Refer-To`.
    Referred { to: String, answer: Referring },
    /// A key, sent as INFO.
    Digit { digit: char, ms: Option<u32> },
    /// It is over.
    Ended {
        by: Party,
        /// The cause that the peer names (Q.850).
        cause: Option<u16>,
        why: String,
    },
}

/// Answers [`CallEvent::Offer`]. Dropping it refuses the offer; the call goes on as it was.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Result<String, u16>>);

impl Reply {
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<String, u16>>) {
        let (tell, told) = oneshot::channel();
        (Self(tell), told)
    }

    /// Accepts, with our description.
    pub fn accept(self, sdp: String) {
        // Nobody waits any more: the call is over.
        let _over = self.0.send(Ok(sdp));
    }

    /// Refuses with a status, such as 488.
    pub fn refuse(self, status: u16) {
        let _over = self.0.send(Err(status));
    }
}

/// What becomes of our wish that the peer calls somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referral {
    /// The peer does not do it.
    Refused { status: u16, text: String },
    /// What it was told by the one it calls: a status of SIP, provisional or final. `None` where it does not say.
    Progress { status: Option<u16>, is_last: bool },
}

/// Decides on the peer's wish that we call somebody else. Dropping it declines.
#[derive(Debug)]
pub struct Referring(oneshot::Sender<()>);

impl Referring {
    pub(super) fn new() -> (Self, oneshot::Receiver<()>) {
        let (tell, told) = oneshot::channel();
        (Self(tell), told)
    }

    /// Takes it on (202). What comes of it is told with [`Call::report`].
    pub fn accept(self) {
        // Nobody waits any more: the call is over.
        let _over = self.0.send(());
    }
}

/// What the owner of a call wants.
#[derive(Debug)]
pub(super) enum Order {
    HangUp { cause: Option<u16> },
    Ring,
    Progress { sdp: String },
    Accept { sdp: String },
    Refuse { status: u16, cause: Option<u16> },
    Refer { number: u32, to: SipUri },
    Report { status: u16 },
}

/// A call. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    id: String,
    ladder: Ladder,
    events: mpsc::Receiver<CallEvent>,
    orders: mpsc::Sender<Order>,
}

impl Call {
    pub(super) const fn new(
        id: String,
        ladder: Ladder,
        events: mpsc::Receiver<CallEvent>,
        orders: mpsc::Sender<Order>,
    ) -> Self {
        Self { id, ladder, events, orders }
    }

    /// Its messages, up to the last one: [`Self::next`] returns `None` when nothing more is said.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        self.ladder.clone()
    }

    /// Its Call-ID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What happens next; `None` when nothing can follow.
    pub async fn next(&mut self) -> Option<CallEvent> {
        self.events.recv().await
    }

    /// Ends the call in whatever way fits: CANCEL, BYE, or a refusal. `cause` (Q.850) is told to the peer.
    pub fn hang_up(&self, cause: Option<u16>) {
        // A queue that is full holds an order to end the call already; a closed one belongs to a call that is over.
        let _known = self.orders.try_send(Order::HangUp { cause });
    }
}

impl Call {
    /// Asks the peer of an answered call to call somebody else (REFER). [`CallEvent::Referral`] tells under `number` what comes
    /// of it; the call goes on until somebody ends it. False where too much has been asked for already.
    #[must_use]
    pub fn refer(&self, number: u32, to: &SipUri) -> bool {
        self.orders.try_send(Order::Refer { number, to: to.clone() }).is_ok()
    }

    /// Tells the peer what has become of its wish: a status of SIP, below 200 while it goes on.
    pub fn report(&self, status: u16) {
        let _over = self.orders.try_send(Order::Report { status });
    }
}

/// A call that somebody places to us. It rings from their point of view only after [`Answering::ring`].
#[derive(Debug)]
pub struct Incoming {
    /// Where the request came from.
    pub source: SocketAddr,
    /// The account that the caller proved to have, under [`Admission::Accounts`](super::Admission::Accounts).
    pub account: Option<String>,
    /// User part of `P-Asserted-Identity`, or else of `From`; empty where there is none.
    pub caller: String,
    /// User part of the Request-URI; empty where there is none.
    pub called: String,
    /// User part of `To`: the number that was dialled, where the Request-URI names the account that registered.
    pub to: String,
    pub headers: Headers,
    /// The caller's session description; `None` when we are to make the offer.
    pub offer: Option<String>,
    pub answering: Answering,
    pub call: Call,
}

/// Answers an incoming call, once.
#[derive(Debug)]
pub struct Answering(pub(super) mpsc::Sender<Order>);

impl Answering {
    /// Lets it ring (180).
    pub fn ring(&self) {
        let _over = self.0.try_send(Order::Ring);
    }

    /// Lets it ring with audio of ours (183).
    pub fn progress(&self, sdp: String) {
        let _over = self.0.try_send(Order::Progress { sdp });
    }

    /// Takes it (200). [`CallEvent::Answered`] follows when the caller has confirmed.
    pub fn accept(self, sdp: String) {
        let _over = self.0.try_send(Order::Accept { sdp });
    }

    /// Refuses it with a status from 300 to 699.
    pub fn refuse(self, status: u16) {
        let _over = self.0.try_send(Order::Refuse { status, cause: None });
    }

    /// Refuses it for a cause (Q.850), which is told, too.
    pub fn refuse_for(self, cause: u16) {
        let status = super::cause::status(cause);
        let _over = self.0.try_send(Order::Refuse { status, cause: Some(cause) });
    }
}
