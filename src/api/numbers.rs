//! Telephone numbers and their countries in requests.

use callcore::number::{Country, Spelling};

use super::fields::Fields;
use crate::store::is_linked_contact;

/// Longest number with all that people write between its digits, characters.
const LONGEST: usize = 256;

/// The country of numbers that do not name their own: `"ID"`, `"62"` or 62.
pub(super) fn country(fields: &mut Fields<'_>) -> Option<Country> {
    let value = fields.take("country").filter(|value| !value.is_null())?;
    let wrong = "must be two letters such as \"ID\", or a calling code such as \"62\"";
    fields.checked("country", |_| serde_json::from_value(value).map_err(|_| wrong.to_owned()))
}

/// A number, and what was written with it and means nothing here: `ext`, `host`. It has its one form when it names its
/// country or `country` is given; else it stays as it is written, because only the country of the flow, of the list or
/// of the server tells which of its digits lead abroad.
pub(super) fn number(
    fields: &mut Fields<'_>,
    name: &'static str,
    country: Option<Country>,
) -> Option<(String, Vec<String>)> {
    let text = fields.any_text(name)?;
    number_of(fields, name, &text, country)
}

/// A number, or somebody who is called by links, as such calls name them.
pub(super) fn party(fields: &mut Fields<'_>, name: &'static str, country: Option<Country>) -> Option<String> {
    let text = fields.any_text(name)?;
    if is_linked_contact(&text) && text.len() <= LONGEST {
        return Some(text);
    }
    number_of(fields, name, &text, country).map(|(number, _)| number)
}

fn number_of(
    fields: &mut Fields<'_>,
    name: &'static str,
    text: &str,
    country: Option<Country>,
) -> Option<(String, Vec<String>)> {
    fields.checked(name, |_| {
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        if text.chars().count() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let spelling = Spelling::read(text).map_err(|bad| bad.to_string())?;
        let ignored = spelling.ignored().to_vec();
        let number = if country.is_some() || spelling.names_country() {
            spelling.at_home(country).map_err(|bad| bad.to_string())?.into_parts().0
        } else {
            text.trim().to_owned()
        };
        let named = |part: String| match part.strip_prefix(';') {
            Some(parameter) => parameter.to_owned(),
            None => "host".to_owned(),
        };
        Ok((number, ignored.into_iter().map(named).collect()))
    })
}
