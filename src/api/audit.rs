//! The audit log over HTTP: `GET /v1/audit`, and what the gate writes down of acts that the store does not write
//! itself.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::auth::Auth;
use super::error::Problem;
use super::extract::{Query, page_size};
use super::fields::{Fields, Given};
use super::when::{Moment, When};
use crate::store::{Act, AuditFilter, AuditRow, NewAudit};
use crate::telemetry::mask;
use crate::wallclock::iso;

/// Longest name that is looked for, characters.
const LONGEST: usize = 512;

/// Routes whose acts are kept out here: calls are their own record, and what the store does of itself (apps, keys, flows,
/// the end of a call, sending again) is written in the same transaction.
const TOLD_ELSEWHERE: [(&str, &str); 10] = [
    ("POST", "/v1/flows/{name}/versions"),
    ("PUT", "/v1/flows/{name}/labels/{label}"),
    ("DELETE", "/v1/flows/{name}/labels/{label}"),
    ("POST", "/v1/flows/{name}/rollback"),
    ("POST", "/v1/calls/{call_id}/hangup"),
    ("DELETE", "/v1/calls/{call_id}"),
    ("DELETE", "/api/1.1/public/bot/{bot_id}/smartassist/dialout/{call_id}"),
    ("POST", "/v1/calls"),
    ("POST", "/api/1.1/public/bot/{bot_id}/smartassist/dialout"),
    ("POST", "/api/1.1/public/bot/{bot_id}/smartassist/dialout/batch"),
];

/// A handler puts this among the extensions of its answer to have it in the audit log: never a secret, numbers masked.
#[derive(Clone, Debug)]
pub struct AuditDetail(pub Value);

/// A handler puts this among the extensions of its answer when what it did is in the audit log already.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldElsewhere;

/// An act that is written down when it succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    action: String,
    subject: String,
}

impl Deed {
    /// What a request does; `None` when it changes nothing or is written down elsewhere. Most are named by their method
    /// and path.
    pub(super) fn of(method: &Method, route: &str, path: &str) -> Option<Self> {
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
            return None;
        }
        if ["/v1/apps", "/v1/keys"].iter().any(|own| route.starts_with(own)) || route.ends_with("/redeliver")
        {
            return None;
        }
        if TOLD_ELSEWHERE.iter().any(|(listed, pattern)| method == listed && *pattern == route) {
            return None;
        }
        let action = format!("{} {route}", method.as_str().to_lowercase());
        let params = route.split('/').zip(path.split('/')).filter(|(part, _)| part.starts_with('{'));
        let subject: Vec<String> = params.map(|(_, value)| without_numbers(value)).collect();
        Some(Self { action, subject: subject.join("/") })
    }

    /// Writes it down. The act is done; a log that cannot be written is an error for whoever runs the server.
    pub(super) async fn write_down(self, auth: &Auth, act: Act, detail: Option<AuditDetail>) {
        let detail = detail.map_or_else(|| json!({}), |detail| detail.0);
        let entry = NewAudit::new(act, self.action, self.subject, detail);
        if let Err(error) = auth.store().audit(entry).await {
            tracing::error!(%error, "an act could not be written to the audit log");
        }
    }
}

/// A part of a path, masked when it is a telephone number.
fn without_numbers(part: &str) -> String {
    let digits = part.trim_start_matches("%2B").trim_start_matches('+');
    let is_number = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { mask(part) } else { part.to_owned() }
}

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
    State(auth): State<Auth>,
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
    let page = auth.store().audit_log(&filter, query.limit).await?;
    Ok(Json(AuditPage { entries: page.items.into_iter().map(Entry::from).collect(), next: page.next }))
}

/// A moment in a request, ms since 1970-01-01 UTC.
pub(super) fn moment(fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
    let text = fields.moment(name)?;
    fields.checked(name, |_| When::read(&text))?.ms()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(method: Method, route: &str, path: &str) -> Option<(String, String)> {
        Deed::of(&method, route, path).map(|deed| (deed.action, deed.subject))
    }

    #[test]
    fn acts_are_named_by_what_they_do_and_calls_and_looks_are_left_out() {
        let named = |action: &str, subject: &str| Some((action.to_owned(), subject.to_owned()));
        assert_eq!(
            deed(
                Method::POST,
                "/v1/webhooks/deliveries/{id}/redeliver",
                "/v1/webhooks/deliveries/m/redeliver"
            ),
            None
        );
        assert_eq!(
            deed(Method::PUT, "/v1/flows/{name}/labels/{label}", "/v1/flows/faq/labels/live"),
            None,
            "the catalogue tells of it"
        );
        assert_eq!(deed(Method::POST, "/v1/contacts", "/v1/contacts"), named("post /v1/contacts", ""));
        assert_eq!(
            deed(Method::DELETE, "/v1/do-not-call/{number}", "/v1/do-not-call/+62812345678"),
            named("delete /v1/do-not-call/{number}", "…78")
        );
        assert_eq!(deed(Method::GET, "/v1/calls", "/v1/calls"), None);
        assert_eq!(deed(Method::POST, "/v1/calls", "/v1/calls"), None);
        assert_eq!(deed(Method::POST, "/v1/apps/{app_id}/secrets", "/v1/apps/a/secrets"), None);
    }
}
