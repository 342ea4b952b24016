//! A call that somebody places to us, from the INVITE until it is confirmed or refused.

use rsipstack::dialog::dialog::{DialogState, TerminatedReason};
use rsipstack::sip::StatusCode;

use super::call::{CallEvent, Order, Party};
use super::cause;
use super::dialog::Line;
use super::guard::Note;
use super::message;

/// Nobody owns the call.
const UNAVAILABLE: u16 = 480;
/// Hang-up cause of a call that nobody takes because the program stops: destination out of order.
const STOPPED: u16 = 27;

/// Drives a call that comes in. The stack repeats a 200 until it is confirmed.
pub(super) async fn run(mut line: Line, had_offer: bool) {
    let mut is_accepted = false;
    loop {
        tokio::select! {
            biased;
            note = line.place.notes.recv() => match note {
                Some(Note::Bye { cause }) => {
                    line.ended(Party::Peer, cause, "the caller hung up");
                    return line.forget();
                }
                Some(Note::Early(request)) => line.unanswered(request).await,
                None => return line.part(None),
            },
            () = line.place.cut.cancelled() => {
                if !is_accepted {
                    return refuse(line, cause::status(STOPPED), Some(STOPPED));
                }
                line.ended(Party::Us, None, "we stopped");
                return line.part(None);
            }
            state = line.states.recv() => match state {
                Some(DialogState::Confirmed(..)) if is_accepted => {
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
                Some(Order::Ring) if !is_accepted => said(line.dialog.ringing(None, None)),
                Some(Order::Progress { sdp }) if !is_accepted => {
                    said(line.dialog.ringing(Some(message::with_sdp()), Some(sdp.into_bytes())));
                }
                Some(Order::Accept { sdp }) if !is_accepted => {
                    said(line.dialog.accept(Some(message::with_sdp()), Some(sdp.into_bytes())));
                    is_accepted = true;
                }
                Some(
                    Order::Ring
                    | Order::Progress { .. }
                    | Order::Accept { .. }
                    | Order::Refer { .. }
                    | Order::Report { .. },
                ) => {}
                Some(Order::Refuse { status, cause }) => return refuse(line, status, cause),
                Some(Order::HangUp { cause }) if !is_accepted => {
                    return refuse(line, cause.map_or(UNAVAILABLE, cause::status), cause);
                }
                None if !is_accepted => return refuse(line, UNAVAILABLE, None),
                Some(Order::HangUp { cause }) => {
                    line.ended(Party::Us, None, "we hung up");
                    return line.part(cause);
                }
                None => return line.part(None),
            },
        }
    }
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
