//! A contact as callers give it, checked: one by one in JSON, or many in a file.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::api::error::{Code, Problem};
use crate::api::fields::{self, Faults, Fields, Names, Object, short_text};
use crate::store::{ContactChange, LARGEST_METADATA, NewContact};

/// Digits of a number, as dial-outs take them.
const DIGITS: RangeInclusive<usize> = 3..=20;
const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 200;
/// Longest number with all that people write between its digits, characters.
const LONGEST_NUMBER: usize = 64;

/// A contact to keep.
#[derive(Debug, Default, ToSchema)]
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
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: Option<String>,
    /// The flow of calls that name none: `name`, `name@label` or `name@digest`.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) flow: Option<String>,
    /// Variables of the flow, 16 KiB at most.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
}

impl Given {
    /// # Errors
    /// Names all that is wrong.
    pub(super) fn checked(self) -> Result<NewContact, Problem> {
        let given = json!({
            "contact_id": self.contact_id, "phone_number": self.phone_number, "name": self.name, "flow": self.flow,
            "metadata": self.metadata,
        });
        checked(Object::from(given.as_object().cloned().unwrap_or_default()))
    }
}

/// A contact from a line of a file.
///
/// # Errors
/// Names all that is wrong.
pub(super) fn checked(given: Object) -> Result<NewContact, Problem> {
    let mut faults = Faults::default();
    let contact = given.fields(Names::Exact, &mut faults, <NewContact as fields::Given>::read);
    faults.end(Code::Malformed).map(|_| contact)
}

impl fields::Given for NewContact {
    fn read(fields: &mut Fields<'_>) -> Self {
        let example = "give the number to call, as in \"+6281234567890\"";
        Self {
            id: fields.read("contact_id", LONGEST_ID, id),
            number: fields
                .required("phone_number", example, |fields, name| fields.read(name, LONGEST_NUMBER, number)),
            name: name(fields, "name"),
            flow: fields.text("flow", LONGEST_NAME),
            metadata: Value::Object(metadata(fields).unwrap_or_default()),
        }
    }
}

/// Changes of a contact.
#[derive(Debug, ToSchema)]
#[schema(as = ContactChange, example = json!({ "name": "Jaya", "metadata": { "amount": null } }))]
#[expect(dead_code, reason = "it is the shape that counts; the values are read into `store::ContactChange`")]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[schema(pattern = r"^\+?0?[1-9][0-9]{2,17}$")]
    phone_number: Option<String>,
    /// `null` takes it away.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    name: Option<Option<String>>,
    /// `null` takes it away.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    flow: Option<Option<String>>,
    /// Merged into what is there; a member that is `null` goes.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

impl fields::Given for ContactChange {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            number: fields.read("phone_number", LONGEST_NUMBER, number),
            name: fields.nullable("name", name),
            flow: fields.nullable("flow", |fields, flow| fields.text(flow, LONGEST_NAME)),
            metadata: metadata(fields).map(Value::Object),
        }
    }
}

/// People may be called anything.
fn name(fields: &mut Fields<'_>, field: &'static str) -> Option<String> {
    let name = fields.any_text(field)?;
    fields.checked(field, |_| short_text(&name, LONGEST_NAME))
}

fn id(id: &str) -> Result<String, String> {
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '@' | '-'));
    // The path of the import must not be mistaken for a person; `.` and `..` do not survive a URL.
    if !plain || matches!(id, "import" | "." | "..") {
        return Err("use 1 to 64 letters, digits and . _ : @ - (and not \"import\")".to_owned());
    }
    Ok(id.to_owned())
}

fn metadata(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let metadata = fields.object("metadata")?;
    let size = serde_json::to_string(&metadata).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_METADATA {
        fields.fault("metadata", TOO_MUCH);
        return None;
    }
    Some(metadata)
}

/// What is told of metadata that is too large.
pub(super) const TOO_MUCH: &str = "is larger than 16 KiB; keep only what the flow says";

/// A number as it is dialled: digits, with a plus in front where it came with its country.
pub(super) fn number(text: &str) -> Result<String, String> {
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
        return Err("is not a phone number: 3 to 20 digits, with the country code, are needed".to_owned());
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

    fn read<T: fields::Given>(body: &Value) -> Result<T, Vec<(String, String)>> {
        fields::json(Ok(body.to_string().into())).map_err(|problem: Problem| problem.fields())
    }

    #[test]
    fn all_that_is_wrong_with_a_contact_is_named() {
        let wrong = |body: Value| {
            let told = read::<NewContact>(&body).unwrap_err();
            told.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert_eq!(wrong(json!({"phone_number": "12"})), ["phone_number"]);
        assert_eq!(wrong(json!({"phone_number": "12345", "contact_id": "import"})), ["contact_id"]);
        assert_eq!(wrong(json!({"phone_number": "12345", "name": " "})), ["name"]);
        let all = json!({"contact_id": "a b", "name": "", "flow": "{{flow}}", "colour": 1,
                         "metadata": {"a": "x".repeat(17_000)}});
        assert_eq!(wrong(all), ["contact_id", "phone_number", "name", "flow", "metadata", "colour"]);
        let null = read::<NewContact>(&json!({"phone_number": "12345", "name": "Null"})).unwrap();
        assert_eq!(null.name.as_deref(), Some("Null"), "people are called that");
    }

    #[test]
    fn null_takes_a_name_away_and_absence_leaves_it() {
        let change = |body: Value| read::<ContactChange>(&body).unwrap();
        assert_eq!(change(json!({"name": null})).name, Some(None));
        assert_eq!(change(json!({})).name, None);
        assert_eq!(read::<ContactChange>(&json!({"name": ""})).unwrap_err()[0].0, "name");
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
