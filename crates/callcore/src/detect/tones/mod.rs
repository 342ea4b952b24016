//! The tone bank: follows one tone at a time and says what it is.

mod beep;
mod fine;
mod low;
mod pair;

pub(crate) use self::fine::FINE_SAMPLES;
use self::fine::{FINE_HZ, Fine};
use self::low::{Low, Pair};
use super::heard::Heard;
use super::peaks::Peaks;
use super::progress::{self, Hint};
use super::spectrum::Power;
use super::tone_kind::{Tone, ToneKind};
use super::track::{Fate, Purity, Track, shape};

/// Hops that make a tone: 6 hops of 10 ms under a 32 ms window see at least 60 ms of it.
const CONFIRM_HOPS: u32 = 6;
/// Hops that make a key (Q.24 asks for keys of 40 ms).
const KEY_HOPS: u32 = 4;
const HIGH_HZ: f32 = 900.0;
/// A tone goes on after a gap this long, this close in pitch.
const TORN_MS: u64 = 60;
const TORN_HZ: f32 = 90.0;
/// The next pulse of ringback or busy has the pitch of the last within this.
const SAME_HZ: f32 = 12.0;
/// A tone that begins before this may have begun before the call was heard, ms.
const CUT_MS: u64 = 100;
/// The rest of a segment of information tones is no longer than this, ms.
const SEGMENT_MS: u64 = 400;
/// Pauses this short are busy's, two in a row at the latest; ringback pauses for longer after every ring.
const BUSY_PAUSE_MS: u64 = 800;
/// A tone that is not heard for longer than this after a gap ended in the gap, ms: the last window before it reaches so far.
const GAP_REACH_MS: u64 = 30;
/// Hops of the past kept to see whether a tone began in quiet.
const BEFORE_HOPS: usize = 11;
/// A note of music is this pure and this long.
const NOTE_SHARE: f32 = 0.9;
const NOTE_HOPS: u32 = 8;
/// A tone weaker than this power is line noise: -62 dBFS.
const FAINTEST: f32 = 6.3e-7;
/// A tone must stand this much over the band's noise.
const OVER_NOISE: f32 = 3.0;

/// What the bank needs to know besides the spectrum.
pub(crate) struct Surroundings<'a> {
    /// Centre of the window in ms of audio.
    pub(crate) centre_ms: u64,
    /// Whether a voice was heard before: after a greeting a tone is a beep.
    pub(crate) has_spoken: bool,
    /// Whether so much was said that information tones, which come first, are no longer to be expected.
    pub(crate) has_greeted: bool,
    /// Running noise power of the band.
    pub(crate) noise: f32,
    /// Whether music sounds.
    pub(crate) music: bool,
    /// The last 100 ms, full scale = 1.0.
    pub(crate) recent: &'a [f32; FINE_SAMPLES],
}

/// Whether a tone was a beep if nothing follows.
type Beep = bool;

/// A tone that ended before it could be told what it was.
#[derive(Clone, Copy, Debug)]
enum Pending {
    /// First segment of an information tone, unless nothing follows.
    Sit(Track, Beep),
    /// A short pulse at a ringback frequency, unless it repeats.
    Pulse(Track),
    /// An information tone whose third segment may follow.
    SitTail(Tone, u64),
}

/// A high track that ended before it could be told: perhaps only in the codec.
#[derive(Clone, Copy, Debug)]
struct Torn {
    end_ms: u64,
    hz: f32,
    start_ms: u64,
    before: f32,
}

impl Torn {
    fn goes_on(&self, hz: [f32; 2], now_ms: u64) -> bool {
        now_ms <= self.end_ms + TORN_MS && (hz[0] - self.hz).abs() <= TORN_HZ
    }
}

#[derive(Debug, Default)]
pub(crate) struct ToneBank {
    track: Option<Track>,
    /// Power of the band in the last hops, for what was before a tone.
    past: [f32; BEFORE_HOPS],
    /// Loudest power in the 80 ms before the track began.
    before: f32,
    /// Whether a voice was heard before the track began.
    has_spoken: bool,
    /// When the last notes ended that were no tone of their own: music has many.
    notes: [u64; 2],
    /// Ringback, busy or fax tone heard last, and its pitch.
    known: Option<(ToneKind, f32)>,
    /// Pauses in a row before pulses of `known` that were as short as busy's, and the end of the last pulse.
    quick: u8,
    pulse_end_ms: u64,
    sit_heard: bool,
    /// When the last high track ended, its pitch, its start and what was before it: a codec tears a tone.
    torn: Option<Torn>,
    announced: Option<Tone>,
    pending: Option<Pending>,
    fine: Option<[f32; 2]>,
    /// The tone sounded when the audio had a gap, ms of audio.
    gap_ms: Option<u64>,
    low: Low,
    pair: Option<Pair>,
}

impl ToneBank {
    /// Whether what sounds now is a tone rather than a voice.
    pub(crate) fn is_sounding(&self) -> bool {
        self.announced.is_some()
            || self.pair.is_some()
            || self.track.as_ref().is_some_and(|t| t.purity() == Purity::High)
    }

    /// Whether what has just begun may be ringback, which takes longest to be told from a voice.
    pub(crate) fn may_be_ringback(&self) -> bool {
        self.low.is_open()
    }

    /// What comes after `at_ms` of audio does not follow what came before it; whether a tone sounds there.
    pub(crate) fn gap(&mut self, at_ms: u64) -> bool {
        self.gap_ms = self.track.is_some().then_some(at_ms);
        self.gap_ms.is_some()
    }

    /// Takes one hop; what is learned goes to `tell`.
    pub(crate) fn push(
        &mut self,
        peaks: &Peaks,
        power: &Power,
        around: &Surroundings<'_>,
        tell: &mut impl FnMut(Heard),
    ) {
        if self.follow_pair(peaks, power, around, tell) {
            return;
        }
        if let Some(track) = &mut self.track {
            match track.push(peaks, power, around.centre_ms, self.announced.is_some()) {
                Fate::Goes => {
                    let track = *track;
                    self.while_sounding(&track, around, tell);
                }
                Fate::Over => self.finish(around, tell),
            }
        }
        if self.track.is_none()
            && peaks.power[0] > FAINTEST.max(around.noise * OVER_NOISE)
            && let Some(hz) = shape(peaks)
        {
            let mut track = Track::begin(hz, power, around.centre_ms);
            // The newest three may hold the onset already.
            self.before = self.past[..BEFORE_HOPS - 3].iter().copied().fold(0.0, f32::max);
            match self.torn {
                Some(torn) if torn.goes_on(hz, around.centre_ms) => {
                    (self.before, track.start_ms) = (torn.before, torn.start_ms);
                }
                Some(_) | None => self.has_spoken = around.has_spoken,
            }
            self.track = Some(track);
        }
        self.past.rotate_left(1);
        self.past[BEFORE_HOPS - 1] = peaks.total;
        self.expire(around, tell);
    }

    fn hint(&mut self, track: &Track, around: &Surroundings<'_>) -> Option<Hint> {
        if track.dual {
            return Some(progress::pair(track.hz[0], track.hz[1]));
        }
        if (FINE_HZ.0..=FINE_HZ.1).contains(&track.hz[0]) && track.hz[0] < 500.0 {
            if self.fine.is_none() {
                if track.len_ms() < 100 {
                    return None;
                }
                self.fine = Some(Fine::of(around.recent).hz());
            }
            if let Some([low, high]) = self.fine
                && high > 0.0
            {
                return Some(progress::pair(low, high));
            }
        }
        Some(self.single(track))
    }

    /// What a track of one frequency may be.
    fn single(&self, track: &Track) -> Hint {
        let [hz, _] = track.hz;
        let hint = progress::single(hz);
        let later = progress::is_sit_second(hz) || progress::is_sit_third(hz);
        if hint == Hint::None && later && self.is_cut(track) { Hint::MaybeSit } else { hint }
    }

    /// Whether `track` may be the rest of a tone that began before the call was heard: its length says nothing.
    const fn is_cut(&self, track: &Track) -> bool {
        track.start_ms < CUT_MS && !self.has_spoken
    }

    fn while_sounding(&mut self, track: &Track, around: &Surroundings<'_>, tell: &mut impl FnMut(Heard)) {
        if self.announced.is_some() || track.purity() == Purity::None {
            return;
        }
        let Some(hint) = self.hint(track, around) else { return };
        let confirmed = track.hops >= CONFIRM_HOPS && track.purity() == Purity::High;
        // Of a tone that was cut only what follows tells whether it was a beep.
        let beep = self.is_beep(track, around) && !self.is_cut(track);
        let len = track.len_ms();
        if let Some(Pending::SitTail(sit, end_ms)) = self.pending
            && track.hops >= 4
        {
            self.pending = None;
            if progress::is_sit_third(track.hz[0]) && !track.dual {
                self.announced = Some(sit);
                return;
            }
            tell(Heard::ToneEnded(Tone { end_ms: Some(end_ms), ..sit }));
        }
        if let Some(Pending::Sit(first, was_beep)) = self.pending
            && track.hops >= 4
        {
            self.pending = None;
            let [before, next] = [first.hz[0], track.hz[0]];
            let follows = progress::is_sit_second(next)
                || progress::is_sit_second(before) && progress::is_sit_third(next);
            if follows && !track.dual {
                let tone = Tone {
                    kind: ToneKind::Sit,
                    start_ms: first.start_ms,
                    end_ms: None,
                    hz: [first.hz[0], track.hz[0]],
                };
                return self.announce(tone, tell);
            }
            if was_beep {
                tell_whole(ToneKind::Beep, &first, tell);
            }
        }
        if let Some(Pending::Pulse(first)) = self.pending
            && track.hops >= 4
        {
            self.pending = None;
            if (track.hz[0] - first.hz[0]).abs() < 12.0 {
                return self.announce(tone(ToneKind::Busy, &first), tell);
            }
            tell_whole(ToneKind::Beep, &first, tell);
        }
        let kind = match hint {
            Hint::MaybeProgress | Hint::MaybeCalling | Hint::MaybeAnswer if self.is_known(track) => {
                confirmed.then(|| self.next_kind(track))
            }
            Hint::Is(kind @ ToneKind::Dtmf(_)) => {
                (track.hops >= KEY_HOPS && track.purity() == Purity::High).then_some(kind)
            }
            Hint::Is(kind) => confirmed.then_some(kind),
            Hint::MaybeSit if around.has_greeted && !self.sit_heard => beep.then_some(ToneKind::Beep),
            Hint::MaybeSit => (len > 430 && beep).then_some(ToneKind::Beep),
            Hint::MaybeCalling if self.has_spoken => beep.then_some(ToneKind::Beep),
            Hint::MaybeCalling => (len > 620 && !self.is_cut(track)).then_some(ToneKind::Beep),
            Hint::MaybeAnswer if self.has_spoken => beep.then_some(ToneKind::Beep),
            Hint::MaybeAnswer => (len > 600).then_some(ToneKind::FaxAnswer),
            Hint::MaybeProgress if self.has_spoken => beep.then_some(ToneKind::Beep),
            Hint::MaybeProgress => {
                (len > if self.is_cut(track) { BUSY_PAUSE_MS } else { 900 }).then_some(ToneKind::Ringback)
            }
            Hint::Ignore => None,
            Hint::None => beep.then_some(ToneKind::Beep),
        };
        if let Some(kind) = kind {
            self.announce(tone(kind, track), tell);
        }
    }

    fn announce(&mut self, tone: Tone, tell: &mut impl FnMut(Heard)) {
        self.sit_heard |= tone.kind == ToneKind::Sit;
        if let ToneKind::Ringback | ToneKind::Busy | ToneKind::FaxCalling | ToneKind::FaxAnswer = tone.kind {
            self.known = Some((tone.kind, tone.hz[0]));
        }
        self.announced = Some(tone);
        tell(Heard::ToneStarted(tone));
    }

    fn finish(&mut self, around: &Surroundings<'_>, tell: &mut impl FnMut(Heard)) {
        let Some(track) = self.track.take() else { return };
        self.fine = None;
        // Silence after a gap says nothing about when a tone ended before it.
        let ended_in_gap = self.gap_ms.take().is_some_and(|gap| track.end_ms <= gap + GAP_REACH_MS);
        if ended_in_gap && self.announced.is_none_or(|tone| tone.kind == ToneKind::Beep) {
            if let Some(beep) = self.announced.take() {
                tell(Heard::ToneEnded(beep));
            }
            return;
        }
        self.torn = (track.hz[0] >= HIGH_HZ && self.announced.is_none()).then_some(Torn {
            end_ms: around.centre_ms,
            hz: track.hz[0],
            start_ms: track.start_ms,
            before: self.before,
        });
        if let Some(tone) = self.announced.take() {
            self.pulse_end_ms = track.end_ms;
            if tone.kind == ToneKind::Sit && !progress::is_sit_third(track.hz[0]) {
                self.pending = Some(Pending::SitTail(tone, track.end_ms));
                return;
            }
            tell(Heard::ToneEnded(Tone { end_ms: Some(track.end_ms), ..tone }));
            return;
        }
        if track.hops < CONFIRM_HOPS {
            return;
        }
        let beep = self.was_beep(&track);
        let hint = if track.dual { progress::pair(track.hz[0], track.hz[1]) } else { self.single(&track) };
        if track.purity() != Purity::None && hint == Hint::MaybeSit {
            let rest = self.is_cut(&track) && track.len_ms() <= SEGMENT_MS;
            self.pending = Some(Pending::Sit(track, beep && !rest));
            return;
        }
        if !beep {
            let ended = self.ended_in(&track, 0.1) && track.purity() == Purity::High;
            if !ended && track.share() >= NOTE_SHARE && track.hops >= NOTE_HOPS {
                self.notes = [self.notes[1], around.centre_ms];
            }
        }
        let len = track.len_ms();
        match hint {
            Hint::Is(key @ ToneKind::Dtmf(_)) if track.purity() >= Purity::Fair || beep => {
                tell_whole(key, &track, tell);
            }
            Hint::Is(_) | Hint::Ignore => {}
            Hint::MaybeProgress if self.is_known(&track) => {
                let kind = self.next_kind(&track);
                self.pulse_end_ms = track.end_ms;
                tell_whole(kind, &track, tell);
            }
            Hint::MaybeProgress
                if !self.has_spoken && track.purity() == Purity::High && self.ended_in(&track, 0.1) =>
            {
                self.pending = Some(Pending::Pulse(track));
            }
            Hint::MaybeCalling if len <= 620 && self.is_cut(&track) => {
                self.known = Some((ToneKind::FaxCalling, track.hz[0]));
            }
            Hint::MaybeAnswer if self.is_cut(&track) => {}
            Hint::MaybeCalling if (400..=620).contains(&len) && self.ended_in(&track, 0.1) => {
                self.known = Some((ToneKind::FaxCalling, track.hz[0]));
                tell_whole(ToneKind::FaxCalling, &track, tell);
            }
            _ if beep => tell_whole(ToneKind::Beep, &track, tell),
            Hint::MaybeProgress | Hint::MaybeCalling | Hint::MaybeAnswer | Hint::MaybeSit | Hint::None => {}
        }
    }

    /// Whether a ringback, busy or fax tone of this pitch was heard before: then this is the next of it.
    fn is_known(&self, track: &Track) -> bool {
        self.known.is_some_and(|(_, hz)| !track.dual && (track.hz[0] - hz).abs() < SAME_HZ)
    }

    /// What `track` is, the next pulse of the known tone. What seemed ringback is busy when it pulses like that.
    fn next_kind(&mut self, track: &Track) -> ToneKind {
        let Some((kind, hz)) = self.known else { return ToneKind::Beep };
        let quick = track.start_ms.saturating_sub(self.pulse_end_ms) < BUSY_PAUSE_MS;
        self.quick = if quick { self.quick.saturating_add(1) } else { 0 };
        if kind == ToneKind::Ringback && self.quick >= 2 {
            self.known = Some((ToneKind::Busy, hz));
            return ToneKind::Busy;
        }
        kind
    }

    fn expire(&mut self, around: &Surroundings<'_>, tell: &mut impl FnMut(Heard)) {
        let Some(pending) = self.pending else { return };
        let (end_ms, patience_ms) = match &pending {
            Pending::Sit(first, _) => (first.end_ms, 140),
            Pending::Pulse(first) => (first.end_ms, BUSY_PAUSE_MS + 50),
            Pending::SitTail(_, end_ms) => (*end_ms, 120),
        };
        let waits_for_track = self.track.as_ref().is_some_and(|t| t.hops < 4);
        if waits_for_track || around.centre_ms <= end_ms + patience_ms {
            return;
        }
        self.pending = None;
        match pending {
            Pending::Sit(_, false) => {}
            Pending::Pulse(first) if self.is_cut(&first) => {
                (self.known, self.pulse_end_ms) = (Some((ToneKind::Ringback, first.hz[0])), first.end_ms);
                tell_whole(ToneKind::Ringback, &first, tell);
            }
            Pending::Sit(first, true) | Pending::Pulse(first) => tell_whole(ToneKind::Beep, &first, tell),
            Pending::SitTail(sit, end_ms) => tell(Heard::ToneEnded(Tone { end_ms: Some(end_ms), ..sit })),
        }
    }
}

fn tone(kind: ToneKind, track: &Track) -> Tone {
    Tone { kind, start_ms: track.start_ms, end_ms: None, hz: track.hz }
}

fn tell_whole(kind: ToneKind, track: &Track, tell: &mut impl FnMut(Heard)) {
    let started = tone(kind, track);
    tell(Heard::ToneStarted(started));
    tell(Heard::ToneEnded(Tone { end_ms: Some(track.end_ms), ..started }));
}
