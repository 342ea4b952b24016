//! How far attempts came, all of them and by what they have in common.

use callcore::campaign::{Outcome, Tally};
use serde::Serialize;
use utoipa::ToSchema;

/// From attempts to those who heard all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignFunnel)]
pub(crate) struct Funnel {
    /// Attempts that are over.
    pub(crate) attempts: i64,
    /// Somebody or something answered.
    pub(crate) answered: i64,
    /// A person did.
    pub(crate) people: i64,
    /// A person came to the end of the flow.
    pub(crate) heard_to_the_end: i64,
    /// A message was left on a machine.
    pub(crate) messages_left: i64,
    pub(crate) opted_out: i64,
}

impl From<Tally> for Funnel {
    fn from(tally: Tally) -> Self {
        Self {
            attempts: tally.attempts.cast_signed(),
            answered: tally.answered.cast_signed(),
            people: tally.people.cast_signed(),
            heard_to_the_end: tally.heard_to_the_end.cast_signed(),
            messages_left: tally.messages_left.cast_signed(),
            opted_out: tally.opted_out.cast_signed(),
        }
    }
}

/// Adds attempts as a table has them: what another version wrote and this one does not know is left out.
pub(super) fn add(tally: &mut Tally, outcome: &str, attempts: i64, minutes: i64) {
    if let Some(outcome) = Outcome::named(outcome) {
        tally.count(outcome, attempts.max(0).cast_unsigned(), minutes.max(0).cast_unsigned());
    }
}

/// Attempts with an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignOutcomeCount)]
pub(crate) struct OutcomeCount {
    pub(crate) outcome: String,
    pub(crate) attempts: i64,
}

/// Attempts in an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignHourCount)]
pub(crate) struct HourCount {
    /// When the hour began, UTC.
    #[schema(format = DateTime)]
    pub(crate) hour: String,
    #[serde(skip)]
    pub(crate) hour_ms: i64,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

/// Attempts in an hour of the week, by the clock of each contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignWeekHourCount)]
pub(crate) struct WeekHourCount {
    /// `mon` to `sun`; `null`: nobody knows the zone of these contacts, or an older version made the calls.
    pub(crate) weekday: Option<&'static str>,
    /// When the hour begins, 0 to 23.
    pub(crate) hour: Option<u32>,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

/// Attempts that were the first, the second … at their contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignNthCount)]
pub(crate) struct NthCount {
    pub(crate) attempt: i64,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

/// Attempts over a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignTrunkCount)]
pub(crate) struct TrunkCount {
    pub(crate) trunk: String,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

/// Attempts at the contacts of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignListCount)]
pub(crate) struct ListCount {
    /// `null`: the list is gone.
    pub(crate) list_id: Option<String>,
    pub(crate) name: Option<String>,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}

/// Attempts with a version of the flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignVersionCount)]
pub(crate) struct VersionCount {
    pub(crate) flow_digest: String,
    /// It was on trial.
    pub(crate) canary: bool,
    #[serde(flatten)]
    pub(crate) funnel: Funnel,
}
