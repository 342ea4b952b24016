//! What is learned after the decision. It changes no event, for decisions exclude each other and the first one
//! stays; the record shows it, and a call passes it to its flow.

use serde::{Deserialize, Serialize};

use super::event::{EventKind, Subtype};
use super::judge::Verdict;
use super::run::{Amd, State};
use crate::detect::Tone;

/// Speech this long makes a greeting that seemed over go on, in ms.
const RESUMES_MS: u64 = 600;
/// Log-odds of words that speak against a decision: 50 to 1.
const AGAINST: f32 = 3.9;

/// How a finding relates to the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingKind {
    /// The machine is of another kind than was said.
    Refined,
    /// The decision was wrong, as far as can be told now.
    Revised,
    /// The greeting goes on after it seemed over.
    Resumed,
    /// A greeting that went on is over again.
    EndedAgain,
}

/// What a finding rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Because {
    Words,
    Beep,
    Speech,
}

/// Something learned after the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Media time in ms from the moment of answer.
    pub at_ms: u64,
    pub kind: FindingKind,
    pub because: Because,
    /// What the decision would be with what is known now.
    pub decision: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtype: Option<Subtype>,
}

impl Amd {
    /// The next finding, oldest first.
    pub fn poll_finding(&mut self) -> Option<Finding> {
        self.findings.pop_front()
    }

    /// Whether what is heard can still matter: the run goes on, or its decision is watched.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.is_running() || self.shadows()
    }

    /// Whether the decision is young enough to be watched.
    pub(super) fn shadows(&self) -> bool {
        let watched = self.decision().map(|d| d.at_ms + self.options.params.shadow_ms);
        watched.is_some_and(|until| self.timeline().now_ms() <= until)
    }

    fn find(&mut self, kind: FindingKind, because: Because, decision: EventKind, subtype: Option<Subtype>) {
        let finding = Finding { at_ms: self.now_ms(), kind, because, decision, subtype };
        self.found.push(finding);
        self.findings.push_back(finding);
    }

    /// The decision seems wrong. Said once.
    fn revise(&mut self, because: Because, decision: EventKind, subtype: Subtype) {
        if !self.revised {
            self.revised = true;
            self.find(FindingKind::Revised, because, decision, Some(subtype));
        }
    }

    /// Words that came after the decision: they tell which machine it is, or that it is none.
    pub(super) fn think_again(&mut self) {
        let Some(decision) = self.decision().map(|decision| decision.kind) else { return };
        let (odds, subtype) = (self.words.reading.log_odds, self.words.subtype());
        match decision {
            EventKind::MachineDetected if odds > 0.0 => {
                if let Some(subtype) = subtype
                    && self.subtype.is_some_and(|told| told != subtype && told != Subtype::Fax)
                {
                    self.subtype = Some(subtype);
                    self.find(FindingKind::Refined, Because::Words, decision, Some(subtype));
                }
            }
            EventKind::MachineDetected if odds <= -AGAINST && self.beep.is_none() => {
                self.revise(Because::Words, EventKind::HumanDetected, Subtype::Human);
            }
            EventKind::HumanDetected | EventKind::NoSpeechDetected | EventKind::DecisionTimeout
                if odds >= AGAINST && self.shadows() =>
            {
                let subtype = subtype.unwrap_or(Subtype::Voicemail);
                self.revise(Because::Words, EventKind::MachineDetected, subtype);
            }
            EventKind::NoSpeechDetected | EventKind::DecisionTimeout
                if odds <= -AGAINST && self.shadows() =>
            {
                self.revise(Because::Words, EventKind::HumanDetected, Subtype::Human);
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
    }

    /// A verdict of the judge after the run: speech that began too late to be waited for.
    pub(super) fn late_verdict(&mut self, verdict: Verdict) {
        let too_early = self.decision().is_some_and(|d| d.kind == EventKind::NoSpeechDetected);
        if !too_early || !self.shadows() {
            return;
        }
        match verdict {
            Verdict::Open => {}
            Verdict::Human(_) => self.revise(Because::Speech, EventKind::HumanDetected, Subtype::Human),
            Verdict::Machine(_) => {
                let subtype = self.words.subtype().unwrap_or(Subtype::Voicemail);
                self.revise(Because::Speech, EventKind::MachineDetected, subtype);
            }
        }
    }

    /// A beep after the run: what seemed a person, or nobody, takes messages.
    pub(super) fn late_beep(&mut self, tone: &Tone) {
        let Some(decision) = self.decision() else { return };
        let mistaken = matches!(
            decision.kind,
            EventKind::HumanDetected | EventKind::NoSpeechDetected | EventKind::DecisionTimeout
        );
        if mistaken && tone.start_ms <= decision.at_ms + self.options.params.shadow_ms {
            self.revise(Because::Beep, EventKind::MachineDetected, Subtype::Voicemail);
        }
    }

    /// While only a beep is waited for: does the greeting go on?
    pub(super) fn watch_for_more(&mut self) {
        let Some(last) = self.timeline().segments().last().copied() else { return };
        if last.start_ms >= self.spoken_ms && last.end_ms >= last.start_ms + RESUMES_MS {
            self.state = State::Greeting;
            self.find(FindingKind::Resumed, Because::Speech, EventKind::MachineDetected, self.subtype);
        }
    }

    /// The greeting is over, and was told to be before.
    pub(super) fn ended_again(&mut self) {
        self.find(FindingKind::EndedAgain, Because::Speech, EventKind::MachineDetected, self.subtype);
    }
}
