//! `tel:` (RFC 3966) and `sip:` around a number.

use super::bad::BadNumber;
use super::written::folded;

/// Parameters of a `sip:` address that say what is understood anyway.
const UNDERSTOOD: [(&str, &str); 1] = [("user", "phone")];

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The number as written.
    pub(super) user: String,
    /// The digits of a `phone-context` that is one of numbers.
    pub(super) context: Option<String>,
    pub(super) ignored: Vec<String>,
}

pub(super) fn split(text: &str) -> Result<Parts, BadNumber> {
    let mut ignored = Vec::new();
    let (rest, sip) = match text.split_once(':') {
        Some((scheme, rest)) if scheme.trim().eq_ignore_ascii_case("tel") => (decoded(rest), false),
        Some((scheme, rest)) if ["sip", "sips"].iter().any(|s| scheme.trim().eq_ignore_ascii_case(s)) => {
            (decoded(rest), true)
        }
        // `12:30` has no scheme.
        Some((scheme, _)) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            return Err(BadNumber::Scheme { scheme: scheme.chars().take(40).collect() });
        }
        Some(_) | None => (text.to_owned(), false),
    };
    let (number, host) = match rest.split_once('@') {
        Some((user, host)) if sip => (user, Some(host)),
        Some(_) | None => (rest.as_str(), None),
    };
    let mut context = None;
    let mut pieces = number.split(';');
    let user = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces.map(str::trim).filter(|piece| !piece.is_empty()) {
        let (name, value) = match piece.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim()),
            None if piece.chars().filter(char::is_ascii_digit).count() >= 3 => return Err(BadNumber::Two),
            None => (piece, ""),
        };
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        // No domain is made of digits alone: this is a country code whose plus was forgotten.
        let is_code = value.starts_with('+') || digits == value;
        if name.eq_ignore_ascii_case("phone-context") && is_code && !digits.is_empty() {
            context = Some(digits);
        } else {
            ignored.extend(named(name, value));
        }
    }
    if let Some(host) = host {
        let mut pieces = host.split([';', '?']);
        let host: String = pieces.next().unwrap_or_default().chars().take(100).collect();
        ignored.push(format!("@{host}"));
        for piece in pieces {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            ignored.extend(named(name, value));
        }
    }
    Ok(Parts { user, context, ignored })
}

fn named(name: &str, value: &str) -> Option<String> {
    let understood =
        UNDERSTOOD.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v.eq_ignore_ascii_case(value));
    (!understood).then(|| format!(";{}", name.chars().take(40).collect::<String>().to_ascii_lowercase()))
}

/// `%2B62` as `+62`. What is not UTF-8 afterwards stays as it came.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or_else(|_| text.to_owned(), |text| folded(&text))
}
