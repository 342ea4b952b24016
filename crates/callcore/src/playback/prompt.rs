//! One prompt: pieces of audio and marks, and what of it has been sent and heard.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::audio::frame::samples_to_ms;
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
}

#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) id: PlayId,
    pieces: VecDeque<Piece>,
    /// Samples of the front piece that are already sent.
    offset: usize,
    sent_samples: usize,
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
            pieces: pieces.into(),
            offset: 0,
            sent_samples: 0,
            confirmed_ms: 0,
            played_at: CallTime::ZERO,
            end_marked: false,
        }
    }

    pub(super) fn fill(&mut self, wanted: u16, audio: Arc<[i16]>) -> bool {
        let slot = self.pieces.iter_mut().find(|p| matches!(p, Piece::Awaiting { part } if *part == wanted));
        slot.map(|piece| *piece = Piece::Audio(audio)).is_some()
    }

    /// Takes the next thing to send, at most `max_samples` of audio.
    pub(super) fn take(&mut self, max_samples: usize) -> Next {
        match self.pieces.front() {
            None => Next::End,
            Some(Piece::Awaiting { .. }) => Next::Waiting,
            Some(Piece::Mark(_)) => match self.pieces.pop_front() {
                Some(Piece::Mark(name)) => Next::Mark(name),
                _ => Next::End,
            },
            Some(Piece::Audio(audio)) => {
                let audio = Arc::clone(audio);
                let from = self.offset;
                let to = (from + max_samples).min(audio.len());
                self.offset = to;
                if to == audio.len() {
                    self.pieces.pop_front();
                    self.offset = 0;
                }
                self.sent_samples += to - from;
                Next::Audio { audio, from, to }
            }
        }
    }

    pub(super) fn sent_until(&mut self, played_at: CallTime) {
        self.played_at = played_at;
    }

    pub(super) fn sent_ms(&self) -> u64 {
        samples_to_ms(self.sent_samples)
    }

    /// The carrier confirmed that `ms` of this prompt were played.
    pub(super) fn confirm(&mut self, ms: u64) {
        self.confirmed_ms = self.confirmed_ms.max(ms);
    }

    pub(super) fn heard_ms(&self, now: CallTime) -> u64 {
        let in_flight = self.played_at.ms_since(now);
        self.sent_ms().saturating_sub(in_flight).max(self.confirmed_ms)
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.pieces.front(), Some(Piece::Awaiting { .. }))
    }
}
