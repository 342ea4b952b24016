//! What the routes of this folder take and give.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{invalid, nullable};
use crate::api::error::Problem;
use crate::store::{ApiKeyRow, AppRow, Rate, SecretRow};
use crate::wallclock::{iso, now_ms};

/// A limit: so many requests at once, so many each second in the long run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RateLimit {
    per_second: f64,
    burst: u32,
}

impl RateLimit {
    pub(super) fn checked(self) -> Result<Rate, Problem> {
        if !(0.001..=1e6).contains(&self.per_second) {
            return Err(invalid("rateLimit.perSecond", "must lie between 0.001 and 1000000"));
        }
        if !(1..=1_000_000).contains(&self.burst) {
            return Err(invalid("rateLimit.burst", "must lie between 1 and 1000000"));
        }
        Ok(Rate { per_second: self.per_second, burst: self.burst })
    }
}

impl From<Rate> for RateLimit {
    fn from(rate: Rate) -> Self {
        Self { per_second: rate.per_second, burst: rate.burst }
    }
}

/// An app to be made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewAppBody {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) bots: Option<Vec<String>>,
    /// A secret that the app has already; without it one is made.
    pub(super) secret: Option<secrecy::SecretString>,
    #[serde(default)]
    pub(super) require_jti: bool,
    /// Seconds.
    pub(super) max_token_age: Option<i64>,
    pub(super) rate_limit: Option<RateLimit>,
}

/// What of an app becomes different. `null` goes back to the settings of the server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct AppPatch {
    pub(super) name: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) bots: Option<Vec<String>>,
    pub(super) require_jti: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) max_token_age: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) rate_limit: Option<Option<RateLimit>>,
}

/// An app as it is shown; the secret is present once, when it was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppShown {
    id: String,
    name: String,
    scopes: Vec<String>,
    bots: Vec<String>,
    require_jti: bool,
    max_token_age: Option<i64>,
    rate_limit: Option<RateLimit>,
    created_at: String,
    /// Accurate to a minute.
    last_used_at: Option<String>,
    active_secrets: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl From<AppRow> for AppShown {
    fn from(row: AppRow) -> Self {
        Self {
            rate_limit: row.rate().map(RateLimit::from),
            id: row.id,
            name: row.name,
            scopes: row.scopes,
            bots: row.bots,
            require_jti: row.require_jti,
            max_token_age: row.max_token_age_s,
            created_at: iso(row.created_ms),
            last_used_at: row.last_used_ms.map(iso),
            active_secrets: row.active_secrets,
            secret: None,
        }
    }
}

/// A secret to be made. An empty body makes one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSecretBody {
    /// A secret that the app has already; without it one is made.
    pub(super) secret: Option<secrecy::SecretString>,
    /// When the older secrets end; without it they stay.
    pub(super) retire_others_at: Option<Value>,
}

/// When a secret ends; `null` takes an end back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretPatch {
    pub(super) retire_at: Value,
}

/// A secret as it is shown; the secret itself is present once, when it was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretShown {
    /// From 1 within an app.
    id: i64,
    /// `active`, `ending` or `retired`.
    state: &'static str,
    created_at: String,
    age_days: i64,
    retire_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl From<SecretRow> for SecretShown {
    fn from(row: SecretRow) -> Self {
        let now = now_ms();
        let state = match row.retired_ms {
            None => "active",
            Some(end) if end > now => "ending",
            Some(_) => "retired",
        };
        Self {
            id: row.seq,
            state,
            created_at: iso(row.created_ms),
            age_days: (now - row.created_ms).div_euclid(86_400_000),
            retire_at: row.retired_ms.map(iso),
            secret: None,
        }
    }
}

/// A key to be made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewKeyBody {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) bots: Option<Vec<String>>,
    /// The client app it acts for; needed to place calls with it.
    pub(super) app_id: Option<String>,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) expires_at: Option<Value>,
}

/// What of a key becomes different. `null` takes a limit or an end away.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct KeyPatch {
    pub(super) name: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) bots: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) rate_limit: Option<Option<RateLimit>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) expires_at: Option<Option<Value>>,
}

/// A key as it is shown; the key itself is present once, when it was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyShown {
    id: String,
    name: String,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    scopes: Vec<String>,
    bots: Vec<String>,
    app_id: Option<String>,
    rate_limit: Option<RateLimit>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// Accurate to a minute.
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

impl From<ApiKeyRow> for KeyShown {
    fn from(row: ApiKeyRow) -> Self {
        let state = if row.revoked_ms.is_some() {
            "revoked"
        } else if row.expires_ms.is_some_and(|end| end <= now_ms()) {
            "expired"
        } else {
            "active"
        };
        Self {
            rate_limit: row.rate().map(RateLimit::from),
            id: row.id,
            name: row.name,
            state,
            scopes: row.scopes,
            bots: row.bots,
            app_id: row.app_id,
            created_at: iso(row.created_ms),
            expires_at: row.expires_ms.map(iso),
            revoked_at: row.revoked_ms.map(iso),
            last_used_at: row.last_used_ms.map(iso),
            key: None,
        }
    }
}
