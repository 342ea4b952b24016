//! What the routes of this folder take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{given, invalid, nullable};
use crate::api::error::Problem;
use crate::store::{ApiKeyRow, AppRow, Rate, SecretRow};
use crate::wallclock::{iso, now_ms};

/// What somebody may do.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what `scopes` checks")]
pub(super) enum Scope {
    #[schema(rename = "SmartAssist Dialout")]
    Dialout,
    #[schema(rename = "read")]
    Read,
    #[schema(rename = "flows")]
    Flows,
    #[schema(rename = "campaigns")]
    Campaigns,
    #[schema(rename = "admin")]
    Admin,
}

/// A bot, or `*` for all.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = r"\S")]
#[expect(dead_code, reason = "the shape of what `bots` checks")]
pub(super) struct BotName(String);

/// Every app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppList {
    pub(super) apps: Vec<AppShown>,
}

/// The secrets of an app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecretList {
    pub(super) secrets: Vec<SecretShown>,
}

/// Every key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeyList {
    pub(super) keys: Vec<KeyShown>,
}

/// A limit: so many requests at once, so many each second in the long run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RateLimit {
    /// In the long run.
    #[schema(minimum = 0.001, maximum = 1_000_000)]
    per_second: f64,
    /// At once after a pause.
    #[schema(minimum = 1, maximum = 1_000_000)]
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
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewApp)]
pub(super) struct NewAppBody {
    /// As tokens name it.
    #[schema(pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$", example = "shop")]
    pub(super) id: String,
    /// For people; the id when absent.
    #[schema(pattern = r"\S", max_length = 100)]
    pub(super) name: Option<String>,
    #[schema(value_type = Option<Vec<Scope>>)]
    pub(super) scopes: Option<Vec<String>>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    pub(super) bots: Option<Vec<String>>,
    /// A secret that the app has already; without it one is made.
    #[schema(value_type = Option<String>, min_length = 32, max_length = 1024)]
    pub(super) secret: Option<secrecy::SecretString>,
    #[serde(default)]
    pub(super) require_jti: bool,
    /// How old a token may be since its `iat`, seconds.
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub(super) max_token_age: Option<i64>,
    pub(super) rate_limit: Option<RateLimit>,
}

/// What of an app becomes different. `null` goes back to the settings of the server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppPatch {
    pub(super) name: Option<String>,
    #[schema(value_type = Option<Vec<Scope>>)]
    pub(super) scopes: Option<Vec<String>>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    pub(super) bots: Option<Vec<String>>,
    pub(super) require_jti: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315_360_000)]
    pub(super) max_token_age: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<RateLimit>)]
    pub(super) rate_limit: Option<Option<RateLimit>>,
}

/// An app as it is shown; the secret is present once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = App)]
pub(super) struct AppShown {
    id: String,
    name: String,
    #[schema(value_type = Vec<Scope>)]
    scopes: Vec<String>,
    bots: Vec<String>,
    require_jti: bool,
    max_token_age: Option<i64>,
    rate_limit: Option<RateLimit>,
    #[schema(format = DateTime)]
    created_at: String,
    /// Accurate to a minute.
    #[schema(format = DateTime)]
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
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSecret)]
pub(super) struct NewSecretBody {
    /// A secret that the app has already; without it one is made.
    #[schema(value_type = Option<String>, min_length = 32, max_length = 1024)]
    pub(super) secret: Option<secrecy::SecretString>,
    /// When the older secrets end; without it they stay.
    #[schema(format = DateTime)]
    pub(super) retire_others_at: Option<String>,
}

/// When a secret ends; `null` takes an end back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretPatch {
    #[serde(deserialize_with = "given")]
    #[schema(format = DateTime, required)]
    pub(super) retire_at: Option<String>,
}

/// A secret as it is shown; the secret itself is present once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Secret)]
pub(super) struct SecretShown {
    /// From 1 within an app.
    id: i64,
    /// `active`, `ending` or `retired`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    age_days: i64,
    #[schema(format = DateTime)]
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
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKey)]
pub(super) struct NewKeyBody {
    #[schema(pattern = r"\S", max_length = 100)]
    pub(super) name: String,
    #[schema(value_type = Vec<Scope>)]
    pub(super) scopes: Vec<String>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    pub(super) bots: Option<Vec<String>>,
    /// The client app it acts for; needed to place calls with it.
    pub(super) app_id: Option<String>,
    pub(super) rate_limit: Option<RateLimit>,
    /// A time to come.
    #[schema(format = DateTime)]
    pub(super) expires_at: Option<String>,
}

/// What of a key becomes different. `null` takes a limit or an end away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyPatch {
    pub(super) name: Option<String>,
    #[schema(value_type = Option<Vec<Scope>>)]
    pub(super) scopes: Option<Vec<String>>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    pub(super) bots: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<RateLimit>)]
    pub(super) rate_limit: Option<Option<RateLimit>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) expires_at: Option<Option<String>>,
}

/// A key as it is shown; the key itself is present once, when it was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(super) struct KeyShown {
    id: String,
    name: String,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    #[schema(value_type = Vec<Scope>)]
    scopes: Vec<String>,
    bots: Vec<String>,
    app_id: Option<String>,
    rate_limit: Option<RateLimit>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// Accurate to a minute.
    #[schema(format = DateTime)]
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
