//! Numbers whose owner asked never to be called again.

use serde::Serialize;
use sqlx::FromRow;

use crate::wallclock::iso;

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
    /// Where it stands in the list.
    pub place: i64,
    pub number: String,
    /// The call in which its owner asked.
    pub call_id: Option<String>,
    pub at_ms: i64,
    pub words: Option<String>,
    /// Why it was put there by hand, and by whom.
    pub reason: Option<String>,
    pub author: Option<String>,
}

impl DoNotCallRow {
    /// Since when and why nobody calls it, behind "on the do-not-call list".
    #[must_use]
    pub fn since(&self) -> String {
        let since = iso(self.at_ms);
        match (&self.call_id, &self.reason) {
            (Some(call), _) => {
                format!("since {since}: its owner asked in call {call} not to be called again")
            }
            (None, Some(reason)) => format!("since {since}: {reason}"),
            (None, None) => format!("since {since}"),
        }
    }
}
