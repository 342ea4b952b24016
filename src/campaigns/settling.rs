//! What came of attempts: by who answered, and what becomes of the contact.

use std::collections::BTreeMap;
use std::sync::Arc;

use callcore::amd::EventKind;
use callcore::call::Fact;
use callcore::campaign::{Callback, EndedCall, FirstWord, Next, Outcome, Reason, Rules};
use callcore::flow::Note;
use rand::Rng;

use crate::store::{self, EndedAttempt, PlaceState, Settled, Store};

const MINUTE_MS: i64 = 60_000;
/// Entries of a timeline that are looked through.
const MOST_EVENTS: u32 = 2_000;

/// Settles attempts of campaigns whose rules are at hand; what came of each, for the pacing.
pub(super) async fn settle(
    store: &Store,
    rules: &BTreeMap<String, Arc<Rules>>,
    ended: Vec<EndedAttempt>,
) -> Result<Vec<(String, Outcome, i64)>, store::Error> {
    let mut settled = Vec::with_capacity(ended.len());
    for attempt in &ended {
        let Some(rules) = rules.get(&attempt.campaign_id) else { continue };
        let callback = rules.settings().callback.as_ref();
        let callback = callback.filter(|callback| attempt.outcome.as_deref() == Some(&callback.outcome));
        let callback_ms = match callback {
            Some(callback) => wanted_at(store, rules, attempt, callback).await?,
            None => None,
        };
        let mut one = of(rules, attempt, callback.is_some(), callback_ms, rand::rng().random());
        if by_a_person(attempt, one.outcome) {
            one.first_word = Some(first_word(store, &attempt.call_id).await?);
        }
        settled.push(one);
    }
    let told = settled.iter().map(|one| (one.campaign_id.clone(), one.outcome, one.ended_ms)).collect();
    for one in &settled {
        metrics::counter!("dering_campaign_outcomes_total", "outcome" => one.outcome.as_str()).increment(1);
    }
    if !settled.is_empty() {
        store.settle_attempts(settled).await?;
    }
    Ok(told)
}

/// Whether a person answered the call, as far as anybody knows.
fn by_a_person(attempt: &EndedAttempt, outcome: Outcome) -> bool {
    attempt.answered_ms.is_some()
        && (outcome.is_person() || attempt.verdict == Some(EventKind::HumanDetected))
}

async fn first_word(store: &Store, call_id: &str) -> Result<FirstWord, store::Error> {
    let events = store.events(call_id, 0, MOST_EVENTS).await?;
    let facts: Vec<Fact> = events.iter().filter_map(|event| event.fact().ok()).collect();
    let whole = facts.len() == events.len() && events.len() < MOST_EVENTS as usize;
    Ok(FirstWord::of(&facts, whole))
}

/// When the callee wants to be called, as the flow noted it.
async fn wanted_at(
    store: &Store,
    rules: &Rules,
    attempt: &EndedAttempt,
    callback: &Callback,
) -> Result<Option<i64>, store::Error> {
    let events = store.events(&attempt.call_id, 0, MOST_EVENTS).await?;
    let noted = events.iter().rev().find_map(|event| match event.fact() {
        Ok(Fact::Flow(Note::Set { variable, value })) if variable == callback.variable => Some(value),
        Ok(_) | Err(_) => None,
    });
    let text = noted.as_ref().and_then(|value| value.as_str());
    Ok(text.and_then(|text| rules.moment_there(attempt.zone.as_deref(), text)))
}

fn of(
    rules: &Rules,
    attempt: &EndedAttempt,
    callback: bool,
    callback_ms: Option<i64>,
    jitter: f64,
) -> Settled {
    let outcome = Outcome::of(&EndedCall {
        disposition: attempt.disposition,
        cause: attempt.cause,
        answered: attempt.answered_ms.is_some(),
        verdict: attempt.verdict,
        subtype: attempt.subtype,
        outcome: attempt.outcome.as_deref(),
        message_left: attempt.message_left,
        hung_up_by: attempt.hung_up_by,
        opted_out: attempt.opted_out,
        callback,
    });
    let before = attempt.before.iter().find(|(known, _)| *known == outcome).map_or(0, |(_, times)| *times);
    let tried: u32 = attempt.before.iter().filter(|(known, _)| known.counts()).map(|(_, times)| *times).sum();
    let zone = attempt.zone.as_deref();
    let next = rules.after(outcome, before + 1, zone, attempt.ended_ms, callback_ms, jitter);
    let (state, due_ms, reason) = match next {
        Next::Again { due_ms, reason } => (PlaceState::Waiting, due_ms, reason),
        Next::Done { outcome } => (PlaceState::Done, attempt.ended_ms, Reason::Done { outcome }),
        Next::Exhausted { outcome } => (PlaceState::Exhausted, attempt.ended_ms, Reason::Done { outcome }),
    };
    let talked_ms = attempt.answered_ms.map_or(0, |answered| (attempt.ended_ms - answered).max(1));
    Settled {
        attempt: attempt.id,
        place_id: attempt.place_id,
        campaign_id: attempt.campaign_id.clone(),
        outcome,
        at_ms: attempt.at_ms,
        ended_ms: attempt.ended_ms,
        trunk: attempt.trunk.clone(),
        list_id: attempt.list_id.clone(),
        week_hour: rules.week_hour(zone, attempt.at_ms),
        nth: outcome.counts().then_some(tried + 1),
        first_word: None,
        minutes: (talked_ms + MINUTE_MS - 1) / MINUTE_MS,
        day_ms: rules.own_day_begin(attempt.ended_ms),
        state,
        due_ms,
        reason,
    }
}
