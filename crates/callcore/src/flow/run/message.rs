//! Leaving a message. A mailbox that beeps again, or goes on with its greeting, did not record what was said so far: the
//! message is withdrawn and repeated from its start.

use std::sync::Arc;

use super::Run;
use super::io::{Command, Part};
use super::note::{Note, Withdrawal};
use super::state::{LONGEST_GREETING_MS, Leaving, State};
use crate::clock::CallTime;
use crate::flow::model::{BargeIn, Outcome, Prompt, Step};

/// Silence in which a beep may still come, where the flow does not wait for one, ms.
const BEEP_TIMEOUT_MS: u64 = 6_000;

/// Behind so many false starts a message is said to its end, whatever the line brings.
const MOST_STARTS: u32 = 8;

impl Run {
    /// The mailbox is taken to record from here on: it beeped, or the flow has waited enough.
    pub(super) fn begin_message(&mut self) {
        if self.knowledge.beep_heard || self.knowledge.amd == Some(Outcome::Voicemail) {
            let (timeout_ms, scene) = match self.current_step() {
                Some(Step::WaitForBeep(wait)) => (wait.timeout_ms, wait.on_timeout),
                Some(_) | None => (BEEP_TIMEOUT_MS, None),
            };
            let without_beep = scene.map(|scene| (Arc::clone(&self.flow), scene));
            let (parts, barge_in) = (Vec::new(), BargeIn::Off);
            self.leaving = Some(Leaving {
                parts,
                barge_in,
                timeout_ms,
                starts: 0,
                again: false,
                before: false,
                without_beep,
                talked_over: false,
            });
        }
    }

    /// How long a beep is waited for in silence.
    pub(super) fn beep_timeout_ms(&self) -> u64 {
        match (self.current_wait(), &self.leaving) {
            (Some(wait), _) => wait.timeout_ms,
            (None, Some(leaving)) => leaving.timeout_ms,
            (None, None) => BEEP_TIMEOUT_MS,
        }
    }

    /// Says a prompt of the message.
    pub(super) fn leave(&mut self, prompt: &Prompt, now: CallTime) {
        let parts = match self.parts(prompt) {
            Ok(parts) if parts.is_empty() => return self.go(None),
            Ok(parts) => parts,
            Err(message) => return self.fail(&message),
        };
        self.message_left = false;
        let Some(leaving) = &mut self.leaving else { return };
        // A greeting that is still under way; a cough between two prompts is none.
        let greets = leaving.parts.is_empty() && self.knowledge.speaking;
        leaving.parts.extend(parts.iter().cloned());
        // A mailbox does not mean to interrupt. Who may pick up after all is listened to where the flow says so.
        leaving.barge_in = match prompt.barge_in {
            _ if prompt.on_speech.is_some() => prompt.barge_in,
            BargeIn::Both | BargeIn::Dtmf => BargeIn::Dtmf,
            BargeIn::Speech | BargeIn::Off => BargeIn::Off,
        };
        if leaving.again || greets {
            let until = if self.knowledge.beep_ended { now } else { now + leaving.timeout_ms };
            return self.withhold(until, now);
        }
        self.speak_message(parts);
    }

    /// Whether a message that was not recorded must be said again before the flow may hang up.
    pub(super) fn must_say_again(&mut self, now: CallTime) -> bool {
        let Some(leaving) = &mut self.leaving else { return false };
        let must = leaving.again && !self.in_hanging_up_scene;
        if must {
            leaving.before = true;
            let until = if self.knowledge.beep_ended { now } else { now + leaving.timeout_ms };
            self.withhold(until, now);
        }
        must
    }

    /// Whether the message that has just ended was said again before the step at which the flow stands.
    pub(super) fn was_said_before(&mut self) -> bool {
        self.leaving.as_mut().is_some_and(|leaving| std::mem::take(&mut leaving.before))
    }

    fn speak_message(&mut self, parts: Vec<Part>) {
        let Some(leaving) = &mut self.leaving else { return };
        leaving.starts += 1;
        let barge_in = leaving.barge_in;
        self.message_left = false;
        let confirm = self.current_prompt().map(|prompt| prompt.confirm).unwrap_or_default();
        let id = self.order_play(parts, barge_in, confirm);
        self.state = State::Playing { id, cut: None };
    }

    fn withhold(&mut self, until: CallTime, now: CallTime) {
        let latest = now + LONGEST_GREETING_MS + self.beep_timeout_ms();
        let until = if self.knowledge.speaking { latest } else { until };
        self.state = State::Withheld { until, latest };
    }

    /// No beep has come behind a message that was taken back: what the flow does without one is for its author to say.
    pub(super) fn beep_missed(&mut self) {
        let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.again && leaving.talked_over)
        else {
            return self.say_again();
        };
        match leaving.without_beep.take() {
            Some((flow, scene)) if Arc::ptr_eq(&flow, &self.flow) => {
                (leaving.again, leaving.before, leaving.talked_over) = (false, false, false);
                leaving.parts.clear();
                self.note(Note::NoSignal {});
                self.go(Some(scene));
            }
            Some(_) | None => self.say_again(),
        }
    }

    /// Says the whole message from its start.
    pub(super) fn say_again(&mut self) {
        let Some(leaving) = &mut self.leaving else { return self.go(None) };
        leaving.again = false;
        let parts = leaving.parts.clone();
        self.note(Note::MessageAgain {});
        self.speak_message(parts);
    }

    /// What was said so far was not recorded; `because` of what.
    fn take_back(&mut self, because: Withdrawal) {
        let Some(leaving) = &mut self.leaving else { return };
        if leaving.parts.is_empty() || leaving.starts >= MOST_STARTS {
            return;
        }
        leaving.again = true;
        leaving.talked_over = because == Withdrawal::Speech;
        self.message_left = false;
        if let State::Playing { id, .. } = self.state {
            self.commands.push_back(Command::Withdraw { id });
            self.note(Note::MessageWithdrawn { because });
        }
    }

    fn plays_message(&self) -> bool {
        let message = self.leaving.as_ref().is_some_and(|leaving| leaving.starts < MOST_STARTS);
        message && matches!(self.state, State::Playing { .. })
    }

    pub(super) fn beep_started(&mut self, now: CallTime) {
        self.knowledge.beep_heard = true;
        let plays = self.plays_message();
        self.take_back(Withdrawal::Beep);
        if plays || matches!(self.state, State::Withheld { .. }) {
            self.withhold(now + LONGEST_GREETING_MS, now);
        }
    }

    /// The mailbox records, though the flow has gone on already.
    pub(super) fn mailbox_opens(&mut self, now: CallTime) {
        let plays = self.plays_message();
        self.take_back(Withdrawal::Beep);
        if plays || matches!(self.state, State::Withheld { .. }) {
            self.withhold(now, now);
            self.say_again();
        }
    }

    /// The greeting goes on, or somebody else talks where a mailbox should be silent.
    pub(super) fn talks_on(&mut self, now: CallTime) {
        let meant = self.leaving.as_ref().is_some_and(|leaving| leaving.barge_in.by_speech());
        if meant && matches!(self.state, State::Playing { .. }) {
            return;
        }
        self.knowledge.beep_ended = false;
        self.knowledge.speaking = true;
        let plays = self.plays_message();
        self.take_back(Withdrawal::Speech);
        if plays || matches!(self.state, State::Withheld { .. }) {
            self.withhold(now, now);
        }
    }
}
