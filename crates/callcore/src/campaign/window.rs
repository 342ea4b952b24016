//! When a contact may be called: hours on days of the week by the contact's own clock, and not on holidays.

use crate::campaign::holidays::Holidays;
use crate::language::{Date, Zone};

/// Days that are looked through for a legal minute.
const SEARCHED_DAYS: i64 = 400;
/// The longest that a window may stay open without being looked at again, ms.
const LOOKED_AHEAD_MS: i64 = 25 * 60 * 60 * 1_000;
const DAY_MINUTES: u32 = 24 * 60;

/// Legal hours of each day of the week, Monday first, in minutes since midnight: sorted, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Week([Vec<(u32, u32)>; 7]);

impl Week {
    /// Adds hours to a day (0: Monday); what touches or overlaps becomes one.
    pub(super) fn add(&mut self, weekday: usize, from: u32, until: u32) {
        let Some(hours) = self.0.get_mut(weekday).filter(|_| from < until) else { return };
        hours.push((from, until.min(DAY_MINUTES)));
        hours.sort_unstable();
        hours.dedup_by(|next, kept| {
            let joined = next.0 <= kept.1;
            if joined {
                kept.1 = kept.1.max(next.1);
            }
            joined
        });
    }

    /// Every minute of every day.
    pub(super) fn always() -> Self {
        let mut week = Self::default();
        (0..7).for_each(|weekday| week.add(weekday, 0, DAY_MINUTES));
        week
    }

    fn of(&self, date: Date) -> &[(u32, u32)] {
        self.0.get(date.weekday() as usize).map_or(&[], Vec::as_slice)
    }

    /// Legal minutes of a week.
    pub(super) fn minutes(&self) -> u32 {
        self.0.iter().flatten().map(|(from, until)| until - from).sum()
    }
}

/// A window, and days on which it stays shut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) week: Week,
    pub(super) holidays: Holidays,
}

/// How a window stands at a moment. Times are ms since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// From then on it is shut, or has to be looked at again.
    Open { until_ms: i64 },
    /// `opens_ms` is its next legal minute, if there is one within 400 days.
    Shut { holiday: Option<String>, opens_ms: Option<i64> },
}

impl Window {
    pub(super) fn at(&self, zone: &Zone, at_ms: i64) -> Standing {
        let Some(local) = zone.local(at_ms) else {
            return Standing::Shut { holiday: None, opens_ms: None };
        };
        if self.is_open(zone, at_ms) {
            return Standing::Open { until_ms: self.shuts(zone, at_ms) };
        }
        let holiday = self.holidays.name(local.date).map(str::to_owned);
        Standing::Shut { holiday, opens_ms: self.opens(zone, at_ms) }
    }

    /// The next legal minute from `from_ms` on: that itself when it is one.
    pub(super) fn opens(&self, zone: &Zone, from_ms: i64) -> Option<i64> {
        let first = zone.local(from_ms)?.date;
        (0..SEARCHED_DAYS).find_map(|days| {
            let date = first.plus_days(days)?;
            if self.holidays.name(date).is_some() {
                return None;
            }
            let hours = self.week.of(date).iter();
            hours.filter_map(|(from, until)| zone.first_within(date, *from..*until, from_ms)).min()
        })
    }

    pub(super) fn is_open(&self, zone: &Zone, at_ms: i64) -> bool {
        zone.local(at_ms).is_some_and(|local| {
            let minute = local.time.minutes();
            self.holidays.name(local.date).is_none()
                && self.week.of(local.date).iter().any(|(from, until)| (*from..*until).contains(&minute))
        })
    }

    /// When an open window shuts: a moment after `at_ms`.
    fn shuts(&self, zone: &Zone, at_ms: i64) -> i64 {
        let latest = at_ms + LOOKED_AHEAD_MS;
        let Some(today) = zone.local(at_ms).map(|local| local.date) else { return latest };
        let mut moments: Vec<i64> = zone.next_change(at_ms).into_iter().collect();
        for date in [Some(today), today.plus_days(1)].into_iter().flatten() {
            moments.extend(zone.first_within(date, 0..DAY_MINUTES, at_ms));
            for (_, until) in self.week.of(date).iter().filter(|(_, until)| *until < DAY_MINUTES) {
                moments.extend(zone.first_within(date, *until..DAY_MINUTES, at_ms));
            }
        }
        moments.sort_unstable();
        let shut = moments.into_iter().find(|moment| *moment > at_ms && !self.is_open(zone, *moment));
        shut.unwrap_or(latest).min(latest)
    }
}
