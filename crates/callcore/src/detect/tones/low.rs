//! Tones that beat, as far as they are known: how long there has been energy for one, and the one that sounds.

use crate::detect::tone_kind::Tone;

/// Hops with energy for a pair before a closer look, and twice as many for a modulated tone.
pub(super) const PAIR_HOPS: u32 = 11;
pub(super) const NARROW_HOPS: u32 = 2 * PAIR_HOPS;

/// A call-progress tone known by 100 ms of it. Dial tone has no kind to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) tone: Option<Tone>,
    pub(super) end_ms: u64,
    pub(super) missed: u32,
}

/// How long the energy has lain where such a tone has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Low {
    pub(super) hops: u32,
    pub(super) narrow_hops: u32,
    /// Hops since the last that was so narrow: the modulation leaves some of them empty.
    pub(super) missed: u32,
    /// The carrier as it seemed first.
    pub(super) carrier_hz: Option<f32>,
}

impl Low {
    /// Whether what has just begun may be such a tone, which takes longest to be told from a voice.
    pub(super) fn is_open(&self) -> bool {
        let looked = self.narrow_hops < PAIR_HOPS || self.carrier_hz.is_some();
        (1..PAIR_HOPS).contains(&self.hops) || (1..NARROW_HOPS).contains(&self.narrow_hops) && looked
    }
}
