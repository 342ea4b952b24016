//! What the tasks behind calls have in common: the peer's requests within a call, and the end of it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rsipstack::dialog::dialog::{
    Dialog, DialogSnapshotState, DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle,
};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{HasHeaders, Header, Method, Request, StatusCode, StatusCodeKind};
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::DropGuard;

use super::address::SipUri;
use super::call::{CallEvent, Order, Party, Referral, Referring, Refusal, Reply};
use super::guard::{Note, Place};
use super::{cause, digit, message, refer};

/// Events that may wait for the owner of a call; the last of them are kept for what it cannot do without.
pub(super) const EVENTS: usize = 64;
const KEPT: usize = 16;
/// Orders that may wait for the task of a call.
pub(super) const ORDERS: usize = 8;
/// For the owner to answer an offer; long before the peer gives its request up.
const REPLY: Duration = Duration::from_secs(4);
/// What a peer sent before its BYE is known within this time.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Seconds until an offer that cannot be answered now may be made again.
const OFFER_AGAIN: &str = "2";
/// Why a transfer is not made.
const UNPROVEN: &str = "it asks for a password that is not there, or is not right";
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
    /// The transfer that the peer was asked for last, while it has not said whether it takes it on.
    pub(super) referring: Option<(u32, AbortHandle)>,
    pub(super) asked: Arc<Mutex<refer::Asked>>,
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
                note = self.place.notes.recv() => match note {
                    Some(Note::Bye { cause }) => {
                        self.last_words().await;
                        self.ended(Party::Peer, cause, "the peer hung up");
                        return self.forget();
                    }
                    Some(Note::Early(request)) => self.unanswered(request).await,
                    None => return self.part(None),
                },
                () = self.place.cut.cancelled() => {
                    self.ended(Party::Us, None, "we stopped");
                    return self.part(None);
                }
                state = self.states.recv() => match state {
                    Some(DialogState::Terminated(_, TerminatedReason::ProxyAuthRequired)) if self.revive() => {
                        self.unproven();
                    }
                    Some(DialogState::Terminated(_, reason)) => {
                        match self.place.notes.try_recv() {
                            Ok(Note::Bye { cause }) => self.ended(Party::Peer, cause, "the peer hung up"),
                            Ok(Note::Early(_)) | Err(_) => self.ended(Party::Nobody, None, format!("the call ended: {reason:?}")),
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
                    Some(Order::Refer { number, to }) => self.refer(number, &to),
                    Some(Order::Report { status }) => self.report(status),
                    Some(Order::Ring | Order::Progress { .. } | Order::Accept { .. } | Order::Refuse { .. }) => {}
                    // Nobody owns the call any more.
                    None => return self.part(None),
                },
            }
        }
    }

    /// The stack takes a call to be over when a request of ours within it is asked for a password that is not there, or is wrong.
    /// Only that request has failed (RFC 3261, section 12.2.1.2): the call goes on with another dialog of the same names.
    fn revive(&mut self) -> bool {
        let mut snapshot = self.dialog.snapshot();
        snapshot.state = DialogSnapshotState::Confirmed;
        let id = snapshot.id.clone();
        let (tell, states) = self.layer.new_dialog_state_channel();
        self.layer.remove_dialog(&id);
        if let Err(error) = self.layer.restore_from_snapshot(snapshot, tell) {
            tracing::warn!(%error, "a call whose peer asks for a password cannot go on");
            return false;
        }
        let Some(Dialog::Invite(dialog)) = self.layer.get_dialog(&id) else { return false };
        (self.dialog, self.states) = (dialog, states);
        true
    }

    /// A request of ours needed a password: a transfer, if one was asked for.
    fn unproven(&mut self) {
        let Some((number, referring)) = self.referring.take() else { return };
        if referring.is_finished() {
            return;
        }
        referring.abort();
        let status = self.place.ladder.status().filter(|status| matches!(status, 401 | 407)).unwrap_or(401);
        if self.asked.lock().refused(number) {
            let referral = Referral::Refused { status, text: UNPROVEN.to_owned() };
            self.must_tell(CallEvent::Referral { number, referral });
        }
    }

    /// Takes in what the peer said before its BYE, which comes a shorter way: that a transfer was taken, mostly.
    async fn last_words(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        while let Ok(Some(state)) = timeout_at(until, self.states.recv()).await {
            if matches!(state, DialogState::Terminated(..)) {
                return;
            }
            self.state(state).await;
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
            DialogState::Refer(_, request, handle) => self.referred(&request, handle).await,
            DialogState::Notify(_, request, handle) => self.notified(&request, &handle).await,
            DialogState::Message(_, _, handle) | DialogState::Publish(_, _, handle) => {
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

    /// Asks the peer to call somebody else.
    fn refer(&mut self, number: u32, to: &SipUri) {
        self.asked.lock().add(number, self.dialog.snapshot().local_cseq.wrapping_add(1));
        let (dialog, tell, to) = (self.dialog.clone(), self.tell.clone(), format!("<{to}>"));
        let (known, ladder) = (Arc::clone(&self.asked), self.place.ladder.clone());
        let asked = tokio::spawn(async move {
            let refused = |status, text: &str| Referral::Refused { status, text: text.to_owned() };
            let referral = match dialog.refer(to, None, None).await {
                Ok(Some(answer)) if answer.status_code.kind() == StatusCodeKind::Successful => return,
                Ok(Some(answer)) => {
                    let Refusal { status, text, .. } = message::refusal(&answer);
                    refused(status, &text)
                }
                // The stack gives up so when it is asked for a password, too.
                Ok(None) => match ladder.status() {
                    Some(status @ (401 | 407)) => refused(status, UNPROVEN),
                    _ => refused(408, "no answer"),
                },
                Err(error) => refused(503, &error.to_string()),
            };
            if known.lock().refused(number) {
                // Nobody owns the call any more.
                let _gone = tell.try_send(CallEvent::Referral { number, referral });
            }
        });
        self.referring = Some((number, asked.abort_handle()));
    }

    /// The peer tells what has become of a transfer.
    async fn notified(&mut self, request: &Request, handle: &TransactionHandle) {
        let Some(refer::Notified { id, referral }) = refer::notified(request) else {
            return respond(handle, StatusCode::BadEvent, None, None).await;
        };
        let Some(number) = self.asked.lock().told(id, &referral) else {
            return respond(handle, StatusCode::CallTransactionDoesNotExist, None, None).await;
        };
        respond(handle, StatusCode::OK, None, None).await;
        self.tell(CallEvent::Referral { number, referral });
    }

    /// The peer wants to be connected with somebody else.
    async fn referred(&self, request: &Request, handle: TransactionHandle) {
        let Some(to) = message::refer_to(request) else {
            return respond(&handle, StatusCode::BadRequest, None, None).await;
        };
        let (answer, decided) = Referring::new();
        self.tell(CallEvent::Referred { to, answer });
        tokio::spawn(async move {
            let status = match timeout(REPLY, decided).await {
                Ok(Ok(())) => StatusCode::Accepted,
                Ok(Err(_)) | Err(_) => StatusCode::Decline,
            };
            respond(&handle, status, None, None).await;
        });
    }

    fn report(&self, status: u16) {
        let dialog = self.dialog.clone();
        let (fields, body) = refer::report(status, StatusCode::from(status).text());
        tokio::spawn(async move {
            if let Err(error) = dialog.notify(Some(fields), Some(body)).await {
                tracing::debug!(%error, "what became of a transfer could not be told");
            }
        });
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

    /// A request of a peer that has not answered our call yet. Other media may be offered: some may be heard already.
    pub(super) async fn unanswered(&mut self, mut request: Box<Transaction>) {
        let sdp = message::sdp(&request.original, &request.original.body);
        let method = request.original.method;
        let answered = match (method, sdp) {
            (Method::Bye, _) => request.reply(StatusCode::CallTransactionDoesNotExist).await,
            (Method::Update, Some(sdp)) => {
                self.follow(&request.original);
                let contact = self.dialog.snapshot().local_contact;
                let (reply, replied) = Reply::new();
                self.tell(CallEvent::Offer { sdp: Some(sdp), reply });
                tokio::spawn(async move {
                    let _given_up = match timeout(REPLY, replied).await {
                        Ok(Ok(Ok(sdp))) => {
                            let contact =
                                contact.map(|contact| Header::Contact(format!("<{contact}>").into()));
                            let fields = message::with_sdp().into_iter().chain(contact).collect();
                            request.reply_with(StatusCode::OK, fields, Some(sdp.into_bytes())).await
                        }
                        Ok(Ok(Err(status))) => request.reply(status.into()).await,
                        Ok(Err(_)) | Err(_) => request.reply(StatusCode::NotAcceptableHere).await,
                    };
                });
                return;
            }
            _ => early(&mut request).await,
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "a request before the answer to a call failed");
        }
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

/// Answers a request within a call that is not answered, or not confirmed.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is has to wait")]
pub(super) async fn early(request: &mut Transaction) -> Result<(), rsipstack::Error> {
    let has_body = !request.original.body.is_empty();
    match request.original.method {
        Method::Bye => request.reply(StatusCode::OK).await,
        // It refreshes the session, and changes nothing (RFC 4028).
        Method::Update | Method::Info | Method::Options if !has_body => {
            request.reply_with(StatusCode::OK, vec![message::allow()], None).await
        }
        // An offer while another one is not answered: RFC 3311, section 5.2.
        Method::Update => {
            let later = vec![Header::RetryAfter(OFFER_AGAIN.into())];
            request.reply_with(StatusCode::ServerInternalError, later, None).await
        }
        _ => request.reply(StatusCode::RequestPending).await,
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
