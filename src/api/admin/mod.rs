//! `/v1/apps`, `/v1/keys` and `/v1/audit`: who may do what, and who did. All of it needs the scope `admin`.

mod apps;
mod keys;
mod secrets;
mod shapes;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, patch};
use serde_json::Value;

use super::audit;
use super::auth::{Auth, SCOPES, gate};
use super::error::{Code, Problem};

/// The routes of this folder, behind their gate. They need no more than the database, so the command line answers them
/// itself while no server runs.
pub(super) fn router<S: Clone + Send + Sync + 'static>(auth: &Auth) -> Router<S> {
    Router::new()
        .route("/v1/apps", get(apps::list).post(apps::create))
        .route("/v1/apps/{app_id}", get(apps::one).patch(apps::change).delete(apps::delete))
        .route("/v1/apps/{app_id}/secrets", get(secrets::list).post(secrets::create))
        .route("/v1/apps/{app_id}/secrets/{seq}", patch(secrets::change).delete(secrets::retire))
        .route("/v1/keys", get(keys::list).post(keys::create))
        .route("/v1/keys/{key_id}", get(keys::one).patch(keys::change).delete(keys::revoke))
        .route("/v1/audit", get(audit::list))
        .route_layer(from_fn_with_state(auth.clone(), gate::admins))
        .with_state(auth.clone())
}

/// The routes of this folder with all that a request meets on its way to them, for use without a server.
#[must_use]
pub fn alone(auth: &Auth) -> Router {
    router(auth).layer(from_fn_with_state(auth.clone(), gate::meet))
}

/// The answer to a body that is not what it should be.
fn malformed(rejection: &JsonRejection) -> Problem {
    Problem::new(Code::Malformed, rejection.body_text())
}

fn invalid(field: &str, problem: &str) -> Problem {
    Problem::new(Code::Invalid, format!("{field} {problem}")).with_field(field, problem)
}

/// Scopes that exist, each once.
fn scopes(given: Vec<String>) -> Result<Vec<String>, Problem> {
    for scope in &given {
        if !SCOPES.contains(&scope.as_str()) {
            let problem = format!("names no scope with {scope:?}; there are {}", SCOPES.join(", "));
            return Err(invalid("scopes", &problem));
        }
    }
    Ok(listed(given))
}

/// Bots, each once.
fn bots(given: Vec<String>) -> Result<Vec<String>, Problem> {
    if given.is_empty() || given.iter().any(|bot| bot.trim().is_empty()) {
        return Err(invalid("bots", "must name bots; \"*\" stands for all of them"));
    }
    Ok(listed(given))
}

fn listed(mut given: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    given.retain(|one| seen.insert(one.clone()));
    given
}

/// A name for people.
fn name(given: &str) -> Result<String, Problem> {
    let name = given.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(invalid("name", "must have 1 to 100 characters"));
    }
    Ok(name.to_owned())
}

/// Tells a field that is null from one that is absent.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// A moment given as text or as a number of milliseconds.
fn moment(field: &str, given: &Value) -> Result<i64, Problem> {
    match given {
        Value::String(text) => audit::moment(field, text),
        Value::Number(ms) if ms.is_i64() => Ok(ms.as_i64().unwrap_or_default()),
        _ => audit::moment(field, ""),
    }
}
