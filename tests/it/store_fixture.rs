//! Calls, records and notifications for tests of the store and of what reads it.

use callcore::call::{CarrierCdr, Direction, Disposition, Fact, HangupBy, cause};
use callcore::flow::Note;
use dering::store::{CallBatch, CallState, NewApp, NewCall, NewEvent, NewNotification, Options, Store};
use serde_json::json;

pub(crate) const APP: &str = "cs-demo";
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// An empty store of its own: the one place that chooses the engine for the tests that say what every engine does
/// (`store_calls`, `store_cdrs`, `store_leases`, `store_ledger`). `store_headers`, `store_migration`, `store_opening` and
/// `store_secrets` look into SQLite's files.
pub(crate) async fn fresh_store() -> Store {
    Store::open(Options::memory()).await.unwrap()
}

/// A store that knows the app [`APP`] with [`SECRET`].
pub(crate) async fn store_with_app() -> Store {
    let store = fresh_store().await;
    create_app(&store).await;
    store
}

pub(crate) async fn create_app(store: &Store) {
    let app = NewApp {
        id: APP.to_owned(),
        name: "Demo dialler".to_owned(),
        scopes: vec!["SmartAssist Dialout".to_owned()],
        bots: vec!["st-demo".to_owned()],
        secret: SECRET.into(),
    };
    store.create_app(app).await.unwrap();
}

/// The first batch of a call, begun at `created_ms`.
pub(crate) fn begun(call_id: &str, created_ms: i64) -> CallBatch {
    let new = NewCall {
        app_id: APP.to_owned(),
        bot_id: "st-demo".to_owned(),
        trunk: "sim".to_owned(),
        direction: Direction::Outbound,
        target: "tel:081234567".to_owned(),
        caller: "+6221555".to_owned(),
        flow: "reminder".to_owned(),
        flow_digest: "d1".to_owned(),
        metadata: json!({"name": "Budi"}),
        state: CallState::Dialing,
        created_ms,
        ..NewCall::default()
    };
    CallBatch { call_id: call_id.to_owned(), new: Some(new), ..CallBatch::default() }
}

/// A later batch of a call with nothing in it yet.
pub(crate) fn later(call_id: &str) -> CallBatch {
    CallBatch { call_id: call_id.to_owned(), ..CallBatch::default() }
}

/// The flow of a call enters `scene`.
pub(crate) fn event(scene: &str) -> NewEvent {
    NewEvent { at_ms: 1_000, t_ms: 0, fact: Fact::Flow(Note::Scene { scene: scene.to_owned() }) }
}

/// A notification of `call_id` whose body carries `status`.
pub(crate) fn notification(call_id: &str, url: &str, status: &str) -> NewNotification {
    NewNotification {
        app_id: APP.to_owned(),
        kind: status.to_owned(),
        url: url.to_owned(),
        headers: [("x-channel-type".to_owned(), "X42_IVR".to_owned())].into(),
        body: json!({"conversationId": call_id, "status": status}).to_string(),
    }
}

/// The record of an answered call of `duration` seconds to `destination`.
pub(crate) fn cdr(session_id: &str, destination: &str, duration: u64) -> CarrierCdr {
    CarrierCdr {
        session_id: session_id.to_owned(),
        destination: destination.to_owned(),
        start_time: "2025-07-23T03:37:56.000Z".to_owned(),
        answer_time: Some("2025-07-23T03:37:58.000Z".to_owned()),
        end_time: "2025-07-23T03:38:20.000Z".to_owned(),
        duration,
        billable_seconds: duration.saturating_sub(2),
        disposition: Disposition::Answered,
        hangup_by: Some(HangupBy::Callee),
        hangup_cause_code: 16,
        hangup_cause_text: cause(16).text.to_owned(),
        source: None,
    }
}

/// The record of a call to `destination` that nobody answered.
pub(crate) fn unanswered_cdr(session_id: &str, destination: &str) -> CarrierCdr {
    CarrierCdr {
        answer_time: None,
        billable_seconds: 0,
        disposition: Disposition::NoAnswer,
        hangup_cause_code: 18,
        hangup_cause_text: cause(18).text.to_owned(),
        ..cdr(session_id, destination, 24)
    }
}
