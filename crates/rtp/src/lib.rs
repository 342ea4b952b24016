//! Telephone audio over RTP, without IO and without a clock: time is an argument, datagrams are slices. All audio is
//! G.711 at 8 kHz in frames of 20 ms (160 samples).
//!
//! | type | does |
//! |---|---|
//! | [`Stream`] | one stream of a call: [`Stream::receive`] and [`Stream::receive_report`] take datagrams in, [`Stream::play`] gives 20 ms of what the peer said, [`Stream::poll_key`] its keys; [`Stream::send`] and [`Stream::report`] write datagrams, [`Stream::press`] presses a key, [`Stream::quality`] tells how it goes |
//! | [`Receiver`], [`Sender`] | its two halves |
//! | [`Packet`], [`is_rtcp`] | one packet; what a datagram on a shared port is |
//! | [`sdp`] | offers and answers: [`sdp::Local`], [`sdp::Remote`] → [`sdp::Agreement`] |
//! | [`mean_opinion_score`] | the E-model |
//! | [`vp8`] | the pictures of a video call |
//!
//! A call from its offer to its audio:
//!
//! ```
//! use std::time::Duration;
//! use rtp::sdp::{Direction, Local, Remote};
//! use rtp::{Law, Ntp, Options, PACKET_BYTES, Start, Stream};
//!
//! # fn main() -> Result<(), rtp::sdp::SdpError> {
//! let address = "192.0.2.1:20000".parse().expect("an address");
//! let laws = vec![Law::Ulaw, Law::Alaw];
//! let local = Local { address, id: 1, version: 1, laws, direction: Direction::SendRecv };
//! let answer = "v=0\r\no=- 2 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
//!               m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
//! let agreed = local.agree(&Remote::read(answer.as_bytes())?)?;
//! assert_eq!((agreed.formats.audio.law, agreed.address.port()), (Law::Alaw, 4000));
//!
//! let start = Start { ssrc: 1, sequence: 2, timestamp: 3 };
//! let began = Ntp::from_unix(Duration::from_secs(1_700_000_000));
//! let mut stream = Stream::new(Options { formats: agreed.formats, start, name: "a".into(), began });
//! let mut datagram = [0; PACKET_BYTES];
//! let length = stream.send(&[0; 160], Duration::ZERO, &mut datagram);
//! assert_eq!(length, 172);
//! # Ok(())
//! # }
//! ```

mod formats;
mod packet;
mod quality;
mod receive;
mod reports;
pub mod sdp;
mod send;
mod stream;
pub mod vp8;

pub use formats::{Coding, Formats, Law};
pub use packet::{Malformed, Packet, is_rtcp};
pub use quality::mean_opinion_score;
pub use receive::{Counts, Played, Receiver, Taken};
pub use reports::{Heard, NoReport, Ntp, PeerReport};
pub use send::{NoKey, PACKET_BYTES, Sender, Start};
pub use stream::{Options, Quality, Stream};
