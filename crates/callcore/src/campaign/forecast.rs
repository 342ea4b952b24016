//! A campaign run ahead of time: when it will be through, with how many calls and minutes. Many runs with chance in them, on a clock
//! that jumps from minute to minute.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rules::Rules;
use super::window::Standing;
use crate::language::Zone;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Runs with chance; the middle one and the one of the last tenth are told.
const RUNS: u64 = 21;
/// Nothing is foretold beyond, days.
const HORIZON_DAYS: i64 = 400;
/// With fewer contacts left than this a run is through: they are shares of contacts that may be tried once more.
const THROUGH: f64 = 0.5;
/// How far the length of calls and the share of retries are from what is expected, as a standard deviation of their logarithm.
const SPREAD: f64 = 0.15;

/// Contacts that are due alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The zone by name, where one is known.
    pub zone: Option<String>,
    /// Not before, ms since 1970.
    pub due_ms: i64,
    pub contacts: u64,
}

/// What calls are expected to be like: of earlier campaigns, or an assumption that is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mix {
    /// Share of the attempts that are answered, 0.0 to 1.0.
    pub answered: f64,
    /// From answer to end, ms.
    pub talk_ms: u64,
    /// Until it is answered or given up, ms.
    pub ring_ms: u64,
    /// Share of the attempts that are followed by another one, 0.0 to 1.0, and how much later, ms.
    pub again: f64,
    pub again_ms: u64,
    /// Calls that this was learned from; 0: an assumption.
    pub from_calls: u64,
}

impl Default for Mix {
    /// An assumption: 45 % answer, talk for 40 s, ring for 15 s; four in ten are tried again two hours later.
    fn default() -> Self {
        Self {
            answered: 0.45,
            talk_ms: 40_000,
            ring_ms: 15_000,
            again: 0.4,
            again_ms: 2 * 3_600_000,
            from_calls: 0,
        }
    }
}

/// What will happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// When the last contact will have been called, ms since 1970: in half of the runs by then, and in nine of ten. `None`: not
    /// within 400 days.
    pub ends_ms: Option<i64>,
    pub ends_late_ms: Option<i64>,
    pub calls: u64,
    /// Minutes from answer to end, each call rounded up.
    pub minutes: u64,
    /// Most calls at a time.
    pub peak: u64,
    /// Calls by day of UTC: its beginning, ms since 1970, and how many.
    pub by_day: Vec<(i64, u64)>,
    /// Contacts that have no legal minute.
    pub never: u64,
}

/// Foretells a campaign that begins at `now_ms`.
#[must_use]
pub fn forecast(rules: &Rules, groups: &[Group], mix: &Mix, now_ms: i64) -> Forecast {
    let mut runs: Vec<Forecast> = (0..RUNS).map(|seed| run(rules, groups, mix, now_ms, seed)).collect();
    runs.sort_by_key(|run| run.ends_ms.unwrap_or(i64::MAX));
    let late = runs.get(runs.len() * 9 / 10).and_then(|run| run.ends_ms);
    let middle = runs.swap_remove(runs.len() / 2);
    Forecast { ends_late_ms: late, ..middle }
}

/// Contacts of one zone.
struct Queue {
    zone: Zone,
    /// How many fall due in each minute since the beginning.
    due: BTreeMap<i64, f64>,
    /// Whether its window is open, and until when that holds, ms since 1970.
    open: bool,
    holds_ms: i64,
}

impl Queue {
    fn look(&mut self, rules: &Rules, at_ms: i64) {
        if at_ms < self.holds_ms {
            return;
        }
        (self.open, self.holds_ms) = match rules.standing(&self.zone, at_ms) {
            Standing::Open { until_ms } => (true, until_ms),
            Standing::Shut { opens_ms, .. } => (false, opens_ms.unwrap_or(i64::MAX)),
        };
    }

    fn waiting(&self, minute: i64) -> f64 {
        self.due.range(..=minute).map(|(_, contacts)| contacts).sum()
    }

    fn take(&mut self, minute: i64, mut wanted: f64) {
        while wanted > 1e-9 {
            let Some(mut first) = self.due.first_entry().filter(|entry| *entry.key() <= minute) else {
                break;
            };
            let taken = first.get().min(wanted);
            wanted -= taken;
            *first.get_mut() -= taken;
            if *first.get() <= 1e-9 {
                first.remove();
            }
        }
    }
}

fn run(rules: &Rules, groups: &[Group], mix: &Mix, now_ms: i64, seed: u64) -> Forecast {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let talk_ms = mix.talk_ms as f64 * chance.factor();
    let again = (mix.again * chance.factor()).clamp(0.0, 0.95);
    let hold_ms = mix.ring_ms as f64 + mix.answered * talk_ms;
    let pacing = &rules.settings.pacing;
    let by_rate = pacing.per_second * 60.0;
    let by_lines = f64::from(pacing.concurrent) * MINUTE_MS as f64 / hold_ms.max(1.0);
    let capacity = by_rate.min(by_lines).max(1e-6);
    let begins_ms = now_ms.max(rules.starts_ms.unwrap_or(now_ms));
    let mut forecast = Forecast::default();
    let mut queues: BTreeMap<Option<String>, Queue> = BTreeMap::new();
    for group in groups {
        let zone = rules.zone_of(group.zone.as_deref());
        let Some(zone) = zone.filter(|zone| rules.window.opens(zone, begins_ms).is_some()) else {
            forecast.never += group.contacts;
            continue;
        };
        let queue = queues.entry(group.zone.clone()).or_insert_with(|| Queue {
            zone,
            due: BTreeMap::new(),
            open: false,
            holds_ms: i64::MIN,
        });
        let minute = (group.due_ms - begins_ms).max(0) / MINUTE_MS;
        *queue.due.entry(minute).or_default() += group.contacts as f64;
    }
    let (mut calls, mut days) = (0.0, BTreeMap::<i64, f64>::new());
    let mut minute = 0;
    let most = f64::from(rules.settings.caps.in_all);
    let mut spent = 0.0_f64;
    let contacts: f64 = queues.values().flat_map(|queue| queue.due.values()).sum();
    let mut left = contacts;
    while minute < HORIZON_DAYS * 24 * 60 {
        let at_ms = begins_ms + minute * MINUTE_MS;
        if left < THROUGH || rules.is_over(at_ms) {
            break;
        }
        queues.values_mut().for_each(|queue| queue.look(rules, at_ms));
        let ready: f64 = queues.values().filter(|queue| queue.open).map(|queue| queue.waiting(minute)).sum();
        if ready <= 1e-9 {
            minute = next_minute(&queues, begins_ms, minute);
            continue;
        }
        let dials = ready.min(capacity);
        let retried = if spent + dials < contacts * most { dials * again } else { 0.0 };
        for queue in queues.values_mut().filter(|queue| queue.open) {
            let part = queue.waiting(minute) / ready;
            queue.take(minute, dials * part);
            if retried * part > 1e-3 {
                *queue.due.entry(minute + mix.again_ms as i64 / MINUTE_MS).or_default() += retried * part;
                left += retried * part;
            }
        }
        spent += dials;
        left -= dials;
        calls += dials;
        *days.entry(at_ms.div_euclid(DAY_MS) * DAY_MS).or_default() += dials;
        forecast.peak = forecast.peak.max((dials * hold_ms / MINUTE_MS as f64).ceil() as u64);
        forecast.ends_ms = Some(at_ms + MINUTE_MS + hold_ms as i64);
        minute += 1;
    }
    if left >= THROUGH && rules.ends_ms.is_none_or(|ends| ends <= begins_ms) {
        forecast.ends_ms = None;
    }
    forecast.calls = calls.round() as u64;
    // As budgets and reports count them: each call rounded up.
    let each = (talk_ms / MINUTE_MS as f64).ceil().max(1.0);
    forecast.minutes = (calls * mix.answered * each).ceil() as u64;
    forecast.by_day = days.into_iter().map(|(day, calls)| (day, calls.round() as u64)).collect();
    forecast
}

/// The next minute in which something may happen.
fn next_minute(queues: &BTreeMap<Option<String>, Queue>, begins_ms: i64, minute: i64) -> i64 {
    let of_queue = |queue: &Queue| {
        let due = queue.due.keys().next().copied().unwrap_or(i64::MAX);
        let opens =
            if queue.open { 0 } else { queue.holds_ms.saturating_sub(begins_ms).div_euclid(MINUTE_MS) };
        due.max(opens)
    };
    queues.values().map(of_queue).min().unwrap_or(i64::MAX).max(minute + 1)
}

/// Numbers by chance, the same in each run of the same seed (xorshift64*, Vigna 2016).
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About 1: its logarithm is normal, near enough (the sum of twelve).
    fn factor(&mut self) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        ((sum - 6.0) * SPREAD).exp()
    }
}
