//! What a peer described.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Direction, Media, Rtcp, RtcpMux, RtpMap, Session, TransportProto};

use super::{RATE, SdpError};
use crate::formats::{Coding, Law};

/// A longer description is not read, in bytes.
const LONGEST: usize = 16_384;

/// A description, read.
#[derive(Clone, Debug)]
pub struct Remote {
    medias: Vec<Media>,
    audio: Result<Audio, SdpError>,
}

/// The audio stream of a description.
#[derive(Clone, Debug)]
pub(super) struct Audio {
    /// Which of the streams it is.
    pub(super) place: usize,
    pub(super) address: SocketAddr,
    pub(super) reports: SocketAddr,
    pub(super) is_muxed: bool,
    /// What the peer does.
    pub(super) direction: Direction,
    /// The laws that the peer receives, what it likes best first.
    codings: Vec<Coding>,
    /// Payload type of its keys.
    pub(super) keys: Option<u8>,
    pub(super) packet_ms: Option<u32>,
    /// The names of all its formats, for the error.
    names: String,
}

impl Audio {
    /// The first of the peer's formats that is one of `laws`.
    pub(super) fn coding(&self, laws: &[Law]) -> Result<Coding, SdpError> {
        let spoken = self.codings.iter().find(|coding| laws.contains(&coding.law));
        spoken.copied().ok_or_else(|| SdpError::NoFormat(self.names.clone()))
    }
}

impl Remote {
    /// Reads a description. Whether there is audio to be had is seen when it is answered.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(description: &[u8]) -> Result<Self, SdpError> {
        if description.len() > LONGEST {
            return Err(SdpError::Unreadable(format!("it is longer than {LONGEST} bytes")));
        }
        let session = Session::parse(description).map_err(|error| SdpError::Unreadable(error.to_string()))?;
        let audio = find(&session);
        Ok(Self { medias: session.medias, audio })
    }

    /// Whether the peer puts us on hold: it wants to hear nothing of us.
    #[must_use]
    pub fn is_hold(&self) -> bool {
        self.audio.as_ref().is_ok_and(|audio| !audio.direction.has_recv())
    }

    pub(super) fn medias(&self) -> &[Media] {
        &self.medias
    }

    pub(super) fn audio(&self) -> Result<&Audio, SdpError> {
        self.audio.as_ref().map_err(Clone::clone)
    }
}

/// The first audio stream that can be used; why there is none.
fn find(session: &Session) -> Result<Audio, SdpError> {
    let is_audio = |media: &Media| media.media.eq_ignore_ascii_case("audio");
    let mut why = SdpError::NoAudio;
    for (place, media) in session.medias.iter().enumerate().filter(|(_, media)| is_audio(media)) {
        match read(session, media, place) {
            Ok(audio) => return Ok(audio),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn read(session: &Session, media: &Media, place: usize) -> Result<Audio, SdpError> {
    if media.port == 0 {
        return Err(SdpError::Refused);
    }
    let transport = media.parse_transport_proto();
    if !matches!(transport, TransportProto::RtpAvp | TransportProto::RtpAvpf) {
        return Err(SdpError::Transport(media.proto.clone()));
    }
    let connection = media.connections.first().or(session.connection.as_ref()).ok_or(SdpError::NoAddress)?;
    let ip: IpAddr = connection.try_address().map_err(|_| SdpError::NoAddress)?.ip;
    if ip.is_multicast() {
        return Err(SdpError::NoAddress);
    }
    let address = SocketAddr::new(ip, media.port);
    let maps: Vec<RtpMap> = media.attributes_typed::<RtpMap>().filter_map(Result::ok).collect();
    let formats: Vec<Format> = numbers(media).map(|number| Format::of(number, &maps)).collect();
    let names: Vec<&str> = formats.iter().map(|format| format.name.as_str()).collect();
    let said = direction(media.attributes.iter().map(|a| a.attribute.as_str()))
        .or_else(|| direction(session.attributes.iter().map(|a| a.attribute.as_str())))
        .unwrap_or_default();
    // Hold as it was told before there were directions (RFC 3264, section 8.4).
    let direction = match (ip.is_unspecified(), said) {
        (true, Direction::SendRecv | Direction::SendOnly) => Direction::SendOnly,
        (true, Direction::RecvOnly | Direction::Inactive) => Direction::Inactive,
        (false, said) => said,
    };
    Ok(Audio {
        place,
        address,
        reports: reports(media, address),
        is_muxed: media.has_attribute(<RtcpMux as sdp_types::TypedAttribute>::NAME),
        direction,
        codings: formats.iter().filter_map(|format| format.coding).collect(),
        keys: formats.iter().find(|format| format.is_keys).map(|format| format.number),
        packet_ms: media.get_first_attribute_value("ptime").flatten().and_then(|ms| ms.trim().parse().ok()),
        names: names.join(", "),
    })
}

/// Where reports go when they do not go with the audio: the next port, or as `a=rtcp` says (RFC 3605).
fn reports(media: &Media, address: SocketAddr) -> SocketAddr {
    let next = SocketAddr::new(address.ip(), address.port().saturating_add(1));
    let Some(Ok(rtcp)) = media.get_first_attribute_typed::<Rtcp>() else { return next };
    let ip = rtcp.connection_address.and_then(|ip| ip.parse().ok()).unwrap_or(address.ip());
    SocketAddr::new(ip, rtcp.port)
}

/// Payload types in their order.
fn numbers(media: &Media) -> impl Iterator<Item = u8> {
    let numbers = media.fmt.split_ascii_whitespace().filter_map(|number| number.parse().ok());
    numbers.filter(|number| *number < 128)
}

/// The direction among the names of attributes.
fn direction<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<Direction> {
    names.find_map(|name| name.parse().ok())
}

/// One format of a stream.
#[derive(Debug)]
struct Format {
    number: u8,
    name: String,
    coding: Option<Coding>,
    is_keys: bool,
}

impl Format {
    /// What a number stands for: as it is mapped, or by its static meaning.
    fn of(number: u8, maps: &[RtpMap]) -> Self {
        let laws = [Law::Ulaw, Law::Alaw];
        let (name, law, is_keys) = match maps.iter().find(|map| map.payload_type == number) {
            Some(map) => {
                let is = |name: &str| map.encoding_name.eq_ignore_ascii_case(name) && map.clock_rate == RATE;
                let law = laws.into_iter().find(|law| is(law.name()));
                (format!("{}/{}", map.encoding_name, map.clock_rate), law, is("telephone-event"))
            }
            None => {
                let law = laws.into_iter().find(|law| law.payload_type() == number);
                (format!("payload type {number}"), law, false)
            }
        };
        Self { number, name, coding: law.map(|law| Coding { law, payload_type: number }), is_keys }
    }
}
