//! A contact as callers give it, checked: one by one in JSON, or many in a file.

use callcore::number::{self, Country};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::error::{Code, Problem};
use crate::api::fields::{self, Faults, Fields, Names, Object, short_text};
use crate::api::numbers;
use crate::store::{ContactChange, LARGEST_METADATA, NewContact};

const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 200;

/// A contact to keep.
#[derive(Debug, ToSchema)]
#[schema(as = NewContact, example = json!({
    "contact_id": "jj084", "phone_number": "+6281234567890", "name": "Jaya",
    "metadata": { "amount": "120 dollars" }
}))]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    /// Your own id of the person: letters, digits and `. _ : @ -`. One is made when absent.
    #[schema(pattern = "^[A-Za-z0-9._:@-]{1,64}$")]
    contact_id: Option<String>,
    /// 3 to 15 digits with the country code. Separators are taken out, `00` becomes a plus, and `(0)` behind the country
    /// code goes. `null` for somebody who is called by links in their browser.
    #[schema(value_type = Option<String>, required = true,
        pattern = r"^(\+[1-9][0-9]{6,13}|0[1-9][0-9]{5,12}|[1-9][0-9]{2,14})$")]
    phone_number: String,
    /// The country of a number that does not name its own: `ID`, or its calling code `62`. Not kept.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The flow of calls that name none: `name`, `name@label` or `name@digest`.
    #[schema(min_length = 1, max_length = 200)]
    flow: Option<String>,
    /// Variables of the flow, 16 KiB at most.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// A contact from a line of a file.
///
/// # Errors
/// Names all that is wrong.
pub(super) fn checked(given: Object) -> Result<Body, Problem> {
    let mut faults = Faults::default();
    let contact = given.fields(Names::Exact, &mut faults, <Body as fields::Given>::read);
    faults.end(Code::Malformed).map(|_| contact)
}

impl fields::Given for Body {
    fn read(fields: &mut Fields<'_>) -> Self {
        let country = numbers::country(fields);
        Self {
            contact_id: fields.read("contact_id", LONGEST_ID, id),
            phone_number: number_or_none(fields, country),
            country,
            name: name(fields, "name"),
            flow: fields.text("flow", LONGEST_NAME),
            metadata: metadata(fields),
        }
    }
}

impl Body {
    /// The contact, with a number that names no country brought home into `usual`.
    ///
    /// # Errors
    /// When the number is none there, or could be two.
    pub(super) fn at_home(self, usual: Option<Country>) -> Result<NewContact, Problem> {
        Ok(NewContact {
            id: self.contact_id,
            number: at_home_or_none(&self.phone_number, self.country.or(usual))?,
            name: self.name,
            flow: self.flow,
            metadata: Value::Object(self.metadata.unwrap_or_default()),
        })
    }
}

/// Changes of a contact.
#[derive(Debug, Default, ToSchema)]
#[schema(as = ContactChange, example = json!({ "name": "Jaya", "metadata": { "amount": null } }))]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// `null` takes it away: links in their browser are left.
    #[schema(value_type = Option<String>, pattern = r"^(\+[1-9][0-9]{6,13}|0[1-9][0-9]{5,12}|[1-9][0-9]{2,14})$")]
    phone_number: Option<Option<String>>,
    /// The country of a number that does not name its own. Not kept.
    #[schema(value_type = Option<String>, pattern = "^([A-Z]{2}|[1-9][0-9]{0,2})$")]
    country: Option<Country>,
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

impl fields::Given for Change {
    fn read(fields: &mut Fields<'_>) -> Self {
        let country = numbers::country(fields);
        Self {
            phone_number: fields.nullable("phone_number", |fields, _| number(fields, country)),
            country,
            name: fields.nullable("name", name),
            flow: fields.nullable("flow", |fields, flow| fields.text(flow, LONGEST_NAME)),
            metadata: metadata(fields),
        }
    }
}

impl Change {
    /// What is to change, with a number that names no country brought home into `usual`.
    ///
    /// # Errors
    /// When the number is none there, or could be two.
    pub(super) fn at_home(self, usual: Option<Country>) -> Result<ContactChange, Problem> {
        let country = self.country.or(usual);
        let number = self.phone_number.map(Option::unwrap_or_default);
        let number = number.map(|number| at_home_or_none(&number, country)).transpose()?;
        let metadata = self.metadata.map(Value::Object);
        Ok(ContactChange { number, name: self.name, flow: self.flow, metadata })
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
    let metadata = fields.values("metadata")?;
    let size = serde_json::to_string(&metadata).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_METADATA {
        fields.fault("metadata", TOO_MUCH);
        return None;
    }
    Some(metadata)
}

/// What is told of metadata that is too large.
pub(super) const TOO_MUCH: &str = "is larger than 16 KiB; keep only what the flow says";

/// A number. What is written with it and would be lost is refused.
fn number(fields: &mut Fields<'_>, country: Option<Country>) -> Option<String> {
    let (number, ignored) = numbers::number(fields, "phone_number", country)?;
    match ignored.iter().find(|part| *part != "host") {
        Some(part) => {
            fields.fault("phone_number", format!("carries `{part}`, which is not dialled; leave it out"));
            None
        }
        None => Some(number),
    }
}

/// A number, or none where `null` says so.
fn number_or_none(fields: &mut Fields<'_>, country: Option<Country>) -> String {
    let is_there = fields.holds("phone_number");
    match fields.nullable("phone_number", |fields, _| number(fields, country)) {
        Some(number) => number.unwrap_or_default(),
        None if is_there => String::new(),
        None => {
            let why = "is missing; give the number to call, as in \"+6281234567890\", or null for somebody who is called by \
                       links in their browser";
            fields.fault("phone_number", why);
            String::new()
        }
    }
}

fn at_home_or_none(number: &str, country: Option<Country>) -> Result<String, Problem> {
    if number.is_empty() { Ok(String::new()) } else { at_home(number, country) }
}

/// A number in its one form, in `country` if it does not name its own.
fn at_home(number: &str, country: Option<Country>) -> Result<String, Problem> {
    let read = number::read(number, country).map_err(|bad| {
        let why = bad.to_string();
        Problem::new(Code::Malformed, format!("phone_number: {why}")).with_field("phone_number", &why)
    })?;
    Ok(read.into_parts().0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(body: Value, usual: Option<Country>) -> String {
        read::<Body>(&body).unwrap().at_home(usual).unwrap().number
    }

    #[test]
    fn a_number_is_kept_as_it_is_dialled() {
        for (given, kept) in [
            ("+62 812-3456-7890", "+6281234567890"),
            ("0062 (812) 3456.7890", "+6281234567890"),
            ("+44 (0)20 7946 0019", "+442079460019"),
            ("0812 3456", "08123456"),
            ("tel:+15550001", "+15550001"),
            ("6281234567890", "6281234567890"),
        ] {
            assert_eq!(number(json!({ "phone_number": given }), None), kept);
        }
        let home = json!({ "phone_number": "08123456901", "country": 62 });
        assert_eq!(number(home, None), "+628123456901");
        // The country is one of three, and the number is read once.
        let abroad = |country| json!({ "phone_number": "007 65 6123 4567", "country": country });
        assert_eq!(number(abroad(json!("ID")), None), "+6561234567");
        assert_eq!(number(abroad(json!(null)), "ID".parse().ok()), "+6561234567");
        for given in [
            "",
            "12",
            "+",
            "call me",
            "+123456789012345678901",
            "12a34",
            "6281234567013.0",
            "+6221555010 ext 3",
        ] {
            let told = read::<Body>(&json!({ "phone_number": given })).unwrap_err();
            assert_eq!(told[0], "phone_number", "{given}");
        }
    }

    fn read<T: fields::Given>(body: &Value) -> Result<T, Vec<String>> {
        let named = |problem: Problem| problem.errors().iter().map(|wrong| wrong.field.clone()).collect();
        fields::json(Ok(body.to_string().into())).map_err(named)
    }

    #[test]
    fn all_that_is_wrong_with_a_contact_is_named() {
        let wrong = |body: Value| read::<Body>(&body).unwrap_err();
        assert_eq!(wrong(json!({"phone_number": "12"})), ["phone_number"]);
        assert_eq!(wrong(json!({"phone_number": "12345", "contact_id": "import"})), ["contact_id"]);
        assert_eq!(wrong(json!({"phone_number": "12345", "name": " "})), ["name"]);
        let all = json!({"contact_id": "a b", "name": "", "flow": "{{flow}}", "colour": 1,
                         "metadata": {"a": "x".repeat(17_000)}});
        assert_eq!(wrong(all), ["contact_id", "phone_number", "name", "flow", "metadata", "colour"]);
        let null = read::<Body>(&json!({"phone_number": "12345", "name": "Null"})).unwrap();
        assert_eq!(null.name.as_deref(), Some("Null"), "people are called that");
    }

    #[test]
    fn null_takes_a_name_away_and_absence_leaves_it() {
        let change = |body: Value| read::<Change>(&body).unwrap();
        assert_eq!(change(json!({"name": null})).name, Some(None));
        assert_eq!(change(json!({})).name, None);
        assert_eq!(read::<Change>(&json!({"name": ""})).unwrap_err()[0], "name");
    }
}
