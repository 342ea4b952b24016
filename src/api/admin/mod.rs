//! `/v1/apps`, `/v1/keys` and `/v1/audit`: who may do what, and who did. All of it needs the scope `admin`.

mod apps;
mod keys;
mod secrets;
mod shapes;

use axum::Router;
use axum::extract::FromRef;
use axum::extract::rejection::JsonRejection;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit;
use super::auth::{Auth, SCOPES, gate};
use super::error::{Code, Problem};

/// The routes of this folder, without their gate. They need no more of the state than who may call, so the command
/// line answers them itself while no server runs.
pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Auth: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(apps::list, apps::create))
        .routes(routes!(apps::one, apps::change, apps::delete))
        .routes(routes!(secrets::list, secrets::create))
        .routes(routes!(secrets::change, secrets::retire))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::one, keys::change, keys::revoke))
        .routes(routes!(audit::list))
}

/// The routes of this folder, behind their gate.
pub(super) fn router<S>(auth: &Auth) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Auth: FromRef<S>,
{
    Router::from(routes()).route_layer(from_fn_with_state(auth.clone(), gate::admins))
}

/// The routes of this folder with all that a request meets on its way to them, for use without a server.
pub fn alone(auth: &Auth) -> Router {
    router(auth).layer(from_fn_with_state(auth.clone(), gate::meet)).with_state(auth.clone())
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
fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// Wants a field to be there, also when it is null.
fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer)
}
