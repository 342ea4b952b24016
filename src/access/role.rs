//! Roles: what somebody who signs in may do. Their names are part of the API and of the database.

use std::str::FromStr;

use utoipa::ToSchema;

use super::scope::Scope;

/// What somebody may do.
#[derive(ToSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[schema(rename_all = "snake_case")]
pub enum Role {
    /// Looks, and changes nothing; sees numbers masked.
    #[default]
    Viewer,
    /// Runs campaigns: places and ends calls, keeps contacts and the do-not-call list.
    CampaignManager,
    /// Uploads flows and decides which version runs.
    FlowAuthor,
    /// All of it, and decides who may do what.
    Admin,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::CampaignManager, Self::FlowAuthor, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::CampaignManager => "campaign_manager",
            Self::FlowAuthor => "flow_author",
            Self::Admin => "admin",
        }
    }

    /// What it holds. None may dial out as client apps do: the webhooks of such calls are signed with an app's secret.
    #[must_use]
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Viewer => &[Scope::Read],
            Self::CampaignManager => &[Scope::Read, Scope::Campaigns],
            Self::FlowAuthor => &[Scope::Read, Scope::Flows],
            Self::Admin => &[Scope::Read, Scope::Campaigns, Scope::Flows, Scope::Admin],
        }
    }

    /// Whether it sees the numbers of people whole.
    #[must_use]
    pub const fn sees_numbers(self) -> bool {
        !matches!(self, Self::Viewer)
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().to_owned()
    }
}

/// A name that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such role; there are viewer, campaign_manager, flow_author and admin")]
pub struct NoRole;

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(name: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or(NoRole)
    }
}
