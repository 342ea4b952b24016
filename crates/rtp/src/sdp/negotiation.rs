//! The session descriptions of one call, ours and theirs, one after the other.

use std::net::SocketAddr;

use super::{Agreement, Direction, Local, Remote, SdpError};
use crate::formats::Law;

/// What has been described so far.
#[derive(Clone, Debug)]
pub struct Negotiation {
    local: Local,
    /// Our last description.
    last: Option<String>,
    /// Which way audio goes, seen from us, as last agreed on.
    direction: Direction,
}

impl Negotiation {
    /// We receive at `address`; `id` is random.
    pub const fn new(address: SocketAddr, laws: Vec<Law>, id: u64) -> Self {
        let local = Local { address, id, version: 1, laws, direction: Direction::SendRecv };
        Self { local, last: None, direction: Direction::SendRecv }
    }

    /// What we offer.
    pub fn offer(&mut self) -> String {
        let offer = self.local.offer();
        if self.is_news(&offer) {
            self.local.version += 1;
        }
        self.keep(self.local.offer())
    }

    /// What the peer's answer to our offer makes of the media.
    ///
    /// # Errors
    /// When nothing in it can be used.
    pub fn agree(&mut self, answer: &str) -> Result<Agreement, SdpError> {
        let agreed = self.local.agree(&Remote::read(answer.as_bytes())?)?;
        self.direction = agreed.direction;
        Ok(agreed)
    }

    /// Which way audio goes, seen from us, as last agreed on.
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Our answer to the peer's offer, and what it makes of the media.
    ///
    /// # Errors
    /// When nothing in it can be used; what was agreed on before still holds.
    pub fn answer(&mut self, offer: &str) -> Result<(String, Agreement), SdpError> {
        let remote = Remote::read(offer.as_bytes())?;
        let (answer, agreed) = self.local.answer(&remote)?;
        self.direction = agreed.direction;
        if !self.is_news(&answer) {
            return Ok((self.keep(answer), agreed));
        }
        self.local.version += 1;
        let (answer, agreed) = self.local.answer(&remote)?;
        Ok((self.keep(answer), agreed))
    }

    /// Whether it says something else than our last description (RFC 3264, section 8).
    fn is_news(&self, description: &str) -> bool {
        self.last.as_ref().is_some_and(|last| last != description)
    }

    fn keep(&mut self, description: String) -> String {
        self.last = Some(description.clone());
        description
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str =
        "v=0\r\no=- 7 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

    fn negotiation() -> Negotiation {
        let address = "192.0.2.1:20000".parse().expect("an address");
        Negotiation::new(address, vec![Law::Ulaw, Law::Alaw], 9)
    }

    fn version(description: &str) -> &str {
        let origin = description.lines().find(|line| line.starts_with("o=")).expect("an origin");
        origin.split(' ').nth(2).expect("a version")
    }

    #[test]
    fn the_version_grows_with_what_is_new_and_only_with_that() {
        let mut ours = negotiation();
        let first = ours.offer();
        assert_eq!(ours.offer(), first);
        assert!(ours.agree(THEIRS).expect("an agreement").direction.has_send());
        let (answer, _) = ours.answer(THEIRS).expect("an answer");
        assert_eq!((version(&first), version(&answer)), ("1", "2"));
        let (again, _) = ours.answer(THEIRS).expect("an answer");
        assert_eq!(again, answer, "a refreshed session is the same session");
        let held = format!("{THEIRS}a=sendonly\r\n");
        let (held, agreed) = ours.answer(&held).expect("an answer");
        assert_eq!(version(&held), "3");
        assert!(!agreed.direction.has_send());
    }

    #[test]
    fn what_cannot_be_used_changes_nothing() {
        let mut ours = negotiation();
        let (first, _) = ours.answer(THEIRS).expect("an answer");
        assert!(ours.answer(&THEIRS.replace("RTP/AVP 8", "RTP/AVP 96")).is_err());
        assert!(ours.answer("nonsense").is_err());
        assert_eq!(ours.answer(THEIRS).expect("an answer").0, first);
    }
}
