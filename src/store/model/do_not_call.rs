//! Numbers whose owner asked never to be called again.

use serde::Serialize;
use sqlx::FromRow;

/// Somebody asked, in the call of this batch.
#[derive(Clone, Debug, Default)]
pub struct NewDoNotCall {
    pub at_ms: i64,
    /// What they said, when a recogniser heard it.
    pub words: Option<String>,
}

/// One number of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct DoNotCallRow {
    pub number: String,
    /// The call in which its owner asked.
    pub call_id: Option<String>,
    pub at_ms: i64,
    pub words: Option<String>,
    /// Why it was put there by hand, and by whom.
    pub reason: Option<String>,
    pub author: Option<String>,
}
