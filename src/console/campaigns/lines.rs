//! What people write on the lines of the editor's fields, and back: windows, variables, numbers to call from.

use callcore::campaign::{Hours, Weekday};
use serde_json::{Value, json};

/// Days as people write them, in both languages.
const DAYS: [(Weekday, [&str; 2]); 7] = [
    (Weekday::Mon, ["mon", "sen"]),
    (Weekday::Tue, ["tue", "sel"]),
    (Weekday::Wed, ["wed", "rab"]),
    (Weekday::Thu, ["thu", "kam"]),
    (Weekday::Fri, ["fri", "jum"]),
    (Weekday::Sat, ["sat", "sab"]),
    (Weekday::Sun, ["sun", "min"]),
];

pub(super) fn split(text: &str) -> Vec<&str> {
    text.split([',', '\n', ';']).map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// `+622150001 = 200`.
pub(super) fn caller(line: &str) -> Value {
    match line.split_once('=') {
        Some((number, most)) => {
            let most = most.trim().parse::<u32>().map_or_else(|_| json!(most.trim()), |most| json!(most));
            json!({ "number": number.trim(), "per_day": most })
        }
        None => json!({ "number": line.trim() }),
    }
}

/// `shop = Menteng`. What reads as JSON is a number, a list and so on; everything else is a text.
pub(super) fn variable(line: &str) -> Option<(String, Value)> {
    let (name, value) = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    (!name.is_empty()).then(|| (name.to_owned(), value))
}

pub(super) fn variable_line((name, value): (&String, &Value)) -> String {
    let reads_back = |text: &&str| {
        let one_line = text.trim() == *text && !text.is_empty() && !text.contains(['\n', '\r']);
        one_line && serde_json::from_str::<Value>(text).is_err()
    };
    let plain = value.as_str().filter(reads_back);
    match plain {
        Some(text) => format!("{name} = {text}"),
        None => format!("{name} = {value}"),
    }
}

fn day(text: &str) -> Option<usize> {
    let text = text.trim().to_lowercase();
    DAYS.iter().position(|(_, names)| names.iter().any(|name| text.starts_with(name)))
}

/// `mon-fri, sun 08:00-20:00`.
pub(super) fn hours(line: &str) -> Option<Value> {
    let line = line.trim().replace(['–', '—'], "-").replace(" - ", "-");
    let (days, times) = line.rsplit_once(char::is_whitespace)?;
    let (from, until) = times.split_once('-')?;
    let mut named = Vec::new();
    for part in days.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                let count = (last + 7 - first) % 7;
                named.extend((0..=count).map(|offset| (first + offset) % 7));
            }
            None => named.push(day(part)?),
        }
    }
    named.sort_unstable();
    named.dedup();
    let days: Vec<Weekday> = named.into_iter().filter_map(|at| DAYS.get(at)).map(|(day, _)| *day).collect();
    serde_json::to_value(Hours { days, from: from.trim().to_owned(), until: until.trim().to_owned() }).ok()
}

pub(super) fn written(hours: &Hours) -> String {
    let mut days: Vec<usize> =
        hours.days.iter().filter_map(|day| DAYS.iter().position(|(known, _)| known == day)).collect();
    days.sort_unstable();
    days.dedup();
    let name = |at: usize| DAYS.get(at).map_or("", |(_, names)| names[0]);
    let mut parts: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(first) = days.get(at).copied() {
        let mut last = at;
        while days.get(last + 1).is_some_and(|next| *next == days[last] + 1) {
            last += 1;
        }
        parts.push(match last - at {
            0 => name(first).to_owned(),
            1 => format!("{}, {}", name(first), name(days[last])),
            _ => format!("{}-{}", name(first), name(days[last])),
        });
        at = last + 1;
    }
    format!("{} {}-{}", parts.join(", "), hours.from, hours.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_as_people_write_it_and_written_back() {
        for (line, again) in [
            ("mon-sat 08:00-20:00", "mon-sat 08:00-20:00"),
            ("Monday, Wednesday 8:00 - 9:30", "mon, wed 8:00-9:30"),
            ("sen–jum 08:00–17:00", "mon-fri 08:00-17:00"),
            ("sat-mon 10:00-24:00", "mon, sat, sun 10:00-24:00"),
            ("mon, tue 08:00-20:00", "mon, tue 08:00-20:00"),
        ] {
            let hours: Hours = serde_json::from_value(hours(line).unwrap()).unwrap();
            assert_eq!(written(&hours), again, "{line}");
        }
        for wrong in ["08:00-20:00", "mon", "mon 8", "foo 08:00-20:00"] {
            assert!(hours(wrong).is_none(), "{wrong}");
        }
    }
}
