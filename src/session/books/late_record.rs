//! Records that a carrier gives only long after the call, if it gives them at all.

use std::time::Duration;

use callcore::call::{CarrierCdr, Fact};

use crate::cdr_wire::{CdrField, CdrFilter, CdrQuery};
use crate::session::books::call_writer::keep;
use crate::store::{CallBatch, CallUpdate, NewEvent, Store};
use crate::trunk::{RecordsError, Trunk};
use crate::wallclock::{epoch_ms, now_ms};

/// Waits before each question; after the last one our own record stands.
const WAITS: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(1_800),
];
/// A carrier's clock may be off by so much, and it may take so long to begin with a call, ms.
const CLOCKS_MS: i64 = 10_000;
const BEGINS_WITHIN_MS: i64 = 60_000;
/// The end of a number that carriers write in different ways.
const SAME_DIGITS: usize = 8;
/// Calls to one number that may have begun since.
const MOST_CALLS: u32 = 50;

/// A call that has ended without a record.
#[derive(Clone, Debug)]
pub(in crate::session) struct Unrecorded {
    pub(in crate::session) session_id: String,
    pub(in crate::session) end: OwnEnd,
}

/// What is known about the end of a call without its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum OwnEnd {
    /// Everything but what the carrier makes of it.
    Seen,
    /// The connection was lost: the cause is ours.
    Lost,
    /// Nothing: the server had stopped before.
    Missed,
}

/// Asks for the record of a call, and puts it in the place of ours. A carrier of 1.0.3 keeps none.
pub(in crate::session) async fn late_record(
    trunk: Trunk,
    store: Store,
    call_id: String,
    unrecorded: Unrecorded,
) {
    let Unrecorded { session_id, end } = unrecorded;
    ask(&trunk, &store, &call_id, Question::Session(session_id), end).await;
}

/// The same for a call whose end nobody saw, of which the carrier may not have told a name.
pub(in crate::session) async fn record_of_unseen(
    trunk: Trunk,
    store: Store,
    call_id: String,
    question: Question,
) {
    ask(&trunk, &store, &call_id, question, OwnEnd::Missed).await;
}

/// How a carrier is asked for a record.
#[derive(Clone, Debug)]
pub(in crate::session) enum Question {
    /// By its name for the call.
    Session(String),
    /// The carrier may have taken the call although its answer did not come: a call to this number, begun about this
    /// time (ms since 1970), that is no other call's.
    Number(String, i64),
}

impl Question {
    /// The record, where the carrier has it by now.
    pub(in crate::session) async fn ask(
        &self,
        trunk: &Trunk,
        store: &Store,
    ) -> Result<Option<CarrierCdr>, RecordsError> {
        match self {
            Self::Session(session_id) => trunk.record(session_id).await,
            Self::Number(number, asked_ms) => stray(trunk, store, number, *asked_ms).await,
        }
    }
}

async fn ask(trunk: &Trunk, store: &Store, call_id: &str, question: Question, end: OwnEnd) {
    if !trunk.keeps_records() {
        return;
    }
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        match question.ask(trunk, store).await {
            Ok(Some(cdr)) => {
                let began_ms = store.call(call_id).await.ok().flatten().and_then(|call| call.began_ms);
                keep(store, batch(call_id, cdr, end, began_ms)).await;
                return;
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(call.id = %call_id, %error, "the carrier gives no record yet"),
        }
    }
    metrics::counter!("dering_trunk_records_missing_total", "trunk" => trunk.name().to_owned()).increment(1);
    tracing::warn!(call.id = %call_id, trunk = trunk.name(), "the carrier gave no record of the call; ours stands");
}

async fn stray(
    trunk: &Trunk,
    store: &Store,
    number: &str,
    asked_ms: i64,
) -> Result<Option<CarrierCdr>, RecordsError> {
    let digits = ending(number);
    let query = CdrQuery {
        limit: MOST_CALLS,
        filters: vec![CdrFilter::DestinationContains(digits.clone())],
        sort_by: vec![(CdrField::StartTime, true)],
        ..CdrQuery::default()
    };
    let mut found: Option<(i64, CarrierCdr)> = None;
    for cdr in trunk.records(&query).await? {
        let Some(began_ms) = epoch_ms(&cdr.start_time) else { continue };
        let is_then = (asked_ms - CLOCKS_MS..asked_ms + BEGINS_WITHIN_MS).contains(&began_ms);
        let is_better =
            found.as_ref().is_none_or(|(at, _)| began_ms.abs_diff(asked_ms) < at.abs_diff(asked_ms));
        if is_then && is_better && ending(&cdr.destination) == digits {
            // A database that fails tells nothing: asked again later.
            match store.knows_session(&cdr.session_id).await {
                Ok(false) => found = Some((began_ms, cdr)),
                Ok(true) => {}
                Err(error) => tracing::debug!(%error, "a record of the carrier cannot be compared"),
            }
        }
    }
    Ok(found.map(|(_, cdr)| cdr))
}

fn ending(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    digits.iter().skip(digits.len().saturating_sub(SAME_DIGITS)).collect()
}

/// What was told to the caller's webhook is not told again: only the books are put right.
fn batch(call_id: &str, cdr: CarrierCdr, end: OwnEnd, began_ms: Option<i64>) -> CallBatch {
    let now_ms = now_ms();
    let t_ms = began_ms.and_then(|began_ms| u64::try_from(now_ms - began_ms).ok()).unwrap_or(0);
    let fact = Fact::CdrLate {
        session_id: cdr.session_id.clone(),
        disposition: cdr.disposition,
        cause: cdr.hangup_cause_code,
        why: "the carrier gave its record after the call; it replaces the one made from our own times".into(),
    };
    let mut update = CallUpdate { disposition: Some(cdr.disposition), ..CallUpdate::default() };
    if end != OwnEnd::Lost {
        update.cause_code = Some(cdr.hangup_cause_code);
    }
    if end == OwnEnd::Missed {
        update.session_id = Some(cdr.session_id.clone());
        update.answered_ms = cdr.answer_time.as_deref().and_then(epoch_ms);
        update.ended_ms = epoch_ms(&cdr.end_time);
    }
    CallBatch {
        call_id: call_id.to_owned(),
        update: Some(update),
        events: vec![NewEvent { at_ms: now_ms, t_ms, fact }],
        cdr: Some(cdr),
        ..CallBatch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_in_several_spellings_ends_alike() {
        let spellings = ["+62 812-3456-901", "tel:0812 3456 901", "628123456901"];
        assert!(spellings.iter().all(|number| ending(number) == "23456901"));
    }
}
