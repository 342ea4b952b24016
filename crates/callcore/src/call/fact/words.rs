//! Which lines of a timeline hold what was said, pressed or given in a call, so that whoever deletes words finds them all.
//! Each kind has to say it here.

use strum::IntoEnumIterator;

use super::{Fact, FactKind};
use crate::flow::NoteKind;

/// What lines about speech, keys and values may hold, as they are written and as older versions wrote them.
const SAID: &[&str] = &["text", "heardText", "heard", "value", "key", "data", "greeting", "hint"];
/// What lines hold that tell which words or key led somewhere.
const TRIGGER: &[&str] = &["words", "key"];
const NOTHING: &[&str] = &[];

impl Fact {
    /// Kinds of lines that hold words of a call, each with the members of `detail` that have to go with the words. A line
    /// can be read without them.
    pub fn kinds_with_words() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        let of_the_call = FactKind::iter().map(|kind| (kind.as_str(), words_of_call(kind)));
        let of_the_flow = NoteKind::iter().map(|kind| (kind.as_str(), words_of_flow(kind)));
        of_the_call.chain(of_the_flow).filter(|(_, members)| !members.is_empty())
    }
}

impl FactKind {
    /// The name of this kind in a timeline.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

const fn words_of_call(kind: FactKind) -> &'static [&'static str] {
    match kind {
        FactKind::Amd
        | FactKind::AmdFinding
        | FactKind::PromptEnded
        | FactKind::Interruption
        | FactKind::Transcript
        | FactKind::Digit => SAID,
        FactKind::Dialled
        | FactKind::Planned
        | FactKind::Incoming
        | FactKind::TurnedAway
        | FactKind::Hearing
        | FactKind::Queued
        | FactKind::Dequeued
        | FactKind::Dialling
        | FactKind::Placed
        | FactKind::Accepted
        | FactKind::Refused
        | FactKind::DialStatus
        | FactKind::EarlyMedia
        | FactKind::EarlyTone
        | FactKind::EarlySpeech
        | FactKind::VideoNotCarried
        | FactKind::Video
        | FactKind::CameraSeen
        | FactKind::RingLink
        | FactKind::RingTimeout
        | FactKind::CarrierAway
        | FactKind::CarrierStalled
        | FactKind::CarrierBack
        | FactKind::LikelyHuman
        | FactKind::FalseStart
        | FactKind::Tone
        | FactKind::Prompt
        | FactKind::KeysDropped
        | FactKind::PictureShown
        | FactKind::PictureCleared
        | FactKind::PictureNotShown
        | FactKind::PromptFailed
        | FactKind::TalkOver
        | FactKind::Resumed
        | FactKind::InterruptionDeferred
        | FactKind::SpeechStarted
        | FactKind::SpeechEnded
        | FactKind::AudioUnreadable
        | FactKind::RecognitionLate
        | FactKind::Message
        | FactKind::HangupRequested
        | FactKind::CallLimit
        | FactKind::Hangup
        | FactKind::CarrierLost
        | FactKind::Ended
        | FactKind::CdrEstimated
        | FactKind::CdrLate
        | FactKind::LinesLost
        | FactKind::RecordingReady
        | FactKind::RecordingIncomplete
        | FactKind::RecordingFailed
        | FactKind::RecordingDeleted
        | FactKind::WordsDeleted
        | FactKind::Recovered
        | FactKind::MayBeRinging
        // Its own kinds follow.
        | FactKind::Flow => NOTHING,
    }
}

const fn words_of_flow(kind: NoteKind) -> &'static [&'static str] {
    match kind {
        NoteKind::Set | NoteKind::Notify => SAID,
        NoteKind::Handler | NoteKind::DoNotCall => TRIGGER,
        NoteKind::Beep
        | NoteKind::NoSignal
        | NoteKind::Checkpoint
        | NoteKind::MessageWithdrawn
        | NoteKind::MessageAgain
        | NoteKind::Scene
        | NoteKind::Choice
        | NoteKind::Answer
        | NoteKind::AnsweredAhead
        | NoteKind::Confirmed
        | NoteKind::NoInput
        | NoteKind::NoMatch
        | NoteKind::Call
        | NoteKind::Return
        | NoteKind::Request
        | NoteKind::HttpFailed
        | NoteKind::NotInAnswer
        | NoteKind::NotifyIgnored
        | NoteKind::Transfer
        | NoteKind::Transferred
        | NoteKind::NoTransfer
        | NoteKind::NothingSaid
        | NoteKind::ErrandFailed
        | NoteKind::Error => NOTHING,
    }
}
