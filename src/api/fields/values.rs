//! What a single value may be.

use std::ops::RangeInclusive;

use callcore::language::hidden_sign;
use serde_json::Value;

use super::Source;
use super::blank::{self, why_blank};

/// A text that holds a value, trimmed.
///
/// # Errors
/// Says why it is none.
pub(crate) fn checked_text(text: &str, longest: usize) -> Result<String, String> {
    if let Some(why) = why_blank(text) {
        return Err(why);
    }
    short_text(text, longest)
}

/// A text that is not empty, trimmed; for names of people, who may be called anything.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn short_text(text: &str, longest: usize) -> Result<String, String> {
    let length = text.chars().count();
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty; give it a value".to_owned());
    }
    if length > longest {
        return Err(format!("has {length} characters; {longest} is the most"));
    }
    match hidden_sign(text) {
        Some(why) => Err(why.to_owned()),
        None => Ok(text.to_owned()),
    }
}

/// Notes each text within a value that a template left behind, with its path and why it is none.
pub(super) fn left_over(path: &str, value: &Value, left: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => left.extend(blank::left_over(text).map(|why| (path.to_owned(), why))),
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                left_over(&format!("{path}[{at}]"), value, left);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                left_over(&format!("{path}.{name}"), value, left);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn whole(value: &Value, source: Source, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let number = match (value, source) {
        (Value::Number(number), _) => number.as_i64().or_else(|| as_whole(number.as_f64()?)),
        (Value::String(text), Source::Query | Source::Form) => {
            let text = text.trim();
            text.parse().ok().or_else(|| as_whole(text.parse().ok()?))
        }
        _ => None,
    };
    let (least, most) = (range.start(), range.end());
    number.filter(|number| range.contains(number)).ok_or_else(|| match *most {
        i64::MAX if *least == i64::MIN => "must be a whole number".to_owned(),
        i64::MAX => format!("must be a whole number, {least} or more"),
        _ => format!("must be a whole number from {least} to {most}"),
    })
}

fn as_whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9e15).then_some(number as i64)
}

/// Words in a sentence: "a", "b" or "c".
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
