//! The pages of the ledger: a list with how endpoints fare, and one notification with its attempts and a
//! button that sends it again. Forms work without script; each carries a token that only we can make.

mod page;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Redirect, Response};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use self::page::{AttemptLine, DeliveryLine, EndpointLine, ListPage, OnePage, Tab, WantedFields};
use super::viewer::{Viewer, ask_for_key};
use crate::access::{ResendWebhooks, Right};
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::{Pairs, Path, pairs};
use crate::api::fields::{self, Fields, Given};
use crate::api::problems::{BadParameter, NoSuchNotification};
use crate::api::webhooks::show::{self, Fate};
use crate::api::webhooks::{BATCH, ENDPOINTS, Wanted, delivery, send_again, send_again_all};
use crate::api::when::When;
use crate::outbox::BreakerState;
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, EndpointRow, NotificationState};
use crate::wallclock::{iso, now_ms};

/// Notifications of a page.
const PAGE: u32 = 50;
/// Dead letters are counted up to here.
const COUNTED: u32 = 10_000;

/// The page of notifications, and of how endpoints fare.
#[utoipa::path(get, path = "/webhooks", operation_id = "webhooksPage", tag = "server", params(Wanted),
    security(("basic" = []), ("apiKey" = [])),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        BadParameter,
    ))]
pub(super) async fn list(
    viewer: Viewer,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let key = match viewer.key() {
        Ok(key) => key,
        Err(error) => return Ok(ask_for_key(error)),
    };
    let (mut wanted, everything) = fields::query(filled(query), wanted)?;
    // Whoever names no state looks for what went wrong.
    wanted.state = (!everything).then_some(wanted.state.unwrap_or(Fate::Dead));
    let filter = wanted.filter(viewer.0.visibility());
    let found = api.store.deliveries(&filter, wanted.after.as_deref(), PAGE).await?;
    let of_theirs = DeliveryFilter::within(viewer.0.visibility());
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead), ..of_theirs };
    let matching =
        if wanted.state == Some(Fate::Dead) && viewer.0.require_scopes(&ResendWebhooks::RULE).is_ok() {
            api.store.count_deliveries(&filter, COUNTED).await?
        } else {
            0
        };
    let endpoints = api.store.endpoints(ENDPOINTS).await?;
    let shown = ListPage {
        tabs: tabs(&shown_state(&wanted)),
        fields: fields(&wanted),
        deliveries: found.items.iter().map(line).collect(),
        endpoints: endpoints.iter().map(|row| endpoint_line(row, now_ms())).collect(),
        next: found.next.map(|after| link(&Wanted { after: Some(after), ..wanted.clone() })),
        dead: api.store.count_deliveries(&dead, COUNTED).await?,
        matching,
        most: u64::from(BATCH),
        token: token(key, "all"),
    };
    Ok(page::list(&shown))
}

/// Browsers send the fields of a form that nobody filled in.
fn filled(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// What a page is narrowed to, and whether it is to show every state.
fn wanted(fields: &mut Fields<'_>) -> (Wanted, bool) {
    let everything = fields.is("state", "all");
    (Wanted::read(fields), everything)
}

/// The page of one notification.
#[utoipa::path(get, path = "/webhooks/{id}", operation_id = "webhookPage", tag = "server",
    params(("id" = String, Path, description = "The notification.")),
    security(("basic" = []), ("apiKey" = [])),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        NoSuchNotification,
    ))]
pub(super) async fn one(
    viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let key = match viewer.key() {
        Ok(key) => key,
        Err(error) => return Ok(ask_for_key(error)),
    };
    let row = delivery(&api, &id).await?;
    let attempts = api.store.attempts(&id).await?;
    let body = serde_json::from_str::<Value>(&row.notification.body)
        .map_or_else(|_| row.notification.body.clone(), |body| format!("{body:#}"));
    let shown = OnePage {
        settled: row.notification.settled_ms.is_some(),
        resends: viewer.0.require_scopes(&ResendWebhooks::RULE).is_ok(),
        url: row.notification.url.clone(),
        app_id: row.notification.app_id.clone(),
        seq: row.notification.seq,
        redelivered: row.notification.redelivered,
        headers: show::headers(&row).into_iter().collect(),
        body,
        attempts: attempts.iter().map(attempt_line).collect(),
        token: token(key, &id),
        line: line(&row),
    };
    Ok(page::one(&shown))
}

/// The token of a form.
#[derive(Debug, Default, ToSchema)]
pub(super) struct Pressed {
    /// From the page.
    #[schema(min_length = 1, max_length = 200)]
    token: String,
}

impl Given for Pressed {
    fn read(fields: &mut Fields<'_>) -> Self {
        let text = |fields: &mut Fields<'_>, name| fields.text(name, LONGEST_TOKEN);
        Self { token: fields.required("token", "load the page again", text) }
    }
}

/// Longest token of a form, characters.
const LONGEST_TOKEN: usize = 200;

/// Reads a form.
fn form<T>(
    body: Result<Bytes, BytesRejection>,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<T, Problem> {
    let body = body?;
    let text = std::str::from_utf8(&body)
        .map_err(|_| Problem::new(Code::Malformed, "the form is not UTF-8; load the page again"))?;
    fields::form(filled(pairs(text)), read)
}

/// The button of the page of one notification.
#[utoipa::path(post, path = "/webhooks/{id}/redeliver", operation_id = "webhookPageRedeliver", tag = "server",
    params(("id" = String, Path, description = "The notification.")),
    request_body(content = Pressed, content_type = "application/x-www-form-urlencoded"),
    security(("basic" = []), ("apiKey" = [])),
    responses(
        (status = 303, description = "It is done; see the page."),
        (status = 400, description = "The form cannot be read.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "The scope `campaigns` or `admin` is needed; or the form does not come from a page of this server.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchNotification,
        (status = 413, description = "The form is larger than 256 KiB.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn redeliver_one(
    viewer: Viewer,
    State(api): State<Api>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let pressed = form(body, Pressed::read)?;
    press(&viewer, &id, &pressed.token)?;
    match send_again(&api, &id, viewer.0.actor()).await {
        // Pressed twice: it is on its way, which is what the page shows.
        Err(problem) if problem.code() == Code::Conflict => {}
        sent => sent?,
    }
    Ok(Redirect::to(&format!("/webhooks/{id}")).into_response())
}

/// The button of the page of notifications.
#[utoipa::path(post, path = "/webhooks/redeliver", operation_id = "webhooksPageRedeliver", tag = "server",
    request_body(content = Pressed, content_type = "application/x-www-form-urlencoded"),
    security(("basic" = []), ("apiKey" = [])),
    responses(
        (status = 303, description = "It is done; see the page."),
        (status = 400, description = "The form cannot be read.", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "The scope `campaigns` or `admin` is needed; or the form does not come from a page of this server.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchNotification,
        (status = 413, description = "The form is larger than 256 KiB.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn redeliver(
    viewer: Viewer,
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (token, (wanted, _)) = form(body, |fields| (Pressed::read(fields).token, wanted(fields)))?;
    press(&viewer, "all", &token)?;
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..wanted.filter(viewer.0.visibility()) };
    send_again_all(&api, filter, BATCH, viewer.0.actor()).await?;
    Ok(Redirect::to(&link(&Wanted { state: Some(Fate::Open), ..wanted })).into_response())
}

/// What a button of the form `what` needs: the scope, and the form's token.
fn press(viewer: &Viewer, what: &str, token: &str) -> Result<(), Problem> {
    viewer.0.require_scopes(&ResendWebhooks::RULE)?;
    check(viewer.key()?, what, token)
}

/// Proves that a form comes from a page of ours: another site does not know the key's digest.
fn token(key: &str, what: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(b"send again ");
    mac.update(what.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check(key: &str, what: &str, given: &str) -> Result<(), Problem> {
    let expected = token(key, what);
    if !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Ok(());
    }
    Err(Problem::new(
        Code::CrossSite,
        "this form is not from a page that your key opened; load the page again",
    ))
}

fn tabs(state: &str) -> Vec<Tab> {
    let all =
        [("dead", "Dead letters"), ("open", "On their way"), ("delivered", "Delivered"), ("all", "All")];
    all.map(|(name, title)| Tab { name: name.into(), title: title.into(), here: name == state }).into()
}

/// The word for which states the list shows.
fn shown_state(wanted: &Wanted) -> String {
    wanted.state.map_or_else(|| "all".to_owned(), |fate| word(&fate))
}

/// How a query writes a value.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn fields(wanted: &Wanted) -> WantedFields {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let when = |value: &Option<When>| value.as_ref().map(word).unwrap_or_default();
    WantedFields {
        state: shown_state(wanted),
        call_id: text(&wanted.call_id),
        app_id: text(&wanted.app_id),
        endpoint: text(&wanted.endpoint),
        kind: text(&wanted.kind),
        reason: wanted.reason.as_ref().map(word).unwrap_or_default(),
        since: when(&wanted.since),
        until: when(&wanted.until),
    }
}

/// The list, narrowed like this.
fn link(wanted: &Wanted) -> String {
    let query = serde_json::to_value(wanted).ok();
    let pairs = query.as_ref().and_then(Value::as_object).into_iter().flatten();
    let pairs = pairs
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str().filter(|text| !text.is_empty())?)));
    let everything = wanted.state.is_none().then_some(("state", "all"));
    let mut url = reqwest::Url::parse("http://page/webhooks").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(pairs.chain(everything));
    }
    url.map_or_else(
        || "/webhooks".to_owned(),
        |url| format!("{}?{}", url.path(), url.query().unwrap_or_default()),
    )
}

fn line(row: &DeliveryRow) -> DeliveryLine {
    let n = &row.notification;
    DeliveryLine {
        id: n.id.clone(),
        call_id: n.call_id.clone(),
        kind: n.kind.clone(),
        state: n.state.as_str().to_owned(),
        why: sentence(&show::why(row)),
        endpoint: row.endpoint.clone(),
        attempts: n.attempts,
        made: iso(n.created_ms),
        due: if n.state == NotificationState::Due { iso(n.due_ms) } else { String::new() },
    }
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn attempt_line(row: &AttemptRow) -> AttemptLine {
    AttemptLine {
        attempt: row.attempt,
        at: iso(row.at_ms),
        took_ms: row.duration_ms,
        status: row.status.map(|status| status.to_string()).unwrap_or_default(),
        error: row.error.clone().unwrap_or_default(),
        response: row.response.clone().unwrap_or_default(),
    }
}

fn endpoint_line(row: &EndpointRow, now_ms: i64) -> EndpointLine {
    let state = BreakerState::of(row.open_until_ms, now_ms);
    let (word, until) = match state {
        BreakerState::Open => ("held back".to_owned(), row.open_until_ms.map(iso).unwrap_or_default()),
        BreakerState::HalfOpen => ("being tried".to_owned(), String::new()),
        BreakerState::Closed if row.failures > 0 => {
            (format!("failed {} in a row", row.failures), String::new())
        }
        BreakerState::Closed => ("works".to_owned(), String::new()),
    };
    let ill = row.failures > 0 || state != BreakerState::Closed;
    EndpointLine {
        endpoint: row.endpoint.clone(),
        breaker: state.as_str().to_owned(),
        word,
        until,
        answer: row.answer_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        delivered: row.delivered,
        failed: row.failed,
        due: row.due,
        dead: row.dead,
        problem: row.last_problem.clone().filter(|_| ill).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_page_or_another_key_is_refused() {
        let token = token("d", "msg_1");
        assert!(check("d", "msg_1", &token).is_ok());
        for (digest, id, given) in
            [("e", "msg_1", token.as_str()), ("d", "msg_2", &token), ("d", "msg_1", ""), ("d", "msg_1", "00")]
        {
            assert_eq!(check(digest, id, given).unwrap_err().code(), Code::CrossSite);
        }
    }

    #[test]
    fn a_link_keeps_what_the_list_was_narrowed_to() {
        let wanted = Wanted {
            endpoint: Some("https://a.test:1".into()),
            state: Some(Fate::Dead),
            ..Wanted::default()
        };
        assert_eq!(link(&wanted), "/webhooks?endpoint=https%3A%2F%2Fa.test%3A1&state=dead");
    }
}
