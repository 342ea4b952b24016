//! `/v1/webhooks`: the ledger of notifications, sending again, how endpoints fare; `/webhooks`: the same as
//! pages.

mod pages;
mod show;
mod when;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::show::{
    Delivery, DeliveryDetail, DeliveryList, EndpointList, EndpointState, Fate, Reason, Redelivery,
};
use self::when::When;
use super::Api;
use super::auth::{Caller, RESENDING, SEEING};
use super::error::{Code, Problem, ProblemDocument};
use super::openapi::{BadBody, BadParameter, NoSuchNotification, TooLarge};
use crate::store::{Act, DeliveryFilter, DeliveryRow, DeliveryState, NotSettled};
use crate::wallclock::now_ms;

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;
/// Notifications that one request sends again: what fits into one transaction without holding up calls.
const BATCH: u32 = 1_000;
const ENDPOINTS: u32 = 500;

/// Routes behind the gate of those who read.
pub(super) fn reading() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(endpoints))
}

/// Routes behind the gate of those who may have webhooks sent again.
pub(super) fn resending() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(redeliver)).routes(routes!(redeliver_one))
}

/// Pages, which ask a browser for the key themselves.
pub(super) fn pages() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(pages::list))
        .routes(routes!(pages::redeliver))
        .routes(routes!(pages::one))
        .routes(routes!(pages::redeliver_one))
}

/// Which notifications; what is left out does not narrow.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    #[param(value_type = Option<Fate>)]
    state: Option<String>,
    call_id: Option<String>,
    app_id: Option<String>,
    /// Scheme, host and port.
    #[param(example = "https://example.com")]
    endpoint: Option<String>,
    #[param(example = "completed")]
    kind: Option<String>,
    /// Why they are dead.
    #[param(value_type = Option<Reason>)]
    reason: Option<String>,
    /// Made at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<When>,
    /// Made before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<When>,
    /// Notifications on a page, 1 to 500; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<DeliveryFilter, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let state = given(&self.state).map(|text| text.parse::<DeliveryState>());
        let state = state
            .transpose()
            .map_err(|problem| Problem::new(Code::Malformed, format!("state: {problem}")))?;
        let ms = |when: &Option<When>| when.as_ref().and_then(When::ms);
        Ok(DeliveryFilter {
            state,
            call_id: given(&self.call_id),
            app_id: given(&self.app_id),
            endpoint: given(&self.endpoint),
            kind: given(&self.kind),
            reason: given(&self.reason),
            since_ms: ms(&self.since),
            until_ms: ms(&self.until),
            ..DeliveryFilter::default()
        })
    }
}

/// What to send again; something must narrow it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Again {
    /// Only these.
    ids: Option<Vec<String>>,
    /// `dead` or `delivered`; `dead` when it is left out and no `ids` are given.
    #[schema(value_type = Option<Fate>)]
    state: Option<String>,
    call_id: Option<String>,
    app_id: Option<String>,
    /// Scheme, host and port.
    #[schema(example = "https://example.com")]
    endpoint: Option<String>,
    #[schema(example = "completed")]
    kind: Option<String>,
    /// Why they are dead.
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
    /// Made at or after.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<When>,
    /// Made before.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<When>,
    /// At most so many, 1 to 1000; 1000 when absent.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
}

impl Again {
    /// # Errors
    /// When nothing narrows it: everything at once is a slip more often than a wish.
    fn filter(&self) -> Result<DeliveryFilter, Problem> {
        let Self { state, call_id, app_id, endpoint, kind, reason, since, until, .. } = self;
        let (since, until) = (since.clone(), until.clone());
        let wanted = Wanted {
            state: state.clone(),
            call_id: call_id.clone(),
            app_id: app_id.clone(),
            endpoint: endpoint.clone(),
            kind: kind.clone(),
            reason: reason.clone(),
            since,
            until,
            ..Wanted::default()
        };
        let mut filter = DeliveryFilter { ids: self.ids.clone(), ..wanted.filter()? };
        let narrow = filter.ids.is_some()
            || [&filter.call_id, &filter.app_id, &filter.endpoint, &filter.kind, &filter.reason]
                .into_iter()
                .any(Option::is_some)
            || filter.since_ms.is_some()
            || filter.until_ms.is_some();
        if !narrow {
            let detail = "say which: give ids, callId, appId, endpoint, kind, reason, since or until";
            return Err(Problem::new(Code::Invalid, detail));
        }
        if filter.state == Some(DeliveryState::Open) {
            let detail = "state: what is open is on its way already; give dead or delivered";
            return Err(Problem::new(Code::Invalid, detail));
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
    Extension(caller): Extension<Caller>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<DeliveryList>, Problem> {
    let Query(wanted) = query.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let filter = DeliveryFilter { sight: caller.sight(SEEING), ..wanted.filter()? };
    let page = api.store.deliveries(&filter, wanted.after.as_deref(), limit).await?;
    Ok(Json(DeliveryList {
        deliveries: page.deliveries.iter().map(Delivery::from).collect(),
        next: page.next,
    }))
}

/// One notification: the request as it is sent, every attempt, and why it failed.
#[utoipa::path(get, path = "/v1/webhooks/deliveries/{id}", operation_id = "getDelivery", tag = "webhooks",
    params(("id" = String, Path, description = "The notification: its `webhook-id`.")),
    responses(
        (status = 200, description = "The notification.", body = DeliveryDetail),
        NoSuchNotification,
    ))]
async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<DeliveryDetail>, Problem> {
    let row = delivery(&api, &id).await?;
    let attempts = api.store.attempts(&id).await?;
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
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    send_again(&api, &id, caller.act()).await?;
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
    Extension(caller): Extension<Caller>,
    body: Result<Json<Again>, JsonRejection>,
) -> Result<(StatusCode, Json<Redelivery>), Problem> {
    let Json(again) = body.map_err(unreadable)?;
    let filter = DeliveryFilter { sight: caller.sight(RESENDING), ..again.filter()? };
    let limit = again.limit.unwrap_or(BATCH).clamp(1, BATCH);
    let matched = api.store.count_deliveries(&filter, LONGEST_COUNT).await?;
    if again.dry_run {
        return Ok((StatusCode::OK, Json(Redelivery { matched, ..Redelivery::default() })));
    }
    let done = send_again_all(&api, filter, limit, caller.act()).await?;
    let redelivered = done.ids.len() as u64;
    Ok((StatusCode::ACCEPTED, Json(Redelivery { matched, redelivered, ids: done.ids, more: done.more })))
}

fn unreadable(rejection: JsonRejection) -> Problem {
    if let JsonRejection::BytesRejection(rejection) = rejection {
        return rejection.into();
    }
    Problem::new(Code::Malformed, rejection.body_text())
}

/// Counting stops here.
const LONGEST_COUNT: u32 = 1_000_000;

/// How each endpoint fares: trouble first.
#[utoipa::path(get, path = "/v1/webhooks/endpoints", operation_id = "listEndpoints", tag = "webhooks",
    responses((status = 200, description = "The endpoints.", body = EndpointList)))]
async fn endpoints(State(api): State<Api>) -> Result<Json<EndpointList>, Problem> {
    let now_ms = now_ms();
    let rows = api.store.endpoints(ENDPOINTS).await?;
    Ok(Json(EndpointList {
        endpoints: rows.into_iter().map(|row| EndpointState::new(row, now_ms)).collect(),
    }))
}

async fn delivery(api: &Api, id: &str) -> Result<DeliveryRow, Problem> {
    let found = api.store.delivery(id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no notification {id}")))
}

async fn send_again(api: &Api, id: &str, act: Act) -> Result<(), Problem> {
    match api.store.redeliver_one_by(id, Some(act)).await? {
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

async fn send_again_all(
    api: &Api,
    filter: DeliveryFilter,
    limit: u32,
    act: Act,
) -> Result<crate::store::Redelivered, Problem> {
    let done = api.store.redeliver_by(filter, limit, Some(act)).await?;
    api.outbox.try_now(done.endpoints.iter().cloned());
    tracing::info!(webhooks = done.ids.len(), "webhooks are sent again on demand");
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(body: &str) -> Result<DeliveryFilter, String> {
        let again: Again = serde_json::from_str(body).map_err(|error| error.to_string())?;
        again.filter().map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn sending_everything_again_needs_a_narrowing_word() {
        for body in ["{}", r#"{"state":"dead"}"#, r#"{"callId":""}"#, r#"{"limit":5}"#] {
            assert!(again(body).unwrap_err().starts_with("say which"), "{body}");
        }
        let dead = again(r#"{"since":"2026-11-20T00:00:00Z"}"#).unwrap();
        assert_eq!((dead.state, dead.since_ms), (Some(DeliveryState::Dead), Some(1_795_132_800_000)));
        assert_eq!(again(r#"{"ids":["msg_1"]}"#).unwrap().state, None);
        assert!(again(r#"{"callId":"c","state":"open"}"#).unwrap_err().contains("on its way"));
        assert!(again(r#"{"call_id":"c"}"#).unwrap_err().contains("call_id"));
    }
}
