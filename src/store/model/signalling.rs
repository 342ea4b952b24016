//! What went to and fro in a call over SIP, and how its audio was.

use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;

/// The same of a call that is over, to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Signalling {
    /// As the trunk names the call.
    pub session_id: String,
    /// When the call was over, ms since 1970.
    pub at_ms: i64,
    /// Our address for SIP.
    pub own: String,
    pub messages: Vec<SipMessageRow>,
    /// Messages that were not kept, between the first and the last ones.
    pub left_out: i64,
    /// `None` where no audio was agreed on.
    pub audio: Option<RtpFigures>,
}

/// A message, without what is secret.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SipMessageRow {
    /// ms since 1970.
    pub at_ms: i64,
    pub is_ours: bool,
    /// The other end's address and port, where it is known.
    pub peer: Option<String>,
    pub text: String,
}

/// How the audio of a call was: what we received, and what the peer reported of ours.
#[derive(Clone, Debug, Default, PartialEq, FromRow)]
pub struct RtpFigures {
    /// Packets.
    pub received: i64,
    pub lost: i64,
    pub late: i64,
    /// Datagrams of others at the ports of the call.
    pub strangers: i64,
    /// Interarrival jitter at the end (RFC 3550, section 6.4.1).
    pub jitter_ms: f64,
    /// Estimated mean opinion score, 1 to 4.4; `None` of too few packets.
    pub score: Option<f64>,
    /// The longest time in which the answered call was to hear something and nothing came.
    pub longest_silence_ms: i64,
    /// Packets of ours that the peer missed.
    pub peer_lost: Option<i64>,
    pub peer_jitter_ms: Option<f64>,
    pub round_trip_ms: Option<f64>,
    /// Whether ours came to the peer, by its last report; `None` where it has not reported.
    pub arrives: Option<bool>,
}

/// What the figures of a call's audio say is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AudioFault {
    /// Nothing of the other side came.
    NothingCame,
    /// Nothing of ours came to the other side, by its reports.
    NothingArrived,
    /// For five seconds and longer nothing came of a call that was answered and not held.
    Silence,
    /// More than 3 % did not come, or came too late to be heard.
    Loss,
    /// Packets came at times that differ by more than 50 ms.
    Jitter,
}

impl AudioFault {
    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingCame => "nothing_came",
            Self::NothingArrived => "nothing_arrived",
            Self::Silence => "silence",
            Self::Loss => "loss",
            Self::Jitter => "jitter",
        }
    }
}

/// So long without a packet is told, ms.
const SILENCE_MS: i64 = 5_000;
/// From this share on losses are told.
const LOSS: f64 = 0.03;
const JITTER_MS: f64 = 50.0;

impl RtpFigures {
    /// The share of packets that were not heard, 0 to 1.
    #[must_use]
    pub fn missed(&self) -> f64 {
        (self.lost + self.late) as f64 / (self.received + self.lost).max(1) as f64
    }

    /// What is wrong, as far as the figures say; the worst first.
    #[must_use]
    pub fn faults(&self) -> Vec<AudioFault> {
        let nothing_came = self.received == 0;
        [
            (nothing_came, AudioFault::NothingCame),
            (self.arrives == Some(false), AudioFault::NothingArrived),
            (!nothing_came && self.longest_silence_ms >= SILENCE_MS, AudioFault::Silence),
            (self.missed() > LOSS, AudioFault::Loss),
            (self.jitter_ms > JITTER_MS, AudioFault::Jitter),
        ]
        .into_iter()
        .filter_map(|(is_so, fault)| is_so.then_some(fault))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_one_way_and_silence_are_told_and_a_good_call_is_not_complained_of() {
        let good = RtpFigures { received: 3_000, lost: 20, arrives: Some(true), ..RtpFigures::default() };
        assert_eq!(good.faults(), []);
        let deaf = RtpFigures { longest_silence_ms: 9_000, ..RtpFigures::default() };
        assert_eq!(deaf.faults(), [AudioFault::NothingCame]);
        let unheard = RtpFigures { arrives: Some(false), longest_silence_ms: 5_000, ..good.clone() };
        assert_eq!(unheard.faults(), [AudioFault::NothingArrived, AudioFault::Silence]);
        let bad = RtpFigures { lost: 200, jitter_ms: 80.0, ..good };
        assert_eq!(bad.faults(), [AudioFault::Loss, AudioFault::Jitter]);
    }
}
