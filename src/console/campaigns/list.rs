//! All campaigns.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::said;
use crate::access::{RunCampaigns, SeeCampaigns};
use crate::api::Api;
use crate::api::campaigns::Contacts;
use crate::api::error::Problem;
use crate::api::extract::Pairs;
use crate::console::frame::{Room, Sees, may};
use crate::console::when::At;
use crate::store::Cursor;

/// Campaigns on a page.
const PAGE: u32 = 50;

#[derive(Serialize)]
struct List {
    lines: Vec<Line>,
    runs: bool,
    first: bool,
    next: Option<String>,
}

#[derive(Serialize)]
struct Line {
    id: String,
    name: String,
    state: &'static str,
    state_said: &'static str,
    flow: String,
    total: i64,
    through: i64,
    calling: i64,
    hold: String,
    changed: At,
}

/// The list.
pub(in crate::console) async fn page(
    sees: Sees<SeeCampaigns>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let after: Option<Cursor> =
        query.iter().find(|(name, _)| name == "after").and_then(|(_, value)| value.parse().ok());
    let found = api.store.campaigns(after.as_ref(), PAGE).await?;
    let mut lines = Vec::with_capacity(found.items.len());
    for row in found.items {
        let contacts = Contacts::of(&api.store.place_counts(&row.id).await?);
        let hold = api.campaigns.hold(&row).map(|hold| said::hold(&sees, &hold)).unwrap_or_default();
        lines.push(Line {
            state: row.state.as_str(),
            state_said: sees.say(super::one::state_key(row.state)),
            flow: row.settings.flow,
            total: contacts.total(),
            through: contacts.through(),
            calling: contacts.calling(),
            hold,
            changed: sees.zone.at(row.updated_ms),
            name: row.name,
            id: row.id,
        });
    }
    let next = found.next.map(|cursor| format!("/campaigns?after={cursor}"));
    let page = List { lines, runs: may::<RunCampaigns>(&sees.who), first: after.is_none(), next };
    Ok(sees.page(&api, ("campaigns.html", Room::Campaigns), sees.say("nav_campaigns"), &[], &page))
}
