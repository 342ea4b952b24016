//! `GET /v1/interactions`: calls as Kore's interactions page shows them, with its status of each.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::super::Api;
use super::super::error::{Code, Problem, ProblemDocument};
use crate::store::{CallFilter, CallRow, Cursor, Interaction};
use crate::wallclock::iso;

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct InteractionsQuery {
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
    bot_id: Option<String>,
    /// One of the statuses that the list shows.
    status: Option<String>,
}

/// Calls as Kore's interactions page shows them, newest first, by pages.
#[utoipa::path(get, path = "/v1/interactions", operation_id = "listInteractions", tag = "calls",
    params(InteractionsQuery),
    responses(
        (status = 200, description = "A page: `interactions` and `next`.", body = Value),
        (status = 400, description = "A parameter cannot be understood.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(in super::super) async fn interactions(
    State(api): State<Api>,
    query: Result<Query<InteractionsQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Code::Malformed, error.body_text()))?;
    let malformed = |problem: String| Problem::new(Code::Malformed, problem);
    let after = query.after.as_deref().map(str::parse::<Cursor>).transpose().map_err(malformed)?;
    let interaction = query.status.as_deref().map(status).transpose().map_err(malformed)?;
    let filter = CallFilter { bot_id: query.bot_id, interaction, ..CallFilter::default() };
    let page =
        api.store.calls(&filter, after.as_ref(), query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    let shown: Vec<Value> = page.calls.iter().map(shown).collect();
    Ok(Json(json!({ "interactions": shown, "next": next })))
}

fn status(text: &str) -> Result<Interaction, String> {
    let found = Interaction::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let known = Interaction::ALL.map(Interaction::as_str).join(", ");
        format!("status: \"{text}\" is none of {known}")
    })
}

fn shown(call: &CallRow) -> Value {
    let seconds = call.answered_ms.zip(call.ended_ms).map(|(from, to)| (to - from) / 1000);
    json!({
        "conversationId": call.id,
        "botId": call.bot_id,
        "direction": call.direction,
        "target": call.target,
        "caller": call.caller,
        "status": call.interaction(),
        "machineDetection": call.amd_event,
        "outcome": call.outcome,
        "startTime": iso(call.began_ms.unwrap_or(call.created_ms)),
        "scheduledAt": call.start_ms.map(iso),
        "callConnectTime": call.answered_ms.map(iso),
        "callDisconnectTime": call.ended_ms.map(iso),
        "duration": seconds,
    })
}
