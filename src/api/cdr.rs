//! `/v1/cdr`: call detail records in the carrier's own shape (Outgoing Call Service 1.0.4).

use axum::Json;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};

use super::Api;
use super::error::{Code, Problem};
use crate::store::{CdrPage, CdrQuery};

/// `GET /v1/cdr`: filters, pages and sorting as the carrier's.
pub(super) async fn list(
    State(api): State<Api>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<CdrPage>, Problem> {
    let query =
        CdrQuery::from_pairs(pairs).map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
    Ok(Json(api.store.cdrs(&query, None).await?))
}

/// `GET /v1/cdr/{sessionId}`.
pub(super) async fn one(
    State(api): State<Api>,
    Path(session_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let found = api.store.cdr(&session_id).await?;
    let cdr = found
        .ok_or_else(|| Problem::new(Code::NotFound, format!("there is no record of session {session_id}")))?;
    Ok(Json(json!({ "status": 200, "errors": "", "data": cdr })))
}
