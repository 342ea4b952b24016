//! The list of calls: filters that stand in the address, pages by place, totals.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use callcore::call::Direction;
use reqwest::Url;
use serde::Serialize;

use crate::access::SeeCalls;
use crate::api::Api;
use crate::api::error::Problem;
use crate::api::extract::Pairs;
use crate::api::fields::{self, Given};
use crate::api::wanted_calls::{DISPOSITIONS, VERDICTS, WantedCalls};
use crate::console::frame::{Frame, Room, Sees};
use crate::console::when::{At, length};
use crate::console::who::{Who, who_of_call};
use crate::store::{CallFilter, CallRow, Cursor, Visibility};

/// Calls on a page.
const PAGE: u32 = 50;
/// Calls are counted up to here.
const COUNTED: u32 = 10_000;

/// One call of the list.
#[derive(Serialize)]
pub(in crate::console) struct Line {
    id: String,
    at: At,
    inbound: bool,
    number: String,
    flow: String,
    version: String,
    who: Who,
    outcome: String,
    state: String,
    length: String,
}

impl Line {
    pub(in crate::console) fn of(frame: &Frame, call: CallRow) -> Self {
        let who = who_of_call(frame, &call);
        let inbound = call.direction == Direction::Inbound;
        let number = if inbound { &call.caller } else { &call.target };
        let talked = call.answered_ms.zip(call.ended_ms).map(|(from, to)| length(to - from));
        Self {
            at: frame.zone.at(call.created_ms),
            inbound,
            number: frame.number(number),
            version: call.flow_digest.get(..8).unwrap_or_default().to_owned(),
            who,
            state: if call.ended_ms.is_some() {
                String::new()
            } else {
                frame.say(&format!("state_{}", call.state.as_str())).to_owned()
            },
            outcome: call.outcome.unwrap_or_default().replace('_', " "),
            length: talked.unwrap_or_default(),
            flow: call.flow,
            id: call.id,
        }
    }
}

#[derive(Serialize)]
struct List {
    lines: Vec<Line>,
    total: String,
    chips: Vec<Chip>,
    /// Names of filters and what they are called.
    fields: Vec<(String, String)>,
    /// Those that hold.
    values: Vec<(String, String)>,
    since: String,
    until: String,
    verdict: String,
    disposition: String,
    verdicts: Vec<(&'static str, String)>,
    dispositions: Vec<(&'static str, String)>,
    next: Option<String>,
    /// Only calls back to then were looked at, and older ones may fit.
    looked_to: Option<At>,
    first: Option<String>,
    export: String,
    filtered: bool,
}

/// A filter that holds, and the list without it.
#[derive(Serialize)]
struct Chip {
    name: String,
    value: String,
    without: String,
}

/// What the list is narrowed to, as the address has it.
pub(super) struct Narrowed {
    /// Without the place in the list.
    pairs: Vec<(String, String)>,
    after: Option<Cursor>,
    /// What is looked for in the top bar.
    search: Option<String>,
    pub(super) filter: CallFilter,
}

/// Names of filters that people may set, with the key of what they are called.
const FILTERS: [(&str, &str); 14] = [
    ("since", "filter_since"),
    ("until", "filter_until"),
    ("number", "filter_number"),
    ("campaign", "filter_campaign"),
    ("flow", "filter_flow"),
    ("version", "filter_version"),
    ("trunk", "filter_trunk"),
    ("verdict", "filter_verdict"),
    ("subtype", "filter_subtype"),
    ("disposition", "filter_disposition"),
    ("outcome", "filter_outcome"),
    ("appId", "filter_app"),
    ("direction", "filter_direction"),
    ("progress", "filter_progress"),
];

impl Narrowed {
    /// Reads an address.
    pub(super) fn read(api: &Api, frame: &Frame, query: Vec<(String, String)>) -> Result<Self, Problem> {
        let one = |name: &str| {
            query
                .iter()
                .find(|(known, value)| known == name && !value.trim().is_empty())
                .map(|(_, value)| value.trim().to_owned())
        };
        let pairs: Vec<(String, String)> =
            FILTERS.iter().filter_map(|(name, _)| Some(((*name).to_owned(), one(name)?))).collect();
        let (days, plain): (Vec<_>, Vec<_>) = pairs.iter().cloned().partition(|(name, value)| {
            matches!(name.as_str(), "since" | "until") && frame.zone.day(value).is_some()
        });
        let wanted = fields::query(plain, WantedCalls::read)?;
        let mut filter = wanted.filter(Visibility::all(), api.calls.country());
        for (name, day) in days {
            let Some((begins, ends)) = frame.zone.day(&day) else { continue };
            if name == "since" {
                filter.since_ms = Some(begins);
            } else {
                filter.until_ms = Some(ends);
            }
        }
        frame.may_look_for(&one("number").unwrap_or_default())?;
        let after = one("after").and_then(|text| text.parse().ok());
        Ok(Self { pairs, after, search: one("q"), filter })
    }

    fn value(&self, name: &str) -> String {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The list, or its export, so narrowed.
    fn link(&self, path: &str, without: Option<&str>, after: Option<&Cursor>) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| Some(name.as_str()) != without);
        let after = after.map(|cursor| ("after".to_owned(), cursor.to_string()));
        let Ok(mut url) = Url::parse("http://page/") else { return path.to_owned() };
        url.query_pairs_mut().extend_pairs(kept.cloned().chain(after));
        match url.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }
}

/// Where the calls with this value are listed.
pub(in crate::console) fn listed(field: &str, value: &str) -> String {
    let url = Url::parse_with_params("http://page/calls", [(field, value)]);
    url.map_or_else(|_| "/calls".to_owned(), |url| format!("/calls?{}", url.query().unwrap_or_default()))
}

/// The list of calls.
pub(in crate::console) async fn page(
    sees: Sees<SeeCalls>,
    State(api): State<Api>,
    Pairs(query): Pairs,
) -> Result<Response, Problem> {
    let narrowed = Narrowed::read(&api, &sees, query)?;
    if let Some(search) = &narrowed.search {
        return found(&api, search).await;
    }
    let found = api.store.calls(&narrowed.filter, narrowed.after.as_ref(), PAGE).await?;
    let total = api.store.count_calls(&narrowed.filter, COUNTED).await?;
    let verdict_word = |word: &str| {
        sees.say(&format!(
            "who_{}",
            match word {
                "no_speech" => "nobody",
                "timeout" => "unsure",
                word => word,
            }
        ))
        .to_owned()
    };
    let disposition_word =
        |word: &str| sees.say(&format!("disposition_{}", word.to_lowercase().replace(' ', "_"))).to_owned();
    let chips = narrowed.pairs.iter().filter_map(|(name, value)| {
        let (_, key) = FILTERS.iter().find(|(known, _)| known == name)?;
        let shown = match name.as_str() {
            "verdict" => verdict_word(value),
            "disposition" => disposition_word(value),
            _ => value.clone(),
        };
        Some(Chip {
            name: sees.say(key).to_owned(),
            value: shown,
            without: narrowed.link("/calls", Some(name), None),
        })
    });
    let list = List {
        total: if total >= u64::from(COUNTED) { format!("{COUNTED}+") } else { total.to_string() },
        chips: chips.collect(),
        fields: FILTERS.iter().map(|(name, key)| ((*name).to_owned(), sees.say(key).to_owned())).collect(),
        values: narrowed.pairs.clone(),
        since: narrowed.value("since"),
        until: narrowed.value("until"),
        verdict: narrowed.value("verdict"),
        disposition: narrowed.value("disposition"),
        verdicts: VERDICTS.iter().map(|(word, _)| (*word, verdict_word(word))).collect(),
        dispositions: DISPOSITIONS.iter().map(|one| (one.as_str(), disposition_word(one.as_str()))).collect(),
        looked_to: found
            .next
            .as_ref()
            .filter(|_| found.items.len() < PAGE as usize)
            .map(|cursor| sees.zone.at(cursor.at_ms())),
        next: found.next.as_ref().map(|cursor| narrowed.link("/calls", None, Some(cursor))),
        first: narrowed.after.as_ref().map(|_| narrowed.link("/calls", None, None)),
        export: narrowed.link("/calls.csv", None, None),
        filtered: !narrowed.pairs.is_empty(),
        lines: found.items.into_iter().map(|call| Line::of(&sees, call)).collect(),
    };
    Ok(sees.page(&api, ("calls.html", Room::Calls), sees.say("calls_title"), &[], &list))
}

/// A call by its id, or by its carrier's name of it; else the calls of a number.
async fn found(api: &Api, search: &str) -> Result<Response, Problem> {
    let call = match api.store.call(search).await? {
        Some(call) => Some(call),
        None => api.store.call_of_session(search).await?,
    };
    if let Some(call) = call {
        return Ok(Redirect::to(&format!("/calls/{}", call.id)).into_response());
    }
    let digits = search.chars().filter(char::is_ascii_digit).count();
    let name = if digits >= 3 && digits * 2 > search.chars().count() { "number" } else { "flow" };
    let Ok(mut url) = Url::parse("http://page/calls") else {
        return Ok(Redirect::to("/calls").into_response());
    };
    url.query_pairs_mut().append_pair(name, search);
    Ok(Redirect::to(&format!("/calls?{}", url.query().unwrap_or_default())).into_response())
}
