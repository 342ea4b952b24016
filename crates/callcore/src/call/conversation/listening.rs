//! What the callee says: detection, the verdict, and utterances cut out for recognition.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::input::Hypothesis;
use super::arrival::Arrival;
use super::barge_in::BargeInDetector;
use super::mailbox::{Mailbox, Turned};
use super::utterance::{EndSilence, EndedUtterance, Utterance};
use crate::amd::{self, Amd, Detector, Told, Trace};
use crate::audio::frame::{FRAME_MS, Frame, ms_to_samples};
use crate::audio::level::SILENCE_DBFS;
use crate::clock::CallTime;
use crate::detect::{EchoGuard, FrontEnd, Heard, Tone, ToneKind};
use crate::flow::{self, TurnEnd};
use crate::playback::Chunk;

/// Audio kept from before speech was noticed, ms, so that no first consonant is lost.
const PREROLL_MS: u64 = 300;
/// Room for so much audio of an utterance is held ready, ms; a longer one makes itself more.
const KEPT_MS: u64 = 4_000;
/// An utterance is cut here even when the callee talks on, ms.
const LONGEST_UTTERANCE_MS: u64 = 30_000;
/// A line with more noise than this is noisy, dBFS.
const NOISY_DBFS: f32 = -45.0;
/// What is so much louder than the noise, and than this, is no quiet, dB and dBFS.
const OVER_NOISE_DB: f32 = 12.0;
const LOUD_DBFS: f32 = -48.0;
/// Before the verdict, and before the guard knows how our voice comes back, what is so much fainter than the callee's voice is
/// ours, for so long from our first word on, dB and ms.
const FAINTER_DB: f32 = 12.0;
const UNKNOWN_ECHO_MS: u64 = 600;
/// How often the detector is told the time while no audio comes, ms.
const STALL_CHECK_MS: u64 = 250;

/// What listening found out.
#[derive(Debug)]
pub(in super::super) enum Found {
    SpeechStarted {
        at_ms: u64,
    },
    /// The callee talks; this is it so far.
    Interim {
        number: u32,
        audio: Arc<[i16]>,
    },
    /// The callee stopped speaking and kept silent for the end-of-utterance time.
    Utterance {
        utterance: EndedUtterance,
        audio: Option<Arc<[i16]>>,
    },
    Tone(Tone),
    BeepStarted,
    Mailbox(Turned),
    /// What is to be expected of the verdict.
    Prospect(amd::Prospect),
    Amd(amd::Event),
    Revision(amd::Revision),
}

/// The listening half of an answered call.
#[derive(Debug)]
pub(in super::super) struct Listening {
    front_end: FrontEnd,
    echo: EchoGuard,
    /// The loudest that the callee has spoken, dBFS.
    voice_dbfs: f32,
    /// When our first word is heard, ms of call time.
    speaks_since: Option<u64>,
    arrival: Arrival,
    detector: Option<Detector>,
    words_tell: bool,
    /// What detection was fed, as long as it listens.
    trace: Option<Trace>,
    answered_at: CallTime,
    last_frame_at: CallTime,
    media_ms: u64,
    barge_in: BargeInDetector,
    talking_over: bool,
    mailbox: Mailbox,
    speech: bool,
    noise_dbfs: f32,
    utterance: Option<Utterance>,
    /// Utterances begun so far.
    utterances: u32,
    /// What ends an utterance unless the question says otherwise.
    usual_end_silence_ms: u64,
    silence: EndSilence,
    longest_ms: u64,
    expected: flow::Expected,
    /// Audio since the utterance began, with its preroll; empty when nobody recognises.
    kept: VecDeque<i16>,
    keeps: bool,
    interim: bool,
    found: VecDeque<Found>,
}

/// How a call listens.
#[derive(Debug)]
pub(in super::super) struct ListeningOptions {
    pub(in super::super) amd: Option<amd::Options>,
    pub(in super::super) end_silence_ms: u64,
    pub(in super::super) recognises: bool,
    /// Whether words say anything of who speaks.
    pub(in super::super) words_tell: bool,
    pub(in super::super) interim: bool,
}

impl Listening {
    /// Starts at the moment of answer: media time 0.
    pub(in super::super) fn new(options: ListeningOptions, now: CallTime) -> Self {
        let keeps = options.recognises;
        Self {
            front_end: FrontEnd::new(),
            echo: EchoGuard::new(),
            voice_dbfs: SILENCE_DBFS,
            speaks_since: None,
            arrival: Arrival::new(now),
            trace: options.amd.clone().map(Trace::new),
            detector: options.amd.map(Detector::new),
            answered_at: now,
            last_frame_at: now,
            media_ms: 0,
            barge_in: BargeInDetector::default(),
            talking_over: false,
            mailbox: Mailbox::default(),
            speech: false,
            noise_dbfs: SILENCE_DBFS,
            utterance: None,
            utterances: 0,
            usual_end_silence_ms: options.end_silence_ms,
            silence: EndSilence::new(&flow::Listening::default(), options.end_silence_ms),
            longest_ms: LONGEST_UTTERANCE_MS,
            expected: flow::Expected::default(),
            kept: VecDeque::with_capacity(if keeps { ms_to_samples(KEPT_MS) } else { 0 }),
            keeps,
            words_tell: options.words_tell,
            interim: keeps && options.interim,
            found: VecDeque::with_capacity(8),
        }
    }

    pub(in super::super) fn push(&mut self, frame: &Frame, now: CallTime) {
        self.last_frame_at = now;
        self.media_ms += FRAME_MS;
        let undecided = self.amd().is_some_and(|amd| amd.is_running() && amd.decision().is_none());
        let (echo, heard_ms) = (&mut self.echo, self.arrival.frame(now));
        let begins = self.speaks_since.is_some_and(|at| (at..at + UNKNOWN_ECHO_MS).contains(&heard_ms));
        let faint_dbfs = if undecided && begins { self.voice_dbfs - FAINTER_DB } else { SILENCE_DBFS };
        let mut is_echo = false;
        let observation = self.front_end.push_beside(frame, |heard| {
            is_echo = echo.is_echo(&heard.bands_dbfs, heard.level_dbfs, heard.noise_dbfs, heard_ms)
                || (heard.speech && echo.delay_ms().is_none() && heard.level_dbfs < faint_dbfs);
            is_echo
        });
        if let Some(trace) = self.traced() {
            trace.frame(is_echo);
        }
        self.talking_over = self.barge_in.push(observation.speech);
        self.speech = observation.speech;
        if observation.speech {
            self.voice_dbfs = self.voice_dbfs.max(observation.level_dbfs);
        }
        self.noise_dbfs = observation.noise_dbfs;
        if let Some(utterance) = &mut self.utterance {
            utterance.frame(observation.speech);
        }
        if self.keeps {
            self.keep(frame);
        }
        if let Some(detector) = &mut self.detector {
            detector.observe(&observation);
        }
        while let Some(heard) = self.front_end.poll() {
            if let Some(detector) = &mut self.detector {
                detector.feed(&heard);
            }
            self.note(heard);
        }
        self.drain_amd();
        let sounds = observation.tone || self.talking_over;
        let loud = observation.level_dbfs > (observation.noise_dbfs + OVER_NOISE_DB).max(LOUD_DBFS);
        if let Some(turned) = self.mailbox.frame(observation.speech, sounds, loud, self.media_ms) {
            self.found.push_back(Found::Mailbox(turned));
        }
        self.ask_meanwhile();
        self.end_utterance();
    }

    /// The next frame does not follow the last one.
    pub(super) fn gap(&mut self) {
        if self.front_end.gap()
            && let Some(trace) = self.traced()
        {
            trace.tell(Told::Gap);
        }
    }

    /// Has the words of an utterance that goes on looked for.
    fn ask_meanwhile(&mut self) {
        let Some(utterance) = self.utterance.as_mut().filter(|_| self.interim) else { return };
        if utterance.wants_words(self.media_ms) {
            utterance.ask(self.media_ms);
            let audio = self.kept.make_contiguous().into();
            self.found.push_back(Found::Interim { number: utterance.number, audio });
        }
    }

    /// Takes the answer to [`Found::Interim`]; false when it comes too late.
    pub(super) fn interim(&mut self, number: u32, heard: Option<&Hypothesis>, turn: TurnEnd) -> bool {
        let Some(utterance) = self.utterance.as_mut().filter(|u| u.number == number) else { return false };
        utterance.answer(heard, turn);
        true
    }

    /// The utterance under way.
    pub(super) const fn utterance(&self) -> Option<&Utterance> {
        self.utterance.as_ref()
    }

    /// The callee is about to hear this of ours.
    pub(super) fn sent(&mut self, chunk: &Chunk) {
        self.speaks_since.get_or_insert(chunk.plays_at.as_ms());
        self.echo.sent(chunk.samples(), chunk.plays_at.as_ms());
    }

    /// What was sent and not yet heard was taken back.
    pub(super) fn silenced(&mut self, now: CallTime) {
        self.echo.silenced(now.as_ms());
    }

    /// Listens as the question under way wants it, from now on.
    pub(super) fn set_listening(&mut self, how: flow::Listening) {
        self.silence = EndSilence::new(&how, self.usual_end_silence_ms);
        self.longest_ms = how.longest_ms.unwrap_or(LONGEST_UTTERANCE_MS).min(LONGEST_UTTERANCE_MS);
        self.expected = how.expected;
    }

    /// What the callee will probably say.
    pub(super) fn expected(&self) -> flow::Expected {
        self.expected.clone()
    }

    fn note(&mut self, heard: Heard) {
        match heard {
            Heard::SpeechStarted { at_ms } => match &mut self.utterance {
                Some(utterance) => utterance.paused_ms = None,
                None => {
                    self.utterances += 1;
                    self.utterance = Some(Utterance::new(self.utterances, at_ms));
                    self.found.push_back(Found::SpeechStarted { at_ms });
                }
            },
            Heard::SpeechEnded { at_ms } => {
                if let Some(utterance) = &mut self.utterance {
                    utterance.paused_ms = Some(at_ms);
                }
            }
            Heard::ToneStarted(tone) => {
                if tone.kind == ToneKind::Beep {
                    self.found.push_back(Found::BeepStarted);
                }
            }
            Heard::ToneEnded(tone) => {
                self.mailbox.tone_ended(&tone);
                self.found.push_back(Found::Tone(tone));
            }
        }
    }

    fn end_utterance(&mut self) {
        let Some(utterance) = &self.utterance else {
            return;
        };
        let Some(end_ms) = utterance.ended_ms(self.media_ms, self.silence, self.longest_ms) else { return };
        let audio = self.keeps.then(|| self.kept.make_contiguous().into());
        let Some(utterance) = self.utterance.take() else { return };
        self.found.push_back(Found::Utterance { utterance: utterance.ended(end_ms), audio });
        self.kept.clear();
        self.kept.shrink_to(ms_to_samples(KEPT_MS));
    }

    fn keep(&mut self, frame: &Frame) {
        self.kept.extend(frame);
        if self.utterance.is_none() {
            let surplus = self.kept.len().saturating_sub(ms_to_samples(PREROLL_MS));
            self.kept.drain(..surplus);
        }
    }

    /// Tells the detector the time, so that its timers fire although no audio comes.
    pub(super) fn handle_timeout(&mut self, now: CallTime) {
        if now.ms_since(self.last_frame_at) < STALL_CHECK_MS {
            return;
        }
        self.last_frame_at = now;
        let since_answer_ms = now.ms_since(self.answered_at);
        if let Some(trace) = self.traced() {
            trace.tell(Told::Clock(since_answer_ms));
        }
        if let Some(detector) = &mut self.detector {
            detector.advance(since_answer_ms);
        }
        self.drain_amd();
    }

    /// The carrier was away for so long: its time did not pass for the detector.
    pub(super) fn stood_still(&mut self, away_ms: u64, now: CallTime) {
        self.answered_at = self.answered_at + away_ms;
        self.last_frame_at = now;
        self.gap();
    }

    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        let running = self.amd().is_some_and(Amd::is_running);
        running.then(|| self.last_frame_at + STALL_CHECK_MS)
    }

    fn amd(&self) -> Option<&Amd> {
        self.detector.as_ref().map(Detector::deciding)
    }

    /// The trace, as long as what is heard can matter to detection.
    fn traced(&mut self) -> Option<&mut Trace> {
        let matters = self.amd().is_some_and(Amd::is_listening);
        self.trace.as_mut().filter(|_| matters)
    }

    /// What detection was fed.
    pub(super) fn take_trace(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    fn drain_amd(&mut self) {
        if let Some(amd) = self.detector.as_mut().map(Detector::deciding_mut) {
            while let Some(prospect) = amd.poll_prospect() {
                self.found.push_back(Found::Prospect(prospect));
            }
            while let Some(event) = amd.poll_event() {
                self.found.push_back(Found::Amd(event));
            }
            while let Some(finding) = amd.poll_revision() {
                self.found.push_back(Found::Revision(finding));
            }
        }
    }

    /// Words as evidence of who speaks.
    pub(super) fn transcript(&mut self, text: &str, is_final: bool) {
        if !self.words_tell {
            return;
        }
        if let Some(trace) = self.traced() {
            trace.tell(Told::Words { text: text.to_owned(), is_final });
        }
        if let Some(detector) = &mut self.detector {
            detector.transcript(text, is_final, self.media_ms);
        }
        self.drain_amd();
    }

    /// The call needs no verdict any more.
    pub(in super::super) fn stop_detection(&mut self) {
        if let Some(trace) = self.traced() {
            trace.tell(Told::Stop);
        }
        if let Some(detector) = &mut self.detector {
            detector.stop();
        }
        self.drain_amd();
    }

    pub(in super::super) fn poll(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// Whether the callee is talking at this moment, confirmed over some frames.
    pub(super) const fn talking_over(&self) -> bool {
        self.talking_over
    }

    /// Whether the last frame was speech.
    pub(super) const fn hears_speech(&self) -> bool {
        self.speech
    }

    /// Whether noise hides the fainter parts of what the callee says.
    pub(super) fn is_noisy(&self) -> bool {
        self.noise_dbfs > NOISY_DBFS
    }

    /// Forgets the speech that has just interrupted a prompt.
    pub(super) fn reset_barge_in(&mut self) {
        self.barge_in.reset();
        self.talking_over = false;
    }

    pub(super) fn evidence(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self.detector.as_ref()?.evidence()).ok()
    }
}
