//! One call.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use rtp::{Coding, Formats, Law, Packet};
use str0m::format::{Codec, PayloadParams};
use str0m::ice::StunMessage;
use str0m::media::{Mid, Pt};
use str0m::rtp::{RtpPacket, RtpWrite, SeqNo};
use str0m::{Event, IceConnectionState, Rtc};

use crate::connection::{self, Connection, Step};
use crate::gone::Gone;
use crate::identity::Identity;
use crate::offer::{self, Allowed, BadOffer};
use crate::pictures::Pictures;
use crate::transport::{Listening, TransportAddress};

/// A packet of the browser's, decrypted.
pub struct Received(RtpPacket);

impl Received {
    pub(crate) const fn new(packet: RtpPacket) -> Self {
        Self(packet)
    }

    /// Its number, counted on past the 16 bits that the wire carries.
    #[must_use]
    pub fn number(&self) -> u64 {
        *self.0.seq_no
    }

    /// What it carries, without a copy.
    #[must_use]
    pub fn payload(&self) -> Arc<[u8]> {
        Arc::clone(&self.0.payload)
    }

    /// As `rtp` reads it.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        let header = &self.0.header;
        Packet {
            payload_type: *header.payload_type,
            marker: header.marker,
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: *header.ssrc,
            payload: &self.0.payload,
        }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packet().fmt(f)
    }
}

/// What a call wants done, or tells.
#[derive(Debug)]
pub enum Output {
    /// A datagram that has to leave.
    Send { to: TransportAddress, datagram: Vec<u8> },
    /// Both sides know the keys: audio may be sent.
    Connected,
    /// A packet of the browser's: audio or keys.
    Packet(Received),
    /// A packet of its camera.
    Picture(Received),
    /// The browser cannot show what it gets before the next key frame.
    KeyFrameWanted,
    /// The browser has not proven for long that it is there (RFC 7675). It may come again.
    Away,
    /// The browser has closed the connection.
    Closed,
    /// Nothing more before then, unless something comes: [`Peer::handle_timeout`] is due.
    Wait(Instant),
}

/// What a browser does beside its voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// It shows pictures that we send.
    pub shows: bool,
    /// It sends those of a camera.
    pub has_camera: bool,
}

/// One call with a browser.
pub struct Peer {
    connection: Connection,
    mid: Mid,
    formats: Formats,
    pictures: Option<Pictures>,
    /// Of the last packet that was sent, counted on past its 16 bits.
    sequence: Option<u64>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.connection.address())
            .field("user", &self.connection.user())
            .field("formats", &self.formats)
            .field("sight", &self.sight())
            .finish()
    }
}

/// What is spoken with a browser.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    /// What we like best first.
    pub laws: &'a [Law],
    /// VP8 beside the audio, where it is offered. Other video is declined, and the call goes on by voice.
    pub pictures: bool,
}

impl Peer {
    /// Answers an offer: the browser will send to where we listen.
    ///
    /// # Errors
    /// When it cannot be answered, and why.
    pub fn answer(
        identity: &Identity,
        listening: impl Into<Listening>,
        spoken: Spoken<'_>,
        offer: &str,
        now: Instant,
    ) -> Result<(Self, String), BadOffer> {
        let Spoken { laws, pictures } = spoken;
        offer::look_over(offer, Allowed::Call)?;
        let formats = connection::Formats { laws, pictures };
        let (mut connection, answer) = Connection::answer(identity, listening.into(), formats, offer, now)?;
        let mid = connection::mid(&answer, "audio").ok_or(BadOffer::NoFormat)?;
        let formats = formats_of(&connection.rtc, mid, laws).ok_or(BadOffer::NoFormat)?;
        let video = connection::mid(&answer, "video");
        let pictures = video.map(|mid| Pictures::agreed(&mut connection.rtc, mid)).transpose()?;
        Ok((Self { connection, mid, formats, pictures, sequence: None }, answer))
    }

    /// Names the call in the browser's STUN requests; see [`user_of`].
    #[must_use]
    pub fn user(&self) -> &str {
        self.connection.user()
    }

    /// How the two sides write audio and keys.
    #[must_use]
    pub const fn formats(&self) -> Formats {
        self.formats
    }

    /// What was agreed on beside the voice; `None` of a call by voice.
    #[must_use]
    pub fn sight(&self) -> Option<Sight> {
        self.pictures
            .as_ref()
            .map(|pictures| Sight { shows: pictures.are_shown(), has_camera: pictures.come() })
    }

    /// Takes in a datagram. One that is not the browser's is passed over.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        from: impl Into<TransportAddress>,
        now: Instant,
    ) -> Result<(), Gone> {
        self.connection.receive(datagram, from.into(), now)
    }

    /// Does what is due.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Gone> {
        self.connection.handle_timeout(now)
    }

    /// Sends a packet of audio or keys as `rtp` writes it: [`Self::poll`] gives it encrypted. To be called after
    /// [`Output::Connected`] only.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn send(&mut self, datagram: &[u8], now: Instant) -> Result<(), Gone> {
        let Ok(packet) = Packet::parse(datagram) else { return Ok(()) };
        let sequence = match self.sequence {
            None => u64::from(packet.sequence),
            Some(last) => last + u64::from(packet.sequence.wrapping_sub(last as u16)),
        };
        self.sequence = Some(sequence);
        let pt = Pt::new_with_value(packet.payload_type);
        let payload: Arc<[u8]> = packet.payload.into();
        let write =
            RtpWrite::new(pt, SeqNo::from(sequence), packet.timestamp, now, payload).marker(packet.marker);
        if let Some(stream) = self.connection.rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.write_rtp(write);
        }
        // It leaves when time has moved.
        self.connection.handle_timeout(now)
    }

    /// Sends a VP8 frame, whole, where the browser shows pictures; `timestamp` is in ticks of [`rtp::vp8::CLOCK`]. To be called after
    /// [`Output::Connected`] only.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn show(&mut self, frame: &[u8], timestamp: u32, now: Instant) -> Result<(), Gone> {
        let Some(pictures) = self.pictures.as_mut().filter(|pictures| pictures.are_shown()) else {
            return Ok(());
        };
        pictures.send_frame(&mut self.connection.rtc, frame, timestamp, now);
        self.connection.handle_timeout(now)
    }

    /// Asks the camera for a key frame.
    pub fn want_key_frame(&mut self) {
        if let Some(pictures) = &self.pictures {
            pictures.want_key_frame(&mut self.connection.rtc);
        }
    }

    /// Tells the camera how much it may send. Browsers forget it unless it is told about every second.
    pub fn limit_camera(&mut self, bits_per_second: u64) {
        if let Some(pictures) = &self.pictures {
            pictures.limit(&mut self.connection.rtc, bits_per_second);
        }
    }

    /// Says goodbye; [`Self::poll`] gives the datagrams of it.
    ///
    /// # Errors
    /// When there is nobody to say it to any more.
    pub fn close(&mut self) -> Result<(), Gone> {
        self.connection.close()
    }

    /// The next thing to do; asked again until it says [`Output::Wait`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn poll(&mut self) -> Result<Output, Gone> {
        loop {
            let event = match self.connection.poll()? {
                Step::Wait(at) => return Ok(Output::Wait(at)),
                Step::Send { to, datagram } => return Ok(Output::Send { to, datagram }),
                Step::Event(event) => event,
            };
            if let Some(told) = self.told(event) {
                return Ok(told);
            }
        }
    }

    fn told(&self, event: Event) -> Option<Output> {
        if let Event::RtpPacket(packet) = event {
            let is_picture =
                self.pictures.as_ref().is_some_and(|pictures| pictures.carries(*packet.header.payload_type));
            let received = Received::new(packet);
            return Some(if is_picture { Output::Picture(received) } else { Output::Packet(received) });
        }
        told(&event)
    }
}

/// What an event without a packet tells of a connection.
pub(crate) fn told(event: &Event) -> Option<Output> {
    if matches!(event, Event::Connected) {
        return Some(Output::Connected);
    }
    if matches!(event, Event::Closed) {
        return Some(Output::Closed);
    }
    if matches!(event, Event::KeyframeRequest(_)) {
        return Some(Output::KeyFrameWanted);
    }
    let is_away = matches!(event, Event::IceConnectionStateChange(IceConnectionState::Disconnected));
    is_away.then_some(Output::Away)
}

/// What of ours the offer has, numbered as it does.
fn formats_of(rtc: &Rtc, mid: Mid, laws: &[Law]) -> Option<Formats> {
    let theirs = rtc.media(mid)?.remote_pts();
    let params = rtc.codec_config().params();
    let agreed = |wanted: Codec| {
        let is_wanted =
            |params: &&PayloadParams| params.spec().codec == wanted && theirs.contains(&params.pt());
        Some(*params.iter().find(is_wanted)?.pt())
    };
    let audio = laws.iter().find_map(|law| {
        let codec = match law {
            Law::Ulaw => Codec::PCMU,
            Law::Alaw => Codec::PCMA,
        };
        Some(Coding { law: *law, payload_type: agreed(codec)? })
    })?;
    let keys = agreed(Codec::Tele);
    Some(Formats { audio, sent_keys: keys, received_keys: keys })
}

/// Whose a datagram on a shared port is, by what a STUN request says (RFC 8445, section 7.2.2: the name that the answer
/// gave comes first). `None` for everything else.
#[must_use]
pub fn user_of(datagram: &[u8]) -> Option<String> {
    // RFC 7983: the first byte of STUN is 0 to 3.
    if !matches!(datagram, [0..=3, ..]) {
        return None;
    }
    let message = StunMessage::parse(datagram).ok()?;
    let (ours, _) = message.split_username()?;
    Some(ours.to_owned())
}

#[cfg(test)]
mod tests;
