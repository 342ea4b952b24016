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
use crate::console::frame::{Frame, Room, Sees, may};
use crate::console::when::At;
use crate::store::{CampaignRow, Cursor};

/// Campaigns on a page.
const PAGE: u32 = 50;

#[derive(Serialize)]
struct List {
    lines: Vec<Line>,
    runs: bool,
    first: bool,
    next: Option<String>,
}

/// A campaign in a list.
#[derive(Serialize)]
pub(in crate::console) struct Line {
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

impl Line {
    async fn of(api: &Api, frame: &Frame, row: CampaignRow) -> Result<Self, Problem> {
        let contacts = Contacts::of(&api.store.place_counts(&row.id).await?);
        let hold = api.campaigns.hold(&row).map(|hold| said::hold(frame, &hold)).unwrap_or_default();
        Ok(Self {
            state: row.state.as_str(),
            state_said: frame.say(super::one::state_key(row.state)),
            flow: row.settings.flow,
            total: contacts.total(),
            through: contacts.through(),
            calling: contacts.calling(),
            hold,
            changed: frame.zone.at(row.updated_ms),
            name: row.name,
            id: row.id,
        })
    }
}

/// Campaigns that were launched and have not ended.
///
/// # Errors
/// When the database fails.
pub(in crate::console) async fn under_way(api: &Api, frame: &Frame) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::new();
    for row in api.store.campaigns_under_way().await? {
        lines.push(Line::of(api, frame, row).await?);
    }
    Ok(lines)
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
        lines.push(Line::of(&api, &sees, row).await?);
    }
    let next = found.next.map(|cursor| format!("/campaigns?after={cursor}"));
    let page = List { lines, runs: may::<RunCampaigns>(&sees.who), first: after.is_none(), next };
    Ok(sees.page(&api, ("campaigns.html", Room::Campaigns), sees.say("nav_campaigns"), &[], &page))
}
