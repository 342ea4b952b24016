//! One call, by the library `str0m`, whose types stay in here.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtp::{Coding, Formats, Law, Packet};
use str0m::change::SdpOffer;
use str0m::format::{Codec, FormatParams, PayloadParams};
use str0m::ice::StunMessage;
use str0m::media::{Frequency, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionMap, RtpPacket, RtpWrite, SeqNo};
use str0m::{Candidate, Event, IceConnectionState, Input, Rtc, RtcConfig};

use crate::crypto;
use crate::identity::Identity;
use crate::offer::{self, BadOffer};

/// The payload type that we take keys by, unless the offer numbers them otherwise.
const KEYS: u8 = 101;

/// The call cannot go on; the text is the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection to the browser has failed: {0}")]
pub struct Gone(String);

impl Gone {
    pub(crate) fn new(why: &impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// A packet of the browser's, decrypted.
pub struct Received(RtpPacket);

impl Received {
    pub(crate) const fn new(packet: RtpPacket) -> Self {
        Self(packet)
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
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
#[derive(Debug)]
pub enum Output {
    /// A datagram that has to leave.
    Send { to: SocketAddr, datagram: Vec<u8> },
    /// Both sides know the keys: audio may be sent.
    Connected,
    /// A packet of the browser's.
    Packet(Received),
    /// The browser has not proven for long that it is there (RFC 7675). It may come again.
    Away,
    /// The browser has closed the connection.
    Closed,
    /// Nothing more before then, unless something comes: [`Peer::handle_timeout`] is due.
    Wait(Instant),
}

/// One call with a browser.
pub struct Peer {
    rtc: Rtc,
    /// The address that the answer names.
    address: SocketAddr,
    user: String,
    mid: Mid,
    formats: Formats,
    /// Of the last packet that was sent, counted on past its 16 bits.
    sequence: Option<u64>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, user, formats, .. } = self;
        f.debug_struct("Peer")
            .field("address", address)
            .field("user", user)
            .field("formats", formats)
            .finish()
    }
}

impl Peer {
    /// Answers an offer: the browser will send to `address`. Of `laws`, what we like best first.
    ///
    /// # Errors
    /// When it cannot be answered, and why.
    pub fn answer(
        identity: &Identity,
        address: SocketAddr,
        laws: &[Law],
        offer: &str,
        now: Instant,
    ) -> Result<(Self, String), BadOffer> {
        offer::look_over(offer)?;
        let offer =
            SdpOffer::from_sdp_string(offer).map_err(|error| BadOffer::Unusable(error.to_string()))?;
        let mut rtc = config(identity, laws).set_ice_lite(true).build(now);
        let candidate =
            Candidate::host(address, Protocol::Udp).map_err(|error| BadOffer::Unusable(error.to_string()))?;
        rtc.add_local_candidate(candidate);
        let answer =
            rtc.sdp_api().accept_offer(offer).map_err(|error| BadOffer::Unusable(error.to_string()))?;
        let user = rtc.direct_api().local_ice_credentials().ufrag;
        let answer = answer.to_sdp_string();
        let mid = answer.lines().find_map(|line| line.strip_prefix("a=mid:"));
        let mid = Mid::from(mid.ok_or(BadOffer::NoFormat)?.trim());
        let formats = formats(&rtc, mid, laws).ok_or(BadOffer::NoFormat)?;
        let peer = Self { rtc, address, user, mid, formats, sequence: None };
        Ok((peer, answer))
    }

    /// Names the call in the browser's STUN requests; see [`user_of`].
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// How the two sides write audio and keys.
    #[must_use]
    pub const fn formats(&self) -> Formats {
        self.formats
    }

    /// Takes in a datagram. One that is not the browser's is passed over.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Result<(), Gone> {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, datagram) else { return Ok(()) };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return Ok(());
        }
        self.rtc.handle_input(input).map_err(|error| Gone::new(&error))
    }

    /// Does what is due.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Gone> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|error| Gone::new(&error))
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
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.write_rtp(write);
        }
        // It leaves when time has moved.
        self.handle_timeout(now)
    }

    /// Says goodbye; [`Self::poll`] gives the datagrams of it.
    ///
    /// # Errors
    /// When there is nobody to say it to any more.
    pub fn close(&mut self) -> Result<(), Gone> {
        self.rtc.close().map_err(|error| Gone::new(&error))
    }

    /// The next thing to do; asked again until it says [`Output::Wait`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn poll(&mut self) -> Result<Output, Gone> {
        loop {
            let output = self.rtc.poll_output().map_err(|error| Gone::new(&error))?;
            let event = match output {
                str0m::Output::Timeout(at) => return Ok(Output::Wait(at)),
                str0m::Output::Transmit(transmit) => {
                    let datagram = transmit.contents.into();
                    return Ok(Output::Send { to: transmit.destination, datagram });
                }
                str0m::Output::Event(event) => event,
            };
            if let Some(told) = told(event) {
                return Ok(told);
            }
        }
    }
}

fn told(event: Event) -> Option<Output> {
    if let Event::RtpPacket(packet) = event {
        return Some(Output::Packet(Received::new(packet)));
    }
    if matches!(event, Event::Connected) {
        return Some(Output::Connected);
    }
    if matches!(event, Event::Closed) {
        return Some(Output::Closed);
    }
    let is_away = matches!(event, Event::IceConnectionStateChange(IceConnectionState::Disconnected));
    is_away.then_some(Output::Away)
}

/// Both laws, and keys.
pub(crate) fn config(identity: &Identity, laws: &[Law]) -> RtcConfig {
    let mut config = Rtc::builder()
        .set_crypto_provider(Arc::new(crypto::provider()))
        .set_dtls_cert(identity.certificate())
        .set_rtp_mode(true)
        .set_extension_map(ExtensionMap::empty())
        .clear_codecs();
    for law in laws {
        config = match law {
            Law::Ulaw => config.enable_pcmu(true, false),
            Law::Alaw => config.enable_pcma(true, false),
        };
    }
    let keys = Pt::new_with_value(KEYS);
    let format = FormatParams::default();
    config.codec_config().add_config(keys, None, Codec::Tele, Frequency::EIGHT_KHZ, None, format);
    config
}

/// What of ours the offer has, numbered as it does.
fn formats(rtc: &Rtc, mid: Mid, laws: &[Law]) -> Option<Formats> {
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
