//! `POST /api/1.1/public/bot/{botId}/smartassist/dialout`: Kore's way to ask for a call.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Api;
use super::dialout::{self, DialOut, Invalid};
use super::error::{Code, Problem, ProblemDocument};
use super::openapi::{DialOutBody, DialOutReply};
use crate::flows;
use crate::session::{DialRequest, NotifyTarget, Refusal};

/// Names the fields of the body that mean nothing here.
const IGNORED: HeaderName = HeaderName::from_static("dering-ignored-fields");

/// Ask for a call.
///
/// The call is written down before the answer is sent, then placed in the background. Names of fields are taken in
/// any case. Fields that mean nothing here are accepted and named in the answer's header `dering-ignored-fields`.
#[utoipa::path(post, path = "/api/1.1/public/bot/{bot_id}/smartassist/dialout", operation_id = "dialOut",
    tag = "dial-out", security(("appToken" = []), ("appBearer" = [])),
    params(("bot_id" = String, Path, description = "The bot; it runs the flow of its name, or the one that `bots` \
        in the configuration gives it.", example = "payment-reminder")),
    request_body(content = DialOutBody),
    responses(
        (status = 200, description = "The call is accepted.", body = DialOutReply,
            headers(("dering-ignored-fields" = Option<String>, description = "Fields of the body without a meaning here."))),
        (status = 400, description = "The body cannot be read, or a field of it is wrong.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "The app lacks the scope or the bot; or, with code `do_not_call`, the number's \
            owner asked not to be called again.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "There is no such bot or flow.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 256 KiB.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "The flow has errors or lacks a variable; or there is no such trunk or set of \
            parameters.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "All lines are busy.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn dial_out(
    State(api): State<Api>,
    Path(bot_id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let app = api.auth.dialout(&headers, &bot_id).await?;
    let body: Map<String, Value> = serde_json::from_slice(&body?)
        .map_err(|error| Problem::new(Code::Malformed, format!("the body is not a JSON object: {error}")))?;
    let asked = dialout::parse(body)?;
    let ignored = asked.ignored.join(", ");
    let dialed = api.calls.dial(request(&api, app.id, bot_id, asked)?).await?;
    let reply = json!({ "sid": dialed.sid, "callId": dialed.call_id, "conversationId": dialed.call_id });
    let mut response = Json(reply).into_response();
    if let Ok(value) = HeaderValue::from_str(&ignored)
        && !ignored.is_empty()
    {
        response.headers_mut().insert(IGNORED, value);
    }
    Ok(response)
}

fn request(api: &Api, app_id: String, bot_id: String, asked: DialOut) -> Result<DialRequest, Problem> {
    let notify = match asked.notify_url {
        None => None,
        Some(url) => {
            api.reach
                .check(&url)
                .map_err(|error| Invalid { field: "notifyUrl", problem: error.to_string() })?;
            Some(NotifyTarget { url, headers: asked.notify_headers, amd_events: asked.amd_events })
        }
    };
    let flow = api.bots.get(&bot_id).cloned().unwrap_or_else(|| bot_id.clone());
    Ok(DialRequest {
        app_id,
        bot_id,
        flow,
        number: asked.number,
        caller: asked.caller,
        trunk: asked.trunk,
        metadata: asked.metadata,
        // Absent means what the flow says, and a flow that says nothing has it disabled, as at Kore.
        machine_detection: asked.machine_detection,
        timers: asked.timers,
        threshold_word_count: asked.threshold_word_count,
        language: asked.language,
        amd_params: asked.amd_params,
        ring_timeout_ms: asked.ring_timeout_ms,
        notify,
        ignore_do_not_call: asked.ignore_do_not_call,
    })
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(Code::Malformed, invalid.to_string()).with_field(invalid.field, &invalid.problem)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Store(error) => return error.into(),
            Refusal::Flow(flows::Error::Store(error)) => return error.into(),
            Refusal::Flow(error) => return error.into(),
            Refusal::Variables(_) | Refusal::UnknownTrunk { .. } | Refusal::UnknownParams { .. } => {
                Code::Invalid
            }
            Refusal::DoNotCall { .. } => Code::DoNotCall,
            Refusal::Full { .. } | Refusal::Queue { .. } => Code::RateLimited,
            Refusal::Stopping => Code::Unavailable,
        };
        Self::new(code, refusal.to_string())
    }
}
