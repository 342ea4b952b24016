//! The record of a call whose signalling is ours: there is no carrier that could be asked for one.

use callcore::call::{CarrierCdr, Direction, Disposition, HangupBy, cause};

use crate::wallclock::iso;

/// What has happened to a call, in ms since 1970.
#[derive(Clone, Debug)]
pub(super) struct Record {
    session_id: String,
    destination: String,
    source: Option<String>,
    direction: Direction,
    began_ms: i64,
    answered_ms: Option<i64>,
    /// Who was called last, where it was somebody else than was asked for.
    redirected: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Q.850.
    pub(super) cause: u16,
    /// Whether we ended it.
    pub(super) by_us: bool,
}

impl Record {
    pub(super) const fn new(
        session_id: String,
        destination: String,
        source: Option<String>,
        direction: Direction,
        began_ms: i64,
    ) -> Self {
        Self { session_id, destination, source, direction, began_ms, answered_ms: None, redirected: None }
    }

    /// `to` is called instead.
    pub(super) fn redirected(&mut self, to: String) {
        self.redirected = Some(to);
    }

    pub(super) const fn answered(&mut self, now_ms: i64) {
        self.answered_ms = Some(now_ms);
    }

    pub(super) const fn is_answered(&self) -> bool {
        self.answered_ms.is_some()
    }

    /// The record of a call that is over at `now_ms`.
    pub(super) fn ended(&self, ending: Ending, now_ms: i64) -> CarrierCdr {
        let row = cause(ending.cause);
        let disposition = match self.answered_ms {
            Some(_) => Disposition::Answered,
            None if ending.by_us => Disposition::Cancel,
            None => row.unanswered,
        };
        let we_are = match self.direction {
            Direction::Outbound => HangupBy::Caller,
            Direction::Inbound => HangupBy::Callee,
        };
        let they_are = match self.direction {
            Direction::Outbound => HangupBy::Callee,
            Direction::Inbound => HangupBy::Caller,
        };
        let seconds = |since: i64| u64::try_from((now_ms - since) / 1_000).unwrap_or(0);
        CarrierCdr {
            session_id: self.session_id.clone(),
            destination: self.destination.clone(),
            start_time: iso(self.began_ms),
            answer_time: self.answered_ms.map(iso),
            end_time: iso(now_ms),
            duration: seconds(self.began_ms),
            billable_seconds: self.answered_ms.map_or(0, seconds),
            disposition,
            hangup_by: Some(if ending.by_us { we_are } else { they_are }),
            hangup_cause_code: ending.cause,
            hangup_cause_text: match &self.redirected {
                Some(to) => format!("{}; redirected to {to}", row.text),
                None => row.text.to_owned(),
            },
            source: self.source.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record::new("id".into(), "+15552000001".into(), None, Direction::Outbound, 1_000)
    }

    #[test]
    fn an_answered_call_is_billed_from_its_answer() {
        let mut record = record();
        record.answered(4_500);
        let cdr = record.ended(Ending { cause: 16, by_us: false }, 10_000);
        assert_eq!((cdr.duration, cdr.billable_seconds), (9, 5));
        assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Callee)));
        assert_eq!(cdr.answer_time.as_deref(), Some("1970-01-01T00:00:04.500Z"));
    }

    #[test]
    fn a_call_that_is_not_answered_says_why() {
        let of = |cause, by_us| record().ended(Ending { cause, by_us }, 2_000).disposition;
        assert_eq!(of(17, false), Disposition::Busy);
        assert_eq!(of(19, false), Disposition::NoAnswer);
        assert_eq!(of(41, false), Disposition::Failed);
        assert_eq!(of(16, true), Disposition::Cancel);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_call_shorter_than_nothing() {
        let mut record = record();
        record.answered(900);
        assert_eq!(record.ended(Ending { cause: 16, by_us: true }, 500).billable_seconds, 0);
    }
}
