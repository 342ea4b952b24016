//! Both halves of one stream with their reports.

use std::time::Duration;

use callcore::audio::Frame;

use crate::formats::Formats;
use crate::packet::Packet;
use crate::quality::mean_opinion_score;
use crate::receive::{Counts, Played, Receiver, Taken};
use crate::reports::{Heard, NoReport, Ntp, PeerReport, Reports};
use crate::send::{NoKey, PACKET_BYTES, Sender, Start};

/// After so long without a packet nothing is heard of the peer.
const UNHEARD: Duration = Duration::from_secs(5);
/// Fewer packets, lost ones too, tell nothing of how a call sounds (1 s).
const FEW: u64 = 50;
/// Length of a frame.
const FRAME: Duration = Duration::from_millis(20);

/// What a stream begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub formats: Formats,
    pub start: Start,
    /// Tells this end from others in reports; random, and the same for all streams of a call (RFC 7022).
    pub name: String,
    /// The time of day of the stream's zero.
    pub began: Ntp,
}

/// How a stream is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    pub counts: Counts,
    /// Interarrival jitter of what we receive (RFC 3550, section 6.4.1).
    pub jitter: Duration,
    /// How long audio waits before it is played.
    pub wait: Duration,
    /// How long no packet has come.
    pub unheard: Duration,
    /// What the peer reported last of what it receives.
    pub peer: Option<PeerReport>,
    /// Of what we hear, 1 to 4.4: see [`mean_opinion_score`]. `None` where less than a second came: nothing can be said of it.
    pub mean_opinion_score: Option<f64>,
    /// Whether audio comes: a packet has come within 5 s. `None` in the first 5 s of a stream that has not had any.
    pub comes: Option<bool>,
    /// Whether our audio comes to the peer, by its reports: the last one told of more of our packets than the one before.
    /// `None` when it has not reported.
    pub arrives: Option<bool>,
}

/// One stream of a call. Times are counted from its zero, and never run backwards.
#[derive(Debug)]
pub struct Stream {
    sender: Sender,
    receiver: Receiver,
    reports: Reports,
    /// When the last packet was sent.
    sent_at: Option<Duration>,
}

impl Stream {
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            sender: Sender::new(options.formats, options.start),
            receiver: Receiver::new(options.formats),
            reports: Reports::new(options.name, options.began),
            sent_at: None,
        }
    }

    /// Goes on by a new agreement: a re-INVITE may change payload types and the law.
    pub const fn set_formats(&mut self, formats: Formats) {
        self.sender.set_formats(formats);
        self.receiver.set_formats(formats);
    }

    /// Takes in a packet that arrived at `now`. Whether it came from the right address is for the caller to know.
    pub fn receive(&mut self, packet: &Packet<'_>, now: Duration) -> Taken {
        self.receiver.push(packet, now)
    }

    /// Takes in a datagram of reports.
    ///
    /// # Errors
    /// When it holds something else; what came before that has been taken.
    pub fn receive_report(&mut self, datagram: &[u8], now: Duration) -> Result<Heard, NoReport> {
        self.reports.read(datagram, &self.sender, now)
    }

    /// Plays the next 20 ms, which are due at `now`; see [`Receiver::pull`].
    pub fn play(&mut self, out: &mut Frame, now: Duration) -> Played {
        self.receiver.pull(out, now)
    }

    /// The next key that the peer has pressed.
    pub fn poll_key(&mut self) -> Option<char> {
        self.receiver.poll_key()
    }

    /// Presses a key; see [`Sender::press`].
    ///
    /// # Errors
    /// When it is no key, none were agreed on, or too many wait.
    pub fn press(&mut self, key: char, duration_ms: u32) -> Result<(), NoKey> {
        self.sender.press(key, duration_ms)
    }

    /// Whether the next 20 ms belong to a key: audio is not heard then and may wait.
    #[must_use]
    pub fn is_pressing(&self) -> bool {
        self.sender.is_pressing()
    }

    /// Writes the packet of the next 20 ms; how long it is.
    pub fn send(&mut self, audio: &Frame, now: Duration, out: &mut [u8; PACKET_BYTES]) -> usize {
        self.sent_at = Some(now);
        self.sender.next(audio, out)
    }

    /// Lets 20 ms pass in which nothing may be sent, as while the peer holds the call.
    pub const fn skip(&mut self) {
        self.sender.skip();
    }

    /// When a report is due.
    #[must_use]
    pub const fn report_due(&self) -> Duration {
        self.reports.due()
    }

    /// Writes a report; how long it is. 200 bytes are enough for a name of up to 64.
    pub fn report(&mut self, now: Duration, out: &mut [u8]) -> usize {
        self.reports.write(&self.sender, &mut self.receiver, now, out)
    }

    /// The peer has got packets that were sent up to then, by its last report. It says nothing of single ones before
    /// it, nor of what the peer did with them.
    #[must_use]
    pub fn delivered(&self) -> Option<Duration> {
        let since = self.sender.sent_since(self.reports.peer()?.highest)?;
        let since = FRAME * u32::try_from(since).unwrap_or(u32::MAX);
        Some(self.sent_at?.saturating_sub(since))
    }

    /// When the last packet of the stream came.
    #[must_use]
    pub const fn heard_at(&self) -> Option<Duration> {
        self.receiver.heard_at()
    }

    #[must_use]
    pub fn quality(&self, now: Duration) -> Quality {
        let counts = self.receiver.counts();
        let (wait, peer) = (self.receiver.wait(), self.reports.peer());
        let heard_at = self.receiver.heard_at();
        let unheard = now.saturating_sub(heard_at.unwrap_or_default());
        let sent = counts.received + counts.lost;
        let missed = (counts.lost + counts.late) as f64 / sent.max(1) as f64;
        let way = peer.and_then(|peer| peer.round_trip).unwrap_or_default() / 2;
        let delay_ms = (way + wait + FRAME).as_secs_f64() * 1_000.0;
        Quality {
            counts,
            jitter: Duration::from_secs_f64(self.receiver.jitter() / 8_000.0),
            wait,
            unheard,
            peer,
            mean_opinion_score: (sent >= FEW).then(|| mean_opinion_score(missed, delay_ms)),
            comes: if unheard >= UNHEARD { Some(false) } else { heard_at.map(|_| true) },
            arrives: self.reports.grows(),
        }
    }
}

#[cfg(test)]
mod tests;
