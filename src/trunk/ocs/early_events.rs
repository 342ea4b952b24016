//! Reports about sessions that are not known yet. The carrier may report on a call before its REST answer
//! has told us that the call is ours.

use std::collections::VecDeque;

use super::messages::Report;
use super::route::Speaker;

const MAX_SESSIONS: usize = 256;
const MAX_REPORTS: usize = 100;

/// Bounded both ways: the oldest session goes first, a session's first reports stay.
#[derive(Debug, Default)]
pub(super) struct EarlyEvents(VecDeque<(String, Vec<(Speaker, Report)>)>);

impl EarlyEvents {
    pub(super) fn keep(&mut self, session_id: &str, from: Speaker, report: Report) {
        if let Some((_, reports)) = self.0.iter_mut().find(|(id, _)| id == session_id) {
            if reports.len() < MAX_REPORTS {
                reports.push((from, report));
            }
            return;
        }
        if self.0.len() == MAX_SESSIONS {
            self.0.pop_front();
        }
        self.0.push_back((session_id.to_owned(), vec![(from, report)]));
    }

    /// Everything kept about `session_id`, in order.
    pub(super) fn claim(&mut self, session_id: &str) -> Vec<(Speaker, Report)> {
        let at = self.0.iter().position(|(id, _)| id == session_id);
        at.and_then(|at| self.0.remove(at)).map(|(_, reports)| reports).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Speaker = Speaker::Host(0);

    #[test]
    fn a_claimed_session_gets_its_reports_in_order_and_only_once() {
        let mut early = EarlyEvents::default();
        early.keep("ours", HOST, Report::Announced);
        early.keep("theirs", HOST, Report::Announced);
        early.keep("ours", HOST, Report::Hangup);
        assert_eq!(early.claim("ours"), [(HOST, Report::Announced), (HOST, Report::Hangup)]);
        assert_eq!(early.claim("ours"), []);
    }

    #[test]
    fn a_flood_of_foreign_sessions_takes_bounded_room() {
        let mut early = EarlyEvents::default();
        for n in 0..10_000 {
            early.keep(&n.to_string(), HOST, Report::Announced);
            early.keep(&n.to_string(), HOST, Report::Digit('1'));
        }
        for _ in 0..10_000 {
            early.keep("9999", HOST, Report::Digit('2'));
        }
        assert_eq!(early.0.len(), MAX_SESSIONS);
        let kept = early.claim("9999");
        assert_eq!(
            (kept.len(), &kept[0], &kept[2]),
            (MAX_REPORTS, &(HOST, Report::Announced), &(HOST, Report::Digit('2')))
        );
    }
}
