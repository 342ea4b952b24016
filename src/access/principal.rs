//! Who was admitted, and what that allows.

use std::net::IpAddr;
use std::sync::Arc;

use super::person::Person;
use super::right::{Bots, Password, Rule};
use super::{ANY_BOT, Error, Scope};
use crate::store::{Actor, ApiKey, CallRow, ClientApp, Visibility};

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub struct Principal {
    pub(super) identity: Identity,
    /// What it may do: for an app, what its token leaves of it.
    pub(super) scopes: Vec<Scope>,
    /// The bots it may have to do with; `*` stands for all.
    pub(super) bots: Vec<String>,
    /// Where the request came from, as far as that is known.
    pub(super) address: Option<IpAddr>,
    pub(super) intent: Intent,
}

/// Who it is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A client app, by a token.
    App(Arc<ClientApp>),
    /// A program or person with an API key.
    Key(Arc<ApiKey>),
    /// The command line on the server's own machine, for this user.
    Local(String),
    /// Somebody who signed in, in a browser.
    Person(Arc<Person>),
}

/// Whether a request is meant by whom its credential belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// A program sent the credential on purpose.
    Sent,
    /// A browser sent a password that it remembers, and a header that pages of other sites cannot send.
    Confirmed,
    /// A browser sent a password that it remembers; any page can have asked it to.
    Remembered,
}

impl Principal {
    /// # Errors
    /// Says what of the rule it does not meet.
    pub fn require(&self, rule: &Rule) -> Result<(), Error> {
        if rule.password == Password::Never && self.intent != Intent::Sent {
            return Err(Error::PasswordNever);
        }
        self.require_scopes(rule)?;
        if rule.password == Password::WithHeader && self.intent == Intent::Remembered {
            return Err(Error::CrossSite);
        }
        match (self.tied_to(), rule.bots) {
            (Some(bots), Bots::Refuse(advice)) => Err(Error::BotsOnly(bots.join(", "), advice)),
            (Some(_), Bots::Narrow) | (None, _) => Ok(()),
        }
    }

    /// The part of [`Self::require`] that is about scopes: for a form that proves in its own way that it is meant.
    ///
    /// # Errors
    /// When it holds none of those that the rule asks for.
    pub fn require_scopes(&self, rule: &Rule) -> Result<(), Error> {
        if self.holds_any(rule.scopes) {
            return Ok(());
        }
        Err(match (rule.named.unwrap_or(rule.scopes), &self.identity) {
            (_, Identity::Person(person)) => Error::Role(person.role),
            ([scope], Identity::Key(_)) => Error::KeyScope(*scope),
            ([scope], Identity::App(_) | Identity::Local(_)) => Error::Scope(*scope),
            (scopes, _) => Error::NoneOf(scopes),
        })
    }

    fn holds_any(&self, scopes: &[Scope]) -> bool {
        matches!(self.identity, Identity::Local(_)) || scopes.iter().any(|scope| self.scopes.contains(scope))
    }

    /// The calls it may have to do with under this rule.
    #[must_use]
    pub fn visibility(&self, rule: &Rule) -> Visibility {
        let bots = self.tied_to().map(<[String]>::to_vec);
        let own = !self.holds_any(rule.widened_by);
        Visibility::narrowed(bots, own.then(|| self.asks_as()))
    }

    /// # Errors
    /// When the call is not within [`Self::visibility`].
    pub fn require_call(&self, call: &CallRow, rule: &Rule) -> Result<(), Error> {
        match self.tied_to() {
            _ if self.visibility(rule).covers(&call.bot_id, &call.app_id) => Ok(()),
            Some(bots) if !self.may_use(&call.bot_id) => {
                Err(Error::BotsOnly(bots.join(", "), "this call is another bot's"))
            }
            Some(_) | None => Err(Error::OthersCall),
        }
    }

    /// Whether it may have to do with `bot`.
    #[must_use]
    pub fn may_use(&self, bot: &str) -> bool {
        may_use(&self.bots, bot)
    }

    /// # Errors
    /// When it may not have to do with `bot`.
    pub fn require_bot(&self, bot: &str) -> Result<(), Error> {
        if self.may_use(bot) {
            return Ok(());
        }
        let bot = bot.to_owned();
        Err(if matches!(self.identity, Identity::Key(_)) { Error::KeyBot(bot) } else { Error::Bot(bot) })
    }

    /// The bots it is tied to; `None`: all.
    #[must_use]
    pub fn tied_to(&self) -> Option<&[String]> {
        (!self.bots.iter().any(|bot| bot == ANY_BOT)).then_some(&self.bots)
    }

    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The client app it is or acts for, whose secrets sign webhooks.
    #[must_use]
    pub fn app_id(&self) -> Option<&str> {
        match &self.identity {
            Identity::App(app) => Some(&app.id),
            Identity::Key(key) => key.app_id.as_deref(),
            Identity::Local(_) | Identity::Person(_) => None,
        }
    }

    /// Under which name its calls are kept: the client app's, else its own.
    #[must_use]
    pub fn asks_as(&self) -> String {
        self.app_id().map_or_else(|| self.subject(), str::to_owned)
    }

    /// A name for people: the key's name, the app's id or the user.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.identity {
            Identity::App(app) => &app.id,
            Identity::Key(key) => &key.name,
            Identity::Local(user) => user,
            Identity::Person(person) => &person.name,
        }
    }

    /// A name that stays: `app:ID`, `key:ID`, `person:ID` or `cli:USER`.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.identity {
            Identity::App(app) => format!("app:{}", app.id),
            Identity::Key(key) => format!("key:{}", key.id),
            Identity::Local(user) => format!("cli:{user}"),
            Identity::Person(person) => format!("person:{}", person.id),
        }
    }

    /// Who acts and from where, for the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::new(self.subject(), self.address.map(|address| address.to_string()))
    }
}

pub(super) fn may_use(bots: &[String], bot: &str) -> bool {
    bots.iter().any(|own| own == bot || own == ANY_BOT)
}
