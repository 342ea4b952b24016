//! The HTTP API, JSON in and out: this list of routes, and handlers that translate each to one verb of the parts below.

pub mod admin;
mod audit;
pub(crate) mod browser;
mod calling;
mod calls;
pub(crate) mod campaigns;
mod cdr;
pub(crate) mod contacts;
pub(crate) mod dialout;
pub(crate) mod do_not_call;
pub mod error;
pub(crate) mod extract;
pub(crate) mod fields;
pub(crate) mod flows;
mod health;
pub(crate) mod judging;
mod kore_campaigns;
pub(crate) mod listening;
pub(crate) mod lists;
pub(crate) mod may;
mod numbers;
mod page_origins;
pub(crate) mod problems;
mod public_url;
pub(crate) mod recordings;
mod settings;
mod signalling;
mod timeline;
pub(crate) mod transcript;
pub(crate) mod trials;
mod uploads;
pub(crate) mod wanted_calls;
pub(crate) mod watching;
pub(crate) mod webhooks;
pub(crate) mod when;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub use self::browser::BrowserCalls;
pub use self::page_origins::PageOrigins;
pub use self::public_url::PublicUrl;
pub use self::settings::{Origin, Setting, Told};
pub use self::uploads::Uploads;
use crate::access::Access;
use crate::flows::Catalog;
use crate::lists::Lists;
use crate::net::guard::AddressPolicy;
use crate::outbox;
use crate::session;
use crate::speech::Engines;
use crate::store::Store;
use crate::telemetry::Scrape;
use crate::trials::Trials;

/// Largest request body, bytes.
pub(crate) const BODY_LIMIT: usize = 256 * 1024;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Api {
    pub store: Store,
    /// Who may do what.
    pub access: Access,
    pub calls: session::Handle,
    pub outbox: outbox::Handle,
    pub flows: Arc<Catalog>,
    /// Which flow a bot runs, where it is not the flow of the bot's own name.
    pub bots: Arc<BTreeMap<String, String>>,
    pub metrics: Option<Scrape>,
    /// Which addresses a `notifyUrl` may name.
    pub policy: AddressPolicy,
    /// How others reach this server.
    pub public_url: PublicUrl,
    pub uploads: Uploads,
    pub campaigns: campaigns::Desk,
    /// What reads files into lists of contacts.
    pub lists: Lists,
    /// What replays recorded calls with other settings of the detector, and searches better ones.
    pub trials: Trials,
    /// What the server was started with.
    pub settings: Arc<[Setting]>,
    /// Calls that people place in their browsers.
    pub browsers: BrowserCalls,
    /// What speaks and hears.
    pub speech: Engines,
    /// Paths on disks that must not fill up, by what is kept there.
    pub disks: Arc<[(&'static str, PathBuf); 2]>,
    /// Each request is a line of the log.
    pub access_log: bool,
}

impl FromRef<Api> for campaigns::Desk {
    fn from_ref(api: &Api) -> Self {
        api.campaigns.clone()
    }
}

impl FromRef<Api> for Access {
    fn from_ref(api: &Api) -> Self {
        api.access.clone()
    }
}

impl Api {
    /// Whether one of these bots runs the flow.
    fn runs(&self, bots: &[String], flow: &str) -> bool {
        let flow_of = |bot: &String| {
            let runs = self.bots.get(bot).unwrap_or(bot);
            runs.split_once('@').map_or(runs.as_str(), |(name, _)| name) == flow
        };
        bots.iter().any(flow_of)
    }
}

/// Routes that anybody may ask, and those that check for themselves.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(flows::schema))
        .routes(routes!(dialout::single::dial_out))
        .routes(routes!(dialout::batch::batch))
        .routes(routes!(dialout::single::cancel))
        .merge(kore_campaigns::routes())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(recordings::linked))
        .merge(browser::open())
}

/// Routes of those who read.
fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(calls::list))
        .routes(routes!(calls::one))
        .routes(routes!(timeline::events))
        .routes(routes!(calls::evidence))
        .routes(routes!(signalling::signalling))
        .routes(routes!(transcript::transcript))
        .routes(routes!(calls::notifications))
        .routes(routes!(recordings::recording))
        .routes(routes!(recordings::link))
        .routes(routes!(listening::listen))
        .routes(routes!(watching::watch))
        .routes(routes!(recordings::camera))
        .routes(routes!(calls::message))
        .routes(routes!(dialout::interactions::interactions))
        .routes(routes!(cdr::list))
        .routes(routes!(cdr::one))
        .routes(routes!(flows::list))
        .routes(routes!(flows::history))
        .routes(routes!(flows::text))
        .routes(routes!(health::metrics))
        .merge(webhooks::reading())
        .merge(trials::reading())
}

/// Routes of those who change flows.
fn flow_writing() -> OpenApiRouter<Api> {
    let upload = routes!(flows::upload).layer(DefaultBodyLimit::max(flows::LARGEST));
    OpenApiRouter::new()
        .routes(upload)
        .routes(routes!(flows::label, flows::unlabel))
        .routes(routes!(flows::roll_back))
        .merge(trials::trying())
}

/// Routes of those who ask for calls and end them.
fn calling() -> OpenApiRouter<Api> {
    let import = routes!(contacts::import::import).layer(DefaultBodyLimit::max(contacts::import::LARGEST));
    OpenApiRouter::new()
        .routes(routes!(calling::make))
        .routes(routes!(calling::change))
        .routes(routes!(calling::history))
        .routes(routes!(calls::hang_up))
        .routes(routes!(calls::cancel))
        .routes(routes!(contacts::list, contacts::create))
        .routes(import)
        .routes(routes!(contacts::one, contacts::change, contacts::delete))
        .merge(browser::calling())
        .merge(do_not_call::routes())
        .merge(campaigns::routes())
        .merge(lists::routes())
}

/// Routes of those who look after the server.
fn administering() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(recordings::revoke))
        .merge(webhooks::administering())
        .merge(trials::deciding())
}

/// Who may use a group of routes, as the description tells it. What each route needs stands in the signature of its
/// handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Whoever comes; or the handler checks for itself and says so in its annotation.
    Open,
    /// An API key with the scope `read`, as bearer token or as the password of basic authentication; or such a token.
    Readers,
    /// An API key or a token with a scope of its own.
    Keys,
    /// An API key or a token with the scope `admin`.
    Admins,
    /// An API key or a token with the scope `campaigns`, or the token of a client app that may dial out.
    Callers,
    /// An API key or a token with the scope `campaigns` or `admin`.
    Resenders,
}

/// Every route of the API.
pub(crate) fn groups() -> [(Gate, OpenApiRouter<Api>); 7] {
    [
        (Gate::Open, open()),
        (Gate::Readers, reading()),
        (Gate::Callers, calling()),
        (Gate::Resenders, webhooks::resending()),
        (Gate::Keys, flow_writing()),
        (Gate::Admins, administering()),
        (Gate::Admins, admin::routes()),
    ]
}
