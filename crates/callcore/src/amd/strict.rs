//! Profile `jambonz-strict`: transcripts alone decide, by jambonz's rules and timers.
//!
//! Each transcript is judged alone, in this order: a hint in it, or enough digits in a row, is a machine; a final of fewer words than the threshold is a human, any transcript of
//! at least as many a machine. Words are what single spaces separate, so an empty final counts as one. The
//! tone timer runs from answer and ends the run silently; an error is never told.

use super::event::{EventKind, Reason, Subtype};
use super::options::Strict;
use super::run::{Amd, State};

/// Words that make a machine unless the options say otherwise.
const WORDS: u32 = 9;
/// The greeting timer once a beep was heard, from the next transcript on, in ms.
const AFTER_BEEP_MS: u64 = 1_000;

/// What the transcripts have set in motion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcripts {
    /// The hint that made a machine.
    pub(super) hint: Option<String>,
    /// Any transcript at all, even an empty one, cancels the no-speech timer.
    any: bool,
    /// When the greeting timer was last started, and for how long.
    restarted_ms: u64,
    completion_ms: u64,
}

impl Strict {
    /// The first hint that stands in `text`, whatever the case.
    fn hint(&self, text: &str) -> Option<String> {
        let text = text.to_lowercase();
        self.hints.iter().find(|hint| !hint.is_empty() && text.contains(&hint.to_lowercase())).cloned()
    }

    /// Whether `text` holds as many digits next to each other as the rule wants.
    fn reads_a_number(&self, text: &str) -> bool {
        let runs = text.split(|c: char| !c.is_ascii_digit());
        self.digit_count > 0 && runs.into_iter().any(|run| run.len() >= self.digit_count as usize)
    }
}

impl Amd {
    pub(super) fn strict_transcript(&mut self, text: &str, is_final: bool) {
        self.strict.any = true;
        match self.state {
            State::Deciding => {
                let words = text.split(' ').count();
                let least = self.options.threshold_word_count.unwrap_or(WORDS) as usize;
                let hint = self.options.strict.hint(text);
                let reason = if hint.is_some() {
                    Some(Reason::Hint)
                } else if self.options.strict.reads_a_number(text) {
                    Some(Reason::DigitCount)
                } else {
                    // A short final goes before the word count, which it cannot reach.
                    (words >= least).then_some(Reason::LongGreeting)
                };
                if let Some(reason) = reason {
                    self.strict.hint = hint;
                    self.decide(EventKind::MachineDetected, reason, Some(Subtype::Voicemail), 1.0);
                    self.restart_greeting_timer();
                } else if is_final {
                    self.decide(EventKind::HumanDetected, Reason::ShortGreeting, Some(Subtype::Human), 1.0);
                }
            }
            State::Greeting => self.restart_greeting_timer(),
            State::AwaitingBeep | State::Stopped => {}
        }
    }

    fn restart_greeting_timer(&mut self) {
        let usual = self.options.timers.greeting_completion_timeout_ms;
        self.strict.restarted_ms = self.now_ms();
        self.strict.completion_ms = if self.beep.is_some() { AFTER_BEEP_MS } else { usual };
    }

    pub(super) fn strict_timers(&mut self) {
        let now = self.now_ms();
        let timers = self.options.timers;
        match self.state {
            State::Deciding if !self.strict.any && now >= timers.no_speech_timeout_ms => {
                self.decide(EventKind::NoSpeechDetected, Reason::NoSpeech, None, 1.0);
            }
            State::Deciding if now >= timers.decision_timeout_ms => {
                self.decide(EventKind::DecisionTimeout, Reason::Timeout, None, 1.0);
            }
            State::Greeting if now >= self.strict.restarted_ms + self.strict.completion_ms => {
                self.emit(EventKind::MachineStoppedSpeaking, |_| {});
                self.finish();
            }
            State::Deciding | State::Greeting if self.beep.is_none() && now >= timers.tone_timeout_ms => {
                self.finish();
            }
            State::Deciding | State::Greeting | State::AwaitingBeep | State::Stopped => {}
        }
    }
}
