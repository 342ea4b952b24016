//! The other end, for tests of every package: a browser that offers audio, without IO and without a clock.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use rtp::Law;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::net::{Receive, TcpType};
use str0m::rtp::{RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Rtc};

use crate::connection::{Formats, config};
use crate::gone::Gone;
use crate::identity::Identity;
use crate::peer::{Output, Received, told};
use crate::pictures::Pictures;
use crate::transport::{Transport, TransportAddress};

/// A browser.
pub struct Browser {
    rtc: Rtc,
    home: TransportAddress,
    audio: Option<Mid>,
    video: Option<Mid>,
    pictures: Option<Pictures>,
    pending: Option<SdpPendingOffer>,
}

/// How a browser offers video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Video {
    /// It sends a camera's and shows ours.
    Both,
    /// It has no camera.
    Received,
}

impl Video {
    const fn direction(self) -> Direction {
        match self {
            Self::Both => Direction::SendRecv,
            Self::Received => Direction::RecvOnly,
        }
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("home", &self.home).finish_non_exhaustive()
    }
}

impl Browser {
    /// A browser at `home` that speaks these laws, and its offer.
    ///
    /// # Panics
    /// When the library makes no offer.
    #[must_use]
    pub fn offering(
        identity: &Identity,
        home: impl Into<TransportAddress>,
        laws: &[Law],
        now: Instant,
    ) -> (Self, String) {
        Self::offering_video(identity, home, laws, None, now)
    }

    /// As [`Self::offering`], and video beside it; alone where there are no laws.
    ///
    /// # Panics
    /// When the library makes no offer.
    #[expect(clippy::expect_used, reason = "for tests")]
    #[must_use]
    pub fn offering_video(
        identity: &Identity,
        home: impl Into<TransportAddress>,
        laws: &[Law],
        video: Option<Video>,
        now: Instant,
    ) -> (Self, String) {
        let mut rtc = config(identity, Formats { laws, pictures: video.is_some() }).build(now);
        let home = home.into();
        let candidate = Candidate::builder();
        let candidate = match home.transport {
            Transport::Udp => candidate.udp().host(home.address).build(),
            Transport::Tcp => candidate.tcp().host(home.address).tcptype(TcpType::Active).build(),
        };
        rtc.add_local_candidate(candidate.expect("a candidate"));
        let mut changes = rtc.sdp_api();
        let mut add = |kind, direction| changes.add_media(kind, direction, None, None, None);
        let audio = (!laws.is_empty()).then(|| add(MediaKind::Audio, Direction::SendRecv));
        let video = video.map(|video| add(MediaKind::Video, video.direction()));
        let (offer, pending) = changes.apply().expect("an offer");
        let browser = Self { rtc, home, audio, video, pictures: None, pending: Some(pending) };
        (browser, offer.to_sdp_string())
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// When it is none, or none to this offer.
    pub fn accept(&mut self, answer: &str) -> Result<(), Gone> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| Gone::new(&error))?;
        let pending = self.pending.take().ok_or_else(|| Gone::new(&"it has an answer"))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| Gone::new(&error))?;
        let agreed = self.video.map(|mid| Pictures::agreed(&mut self.rtc, mid));
        self.pictures = agreed.transpose().map_err(|error| Gone::new(&error))?;
        Ok(())
    }

    /// Sends a frame of its camera.
    pub fn film(&mut self, frame: &[u8], timestamp: u32, now: Instant) {
        if let Some(pictures) = &mut self.pictures {
            pictures.send_frame(&mut self.rtc, frame, timestamp, now);
        }
        let _due = self.handle_timeout(now);
    }

    /// Asks for a key frame of what it is shown.
    pub fn want_key_frame(&mut self) {
        let Some(mid) = self.video else { return };
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Sends a packet of 20 ms.
    pub fn say(&mut self, payload_type: u8, sequence: u64, payload: &[u8], now: Instant) {
        self.say_at(payload_type, (sequence, sequence * 160), payload, now);
    }

    /// Sends a packet with this number and time, which is in samples.
    pub fn say_at(&mut self, payload_type: u8, (sequence, time): (u64, u64), payload: &[u8], now: Instant) {
        let pt = Pt::new_with_value(payload_type);
        let timestamp = time as u32;
        let write = RtpWrite::new(pt, SeqNo::from(sequence), timestamp, now, payload.to_vec());
        let Some(mid) = self.audio else { return };
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(write);
        }
        let _due = self.handle_timeout(now);
    }

    /// As [`crate::Peer::receive`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Result<(), Gone> {
        let TransportAddress { transport, address } = self.home;
        let Ok(receive) = Receive::new(transport.protocol(), from, address, datagram) else { return Ok(()) };
        self.rtc.handle_input(Input::Receive(now, receive)).map_err(|error| Gone::new(&error))
    }

    /// As [`crate::Peer::handle_timeout`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Gone> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|error| Gone::new(&error))
    }

    /// Says goodbye, as a page that is closed does.
    ///
    /// # Errors
    /// When there is nobody to say it to.
    pub fn close(&mut self) -> Result<(), Gone> {
        self.rtc.close().map_err(|error| Gone::new(&error))
    }

    /// As [`crate::Peer::poll`].
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn poll(&mut self) -> Result<Output, Gone> {
        loop {
            match self.rtc.poll_output().map_err(|error| Gone::new(&error))? {
                str0m::Output::Timeout(at) => return Ok(Output::Wait(at)),
                str0m::Output::Transmit(transmit) => {
                    let to = (&transmit).into();
                    return Ok(Output::Send { to, datagram: transmit.contents.into() });
                }
                str0m::Output::Event(Event::RtpPacket(packet)) => {
                    let carries = |pictures: &Pictures| pictures.carries(*packet.header.payload_type);
                    let is_picture = self.pictures.as_ref().is_some_and(carries);
                    let received = Received::new(packet);
                    return Ok(if is_picture { Output::Picture(received) } else { Output::Packet(received) });
                }
                str0m::Output::Event(event) => {
                    if let Some(told) = told(&event) {
                        return Ok(told);
                    }
                }
            }
        }
    }
}
