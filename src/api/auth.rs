//! Who may call: client apps with a signed token, programs with an API key.
//!
//! A token is a JWT (RFC 7519), HS256 over one of the app's active secrets, in the header `auth` or as
//! `Authorization: Bearer`. The claim `appId`, or else `iss`, names the app; `exp`, `nbf` and `iat` are
//! honoured when present; a claim `scopes` narrows what the app holds.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::store::{self, ApiKey, ClientApp, NewApiKey, Store};
use crate::wallclock::now_ms;

/// What an app must hold to dial out.
pub const DIALOUT: &str = "SmartAssist Dialout";
/// Stands for every bot in an app's list.
pub const ANY_BOT: &str = "*";

/// How far the clock of whoever made a token may be off.
const LEEWAY_S: f64 = 30.0;
pub(super) const KEY_PREFIX: &str = "dk_";

/// Why a request is turned away.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("a token is needed: send the header `auth: <JWT>` or `Authorization: Bearer <JWT>`")]
    Missing,
    #[error("the token cannot be read: {0}")]
    Malformed(String),
    #[error("the token is signed with {0}; sign it with HS256")]
    Algorithm(String),
    /// An unknown app and a wrong secret get the same answer.
    #[error("the token's signature does not fit a client app {app_id}; check the app's id and secret")]
    Unsigned { app_id: String },
    #[error("the token expired {seconds_ago} s ago; make a new one")]
    Expired { seconds_ago: u64 },
    #[error("the token is valid only in {seconds} s; check the clock of the machine that made it")]
    NotYetValid { seconds: u64 },
    #[error("the scope {0:?} is needed; the client app or its token does not hold it")]
    Scope(String),
    #[error("the client app may not use the bot {0}")]
    Bot(String),
    #[error("an API key is needed: send the header `Authorization: Bearer <key>`")]
    KeyMissing,
    #[error("the API key is not known or was revoked")]
    KeyUnknown,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Checks callers against the store.
#[derive(Clone, Debug)]
pub struct Auth {
    store: Store,
}

/// What is read of a token. A NumericDate is seconds since 1970-01-01 UTC, fractions allowed.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "appId")]
    app_id: Option<String>,
    iss: Option<String>,
    iat: Option<f64>,
    nbf: Option<f64>,
    exp: Option<f64>,
    scopes: Option<Vec<String>>,
}

/// What is written into a token. Whole seconds, because some readers take no others.
#[derive(Debug, Serialize)]
struct Minted<'a> {
    #[serde(rename = "appId")]
    app_id: &'a str,
    iss: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes: &'a [String],
}

impl Auth {
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The client app that may dial out for `bot_id`.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn dialout(&self, headers: &HeaderMap, bot_id: &str) -> Result<ClientApp, AuthError> {
        let app = self.app(headers, DIALOUT).await?;
        if app.bots.iter().any(|bot| bot == bot_id || bot == ANY_BOT) {
            return Ok(app);
        }
        Err(AuthError::Bot(bot_id.to_owned()))
    }

    /// The client app behind a request's token, if it holds `scope`. The scopes returned are those that
    /// the token leaves.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn app(&self, headers: &HeaderMap, scope: &str) -> Result<ClientApp, AuthError> {
        let token = token(headers).ok_or(AuthError::Missing)?;
        let app_id = claimed_app(token)?;
        let app = self.store.app(&app_id).await?.ok_or(AuthError::Unsigned { app_id })?;
        let app = admit(app, token, now_ms() as f64 / 1000.0)?;
        hold(&app.scopes, scope)?;
        Ok(app)
    }

    /// The API key in `Authorization: Bearer`, if it holds `scope`.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn api_key(&self, headers: &HeaderMap, scope: &str) -> Result<ApiKey, AuthError> {
        let text = bearer(headers).ok_or(AuthError::KeyMissing)?;
        let id = text.strip_prefix(KEY_PREFIX).and_then(|rest| rest.split_once('_')).map(|(id, _)| id);
        let key = self.store.api_key(id.ok_or(AuthError::KeyUnknown)?).await?.ok_or(AuthError::KeyUnknown)?;
        if !bool::from(digest(text).as_bytes().ct_eq(key.digest.as_bytes())) {
            return Err(AuthError::KeyUnknown);
        }
        hold(&key.scopes, scope)?;
        Ok(key)
    }
}

/// A token for `app_id` that is valid from now for `ttl`. With `scopes` it is narrowed to these; empty
/// leaves all that the app holds.
///
/// # Errors
/// When the token cannot be encoded.
pub fn mint(
    app_id: &str,
    secret: &SecretString,
    ttl: Duration,
    scopes: &[String],
) -> Result<SecretString, AuthError> {
    let iat = now_ms().div_euclid(1000);
    let exp = iat.saturating_add_unsigned(ttl.as_secs());
    let claims = Minted { app_id, iss: app_id, iat, exp, scopes };
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| AuthError::Malformed(error.to_string()))?;
    Ok(token.into())
}

/// A new API key: what to keep, and the key itself, which is shown once.
#[must_use]
pub fn new_api_key(name: &str, scopes: Vec<String>) -> (NewApiKey, SecretString) {
    let id: String = rand::random::<[u8; 6]>().iter().map(|byte| format!("{byte:02x}")).collect();
    let key = format!("{KEY_PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    (NewApiKey { id, name: name.to_owned(), digest: digest(&key), scopes }, key.into())
}

/// A new secret for a client app, in the form of Standard Webhooks.
#[must_use]
pub fn new_app_secret() -> SecretString {
    format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 32]>())).into()
}

/// A key carries 256 random bits, so a plain digest cannot be turned back.
fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let own = headers.get("auth").and_then(|value| value.to_str().ok());
    own.map(|value| without_scheme(value).unwrap_or(value).trim()).or_else(|| bearer(headers))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    without_scheme(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// RFC 9110 §11.1: the scheme's case does not matter.
fn without_scheme(value: &str) -> Option<&str> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

fn hold(scopes: &[String], scope: &str) -> Result<(), AuthError> {
    if scopes.iter().any(|held| held == scope) { Ok(()) } else { Err(AuthError::Scope(scope.to_owned())) }
}

/// The app a token says it is from: nothing but a claim until the signature is checked.
fn claimed_app(token: &str) -> Result<String, AuthError> {
    let malformed = |error: jsonwebtoken::errors::Error| AuthError::Malformed(error.to_string());
    let header = jsonwebtoken::decode_header(token).map_err(malformed)?;
    if header.alg != Algorithm::HS256 {
        return Err(AuthError::Algorithm(format!("{:?}", header.alg)));
    }
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(malformed)?;
    let named = claims.app_id.or(claims.iss);
    named.ok_or_else(|| AuthError::Malformed("it names no app; set the claim appId".to_owned()))
}

/// Checks signature and times; narrows the app's scopes to the token's.
fn admit(mut app: ClientApp, token: &str, now_s: f64) -> Result<ClientApp, AuthError> {
    let mut only_signature = Validation::new(Algorithm::HS256);
    only_signature.required_spec_claims.clear();
    only_signature.validate_exp = false;
    only_signature.validate_aud = false;
    let claims: Option<Claims> = app.secrets.iter().find_map(|secret| {
        let key = DecodingKey::from_secret(secret.expose_secret().as_bytes());
        jsonwebtoken::decode(token, &key, &only_signature).ok().map(|data| data.claims)
    });
    let claims = claims.ok_or_else(|| AuthError::Unsigned { app_id: app.id.clone() })?;
    let late = now_s - claims.exp.unwrap_or(f64::INFINITY);
    if late > LEEWAY_S {
        return Err(AuthError::Expired { seconds_ago: late as u64 });
    }
    let begins = claims.nbf.unwrap_or(f64::NEG_INFINITY).max(claims.iat.unwrap_or(f64::NEG_INFINITY));
    let early = begins - now_s;
    if early > LEEWAY_S {
        return Err(AuthError::NotYetValid { seconds: early as u64 });
    }
    if let Some(narrowed) = claims.scopes {
        app.scopes.retain(|scope| narrowed.contains(scope));
    }
    Ok(app)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW_S: f64 = 1_750_947_610.0;

    fn app(secrets: &[&str]) -> ClientApp {
        ClientApp {
            id: "cs-1".to_owned(),
            name: "One".to_owned(),
            scopes: vec![DIALOUT.to_owned(), "read".to_owned()],
            bots: vec!["st-1".to_owned()],
            secrets: secrets.iter().map(|secret| SecretString::from(*secret)).collect(),
        }
    }

    fn signed(claims: &Value, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    fn judge(claims: &Value) -> Result<ClientApp, String> {
        admit(app(&["s"]), &signed(claims, "s"), NOW_S).map_err(|error| error.to_string())
    }

    #[test]
    fn any_active_secret_of_the_app_will_do() {
        let app = || app(&["new", "old"]);
        for secret in ["new", "old"] {
            assert!(admit(app(), &signed(&json!({"appId": "cs-1"}), secret), NOW_S).is_ok());
        }
        let forged = admit(app(), &signed(&json!({"appId": "cs-1"}), "guess"), NOW_S).unwrap_err();
        assert!(matches!(forged, AuthError::Unsigned { .. }));
    }

    #[test]
    fn times_are_honoured_with_a_little_patience() {
        assert!(judge(&json!({"exp": NOW_S - 29.5, "iat": NOW_S + 29.5, "nbf": NOW_S})).is_ok());
        let expired = judge(&json!({"exp": NOW_S - 90.0})).unwrap_err();
        assert_eq!(expired, "the token expired 90 s ago; make a new one");
        for claim in ["iat", "nbf"] {
            let early = judge(&json!({ claim: NOW_S + 600.0 })).unwrap_err();
            assert!(early.starts_with("the token is valid only in 600 s"), "{early}");
        }
    }

    #[test]
    fn a_token_narrows_the_scopes_but_never_widens_them() {
        let narrowed = judge(&json!({"scopes": ["read", "admin"]})).unwrap();
        assert_eq!(narrowed.scopes, ["read"]);
    }

    #[test]
    fn the_app_is_named_by_app_id_or_else_by_the_issuer() {
        let named = |claims: Value| claimed_app(&signed(&claims, "s")).map_err(|error| error.to_string());
        assert_eq!(named(json!({"appId": "a", "iss": "b"})).unwrap(), "a");
        assert_eq!(named(json!({"iss": "b", "aud": "https://idp.example", "sub": "x"})).unwrap(), "b");
        let nameless = named(json!({"sub": "x"})).unwrap_err();
        assert_eq!(nameless, "the token cannot be read: it names no app; set the claim appId");
    }

    #[test]
    fn other_algorithms_and_no_algorithm_are_refused() {
        let key = EncodingKey::from_secret(b"s");
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &json!({"appId": "a"}), &key);
        let refused = claimed_app(&token.unwrap()).unwrap_err().to_string();
        assert_eq!(refused, "the token is signed with HS512; sign it with HS256");
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        let none = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(r#"{"appId":"a"}"#));
        assert!(matches!(claimed_app(&none), Err(AuthError::Malformed(_))));
        for nonsense in ["", "a", "a.b.c", "....", "é.é.é"] {
            assert!(matches!(claimed_app(nonsense), Err(AuthError::Malformed(_))), "{nonsense}");
        }
    }

    #[test]
    fn both_headers_carry_a_token_with_or_without_the_scheme() {
        let with = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            token(&headers).map(str::to_owned)
        };
        assert_eq!(with("auth", "jwt").as_deref(), Some("jwt"));
        assert_eq!(with("auth", "Bearer jwt").as_deref(), Some("jwt"));
        assert_eq!(with("authorization", "bearer jwt").as_deref(), Some("jwt"));
        assert_eq!(with("authorization", "Basic jwt"), None);
        assert_eq!(with("x-auth", "jwt"), None);
    }
}
