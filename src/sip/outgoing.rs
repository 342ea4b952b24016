//! A call that we place, from the INVITE until it is answered or comes to nothing.

use std::time::Duration;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::DialogState;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{Response, StatusCodeKind};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::address::SipUri;
use super::call::{CallEvent, Order, Party, Refusal};
use super::dialog::Line;
use super::error::SipError;
use super::guard::Note;
use super::redirect::Redirects;
use super::{connect, message};

/// After a CANCEL the peer ends the INVITE (487) within a round trip; the owner of the call waits no longer than this.
const CANCELLED: Duration = Duration::from_secs(4);

/// Stands for the answer of somebody who cannot be reached.
const NOT_REACHED: u16 = 503;

/// A peer that has not ended the INVITE by then, long after a CANCEL, never will.
const OVER: Duration = Duration::from_secs(32);

/// How an INVITE ended, as the stack tells.
type Outcome = Result<(DialogId, Option<Response>), rsipstack::Error>;

/// What it takes to call somebody else instead.
pub(super) struct Again {
    pub(super) stack: EndpointInnerRef,
    /// As the first one was called.
    pub(super) option: InviteOption,
    pub(super) redirects: Redirects,
}

impl Again {
    /// Calls whom the answer leads to, in the same call; `None` where it is the last word.
    async fn redirected(&mut self, line: &mut Line, response: &Response) -> Option<JoinHandle<Outcome>> {
        let mut contacts = message::contacts(response);
        let mut status = response.status_code.code();
        loop {
            let to = self.redirects.next(status, &contacts)?;
            match self.call(line, &to).await {
                Ok(invite) => {
                    line.must_tell(CallEvent::Redirected { to });
                    return Some(invite);
                }
                Err(error) => tracing::info!(%error, "a call cannot go where it is redirected to"),
            }
            (contacts, status) = (Vec::new(), NOT_REACHED);
        }
    }

    async fn call(&mut self, line: &mut Line, to: &SipUri) -> Result<JoinHandle<Outcome>, SipError> {
        let callee = message::uri(to).map_err(SipError::Request)?;
        connect::to(&self.stack, &callee).await?;
        // The password is for the server that it was given for.
        let is_elsewhere = callee.host_with_port.host != self.option.callee.host_with_port.host;
        let mut option = self.option.clone();
        option.credential = option.credential.filter(|_| !is_elsewhere);
        option.callee = callee;
        let (tell, states) = line.layer.new_dialog_state_channel();
        let (dialog, invite) =
            line.layer.do_invite_async(option, tell).map_err(|error| SipError::Request(error.to_string()))?;
        line.layer.remove_dialog(&line.dialog.id());
        (line.dialog, line.states) = (dialog, states);
        Ok(invite)
    }
}

/// Drives a call whose INVITE is under way, and those to whom it is redirected.
pub(super) async fn run(mut line: Line, mut invite: JoinHandle<Outcome>, mut again: Again) {
    // What the peer asked for between its answer and our taking note of it.
    let mut early = Vec::new();
    let mut given_up: Option<Instant> = None;
    // A BYE that overtook the answer.
    let mut over = None;
    let outcome = loop {
        tokio::select! {
            biased;
            Some(state) = line.states.recv() => {
                if let DialogState::Early(_, response) = &state {
                    line.must_tell(progress(response));
                } else if matches!(state, DialogState::Updated(..) | DialogState::Info(..) | DialogState::Options(..)) {
                    early.push(state);
                }
            }
            Some(note) = line.place.notes.recv() => match note {
                Note::Early(request) => line.unanswered(request).await,
                Note::Bye { cause } => over = Some(cause),
            },
            outcome = &mut invite => {
                if let Ok(Ok((_, Some(response)))) = &outcome
                    && response.status_code.code() >= 300
                    && given_up.is_none()
                    && let Some(next) = again.redirected(&mut line, response).await
                {
                    invite = next;
                    early.clear();
                    continue;
                }
                break outcome;
            }
            () = line.place.cut.cancelled(), if given_up.is_none() => {
                given_up = Some(Instant::now());
                cancel(&line);
            }
            order = line.orders.recv(), if given_up.is_none() => match order {
                Some(Order::HangUp { .. }) | None => {
                    given_up = Some(Instant::now());
                    cancel(&line);
                }
                Some(_) => {}
            },
            () = sleep_until(given_up.unwrap_or_else(Instant::now) + CANCELLED), if given_up.is_some() => {
                line.ended(Party::Us, None, "we gave up, and the peer did not answer the CANCEL");
                // The INVITE still has to end: an answer that comes now is ended with a BYE by the stack.
                if timeout(OVER, &mut invite).await.is_err() {
                    invite.abort();
                }
                return line.forget();
            }
        }
    };
    let Ok(outcome) = outcome else {
        line.must_tell(CallEvent::Refused(unsent("the call's task ended")));
        return line.forget();
    };
    match outcome {
        Ok((_, Some(response))) if response.status_code.kind() == StatusCodeKind::Successful => {
            if given_up.is_some() {
                line.ended(Party::Us, None, "we gave up when the call was answered");
                return line.part(None);
            }
            line.follow(&response);
            line.must_tell(CallEvent::Answered { sdp: message::sdp(&response, &response.body) });
            if let Some(cause) = over {
                line.ended(Party::Peer, cause, "the peer hung up");
                return line.forget();
            }
            for state in early {
                line.state(state).await;
            }
            line.talk().await;
        }
        Ok((_, Some(response))) => {
            if given_up.is_some() {
                line.ended(Party::Us, message::refusal(&response).cause, "we gave up before it was answered");
            } else {
                line.must_tell(CallEvent::Refused(message::refusal(&response)));
            }
            line.forget();
        }
        Ok((_, None)) => {
            let text = "no answer in time".to_owned();
            line.must_tell(CallEvent::Refused(Refusal { status: 408, text, cause: None }));
            line.forget();
        }
        Err(error) => {
            let refusal = match line.place.ladder.status() {
                Some(status @ (401 | 407)) => unanswerable(status, &error.to_string()),
                _ => unsent(&error.to_string()),
            };
            line.must_tell(CallEvent::Refused(refusal));
            line.forget();
        }
    }
}

fn progress(response: &Response) -> CallEvent {
    let sdp = message::sdp(response, &response.body);
    CallEvent::Progress { status: response.status_code.code(), sdp }
}

fn unsent(why: &str) -> Refusal {
    let text = why.chars().filter(|c| !c.is_control()).take(200).collect();
    Refusal { status: 503, text, cause: None }
}

/// The server asks for a password in a way that cannot be answered.
fn unanswerable(status: u16, why: &str) -> Refusal {
    let why: String = why.chars().filter(|c| !c.is_control()).take(150).collect();
    Refusal { status, text: format!("its question for a password cannot be answered: {why}"), cause: None }
}

/// Sends a CANCEL as soon as one may be sent: after the first provisional answer.
fn cancel(line: &Line) {
    let dialog = line.dialog.clone();
    tokio::spawn(async move {
        if let Err(error) = dialog.hangup().await {
            tracing::debug!(%error, "a call could not be cancelled");
        }
    });
}
