//! One prompt: pieces of audio and marks, and what of it has been sent and heard.

use std::sync::Arc;

use crate::audio::frame::{ms_to_samples, samples_to_ms};
use crate::clock::CallTime;
use crate::ids::PlayId;

/// A piece of a prompt, in playing order.
#[derive(Clone, Debug)]
pub enum Piece {
    /// 8 kHz mono audio.
    Audio(Arc<[i16]>),
    /// Audio that is still being made; filled by [`super::Playback::fill`].
    Awaiting { part: u16 },
    /// A named check point.
    Mark(String),
    /// From here on nothing cuts the prompt short (`true`), or it may be cut again (`false`).
    Protected(bool),
}

/// A carrier plays what it is sent a little later than we reckon: a protected stretch counts as heard this
/// much behind its end, ms.
const SETTLE_MS: u64 = 40;

#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) id: PlayId,
    /// Kept to the end of the prompt, so that what was sent and not heard can be sent again.
    pieces: Vec<Piece>,
    /// The piece to send next.
    next: usize,
    /// Samples of it that are already sent.
    offset: usize,
    sent_samples: usize,
    /// Check points sent, in order, and not taken back.
    marks_sent: usize,
    confirmed_ms: u64,
    /// When the last sample sent will have been played.
    played_at: CallTime,
    pub(super) end_marked: bool,
}

/// What a prompt has to send next.
#[derive(Debug)]
pub(super) enum Next {
    Audio { audio: Arc<[i16]>, from: usize, to: usize },
    Mark(String),
    Waiting,
    End,
}

impl Prompt {
    pub(super) fn new(id: PlayId, pieces: Vec<Piece>) -> Self {
        Self {
            id,
            pieces,
            next: 0,
            offset: 0,
            sent_samples: 0,
            marks_sent: 0,
            confirmed_ms: 0,
            played_at: CallTime::ZERO,
            end_marked: false,
        }
    }

    pub(super) fn fill(&mut self, wanted: u16, audio: Arc<[i16]>) -> bool {
        let slot = self.pieces.iter_mut().find(|p| matches!(p, Piece::Awaiting { part } if *part == wanted));
        slot.map(|piece| *piece = Piece::Audio(audio)).is_some()
    }

    /// Whether there is nothing to hear before this piece.
    pub(super) fn is_empty_before(&self, wanted: u16) -> bool {
        let before =
            self.pieces.iter().take_while(|p| !matches!(p, Piece::Awaiting { part } if *part == wanted));
        before.into_iter().all(|piece| matches!(piece, Piece::Mark(_) | Piece::Protected(_)))
    }

    /// Nothing comes behind what was to be filled in here.
    pub(super) fn end_before(&mut self, wanted: u16) {
        let slot = self.pieces.iter().position(|p| matches!(p, Piece::Awaiting { part } if *part == wanted));
        self.pieces.truncate(slot.unwrap_or(self.pieces.len()));
    }

    /// Takes the next thing to send, at most `max_samples` of audio.
    pub(super) fn take(&mut self, max_samples: usize) -> Next {
        loop {
            match self.pieces.get(self.next) {
                None => return Next::End,
                Some(Piece::Awaiting { .. }) => return Next::Waiting,
                Some(Piece::Protected(_)) => self.next += 1,
                Some(Piece::Mark(name)) => {
                    let name = name.clone();
                    let sent_before = self.marks_before(self.next) < self.marks_sent;
                    self.next += 1;
                    if !sent_before {
                        self.marks_sent += 1;
                        return Next::Mark(name);
                    }
                }
                Some(Piece::Audio(audio)) => {
                    let audio = Arc::clone(audio);
                    let from = self.offset;
                    let to = (from + max_samples).min(audio.len());
                    self.offset = to;
                    if to == audio.len() {
                        self.next += 1;
                        self.offset = 0;
                    }
                    self.sent_samples += to - from;
                    return Next::Audio { audio, from, to };
                }
            }
        }
    }

    fn marks_before(&self, piece: usize) -> usize {
        self.pieces.iter().take(piece).filter(|piece| matches!(piece, Piece::Mark(_))).count()
    }

    /// Takes back what was sent behind the first `heard_ms`, because the carrier was told to stop at `now`;
    /// `marks` are the check points among it.
    pub(super) fn rewind(&mut self, heard_ms: u64, marks: usize, now: CallTime) {
        let heard = ms_to_samples(heard_ms).min(self.sent_samples);
        self.marks_sent = self.marks_sent.saturating_sub(marks);
        self.sent_samples = heard;
        self.played_at = now;
        let (mut rest, mut marks) = (heard, 0);
        for (at, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Audio(audio) if audio.len() <= rest => rest -= audio.len(),
                Piece::Mark(_) if marks < self.marks_sent => marks += 1,
                Piece::Protected(_) => {}
                Piece::Audio(_) | Piece::Mark(_) | Piece::Awaiting { .. } => {
                    (self.next, self.offset) = (at, rest);
                    return;
                }
            }
        }
        (self.next, self.offset) = (self.pieces.len(), 0);
    }

    /// Where the protected stretch ends that the callee hears at `now`, ms from the beginning of the
    /// prompt; `None` outside of one. A stretch whose audio is not there yet ends later than is told, and
    /// one at the end of the prompt ends with it.
    pub(super) fn protected_to_ms(&self, now: CallTime) -> Option<u64> {
        let heard = ms_to_samples(self.heard_ms(now));
        let (mut position, mut protected) = (0, false);
        // The stretch that has just ended, while nothing has been heard behind it.
        let mut behind = None;
        for piece in &self.pieces {
            match piece {
                Piece::Protected(on) => {
                    if protected && heard < position + ms_to_samples(SETTLE_MS) {
                        return Some(samples_to_ms(position));
                    }
                    behind = (protected && !on).then_some(position);
                    protected = *on && position <= heard;
                }
                Piece::Audio(audio) => {
                    position += audio.len();
                    behind = None;
                }
                Piece::Awaiting { .. } if protected => return Some(samples_to_ms(position.max(heard))),
                Piece::Awaiting { .. } => return None,
                Piece::Mark(_) => {}
            }
        }
        (protected || behind.is_some()).then(|| samples_to_ms(position))
    }

    /// Whether a protected stretch ends `ms` behind the beginning of the prompt.
    pub(super) fn protected_ends_at(&self, ms: u64) -> bool {
        let mut position = 0;
        self.pieces.iter().any(|piece| match piece {
            Piece::Audio(audio) => {
                position += audio.len();
                false
            }
            Piece::Protected(false) => samples_to_ms(position) == ms,
            Piece::Protected(true) | Piece::Mark(_) | Piece::Awaiting { .. } => false,
        })
    }

    pub(super) fn sent_until(&mut self, played_at: CallTime) {
        self.played_at = played_at;
    }

    /// When the last sample sent will have been played.
    pub(super) const fn played_at_mut(&mut self) -> &mut CallTime {
        &mut self.played_at
    }

    pub(super) fn sent_ms(&self) -> u64 {
        samples_to_ms(self.sent_samples)
    }

    /// The carrier confirmed that `ms` of this prompt were played.
    pub(super) fn confirm(&mut self, ms: u64) {
        self.confirmed_ms = self.confirmed_ms.max(ms);
    }

    /// As far as the carrier said that it has played it.
    pub(super) const fn confirmed_ms(&self) -> u64 {
        self.confirmed_ms
    }

    pub(super) fn heard_ms(&self, now: CallTime) -> u64 {
        let in_flight = self.played_at.ms_since(now);
        self.sent_ms().saturating_sub(in_flight).max(self.confirmed_ms)
    }

    /// Some of it has been sent.
    pub(super) const fn has_begun(&self) -> bool {
        self.sent_samples > 0
    }

    /// How long all of it is, ms; `None` while a piece is awaited.
    pub(super) fn length_ms(&self) -> Option<u64> {
        let lengths = self.pieces.iter().map(|piece| match piece {
            Piece::Audio(audio) => Some(audio.len()),
            Piece::Mark(_) | Piece::Protected(_) => Some(0),
            Piece::Awaiting { .. } => None,
        });
        lengths.sum::<Option<usize>>().map(samples_to_ms)
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.pieces.get(self.next), Some(Piece::Awaiting { .. }))
    }
}
