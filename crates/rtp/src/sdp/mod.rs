//! Offers and answers for one audio stream (RFC 3264, RFC 8866): G.711 by both laws and telephone events.
//!
//! [`Local`] is our side, [`Remote`] what the peer described. An offer of ours is [`Local::offer`], which its answer
//! turns into an [`Agreement`] by [`Local::agree`]; to an offer of the peer's there is [`Local::answer`]. Streams beside
//! the first audio stream that can be used are refused with port 0. [`Negotiation`] does the same all through a call.

mod negotiation;
mod remote;

use std::net::{IpAddr, SocketAddr};

use sdp_types::{
    Attribute, Connection, Fmtp, FmtpParam, Media, MediaType, Origin, RtcpMux, RtpMap, Session,
    TransportProto,
};

pub use negotiation::Negotiation;
pub use remote::Remote;
pub use sdp_types::Direction;

use crate::formats::{Coding, Formats, Law};

/// The payload type that we offer for keys, as everybody does.
const KEYS: u8 = 101;
/// Length of our packets in ms.
const PACKET_MS: u32 = 20;
const RATE: u32 = 8_000;

/// Why a description cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("the session description cannot be read: {0}")]
    Unreadable(String),
    #[error("the session description has no audio stream: offer one over RTP/AVP")]
    NoAudio,
    #[error("the audio stream was refused by the other end (port 0)")]
    Refused,
    #[error("the audio stream is sent over {0}, which is not spoken here: offer RTP/AVP")]
    Transport(String),
    #[error("the audio stream has no address that can be sent to: its c= line needs an IPv4 or IPv6 address")]
    NoAddress,
    #[error("none of the audio formats offered is spoken here ({0}): offer PCMU or PCMA")]
    NoFormat(String),
}

/// Our side of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Where we receive: the address and port of RTP.
    pub address: SocketAddr,
    /// Names the session, the same in all its descriptions. Random.
    pub id: u64,
    /// To grow by one with each description that differs from the one before (RFC 3264, section 8).
    pub version: u64,
    /// What we speak, what we like best first.
    pub laws: Vec<Law>,
    /// What we want to do.
    pub direction: Direction,
}

/// What both sides will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub formats: Formats,
    /// Where the peer receives RTP. Not to be sent to unless `direction` allows it.
    pub address: SocketAddr,
    /// Where the peer receives reports.
    pub reports: SocketAddr,
    /// Reports go over the port of the audio, both ways (RFC 5761).
    pub is_muxed: bool,
    /// What we do.
    pub direction: Direction,
    /// How long the peer would like our packets to be. We send 20 ms, which everybody takes.
    pub packet_ms: Option<u32>,
}

impl Local {
    /// A description that offers the stream.
    #[must_use]
    pub fn offer(&self) -> String {
        let laws: Vec<Coding> = self.laws.iter().map(|law| Coding::of(*law)).collect();
        self.describe([self.stream(&TransportProto::RtpAvp, &laws, Some(KEYS), self.direction, true)])
    }

    /// What the peer's answer to [`Self::offer`] makes of it.
    ///
    /// # Errors
    /// When the peer has refused the stream, or has chosen nothing that we speak.
    pub fn agree(&self, answer: &Remote) -> Result<Agreement, SdpError> {
        let audio = answer.audio()?;
        let coding = audio.coding(&self.laws)?;
        let formats = Formats {
            audio: coding,
            sent_keys: audio.keys,
            // The peer may number them its own way for what it receives (RFC 3264, section 5.1); it sends by our number.
            received_keys: audio.keys.map(|_| KEYS),
        };
        Ok(self.agreement(audio, formats))
    }

    /// Our answer to an offer, and what it makes of the stream.
    ///
    /// # Errors
    /// When there is no audio stream that we could take; the call is to be refused with 488.
    pub fn answer(&self, offer: &Remote) -> Result<(String, Agreement), SdpError> {
        let audio = offer.audio()?;
        let coding = audio.coding(&self.laws)?;
        let formats = Formats { audio: coding, sent_keys: audio.keys, received_keys: audio.keys };
        let agreement = self.agreement(audio, formats);
        let answered = offer.medias().iter().enumerate().map(|(place, media)| {
            if place == audio.place {
                let transport = media.parse_transport_proto();
                self.stream(&transport, &[coding], audio.keys, agreement.direction, audio.is_muxed)
            } else {
                refused(media)
            }
        });
        Ok((self.describe(answered), agreement))
    }

    fn agreement(&self, audio: &remote::Audio, formats: Formats) -> Agreement {
        Agreement {
            formats,
            address: audio.address,
            reports: if audio.is_muxed { audio.address } else { audio.reports },
            is_muxed: audio.is_muxed,
            direction: self.direction.intersect_with_remote(audio.direction),
            packet_ms: audio.packet_ms,
        }
    }

    fn describe(&self, medias: impl IntoIterator<Item = Media>) -> String {
        let ip: IpAddr = self.address.ip();
        let mut session = Session::new(Origin::with_ip_addr(self.id, self.version, ip), "-");
        session.set_connection(Connection::from_ip_addr(ip));
        session.add_medias(medias);
        let mut text = Vec::with_capacity(512);
        // A vector takes everything.
        let _written = session.write(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn stream(
        &self,
        transport: &TransportProto,
        codings: &[Coding],
        keys: Option<u8>,
        direction: Direction,
        is_muxed: bool,
    ) -> Media {
        let numbers = codings.iter().map(|coding| coding.payload_type).chain(keys);
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        let port = self.address.port();
        let mut media = Media::new(MediaType::Audio, port, transport.clone(), numbers.join(" "));
        for coding in codings {
            media.add_attribute(RtpMap::new(coding.payload_type, coding.law.name(), RATE));
        }
        if let Some(keys) = keys {
            media.add_attribute(RtpMap::new(keys, "telephone-event", RATE));
            let mut events = Fmtp::new(keys);
            events.add_format_specific_param(FmtpParam::new("0-15"));
            media.add_attribute(events);
        }
        media.add_attribute(Attribute::with_value("ptime", PACKET_MS));
        media.add_attribute(direction);
        if is_muxed {
            media.add_attribute(RtcpMux);
        }
        media
    }
}

/// The stream of an offer, refused (RFC 3264, section 6).
fn refused(offered: &Media) -> Media {
    Media {
        media: offered.media.clone(),
        port: 0,
        num_ports: None,
        proto: offered.proto.clone(),
        fmt: offered.fmt.clone(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
