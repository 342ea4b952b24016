//! Whether a track is a beep: what its length, its pitch and the quiet around it say.

use super::super::track::{Purity, Track};
use super::{BEFORE_HOPS, CONFIRM_HOPS, HIGH_HZ, Surroundings, ToneBank};

/// Hops of what could also be a voice or a codec's work.
const CAREFUL_HOPS: u32 = 11;
const LONG_HOPS: u32 = 20;
/// No beep lies below this, in Hz; peaks below 500 Hz of a voice do.
const LOWEST_HZ: f32 = 344.0;
/// Below this a vowel can be as pure as a beep. From `HIGH_HZ` on nothing in 17 hours of speech held a peak for
/// more than ten hops right after silence.
const LOW_HZ: f32 = 600.0;
/// Below this it often is, even right after silence: only length tells it from one that is just beginning.
const VOWEL_HZ: f32 = 450.0;
/// Power before a tone, as a share of its own, that counts as quiet (-6 dB) and as silence (-15 dB).
const QUIET: f32 = 0.25;
const SILENCE: f32 = 0.03;
/// Shares of the energy that a tone too short to be told while it sounds must have held.
const SHORT_SHARE: f32 = 0.85;
const LOW_SHORT_SHARE: f32 = 0.97;
/// Two notes within this time make music, in which no note is a beep.
const MUSIC_MS: u64 = 2500;
/// The same for a tone that nothing was said before: 14 dB.
const OVER_ROOM: f32 = 25.0;

impl ToneBank {
    /// Whether `track` is a beep as far as it has gone: pure, begun in quiet, not a note of a tune.
    pub(super) fn is_beep(&self, track: &Track, around: &Surroundings<'_>) -> bool {
        if self.is_tune(track, around.centre_ms) || track.hz[0] < LOWEST_HZ || !self.began_in(track, QUIET) {
            return false;
        }
        if !self.has_spoken && track.power() < around.noise * OVER_ROOM {
            // Nobody has spoken: a faint tone is something in a room, not a machine's.
            return false;
        }
        let in_silence = self.began_in(track, SILENCE);
        if around.music && !(in_silence && self.has_spoken) {
            return false;
        }
        let high = track.hz[0] >= HIGH_HZ;
        let needed = match track.purity() {
            Purity::High if !track.is_harmonic() && self.has_spoken && track.hz[0] >= LOW_HZ => CONFIRM_HOPS,
            Purity::High if high && in_silence && self.has_spoken => CONFIRM_HOPS,
            _ if high && in_silence => CAREFUL_HOPS,
            Purity::None => return false,
            Purity::High if track.is_harmonic() && !in_silence => return false,
            Purity::High if track.is_harmonic() => LONG_HOPS,
            Purity::High if track.hz[0] < VOWEL_HZ => LONG_HOPS,
            Purity::High if in_silence || track.hz[0] >= LOW_HZ => CAREFUL_HOPS,
            Purity::High => LONG_HOPS,
            Purity::Coded | Purity::Fair if track.is_harmonic() || !in_silence => return false,
            Purity::Coded if self.has_spoken => CAREFUL_HOPS,
            Purity::Coded => LONG_HOPS,
            Purity::Fair if !self.has_spoken => return false,
            Purity::Fair => LONG_HOPS,
        };
        track.hops >= needed
    }

    /// Whether `track`, now over, was a short beep with quiet on both sides.
    pub(super) fn was_beep(&self, track: &Track) -> bool {
        let quiet = self.ended_in(track, 0.1) && self.began_in(track, 0.1);
        let silence = self.ended_in(track, SILENCE) && self.began_in(track, SILENCE);
        let clean = track.share() >= 0.985 && track.unsteady_hz() <= 2.0;
        let low = track.hz[0] < LOW_HZ;
        match track.purity() {
            _ if track.hz[0] < LOWEST_HZ => false,
            _ if track.hz[0] >= HIGH_HZ && silence && track.share() >= SHORT_SHARE => true,
            Purity::High if track.is_harmonic() => silence && clean,
            Purity::High if low && !track.dual => {
                silence && track.len_ms() >= 70 && track.share() >= LOW_SHORT_SHARE
            }
            Purity::High => quiet,
            Purity::Coded => silence && !track.is_harmonic(),
            Purity::Fair | Purity::None => false,
        }
    }

    /// Whether the band held less than `share` of the tone's power before it began.
    pub(super) fn began_in(&self, track: &Track, share: f32) -> bool {
        self.before < track.power() * share
    }

    /// The same for what followed it.
    pub(super) fn ended_in(&self, track: &Track, share: f32) -> bool {
        self.past[BEFORE_HOPS - 1] < track.power() * share
    }

    /// Whether notes were heard shortly before `track`.
    pub(super) fn is_tune(&self, track: &Track, now_ms: u64) -> bool {
        let lately = |ms: u64| ms > 0 && ms + MUSIC_MS > now_ms;
        lately(self.notes[1]) && !self.began_in(track, QUIET)
            || lately(self.notes[0]) && !(self.began_in(track, SILENCE) && self.has_spoken)
    }
}
