//! The connection to a carrier, as a trunk last saw it.

use super::options::Version;
use crate::trunk::reach::Reach;

/// The connection to the carrier, as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Up,
    /// There is none to keep: a carrier of 1.0.5 is connected to when a call needs it.
    OnDemand,
    /// The carrier refuses the token; tried again all the same.
    Refused(String),
    Down(String),
}

impl Link {
    const fn is_away(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Down(_))
    }

    /// A carrier of 1.0.5 may turn everybody away at its base URL: media is elsewhere.
    pub(super) fn known_as(self, version: Option<Version>) -> Self {
        let elsewhere = matches!(self, Self::Refused(_)) && version == Some(Version::V1_0_5);
        if elsewhere { Self::OnDemand } else { self }
    }
}

/// A link, and since when it is like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) link: Link,
    /// Wall clock, ms since 1970. Of one that is away, when it went.
    since_ms: i64,
}

impl Seen {
    pub(super) const fn new(link: Link, now_ms: i64) -> Self {
        Self { link, since_ms: now_ms }
    }

    /// It is like this from now on.
    pub(super) fn becomes(&mut self, link: Link, now_ms: i64) {
        if !(self.link.is_away() && link.is_away()) {
            self.since_ms = now_ms;
        }
        self.link = link;
    }

    pub(super) fn reach(&self) -> Reach {
        match &self.link {
            Link::Up => Reach::Within,
            Link::Connecting | Link::OnDemand => Reach::Unknown,
            Link::Refused(why) | Link::Down(why) => Reach::Away { since_ms: self.since_ms, why: why.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_that_is_tried_in_vain_is_away_since_the_first_time() {
        let mut seen = Seen::new(Link::Connecting, 1);
        assert_eq!(seen.reach(), Reach::Unknown);
        seen.becomes(Link::Down("no answer".into()), 2);
        seen.becomes(Link::Refused("401".into()), 3);
        assert_eq!(seen.reach(), Reach::Away { since_ms: 2, why: "401".into() });
        seen.becomes(Link::Up, 4);
        assert_eq!(seen.reach(), Reach::Within);
        seen.becomes(Link::Down("gone".into()), 5);
        assert_eq!(seen.reach(), Reach::Away { since_ms: 5, why: "gone".into() });
    }
}
