//! Who was admitted, and what that allows.

use std::net::IpAddr;
use std::sync::Arc;

use super::{ANY_BOT, AuthError};
use crate::store::{Act, ApiKey, CallRow, ClientApp, Sight};

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Who,
    /// What it may do: for an app, what its token leaves of it.
    pub scopes: Vec<String>,
    /// The bots it may have to do with; `*` stands for all.
    pub bots: Vec<String>,
    /// Where the request came from, as far as that is known.
    pub address: Option<IpAddr>,
}

#[derive(Clone, Debug)]
pub enum Who {
    /// A client app, by a token.
    App(Arc<ClientApp>),
    /// A program or person with an API key.
    Key(Arc<ApiKey>),
    /// The command line on the server's own machine, for this user.
    Local(String),
}

impl Caller {
    /// # Errors
    /// When it does not hold `scope`.
    pub fn hold(&self, scope: &str) -> Result<(), AuthError> {
        if matches!(self.who, Who::Local(_)) || self.scopes.iter().any(|held| held == scope) {
            return Ok(());
        }
        let scope = scope.to_owned();
        Err(if self.is_key() { AuthError::KeyScope(scope) } else { AuthError::Scope(scope) })
    }

    /// Whether it holds one of `scopes`.
    #[must_use]
    pub fn holds_any(&self, scopes: &[&str]) -> bool {
        scopes.iter().any(|scope| self.hold(scope).is_ok())
    }

    /// The calls it may have to do with: those of its bots; with none of `scopes` only those among them that it asked
    /// for itself.
    #[must_use]
    pub fn sight(&self, scopes: &[&str]) -> Sight {
        let bots = self.tied_to().map(<[String]>::to_vec);
        Sight { bots, asked_by: (!self.holds_any(scopes)).then(|| self.asks_as()) }
    }

    /// # Errors
    /// When the call is not within [`Self::sight`].
    pub fn require_call(&self, call: &CallRow, scopes: &[&str]) -> Result<(), AuthError> {
        match self.tied_to() {
            _ if self.sight(scopes).covers(call) => Ok(()),
            Some(bots) if !self.may_use(&call.bot_id) => {
                Err(AuthError::BotsOnly(bots.join(", "), "this call is another bot's"))
            }
            Some(_) | None => Err(AuthError::OthersCall),
        }
    }

    /// Whether it may have to do with `bot`.
    #[must_use]
    pub fn may_use(&self, bot: &str) -> bool {
        may_use(&self.bots, bot)
    }

    /// # Errors
    /// When it may not have to do with `bot`.
    pub fn require_bot(&self, bot: &str) -> Result<(), AuthError> {
        if self.may_use(bot) {
            return Ok(());
        }
        let bot = bot.to_owned();
        Err(if self.is_key() { AuthError::KeyBot(bot) } else { AuthError::Bot(bot) })
    }

    /// # Errors
    /// When it is tied to bots.
    pub fn require_all(&self) -> Result<(), AuthError> {
        match self.tied_to() {
            None => Ok(()),
            Some(bots) => Err(AuthError::BotsOnly(bots.join(", "), "use a key that is not tied to bots")),
        }
    }

    /// The bots it is tied to; `None`: all.
    #[must_use]
    pub fn tied_to(&self) -> Option<&[String]> {
        (!self.bots.iter().any(|bot| bot == ANY_BOT)).then_some(&self.bots)
    }

    /// The client app it is or acts for, whose secrets sign webhooks.
    #[must_use]
    pub fn app_id(&self) -> Option<&str> {
        match &self.who {
            Who::App(app) => Some(&app.id),
            Who::Key(key) => key.app_id.as_deref(),
            Who::Local(_) => None,
        }
    }

    /// Under which name its calls are kept: the client app's, else its own.
    #[must_use]
    pub fn asks_as(&self) -> String {
        self.app_id().map_or_else(|| self.actor(), str::to_owned)
    }

    /// A name for people: the key's name, the app's id or the user.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.who {
            Who::App(app) => &app.id,
            Who::Key(key) => &key.name,
            Who::Local(user) => user,
        }
    }

    /// A name that stays: `app:ID`, `key:ID` or `cli:USER`.
    #[must_use]
    pub fn actor(&self) -> String {
        match &self.who {
            Who::App(app) => format!("app:{}", app.id),
            Who::Key(key) => format!("key:{}", key.id),
            Who::Local(user) => format!("cli:{user}"),
        }
    }

    /// Who does it and from where, for the audit log.
    #[must_use]
    pub fn act(&self) -> Act {
        Act::new(self.actor(), self.address.map(|address| address.to_string()))
    }

    const fn is_key(&self) -> bool {
        matches!(self.who, Who::Key(_))
    }
}

pub(super) fn may_use(bots: &[String], bot: &str) -> bool {
    bots.iter().any(|own| own == bot || own == ANY_BOT)
}
