//! What went to and fro in calls over SIP.

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::Signalling;

verbs! {
    /// Keeps it, unless something is kept of a call of that name already.
    ///
    /// # Errors
    /// When the database fails.
    fn keep_signalling(&self, new: Signalling) -> ();

    /// What is kept of a session.
    ///
    /// # Errors
    /// When the database fails.
    fn signalling(&self, session_id: &str) -> Option<Signalling>;

    /// Deletes the messages of at most `limit` calls that were over before `before_ms`; of how many. The figures of their audio
    /// stay.
    ///
    /// # Errors
    /// When the database fails.
    fn delete_signalling(&self, before_ms: i64, limit: u32) -> u64;
}
