//! The audit log over HTTP: `GET /v1/audit`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::error::Problem;
use super::extract::{Query, page_size};
use super::fields::{Fields, Given};
use super::may::May;
use super::when::{Moment, moment};
use crate::access::{Access, Administer};
use crate::store::{AuditFilter, AuditRow};
use crate::wallclock::iso;

/// Longest name that is looked for, characters.
const LONGEST: usize = 512;

/// Which entries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct AuditQuery {
    /// Entries on a page, 1 to 500; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: u32,
    /// `next` of the page before.
    after: Option<i64>,
    /// The beginning of an actor's name, as in `key:`.
    #[param(min_length = 1)]
    actor: Option<String>,
    /// The beginning of an action's name, as in `flow.`.
    #[param(min_length = 1)]
    action: Option<String>,
    /// What it was done to.
    #[param(min_length = 1)]
    subject: Option<String>,
    /// Entries of this moment and later.
    #[param(value_type = Option<Moment>)]
    since: Option<i64>,
    /// As `since`; entries of this moment are left out.
    #[param(value_type = Option<Moment>)]
    until: Option<i64>,
}

impl Given for AuditQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            limit: page_size(fields),
            after: fields.whole("after", i64::MIN..=i64::MAX),
            actor: fields.text("actor", LONGEST),
            action: fields.text("action", LONGEST),
            subject: fields.text("subject", LONGEST),
            since: moment(fields, "since"),
            until: moment(fields, "until"),
        }
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditPage {
    entries: Vec<Entry>,
    /// The `after` of the next page; `null` on the last.
    next: Option<i64>,
}

/// Who did what, when and from where.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(super) struct Entry {
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    /// `app:ID`, `key:ID`, `cli:USER`, `server` or `unknown`.
    actor: String,
    address: Option<String>,
    action: String,
    subject: String,
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: iso(row.at_ms),
            actor: row.actor,
            address: row.address,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        }
    }
}

/// The audit log, newest first, by pages.
#[utoipa::path(get, path = "/v1/audit", operation_id = "listAudit", tag = "access", params(AuditQuery),
    responses((status = 200, description = "A page of the log.", body = AuditPage)))]
pub(super) async fn list(
    State(access): State<Access>,
    _: May<Administer>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let filter = AuditFilter {
        since_ms: query.since,
        until_ms: query.until,
        actor: query.actor,
        action: query.action,
        subject: query.subject,
        before: query.after,
    };
    let page = access.store().audit_log(&filter, query.limit).await?;
    Ok(Json(AuditPage { entries: page.items.into_iter().map(Entry::from).collect(), next: page.next }))
}
