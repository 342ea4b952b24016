//! The queue of prompts, its pacing and its position.

use std::collections::VecDeque;
use std::sync::Arc;

use super::answers::Answers;
use super::prompt::{Next, Piece, Prompt};
use crate::audio::frame::{FRAME_MS, FRAME_SAMPLES, ms_to_samples};
use crate::clock::CallTime;
use crate::ids::PlayId;

/// A check point that ends a protected stretch is waited for at most this long, ms.
const PROTECTED_GRACE_MS: u64 = 300;
/// A carrier that confirms check points is waited for this long, as long as it is alive, ms. Then the prompt ends
/// where the carrier last said that it was.
const UNCONFIRMED_MS: u64 = 30_000;
/// When nothing holds it up, the carrier's word on a check point comes within this time, ms.
pub(super) const WORD_MS: u64 = 500;
/// A carrier that was heard of so long ago is there, ms.
const LATELY_MS: u64 = 250;
/// So many check points that counted by the clock are remembered for the carrier's late word.
const MAX_GUESSED: usize = 16;
/// After this much audio the carrier is asked how far it is, check point or not, ms.
const PLACE_MS: u64 = 2_000;

/// How audio is sent to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Audio per packet, ms. The carrier's document recommends 160 less the network's latency.
    pub chunk_ms: u64,
    /// At most this much audio is sent ahead of what is playing, ms.
    pub lead_ms: u64,
    /// How long after its estimated time an unconfirmed check point counts as reached, ms, with a carrier that is
    /// alive and has confirmed none of this call; 0 on a wire without check points.
    pub confirm_grace_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { chunk_ms: 160, lead_ms: 320, confirm_grace_ms: 1_500 }
    }
}

/// Audio to send now.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The prompt it belongs to.
    pub play: PlayId,
    pub audio: Arc<[i16]>,
    pub from: usize,
    pub to: usize,
    /// When its first sample is expected to be played.
    pub plays_at: CallTime,
}

impl Chunk {
    /// The samples of this chunk.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        self.audio.get(self.from..self.to).unwrap_or_default()
    }

    /// Samples of silence that make whole frames of it: carriers play 20 ms at a time.
    #[must_use]
    pub fn padding(&self) -> usize {
        let length = self.samples().len();
        length.next_multiple_of(FRAME_SAMPLES) - length
    }
}

/// What to send to the carrier, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    Audio(Chunk),
    /// A check point under its name on the wire, which is unique within the call.
    Mark(String),
    /// Stop playing and forget what is queued.
    Flush,
}

/// What became known about the prompts.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The callee has heard everything before this check point. `estimated` by the clock: the carrier confirms
    /// nothing.
    Reached { id: PlayId, name: String, estimated: bool },
    /// A prompt is over; `heard_ms` of it were heard. `estimated` as above.
    Ended { id: PlayId, heard_ms: u64, completed: bool, estimated: bool },
}

/// What a check point on the wire stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The flow author's check point.
    Named(String),
    /// No more than how far the carrier is.
    Place,
    /// The end of a prompt.
    End,
}

#[derive(Debug)]
pub(super) struct Pending {
    wire_name: String,
    pub(super) id: PlayId,
    pub(super) mark: Mark,
    heard_ms: u64,
    pub(super) due: CallTime,
    sent_at: CallTime,
    /// The carrier was told to stop since: it may have forgotten this one.
    flushed: bool,
}

/// The prompts of one call.
#[derive(Debug)]
pub struct Playback {
    options: Options,
    pub(super) prompts: VecDeque<Prompt>,
    pub(super) pending: VecDeque<Pending>,
    pub(super) out: VecDeque<Out>,
    events: VecDeque<Event>,
    /// When everything sent so far will have been played by a carrier that never falls behind: packets are sent by it.
    pub(super) busy_until: CallTime,
    /// When everything sent so far will have been played, as far as is known.
    pub(super) played_until: CallTime,
    /// How far the carrier has fallen behind, ms.
    pub(super) behind_ms: u64,
    /// Check points that counted by the clock alone; the carrier's word on them may still come.
    pub(super) guessed: VecDeque<Pending>,
    marks_sent: u32,
    /// Audio sent behind the last check point, ms.
    pub(super) unmarked_ms: u64,
    pub(super) paused: bool,
    /// The carrier was last known to be there then.
    pub(super) alive_at: CallTime,
    pub(super) answers: Answers,
    /// It has confirmed a check point of this call.
    confirms: bool,
    /// The way to the carrier does not work: up to then it was certain to.
    pub(super) held_at: Option<CallTime>,
}

impl Playback {
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            prompts: VecDeque::new(),
            pending: VecDeque::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            busy_until: CallTime::ZERO,
            played_until: CallTime::ZERO,
            behind_ms: 0,
            guessed: VecDeque::new(),
            marks_sent: 0,
            unmarked_ms: 0,
            paused: false,
            alive_at: CallTime::ZERO,
            answers: Answers::default(),
            confirms: false,
            held_at: None,
        }
    }

    /// Sends by `options` from the next packet on.
    pub const fn set_options(&mut self, options: Options) {
        self.options = options;
    }

    /// Queues a prompt behind those already there.
    pub fn enqueue(&mut self, id: PlayId, pieces: Vec<Piece>, now: CallTime) {
        self.prompts.push_back(Prompt::new(id, pieces));
        self.advance(now);
    }

    /// Delivers the audio of a piece that was awaited; unknown ones are ignored (the prompt was cut).
    pub fn fill(&mut self, id: PlayId, part: u16, audio: Arc<[i16]>, now: CallTime) {
        if let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == id) {
            prompt.fill(part, audio);
            self.advance(now);
        }
    }

    /// The audio of a piece will never come: the prompt ends before it. False, and nothing done, when
    /// there is nothing to hear before it.
    pub fn end_before(&mut self, id: PlayId, part: u16, now: CallTime) -> bool {
        let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == id).filter(|p| !p.is_empty_before(part))
        else {
            return false;
        };
        prompt.end_before(part);
        self.advance(now);
        true
    }

    /// The carrier says that everything before check point `wire_name` has been played.
    pub fn confirm(&mut self, wire_name: &str, now: CallTime) {
        let is_it = |mark: &Pending| mark.wire_name == wire_name;
        let due = if let Some(position) = self.pending.iter().position(is_it) {
            let due = self.pending.get(position).map_or(now, |mark| mark.due);
            self.guessed.clear();
            for _ in 0..=position {
                self.reach_front(false);
            }
            due
        } else if let Some(position) = self.guessed.iter().position(is_it) {
            let Some(mark) = self.guessed.drain(..=position).next_back() else { return };
            if let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == mark.id) {
                prompt.confirm(mark.heard_ms);
            }
            mark.due
        } else {
            return;
        };
        self.confirms = true;
        self.correct(due, now);
        self.advance(now);
    }

    /// Cuts everything short: what plays now and what waits behind it.
    pub fn interrupt(&mut self, now: CallTime) {
        if self.prompts.is_empty() {
            return;
        }
        self.settle_overdue(now);
        for prompt in std::mem::take(&mut self.prompts) {
            let heard_ms = self.heard_of(&prompt, now);
            self.events.push_back(Event::Ended {
                id: prompt.id,
                heard_ms,
                completed: false,
                estimated: false,
            });
        }
        self.pending.clear();
        self.out.retain(|out| matches!(out, Out::Flush));
        // A carrier that was told to pause has nothing queued, nor has one that does not hear us.
        if !std::mem::take(&mut self.paused) && self.held_at.is_none() {
            self.out.push_back(Out::Flush);
        }
        self.unmarked_ms = 0;
        self.is_empty_at(now);
    }

    /// Falls silent at once and keeps what the callee has not heard for [`Self::resume`].
    pub fn pause(&mut self, now: CallTime) {
        if self.paused || self.prompts.is_empty() {
            return;
        }
        self.paused = true;
        let certain = self.answers.certain(now);
        for prompt in &mut self.prompts {
            let lost = |mark: &&Pending| mark.id == prompt.id && mark.due > certain;
            let named = |mark: &&Pending| matches!(mark.mark, Mark::Named(_));
            let marks = self.pending.iter().filter(lost).filter(named).count();
            if self.pending.iter().filter(lost).any(|mark| mark.mark == Mark::End) {
                prompt.end_marked = false;
            }
            prompt.rewind(prompt.heard_ms(certain), marks, now);
        }
        self.pending.retain(|mark| mark.due <= certain);
        self.pending.iter_mut().for_each(|mark| mark.flushed = true);
        self.unmarked_ms = 0;
        self.out.retain(|out| matches!(out, Out::Flush));
        self.out.push_back(Out::Flush);
        self.is_empty_at(now);
    }

    /// Goes on where the callee stopped hearing at [`Self::pause`].
    pub fn resume(&mut self, now: CallTime) {
        if std::mem::take(&mut self.paused) {
            self.is_empty_at(now);
            self.advance(now);
        }
    }

    /// Whether a prompt is held back by [`Self::pause`].
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// When the protected stretch ends that the callee hears at `now`, as far as its audio is there;
    /// `None` outside of one. One with a check point at its end lasts until that is confirmed.
    #[must_use]
    pub fn protected_until(&self, now: CallTime) -> Option<CallTime> {
        let prompt = self.prompts.front()?;
        if let Some(end_ms) = prompt.protected_to_ms(now) {
            return Some(now + end_ms.saturating_sub(prompt.heard_ms(now)).max(FRAME_MS));
        }
        // The carrier has not said yet that the stretch was heard to its end.
        let ends = |mark: &&Pending| {
            mark.id == prompt.id && mark.due <= now && prompt.protected_ends_at(mark.heard_ms)
        };
        let until =
            self.pending.iter().find(ends)?.due + self.options.confirm_grace_ms.min(PROTECTED_GRACE_MS);
        (until > now).then_some(until)
    }

    /// Sends what is due and accepts check points that nobody confirmed in time.
    pub fn handle_timeout(&mut self, now: CallTime) {
        self.settle_overdue(now);
        self.advance(now);
    }

    /// Gives up waiting for the carrier's word on what is overdue.
    fn settle_overdue(&mut self, now: CallTime) {
        while self.overdue_at().is_some_and(|at| at <= now) {
            if self.pending.front().is_some_and(|mark| self.needs_word(mark)) {
                self.doubt_front();
            } else {
                self.reach_front(true);
            }
        }
    }

    /// When the oldest check point is not waited for any longer; `None` without one, and while the carrier may not have
    /// been there all the time.
    fn overdue_at(&self) -> Option<CallTime> {
        let mark = self.pending.front()?;
        let at =
            mark.due + if self.needs_word(mark) { UNCONFIRMED_MS } else { self.options.confirm_grace_ms };
        let is_known = self.held_at.is_none() && self.alive_at >= mark.due.max(at - LATELY_MS);
        is_known.then_some(at)
    }

    /// Whether only the carrier's word says that this check point was reached: it confirms check points, or is not known
    /// to have got what is before this one.
    fn needs_word(&self, mark: &Pending) -> bool {
        (self.confirms && !mark.flushed) || !self.answers.prove(mark.sent_at)
    }

    /// What the callee has heard of `prompt` by `now`: by the clock, unless a carrier that confirms has fallen behind
    /// it, and never anything of the time when the carrier could not be reached, or did not get what it was sent. Once it
    /// cannot be reached, what it has not answered may never have come to it.
    fn heard_of(&self, prompt: &Prompt, now: CallTime) -> u64 {
        let now = match self.held_at {
            Some(held_at) => self.answers.received(held_at.min(now)),
            None => self.answers.certain(now),
        };
        let first = self.pending.iter().find(|mark| mark.id == prompt.id);
        let is_behind = self.confirms && first.is_some_and(|mark| mark.due + WORD_MS <= now);
        if is_behind { prompt.confirmed_ms() } else { prompt.heard_ms(now) }
    }

    /// When [`Self::handle_timeout`] must be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        let send = self
            .prompts
            .iter()
            .find(|p| !p.end_marked)
            .filter(|p| !p.is_waiting() && !self.paused && self.held_at.is_none())
            .map(|_| self.busy_until - self.ahead_ms());
        crate::clock::soonest(send, self.overdue_at())
    }

    pub fn poll_out(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The prompt that is playing or next to play.
    #[must_use]
    pub fn current(&self) -> Option<PlayId> {
        self.prompts.front().map(|p| p.id)
    }

    /// What the callee has still to hear of the prompt that plays, ms; `None` without one, and while not all of
    /// its audio is there.
    #[must_use]
    pub fn left_ms(&self, now: CallTime) -> Option<u64> {
        let prompt = self.prompts.front()?;
        Some(prompt.length_ms()?.saturating_sub(prompt.heard_ms(now)))
    }

    /// How much was heard of the prompt that plays or is next to play, ms.
    #[must_use]
    pub fn heard_ms(&self, now: CallTime) -> u64 {
        self.prompts.front().map_or(0, |prompt| prompt.heard_ms(now))
    }

    /// Whether the callee hears something of ours at `now`, or waits for the rest of it.
    #[must_use]
    pub fn is_audible(&self, now: CallTime) -> bool {
        let between = |prompt: &Prompt| prompt.has_begun() && prompt.is_waiting();
        self.prompts.front().is_some_and(|prompt| self.played_until > now || between(prompt))
    }

    pub(super) fn advance(&mut self, now: CallTime) {
        if self.paused || self.held_at.is_some() {
            return;
        }
        let (max_samples, ahead_ms) = (ms_to_samples(self.options.chunk_ms), self.ahead_ms());
        while let Some(prompt) = self.prompts.iter_mut().find(|p| !p.end_marked) {
            if self.busy_until.ms_since(now) > ahead_ms {
                return;
            }
            let (id, sent_ms) = (prompt.id, prompt.sent_ms());
            match prompt.take(max_samples) {
                Next::Waiting => return,
                Next::Audio { audio, from, to } => {
                    let length_ms = (to - from).div_ceil(FRAME_SAMPLES) as u64 * FRAME_MS;
                    if self.played_until <= now {
                        self.behind_ms = 0;
                    }
                    let plays_at = self.played_until.max(now);
                    prompt.sent_until(plays_at + length_ms);
                    if self.unmarked_ms >= PLACE_MS {
                        self.mark(id, Mark::Place, sent_ms, now);
                    }
                    self.busy_until = self.busy_until.max(now) + length_ms;
                    self.played_until = plays_at + length_ms;
                    self.unmarked_ms += length_ms;
                    self.out.push_back(Out::Audio(Chunk { play: id, audio, from, to, plays_at }));
                }
                Next::Mark(name) => self.mark(id, Mark::Named(name), sent_ms, now),
                Next::End => {
                    prompt.end_marked = true;
                    self.mark(id, Mark::End, sent_ms, now);
                }
            }
        }
    }

    /// With at most this much in flight, the next chunk is due.
    const fn ahead_ms(&self) -> u64 {
        self.options.lead_ms.saturating_sub(self.options.chunk_ms)
    }

    fn mark(&mut self, id: PlayId, mark: Mark, heard_ms: u64, now: CallTime) {
        self.marks_sent += 1;
        self.unmarked_ms = 0;
        let name = match &mark {
            Mark::Named(name) => name,
            Mark::Place => "at",
            Mark::End => "end",
        };
        let wire_name = format!("{name}#{}", self.marks_sent);
        self.out.push_back(Out::Mark(wire_name.clone()));
        let due = self.played_until.max(now);
        self.pending.push_back(Pending { wire_name, id, mark, heard_ms, due, sent_at: now, flushed: false });
    }

    /// Everything before the oldest check point was heard: the carrier says so, or it is `estimated`.
    fn reach_front(&mut self, estimated: bool) {
        let Some(reached) = self.pending.pop_front() else {
            return;
        };
        let (id, heard_ms) = (reached.id, reached.heard_ms);
        if let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == id).filter(|_| !estimated) {
            prompt.confirm(heard_ms);
        }
        match &reached.mark {
            Mark::Named(name) => {
                self.events.push_back(Event::Reached { id, name: name.clone(), estimated });
            }
            Mark::Place => {}
            Mark::End => {
                self.prompts.retain(|p| p.id != id);
                self.events.push_back(Event::Ended { id, heard_ms, completed: true, estimated });
            }
        }
        if estimated {
            self.guessed.push_back(reached);
            let surplus = self.guessed.len().saturating_sub(MAX_GUESSED);
            self.guessed.drain(..surplus);
        }
    }

    /// The carrier never said that the oldest check point was reached: nobody knows.
    fn doubt_front(&mut self) {
        let Some(Pending { id, mark: Mark::End, .. }) = self.pending.pop_front() else {
            return;
        };
        let heard_ms = self.prompts.iter().find(|p| p.id == id).map_or(0, Prompt::confirmed_ms);
        self.prompts.retain(|p| p.id != id);
        self.events.push_back(Event::Ended { id, heard_ms, completed: false, estimated: false });
    }
}
