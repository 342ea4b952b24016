//! Whose calls somebody may have to do with: a condition for every list of calls, and of what belongs to calls.

use sqlx::QueryBuilder;
use sqlx::sqlite::Sqlite;

use super::CallRow;

/// Which calls somebody may have to do with. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visibility {
    /// Only calls of these bots.
    pub bots: Option<Vec<String>>,
    /// Only calls that were asked for under this name, as [`CallRow::app_id`] has it.
    pub asked_by: Option<String>,
}

impl Visibility {
    /// Whether the call is among them.
    #[must_use]
    pub fn covers(&self, call: &CallRow) -> bool {
        self.bots.as_ref().is_none_or(|bots| bots.contains(&call.bot_id))
            && self.asked_by.as_ref().is_none_or(|name| *name == call.app_id)
    }

    /// Adds the conditions to a statement whose table of calls is called `calls`.
    pub(super) fn narrow(&self, query: &mut QueryBuilder<Sqlite>, calls: &'static str) {
        if let Some(bots) = &self.bots {
            let bots = serde_json::to_string(bots).unwrap_or_default();
            query.push(format_args!(" AND {calls}.bot_id IN (SELECT value FROM json_each("));
            query.push_bind(bots).push("))");
        }
        if let Some(name) = &self.asked_by {
            query.push(format_args!(" AND {calls}.app_id = ")).push_bind(name.clone());
        }
    }

    /// Adds the conditions to a statement about what belongs to calls; `call_id` is the column that names the call.
    pub(super) fn narrow_by_call(&self, query: &mut QueryBuilder<Sqlite>, call_id: &'static str) {
        if *self == Self::default() {
            return;
        }
        query.push(format_args!(" AND EXISTS (SELECT 1 FROM calls sc WHERE sc.id = {call_id}"));
        self.narrow(query, "sc");
        query.push(")");
    }
}
