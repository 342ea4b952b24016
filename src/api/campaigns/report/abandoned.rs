//! Calls in which a person answered and the bot let them wait, day by day.

use std::collections::BTreeMap;

use callcore::campaign::{Promptness, Rules};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::FirstWordCount;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Calls that a person answered and in which the bot's first word came more than 2 s after their first utterance had ended, or never.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CampaignAbandoned)]
pub(crate) struct Abandoned {
    /// The zone of the days: the campaign's, else UTC.
    pub(crate) zone: String,
    /// Days that were looked at, today among them.
    pub(crate) days_back: i64,
    /// `abandon_limit` of the campaign, percent.
    pub(crate) limit_percent: Option<f64>,
    /// All days together.
    pub(crate) all: AbandonedCount,
    /// Days with such calls, the latest first.
    pub(crate) days: Vec<AbandonedDay>,
}

/// Calls of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = CampaignAbandonedCount)]
pub(crate) struct AbandonedCount {
    /// Calls that a person answered and of which it is known when the bot spoke: what `percent` is of.
    pub(crate) people: i64,
    /// `late` and `never`.
    pub(crate) abandoned: i64,
    pub(crate) late: i64,
    pub(crate) never: i64,
    /// Calls that a person answered, without anybody knowing when the bot spoke. They count neither for nor against.
    pub(crate) unknown: i64,
    /// `null`: there are no such calls.
    pub(crate) percent: Option<f64>,
    pub(crate) above_limit: bool,
}

/// Calls of a day.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = CampaignAbandonedDay)]
pub(crate) struct AbandonedDay {
    #[schema(format = Date)]
    pub(crate) day: String,
    #[serde(skip)]
    pub(crate) begins_ms: i64,
    #[serde(flatten)]
    pub(crate) count: AbandonedCount,
}

impl AbandonedCount {
    fn add(&mut self, promptness: Promptness, calls: i64) {
        match promptness {
            Promptness::InTime => {}
            Promptness::Late => self.late += calls,
            Promptness::Never => self.never += calls,
            Promptness::Unknown => {
                self.unknown += calls;
                return;
            }
        }
        self.people += calls;
        self.abandoned += if promptness.is_abandoned() { calls } else { 0 };
    }

    fn judged(mut self, limit: Option<f64>) -> Self {
        self.percent = (self.people > 0).then(|| self.abandoned as f64 * 100.0 / self.people as f64);
        self.above_limit = self.percent.zip(limit).is_some_and(|(percent, limit)| percent > limit);
        self
    }
}

impl Abandoned {
    /// From when on to look for so many days back.
    pub(crate) fn since_ms(rules: &Rules, days_back: i64, now_ms: i64) -> i64 {
        rules.own_day_begin(now_ms - (days_back - 1).max(0) * DAY_MS)
    }

    /// Counts by the days of the campaign.
    pub(crate) fn of(rules: &Rules, days_back: i64, counts: &[FirstWordCount]) -> Self {
        let limit_percent = rules.settings().abandon_limit;
        let mut all = AbandonedCount::default();
        let mut days = BTreeMap::<(i64, String), AbandonedCount>::new();
        for count in counts {
            let Some(promptness) = Promptness::named(&count.first_word) else { continue };
            all.add(promptness, count.calls);
            days.entry(rules.own_day(count.quarter_ms)).or_default().add(promptness, count.calls);
        }
        let days = days.into_iter().rev().map(|((begins_ms, day), count)| AbandonedDay {
            day,
            begins_ms,
            count: count.judged(limit_percent),
        });
        Self {
            zone: rules.own_zone().to_owned(),
            days_back,
            limit_percent,
            all: all.judged(limit_percent),
            days: days.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use callcore::campaign::Settings;

    use super::*;

    #[test]
    fn days_are_those_of_the_campaign_and_what_is_unknown_counts_for_nothing() {
        let settings = Settings {
            flow: "f".into(),
            lists: vec!["l".into()],
            zone: Some("Asia/Jakarta".into()),
            abandon_limit: Some(3.0),
            ..Settings::default()
        };
        let rules = Rules::new(settings, None).unwrap();
        // 2026-12-01 00:00 there.
        let midnight = 1_796_058_000_000;
        let count = |quarter_ms, first_word: &str, calls| FirstWordCount {
            quarter_ms,
            first_word: first_word.to_owned(),
            calls,
        };
        let counts = [
            count(midnight - 900_000, "in_time", 97),
            count(midnight - 900_000, "late", 2),
            count(midnight - 900_000, "never", 1),
            count(midnight, "in_time", 9),
            count(midnight, "never", 1),
            count(midnight, "unknown", 50),
        ];
        let found = Abandoned::of(&rules, 30, &counts);
        let days: Vec<_> = found
            .days
            .iter()
            .map(|day| (day.day.as_str(), day.count.people, day.count.percent, day.count.above_limit))
            .collect();
        assert_eq!(days, [("2026-12-01", 10, Some(10.0), true), ("2026-11-30", 100, Some(3.0), false)]);
        assert_eq!((found.all.people, found.all.abandoned, found.all.unknown), (110, 4, 50));
        assert_eq!(found.zone, "Asia/Jakarta");
        let nobody = Abandoned::of(&rules, 30, &[]);
        assert_eq!((nobody.all.percent, nobody.all.above_limit), (None, false));
    }
}
