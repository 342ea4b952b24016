//! One contact: everything that is known of its number, wherever it is kept.

use axum::extract::State;
use axum::response::Response;
use callcore::campaign::Outcome;
use serde::Serialize;
use serde_json::Value;

use crate::access::{KeepContacts, SeeCalls, SeeCampaigns, SeeContacts};
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Path;
use crate::campaigns::Why;
use crate::console::calls::{Line as CallLine, listed};
use crate::console::campaigns::{place_key, said};
use crate::console::frame::{Crumb, Frame, Room, Sees, may};
use crate::console::people_names::Names;
use crate::console::when::At;
use crate::store::{
    CallFilter, CampaignRow, ContactRow, ListedContactRow, PlaceState, Visibility, linked_contact, party_key,
};

/// Entries of each kind that are shown.
const MOST: u32 = 50;
/// Calls that are shown.
const CALLS: u32 = 25;

#[derive(Serialize)]
struct Contact {
    number: String,
    names: Vec<String>,
    zone: String,
    opted_out: Option<OptedOut>,
    kept: Vec<Kept>,
    campaigns: Vec<InCampaign>,
    attempts: Vec<Attempt>,
    calls: Vec<CallLine>,
    /// Where all calls of the number are listed; empty for those who see no numbers.
    all_calls: String,
    /// The contact that may be deleted here.
    deletes: String,
}

#[derive(Serialize)]
struct OptedOut {
    since: At,
    call_id: String,
    why: String,
    author: String,
}

/// Where the number is kept, and with what.
#[derive(Serialize)]
struct Kept {
    list: String,
    list_name: String,
    number: String,
    name: String,
    external_id: String,
    flow: String,
    zone: String,
    consent: Option<At>,
    consent_source: String,
    variables: Vec<(String, String)>,
}

#[derive(Serialize)]
struct InCampaign {
    id: String,
    name: String,
    place: i64,
    state: &'static str,
    state_said: &'static str,
    why: String,
    due: Option<At>,
    attempts: i64,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Attempt {
    call_id: String,
    at: At,
    campaign: String,
    outcome: &'static str,
    minutes: i64,
    #[serde(skip)]
    at_ms: i64,
}

fn variables(frame: &Frame, kept: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    kept.as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (frame.noted(name), frame.noted(&text(value))))
        .collect()
}

impl Kept {
    fn by_itself(frame: &Frame, row: &ContactRow) -> Self {
        Self {
            list: String::new(),
            list_name: String::new(),
            number: frame.number(&row.number),
            name: frame.noted(row.name.as_deref().unwrap_or_default()),
            external_id: frame.noted(&row.id),
            flow: row.flow.clone().unwrap_or_default(),
            zone: String::new(),
            consent: None,
            consent_source: String::new(),
            variables: variables(frame, &row.metadata),
        }
    }

    fn in_list(frame: &Frame, row: &ListedContactRow) -> Self {
        Self {
            list: row.list_id.clone(),
            list_name: row.list_name.clone(),
            number: frame.number(&row.number),
            name: frame.noted(row.name.as_deref().unwrap_or_default()),
            external_id: frame.noted(row.external_id.as_deref().unwrap_or_default()),
            flow: String::new(),
            zone: row.zone.clone().unwrap_or_default(),
            consent: row.consent_ms.map(|at| frame.zone.at(at)),
            consent_source: frame.noted(row.consent_source.as_deref().unwrap_or_default()),
            variables: variables(frame, &row.variables),
        }
    }
}

/// A contact that is kept by itself.
pub(in crate::console) async fn kept(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = api.store.contact(&id).await?;
    let row = row.ok_or_else(|| Problem::not_found(&format!("contact {id}")))?;
    let deletes = if may::<KeepContacts>(&sees.who) { row.id.clone() } else { String::new() };
    let number = if row.number.is_empty() { linked_contact(&row.id) } else { row.number };
    shown(&api, &sees, &number, row.name.unwrap_or_default(), deletes).await
}

/// A contact of a list.
pub(in crate::console) async fn of_list(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let row = api.store.listed_contact(id).await?;
    let row = row.ok_or_else(|| Problem::not_found("such contact in a list"))?;
    shown(&api, &sees, &row.number, row.name.unwrap_or_default(), String::new()).await
}

async fn shown(
    api: &Api,
    sees: &Sees<SeeContacts>,
    number: &str,
    name: String,
    deletes: String,
) -> Result<Response, Problem> {
    let digits = party_key(number);
    let alone = api.store.kept_contacts_of(&digits, MOST).await?;
    let own = api.store.listed_contacts_of(&digits, &[], MOST).await?;
    let ids: Vec<String> = own.iter().filter_map(|row| row.external_id.clone()).collect();
    let related = api.store.listed_contacts_of(&digits, &ids, MOST).await?;
    let mut names: Vec<String> = alone
        .iter()
        .filter_map(|row| row.name.clone())
        .chain(own.iter().filter_map(|row| row.name.clone()))
        .map(|name| sees.noted(&name))
        .collect();
    names.sort();
    names.dedup();
    let (campaigns, attempts) = in_campaigns(api, sees, &digits).await?;
    let calls = if may::<SeeCalls>(&sees.who) {
        let filter = CallFilter { digits: Some(digits.clone()), ..CallFilter::within(Visibility::all()) };
        api.store.calls(&filter, None, CALLS).await?.items
    } else {
        Vec::new()
    };
    let shown = sees.number(number);
    let page = Contact {
        opted_out: opted_out(api, sees, &digits).await?,
        zone: own.iter().find_map(|row| row.zone.clone()).unwrap_or_default(),
        kept: alone
            .iter()
            .map(|row| Kept::by_itself(sees, row))
            .chain(related.iter().map(|row| Kept::in_list(sees, row)))
            .collect(),
        all_calls: if shown == number { listed("number", number) } else { String::new() },
        number: shown.clone(),
        names,
        campaigns,
        attempts,
        calls: calls.into_iter().map(|call| CallLine::of(sees, call)).collect(),
        deletes,
    };
    let crumbs = [Crumb::new("/contacts", sees.say("nav_contacts"))];
    let title = if name.trim().is_empty() { shown } else { sees.noted(&name) };
    Ok(sees.page(api, ("contact.html", Room::Contacts), &title, &crumbs, &page))
}

async fn opted_out(api: &Api, frame: &Frame, digits: &str) -> Result<Option<OptedOut>, Problem> {
    let Some(row) = api.store.do_not_call(digits).await? else { return Ok(None) };
    let author = match &row.author {
        Some(author) => Names::of(api).name(author).await?,
        None => String::new(),
    };
    Ok(Some(OptedOut {
        since: frame.zone.at(row.at_ms),
        call_id: row.call_id.unwrap_or_default(),
        why: frame.noted(&row.reason.or(row.words).unwrap_or_default()),
        author,
    }))
}

/// Where the number stands in campaigns, and every attempt of theirs, newest first.
async fn in_campaigns(
    api: &Api,
    sees: &Sees<SeeContacts>,
    digits: &str,
) -> Result<(Vec<InCampaign>, Vec<Attempt>), Problem> {
    let (mut campaigns, mut attempts) = (Vec::new(), Vec::new());
    if !may::<SeeCampaigns>(&sees.who) {
        return Ok((campaigns, attempts));
    }
    for place in api.store.places_of(digits, MOST).await? {
        let Some(campaign) = api.store.campaign(&place.campaign_id).await? else { continue };
        let why = api.campaigns.why_of(&campaign, place).await?;
        attempts.extend(why.attempts.iter().map(|attempt| {
            Attempt {
                call_id: attempt.call_id.clone(),
                at: sees.zone.at(attempt.at_ms),
                campaign: campaign.name.clone(),
                outcome: attempt
                    .outcome
                    .as_deref()
                    .and_then(Outcome::named)
                    .map_or_else(|| sees.say("why_calling"), |outcome| said::outcome(sees, outcome)),
                minutes: attempt.minutes,
                at_ms: attempt.at_ms,
            }
        }));
        campaigns.push(in_campaign(sees, campaign, &why));
    }
    attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.at_ms));
    Ok((campaigns, attempts))
}

fn in_campaign(frame: &Frame, campaign: CampaignRow, why: &Why) -> InCampaign {
    let place = &why.place;
    let hold = why.hold.as_ref().map(|hold| format!(" {}", said::hold(frame, hold))).unwrap_or_default();
    let due = place.state == PlaceState::Waiting && place.due_ms > 0;
    InCampaign {
        id: campaign.id,
        name: campaign.name,
        place: place.id,
        state: place.state.as_str(),
        state_said: frame.say(place_key(place.state)),
        why: format!("{}{hold}", said::reason(frame, &why.reason)),
        due: due.then(|| frame.zone.at(place.due_ms)),
        attempts: place.attempts,
        outcome: place.outcome.map_or("", |outcome| said::outcome(frame, outcome)),
    }
}
