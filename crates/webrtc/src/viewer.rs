//! A browser that watches the camera of a call: it receives one stream of video and sends nothing.

use std::fmt;
use std::time::Instant;

use rtp::vp8;

use crate::connection::{self, Connection, Step};
use crate::gone::Gone;
use crate::identity::Identity;
use crate::offer::{self, Allowed, BadOffer};
use crate::peer::{Output, told};
use crate::pictures::{Packet, Pictures};
use crate::transport::{Listening, TransportAddress};

/// One browser that watches.
pub struct Viewer {
    connection: Connection,
    pictures: Pictures,
    /// The number of the camera's packet that was sent first.
    first: Option<u64>,
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer").field("address", &self.connection.address()).finish_non_exhaustive()
    }
}

impl Viewer {
    /// Answers an offer: the browser will send to where we listen.
    ///
    /// # Errors
    /// When it cannot be answered, and why.
    pub fn answer(
        identity: &Identity,
        listening: impl Into<Listening>,
        offer: &str,
        now: Instant,
    ) -> Result<(Self, String), BadOffer> {
        offer::look_over(offer, Allowed::Watch)?;
        let formats = connection::Formats { laws: &[], pictures: true };
        let (mut connection, answer) = Connection::answer(identity, listening.into(), formats, offer, now)?;
        let mid = connection::mid(&answer, "video").ok_or(BadOffer::NoVp8)?;
        let pictures = Pictures::agreed(&mut connection.rtc, mid)?;
        Ok((Self { connection, pictures, first: None }, answer))
    }

    /// As of a call; see [`crate::user_of`].
    #[must_use]
    pub fn user(&self) -> &str {
        self.connection.user()
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

    /// Hands a packet of the camera on. Nothing leaves before the first that begins a key frame; whether it has left.
    ///
    /// # Errors
    /// When the connection has failed for good.
    pub fn show(&mut self, packet: &Packet, now: Instant) -> Result<bool, Gone> {
        if self.first.is_none() && !vp8::begins_key_frame(&packet.payload) {
            return Ok(false);
        }
        let first = *self.first.get_or_insert(packet.number);
        // What the network brought late belongs before what was shown first.
        let Some(number) = packet.number.checked_sub(first) else { return Ok(false) };
        let packet = Packet { number: number + 1, ..packet.clone() };
        self.pictures.send_packet(&mut self.connection.rtc, packet, now);
        self.connection.handle_timeout(now).map(|()| true)
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
            match self.connection.poll()? {
                Step::Wait(at) => return Ok(Output::Wait(at)),
                Step::Send { to, datagram } => return Ok(Output::Send { to, datagram }),
                Step::Event(event) => {
                    if let Some(told) = told(&event) {
                        return Ok(told);
                    }
                }
            }
        }
    }
}
