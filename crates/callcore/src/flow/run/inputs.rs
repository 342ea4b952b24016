//! What the interpreter does with each input, by the state it is in.

use super::Run;
use super::io::{Command, PlaybackEnd};
use super::knowledge::Cut;
use super::note::Note;
use super::state::{LONGEST_SPEECH_MS, MAX_KEYS_AHEAD, Said, State, VERDICT_GRACE_MS};
use crate::clock::CallTime;
use crate::flow::model::{COMPLETED, DO_NOT_CALL, Outcome, is_key};

impl Run {
    pub(super) fn answered(&mut self, now: CallTime) {
        if !matches!(self.state, State::Unanswered) {
            return;
        }
        self.ends_at = Some(now + self.flow.limits.call_ms);
        if self.flow.amd.waits_for_verdict {
            self.state = State::Deciding { until: now + self.decision_ms + VERDICT_GRACE_MS };
            self.branch_on_verdict();
        } else {
            self.go_to_start();
        }
    }

    pub(super) fn verdict(&mut self, outcome: Outcome) {
        if self.knowledge.amd.is_none() {
            self.knowledge.amd = Some(outcome);
            self.branch_on_verdict();
        }
    }

    pub(super) fn learned(&mut self, outcome: Outcome, subtype: &'static str) {
        self.knowledge.subtype = subtype;
        if self.knowledge.amd.is_some() {
            self.knowledge.amd = Some(outcome);
        }
    }

    pub(super) fn branch_on_verdict(&mut self) {
        let (State::Deciding { .. }, Some(outcome)) = (&self.state, self.knowledge.amd) else { return };
        match self.flow.branches.get(&outcome) {
            Some(scene) => self.go(Some(*scene)),
            None => self.go_to_start(),
        }
    }

    pub(super) fn go_to_start(&mut self) {
        match self.flow.start {
            Some(scene) => self.go(Some(scene)),
            None => self.hang_up(COMPLETED.to_owned()),
        }
    }

    pub(super) fn greeting_ended(&mut self, now: CallTime) {
        self.knowledge.greeting_ended = true;
        self.knowledge.speaking = false;
        if matches!(self.state, State::AwaitingGreetingEnd { .. }) {
            self.begin_message();
            self.go(None);
        } else if self.state.awaits_beep() {
            self.restart_beep_clock(now);
        }
    }

    pub(super) fn beep_ended(&mut self, now: CallTime) {
        self.knowledge.beep_heard = true;
        self.knowledge.beep_ended = true;
        self.knowledge.speaking = false;
        if let (State::Deciding { .. }, Some(scene)) = (&self.state, self.flow.on_beep) {
            self.note(Note::Beep {});
            self.begin_message();
            return self.go(Some(scene));
        }
        if matches!(self.state, State::AwaitingBeep { .. } | State::AwaitingGreetingEnd { .. }) {
            self.note(Note::Beep {});
            self.begin_message();
            return self.go(None);
        }
        self.mailbox_opens(now);
    }

    pub(super) fn digit(&mut self, digit: char, now: CallTime) {
        if !is_key(digit) || self.handled_key(digit) {
            return;
        }
        match &mut self.state {
            State::Playing { id, cut } => {
                let id = *id;
                let cut_already = *cut == Some(Cut::Keys);
                if self.current_prompt().is_some_and(|prompt| prompt.barge_in.by_dtmf()) {
                    self.state = State::Playing { id, cut: Some(Cut::Keys) };
                    self.keep_key(digit);
                    if !cut_already {
                        self.commands.push_back(Command::Stop { id });
                    }
                }
            }
            State::Yielding { then, .. } => {
                let then = *then;
                self.keep_key(digit);
                self.go(then);
            }
            State::Asking(_) => self.ask_digit(digit, now),
            State::Doing(_) => self.external_digit(digit),
            State::Pausing { .. } | State::Ready => self.keep_key(digit),
            // Before anything has been said, and while a machine talks, a key answers nothing.
            State::Unanswered
            | State::Deciding { .. }
            | State::AwaitingBeep { .. }
            | State::AwaitingGreetingEnd { .. }
            | State::Withheld { .. }
            | State::Farewell { .. }
            | State::Over => {}
        }
    }

    pub(super) fn keep_key(&mut self, digit: char) {
        if self.keys_ahead.len() < MAX_KEYS_AHEAD {
            self.keys_ahead.push(digit);
        }
    }

    pub(super) fn speech_started(&mut self, now: CallTime) {
        self.knowledge.speaking = true;
        if matches!(self.state, State::Playing { .. }) {
            self.ahead.speech_started(now);
        }
        let by_speech = self.current_prompt().is_some_and(|prompt| prompt.barge_in.by_speech());
        if let State::Playing { cut, .. } = &mut self.state {
            if by_speech {
                cut.get_or_insert(Cut::Speech);
            }
        } else if let State::AwaitingBeep { until, latest } | State::Withheld { until, latest } =
            &mut self.state
        {
            *until = *latest;
        } else if matches!(self.state, State::Asking(_)) {
            self.ask_speech_started(now);
        }
    }

    /// What began like speech was none.
    pub(super) fn noise(&mut self, now: CallTime) {
        self.knowledge.speaking = false;
        let _noise = self.ahead.is_over();
        let was_over = std::mem::take(&mut self.knowledge.has_spoken);
        if let State::Playing { cut, .. } = &mut self.state {
            *cut = cut.filter(|cut| *cut != Cut::Speech);
        } else if let State::Yielding { then, .. } = self.state {
            self.go(then);
        } else if matches!(self.state, State::Asking(_)) {
            self.ask_noise(now);
        } else if self.state.awaits_beep() && !was_over {
            self.restart_beep_clock(now);
        }
    }

    pub(super) fn utterance(&mut self, said: Said, now: CallTime) {
        self.knowledge.speaking = false;
        let was_over = std::mem::take(&mut self.knowledge.has_spoken);
        if said.text.as_deref().is_some_and(|text| self.handled_words(text)) {
            return;
        }
        let ahead = self.ahead.is_over();
        if ahead
            && let Some(text) = &said.text
            && matches!(self.state, State::Playing { .. } | State::Yielding { .. })
        {
            self.ahead.keep(text.clone());
        }
        if let State::Yielding { then, .. } = self.state {
            self.go(then);
        } else if matches!(self.state, State::Asking(_)) {
            self.ask_utterance(said, ahead, now);
        } else if self.state.awaits_beep() && !was_over {
            // A recogniser may take its time: the silence that was over counts from when they stopped.
            self.restart_beep_clock(now);
        }
    }

    /// Words that came when they were not expected any more.
    pub(super) fn late_words(&mut self, said: Said, now: CallTime) {
        let is_handled = said.text.as_deref().is_some_and(|text| self.handled_words(text));
        if !is_handled && matches!(self.state, State::Asking(_)) {
            self.ask_told(said, now);
        }
    }

    pub(super) fn playback_ended(&mut self, end: PlaybackEnd, now: CallTime) {
        if matches!(self.state, State::Asking(_)) {
            return self.ask_playback_ended(end, now);
        }
        if matches!(self.state, State::Doing(_)) {
            return self.external_playback_ended(&end, now);
        }
        if matches!(self.state, State::Farewell { id } if id == end.id) {
            return self.hang_up(DO_NOT_CALL.to_owned());
        }
        let State::Playing { id, cut } = self.state else { return };
        if id != end.id {
            return;
        }
        if let Some(error) = &end.error {
            return self.fail(error);
        }
        self.note_heard(&end, cut.unwrap_or(Cut::Speech));
        if self.leaving.is_some() {
            self.message_left = end.completed;
        }
        // Keys that came in a protected stretch could not cut it; they count all the same.
        if end.completed && cut != Some(Cut::Keys) {
            self.keys_ahead.clear();
        }
        if self.was_said_before() {
            self.state = State::Ready;
            return;
        }
        let by_voice = self.knowledge.interrupted_by == Some(Cut::Speech);
        let then = self.current_prompt().and_then(|prompt| prompt.on_speech).filter(|_| by_voice);
        if by_voice && self.knowledge.speaking {
            self.state = State::Yielding { until: now + LONGEST_SPEECH_MS, then };
        } else {
            self.go(then);
        }
    }

    /// Keeps what was heard of a prompt; `cut` is what ended it if it did not end by itself.
    pub(super) fn note_heard(&mut self, end: &PlaybackEnd, cut: Cut) {
        self.knowledge.heard_ms = end.heard_ms;
        self.knowledge.heard_text.clone_from(&end.heard_text);
        self.knowledge.heard_words = end.heard_words;
        self.knowledge.heard_all = end.completed;
        self.knowledge.interrupted_by = (!end.completed).then_some(cut);
    }
}
