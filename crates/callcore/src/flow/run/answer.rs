//! A question as the flow knows it: what may be answered, by keys and by words, and where it leads.

use serde_json::Value;

use super::expr::Facts;
use super::expr::number;
use super::knowledge::Knowledge;
use crate::flow::model::{Ask, Choice, Expr, KeysSoFar, SceneId, Slot, VariableType};
use crate::language::{
    Date, Figure, TimeOfDay, hear_date, hear_digits, hear_number, hear_time, hear_yes_no, plain_words,
};

/// What a filled slot sets, and where it leads.
#[derive(Debug)]
pub(super) struct Filled {
    pub set: Vec<(String, Value)>,
    pub goto: Option<SceneId>,
}

/// Most characters kept of a free answer.
const MAX_WORDS: usize = 1_000;

/// An answer, as far as it goes.
#[derive(Debug)]
pub(super) enum Reading<'a> {
    Choice(&'a Choice),
    Filled(Filled),
    /// Whether a filled slot is right.
    Confirmed(bool),
    /// A longer answer begins like this.
    More,
    Nothing,
}

impl Reading<'_> {
    pub(super) const fn is_answer(&self) -> bool {
        matches!(self, Self::Choice(_) | Self::Filled(_) | Self::Confirmed(_))
    }
}

type Read<'a> = Result<Reading<'a>, String>;

/// The keys pressed so far.
pub(super) fn keys<'a>(ask: &'a Ask, pressed: &str, knowledge: &Knowledge) -> Read<'a> {
    let longer = ask.choices.iter().any(|c| c.keys.len() > pressed.len() && c.keys.starts_with(pressed));
    let choice = ask.choices.iter().find(|choice| choice.keys == pressed && !pressed.is_empty());
    let so_far = ask.slot.as_ref().map_or(KeysSoFar::Wrong, |slot| slot.keys_so_far(pressed));
    match (choice, so_far) {
        _ if longer => Ok(Reading::More),
        (Some(_), KeysSoFar::More) | (None, KeysSoFar::More) => Ok(Reading::More),
        (Some(choice), KeysSoFar::Complete(_) | KeysSoFar::Wrong) => Ok(Reading::Choice(choice)),
        (None, KeysSoFar::Complete(digits)) => by_keys(ask, &digits, knowledge),
        (None, KeysSoFar::Wrong) => Ok(Reading::Nothing),
    }
}

/// The keys pressed, now that no more have come.
pub(super) fn keys_at_last<'a>(ask: &'a Ask, pressed: &str, knowledge: &Knowledge) -> Read<'a> {
    if let Some(choice) = ask.choices.iter().find(|choice| choice.keys == pressed) {
        return Ok(Reading::Choice(choice));
    }
    match ask.slot.as_ref().and_then(|slot| slot.keys_at_last(pressed)) {
        Some(digits) => by_keys(ask, digits, knowledge),
        None => Ok(Reading::Nothing),
    }
}

/// Whether the key that ends an entry was pressed.
pub(super) fn are_ended(ask: &Ask, pressed: &str) -> bool {
    let end = ask.slot.as_ref().and_then(Slot::end_key);
    end.is_some_and(|end| pressed.len() > 1 && pressed.ends_with(end))
}

/// What was said: the choice with the longest phrase in it, else what fills the slot.
pub(super) fn words<'a>(ask: &'a Ask, text: &str, knowledge: &Knowledge) -> Read<'a> {
    let plain = plain_words(text);
    if let Some((_, choice)) = phrase(ask, &plain) {
        return Ok(Reading::Choice(choice));
    }
    by_words(ask, text, &plain, knowledge)
}

/// The longest phrase of a choice that is in `plain` as whole words.
pub(super) fn phrase<'a>(ask: &'a Ask, plain: &str) -> Option<(usize, &'a Choice)> {
    let padded = format!(" {plain} ");
    ask.choices
        .iter()
        .flat_map(|choice| choice.phrases.iter().map(move |phrase| (phrase, choice)))
        .filter(|(phrase, _)| padded.contains(&format!(" {phrase} ")))
        .max_by_key(|(phrase, _)| phrase.len())
        .map(|(phrase, choice)| (phrase.len(), choice))
}

/// Whether two choices are in `text`, neither of them as a part of the other: "not sales, billing".
pub(super) fn says_two(ask: &Ask, text: &str) -> bool {
    let padded = format!(" {} ", plain_words(text));
    let longest = |choice: &Choice| {
        let said = choice.phrases.iter().filter(|phrase| padded.contains(&format!(" {phrase} ")));
        said.max_by_key(|phrase| phrase.len()).cloned()
    };
    let said: Vec<String> = ask.choices.iter().filter_map(longest).collect();
    let is_part = |inner: &str| {
        said.iter().any(|outer| outer != inner && format!(" {outer} ").contains(&format!(" {inner} ")))
    };
    said.iter().filter(|phrase| !is_part(phrase)).count() > 1
}

/// Yes or no to "is that right?".
pub(super) fn confirmation<'a>(ask: &Ask, answer: &str, by_keys: bool) -> Reading<'a> {
    let right = match (by_keys, answer) {
        (true, "1") => Some(true),
        (true, "2") => Some(false),
        (true, _) => None,
        (false, text) => hear_yes_no(&plain_words(text), ask.language),
    };
    right.map_or(Reading::Nothing, Reading::Confirmed)
}

fn filled<'a>(set: Vec<(String, Value)>, goto: Option<SceneId>) -> Read<'a> {
    Ok(Reading::Filled(Filled { set, goto }))
}

fn by_keys<'a>(ask: &Ask, digits: &str, knowledge: &Knowledge) -> Read<'a> {
    match &ask.slot {
        Some(Slot::Number { .. }) => number_slot(ask, digits.parse().ok()),
        Some(Slot::Digits { .. }) => digits_slot(ask, digits.to_owned()),
        // Day, month and year.
        Some(Slot::Date { .. }) => {
            let part =
                |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok());
            let date = match (part(4..8), part(2..4), part(0..2)) {
                (Some(year), Some(month), Some(day)) => {
                    i32::try_from(year).ok().and_then(|year| Date::new(year, month, day))
                }
                _ => None,
            };
            date_slot(ask, date, knowledge)
        }
        Some(Slot::Time { .. }) => {
            let part =
                |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok());
            time_slot(ask, part(0..2).zip(part(2..4)).and_then(|(hour, minute)| TimeOfDay::new(hour, minute)))
        }
        Some(Slot::YesNo { .. }) => yes_no_slot(
            ask,
            match digits {
                "1" => Some(true),
                "2" => Some(false),
                _ => None,
            },
        ),
        Some(Slot::Pattern { .. } | Slot::Words { .. }) | None => Ok(Reading::Nothing),
    }
}

fn by_words<'a>(ask: &Ask, text: &str, plain: &str, knowledge: &Knowledge) -> Read<'a> {
    match &ask.slot {
        None => Ok(Reading::Nothing),
        Some(Slot::Number { .. }) => number_slot(ask, hear_number(text, ask.language)),
        Some(Slot::Digits { .. }) => digits_slot(ask, hear_digits(text, ask.language)),
        Some(Slot::Date { .. }) => {
            date_slot(ask, hear_date(text, ask.language, knowledge.today()), knowledge)
        }
        Some(Slot::Time { .. }) => time_slot(ask, hear_time(text, ask.language)),
        Some(Slot::YesNo { .. }) => yes_no_slot(ask, hear_yes_no(plain, ask.language)),
        Some(Slot::Words { into }) => {
            let text = text.trim();
            if text.is_empty() {
                return Ok(Reading::Nothing);
            }
            filled(vec![(into.clone(), kept(text))], ask.goto)
        }
        Some(Slot::Pattern { .. }) => Ok(pattern_slot(ask, text, plain)),
    }
}

fn kept(text: &str) -> Value {
    Value::from(text.chars().take(MAX_WORDS).collect::<String>())
}

fn number_slot<'a>(ask: &Ask, n: Option<f64>) -> Read<'a> {
    let (Some(Slot::Number { into, min, max }), Some(n)) = (&ask.slot, n) else {
        return Ok(Reading::Nothing);
    };
    if min.is_some_and(|min| n < min) || max.is_some_and(|max| n > max) {
        return Ok(Reading::Nothing);
    }
    filled(vec![(into.clone(), number(n)?)], ask.goto)
}

fn digits_slot<'a>(ask: &Ask, digits: String) -> Read<'a> {
    match &ask.slot {
        Some(Slot::Digits { into, min, max, .. }) if (*min..=*max).contains(&digits.len()) => {
            filled(vec![(into.clone(), Value::from(digits))], ask.goto)
        }
        Some(_) | None => Ok(Reading::Nothing),
    }
}

fn date_slot<'a>(ask: &Ask, date: Option<Date>, knowledge: &Knowledge) -> Read<'a> {
    let (Some(Slot::Date { into, earliest, latest }), Some(date)) = (&ask.slot, date) else {
        return Ok(Reading::Nothing);
    };
    let bound = |expr: &Option<Expr>| match expr {
        None => Ok(None),
        Some(expr) => expr.value(knowledge).map(|value| Date::parse(value.as_str().unwrap_or_default())),
    };
    let early = bound(earliest)?.is_some_and(|earliest| date < earliest);
    if early || bound(latest)?.is_some_and(|latest| date > latest) {
        return Ok(Reading::Nothing);
    }
    filled(vec![(into.clone(), Value::from(date.to_string()))], ask.goto)
}

fn time_slot<'a>(ask: &Ask, time: Option<TimeOfDay>) -> Read<'a> {
    let (Some(Slot::Time { into, earliest, latest }), Some(time)) = (&ask.slot, time) else {
        return Ok(Reading::Nothing);
    };
    if earliest.is_some_and(|earliest| time < earliest) || latest.is_some_and(|latest| time > latest) {
        return Ok(Reading::Nothing);
    }
    filled(vec![(into.clone(), Value::from(time.to_string()))], ask.goto)
}

fn yes_no_slot<'a>(ask: &Ask, answer: Option<bool>) -> Read<'a> {
    let (Some(Slot::YesNo { into, yes, no }), Some(answer)) = (&ask.slot, answer) else {
        return Ok(Reading::Nothing);
    };
    let set = into.iter().map(|into| (into.clone(), Value::from(answer))).collect();
    filled(set, if answer { *yes } else { *no }.or(ask.goto))
}

/// The first pattern found in the words as the recogniser wrote them, or in the plain words.
fn pattern_slot<'a>(ask: &Ask, text: &str, plain: &str) -> Reading<'a> {
    let Some(Slot::Pattern { patterns, groups, into }) = &ask.slot else { return Reading::Nothing };
    for (pattern, said) in patterns.iter().flat_map(|pattern| [(pattern, text), (pattern, plain)]) {
        let Some(found) = pattern.captures(said) else { continue };
        let mut set = Vec::new();
        for (name, kind) in groups {
            let group = found.name(name).map(|group| group.as_str());
            match (kind, group) {
                (VariableType::Number, Some(group)) => {
                    let figure = Figure::written(group, ask.language);
                    let n = figure.and_then(|f| format!("{}.{}", f.whole, f.fraction).parse::<f64>().ok());
                    let Some(Ok(n)) = n.map(number) else { return Reading::Nothing };
                    set.push((name.clone(), n));
                }
                (VariableType::Number, None) => {}
                (_, group) => set.push((name.clone(), kept(group.unwrap_or_default()))),
            }
        }
        set.extend(into.iter().map(|into| (into.clone(), kept(text.trim()))));
        return Reading::Filled(Filled { set, goto: ask.goto });
    }
    Reading::Nothing
}
