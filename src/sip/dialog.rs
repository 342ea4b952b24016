//! What the tasks behind calls have in common: the peer's requests within a call, and the end of it.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::dialog::{Dialog, DialogState, DialogStateReceiver, TransactionHandle};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{HasHeaders, Header, Method, Request, StatusCode};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::DropGuard;

use super::call::{CallEvent, Order, Party, Reply};
use super::guard::{Note, Place};
use super::{cause, digit, message};

/// Events that may wait for the owner of a call; the last of them are kept for what it cannot do without.
pub(super) const EVENTS: usize = 64;
const KEPT: usize = 16;
/// Orders that may wait for the task of a call.
pub(super) const ORDERS: usize = 8;
/// For the owner to answer an offer; long before the peer gives its request up.
const REPLY: Duration = Duration::from_secs(4);
/// A dialog may be between two states while it is to be ended.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// A call of the stack, with the ways to and from its owner.
pub(super) struct Line {
    pub(super) dialog: InviteDialog,
    pub(super) layer: Arc<DialogLayer>,
    pub(super) states: DialogStateReceiver,
    pub(super) tell: mpsc::Sender<CallEvent>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) place: Place,
    /// An offer of ours is out whose answer comes with the ACK.
    pub(super) awaits_answer: bool,
    /// Keeps the endpoint open.
    pub(super) _open: Arc<DropGuard>,
}

impl Line {
    /// Tells the owner of something that it can do without when it does not listen.
    fn tell(&self, event: CallEvent) {
        if self.tell.capacity() <= KEPT {
            return self.place.dropped("owner_busy");
        }
        self.must_tell(event);
    }

    /// Tells the owner of something that there are few of.
    pub(super) fn must_tell(&self, event: CallEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.tell.try_send(event) {
            // It will find the channel closed.
            self.place.dropped("owner_busy");
        }
    }

    pub(super) fn ended(&self, by: Party, cause: Option<u16>, why: impl Into<String>) {
        self.must_tell(CallEvent::Ended { by, cause, why: why.into() });
    }

    /// The answered call, to its end.
    pub(super) async fn talk(mut self) {
        loop {
            tokio::select! {
                // A BYE before the end of the dialog that it leads to: it says who hung up.
                biased;
                note = self.place.notes.recv() => {
                    let Some(Note::Bye { cause }) = note else { return self.part(None) };
                    self.ended(Party::Peer, cause, "the peer hung up");
                    return self.forget();
                }
                state = self.states.recv() => match state {
                    Some(DialogState::Terminated(_, reason)) => {
                        match self.place.notes.try_recv() {
                            Ok(Note::Bye { cause }) => self.ended(Party::Peer, cause, "the peer hung up"),
                            Err(_) => self.ended(Party::Nobody, None, format!("the call ended: {reason:?}")),
                        }
                        return self.forget();
                    }
                    Some(state) => self.state(state).await,
                    None => return self.part(None),
                },
                order = self.orders.recv() => match order {
                    Some(Order::HangUp { cause }) => {
                        self.ended(Party::Us, None, "we hung up");
                        return self.part(cause);
                    }
                    Some(Order::Ring | Order::Progress { .. } | Order::Accept { .. } | Order::Refuse { .. }) => {}
                    // Nobody owns the call any more.
                    None => return self.part(None),
                },
            }
        }
    }

    /// A request of the peer's within the call, or word of one.
    pub(super) async fn state(&mut self, state: DialogState) {
        match state {
            DialogState::Updated(_, request, handle) => self.offer(&request, handle).await,
            DialogState::Info(_, request, handle) => self.info(&request, &handle).await,
            DialogState::Options(_, _, handle) => {
                respond(&handle, StatusCode::OK, Some(vec![message::allow()]), None).await;
            }
            // No transfer is made for a peer.
            DialogState::Refer(_, _, handle) => respond(&handle, StatusCode::Decline, None, None).await,
            DialogState::Message(_, _, handle)
            | DialogState::Notify(_, _, handle)
            | DialogState::Publish(_, _, handle) => {
                respond(&handle, StatusCode::MethodNotAllowed, Some(vec![message::allow()]), None).await;
            }
            DialogState::Confirmed(..) if self.awaits_answer => {
                let ack = self.dialog.last_remote_ack();
                let sdp = ack.and_then(|ack| message::sdp(&ack, &ack.body));
                if let Some(sdp) = sdp {
                    self.awaits_answer = false;
                    self.must_tell(CallEvent::Answer { sdp });
                }
            }
            DialogState::Calling(_)
            | DialogState::Trying(_)
            | DialogState::Early(..)
            | DialogState::WaitAck(..)
            | DialogState::Confirmed(..)
            | DialogState::Terminated(..) => {}
        }
    }

    /// A re-INVITE or an UPDATE.
    async fn offer(&mut self, request: &Request, handle: TransactionHandle) {
        let sdp = message::sdp(request, &request.body);
        if sdp.is_none() && !request.body.is_empty() {
            return respond(&handle, StatusCode::UnsupportedMediaType, Some(vec![message::accept()]), None)
                .await;
        }
        self.follow(request);
        if sdp.is_none() && request.method == Method::Update {
            // It refreshes the session (RFC 4028), and changes nothing.
            return respond(&handle, StatusCode::OK, Some(vec![message::allow()]), None).await;
        }
        self.awaits_answer = sdp.is_none();
        let (reply, replied) = Reply::new();
        self.tell(CallEvent::Offer { sdp, reply });
        // Not in here: whoever owns the call may hang up meanwhile.
        tokio::spawn(async move {
            match timeout(REPLY, replied).await {
                Ok(Ok(Ok(sdp))) => {
                    respond(&handle, StatusCode::OK, Some(message::with_sdp()), Some(sdp.into_bytes())).await;
                }
                Ok(Ok(Err(status))) => respond(&handle, status.into(), None, None).await,
                Ok(Err(_)) | Err(_) => respond(&handle, StatusCode::NotAcceptableHere, None, None).await,
            }
        });
    }

    /// What we ask for in this call goes from now on where the peer's message says (RFC 3261, section 12.2).
    pub(super) fn follow(&self, message: &impl HasHeaders) {
        let Some(contact) = message::field(message, "Contact") else { return };
        if let Some(target) = message::target(&contact) {
            Dialog::Invite(self.dialog.clone()).set_remote_target(target, Some(contact.into()));
        }
    }

    async fn info(&self, request: &Request, handle: &TransactionHandle) {
        let kind = message::field(request, "Content-Type").unwrap_or_default();
        match digit::read(&kind, &request.body) {
            Some(digit::Key { digit, ms }) => {
                self.tell(CallEvent::Digit { digit, ms });
                respond(handle, StatusCode::OK, None, None).await;
            }
            // An INFO without a body asks whether the call is there (RFC 2976).
            None if request.body.is_empty() => respond(handle, StatusCode::OK, None, None).await,
            None => respond(handle, StatusCode::UnsupportedMediaType, None, None).await,
        }
    }

    /// The peer has ended the call: nothing is left to be said.
    pub(super) fn forget(self) {
        self.layer.remove_dialog(&self.dialog.id());
    }

    /// Ends the call in the background: BYE, or CANCEL where it is not answered.
    pub(super) fn part(self, cause: Option<u16>) {
        tokio::spawn(async move {
            let reason = cause.map(|cause| vec![Header::Reason(cause::reason(cause).into())]);
            for _ in 0..TRIES {
                match self.dialog.hangup_with_headers(reason.clone()).await {
                    Ok(()) => break,
                    Err(error) => tracing::debug!(%error, "a call cannot be ended yet"),
                }
                sleep(BETWEEN_TRIES).await;
            }
            self.forget();
        });
    }
}

/// Answers a request of the peer's. It fails when the request has been given up, or the call is over.
async fn respond(
    handle: &TransactionHandle,
    status: StatusCode,
    fields: Option<Vec<Header>>,
    body: Option<Vec<u8>>,
) {
    let _given_up = handle.respond(status, fields, body).await;
}
