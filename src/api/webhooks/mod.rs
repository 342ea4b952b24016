//! `/v1/webhooks`: the ledger of notifications, sending again, how endpoints fare.

pub(crate) mod show;
mod trial;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::show::{
    Delivery, DeliveryDetail, DeliveryList, EndpointList, EndpointState, FATES, Fate, REASONS, Reason,
    Redelivery,
};
use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::{Query, page_size};
use super::fields::{self, Fields, Given, json};
use super::may::{DeliveryInPath, May};
use super::problems::{BadBody, BadParameter, NoSuchNotification, TooLarge};
use super::when::{Moment, When};
use crate::access::{ResendWebhooks, SeeCalls, SeeServer};
use crate::store::{Actor, DeadReason, DeliveryFilter, DeliveryRow, DeliveryState, NotSettled, Visibility};
use crate::wallclock::now_ms;

/// Longest id, name or endpoint that is looked for, characters.
const LONGEST: usize = 512;
/// Most ids of one request.
const MOST_IDS: usize = 1_000;
/// Notifications that one request sends again: what fits into one transaction without holding up calls.
pub(crate) const BATCH: u32 = 1_000;
pub(crate) const ENDPOINTS: u32 = 500;

/// Routes of those who read.
pub(super) fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(endpoints))
}

/// Routes of those who may have webhooks sent again.
pub(super) fn resending() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(redeliver)).routes(routes!(redeliver_one))
}

/// Routes of those who look after the server.
pub(super) fn administering() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(trial::test))
}

/// Which notifications; what is left out does not narrow.
#[derive(Clone, Debug, Default, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted {
    pub(crate) state: Option<Fate>,
    #[param(min_length = 1)]
    pub(crate) call_id: Option<String>,
    #[param(min_length = 1)]
    pub(crate) app_id: Option<String>,
    /// Scheme, host and port.
    #[param(example = "https://example.com", min_length = 1)]
    pub(crate) endpoint: Option<String>,
    #[param(example = "completed", min_length = 1)]
    pub(crate) kind: Option<String>,
    /// Why they are dead.
    pub(crate) reason: Option<Reason>,
    /// Made at or after.
    #[param(value_type = Option<Moment>)]
    pub(crate) since: Option<When>,
    /// Made before.
    #[param(value_type = Option<Moment>)]
    pub(crate) until: Option<When>,
    /// Notifications on a page, 1 to 500; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    #[serde(skip)]
    pub(crate) limit: u32,
    /// `next` of the page before.
    #[param(min_length = 1)]
    pub(crate) after: Option<String>,
}

/// What narrows, of a query or a body.
fn narrowing(fields: &mut Fields<'_>) -> Wanted {
    Wanted {
        state: fields.word("state", &FATES),
        call_id: fields.text("callId", LONGEST),
        app_id: fields.text("appId", LONGEST),
        endpoint: fields.text("endpoint", LONGEST),
        kind: fields.text("kind", LONGEST),
        reason: fields.word("reason", &REASONS),
        since: fields.moment("since").and_then(|text| fields.checked("since", |_| When::read(&text))),
        until: fields.moment("until").and_then(|text| fields.checked("until", |_| When::read(&text))),
        limit: 0,
        after: None,
    }
}

impl Given for Wanted {
    fn read(fields: &mut Fields<'_>) -> Self {
        let wanted = narrowing(fields);
        Self { limit: page_size(fields), after: fields.text("after", LONGEST), ..wanted }
    }
}

impl Wanted {
    /// Which of the notifications that the client may see.
    pub(crate) fn filter(&self, visibility: Visibility) -> DeliveryFilter {
        let ms = |when: &Option<When>| when.as_ref().and_then(When::ms);
        DeliveryFilter {
            state: self.state.map(DeliveryState::from),
            call_id: self.call_id.clone(),
            app_id: self.app_id.clone(),
            endpoint: self.endpoint.clone(),
            kind: self.kind.clone(),
            reason: self.reason.map(DeadReason::from),
            since_ms: ms(&self.since),
            until_ms: ms(&self.until),
            ..DeliveryFilter::within(visibility)
        }
    }
}

/// What to send again; something must narrow it.
#[derive(Clone, Debug, Default, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Again {
    /// Only these.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    /// `dead` or `delivered`; `dead` when it is left out and no `ids` are given.
    state: Option<Fate>,
    #[schema(min_length = 1)]
    call_id: Option<String>,
    #[schema(min_length = 1)]
    app_id: Option<String>,
    /// Scheme, host and port.
    #[schema(example = "https://example.com", min_length = 1)]
    endpoint: Option<String>,
    #[schema(example = "completed", min_length = 1)]
    kind: Option<String>,
    /// Why they are dead.
    reason: Option<Reason>,
    /// Made at or after.
    #[schema(value_type = Option<Moment>)]
    since: Option<When>,
    /// Made before.
    #[schema(value_type = Option<Moment>)]
    until: Option<When>,
    /// At most so many, 1 to 1000; 1000 when absent.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only count.
    dry_run: Option<bool>,
}

impl Given for Again {
    fn read(fields: &mut Fields<'_>) -> Self {
        let ids = fields.list("ids", MOST_IDS, |id| fields::checked_text(id, LONGEST));
        let Wanted { state, call_id, app_id, endpoint, kind, reason, since, until, .. } = narrowing(fields);
        let limit = fields.small("limit", 1..=BATCH);
        let dry_run = fields.yes("dryRun");
        Self { ids, state, call_id, app_id, endpoint, kind, reason, since, until, limit, dry_run }
    }
}

impl Again {
    /// # Errors
    /// When nothing narrows it: everything at once is a slip more often than a wish.
    fn filter(&self, visibility: Visibility) -> Result<DeliveryFilter, Problem> {
        let Self { state, call_id, app_id, endpoint, kind, reason, since, until, .. } = self.clone();
        let wanted =
            Wanted { state, call_id, app_id, endpoint, kind, reason, since, until, limit: 0, after: None };
        let mut filter = DeliveryFilter { ids: self.ids.clone(), ..wanted.filter(visibility) };
        let narrow = filter.ids.is_some()
            || [&filter.call_id, &filter.app_id, &filter.endpoint, &filter.kind]
                .into_iter()
                .any(Option::is_some)
            || filter.reason.is_some()
            || filter.since_ms.is_some()
            || filter.until_ms.is_some();
        if !narrow {
            let detail = "say which: give ids, callId, appId, endpoint, kind, reason, since or until";
            return Err(Problem::new(Code::Invalid, detail));
        }
        if filter.state == Some(DeliveryState::Open) {
            let problem = "what is open is on its way already; give dead or delivered";
            return Err(Problem::new(Code::Invalid, format!("state: {problem}")).with_field("state", problem));
        }
        if filter.state.is_none() && filter.ids.is_none() {
            filter.state = Some(DeliveryState::Dead);
        }
        Ok(filter)
    }
}

/// Notifications, newest first, by pages.
#[utoipa::path(get, path = "/v1/webhooks/deliveries", operation_id = "listDeliveries", tag = "webhooks",
    params(Wanted),
    responses(
        (status = 200, description = "A page of notifications.", body = DeliveryList),
        BadParameter,
    ))]
async fn list(
    State(api): State<Api>,
    may: May<SeeCalls>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<DeliveryList>, Problem> {
    let filter = wanted.filter(may.visibility());
    let page = api.store.deliveries(&filter, wanted.after.as_deref(), wanted.limit).await?;
    Ok(Json(DeliveryList { deliveries: page.items.iter().map(Delivery::from).collect(), next: page.next }))
}

/// One notification: the request as it is sent, every attempt, and why it failed.
#[utoipa::path(get, path = "/v1/webhooks/deliveries/{id}", operation_id = "getDelivery", tag = "webhooks",
    params(("id" = String, Path, description = "The notification: its `webhook-id`.")),
    responses(
        (status = 200, description = "The notification.", body = DeliveryDetail),
        NoSuchNotification,
    ))]
async fn one(
    State(api): State<Api>,
    DeliveryInPath { row, .. }: DeliveryInPath<SeeCalls>,
) -> Result<Json<DeliveryDetail>, Problem> {
    let attempts = api.store.attempts(&row.notification.id).await?;
    Ok(Json(DeliveryDetail::new(&row, attempts)))
}

/// Send one notification again, now and under the same id.
#[utoipa::path(post, path = "/v1/webhooks/deliveries/{id}/redeliver", operation_id = "redeliverOne", tag = "webhooks",
    params(("id" = String, Path, description = "The notification: its `webhook-id`.")),
    responses(
        (status = 202, description = "It is being sent.", body = Delivery),
        (status = 403, description = "The scope `campaigns` or `admin` is needed; or a browser sent it without the header `x-dering-request`.",
            body = ProblemDocument, content_type = "application/problem+json"),
        NoSuchNotification,
        (status = 409, description = "It is on its way already.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn redeliver_one(
    State(api): State<Api>,
    DeliveryInPath { may, row }: DeliveryInPath<ResendWebhooks>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let id = row.notification.id;
    send_again(&api, &id, may.actor()).await?;
    let row = delivery(&api, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(Delivery::from(&row))))
}

/// Send notifications again that were given up or delivered, oldest first, by what narrows them.
#[utoipa::path(post, path = "/v1/webhooks/deliveries/redeliver", operation_id = "redeliver", tag = "webhooks",
    request_body = Again,
    responses(
        (status = 200, description = "With `dryRun`: how many it would be.", body = Redelivery),
        (status = 202, description = "They are being sent.", body = Redelivery),
        BadBody,
        (status = 403, description = "The scope `campaigns` or `admin` is needed; or a browser sent it without the header `x-dering-request`.",
            body = ProblemDocument, content_type = "application/problem+json"),
        TooLarge,
        (status = 422, description = "Nothing narrows it, or it asks for what is on its way.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
async fn redeliver(
    State(api): State<Api>,
    may: May<ResendWebhooks>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Redelivery>), Problem> {
    let again: Again = json(body)?;
    let filter = again.filter(may.visibility())?;
    let matched = api.store.count_deliveries(&filter, LONGEST_COUNT).await?;
    if again.dry_run == Some(true) {
        return Ok((StatusCode::OK, Json(Redelivery { matched, ..Redelivery::default() })));
    }
    let done = send_again_all(&api, filter, again.limit.unwrap_or(BATCH), may.actor()).await?;
    let redelivered = done.ids.len() as u64;
    Ok((StatusCode::ACCEPTED, Json(Redelivery { matched, redelivered, ids: done.ids, more: done.more })))
}

/// Counting stops here.
const LONGEST_COUNT: u32 = 1_000_000;

/// How each endpoint fares: trouble first.
#[utoipa::path(get, path = "/v1/webhooks/endpoints", operation_id = "listEndpoints", tag = "webhooks",
    responses((status = 200, description = "The endpoints.", body = EndpointList)))]
async fn endpoints(State(api): State<Api>, _: May<SeeServer>) -> Result<Json<EndpointList>, Problem> {
    let now_ms = now_ms();
    let rows = api.store.endpoints(ENDPOINTS).await?;
    Ok(Json(EndpointList {
        endpoints: rows.into_iter().map(|row| EndpointState::new(row, now_ms)).collect(),
    }))
}

pub(crate) async fn delivery(api: &Api, id: &str) -> Result<DeliveryRow, Problem> {
    let found = api.store.delivery(id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no notification {id}")))
}

pub(crate) async fn send_again(api: &Api, id: &str, actor: Actor) -> Result<(), Problem> {
    match api.store.redeliver_one_by(id, Some(actor)).await? {
        Ok(done) => api.outbox.try_now(done.endpoints),
        Err(NotSettled::Unknown) => {
            return Err(Problem::new(Code::NotFound, format!("there is no notification {id}")));
        }
        Err(NotSettled::Open) => {
            let detail = "this notification is on its way already; look at it to see when it is tried next";
            return Err(Problem::new(Code::Conflict, detail));
        }
    }
    tracing::info!(webhook.id = id, "a webhook is sent again on demand");
    Ok(())
}

pub(crate) async fn send_again_all(
    api: &Api,
    filter: DeliveryFilter,
    limit: u32,
    actor: Actor,
) -> Result<crate::store::Redelivered, Problem> {
    let done = api.store.redeliver_by(filter, limit, Some(actor)).await?;
    api.outbox.try_now(done.endpoints.iter().cloned());
    tracing::info!(webhooks = done.ids.len(), "webhooks are sent again on demand");
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(body: &str) -> Result<DeliveryFilter, String> {
        let again = json::<Again>(Ok(body.to_owned().into()));
        again.and_then(|again| again.filter(Visibility::all())).map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn sending_everything_again_needs_a_narrowing_word() {
        for body in ["{}", r#"{"state":"dead"}"#, r#"{"limit":5}"#] {
            assert!(again(body).unwrap_err().starts_with("say which"), "{body}");
        }
        let dead = again(r#"{"since":"2026-11-20T00:00:00Z"}"#).unwrap();
        assert_eq!((dead.state, dead.since_ms), (Some(DeliveryState::Dead), Some(1_795_132_800_000)));
        assert_eq!(again(r#"{"ids":["msg_1"]}"#).unwrap().state, None);
        assert!(again(r#"{"callId":"c","state":"open"}"#).unwrap_err().contains("on its way"));
        let wrong =
            again(r#"{"callId":"","limit":0,"since":"soon","ids":["a",7],"state":"lost"}"#).unwrap_err();
        for field in
            ["callId: is empty", "limit: must", "since: is no moment", "ids[1]: must", "state: must be"]
        {
            assert!(wrong.contains(field), "{wrong}");
        }
        assert_eq!(again(r#"{"call_id":"c"}"#).unwrap().call_id.as_deref(), Some("c"));
        assert!(again(r#"{"call":"c"}"#).unwrap_err().contains("call: is no field here"));
    }
}
