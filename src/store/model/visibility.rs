//! Whose calls somebody may have to do with.

/// Which calls somebody may have to do with. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visibility {
    /// Only calls of these bots.
    pub bots: Option<Vec<String>>,
    /// Only calls that were asked for under this name, as a call's `app_id` has it.
    pub asked_by: Option<String>,
}

impl Visibility {
    /// Whether a call of this bot, asked for under this name, is among them.
    #[must_use]
    pub fn covers(&self, bot_id: &str, asked_by: &str) -> bool {
        self.bots.as_ref().is_none_or(|bots| bots.iter().any(|bot| bot == bot_id))
            && self.asked_by.as_ref().is_none_or(|name| name == asked_by)
    }
}
