//! Texts of digits that are no telephone number, or more than one: dates, times, amounts, two numbers in a field.

use super::bad::BadNumber;

/// Fewest digits of a number that stands beside another one without its area.
const A_NUMBER: usize = 7;
/// Fewest digits of two numbers in a row that begin alike.
const ALIKE: usize = 6;
/// Digits with which such numbers begin alike.
const BEGINNING: usize = 3;
/// Fewest digits of a number whose area may be one of them, as in Budapest.
const SHORTEST_WITH_AREA: usize = 10;
/// Most digits of a country code.
const CODE: usize = 3;
/// Fewest digits of a number that stands in brackets of its own behind its country or area.
const WITHIN: usize = 5;
/// Most numbers of a row that are told by their last two digits alone.
const FEW: u32 = 20;
/// Years of the dates that are met in tables.
const YEARS: std::ops::RangeInclusive<u32> = 1_900..=2_100;

/// Refuses what stands in a column of dates, hours or amounts, two numbers that only spaces, hyphens or stops part, and
/// digits that stand beside a number.
pub(super) fn check(text: &str) -> Result<(), BadNumber> {
    if is_date(text) {
        return Err(BadNumber::Date);
    }
    if is_address(text) {
        return Err(BadNumber::Address);
    }
    if is_time(text) || are_hours(text) || is_amount(text) || is_decimal(text) {
        return Err(BadNumber::Amount);
    }
    if let Some(shown) = beside(text) {
        return Err(BadNumber::Beside { shown: shown.chars().take(24).collect() });
    }
    if is_row(text) || is_span(text) || starts_again(text) || are_short(text) {
        return Err(BadNumber::Two);
    }
    Ok(())
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
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

fn is_international(text: &str) -> bool {
    let begin = text.trim_start_matches(['(', ' ']);
    begin.starts_with('+') || begin.starts_with("00")
}

/// `5550100 5550101`, `555 0100 555 0101`, `555-0100.555-0101`: two halves that are grouped alike. One number that names
/// its country may have such groups.
fn is_row(text: &str) -> bool {
    let groups: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    if is_international(text) {
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

/// `021 555 01 00 - 03`, `021 555 0100 - 0103`, `0812345678-79`: from one number to another, of which only the end is
/// written. What may be the groups of one number is not taken for it.
fn is_span(text: &str) -> bool {
    let apart = text.matches(" - ").count() == 1;
    let pieces = if apart { text.split_once(" - ") } else { text.split_once('-') };
    let Some((from, to)) =
        pieces.filter(|(_, to)| !to.contains('-')).filter(|_| apart || text.matches('-').count() == 1)
    else {
        return false;
    };
    let digits = digits_of(from);
    let end = digits.len().checked_sub(to.len()).and_then(|at| digits.get(at..)).unwrap_or_default();
    if digits.len() < A_NUMBER || to.is_empty() || !to.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let value = |text: &str| text.parse::<u32>().unwrap_or_default();
    let further = value(to).saturating_sub(value(end));
    if apart && to.len() <= 2 {
        return true;
    }
    match to.len() {
        // `-0` and other digits behind a hyphen are an extension in Germany.
        1 => further == 1,
        2 => (1..=FEW).contains(&further),
        3..=5 => (1..100).contains(&further),
        _ => false,
    }
}

/// `0812345 081345`, `030 12345 0301`: behind a number another begins as it did.
fn starts_again(text: &str) -> bool {
    let groups: Vec<&str> = text.split_whitespace().collect();
    let Some(first) = groups.first().filter(|first| first.starts_with('0') && !first.starts_with("00"))
    else {
        return false;
    };
    let Some(beginning) = first.get(..BEGINNING) else { return false };
    let mut before = digits_of(first).len();
    groups.iter().skip(1).any(|group| {
        let behind = before >= A_NUMBER && group.starts_with(beginning) && group.len() > BEGINNING;
        // `0812 3456 0812` is one number in groups of four.
        let alike = groups.len() == 3 && group.len() == first.len();
        before += digits_of(group).len();
        behind && !alike
    })
}

/// `110 112`, `110-112`: numbers that are so short that nobody groups them.
fn are_short(text: &str) -> bool {
    let groups: Vec<&str> = text.split([' ', '-', '.']).filter(|group| !group.is_empty()).collect();
    groups.len() == 2
        && groups.iter().all(|group| {
            group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()) && group.starts_with(['1', '9'])
        })
}

/// What stands beside a number: `(1)` and `(12)` behind it, `1.` and `1)` and `(1)` before it.
fn beside(text: &str) -> Option<&str> {
    let own = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    if let Some(at) = text.trim_end().strip_suffix(')').and_then(|text| text.rfind('(')) {
        let (before, inside) = text.split_at(at);
        // `+62 21 (5550100)` is a number that stands in them.
        let whole = own(before) <= A_NUMBER && own(inside) >= WITHIN;
        if own(before) > CODE && !whole {
            return Some(inside.trim());
        }
    }
    if let Some(shown) = behind_hyphens(text) {
        return Some(shown);
    }
    let numbered = text.trim_start_matches('(');
    let behind = numbered.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = numbered.len() - behind.len();
    let marked = behind.strip_prefix(')').or_else(|| behind.strip_prefix(". "));
    let again = marked.map(|rest| rest.trim_start().trim_start_matches('('));
    let listed = (1..=2).contains(&count) && !numbered.starts_with('0');
    // A trunk zero behind a code in brackets, as in `(62) 0812`, has two digits before it.
    let short = count == 1 || !text.starts_with('(');
    again
        .filter(|rest| listed && short && rest.starts_with(['0', '+']) && own(rest) >= WITHIN)
        .and_then(|rest| text.get(..text.len() - rest.len()))
        .map(str::trim)
}

/// `0812-3456-901 1`: a digit or two behind a space, and the number before it is grouped by hyphens or stops alone.
fn behind_hyphens(text: &str) -> Option<&str> {
    let (number, shown) = text.rsplit_once(' ')?;
    let few = (1..=2).contains(&shown.len()) && shown.bytes().all(|b| b.is_ascii_digit());
    let grouped = ['-', '.'].into_iter().filter_map(|sign| parts(number, sign)).any(|parts| parts.len() >= 3);
    (few && grouped && digits_of(number).len() >= SHORTEST_WITH_AREA).then_some(shown)
}

/// `08.30-17.00`, `0830-1700`: from one hour to another.
fn are_hours(text: &str) -> bool {
    let full = |text: &str| {
        let (hour, minute) = text.split_at_checked(2).unwrap_or_default();
        text.len() == 4
            && hour.parse::<u32>().is_ok_and(|hour| hour <= 24)
            && minute.parse::<u32>().is_ok_and(|minute| minute < 60 && minute.is_multiple_of(5))
    };
    let Some((from, to)) = text.split_once('-').or_else(|| text.split_once(' ')) else { return false };
    let (from, to) = (from.trim(), to.trim());
    (is_time(from) && is_time(to)) || (full(from) && full(to) && from < to)
}

/// `3.14159`, `0.5`, `-6.2088`: so few digits before the only stop are no area.
fn is_decimal(text: &str) -> bool {
    let (minus, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let Some([whole, fraction]) = parts(digits, '.').and_then(|parts| <[&str; 2]>::try_from(parts).ok())
    else {
        return false;
    };
    let code = whole.len() <= 2 && !whole.starts_with('0');
    minus || whole == "0" || (code && fraction.len() < A_NUMBER)
}

/// `127.0.0.1`, `10.0.26100`: groups of one digit that no number has. French numbers have groups of two, American ones a
/// single digit in front.
fn is_address(text: &str) -> bool {
    let Some(parts) = parts(text, '.').filter(|parts| parts.len() >= 3) else { return false };
    let octet = |part: &&str| {
        part.len() <= 3
            && part.parse::<u32>().is_ok_and(|value| value < 256)
            && (part.len() == 1 || !part.starts_with('0'))
    };
    let pairs = parts.iter().all(|part| part.len() == 2);
    let short = digits_of(text).len() < SHORTEST_WITH_AREA;
    (parts.len() == 4 && !pairs && parts.iter().all(octet))
        || (short && parts.iter().skip(1).any(|part| part.len() == 1))
}
