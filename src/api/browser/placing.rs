//! An offer becomes a call.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderValue;
use callcore::flow::MachineDetection;

use super::misses::Misses;
use super::tokens::{Grant, Tokens};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::page_origins::PageOrigins;
use crate::session::{InboundCall, Route};
use crate::trunk::webrtc::{Answered, Browsers, NoAnswer, Offered, TRUNK};

const CLOSED: &str = "this server takes no calls in the browser; set `webrtc.listen`";
/// Who calls, in records.
const CALLER: &str = "browser";

/// The way in for browsers, and the tokens for it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct BrowserCalls {
    browsers: Option<Browsers>,
    origins: PageOrigins,
    tokens: Arc<Tokens>,
    misses: Arc<Misses>,
}

impl BrowserCalls {
    /// Whether a camera is on in the call of this session.
    pub(crate) fn has_camera(&self, session_id: Option<&str>) -> bool {
        self.open().ok().zip(session_id).is_some_and(|(browsers, id)| browsers.has_camera(id))
    }

    /// Through this port; without one, every call is refused. Pages of `origins` may ask from their browsers.
    #[must_use]
    pub fn new(browsers: Option<Browsers>, origins: PageOrigins) -> Self {
        Self { browsers, origins, tokens: Arc::default(), misses: Arc::default() }
    }

    /// Whether pages of this origin may read the answers.
    #[must_use]
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        self.origins.allow(origin)
    }

    /// Whether calls are taken.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.browsers.is_some()
    }

    /// # Errors
    /// When no calls are taken.
    pub(in crate::api) fn open(&self) -> Result<&Browsers, Problem> {
        self.browsers.as_ref().ok_or_else(|| Problem::new(Code::Unavailable, CLOSED))
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(super) fn misses(&self) -> &Misses {
        &self.misses
    }

    /// Ends a call as the person in the browser does; whether there was one.
    pub(crate) fn hang_up(&self, secret: &str) -> bool {
        self.browsers.as_ref().is_some_and(|browsers| browsers.hang_up(secret))
    }
}

/// A call that somebody may place, and the offer of their browser.
pub(crate) struct Wanted<'a> {
    pub(crate) sdp: &'a str,
    pub(crate) grant: Grant,
    pub(crate) address: Option<IpAddr>,
    pub(crate) machine_detection: MachineDetection,
}

/// A call that rings.
pub(crate) struct Placed {
    pub(crate) call_id: String,
    /// The answer.
    pub(crate) sdp: String,
    /// Ends the call; see [`BrowserCalls::hang_up`].
    pub(crate) secret: String,
}

impl From<NoAnswer> for Problem {
    fn from(why: NoAnswer) -> Self {
        let told = why.to_string();
        match why {
            NoAnswer::Offer(_) => Self::new(Code::Invalid, told.clone()).with_field("sdp", &told),
            NoAnswer::Crowded(_) => Self::too_many(&told, 5),
        }
    }
}

/// Answers an offer and has the flow take the call.
///
/// # Errors
/// When the offer cannot be answered, too many calls run, or the flow cannot start.
pub(crate) async fn place(api: &Api, wanted: Wanted<'_>) -> Result<Placed, Problem> {
    let Wanted { sdp, grant, address, machine_detection } = wanted;
    let called = grant.flow.split('@').next().unwrap_or_default().to_owned();
    let offered =
        Offered { sdp, subject: &grant.subject, address, caller: CALLER.to_owned(), called: called.clone() };
    let Answered { sdp, secret, leg, pickup } = api.browsers.open()?.answer(offered)?;
    let route = Route {
        flow: grant.flow,
        app_id: grant.app_id,
        variables: grant.variables,
        machine_detection,
        notify: None,
    };
    let call = InboundCall {
        caller: CALLER.to_owned(),
        called,
        route: Arc::new(route),
        trunk: Some(TRUNK.to_owned()),
        pickup,
    };
    let call_id = api.calls.accept(call, leg).await?;
    Ok(Placed { call_id, sdp, secret })
}
