//! The decision on one contact at one moment, in a fixed order of rules: the first that stops it is its reason.

use super::caller_ids::Choice;
use super::reason::{Listed, Reason, Scope};
use super::rules::Rules;
use super::window::Standing;

/// A day, ms: after it counts of caller ids begin anew.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is known of a contact at a moment, read in the transaction that reserves its call. Counts are of attempts that count
/// ([`super::Outcome::counts`]), those under way among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Digits of its number.
    pub digits: String,
    /// Its zone by name, where one is known.
    pub zone: Option<String>,
    pub consent_ms: Option<i64>,
    /// Since when the number is on the do-not-call list.
    pub listed_ms: Option<i64>,
    /// Since when it is on a suppression list of the campaign.
    pub suppressed_ms: Option<i64>,
    /// Attempts at its number since its day began ([`Rules::day_begin`]), all campaigns together.
    pub today: u32,
    /// Attempts at it in this campaign.
    pub in_all: u32,
    /// Minutes of the campaign on its own day, and in all: each call rounded up, calls under way with one each.
    pub minutes_today: u32,
    pub minutes_in_all: u32,
    /// Calls from each caller id ([`Rules::caller_ids`]) on this day of UTC, in their order.
    pub callers_today: Vec<u32>,
}

/// What is to be done with a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Dial, before `until_ms`: then its window shuts.
    Dial { caller: Option<String>, until_ms: i64 },
    /// Look again at `until_ms`; `None`: when something else changes, such as the settings.
    Wait { until_ms: Option<i64>, reason: Reason },
    /// Never in this campaign.
    Exclude(Reason),
}

/// Decides on a contact at `now_ms`.
#[must_use]
pub fn decide(rules: &Rules, facts: &Facts, now_ms: i64) -> Decision {
    if rules.is_over(now_ms) {
        return Decision::Exclude(Reason::Stopped);
    }
    if let Some(starts) = rules.starts_ms.filter(|starts| *starts > now_ms) {
        return Decision::Wait {
            until_ms: Some(starts),
            reason: Reason::NotStarted { until_ms: Some(starts) },
        };
    }
    if let Some(listed) = listed(rules, facts) {
        return Decision::Exclude(Reason::DoNotCall(listed));
    }
    if facts.suppressed_ms.is_some() {
        return Decision::Exclude(Reason::Suppressed { since_ms: facts.suppressed_ms });
    }
    if let Some(within) = rules.settings.consent_within
        && facts.consent_ms.is_none_or(|given| given.saturating_add(within.ms()) <= now_ms)
    {
        return Decision::Exclude(Reason::NoConsent { given_ms: facts.consent_ms });
    }
    let caps = &rules.settings.caps;
    if facts.in_all >= caps.in_all {
        return Decision::Exclude(Reason::CapTotal { attempts: facts.in_all, of: caps.in_all });
    }
    let Some(zone) = rules.zone_of(facts.zone.as_deref()) else {
        return Decision::Wait { until_ms: None, reason: Reason::ZoneUnknown };
    };
    let until_ms = match rules.standing(&zone, now_ms) {
        Standing::Open { until_ms } => until_ms,
        Standing::Shut { holiday, opens_ms } => {
            let opens_ms = opens_ms.filter(|opens| !rules.is_over(*opens));
            let reason = match holiday {
                Some(name) => Reason::Holiday { name, opens_ms },
                None => Reason::OutsideWindow { opens_ms },
            };
            return match opens_ms {
                Some(_) => Decision::Wait { until_ms: opens_ms, reason },
                None => Decision::Exclude(reason),
            };
        }
    };
    // The next legal minute of another day.
    let tomorrow = |zone: &crate::language::Zone| {
        let begins = next_day(zone, now_ms);
        rules.window.opens(zone, begins).unwrap_or(begins)
    };
    if facts.today >= caps.per_day {
        let until_ms = tomorrow(&zone);
        let reason = Reason::CapDay { attempts: facts.today, of: caps.per_day, until_ms };
        return Decision::Wait { until_ms: Some(until_ms), reason };
    }
    let budget = &rules.settings.budget;
    if let Some(of) = budget.minutes_in_all.filter(|of| facts.minutes_in_all >= *of) {
        let reason = Reason::BudgetTotal { used_minutes: facts.minutes_in_all, of };
        return Decision::Wait { until_ms: None, reason };
    }
    if let Some(of) = budget.minutes_per_day.filter(|of| facts.minutes_today >= *of) {
        let begins = next_day(&rules.home.clone().unwrap_or_default(), now_ms);
        let until_ms = rules.window.opens(&zone, begins).unwrap_or(begins);
        let reason = Reason::BudgetDay { used_minutes: facts.minutes_today, of, until_ms };
        return Decision::Wait { until_ms: Some(until_ms), reason };
    }
    let until_ms = rules.ends_ms.map_or(until_ms, |ends| until_ms.min(ends));
    match rules.caller_ids.choose(&facts.callers_today) {
        Choice::Trunks => Decision::Dial { caller: None, until_ms },
        Choice::Number(number) => Decision::Dial { caller: Some(number), until_ms },
        Choice::UsedUp => {
            let begins = now_ms - now_ms.rem_euclid(DAY_MS) + DAY_MS;
            let until_ms = rules.window.opens(&zone, begins).unwrap_or(begins);
            Decision::Wait { until_ms: Some(until_ms), reason: Reason::CallerIdCap { until_ms } }
        }
    }
}

fn listed(rules: &Rules, facts: &Facts) -> Option<Listed> {
    if let Some(since_ms) = facts.listed_ms {
        return Some(Listed { scope: Scope::All, since_ms: Some(since_ms) });
    }
    let pattern =
        rules.never_call.iter().any(|begin| !begin.is_empty() && facts.digits.starts_with(begin.as_str()));
    pattern.then_some(Listed { scope: Scope::Pattern, since_ms: None })
}

/// When the day after that of `now_ms` begins.
fn next_day(zone: &crate::language::Zone, now_ms: i64) -> i64 {
    let tomorrow = zone.local(now_ms).and_then(|local| local.date.plus_days(1));
    tomorrow.and_then(|date| zone.first_within(date, 0..24 * 60, now_ms)).unwrap_or(now_ms + DAY_MS)
}
