//! ID tokens (OpenID Connect Core 1.0, section 3.1.3.7): what an issuer says of somebody, believed only when its signature fits one
//! of the issuer's keys and it is meant for us, for now and for this very sign-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What two clocks may differ, seconds.
const LEEWAY_S: f64 = 60.0;
/// Longest token that is looked at, bytes.
const LONGEST: usize = 32 * 1024;

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("it cannot be read")]
    Unreadable,
    #[error("it is not signed in a way that is taken here (RS256, RS384, RS512, PS256, ES256, ES384)")]
    Algorithm,
    #[error("the issuer has no key of its name")]
    NoKey,
    #[error("its signature does not fit the issuer's key")]
    Signature,
    #[error("it is from another issuer")]
    Issuer,
    #[error("it is meant for another program")]
    Audience,
    #[error("it is too old, or the clocks differ")]
    Expired,
    #[error("it is valid later only: the clocks differ")]
    NotYet,
    #[error("it is not the answer to this sign-in")]
    Nonce,
}

/// A key of an issuer.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let point = |x: Option<String>, y: Option<String>, size: usize| {
            let (x, y) = (bytes(x)?, bytes(y)?);
            (x.len() == size && y.len() == size).then(|| [vec![4], x, y].concat())
        };
        let kind = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Kind::Rsa { n: bytes(jwk.n)?, e: bytes(jwk.e)? },
            ("EC", Some("P-256")) => Kind::P256(point(jwk.x, jwk.y, 32)?),
            ("EC", Some("P-384")) => Kind::P384(point(jwk.x, jwk.y, 48)?),
            _ => return None,
        };
        Some(Self { id: jwk.kid, kind })
    }

    /// Whether it is of the kind that an algorithm needs, and fits.
    fn fits(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.kind, algorithm) {
            (Kind::Rsa { n, e }, Algorithm::Rsa(parameters)) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (Kind::P256(point), Algorithm::P256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Kind::P384(point), Algorithm::P384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).is_ok()
            }
            (Kind::Rsa { .. }, Algorithm::P256 | Algorithm::P384)
            | (Kind::P256(_), Algorithm::Rsa(_) | Algorithm::P384)
            | (Kind::P384(_), Algorithm::Rsa(_) | Algorithm::P256) => false,
        }
    }
}

/// The keys of a key set (RFC 7517) that can check signatures here; others in it are passed over.
pub(super) fn keys(document: &[u8]) -> Option<Vec<Key>> {
    let set: KeySet = serde_json::from_slice(document).ok()?;
    Some(set.keys.into_iter().filter_map(Key::read).collect())
}

#[derive(Clone, Copy)]
enum Algorithm {
    Rsa(&'static RsaParameters),
    P256,
    P384,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Self::Rsa(&RSA_PSS_2048_8192_SHA256),
            "ES256" => Self::P256,
            "ES384" => Self::P384,
            _ => return None,
        })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'e> {
    pub(super) issuer: &'e str,
    pub(super) client_id: &'e str,
    pub(super) nonce: &'e str,
    /// Seconds since 1970.
    pub(super) now_s: f64,
}

/// What an issuer says of somebody.
#[derive(Clone, Debug)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The texts of a claim, of a list or a single one; `a.b` is `b` in the object `a`, where no claim is called so.
    pub(super) fn texts(&self, path: &str) -> Vec<&str> {
        let inside = || {
            let mut parts = path.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        };
        match self.0.get(path).or_else(inside) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// The e-mail address, where the issuer has made sure that it is theirs.
    pub(super) fn verified_email(&self) -> Option<&str> {
        let verified = match self.0.get("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(text)) => text == "true",
            Some(_) | None => false,
        };
        self.text("email").filter(|email| verified && email.contains('@'))
    }
}

/// The claims of a token.
///
/// # Errors
/// The first reason not to believe it. [`BadToken::NoKey`] may be mended by fetching the keys again.
pub(super) fn verify(token: &str, keys: &[Key], expected: &Expected<'_>) -> Result<Claims, BadToken> {
    let claims = signed(token, keys)?;
    let number = |name: &str| claims.0.get(name).and_then(Value::as_f64);
    if claims.text("iss") != Some(expected.issuer) {
        return Err(BadToken::Issuer);
    }
    let audience = claims.texts("aud");
    let party = claims.0.get("azp").map(|party| party.as_str());
    let theirs = match party {
        Some(party) => party == Some(expected.client_id),
        None => audience.len() == 1,
    };
    if !audience.contains(&expected.client_id) || !theirs {
        return Err(BadToken::Audience);
    }
    let end = number("exp").ok_or(BadToken::Expired)?;
    if expected.now_s >= end + LEEWAY_S {
        return Err(BadToken::Expired);
    }
    let made = number("iat").ok_or(BadToken::Unreadable)?;
    if made > expected.now_s + LEEWAY_S
        || number("nbf").is_some_and(|begin| begin > expected.now_s + LEEWAY_S)
    {
        return Err(BadToken::NotYet);
    }
    if claims.text("nonce") != Some(expected.nonce) {
        return Err(BadToken::Nonce);
    }
    if claims.text("sub").is_none_or(|subject| subject.len() > 255) {
        return Err(BadToken::Unreadable);
    }
    Ok(claims)
}

/// The claims of a token whose signature fits.
fn signed(token: &str, keys: &[Key]) -> Result<Claims, BadToken> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, signature] = parts.as_slice() else { return Err(BadToken::Unreadable) };
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| BadToken::Unreadable);
    if token.len() > LONGEST {
        return Err(BadToken::Unreadable);
    }
    let read: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| BadToken::Unreadable)?;
    if read.crit.is_some() {
        return Err(BadToken::Algorithm);
    }
    let algorithm = Algorithm::named(&read.alg).ok_or(BadToken::Algorithm)?;
    let named = |key: &&Key| read.kid.is_none() || key.id.is_none() || key.id == read.kid;
    let mut candidates = keys.iter().filter(named).peekable();
    if candidates.peek().is_none() {
        return Err(BadToken::NoKey);
    }
    let message = &token.as_bytes()[..header.len() + 1 + body.len()];
    let signature = bytes(signature)?;
    if !candidates.any(|key| key.fits(algorithm, message, &signature)) {
        return Err(BadToken::Signature);
    }
    match serde_json::from_slice(&bytes(body)?) {
        Ok(Value::Object(claims)) => Ok(Claims(claims)),
        Ok(_) | Err(_) => Err(BadToken::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn encoded(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    struct Issuer {
        pair: EcdsaKeyPair,
        keys: Vec<Key>,
    }

    impl Issuer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let pair =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
            let point = pair.public_key().as_ref();
            let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig",
                "x": encoded(&point[1..33]), "y": encoded(&point[33..]) });
            let other = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "two", "x": "AA" });
            let keys = keys(json!({ "keys": [other, jwk] }).to_string().as_bytes()).unwrap();
            assert_eq!(keys.len(), 1);
            Self { pair, keys }
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
            let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            format!("{message}.{}", encoded(signature))
        }
    }

    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://id.test", client_id: "dering", nonce: "n-1", now_s: 1_000.0 };

    fn claims() -> Value {
        json!({ "iss": "https://id.test", "aud": "dering", "sub": "u1", "exp": 1_300, "iat": 990, "nonce": "n-1",
            "email": "rini@shop.test", "email_verified": true, "realm_access": { "roles": ["admin", "x"] } })
    }

    #[test]
    fn a_token_of_the_issuer_for_us_and_now_is_believed() {
        let issuer = Issuer::new();
        let header = json!({ "alg": "ES256", "kid": "one" });
        let found = verify(&issuer.sign(&header, &claims()), &issuer.keys, &EXPECTED).unwrap();
        assert_eq!((found.text("sub"), found.verified_email()), (Some("u1"), Some("rini@shop.test")));
        assert_eq!(found.texts("realm_access.roles"), ["admin", "x"]);
        assert_eq!(found.texts("groups"), Vec::<&str>::new());
    }

    #[test]
    fn every_other_token_is_refused_with_its_reason() {
        let issuer = Issuer::new();
        let header = json!({ "alg": "ES256", "kid": "one" });
        for (name, value, why) in [
            ("iss", json!("https://id.test/"), BadToken::Issuer),
            ("aud", json!("another"), BadToken::Audience),
            ("aud", json!(["dering", "another"]), BadToken::Audience),
            ("azp", json!("another"), BadToken::Audience),
            ("azp", json!(null), BadToken::Audience),
            ("exp", json!(940), BadToken::Expired),
            ("exp", json!("1300"), BadToken::Expired),
            ("exp", json!(null), BadToken::Expired),
            ("iat", json!(1_061), BadToken::NotYet),
            ("iat", json!(null), BadToken::Unreadable),
            ("nbf", json!(2_000), BadToken::NotYet),
            ("nonce", json!("n-2"), BadToken::Nonce),
            ("nonce", json!(null), BadToken::Nonce),
            ("sub", json!(""), BadToken::Unreadable),
        ] {
            let mut changed = claims();
            changed[name] = value.clone();
            let refused = verify(&issuer.sign(&header, &changed), &issuer.keys, &EXPECTED);
            assert_eq!(refused.map(|_| ()), Err(why), "{name}: {value}");
        }
        for (header, why) in [
            (json!({ "alg": "none" }), BadToken::Algorithm),
            (json!({ "alg": "HS256", "kid": "one" }), BadToken::Algorithm),
            (json!({ "alg": "ES256", "kid": "three" }), BadToken::NoKey),
            (json!({ "alg": "ES256", "kid": "one", "crit": ["b64"] }), BadToken::Algorithm),
            (json!({ "alg": "RS256", "kid": "one" }), BadToken::Signature),
        ] {
            assert_eq!(
                verify(&issuer.sign(&header, &claims()), &issuer.keys, &EXPECTED).map(|_| ()),
                Err(why),
                "{header}"
            );
        }
        let stranger = Issuer::new().sign(&header, &claims());
        assert_eq!(verify(&stranger, &issuer.keys, &EXPECTED).map(|_| ()), Err(BadToken::Signature));
        let several = json!({ "iss": "https://id.test", "aud": ["dering", "b"], "azp": "dering", "sub": "u1", "exp": 1_300,
            "iat": 990, "nonce": "n-1" });
        assert!(verify(&issuer.sign(&header, &several), &issuer.keys, &EXPECTED).is_ok());
    }

    #[test]
    fn an_address_counts_only_when_the_issuer_has_made_sure_of_it() {
        let of = |verified: Value| {
            let mut all = claims();
            all["email_verified"] = verified;
            let Value::Object(all) = all else { unreachable!() };
            Claims(all).verified_email().map(str::to_owned)
        };
        assert_eq!(of(json!("true")).as_deref(), Some("rini@shop.test"));
        for not in [json!(false), json!(null), json!(1), json!("yes")] {
            assert_eq!(of(not), None);
        }
    }

    #[test]
    fn rsa_signatures_are_checked_as_rfc_7515_has_them() {
        // Appendix A.2.
        let key = json!({ "keys": [{ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" }] });
        let keys = keys(key.to_string().as_bytes()).unwrap();
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        assert_eq!(signed(token, &keys).unwrap().text("iss"), Some("joe"));
        let changed = token.replacen("eyJpc3MiOiJqb2UiLA", "eyJpc3MiOiJtb2UiLA", 1);
        assert_eq!(signed(&changed, &keys).map(|_| ()), Err(BadToken::Signature));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_and_not_stumbled_over(token in "[A-Za-z0-9_.-]{0,200}|.{0,80}", document in ".{0,120}") {
            let issuer = Issuer::new();
            prop_assert!(verify(&token, &issuer.keys, &EXPECTED).is_err());
            let _ = keys(document.as_bytes());
        }
    }
}
