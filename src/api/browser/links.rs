//! Links that ring: what their page asks for. The token in the body is the credential, so no address holds it, and no log.

use std::net::IpAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::addresses::{end_at, sent_from};
use super::shapes::{LONGEST_TOKEN, offer};
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::fields::{Fields, Given, json};
use crate::api::problems::{BadField, TooLarge};
use crate::trunk::webrtc::{Browsers, LinkNews, LinkState, NoCall};

const UNKNOWN: &str = "link of this token; it may be long over, or the server was started again since";
const GUESSED: &str = "too many tokens from this address were none; try again later";

/// A link, by its token.
#[derive(Debug, ToSchema)]
#[schema(as = RingLinkToken)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    /// What stands behind the `#` of the link.
    #[schema(min_length = 1, max_length = 100)]
    token: String,
}

impl Given for Held {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { token: token(fields) }
    }
}

/// The answer of a browser to a call whose link rings.
#[derive(Debug, ToSchema)]
#[schema(as = RingLinkAnswer)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    /// What stands behind the `#` of the link.
    #[schema(min_length = 1, max_length = 100)]
    token: String,
    /// The offer of an `RTCPeerConnection`: one audio track, both ways.
    #[schema(min_length = 1, max_length = 32768)]
    sdp: String,
}

impl Given for Accept {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { token: token(fields), sdp: offer(fields) }
    }
}

fn token(fields: &mut Fields<'_>) -> String {
    fields.required("token", "send what stands behind the `#` of the link", |fields, name| {
        fields.text(name, LONGEST_TOKEN)
    })
}

/// How a link stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RingLinkState)]
pub(super) struct News {
    /// `soon`, `ringing`, `answered`, `declined`, `expired` or `ended`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Who calls, where the request said so.
    caller: Option<String>,
    /// It is a video call: offer the camera, too, if there is one.
    video: bool,
}

const fn word(state: LinkState) -> &'static str {
    match state {
        LinkState::Soon => "soon",
        LinkState::Ringing => "ringing",
        LinkState::Answered => "answered",
        LinkState::Declined => "declined",
        LinkState::Expired => "expired",
        LinkState::Ended => "ended",
    }
}

impl From<LinkNews> for News {
    fn from(news: LinkNews) -> Self {
        Self { state: word(news.state), caller: news.caller, video: news.video }
    }
}

/// The answer to a link that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RingLinkAccepted {
    /// The answer, for `setRemoteDescription`.
    sdp: String,
}

impl From<NoCall> for Problem {
    fn from(why: NoCall) -> Self {
        match why {
            NoCall::Unknown => Self::not_found(UNKNOWN),
            NoCall::Not(state) => {
                let why = match state {
                    LinkState::Soon => "the call of this link is not placed yet; try again in a second",
                    LinkState::Answered => "this link was used: its call was answered",
                    LinkState::Declined => "this link was used: its call was declined",
                    LinkState::Expired => "this link is too old: its call was not answered in time",
                    LinkState::Ringing | LinkState::Ended => "the call of this link is over",
                };
                Self::new(Code::Conflict, why)
            }
            NoCall::Offer(why) => why.into(),
        }
    }
}

/// The way to links, and where it is taken from.
struct Door<'a> {
    api: &'a Api,
    browsers: &'a Browsers,
    address: Option<IpAddr>,
}

impl<'a> Door<'a> {
    fn of(api: &'a Api, extensions: &Extensions, headers: &HeaderMap) -> Result<Self, Problem> {
        let browsers = api.browsers.open()?;
        Ok(Self { api, browsers, address: sent_from(api, extensions, headers) })
    }

    /// Who guesses waits; whoever holds a link does not, also where many share an address.
    fn refused(&self, why: NoCall) -> Problem {
        if why == NoCall::Unknown {
            let (misses, now) = (self.api.browsers.misses(), Instant::now());
            if let Some(wait_s) = misses.wait(self.address, now) {
                return Problem::too_many(GUESSED, wait_s);
            }
            misses.missed(self.address, now);
        }
        why.into()
    }
}

/// See how a link stands.
///
/// The page of the link asks this as long as it is open. The first time, the call rings: its timeline says so.
#[utoipa::path(post, path = "/v1/ring-links/open", operation_id = "openRingLink", tag = "calls",
    security(()), request_body(content = Held),
    responses(
        (status = 200, description = "How it stands.", body = News),
        BadField,
        (status = 404, description = "There is no such link, or it is long over.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 429, description = "Too many tokens of this address were none.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "This server takes no calls in the browser.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn open(
    State(api): State<Api>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<News>, Problem> {
    let Held { token } = json(body)?;
    let door = Door::of(&api, &extensions, &headers)?;
    let news = door.browsers.open_link(&token).ok_or_else(|| door.refused(NoCall::Unknown))?;
    Ok(Json(news.into()))
}

/// Answer the call of a link.
///
/// `sdp` is the offer of an `RTCPeerConnection` with one audio track. A link is good for one answer; an offer that cannot
/// be answered leaves it ringing.
#[utoipa::path(post, path = "/v1/ring-links/accept", operation_id = "acceptRingLink", tag = "calls",
    security(()), request_body(content = Accept),
    responses(
        (status = 201, description = "The call begins when the browser has connected. `Location` is its address for \
            `DELETE`; nobody else knows it.",
            body = RingLinkAccepted, headers(("location" = String, description = "Ends the call with `DELETE`."))),
        BadField,
        (status = 404, description = "There is no such link, or it is long over.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It does not ring: it was used, is too old, or its call is over.",
            body = ProblemDocument, content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The offer cannot be answered; it says why.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many calls run: in all, of the app that calls, or from this address; or too \
            many tokens of this address were none.",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "This server takes no calls in the browser.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn accept(
    State(api): State<Api>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Accept { token, sdp } = json(body)?;
    let door = Door::of(&api, &extensions, &headers)?;
    let accepted = door.browsers.answer_link(&token, &sdp, door.address).map_err(|why| door.refused(why))?;
    let told = Json(RingLinkAccepted { sdp: accepted.sdp });
    Ok((StatusCode::CREATED, end_at(&accepted.secret), told).into_response())
}

/// Decline the call of a link.
#[utoipa::path(post, path = "/v1/ring-links/decline", operation_id = "declineRingLink", tag = "calls",
    security(()), request_body(content = Held),
    responses(
        (status = 204, description = "It is declined."),
        BadField,
        (status = 404, description = "There is no such link, or it is long over.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It does not ring: it was used, is too old, or its call is over.",
            body = ProblemDocument, content_type = "application/problem+json"),
        TooLarge,
        (status = 429, description = "Too many tokens of this address were none.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "This server takes no calls in the browser.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn decline(
    State(api): State<Api>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let Held { token } = json(body)?;
    let door = Door::of(&api, &extensions, &headers)?;
    door.browsers.decline_link(&token).map_err(|why| door.refused(why))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Routes of whoever holds a link.
pub(super) fn routes_of_links() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(open)).routes(routes!(accept)).routes(routes!(decline))
}
