//! Texts of digits that are no telephone number, or more than one: dates, times, amounts, two numbers in a field.

use super::bad::BadNumber;

/// Fewest digits of a number that stands beside another one without its area.
const A_NUMBER: usize = 7;
/// Fewest digits of two numbers in a row that begin alike.
const ALIKE: usize = 6;
/// Digits with which such numbers begin alike.
const BEGINNING: usize = 3;
/// Years of the dates that are met in tables.
const YEARS: std::ops::RangeInclusive<u32> = 1_900..=2_100;

/// Refuses what stands in a column of dates or amounts, and two numbers that only spaces, hyphens or stops part.
pub(super) fn check(text: &str) -> Result<(), BadNumber> {
    if is_date(text) {
        return Err(BadNumber::Date);
    }
    if is_time(text) || is_amount(text) {
        return Err(BadNumber::Amount);
    }
    if is_row(text) || is_span(text) { Err(BadNumber::Two) } else { Ok(()) }
}

/// The groups of digits, when nothing but digits and this sign is there.
fn parts(text: &str, sign: char) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.split(sign).collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (parts.len() > 1 && parts.iter().all(digits)).then_some(parts)
}

/// `2026-11-29`, `29.11.2026`, `11/29/26`, `2026-11`.
fn is_date(text: &str) -> bool {
    let value = |part: &str| part.parse::<u32>().unwrap_or(u32::MAX);
    let year = |part: &str| part.len() == 4 && YEARS.contains(&value(part));
    let short_year = |part: &str| part.len() == 2;
    let month = |part: &str| part.len() <= 2 && (1..=12).contains(&value(part));
    let day = |part: &str| part.len() <= 2 && (1..=31).contains(&value(part));
    let both = |one: &str, other: &str| (month(one) && day(other)) || (day(one) && month(other));
    ['-', '.', '/'].into_iter().filter_map(|sign| parts(text, sign)).any(|parts| match parts.as_slice() {
        [one, two, three] => {
            (year(one) && both(two, three)) || ((year(three) || short_year(three)) && both(one, two))
        }
        [one, two] => (year(one) && month(two)) || (month(one) && year(two)),
        _ => false,
    })
}

/// `12.30`, `12:30`, `12.30.45`.
fn is_time(text: &str) -> bool {
    let below =
        |part: &str, limit: u32| part.len() <= 2 && part.parse::<u32>().is_ok_and(|value| value < limit);
    let sixty = |part: &str| part.len() == 2 && below(part, 60);
    [':', '.'].into_iter().filter_map(|sign| parts(text, sign)).any(|parts| match parts.as_slice() {
        [hour, minute] => below(hour, 24) && sixty(minute),
        [hour, minute, second] => below(hour, 24) && sixty(minute) && sixty(second),
        _ => false,
    })
}

/// `250.000`, `1.250.000`, `12.5`, `99.95`.
fn is_amount(text: &str) -> bool {
    let Some(parts) = parts(text.trim_start_matches('-'), '.') else { return false };
    let (first, rest) = parts.split_first().unwrap_or((&"", &[]));
    let thousands = first.len() <= 3 && !first.starts_with('0') && rest.iter().all(|part| part.len() == 3);
    let cents = rest.len() == 1 && rest.iter().all(|part| part.len() <= 2);
    thousands || cents
}

/// `5550100 5550101`, `555 0100 555 0101`, `555-0100.555-0101`: two halves that are grouped alike. One number that names
/// its country may have such groups.
fn is_row(text: &str) -> bool {
    let groups: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let international = text.starts_with(['+', '(']) && text.contains('+') || text.starts_with("00");
    if international {
        return false;
    }
    if let [one, other] = groups.as_slice()
        && one.len() >= A_NUMBER
        && other.len() >= A_NUMBER
    {
        return true;
    }
    let Some((one, other)) = groups.split_at_checked(groups.len() / 2) else { return false };
    let lengths = |half: &[&str]| half.iter().map(|group| group.len()).collect::<Vec<_>>();
    let alike = groups.len().is_multiple_of(2) && lengths(one) == lengths(other);
    let (one, other) = (one.concat(), other.concat());
    alike && one.len() >= ALIKE && (one.len() >= A_NUMBER || one.get(..BEGINNING) == other.get(..BEGINNING))
}

/// `021 555 01 00 - 03`, `021 555 0100 - 0103`: from one number to another, of which only the end is written.
fn is_span(text: &str) -> bool {
    let mut pieces = text.split(" - ");
    let (Some(from), Some(to), None) = (pieces.next(), pieces.next(), pieces.next()) else { return false };
    let digits: String = from.chars().filter(char::is_ascii_digit).collect();
    let end = digits.len().checked_sub(to.len()).and_then(|at| digits.get(at..)).unwrap_or_default();
    if digits.len() < A_NUMBER || !to.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let same = to.len().saturating_sub(2);
    to.len() <= 2 || (end < to && end.get(..same) == to.get(..same))
}
