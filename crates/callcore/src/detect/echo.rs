//! Our own voice coming back: what is heard, compared with what was sent, at every delay an echo may have.
//!
//! Both are described every 10 ms by how loud they are in 16 bands, each band against its own usual level, so
//! that a codec, a loudspeaker or a quiet line changes little. An echo is a window of what is heard that runs
//! like a window of what was sent some time before (Pearson's correlation over bands and time). Two windows
//! are kept, as sums that fade: a short one tells whether this moment is an echo, a long one finds the delay
//! and then lets a weaker likeness suffice there. How loud the echo usually is tells a voice on top of it.

use super::front_end::band_powers;
use super::heard::BANDS;
use super::spectrum::{BINS, HOP, WINDOW, analyse};
use crate::audio::level::SILENCE_DBFS;

/// Length of a hop, ms.
const HOP_MS: u64 = 10;
/// Delays compared, a hop apart: 0 to 640 ms.
const DELAYS: usize = 65;
/// Hops of what was sent that are kept: what is still to be played, the longest delay, and room.
const KEPT: usize = 256;
/// A band is never taken to be fainter than this, in dBFS: below lies the noise of the line.
const FAINTEST_SENT: f32 = -58.0;
const FAINTEST_HEARD: f32 = -66.0;
/// What was sent counts as sound above this, in dBFS.
const SOUNDS_DBFS: f32 = -50.0;
/// How much of the sums is left after a frame: windows of about 110 and 700 ms.
const SHORT: f32 = 0.82;
const LONG: f32 = 0.97;
/// Frames' worth of each window once it is full.
const SHORT_FRAMES: f32 = 1.0 / (1.0 - SHORT);
const LONG_FRAMES: f32 = 1.0 / (1.0 - LONG);
/// Likeness that makes an echo at an unknown delay.
const ALIKE: f32 = 0.72;
/// Likeness over the long window that gives the delay away, and that keeps it.
const FOUND: f32 = 0.60;
const KEPT_FOUND: f32 = 0.40;
/// Likeness that makes an echo at the delay found; and that does where it is no louder than an echo there is.
const ALIKE_THERE: f32 = 0.55;
const HARDLY_ALIKE: f32 = 0.20;
/// Likeness that leaves no room for a voice, however loud.
const THE_SAME: f32 = 0.92;
/// A voice is this much louder than the echo ought to be, in dB; this much is the echo's own play.
const LOUDER_DB: f32 = 5.0;
const NO_LOUDER_DB: f32 = 1.0;
/// How fast the noise of a band is followed when it grows, dB per frame.
const NOISE_RISE_DB: f32 = 0.05;
/// A band says something this far above its noise, dB.
const OVER_NOISE_DB: f32 = 3.0;
/// The share of speech's level that each band usually has, in dB: where the averages begin.
const USUAL: [f32; BANDS] = [
    -14.0, -9.0, -8.0, -8.0, -9.0, -11.0, -13.0, -15.0, -16.0, -17.0, -18.0, -19.0, -20.0, -22.0, -24.0,
    -28.0,
];
/// How fast a band's average follows.
const FOLLOW: f32 = 0.01;

type Bands = [f32; BANDS];

/// Sums of a window of one signal.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sum: [f32; 2],
    squares: [f32; 2],
}

impl Sums {
    /// How far the values of a window are from their mean, squared and added up.
    fn spread(&self, window: usize) -> f32 {
        self.squares[window] - self.sum[window] * self.sum[window] / values(window)
    }

    /// The window one frame later.
    fn then(self, bands: &Bands) -> Self {
        let (sum, squares) = bands.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
        let fade = [SHORT, LONG];
        Self {
            sum: std::array::from_fn(|w| self.sum[w] * fade[w] + sum),
            squares: std::array::from_fn(|w| self.squares[w] * fade[w] + squares),
        }
    }
}

/// One hop of what was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    bands: Bands,
    sums: Sums,
    level_dbfs: f32,
}

/// The usual level of each band.
#[derive(Debug)]
struct Average(Bands);

impl Average {
    fn new(level_dbfs: f32) -> Self {
        Self(USUAL.map(|share| level_dbfs + share))
    }

    /// The bands against their averages.
    fn against(&mut self, bands_dbfs: &Bands, faintest: &Bands, sounds: bool) -> Bands {
        std::array::from_fn(|band| {
            let level = bands_dbfs[band].max(faintest[band]);
            if sounds {
                self.0[band] += (level - self.0[band]) * FOLLOW;
            }
            level - self.0[band]
        })
    }
}

/// Compares what is heard with what was sent. Allocates nothing after [`EchoGuard::new`].
#[derive(Debug)]
pub struct EchoGuard {
    /// The end of what was sent, full scale = 1.0.
    tail: [f32; WINDOW],
    /// Powers of the hop before, by band.
    last_powers: Bands,
    sent: Box<[Sent; KEPT]>,
    /// The hop of call time that is sent next.
    head: u64,
    /// The last hop that sounded.
    sounded: Option<u64>,
    sent_average: Average,
    heard_average: Average,
    heard: Sums,
    /// The noise in each band of what is heard, dBFS.
    noise: Bands,
    /// Products of what is heard with what was sent, by window and delay.
    products: [[f32; DELAYS]; 2],
    /// The delay found, in hops.
    delay: Option<usize>,
    /// How much fainter it comes back, dB; `None` until it has.
    loss_db: Option<f32>,
    likeness: f32,
}

impl Default for EchoGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoGuard {
    /// A guard of a call in which nothing has been sent.
    #[must_use]
    pub fn new() -> Self {
        let silence = [FAINTEST_SENT; BANDS];
        let mut sent_average = Average::new(-26.0);
        let bands = sent_average.against(&silence, &silence, false);
        let quiet = Sent { bands, sums: settled(&bands), level_dbfs: SILENCE_DBFS };
        let mut heard_average = Average::new(-36.0);
        let heard =
            settled(&heard_average.against(&[FAINTEST_HEARD; BANDS], &[FAINTEST_HEARD; BANDS], false));
        Self {
            tail: [0.0; WINDOW],
            last_powers: [0.0; BANDS],
            sent: Box::new([quiet; KEPT]),
            head: 0,
            sounded: None,
            sent_average,
            heard_average,
            heard,
            noise: [FAINTEST_HEARD; BANDS],
            products: [[0.0; DELAYS]; 2],
            delay: None,
            loss_db: None,
            likeness: 0.0,
        }
    }

    /// `samples` (8 kHz) are played to the callee from `plays_at_ms` of call time on.
    pub fn sent(&mut self, samples: &[i16], plays_at_ms: u64) {
        let from = (plays_at_ms + HOP_MS / 2) / HOP_MS;
        // Packets follow each other within a hop or so; what lies further ahead follows a pause.
        if from > self.head + 1 {
            self.silent_until(from);
        }
        for hop in samples.chunks(HOP) {
            self.hop(hop);
        }
    }

    /// Nothing of what was sent is played from `now_ms` on.
    pub fn silenced(&mut self, now_ms: u64) {
        let now = now_ms / HOP_MS;
        if self.head > now {
            self.head = now;
            self.tail.fill(0.0);
            self.last_powers.fill(0.0);
            self.sounded = self.sounded.map(|sounded| sounded.min(now));
        }
    }

    /// Whether the frame that ended at `now_ms` is our own voice. To be asked about every frame.
    pub fn is_echo(&mut self, bands_dbfs: &Bands, level_dbfs: f32, noise_dbfs: f32, now_ms: u64) -> bool {
        let now = now_ms / HOP_MS;
        let longest = DELAYS as u64 + LONG_FRAMES as u64 * 2;
        if self.sounded.is_none_or(|sounded| sounded + longest < now) {
            self.likeness = 0.0;
            return false;
        }
        self.silent_until(now);
        for (noise, level) in self.noise.iter_mut().zip(bands_dbfs) {
            *noise = if *level < *noise { *noise + (*level - *noise) * 0.3 } else { *noise + NOISE_RISE_DB };
        }
        let faintest = self.noise.map(|noise| FAINTEST_HEARD.max(noise + OVER_NOISE_DB));
        let bands = self.heard_average.against(bands_dbfs, &faintest, level_dbfs > noise_dbfs + 6.0);
        self.heard = self.heard.then(&bands);
        self.multiply(&bands, now);
        self.follow(now);
        let (likeness, at) = match self.delay {
            Some(delay) => (self.best(0, now, delay.saturating_sub(2)..(delay + 3).min(DELAYS)).0, delay),
            None => self.best(0, now, 0..DELAYS),
        };
        self.likeness = likeness;
        let sent_dbfs =
            (at..(at + 8).min(KEPT)).map(|back| self.at(now, back).level_dbfs).fold(SILENCE_DBFS, f32::max);
        let sounds = sent_dbfs > SOUNDS_DBFS;
        if !sounds {
            return false;
        }
        let loss_db = sent_dbfs - level_dbfs;
        let gain_db = self.loss_db.map(|usual| usual - loss_db);
        if self.delay.is_some() && likeness >= ALIKE && level_dbfs > noise_dbfs + 6.0 {
            let usual = self.loss_db.get_or_insert(loss_db);
            // What is loudest of the echo matters: it follows a louder one faster.
            *usual += (loss_db - *usual) * if loss_db < *usual { 0.2 } else { 0.02 };
        }
        match (self.delay, gain_db) {
            (None, _) => likeness >= ALIKE,
            (Some(_), None) => likeness >= ALIKE_THERE,
            (Some(_), Some(gain_db)) => {
                likeness >= THE_SAME
                    || (likeness >= ALIKE_THERE && gain_db <= LOUDER_DB)
                    || (likeness >= HARDLY_ALIKE && gain_db <= NO_LOUDER_DB)
            }
        }
    }

    /// How much what is heard is like what was sent, -1 to 1, as of the last frame.
    #[must_use]
    pub const fn likeness(&self) -> f32 {
        self.likeness
    }

    /// The delay of the echo, ms, once it is known.
    #[must_use]
    pub fn delay_ms(&self) -> Option<u64> {
        self.delay.map(|hops| hops as u64 * HOP_MS)
    }

    fn silent_until(&mut self, hop: u64) {
        // Only the last of a long silence leaves a trace.
        let first = hop.saturating_sub(KEPT as u64);
        if self.head < first {
            self.head = first;
        }
        while self.head < hop {
            self.hop(&[]);
        }
    }

    /// Takes in 10 ms of what is sent; what is missing is silence.
    fn hop(&mut self, samples: &[i16]) {
        self.tail.copy_within(HOP.., 0);
        let (_, new) = self.tail.split_at_mut(WINDOW - HOP);
        new.fill(0.0);
        for (slot, sample) in new.iter_mut().zip(samples) {
            *slot = f32::from(*sample) / 32_768.0;
        }
        let mut powers = [0.0; BANDS];
        if self.tail.iter().any(|x| *x != 0.0) {
            let mut power = [0.0; BINS];
            analyse(&self.tail, &mut power);
            band_powers(&power, &mut powers);
        }
        let both: Bands = std::array::from_fn(|band| (powers[band] + self.last_powers[band]) / 2.0);
        self.last_powers = powers;
        let level_dbfs = 10.0 * both.iter().sum::<f32>().max(1e-12).log10();
        let sounds = level_dbfs > SOUNDS_DBFS;
        if sounds {
            self.sounded = Some(self.head);
        }
        let bands = both.map(|power| 10.0 * power.max(1e-12).log10());
        let bands = self.sent_average.against(&bands, &[FAINTEST_SENT; BANDS], sounds);
        // A frame is two hops: the window that ends here goes on from the hop before the last.
        let sums = self.sent[(self.head as usize + KEPT - 2) % KEPT].sums.then(&bands);
        self.sent[self.head as usize % KEPT] = Sent { bands, sums, level_dbfs };
        self.head += 1;
    }

    /// What was sent `back` hops before the last whole one at `now`.
    fn at(&self, now: u64, back: usize) -> &Sent {
        &self.sent[(now as usize + 2 * KEPT - 1 - back) % KEPT]
    }

    fn multiply(&mut self, bands: &Bands, now: u64) {
        for back in 0..DELAYS {
            let sent = &self.sent[(now as usize + 2 * KEPT - 1 - back) % KEPT].bands;
            let product: f32 = bands.iter().zip(sent).map(|(x, y)| x * y).sum();
            self.products[0][back] = self.products[0][back] * SHORT + product;
            self.products[1][back] = self.products[1][back] * LONG + product;
        }
    }

    /// Finds the delay, or loses it.
    fn follow(&mut self, now: u64) {
        if let Some(delay) = self.delay
            && self.alike(1, now, delay) < KEPT_FOUND
        {
            (self.delay, self.loss_db) = (None, None);
        }
        let (likeness, delay) = self.best(1, now, 0..DELAYS);
        if likeness >= FOUND && self.delay.is_none_or(|known| known.abs_diff(delay) > 2) {
            (self.delay, self.loss_db) = (Some(delay), None);
        }
    }

    fn best(&self, window: usize, now: u64, delays: std::ops::Range<usize>) -> (f32, usize) {
        let heard = self.heard.spread(window);
        if heard < least_life(window) {
            return (0.0, delays.start);
        }
        let mut best = (-1.0, delays.start);
        for delay in delays {
            let alike = self.alike_to(heard, window, now, delay);
            if alike > best.0 {
                best = (alike, delay);
            }
        }
        best
    }

    fn alike(&self, window: usize, now: u64, delay: usize) -> f32 {
        self.alike_to(self.heard.spread(window), window, now, delay)
    }

    /// The likeness of a window of what is heard, whose [`Sums::spread`] is `heard`, to what was sent `delay` hops before.
    fn alike_to(&self, heard: f32, window: usize, now: u64, delay: usize) -> f32 {
        let sums = &self.at(now, delay).sums;
        let sent = sums.spread(window);
        let least = least_life(window);
        if heard < least || sent < least {
            return 0.0;
        }
        let together =
            self.products[window][delay] - self.heard.sum[window] * sums.sum[window] / values(window);
        together / (heard * sent).sqrt()
    }
}

/// Values in a window that is full.
fn values(window: usize) -> f32 {
    BANDS as f32 * [SHORT_FRAMES, LONG_FRAMES][window]
}

/// A window with less spread than this, 2 dB, says nothing.
fn least_life(window: usize) -> f32 {
    4.0 * values(window)
}

/// Sums of a window that holds nothing but `bands`.
fn settled(bands: &Bands) -> Sums {
    let (sum, squares) = bands.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    Sums {
        sum: [sum * SHORT_FRAMES, sum * LONG_FRAMES],
        squares: [squares * SHORT_FRAMES, squares * LONG_FRAMES],
    }
}
