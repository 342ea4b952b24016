//! The contacts of every kind, looked for; what is looked for stands in the address.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use callcore::number;
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use crate::access::{KeepContacts, SeeCampaigns, SeeContacts};
use crate::api::Api;
use crate::api::error::{Code, Problem};
use crate::api::extract::Pairs;
use crate::console::frame::{Frame, Room, Sees, may};
use crate::console::when::At;
use crate::store::{ContactPlace, ContactSearch, FoundContact, linked_contact};

/// Contacts on a page.
const PAGE: u32 = 50;
/// Lists and campaigns that one may choose among.
const CHOICES: u32 = 200;
/// Variables of a contact that are shown, and the longest, characters.
const MOST_VARIABLES: usize = 4;
const LONGEST: usize = 60;
/// Fewest digits of a number that is looked for.
const FEWEST_DIGITS: usize = 3;
/// What is looked for, as the address has it.
const FIELDS: [&str; 6] = ["q", "externalId", "list", "campaign", "consent", "optedOut"];

#[derive(Serialize)]
struct List {
    lines: Vec<Line>,
    search: String,
    external_id: String,
    list: String,
    campaign: String,
    consent: String,
    opted_out: String,
    lists: Vec<(String, String)>,
    campaigns: Vec<(String, String)>,
    next: Option<String>,
    first: bool,
    /// More were looked at than one page may cost.
    tired: bool,
    filtered: bool,
    keeps: bool,
}

#[derive(Serialize)]
struct Line {
    /// The page of the contact.
    href: String,
    name: String,
    external_id: String,
    number: String,
    /// The list that it is in, and its name; empty for one that is kept by itself.
    list: String,
    list_name: String,
    consent: Option<At>,
    consent_source: String,
    variables: Vec<(String, String)>,
    /// Since when it is not to be called.
    listed: Option<At>,
}

fn variables(frame: &Frame, kept: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.chars().take(LONGEST).collect::<String>()
    };
    let variables = kept.as_object().into_iter().flatten().take(MOST_VARIABLES);
    variables.map(|(name, value)| (frame.noted(name), frame.noted(&text(value)))).collect()
}

impl Line {
    fn of(frame: &Frame, found: FoundContact) -> Self {
        let at = |ms: Option<i64>| ms.map(|ms| frame.zone.at(ms));
        match found {
            FoundContact::Kept(row) => Self {
                href: format!("/contacts/{}", row.id),
                number: match row.number.as_str() {
                    "" => linked_contact(&row.id),
                    number => frame.number(number),
                },
                variables: variables(frame, &row.metadata),
                listed: at(row.do_not_call_ms),
                name: frame.noted(&row.name.unwrap_or_default()),
                external_id: frame.noted(&row.id),
                list: String::new(),
                list_name: String::new(),
                consent: None,
                consent_source: String::new(),
            },
            FoundContact::Listed(row) => Self {
                href: format!("/contacts/listed/{}", row.id),
                number: frame.number(&row.number),
                variables: variables(frame, &row.variables),
                listed: at(row.do_not_call_ms),
                consent: at(row.consent_ms),
                name: frame.noted(&row.name.unwrap_or_default()),
                external_id: frame.noted(&row.external_id.unwrap_or_default()),
                consent_source: frame.noted(&row.consent_source.unwrap_or_default()),
                list: row.list_id,
                list_name: row.list_name,
            },
        }
    }
}

/// A choice that stands in the address and is none.
fn no_choice(frame: &Frame, name: &str, value: &str) -> Problem {
    let value: String = value.chars().take(LONGEST).collect();
    let why = frame.tell("filter_bad", &[("name", name), ("value", &value)]);
    Problem::new(Code::Invalid, why.clone()).with_field(name, &why)
}

fn yes_or_no(frame: &Frame, name: &str, text: &str) -> Result<Option<bool>, Problem> {
    match text {
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        "" => Ok(None),
        _ => Err(no_choice(frame, name, text)),
    }
}

/// The contacts that fit.
pub(in crate::console) async fn page(
    sees: Sees<SeeContacts>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let given = |name: &str| {
        query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let pairs = FIELDS.map(|name| (name, given(name)));
    let [search, external_id, list, campaign, consent, opted_out] = FIELDS.map(given);
    sees.may_look_for(&search)?;
    sees.may_look_for(&external_id)?;
    let after: Option<ContactPlace> = match given("after").as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| no_choice(&sees, "after", text))?),
    };
    if !search.is_empty() && after.is_none() && api.store.contact(&search).await?.is_some() {
        return Ok(Redirect::to(&format!("/contacts/{search}")).into_response());
    }
    let digits = search.chars().filter(char::is_ascii_digit).count();
    let numbers = digits >= FEWEST_DIGITS && !search.contains(char::is_alphabetic);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let wanted = ContactSearch {
        digits: numbers.then(|| number::key_of_beginning(&search, api.calls.country())),
        name: some(&search).filter(|_| !numbers),
        external_id: some(&external_id),
        list: some(&list),
        campaign: some(&campaign),
        consent: yes_or_no(&sees, "consent", &consent)?,
        opted_out: yes_or_no(&sees, "optedOut", &opted_out)?,
    };
    let found = api.store.find_contacts(&wanted, after, PAGE).await?;
    let next = found.next.and_then(|place| {
        let kept = pairs.iter().filter(|(_, value)| !value.is_empty());
        let mut url = Url::parse("http://page/").ok()?;
        url.query_pairs_mut().extend_pairs(kept).append_pair("after", &place.to_string());
        Some(format!("/contacts?{}", url.query()?))
    });
    let lists = api.store.lists(None, CHOICES).await?.items;
    let campaigns = if may::<SeeCampaigns>(&sees.who) {
        api.store.campaigns(None, CHOICES).await?.items
    } else {
        Vec::new()
    };
    let page = List {
        lines: found.items.into_iter().map(|found| Line::of(&sees, found)).collect(),
        lists: lists.into_iter().map(|row| (row.id, row.name)).collect(),
        campaigns: campaigns.into_iter().map(|row| (row.id, row.name)).collect(),
        filtered: pairs.iter().any(|(_, value)| !value.is_empty()),
        first: after.is_none(),
        tired: found.tired,
        keeps: may::<KeepContacts>(&sees.who),
        search,
        external_id,
        list,
        campaign,
        consent,
        opted_out,
        next,
    };
    Ok(sees.page(&api, ("contacts.html", Room::Contacts), sees.say("nav_contacts"), &[], &page))
}
