//! What the worker knows of every endpoint: its breaker, how it answered, how many posts are on their way.

use std::collections::{BTreeMap, BTreeSet};

use super::breaker::{Breaker, BreakerOptions, BreakerState};
use crate::store::EndpointHealth;

/// Endpoints remembered although nothing is wrong with them; what is forgotten is in the database.
const REMEMBERED: usize = 4_096;
/// So long a refusal is told, unless the endpoint takes something: about as long as what it refused is tried.
const REFUSAL_TOLD_MS: i64 = 24 * 3_600_000;

/// How a post went, as far as its endpoint is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It answered, and took it or wants nothing more.
    Well,
    /// It answered that it does not take this.
    Refusing(String),
    /// It cannot be reached, does not answer in time, or says itself that it cannot work.
    Ill(String),
    /// The post never came so far.
    Unknown,
}

#[derive(Debug, Default)]
struct Endpoint {
    breaker: Breaker,
    in_flight: usize,
    /// When its last post ended, or the first of those in flight began.
    moved_ms: i64,
    /// What its posts take, answered or not, averaged over about the last four, ms; `None` before the first one ended.
    took_ms: Option<i64>,
    news: Option<EndpointHealth>,
    /// Of its answers, averaged over about the last eight, ms.
    answer_ms: Option<i64>,
    /// When it last refused a post, unless it took one since.
    refused_ms: Option<i64>,
}

impl Endpoint {
    fn is_refusing(&self, now_ms: i64) -> bool {
        self.refused_ms.is_some_and(|at| at > now_ms.saturating_sub(REFUSAL_TOLD_MS))
    }

    /// It works, whatever it said.
    fn answered(&mut self, took_ms: i64) {
        self.breaker.succeeded();
        let average = self.answer_ms.map_or(took_ms, |average| average + (took_ms - average) / 8);
        self.answer_ms = Some(average);
    }
}

/// Every endpoint that is in use.
#[derive(Debug, Default)]
pub(super) struct Health {
    options: BreakerOptions,
    endpoints: BTreeMap<String, Endpoint>,
}

impl Health {
    pub(super) fn new(options: BreakerOptions, known: Vec<EndpointHealth>) -> Self {
        let endpoints = known.into_iter().map(|row| {
            let EndpointHealth { failures, trips, open_until_ms, answer_ms, .. } = row;
            let breaker = Breaker { failures, trips, open_until_ms };
            let refused_ms = row.last_failed_ms.filter(|_| failures == 0);
            (row.endpoint, Endpoint { breaker, answer_ms, refused_ms, ..Endpoint::default() })
        });
        Self { options, endpoints: endpoints.collect() }
    }

    pub(super) fn begun(&mut self, endpoint: &str, now_ms: i64) {
        let known = self.endpoints.entry(endpoint.to_owned()).or_default();
        if known.in_flight == 0 {
            known.moved_ms = now_ms;
        }
        known.in_flight += 1;
    }

    /// A post has ended, or was lost.
    pub(super) fn ended(&mut self, endpoint: &str, now_ms: i64) {
        if let Some(known) = self.endpoints.get_mut(endpoint) {
            known.in_flight = known.in_flight.saturating_sub(1);
            known.moved_ms = now_ms;
        }
    }

    /// The endpoints that are known to be quick, and those known to be slow: that take longer than `slow_after_ms`, or
    /// have been silent for so long with a post in flight.
    pub(super) fn paces(&self, slow_after_ms: i64, now_ms: i64) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut quick, mut slow) = (BTreeSet::new(), BTreeSet::new());
        for (endpoint, known) in &self.endpoints {
            let silent = known.in_flight > 0 && now_ms.saturating_sub(known.moved_ms) > slow_after_ms;
            match known.took_ms {
                _ if silent => drop(slow.insert(endpoint.clone())),
                Some(took_ms) if took_ms > slow_after_ms => drop(slow.insert(endpoint.clone())),
                Some(_) => drop(quick.insert(endpoint.clone())),
                None => {}
            }
        }
        (quick, slow)
    }

    /// What an answer, or its absence after `took_ms`, says. Returns the new state when it changed.
    pub(super) fn told(
        &mut self,
        endpoint: &str,
        condition: Condition,
        took_ms: i64,
        now_ms: i64,
        jitter: f64,
    ) -> Option<BreakerState> {
        let known = self.endpoints.entry(endpoint.to_owned()).or_default();
        let before = known.breaker.state(now_ms);
        let mut news = known.news.take().unwrap_or_default();
        if condition != Condition::Unknown {
            known.took_ms = Some(known.took_ms.map_or(took_ms, |average| average + (took_ms - average) / 4));
        }
        match condition {
            Condition::Unknown => {}
            Condition::Well => {
                known.answered(took_ms);
                known.refused_ms = None;
                news.last_ok_ms = Some(now_ms);
                news.delivered += 1;
            }
            Condition::Refusing(problem) => {
                known.answered(took_ms);
                known.refused_ms = Some(now_ms);
                news.last_failed_ms = Some(now_ms);
                news.last_problem = Some(problem);
                news.failed += 1;
            }
            Condition::Ill(problem) => {
                known.breaker.failed(self.options, now_ms, jitter);
                news.last_failed_ms = Some(now_ms);
                news.last_problem = Some(problem);
                news.failed += 1;
            }
        }
        known.news = Some(news);
        let after = known.breaker.state(now_ms);
        (after != before).then_some(after)
    }

    pub(super) fn try_now(&mut self, endpoint: &str, now_ms: i64) {
        if let Some(known) = self.endpoints.get_mut(endpoint) {
            known.breaker.try_now(now_ms);
            known.news.get_or_insert_default();
        }
    }

    pub(super) fn in_flight(&self) -> BTreeMap<String, usize> {
        let busy = self.endpoints.iter().filter(|(_, known)| known.in_flight > 0);
        busy.map(|(endpoint, known)| (endpoint.clone(), known.in_flight)).collect()
    }

    /// How many posts endpoints may have that are not well.
    pub(super) fn ceilings(&self, now_ms: i64) -> BTreeMap<String, usize> {
        let ceiling = |known: &Endpoint| match known.breaker.state(now_ms) {
            BreakerState::Closed => None,
            BreakerState::Open => Some(0),
            BreakerState::HalfOpen => Some(1),
        };
        self.endpoints.iter().filter_map(|(name, known)| Some((name.clone(), ceiling(known)?))).collect()
    }

    /// When the next breaker is half open.
    pub(super) fn next_try_ms(&self, now_ms: i64) -> Option<i64> {
        let open = self.endpoints.values().filter_map(|known| known.breaker.open_until_ms);
        open.filter(|until| *until > now_ms).min()
    }

    /// Breakers that are not closed.
    pub(super) fn troubled(&self) -> usize {
        self.endpoints.values().filter(|known| known.breaker.open_until_ms.is_some()).count()
    }

    /// Endpoints that refused what was posted last.
    pub(super) fn refusing(&self, now_ms: i64) -> usize {
        self.endpoints.values().filter(|known| known.is_refusing(now_ms)).count()
    }

    /// What changed since this was asked last, to be written down.
    pub(super) fn news(&mut self, now_ms: i64) -> Vec<EndpointHealth> {
        let told = self.endpoints.iter_mut().filter_map(|(endpoint, known)| {
            let news = known.news.take()?;
            let Breaker { failures, trips, open_until_ms } = known.breaker;
            let endpoint = endpoint.clone();
            Some(EndpointHealth {
                endpoint,
                failures,
                trips,
                open_until_ms,
                answer_ms: known.answer_ms,
                ..news
            })
        });
        let told = told.collect();
        if self.endpoints.len() > REMEMBERED {
            self.endpoints.retain(|_, known| {
                known.in_flight > 0 || known.breaker != Breaker::default() || known.is_refusing(now_ms)
            });
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ILL: &str = "http://ill.test";

    fn ill(health: &mut Health, now_ms: i64) -> Option<BreakerState> {
        health.told(ILL, Condition::Ill("no answer".into()), 5, now_ms, 1.0)
    }

    #[test]
    fn an_endpoint_out_of_order_is_held_back_tried_and_let_go_again() {
        let mut health = Health::new(BreakerOptions::default(), Vec::new());
        for _ in 0..9 {
            assert_eq!(ill(&mut health, 0), None);
        }
        assert_eq!(ill(&mut health, 0), Some(BreakerState::Open));
        assert_eq!(health.ceilings(29_999)[ILL], 0);
        assert_eq!(health.next_try_ms(0), Some(30_000));
        assert_eq!(health.ceilings(30_000)[ILL], 1);
        let well = health.told(ILL, Condition::Well, 5, 30_000, 1.0);
        assert_eq!(well, Some(BreakerState::Closed));
        assert!(health.ceilings(30_000).is_empty());
    }

    #[test]
    fn an_endpoint_that_refuses_is_told_until_it_takes_something_and_is_not_held_back() {
        let mut health = Health::new(BreakerOptions::default(), Vec::new());
        for _ in 0..20 {
            health.told(ILL, Condition::Refusing("the receiver answered 404".into()), 5, 1_000, 1.0);
        }
        assert_eq!((health.refusing(1_001), health.troubled()), (1, 0));
        assert_eq!(health.refusing(1_001 + REFUSAL_TOLD_MS), 0, "nobody asks it any more");
        let told = health.news(1_001);
        assert_eq!((told[0].failures, told[0].failed, told[0].last_failed_ms), (0, 20, Some(1_000)));
        let mut again = Health::new(BreakerOptions::default(), told);
        assert_eq!(again.refusing(1_001), 1);
        again.told(ILL, Condition::Well, 5, 2_000, 1.0);
        assert_eq!(again.refusing(2_001), 0);
    }

    #[test]
    fn an_endpoint_is_quick_or_slow_by_its_latest_answers_and_by_its_silence() {
        let mut health = Health::new(BreakerOptions::default(), Vec::new());
        let pace = |health: &Health, now_ms| match health.paces(1_000, now_ms) {
            (quick, _) if quick.contains(ILL) => "quick",
            (_, slow) if slow.contains(ILL) => "slow",
            _ => "new",
        };
        let well = |health: &mut Health, took_ms| health.told(ILL, Condition::Well, took_ms, 0, 1.0);
        health.begun(ILL, 0);
        assert_eq!((pace(&health, 1_000), pace(&health, 1_001)), ("new", "slow"));
        health.ended(ILL, 500);
        well(&mut health, 500);
        assert_eq!(pace(&health, 5_000), "quick", "nothing is in flight");
        for _ in 0..2 {
            health.begun(ILL, 5_000);
        }
        assert_eq!(pace(&health, 6_001), "slow");
        health.ended(ILL, 6_100);
        assert_eq!(pace(&health, 6_200), "quick", "an answer breaks the silence");
        health.told(ILL, Condition::Ill("too slow".into()), 10_000, 0, 1.0);
        assert_eq!(pace(&health, 6_200), "slow");
        for _ in 0..9 {
            well(&mut health, 5);
        }
        assert_eq!(pace(&health, 6_200), "quick", "it has recovered");
    }

    #[test]
    fn what_changed_is_told_once_and_survives_a_restart() {
        let mut health = Health::new(BreakerOptions::default(), Vec::new());
        for _ in 0..10 {
            ill(&mut health, 1_000);
        }
        let told = health.news(1_001);
        assert_eq!((told[0].failed, told[0].last_failed_ms), (10, Some(1_000)));
        assert_eq!(told[0].last_problem.as_deref(), Some("no answer"));
        assert!(health.news(1_001).is_empty());
        let again = Health::new(BreakerOptions::default(), told);
        assert_eq!(again.ceilings(1_001), health.ceilings(1_001));
    }
}
