//! `POST /v1/calls/{id}/watch`: the callee's camera, live in a browser.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::browser::{end_at, offer};
use super::error::{Code, Problem, ProblemDocument};
use super::fields::{Fields, Given, json};
use super::may::CallInPath;
use super::problems::{BadField, NoSuchCall, TooLarge};
use crate::access::{Principal, Right, SeeCalls};
use crate::store::{AuditAction, CallRow};
use crate::trunk::webrtc::{NoAnswer, NoView, Unseen, Watched};

/// How long somebody who may no longer see still does, at most.
const LOOKED_AFTER: Duration = Duration::from_secs(5);

impl From<NoView> for Problem {
    fn from(why: NoView) -> Self {
        match why {
            NoView::Unseen(Unseen::NoCamera) => Self::new(Code::Conflict, why.to_string()),
            NoView::Unseen(Unseen::Crowded) | NoView::Crowded(_) => Self::too_many(&why.to_string(), 5),
            NoView::Offer(why) => NoAnswer::Offer(why).into(),
        }
    }
}

/// What a browser that watches offers.
#[derive(Debug, ToSchema)]
#[schema(as = WatchOffer)]
#[serde(deny_unknown_fields)]
pub(super) struct Offer {
    /// The offer of an `RTCPeerConnection`: one video stream, `recvonly`.
    #[schema(min_length = 1, max_length = 32768)]
    sdp: String,
}

impl Given for Offer {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { sdp: offer(fields) }
    }
}

/// The answer to a browser that watches.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WatchAnswer {
    /// For `setRemoteDescription`.
    sdp: String,
}

/// Watch the callee's camera in a running video call.
///
/// The pictures are those of the camera, handed on as they come; the sound is that of `live.wav`. They end with the call, the
/// camera or the right to see it. Who watched which call is in the audit log.
#[utoipa::path(post, path = "/v1/calls/{call_id}/watch", operation_id = "watchCall", tag = "recordings",
    params(("call_id" = String, Path, description = "The call.")), request_body(content = Offer),
    responses(
        (status = 201, description = "The pictures begin when the browser has connected. `Location` ends them with `DELETE`.",
            body = WatchAnswer, headers(("location" = String, description = "Ends it with `DELETE`."))),
        BadField,
        NoSuchCall,
        (status = 409, description = "No camera is on in this call now.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The offer cannot be answered; it says why.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many watch this call, or cameras at all, already.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "This server takes no calls in the browser.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn watch(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Offer { sdp } = json(body)?;
    let who = (*call.may).clone();
    let call = call.found()?;
    let (access, watched) = (api.access.clone(), call.clone());
    let holds = move || -> BoxFuture<'static, bool> {
        let (access, headers, watched) = (access.clone(), headers.clone(), watched.clone());
        Box::pin(async move {
            let who = access.identify(&headers).await;
            who.is_ok_and(|who| who.require_call(&watched, &SeeCalls::RULE).is_ok())
        })
    };
    let Watched { sdp, secret } = show(&api, &call, &who, &sdp, holds).await?;
    Ok((StatusCode::CREATED, end_at(&secret), Json(WatchAnswer { sdp })).into_response())
}

/// Shows the camera of a call to `who`, as long as `holds` says that they may see it; they stand in the audit log.
///
/// # Errors
/// When no camera is on, the offer cannot be answered, or too many watch.
pub(crate) async fn show(
    api: &Api,
    call: &CallRow,
    who: &Principal,
    sdp: &str,
    mut holds: impl FnMut() -> BoxFuture<'static, bool> + Send + 'static,
) -> Result<Watched, Problem> {
    let browsers = api.browsers.open()?.clone();
    let session_id = call.session_id.as_deref().unwrap_or_default();
    let watched = browsers.watch(session_id, sdp)?;
    api.access.record(who, AuditAction::CallListen, &call.id).await;
    let (session_id, secret) = (session_id.to_owned(), watched.secret.clone());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOKED_AFTER).await;
            if !browsers.is_on(&secret) {
                return;
            }
            if !browsers.has_camera(&session_id) || !holds().await {
                let _ended = browsers.hang_up(&secret);
                return;
            }
        }
    });
    Ok(watched)
}
