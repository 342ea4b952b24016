//! Signatures of webhooks, made and checked.
//!
//! Two kinds travel with each post:
//! * `SAVG-Signature: t=<unix s>,v1=<hex HMAC-SHA256>` over `<t>.<body>`, keyed with the secret's text.
//! * Standard Webhooks (standardwebhooks.com, specification 1.0): `webhook-id`, `webhook-timestamp`,
//!   `webhook-signature: v1,<base64 HMAC-SHA256>` over `<id>.<timestamp>.<body>`. A secret
//!   `whsec_<base64>` is decoded into the key, as that specification says; any other is its text.
//!
//! While a secret is being replaced each header carries one signature per active secret, newest first;
//! a receiver accepts any that fits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub const SAVG_SIGNATURE: &str = "savg-signature";
pub const WEBHOOK_ID: &str = "webhook-id";
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";

/// How far a signature's time may be from the receiver's clock.
pub const TOLERANCE_S: i64 = 300;

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header {0} cannot be read")]
    Malformed(&'static str),
    #[error("the signature is {0} s old; more than {TOLERANCE_S} s may be a replay")]
    TooOld(i64),
    #[error("the signature is from {0} s in the future; check the clocks")]
    TooNew(i64),
    #[error("no signature in {0} fits the body and a known secret")]
    Mismatch(&'static str),
}

/// The value of `SAVG-Signature`; `None` without a secret.
#[must_use]
pub fn savg(secrets: &[SecretString], timestamp_s: i64, body: &[u8]) -> Option<String> {
    let signatures = secrets.iter().map(|secret| format!(",v1={}", savg_one(secret, timestamp_s, body)));
    let signatures: String = signatures.collect();
    (!signatures.is_empty()).then(|| format!("t={timestamp_s}{signatures}"))
}

/// The value of `webhook-signature`; `None` without a secret.
#[must_use]
pub fn standard(secrets: &[SecretString], id: &str, timestamp_s: i64, body: &[u8]) -> Option<String> {
    let signatures =
        secrets.iter().map(|secret| format!("v1,{}", standard_one(secret, id, timestamp_s, body)));
    let signatures: Vec<_> = signatures.collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

/// Checks a received `SAVG-Signature` against any of `secrets` at the time `now_s`.
///
/// # Errors
/// Says what is wrong: unreadable, outside the tolerance, or no signature fits.
pub fn verify_savg(
    secrets: &[SecretString],
    header: &str,
    body: &[u8],
    now_s: i64,
) -> Result<(), VerifyError> {
    let (mut timestamp, mut candidates) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => timestamp = value.parse::<i64>().ok(),
            Some(("v1", value)) => candidates.push(value),
            // Other versions may stand beside ours.
            Some(_) => {}
            None => return Err(VerifyError::Malformed(SAVG_SIGNATURE)),
        }
    }
    let timestamp = timestamp.ok_or(VerifyError::Malformed(SAVG_SIGNATURE))?;
    check_time(timestamp, now_s)?;
    any_fits(&candidates, secrets, SAVG_SIGNATURE, |secret| savg_one(secret, timestamp, body))
}

/// The three Standard Webhooks headers of a post.
#[derive(Clone, Copy, Debug)]
pub struct StandardHeaders<'a> {
    pub id: &'a str,
    pub timestamp: &'a str,
    pub signature: &'a str,
}

/// Checks received Standard Webhooks headers against any of `secrets` at the time `now_s`.
///
/// # Errors
/// Says what is wrong: unreadable, outside the tolerance, or no signature fits.
pub fn verify_standard(
    secrets: &[SecretString],
    headers: StandardHeaders<'_>,
    body: &[u8],
    now_s: i64,
) -> Result<(), VerifyError> {
    let timestamp = headers.timestamp.parse().map_err(|_| VerifyError::Malformed(WEBHOOK_TIMESTAMP))?;
    check_time(timestamp, now_s)?;
    let candidates: Vec<_> =
        headers.signature.split_ascii_whitespace().filter_map(|part| part.strip_prefix("v1,")).collect();
    any_fits(&candidates, secrets, WEBHOOK_SIGNATURE, |secret| {
        standard_one(secret, headers.id, timestamp, body)
    })
}

fn check_time(timestamp_s: i64, now_s: i64) -> Result<(), VerifyError> {
    let age = now_s.saturating_sub(timestamp_s);
    match age {
        age if age > TOLERANCE_S => Err(VerifyError::TooOld(age)),
        age if age < -TOLERANCE_S => Err(VerifyError::TooNew(age.saturating_neg())),
        _ => Ok(()),
    }
}

fn any_fits(
    candidates: &[&str],
    secrets: &[SecretString],
    header: &'static str,
    expected: impl Fn(&SecretString) -> String,
) -> Result<(), VerifyError> {
    let fits = secrets.iter().map(expected).any(|expected| {
        candidates.iter().any(|candidate| bool::from(candidate.as_bytes().ct_eq(expected.as_bytes())))
    });
    if fits { Ok(()) } else { Err(VerifyError::Mismatch(header)) }
}

fn savg_one(secret: &SecretString, timestamp_s: i64, body: &[u8]) -> String {
    let prefix = format!("{timestamp_s}.");
    let digest = hmac(secret.expose_secret().as_bytes(), &[prefix.as_bytes(), body]);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn standard_one(secret: &SecretString, id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let decoded = text.strip_prefix("whsec_").and_then(|encoded| BASE64.decode(encoded).ok());
    let key = decoded.as_deref().unwrap_or(text.as_bytes());
    let prefix = format!("{id}.{timestamp_s}.");
    BASE64.encode(hmac(key, &[prefix.as_bytes(), body]))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_S: i64 = 1_750_947_610;

    fn secrets(texts: &[&str]) -> Vec<SecretString> {
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    /// The example that the Standard Webhooks specification publishes for symmetric signatures.
    #[test]
    fn the_published_example_of_standard_webhooks_is_reproduced() {
        let secrets = secrets(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature = standard(&secrets, id, 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn savg_signs_time_dot_body_with_the_text_of_the_secret() {
        // printf '1750947610.{"a":1}' | openssl dgst -sha256 -hmac s3cret
        let header = savg(&secrets(&["s3cret"]), NOW_S, br#"{"a":1}"#).unwrap();
        let expected = "6ba6c43da604fd364247794553048549f08203d69675506cb5ca9980d2735df6";
        assert_eq!(header, format!("t={NOW_S},v1={expected}"));
        assert_eq!(verify_savg(&secrets(&["s3cret"]), &header, br#"{"a":1}"#, NOW_S), Ok(()));
    }

    #[test]
    fn a_receiver_that_knows_only_one_of_two_active_secrets_accepts() {
        let both = secrets(&["new", "old"]);
        let header = savg(&both, NOW_S, b"body").unwrap();
        let standard_header = standard(&both, "msg_1", NOW_S, b"body").unwrap();
        for known in ["new", "old"] {
            let known = secrets(&[known]);
            assert_eq!(verify_savg(&known, &header, b"body", NOW_S), Ok(()));
            let headers =
                StandardHeaders { id: "msg_1", timestamp: &NOW_S.to_string(), signature: &standard_header };
            assert_eq!(verify_standard(&known, headers, b"body", NOW_S), Ok(()));
        }
        let stranger = secrets(&["stranger"]);
        let refused = verify_savg(&stranger, &header, b"body", NOW_S);
        assert_eq!(refused, Err(VerifyError::Mismatch(SAVG_SIGNATURE)));
    }

    #[test]
    fn old_and_future_signatures_are_refused() {
        let known = secrets(&["s"]);
        let header = savg(&known, NOW_S, b"body").unwrap();
        let at = |now| verify_savg(&known, &header, b"body", now);
        assert_eq!(at(NOW_S + TOLERANCE_S), Ok(()));
        assert_eq!(at(NOW_S + TOLERANCE_S + 1), Err(VerifyError::TooOld(301)));
        assert_eq!(at(NOW_S - TOLERANCE_S - 1), Err(VerifyError::TooNew(301)));
        assert_eq!(at(i64::MIN), Err(VerifyError::TooNew(i64::MAX)));
    }

    #[test]
    fn headers_that_are_no_signature_are_refused() {
        let known = secrets(&["s"]);
        for header in ["", "nonsense", "t=soon,v1=ab", "v1=ab"] {
            let refused = verify_savg(&known, header, b"", NOW_S);
            assert_eq!(refused, Err(VerifyError::Malformed(SAVG_SIGNATURE)), "{header}");
        }
        assert_eq!(savg(&[], NOW_S, b""), None);
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_any_changed_byte_does_not(
            secret in ".{1,40}", body in prop::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>()
        ) {
            let known = secrets(&[&secret]);
            let header = savg(&known, NOW_S, &body).unwrap();
            prop_assert_eq!(verify_savg(&known, &header, &body, NOW_S), Ok(()));
            let mut changed = body.clone();
            let at = at.index(changed.len());
            changed[at] ^= 1;
            prop_assert!(verify_savg(&known, &header, &changed, NOW_S).is_err());
        }

        #[test]
        fn any_header_text_is_judged_without_a_panic(header in ".{0,80}", now in any::<i64>()) {
            let _judged = verify_savg(&secrets(&["s"]), &header, b"body", now);
        }
    }
}
