//! A contact of a campaign as Kore's status of it shows it.

use callcore::call::HangupBy;
use callcore::campaign::Outcome;
use serde::Serialize;
use utoipa::ToSchema;

/// A contact, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KoreCampaignContact)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CampaignContact {
    /// Digits with the country's code.
    pub(crate) phone_number: String,
    /// The contact's `uniqueId`; empty without one.
    pub(crate) unique_id: String,
    /// `completed`: the last call was answered. Else our word for it: `busy`, `no_answer`, `declined`, `no_such_number`,
    /// `network_fault`, `lost`, `cancelled`, `not_dialled`, `impossible`. Empty before the first call.
    #[schema(value_type = String)]
    pub(crate) dialer_outcome: &'static str,
    /// What came of the last call, as in `docs/campaigns.md`.
    #[schema(value_type = Option<String>)]
    pub(crate) dialer_outcome_detail: Option<&'static str>,
    pub(crate) number_of_attempts_so_far: i64,
    /// The last call; empty before the first.
    pub(crate) bot_session_id: String,
    /// Always empty: there are no agents.
    pub(crate) agent_disposition_codes: Vec<String>,
    /// `userHangUp` or `agentHangUp`: who ended the last call that was answered; empty when that is not known.
    #[schema(value_type = String)]
    pub(crate) bot_outbound_status: &'static str,
    pub(crate) bot_outbound_status_detail: String,
    /// `waiting`, `calling`, `done`, `exhausted` or `excluded`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// The rule that decided last: why it is not called now.
    #[schema(value_type = String)]
    pub(crate) rule: &'static str,
}

/// Who ended a call that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HungUp {
    User,
    Bot,
    Unknown,
}

impl HungUp {
    /// By the carrier's record of the call.
    pub(crate) const fn of(by: Option<HangupBy>) -> Self {
        match by {
            Some(HangupBy::Callee) => Self::User,
            Some(HangupBy::Caller) => Self::Bot,
            None => Self::Unknown,
        }
    }

    /// Kore's word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::User => "userHangUp",
            Self::Bot => "agentHangUp",
            Self::Unknown => "",
        }
    }
}

/// What came of a call, in a word of Kore's where it documents one, else in ours.
pub(crate) fn dialer_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::HeardToTheEnd
        | Outcome::HungUpEarly
        | Outcome::Unclear
        | Outcome::Answered
        | Outcome::Callback
        | Outcome::OptedOut
        | Outcome::VoicemailLeft
        | Outcome::VoicemailUnheard
        | Outcome::NetworkMailbox
        | Outcome::Screening
        | Outcome::Ivr
        | Outcome::Fax => "completed",
        Outcome::Busy
        | Outcome::NoAnswer
        | Outcome::Declined
        | Outcome::NoSuchNumber
        | Outcome::NetworkFault
        | Outcome::Lost
        | Outcome::Cancelled
        | Outcome::NotDialled
        | Outcome::Impossible => outcome.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_completed_and_the_rest_has_its_name() {
        assert_eq!(dialer_outcome(Outcome::HungUpEarly), "completed");
        assert_eq!(dialer_outcome(Outcome::Busy), "busy");
        assert_eq!(dialer_outcome(Outcome::NoAnswer), "no_answer");
    }

    #[test]
    fn who_hung_up_is_told_as_the_carrier_recorded_it() {
        assert_eq!(HungUp::of(Some(HangupBy::Callee)).word(), "userHangUp");
        assert_eq!(HungUp::of(Some(HangupBy::Caller)).word(), "agentHangUp");
        assert_eq!(HungUp::of(None).word(), "");
    }
}
