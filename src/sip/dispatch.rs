//! What requests lead to: those of a call to its dialog, an INVITE to whoever takes calls, the rest to an answer.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::Dialog;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::rsip::prelude::HeadersExt as _;
use rsipstack::sip::{Header, Method, StatusCode, Uri};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::key::TransactionRole;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::call::{Answering, Call, Incoming};
use super::challenge::{Account, Challenges, Proof};
use super::dialog::{EVENTS, Line, ORDERS, early};
use super::guard::{Guard, Note};
use super::{incoming, message, register};

/// Seconds until a caller whom we have no room for may try again.
const TRY_AGAIN: &str = "5";
/// Seconds for which a registration is accepted at most.
const LONGEST_REGISTRATION: u32 = 3_600;

/// Where requests go.
pub(super) struct Dispatch {
    pub(super) layer: Arc<DialogLayer>,
    pub(super) guard: Arc<Guard>,
    pub(super) challenges: Option<Challenges>,
    /// Answers the server where it asks for a password within a call that it brought.
    pub(super) account: Option<Account>,
    pub(super) contact: Uri,
    pub(super) incoming: mpsc::Sender<Incoming>,
    pub(super) opened: Instant,
    /// What keeps the endpoint open; gone when it closes.
    pub(super) open: Weak<DropGuard>,
}

impl Dispatch {
    /// Takes requests until the endpoint is closed.
    pub(super) async fn run(self, mut requests: TransactionReceiver, closed: CancellationToken) {
        loop {
            let request = tokio::select! {
                request = requests.recv() => request,
                () = closed.cancelled() => None,
            };
            let Some(request) = request else { return };
            if let Err(error) = self.take(request).await {
                // Mostly a message that is none: the guard counts them, and nobody is answered.
                tracing::debug!(%error, "a SIP request could not be taken");
                self.guard.dropped("unreadable");
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is is not understood here")]
    async fn take(&self, mut request: Transaction) -> Result<(), rsipstack::Error> {
        if message::is_in_dialog(&request.original) {
            return self.in_call(request).await;
        }
        let account = match &self.challenges {
            None => None,
            Some(challenges) => match challenges.check(&request.original, self.opened.elapsed()) {
                Proof::Account(user) => Some(user),
                proof @ (Proof::Stale | Proof::None) if request.original.method != Method::Options => {
                    self.guard.dropped("unauthorized");
                    let field = challenges.field(proof == Proof::Stale, self.opened.elapsed());
                    return request.reply_with(StatusCode::Unauthorized, vec![field], None).await;
                }
                Proof::Stale | Proof::None => None,
            },
        };
        match request.original.method {
            Method::Invite => self.invite(request, account).await,
            Method::Options => {
                request.reply_with(StatusCode::OK, vec![message::allow(), message::accept()], None).await
            }
            Method::Register if account.is_some() => {
                let fields = registered(&request);
                request.reply_with(StatusCode::OK, fields, None).await
            }
            Method::Ack => Ok(()),
            _ => request.reply_with(StatusCode::MethodNotAllowed, vec![message::allow()], None).await,
        }
    }

    /// A request of a call that there is, or was.
    async fn in_call(&self, mut request: Transaction) -> Result<(), rsipstack::Error> {
        let method = request.original.method;
        let Some(Dialog::Invite(mut dialog)) = self.layer.match_dialog(&request) else {
            if method == Method::Ack {
                return Ok(());
            }
            if let Some(call_id) = self.unanswered(&request) {
                self.guard.note(&call_id, Note::Early(Box::new(request)));
                return Ok(());
            }
            return request.reply(StatusCode::CallTransactionDoesNotExist).await;
        };
        // One that is older than what was taken already (RFC 3261, section 12.2.2) changes nothing.
        let (count, last) = (message::count(&request.original), dialog.snapshot().remote_cseq);
        if method != Method::Ack && count.is_some_and(|count| count < last) {
            return request.reply(StatusCode::ServerInternalError).await;
        }
        if method == Method::Bye {
            let cause = message::reason(&request.original);
            self.guard.note(&dialog.id().call_id, Note::Bye { cause });
        }
        // The stack lets other requests go unanswered between an answer and the ACK.
        let is_open = dialog.state().is_confirmed()
            || matches!(method, Method::Ack | Method::PRack)
            || (dialog.role() == TransactionRole::Server && method == Method::Bye);
        if !is_open {
            return early(&mut request).await;
        }
        tokio::spawn(async move {
            if let Err(error) = dialog.handle(&mut request).await {
                tracing::debug!(%error, "a request within a call failed");
            }
        });
        Ok(())
    }

    /// The call of ours that a request is of whose INVITE the peer has not answered yet: the stack knows it without the
    /// peer's tag.
    fn unanswered(&self, request: &Transaction) -> Option<String> {
        let id = DialogId::try_from(request).ok()?;
        let call_id = id.call_id.clone();
        let early = DialogId { remote_tag: String::new(), ..id };
        matches!(self.layer.get_dialog(&early), Some(Dialog::Invite(_))).then_some(call_id)
    }

    async fn invite(
        &self,
        mut request: Transaction,
        account: Option<String>,
    ) -> Result<(), rsipstack::Error> {
        if let Some(required) = message::field(&request.original, "Require") {
            let unsupported = vec![Header::Unsupported(required.into())];
            return request.reply_with(StatusCode::BadExtension, unsupported, None).await;
        }
        let offer = message::sdp(&request.original, &request.original.body);
        // In a body of another kind there may be an offer that we would miss.
        if offer.is_none() && !request.original.body.is_empty() {
            let accept = vec![message::accept()];
            return request.reply_with(StatusCode::UnsupportedMediaType, accept, None).await;
        }
        let Some(source) = source(&request) else { return request.reply(StatusCode::BadRequest).await };
        let permit = match self.incoming.try_reserve() {
            Ok(permit) => permit,
            Err(mpsc::error::TrySendError::Full(())) => {
                self.guard.dropped("too_many_calls");
                let later = vec![Header::RetryAfter(TRY_AGAIN.into())];
                return request.reply_with(StatusCode::ServiceUnavailable, later, None).await;
            }
            // Nobody in here takes calls.
            Err(mpsc::error::TrySendError::Closed(())) => {
                self.guard.dropped("no_calls_taken");
                return request.reply(StatusCode::TemporarilyUnavailable).await;
            }
        };
        let Some(open) = self.open.upgrade() else {
            return request.reply(StatusCode::TemporarilyUnavailable).await;
        };
        let call_id = request.original.call_id_header()?.value().to_owned();
        let Some(place) = self.guard.call(&call_id) else {
            // The same call by another way (RFC 3261, section 8.2.2.2).
            return request.reply(StatusCode::LoopDetected).await;
        };
        self.guard.came(&request.original.clone().into(), Some(source));
        let (tell_state, states) = self.layer.new_dialog_state_channel();
        let contact = Some(self.contact.clone());
        // Others who may bring calls are not to learn what the password hashes to.
        let credential =
            self.account.as_ref().filter(|_| self.guard.is_server(source.ip())).map(register::credential);
        let created = self.layer.get_or_create_server_invite(&request, tell_state, credential, contact);
        let Ok(mut dialog) = created else { return request.reply(StatusCode::BadRequest).await };
        let (tell, events) = mpsc::channel(EVENTS);
        let (order, orders) = mpsc::channel(ORDERS);
        permit.send(Incoming {
            source,
            account,
            caller: message::caller(&request.original),
            called: message::called(&request.original),
            to: message::to(&request.original),
            headers: message::headers(&request.original),
            offer: offer.clone(),
            answering: Answering(order.clone()),
            call: Call::new(call_id, place.ladder.clone(), events, order),
        });
        let layer = Arc::clone(&self.layer);
        let line = Line {
            dialog: dialog.clone(),
            layer,
            states,
            tell,
            orders,
            place,
            awaits_answer: false,
            referring: None,
            asked: Arc::default(),
            _open: open,
        };
        tokio::spawn(incoming::run(line, offer.is_some()));
        tokio::spawn(async move {
            if let Err(error) = dialog.handle(&mut request).await {
                tracing::debug!(%error, "a call that came in failed");
            }
        });
        Ok(())
    }
}

/// Where a request came from: as its connection says, or as the stack noted it in the first `Via`.
fn source(request: &Transaction) -> Option<SocketAddr> {
    let connection = request.connection.as_ref()?;
    connection.get_remote_addr()?.get_socketaddr().ok()
}

/// The fields of the answer to a registration: it is accepted as it was asked for. Nothing is kept, as nobody is called.
fn registered(request: &Transaction) -> Vec<Header> {
    let expires =
        request.original.expires_header().and_then(|field| field.value().trim().parse::<u32>().ok());
    let expires = expires.unwrap_or(LONGEST_REGISTRATION).min(LONGEST_REGISTRATION);
    let contact = request.original.contact_header().ok().cloned();
    contact.into_iter().map(Header::Contact).chain([Header::Expires(expires.into())]).collect()
}
