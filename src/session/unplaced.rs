//! The end of a call that nobody was dialled for: its last lines, its record, and its only notification.

use callcore::call::{CarrierCdr, Disposition, Fact, HangupBy, Notice, NotificationState, cause};
use callcore::clock::CallTime;

use super::request::NotifyTarget;
use crate::kore::Envelope;
use crate::store::{CallBatch, CallState, CallUpdate, NewEvent, NewNotification};
use crate::wallclock::iso;

/// Why nobody was dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unplaced {
    Cancelled {
        by: String,
    },
    Expired {
        expires_ms: i64,
    },
    /// The number's owner asked for it after the call was accepted.
    DoNotCall {
        call: String,
    },
    /// What it needs is not there any more.
    Impossible {
        why: String,
    },
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

impl Unplaced {
    const fn words(&self) -> Words {
        match self {
            Self::Cancelled { .. } => words("cancelled", 16, Disposition::Cancel, "487 Request Terminated"),
            Self::Expired { .. } => words("expired", 102, Disposition::Failed, "408 Expired"),
            Self::DoNotCall { .. } => words("do_not_call", 21, Disposition::Failed, "603 Do Not Call"),
            Self::Impossible { .. } => {
                words("impossible", 127, Disposition::Failed, "500 Server Internal Error")
            }
        }
    }

    /// One sentence for whoever asks why.
    fn sentence(&self) -> String {
        match self {
            Self::Cancelled { by } => format!("the call was cancelled by {by} before it was dialled"),
            Self::Expired { expires_ms } => {
                format!("the call was not dialled before it expired at {}", iso(*expires_ms))
            }
            Self::DoNotCall { call } => {
                format!("the number's owner asked in call {call} not to be called again")
            }
            Self::Impossible { why } => why.clone(),
        }
    }

    /// The last lines of call `call_id` of `app_id` to `number` at `now_ms`.
    pub(super) fn closing(
        &self,
        call_id: &str,
        app_id: &str,
        number: &str,
        notify: Option<&NotifyTarget>,
        now_ms: i64,
    ) -> CallBatch {
        let (words, why) = (self.words(), self.sentence());
        let envelope = Envelope::new(call_id, app_id, now_ms);
        let state = NotificationState::Failed { cause: words.cause };
        let notice = Notice { state, at: CallTime::ZERO, ring_ms: 0, connect_ms: 0 };
        let body = envelope.not_dialled(&notice, words.reason, &why);
        let notifications = notify.iter().map(|target| NewNotification {
            app_id: app_id.to_owned(),
            kind: body["status"].as_str().unwrap_or_default().to_owned(),
            url: target.url.clone(),
            headers: target.headers.clone(),
            body: body.to_string(),
        });
        CallBatch {
            call_id: call_id.to_owned(),
            update: Some(CallUpdate {
                state: Some(CallState::Ended),
                ended_ms: Some(now_ms),
                disposition: Some(words.disposition),
                cause_code: Some(words.cause),
                outcome: Some(words.outcome.into()),
                ..CallUpdate::default()
            }),
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
            notifications: notifications.collect(),
            cdr: Some(self.record(call_id, number, &words, now_ms)),
            cdr_estimated: true,
            ..CallBatch::default()
        }
    }

    /// Its record. There is no session at any carrier, so the call stands for it, and no time passes in it.
    fn record(&self, call_id: &str, number: &str, words: &Words, now_ms: i64) -> CarrierCdr {
        CarrierCdr {
            session_id: call_id.to_owned(),
            destination: number.to_owned(),
            start_time: iso(now_ms),
            answer_time: None,
            end_time: iso(now_ms),
            duration: 0,
            billable_seconds: 0,
            disposition: words.disposition,
            hangup_by: matches!(self, Self::Cancelled { .. }).then_some(HangupBy::Caller),
            hangup_cause_code: words.cause,
            hangup_cause_text: cause(words.cause).text.to_owned(),
            source: None,
        }
    }
}
