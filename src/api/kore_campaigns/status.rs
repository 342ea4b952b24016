//! How far a campaign is, and what came of each contact.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Reply, own, parameter, problems, status_of};
use crate::api::Api;
use crate::api::error::{Code, Problem, ProblemDocument};
use crate::api::extract::{Pairs, Path, wrong};
use crate::api::fields::{Faults, Names, Object};
use crate::api::may::Campaigner;
use crate::api::problems::{BadField, TooLarge};
use crate::kore::{CampaignContact, CampaignStatus, HungUp, dialer_outcome};
use crate::store::{CampaignRow, PlaceFilter, PlaceRow};

/// Contacts on a page, at most and when nobody says how many.
const LONGEST_PAGE: u32 = 100;
/// The last page that can be asked for.
const LAST_PAGE: u32 = 1_000_000;

/// Which page.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(as = KorePaging, example = json!({ "page": 1, "limit": 100 }))]
pub(super) struct Paging {
    /// From 1.
    #[schema(minimum = 1, maximum = 1_000_000)]
    page: u32,
    #[schema(minimum = 1, maximum = 100)]
    limit: u32,
}

fn paging(body: &[u8]) -> Result<Paging, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(Paging { page: 1, limit: LONGEST_PAGE });
    }
    let mut faults = Faults::default();
    let paging = Object::read(body, "body")?.fields(Names::AnyCase, &mut faults, |fields| Paging {
        page: fields.small("page", 1..=LAST_PAGE).unwrap_or(1),
        limit: fields.small("limit", 1..=LONGEST_PAGE).unwrap_or(LONGEST_PAGE),
    });
    faults.end(Code::Malformed).map(|_| paging)
}

/// How far a campaign is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KoreCampaignProgress)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    #[serde(rename = "_id")]
    underscored: String,
    id: String,
    name: String,
    status: CampaignStatus,
    /// What is in the way of a campaign that stays in `Preparing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    total_contacts: i64,
    /// How many contacts are `waiting`, `calling`, `done`, `exhausted`, `excluded`.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    contacts: Value,
    /// How many by the rule that decided last.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    rules: Value,
    attempts: i64,
    /// What came of attempts, as in `docs/campaigns.md`.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    outcomes: Value,
}

/// A page of contacts, in the order of their lists.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KoreCampaignContacts)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contacts {
    results: Vec<CampaignContact>,
    page: u32,
    limit: u32,
    total_count: i64,
    total_pages: i64,
}

/// One of both views.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KoreCampaignView)]
#[serde(untagged)]
pub(super) enum View {
    Status(Progress),
    Contacts(Contacts),
}

/// How far a campaign is (`view=status`), or what came of each contact (`view=contacts`), 100 at a time.
#[utoipa::path(post, path = "/campaign/api/v2/public/{stream_id}/campaign/{campaign_id}/status",
    operation_id = "koreCampaignStatus", tag = "kore-campaigns", security(("appToken" = []), ("appBearer" = [])),
    params(
        ("stream_id" = String, Path, description = "A bot; any will do."),
        ("campaign_id" = String, Path, description = "The campaign."),
        ("view" = Option<String>, Query, description = "`status`, also when absent, or `contacts`."),
    ),
    request_body(content = Option<Paging>),
    responses(
        (status = 200, description = "What was asked for.", body = inline(Reply<View>)),
        BadField,
        (status = 404, description = "The app has no such campaign.", body = ProblemDocument,
            content_type = "application/problem+json"),
        TooLarge,
    ))]
pub(super) async fn status(
    State(api): State<Api>,
    Campaigner { app_id, .. }: Campaigner,
    Path((_, id)): Path<(String, String)>,
    Pairs(query): Pairs,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply<View>, Problem> {
    let view = parameter(&query, "view").unwrap_or("status").to_ascii_lowercase();
    let paging = paging(&body?)?;
    let row = own(&api, &app_id, &id).await?;
    let shown = match view.as_str() {
        "status" => View::Status(progress(&api, &row).await?),
        "contacts" => View::Contacts(contacts(&api, &row, &paging).await?),
        _ => return Err(wrong("view", "must be status or contacts")),
    };
    Ok(Reply::new("", shown))
}

async fn progress(api: &Api, row: &CampaignRow) -> Result<Progress, Problem> {
    let counts = api.store.place_counts(&row.id).await?;
    let attempts = api.store.attempt_counts(&row.id).await?;
    let sum = |pairs: Vec<(&str, i64)>| {
        let mut sums = Map::new();
        for (name, more) in pairs.into_iter().filter(|(name, _)| !name.is_empty()) {
            let known = sums.get(name).and_then(Value::as_i64).unwrap_or(0);
            sums.insert(name.to_owned(), json!(known + more));
        }
        Value::Object(sums)
    };
    let states = ["waiting", "calling", "done", "exhausted", "excluded"].map(|state| (state, 0));
    let counted = counts.iter().map(|count| (count.state.as_str(), count.places));
    Ok(Progress {
        underscored: row.id.clone(),
        id: row.id.clone(),
        name: row.name.clone(),
        status: status_of(row.state),
        problems: problems(row),
        total_contacts: counts.iter().map(|count| count.places).sum(),
        contacts: sum(states.into_iter().chain(counted).collect()),
        rules: sum(counts.iter().map(|count| (count.rule.as_str(), count.places)).collect()),
        attempts: attempts.iter().map(|count| count.attempts).sum(),
        outcomes: sum(attempts.iter().map(|count| (count.outcome.as_str(), count.attempts)).collect()),
    })
}

async fn contacts(api: &Api, row: &CampaignRow, paging: &Paging) -> Result<Contacts, Problem> {
    let counts = api.store.place_counts(&row.id).await?;
    let total_count: i64 = counts.iter().map(|count| count.places).sum();
    let skip = i64::from(paging.page - 1) * i64::from(paging.limit);
    let filter = PlaceFilter { skip, ..PlaceFilter::default() };
    let places = api.store.places(&row.id, &filter, paging.limit).await?;
    let mut results = Vec::with_capacity(places.items.len());
    for place in places.items {
        results.push(contact(api, place).await?);
    }
    let limit = i64::from(paging.limit);
    let total_pages = (total_count + limit - 1) / limit;
    Ok(Contacts { results, page: paging.page, limit: paging.limit, total_count, total_pages })
}

async fn contact(api: &Api, place: PlaceRow) -> Result<CampaignContact, Problem> {
    let last = if place.attempts > 0 { api.store.place_attempts(place.id).await?.pop() } else { None };
    let mut ended = HungUp::Unknown;
    let mut detail = String::new();
    if let Some(call) = &last {
        let answered = api.store.call(&call.call_id).await?.filter(|call| call.answered_ms.is_some());
        let record = if answered.is_some() { api.store.cdr_of_call(&call.call_id).await? } else { None };
        if let Some(record) = record {
            ended = HungUp::of(record.cdr.hangup_by);
            detail = record.cdr.hangup_cause_text;
        }
    }
    Ok(CampaignContact {
        phone_number: place.number.trim_start_matches('+').to_owned(),
        unique_id: place.external_id.unwrap_or_default(),
        dialer_outcome: place.outcome.map(dialer_outcome).unwrap_or_default(),
        dialer_outcome_detail: place.outcome.map(callcore::campaign::Outcome::as_str),
        number_of_attempts_so_far: place.attempts,
        bot_session_id: last.map(|call| call.call_id).unwrap_or_default(),
        agent_disposition_codes: Vec::new(),
        bot_outbound_status: ended.word(),
        bot_outbound_status_detail: detail,
        state: place.state.as_str(),
        rule: place.reason.rule().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_at_most_a_hundred_contacts() {
        assert_eq!(paging(b"").unwrap(), Paging { page: 1, limit: 100 });
        assert_eq!(paging(br#"{ "page": 3, "limit": 20 }"#).unwrap(), Paging { page: 3, limit: 20 });
        for body in [r#"{ "limit": 101 }"#, r#"{ "page": 0 }"#, r#"{ "page": 1.5 }"#, "[]"] {
            assert!(paging(body.as_bytes()).is_err(), "{body}");
        }
    }
}
