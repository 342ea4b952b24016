//! The end of a call as it is written down, whatever ended it: its state, a record if the carrier gives none, and its last
//! notification.

use callcore::call::{CarrierCdr, Disposition, HangupBy, Notice, NotificationState, cause};
use serde_json::Value;

use crate::session::request::NotifyTarget;
use crate::store::{CallBatch, CallState, CallUpdate, NewNotification};
use crate::wallclock::iso;

/// The end of a call that nobody dialled before it expired.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct Expired {
    at_ms: i64,
}

impl Expired {
    /// See [`cause`].
    pub(in crate::session) const CAUSE: u16 = 102;
    pub(in crate::session) const OUTCOME: &str = "expired";
    /// As in a SIP status.
    pub(in crate::session) const REASON: &str = "408 Expired";

    /// `at_ms`: from when on nobody wanted it, ms since 1970.
    pub(in crate::session) const fn at(at_ms: i64) -> Self {
        Self { at_ms }
    }

    /// One sentence of why.
    pub(in crate::session) fn sentence(self) -> String {
        format!("the call was not dialled before it expired at {}", iso(self.at_ms))
    }
}

/// How a call ended, as far as we know it ourselves. Times are ms since 1970.
#[derive(Clone, Debug)]
pub(in crate::session) struct Closing<'a> {
    pub(in crate::session) call_id: &'a str,
    /// The carrier's name for it; the call's own stands in for it.
    pub(in crate::session) session_id: Option<&'a str>,
    pub(in crate::session) destination: &'a str,
    /// Who called us.
    pub(in crate::session) source: Option<&'a str>,
    pub(in crate::session) began_ms: i64,
    pub(in crate::session) answered_ms: Option<i64>,
    pub(in crate::session) ended_ms: i64,
    pub(in crate::session) disposition: Disposition,
    pub(in crate::session) hangup_by: Option<HangupBy>,
    /// See [`cause`].
    pub(in crate::session) cause: u16,
}

impl Closing<'_> {
    /// The record made from our own times.
    pub(in crate::session) fn cdr(&self) -> CarrierCdr {
        let seconds = |from_ms: i64| u64::try_from(self.ended_ms - from_ms).unwrap_or(0) / 1000;
        CarrierCdr {
            session_id: self.session_id.unwrap_or(self.call_id).to_owned(),
            destination: self.destination.to_owned(),
            start_time: iso(self.began_ms),
            answer_time: self.answered_ms.map(iso),
            end_time: iso(self.ended_ms),
            duration: seconds(self.began_ms),
            billable_seconds: self.answered_ms.map_or(0, seconds),
            disposition: self.disposition,
            hangup_by: self.hangup_by,
            hangup_cause_code: self.cause,
            hangup_cause_text: cause(self.cause).text.to_owned(),
            source: self.source.map(str::to_owned),
        }
    }

    /// The lines that end the call, with our own record.
    pub(in crate::session) fn batch(&self, outcome: &str) -> CallBatch {
        CallBatch {
            call_id: self.call_id.to_owned(),
            update: Some(CallUpdate {
                state: Some(CallState::Ended),
                ended_ms: Some(self.ended_ms),
                disposition: Some(self.disposition),
                cause_code: Some(self.cause),
                outcome: Some(outcome.to_owned()),
                ..CallUpdate::default()
            }),
            cdr: Some(self.cdr()),
            cdr_estimated: true,
            ..CallBatch::default()
        }
    }
}

/// What is posted to `target` for `notice`, whose body is `body`; signed with the secrets of `app_id`.
pub(in crate::session) fn notification(
    app_id: &str,
    target: &NotifyTarget,
    notice: &Notice,
    body: &Value,
) -> NewNotification {
    let kind = match &notice.state {
        NotificationState::InProgress(event) => event.kind.as_str().to_owned(),
        NotificationState::Event { event, .. } => event.clone(),
        NotificationState::Answered
        | NotificationState::Completed { .. }
        | NotificationState::Failed { .. } => body["status"].as_str().unwrap_or_default().to_owned(),
    };
    NewNotification {
        app_id: app_id.to_owned(),
        kind,
        url: target.url.clone(),
        headers: target.headers.clone(),
        body: body.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_our_own_counts_whole_seconds_and_never_backwards() {
        let closing = Closing {
            call_id: "c1",
            session_id: None,
            destination: "+62",
            source: None,
            began_ms: 10_000,
            answered_ms: Some(12_500),
            ended_ms: 20_400,
            disposition: Disposition::Answered,
            hangup_by: None,
            cause: 16,
        };
        let cdr = closing.cdr();
        assert_eq!((cdr.session_id.as_str(), cdr.duration, cdr.billable_seconds), ("c1", 10, 7));
        let early = Closing { ended_ms: 9_000, answered_ms: None, ..closing };
        assert_eq!((early.cdr().duration, early.cdr().billable_seconds), (0, 0));
    }
}
