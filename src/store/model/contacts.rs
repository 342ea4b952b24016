//! Contacts: people, their numbers and what a flow is to know of them. And whose calls are whose.

use callcore::number;
use serde_json::Value;
use sqlx::FromRow;

use super::calls::CallRow;

/// Largest metadata of a contact, and of a call once it was changed, bytes of JSON.
pub const LARGEST_METADATA: usize = 16 * 1024;

/// Stands in front of the id of a contact where a number would stand, in calls that ring by a link.
pub(in crate::store) const LINKED: &str = "browser:";

/// A contact who is called by links, as their calls name them.
#[must_use]
pub fn linked_contact(id: &str) -> String {
    format!("{LINKED}{id}")
}

/// Whether this is how calls name a contact who is called by links.
#[must_use]
pub fn is_linked_contact(party: &str) -> bool {
    party.starts_with(LINKED)
}

/// By what the other party of a call is known: the digits of their number; or, of a contact who is called by links, as calls name
/// them.
#[must_use]
pub fn party_key(party: &str) -> String {
    if is_linked_contact(party) { party.to_owned() } else { number::key(party, None) }
}

/// A contact as it is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewContact {
    /// One is made where there is none.
    pub id: Option<String>,
    /// As it is dialled; empty where they are called by links in their browser.
    pub number: String,
    pub name: Option<String>,
    /// The flow of calls that name none.
    pub flow: Option<String>,
    /// A JSON object: variables of the flow.
    pub metadata: Value,
}

/// What is to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactChange {
    pub number: Option<String>,
    /// `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    pub flow: Option<Option<String>>,
    /// Merged (RFC 7396): a member that is null goes.
    pub metadata: Option<Value>,
}

/// A contact as it is kept.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ContactRow {
    pub id: String,
    /// Empty where they are called by links in their browser.
    pub number: String,
    pub name: Option<String>,
    pub flow: Option<String>,
    #[sqlx(json)]
    pub metadata: Value,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// Since when the number's owner does not want to be called, and the call in which they said so.
    pub do_not_call_ms: Option<i64>,
    pub do_not_call_id: Option<String>,
}

/// What became of one contact of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Created,
    /// The contact of that id, or the only one of that number, was there and is now as given.
    Updated,
    /// No id was given, and several contacts have the number.
    Ambiguous,
}

/// A call and whose it is.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct HistoryRow {
    #[sqlx(flatten)]
    pub call: CallRow,
    pub contact_id: Option<String>,
    pub user_id: Option<String>,
    /// What was kept of the contact for flows when it was called.
    #[sqlx(json(nullable))]
    pub contact_data: Option<Value>,
}

/// What became of a change of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    Done,
    /// There is nothing of that id.
    Unknown,
    /// It would be larger than [`LARGEST_METADATA`]; nothing was changed.
    TooLarge,
}
