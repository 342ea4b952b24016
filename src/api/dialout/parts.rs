//! Parts of a request for a call that both doors take, Kore's and the Calls API: the caller, the headers of
//! notifications, the idempotency key.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName as AxumHeaderName};
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::api::error::{Code, Problem};
use crate::api::fields::Fields;
use crate::outbox;

/// Under what a request may be sent again.
const KEY: AxumHeaderName = AxumHeaderName::from_static("idempotency-key");
/// Longest idempotency key, characters.
const LONGEST_KEY: usize = 255;
/// Longest name of a caller, a trunk, a flow or a recogniser, characters.
pub(in crate::api) const LONGEST_NAME: usize = 128;
/// Longest address of a receiver, characters.
pub(in crate::api) const LONGEST_URL: usize = 2_048;
/// Most headers to send along with notifications.
const MOST_HEADERS: usize = 50;
/// Longest value of one of them, and all of them together, bytes.
const LONGEST_HEADER: usize = 4 * 1024;
const LARGEST_HEADERS: usize = 16 * 1024;

const KEY_FORM: &str = "must be 1 to 255 plain characters, a UUID for example";

/// Our number or its user part. Carriers want letters and digits at most, and no line breaks in a header.
pub(in crate::api) fn caller(fields: &mut Fields<'_>) -> Option<String> {
    fields.read("caller", LONGEST_NAME, |text| {
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._@:;=() ".contains(c));
        if plain {
            return Ok(text.to_owned());
        }
        Err("has signs that no caller id has; give a number, as in \"+6221555\"".to_owned())
    })
}

/// Headers to send along with notifications, in the field `name`. Those that are ours to write are not followed.
pub(in crate::api) fn headers(fields: &mut Fields<'_>, name: &'static str) -> BTreeMap<String, String> {
    let given = fields.object(name).unwrap_or_default();
    if given.len() > MOST_HEADERS {
        fields.fault(name, format!("has {} headers; {MOST_HEADERS} is the most", given.len()));
        return BTreeMap::new();
    }
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut size = 0;
    for (header, value) in given {
        let path = format!("{name}.{header}");
        if headers.keys().any(|before| before.eq_ignore_ascii_case(&header)) {
            fields.fault(&path, "stands twice, in another case; send it once");
            continue;
        }
        let Some(text) = fields.checked(&path, |_| header_value(&header, &value)) else { continue };
        if outbox::is_ours(&header) {
            let same = header.eq_ignore_ascii_case("content-type")
                && text.trim().eq_ignore_ascii_case("application/json");
            if !same {
                fields.ignore(&path);
            }
        }
        size += header.len() + text.len();
        headers.insert(header, text);
    }
    if size > LARGEST_HEADERS {
        fields.fault(name, format!("is larger than {} KiB in all", LARGEST_HEADERS / 1024));
    }
    headers
}

fn header_value(name: &str, value: &Value) -> Result<String, String> {
    if name.len() > LONGEST_NAME || HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err("cannot be the name of a header: letters, digits and dashes can, 128 at most".to_owned());
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err("must be a text in quotes".to_owned()),
    };
    if text.len() > LONGEST_HEADER {
        return Err(format!("has {} bytes; {LONGEST_HEADER} is the most", text.len()));
    }
    if !text.is_ascii() || HeaderValue::from_str(&text).is_err() {
        return Err(
            "has signs that no header can carry; ASCII letters, digits and signs can be sent".to_owned()
        );
    }
    Ok(text)
}

/// The idempotency key of a request, from its header.
///
/// # Errors
/// When it cannot be one.
pub(in crate::api) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let read = match (value.to_str(), values.next()) {
        (Ok(key), None) => checked_key(key),
        (Err(_), None) => Err(KEY_FORM.to_owned()),
        (_, Some(_)) => Err("stands twice; send it once".to_owned()),
    };
    read.map(Some).map_err(|problem| {
        let detail = format!("Idempotency-Key: {problem}");
        Problem::new(Code::Malformed, detail).with_field("Idempotency-Key", &problem)
    })
}

/// A key, with or without the quotes that the draft of the header has and most clients have not.
pub(super) fn checked_key(key: &str) -> Result<String, String> {
    let key = key.trim();
    let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let plain = bare.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if bare.trim().is_empty() || bare.len() > LONGEST_KEY || !plain {
        return Err(KEY_FORM.to_owned());
    }
    Ok(bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_plain_with_or_without_quotes() {
        let taken = |key: &str| checked_key(key).ok();
        assert_eq!(taken("\"8e03978e\"").as_deref(), Some("8e03978e"));
        assert_eq!(taken("8e03978e").as_deref(), Some("8e03978e"));
        for key in ["", "\"\"", "  ", "schlüssel", "a\tb", "a\u{1b}[2J", &"x".repeat(256)] {
            assert_eq!(taken(key), None, "{key}");
        }
    }

    #[test]
    fn a_header_that_stands_twice_or_is_not_ascii_is_told() {
        let named = |values: &[&[u8]]| {
            let value = |bytes: &&[u8]| axum::http::HeaderValue::from_bytes(bytes).unwrap();
            let headers = values.iter().map(|bytes| (KEY, value(bytes))).collect::<HeaderMap>();
            key(&headers).map_err(|problem| problem.detail().to_owned())
        };
        assert_eq!(named(&[]).unwrap(), None);
        assert_eq!(named(&[b"a"]).unwrap().as_deref(), Some("a"));
        assert_eq!(named(&[b"a", b"b"]).unwrap_err(), "Idempotency-Key: stands twice; send it once");
        assert!(named(&["schlüssel".as_bytes()]).unwrap_err().contains("plain characters"));
    }
}
