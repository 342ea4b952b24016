//! One steady tone while it sounds: where it began, whether it holds its pitch, when it ended.

use super::peaks::{Peaks, power_at};
use super::spectrum::Power;

/// Share of the energy that one peak must hold, or two peaks together, for a tone to begin.
const SINGLE_SHARE: f32 = 0.80;
const DUAL_SHARE: f32 = 0.87;
/// A second peak weaker than this (-13 dB) does not make a pair.
const TWIST: f32 = 0.05;
/// Codecs that predict speech (GSM) surround a high tone with others: above this less purity is asked, and
/// more length instead, for no voice holds one pitch up there.
const HIGH_HZ: f32 = 1_500.0;
const HIGH_SHARE: f32 = 0.6;
const HIGH_KEEP_SHARE: f32 = 0.4;
/// A coded tone (the higher of a pair) lies above this, where a voice has no lone steady peak; holds this share
/// on average; and strays from its pitch by no more than this in the mean.
const CODED_HZ: f32 = 900.0;
const CODED_SHARE: f32 = 0.78;
const CODED_PAIR_SHARE: f32 = 0.9;
const CODED_HZ_OFF: f32 = 12.0;
const CODED_PAIR_HZ: f32 = 25.0;
/// Share below which a hop no longer supports a tone that has begun.
const KEEP_SHARE: f32 = 0.55;
/// A fall to this share of the power 40 ms before is the end of the tone, not a fade: -8 dB.
const DROP: f32 = 0.16;
/// A told tone that keeps this share of its power (-6 dB) goes on.
const HOLD: f32 = 0.25;
/// Share of a told tone's power that the whole band then holds, and for how many hops.
const TORN: f32 = 0.3;
const TORN_HOPS: u8 = 9;
/// Hops a drop must last before the tone is over: a lost packet is bridged.
const DROP_HOPS: u8 = 3;
/// Hops without support before the tone is over.
const MISS_HOPS: u8 = 4;
/// Hops until a window holds nothing but the tone.
const SETTLE_HOPS: u32 = 4;
/// Hops of history kept for the drop.
const HISTORY: usize = 8;

/// A tone being followed. All times are ms of audio.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Track {
    pub(crate) start_ms: u64,
    /// Ends once [`Track::push`] says so.
    pub(crate) end_ms: u64,
    pub(crate) hz: [f32; 2],
    pub(crate) dual: bool,
    /// Hops that supported it.
    pub(crate) hops: u32,
    spread: [(f32, f32); 2],
    /// Mean square of how far the pitch of a hop lay from the mean so far, in Hz².
    unsteady: f32,
    share: f32,
    purity: Purity,
    powers: [f32; HISTORY],
    pushed: usize,
    reference: f32,
    drops: u8,
    misses: u8,
}

/// How surely a track is a generated tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purity {
    None,
    /// As a tone through a bad line, or a clear note.
    Fair,
    /// As a codec that predicts speech (GSM) leaves a tone: steady in the mean, not from hop to hop.
    Coded,
    High,
}

/// What a hop did to a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Goes,
    Over,
}

/// The frequencies of a hop that could begin a tone: one (the second is 0.0) or a rising pair.
pub(crate) fn shape(peaks: &Peaks) -> Option<[f32; 2]> {
    let pair = peaks.power[1] >= peaks.power[0] * TWIST;
    let high = peaks.hz[0] >= HIGH_HZ;
    if peaks.single() >= if high { HIGH_SHARE } else { SINGLE_SHARE } && !(pair && peaks.dual() >= 0.97) {
        Some([peaks.hz[0], 0.0])
    } else if pair && peaks.dual() >= DUAL_SHARE {
        let [a, b] = peaks.hz;
        Some([a.min(b), a.max(b)])
    } else {
        None
    }
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() <= if b >= HIGH_HZ { 45.0 } else { (0.012 * b).max(10.0) }
}

impl Track {
    /// A track whose first window is centred at `centre_ms`.
    pub(crate) fn begin(hz: [f32; 2], power: &Power, centre_ms: u64) -> Self {
        let mut track = Self {
            start_ms: centre_ms,
            end_ms: centre_ms,
            hz,
            dual: hz[1] > 0.0,
            hops: 1,
            spread: [(hz[0], hz[0]), (hz[1], hz[1])],
            unsteady: 0.0,
            share: 1.0,
            purity: Purity::None,
            powers: [0.0; HISTORY],
            pushed: 0,
            reference: 0.0,
            drops: 0,
            misses: 0,
        };
        track.remember(track.power_in(power));
        track
    }

    fn power_in(&self, power: &Power) -> f32 {
        power_at(power, self.hz[0]) + if self.dual { power_at(power, self.hz[1]) } else { 0.0 }
    }

    fn remember(&mut self, power: f32) {
        self.powers[self.pushed % HISTORY] = power;
        self.pushed += 1;
    }

    /// Power `back` hops ago; 0 is the last one.
    fn past(&self, back: usize) -> f32 {
        if back >= self.pushed || back >= HISTORY {
            0.0
        } else {
            self.powers[(self.pushed - 1 - back) % HISTORY]
        }
    }

    fn matches(&self, peaks: &Peaks) -> bool {
        let [a, b] = peaks.hz;
        if self.dual {
            let (low, high) = (a.min(b), a.max(b));
            peaks.dual() >= KEEP_SHARE && close(low, self.hz[0]) && close(high, self.hz[1])
        } else {
            let keep = if a >= HIGH_HZ { HIGH_KEEP_SHARE } else { KEEP_SHARE };
            peaks.single() >= keep && close(a, self.hz[0])
        }
    }

    /// Takes the next hop, its window centred at `centre_ms`. A tone that was `told` goes on as long as its
    /// frequencies hold their power, whatever a codec puts beside them.
    pub(crate) fn push(&mut self, peaks: &Peaks, power: &Power, centre_ms: u64, told: bool) -> Fate {
        let now = self.power_in(power);
        if self.drops == 0 {
            self.reference = (2..6).map(|back| self.past(back)).fold(0.0, f32::max);
        }
        // A codec may throw a high tone's energy elsewhere for a moment: then the band stays as loud.
        let torn = told && self.hz[0].max(self.hz[1]) >= HIGH_HZ && peaks.total > self.reference * TORN;
        let dropped = now < self.reference * DROP && !torn;
        if dropped {
            self.drops += 1;
            if self.drops >= DROP_HOPS {
                return Fate::Over;
            }
        } else {
            self.drops = 0;
        }
        self.remember(now);
        if self.matches(peaks) && !dropped {
            self.misses = 0;
            self.support(peaks, centre_ms, now);
        } else if told && now > self.reference * HOLD {
            self.misses = 0;
            self.end_ms = centre_ms + 10;
        } else {
            self.misses += 1;
            if self.misses >= if torn { TORN_HOPS } else { MISS_HOPS } || (self.hops < 3 && self.misses >= 2)
            {
                return Fate::Over;
            }
        }
        Fate::Goes
    }

    fn support(&mut self, peaks: &Peaks, centre_ms: u64, now: f32) {
        self.hops += 1;
        // The tone fills at least half of this window, and will be missed only in the next.
        self.end_ms = centre_ms + 10;
        if self.hops <= SETTLE_HOPS {
            // The first windows hold only part of the tone: its onset is where half its amplitude is in,
            // and only then is one frequency told from two.
            if self.past(1) < now * 0.25 {
                self.start_ms = centre_ms;
            }
            if let Some(hz) = shape(peaks) {
                self.dual = hz[1] > 0.0;
                self.hz = hz;
                self.spread = [(hz[0], hz[0]), (hz[1], hz[1])];
                self.unsteady = 0.0;
            }
            return;
        }
        if now < self.past(1) * 0.8 {
            // The window is leaving the tone: it still sounds, but its edge says nothing about its pitch.
            return;
        }
        let [a, b] = peaks.hz;
        let (heard, share) =
            if self.dual { ([a.min(b), a.max(b)], peaks.dual()) } else { ([a, 0.0], peaks.single()) };
        let settled = (self.hops - SETTLE_HOPS).min(16) as f32;
        self.share += (share - self.share) / settled;
        let off = (heard[0] - self.hz[0]).abs().max((heard[1] - self.hz[1]).abs());
        self.unsteady += (off * off - self.unsteady) / settled;
        for (n, hz) in heard.into_iter().enumerate() {
            self.hz[n] += (hz - self.hz[n]) / settled.max(3.0);
            self.spread[n] = (self.spread[n].0.min(hz), self.spread[n].1.max(hz));
        }
        self.purity = self.judge();
    }

    /// How surely this was a generated tone, by purity, pitch and level, when it was last supported.
    pub(crate) const fn purity(&self) -> Purity {
        self.purity
    }

    /// Root mean square of how far the pitch strayed, in Hz.
    pub(crate) fn unsteady_hz(&self) -> f32 {
        self.unsteady.sqrt()
    }

    /// Mean share of the energy that the tone held.
    pub(crate) const fn share(&self) -> f32 {
        self.share
    }

    fn judge(&self) -> Purity {
        let wander = |n: usize| self.spread[n].1 - self.spread[n].0;
        let wander = if self.dual { wander(0).max(wander(1)) } else { wander(0) };
        let (low, high) =
            (0..4).map(|back| self.past(back)).fold((f32::MAX, 0.0_f32), |(l, h), p| (l.min(p), h.max(p)));
        let falling = (0..3).all(|back| self.past(back) <= self.past(back + 1) * 1.1);
        let level_holds = high <= low * 2.0 || (falling && high <= low * 6.0);
        if self.hops <= SETTLE_HOPS {
            Purity::None
        } else if self.share >= 0.95 && wander <= 6.0 && level_holds {
            Purity::High
        } else if self.is_coded() {
            Purity::Coded
        } else if self.is_fair(wander) && (level_holds || self.hz[0] >= HIGH_HZ) {
            Purity::Fair
        } else {
            Purity::None
        }
    }

    fn is_coded(&self) -> bool {
        if self.dual {
            self.hz[1] >= CODED_HZ && self.share >= CODED_PAIR_SHARE && self.unsteady <= CODED_PAIR_HZ.powi(2)
        } else {
            self.hz[0] >= CODED_HZ && self.share >= CODED_SHARE && self.unsteady <= CODED_HZ_OFF.powi(2)
        }
    }

    fn is_fair(&self, wander: f32) -> bool {
        let high = !self.dual && self.hz[0] >= HIGH_HZ && self.share >= HIGH_SHARE && wander <= 90.0;
        high || (self.share >= 0.9 && wander <= (0.01 * self.hz[0]).max(12.0))
    }

    /// Whether the two frequencies are neighbouring harmonics of one voice or instrument.
    pub(crate) fn is_harmonic(&self) -> bool {
        if !self.dual {
            return false;
        }
        let order = self.hz[0] / (self.hz[1] - self.hz[0]).max(1.0);
        let whole = order.round();
        (1.0..=8.0).contains(&whole) && (order - whole).abs() <= 0.04 * whole
            || (self.hz[1] / self.hz[0] - (self.hz[1] / self.hz[0]).round()).abs() < 0.02
    }

    /// Strongest power of the last hops.
    pub(crate) fn power(&self) -> f32 {
        (0..6).map(|back| self.past(back)).fold(0.0, f32::max)
    }

    /// Length so far, or in all once it is over.
    pub(crate) fn len_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.start_ms)
    }
}
