//! Days on which nobody is called: national holidays by country, and a campaign's own days.

use std::collections::{BTreeMap, BTreeSet};

use crate::language::Date;

/// National holidays, made by `tools/holidays` from the Python package of that name: a line `# ID 2025-2028` begins a country with
/// the years that are known, `0101 New Year's Day` is a day of the year in the line `= 2026` above it.
const TABLE: &str = include_str!("holidays.txt");

/// A country whose holidays are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolidayCountry {
    /// ISO 3166, two letters.
    pub code: &'static str,
    /// The last year that is known.
    pub until_year: i32,
}

/// Days on which nobody is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holidays {
    named: BTreeMap<Date, String>,
    own: BTreeSet<Date>,
}

impl Holidays {
    /// Adds the national holidays of a country; `None` when they are not known.
    pub(super) fn add_country(&mut self, code: &str) -> Option<HolidayCountry> {
        let country = countries().find(|country| country.code.eq_ignore_ascii_case(code))?;
        self.named.extend(days_of(country.code));
        Some(country)
    }

    /// Adds a day.
    pub(super) fn add(&mut self, date: Date) {
        self.own.insert(date);
    }

    /// The name of the holiday on that day; of a campaign's own day its date.
    pub(super) fn name(&self, date: Date) -> Option<&str> {
        self.named.get(&date).map(String::as_str).or_else(|| self.own.contains(&date).then_some("closed"))
    }
}

/// The countries whose national holidays are known.
#[must_use]
pub fn holiday_countries() -> Vec<HolidayCountry> {
    countries().collect()
}

fn countries() -> impl Iterator<Item = HolidayCountry> {
    TABLE.lines().filter_map(|line| line.strip_prefix("# ")).filter_map(|line| {
        let (code, years) = line.split_once(' ')?;
        let until_year = years.rsplit('-').next()?.parse().ok()?;
        Some(HolidayCountry { code, until_year })
    })
}

fn days_of(code: &str) -> BTreeMap<Date, String> {
    let (mut days, mut year) = (BTreeMap::new(), 0);
    let head = format!("# {code} ");
    for line in TABLE.lines().skip_while(|line| !line.starts_with(&head)).skip(1) {
        if line.starts_with('#') {
            break;
        }
        if let Some(text) = line.strip_prefix("= ") {
            year = text.parse().unwrap_or(0);
        } else if let Some((day, name)) = line.split_once(' ')
            && let Some((month, day)) = day.split_at_checked(2)
            && let (Ok(month), Ok(day)) = (month.parse(), day.parse())
            && let Some(date) = Date::new(year, month, day)
        {
            days.insert(date, name.to_owned());
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_national_holidays_of_indonesia_are_known() {
        let mut holidays = Holidays::default();
        let indonesia = holidays.add_country("id").unwrap();
        assert!(indonesia.until_year >= 2027);
        assert!(holidays.name(Date::new(2026, 8, 17).unwrap()).is_some(), "independence day");
        assert!(holidays.name(Date::new(2026, 8, 18).unwrap()).is_none());
        holidays.add(Date::new(2026, 8, 18).unwrap());
        assert_eq!(holidays.name(Date::new(2026, 8, 18).unwrap()), Some("closed"));
        assert!(holidays.add_country("XX").is_none());
    }

    #[test]
    fn every_line_of_the_table_is_a_day() {
        let days: usize = countries().map(|country| days_of(country.code).len()).sum();
        let lines = TABLE.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
        assert_eq!(days, lines);
        assert!(countries().count() > 100);
    }
}
