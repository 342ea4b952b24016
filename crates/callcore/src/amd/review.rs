//! What is learned after the decision. It changes no event, for decisions exclude each other and the first one
//! stays; the record shows it, and a call passes it to its flow.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::event::{EventKind, Subtype};
use super::judge::Verdict;
use super::timeline::Segment;
use crate::detect::Tone;

/// Speech this long makes a greeting that seemed over go on, in ms.
const RESUMES_MS: u64 = 600;
/// Log-odds of words that speak against a decision: 50 to 1.
const AGAINST: f32 = 3.9;
/// Room for revisions; a call has hardly more, and nothing is allocated while it runs.
const REVISIONS: usize = 8;

/// How a revision relates to the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RevisionKind {
    /// The machine is of another kind than was said.
    Refined,
    /// The decision was wrong, as far as can be told now.
    Revised,
    /// The greeting goes on after it seemed over.
    Resumed,
    /// A greeting that went on is over again.
    EndedAgain,
}

/// What a revision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    Words,
    Beep,
    Speech,
}

/// Something learned after the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Media time in ms from the moment of answer.
    pub at_ms: u64,
    pub kind: RevisionKind,
    #[serde(rename = "because")]
    pub basis: Basis,
    /// What the decision would be with what is known now.
    pub decision: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtype: Option<Subtype>,
}

/// When something is learned, in ms from answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// By the audio, or by the wall clock when the audio stalls.
    pub(super) now_ms: u64,
    /// By the audio alone.
    pub(super) audio_ms: u64,
}

/// Watches a decision for as long as it is young, and what a machine does after it.
#[derive(Debug)]
pub(super) struct Review {
    /// How long a decision is watched, in ms.
    shadow_ms: u64,
    /// What was decided, and when.
    decision: Option<(EventKind, u64)>,
    /// Where the greeting ended when it was last told to be over.
    over_ms: Option<u64>,
    is_revised: bool,
    all: Vec<Revision>,
    untold: VecDeque<Revision>,
}

impl Review {
    pub(super) fn new(shadow_ms: u64) -> Self {
        Self {
            shadow_ms,
            decision: None,
            over_ms: None,
            is_revised: false,
            all: Vec::with_capacity(REVISIONS),
            untold: VecDeque::with_capacity(REVISIONS),
        }
    }

    /// There is a decision from now on.
    pub(super) const fn decided(&mut self, kind: EventKind, at_ms: u64) {
        self.decision = Some((kind, at_ms));
    }

    /// Whether the decision is young enough to be watched.
    pub(super) fn watches(&self, audio_ms: u64) -> bool {
        self.decision.is_some_and(|(_, at_ms)| audio_ms <= at_ms + self.shadow_ms)
    }

    /// Whether something speaks against the decision.
    pub(super) const fn is_revised(&self) -> bool {
        self.is_revised
    }

    /// All that was learned so far.
    pub(super) fn all(&self) -> &[Revision] {
        &self.all
    }

    /// The next thing that was learned, oldest first.
    pub(super) fn poll(&mut self) -> Option<Revision> {
        self.untold.pop_front()
    }

    /// Words that came after the decision: they tell which machine it is, or that it is none. `told` is the kind as
    /// known before; the kind that it turns out to be, when that is another.
    pub(super) fn words(
        &mut self,
        at: Moment,
        (log_odds, said): (f32, Option<Subtype>),
        told: Option<Subtype>,
        beep: bool,
    ) -> Option<Subtype> {
        let (decision, _) = self.decision?;
        let watched = self.watches(at.audio_ms);
        match decision {
            EventKind::MachineDetected if log_odds > 0.0 => {
                let subtype = said?;
                if told.is_some_and(|told| told != subtype && told != Subtype::Fax) {
                    self.learn(at, RevisionKind::Refined, Basis::Words, decision, Some(subtype));
                    return Some(subtype);
                }
            }
            EventKind::MachineDetected if log_odds <= -AGAINST && !beep => {
                self.revise(at, Basis::Words, EventKind::HumanDetected, Subtype::Human);
            }
            EventKind::HumanDetected | EventKind::NoSpeechDetected | EventKind::DecisionTimeout
                if log_odds >= AGAINST && watched =>
            {
                let subtype = said.unwrap_or(Subtype::Voicemail);
                self.revise(at, Basis::Words, EventKind::MachineDetected, subtype);
            }
            EventKind::NoSpeechDetected | EventKind::DecisionTimeout if log_odds <= -AGAINST && watched => {
                self.revise(at, Basis::Words, EventKind::HumanDetected, Subtype::Human);
            }
            EventKind::MachineDetected
            | EventKind::HumanDetected
            | EventKind::NoSpeechDetected
            | EventKind::DecisionTimeout
            | EventKind::ToneDetected
            | EventKind::MachineStoppedSpeaking
            | EventKind::Error
            | EventKind::Stopped => {}
        }
        None
    }

    /// A verdict of the judge after the run: speech that began too late to be waited for. `said` is what kind the words
    /// say it is.
    pub(super) fn verdict(&mut self, at: Moment, verdict: Verdict, said: Option<Subtype>) {
        let too_early = self.decision.is_some_and(|(kind, _)| kind == EventKind::NoSpeechDetected);
        if !too_early || !self.watches(at.audio_ms) {
            return;
        }
        match verdict {
            Verdict::Open | Verdict::LikelyHuman(_) => {}
            Verdict::Human(_) => self.revise(at, Basis::Speech, EventKind::HumanDetected, Subtype::Human),
            Verdict::Machine(_) => {
                let subtype = said.unwrap_or(Subtype::Voicemail);
                self.revise(at, Basis::Speech, EventKind::MachineDetected, subtype);
            }
        }
    }

    /// A beep after the run: what seemed a person, or nobody, takes messages.
    pub(super) fn beep(&mut self, at: Moment, tone: &Tone) {
        let Some((kind, at_ms)) = self.decision else { return };
        let mistaken = matches!(
            kind,
            EventKind::HumanDetected | EventKind::NoSpeechDetected | EventKind::DecisionTimeout
        );
        if mistaken && tone.start_ms <= at_ms + self.shadow_ms {
            self.revise(at, Basis::Beep, EventKind::MachineDetected, Subtype::Voicemail);
        }
    }

    /// The greeting is over, its last word at `end_ms`; whether that was not told before.
    pub(super) fn greeting_over(&mut self, at: Moment, end_ms: u64, subtype: Option<Subtype>) -> bool {
        let is_first = self.over_ms.replace(end_ms).is_none();
        if !is_first {
            self.learn(at, RevisionKind::EndedAgain, Basis::Speech, EventKind::MachineDetected, subtype);
        }
        is_first
    }

    /// While only a beep is waited for: whether the greeting goes on with `last`, the last stretch of speech.
    pub(super) fn goes_on(&mut self, at: Moment, last: Option<&Segment>, subtype: Option<Subtype>) -> bool {
        let over_ms = self.over_ms.unwrap_or(0);
        let goes_on =
            last.is_some_and(|last| last.start_ms >= over_ms && last.end_ms >= last.start_ms + RESUMES_MS);
        if goes_on {
            self.learn(at, RevisionKind::Resumed, Basis::Speech, EventKind::MachineDetected, subtype);
        }
        goes_on
    }

    /// The decision seems wrong. Said once.
    fn revise(&mut self, at: Moment, basis: Basis, decision: EventKind, subtype: Subtype) {
        if !self.is_revised {
            self.is_revised = true;
            self.learn(at, RevisionKind::Revised, basis, decision, Some(subtype));
        }
    }

    fn learn(
        &mut self,
        at: Moment,
        kind: RevisionKind,
        basis: Basis,
        decision: EventKind,
        subtype: Option<Subtype>,
    ) {
        let revision = Revision { at_ms: at.now_ms, kind, basis, decision, subtype };
        self.all.push(revision);
        self.untold.push_back(revision);
    }
}
