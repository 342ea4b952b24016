//! What the callee says, presses and is goes to the flow.

use super::super::ending::Ended;
use super::super::fact::{CutBy, Fact};
use super::super::notice::NotificationState;
use super::Conversation;
use super::listening::Found;
use super::mailbox::Turned;
use super::verdict::{outcome_of, told};
use crate::amd::{self, EventKind, Revision, RevisionKind, Subtype};
use crate::clock::CallTime;
use crate::flow::{self, MachineDetection, Outcome};

impl Conversation {
    pub(super) fn digit(&mut self, digit: char, now: CallTime) {
        let dropped = self.speaking.is_deaf_to_keys(now);
        let interrupts = !dropped && self.speaking.barge_in(now).0.by_dtmf();
        let key = self.redaction.their_words(digit.encode_utf8(&mut [0; 4]), now);
        self.record(Fact::Digit { key, interrupts, dropped });
        if dropped {
            return;
        }
        self.answering();
        // First the key, then what it cuts: so the flow knows that it was no voice.
        self.tell_flow(flow::Input::Digit(digit), now);
        if interrupts {
            self.interrupt(CutBy::Keys, now);
        }
    }

    /// Passes on what listening has found; false when there was nothing, or we have hung up.
    pub(super) fn hear(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while self.hung_up().is_none() && self.hear_next(now) {
            moved = true;
        }
        moved
    }

    pub(super) fn hear_next(&mut self, now: CallTime) -> bool {
        let Some(found) = self.listening.poll() else { return false };
        match found {
            Found::SpeechStarted { at_ms } => {
                self.record(Fact::SpeechStarted { media_ms: at_ms });
                self.tell_flow(flow::Input::SpeechStarted, now);
            }
            Found::Interim { number, audio } => self.ask_for_words(number, true, audio),
            Found::Utterance { utterance, audio } => {
                let (media_ms, start_ms) = (utterance.end_ms, utterance.start_ms);
                self.record(Fact::SpeechEnded { media_ms, start_ms });
                self.tell_flow(flow::Input::SpeechEnded, now);
                self.utterance(utterance, audio, now);
            }
            Found::Tone(tone) => self.record(Fact::Tone(self.redaction.tone(tone, now))),
            Found::BeepStarted => self.tell_flow(flow::Input::BeepStarted, now),
            Found::Mailbox(Turned::Open) => self.tell_flow(flow::Input::BeepEnded, now),
            Found::Mailbox(Turned::Talks) => self.tell_flow(flow::Input::TalksOn, now),
            Found::Prospect(prospect) => self.prospect(prospect, now),
            Found::Amd(event) => self.amd_event(&event, now),
            Found::Revision(finding) => self.amd_finding(finding, now),
        }
        true
    }

    fn amd_event(&mut self, event: &amd::Event, now: CallTime) {
        let kept = self.redaction.event(event);
        self.record(Fact::Amd(kept.clone()));
        let kind = event.kind;
        if kind.is_decision() {
            self.account.amd = Some(event.clone());
            self.account.decisive = Some(kind);
        }
        self.notify(NotificationState::InProgress(kept), now);
        if kind == EventKind::HumanDetected {
            self.confirm_start(now);
        } else if kind.is_decision() || matches!(kind, EventKind::ToneDetected | EventKind::Error) {
            self.take_back(now);
        }
        self.flow.amd_event(told(event));
        match kind {
            EventKind::MachineDetected | EventKind::ToneDetected
                // Behind an assistant that screens calls is a person: the flow goes on.
                if self.machine_detection == MachineDetection::Disconnect
                    && !self.is_over
                    && event.subtype != Some(Subtype::Screening) =>
            {
                self.account.decisive = Some(kind);
                self.account.outcome = Some("machine_detected".into());
                self.hang_up(Ended::ByBot);
            }
            EventKind::HumanDetected
            | EventKind::MachineDetected
            | EventKind::NoSpeechDetected
            | EventKind::DecisionTimeout => {
                let outcome = outcome_of(kind, event.subtype);
                let subtype = event.subtype.map_or("", Subtype::as_str);
                self.flow.handle(flow::Input::Learned { outcome, subtype }, now);
                self.flow.handle(flow::Input::Outcome(outcome), now);
            }
            EventKind::MachineStoppedSpeaking => self.tell_flow(flow::Input::GreetingEnded, now),
            EventKind::Error => {
                self.flow.handle(flow::Input::Outcome(Outcome::Timeout), now);
            }
            EventKind::ToneDetected | EventKind::Stopped => {}
        }
    }

    /// What is learned after the decision changes no event and takes no branch, but what the flow knows.
    fn amd_finding(&mut self, finding: Revision, now: CallTime) {
        self.record(Fact::AmdFinding(finding));
        match finding.kind {
            RevisionKind::Refined | RevisionKind::Revised => {
                let outcome = outcome_of(finding.decision, finding.subtype);
                let subtype = finding.subtype.map_or("", Subtype::as_str);
                self.tell_flow(flow::Input::Learned { outcome, subtype }, now);
            }
            RevisionKind::Resumed | RevisionKind::EndedAgain => {}
        }
    }
}
