//! How many may be dialled now, and what binds: concurrency, rate with ramp-up, and a breaker for when the network fails. Time is
//! passed in.

use std::collections::VecDeque;

use serde::Serialize;
use strum::IntoStaticStr;

use super::outcome::Outcome;
use super::settings::Pacing;

/// The ramp begins with this share of the rate.
const RAMP_FROM: f64 = 0.1;
/// Dials that may come at once after a pause: those of so many seconds.
const BURST_S: f64 = 1.0;

/// The limit that holds a campaign back now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Binding {
    /// Calls at a time.
    Concurrency,
    /// Dials a second.
    Rate,
    /// The rate still rises.
    RampUp,
    /// Too many calls failed by a fault of the network.
    Breaker,
    /// The trunk has no free line.
    Trunk,
    /// The carrier is out of reach.
    TrunkAway,
}

/// How many may be dialled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub dials: usize,
    /// What keeps it from being more.
    pub binding: Binding,
    /// When it may be more, if only time is missing: ms since 1970.
    pub again_ms: Option<i64>,
}

/// Paces one campaign.
#[derive(Clone, Debug)]
pub struct Pacer {
    pacing: Pacing,
    began_ms: i64,
    /// Dials that may be made at once, and when that was counted.
    tokens: f64,
    counted_ms: i64,
    faults: VecDeque<bool>,
    breaker: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until_ms: i64,
    },
    /// One call is tried; it decides.
    Probing {
        dialled: bool,
    },
}

impl Pacer {
    /// Begins at `now_ms`: the ramp starts here.
    #[must_use]
    pub const fn new(pacing: Pacing, now_ms: i64) -> Self {
        Self {
            pacing,
            began_ms: now_ms,
            tokens: 1.0,
            counted_ms: now_ms,
            faults: VecDeque::new(),
            breaker: State::Closed,
        }
    }

    /// Takes over changed settings; the ramp goes on.
    pub fn set(&mut self, pacing: Pacing) {
        self.pacing = pacing;
    }

    /// How many may be dialled at `now_ms` with `calling` calls reserved or under way.
    pub fn allowance(&mut self, now_ms: i64, calling: usize) -> Allowance {
        self.refill(now_ms);
        if let State::Open { until_ms } = self.breaker {
            if now_ms < until_ms {
                return Allowance { dials: 0, binding: Binding::Breaker, again_ms: Some(until_ms) };
            }
            self.breaker = State::Probing { dialled: false };
        }
        if let State::Probing { dialled } = self.breaker {
            let dials = usize::from(!dialled);
            return Allowance { dials, binding: Binding::Breaker, again_ms: None };
        }
        let lines = (self.pacing.concurrent as usize).saturating_sub(calling);
        let paced = self.tokens.max(0.0) as usize;
        if lines <= paced {
            return Allowance { dials: lines, binding: Binding::Concurrency, again_ms: None };
        }
        let missing_s = (paced as f64 + 1.0 - self.tokens) / self.rate(now_ms);
        let again_ms = Some(now_ms + (missing_s * 1_000.0).ceil() as i64);
        let binding = if self.ramp(now_ms) < 1.0 { Binding::RampUp } else { Binding::Rate };
        Allowance { dials: paced, binding, again_ms }
    }

    /// So many were dialled.
    pub fn dialled(&mut self, dials: usize) {
        self.tokens -= dials as f64;
        if dials > 0
            && let State::Probing { dialled } = &mut self.breaker
        {
            *dialled = true;
        }
    }

    /// An attempt ended at `now_ms`.
    pub fn ended(&mut self, outcome: Outcome, now_ms: i64) {
        if !outcome.counts() || outcome == Outcome::Cancelled {
            if let State::Probing { dialled } = &mut self.breaker {
                *dialled = false;
            }
            return;
        }
        let fault = outcome.is_fault();
        let breaker = &self.pacing.breaker;
        let opens = State::Open { until_ms: now_ms + breaker.pause.ms() };
        match self.breaker {
            State::Open { .. } => {}
            State::Probing { .. } if fault => self.breaker = opens,
            State::Probing { .. } => {
                self.breaker = State::Closed;
                self.faults.clear();
            }
            State::Closed => {
                self.faults.push_back(fault);
                let of = breaker.of.max(1) as usize;
                while self.faults.len() > of {
                    self.faults.pop_front();
                }
                let failed = self.faults.iter().filter(|fault| **fault).count();
                if breaker.percent > 0
                    && self.faults.len() == of
                    && failed * 100 >= breaker.percent as usize * of
                {
                    self.breaker = opens;
                }
            }
        }
    }

    /// An attempt of before a restart, which began at `began_ms` and ended at `ended_ms`: the oldest first.
    pub fn recall(&mut self, outcome: Outcome, began_ms: i64, ended_ms: i64) {
        if let State::Open { until_ms } = self.breaker
            && began_ms >= until_ms
        {
            self.breaker = State::Probing { dialled: true };
        }
        self.ended(outcome, ended_ms);
    }

    /// Whether its breaker is open, or tries one call.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        !matches!(self.breaker, State::Closed)
    }

    /// Until when the breaker keeps it from dialling, ms since 1970.
    #[must_use]
    pub const fn broken_until(&self) -> Option<i64> {
        match self.breaker {
            State::Open { until_ms } => Some(until_ms),
            State::Closed | State::Probing { .. } => None,
        }
    }

    fn ramp(&self, now_ms: i64) -> f64 {
        let whole = self.pacing.ramp_up.ms();
        if whole == 0 {
            return 1.0;
        }
        let gone = (now_ms - self.began_ms).max(0) as f64 / whole as f64;
        (RAMP_FROM + (1.0 - RAMP_FROM) * gone).min(1.0)
    }

    fn rate(&self, now_ms: i64) -> f64 {
        (self.pacing.per_second * self.ramp(now_ms)).max(0.001)
    }

    fn refill(&mut self, now_ms: i64) {
        let gone_s = (now_ms - self.counted_ms).max(0) as f64 / 1_000.0;
        self.counted_ms = self.counted_ms.max(now_ms);
        let rate = self.rate(now_ms);
        let most = (rate * BURST_S).max(1.0);
        self.tokens = (self.tokens + gone_s * rate).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Breaker, Span};

    #[test]
    fn after_a_restart_the_breaker_stands_as_it_did() {
        let breaker = Breaker { percent: 50, of: 5, pause: Span::minutes(5) };
        let mut pacer = Pacer::new(Pacing { breaker, ..Pacing::default() }, 0);
        for at in 0..5 {
            pacer.recall(Outcome::NetworkFault, at * 1_000, at * 1_000 + 500);
        }
        let until_ms = 4_500 + 5 * 60_000;
        let allowed = pacer.allowance(10_000, 0);
        assert_eq!((allowed.dials, allowed.binding, allowed.again_ms), (0, Binding::Breaker, Some(until_ms)));
        // One that was under way when it opened does not close it; the one that was tried after the pause does.
        pacer.recall(Outcome::Answered, 4_000, 20_000);
        assert!(pacer.is_broken());
        pacer.recall(Outcome::Answered, until_ms, until_ms + 20_000);
        assert!(!pacer.is_broken());
    }
}
