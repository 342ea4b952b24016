//! What a campaign tells the outside when something becomes of it.

use serde::Serialize;
use utoipa::ToSchema;

use super::campaigns::CampaignState;

/// What became of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::EnumIter)]
pub enum CampaignEvent {
    #[serde(rename = "campaign.launched")]
    #[strum(serialize = "campaign.launched")]
    Launched,
    #[serde(rename = "campaign.paused")]
    #[strum(serialize = "campaign.paused")]
    Paused,
    #[serde(rename = "campaign.resumed")]
    #[strum(serialize = "campaign.resumed")]
    Resumed,
    /// It begins no calls any more, and ends with those under way.
    #[serde(rename = "campaign.draining")]
    #[strum(serialize = "campaign.draining")]
    Draining,
    /// Somebody ended it, or it ended after it was draining.
    #[serde(rename = "campaign.stopped")]
    #[strum(serialize = "campaign.stopped")]
    Stopped,
    /// Everybody was called, or its time is over.
    #[serde(rename = "campaign.done")]
    #[strum(serialize = "campaign.done")]
    Done,
    /// Too many calls failed by a fault of the network, so nobody is dialled for a while.
    #[serde(rename = "campaign.breaker_opened")]
    #[strum(serialize = "campaign.breaker_opened")]
    BreakerOpened,
    /// It dials again.
    #[serde(rename = "campaign.breaker_closed")]
    #[strum(serialize = "campaign.breaker_closed")]
    BreakerClosed,
    /// The minutes of the day, or all of them, are used up.
    #[serde(rename = "campaign.budget_reached")]
    #[strum(serialize = "campaign.budget_reached")]
    BudgetReached,
}

impl CampaignEvent {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Which minutes are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    Day,
    All,
}

/// What the loop behind campaigns has seen of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampaignNews {
    /// Its breaker is open, until then at least: ms since 1970.
    BreakerOpened {
        until_ms: i64,
    },
    BreakerClosed,
    /// The minutes of the day that began at `day_ms`, or, with `None`, of all days are used up.
    BudgetReached {
        day_ms: Option<i64>,
        used_minutes: u32,
        of: u32,
    },
}

impl CampaignNews {
    pub(in crate::store) const fn event(self) -> CampaignEvent {
        match self {
            Self::BreakerOpened { .. } => CampaignEvent::BreakerOpened,
            Self::BreakerClosed => CampaignEvent::BreakerClosed,
            Self::BudgetReached { .. } => CampaignEvent::BudgetReached,
        }
    }
}

/// The body of a notification about a campaign. Times are ISO 8601, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CampaignNotice<'n> {
    /// `campaign.launched`, `.paused`, `.resumed`, `.draining`, `.stopped`, `.done`, `.breaker_opened`, `.breaker_closed` or
    /// `.budget_reached`.
    #[schema(value_type = String, example = "campaign.paused")]
    pub(in crate::store) event: CampaignEvent,
    pub(in crate::store) campaign_id: &'n str,
    pub(in crate::store) name: &'n str,
    /// As it is after the event.
    #[schema(value_type = String, example = "paused")]
    pub(in crate::store) state: CampaignState,
    pub(in crate::store) revision: i64,
    /// Counts the notifications of the campaign, from 1 without gaps.
    #[schema(minimum = 1)]
    pub(in crate::store) sequence: i64,
    #[schema(format = DateTime)]
    pub(in crate::store) at: String,
    /// Who did it; `server` when nobody had to.
    pub(in crate::store) by: &'n str,
    /// Where its contacts stand.
    pub(in crate::store) contacts: NoticeContacts,
    /// Only when a breaker opens: when one call is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(in crate::store) until: Option<String>,
    /// Only when minutes are used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) budget: Option<NoticeBudget>,
}

impl CampaignNotice<'static> {
    /// An example, for those who try a receiver.
    pub(crate) fn example(event: CampaignEvent, at: &str) -> Self {
        let state = match event {
            CampaignEvent::Paused => CampaignState::Paused,
            CampaignEvent::Draining => CampaignState::Draining,
            CampaignEvent::Stopped => CampaignState::Stopped,
            CampaignEvent::Done => CampaignState::Done,
            CampaignEvent::Launched
            | CampaignEvent::Resumed
            | CampaignEvent::BreakerOpened
            | CampaignEvent::BreakerClosed
            | CampaignEvent::BudgetReached => CampaignState::Running,
        };
        let contacts =
            NoticeContacts { total: 100, waiting: 60, calling: 2, done: 30, exhausted: 5, excluded: 3 };
        let budget = NoticeBudget { kind: BudgetKind::Day, used_minutes: 500, of: 500 };
        Self {
            event,
            campaign_id: "dering-test",
            name: "dering webhook test",
            state,
            revision: 1,
            sequence: 1,
            at: at.to_owned(),
            by: "dering webhook test",
            contacts,
            until: (event == CampaignEvent::BreakerOpened).then(|| at.to_owned()),
            budget: (event == CampaignEvent::BudgetReached).then_some(budget),
        }
    }
}

/// Contacts by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
#[schema(as = CampaignNoticeContacts)]
pub(crate) struct NoticeContacts {
    total: i64,
    waiting: i64,
    calling: i64,
    done: i64,
    exhausted: i64,
    excluded: i64,
}

impl NoticeContacts {
    /// Whoever waits is called no more: their places are closed right after the campaign.
    pub(crate) fn close(&mut self) {
        self.excluded += std::mem::take(&mut self.waiting);
    }
}

/// Minutes that are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignNoticeBudget)]
pub(crate) struct NoticeBudget {
    /// Those of the campaign's day, or all of them.
    pub(in crate::store) kind: BudgetKind,
    pub(in crate::store) used_minutes: u32,
    pub(in crate::store) of: u32,
}
