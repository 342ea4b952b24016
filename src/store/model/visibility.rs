//! Which calls a client may see.

/// Which calls a client may see and change. There is no default, so that no list shows everything by omission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    bots: Option<Vec<String>>,
    asked_by: Option<String>,
}

impl Visibility {
    /// Every call: for the server itself, and for clients without restrictions.
    #[must_use]
    pub const fn all() -> Self {
        Self { bots: None, asked_by: None }
    }

    /// Only calls of these bots, and only those that were asked for under this name, as a call's `app_id` has it. `None`
    /// narrows nothing.
    #[must_use]
    pub const fn narrowed(bots: Option<Vec<String>>, asked_by: Option<String>) -> Self {
        Self { bots, asked_by }
    }

    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.bots.is_none() && self.asked_by.is_none()
    }

    /// Only calls of these bots.
    #[must_use]
    pub fn bots(&self) -> Option<&[String]> {
        self.bots.as_deref()
    }

    /// Only calls that were asked for under this name.
    #[must_use]
    pub fn asked_by(&self) -> Option<&str> {
        self.asked_by.as_deref()
    }

    /// Whether campaigns that were made under this name are seen: they belong to no bot.
    #[must_use]
    pub fn covers_campaigns_of(&self, name: &str) -> bool {
        self.bots.is_none() && self.asked_by.as_ref().is_none_or(|own| own == name)
    }

    /// Whether a call of this bot, asked for under this name, is among them.
    #[must_use]
    pub fn covers(&self, bot_id: &str, asked_by: &str) -> bool {
        self.bots.as_ref().is_none_or(|bots| bots.iter().any(|bot| bot == bot_id))
            && self.asked_by.as_ref().is_none_or(|name| name == asked_by)
    }
}
