//! The contacts of a campaign and its attempts as files for spreadsheets, read block by block as the reader takes them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use callcore::campaign::Reason;
use callcore::language::wall_time;
use futures_util::Stream;

use crate::sheets::{Block, Cell, Format, Row, file};
use crate::store::{AttemptLine, AttemptPlace, PlaceLine, Store};

/// Rows read at a time.
const BLOCK: u32 = 1_000;

const CONTACTS: &[&str] = &[
    "phone_number",
    "name",
    "external_id",
    "zone",
    "state",
    "rule",
    "reason",
    "outcome",
    "attempts",
    "last_call_utc",
    "last_call",
    "minutes",
];
const ATTEMPTS: &[&str] = &[
    "phone_number",
    "name",
    "external_id",
    "list",
    "attempt",
    "at_utc",
    "at_contact",
    "weekday",
    "ended_utc",
    "revision",
    "flow",
    "flow_version",
    "on_trial",
    "trunk",
    "caller_id",
    "outcome",
    "verdict",
    "kind",
    "first_word",
    "minutes",
    "call",
];

/// How the reader of a file is told what stands in it.
pub trait Wording: Send + Sync + 'static {
    /// A number as the reader may see it.
    fn number(&self, number: &str) -> String;
    /// A rule with its values as a sentence.
    fn reason(&self, reason: &Reason) -> String;
}

/// The contacts of a campaign, in the order of their lists.
pub fn contacts(
    store: Store,
    campaign: String,
    format: Format,
    words: impl Wording,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let words = Arc::new(words);
    file(format, CONTACTS, 0_i64, move |after| {
        let (store, campaign, words) = (store.clone(), campaign.clone(), Arc::clone(&words));
        async move {
            let page = store.place_lines(&campaign, after, BLOCK).await?;
            let rows = page.items.iter().map(|line| contact(line, words.as_ref())).collect();
            Ok::<Block<i64>, crate::store::Error>((rows, page.next))
        }
    })
}

fn contact(line: &PlaceLine, words: &impl Wording) -> Row {
    let place = &line.place;
    vec![
        words.number(&place.number).into(),
        place.name.clone().into(),
        place.external_id.clone().into(),
        place.zone.clone().into(),
        place.state.as_str().into(),
        place.reason.rule().as_str().into(),
        words.reason(&place.reason).into(),
        place.outcome.map(|outcome| outcome.as_str()).into(),
        place.attempts.into(),
        line.last_call_ms.map(Cell::Moment).into(),
        line.last_call_id.clone().into(),
        line.minutes.into(),
    ]
}

/// The attempts of a campaign, in the order of time. Contacts whose zone nobody knows have `home`, that of the campaign.
pub fn attempts(
    store: Store,
    (campaign, home): (String, Option<String>),
    format: Format,
    words: impl Wording,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let words = Arc::new(words);
    file(format, ATTEMPTS, AttemptPlace::default(), move |after| {
        let (store, campaign, words) = (store.clone(), campaign.clone(), Arc::clone(&words));
        let home = home.clone();
        async move {
            let page = store.attempt_lines(&campaign, after, BLOCK).await?;
            let rows = page.items.iter().map(|line| attempt(line, home.as_deref(), words.as_ref())).collect();
            Ok::<Block<AttemptPlace>, crate::store::Error>((rows, page.next))
        }
    })
}

fn attempt(line: &AttemptLine, home: Option<&str>, words: &impl Wording) -> Row {
    let there = line.zone.as_deref().or(home).and_then(|zone| wall_time(zone, line.at_ms));
    vec![
        words.number(&line.number).into(),
        line.name.clone().into(),
        line.external_id.clone().into(),
        line.list.clone().into(),
        line.nth.into(),
        Cell::Moment(line.at_ms),
        there.as_ref().map(|there| there.text.clone()).into(),
        there.map(|there| there.weekday).into(),
        line.ended_ms.map(Cell::Moment).into(),
        line.revision.into(),
        line.flow.clone().into(),
        line.flow_digest.clone().into(),
        Cell::from(if line.canary { "yes" } else { "no" }),
        line.trunk.clone().into(),
        line.caller.clone().into(),
        line.outcome.clone().into(),
        line.verdict.clone().into(),
        line.subtype.clone().into(),
        line.promptness.clone().into(),
        line.minutes.into(),
        line.call_id.clone().into(),
    ]
}
