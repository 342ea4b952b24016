//! Campaigns: who is called when, how often, and why not now.
//!
//! Everything here is a decision without a clock: [`Rules`] are what a campaign manager wants, made ready once for each revision;
//! [`decide`] says of one contact whether it may be dialled at a moment, else which rule stops it and until when; [`Rules::after`]
//! says what follows an attempt, by who answered; [`Pacer`] says how many may be dialled now and what binds; [`forecast`] runs the
//! whole campaign ahead of time; [`compare`] tells two campaigns apart, and [`FirstWord`] whether a bot let a person wait. Times are ms since 1970-01-01 UTC.

mod abandon;
mod after;
mod caller_ids;
mod compare;
mod decide;
mod forecast;
mod holidays;
mod outcome;
mod pacer;
mod presets;
mod reason;
mod retry;
mod rules;
mod settings;
mod share;
mod span;
#[cfg(test)]
mod tests;
mod window;

pub use self::abandon::{FirstWord, LONGEST_WAIT_MS, Promptness};
pub use self::after::Next;
pub use self::compare::{Compared, Difference, Estimate, Measure, Tally, Told, compare};
pub use self::decide::{Decision, Facts, decide};
pub use self::forecast::{Forecast, Group, Mix, forecast};
pub use self::holidays::{HolidayCountry, holiday_countries};
pub use self::outcome::{EndedCall, Outcome};
pub use self::pacer::{Allowance, Binding, Pacer};
pub use self::presets::{Preset, presets};
pub use self::reason::{Extent, Listed, Reason, Rule, Scope};
pub use self::retry::{RetryPlan, RetryRule};
pub use self::rules::Rules;
pub use self::settings::{
    Breaker, Budget, Callback, CallerId, Canary, Caps, Hours, Pacing, Problem, Settings, Weekday,
};
pub use self::share::share;
pub use self::span::Span;
