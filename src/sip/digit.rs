//! Keys that come as the body of an INFO: `application/dtmf-relay` and `application/dtmf`. No RFC describes them; both are
//! what gateways have sent since long before RFC 4733 was common.

/// A key, and for how long it was pressed where that is said, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) digit: char,
    pub(super) ms: Option<u32>,
}

/// The key in a body of that type; `None` where there is none, or none that a telephone has.
pub(super) fn read(content_type: &str, body: &[u8]) -> Option<Key> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let text = std::str::from_utf8(body).ok()?;
    if kind.eq_ignore_ascii_case("application/dtmf") {
        return Some(Key { digit: key(text.trim())?, ms: None });
    }
    if !kind.eq_ignore_ascii_case("application/dtmf-relay") {
        return None;
    }
    let field = |wanted: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let ms = field("Duration").and_then(|ms| ms.parse().ok());
    Some(Key { digit: key(field("Signal")?)?, ms })
}

/// Some senders write `10` for the star and `11` for the hash, as RFC 4733 counts events.
fn key(text: &str) -> Option<char> {
    match text {
        "10" => return Some('*'),
        "11" => return Some('#'),
        _ => {}
    }
    let mut all = text.chars();
    let digit = all.next()?.to_ascii_uppercase();
    (all.next().is_none() && matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_read_as_gateways_write_them() {
        let relay = "application/dtmf-relay";
        assert_eq!(read(relay, b"Signal=5\r\nDuration=160\r\n"), Some(Key { digit: '5', ms: Some(160) }));
        assert_eq!(read(relay, b"Signal= #\nDuration= 250"), Some(Key { digit: '#', ms: Some(250) }));
        assert_eq!(read(relay, b"Signal=10\r\n"), Some(Key { digit: '*', ms: None }));
        assert_eq!(read("application/dtmf; charset=utf-8", b"9\r\n"), Some(Key { digit: '9', ms: None }));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for body in ["", "Signal=", "Signal=55", "Signal=x", "Duration=100"] {
            assert_eq!(read("application/dtmf-relay", body.as_bytes()), None, "{body}");
        }
        assert_eq!(read("application/sdp", b"Signal=5"), None);
    }

    proptest! {
        #[test]
        fn no_body_is_too_odd(kind in "application/dtmf(-relay)?", body in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(key) = read(&kind, &body) {
                prop_assert!("0123456789*#ABCD".contains(key.digit));
            }
        }
    }
}
