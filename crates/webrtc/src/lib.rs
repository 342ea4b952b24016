//! One call with a browser over WebRTC, without IO and without a clock: time is an argument, datagrams are slices. Signalling is
//! an offer and an answer (RFC 8866, RFC 8829); everything else goes over one port, UDP or TCP, which many calls share.
//!
//! | type | does |
//! |---|---|
//! | [`Identity`] | the certificate that a server proves itself with, made once |
//! | [`Peer`] | one call: [`Peer::answer`] to an offer, then datagrams in ([`Peer::receive`]) and out ([`Peer::poll`]) |
//! | [`Viewer`] | a browser that watches the camera of a call |
//! | [`TransportAddress`] | where a datagram comes from, or goes to |
//! | [`user_of`] | whose a STUN request on the shared port is |
//! | [`testing`] | a browser, for tests |
//!
//! The audio is the RTP of the crate `rtp`, pictures are VP8: [`Peer`] encrypts their packets and decrypts those of the browser. Nothing is sent to
//! an address that has not proven to know the answer: we wait for the browser's checks and send none (ICE lite, RFC 8445,
//! section 2.5).

mod connection;
mod crypto;
mod gone;
mod identity;
mod offer;
mod peer;
mod pictures;
pub mod testing;
mod transport;
mod viewer;

pub use gone::Gone;
pub use identity::{Identity, NoIdentity};
pub use offer::{BadOffer, LONGEST_OFFER};
pub use peer::{Output, Peer, Received, Sight, Spoken, user_of};
pub use pictures::Packet;
pub use transport::{Listening, Transport, TransportAddress};
pub use viewer::Viewer;
