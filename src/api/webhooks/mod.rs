//! `/v1/webhooks`: the ledger of notifications, sending again, how endpoints fare; `/webhooks`: the same as
//! pages.

mod pages;
mod show;
mod when;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::when::When;
use super::Api;
use super::auth::by_password;
use super::error::{Code, Problem};
use crate::store::{DeliveryFilter, DeliveryRow, DeliveryState, NotSettled};
use crate::wallclock::now_ms;

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;
/// Notifications that one request sends again: what fits into one transaction without holding up calls.
const BATCH: u32 = 1_000;
const ENDPOINTS: u32 = 500;
/// The header that pages of other sites cannot send with a browser's remembered password.
const OWN_WISH: &str = "x-dering-request";

/// Routes behind the gate of those who read.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/webhooks/deliveries", get(list))
        .route("/v1/webhooks/deliveries/redeliver", post(redeliver))
        .route("/v1/webhooks/deliveries/{id}", get(one))
        .route("/v1/webhooks/deliveries/{id}/redeliver", post(redeliver_one))
        .route("/v1/webhooks/endpoints", get(endpoints))
}

/// Pages, which ask a browser for the key themselves.
pub(super) fn pages() -> Router<Api> {
    Router::new()
        .route("/webhooks", get(pages::list))
        .route("/webhooks/redeliver", post(pages::redeliver))
        .route("/webhooks/{id}", get(pages::one))
        .route("/webhooks/{id}/redeliver", post(pages::redeliver_one))
}

/// Which notifications; what is left out does not narrow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// `open`, `delivered` or `dead`.
    state: Option<String>,
    call_id: Option<String>,
    app_id: Option<String>,
    /// Scheme, host and port, as in `https://example.com`.
    endpoint: Option<String>,
    kind: Option<String>,
    /// Why they are dead: `exhausted`, `expired`, `gone` or `refused`.
    reason: Option<String>,
    /// Made at or after: ISO 8601, or ms since 1970.
    since: Option<When>,
    /// Made before.
    until: Option<When>,
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
            ids: None,
        })
    }
}

/// What to send again.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Again {
    /// Only these.
    ids: Option<Vec<String>>,
    /// `dead` or `delivered`; `dead` when it is left out and no `ids` are given.
    state: Option<String>,
    call_id: Option<String>,
    app_id: Option<String>,
    endpoint: Option<String>,
    kind: Option<String>,
    reason: Option<String>,
    since: Option<When>,
    until: Option<When>,
    /// At most so many, 1 to 1000; 1000 when left out.
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

/// `GET /v1/webhooks/deliveries`: newest first, by pages.
async fn list(
    State(api): State<Api>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(wanted) = query.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let page = api.store.deliveries(&wanted.filter()?, wanted.after.as_deref(), limit).await?;
    let shown: Vec<Value> = page.deliveries.iter().map(show::line).collect();
    Ok(Json(json!({ "deliveries": shown, "next": page.next })))
}

/// `GET /v1/webhooks/deliveries/{id}`: with the request as it is sent, and every attempt.
async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let row = delivery(&api, &id).await?;
    let attempts = api.store.attempts(&id).await?;
    Ok(Json(show::whole(&row, &attempts)))
}

/// `POST /v1/webhooks/deliveries/{id}/redeliver`: sends it again, now, under the same id.
async fn redeliver_one(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    own_wish(&headers)?;
    send_again(&api, &id).await?;
    let row = delivery(&api, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(show::line(&row))))
}

/// `POST /v1/webhooks/deliveries/redeliver`: sends again what matches, oldest first.
async fn redeliver(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Json<Again>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    own_wish(&headers)?;
    let Json(again) = body.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let filter = again.filter()?;
    let limit = again.limit.unwrap_or(BATCH).clamp(1, BATCH);
    if again.dry_run {
        let matched = api.store.count_deliveries(&filter, LONGEST_COUNT).await?;
        return Ok((StatusCode::OK, Json(json!({ "matched": matched, "redelivered": 0 }))));
    }
    let done = send_again_all(&api, filter, limit).await?;
    let answer = json!({ "redelivered": done.ids.len(), "ids": done.ids, "more": done.more });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Counting stops here.
const LONGEST_COUNT: u32 = 1_000_000;

/// `GET /v1/webhooks/endpoints`: how each fares, trouble first.
async fn endpoints(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    let now_ms = now_ms();
    let rows = api.store.endpoints(ENDPOINTS).await?;
    let shown: Vec<Value> = rows.iter().map(|row| show::endpoint(row, now_ms)).collect();
    Ok(Json(json!({ "endpoints": shown })))
}

/// A browser that remembers the key would also send it along with a request that another site made up;
/// but only with a header of its own if we allowed that, and we do not.
fn own_wish(headers: &HeaderMap) -> Result<(), Problem> {
    if by_password(headers) && !headers.contains_key(OWN_WISH) {
        let detail = "with a user name and password this request needs the header x-dering-request: 1";
        return Err(Problem::new(Code::CrossSite, detail));
    }
    Ok(())
}

async fn delivery(api: &Api, id: &str) -> Result<DeliveryRow, Problem> {
    let found = api.store.delivery(id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no notification {id}")))
}

async fn send_again(api: &Api, id: &str) -> Result<(), Problem> {
    match api.store.redeliver_one(id).await? {
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
) -> Result<crate::store::Redelivered, Problem> {
    let done = api.store.redeliver(filter, limit).await?;
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

    #[test]
    fn a_remembered_password_alone_sends_nothing_again() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            own_wish(&HeaderMap::from_iter(pairs)).is_ok()
        };
        assert!(!with(&[("authorization", "Basic bWU6a2V5")]));
        assert!(with(&[("authorization", "Basic bWU6a2V5"), ("x-dering-request", "1")]));
        assert!(with(&[("authorization", "Bearer dk_1")]));
    }
}
