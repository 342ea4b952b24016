//! JSON Web Signatures (RFC 7515) in the one form that is taken: compact, HS256, nothing that must be understood
//! besides. A library for all of JOSE brings RSA and elliptic curves along, which nothing here may ever use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

use super::Error;

/// The one algorithm.
const ALGORITHM: &str = "HS256";
/// Those that are known by name (RFC 7518, RFC 8037): whoever uses one is told which to use instead.
const OTHERS: [&str; 12] = [
    "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "EdDSA",
];

/// What a claim must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Texts,
    Seconds,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
            Self::Seconds => value.is_number(),
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Seconds => "a number of seconds since 1970-01-01 UTC",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<Value>,
}

/// A token taken apart. Nothing in it is true before [`Self::fits`].
#[derive(Debug)]
pub(super) struct Signed<'t> {
    message: &'t str,
    claims: Vec<u8>,
    signature: &'t str,
}

impl<'t> Signed<'t> {
    pub(super) fn read(token: &'t str) -> Result<Self, Error> {
        let malformed = |what: &str| Error::Malformed(what.to_owned());
        let parts = "it has not three parts with a dot between them";
        let (message, signature) = token.rsplit_once('.').ok_or_else(|| malformed(parts))?;
        let (header, claims) = message.split_once('.').ok_or_else(|| malformed(parts))?;
        if claims.contains('.') {
            return Err(malformed(parts));
        }
        let header: Header = json(&decoded(header, "header")?, "header")?;
        if header.alg != ALGORITHM {
            return Err(if OTHERS.contains(&header.alg.as_str()) {
                Error::Algorithm(header.alg)
            } else {
                malformed(&format!("its algorithm is not known; sign it with {ALGORITHM}"))
            });
        }
        if header.crit.is_some() {
            return Err(malformed("its header asks for extensions (crit); leave them out"));
        }
        Ok(Self { message, claims: decoded(claims, "claims")?, signature })
    }

    /// Whether it was signed with `secret`; takes as long for every signature.
    pub(super) fn fits(&self, secret: &SecretString) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(self.signature) else { return false };
        mac(self.message, secret).verify_slice(&signature).is_ok()
    }

    /// # Errors
    /// What is wrong with the claims, in words, each kind of which `kinds` tells by name.
    pub(super) fn claims<T: DeserializeOwned>(&self, kinds: &[(&str, Kind)]) -> Result<T, Error> {
        if let Ok(claims) = serde_json::from_slice::<serde_json::Map<String, Value>>(&self.claims) {
            let wrong = |(name, kind): &&(&str, Kind)| {
                claims.get(*name).is_some_and(|value| !value.is_null() && !kind.fits(value))
            };
            if let Some((name, kind)) = kinds.iter().find(wrong) {
                return Err(Error::Malformed(format!("{name} must be {}", kind.in_words())));
            }
        }
        json(&self.claims, "claims")
    }
}

/// A token with these claims.
pub(super) fn sign(claims: &impl Serialize, secret: &SecretString) -> Result<String, Error> {
    let claims = serde_json::to_vec(claims).map_err(|error| Error::Malformed(error.to_string()))?;
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = mac(&message, secret).finalize().into_bytes();
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn mac(message: &str, secret: &SecretString) -> Hmac<Sha256> {
    let key = secret.expose_secret().as_bytes();
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length is a key"));
    mac.chain_update(message.as_bytes())
}

fn decoded(part: &str, which: &str) -> Result<Vec<u8>, Error> {
    let decoded = URL_SAFE_NO_PAD.decode(part);
    decoded.map_err(|error| {
        Error::Malformed(format!("the part with its {which} is not base64url without padding: {error}"))
    })
}

/// The name that JSON has twice, of what serde says of that.
fn duplicate(error: &str) -> Option<&str> {
    error.strip_prefix("duplicate field `")?.split_once('`').map(|(name, _)| name)
}

fn json<T: DeserializeOwned>(bytes: &[u8], which: &str) -> Result<T, Error> {
    // An array could stand for an object, field by field.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Error::Malformed(format!("the part with its {which} is no JSON object")));
    }
    let read = serde_json::from_slice(bytes);
    read.map_err(|error: serde_json::Error| {
        let error = error.to_string();
        Error::Malformed(match duplicate(&error) {
            Some(name) => format!("its {which} has {name} twice").replace("claims has", "claims have"),
            None if error.starts_with("missing field `alg`") => {
                format!("its {which} has no algorithm (alg); sign it with {ALGORITHM}")
            }
            None if which == "header" => {
                format!("the alg of its {which} must be a text; sign it with {ALGORITHM}")
            }
            None => format!("its {which} are not valid JSON"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    fn raw(header: &str, claims: &str, signature: &str) -> String {
        format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_that_others_made_is_taken_and_made_alike() {
        // The example that jwt.io shows.
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        let signed = Signed::read(token).unwrap();
        assert!(signed.fits(&secret("your-256-bit-secret")));
        assert!(!signed.fits(&secret("your-256-bit-secreT")));
        let claims: Value = signed.claims(&[]).unwrap();
        let own = sign(&claims, &secret("s")).unwrap();
        assert!(Signed::read(&own).unwrap().fits(&secret("s")));
        assert_eq!(Signed::read(&own).unwrap().claims::<Value>(&[]).unwrap(), claims);
    }

    #[test]
    fn a_changed_letter_a_longer_and_a_shorter_signature_do_not_fit() {
        let token = sign(&serde_json::json!({ "appId": "a" }), &secret("s")).unwrap();
        let fits = |token: &str| Signed::read(token).is_ok_and(|signed| signed.fits(&secret("s")));
        assert!(fits(&token));
        let (message, signature) = token.rsplit_once('.').unwrap();
        for wrong in ["", "AAAA", &signature[1..], &format!("{signature}A"), &format!("{signature}="), "*"] {
            assert!(!fits(&format!("{message}.{wrong}")), "{wrong}");
        }
        // The last letter carries two bits that no signature uses: only one spelling is taken.
        let last = signature.bytes().last().unwrap();
        let other = if last == b'9' { '8' } else { char::from(last + 1) };
        assert!(!fits(&format!("{message}.{}{other}", &signature[..signature.len() - 1])));
        assert!(!fits(&format!("{token}.")) && !fits(&format!(".{token}")) && !fits(&format!("{token}=")));
    }

    #[test]
    fn what_asks_for_more_or_something_else_is_refused_in_words() {
        for (header, told) in [
            (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, "asks for extensions"),
            (r#"{"alg":"none"}"#, "sign it with HS256"),
            (r#"{"alg":"hs256"}"#, "sign it with HS256"),
            (r#"{"alg":"HS512"}"#, "signed with HS512; sign it with HS256"),
            (r#"{"alg":"RS256"}"#, "signed with RS256; sign it with HS256"),
            (r#"{"alg":"HS256","alg":"none"}"#, "its header has alg twice"),
            (r#"{"alg":256}"#, "the alg of its header must be a text; sign it with HS256"),
            (r#"{"typ":"JWT"}"#, "has no algorithm (alg); sign it with HS256"),
            (r#"["HS256",null]"#, "header is no JSON object"),
        ] {
            let error = Signed::read(&raw(header, "{}", "AAAA")).unwrap_err().to_string();
            assert!(error.contains(told), "{header}: {error}");
        }
    }
}
