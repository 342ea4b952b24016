//! A call that somebody places to us, from the INVITE until it is confirmed or refused.

use std::time::Duration;

use rsipstack::dialog::dialog::{DialogState, TerminatedReason};
use rsipstack::sip::StatusCode;
use tokio::time::{Instant, sleep_until};

use super::call::{CallEvent, Order, Party};
use super::cause;
use super::dialog::Line;
use super::guard::Note;
use super::message;

/// Between the first two 200s to an INVITE, and between later ones at most (RFC 3261, sections 13.3.1.4 and 17.1.1.1).
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// Nobody owns the call.
const UNAVAILABLE: u16 = 480;

/// The 200 that is out, and when it is sent again.
struct Accepted {
    sdp: String,
    again: Instant,
    wait: Duration,
}

/// Drives a call that comes in. Over UDP a 200 is repeated until it is confirmed: a peer that has heard it ring does not
/// repeat its INVITE.
pub(super) async fn run(mut line: Line, is_reliable: bool, had_offer: bool) {
    let mut accepted: Option<Accepted> = None;
    loop {
        let again = accepted.as_ref().map(|accepted| accepted.again);
        tokio::select! {
            biased;
            note = line.place.notes.recv() => {
                let Some(Note::Bye { cause }) = note else { return line.part(None) };
                line.ended(Party::Peer, cause, "the caller hung up");
                return line.forget();
            }
            state = line.states.recv() => match state {
                Some(DialogState::Confirmed(..)) if accepted.is_some() => {
                    let ack = line.dialog.last_remote_ack();
                    let sdp = ack.and_then(|ack| message::sdp(&ack, &ack.body)).filter(|_| !had_offer);
                    line.must_tell(CallEvent::Answered { sdp });
                    return line.talk().await;
                }
                Some(DialogState::Terminated(_, reason)) => {
                    let (by, why) = if matches!(reason, TerminatedReason::UacCancel) {
                        (Party::Peer, "the caller gave up")
                    } else if matches!(reason, TerminatedReason::UacBye) {
                        (Party::Peer, "the caller hung up")
                    } else {
                        (Party::Nobody, "the caller did not confirm the answer")
                    };
                    line.ended(by, None, why);
                    return line.forget();
                }
                Some(_) => {}
                None => return line.part(None),
            },
            order = line.orders.recv() => match order {
                Some(Order::Ring) if accepted.is_none() => said(line.dialog.ringing(None, None)),
                Some(Order::Progress { sdp }) if accepted.is_none() => {
                    said(line.dialog.ringing(Some(message::with_sdp()), Some(sdp.into_bytes())));
                }
                Some(Order::Accept { sdp }) if accepted.is_none() => {
                    accept(&line, &sdp);
                    accepted = Some(Accepted { sdp, again: Instant::now() + T1, wait: T1 });
                }
                Some(Order::Ring | Order::Progress { .. } | Order::Accept { .. }) => {}
                Some(Order::Refuse { status }) => return refuse(line, status, None),
                Some(Order::HangUp { cause }) if accepted.is_none() => {
                    return refuse(line, cause.map_or(UNAVAILABLE, cause::status), cause);
                }
                None if accepted.is_none() => return refuse(line, UNAVAILABLE, None),
                Some(Order::HangUp { cause }) => {
                    line.ended(Party::Us, None, "we hung up");
                    return line.part(cause);
                }
                None => return line.part(None),
            },
            () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() && !is_reliable => {
                if let Some(accepted) = &mut accepted {
                    accept(&line, &accepted.sdp);
                    accepted.wait = (accepted.wait * 2).min(T2);
                    accepted.again = Instant::now() + accepted.wait;
                }
            }
        }
    }
}

fn accept(line: &Line, sdp: &str) {
    said(line.dialog.accept(Some(message::with_sdp()), Some(sdp.as_bytes().to_vec())));
}

fn refuse(line: Line, status: u16, cause: Option<u16>) {
    said(line.dialog.reject(Some(StatusCode::from(status)), cause.map(cause::reason)));
    line.ended(Party::Us, None, "we refused the call");
    line.forget();
}

/// The transaction of the INVITE may be over already: then its end is told, too.
fn said(result: Result<(), rsipstack::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "an answer to a call came too late");
    }
}
