//! What the bodies of this folder have in common: limits, bots, scopes, names, secrets.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::api::error::{Code, Problem};
use crate::api::fields::{self, Fields, Given};
use crate::store::Rate;

/// Longest name of a bot, and most of them and of scopes.
const LONGEST_BOT: usize = 128;
const MOST: usize = 1_000;
const LONGEST_NAME: usize = 100;
/// Longest id of an app, characters.
pub(super) const LONGEST_ID: usize = 64;
/// A secret that is brought along must be as hard to guess as RFC 7518 §3.2 asks of HS256, bytes.
const SHORTEST_SECRET: usize = 32;
const LONGEST_SECRET: usize = 1024;

/// A limit: so many requests at once, so many each second in the long run.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RateLimit {
    /// In the long run.
    #[schema(minimum = 0.001, maximum = 1_000_000)]
    per_second: f64,
    /// At once after a pause.
    #[schema(minimum = 1, maximum = 1_000_000)]
    burst: u32,
}

impl From<Rate> for RateLimit {
    fn from(rate: Rate) -> Self {
        Self { per_second: rate.per_second, burst: rate.burst }
    }
}

impl From<RateLimit> for Rate {
    fn from(limit: RateLimit) -> Self {
        Self { per_second: limit.per_second, burst: limit.burst }
    }
}

/// A bot, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128)]
pub(super) struct BotName(String);

impl BotName {
    /// All of them.
    pub(super) fn any() -> Self {
        Self(crate::access::ANY_BOT.to_owned())
    }
}

impl From<BotName> for String {
    fn from(name: BotName) -> Self {
        name.0
    }
}

/// As the store keeps lists of words.
pub(super) fn words<T: Into<String>>(given: Vec<T>) -> Vec<String> {
    given.into_iter().map(T::into).collect()
}

/// Reads a body; it can be read, and what is wrong with its fields is another matter.
pub(super) fn json<T: Given>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    fields::json_as(body, Code::Invalid, T::read)
}

/// Reads a limit.
pub(super) fn rate(fields: &mut Fields<'_>, name: &'static str) -> Option<RateLimit> {
    fields.within(name, |fields| RateLimit {
        per_second: fields.required("perSecond", "how many in the long run", |fields, name| {
            fields.number(name, 0.001..=1e6)
        }),
        burst: fields.required("burst", "how many at once", |fields, name| fields.small(name, 1..=1_000_000)),
    })
}

/// Scopes that exist, each once.
pub(super) fn scopes(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<Scope>> {
    let scope = |given: &str| {
        given.parse().map_err(|_| {
            let all = Scope::ALL.map(Scope::as_str).join(", ");
            format!("names no scope with {given:?}; there are {all}")
        })
    };
    fields.list(name, MOST, scope).map(each_once)
}

/// Bots, each once.
pub(super) fn bots(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<BotName>> {
    let bots = fields.list(name, MOST, |bot| fields::checked_text(bot, LONGEST_BOT).map(BotName))?;
    if bots.is_empty() {
        fields.fault(name, "must name bots; \"*\" stands for all of them");
        return None;
    }
    Some(each_once(bots))
}

fn each_once<T: Clone + Ord>(mut given: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    given.retain(|one| seen.insert(one.clone()));
    given
}

/// A name for people.
pub(super) fn name(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    let text = fields.any_text(name)?;
    fields.checked(name, |_| fields::short_text(&text, LONGEST_NAME))
}

/// A secret that is brought along.
pub(super) fn secret(fields: &mut Fields<'_>) -> Option<SecretString> {
    let secret = fields.any_text("secret")?;
    if (SHORTEST_SECRET..=LONGEST_SECRET).contains(&secret.len()) {
        return Some(secret.into());
    }
    fields.fault("secret", "must have 32 to 1024 bytes; leave it out to have one made");
    None
}

/// A change that changes nothing.
pub(super) fn no_effect(fields: &str) -> Problem {
    Problem::new(Code::Malformed, format!("the body changes nothing; send what is to change: {fields}"))
}
