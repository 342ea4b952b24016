//! The call while it is answered: what is heard goes to the flow, what the flow wants goes to the callee.

use serde_json::json;

use super::ending::Ended;
use super::fact::{CutBy, Fact, HeardPrompt};
use super::input::Effect;
use super::keys::Key;
use super::listening::Found;
use super::machine::{Call, State};
use super::mailbox::Turned;
use super::notice::Stage;
use super::recognition::Said;
use super::speaking::{self, Speech};
use crate::amd::{self, EventKind, Finding, FindingKind, Subtype};
use crate::clock::CallTime;
use crate::flow::{self, AmdEvent, Command, MachineDetection, Note, Outcome, PlaybackEnd};
use crate::playback::Out;

impl Call {
    pub(super) fn digit(&mut self, digit: char, now: CallTime) {
        let State::Talking(talk) = &mut self.state else {
            return;
        };
        let dropped = talk.speaking.is_deaf_to_keys(now);
        let interrupts = !dropped && talk.speaking.barge_in(now).0.by_dtmf();
        let key = self.their_words(digit.encode_utf8(&mut [0; 4]), now);
        if dropped {
            return self.record(Fact::Digit { key, interrupts: false, dropped: true });
        }
        self.record(Fact::Digit { key, interrupts, dropped: false });
        self.answering();
        // First the key, then what it cuts: so the flow knows that it was no voice.
        self.flow.handle(flow::Input::Digit(digit), now);
        if interrupts {
            self.interrupt(CutBy::Keys, now);
        }
    }

    pub(super) fn hear(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while let State::Talking(talk) = &mut self.state
            && let Some(found) = talk.listening.poll()
        {
            moved = true;
            match found {
                Found::SpeechStarted { at_ms } => {
                    self.record(Fact::SpeechStarted { media_ms: at_ms });
                    self.flow.handle(flow::Input::SpeechStarted, now);
                }
                Found::Interim { number, audio } => self.ask_for_words(number, true, audio),
                Found::Utterance { number, start_ms, end_ms, spoken_ms, audio, so_far, settled } => {
                    self.record(Fact::SpeechEnded { media_ms: end_ms, start_ms });
                    self.flow.handle(flow::Input::SpeechEnded, now);
                    let said = Said { utterance: number, start_ms, end_ms, spoken_ms, so_far, settled };
                    self.utterance(said, audio, now);
                }
                Found::Tone(tone) => self.record(Fact::Tone(self.kept_tone(tone, now))),
                Found::BeepStarted => self.flow.handle(flow::Input::BeepStarted, now),
                Found::Mailbox(Turned::Open) => self.flow.handle(flow::Input::BeepEnded, now),
                Found::Mailbox(Turned::Talks) => self.flow.handle(flow::Input::TalksOn, now),
                Found::Amd(event) => self.amd_event(event, now),
                Found::Finding(finding) => self.amd_finding(finding, now),
            }
        }
        moved
    }

    pub(super) fn amd_event(&mut self, event: amd::Event, now: CallTime) {
        let kept = self.kept_event(&event);
        self.record(Fact::Amd(kept.clone()));
        let kind = event.kind;
        if kind.is_decision() {
            self.amd = Some(event.clone());
            self.decisive = Some(kind);
        }
        self.notify(Stage::InProgress(kept), now);
        self.flow.amd_event(told(&event));
        match kind {
            EventKind::MachineDetected | EventKind::ToneDetected
                // Behind an assistant that screens calls is a person: his flow goes on.
                if self.settings.machine_detection == MachineDetection::Disconnect
                    && event.subtype != Some(Subtype::Screening) =>
            {
                self.decisive = Some(kind);
                self.outcome = Some("machine_detected".into());
                self.hang_up(Ended::ByBot, now);
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
            EventKind::MachineStoppedSpeaking => self.flow.handle(flow::Input::GreetingEnded, now),
            EventKind::Error => {
                self.flow.handle(flow::Input::Outcome(Outcome::Timeout), now);
            }
            EventKind::ToneDetected | EventKind::Stopped => {}
        }
    }

    /// What is learned after the decision changes no event and takes no branch, but what the flow knows.
    fn amd_finding(&mut self, finding: Finding, now: CallTime) {
        self.record(Fact::AmdFinding(finding));
        match finding.kind {
            FindingKind::Refined | FindingKind::Revised => {
                let outcome = outcome_of(finding.decision, finding.subtype);
                let subtype = finding.subtype.map_or("", Subtype::as_str);
                self.flow.handle(flow::Input::Learned { outcome, subtype }, now);
            }
            FindingKind::Resumed | FindingKind::EndedAgain => {}
        }
    }

    pub(super) fn report_prompts(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while let State::Talking(talk) = &mut self.state {
            if let Some(out) = talk.speaking.poll_out() {
                match &out {
                    Out::Audio(chunk) => talk.listening.sent(chunk),
                    Out::Flush => talk.listening.silenced(now),
                    Out::Mark(_) => {}
                }
                self.effects.push_back(match out {
                    Out::Audio(chunk) => Effect::SendAudio(chunk),
                    Out::Mark(name) => Effect::SendCheckPoint(name),
                    Out::Flush => Effect::SendInterruption,
                });
            } else if let Some(said) = talk.speaking.poll() {
                self.said(said, now);
            } else {
                break;
            }
            moved = true;
        }
        moved
    }

    pub(super) fn said(&mut self, said: speaking::Said, now: CallTime) {
        match said {
            speaking::Said::Reached { name, estimated } => {
                self.record(Fact::Flow(Note::Checkpoint { name: name.clone(), estimated }));
                self.last_checkpoint = Some(name.clone());
                self.flow.handle(flow::Input::Checkpoint(name), now);
            }
            speaking::Said::Over(over) => {
                self.estimated |= over.estimated;
                self.record(Fact::PromptEnded(HeardPrompt {
                    play: over.id,
                    heard_ms: over.heard_ms,
                    completed: over.completed,
                    start_ms: over.began_at.map(|at| at.ms_since(self.answered_at.unwrap_or(at))),
                    text: self.our_words(&over.text),
                    words: Some(over.words),
                    heard_text: self.our_words(&over.heard_text),
                    heard_words: over.heard_words,
                    estimated: over.estimated,
                }));
                let end = PlaybackEnd {
                    id: over.id,
                    heard_ms: over.heard_ms,
                    heard_text: over.heard_text,
                    heard_words: over.heard_words,
                    completed: over.completed,
                    error: over.error,
                };
                self.flow.handle(flow::Input::PlaybackEnded(end), now);
            }
        }
    }

    /// Sends the key that is due. While the line is away keys wait: they would all arrive at once.
    pub(super) fn press_keys(&mut self, now: CallTime) -> bool {
        let stands_still = self.lifeline.stands_still();
        let State::Talking(talk) = &mut self.state else {
            return false;
        };
        if stands_still {
            return false;
        }
        let Some(Key { digit, duration_ms }) = talk.keys.poll(now) else {
            return false;
        };
        self.effects.push_back(Effect::SendDigit { digit, duration_ms });
        true
    }

    pub(super) fn obey_flow(&mut self, now: CallTime) -> bool {
        let mut moved = false;
        while let Some(command) = self.flow.poll_command() {
            moved = true;
            let State::Talking(talk) = &mut self.state else {
                continue;
            };
            match command {
                Command::Play { id, parts, barge_in, confirm, keys_after_ms } => {
                    let confirm = if self.settings.recognises { confirm } else { confirm.without_words() };
                    let speech = Speech { id, parts, barge_in, confirm, keys_after_ms };
                    let wanted = talk.speaking.speak(speech, now);
                    self.record(Fact::Prompt { play: id, barge_in });
                    for (part, what) in wanted {
                        self.make(id, part, what);
                    }
                }
                Command::Stop { id } => talk.speaking.stop(id, now),
                Command::Withdraw { id } => talk.speaking.withdraw(id, now),
                Command::SendDigits(digits) => {
                    let dropped = talk.keys.press(&digits);
                    if dropped > 0 {
                        self.record(Fact::KeysDropped { keys: dropped });
                    }
                    // The first one goes out before the flow goes on, and perhaps hangs up.
                    self.press_keys(now);
                }
                Command::Hangup { outcome } => {
                    self.outcome = outcome.or(self.outcome.take());
                    self.hang_up(Ended::ByBot, now);
                }
                Command::Listen(how) => {
                    let redacted = how.redacted;
                    talk.listening.listen(how);
                    self.redact_question(redacted, now);
                }
                Command::External { id, order } => self.begin_errand(id, order, now),
                Command::EndRecording { id } => self.end_recording(id, now),
                Command::Note(note) => {
                    self.do_not_call |= matches!(note, Note::DoNotCall(_));
                    let kept = self.kept_note(note, now);
                    self.record(Fact::Flow(kept));
                }
            }
        }
        moved
    }
}

/// The event as a flow reads it.
fn told(event: &amd::Event) -> AmdEvent {
    AmdEvent {
        name: event.kind.as_str(),
        decides: event.kind.is_decision(),
        reason: event.reason.and_then(|reason| json!(reason).as_str().map(str::to_owned)),
        greeting: event.greeting.clone(),
    }
}

/// The verdict as a flow branches on it.
pub(super) const fn outcome_of(decision: EventKind, subtype: Option<Subtype>) -> Outcome {
    match (decision, subtype) {
        (EventKind::HumanDetected, _) => Outcome::Human,
        (EventKind::NoSpeechDetected, _) => Outcome::NoSpeech,
        (EventKind::MachineDetected, Some(Subtype::Fax)) => Outcome::Fax,
        (EventKind::MachineDetected, Some(Subtype::Screening)) => Outcome::Screening,
        (EventKind::MachineDetected, Some(Subtype::Ivr)) => Outcome::Ivr,
        (EventKind::MachineDetected, Some(Subtype::Unavailable | Subtype::Network)) => Outcome::Unavailable,
        (EventKind::MachineDetected, Some(Subtype::Voicemail | Subtype::Human) | None) => Outcome::Voicemail,
        (
            EventKind::DecisionTimeout
            | EventKind::ToneDetected
            | EventKind::MachineStoppedSpeaking
            | EventKind::Error
            | EventKind::Stopped,
            _,
        ) => Outcome::Timeout,
    }
}
