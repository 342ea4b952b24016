//! Days on which nobody is called, read from a calendar as offices publish it and calendar programs export it (iCalendar, RFC 5545).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use icalendar::{Calendar, Component, Event};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rrule::RRuleSet;

/// How far ahead events that come again are followed, years.
const YEARS: i64 = 3;
/// Longest event that is believed to be a closed time, days: a longer one is a mistake.
const LONGEST: i64 = 100;
/// Most repetitions of one event that are followed: one a week for 38 years.
const REPETITIONS: u16 = 2_000;
/// Most events of a calendar, and its most bytes.
const EVENTS: usize = 2_000;
pub const LARGEST_CALENDAR: usize = 1024 * 1024;
/// Events that are told to be left out, one by one.
const TOLD: usize = 50;

/// What a calendar says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedDays {
    /// From today on, each once, in order.
    pub days: Vec<Date>,
    /// Events that were not taken, and why: the first 50.
    pub left_out: Vec<String>,
}

/// Why a text is no calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCalendar {
    #[error(
        "this is no calendar: a file of type .ics begins with `BEGIN:VCALENDAR`; export it from your calendar program"
    )]
    Other,
    #[error("the calendar cannot be read: {0}")]
    Broken(String),
    #[error("the calendar is larger than 1 MiB, or has more than 2,000 events; export only its closed days")]
    TooLarge,
}

/// Reads the days of a calendar's whole-day events that are still to come anywhere on earth at `now_ms`, three years ahead.
///
/// # Errors
/// When the text is no calendar.
pub fn coming_closed_days(text: &str, now_ms: i64) -> Result<ClosedDays, NoCalendar> {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    // It may still be yesterday where the contacts live.
    let today = TimeZone::UTC.to_datetime(now).date().saturating_sub(1.day());
    closed_days(text, today)
}

/// Reads the days of a calendar's whole-day events from `today` on, three years ahead.
///
/// # Errors
/// When the text is no calendar.
fn closed_days(text: &str, today: Date) -> Result<ClosedDays, NoCalendar> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.len() > LARGEST_CALENDAR {
        return Err(NoCalendar::TooLarge);
    }
    let begins = text.lines().next().unwrap_or_default().trim();
    if !begins.eq_ignore_ascii_case("BEGIN:VCALENDAR") {
        return Err(NoCalendar::Other);
    }
    if !text.lines().next_back().is_some_and(|end| end.trim().eq_ignore_ascii_case("END:VCALENDAR")) {
        return Err(NoCalendar::Broken(
            "it does not end with `END:VCALENDAR`, so a part of it is missing".into(),
        ));
    }
    let lines: String = text.lines().map(plain_line).collect();
    let calendar: Calendar = lines.parse().map_err(|error: String| {
        // The reader speaks of its own parts; only where it stopped is of use.
        let at = error.split(" line ").nth(1).and_then(|rest| rest.split([',', ':', ' ']).next());
        NoCalendar::Broken(
            at.map_or_else(|| "a line of it is wrong".into(), |line| format!("line {line} is wrong")),
        )
    })?;
    let moved = moved(&calendar);
    if calendar.events().count() > EVENTS {
        return Err(NoCalendar::TooLarge);
    }
    let until = today.saturating_add(YEARS.years());
    let (mut days, mut left_out) = (BTreeSet::new(), Vec::new());
    for event in calendar.events() {
        match days_of(event, &moved, today, until) {
            Ok(own) => days.extend(own.into_iter().filter(|day| (today..=until).contains(day))),
            Err(why) if left_out.len() < TOLD => {
                let name: String =
                    event.get_summary().unwrap_or("an event without a name").chars().take(80).collect();
                left_out.push(format!("{name}: {why}"));
            }
            Err(_) => {}
        }
    }
    Ok(ClosedDays { days: days.into_iter().collect(), left_out })
}

/// A line as the reader of calendars wants it: names of properties in capitals, ends alike.
fn plain_line(line: &str) -> String {
    let ends = line.find([':', ';']).filter(|_| !line.starts_with([' ', '\t']));
    let (name, rest) = line.split_at(ends.unwrap_or(0));
    format!("{}{rest}\r\n", name.to_ascii_uppercase())
}

/// Days of events that come again which an event of its own stands for, by the events' ids.
fn moved(calendar: &Calendar) -> BTreeMap<String, BTreeSet<Date>> {
    let mut moved: BTreeMap<String, BTreeSet<Date>> = BTreeMap::new();
    for event in calendar.events() {
        if let (Some(id), Some(day)) =
            (event.property_value("UID"), event.property_value("RECURRENCE-ID").and_then(day))
        {
            moved.entry(id.to_owned()).or_default().insert(day);
        }
    }
    moved
}

/// The days of one event; `moved` are those that another event stands for.
fn days_of(
    event: &Event,
    moved: &BTreeMap<String, BTreeSet<Date>>,
    today: Date,
    until: Date,
) -> Result<Vec<Date>, &'static str> {
    if event.property_value("STATUS").is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED")) {
        return Ok(Vec::new());
    }
    let first = event.property_value("DTSTART").ok_or("it has no beginning")?;
    let hours = "it has hours; only events of whole days are taken";
    day(first).ok_or("its first day does not exist")?;
    let first = whole_day(first).ok_or(hours)?;
    let length = match (event.property_value("DTEND"), event.property_value("DURATION")) {
        // The end is the day after the last one.
        (Some(end), _) => i64::from((whole_day(end).ok_or(hours)? - first).get_days()).max(1),
        (None, Some(duration)) => {
            let span: jiff::Span = duration.trim().parse().map_err(|_| "its duration cannot be read")?;
            let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
            if days < 1 { return Err(hours) } else { days }
        }
        (None, None) => 1,
    };
    if length > LONGEST {
        return Err("it lasts more than 100 days");
    }
    let mut begins = BTreeSet::from([first]);
    if let Some(rule) = event.property_value("RRULE") {
        begins.extend(repeated(first, rule, today.saturating_sub(length.days()), until)?);
    }
    begins.extend(listed(event, "RDATE"));
    for excepted in listed(event, "EXDATE") {
        begins.remove(&excepted);
    }
    if event.property_value("RECURRENCE-ID").is_none() {
        let stood_for = event.property_value("UID").and_then(|id| moved.get(id));
        begins.retain(|begin| !stood_for.is_some_and(|moved| moved.contains(begin)));
    }
    let each = |begin: Date| (0..length).map(move |at| begin.saturating_add(at.days()));
    Ok(begins.into_iter().flat_map(each).collect())
}

/// Days on which an event begins again.
fn repeated(first: Date, rule: &str, from: Date, until: Date) -> Result<Vec<Date>, &'static str> {
    const UNREADABLE: &str = "how it comes again cannot be read";
    let midnight = |day: Date| format!("{}T000000Z", day.strftime("%Y%m%d"));
    // The last day of a rule has the form of its first.
    let mut parts = String::new();
    for part in rule.split(';') {
        let (name, value) = part.split_once('=').ok_or(UNREADABLE)?;
        let value = if name.eq_ignore_ascii_case("UNTIL") {
            let day = value.get(..8).and_then(date).ok_or(UNREADABLE)?;
            midnight(day)
        } else {
            value.to_owned()
        };
        let _ = write!(parts, "{}{name}={value}", if parts.is_empty() { "" } else { ";" });
    }
    let set: RRuleSet =
        format!("DTSTART:{}\nRRULE:{parts}", midnight(first)).parse().map_err(|_| UNREADABLE)?;
    let found = set.all(REPETITIONS);
    let days: Vec<Date> =
        found.dates.iter().filter_map(|at| date(&at.format("%Y%m%d").to_string())).collect();
    if found.limited && days.last().is_none_or(|last| *last < until) {
        return Err("it comes again too often");
    }
    Ok(days.into_iter().filter(|day| (from..=until).contains(day)).collect())
}

/// Days of a property that may be there more than once, with several in each.
fn listed(event: &Event, name: &str) -> Vec<Date> {
    let many = event.multi_properties().get(name).into_iter().flatten();
    let values = many.map(icalendar::Property::value).chain(event.property_value(name));
    values.flat_map(|value| value.split(',')).filter_map(day).collect()
}

/// The day of a day or moment.
fn day(text: &str) -> Option<Date> {
    text.trim().get(..8).and_then(date)
}

/// A day, or midnight on its clock.
fn whole_day(text: &str) -> Option<Date> {
    match text.trim().split_once('T') {
        Some((day, "000000")) => date(day),
        Some(_) => None,
        None => date(text.trim()),
    }
}

fn date(text: &str) -> Option<Date> {
    (text.len() == 8).then(|| Date::strptime("%Y%m%d", text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const OFFICE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n\
        BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Natal\r\nDTSTART;VALUE=DATE:20201225\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20271225\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Company outing\r\nDTSTART;VALUE=DATE:20261230\r\nDTEND;VALUE=DATE:20270102\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:3\r\nSUMMARY:Stand-up\r\nDTSTART:20261207T090000Z\r\nDTEND:20261207T091500Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:4\r\nSUMMARY:Called off\r\nSTATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20261210\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:5\r\nSUMMARY:Long ago\r\nDTSTART;VALUE=DATE:20200101\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:6\r\nSUMMARY:A fol\r\n ded name\r\nDTSTART;TZID=Asia/Jakarta:20261224T000000\r\nDURATION:P1D\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:7\r\nSUMMARY:Twice\r\nDTSTART;VALUE=DATE:20261208\r\nRRULE:FREQ=WEEKLY;UNTIL=20261215\r\nEND:VEVENT\r\n\
        END:VCALENDAR";

    #[test]
    fn whole_days_of_an_office_calendar_are_taken_and_meetings_are_told() {
        let found = closed_days(OFFICE, date(2026, 12, 1)).unwrap();
        let expected = [
            (2026, 12, 8),
            (2026, 12, 15),
            (2026, 12, 24),
            (2026, 12, 25),
            (2026, 12, 30),
            (2026, 12, 31),
            (2027, 1, 1),
            (2028, 12, 25),
        ];
        assert_eq!(found.days, expected.map(|(year, month, day)| date(year, month, day)));
        assert_eq!(found.left_out, ["Stand-up: it has hours; only events of whole days are taken"]);
    }

    #[test]
    fn single_days_of_an_event_that_comes_again_are_moved_and_called_off() {
        let yearly = "BEGIN:VEVENT\nUID:1\nSUMMARY:Outing\ndtstart;value=date:20261221\nRRULE:FREQ=YEARLY\nEXDATE:20281221T000000Z\nEND:VEVENT";
        let moved = "BEGIN:VEVENT\nUID:1\nSUMMARY:Outing\nRECURRENCE-ID;VALUE=DATE:20271221\nDTSTART;VALUE=DATE:20271223\nEND:VEVENT";
        let off = "BEGIN:VEVENT\nUID:1\nSTATUS:CANCELLED\nRECURRENCE-ID;VALUE=DATE:20261221\nDTSTART;VALUE=DATE:20261221\nEND:VEVENT";
        let never = "BEGIN:VEVENT\nUID:2\nSUMMARY:Never\nDTSTART;VALUE=DATE:20261332\nEND:VEVENT";
        let text = format!("BEGIN:VCALENDAR\n{yearly}\n{moved}\n{off}\n{never}\nEND:VCALENDAR");
        let found = closed_days(&text, date(2026, 12, 1)).unwrap();
        assert_eq!(found.days, [date(2027, 12, 23)]);
        assert_eq!(found.left_out, ["Never: its first day does not exist"]);
    }

    #[test]
    fn what_is_no_calendar_is_told() {
        let today = date(2026, 12, 1);
        assert_eq!(closed_days("number,name\n", today), Err(NoCalendar::Other));
        assert!(matches!(
            closed_days("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", today),
            Err(NoCalendar::Broken(_))
        ));
        let bad = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:20261208\nRRULE:FREQ=SOMETIMES\nEND:VEVENT\nEND:VCALENDAR";
        let found = closed_days(bad, today).unwrap();
        assert_eq!((found.days.len(), found.left_out.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(lines in proptest::collection::vec(
            prop_oneof![
                "[ -~]{0,30}",
                "(DTSTART|DTEND|DURATION|RRULE|EXDATE|RDATE)(;VALUE=DATE|;TZID=[A-Z/]{0,9})?:[0-9TZP]{0,16}",
                "RRULE:FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY|SECONDLY);(COUNT|INTERVAL|BYDAY|BYMONTH|BYSETPOS|BYEASTER)=-?[0-9A-Z,]{0,6}",
                Just("BEGIN:VEVENT".to_owned()), Just("END:VEVENT".to_owned()),
            ], 0..12)) {
            let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261208\n{}\nEND:VEVENT\nEND:VCALENDAR", lines.join("\n"));
            let today = date(2026, 12, 1);
            if let Ok(found) = closed_days(&text, today) {
                prop_assert!(found.days.iter().all(|day| *day >= today));
            }
        }
    }
}
