//! Why a contact is not dialled now: a closed list, as data. Words for people are made of it where it is shown.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumIter, IntoEnumIterator, IntoStaticStr};

use super::outcome::Outcome;

/// The rule that decided, with the values that it decided by. Times are ms since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[strum_discriminants(name(Rule), derive(IntoStaticStr, EnumIter), strum(serialize_all = "snake_case"))]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Reason {
    /// The campaign has not been launched, or its first day is yet to come.
    NotStarted {
        until_ms: Option<i64>,
    },
    /// It may be dialled: its turn comes.
    Due,
    /// Somebody paused the campaign.
    Paused,
    /// The campaign lets its calls end and begins none.
    Draining,
    /// The campaign was stopped, or its last day is over.
    Stopped,
    /// By the contact's own clock it is too early, too late or the wrong day.
    OutsideWindow {
        opens_ms: Option<i64>,
    },
    /// Where the contact lives it is a holiday.
    Holiday {
        name: String,
        opens_ms: Option<i64>,
    },
    /// Nobody knows which time it is where the contact lives.
    ZoneUnknown,
    /// The number is not to be called.
    DoNotCall(Listed),
    /// It is on a suppression list of the campaign.
    Suppressed {
        since_ms: Option<i64>,
    },
    /// The campaign wants a consent, and none is on record, or it is too old.
    NoConsent {
        given_ms: Option<i64>,
    },
    /// It was called so often today already.
    CapDay {
        attempts: u32,
        of: u32,
        until_ms: i64,
    },
    /// It was called so often in this campaign.
    CapTotal {
        attempts: u32,
        of: u32,
    },
    /// It is tried again after what came of the last attempt.
    RetryWait {
        after: Outcome,
        until_ms: i64,
    },
    /// The callee asked for a call at this time.
    CallbackAt {
        at_ms: i64,
    },
    /// The minutes of the day, or of the campaign, are used up.
    BudgetDay {
        used_minutes: u32,
        of: u32,
        until_ms: i64,
    },
    BudgetTotal {
        used_minutes: u32,
        of: u32,
    },
    /// Every number that calls can be made from has made as many as it may today.
    CallerIdCap {
        until_ms: i64,
    },
    /// What the flow needs is missing in the contact, or the number cannot be dialled.
    CannotDial {
        why: String,
    },
    /// A person took it out.
    ExcludedBy {
        who: String,
        at_ms: i64,
    },
    /// It is being called.
    Calling,
    /// It is done, and what came of it.
    Done {
        outcome: Outcome,
    },
}

impl Reason {
    /// Which rule it is.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.into()
    }
}

/// Whom a rule that makes wait holds back alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// This contact.
    Contact,
    /// All contacts of its zone.
    Zone,
    /// The whole campaign.
    Campaign,
}

impl Rule {
    /// Whom it holds back when it makes a contact wait.
    #[must_use]
    pub const fn extent(self) -> Extent {
        match self {
            Self::OutsideWindow | Self::Holiday | Self::ZoneUnknown => Extent::Zone,
            Self::NotStarted
            | Self::Paused
            | Self::Draining
            | Self::Stopped
            | Self::BudgetDay
            | Self::BudgetTotal
            | Self::CallerIdCap => Extent::Campaign,
            Self::Due
            | Self::DoNotCall
            | Self::Suppressed
            | Self::NoConsent
            | Self::CapDay
            | Self::CapTotal
            | Self::RetryWait
            | Self::CallbackAt
            | Self::CannotDial
            | Self::ExcludedBy
            | Self::Calling
            | Self::Done => Extent::Contact,
        }
    }

    /// Its name in tables and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The rule of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::iter().find(|rule| rule.as_str() == name)
    }
}

/// An entry of a do-not-call list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub scope: Scope,
    /// Unknown for patterns.
    pub since_ms: Option<i64>,
}

/// Which list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Of the whole server: its owner asked never to be called again, or somebody put it there.
    All,
    /// A pattern of this campaign.
    Pattern,
}
