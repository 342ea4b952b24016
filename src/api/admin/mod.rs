//! `/v1/apps`, `/v1/keys` and `/v1/audit`: who may do what, and who did. All of it needs the scope `admin`.

mod apps;
mod keys;
mod secrets;
mod shapes;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRef;
use axum::extract::rejection::BytesRejection;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit;
use super::error::{Code, Problem};
use super::fields::{self, Fields, Given};
use super::may::authenticate;
use crate::access::{Access, Scope};

/// The routes of this folder. They need no more of the state than who may call, so the command
/// line answers them itself while no server runs.
pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
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

/// The routes of this folder with all that a request meets on its way to them, for use without a server.
pub fn alone(access: &Access) -> Router {
    let routes = Router::from(routes::<Access>());
    routes.layer(from_fn_with_state(access.clone(), authenticate)).with_state(access.clone())
}

/// Reads a body; it can be read, and what is wrong with its fields is another matter.
fn json<T: Given>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    fields::json_as(body, Code::Invalid, T::read)
}

/// Longest name of a bot, and most of them and of scopes.
const LONGEST_BOT: usize = 128;
const MOST: usize = 1_000;
const LONGEST_NAME: usize = 100;

/// Scopes that exist, each once.
fn scopes(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<Scope>> {
    let scope = |given: &str| {
        given.parse().map_err(|_| {
            let all = Scope::ALL.map(Scope::as_str).join(", ");
            format!("names no scope with {given:?}; there are {all}")
        })
    };
    fields.list(name, MOST, scope).map(listed)
}

/// Bots, each once.
fn bots(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<String>> {
    let bots = fields.list(name, MOST, |bot| fields::checked_text(bot, LONGEST_BOT))?;
    if bots.is_empty() {
        fields.fault(name, "must name bots; \"*\" stands for all of them");
        return None;
    }
    Some(listed(bots))
}

fn listed<T: Clone + Ord>(mut given: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    given.retain(|one| seen.insert(one.clone()));
    given
}

/// A name for people.
fn name(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    let text = fields.any_text(name)?;
    fields.checked(name, |_| fields::short_text(&text, LONGEST_NAME))
}

/// A change that changes nothing.
fn no_effect(fields: &str) -> Problem {
    Problem::new(Code::Malformed, format!("the body changes nothing; send what is to change: {fields}"))
}
