//! Who may call the API: client apps with their secrets, and API keys.

use secrecy::SecretString;
use sqlx::FromRow;

/// A client app to be.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    /// The bots it may use; `*` stands for all.
    pub bots: Vec<String>,
    /// Signs its tokens and the webhooks sent to it.
    pub secret: SecretString,
}

/// What a caller may ask, over time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Requests each second in the long run, 0.001..=1e6.
    pub per_second: f64,
    /// Requests at once after a pause, 1..=1e6.
    pub burst: u32,
}

/// What holds for one app only; `None` follows the settings of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AppPolicy {
    /// A token is good for one request only, and says so with a `jti`.
    pub require_jti: bool,
    /// How old a token may be, seconds since its `iat`.
    pub max_token_age_s: Option<i64>,
    pub rate: Option<Rate>,
}

/// What of an app becomes different; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppChange {
    pub name: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub bots: Option<Vec<String>>,
    pub require_jti: Option<bool>,
    /// `Some(None)` goes back to the settings of the server.
    pub max_token_age_s: Option<Option<i64>>,
    /// `Some(None)` goes back to the settings of the server.
    pub rate: Option<Option<Rate>>,
}

/// An app as a list shows it.
#[derive(Clone, Debug, FromRow)]
pub struct AppRow {
    pub id: String,
    pub name: String,
    #[sqlx(json)]
    pub scopes: Vec<String>,
    #[sqlx(json)]
    pub bots: Vec<String>,
    pub require_jti: bool,
    pub max_token_age_s: Option<i64>,
    pub(in crate::store) rate_per_s: Option<f64>,
    pub(in crate::store) rate_burst: Option<u32>,
    pub created_ms: i64,
    /// Accurate to a minute.
    pub last_used_ms: Option<i64>,
    pub active_secrets: i64,
}

impl AppRow {
    /// Its own limit, if it has one.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        rate(self.rate_per_s, self.rate_burst)
    }
}

/// An API key to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub id: String,
    pub name: String,
    /// What the key is compared with; never the key itself.
    pub digest: String,
    pub scopes: Vec<String>,
    /// The bots it may have to do with; `*` stands for all.
    pub bots: Vec<String>,
    /// The client app it acts for: needed to place calls, because the app's secrets sign their webhooks.
    pub app_id: Option<String>,
    pub rate: Option<Rate>,
    pub expires_ms: Option<i64>,
}

/// What of a key becomes different; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyChange {
    pub name: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub bots: Option<Vec<String>>,
    /// `Some(None)` goes back to the settings of the server.
    pub rate: Option<Option<Rate>>,
    /// `Some(None)`: it does not expire.
    pub expires_ms: Option<Option<i64>>,
}

/// A key as a list shows it.
#[derive(Clone, Debug, FromRow)]
pub struct ApiKeyRow {
    pub id: String,
    pub name: String,
    #[sqlx(json)]
    pub scopes: Vec<String>,
    #[sqlx(json)]
    pub bots: Vec<String>,
    pub app_id: Option<String>,
    pub(in crate::store) rate_per_s: Option<f64>,
    pub(in crate::store) rate_burst: Option<u32>,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
    pub revoked_ms: Option<i64>,
    /// Accurate to a minute.
    pub last_used_ms: Option<i64>,
}

impl ApiKeyRow {
    /// Its own limit, if it has one.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        rate(self.rate_per_s, self.rate_burst)
    }
}

/// A secret as a list shows it: everything but the secret.
#[derive(Clone, Debug, FromRow)]
pub struct SecretRow {
    /// From 1 within an app.
    pub seq: i64,
    pub created_ms: i64,
    /// When it ends or ended.
    pub retired_ms: Option<i64>,
}

pub(in crate::store) fn rate(per_second: Option<f64>, burst: Option<u32>) -> Option<Rate> {
    Some(Rate { per_second: per_second?, burst: burst? })
}

/// A client app as the directory needs it.
#[derive(Debug, FromRow)]
pub(in crate::store) struct AppRecord {
    pub(in crate::store) id: String,
    pub(in crate::store) name: String,
    #[sqlx(json)]
    pub(in crate::store) scopes: Vec<String>,
    #[sqlx(json)]
    pub(in crate::store) bots: Vec<String>,
    pub(in crate::store) require_jti: bool,
    pub(in crate::store) max_token_age_s: Option<i64>,
    pub(in crate::store) rate_per_s: Option<f64>,
    pub(in crate::store) rate_burst: Option<u32>,
    pub(in crate::store) deleted: bool,
}

/// A key that is not revoked, as the directory needs it.
#[derive(Debug, FromRow)]
pub(in crate::store) struct KeyRecord {
    pub(in crate::store) id: String,
    pub(in crate::store) name: String,
    pub(in crate::store) digest: String,
    #[sqlx(json)]
    pub(in crate::store) scopes: Vec<String>,
    #[sqlx(json)]
    pub(in crate::store) bots: Vec<String>,
    pub(in crate::store) app_id: Option<String>,
    pub(in crate::store) rate_per_s: Option<f64>,
    pub(in crate::store) rate_burst: Option<u32>,
    pub(in crate::store) expires_ms: Option<i64>,
}

/// A secret as it lies in the database.
#[derive(Debug, FromRow)]
pub(in crate::store) struct SecretRecord {
    pub(in crate::store) app_id: String,
    pub(in crate::store) seq: i64,
    pub(in crate::store) secret: String,
    /// Not in clear.
    pub(in crate::store) sealed: bool,
    pub(in crate::store) retired_ms: Option<i64>,
}

/// Everybody who may call, as the database has them.
#[derive(Debug)]
pub(in crate::store) struct ClientRecords {
    pub(in crate::store) apps: Vec<AppRecord>,
    pub(in crate::store) keys: Vec<KeyRecord>,
    /// Those that are active or will end, newest first within an app.
    pub(in crate::store) secrets: Vec<SecretRecord>,
}
