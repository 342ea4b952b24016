//! What reports of campaigns are made of.

use sqlx::FromRow;

use super::campaigns::PlaceRow;

/// What attempts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Facet {
    /// The hour of the week on the contact's clock, 0 to 167 from Monday; empty where nobody knows the zone.
    WeekHour,
    /// Which attempt at the contact it was, from 1.
    Nth,
    Trunk,
    /// The contact's list, by id; empty when it is gone.
    List,
}

impl Facet {
    /// Its name in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Attempts with one value of a facet and one outcome.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct FacetCount {
    pub facet: String,
    pub value: String,
    pub outcome: String,
    pub attempts: i64,
    pub minutes: i64,
}

/// Calls that a person answered, dialled in a quarter of an hour.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct FirstWordCount {
    /// When the quarter began, ms since 1970.
    pub quarter_ms: i64,
    /// A [`Promptness`](callcore::campaign::Promptness) by its name.
    pub first_word: String,
    pub calls: i64,
}

/// Contacts whose call a person answered, with the usual version or that on trial.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReachedCount {
    pub canary: bool,
    pub contacts: i64,
}

/// A contact of a campaign with its calls.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceLine {
    pub place: PlaceRow,
    pub last_call_ms: Option<i64>,
    pub last_call_id: Option<String>,
    /// Of all its calls, from answer to end, each rounded up.
    pub minutes: i64,
}

/// Where a list of attempts goes on: behind this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptPlace {
    pub at_ms: i64,
    pub id: i64,
}

/// An attempt with its contact and its call.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AttemptLine {
    pub id: i64,
    pub number: String,
    pub name: Option<String>,
    pub external_id: Option<String>,
    /// The list the contact came from, while it is there.
    pub list: Option<String>,
    /// The contact's own zone.
    pub zone: Option<String>,
    /// Which attempt at the contact it was, from 1; one at which no telephone rang has no place among them.
    pub nth: Option<i64>,
    pub at_ms: i64,
    pub ended_ms: Option<i64>,
    pub revision: i64,
    pub flow: String,
    pub flow_digest: String,
    pub canary: bool,
    pub trunk: String,
    pub caller: Option<String>,
    pub outcome: Option<String>,
    pub verdict: Option<String>,
    pub subtype: Option<String>,
    /// A [`Promptness`](callcore::campaign::Promptness) by its name, where a person answered.
    pub promptness: Option<String>,
    pub minutes: i64,
    pub call_id: String,
}
