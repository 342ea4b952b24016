//! The last lines of a call that the server did not see the end of, as far as anything is known.

use callcore::call::{
    Absence, CarrierCdr, Disposition, Ended, Fact, HangupBy, Notice, NotificationState, Unseen, cause,
};
use callcore::clock::CallTime;

use crate::kore::Envelope;
use crate::session::books::closing::{Closing, Expired, notification};
use crate::session::request::NotifyTarget;
use crate::store::{self, CallBatch, CallRow, CallUpdate, LastSigns, NewEvent, SERVER_STOPPED, Store};
use crate::wallclock::{epoch_ms, now_ms};

/// Cause of a call whose server went away: network failure.
const CAUSE: u16 = 38;
/// What is known of such an end.
#[derive(Debug)]
pub(super) enum LastKnown {
    /// It went on until `known_ms` (ms since 1970), seen by the server.
    Seen { known_ms: i64 },
    /// It was waiting to be dialled at `known_ms`.
    NotDialled { known_ms: i64 },
    /// It was being dialled at `known_ms`, and nobody says what became of it.
    Unheard { known_ms: i64 },
    /// The carrier says how it ended.
    Recorded(Box<CarrierCdr>),
}

/// How a call ended; times are ms since 1970.
struct End {
    answered_ms: Option<i64>,
    ended_ms: i64,
    disposition: Disposition,
    cause: u16,
    hangup_by: Option<HangupBy>,
}

impl End {
    /// No second counts in which nobody saw the call.
    fn by_ourselves(call: &CallRow, known_ms: i64) -> Self {
        let disposition = match call.answered_ms {
            Some(_) => Disposition::Answered,
            None => cause(CAUSE).unanswered,
        };
        Self { answered_ms: call.answered_ms, ended_ms: known_ms, disposition, cause: CAUSE, hangup_by: None }
    }

    fn by_record(cdr: &CarrierCdr) -> Self {
        let ended_ms = epoch_ms(&cdr.end_time).unwrap_or_else(now_ms);
        let talked_ms = i64::try_from(cdr.billable_seconds).unwrap_or(0).saturating_mul(1_000);
        let answered_ms =
            cdr.answer_time.as_deref().and_then(epoch_ms).unwrap_or(ended_ms.saturating_sub(talked_ms));
        Self {
            answered_ms: (cdr.disposition == Disposition::Answered).then_some(answered_ms),
            ended_ms,
            disposition: cdr.disposition,
            cause: cdr.hangup_cause_code,
            hangup_by: cdr.hangup_by,
        }
    }
}

/// What ends `call` in the books, and what is posted of it.
///
/// # Errors
/// When the database fails.
pub(super) async fn last_lines(
    store: &Store,
    call: &CallRow,
    known: LastKnown,
) -> Result<CallBatch, store::Error> {
    let sent = store.notifications(&call.id).await?.len() as u64;
    let headers = store.notify_headers(&call.id).await?;
    let signs = store.last_signs(&call.id).await?;
    let mut batch = lines(call, sent, &signs, known);
    batch.notifications.iter_mut().for_each(|notification| notification.headers.clone_from(&headers));
    Ok(batch)
}

fn lines(call: &CallRow, sent: u64, signs: &LastSigns, known: LastKnown) -> CallBatch {
    let now_ms = now_ms();
    let began_ms = call.began_ms.unwrap_or(call.created_ms);
    let since_start = |ms: i64| u64::try_from(ms - began_ms).unwrap_or(0);
    let mut expired = None;
    let (end, unseen, record) = match known {
        LastKnown::Seen { known_ms } => (End::by_ourselves(call, known_ms), None, None),
        LastKnown::NotDialled { known_ms } => {
            let mut end = End::by_ourselves(call, known_ms);
            expired = call.expires_ms.filter(|expires_ms| *expires_ms <= now_ms).map(Expired::at);
            if expired.is_some() {
                end.cause = Expired::CAUSE;
            }
            (end, Some(Unseen::Dialling), None)
        }
        LastKnown::Unheard { known_ms } => {
            (End::by_ourselves(call, known_ms), Some(Unseen::Fate(Absence::ServerStopped)), None)
        }
        LastKnown::Recorded(cdr) => {
            let end = End::by_record(&cdr);
            let unseen = end.answered_ms.map(|_| Unseen::Conversation(Absence::ServerStopped));
            (end, unseen, Some(cdr))
        }
    };
    let event = |fact| NewEvent { at_ms: now_ms, t_ms: since_start(now_ms), fact };
    let mut events = vec![event(Fact::Recovered {
        why: "the server stopped while the call was under way".into(),
        known_to_ms: since_start(end.ended_ms),
        unknown_ms: now_ms.saturating_sub(end.ended_ms),
    })];
    if matches!(unseen, Some(Unseen::Fate(_))) && call.session_id.is_none() {
        events.push(event(Fact::MayBeRinging {
            why: "the server stopped between the dial request and the carrier's answer: the carrier may have placed \
                  the call, and without its name nobody can hang it up"
                .into(),
        }));
    }
    let closing = Closing {
        call_id: &call.id,
        session_id: call.session_id.as_deref(),
        destination: &call.target,
        source: None,
        began_ms,
        answered_ms: end.answered_ms,
        ended_ms: end.ended_ms,
        disposition: end.disposition,
        hangup_by: end.hangup_by,
        cause: end.cause,
    };
    let mut batch = CallBatch {
        notifications: told(call, sent, signs, &end, (unseen, expired), record.as_deref()),
        ..closing.batch(if expired.is_some() { Expired::OUTCOME } else { SERVER_STOPPED })
    };
    if let Some(cdr) = record {
        events.push(event(Fact::CdrLate {
            session_id: cdr.session_id.clone(),
            disposition: cdr.disposition,
            cause: cdr.hangup_cause_code,
            why: "the server was away when the call ended; this is the carrier's record of it".into(),
        }));
        batch.update = batch.update.map(|update| CallUpdate {
            session_id: Some(cdr.session_id.clone()),
            answered_ms: end.answered_ms,
            ..update
        });
        (batch.cdr, batch.cdr_estimated) = (Some(*cdr), false);
    }
    batch.events = events;
    batch
}

/// The last notification of the call, of which `sent` are in the ledger.
fn told(
    call: &CallRow,
    sent: u64,
    signs: &LastSigns,
    end: &End,
    (unseen, expired): (Option<Unseen>, Option<Expired>),
    record: Option<&CarrierCdr>,
) -> Vec<store::NewNotification> {
    let Some(url) = &call.notify_url else { return Vec::new() };
    let began_ms = call.began_ms.unwrap_or(call.created_ms);
    let since_start = |ms: i64| CallTime::from_ms(u64::try_from(ms - began_ms).unwrap_or(0));
    let answered_at = end.answered_ms.map(since_start);
    let ended_at = since_start(end.ended_ms);
    let state = match answered_at {
        Some(answered_at) => NotificationState::Completed {
            answered_at,
            ended: match end.hangup_by {
                Some(HangupBy::Callee) => Ended::ByCallee,
                Some(HangupBy::Caller) | None => Ended::ByFault,
            },
            do_not_call: signs.do_not_call,
            machine_detection: call.amd_event,
        },
        None => NotificationState::Failed { cause: end.cause },
    };
    let connected_ms = end.answered_ms.unwrap_or(end.ended_ms);
    let until_connected = |from_ms: i64| u64::try_from(connected_ms - from_ms).unwrap_or(0);
    let notice = Notice {
        state,
        at: ended_at,
        ring_ms: signs.ringing_ms.map_or(0, until_connected),
        connect_ms: until_connected(signs.asked_ms.unwrap_or(began_ms)),
        unseen,
    };
    let session_id = record.map(|cdr| cdr.session_id.clone()).or_else(|| call.session_id.clone());
    let envelope =
        Envelope { session_id, sequence: sent + 1, ..Envelope::new(&call.id, &call.app_id, began_ms) };
    let body = match expired {
        Some(expired) => envelope.not_dialled(&notice, Expired::REASON, &expired.sentence()),
        None => envelope.body(&notice),
    };
    let target = NotifyTarget::new(url.clone());
    vec![notification(&call.app_id, &target, &notice, &body)]
}
