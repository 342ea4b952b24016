//! Dates out of what was said: `besok`, `tanggal 5 Mei`, `next Friday`, `May fifth`.

use super::calendar::Date;
use super::hear_number::fold;
use super::lexicon::{Token, month, tokens, weekday};
use super::say_when::{WEEKDAYS_EN, WEEKDAYS_ID};
use super::tag::Language;

/// The days that are named most: today, the next two, and those of the week; each by the ways to say it.
pub(crate) fn days_said(language: Language) -> Vec<Vec<String>> {
    let (near, week): (&[&str], &[&str]) = match language {
        Language::English => (&["today", "tomorrow", "the day after tomorrow"], &WEEKDAYS_EN),
        Language::Indonesian => (&["hari ini", "besok", "lusa"], &WEEKDAYS_ID),
        Language::Other => (&[], &[]),
    };
    let hari = |day: &str| {
        let mut ways = vec![day.to_lowercase()];
        // Alone it also means week.
        if language == Language::Indonesian {
            ways.insert(0, format!("hari {}", day.to_lowercase()));
        }
        ways
    };
    let near = near.iter().map(|day| vec![(*day).to_owned()]);
    near.chain(week.iter().map(|day| hari(day))).collect()
}

/// What a piece of the answer may be in a date.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Number { n: u32, ordinal: bool },
    Month(u32),
    Weekday(u32),
    Word(String),
}

/// The date that was said on the day `today`. A day without its year is the next one to come; a day of the
/// week is the next such day, with `next` (`depan`) the one of next week.
pub(crate) fn date(text: &str, language: Language, today: Date) -> Option<Date> {
    let tokens = tokens(text, language);
    for token in &tokens {
        match token {
            Token::Date(date) => return Some(*date),
            Token::Slashed(parts) => return slashed(parts, language, today),
            Token::Word(_) | Token::Figure { .. } | Token::Clock { .. } => {}
        }
    }
    let items = items(&tokens, language);
    by_month(&items, today)
        .or_else(|| relative(&items, language, today))
        .or_else(|| by_weekday(&items, language, today))
        .or_else(|| by_day(&items, today))
}

fn items(tokens: &[Token], language: Language) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let folded = fold(tokens, at, language).and_then(|f| f.small().map(|n| (n, f.ordinal, f.end)));
        if let Some((n, ordinal, end)) = folded {
            items.push(Item::Number { n, ordinal });
            at = end.max(at + 1);
            continue;
        }
        if let Token::Word(word) = token {
            items.push(match (month(word, language), weekday(word, language)) {
                (Some(month), _) => Item::Month(month),
                (None, Some(day)) => Item::Weekday(day),
                (None, None) => Item::Word(word.clone()),
            });
        }
        at += 1;
    }
    items
}

/// `5/6/2026`: day first in Indonesian, month first in English where both could be.
fn slashed(parts: &[u32], language: Language, today: Date) -> Option<Date> {
    let (first, second) = (*parts.first()?, *parts.get(1)?);
    let month_first = language == Language::English && first <= 12 || second > 12;
    let (month, day) = if month_first { (first, second) } else { (second, first) };
    match parts.get(2) {
        Some(year) => Date::new(full_year(*year)?, month, day),
        None => next_to_come(month, day, today),
    }
}

fn full_year(year: u32) -> Option<i32> {
    let year = i32::try_from(year).ok()?;
    Some(if year < 100 { 2000 + year } else { year })
}

/// This year's day, or next year's when it has been; 29 February waits for a leap year.
fn next_to_come(month: u32, day: u32, today: Date) -> Option<Date> {
    let (year, ..) = today.civil();
    (year..=year + 8).filter_map(|year| Date::new(year, month, day)).find(|date| *date >= today)
}

fn number_at(items: &[Item], at: usize) -> Option<u32> {
    match items.get(at)? {
        Item::Number { n, .. } => Some(*n),
        Item::Month(_) | Item::Weekday(_) | Item::Word(_) => None,
    }
}

fn is_word(items: &[Item], at: usize, words: &[&str]) -> bool {
    matches!(items.get(at), Some(Item::Word(word)) if words.contains(&word.as_str()))
}

/// A day and a month, perhaps with a year behind them.
fn by_month(items: &[Item], today: Date) -> Option<Date> {
    items.iter().enumerate().find_map(|(at, item)| {
        let Item::Month(month) = item else { return None };
        let of = at.checked_sub(1).filter(|before| is_word(items, *before, &["of", "bulan"]));
        let before = of.unwrap_or(at).checked_sub(1).and_then(|before| number_at(items, before));
        let mut next = at + 1;
        let day = match before.filter(|day| (1..=31).contains(day)) {
            Some(day) => day,
            None => {
                next += usize::from(is_word(items, next, &["the"]));
                let day = number_at(items, next)?;
                next += 1;
                day
            }
        };
        next += usize::from(is_word(items, next, &["tahun"]));
        match year_at(items, next) {
            Some(year) => Date::new(year, *month, day),
            None => next_to_come(*month, day, today),
        }
    })
}

/// `2026`, or `twenty` `twenty-six`.
fn year_at(items: &[Item], at: usize) -> Option<i32> {
    let first = number_at(items, at)?;
    let year = match (first, number_at(items, at + 1)) {
        (1900..=2199, _) => first,
        (19..=21, Some(rest @ 10..=99)) => first * 100 + rest,
        _ => return None,
    };
    i32::try_from(year).ok()
}

/// Days, weeks and months from today.
fn relative(items: &[Item], language: Language, today: Date) -> Option<Date> {
    let words: Vec<&str> = items
        .iter()
        .map(|item| match item {
            Item::Word(word) => word.as_str(),
            Item::Weekday(6) if language == Language::Indonesian => "minggu",
            Item::Number { .. } | Item::Month(_) | Item::Weekday(_) => "#",
        })
        .collect();
    let said = format!(" {} ", words.join(" "));
    let has = |phrase: &str| said.contains(&format!(" {phrase} "));
    let fixed: &[(&str, i64)] = match language {
        Language::English => {
            &[("day after tomorrow", 2), ("tomorrow", 1), ("today", 0), ("tonight", 0), ("yesterday", -1)]
        }
        Language::Indonesian => &[("lusa", 2), ("besok", 1), ("esok", 1), ("hari ini", 0), ("kemarin", -1)],
        Language::Other => &[],
    };
    if let Some((_, days)) = fixed.iter().find(|(phrase, _)| has(phrase)) {
        return today.plus_days(*days);
    }
    if let Some(date) = counted(items, &words, today) {
        return Some(date);
    }
    let weekday = items.iter().any(|item| matches!(item, Item::Weekday(0..=5)));
    if (has("next week") || (has("minggu depan") && !has("hari minggu"))) && !weekday {
        return today.plus_days(7);
    }
    (has("next month") || has("bulan depan")).then(|| today.plus_months(1)).flatten()
}

/// `in two weeks`, `three days from now`, `dua minggu lagi`.
fn counted(items: &[Item], words: &[&str], today: Date) -> Option<Date> {
    items.iter().enumerate().find_map(|(at, item)| {
        let n = match item {
            Item::Number { n, .. } => *n,
            Item::Word(word) if word == "a" && at > 0 && words.get(at - 1) == Some(&"in") => 1,
            Item::Word(_) | Item::Month(_) | Item::Weekday(_) => return None,
        };
        let after = words.get(at + 2).copied().unwrap_or_default();
        let leads =
            at > 0 && words.get(at - 1) == Some(&"in") || matches!(after, "from" | "lagi" | "kemudian");
        let n = i32::try_from(n).ok().filter(|n| leads && *n <= 1_000)?;
        match *words.get(at + 1)? {
            "day" | "days" | "hari" => today.plus_days(i64::from(n)),
            "week" | "weeks" | "minggu" | "pekan" => today.plus_days(7 * i64::from(n)),
            "month" | "months" | "bulan" => today.plus_months(n),
            _ => None,
        }
    })
}

fn by_weekday(items: &[Item], language: Language, today: Date) -> Option<Date> {
    let at = items.iter().position(|item| matches!(item, Item::Weekday(_)))?;
    let Some(Item::Weekday(wanted)) = items.get(at) else { return None };
    let ahead = i64::from((wanted + 7 - today.weekday()) % 7);
    let (this, next) = match language {
        Language::Indonesian => (
            is_word(items, at + 1, &["ini"]),
            is_word(items, at + 1, &["depan"])
                || (matches!(items.get(at + 1), Some(Item::Weekday(6)))
                    && is_word(items, at + 2, &["depan"])),
        ),
        Language::English | Language::Other => {
            let before =
                |words: &[&str]| at.checked_sub(1).is_some_and(|before| is_word(items, before, words));
            let week = items
                .windows(2)
                .any(|two| matches!(two, [Item::Word(a), Item::Word(b)] if a == "next" && b == "week"));
            (before(&["this"]), before(&["next"]) || week)
        }
    };
    if next {
        let monday = today.plus_days(7 - i64::from(today.weekday()))?;
        return monday.plus_days(i64::from(*wanted));
    }
    today.plus_days(if ahead == 0 && !this { 7 } else { ahead })
}

/// A day of the month alone: `the fifth`, `tanggal lima`.
fn by_day(items: &[Item], today: Date) -> Option<Date> {
    let day = items.iter().enumerate().find_map(|(at, item)| {
        let Item::Number { n, ordinal } = item else { return None };
        let marked = at.checked_sub(1).is_some_and(|before| is_word(items, before, &["tanggal", "tgl"]));
        (*ordinal || marked).then_some(*n)
    })?;
    let (year, month, _) = today.civil();
    (0..12)
        .filter_map(|later| {
            let first = Date::new(year, month, 1)?.plus_months(later)?;
            let (year, month, _) = first.civil();
            Date::new(year, month, day)
        })
        .find(|date| *date >= today)
}
