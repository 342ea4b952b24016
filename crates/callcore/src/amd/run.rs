//! One detection run: evidence in, events out, in the order the contract wants.

use std::collections::VecDeque;

use super::event::{Event, EventKind, Reason, Subtype};
use super::evidence::{Measures, Sample};
use super::finding::Finding;
use super::judge::{Judge, Verdict};
use super::options::{Options, Profile};
use super::strict::Transcripts;
use super::text::Words;
use super::timeline::{Segment, Timeline};
use crate::audio::level::SILENCE_DBFS;
use crate::detect::{Heard, Observation, Tone, ToneKind};

/// Room for findings; a call has hardly more.
const FINDINGS: usize = 8;
/// Latest end of a run: no greeting is waited for longer, in ms from answer.
const LONGEST_RUN_MS: u64 = 60_000;
/// Silence after a beep that ends the machine's turn, in ms.
const AFTER_BEEP_MS: u64 = 1_000;
/// No ring lasts longer: what does is a dial tone.
const LONGEST_RING_MS: u64 = 4_000;
/// How far the wall clock may run ahead of the audio before it takes over, in ms.
const STALL_MS: u64 = 500;
/// One point of the probability curve this often, in ms.
const CURVE_STEP_MS: u64 = 100;
/// The same after the decision.
const DECIDED_STEP_MS: u64 = 500;
/// Points kept: as long as a run may last.
const CURVE_POINTS: usize = 300;

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
    pub(super) curve: Vec<Sample>,
    /// Last frame with a voice, speech or not.
    voiced_ms: u64,
    pub(super) speech_dbfs: f32,
    pub(super) noise_dbfs: f32,
    /// Loudest frame since the last point of the curve.
    level_dbfs: f32,
    pub(super) words: Words,
    /// The kind by all that is known.
    pub(super) subtype: Option<Subtype>,
    pub(super) measures: Option<Measures>,
    /// Where the greeting ended when it was told to be over.
    pub(super) spoken_ms: u64,
    told_over: bool,
    pub(super) revised: bool,
    pub(super) found: Vec<Finding>,
    pub(super) findings: VecDeque<Finding>,
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
        let mut judge = Judge::new(options.params);
        judge.lean(options.params.bias);
        Self {
            judge,
            words: Words::new(options.locale.as_deref()),
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
            level_dbfs: SILENCE_DBFS,
            subtype: None,
            measures: None,
            spoken_ms: 0,
            told_over: false,
            revised: false,
            found: Vec::with_capacity(FINDINGS),
            findings: VecDeque::with_capacity(FINDINGS),
        }
    }

    /// Takes one measured frame. Then give [`Amd::hear`] what the same frame brought.
    pub fn observe(&mut self, observation: &Observation) {
        if !self.is_listening() {
            return;
        }
        let verdict = self.judge.observe(observation);
        if observation.speech {
            self.speech_dbfs = self.speech_dbfs.max(observation.level_dbfs);
            self.voiced_ms = observation.end_ms;
        }
        self.noise_dbfs = observation.noise_dbfs;
        self.level_dbfs = self.level_dbfs.max(observation.level_dbfs);
        if self.is_running() {
            self.draw();
        }
        if let Some(verdict) = verdict
            && self.options.profile == Profile::Evidence
        {
            match self.state {
                State::Deciding => self.apply(verdict),
                State::Stopped => self.late_verdict(verdict),
                State::Greeting | State::AwaitingBeep => {}
            }
        }
        self.timers();
    }

    /// Takes something heard.
    pub fn hear(&mut self, heard: &Heard) {
        if !self.is_listening() {
            return;
        }
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

    /// Lets the words so far lean the judge.
    pub(super) const fn lean(&mut self) {
        self.judge.lean(self.words.reading.log_odds + self.options.params.bias);
    }

    /// Probability that a machine answered, by sound and words.
    pub(super) fn machine_probability(&self) -> f32 {
        self.judge.machine()
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
            if self.options.profile == Profile::Evidence {
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

    /// Whether something heard after the decision speaks against it; [`Amd::poll_finding`] says what.
    #[must_use]
    pub const fn is_revised(&self) -> bool {
        self.revised
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
                let reason = self.words.reason().unwrap_or(Reason::LongGreeting);
                let subtype = self.words.subtype().filter(|subtype| *subtype != Subtype::Human);
                let subtype = subtype.unwrap_or(Subtype::Voicemail);
                self.decide(EventKind::MachineDetected, reason, Some(subtype), sure);
            }
        }
    }

    fn draw(&mut self) {
        let now = self.timeline().now_ms();
        let step = if self.decision.is_none() { CURVE_STEP_MS } else { DECIDED_STEP_MS };
        let due = self.curve.last().is_none_or(|last| now >= last.at_ms + step);
        if due && self.curve.len() < CURVE_POINTS {
            self.curve.push(Sample {
                at_ms: now,
                machine: self.judge.machine(),
                acoustic: self.judge.acoustic(),
                words: self.words.reading.log_odds,
                level_dbfs: self.level_dbfs,
            });
            self.level_dbfs = SILENCE_DBFS;
        }
    }

    /// Stretches of music so far.
    pub(super) fn music(&self) -> &[Segment] {
        self.judge.music()
    }

    pub(super) const fn timeline(&self) -> &Timeline {
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
            self.late_beep(&tone);
            return;
        }
        if self.beep.is_some() {
            return;
        }
        self.beep = Some(tone);
        self.emit(EventKind::ToneDetected, |e| e.tone = Some(tone));
        match self.state {
            State::Deciding if self.options.profile == Profile::Evidence => {
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
        self.subtype = subtype;
        self.measures = Some(Measures::of(self.timeline()));
        let by_words = matches!(
            reason,
            Reason::Hint | Reason::DigitCount | Reason::Screening | Reason::Ivr | Reason::Unavailable
        );
        let hint = match self.options.profile {
            Profile::Evidence => self.words.hint().filter(|_| by_words),
            Profile::JambonzStrict => self.strict.hint.take(),
        };
        let event = self.emit(kind, |e| {
            e.reason = Some(reason);
            e.confidence = Some(confidence);
            e.hint = hint;
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
            Profile::Evidence => self.evidence_timers(),
            Profile::JambonzStrict => self.strict_timers(),
        }
    }

    fn evidence_timers(&mut self) {
        let now = self.now_ms();
        let timers = self.options.timers;
        match self.state {
            State::Deciding => {
                let music = self.judge.hears_music();
                let nothing_said = music || self.timeline().onset_ms().is_none();
                // A first word may be on its way: it takes 80 ms to be sure of one.
                let perhaps = self.voiced_ms + 60 >= now && now < self.no_speech_due(now) + 200;
                if nothing_said && !perhaps && now >= self.no_speech_due(now) {
                    if music {
                        self.judge.forget();
                    }
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
                    self.spoken_ms = end.unwrap_or(0);
                    if self.told_over {
                        self.ended_again();
                    } else {
                        self.emit(EventKind::MachineStoppedSpeaking, |e| e.speech_end_ms = end);
                    }
                    self.told_over = true;
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
                } else {
                    self.watch_for_more();
                }
            }
            State::Stopped => {}
        }
    }

    /// When nobody has spoken for long enough. Ringback left over from the network is no silence yet; however
    /// long it goes on, the decision timeout holds.
    fn no_speech_due(&self, now: u64) -> u64 {
        let timers = self.options.timers;
        let rings = self.timeline().tones().iter().filter(|tone| tone.kind == ToneKind::Ringback);
        let rings = rings.map(|tone| (tone.start_ms, tone.end_ms.unwrap_or(now)));
        let rung_ms = rings
            .filter(|(start, end)| end.saturating_sub(*start) <= LONGEST_RING_MS)
            .map(|(_, end)| end)
            .max();
        let rung_ms = rung_ms.unwrap_or(0);
        let most = timers.decision_timeout_ms.max(timers.no_speech_timeout_ms);
        (rung_ms + timers.no_speech_timeout_ms).min(most)
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
        let spoken = &self.words.settled;
        let mut event = Event {
            seq: self.seq,
            kind,
            at_ms: self.now_ms(),
            reason: None,
            subtype: self.subtype,
            confidence: None,
            speech_onset_ms: self.timeline().onset_ms(),
            speech_end_ms: None,
            greeting: (!spoken.is_empty()).then(|| spoken.clone()),
            hint: None,
            language: self.options.locale.clone().filter(|_| !spoken.is_empty()),
            tone: None,
        };
        fill(&mut event);
        self.events.push_back(event.clone());
        event
    }
}
