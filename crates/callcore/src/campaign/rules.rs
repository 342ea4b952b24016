//! Settings made ready to decide by: checked, with windows, holidays and zones looked up. One set for each revision.

use super::caller_ids::CallerIds;
use super::holidays::holiday_countries;
use super::outcome::Outcome;
use super::settings::{Problem, Settings};
use super::span::Span;
use super::window::{Standing, Week, Window};
use crate::language::{Date, LocalTime, TimeOfDay, Zone, zone_name};
use crate::number::{self, Country};

/// Longest description, characters.
const LONGEST_DESCRIPTION: usize = 2_000;
/// Most contact lists, windows, caller ids and patterns of a campaign.
const MOST: usize = 1_000;
const MOST_CONCURRENT: u32 = 100_000;
const MOST_PER_SECOND: f64 = 10_000.0;
/// Minutes of a week that are told to be few.
const DAY_MINUTES: u32 = 24 * 60;

/// What a campaign decides by.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) settings: Settings,
    pub(super) window: Window,
    pub(super) home: Option<Zone>,
    pub(super) starts_ms: Option<i64>,
    pub(super) ends_ms: Option<i64>,
    pub(super) never_call: Vec<String>,
    pub(super) caller_ids: CallerIds,
}

impl Rules {
    /// Makes settings ready. `country` is that of numbers which do not name their own.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn new(settings: Settings, country: Option<Country>) -> Result<Self, Vec<Problem>> {
        let mut wrong = Wrong::default();
        wrong.counts(&settings);
        let window = wrong.window(&settings);
        let home = settings.zone.as_deref().and_then(|name| wrong.zone("zone", name));
        let starts_ms =
            settings.starts.as_deref().and_then(|text| wrong.moment("starts", text, home.as_ref()));
        let ends_ms = settings.ends.as_deref().and_then(|text| wrong.moment("ends", text, home.as_ref()));
        if let (Some(starts), Some(ends)) = (starts_ms, ends_ms)
            && ends <= starts
        {
            wrong.note("ends", "is not after `starts`");
        }
        let never_call =
            settings.never_call.iter().map(|text| number::key_of_beginning(text, country)).collect();
        for (at, text) in settings.never_call.iter().enumerate() {
            if !text.chars().any(|c| c.is_ascii_digit()) {
                wrong.note(
                    &format!("never_call[{at}]"),
                    "holds no digits; write how the numbers begin, such as `+6221`",
                );
            } else if number::key_of_beginning(text, country).starts_with('0') {
                let problem = "does not say its country, so no number begins with it; write the country's code, such as `+62812`";
                wrong.note(&format!("never_call[{at}]"), problem);
            }
        }
        let mut caller_ids = CallerIds::default();
        for (at, caller) in settings.caller_ids.iter().enumerate() {
            if caller.per_day == Some(0) {
                let field = format!("caller_ids[{at}].per_day");
                wrong.note(&field, "must be 1 or more; leave it out for no limit");
            }
            match number::read(&caller.number, country) {
                Ok(number) => caller_ids.add(number.as_str(), caller.per_day),
                Err(bad) => wrong.note(&format!("caller_ids[{at}].number"), &bad.to_string()),
            }
        }
        if wrong.0.is_empty() {
            Ok(Self { settings, window, home, starts_ms, ends_ms, never_call, caller_ids })
        } else {
            Err(wrong.0)
        }
    }

    /// The settings that these were made of.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What deserves a look before the launch at `now_ms`: a sentence each.
    #[must_use]
    pub fn warnings(&self, now_ms: i64) -> Vec<Problem> {
        let mut wrong = Wrong::default();
        let zone = self.home.clone().unwrap_or_default();
        let year = zone.local(now_ms).map_or(0, |local| local.date.civil().0);
        for country in holiday_countries() {
            let asked = self.settings.holidays_of.iter().any(|code| code.eq_ignore_ascii_case(country.code));
            if asked && year >= country.until_year {
                let problem = format!(
                    "the holidays of {} are known up to {}; add later ones to `closed_on`",
                    country.code, country.until_year
                );
                wrong.note("holidays_of", &problem);
            }
        }
        if self.settings.windows.is_empty() {
            wrong.note("windows", "are not set: people are called at any hour of the day and night");
        }
        let minutes = self.window.week.minutes();
        if minutes < DAY_MINUTES {
            wrong.note("windows", &format!("leave {} h {:02} min in a week", minutes / 60, minutes % 60));
        }
        if self
            .window
            .opens(&zone, now_ms.max(self.starts_ms.unwrap_or(now_ms)))
            .is_none_or(|opens| self.is_over(opens))
        {
            wrong.note(
                "windows",
                "have no legal minute left before the campaign ends; nobody would be called",
            );
        }
        wrong.0
    }

    /// Whether the campaign's last moment is over at `at_ms`.
    #[must_use]
    pub fn is_over(&self, at_ms: i64) -> bool {
        self.ends_ms.is_some_and(|ends| ends <= at_ms)
    }

    /// The first moment from `from_ms` on at which a contact in the zone named `zone` may be called; `None` when the zone is unknown,
    /// or there is none before the campaign ends.
    #[must_use]
    pub fn first_legal(&self, zone: Option<&str>, from_ms: i64) -> Option<i64> {
        let zone = self.zone_of(zone)?;
        let from_ms = from_ms.max(self.starts_ms.unwrap_or(from_ms));
        self.window.opens(&zone, from_ms).filter(|opens| !self.is_over(*opens))
    }

    /// When a contact's day began, for caps by the day; by UTC where its zone is unknown.
    #[must_use]
    pub fn day_begin(&self, zone: Option<&str>, now_ms: i64) -> i64 {
        self.zone_of(zone).unwrap_or_default().day_begin(now_ms).unwrap_or(now_ms)
    }

    /// When the campaign's own day began: by `zone`, else by UTC.
    #[must_use]
    pub fn own_day_begin(&self, now_ms: i64) -> i64 {
        self.home.clone().unwrap_or_default().day_begin(now_ms).unwrap_or(now_ms)
    }

    /// The campaign's own day at a moment: when it began, and its name, such as `2026-12-01`.
    #[must_use]
    pub fn own_day(&self, at_ms: i64) -> (i64, String) {
        let zone = self.home.clone().unwrap_or_default();
        let name = zone.local(at_ms).map(|local| local.date.to_string()).unwrap_or_default();
        (self.own_day_begin(at_ms), name)
    }

    /// The zone of the campaign's own days.
    #[must_use]
    pub fn own_zone(&self) -> &str {
        self.settings.zone.as_deref().unwrap_or("UTC")
    }

    /// The hour of the week on a contact's clock: 0 is Monday from midnight to one, 167 the last one of Sunday. `None` where its zone is
    /// unknown.
    #[must_use]
    pub fn week_hour(&self, zone: Option<&str>, at_ms: i64) -> Option<u32> {
        let local = self.zone_of(zone)?.local(at_ms)?;
        Some(local.date.weekday() * 24 + local.time.minutes() / 60)
    }

    /// A moment on the clock of a contact, such as `2026-12-01 14:30`.
    #[must_use]
    pub fn moment_there(&self, zone: Option<&str>, text: &str) -> Option<i64> {
        let local = LocalTime::parse(text)?;
        let minutes = local.time.minutes();
        self.zone_of(zone)?.first_within(local.date, minutes..DAY_MINUTES, 0)
    }

    pub(super) fn zone_of(&self, name: Option<&str>) -> Option<Zone> {
        name.and_then(Zone::named).or_else(|| self.home.clone())
    }

    pub(super) fn standing(&self, zone: &Zone, at_ms: i64) -> Standing {
        self.window.at(zone, at_ms)
    }

    /// Numbers that calls are made from, in their one form.
    pub fn caller_ids(&self) -> impl Iterator<Item = &str> {
        self.caller_ids.numbers()
    }

    /// Beginnings of digits that are not called.
    #[must_use]
    pub fn never_call(&self) -> &[String] {
        &self.never_call
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<Problem>);

impl Wrong {
    fn note(&mut self, field: &str, problem: &str) {
        self.0.push(Problem { field: field.to_owned(), problem: problem.to_owned() });
    }

    fn within<T: PartialOrd + std::fmt::Display>(&mut self, field: &str, value: T, least: T, most: T) {
        if !(least <= value && value <= most) {
            self.note(field, &format!("must be {least} to {most}"));
        }
    }

    fn counts(&mut self, settings: &Settings) {
        let Settings { caps, pacing, budget, .. } = settings;
        if settings.flow.trim().is_empty() {
            self.note(
                "flow",
                "is missing: name the flow that calls run, such as `reminder` or `reminder@live`",
            );
        }
        let described = settings.description.as_ref().map_or(0, |text| text.chars().count());
        if described > LONGEST_DESCRIPTION {
            self.note(
                "description",
                &format!("has {described} characters; {LONGEST_DESCRIPTION} is the most"),
            );
        }
        if settings.lists.is_empty() {
            self.note("lists", "is empty: name at least one contact list");
        }
        let lengths = [
            ("lists", settings.lists.len()),
            ("windows", settings.windows.len()),
            ("closed_on", settings.closed_on.len()),
            ("never_call", settings.never_call.len()),
            ("suppression_lists", settings.suppression_lists.len()),
            ("caller_ids", settings.caller_ids.len()),
            ("variables", settings.variables.len()),
        ];
        for (field, length) in lengths {
            if length > MOST {
                self.note(field, &format!("has {length} entries; there may be {MOST}"));
            }
        }
        self.within("caps.per_day", caps.per_day, 1, 100);
        self.within("caps.in_all", caps.in_all, 1, 1_000);
        self.within("pacing.concurrent", pacing.concurrent, 1, MOST_CONCURRENT);
        self.within("pacing.per_second", pacing.per_second, 0.01, MOST_PER_SECOND);
        self.within("pacing.priority", pacing.priority, 1, 5);
        self.within("pacing.breaker.percent", pacing.breaker.percent, 0, 100);
        self.within("pacing.breaker.of", pacing.breaker.of, 5, 1_000);
        for (field, minutes) in [
            ("budget.minutes_per_day", budget.minutes_per_day),
            ("budget.minutes_in_all", budget.minutes_in_all),
        ] {
            if minutes == Some(0) {
                self.note(field, "must be 1 or more; leave it out for no limit");
            }
        }
        if let Some(limit) = settings.abandon_limit {
            self.within("abandon_limit", limit, 0.0, 100.0);
        }
        if let Some(canary) = &settings.canary {
            self.within("canary.percent", canary.percent, 1, 99);
            if canary.flow.trim().is_empty() {
                self.note("canary.flow", "is missing: name the version on trial, such as `reminder@next`");
            }
        }
        if let Some(ring) = settings.ring_timeout {
            self.within("ring_timeout", ring, "5s".parse().unwrap_or_default(), Span::minutes(5));
        }
        for (outcome, rule) in settings.retry.set() {
            let field = |part: &str| format!("retry.{}.{part}", outcome.as_str());
            if rule.times > 100 && outcome != Outcome::NotDialled {
                self.note(&field("times"), "must be 0 to 100");
            }
            if rule.times > 0 && rule.after.is_empty() {
                self.note(&field("after"), "is missing: say how long to wait, such as `[30m, 2h]`");
            }
        }
    }

    fn window(&mut self, settings: &Settings) -> Window {
        let mut window = Window::default();
        if settings.windows.is_empty() {
            window.week = Week::always();
        }
        for (at, hours) in settings.windows.iter().enumerate() {
            let field = |part: &str| format!("windows[{at}].{part}");
            let from = TimeOfDay::parse(&hours.from).map(TimeOfDay::minutes);
            let until = match hours.until.trim() {
                "24:00" => Some(DAY_MINUTES),
                text => TimeOfDay::parse(text).map(TimeOfDay::minutes),
            };
            if from.is_none() {
                self.note(&field("from"), "is no time of day; write `08:00`");
            }
            if until.is_none() {
                self.note(
                    &field("until"),
                    "is no time of day; write `20:00`, or `24:00` for the end of the day",
                );
            }
            if hours.days.is_empty() {
                self.note(&field("days"), "is empty: name days, such as `[mon, tue]`");
            }
            if let (Some(from), Some(until)) = (from, until) {
                if from >= until {
                    self.note(&field("until"), "is not after `from`; hours over midnight are two windows");
                }
                hours.days.iter().for_each(|day| window.week.add(*day as usize, from, until));
            }
        }
        for (at, code) in settings.holidays_of.iter().enumerate() {
            if window.holidays.add_country(code).is_none() {
                let problem = "is no country whose holidays are known; write two letters such as `ID`, or list the days in `closed_on`";
                self.note(&format!("holidays_of[{at}]"), problem);
            }
        }
        for (at, text) in settings.closed_on.iter().enumerate() {
            match Date::parse(text) {
                Some(date) => window.holidays.add(date),
                None => self.note(&format!("closed_on[{at}]"), "is no day; write `2026-12-24`"),
            }
        }
        window
    }

    fn zone(&mut self, field: &str, name: &str) -> Option<Zone> {
        match zone_name(name) {
            Ok(known) => Zone::named(&known),
            Err(unknown) => {
                self.note(field, &unknown.to_string());
                None
            }
        }
    }

    /// A moment: with its distance from UTC, or a day or time on the clock of the campaign's zone.
    fn moment(&mut self, field: &str, text: &str, home: Option<&Zone>) -> Option<i64> {
        let exact = text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
        let local = || {
            let (date, minutes) = match text.trim().split_once(['T', ' ']) {
                Some((date, time)) => (Date::parse(date)?, TimeOfDay::parse(time)?.minutes()),
                None => (Date::parse(text)?, 0),
            };
            home.cloned().unwrap_or_default().first_within(date, minutes..DAY_MINUTES, 0)
        };
        let moment = exact.or_else(local);
        if moment.is_none() {
            self.note(
                field,
                "is no moment; write `2026-12-01`, `2026-12-01 08:00` or `2026-12-01T08:00+07:00`",
            );
        }
        moment
    }
}
