//! What the callee hears: the flow's prompts on their way through play-out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::fact::CutBy;
use crate::audio::frame::{ms_to_samples, samples_to_ms};
use crate::audio::tone::tone;
use crate::clock::{CallTime, soonest};
use crate::flow::{BargeIn, Confirm, Part};
use crate::ids::PlayId;
use crate::language::{Spoken, sentences};
use crate::playback::{Answers, Event, Options, Out, Piece, Playback};

/// The sound before a recording: pitch, length, level.
const BEEP: (f32, u64, f32) = (1_000.0, 250, -18.0);

/// Parts of one prompt that are being made at the same time; the next one follows when one is there.
const MADE_AT_ONCE: usize = 4;

#[derive(Debug)]
struct Prompt {
    barge_in: BargeIn,
    confirm: Confirm,
    /// Keys pressed before so much of it was heard are dropped.
    keys_after_ms: u64,
    error: Option<String>,
    /// When its first sound plays.
    began_at: Option<CallTime>,
    spoken: Spoken,
    /// Parts that are still to be made, in playing order.
    unmade: VecDeque<(u16, Part)>,
}

/// A prompt to speak.
#[derive(Debug)]
pub(super) struct Speech {
    pub(super) id: PlayId,
    pub(super) parts: Vec<Part>,
    pub(super) barge_in: BargeIn,
    pub(super) confirm: Confirm,
    pub(super) keys_after_ms: u64,
}

/// A prompt that is over.
#[derive(Debug)]
pub(super) struct PromptEnded {
    pub(super) id: PlayId,
    pub(super) heard_ms: u64,
    pub(super) completed: bool,
    /// By the clock: the carrier confirms nothing.
    pub(super) estimated: bool,
    pub(super) error: Option<String>,
    pub(super) began_at: Option<CallTime>,
    /// What there was to say, and what of it the callee heard.
    pub(super) text: String,
    pub(super) words: usize,
    pub(super) heard_text: String,
    pub(super) heard_words: usize,
}

/// What speaking has to report.
#[derive(Debug)]
pub(super) enum PlaybackReport {
    Reached {
        play: PlayId,
        name: String,
        /// By the clock: the carrier confirms nothing.
        estimated: bool,
    },
    Ended(PromptEnded),
}

/// The speaking half of an answered call.
#[derive(Debug)]
pub(super) struct Speaking {
    playback: Playback,
    prompts: BTreeMap<PlayId, Prompt>,
    /// What cuts the prompt once its protected stretch is over, and when that may be.
    deferred: Option<(CutBy, CallTime)>,
}

impl Speaking {
    pub(super) fn new(options: Options) -> Self {
        Self { playback: Playback::new(options), prompts: BTreeMap::new(), deferred: None }
    }

    /// Sends by `options` from the next packet on.
    pub(super) const fn set_options(&mut self, options: Options) {
        self.playback.set_options(options);
    }

    /// Queues a prompt and returns the parts whose audio must be made first, by number. A text is made sentence
    /// by sentence: the first is heard while the next ones are made.
    pub(super) fn speak(&mut self, speech: Speech, now: CallTime) -> Vec<(u16, Part)> {
        let Speech { id, parts, barge_in, confirm, keys_after_ms } = speech;
        let mut unmade = VecDeque::new();
        let mut pieces = Vec::with_capacity(parts.len());
        let mut spoken = Spoken::default();
        // Nobody waits for the end of so long a prompt; it is no reason to fail.
        let mut numbers = (0..u16::MAX).chain(std::iter::repeat(u16::MAX));
        for part in parts {
            match part {
                Part::Checkpoint(name) => pieces.push(Piece::Mark(name)),
                Part::Protected(on) => pieces.push(Piece::Protected(on)),
                Part::Beep => {
                    pieces.push(Piece::Audio(tone(&[BEEP.0], BEEP.1, BEEP.2).into()));
                    spoken.sound(BEEP.1);
                }
                Part::File(name) => {
                    let number = numbers.next().unwrap_or(u16::MAX);
                    spoken.file(number, &name);
                    pieces.push(Piece::Awaiting { part: number });
                    unmade.push_back((number, Part::File(name)));
                }
                Part::Say { text, language, voice } => {
                    for sentence in sentences(&text, &language) {
                        let number = numbers.next().unwrap_or(u16::MAX);
                        spoken.say(number, &sentence.text);
                        pieces.push(Piece::Awaiting { part: number });
                        if sentence.pause_ms > 0 {
                            let silence = vec![0; ms_to_samples(sentence.pause_ms)];
                            pieces.push(Piece::Audio(silence.into()));
                            spoken.sound(sentence.pause_ms);
                        }
                        let (language, voice) = (language.clone(), voice.clone());
                        unmade.push_back((number, Part::Say { text: sentence.text, language, voice }));
                    }
                }
            }
        }
        let first = unmade.drain(..unmade.len().min(MADE_AT_ONCE)).collect();
        let prompt = Prompt { barge_in, confirm, keys_after_ms, error: None, began_at: None, spoken, unmade };
        self.prompts.insert(id, prompt);
        self.playback.enqueue(id, pieces, now);
        first
    }

    /// Audio has been made, or could not be: then the prompt ends with the error, once what comes before it has
    /// been heard. Returns the part that is to be made next.
    pub(super) fn rendered(
        &mut self,
        id: PlayId,
        part: u16,
        result: Result<Arc<[i16]>, String>,
        now: CallTime,
    ) -> Option<(u16, Part)> {
        let prompt = self.prompts.get_mut(&id)?;
        match result {
            Ok(audio) => {
                prompt.spoken.made(part, samples_to_ms(audio.len()));
                let next = prompt.unmade.pop_front();
                self.playback.fill(id, part, audio, now);
                next
            }
            Err(error) => {
                // The first failure counts, and nothing more is made.
                prompt.unmade.clear();
                prompt.error.get_or_insert(error);
                if !self.playback.end_before(id, part, now) {
                    self.interrupt(now);
                }
                None
            }
        }
    }

    pub(super) fn confirm(&mut self, wire_name: &str, now: CallTime) {
        self.playback.confirm(wire_name, now);
    }

    /// Cuts what plays and what waits behind it, whatever protects it.
    pub(super) fn interrupt(&mut self, now: CallTime) {
        self.deferred = None;
        self.playback.interrupt(now);
    }

    /// Cuts what plays, or notes that it is to be cut when its protected stretch is over; true when it
    /// was cut.
    pub(super) fn cut(&mut self, by: CutBy, now: CallTime) -> bool {
        if let Some(until) = self.playback.protected_until(now) {
            self.deferred = Some((by, until));
            return false;
        }
        self.interrupt(now);
        true
    }

    /// Whether a cut waits for the end of a protected stretch.
    pub(super) const fn is_cut_deferred(&self) -> bool {
        self.deferred.is_some()
    }

    /// Carries out a cut that waited for the end of a protected stretch, and says what asked for it.
    pub(super) fn cut_deferred(&mut self, now: CallTime) -> Option<CutBy> {
        let (by, _) = self.deferred?;
        self.cut(by, now).then_some(by)
    }

    /// Cuts `id` short if it is what plays or waits.
    pub(super) fn stop(&mut self, id: PlayId, now: CallTime) {
        if self.playback.current() == Some(id) {
            self.cut(CutBy::Keys, now);
        } else if self.prompts.contains_key(&id) {
            self.interrupt(now);
        }
    }

    /// Takes `id` back at once, whatever protects it.
    pub(super) fn withdraw(&mut self, id: PlayId, now: CallTime) {
        if self.prompts.contains_key(&id) {
            self.interrupt(now);
        }
    }

    pub(super) fn pause(&mut self, now: CallTime) {
        if self.playback.protected_until(now).is_none() {
            self.playback.pause(now);
        }
    }

    pub(super) fn go_on(&mut self, now: CallTime) {
        self.playback.resume(now);
    }

    /// The carrier is there at `now`.
    pub(super) const fn alive(&mut self, now: CallTime) {
        self.playback.alive(now);
    }

    /// What the carrier is known to have received.
    pub(super) const fn set_answers(&mut self, answers: Answers) {
        self.playback.set_answers(answers);
    }

    /// Nothing came from the carrier between `from` and `to`, although something always does.
    pub(super) fn missed(&mut self, from: CallTime, to: CallTime) {
        self.playback.missed(from, to);
    }

    /// The carrier cannot be reached; what would have been played after `certain` was not heard.
    pub(super) fn hold(&mut self, certain: CallTime) {
        self.playback.hold(certain);
    }

    /// The carrier can be reached again.
    pub(super) fn release(&mut self, now: CallTime) {
        self.playback.release(now);
    }

    /// The prompt that plays or is next to.
    pub(super) fn current(&self) -> Option<PlayId> {
        self.playback.current()
    }

    /// What is left of the prompt that plays, ms; `None` while not all of its audio is there.
    pub(super) fn left_ms(&self, now: CallTime) -> Option<u64> {
        self.playback.left_ms(now)
    }

    /// How much of the prompt that plays was heard, ms, by the clock.
    pub(super) fn heard_ms(&self, now: CallTime) -> u64 {
        self.playback.heard_ms(now)
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.playback.is_paused()
    }

    /// What may cut short what the callee hears at `now`, or would if it were not held back.
    pub(super) fn barge_in(&self, now: CallTime) -> (BargeIn, Confirm) {
        self.playback
            .current()
            .filter(|_| self.playback.is_audible(now) || self.playback.is_paused())
            .and_then(|id| self.prompts.get(&id))
            .map_or((BargeIn::Off, Confirm::default()), |prompt| (prompt.barge_in, prompt.confirm))
    }

    /// Whether a key pressed now belongs to what came before the prompt that plays.
    pub(super) fn is_deaf_to_keys(&self, now: CallTime) -> bool {
        let after_ms = self.playback.current().and_then(|id| self.prompts.get(&id)).map(|p| p.keys_after_ms);
        after_ms.is_some_and(|after_ms| after_ms > 0 && self.playback.heard_ms(now) < after_ms)
    }

    pub(super) fn poll_out(&mut self) -> Option<Out> {
        let out = self.playback.poll_out()?;
        if let Out::Audio(chunk) = &out
            && let Some(prompt) = self.prompts.get_mut(&chunk.play)
        {
            prompt.began_at.get_or_insert(chunk.plays_at);
        }
        Some(out)
    }

    pub(super) fn poll(&mut self) -> Option<PlaybackReport> {
        match self.playback.poll_event()? {
            Event::Reached { id: play, name, estimated } => {
                Some(PlaybackReport::Reached { play, name, estimated })
            }
            Event::Ended { id, heard_ms, completed, estimated } => {
                self.deferred = None;
                let prompt = self.prompts.remove(&id);
                let began_at = prompt.as_ref().and_then(|p| p.began_at);
                let (error, spoken): (Option<String>, Spoken) =
                    prompt.map(|p| (p.error, p.spoken)).unwrap_or_default();
                let completed = completed && error.is_none();
                let (text, words) = spoken.all();
                let (heard_text, heard_words) =
                    if completed { (text.clone(), words) } else { spoken.heard(heard_ms) };
                Some(PlaybackReport::Ended(PromptEnded {
                    id,
                    heard_ms,
                    completed,
                    estimated,
                    error,
                    began_at,
                    text,
                    words,
                    heard_text,
                    heard_words,
                }))
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: CallTime) {
        self.playback.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<CallTime> {
        soonest(self.playback.poll_timeout(), self.deferred.map(|(_, until)| until))
    }
}
