//! Whose calls somebody may have to do with.

use super::calls::CallRow;

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
}
