//! The end of a call that was never dialled: its last lines, its record, and its last notification.

use callcore::call::{Disposition, Fact, HangupBy, Notice, NotificationState};
use callcore::clock::CallTime;

use crate::kore::Envelope;
use crate::session::books::closing::{Closing, Expired, notification};
use crate::session::request::NotifyTarget;
use crate::store::{CallBatch, NewEvent};

/// Why nobody was dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) enum NotDialled {
    Cancelled {
        by: String,
    },
    Expired {
        expires_ms: i64,
    },
    /// The number came on the list after the call was accepted.
    DoNotCall {
        since: String,
    },
    /// What it needs is not there any more.
    Impossible {
        why: String,
    },
}

/// Whose call was not dialled.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct Undialled<'a> {
    pub(in crate::session) app_id: &'a str,
    pub(in crate::session) number: &'a str,
    pub(in crate::session) notify: Option<&'a NotifyTarget>,
    /// Notifications that were written before.
    pub(in crate::session) told: u64,
}

/// In the words of the records.
struct Words {
    outcome: &'static str,
    cause: u16,
    disposition: Disposition,
    /// As in a SIP status.
    reason: &'static str,
}

const fn words(outcome: &'static str, cause: u16, disposition: Disposition, reason: &'static str) -> Words {
    Words { outcome, cause, disposition, reason }
}

impl NotDialled {
    const fn words(&self) -> Words {
        match self {
            Self::Cancelled { .. } => words("cancelled", 16, Disposition::Cancel, "487 Request Terminated"),
            Self::Expired { .. } => {
                words(Expired::OUTCOME, Expired::CAUSE, Disposition::Failed, Expired::REASON)
            }
            Self::DoNotCall { .. } => words("do_not_call", 21, Disposition::Failed, "603 Do Not Call"),
            Self::Impossible { .. } => {
                words("impossible", 127, Disposition::Failed, "500 Server Internal Error")
            }
        }
    }

    /// One sentence of why.
    fn sentence(&self) -> String {
        match self {
            Self::Cancelled { by } => format!("the call was cancelled by {by} before it was dialled"),
            Self::Expired { expires_ms } => Expired::at(*expires_ms).sentence(),
            Self::DoNotCall { since } => format!("the number is on the do-not-call list {since}"),
            Self::Impossible { why } => why.clone(),
        }
    }

    /// The last lines of call `call_id` at `now_ms`.
    pub(in crate::session) fn closing(&self, call_id: &str, whose: Undialled<'_>, now_ms: i64) -> CallBatch {
        let Undialled { app_id, number, notify, told } = whose;
        let (words, why) = (self.words(), self.sentence());
        let envelope = Envelope { sequence: 1 + told, ..Envelope::new(call_id, app_id, now_ms) };
        let state = NotificationState::Failed { cause: words.cause };
        let notice = Notice { state, at: CallTime::ZERO, ring_ms: 0, connect_ms: 0, unseen: None };
        let body = envelope.not_dialled(&notice, words.reason, &why);
        // There is no session at any carrier, so the call stands for it, and no time passes in it.
        let closing = Closing {
            call_id,
            session_id: None,
            destination: number,
            source: None,
            began_ms: now_ms,
            answered_ms: None,
            ended_ms: now_ms,
            disposition: words.disposition,
            hangup_by: matches!(self, Self::Cancelled { .. }).then_some(HangupBy::Caller),
            cause: words.cause,
        };
        CallBatch {
            events: vec![NewEvent {
                at_ms: now_ms,
                t_ms: 0,
                fact: Fact::Ended {
                    outcome: words.outcome.into(),
                    cause: words.cause,
                    disposition: None,
                    why: Some(why),
                },
            }],
            notifications: notify.iter().map(|target| notification(app_id, target, &notice, &body)).collect(),
            ..closing.batch(words.outcome)
        }
    }
}
