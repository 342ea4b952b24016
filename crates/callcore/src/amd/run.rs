//! One detection run: evidence in, events out, in the order the contract wants.

use std::collections::VecDeque;

use super::curve::Curve;
use super::event::{Event, EventKind, Reason, Subtype};
use super::evidence::{Evidence, Measures};
use super::fusion::Parts;
use super::judge::{Judge, Verdict};
use super::likely::{Likely, Prospect};
use super::options::Options;
use super::policy::Policy;
use super::review::{Moment, Review, Revision};
use super::ruling::{Ruling, State, Step};
use super::timeline::Timeline;
use super::transcript::{TranscriptEvidence, continuous_since};
use crate::audio::level::SILENCE_DBFS;
use crate::detect::{Heard, Observation, Tone, ToneKind};

/// Latest end of a run: no greeting is waited for longer, in ms from answer.
const LONGEST_RUN_MS: u64 = 60_000;
/// Silence after a beep that ends the machine's turn, in ms.
const AFTER_BEEP_MS: u64 = 1_000;
/// No ring lasts longer: what does is a dial tone.
const LONGEST_RING_MS: u64 = 4_000;
/// How far the wall clock may run ahead of the audio before it takes over, in ms.
const STALL_MS: u64 = 500;
/// Log-odds from which on the words alone give the verdict, and how sure that is at least.
const SURE_WORDS: f32 = 3.0;
const SURE: f32 = 0.9;

/// One run of answering-machine detection. Media time 0 is the moment of answer.
#[derive(Debug)]
pub struct Amd {
    options: Options,
    policy: Policy,
    judge: Judge,
    transcript: TranscriptEvidence,
    review: Review,
    likely: Likely,
    events: VecDeque<Event>,
    seq: u32,
    decision: Option<Event>,
    state: State,
    beep: Option<Tone>,
    beep_ended_ms: Option<u64>,
    wall_ms: u64,
    curve: Curve,
    /// Last frame with a voice, speech or not.
    voiced_ms: u64,
    speech_dbfs: f32,
    noise_dbfs: f32,
    /// The kind by all that is known.
    subtype: Option<Subtype>,
    decided_by: Option<(Measures, Parts)>,
}

impl Amd {
    /// A run that begins at answer.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            judge: Judge::new(options.params, options.awaits_words),
            transcript: TranscriptEvidence::new(options.locale.as_deref()),
            review: Review::new(options.params.shadow_ms),
            policy: Policy::of(&options),
            options,
            likely: Likely::new(),
            events: VecDeque::with_capacity(8),
            seq: 0,
            decision: None,
            state: State::Deciding,
            beep: None,
            beep_ended_ms: None,
            wall_ms: 0,
            curve: Curve::default(),
            voiced_ms: 0,
            speech_dbfs: SILENCE_DBFS,
            noise_dbfs: SILENCE_DBFS,
            subtype: None,
            decided_by: None,
        }
    }

    /// Takes one measured frame. Then give [`Amd::feed`] what the same frame brought.
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
        self.curve.heard(observation.level_dbfs);
        let now = self.timeline().now_ms();
        if self.is_running() && self.curve.is_due(now, self.decision.is_some()) {
            self.curve.draw(now, self.judge.parts());
        }
        if let Some(verdict) = verdict
            && self.policy.decides_by_sound()
        {
            match self.state {
                State::Deciding => {
                    self.expect(verdict);
                    self.apply(verdict);
                }
                State::Stopped => {
                    self.review.verdict(self.moment(), verdict, self.transcript.subtype());
                }
                State::Greeting | State::AwaitingBeep => {}
            }
        }
        self.timers();
    }

    /// Takes something heard.
    pub fn feed(&mut self, heard: &Heard) {
        if !self.is_listening() {
            return;
        }
        self.judge.feed(heard);
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

    /// Takes a piece of transcript, as evidence when there is one.
    pub fn transcript(&mut self, text: &str, is_final: bool, _at_ms: u64) {
        if !self.is_listening() {
            return;
        }
        let (now, since) = (self.now_ms(), continuous_since(self.timeline().segments()));
        self.transcript.feed(text, is_final, now, since);
        let beep = self.beep.is_some();
        if let Policy::JambonzStrict(rules) = &mut self.policy {
            if let Some(ruling) = rules.transcript(text, is_final, self.state, now, beep) {
                self.decide(ruling);
            }
            return;
        }
        let log_odds = self.transcript.reading().log_odds;
        self.judge.hear_words(log_odds, is_final && !text.trim().is_empty());
        if self.state == State::Deciding {
            self.expect(Verdict::Open);
            self.decide_by_words();
        } else {
            let heard = (log_odds, self.transcript.subtype());
            let refined = self.review.words(self.moment(), heard, self.subtype, beep);
            self.subtype = refined.or(self.subtype);
        }
    }

    /// Lets a test say the verdict, to try the events apart from the model.
    #[cfg(test)]
    pub(super) fn judge(&mut self, verdict: Verdict) {
        self.judge.say(verdict);
    }

    /// Tells the wall clock, in ms since answer: timers fire even when the audio stalls.
    pub fn advance(&mut self, since_answer_ms: u64) {
        self.wall_ms = self.wall_ms.max(since_answer_ms);
        self.timers();
    }

    /// Nothing more is to come: the audio or the call ends. An answer that was just over counts as it is.
    pub fn stop(&mut self) {
        if self.state == State::Deciding && self.policy.decides_by_sound() {
            self.apply(self.judge.last_word());
        }
        if self.is_running() {
            self.finish();
        }
    }

    /// Detection cannot go on: `amd_error`, then `amd_stopped`.
    pub fn fail(&mut self, why: &str) {
        if self.is_running() {
            tracing::warn!(why, "answering-machine detection failed");
            if self.policy.tells_errors() {
                self.emit(EventKind::Error, |_| {});
            }
            self.finish();
        }
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next thing to be expected of the verdict that is still to come, oldest first: whether the callee may be spoken to
    /// meanwhile. No event tells it.
    pub fn poll_prospect(&mut self) -> Option<Prospect> {
        self.likely.poll()
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

    /// The next thing that was learned after the decision, oldest first.
    pub fn poll_revision(&mut self) -> Option<Revision> {
        self.review.poll()
    }

    /// Whether something heard after the decision speaks against it; [`Amd::poll_revision`] says what.
    #[must_use]
    pub const fn is_revised(&self) -> bool {
        self.review.is_revised()
    }

    /// Whether what is heard can still matter: the run goes on, or its decision is watched.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.is_running() || self.review.watches(self.timeline().now_ms())
    }

    /// The record behind the verdict.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let (timeline, transcript) = (self.timeline(), &self.transcript);
        Evidence {
            heard_ms: timeline.now_ms(),
            profile: self.options.profile,
            segments: timeline.segments().to_vec(),
            tones: timeline.tones().to_vec(),
            music: self.judge.music().to_vec(),
            speech_dbfs: self.speech_dbfs,
            noise_dbfs: self.noise_dbfs,
            machine_probability: self.curve.samples(),
            timers: self.options.timers,
            params: self.options.params,
            measures: self.decided_by.map(|(measures, _)| measures),
            parts: self.decided_by.map(|(_, parts)| parts),
            likely_human_ms: self.likely.since_ms(),
            doubted_ms: self.likely.doubted_ms(),
            transcript: transcript.settled().to_owned(),
            words: transcript.pieces().to_vec(),
            phrases: transcript.reading().hits.clone(),
            decision: self.decision.clone(),
            subtype: self.subtype,
            shadow: None,
            revisions: self.review.all().to_vec(),
            revised: self.review.is_revised(),
        }
    }

    fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms(), audio_ms: self.timeline().now_ms() }
    }

    /// Time since answer: the audio's, or the wall's when the audio has stalled.
    fn now_ms(&self) -> u64 {
        self.timeline().now_ms().max(self.wall_ms.saturating_sub(STALL_MS))
    }

    fn expect(&mut self, verdict: Verdict) {
        let (machine, words) = (self.judge.machine(), self.transcript.reading().log_odds);
        self.likely.expect(verdict, self.judge.timeline(), machine, words);
    }

    fn apply(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Open | Verdict::LikelyHuman(_) => {}
            Verdict::Human(sure) => {
                let ruling = Ruling::new(EventKind::HumanDetected, Reason::ShortGreeting, sure);
                self.decide(ruling.of(Subtype::Human));
            }
            Verdict::Machine(sure) => {
                let reason = self.transcript.reason().unwrap_or(Reason::LongGreeting);
                let subtype = self.transcript.subtype().filter(|subtype| *subtype != Subtype::Human);
                self.decide_machine(reason, subtype.unwrap_or(Subtype::Voicemail), sure);
            }
        }
    }

    fn decide_by_words(&mut self) {
        let machine = self.judge.machine();
        let threshold = self.options.threshold_word_count;
        let subtype = self.transcript.subtype().unwrap_or(Subtype::Voicemail);
        if self.transcript.reading().log_odds >= SURE_WORDS
            && let Some(reason) = self.transcript.reason()
        {
            // No person has said such words, whatever the voice sounded like.
            self.decide_machine(reason, subtype, machine.max(SURE));
        } else if threshold.is_some_and(|most| self.transcript.spoken() >= most) {
            self.decide_machine(Reason::LongGreeting, subtype, 0.9);
        }
    }

    /// A machine; with the phrase that told most where words were the reason.
    fn decide_machine(&mut self, reason: Reason, subtype: Subtype, confidence: f32) {
        let by_words = matches!(
            reason,
            Reason::Hint | Reason::DigitCount | Reason::Screening | Reason::Ivr | Reason::Unavailable
        );
        let hint = self.transcript.hint().filter(|_| by_words);
        self.decide(Ruling::new(EventKind::MachineDetected, reason, confidence).of(subtype).with(hint));
    }

    const fn timeline(&self) -> &Timeline {
        self.judge.timeline()
    }

    fn tone_started(&mut self, tone: Tone) {
        match tone.kind {
            ToneKind::Beep => self.beep_heard(tone),
            _ if !self.policy.decides_by_sound() => {}
            ToneKind::Sit if self.state == State::Deciding => {
                self.decide_machine(Reason::Sit, Subtype::Network, 0.99);
            }
            ToneKind::FaxCalling | ToneKind::FaxAnswer if self.state == State::Deciding => {
                self.decide_machine(Reason::Fax, Subtype::Fax, 0.99);
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
            self.review.beep(self.moment(), &tone);
            return;
        }
        if self.beep.is_some() {
            return;
        }
        self.beep = Some(tone);
        self.emit(EventKind::ToneDetected, |e| e.tone = Some(tone));
        match self.state {
            State::Deciding if self.policy.decides_by_sound() => {
                self.decide_machine(Reason::Tone, Subtype::Voicemail, 0.98);
            }
            // Nothing more can come.
            State::AwaitingBeep => self.finish(),
            State::Deciding | State::Greeting | State::Stopped => {}
        }
    }

    fn decide(&mut self, ruling: Ruling) {
        if self.decision.is_some() {
            return;
        }
        let Ruling { kind, reason, subtype, hint, confidence } = ruling;
        self.subtype = subtype;
        self.decided_by = Some((Measures::of(self.timeline()), self.judge.parts()));
        let event = self.emit(kind, |e| {
            e.reason = Some(reason);
            e.confidence = Some(confidence);
            e.hint = hint;
        });
        self.review.decided(kind, event.at_ms);
        self.decision = Some(event);
        if kind == EventKind::MachineDetected {
            self.state = State::Greeting;
        } else {
            self.finish();
        }
    }

    fn timers(&mut self) {
        let Policy::JambonzStrict(rules) = &self.policy else { return self.evidence_timers() };
        match rules.due(self.state, self.now_ms(), self.beep.is_some()) {
            Some(Step::Decide(ruling)) => self.decide(ruling),
            Some(Step::StoppedSpeaking) => {
                self.emit(EventKind::MachineStoppedSpeaking, |_| {});
                self.finish();
            }
            Some(Step::Finish) => self.finish(),
            None => {}
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
                    self.decide(Ruling::new(EventKind::NoSpeechDetected, Reason::NoSpeech, 0.9));
                } else if now >= timers.decision_timeout_ms {
                    self.decide(Ruling::new(EventKind::DecisionTimeout, Reason::Timeout, 0.5));
                }
            }
            State::Greeting => {
                if now >= LONGEST_RUN_MS {
                    self.finish();
                } else if self.greeting_is_over(now) {
                    let end = self.timeline().speech_end_ms();
                    if self.review.greeting_over(self.moment(), end.unwrap_or(0), self.subtype) {
                        self.emit(EventKind::MachineStoppedSpeaking, |e| e.speech_end_ms = end);
                    }
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
                    let last = self.judge.timeline().segments().last();
                    if self.review.goes_on(self.moment(), last, self.subtype) {
                        self.state = State::Greeting;
                    }
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
        let most = timers.decision_timeout_ms.max(timers.no_speech_timeout_ms);
        (rung_ms.unwrap_or(0) + timers.no_speech_timeout_ms).min(most)
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

    fn finish(&mut self) {
        self.emit(EventKind::Stopped, |_| {});
        self.state = State::Stopped;
    }

    fn emit(&mut self, kind: EventKind, fill: impl FnOnce(&mut Event)) -> Event {
        self.seq += 1;
        let spoken = self.transcript.settled();
        let mut event = Event {
            seq: self.seq,
            kind,
            at_ms: self.now_ms(),
            reason: None,
            subtype: self.subtype,
            confidence: None,
            speech_onset_ms: self.timeline().onset_ms(),
            speech_end_ms: None,
            greeting: (!spoken.is_empty()).then(|| spoken.to_owned()),
            hint: None,
            language: self.options.locale.clone().filter(|_| !spoken.is_empty()),
            tone: None,
        };
        fill(&mut event);
        self.events.push_back(event.clone());
        event
    }
}
