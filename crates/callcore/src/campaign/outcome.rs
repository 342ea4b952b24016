//! What came of an attempt, by who answered and not by the disposition alone.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::amd::{EventKind, Subtype};
use crate::call::{Disposition, HangupBy};

/// What came of an attempt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr, EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// A person answered, and the flow came to its end.
    HeardToTheEnd,
    /// A person answered and hung up before the flow came to its end.
    HungUpEarly,
    /// Somebody answered and was not told to be a person or a machine.
    Unclear,
    /// The call was answered; detection was off.
    Answered,
    /// The callee asked to be called later.
    Callback,
    /// The callee asked never to be called again.
    OptedOut,
    /// The message was left in a mailbox, after its beep and to its end.
    VoicemailLeft,
    /// A mailbox answered, and nothing was left.
    VoicemailUnheard,
    /// The network answered: an announcement, or a mailbox that takes no message.
    NetworkMailbox,
    /// An assistant asked who calls.
    Screening,
    /// A menu of keys, or a queue.
    Ivr,
    Fax,
    Busy,
    NoAnswer,
    /// The callee, or their telephone for them, turned the call down.
    Declined,
    /// There is no such number.
    NoSuchNumber,
    /// The network or the carrier could not connect the call.
    NetworkFault,
    /// The connection to the carrier was lost, or the server stopped, in the middle of the call.
    Lost,
    /// Somebody, or the campaign, ended the call before it was answered.
    Cancelled,
    /// It was reserved and never dialled: there was no line in time.
    NotDialled,
    /// What the call needs, such as its flow or its trunk, is not there.
    Impossible,
}

/// A call that is over, as it stands in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedCall<'a> {
    pub disposition: Option<Disposition>,
    /// Hang-up cause, see [`crate::call::cause`].
    pub cause: u16,
    pub answered: bool,
    pub verdict: Option<EventKind>,
    pub subtype: Option<Subtype>,
    /// The flow's word for how it went, or the engine's.
    pub outcome: Option<&'a str>,
    pub message_left: bool,
    pub hung_up_by: Option<HangupBy>,
    /// The callee came on the do-not-call list in this call.
    pub opted_out: bool,
    /// The callee said when to call again.
    pub callback: bool,
}

/// Outcomes of calls that the engine itself gives.
const LOST: [&str; 2] = ["carrier_lost", "server_stopped"];

impl Outcome {
    /// What came of `call`.
    #[must_use]
    pub fn of(call: &EndedCall<'_>) -> Self {
        if call.opted_out {
            return Self::OptedOut;
        }
        if call.answered { Self::of_answered(call) } else { Self::of_unanswered(call) }
    }

    fn of_answered(call: &EndedCall<'_>) -> Self {
        if call.callback {
            return Self::Callback;
        }
        if call.outcome.is_some_and(|outcome| LOST.contains(&outcome)) {
            return Self::Lost;
        }
        match (call.subtype, call.verdict) {
            (Some(Subtype::Network), _) => Self::NetworkMailbox,
            _ if call.message_left => Self::VoicemailLeft,
            (Some(Subtype::Unavailable), _) => Self::NetworkMailbox,
            (Some(Subtype::Screening), _) => Self::Screening,
            (Some(Subtype::Ivr), _) => Self::Ivr,
            (Some(Subtype::Fax), _) => Self::Fax,
            (Some(Subtype::Voicemail), _)
            | (None, Some(EventKind::MachineDetected | EventKind::ToneDetected)) => Self::VoicemailUnheard,
            (Some(Subtype::Human), _) | (None, Some(EventKind::HumanDetected)) => by_who_hung_up(call),
            (None, Some(_)) => Self::Unclear,
            (None, None) => Self::Answered,
        }
    }

    fn of_unanswered(call: &EndedCall<'_>) -> Self {
        match call.outcome {
            Some("do_not_call") => return Self::OptedOut,
            Some("cancelled") => return Self::Cancelled,
            Some("expired") => return Self::NotDialled,
            Some("impossible") => return Self::Impossible,
            // Whatever the carrier says of how it ended: that was our doing.
            Some(outcome) if LOST.contains(&outcome) => return Self::Lost,
            Some(_) | None => {}
        }
        match (call.disposition, call.cause) {
            (_, 1 | 3 | 22 | 28) => Self::NoSuchNumber,
            (_, 21) => Self::Declined,
            (Some(Disposition::Busy), _) | (_, 17) => Self::Busy,
            (Some(Disposition::NoAnswer), _) | (_, 18..=20) => Self::NoAnswer,
            (Some(Disposition::Cancel), _) => Self::Cancelled,
            _ => Self::NetworkFault,
        }
    }

    /// Its name in tables, on the wire and in catalogues of words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The outcome of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        use strum::IntoEnumIterator;
        Self::iter().find(|outcome| outcome.as_str() == name)
    }

    /// Whether somebody or something answered.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        match self {
            Self::HeardToTheEnd
            | Self::HungUpEarly
            | Self::Unclear
            | Self::Answered
            | Self::Callback
            | Self::OptedOut
            | Self::VoicemailLeft
            | Self::VoicemailUnheard
            | Self::NetworkMailbox
            | Self::Screening
            | Self::Ivr
            | Self::Fax
            | Self::Lost => true,
            Self::Busy
            | Self::NoAnswer
            | Self::Declined
            | Self::NoSuchNumber
            | Self::NetworkFault
            | Self::Cancelled
            | Self::NotDialled
            | Self::Impossible => false,
        }
    }

    /// Whether a person was on the line.
    #[must_use]
    pub const fn is_person(self) -> bool {
        matches!(self, Self::HeardToTheEnd | Self::HungUpEarly | Self::Callback | Self::OptedOut)
    }

    /// Whether the network is to blame, so that more of it means to slow down. What our own stop cut off is not its fault, and a carrier
    /// out of reach holds calls back by itself.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::NetworkFault)
    }

    /// Whether the contact's telephone was, or may have been, asked to ring: what caps count.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::NotDialled | Self::Impossible)
    }
}

fn by_who_hung_up(call: &EndedCall<'_>) -> Outcome {
    if call.hung_up_by == Some(HangupBy::Caller) { Outcome::HeardToTheEnd } else { Outcome::HungUpEarly }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: EndedCall<'static> = EndedCall {
        disposition: Some(Disposition::Answered),
        cause: 16,
        answered: true,
        verdict: None,
        subtype: None,
        outcome: None,
        message_left: false,
        hung_up_by: None,
        opted_out: false,
        callback: false,
    };

    #[test]
    fn who_answered_decides_and_not_that_somebody_did() {
        let human =
            EndedCall { verdict: Some(EventKind::HumanDetected), subtype: Some(Subtype::Human), ..CALL };
        let machine =
            |subtype| EndedCall { verdict: Some(EventKind::MachineDetected), subtype: Some(subtype), ..CALL };
        for (call, outcome) in [
            (EndedCall { hung_up_by: Some(HangupBy::Caller), ..human }, Outcome::HeardToTheEnd),
            (EndedCall { hung_up_by: Some(HangupBy::Callee), ..human }, Outcome::HungUpEarly),
            (EndedCall { opted_out: true, ..human }, Outcome::OptedOut),
            (EndedCall { callback: true, ..human }, Outcome::Callback),
            (EndedCall { outcome: Some("carrier_lost"), ..human }, Outcome::Lost),
            (machine(Subtype::Voicemail), Outcome::VoicemailUnheard),
            (EndedCall { message_left: true, ..machine(Subtype::Voicemail) }, Outcome::VoicemailLeft),
            (machine(Subtype::Network), Outcome::NetworkMailbox),
            (machine(Subtype::Unavailable), Outcome::NetworkMailbox),
            (machine(Subtype::Ivr), Outcome::Ivr),
            (machine(Subtype::Screening), Outcome::Screening),
            (EndedCall { verdict: Some(EventKind::ToneDetected), ..CALL }, Outcome::VoicemailUnheard),
            (EndedCall { verdict: Some(EventKind::NoSpeechDetected), ..CALL }, Outcome::Unclear),
            (CALL, Outcome::Answered),
        ] {
            assert_eq!(Outcome::of(&call), outcome, "{call:?}");
        }
    }

    #[test]
    fn a_call_that_nobody_answered_says_why() {
        let unanswered =
            |disposition, cause| EndedCall { disposition: Some(disposition), cause, answered: false, ..CALL };
        for (call, outcome) in [
            (unanswered(Disposition::Busy, 17), Outcome::Busy),
            (unanswered(Disposition::NoAnswer, 19), Outcome::NoAnswer),
            (unanswered(Disposition::Failed, 21), Outcome::Declined),
            (unanswered(Disposition::Failed, 1), Outcome::NoSuchNumber),
            (unanswered(Disposition::Failed, 38), Outcome::NetworkFault),
            (unanswered(Disposition::Cancel, 16), Outcome::Cancelled),
        ] {
            assert_eq!(Outcome::of(&call), outcome, "{call:?}");
        }
        for (word, outcome) in [
            ("expired", Outcome::NotDialled),
            ("do_not_call", Outcome::OptedOut),
            ("impossible", Outcome::Impossible),
            ("cancelled", Outcome::Cancelled),
        ] {
            let call = EndedCall { outcome: Some(word), ..unanswered(Disposition::Failed, 102) };
            assert_eq!(Outcome::of(&call), outcome, "{word}");
        }
        for disposition in [Disposition::Failed, Disposition::Cancel] {
            let stopped = EndedCall { outcome: Some("server_stopped"), ..unanswered(disposition, 16) };
            assert_eq!(Outcome::of(&stopped), Outcome::Lost);
        }
    }
}
