//! One detection run: evidence in, events out, in the order the contract wants.

use std::collections::VecDeque;

use super::event::{Event, EventKind, Reason, Subtype};
use super::evidence::{Evidence, Sample};
use super::judge::{Judge, Verdict};
use super::options::{Options, Profile};
use super::strict::Transcripts;
use super::timeline::Timeline;
use super::words;
use crate::audio::level::SILENCE_DBFS;
use crate::detect::{Heard, Observation, Tone, ToneKind};

/// Latest end of a run: no greeting is waited for longer, in ms from answer.
const LONGEST_RUN_MS: u64 = 60_000;
/// Silence after a beep that ends the machine's turn, in ms.
const AFTER_BEEP_MS: u64 = 1_000;
/// How far the wall clock may run ahead of the audio before it takes over, in ms.
const STALL_MS: u64 = 500;
/// One point of the probability curve this often, in ms.
const CURVE_STEP_MS: u64 = 100;
/// Points kept: half a minute.
const CURVE_POINTS: usize = 300;
/// How long a human verdict is watched for a beep that speaks against it, in ms.
const SHADOW_MS: u64 = 20_000;

/// One run of answering-machine detection. Media time 0 is the moment of answer.
#[derive(Debug)]
pub struct Amd {
    pub(super) options: Options,
    judge: Judge,
    pub(super) strict: Transcripts,
    events: VecDeque<Event>,
    seq: u32,
    decision: Option<Event>,
    pub(super) state: State,
    pub(super) beep: Option<Tone>,
    beep_ended_ms: Option<u64>,
    wall_ms: u64,
    curve: Vec<Sample>,
    /// Last frame with a voice, speech or not.
    voiced_ms: u64,
    speech_dbfs: f32,
    noise_dbfs: f32,
    transcript: String,
    revised: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Deciding,
    /// A machine speaks, or has spoken and may go on.
    Greeting,
    /// `amd_machine_stopped_speaking` is out; only a beep is waited for.
    AwaitingBeep,
    Stopped,
}

impl Amd {
    /// A run that begins at answer.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            judge: Judge::new(options.params),
            options,
            strict: Transcripts::default(),
            events: VecDeque::with_capacity(8),
            seq: 0,
            decision: None,
            state: State::Deciding,
            beep: None,
            beep_ended_ms: None,
            wall_ms: 0,
            curve: Vec::with_capacity(CURVE_POINTS),
            voiced_ms: 0,
            speech_dbfs: SILENCE_DBFS,
            noise_dbfs: SILENCE_DBFS,
            transcript: String::new(),
            revised: false,
        }
    }

    /// Takes one measured frame. Then give [`Amd::hear`] what the same frame brought.
    pub fn observe(&mut self, observation: &Observation) {
        let verdict = self.judge.observe(observation);
        if observation.speech {
            self.speech_dbfs = self.speech_dbfs.max(observation.level_dbfs);
            self.voiced_ms = observation.end_ms;
        }
        self.noise_dbfs = observation.noise_dbfs;
        if let Some(verdict) = verdict
            && self.state == State::Deciding
        {
            self.draw();
            if self.options.profile == Profile::Kore {
                self.apply(verdict);
            }
        }
        self.timers();
    }

    /// Takes something heard.
    pub fn hear(&mut self, heard: &Heard) {
        self.judge.hear(heard);
        match *heard {
            Heard::SpeechStarted { .. } | Heard::SpeechEnded { .. } => {}
            Heard::ToneStarted(tone) => self.tone_started(tone),
            Heard::ToneEnded(tone) => {
                if tone.kind == ToneKind::Beep {
                    self.beep_ended_ms = tone.end_ms;
                }
            }
        }
    }

    /// Lets a test say the verdict, to try the events apart from the model.
    #[cfg(test)]
    pub(super) fn judge(&mut self, verdict: Verdict) {
        self.judge.say(verdict);
    }

    /// Takes a piece of transcript. Evidence when there is one; nothing waits for it.
    pub fn transcript(&mut self, text: &str, is_final: bool, _at_ms: u64) {
        let text = text.trim();
        if is_final && !text.is_empty() {
            if !self.transcript.is_empty() {
                self.transcript.push(' ');
            }
            self.transcript.push_str(text);
        }
        match self.options.profile {
            Profile::JambonzStrict => self.strict_transcript(text, is_final),
            Profile::Kore => self.count_words(text, is_final),
        }
    }

    /// The application's own word threshold. Words are added up over finals; empty pieces and questions,
    /// which machines do not ask before they have said what they are, count for nothing.
    fn count_words(&mut self, text: &str, is_final: bool) {
        let Some(most) = self.options.threshold_word_count else { return };
        let pending = if is_final { 0 } else { words::count(text) };
        let asks = text.ends_with('?') || self.transcript.ends_with('?');
        if self.state == State::Deciding && !asks && words::count(&self.transcript) + pending >= most {
            self.decide(EventKind::MachineDetected, Reason::LongGreeting, Some(Subtype::Voicemail), 0.9);
        }
    }

    /// Tells the wall clock, in ms since answer: timers fire even when the audio stalls.
    pub fn advance(&mut self, since_answer_ms: u64) {
        self.wall_ms = self.wall_ms.max(since_answer_ms);
        self.timers();
    }

    /// The application needs no more.
    pub fn stop(&mut self) {
        if self.is_running() {
            self.finish();
        }
    }

    /// Detection cannot go on: `amd_error`, then `amd_stopped`.
    pub fn fail(&mut self, why: &str) {
        if self.is_running() {
            tracing::warn!(why, "answering-machine detection failed");
            if self.options.profile == Profile::Kore {
                self.emit(EventKind::Error, |_| {});
            }
            self.finish();
        }
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether `amd_stopped` is still to come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state != State::Stopped
    }

    /// The decision, once there is one.
    #[must_use]
    pub const fn decision(&self) -> Option<&Event> {
        self.decision.as_ref()
    }

    /// Whether something heard after a human verdict speaks for a machine: a beep within 20 s.
    #[must_use]
    pub const fn is_revised(&self) -> bool {
        self.revised
    }

    /// The record behind the verdict.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence {
            heard_ms: self.timeline().now_ms(),
            segments: self.timeline().segments().to_vec(),
            tones: self.timeline().tones().to_vec(),
            speech_dbfs: self.speech_dbfs,
            noise_dbfs: self.noise_dbfs,
            machine_probability: self.curve.clone(),
            timers: self.options.timers,
            transcript: self.transcript.clone(),
            decision: self.decision.clone(),
            revised: self.revised,
        }
    }

    /// Time since answer: the audio's, or the wall's when the audio has stalled.
    pub(super) fn now_ms(&self) -> u64 {
        self.timeline().now_ms().max(self.wall_ms.saturating_sub(STALL_MS))
    }

    fn apply(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Open => {}
            Verdict::Human(sure) => {
                self.decide(EventKind::HumanDetected, Reason::ShortGreeting, Some(Subtype::Human), sure);
            }
            Verdict::Machine(sure) => {
                self.decide(EventKind::MachineDetected, Reason::LongGreeting, Some(Subtype::Voicemail), sure);
            }
        }
    }

    fn draw(&mut self) {
        let now = self.timeline().now_ms();
        let due = self.curve.last().is_none_or(|last| now >= last.at_ms + CURVE_STEP_MS);
        if due && self.curve.len() < CURVE_POINTS {
            self.curve.push(Sample { at_ms: now, machine: self.judge.machine() });
        }
    }

    fn timeline(&self) -> &Timeline {
        self.judge.timeline()
    }

    fn tone_started(&mut self, tone: Tone) {
        match tone.kind {
            ToneKind::Beep => self.beep_heard(tone),
            _ if self.options.profile == Profile::JambonzStrict => {}
            ToneKind::Sit if self.state == State::Deciding => {
                self.decide(EventKind::MachineDetected, Reason::Sit, Some(Subtype::Network), 0.99);
            }
            ToneKind::FaxCalling | ToneKind::FaxAnswer if self.state == State::Deciding => {
                self.decide(EventKind::MachineDetected, Reason::Fax, Some(Subtype::Fax), 0.99);
                // A fax has no greeting to end and no beep to wait for.
                self.finish();
            }
            ToneKind::Sit
            | ToneKind::FaxCalling
            | ToneKind::FaxAnswer
            | ToneKind::Ringback
            | ToneKind::Busy
            | ToneKind::Dtmf(_) => {}
        }
    }

    fn beep_heard(&mut self, tone: Tone) {
        if self.state == State::Stopped {
            let human = self.decision.as_ref().is_some_and(|d| d.kind == EventKind::HumanDetected);
            let lately = self.decision.as_ref().is_some_and(|d| tone.start_ms <= d.at_ms + SHADOW_MS);
            self.revised |= human && lately;
            return;
        }
        if self.beep.is_some() {
            return;
        }
        self.beep = Some(tone);
        self.emit(EventKind::ToneDetected, |e| e.tone = Some(tone));
        match self.state {
            State::Deciding if self.options.profile == Profile::Kore => {
                self.decide(EventKind::MachineDetected, Reason::Tone, Some(Subtype::Voicemail), 0.98);
            }
            // Nothing more can come.
            State::AwaitingBeep => self.finish(),
            State::Deciding | State::Greeting | State::Stopped => {}
        }
    }

    pub(super) fn decide(
        &mut self,
        kind: EventKind,
        reason: Reason,
        subtype: Option<Subtype>,
        confidence: f32,
    ) {
        if self.decision.is_some() {
            return;
        }
        let greeting = (!self.transcript.is_empty()).then(|| self.transcript.clone());
        let event = self.emit(kind, |e| {
            e.reason = Some(reason);
            e.subtype = subtype;
            e.confidence = Some(confidence);
            e.greeting = greeting;
        });
        self.decision = Some(event);
        match kind {
            EventKind::MachineDetected => self.state = State::Greeting,
            EventKind::HumanDetected
            | EventKind::NoSpeechDetected
            | EventKind::DecisionTimeout
            | EventKind::ToneDetected
            | EventKind::MachineStoppedSpeaking
            | EventKind::Error
            | EventKind::Stopped => self.finish(),
        }
    }

    fn timers(&mut self) {
        match self.options.profile {
            Profile::Kore => self.kore_timers(),
            Profile::JambonzStrict => self.strict_timers(),
        }
    }

    fn kore_timers(&mut self) {
        let now = self.now_ms();
        let timers = self.options.timers;
        match self.state {
            State::Deciding => {
                let nothing_said = self.timeline().onset_ms().is_none();
                // A first word may be on its way: it takes 80 ms to be sure of one.
                let perhaps = self.voiced_ms + 60 >= now && now < timers.no_speech_timeout_ms + 200;
                if nothing_said && !perhaps && now >= timers.no_speech_timeout_ms {
                    self.decide(EventKind::NoSpeechDetected, Reason::NoSpeech, None, 0.9);
                } else if now >= timers.decision_timeout_ms {
                    self.decide(EventKind::DecisionTimeout, Reason::Timeout, None, 0.5);
                }
            }
            State::Greeting => {
                if now >= LONGEST_RUN_MS {
                    self.finish();
                } else if self.greeting_is_over(now) {
                    let end = self.timeline().speech_end_ms();
                    self.emit(EventKind::MachineStoppedSpeaking, |e| e.speech_end_ms = end);
                    if self.beep.is_some() {
                        self.finish();
                    } else {
                        self.state = State::AwaitingBeep;
                    }
                }
            }
            State::AwaitingBeep => {
                let end = self.timeline().speech_end_ms().unwrap_or(0);
                if now >= (end + timers.tone_timeout_ms).min(LONGEST_RUN_MS) {
                    self.finish();
                }
            }
            State::Stopped => {}
        }
    }

    fn greeting_is_over(&self, now: u64) -> bool {
        let speech_end = self.timeline().speech_end_ms().unwrap_or(0);
        match (self.beep, self.beep_ended_ms) {
            (Some(_), Some(beep_end)) => {
                let wait = self.options.timers.greeting_completion_timeout_ms.min(AFTER_BEEP_MS);
                now >= speech_end.max(beep_end) + wait
            }
            (Some(_), None) => false,
            (None, _) => {
                let from = speech_end.max(self.decision.as_ref().map_or(0, |d| d.at_ms));
                let from = if self.timeline().onset_ms().is_some() { speech_end } else { from };
                now >= from + self.options.timers.greeting_completion_timeout_ms
            }
        }
    }

    pub(super) fn finish(&mut self) {
        self.emit(EventKind::Stopped, |_| {});
        self.state = State::Stopped;
    }

    pub(super) fn emit(&mut self, kind: EventKind, fill: impl FnOnce(&mut Event)) -> Event {
        self.seq += 1;
        let mut event = Event {
            seq: self.seq,
            kind,
            at_ms: self.now_ms(),
            reason: None,
            subtype: None,
            confidence: None,
            speech_onset_ms: self.timeline().onset_ms(),
            speech_end_ms: None,
            greeting: None,
            tone: None,
        };
        fill(&mut event);
        self.events.push_back(event.clone());
        event
    }
}
