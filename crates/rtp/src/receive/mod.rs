//! The receiving half of a stream: packets in as they arrive, 20 ms of audio out as they are played.
//!
//! Time stamps decide what is played when. Audio waits until the latest packet of the last eight seconds would have been
//! there (`delay`), between 22 and 200 ms. Where the wait is to change, a frame is dropped or put in: in silence if there is
//! one; in sound, with a blend, once the wait is too long by 30 ms. What has not come in time is made up (`conceal`) and is
//! not played any more when it comes, so that a network that held everything up for half a minute is heard live again at
//! once. Packets that are seconds off for a while although they come evenly are a peer that has set its clock: play-out then
//! starts anew with them.

mod conceal;
mod delay;
mod keys;
mod ring;
mod source;

use std::collections::VecDeque;
use std::time::Duration;

use callcore::audio::{FRAME_SAMPLES, Frame};

use crate::formats::{COMFORT_NOISE, Formats};
use crate::packet::{Packet, extend_timestamp};
use conceal::{Concealer, Noise};
use delay::{Delay, LONGEST, TOO_SHORT};
use keys::Keys;
pub(crate) use keys::code;
use ring::{Place, Ring};
use source::{Order, Source};

/// One frame, in samples.
const FRAME: i64 = FRAME_SAMPLES as i64;
/// A wait that is too long by this much is made shorter in sound as well.
const TOO_LONG_IN_SOUND: i64 = 240;
/// How many frames lie between two such cuts.
const FRAMES_BETWEEN_CUTS: u8 = 10;
/// Mean absolute value of a frame that counts as silence, about −50 dBov.
const QUIET: i32 = 100;
/// A second source is taken at once when the first has been silent for so long; otherwise by its second packet in order.
const SILENT_SOURCE: Duration = Duration::from_millis(200);
/// Packets that do not fit in time are believed when so many came, over so many samples of time, evenly to so many.
const RUN_PACKETS: u32 = 4;
const RUN_LENGTH: i64 = 480;
const RUN_EVEN: i64 = 320;
/// A packet may bring 200 ms.
const MAX_SAMPLES: usize = 1_600;
/// Level of a line without noise: a key takes the place of audio, and nothing is made up for it.
const SILENCE: u8 = 127;
/// Keys that may wait to be asked for; more are dropped.
const MAX_KEYS: usize = 64;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its audio will be played, as far as it is not too late.
    Audio,
    /// It describes the noise of the line while the peer sends nothing.
    ComfortNoise,
    /// It belongs to a key.
    Key,
    /// It came before.
    Duplicate,
    /// What it would have been played with has been played.
    Late,
    /// Its source, count or time are not those of the stream. A peer that has changed them is believed with its next
    /// packets.
    Stray,
    /// Nothing that was agreed on has its payload type, or its payload is empty.
    Unknown,
}

/// What 20 ms were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    Audio,
    /// Some of it did not come in time and was made up.
    Concealed,
    /// Noise as the peer described it.
    ComfortNoise,
    /// Nothing has come yet, or for so long that nothing is made up.
    Silence,
}

/// Counts since the stream began. All of them only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets of the stream, each once.
    pub received: u64,
    /// Packets that are missing in the count of the peer.
    pub lost: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets of another source, count or time.
    pub strays: u64,
    /// Packets of a payload type that was not agreed on.
    pub unknown: u64,
    /// Frames with audio that was made up. The first 60 ms after the peer stops sending are among them.
    pub concealed: u64,
    /// Frames with audio, made up or not.
    pub played: u64,
    /// How often the peer has become another source or has begun another count.
    pub sources: u64,
}

/// A source as a report block describes it (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) ssrc: u32,
    pub(crate) fraction_lost: u8,
    pub(crate) lost: u64,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
}

/// Packets that do not fit in time, one after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    packets: u32,
    began: i64,
    transit: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Receiver {
    formats: Formats,
    source: Option<Source>,
    /// Of a source that may become ours: its name and the number of the packet that would prove it.
    candidate: Option<(u32, u16)>,
    heard_at: Option<Duration>,
    timeline: Option<Timeline>,
    ring: Ring,
    run: Option<Run>,
    /// From when on the line has noise of a level while nothing comes.
    noise_from: Option<(i64, u8)>,
    noise: Noise,
    concealer: Concealer,
    keys: Keys,
    pressed: VecDeque<char>,
    decoded: Vec<i16>,
    frames_since_cut: u8,
    /// Of the sources before this one.
    before: Counts,
    counts: Counts,
}

/// The time of the present source.
#[derive(Debug)]
struct Timeline {
    delay: Delay,
    /// The newest extended time stamp of audio.
    newest: i64,
}

impl Receiver {
    /// A stream of which nothing has come yet.
    #[must_use]
    pub fn new(formats: Formats) -> Self {
        Self {
            formats,
            source: None,
            candidate: None,
            heard_at: None,
            timeline: None,
            ring: Ring::new(),
            run: None,
            noise_from: None,
            noise: Noise::new(),
            concealer: Concealer::new(),
            keys: Keys::default(),
            pressed: VecDeque::with_capacity(MAX_KEYS),
            decoded: Vec::with_capacity(MAX_SAMPLES),
            frames_since_cut: 0,
            before: Counts::default(),
            counts: Counts::default(),
        }
    }

    /// Reads packets by other numbers from now on, as a new agreement has them.
    pub const fn set_formats(&mut self, formats: Formats) {
        self.formats = formats;
    }

    /// Takes in a packet that arrived at `now`, which is counted from any fixed moment and never runs backwards. Whether
    /// it came from the right address is for the caller to know.
    pub fn push(&mut self, packet: &Packet<'_>, now: Duration) -> Taken {
        let law = self.formats.law(packet.payload_type);
        let is_key = self.formats.received_keys == Some(packet.payload_type);
        let is_noise = packet.payload_type == COMFORT_NOISE;
        if packet.payload.is_empty() || (law.is_none() && !is_key && !is_noise) {
            self.counts.unknown += 1;
            return Taken::Unknown;
        }
        let number = match self.count(packet, now) {
            Order::New(number) => number,
            Order::Duplicate => {
                self.counts.duplicates += 1;
                return Taken::Duplicate;
            }
            Order::Foreign => {
                self.counts.strays += 1;
                return Taken::Stray;
            }
        };
        self.heard_at = Some(now);
        // A number that was agreed on for keys is for keys, whatever else it may mean.
        if is_key {
            self.take_silence(packet.timestamp, SILENCE);
            if let Some(key) = self.keys.take(packet.timestamp, number, packet.payload)
                && self.pressed.len() < MAX_KEYS
            {
                self.pressed.push_back(key);
            }
            return Taken::Key;
        }
        let Some(law) = law else { return self.take_noise(packet) };
        self.decoded.clear();
        let payload = &packet.payload[..packet.payload.len().min(MAX_SAMPLES)];
        law.decode(payload, &mut self.decoded);
        self.take_audio(packet.timestamp, samples_at(now))
    }

    /// Counts a packet where it belongs to our source, or makes its source ours.
    fn count(&mut self, packet: &Packet<'_>, now: Duration) -> Order {
        if let Some(source) = &mut self.source {
            let order =
                if source.ssrc() == packet.ssrc { source.take(packet.sequence) } else { Order::Foreign };
            if order != Order::Foreign {
                self.candidate = None;
                return order;
            }
            let is_proven = self.candidate == Some((packet.ssrc, packet.sequence));
            let is_silent = self.heard_at.is_none_or(|at| now.saturating_sub(at) >= SILENT_SOURCE);
            if !is_proven && !is_silent {
                self.candidate = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
                return Order::Foreign;
            }
            self.before.received += source.received();
            self.before.lost += source.lost();
        }
        self.counts.sources += 1;
        self.candidate = None;
        (self.timeline, self.run, self.noise_from) = (None, None, None);
        self.keys = Keys::default();
        self.source.insert(Source::new(packet.ssrc, packet.sequence)).take(packet.sequence)
    }

    fn take_noise(&mut self, packet: &Packet<'_>) -> Taken {
        self.take_silence(packet.timestamp, packet.payload.first().copied().unwrap_or(SILENCE));
        Taken::ComfortNoise
    }

    /// From this time stamp on the peer sends no audio, and the line has noise of this level.
    fn take_silence(&mut self, timestamp: u32, level: u8) {
        if let Some(timeline) = &self.timeline {
            self.noise_from = Some((extend_timestamp(timeline.newest, timestamp), level & 0x7f));
        }
    }

    /// Takes what was decoded, with the time stamp of its first sample.
    fn take_audio(&mut self, timestamp: u32, now: i64) -> Taken {
        let samples = self.decoded.len();
        let Some(timeline) = &mut self.timeline else {
            self.begin(i64::from(timestamp), now);
            self.ring.put(i64::from(timestamp), &self.decoded);
            return Taken::Audio;
        };
        let at = extend_timestamp(timeline.newest, timestamp);
        let transit = now - at;
        let place = self.ring.place(at, samples);
        let is_far = match place {
            Place::Ahead => false,
            Place::Past => at < self.ring.next() - LONGEST,
            Place::Beyond => true,
        };
        if is_far {
            return if self.runs(transit, now) {
                self.begin(at, now);
                self.ring.put(at, &self.decoded);
                Taken::Audio
            } else if place == Place::Past {
                self.counts.late += 1;
                Taken::Late
            } else {
                self.counts.strays += 1;
                Taken::Stray
            };
        }
        self.run = None;
        timeline.newest = timeline.newest.max(at);
        timeline.delay.note(transit, now);
        if let Some(source) = &mut self.source {
            source.note_transit(transit);
        }
        if place == Place::Past {
            self.counts.late += 1;
            return Taken::Late;
        }
        if self.noise_from.is_some_and(|(from, _)| at >= from) {
            self.noise_from = None;
        }
        self.ring.put(at, &self.decoded);
        Taken::Audio
    }

    /// Starts play-out with audio of this time stamp.
    fn begin(&mut self, at: i64, now: i64) {
        let delay = Delay::new(now - at, now);
        self.ring.restart(at - delay.target());
        self.timeline = Some(Timeline { delay, newest: at });
        (self.run, self.noise_from) = (None, None);
    }

    /// Notes a packet that does not fit in time; whether that goes on long and evenly enough to be believed.
    fn runs(&mut self, transit: i64, now: i64) -> bool {
        let run = self.run.get_or_insert(Run { packets: 0, began: now, transit });
        if (transit - run.transit).abs() > RUN_EVEN {
            *run = Run { packets: 0, began: now, transit };
        }
        run.packets += 1;
        run.packets >= RUN_PACKETS && now - run.began >= RUN_LENGTH
    }

    /// Plays the next 20 ms. `now` is when they are due: a caller that is late makes its calls up, each with its own time.
    pub fn pull(&mut self, out: &mut Frame, now: Duration) -> Played {
        let Some(timeline) = &self.timeline else {
            out.fill(0);
            return Played::Silence;
        };
        let wanted = samples_at(now) - timeline.delay.least() - timeline.delay.target();
        let too_long = wanted - self.ring.next();
        let wait = too_long + timeline.delay.target();
        self.frames_since_cut = self.frames_since_cut.saturating_add(1);
        let gap = self.has_gap();
        if wait > LONGEST + TOO_LONG_IN_SOUND {
            self.ring.skip(too_long);
        } else if too_long <= -TOO_SHORT && (gap || self.is_quiet()) {
            return self.put_in(out);
        } else if too_long >= FRAME && (gap || self.is_quiet()) {
            self.ring.skip(FRAME);
        } else if too_long >= TOO_LONG_IN_SOUND && self.frames_since_cut >= FRAMES_BETWEEN_CUTS {
            self.frames_since_cut = 0;
            return self.play_two_as_one(out);
        }
        self.play(out)
    }

    /// Whether nothing has come for the whole next frame.
    fn has_gap(&self) -> bool {
        (0..FRAME_SAMPLES).all(|n| self.ring.peek(n).is_none())
    }

    fn is_quiet(&self) -> bool {
        let sum: i32 = (0..FRAME_SAMPLES).map(|n| i32::from(self.ring.peek(n).unwrap_or(0)).abs()).sum();
        sum < QUIET * FRAME_SAMPLES as i32
    }

    /// A frame that makes the wait longer.
    fn put_in(&mut self, out: &mut Frame) -> Played {
        let was_heard = !self.concealer.is_silent();
        let level = self.noise_level(0);
        for sample in out.iter_mut() {
            *sample = match level {
                Some(level) => self.noise.sample(level),
                None => self.concealer.make_up(),
            };
        }
        self.played(match level {
            Some(_) => Played::ComfortNoise,
            None if was_heard => Played::Concealed,
            None => Played::Silence,
        })
    }

    /// The level of the noise that the peer describes for one of the next samples.
    fn noise_level(&self, ahead: usize) -> Option<u8> {
        self.noise_from.filter(|(from, _)| self.ring.next() + ahead as i64 >= *from).map(|(_, level)| level)
    }

    /// Two frames blended into one.
    fn play_two_as_one(&mut self, out: &mut Frame) -> Played {
        for (n, sample) in out.iter_mut().enumerate() {
            let (first, second) = (self.ring.peek(n), self.ring.peek(n + FRAME_SAMPLES));
            let (first, second) = (first.or(second).unwrap_or(0), second.or(first).unwrap_or(0));
            let (n, whole) = (n as i32, FRAME as i32);
            let blended = (i32::from(first) * (whole - n) + i32::from(second) * n) / whole;
            *sample = self.concealer.pass(blended as i16);
        }
        self.ring.skip(2 * FRAME);
        self.concealer.remember(out);
        self.played(Played::Audio)
    }

    fn play(&mut self, out: &mut Frame) -> Played {
        let was_heard = !self.concealer.is_silent();
        let (mut missing, mut noise) = (0, 0);
        for (n, sample) in out.iter_mut().enumerate() {
            *sample = if let Some(sample) = self.ring.peek(n) {
                self.concealer.pass(sample)
            } else if let Some(level) = self.noise_level(n) {
                noise += 1;
                self.noise.sample(level)
            } else {
                missing += 1;
                self.concealer.make_up()
            };
        }
        self.ring.skip(FRAME);
        self.concealer.remember(out);
        self.played(if noise > 0 {
            Played::ComfortNoise
        } else if missing == 0 {
            Played::Audio
        } else if was_heard || missing < FRAME_SAMPLES {
            Played::Concealed
        } else {
            Played::Silence
        })
    }

    const fn played(&mut self, played: Played) -> Played {
        match played {
            Played::Audio => self.counts.played += 1,
            Played::Concealed => {
                self.counts.played += 1;
                self.counts.concealed += 1;
            }
            Played::ComfortNoise | Played::Silence => {}
        }
        played
    }

    /// The next key that was pressed.
    pub fn poll_key(&mut self) -> Option<char> {
        self.pressed.pop_front()
    }

    /// When the last packet of the stream came.
    #[must_use]
    pub const fn heard_at(&self) -> Option<Duration> {
        self.heard_at
    }

    /// The source that is heard.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(Source::ssrc)
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let (received, lost) =
            self.source.as_ref().map_or((0, 0), |source| (source.received(), source.lost()));
        Counts { received: self.before.received + received, lost: self.before.lost + lost, ..self.counts }
    }

    /// Interarrival jitter (RFC 3550, section 6.4.1), in samples.
    #[must_use]
    pub fn jitter(&self) -> f64 {
        self.source.as_ref().map_or(0.0, Source::jitter)
    }

    /// How long audio waits at present before it is played.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let samples = self.timeline.as_ref().map_or(0, |timeline| timeline.delay.target());
        Duration::from_micros(samples.unsigned_abs() * 125)
    }

    /// What a report says of the present source; what it says of the losses lately begins anew with it.
    pub(crate) fn report(&mut self) -> Option<Report> {
        let source = self.source.as_mut()?;
        Some(Report {
            ssrc: source.ssrc(),
            fraction_lost: source.fraction_lost(),
            lost: source.lost(),
            highest: source.highest(),
            jitter: source.jitter() as u32,
        })
    }
}

/// A time as samples of 8 kHz.
fn samples_at(now: Duration) -> i64 {
    i64::try_from(now.as_micros() / 125).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
