//! A contact as callers give it, checked: one by one in JSON, or many in a file.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::error::Problem;
use crate::api::extract::wrong;
use crate::store::{ContactChange, NewContact};

/// Digits of a number, as dial-outs take them.
const DIGITS: RangeInclusive<usize> = 3..=20;
const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 200;
/// Largest metadata of a contact, bytes of JSON.
const LARGEST_METADATA: usize = 16 * 1024;

/// A contact to keep.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = NewContact, example = json!({
    "contact_id": "jj084", "phone_number": "+6281234567890", "name": "Jaya",
    "metadata": { "amount": "120 dollars" }
}))]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// Your own id of the person: letters, digits and `. _ : @ -`. One is made when absent.
    #[schema(pattern = "^[A-Za-z0-9._:@-]{1,64}$")]
    pub(super) contact_id: Option<String>,
    /// 3 to 20 digits with the country code; spaces, dots, dashes and brackets are taken out, `00` becomes a plus.
    #[schema(pattern = r"^\+?0?[1-9][0-9]{2,17}$")]
    pub(super) phone_number: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"^\S")]
    pub(super) name: Option<String>,
    /// The flow of calls that name none: `name`, `name@label` or `name@digest`.
    #[schema(min_length = 1, max_length = 200, pattern = r"^\S")]
    pub(super) flow: Option<String>,
    /// Variables of the flow, 16 KiB at most.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
}

impl Given {
    /// # Errors
    /// Names the field that is wrong.
    pub(super) fn checked(self) -> Result<NewContact, Problem> {
        if let Some(id) = &self.contact_id {
            check_id(id)?;
        }
        let metadata = self.metadata.unwrap_or_default();
        check_metadata(&metadata)?;
        Ok(NewContact {
            id: self.contact_id,
            number: number(&self.phone_number)?,
            name: self.name.map(|name| short("name", name)).transpose()?,
            flow: self.flow.map(|flow| short("flow", flow)).transpose()?,
            metadata: Value::Object(metadata),
        })
    }
}

/// Changes of a contact.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = ContactChange, example = json!({ "name": "Jaya", "metadata": { "amount": null } }))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    #[schema(pattern = r"^\+?0?[1-9][0-9]{2,17}$")]
    phone_number: Option<String>,
    /// `null` takes it away.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^\S")]
    name: Option<Option<String>>,
    /// `null` takes it away.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^\S")]
    flow: Option<Option<String>>,
    /// Merged into what is there; a member that is `null` goes.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// Tells a field that is null from one that is absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Change {
    /// # Errors
    /// Names the field that is wrong.
    pub(super) fn checked(self) -> Result<ContactChange, Problem> {
        if let Some(metadata) = &self.metadata {
            check_metadata(metadata)?;
        }
        let shortened = |field, text: Option<Option<String>>| {
            text.map(|text| text.map(|text| short(field, text)).transpose()).transpose()
        };
        Ok(ContactChange {
            number: self.phone_number.as_deref().map(number).transpose()?,
            name: shortened("name", self.name)?,
            flow: shortened("flow", self.flow)?,
            metadata: self.metadata.map(Value::Object),
        })
    }
}

fn check_id(id: &str) -> Result<(), Problem> {
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '@' | '-'));
    // The path of the import must not be mistaken for a person; `.` and `..` do not survive a URL.
    if id.is_empty() || id.len() > LONGEST_ID || !plain || matches!(id, "import" | "." | "..") {
        return Err(wrong("contact_id", "use 1 to 64 letters, digits and . _ : @ - (and not \"import\")"));
    }
    Ok(())
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<(), Problem> {
    let size = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_METADATA {
        return Err(wrong("metadata", "is larger than 16 KiB; keep only what the flow says"));
    }
    Ok(())
}

fn short(field: &'static str, text: String) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_NAME {
        return Err(wrong(field, "must have 1 to 200 characters; leave it out where there is none"));
    }
    Ok(text.to_owned())
}

/// A number as it is dialled: digits, with a plus in front where it came with its country.
pub(super) fn number(text: &str) -> Result<String, Problem> {
    let bare: String = text
        .trim()
        .trim_start_matches("tel:")
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/'))
        .collect();
    let (plus, digits) = match (bare.strip_prefix('+'), bare.strip_prefix("00")) {
        (Some(rest), _) | (None, Some(rest)) => ("+", rest),
        (None, None) => ("", bare.as_str()),
    };
    if !DIGITS.contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong(
            "phone_number",
            "is not a phone number: 3 to 20 digits, with the country code, are needed",
        ));
    }
    Ok(format!("{plus}{digits}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_kept_as_it_is_dialled() {
        for (given, kept) in [
            ("+62 812-3456-7890", "+6281234567890"),
            ("0062 (812) 3456.7890", "+6281234567890"),
            ("0812 3456", "08123456"),
            ("tel:+15550001", "+15550001"),
            ("6281234567890", "6281234567890"),
        ] {
            assert_eq!(number(given).unwrap(), kept);
        }
        for given in ["", "12", "+", "call me", "+123456789012345678901", "12a34", "٣٤٥"] {
            assert!(number(given).is_err(), "{given}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_contact_is_named() {
        for (body, field) in [
            (json!({"phone_number": "12"}), "phone_number"),
            (json!({"phone_number": "12345", "contact_id": "a b"}), "contact_id"),
            (json!({"phone_number": "12345", "contact_id": "import"}), "contact_id"),
            (json!({"phone_number": "12345", "name": " "}), "name"),
            (json!({"phone_number": "12345", "metadata": {"a": "x".repeat(17_000)}}), "metadata"),
        ] {
            let problem = serde_json::from_value::<Given>(body).unwrap().checked().unwrap_err();
            assert!(problem.detail().starts_with(field), "{problem:?}");
        }
    }

    #[test]
    fn null_takes_a_name_away_and_absence_leaves_it() {
        let change = |body| serde_json::from_value::<Change>(body).unwrap().checked().unwrap();
        assert_eq!(change(json!({"name": null})).name, Some(None));
        assert_eq!(change(json!({})).name, None);
    }

    proptest! {
        #[test]
        fn a_number_that_is_kept_stays_as_it_is(text in ".{0,30}") {
            if let Ok(kept) = number(&text) {
                prop_assert_eq!(number(&kept).unwrap(), kept);
            }
        }
    }
}
