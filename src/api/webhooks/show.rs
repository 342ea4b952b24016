//! Notifications and endpoints as the API shows them, and what a person is told of their fate.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::outbox::BreakerState;
use crate::store::{AttemptRow, DeliveryRow, EndpointRow};

/// Parts of names of headers whose values are secrets more often than not.
const SECRETIVE: [&str; 8] =
    ["auth", "token", "key", "secret", "cookie", "password", "signature", "credential"];

/// One line of the list.
pub(super) fn line(row: &DeliveryRow) -> Value {
    let n = &row.notification;
    let open = n.settled_ms.is_none();
    json!({
        "id": n.id,
        "callId": n.call_id,
        "seq": n.seq,
        "appId": n.app_id,
        "kind": n.kind,
        "state": n.state,
        "reason": n.reason,
        "why": why(row),
        "url": n.url,
        "endpoint": row.endpoint,
        "attempts": n.attempts,
        "redelivered": n.redelivered,
        "createdMs": n.created_ms,
        "dueMs": (open && n.state != "waiting").then_some(n.due_ms),
        "settledMs": n.settled_ms,
        "last": row.last_at_ms.map(|at_ms| json!({
            "atMs": at_ms, "status": row.last_status, "error": row.last_error,
        })),
    })
}

/// With the request and the log of attempts.
pub(super) fn whole(row: &DeliveryRow, attempts: &[AttemptRow]) -> Value {
    let mut shown = line(row);
    shown["request"] = json!({
        "method": "POST", "url": row.notification.url, "headers": headers(row), "body": row.notification.body,
    });
    let log = attempts.iter().map(|attempt| {
        json!({
            "attempt": attempt.attempt,
            "atMs": attempt.at_ms,
            "durationMs": attempt.duration_ms,
            "status": attempt.status,
            "response": attempt.response,
            "error": attempt.error,
        })
    });
    shown["log"] = log.collect();
    shown
}

/// The headers of the post, but for the signatures, which are made anew each time. Secrets are hidden.
pub(super) fn headers(row: &DeliveryRow) -> BTreeMap<String, String> {
    let theirs = row.headers.iter().map(|(name, value)| {
        let lower = name.to_lowercase();
        let hidden = SECRETIVE.iter().any(|part| lower.contains(part));
        (lower, if hidden { "(hidden)".to_owned() } else { value.clone() })
    });
    let ours = [("content-type", "application/json"), ("webhook-id", &row.notification.id)];
    theirs.chain(ours.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// What became of a notification, and why, in a sentence.
pub(super) fn why(row: &DeliveryRow) -> String {
    let n = &row.notification;
    let last = row.last_error.as_deref().unwrap_or("nobody knows why");
    match (n.state.as_str(), n.reason.as_deref()) {
        ("delivered", _) => "the receiver took it".to_owned(),
        ("waiting", _) => "an earlier notification of the same call comes first".to_owned(),
        ("sending", _) => "it is being posted".to_owned(),
        ("due", _) if row.last_at_ms.is_none() => "it is to be posted".to_owned(),
        ("due", _) => format!("it is tried again, because {last}"),
        (_, Some("gone")) if row.last_status == Some(410) => {
            "the receiver answered 410 Gone: it wants nothing more of this call".to_owned()
        }
        (_, Some("gone")) => {
            "the receiver answered 410 Gone to an earlier notification of this call, so this one was not posted".to_owned()
        }
        (_, Some("expired")) => {
            format!("its endpoint was out of order all the time; the last attempt: {last}")
        }
        (_, Some("refused")) => format!("it may not be posted: {last}"),
        _ => format!("all attempts failed; the last one: {last}"),
    }
}

/// One endpoint.
pub(super) fn endpoint(row: &EndpointRow, now_ms: i64) -> Value {
    json!({
        "endpoint": row.endpoint,
        "breaker": BreakerState::of(row.open_until_ms, now_ms).as_str(),
        "openUntilMs": row.open_until_ms.filter(|until| *until > now_ms),
        "failuresInARow": row.failures,
        "answerMs": row.answer_ms,
        "lastOkMs": row.last_ok_ms,
        "lastFailedMs": row.last_failed_ms,
        "lastProblem": row.last_problem,
        "delivered": row.delivered,
        "failed": row.failed,
        "due": row.due,
        "dead": row.dead,
    })
}
