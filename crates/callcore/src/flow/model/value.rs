//! Numbers as flow files and the data of calls write them.

use serde_json::Value as Json;

use crate::language::{Figure, Misread};

/// A number as a person, a program or a spreadsheet writes it, when it can only be one.
pub(crate) fn certain_number(text: &str) -> Result<Json, Misread> {
    let figure = Figure::certain(text)?;
    let sign = if figure.minus { "-" } else { "" };
    let plain = match figure.fraction.as_str() {
        "" => format!("{sign}{}", figure.whole),
        fraction => format!("{sign}{}.{fraction}", figure.whole),
    };
    number(&plain).ok_or(Misread::NotANumber)
}

/// A number as JSON and YAML write it.
pub(crate) fn number(text: &str) -> Option<Json> {
    let text = text.trim();
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if !plain {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(Json::from(whole)),
        Err(_) => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Json::from),
    }
}
