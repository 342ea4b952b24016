//! What the routes of this folder take and give.

use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::secrets::secret;
use super::{bots, name, scopes};
use crate::access::{self, ANY_BOT};
use crate::api::audit::moment;
use crate::api::fields::{Fields, Given};
use crate::api::when::Moment;
use crate::store::{ApiKeyRow, AppChange, AppRow, KeyChange, Rate, SecretRow};
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
#[schema(value_type = String, min_length = 1, max_length = 128)]
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
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RateLimit {
    /// In the long run.
    #[schema(minimum = 0.001, maximum = 1_000_000)]
    per_second: f64,
    /// At once after a pause.
    #[schema(minimum = 1, maximum = 1_000_000)]
    burst: u32,
}

/// Reads a limit.
fn rate(fields: &mut Fields<'_>, name: &'static str) -> Option<Rate> {
    fields.within(name, |fields| Rate {
        per_second: fields.required("perSecond", "how many in the long run", |fields, name| {
            fields.number(name, 0.001..=1e6)
        }),
        burst: fields.required("burst", "how many at once", |fields, name| fields.small(name, 1..=1_000_000)),
    })
}

impl From<Rate> for RateLimit {
    fn from(rate: Rate) -> Self {
        Self { per_second: rate.per_second, burst: rate.burst }
    }
}

/// An app to be made.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewApp)]
pub(super) struct NewAppBody {
    /// As tokens name it.
    #[schema(pattern = "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$", example = "shop")]
    pub(super) id: String,
    /// For people; the id when absent.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub(super) name: String,
    #[schema(value_type = Option<Vec<Scope>>)]
    pub(super) scopes: Vec<access::Scope>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    pub(super) bots: Vec<String>,
    /// A secret that the app has already; without it one is made.
    #[schema(value_type = Option<String>, min_length = 32, max_length = 1024)]
    pub(super) secret: Option<SecretString>,
    #[schema(value_type = Option<bool>)]
    pub(super) require_jti: bool,
    /// How old a token may be since its `iat`, seconds.
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub(super) max_token_age: Option<i64>,
    #[schema(value_type = Option<RateLimit>)]
    pub(super) rate_limit: Option<Rate>,
}

/// Longest age of a token that can be asked for: ten years, in seconds.
const LONGEST_AGE_S: i64 = 315_360_000;

impl Given for NewAppBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        let id = fields
            .required("id", "tokens name the app by it", |fields, name| fields.read(name, LONGEST_ID, id));
        Self {
            name: name(fields, "name").unwrap_or_else(|| id.clone()),
            id,
            scopes: scopes(fields, "scopes").unwrap_or_else(|| vec![access::Scope::Dialout]),
            bots: bots(fields, "bots").unwrap_or_else(|| vec![ANY_BOT.to_owned()]),
            secret: secret(fields),
            require_jti: fields.yes("requireJti").unwrap_or_default(),
            max_token_age: fields.whole("maxTokenAge", 1..=LONGEST_AGE_S),
            rate_limit: rate(fields, "rateLimit"),
        }
    }
}

/// Longest id of an app, characters.
const LONGEST_ID: usize = 64;

/// An id goes into tokens, paths and logs.
fn id(id: &str) -> Result<String, String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let good = id.chars().all(allowed) && !id.starts_with('.');
    if good { Ok(id.to_owned()) } else { Err("must have 1 to 64 letters, digits, -, _ or .".to_owned()) }
}

/// What of an app becomes different. `null` goes back to the settings of the server.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it is the shape that counts; the values are read into `store::AppChange`")]
pub(super) struct AppPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(value_type = Option<Vec<Scope>>)]
    scopes: Option<Vec<String>>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    bots: Option<Vec<String>>,
    require_jti: Option<bool>,
    #[schema(minimum = 1, maximum = 315_360_000)]
    max_token_age: Option<i64>,
    rate_limit: Option<RateLimit>,
}

impl Given for AppChange {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: name(fields, "name"),
            scopes: scopes(fields, "scopes").map(|given| given.into_iter().map(String::from).collect()),
            bots: bots(fields, "bots"),
            require_jti: fields.yes("requireJti"),
            max_token_age_s: fields
                .nullable("maxTokenAge", |fields, name| fields.whole(name, 1..=LONGEST_AGE_S)),
            rate: fields.nullable("rateLimit", rate),
        }
    }
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
#[derive(Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewSecret)]
pub(super) struct NewSecretBody {
    /// A secret that the app has already; without it one is made.
    #[schema(value_type = Option<String>, min_length = 32, max_length = 1024)]
    pub(super) secret: Option<SecretString>,
    /// When the older secrets end; without it they stay. A time that has passed is now.
    #[schema(value_type = Option<Moment>)]
    pub(super) retire_others_at: Option<i64>,
}

impl Given for NewSecretBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { secret: secret(fields), retire_others_at: moment(fields, "retireOthersAt") }
    }
}

/// When a secret ends; `null` takes an end back.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretPatch {
    #[schema(value_type = Option<Moment>, required)]
    pub(super) retire_at: Option<i64>,
}

impl Given for SecretPatch {
    fn read(fields: &mut Fields<'_>) -> Self {
        let end = fields.nullable("retireAt", moment);
        if end.is_none() {
            fields.fault("retireAt", "is missing; give a time, or null to take the end back");
        }
        Self { retire_at: end.flatten() }
    }
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
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewKey)]
pub(super) struct NewKeyBody {
    #[schema(min_length = 1, max_length = 100)]
    pub(super) name: String,
    #[schema(value_type = Vec<Scope>)]
    pub(super) scopes: Vec<access::Scope>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    pub(super) bots: Option<Vec<String>>,
    /// The client app it acts for; needed to place calls with it.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) app_id: Option<String>,
    #[schema(value_type = Option<RateLimit>)]
    pub(super) rate_limit: Option<Rate>,
    /// A time to come; one that has passed is a 422.
    #[schema(value_type = Option<Moment>)]
    pub(super) expires_at: Option<i64>,
}

impl Given for NewKeyBody {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: fields.required("name", "say what the key is for", name),
            scopes: fields.required("scopes", "say what the key may do", scopes),
            bots: bots(fields, "bots"),
            app_id: fields.text("appId", LONGEST_ID),
            rate_limit: rate(fields, "rateLimit"),
            expires_at: to_come(fields, "expiresAt"),
        }
    }
}

/// A time that has not passed.
fn to_come(fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
    let at = moment(fields, name)?;
    if at > now_ms() {
        return Some(at);
    }
    fields.fault(name, "has passed; DELETE revokes a key");
    None
}

/// What of a key becomes different. `null` takes a limit or an end away.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "it is the shape that counts; the values are read into `store::KeyChange`")]
pub(super) struct KeyPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(value_type = Option<Vec<Scope>>)]
    scopes: Option<Vec<String>>,
    /// `*` stands for all.
    #[schema(min_items = 1, value_type = Option<Vec<BotName>>)]
    bots: Option<Vec<String>>,
    rate_limit: Option<RateLimit>,
    /// A time to come; one that has passed is a 422.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<String>,
}

impl Given for KeyChange {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: name(fields, "name"),
            scopes: scopes(fields, "scopes").map(|given| given.into_iter().map(String::from).collect()),
            bots: bots(fields, "bots"),
            rate: fields.nullable("rateLimit", rate),
            expires_ms: fields.nullable("expiresAt", to_come),
        }
    }
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
