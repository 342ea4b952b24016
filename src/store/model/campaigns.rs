//! Campaigns, their places and attempts.

use std::sync::Arc;

use callcore::amd::{EventKind, Subtype};
use callcore::call::{Disposition, HangupBy};
use callcore::campaign::{FirstWord, Outcome, Reason, Rules, Settings};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;

use super::dialout::NewDialOut;

/// How far a campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CampaignState {
    /// It is being written.
    Draft,
    /// Its pre-flight is of the revision that stands.
    Ready,
    Running,
    Paused,
    /// It begins no calls any more, and lets those under way end.
    Draining,
    /// Everybody was called, or its time is over.
    Done,
    /// Somebody stopped it.
    Stopped,
}

impl CampaignState {
    /// Whether it has ended for good.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Stopped)
    }

    /// Whether it was launched and has not ended.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Draining)
    }
}

/// Where a contact of a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum PlaceState {
    /// It is called when its minute comes.
    Waiting,
    /// A call is reserved or under way.
    Calling,
    Done,
    /// It was tried as often as it may be.
    Exhausted,
    /// A rule keeps it from being called at all.
    Excluded,
}

macro_rules! named {
    ($($state:ident),+) => {
        $(impl $state {
            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        })+
    };
}

named!(CampaignState, PlaceState);

/// A campaign as it is kept. Times are ms since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignRow {
    pub id: String,
    pub name: String,
    /// Under which name its calls are kept; an app's secret signs their webhooks.
    pub app_id: String,
    pub state: CampaignState,
    /// From 1; each change of the settings is one.
    pub revision: i64,
    /// The revision by which places that a rule had stopped were looked at anew.
    pub decided_revision: i64,
    pub settings: Settings,
    pub author: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// What the last pre-flight found, and of which revision.
    pub preflight: Option<Value>,
    pub preflight_revision: Option<i64>,
    pub launched_ms: Option<i64>,
    pub launched_by: Option<String>,
    /// What the one who launched it stated on consent.
    pub consent: Option<String>,
    pub running_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

/// A campaign to be kept, as a draft.
#[derive(Clone, Debug)]
pub struct NewCampaign {
    pub name: String,
    pub app_id: String,
    pub settings: Settings,
}

/// A change of a campaign that its author saw at `revision`.
#[derive(Clone, Debug)]
pub struct CampaignChange {
    pub revision: i64,
    pub name: Option<String>,
    pub settings: Settings,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    Done(Box<CampaignRow>),
    /// Somebody else changed it meanwhile: this is how it stands.
    Stale(Box<CampaignRow>),
    /// Its state does not allow it.
    Refused(CampaignState),
    Unknown,
}

/// A step in the life of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// From ready to running; who answers for the contacts' consent, and in which words.
    Launch {
        revision: i64,
        consent: String,
    },
    Pause,
    Resume,
    /// No new calls; those under way end by themselves.
    Drain,
    /// The same, and calls under way are ended.
    Stop,
    /// Everybody was called, or its time is over.
    Finish,
}

/// One revision of the settings.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionRow {
    pub revision: i64,
    pub settings: Settings,
    pub author: String,
    pub at_ms: i64,
}

/// A contact of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceRow {
    pub id: i64,
    pub campaign_id: String,
    pub contact_id: i64,
    /// As it is dialled.
    pub number: String,
    pub digits: String,
    pub zone: Option<String>,
    pub state: PlaceState,
    /// When it is looked at next; has no meaning unless it waits.
    pub due_ms: i64,
    pub reason: Reason,
    /// Attempts that count, one under way among them.
    pub attempts: i64,
    /// What came of the last attempt.
    pub outcome: Option<Outcome>,
    pub changed_ms: i64,
    /// What its list says of it.
    pub name: Option<String>,
    pub external_id: Option<String>,
    pub variables: Value,
    pub consent_ms: Option<i64>,
}

/// A place that is to be called now, with the call as it would be written down.
#[derive(Clone, Debug)]
pub struct Reservation {
    pub place_id: i64,
    /// When the contact's day began, for the cap by the day.
    pub day_begin_ms: i64,
    /// From which number it would be called.
    pub caller: Option<String>,
    /// Whether it runs the version on trial.
    pub canary: bool,
    pub flow_digest: String,
    pub call: Prepared,
}

/// The call of a place.
#[derive(Clone, Debug)]
pub enum Prepared {
    Ready(Box<NewDialOut>),
    /// This contact cannot be called; a sentence says why.
    Impossible {
        why: String,
    },
    /// It was not prepared, because a rule stops it.
    Stopped,
}

/// Places to be called, and what they are decided by.
#[derive(Clone, Debug)]
pub struct Reserve {
    pub campaign_id: String,
    pub revision: i64,
    pub rules: Arc<Rules>,
    pub now_ms: i64,
    pub places: Vec<Reservation>,
}

/// What became of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The call is planned for now.
    Dialling { call_id: String },
    /// A rule stopped it; it waits until then.
    Waits { until_ms: Option<i64>, reason: Reason },
    /// It will not be called.
    Excluded(Reason),
    /// The campaign, the place or the caller id has changed since it was looked at.
    Missed,
}

/// Counts that a campaign's rules look at. Days are the campaign's own, and that of UTC for caller ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub minutes_today: u32,
    pub minutes_in_all: u32,
    /// Calls reserved or under way.
    pub calling: u32,
    /// Calls from each caller id on this day, in the order asked for.
    pub callers_today: Vec<u32>,
}

/// An attempt whose call is over and that is not settled yet.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedAttempt {
    pub id: i64,
    pub campaign_id: String,
    pub place_id: i64,
    pub call_id: String,
    pub at_ms: i64,
    pub zone: Option<String>,
    pub trunk: String,
    /// `None`: the list is gone.
    pub list_id: Option<String>,
    pub ended_ms: i64,
    pub answered_ms: Option<i64>,
    pub disposition: Option<Disposition>,
    pub cause: u16,
    pub verdict: Option<EventKind>,
    pub subtype: Option<Subtype>,
    pub outcome: Option<String>,
    pub message_left: bool,
    pub hung_up_by: Option<HangupBy>,
    pub opted_out: bool,
    /// How often each outcome came for its place before.
    pub before: Vec<(Outcome, u32)>,
}

/// What came of an attempt, and what becomes of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub attempt: i64,
    pub place_id: i64,
    pub campaign_id: String,
    pub outcome: Outcome,
    pub at_ms: i64,
    pub ended_ms: i64,
    pub trunk: String,
    pub list_id: Option<String>,
    /// On the contact's clock when it was dialled: 0 to 167 from Monday; `None` where nobody knows its zone.
    pub week_hour: Option<u32>,
    /// Which attempt at the contact it was, from 1; `None` when it counts as none.
    pub nth: Option<u32>,
    /// When the bot spoke, if a person answered.
    pub first_word: Option<FirstWord>,
    /// From answer to end, rounded up.
    pub minutes: i64,
    /// The campaign's own day of the attempt began then.
    pub day_ms: i64,
    pub state: PlaceState,
    pub due_ms: i64,
    pub reason: Reason,
}

/// How many places have been decided by a rule.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PlaceCount {
    pub state: String,
    pub rule: String,
    pub places: i64,
}

/// Attempts of one hour, version and outcome.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AttemptCount {
    pub hour_ms: i64,
    pub canary: bool,
    pub flow_digest: String,
    /// Empty: under way.
    pub outcome: String,
    pub attempts: i64,
    pub minutes: i64,
}

/// One attempt at a place.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PlaceAttemptRow {
    pub call_id: String,
    pub caller: Option<String>,
    pub revision: i64,
    pub flow_digest: String,
    pub canary: bool,
    pub at_ms: i64,
    pub ended_ms: Option<i64>,
    pub outcome: Option<String>,
    pub minutes: i64,
}

/// Which places of a campaign to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceFilter {
    pub state: Option<PlaceState>,
    pub rule: Option<String>,
    pub outcome: Option<Outcome>,
    /// A part of the number's digits, three or more.
    pub digits: Option<String>,
    /// Behind this place.
    pub after: Option<i64>,
    /// Without so many at the beginning.
    pub skip: i64,
}

/// How many contacts or places a zone has.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ZoneCount {
    pub zone: Option<String>,
    pub places: i64,
}

/// Whom a campaign does not call, beside those on the do-not-call list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// Beginnings of digits.
    pub never_call: Vec<String>,
    /// Ids of lists.
    pub suppression_lists: Vec<String>,
    /// Those without a consent given after it.
    pub consent_since_ms: Option<i64>,
}

/// How a place is decided for all places of a zone at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneVerdict {
    pub zone: Option<String>,
    pub state: PlaceState,
    pub due_ms: i64,
    pub reason: Reason,
}

/// A value as a column of JSON has it.
pub(in crate::store) fn column<T: Serialize>(value: &T) -> Json<Value> {
    Json(serde_json::to_value(value).unwrap_or_default())
}
