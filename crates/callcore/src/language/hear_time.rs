//! Times of day out of what was said: `half past two`, `jam dua siang`, `9 a.m.`, `14:30`.

use super::calendar::TimeOfDay;
use super::hear_number::fold;
use super::lexicon::{Token, tokens};
use super::tag::Language;

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Number(u32),
    Clock { hour: u32, minute: u32, exact: bool },
    Word(String),
}

/// The part of the day an hour belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Morning,
    /// Around noon.
    Midday,
    Afternoon,
    Evening,
}

/// The time that was said. An hour from 1 to 6 without a part of the day is taken for the afternoon: nobody
/// makes an appointment for three at night.
pub(crate) fn time(text: &str, language: Language) -> Option<TimeOfDay> {
    let items = items(text, language);
    let words: Vec<&str> = items
        .iter()
        .map(|item| match item {
            Item::Word(word) => word.as_str(),
            Item::Number(_) | Item::Clock { .. } => "#",
        })
        .collect();
    let said = format!(" {} ", words.join(" "));
    let has = |phrase: &str| said.contains(&format!(" {phrase} "));
    let part = part_of_day(&has, language);
    let Some((hour, minute, exact)) = clock(&items, language) else {
        return match language {
            Language::English if has("noon") || has("midday") => TimeOfDay::new(12, 0),
            Language::English if has("midnight") => TimeOfDay::new(0, 0),
            Language::Indonesian if has("tengah hari") => TimeOfDay::new(12, 0),
            Language::Indonesian if has("tengah malam") => TimeOfDay::new(0, 0),
            Language::English | Language::Indonesian | Language::Other => None,
        };
    };
    let hour = match (part, hour) {
        (Some(Part::Morning), 12) | (Some(Part::Evening), 12) | (_, 24) => 0,
        (Some(Part::Afternoon), 1..=11) | (Some(Part::Evening), 5..=11) | (Some(Part::Midday), 1..=4) => {
            hour + 12
        }
        (None, 1..=6) if !exact => hour + 12,
        (_, hour) => hour,
    };
    TimeOfDay::new(hour, minute)
}

fn items(text: &str, language: Language) -> Vec<Item> {
    let tokens = tokens(text, language);
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Token::Clock { time, exact } = token {
            let (hour, minute) = time.clock();
            items.push(Item::Clock { hour, minute, exact: *exact });
        } else if let Some((hour, minute)) = dotted(token) {
            items.push(Item::Clock { hour, minute, exact: hour == 0 });
        } else if let Some(folded) = fold(&tokens, at, language) {
            items.extend(folded.small().map(Item::Number));
            at = folded.end.max(at + 1);
            continue;
        } else if let Token::Word(word) = token {
            items.push(Item::Word(word.clone()));
        }
        at += 1;
    }
    items
}

/// `14.30`, as Indonesians write the time.
fn dotted(token: &Token) -> Option<(u32, u32)> {
    let Token::Figure { raw, .. } = token else { return None };
    let (hour, minute) = raw.split_once('.')?;
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok().filter(|_| minute.len() == 2)?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

fn part_of_day(has: &dyn Fn(&str) -> bool, language: Language) -> Option<Part> {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| has(phrase));
    match language {
        Language::English if any(&["am", "a m", "morning"]) => Some(Part::Morning),
        Language::English if any(&["pm", "p m", "afternoon"]) => Some(Part::Afternoon),
        Language::English if any(&["evening", "night", "tonight"]) => Some(Part::Evening),
        Language::Indonesian if any(&["pagi", "subuh", "dini hari"]) => Some(Part::Morning),
        Language::Indonesian if any(&["siang"]) => Some(Part::Midday),
        Language::Indonesian if any(&["sore", "petang"]) => Some(Part::Afternoon),
        Language::Indonesian if any(&["malam"]) => Some(Part::Evening),
        Language::English | Language::Indonesian | Language::Other => None,
    }
}

fn number_at(items: &[Item], at: usize) -> Option<u32> {
    match items.get(at)? {
        Item::Number(n) => Some(*n),
        Item::Clock { .. } | Item::Word(_) => None,
    }
}

/// Hour and minute as they were named, and whether they cannot mean the other half of the day.
fn clock(items: &[Item], language: Language) -> Option<(u32, u32, bool)> {
    let clock = items.iter().find_map(|item| match item {
        Item::Clock { hour, minute, exact } => Some((*hour, *minute, *exact)),
        Item::Number(_) | Item::Word(_) => None,
    });
    if clock.is_some() {
        return clock;
    }
    let word = |at: usize| match items.get(at) {
        Some(Item::Word(word)) => word.as_str(),
        Some(Item::Number(_) | Item::Clock { .. }) | None => "",
    };
    let marked = (0..items.len()).find(|at| {
        matches!(word(*at), "at" | "jam" | "pukul" | "setengah" | "past" | "to" | "quarter" | "half")
            && (1..=3).any(|later| number_at(items, at + later).is_some())
    });
    // `quarter to two`, `ten past nine`: the minutes come first.
    if language == Language::English {
        for at in 0..items.len() {
            let Some(hour) = number_at(items, at + 1).filter(|hour| *hour <= 12) else { continue };
            let before = at.checked_sub(1);
            let minutes = match before.map(word) {
                Some("half") => Some(30),
                Some("quarter") => Some(15),
                Some(_) => before.and_then(|before| number_at(items, before)).filter(|m| *m < 60),
                None => None,
            };
            match (word(at), minutes) {
                ("past", Some(minutes)) => return Some((hour, minutes, false)),
                ("to", Some(minutes)) if minutes > 0 => {
                    return Some(((hour + 11) % 12, 60 - minutes, false));
                }
                _ => {}
            }
        }
    }
    let start = marked.unwrap_or(0);
    let at = (start..items.len()).find(|at| number_at(items, *at).is_some_and(|n| n <= 24))?;
    let hour = number_at(items, at)?;
    if language == Language::Indonesian && at.checked_sub(1).is_some_and(|before| word(before) == "setengah")
    {
        return Some(((hour + 11) % 12, 30, false));
    }
    let quarter_or = |at: usize| match word(at) {
        "seperempat" => Some(15),
        "setengah" => Some(30),
        _ => number_at(items, at).filter(|minute| *minute < 60),
    };
    let minute = match word(at + 1) {
        "lewat" | "lebih" => quarter_or(at + 2)?,
        "kurang" => {
            let minutes = quarter_or(at + 2).filter(|minutes| *minutes > 0)?;
            return Some(((hour + 23) % 24, 60 - minutes, false));
        }
        _ => match (number_at(items, at + 1), number_at(items, at + 2)) {
            // `nine oh five`
            (Some(0), Some(minute @ 1..=9)) => minute,
            (Some(minute @ 0..=59), _) => minute,
            _ => 0,
        },
    };
    Some((hour, minute, hour == 0 || hour > 12))
}
