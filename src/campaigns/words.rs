//! Rules and outcomes in English words, for files and terminals. The pages have words of their own, in each language.

use callcore::campaign::{Listed, Outcome, Reason, Scope};

/// Day and minute, UTC.
#[must_use]
pub fn moment(ms: i64) -> String {
    let iso = crate::wallclock::iso(ms);
    iso.get(..16).map_or_else(|| "never".to_owned(), |text| format!("{} UTC", text.replace('T', " ")))
}

/// An outcome in words.
#[must_use]
pub fn outcome(outcome: Outcome) -> String {
    outcome.as_str().replace('_', " ")
}

/// A rule with its values, in words. Names of people and holidays are as somebody wrote them.
#[must_use]
pub fn reason(reason: &Reason) -> String {
    let until = |ms: &Option<i64>| ms.map_or_else(|| "never".to_owned(), moment);
    match reason {
        Reason::Due => "its turn comes".to_owned(),
        Reason::NotStarted { until_ms: None } => "the campaign is not launched".to_owned(),
        Reason::NotStarted { until_ms } => format!("the campaign begins at {}", until(until_ms)),
        Reason::Paused => "the campaign is paused".to_owned(),
        Reason::Draining => "the campaign begins no calls any more".to_owned(),
        Reason::Stopped => "the campaign is over".to_owned(),
        Reason::OutsideWindow { opens_ms } => {
            format!("out of hours where it lives, until {}", until(opens_ms))
        }
        Reason::Holiday { name, opens_ms } => format!("{name} where it lives, until {}", until(opens_ms)),
        Reason::ZoneUnknown => {
            "nobody knows its time zone: set `zone` in the campaign or in its list".to_owned()
        }
        Reason::DoNotCall(Listed { scope: Scope::Pattern, .. }) => {
            "its number begins like one in `never_call`".to_owned()
        }
        Reason::Suppressed { since_ms } => {
            format!("on a suppression list of the campaign since {}", until(since_ms))
        }
        Reason::DoNotCall(Listed { scope: Scope::All, since_ms }) => {
            format!("on the do-not-call list since {}", until(since_ms))
        }
        Reason::NoConsent { given_ms: None } => "no consent is on record".to_owned(),
        Reason::NoConsent { given_ms } => format!("its consent of {} is too old", until(given_ms)),
        Reason::CapDay { attempts, of, until_ms } => {
            format!("called {attempts} times today; {of} are allowed; until {}", moment(*until_ms))
        }
        Reason::CapTotal { attempts, of } => format!("called {attempts} times; {of} are allowed"),
        Reason::RetryWait { after, until_ms } => {
            format!("tried again at {}, after {}", moment(*until_ms), outcome(*after))
        }
        Reason::CallbackAt { at_ms } => format!("it asked to be called at {}", moment(*at_ms)),
        Reason::BudgetDay { used_minutes, of, until_ms } => {
            format!("{used_minutes} of {of} minutes of today are used, until {}", moment(*until_ms))
        }
        Reason::BudgetTotal { used_minutes, of } => format!("{used_minutes} of {of} minutes are used"),
        Reason::CallerIdCap { until_ms } => {
            format!("all caller ids have called enough today, until {}", moment(*until_ms))
        }
        Reason::CannotDial { why } => why.clone(),
        Reason::ExcludedBy { who, at_ms } => format!("taken out by {who} at {}", moment(*at_ms)),
        Reason::Calling => "it is being called".to_owned(),
        Reason::Done { outcome: came } => format!("done: {}", outcome(*came)),
    }
}
