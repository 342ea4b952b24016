//! Scopes: what an app, a token or a key allows its holder. Their names are part of tokens, of the API and of the database.

use std::fmt;
use std::str::FromStr;

use utoipa::ToSchema;

/// What somebody may do.
#[derive(ToSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Dials out and has to do with the calls that it asked for.
    #[schema(rename = "SmartAssist Dialout")]
    Dialout,
    /// Reads, and changes nothing.
    #[schema(rename = "read")]
    Read,
    /// Uploads flows and decides which version runs.
    #[schema(rename = "flows")]
    Flows,
    /// Runs campaigns.
    #[schema(rename = "campaigns")]
    Campaigns,
    /// Decides who may do what.
    #[schema(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 5] = [Self::Dialout, Self::Read, Self::Flows, Self::Campaigns, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dialout => "SmartAssist Dialout",
            Self::Read => "read",
            Self::Flows => "flows",
            Self::Campaigns => "campaigns",
            Self::Admin => "admin",
        }
    }

    /// Those of these names that are scopes. A name that is none allows nothing.
    pub(super) fn known(names: &[String]) -> Vec<Self> {
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}

/// A name that is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such scope")]
pub struct NoScope;

impl FromStr for Scope {
    type Err = NoScope;

    fn from_str(name: &str) -> Result<Self, NoScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or(NoScope)
    }
}
