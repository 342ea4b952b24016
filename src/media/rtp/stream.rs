//! The sockets of one call, and its clock.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng as _;
use rtp::sdp::Agreement;
use rtp::{Formats, NoKey, Ntp, Options, Quality, Start};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use super::exchange::{Due, Event, Exchange, Refused, frames_in};
use super::ports::Sockets;
use super::{FRAME_TIME, LATEST};
use crate::media::Full;
use crate::wallclock;

/// Longest datagram that is read: those of audio are far shorter.
const DATAGRAM: usize = 2_048;
/// Datagrams taken in at once when a frame is due.
const AT_ONCE: usize = 64;
/// Datagrams looked at in 20 ms, of which a call brings two or three. What floods a port beyond them stays in its socket, where
/// the system drops it; it costs the other calls nothing.
const IN_A_FRAME: usize = 128;

/// The media of one call. It is driven by [`Self::next`], and everything else waits for nothing.
#[derive(Debug)]
pub struct RtpStream {
    sockets: Sockets,
    exchange: Box<Exchange>,
    /// When the next frame is due.
    due: Instant,
    /// Datagrams that may be looked at before the next frame.
    left: usize,
    datagram: Box<[u8; DATAGRAM]>,
}

impl RtpStream {
    /// Begins to send and to receive as was agreed.
    #[must_use]
    pub fn begin(sockets: Sockets, agreement: Agreement) -> Self {
        let due = Instant::now();
        let exchange = Box::new(Exchange::new(agreement, beginning(agreement.formats), due));
        Self { sockets, exchange, due, left: IN_A_FRAME, datagram: Box::new([0; DATAGRAM]) }
    }

    /// Where we receive RTP.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.sockets.address()
    }

    /// Goes on by a new agreement: another law, address or direction.
    pub fn agree(&mut self, agreement: Agreement) {
        self.exchange.agree(agreement, Instant::now());
    }

    /// Queues pcm16, 8 kHz, behind what waits. It waits, too, while the peer holds the call and while keys are sent.
    ///
    /// # Errors
    /// When it does not fit; then nothing of it is queued.
    pub fn play(&mut self, pcm: Bytes) -> Result<(), Full> {
        self.exchange.push(pcm)
    }

    /// Marks the end of what has been queued: [`Event::CheckPoint`] follows.
    ///
    /// # Errors
    /// When too many marks wait already.
    pub fn mark(&mut self, name: String) -> Result<(), Full> {
        self.exchange.mark(name)
    }

    /// Forgets all audio that has not been sent, and the marks behind what has not been played.
    pub fn interrupt(&mut self) {
        self.exchange.cut(Instant::now());
    }

    /// Presses a key once those before it have been, for 100 to 1,000 ms.
    ///
    /// # Errors
    /// When it is no key, the peer takes none in RTP, or too many wait.
    pub fn press(&mut self, key: char, duration_ms: u32) -> Result<(), NoKey> {
        self.exchange.press(key, duration_ms)
    }

    /// When a packet or a report of the peer came last.
    #[must_use]
    pub fn heard_at(&self) -> Option<Instant> {
        self.exchange.heard_at()
    }

    /// When a packet of RTP came last. Reports are none: they come although the audio does not.
    #[must_use]
    pub fn audio_at(&self) -> Option<Instant> {
        self.exchange.audio_at()
    }

    /// How the call is doing, and what was not taken.
    #[must_use]
    pub fn quality(&self) -> (Quality, Refused) {
        self.exchange.quality(Instant::now())
    }

    /// What comes next. Sends what is due meanwhile, so it must be waited for all through the call; a wait may be dropped and
    /// begun anew at any time.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.exchange.poll_event() {
                return event;
            }
            tokio::select! {
                biased;
                () = sleep_until(self.due) => self.tick(),
                _ready = self.sockets.audio.readable(), if self.left > 0 => self.receive(1),
                _ready = self.sockets.reports.readable(), if self.left > 0 => self.receive_report(),
            }
        }
    }

    /// Takes in what has come to the port of the audio, `most` datagrams at most.
    fn receive(&mut self, most: usize) {
        let now = Instant::now();
        for _ in 0..most {
            self.left = self.left.saturating_sub(1);
            let Ok((length, from)) = self.sockets.audio.try_recv_from(self.datagram.as_mut_slice()) else {
                return;
            };
            self.exchange.receive(&self.datagram[..length], from, now);
        }
    }

    fn receive_report(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let Ok((length, from)) = self.sockets.reports.try_recv_from(self.datagram.as_mut_slice()) {
            self.exchange.receive_report(&self.datagram[..length], from, Instant::now());
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.left == 0 {
            metrics::counter!("dering_rtp_dropped_total", "reason" => "flood").increment(1);
        }
        // What came while nobody had time is there in time.
        self.receive(AT_ONCE);
        self.left = IN_A_FRAME;
        let due = next_frame(&mut self.exchange, &mut self.due, now);
        self.send(due);
    }

    fn send(&self, due: Due) {
        let Sockets { audio, reports, .. } = &self.sockets;
        if let Some((length, to)) = due.packet {
            send(audio, &self.exchange.packet[..length], to);
        }
        if let Some((length, to, is_muxed)) = due.report {
            let socket = if is_muxed { audio } else { reports };
            send(socket, &self.exchange.report[..length], to);
        }
    }
}

/// What a stream begins with: where its counts begin is for nobody to guess (RFC 3550, section 5.1).
pub(super) fn beginning(formats: Formats) -> Options {
    let mut random = rand::rng();
    let start = Start { ssrc: random.random(), sequence: random.random(), timestamp: random.random() };
    let began = Ntp::from_unix(Duration::from_millis(wallclock::now_ms().unsigned_abs()));
    let name = format!("{:024x}", random.random::<u128>() >> 32);
    Options { formats, start, name, began }
}

/// Does what was due at `due`, and moves it on. Frames that nobody had time for are left out.
pub(super) fn next_frame(exchange: &mut Exchange, due: &mut Instant, now: Instant) -> Due {
    let late = now.saturating_duration_since(*due);
    if late >= LATEST {
        let frames = frames_in(late);
        exchange.skip(frames);
        *due += FRAME_TIME * frames;
        metrics::counter!("dering_rtp_clock_skips_total").increment(1);
    }
    let frame = exchange.tick(*due);
    *due += FRAME_TIME;
    frame
}

/// A packet that cannot leave now is of no use later.
fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
    if socket.try_send_to(datagram, to).is_err() {
        metrics::counter!("dering_rtp_dropped_total", "reason" => "unsent").increment(1);
    }
}
