//! The queue of prompts, its pacing and its position.

use std::collections::VecDeque;
use std::sync::Arc;

use super::prompt::{Next, Piece, Prompt};
use crate::audio::frame::{FRAME_MS, FRAME_SAMPLES, ms_to_samples};
use crate::clock::CallTime;
use crate::ids::PlayId;

/// A check point that ends a protected stretch is waited for at most this long, ms.
const PROTECTED_GRACE_MS: u64 = 300;

/// How audio is sent to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Audio per packet, ms. The carrier's document recommends 160 less the network's latency.
    pub chunk_ms: u64,
    /// At most this much audio is sent ahead of what is playing, ms.
    pub lead_ms: u64,
    /// How long after its estimated time an unconfirmed check point counts as reached, ms; 0 on a wire
    /// without check points.
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
    /// The callee has heard everything before this check point.
    Reached { id: PlayId, name: String },
    /// A prompt is over; `heard_ms` of it were heard.
    Ended { id: PlayId, heard_ms: u64, completed: bool },
}

#[derive(Debug)]
struct Pending {
    wire_name: String,
    id: PlayId,
    /// The flow author's name; `None` at the end of a prompt.
    name: Option<String>,
    heard_ms: u64,
    due: CallTime,
}

/// The prompts of one call.
#[derive(Debug)]
pub struct Playback {
    options: Options,
    prompts: VecDeque<Prompt>,
    pending: VecDeque<Pending>,
    out: VecDeque<Out>,
    events: VecDeque<Event>,
    /// When everything sent so far will have been played.
    busy_until: CallTime,
    marks_sent: u32,
    paused: bool,
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
            marks_sent: 0,
            paused: false,
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
        let Some(position) = self.pending.iter().position(|p| p.wire_name == wire_name) else {
            return;
        };
        for _ in 0..=position {
            self.reach_front();
        }
        self.advance(now);
    }

    /// Cuts everything short: what plays now and what waits behind it.
    pub fn interrupt(&mut self, now: CallTime) {
        if self.prompts.is_empty() {
            return;
        }
        while self.pending.front().is_some_and(|mark| mark.due + self.options.confirm_grace_ms <= now) {
            self.reach_front();
        }
        for prompt in self.prompts.drain(..) {
            self.events.push_back(Event::Ended {
                id: prompt.id,
                heard_ms: prompt.heard_ms(now),
                completed: false,
            });
        }
        self.pending.clear();
        self.out.retain(|out| matches!(out, Out::Flush));
        // A carrier that was told to pause has nothing queued.
        if !std::mem::take(&mut self.paused) {
            self.out.push_back(Out::Flush);
        }
        self.busy_until = now;
    }

    /// Falls silent at once and keeps what the callee has not heard for [`Self::resume`].
    pub fn pause(&mut self, now: CallTime) {
        if self.paused || self.prompts.is_empty() {
            return;
        }
        self.paused = true;
        for prompt in &mut self.prompts {
            let lost = |mark: &&Pending| mark.id == prompt.id && mark.due > now;
            let marks = self.pending.iter().filter(lost).filter(|mark| mark.name.is_some()).count();
            if self.pending.iter().filter(lost).any(|mark| mark.name.is_none()) {
                prompt.end_marked = false;
            }
            prompt.rewind(marks, now);
        }
        self.pending.retain(|mark| mark.due <= now);
        self.out.retain(|out| matches!(out, Out::Flush));
        self.out.push_back(Out::Flush);
        self.busy_until = now;
    }

    /// Goes on where the callee stopped hearing at [`Self::pause`].
    pub fn resume(&mut self, now: CallTime) {
        if std::mem::take(&mut self.paused) {
            self.busy_until = now;
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
        while self.pending.front().is_some_and(|mark| mark.due + self.options.confirm_grace_ms <= now) {
            self.reach_front();
        }
        self.advance(now);
    }

    /// When [`Self::handle_timeout`] must be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        let send = self
            .prompts
            .iter()
            .find(|p| !p.end_marked)
            .filter(|p| !p.is_waiting() && !self.paused)
            .map(|_| self.busy_until - self.ahead_ms());
        let grace = self.pending.front().map(|mark| mark.due + self.options.confirm_grace_ms);
        crate::clock::soonest(send, grace)
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
        self.prompts.front().is_some_and(|prompt| self.busy_until > now || between(prompt))
    }

    fn advance(&mut self, now: CallTime) {
        if self.paused {
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
                    let plays_at = self.busy_until.max(now);
                    self.busy_until = plays_at + (to - from).div_ceil(FRAME_SAMPLES) as u64 * FRAME_MS;
                    prompt.sent_until(self.busy_until);
                    self.out.push_back(Out::Audio(Chunk { play: id, audio, from, to, plays_at }));
                }
                Next::Mark(name) => self.mark(id, Some(name), sent_ms, now),
                Next::End => {
                    prompt.end_marked = true;
                    self.mark(id, None, sent_ms, now);
                }
            }
        }
    }

    /// With at most this much in flight, the next chunk is due.
    const fn ahead_ms(&self) -> u64 {
        self.options.lead_ms.saturating_sub(self.options.chunk_ms)
    }

    fn mark(&mut self, id: PlayId, name: Option<String>, heard_ms: u64, now: CallTime) {
        self.marks_sent += 1;
        let wire_name = format!("{}#{}", name.as_deref().unwrap_or("end"), self.marks_sent);
        self.out.push_back(Out::Mark(wire_name.clone()));
        self.pending.push_back(Pending { wire_name, id, name, heard_ms, due: self.busy_until.max(now) });
    }

    fn reach_front(&mut self) {
        let Some(mark) = self.pending.pop_front() else {
            return;
        };
        if let Some(name) = mark.name {
            if let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == mark.id) {
                prompt.confirm(mark.heard_ms);
            }
            self.events.push_back(Event::Reached { id: mark.id, name });
        } else {
            self.prompts.retain(|p| p.id != mark.id);
            self.events.push_back(Event::Ended { id: mark.id, heard_ms: mark.heard_ms, completed: true });
        }
    }
}
