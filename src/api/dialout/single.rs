//! One call by one request, and the way to call it off.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::super::Api;
use super::super::error::{Code, Problem, ProblemDocument};
use super::super::extract::Path;
use super::super::fields::Object;
use super::super::may::Dialler;
use super::super::problems::{BadField, EndedAlready, TooLarge};
use super::parts::key;
use super::{DialOutAnswer, Manner, perform};
use crate::kore::DialOut;

/// Names the fields of the body that are not followed.
pub(in super::super) const IGNORED: HeaderName = HeaderName::from_static("dering-ignored-fields");
/// Says `true` when the answer is that of an earlier request with the same key.
pub(in super::super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Most names in the header.
const MOST_NAMED: usize = 30;

/// Ask for a call.
///
/// The call is written down before the answer is sent, then placed in the background, or when its time has come. Names
/// of fields are taken in any case, each once. Fields that are not followed are named in the answer's header
/// `dering-ignored-fields`. The path may also be `…/bot/{bot_id}/V2/smartassist/dialout`, in any case of its letters.
#[utoipa::path(post, path = "/api/1.1/public/bot/{bot_id}/smartassist/dialout", operation_id = "dialOut",
    tag = "dial-out", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("bot_id" = String, Path, description = "The bot; it runs the flow of its name, or the one that `bots` \
            in the configuration gives it.", example = "payment-reminder"),
        ("idempotency-key" = Option<String>, Header, description = "Within 24 hours the same key with the same body \
            gets the same answer, and nobody is called twice. 1 to 255 plain characters.",
            pattern = "^[!-~]([ -~]{0,253}[!-~])?$", min_length = 1, max_length = 255),
    ),
    request_body(content = DialOut),
    responses(
        (status = 200, description = "The call is accepted; or, with `dryRun`, what would become of it.",
            body = DialOutAnswer,
            headers(
                ("dering-ignored-fields" = Option<String>, description = "Fields of the body without a meaning here."),
                ("idempotency-replayed" = Option<String>, description = "`true` when this is the answer of an earlier \
                    request with the same key."),
            )),
        BadField,
        (status = 403, description = "The app lacks the scope or the bot; or, with code `do_not_call`, the number's \
            owner asked not to be called again.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "There is no such bot, flow or version.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "The beginning of a digest fits several versions of the flow.",
            body = ProblemDocument, content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "The flow has errors or lacks a variable; there is no such trunk or set of \
            parameters; the call would expire before it is dialled; or, with code `key_reused`, the idempotency key \
            stands for another request.", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "All lines are busy and the queue is full.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(in super::super) async fn dial_out(
    State(api): State<Api>,
    Dialler { app, bot_id, .. }: Dialler,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = Object::read(&body?, "body")?;
    let done = perform(&api, &app.id, &bot_id, body, Manner::Single, key(&headers)?).await?;
    let mut response = Json(done.answer).into_response();
    if let Some(value) = named(&done.ignored) {
        response.headers_mut().insert(IGNORED, value);
    }
    if done.again {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Call off a call that this app asked for, or end it.
#[utoipa::path(delete, path = "/api/1.1/public/bot/{bot_id}/smartassist/dialout/{call_id}",
    operation_id = "cancelDialOut", tag = "dial-out", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("bot_id" = String, Path, description = "The bot."),
        ("call_id" = String, Path, description = "The call."),
    ),
    responses(
        (status = 202, description = "It is being ended."),
        (status = 404, description = "The app has no such call.", body = ProblemDocument,
            content_type = "application/problem+json"),
        EndedAlready,
    ))]
pub(in super::super) async fn cancel(
    State(api): State<Api>,
    Dialler { app, bot_id, principal }: Dialler,
    Path((_, call_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let call = api.store.call(&call_id).await?;
    // The calls of others are none of its business.
    if call.is_none_or(|call| call.app_id != app.id || call.bot_id != bot_id) {
        return Err(Problem::new(Code::NotFound, format!("there is no call {call_id} of the bot {bot_id}")));
    }
    if api.calls.end(&call_id, "api", principal.actor()).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(Problem::new(Code::Conflict, "this call has ended already"))
    }
}

/// Field names as a header's value; letters that a header cannot carry are written as escapes.
pub(in super::super) fn named(fields: &[String]) -> Option<HeaderValue> {
    if fields.is_empty() {
        return None;
    }
    let name = |field: &String| field.chars().take(60).flat_map(char::escape_default).collect::<String>();
    let mut text = fields.iter().take(MOST_NAMED).map(name).collect::<Vec<_>>().join(", ");
    if fields.len() > MOST_NAMED {
        text.push_str(", ...");
    }
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_can_be_named_in_the_header_whatever_its_letters() {
        let fields = ["colour".to_owned(), "größe".to_owned(), "a\nb".to_owned()];
        assert_eq!(named(&fields).unwrap(), "colour, gr\\u{f6}\\u{df}e, a\\nb");
        assert_eq!(named(&[]), None);
        let many = vec!["x".repeat(500); 1_000];
        assert!(named(&many).unwrap().len() < 4_000);
    }
}
