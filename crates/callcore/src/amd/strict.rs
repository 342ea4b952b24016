//! Profile `jambonz-strict`: transcripts alone decide, by jambonz's rules and timers.
//!
//! Each transcript is judged alone, in this order: a hint in it, or enough digits in a row, is a machine; a final of fewer words than the threshold is a human, any transcript of
//! at least as many a machine. Words are what single spaces separate, so an empty final counts as one. The
//! tone timer runs from answer and ends the run silently; an error is never told.

use super::event::{EventKind, Reason, Subtype};
use super::options::{Options, Strict, Timers};
use super::ruling::{Ruling, State, Step};

/// Words that make a machine unless the options say otherwise.
const WORDS: u32 = 9;
/// The greeting timer once a beep was heard, from the next transcript on, in ms.
const AFTER_BEEP_MS: u64 = 1_000;

/// The rules of one run, and what the transcripts have set in motion.
#[derive(Clone, Debug)]
pub(super) struct StrictRules {
    phrases: Strict,
    /// Words that make a machine.
    threshold: u32,
    timers: Timers,
    /// Any transcript at all, even an empty one, cancels the no-speech timer.
    any: bool,
    /// When the greeting timer was last started, and for how long.
    restarted_ms: u64,
    completion_ms: u64,
}

impl StrictRules {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            phrases: options.strict.clone(),
            threshold: options.threshold_word_count.unwrap_or(WORDS),
            timers: options.timers,
            any: false,
            restarted_ms: 0,
            completion_ms: 0,
        }
    }

    /// A transcript came: what it decides, if anything.
    pub(super) fn transcript(
        &mut self,
        text: &str,
        is_final: bool,
        state: State,
        now_ms: u64,
        beep: bool,
    ) -> Option<Ruling> {
        self.any = true;
        match state {
            State::Deciding => {
                let words = text.split(' ').count();
                let hint = self.phrases.hint(text);
                let reason = if hint.is_some() {
                    Some(Reason::Hint)
                } else if self.phrases.reads_a_number(text) {
                    Some(Reason::DigitCount)
                } else {
                    // A short final goes before the word count, which it cannot reach.
                    (words >= self.threshold as usize).then_some(Reason::LongGreeting)
                };
                if let Some(reason) = reason {
                    self.restart_greeting_timer(now_ms, beep);
                    let ruling = Ruling::new(EventKind::MachineDetected, reason, 1.0);
                    Some(ruling.of(Subtype::Voicemail).with(hint))
                } else if is_final {
                    let ruling = Ruling::new(EventKind::HumanDetected, Reason::ShortGreeting, 1.0);
                    Some(ruling.of(Subtype::Human))
                } else {
                    None
                }
            }
            State::Greeting => {
                self.restart_greeting_timer(now_ms, beep);
                None
            }
            State::AwaitingBeep | State::Stopped => None,
        }
    }

    fn restart_greeting_timer(&mut self, now_ms: u64, beep: bool) {
        self.restarted_ms = now_ms;
        self.completion_ms = if beep { AFTER_BEEP_MS } else { self.timers.greeting_completion_timeout_ms };
    }

    /// What the timers want at `now_ms`.
    pub(super) fn due(&self, state: State, now_ms: u64, beep: bool) -> Option<Step> {
        let timers = self.timers;
        match state {
            State::Deciding if !self.any && now_ms >= timers.no_speech_timeout_ms => {
                Some(Step::Decide(Ruling::new(EventKind::NoSpeechDetected, Reason::NoSpeech, 1.0)))
            }
            State::Deciding if now_ms >= timers.decision_timeout_ms => {
                Some(Step::Decide(Ruling::new(EventKind::DecisionTimeout, Reason::Timeout, 1.0)))
            }
            State::Greeting if now_ms >= self.restarted_ms + self.completion_ms => {
                Some(Step::StoppedSpeaking)
            }
            State::Deciding | State::Greeting if !beep && now_ms >= timers.tone_timeout_ms => {
                Some(Step::Finish)
            }
            State::Deciding | State::Greeting | State::AwaitingBeep | State::Stopped => None,
        }
    }
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
