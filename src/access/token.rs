//! Tokens: a JWT (RFC 7519), HS256 over one of the app's active secrets. The claim `appId`, or else `iss`, names the
//! app; `exp`, `nbf` and `iat` are honoured when present; a claim `scopes` narrows what the app holds.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::jws::{Kind, Signed, sign};
use super::{Error, Scope};
use crate::store::ClientApp;
use crate::wallclock::now_ms;

/// How far the clock of a token's maker may be off.
const LEEWAY_S: f64 = 30.0;
/// A token that is good for one request is remembered until it expires, so that must not be long.
const LONGEST_ONCE_S: f64 = 24.0 * 3_600.0;
/// A time of 13 digits counts milliseconds, as JavaScript does. In seconds it would be the year 33658.
const LATEST_S: f64 = 1e12;
/// Longest `jti`, bytes.
const LONGEST_JTI: usize = 256;

/// What is read of a token. A NumericDate is seconds since 1970-01-01 UTC, fractions allowed.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "appId")]
    app_id: Option<String>,
    iss: Option<String>,
    iat: Option<f64>,
    nbf: Option<f64>,
    exp: Option<f64>,
    jti: Option<String>,
    scopes: Option<Vec<String>>,
}

/// What each claim must be.
const KINDS: [(&str, Kind); 7] = [
    ("appId", Kind::Text),
    ("iss", Kind::Text),
    ("iat", Kind::Seconds),
    ("nbf", Kind::Seconds),
    ("exp", Kind::Seconds),
    ("jti", Kind::Text),
    ("scopes", Kind::Texts),
];

impl Claims {
    fn times_are_seconds(&self) -> Result<(), Error> {
        let times = [("exp", self.exp), ("iat", self.iat), ("nbf", self.nbf)];
        let wrong = times.iter().filter(|(_, time)| time.is_some_and(|time| time.abs() >= LATEST_S));
        let wrong: Vec<&str> = wrong.map(|(name, _)| *name).collect();
        if wrong.is_empty() { Ok(()) } else { Err(Error::NotSeconds(wrong.join(", "))) }
    }
}

/// What is written into a token. Whole seconds, because some readers take no others.
#[derive(Debug, Serialize)]
struct Minted<'a> {
    #[serde(rename = "appId")]
    app_id: &'a str,
    iss: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes: &'a [String],
}

/// What a good token leaves.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) scopes: Vec<Scope>,
    /// For an app whose tokens are good for one request: the `jti`, and until when to remember it.
    pub(super) once: Option<(String, i64)>,
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
) -> Result<SecretString, Error> {
    let iat = now_ms().div_euclid(1000);
    let exp = iat.saturating_add_unsigned(ttl.as_secs());
    let jti = uuid::Uuid::new_v4().simple().to_string();
    let claims = Minted { app_id, iss: app_id, iat, exp, jti, scopes };
    sign(&claims, secret).map(SecretString::from)
}

/// The app a token says it is from: nothing but a claim until the signature is checked.
pub(super) fn claimed_app(token: &str) -> Result<String, Error> {
    let claims: Claims = Signed::read(token)?.claims(&KINDS)?;
    let named = claims.app_id.or(claims.iss);
    named.ok_or_else(|| Error::Malformed("it names no app; set the claim appId".to_owned()))
}

/// Checks the signature of a token whose app is not known, against nothing.
pub(super) fn check_for_nothing(token: &str) {
    let nothing = SecretString::from("0".repeat(32));
    let _unsigned = Signed::read(token).is_ok_and(|signed| signed.fits(&nothing));
}

/// Checks signature and times; narrows the app's scopes to the token's. `max_age_s` is for apps that set none.
pub(super) fn admit(
    app: &ClientApp,
    token: &str,
    now_s: f64,
    max_age_s: Option<i64>,
) -> Result<Admitted, Error> {
    let signed = Signed::read(token)?;
    if !app.active_secrets((now_s * 1000.0) as i64).any(|secret| signed.fits(secret)) {
        return Err(Error::Unsigned { app_id: app.id.clone() });
    }
    let claims: Claims = signed.claims(&KINDS)?;
    claims.times_are_seconds()?;
    let late = now_s - claims.exp.unwrap_or(f64::INFINITY);
    if late > LEEWAY_S {
        return Err(Error::Expired { seconds_ago: late as u64 });
    }
    let begins = claims.nbf.unwrap_or(f64::NEG_INFINITY).max(claims.iat.unwrap_or(f64::NEG_INFINITY));
    let early = begins - now_s;
    if early > LEEWAY_S {
        return Err(Error::NotYetValid { seconds: early as u64 });
    }
    if let Some(most) = app.max_token_age_s.or(max_age_s) {
        let age = now_s - claims.iat.ok_or(Error::Ageless)?;
        if age > most as f64 + LEEWAY_S {
            return Err(Error::TooOld { age: age as u64, most: most.unsigned_abs() });
        }
    }
    let once = if app.require_jti { Some(once(&claims, now_s)?) } else { None };
    let mut scopes = Scope::known(&app.scopes);
    if let Some(narrowed) = claims.scopes {
        let narrowed = Scope::known(&narrowed);
        scopes.retain(|scope| narrowed.contains(scope));
    }
    Ok(Admitted { scopes, once })
}

fn once(claims: &Claims, now_s: f64) -> Result<(String, i64), Error> {
    let jti = claims.jti.as_ref().filter(|jti| !jti.is_empty() && jti.len() <= LONGEST_JTI);
    let jti = jti.ok_or(Error::NotForOnce("set the claim jti to something that is new each time"))?;
    let exp = claims.exp.filter(|exp| exp - now_s <= LONGEST_ONCE_S + LEEWAY_S);
    let exp = exp.ok_or(Error::NotForOnce("set the claim exp to a time within 24 hours"))?;
    Ok((jti.clone(), ((exp + LEEWAY_S) * 1000.0) as i64 + 1))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::store::{AppSecret, LastUsed};

    const NOW_S: f64 = 1_750_947_610.0;

    fn app(secrets: &[&str]) -> ClientApp {
        let secrets =
            secrets.iter().map(|secret| AppSecret { seq: 1, value: (*secret).into(), retired_ms: None });
        ClientApp {
            id: "cs-1".to_owned(),
            name: "One".to_owned(),
            scopes: vec!["SmartAssist Dialout".to_owned(), "read".to_owned()],
            bots: vec!["st-1".to_owned()],
            secrets: secrets.collect(),
            require_jti: false,
            max_token_age_s: None,
            rate: None,
            deleted: false,
            used: LastUsed::default(),
        }
    }

    fn signed(claims: &Value, secret: &str) -> String {
        sign(claims, &secret.to_owned().into()).unwrap()
    }

    fn judged_as(app: &ClientApp, claims: &Value) -> Result<Admitted, String> {
        admit(app, &signed(claims, "s"), NOW_S, None).map_err(|error| error.to_string())
    }

    fn judge(claims: &Value) -> Result<Admitted, String> {
        judged_as(&app(&["s"]), claims)
    }

    #[test]
    fn any_active_secret_of_the_app_will_do() {
        let mut app = app(&["new", "old"]);
        let with = |app: &ClientApp, secret: &str| {
            admit(app, &signed(&json!({"appId": "cs-1"}), secret), NOW_S, None)
        };
        assert!(with(&app, "new").is_ok() && with(&app, "old").is_ok());
        assert!(matches!(with(&app, "guess"), Err(Error::Unsigned { .. })));
        app.secrets[1].retired_ms = Some(NOW_S as i64 * 1000 + 60_000);
        assert!(with(&app, "old").is_ok(), "its end has not come");
        app.secrets[1].retired_ms = Some(NOW_S as i64 * 1000 - 1);
        assert!(matches!(with(&app, "old"), Err(Error::Unsigned { .. })));
    }

    #[test]
    fn a_claim_of_the_wrong_kind_is_told_in_words() {
        for (claims, told) in [
            (json!({"exp": "1795994425"}), "exp must be a number of seconds"),
            (json!({"exp": {}}), "exp must be a number of seconds"),
            (json!({"appId": 5}), "appId must be a text"),
            (json!({"jti": []}), "jti must be a text"),
            (json!({"scopes": "x"}), "scopes must be a list of texts"),
            (json!({"scopes": [1]}), "scopes must be a list of texts"),
        ] {
            let error = judge(&claims).unwrap_err();
            assert!(error.contains(told) && !error.contains("expected"), "{claims}: {error}");
        }
        assert!(judge(&json!({"exp": null, "appId": "cs-1"})).is_ok());
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
    fn times_in_milliseconds_are_refused_and_named() {
        let ms = NOW_S * 1_000.0;
        for (claims, told) in [
            (json!({ "exp": ms + 60_000.0 }), "counts exp in milliseconds"),
            (json!({ "iat": ms, "exp": NOW_S + 60.0 }), "counts iat in milliseconds"),
            (json!({ "nbf": 1_000_000_000_000_u64 }), "counts nbf in milliseconds"),
            (
                json!({ "exp": ms as i64 * 1_000, "iat": ms, "nbf": ms }),
                "counts exp, iat, nbf in milliseconds",
            ),
        ] {
            let refused = judge(&claims).unwrap_err();
            assert!(refused.contains(told) && refused.contains("seconds since 1970"), "{refused}");
        }
        assert!(judge(&json!({ "exp": 253_402_300_799_u64 })).is_ok(), "the end of the year 9999");
    }

    #[test]
    fn a_token_may_not_be_older_than_the_app_or_the_server_allows() {
        let old = json!({"iat": NOW_S - 1_000.0, "exp": NOW_S + 1_000.0});
        assert!(judge(&old).is_ok());
        let strict = ClientApp { max_token_age_s: Some(300), ..app(&["s"]) };
        let refused = judged_as(&strict, &old).unwrap_err();
        assert_eq!(refused, "the token was made 1000 s ago and may be 300 s old; make a new one");
        assert!(judged_as(&strict, &json!({"exp": NOW_S + 60.0})).unwrap_err().contains("set the claim iat"));
        let server = admit(&app(&["s"]), &signed(&old, "s"), NOW_S, Some(600));
        assert!(matches!(server, Err(Error::TooOld { most: 600, .. })));
        let patient = ClientApp { max_token_age_s: Some(2_000), ..app(&["s"]) };
        assert!(admit(&patient, &signed(&old, "s"), NOW_S, Some(600)).is_ok(), "the app's own setting wins");
    }

    #[test]
    fn a_token_for_one_request_says_which_it_is_and_when_it_ends() {
        let app = ClientApp { require_jti: true, ..app(&["s"]) };
        let judge = |claims: Value| judged_as(&app, &claims).map(|admitted| admitted.once.unwrap());
        let (jti, until) = judge(json!({"jti": "a", "exp": NOW_S + 60.0})).unwrap();
        assert_eq!(jti, "a");
        assert!(until > (NOW_S as i64 + 90) * 1000, "remembered as long as it would be taken");
        for (claims, told) in [
            (json!({"exp": NOW_S + 60.0}), "set the claim jti"),
            (json!({"jti": "", "exp": NOW_S + 60.0}), "set the claim jti"),
            (json!({"jti": "x".repeat(300), "exp": NOW_S + 60.0}), "set the claim jti"),
            (json!({"jti": "a"}), "within 24 hours"),
            (json!({"jti": "a", "exp": NOW_S + 100_000.0}), "within 24 hours"),
        ] {
            let refused = judge(claims).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn a_token_narrows_the_scopes_but_never_widens_them() {
        assert_eq!(judge(&json!({"scopes": ["read", "admin"]})).unwrap().scopes, [Scope::Read]);
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
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        let token = format!("{}.{}.AAAA", encode(r#"{"alg":"HS512"}"#), encode(r#"{"appId":"a"}"#));
        let refused = claimed_app(&token).unwrap_err().to_string();
        assert_eq!(refused, "the token is signed with HS512; sign it with HS256");
        let none = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(r#"{"appId":"a"}"#));
        assert!(matches!(claimed_app(&none), Err(Error::Malformed(_))));
        for nonsense in ["", "a", "a.b.c", "....", "é.é.é"] {
            assert!(matches!(claimed_app(nonsense), Err(Error::Malformed(_))), "{nonsense}");
        }
    }
}
