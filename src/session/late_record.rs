//! Records that a carrier gives only long after the call, if it gives them at all.

use std::time::Duration;

use callcore::call::CarrierCdr;
use serde_json::json;

use super::scribe::keep;
use crate::store::{CallBatch, CallUpdate, NewEvent, Store};
use crate::trunk::Line;
use crate::trunk::socketio::Version;
use crate::wallclock::now_ms;

/// Waits before each question; after the last one our own record stands.
const WAITS: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(1_800),
];

/// Asks for the record of a call that has ended without one, and puts it in the place of ours. A carrier of
/// 1.0.3 keeps none.
pub(super) async fn late_record(line: Line, store: Store, call_id: String, session_id: String) {
    if line.version() == Some(Version::V1_0_3) {
        return;
    }
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        match line.cdr(&session_id).await {
            Ok(Some(cdr)) => {
                keep(&store, batch(&call_id, cdr)).await;
                return;
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(call.id = %call_id, %error, "the carrier gives no record yet"),
        }
    }
    metrics::counter!("dering_trunk_records_missing_total", "trunk" => line.name().to_owned()).increment(1);
    tracing::warn!(call.id = %call_id, trunk = line.name(), "the carrier gave no record of the call; ours stands");
}

/// What was told to the caller's webhook is not told again: only the books are put right.
fn batch(call_id: &str, cdr: CarrierCdr) -> CallBatch {
    let now_ms = now_ms();
    let detail = json!({
        "disposition": cdr.disposition, "cause": cdr.hangup_cause_code,
        "why": "the carrier gave its record after the call; it replaces the one made from our own times",
    });
    CallBatch {
        call_id: call_id.to_owned(),
        update: Some(CallUpdate {
            disposition: Some(cdr.disposition),
            cause_code: Some(cdr.hangup_cause_code),
            ..CallUpdate::default()
        }),
        events: vec![NewEvent { at_ms: now_ms, t_ms: 0, kind: "cdr_late".into(), detail }],
        cdr: Some(cdr),
        ..CallBatch::default()
    }
}
