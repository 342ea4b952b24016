//! What a request brings to prove who sends it.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::PREFIX;
use super::principal::Intent;

/// A text from a header, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// Looks like a JWT.
    Token(String),
    /// Begins as our keys do.
    Key(String),
    /// Neither.
    Other(String),
    /// It cannot be one, and why.
    Unreadable(&'static str),
}

/// The header that pages of other sites cannot send with a browser's remembered password.
const CONFIRMED: &str = "x-dering-request";
/// Longest credential, bytes: more than any token that is made for us has.
const LONGEST: usize = 8 * 1024;
const NOT_ASCII: &str = "the header holds signs beyond ASCII";
const TOO_LONG: &str = "the header has more than 8 KiB";

impl Credential {
    /// From `auth`, where Kore's callers put their token; else from `Authorization`, as a bearer or, from a browser,
    /// as the password of basic authentication (RFC 7617) under any user name.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let own = headers.get("auth");
        let header = own.or_else(|| headers.get(AUTHORIZATION))?;
        if header.len() > LONGEST {
            return Some(Self::Unreadable(TOO_LONG));
        }
        let Ok(value) = header.to_str().map(str::trim) else { return Some(Self::Unreadable(NOT_ASCII)) };
        if own.is_some() {
            return Some(Self::sort(without_scheme(value, "bearer").unwrap_or(value)));
        }
        if let Some(bearer) = without_scheme(value, "bearer") {
            return Some(Self::sort(bearer));
        }
        let pair = String::from_utf8(STANDARD.decode(without_scheme(value, "basic")?).ok()?).ok()?;
        Some(Self::sort(pair.split_once(':')?.1))
    }

    fn sort(text: &str) -> Self {
        let text = text.to_owned();
        if text.starts_with(PREFIX) {
            Self::Key(text)
        } else if text.matches('.').count() == 2 {
            Self::Token(text)
        } else {
            Self::Other(text)
        }
    }
}

/// Whether the holder of the credential meant the request. Browsers remember a password and send it along by themselves,
/// also when a page of another site asks them to; but such a page cannot make them send a header of our own.
pub(super) fn intent(headers: &HeaderMap) -> Intent {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let remembered = !headers.contains_key("auth")
        && value.is_some_and(|value| without_scheme(value.trim(), "basic").is_some());
    match (remembered, headers.contains_key(CONFIRMED)) {
        (false, _) => Intent::Sent,
        (true, true) => Intent::Confirmed,
        (true, false) => Intent::Remembered,
    }
}

/// RFC 9110 §11.1: the scheme's case does not matter.
fn without_scheme<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Option<Credential> {
        Credential::of(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
    }

    #[test]
    fn both_headers_carry_a_token_with_or_without_the_scheme() {
        let token = Some(Credential::Token("j.w.t".to_owned()));
        assert_eq!(with("auth", "j.w.t"), token);
        assert_eq!(with("auth", "Bearer j.w.t"), token);
        assert_eq!(with("authorization", "bearer j.w.t"), token);
        assert_eq!(with("x-auth", "j.w.t"), None);
        assert_eq!(with("authorization", "Digest j.w.t"), None);
        let header = |bytes: &[u8]| {
            let value = axum::http::HeaderValue::from_bytes(bytes).unwrap();
            Credential::of(&HeaderMap::from_iter([("auth".parse().unwrap(), value)]))
        };
        assert_eq!(header("schlüssel".as_bytes()), Some(Credential::Unreadable(NOT_ASCII)));
        assert_eq!(header("x".repeat(100_000).as_bytes()), Some(Credential::Unreadable(TOO_LONG)));
    }

    #[test]
    fn a_browser_sends_its_key_as_a_password() {
        // any:dk_1_x
        assert_eq!(
            with("authorization", "Basic YW55OmRrXzFfeA=="),
            Some(Credential::Key("dk_1_x".to_owned()))
        );
        assert_eq!(with("authorization", "Basic !"), None);
        assert_eq!(with("authorization", "Bearer x"), Some(Credential::Other("x".to_owned())));
    }

    #[test]
    fn a_remembered_password_alone_changes_nothing() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            intent(&HeaderMap::from_iter(pairs))
        };
        assert_eq!(of(&[("authorization", "Basic bWU6a2V5")]), Intent::Remembered);
        assert_eq!(of(&[("authorization", "Basic bWU6a2V5"), ("x-dering-request", "1")]), Intent::Confirmed);
        assert_eq!(of(&[("authorization", "Bearer dk_1_x")]), Intent::Sent);
    }
}
