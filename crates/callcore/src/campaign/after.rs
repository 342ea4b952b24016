//! What follows an attempt.

use super::outcome::Outcome;
use super::reason::Reason;
use super::rules::Rules;
use crate::language::{LocalTime, Zone};

/// When the parts of a day end that a retry may have to avoid, minutes since midnight: morning, afternoon, evening.
const PARTS: [u32; 3] = [12 * 60, 17 * 60, 24 * 60];
/// Parts of days that are looked through for another one.
const SEARCHED_PARTS: usize = 3 * 14;

/// What becomes of a contact after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is tried again at `due_ms`.
    Again { due_ms: i64, reason: Reason },
    /// It is done with.
    Done { outcome: Outcome },
    /// It was tried as often as the plan says.
    Exhausted { outcome: Outcome },
}

impl Rules {
    /// What follows an attempt that ended at `ended_ms` with `outcome`, for the `nth` time for this contact (from 1). `callback_ms`
    /// is when the callee wants to be called; `jitter` is 0.0 to 1.0.
    #[must_use]
    pub fn after(
        &self,
        outcome: Outcome,
        nth: u32,
        zone: Option<&str>,
        ended_ms: i64,
        callback_ms: Option<i64>,
        jitter: f64,
    ) -> Next {
        let rule = self.settings.retry.rule(outcome);
        let Some(wait_ms) = rule.wait_ms(outcome, nth, jitter) else {
            return if rule.times == 0 { Next::Done { outcome } } else { Next::Exhausted { outcome } };
        };
        if outcome == Outcome::Callback
            && let Some(at_ms) = callback_ms.filter(|at_ms| *at_ms > ended_ms)
        {
            let due_ms = self.first_legal(zone, at_ms).unwrap_or(at_ms);
            return Next::Again { due_ms, reason: Reason::CallbackAt { at_ms } };
        }
        let mut due_ms = ended_ms.saturating_add(wait_ms);
        if let Some(zone) = self.zone_of(zone) {
            if rule.other_part_of_day {
                due_ms = self.in_another_part(&zone, ended_ms, due_ms);
            }
            due_ms = self.window.opens(&zone, due_ms).unwrap_or(due_ms);
        }
        Next::Again { due_ms, reason: Reason::RetryWait { after: outcome, until_ms: due_ms } }
    }

    /// The first legal minute from `due_ms` on that is in another part of the day than `last_ms`; `due_ms` when there is none.
    fn in_another_part(&self, zone: &Zone, last_ms: i64, due_ms: i64) -> i64 {
        let Some(avoided) = zone.local(last_ms).map(part) else { return due_ms };
        let mut at_ms = due_ms;
        for _ in 0..SEARCHED_PARTS {
            let Some(opens) = self.window.opens(zone, at_ms) else { return due_ms };
            let Some(local) = zone.local(opens) else { return due_ms };
            let now = part(local);
            if now != avoided {
                return opens;
            }
            let ends = PARTS[now];
            let next = if ends < 24 * 60 {
                zone.first_within(local.date, ends..24 * 60, opens)
            } else {
                local.date.plus_days(1).and_then(|date| zone.first_within(date, 0..24 * 60, opens))
            };
            let Some(next) = next else { return due_ms };
            at_ms = next;
        }
        due_ms
    }
}

fn part(local: LocalTime) -> usize {
    PARTS.iter().position(|ends| local.time.minutes() < *ends).unwrap_or(0)
}
