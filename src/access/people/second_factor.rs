//! Codes beside the password, as RFC 6238 has them: a secret that the server and a telephone share makes one every 30 seconds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};

/// Bytes of a secret, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// Recovery codes that are made at once.
pub(super) const RECOVERY_CODES: usize = 10;
/// Letters of a recovery code: 80 bits, so that its digest may be kept without a salt.
const RECOVERY_LETTERS: usize = 16;
const GROUP: usize = 4;
/// No letter that is taken for another one.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// The secret of a second factor that is being set up, in base32, as telephones take it when it is typed. It follows from what only the
/// browser has, in which it is set up, and from `begun`, another one each time: no other browser can show a code of it.
pub(super) fn secret_of(browser: &SecretString, begun: &str) -> SecretString {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(browser.expose_secret().as_bytes()) else {
        unreachable!("any length is a key")
    };
    mac.update(b"second factor ");
    mac.update(begun.as_bytes());
    let bytes = mac.finalize().into_bytes();
    Secret::from(bytes[..SECRET_BYTES].to_vec()).to_base32().into()
}

fn totp(secret: &SecretString) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret.expose_secret()).ok()?;
    // SHA-1, six digits and 30 seconds are what every telephone knows; one step to each side is forgiven.
    Builder::new().with_secret(secret).with_digits(6).with_step_duration(30).with_skew(1).build().ok()
}

/// The step of time that a code is of, if it is one of about now.
pub(super) fn step_of(secret: &SecretString, code: &str, now_ms: i64) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now_ms / 1_000).ok()?;
    i64::try_from(totp(secret)?.check(&code, seconds)?).ok()
}

/// What a telephone reads from the square: the secret, whose it is, and where.
pub(super) fn address(secret: &SecretString, host: &str, name: &str) -> SecretString {
    let Ok(mut url) = Url::parse("otpauth://totp/") else { return SecretString::default() };
    let issuer =
        if host.is_empty() { "Dering".to_owned() } else { format!("Dering ({})", host.replace(':', " ")) };
    url.set_path(&format!("{issuer}:{}", name.replace(':', " ")));
    url.query_pairs_mut()
        .append_pair("secret", secret.expose_secret())
        .append_pair("issuer", &issuer)
        .append_pair("algorithm", "SHA1")
        .append_pair("digits", "6")
        .append_pair("period", "30");
    // Telephones do not take `+` for a blank.
    url.as_str().replace('+', "%20").into()
}

/// New recovery codes, as people write them down.
pub(super) fn new_recovery_codes() -> Vec<String> {
    let code = |_| {
        let letters: [u8; RECOVERY_LETTERS] = rand::random();
        let letters = letters.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        letters.chunks(GROUP).map(String::from_iter).collect::<Vec<_>>().join("-")
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// The digest of a recovery code, however it was typed; `None`: it cannot be one.
pub(super) fn recovery_digest(code: &str) -> Option<String> {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    (plain.len() == RECOVERY_LETTERS).then(|| STANDARD.encode(Sha256::digest(plain.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the examples of RFC 6238.
    fn example() -> SecretString {
        Secret::from(b"12345678901234567890".to_vec()).to_base32().into()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // The last six digits of appendix B.
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(step_of(&example(), code, seconds * 1_000), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_step_to_each_side_is_forgiven_and_no_more() {
        let at = |seconds: i64| step_of(&example(), "287 082", seconds * 1_000);
        assert_eq!([at(0), at(29), at(30), at(89)], [Some(1); 4]);
        assert_eq!([at(90), at(120)], [None; 2]);
        for wrong in ["", "28708", "2870822", "abcdef", "２８７０８２"] {
            assert_eq!(step_of(&example(), wrong, 59_000), None, "{wrong}");
        }
    }

    #[test]
    fn a_telephone_reads_whose_secret_it_is() {
        let secret = secret_of(&"a browser".into(), "once");
        assert_eq!(secret.expose_secret().len(), 32);
        let address = address(&secret, "voice.example:8443", "Rini & Co: x");
        let url = Url::parse(address.expose_secret()).unwrap();
        assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")));
        assert_eq!(url.path(), "/Dering%20(voice.example%208443):Rini%20&%20Co%20%20x");
        assert!(url.query().unwrap().contains("issuer=Dering%20%28voice.example%208443%29"), "{url}");
    }

    #[test]
    fn each_browser_and_each_time_has_its_own_secret() {
        let secret = |browser: &str, begun| secret_of(&browser.into(), begun).expose_secret().to_owned();
        assert_eq!(secret("one", "now"), secret("one", "now"), "a wrong code begins nothing anew");
        assert_ne!(secret("one", "now"), secret("one", "later"));
        assert_ne!(secret("one", "now"), secret("another", "now"));
    }

    #[test]
    fn recovery_codes_differ_and_are_read_however_they_are_typed() {
        let codes = new_recovery_codes();
        let digests: std::collections::BTreeSet<_> =
            codes.iter().map(|code| recovery_digest(code).unwrap()).collect();
        assert_eq!((codes.len(), digests.len()), (10, 10));
        let typed = format!(" {} ", codes[0].to_uppercase().replace('-', " "));
        assert_eq!(recovery_digest(&typed), recovery_digest(&codes[0]));
        assert_eq!(recovery_digest("123456"), None);
    }
}
