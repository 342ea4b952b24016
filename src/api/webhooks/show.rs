//! Notifications and endpoints as the API shows them, and explanations of what happened to them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::outbox::{BreakerState, Tried};
use crate::store::{AttemptRow, DeadReason, DeliveryRow, DeliveryState, EndpointRow, NotificationState};
use crate::trunk::webrtc::without_tokens;

/// Parts of names of headers whose values are secrets more often than not.
const SECRETIVE: [&str; 8] =
    ["auth", "token", "key", "secret", "cookie", "password", "signature", "credential"];

/// Where a notification stands, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// It is on its way: `waiting`, `due` or `sending`.
    Open,
    Delivered,
    /// It was given up.
    Dead,
}

/// Why a notification was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reason {
    /// All attempts failed.
    Exhausted,
    /// Its endpoint was out of order all the time.
    Expired,
    /// The receiver answered 410, to it or to an earlier notification of its call.
    Gone,
    /// Its URL may not be posted to.
    Refused,
}

/// The words for where a notification stands.
pub(super) const FATES: [(&str, Fate); 3] =
    [("open", Fate::Open), ("delivered", Fate::Delivered), ("dead", Fate::Dead)];

impl From<Fate> for DeliveryState {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Open => Self::Open,
            Fate::Delivered => Self::Delivered,
            Fate::Dead => Self::Dead,
        }
    }
}

/// The words for why it was given up.
pub(super) const REASONS: [(&str, Reason); 4] = [
    ("exhausted", Reason::Exhausted),
    ("expired", Reason::Expired),
    ("gone", Reason::Gone),
    ("refused", Reason::Refused),
];

impl From<Reason> for DeadReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Exhausted => Self::Exhausted,
            Reason::Expired => Self::Expired,
            Reason::Gone => Self::Gone,
            Reason::Refused => Self::Refused,
        }
    }
}

/// A notification and how it fares. Times are ms since 1970-01-01 UTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivery {
    /// Its `webhook-id`, the same in every attempt.
    id: String,
    /// The call that it is about; `null`: it is about a campaign.
    call_id: Option<String>,
    /// The campaign that it is about; `null`: it is about a call.
    campaign_id: Option<String>,
    /// From 1 within the call, or the campaign.
    seq: i64,
    app_id: String,
    #[schema(example = "completed")]
    kind: String,
    /// `waiting`, `due`, `sending`, `delivered` or `dead`.
    state: String,
    /// Why it is dead: `exhausted`, `expired`, `gone` or `refused`.
    reason: Option<String>,
    /// The same for people.
    why: String,
    url: String,
    /// Scheme, host and port of the URL.
    endpoint: String,
    attempts: i64,
    /// How often it was sent again on demand.
    redelivered: i64,
    created_ms: i64,
    /// When it is tried next; `null` unless it is its turn.
    due_ms: Option<i64>,
    /// When it was delivered or given up.
    settled_ms: Option<i64>,
    last: Option<LastAttempt>,
}

/// How the last attempt ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LastAttempt {
    at_ms: i64,
    /// HTTP status; `null` when there was no answer.
    status: Option<i64>,
    error: Option<String>,
}

/// A page of notifications, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryList {
    pub(super) deliveries: Vec<Delivery>,
    /// The parameter `after` of the next page; `null` on the last one.
    pub(super) next: Option<String>,
}

/// A notification with its request and the log of its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryDetail {
    #[serde(flatten)]
    delivery: Delivery,
    request: SentRequest,
    log: Vec<LoggedAttempt>,
}

/// What is posted.
#[derive(Debug, Serialize, ToSchema)]
struct SentRequest {
    method: &'static str,
    url: String,
    /// Without the signatures, which are made anew each time. Secrets are hidden.
    headers: BTreeMap<String, String>,
    /// The exact text.
    body: String,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LoggedAttempt {
    /// From 1.
    attempt: i64,
    at_ms: i64,
    duration_ms: i64,
    /// HTTP status; `null` when there was no answer.
    status: Option<i64>,
    /// The first 1,024 bytes of the answer's body.
    response: Option<String>,
    error: Option<String>,
}

/// What is sent again.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Redelivery {
    /// Notifications that match.
    pub(super) matched: u64,
    /// Of these, how many are sent again now.
    pub(super) redelivered: u64,
    /// Which.
    pub(super) ids: Vec<String>,
    /// More match; ask again.
    pub(super) more: bool,
}

/// What came of posting an example.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookTrial)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrialResult {
    /// The kind of the example.
    #[schema(example = "completed")]
    event: String,
    /// Its `webhook-id`.
    id: String,
    url: String,
    /// The receiver answered with a status of 200 to 299.
    taken: bool,
    /// HTTP status; `null` when there was no answer.
    status: Option<u16>,
    duration_ms: i64,
    /// Whether the body of the answer came to its end, or to what is kept of one, within 2 s.
    body_read: bool,
    /// The first 1,024 bytes of the answer's body.
    response: Option<String>,
    error: Option<String>,
}

impl TrialResult {
    pub(crate) fn new(url: &str, tried: Tried) -> Self {
        let Tried { kind, id, attempt, taken, read } = tried;
        Self {
            event: kind,
            id,
            url: url.to_owned(),
            taken,
            status: attempt.status,
            duration_ms: attempt.duration_ms,
            body_read: read,
            response: attempt.response,
            error: attempt.error,
        }
    }
}

/// Endpoints, those with trouble first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndpointList {
    pub(super) endpoints: Vec<EndpointState>,
}

/// How an endpoint fares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointState {
    /// Scheme, host and port.
    endpoint: String,
    /// `closed`: posts go there. `open`: it fails and is left alone. `half_open`: one post at a time is tried.
    breaker: &'static str,
    /// When it is tried again; `null` unless it is left alone.
    open_until_ms: Option<i64>,
    failures_in_a_row: i64,
    /// It answers, and refused what was posted last: with a status of 400 to 499, or a redirect that is not followed.
    refusing: bool,
    /// How long its answers take, averaged over the latest ones.
    answer_ms: Option<i64>,
    last_ok_ms: Option<i64>,
    last_failed_ms: Option<i64>,
    last_problem: Option<String>,
    /// Posts that it took, ever.
    delivered: i64,
    /// Posts that it did not take, ever.
    failed: i64,
    /// Notifications whose turn it is.
    due: i64,
    dead: i64,
}

impl From<&DeliveryRow> for Delivery {
    fn from(row: &DeliveryRow) -> Self {
        let n = row.notification.clone();
        Self {
            why: why(row),
            due_ms: matches!(n.state, NotificationState::Due | NotificationState::Sending)
                .then_some(n.due_ms),
            last: row.last_at_ms.map(|at_ms| LastAttempt {
                at_ms,
                status: row.last_status,
                error: row.last_error.clone(),
            }),
            endpoint: row.endpoint.clone(),
            id: n.id,
            call_id: n.campaign_id.is_none().then_some(n.call_id),
            campaign_id: n.campaign_id,
            seq: n.seq,
            app_id: n.app_id,
            kind: n.kind,
            state: n.state.as_str().to_owned(),
            reason: n.reason.map(|reason| reason.as_str().to_owned()),
            url: n.url,
            attempts: n.attempts,
            redelivered: n.redelivered,
            created_ms: n.created_ms,
            settled_ms: n.settled_ms,
        }
    }
}

impl DeliveryDetail {
    pub(super) fn new(row: &DeliveryRow, attempts: Vec<AttemptRow>) -> Self {
        let request = SentRequest {
            method: "POST",
            url: row.notification.url.clone(),
            headers: headers(row),
            body: without_tokens(&row.notification.body),
        };
        let log = attempts.into_iter().map(|row| LoggedAttempt {
            attempt: row.attempt,
            at_ms: row.at_ms,
            duration_ms: row.duration_ms,
            status: row.status,
            response: row.response,
            error: row.error,
        });
        Self { delivery: row.into(), request, log: log.collect() }
    }
}

impl EndpointState {
    pub(super) fn new(row: EndpointRow, now_ms: i64) -> Self {
        Self {
            breaker: BreakerState::of(row.open_until_ms, now_ms).as_str(),
            open_until_ms: row.open_until_ms.filter(|until| *until > now_ms),
            refusing: row.is_refusing(),
            endpoint: row.endpoint,
            failures_in_a_row: row.failures,
            answer_ms: row.answer_ms,
            last_ok_ms: row.last_ok_ms,
            last_failed_ms: row.last_failed_ms,
            last_problem: row.last_problem,
            delivered: row.delivered,
            failed: row.failed,
            due: row.due,
            dead: row.dead,
        }
    }
}

/// The headers of the post, but for the signatures, which are made anew each time. Secrets are hidden.
pub(crate) fn headers(row: &DeliveryRow) -> BTreeMap<String, String> {
    let theirs = row.headers.iter().map(|(name, value)| {
        let lower = name.to_lowercase();
        let hidden = SECRETIVE.iter().any(|part| lower.contains(part));
        (lower, if hidden { "(hidden)".to_owned() } else { value.clone() })
    });
    let ours = [("content-type", "application/json"), ("webhook-id", &row.notification.id)];
    theirs.chain(ours.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// What became of a notification, and why, in a sentence.
pub(crate) fn why(row: &DeliveryRow) -> String {
    let n = &row.notification;
    let last = row.last_error.as_deref().unwrap_or("nobody knows why");
    match (n.state, n.reason) {
        (NotificationState::Delivered, _) => "the receiver took it".to_owned(),
        (NotificationState::Waiting, _) => "an earlier notification of the same call comes first".to_owned(),
        (NotificationState::Sending, _) => "it is being posted".to_owned(),
        (NotificationState::Due, _) if row.last_at_ms.is_none() => "it is to be posted".to_owned(),
        (NotificationState::Due, _) => format!("it is tried again, because {last}"),
        (NotificationState::Dead, Some(DeadReason::Gone)) if row.last_status == Some(410) => {
            "the receiver answered 410 Gone: it wants nothing more of this call".to_owned()
        }
        (NotificationState::Dead, Some(DeadReason::Gone)) => {
            "the receiver answered 410 Gone to an earlier notification of this call, so this one was not posted".to_owned()
        }
        (NotificationState::Dead, Some(DeadReason::Expired)) => {
            format!("its endpoint was out of order all the time; the last attempt: {last}")
        }
        (NotificationState::Dead, Some(DeadReason::Refused)) => format!("it may not be posted: {last}"),
        (NotificationState::Dead, Some(DeadReason::Exhausted) | None) => {
            format!("all attempts failed; the last one: {last}")
        }
    }
}
