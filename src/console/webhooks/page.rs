//! What the pages of the webhook ledger show.

use serde::Serialize;

use crate::console::when::At;

/// The list of notifications, and how endpoints fare.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ListPage {
    pub(super) tabs: Vec<Tab>,
    pub(super) fields: WantedFields,
    pub(super) deliveries: Vec<DeliveryLine>,
    pub(super) endpoints: Vec<EndpointLine>,
    /// The address of the next page.
    pub(super) next: Option<String>,
    /// Dead letters in all.
    pub(super) dead: u64,
    /// Dead letters that the list is narrowed to; 0 when it shows something else, or to those who may not send them again.
    pub(super) matching: u64,
    /// Dead letters that the button sends again at once.
    pub(super) most: u64,
}

/// One of the states that the list may show.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tab {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) here: bool,
}

/// What the list is narrowed to; empty for anything.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct WantedFields {
    pub(super) state: String,
    pub(super) call_id: String,
    pub(super) app_id: String,
    pub(super) endpoint: String,
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) since: String,
    pub(super) until: String,
}

/// One notification of the list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeliveryLine {
    pub(super) id: String,
    /// The call, or the campaign, that it is about.
    pub(super) call_id: String,
    /// It is about a campaign.
    pub(super) of_campaign: bool,
    /// Where that is shown.
    pub(super) about: String,
    pub(super) kind: String,
    /// `waiting`, `due`, `sending`, `delivered` or `dead`.
    pub(super) state: String,
    /// What became of it, as a sentence.
    pub(super) why: String,
    pub(super) endpoint: String,
    pub(super) attempts: i64,
    pub(super) made: At,
    /// When it is tried next, if it is.
    pub(super) due: Option<At>,
}

/// One endpoint.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EndpointLine {
    pub(super) endpoint: String,
    /// The address of the list of its notifications.
    pub(super) link: String,
    /// `closed`, `open` or `half_open`.
    pub(super) breaker: String,
    /// The same in a person's words.
    pub(super) word: String,
    pub(super) works: bool,
    /// When it is tried again, while it is held back.
    pub(super) until: Option<At>,
    pub(super) answer: String,
    pub(super) delivered: i64,
    pub(super) failed: i64,
    pub(super) due: i64,
    pub(super) dead: i64,
    /// The last one, while there is trouble.
    pub(super) problem: String,
}

/// One notification with its request and its attempts.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OnePage {
    pub(super) line: DeliveryLine,
    /// It may be sent again.
    pub(super) settled: bool,
    /// Whoever looks at it may have it sent again.
    pub(super) resends: bool,
    pub(super) url: String,
    pub(super) app_id: String,
    pub(super) seq: i64,
    pub(super) redelivered: i64,
    /// Secrets are hidden.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) attempts: Vec<AttemptLine>,
}

/// One attempt.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AttemptLine {
    pub(super) attempt: i64,
    pub(super) at: At,
    pub(super) took_ms: i64,
    /// Empty when nobody answered.
    pub(super) status: String,
    pub(super) error: String,
    /// The start of the answer's body.
    pub(super) response: String,
}
