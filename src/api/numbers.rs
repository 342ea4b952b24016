//! Telephone numbers and their countries in requests.

use callcore::number::{self, Country};

use super::fields::Fields;

/// Longest number with all that people write between its digits, characters.
const LONGEST: usize = 256;

/// The country of numbers that do not name their own: `"ID"`, `"62"` or 62.
pub(super) fn country(fields: &mut Fields<'_>) -> Option<Country> {
    let value = fields.take("country").filter(|value| !value.is_null())?;
    let wrong = "must be two letters such as \"ID\", or a calling code such as \"62\"";
    fields.checked("country", |_| serde_json::from_value(value).map_err(|_| wrong.to_owned()))
}

/// A number in its one form, and what was written with it and means nothing here: `ext`, `host`.
pub(super) fn number(
    fields: &mut Fields<'_>,
    name: &'static str,
    country: Option<Country>,
) -> Option<(String, Vec<String>)> {
    let text = fields.any_text(name)?;
    fields.checked(name, |_| {
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        if text.chars().count() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let number = number::read(&text, country).map_err(|bad| bad.to_string())?;
        let (number, ignored) = number.into_parts();
        let named = |part: String| match part.strip_prefix(';') {
            Some(parameter) => parameter.to_owned(),
            None => "host".to_owned(),
        };
        Ok((number, ignored.into_iter().map(named).collect()))
    })
}
