//! The audit log: who did what, when and from where.

use axum::extract::State;
use axum::response::Response;
use reqwest::Url;
use serde::Serialize;

use super::frame::{Room, Sees};
use super::people_names::Names;
use super::when::At;
use crate::access::Administer;
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Pairs;
use crate::store::AuditFilter;

/// Entries on a page.
const PAGE: u32 = 50;
const FILTERS: [&str; 5] = ["actor", "action", "subject", "since", "until"];

#[derive(Serialize)]
struct Log {
    lines: Vec<Line>,
    actor: String,
    action: String,
    subject: String,
    since: String,
    until: String,
    next: Option<String>,
    first: Option<String>,
}

#[derive(Serialize)]
struct Line {
    at: At,
    actor: String,
    /// The log's own name of them.
    actor_id: String,
    address: String,
    action: String,
    subject: String,
    detail: Vec<(String, String)>,
}

/// The log, newest first.
pub(super) async fn page(
    sees: Sees<Administer>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let one = |name: &str| {
        query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let wanted = |name: &str| Some(one(name)).filter(|text| !text.is_empty());
    let before = one("before").parse().ok();
    let filter = AuditFilter {
        actor: wanted("actor"),
        action: wanted("action"),
        subject: wanted("subject"),
        since_ms: sees.zone.day(&one("since")).map(|(begins, _)| begins),
        until_ms: sees.zone.day(&one("until")).map(|(_, ends)| ends),
        before,
    };
    let found = api.store.audit_log(&filter, PAGE).await?;
    let link = |before: Option<i64>| {
        let Ok(mut url) = Url::parse("http://page/audit") else { return "/audit".to_owned() };
        let kept = FILTERS.iter().filter_map(|name| Some(((*name).to_owned(), wanted(name)?)));
        url.query_pairs_mut().extend_pairs(kept).extend_pairs(before.map(|seq| ("before", seq.to_string())));
        format!("/audit?{}", url.query().unwrap_or_default())
    };
    let mut names = Names::of(&api);
    let mut lines = Vec::with_capacity(found.items.len());
    for row in found.items {
        let detail = row.detail.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let subject = match row.action.strip_prefix("person.") {
            Some(_) => names.name(&format!("person:{}", row.subject)).await?.replace("person:", ""),
            None => row.subject,
        };
        lines.push(Line {
            at: sees.zone.at(row.at_ms),
            actor: names.name(&row.actor).await?,
            actor_id: row.actor,
            address: row.address.unwrap_or_default(),
            action: row.action,
            subject,
            detail: detail.map(|(name, value)| (name.clone(), text(value))).collect(),
        });
    }
    let log = Log {
        lines,
        actor: one("actor"),
        action: one("action"),
        subject: one("subject"),
        since: one("since"),
        until: one("until"),
        next: found.next.map(|seq| link(Some(seq))),
        first: before.map(|_: i64| link(None)),
    };
    Ok(sees.page(&api, ("audit.html", Room::Audit), sees.say("nav_audit"), &[], &log))
}
