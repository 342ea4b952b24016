//! Links that ring: each is made for one call, for a time, and answered or declined once. Pure: time is an argument.
//!
//! Only the digest of a link's token is kept, so nothing that is kept here answers a call.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Links that are kept, those that are over among them.
const MOST: usize = 10_000;
/// How long a page is told what became of a link.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
/// Stands in front of every token, so that it is recognised where it should not be.
const MARK: &str = "rl_";

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The call is about to be placed.
    Soon,
    Ringing,
    /// Somebody has answered it: the link is used up.
    Answered,
    Declined,
    /// It was not answered in time.
    Expired,
    /// The call is over, or was ended before anybody answered.
    Ended,
}

/// What is told of a link to whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkNews {
    pub state: LinkState,
    /// Who calls, as the request says; nobody says so where it is `None`.
    pub caller: Option<String>,
    /// The person is asked for their camera, and is shown pictures.
    pub video: bool,
}

/// How many links may wait for an answer at the same time; each holds a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) most: usize,
    /// Of these, of one subject.
    pub(super) of_one: usize,
}

/// Why no link is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    #[error(
        "as many links wait for an answer as may ({0}); try again when some were answered or are too old"
    )]
    Full(usize),
    #[error(
        "as many of your links wait for an answer as may ({0}); end some of their calls, or try again later"
    )]
    OfOne(usize),
}

/// `text` without the tokens of links in it: who reads it later must not answer a call in somebody's place.
#[must_use]
pub fn without_tokens(text: &str) -> String {
    let mut parts = text.split("#rl_");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        told.push_str("#rl_…");
        told.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    told
}

/// A link as it is made.
#[derive(Clone, Debug)]
pub(super) struct LinkOf {
    /// Whose call it is, for the limits.
    pub(super) subject: String,
    /// Whom it is for, as the record names them.
    pub(super) called: String,
    pub(super) caller: Option<String>,
    pub(super) until: Instant,
    pub(super) video: bool,
}

/// All links. `L` is the way to the task of a call whose link rings.
#[derive(Debug)]
pub(super) struct Links<L>(HashMap<String, Link<L>>);

#[derive(Debug)]
struct Link<L> {
    of: LinkOf,
    phase: Phase<L>,
}

#[derive(Debug)]
enum Phase<L> {
    Soon,
    Ringing(L),
    Answered,
    Over { how: LinkState, at: Instant },
}

/// The digest of a token, by which its link is known.
pub(super) fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

impl<L> Default for Links<L> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<L> Links<L> {
    /// A new link: its token, which nobody is told again, and its digest.
    ///
    /// # Errors
    /// When as many wait for an answer as may.
    pub(super) fn make(
        &mut self,
        of: LinkOf,
        may: Waiting,
        now: Instant,
    ) -> Result<(String, String), NoLink> {
        let waiting = || self.0.values().filter(|link| link.waits(now));
        if waiting().filter(|link| link.of.subject == of.subject).count() >= may.of_one {
            return Err(NoLink::OfOne(may.of_one));
        }
        if waiting().count() >= may.most {
            return Err(NoLink::Full(may.most));
        }
        self.make_room(now);
        let token = format!("{MARK}{}", hex::encode(rand::random::<[u8; 24]>()));
        let digest = digest(&token);
        self.0.insert(digest.clone(), Link { of, phase: Phase::Soon });
        Ok((token, digest))
    }

    /// Forgets links that are long over, and when that is not enough the one that is over for the longest time.
    fn make_room(&mut self, now: Instant) {
        if self.0.len() >= MOST {
            self.0.retain(|_, link| link.is_of_use(now));
        }
        if self.0.len() >= MOST {
            let over = self.0.iter().filter_map(|(digest, link)| match link.phase {
                Phase::Over { at, .. } => Some((at, digest.clone())),
                Phase::Soon | Phase::Ringing(_) | Phase::Answered => None,
            });
            if let Some((_, oldest)) = over.min() {
                self.0.remove(&oldest);
            }
        }
    }

    /// Forgets a link whose call was not accepted.
    pub(super) fn forget(&mut self, digest: &str) {
        self.0.remove(digest);
    }

    /// The call of a link is placed: until when it rings, whom it is for, and whether it is a video call. `None` for a link that is not known or was placed
    /// before.
    pub(super) fn place(&mut self, digest: &str, line: L) -> Option<(Instant, String, bool)> {
        let link = self.0.get_mut(digest)?;
        match link.phase {
            Phase::Soon => {
                link.phase = Phase::Ringing(line);
                Some((link.of.until, link.of.called.clone(), link.of.video))
            }
            Phase::Ringing(_) | Phase::Answered | Phase::Over { .. } => None,
        }
    }

    /// How a link stands, and while it rings the way to its call; `None` for none of ours, or one that is forgotten.
    pub(super) fn look(&self, token: &str, now: Instant) -> Option<(LinkNews, Option<&L>)> {
        let link = self.0.get(&digest(token))?;
        let news = LinkNews { state: link.state(now), caller: link.of.caller.clone(), video: link.of.video };
        let line = match &link.phase {
            Phase::Ringing(line) if news.state == LinkState::Ringing => Some(line),
            Phase::Soon | Phase::Ringing(_) | Phase::Answered | Phase::Over { .. } => None,
        };
        Some((news, line))
    }

    /// Whose call a link rings for.
    pub(super) fn subject(&self, token: &str) -> Option<String> {
        self.0.get(&digest(token)).map(|link| link.of.subject.clone())
    }

    /// Uses a link up: it is answered, or declined. The way to its call, once.
    ///
    /// # Errors
    /// How it stands, when it does not ring; `None` for none of ours.
    pub(super) fn take(&mut self, token: &str, how: Taken, now: Instant) -> Result<L, Option<LinkState>> {
        let link = self.0.get_mut(&digest(token)).ok_or(None)?;
        let state = link.state(now);
        if state != LinkState::Ringing {
            return Err(Some(state));
        }
        let next = match how {
            Taken::Answered => Phase::Answered,
            Taken::Declined => Phase::Over { how: LinkState::Declined, at: now },
        };
        match std::mem::replace(&mut link.phase, next) {
            Phase::Ringing(line) => Ok(line),
            other @ (Phase::Soon | Phase::Answered | Phase::Over { .. }) => {
                link.phase = other;
                Err(Some(state))
            }
        }
    }

    /// The call of a link is over.
    pub(super) fn end(&mut self, digest: &str, now: Instant) {
        if let Some(link) = self.0.get_mut(digest) {
            let how = match link.state(now) {
                over @ (LinkState::Declined | LinkState::Expired) => over,
                LinkState::Soon | LinkState::Ringing | LinkState::Answered | LinkState::Ended => {
                    LinkState::Ended
                }
            };
            link.phase = Phase::Over { how, at: now };
        }
    }
}

/// How a link is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Answered,
    Declined,
}

impl<L> Link<L> {
    fn state(&self, now: Instant) -> LinkState {
        match self.phase {
            Phase::Soon | Phase::Ringing(_) if now >= self.of.until => LinkState::Expired,
            Phase::Soon => LinkState::Soon,
            Phase::Ringing(_) => LinkState::Ringing,
            Phase::Answered => LinkState::Answered,
            Phase::Over { how, .. } => how,
        }
    }

    /// Whether it may still be answered.
    fn waits(&self, now: Instant) -> bool {
        matches!(self.state(now), LinkState::Soon | LinkState::Ringing)
    }

    fn is_of_use(&self, now: Instant) -> bool {
        match self.phase {
            Phase::Soon | Phase::Ringing(_) => now < self.of.until + REMEMBERED,
            Phase::Answered => true,
            Phase::Over { at, .. } => now < at + REMEMBERED,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RINGS: Duration = Duration::from_secs(300);
    const MAY: Waiting = Waiting { most: 4, of_one: 2 };

    fn of(now: Instant) -> LinkOf {
        LinkOf {
            subject: "app:a".into(),
            called: "browser:a".into(),
            caller: None,
            until: now + RINGS,
            video: false,
        }
    }

    fn state(links: &Links<u8>, token: &str, now: Instant) -> Option<LinkState> {
        links.look(token, now).map(|(news, _)| news.state)
    }

    #[test]
    fn a_link_rings_when_its_call_is_placed_and_is_answered_once() {
        let (mut links, now) = (Links::default(), Instant::now());
        let (token, digest) = links.make(of(now), MAY, now).unwrap();
        assert!(token.starts_with(MARK) && token.len() == 51 && !digest.contains(&token[3..]));
        assert_eq!(state(&links, &token, now), Some(LinkState::Soon));
        assert_eq!(links.take(&token, Taken::Answered, now), Err(Some(LinkState::Soon)));
        assert_eq!(links.place(&digest, 7), Some((now + RINGS, "browser:a".to_owned(), false)));
        assert_eq!(links.place(&digest, 8), None, "a link is of one call");
        assert_eq!(links.look(&token, now).unwrap().1, Some(&7));
        assert_eq!(links.take(&digest, Taken::Answered, now), Err(None), "the digest opens nothing");
        assert_eq!(links.take(&token, Taken::Answered, now), Ok(7));
        assert_eq!(links.take(&token, Taken::Answered, now), Err(Some(LinkState::Answered)));
        assert_eq!(links.take(&token, Taken::Declined, now), Err(Some(LinkState::Answered)));
        links.end(&digest, now);
        assert_eq!(state(&links, &token, now), Some(LinkState::Ended));
    }

    #[test]
    fn a_link_that_is_too_old_or_declined_says_so_also_when_its_call_is_over() {
        let (mut links, now) = (Links::default(), Instant::now());
        for (how, later, told) in [
            (Some(Taken::Declined), now, LinkState::Declined),
            (None, now + RINGS, LinkState::Expired),
            (None, now, LinkState::Ended),
        ] {
            let (token, digest) = links.make(of(now), MAY, now).unwrap();
            links.place(&digest, 0);
            if let Some(how) = how {
                links.take(&token, how, later).unwrap();
            }
            links.end(&digest, later);
            assert_eq!(state(&links, &token, later), Some(told));
        }
        let (token, _) = links.make(of(now), MAY, now).unwrap();
        assert_eq!(links.take(&token, Taken::Answered, now + RINGS), Err(Some(LinkState::Expired)));
    }

    #[test]
    fn no_more_wait_than_may_and_those_that_are_over_make_room() {
        let (mut links, now) = (Links::<u8>::default(), Instant::now());
        let of = |subject: &str| LinkOf { subject: subject.into(), ..of(now) };
        let (_, first) = links.make(of("app:a"), MAY, now).unwrap();
        links.make(of("app:a"), MAY, now).unwrap();
        assert_eq!(links.make(of("app:a"), MAY, now), Err(NoLink::OfOne(2)));
        links.make(of("app:b"), MAY, now).unwrap();
        links.make(of("app:c"), MAY, now).unwrap();
        assert_eq!(links.make(of("app:d"), MAY, now), Err(NoLink::Full(4)));
        links.end(&first, now);
        links.make(of("app:d"), MAY, now).unwrap();
        let all = Waiting { most: 2 * MOST, of_one: 2 * MOST };
        while links.0.len() < MOST {
            links.make(of("app:e"), all, now).unwrap();
        }
        let (token, _) = links.make(of("app:e"), all, now).unwrap();
        assert!(links.0.len() == MOST && !links.0.contains_key(&first), "the one that is over makes room");
        assert_eq!(state(&links, &token, now), Some(LinkState::Soon));
        links.make(of("app:a"), MAY, now + RINGS + REMEMBERED).unwrap();
        assert_eq!(links.0.len(), 1);
    }

    #[test]
    fn a_text_is_told_without_the_tokens_in_it() {
        let token = format!("{MARK}{}", "0a".repeat(24));
        let text = format!("{{\"url\":\"https://a.example/ring#{token}\",\"n\":1}} and /ring#{token}");
        assert_eq!(without_tokens(&text), "{\"url\":\"https://a.example/ring#rl_…\",\"n\":1} and /ring#rl_…");
        assert_eq!(without_tokens("nothing"), "nothing");
    }

    proptest! {
        #[test]
        fn whatever_happens_a_link_gives_its_call_away_once(steps in prop::collection::vec((0..5_u8, 0..200_u64), 0..40)) {
            let mut now = Instant::now();
            let mut links = Links::default();
            let (token, digest) = links.make(of(now), MAY, now).unwrap();
            let mut given = 0;
            for (step, wait) in steps {
                now += Duration::from_secs(wait);
                match step {
                    0 => drop(links.place(&digest, 1)),
                    1 => given += u8::from(links.take(&token, Taken::Answered, now).is_ok()),
                    2 => given += u8::from(links.take(&token, Taken::Declined, now).is_ok()),
                    3 => links.end(&digest, now),
                    _ => drop(links.look(&token, now)),
                }
            }
            prop_assert!(given <= 1);
        }
    }
}
