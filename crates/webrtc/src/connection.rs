//! A connection to a browser that was answered, by the library `str0m`, whose types stay in this crate: datagrams in and out, whatever
//! goes over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtp::Law;
use str0m::change::SdpOffer;
use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, Mid, Pt};
use str0m::net::{Receive, TcpType};
use str0m::rtp::ExtensionMap;
use str0m::{Candidate, Event, Input, Rtc, RtcConfig};

use crate::crypto;
use crate::gone::Gone;
use crate::identity::Identity;
use crate::offer::BadOffer;
use crate::transport::{Listening, TransportAddress};

/// The payload type that we take keys by, unless the offer numbers them otherwise.
pub(crate) const KEYS: u8 = 101;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Formats<'a> {
    /// Both laws, and keys with them; no audio when empty.
    pub(crate) laws: &'a [Law],
    /// VP8.
    pub(crate) pictures: bool,
}

/// What a connection wants done, or tells.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
pub(crate) enum Step {
    Send { to: TransportAddress, datagram: Vec<u8> },
    Event(Event),
    Wait(Instant),
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) rtc: Rtc,
    /// The address that the answer names.
    address: SocketAddr,
    user: String,
}

impl Connection {
    /// Answers an offer that was looked over: the connection, and the answer.
    pub(crate) fn answer(
        identity: &Identity,
        listening: Listening,
        formats: Formats<'_>,
        offer: &str,
        now: Instant,
    ) -> Result<(Self, String), BadOffer> {
        let unusable = |error: String| BadOffer::Unusable(error);
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| unusable(error.to_string()))?;
        let mut rtc = config(identity, formats).set_ice_lite(true).build(now);
        let address = listening.address;
        let udp = Candidate::builder().udp().host(address).build();
        rtc.add_local_candidate(udp.map_err(|error| unusable(error.to_string()))?);
        if listening.tcp {
            let tcp = Candidate::builder().tcp().host(address).tcptype(TcpType::Passive).build();
            rtc.add_local_candidate(tcp.map_err(|error| unusable(error.to_string()))?);
        }
        let answer = rtc.sdp_api().accept_offer(offer).map_err(|error| unusable(error.to_string()))?;
        let user = rtc.direct_api().local_ice_credentials().ufrag;
        Ok((Self { rtc, address, user }, answer.to_sdp_string()))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Takes in a datagram. One that is not the browser's is passed over.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        from: TransportAddress,
        now: Instant,
    ) -> Result<(), Gone> {
        let TransportAddress { transport, address } = from;
        let Ok(receive) = Receive::new(transport.protocol(), address, self.address, datagram) else {
            return Ok(());
        };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return Ok(());
        }
        self.rtc.handle_input(input).map_err(|error| Gone::new(&error))
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Gone> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|error| Gone::new(&error))
    }

    pub(crate) fn close(&mut self) -> Result<(), Gone> {
        self.rtc.close().map_err(|error| Gone::new(&error))
    }

    pub(crate) fn poll(&mut self) -> Result<Step, Gone> {
        Ok(match self.rtc.poll_output().map_err(|error| Gone::new(&error))? {
            str0m::Output::Timeout(at) => Step::Wait(at),
            str0m::Output::Transmit(transmit) => {
                Step::Send { to: (&transmit).into(), datagram: transmit.contents.into() }
            }
            str0m::Output::Event(event) => Step::Event(event),
        })
    }
}

/// The name of the stream of this kind in an answer; `None` where it was not taken.
pub(crate) fn mid(answer: &str, kind: &str) -> Option<Mid> {
    let stream = answer.split("\nm=").skip(1).find(|stream| stream.starts_with(kind))?;
    let is_taken = stream.split(' ').nth(1) != Some("0");
    let mid = stream.lines().find_map(|line| line.strip_prefix("a=mid:"))?;
    is_taken.then(|| Mid::from(mid.trim()))
}

pub(crate) fn config(identity: &Identity, formats: Formats<'_>) -> RtcConfig {
    let mut config = Rtc::builder()
        .set_crypto_provider(Arc::new(crypto::provider()))
        .set_dtls_cert(identity.certificate())
        .set_rtp_mode(true)
        .set_extension_map(ExtensionMap::empty())
        .clear_codecs()
        .enable_vp8(formats.pictures);
    for law in formats.laws {
        config = match law {
            Law::Ulaw => config.enable_pcmu(true, false),
            Law::Alaw => config.enable_pcma(true, false),
        };
    }
    if !formats.laws.is_empty() {
        let keys = Pt::new_with_value(KEYS);
        let format = FormatParams::default();
        config.codec_config().add_config(keys, None, Codec::Tele, Frequency::EIGHT_KHZ, None, format);
    }
    config
}
