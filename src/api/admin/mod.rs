//! `/v1/apps`, `/v1/keys`, `/v1/people` and `/v1/audit`: who may do what, and who did. All of it needs the scope `admin`.

mod apps;
mod keys;
mod parts;
mod people;
mod secrets;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use callcore::number::Country;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::do_not_call::{self, Desk};
use super::may::authenticate;
use super::{audit, lists};
use crate::access::Access;
use crate::lists::Lists;

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
        .routes(routes!(people::list, people::invite))
        .routes(routes!(people::change))
        .routes(routes!(people::link))
        .routes(routes!(people::reset_second_factor))
        .routes(routes!(audit::list))
}

/// The routes of this folder, of the do-not-call list and of lists of contacts, with all that a request meets on its way
/// to them, for use without a server. `country` is that of numbers which do not name their own.
pub fn alone(access: &Access, contacts: Lists, country: Option<Country>) -> Router {
    let store = access.store().clone();
    let desk = Desk::new(store.clone(), country);
    let numbers = Router::from(do_not_call::routes::<Desk>()).with_state(desk);
    let desk = lists::Desk::new(store, contacts, country);
    let contacts = Router::from(lists::routes::<lists::Desk>()).with_state(desk);
    let routes = Router::from(routes::<Access>()).merge(numbers).merge(contacts);
    routes.layer(from_fn_with_state(access.clone(), authenticate)).with_state(access.clone())
}
