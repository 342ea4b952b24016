//! One-use tokens: what a page may do that holds no key. They are kept in memory, and end with the server. Pure: time is an
//! argument.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Tokens that may wait to be used.
const MOST: usize = 10_000;
/// Stands in front of every token, so that it is recognised where it should not be.
const MARK: &str = "bt_";

/// A call that somebody may place.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// With its version, where one is named.
    pub(crate) flow: String,
    pub(crate) variables: Map<String, Value>,
    /// Under which name the call is kept.
    pub(crate) app_id: String,
    /// Whose call it is, for the limits.
    pub(crate) subject: String,
}

/// The tokens that nobody has used.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<[u8; 32], Kept>>);

#[derive(Debug)]
struct Kept {
    grant: Grant,
    until: Instant,
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Tokens {
    /// A token that is good for `lasts`; `None` when too many wait.
    pub(super) fn issue(&self, grant: Grant, lasts: Duration, now: Instant) -> Option<String> {
        let mut tokens = self.0.lock();
        if tokens.len() >= MOST {
            tokens.retain(|_, kept| kept.until > now);
        }
        if tokens.len() >= MOST {
            return None;
        }
        let token = format!("{MARK}{}", hex::encode(rand::random::<[u8; 24]>()));
        tokens.insert(digest(&token), Kept { grant, until: now + lasts });
        Some(token)
    }

    /// What a token allows, once.
    pub(super) fn take(&self, token: &str, now: Instant) -> Option<Grant> {
        let kept = self.0.lock().remove(&digest(token))?;
        (kept.until > now).then_some(kept.grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant { flow: "f".into(), variables: Map::new(), app_id: "a".into(), subject: "app:a".into() }
    }

    #[test]
    fn a_token_is_good_once_and_not_for_long() {
        let (tokens, now, minute) = (Tokens::default(), Instant::now(), Duration::from_secs(60));
        let token = tokens.issue(grant(), minute, now).unwrap();
        assert!(token.starts_with(MARK) && token.len() == 51);
        assert!(tokens.take("bt_guess", now).is_none());
        assert_eq!(tokens.take(&token, now).unwrap().flow, "f");
        assert!(tokens.take(&token, now).is_none(), "it was used");
        let token = tokens.issue(grant(), minute, now).unwrap();
        assert!(tokens.take(&token, now + minute).is_none(), "it is too old");
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for_and_old_ones_make_room() {
        let (tokens, now, minute) = (Tokens::default(), Instant::now(), Duration::from_secs(60));
        for _ in 0..MOST {
            assert!(tokens.issue(grant(), minute, now).is_some());
        }
        assert!(tokens.issue(grant(), minute, now).is_none());
        assert!(tokens.issue(grant(), minute, now + minute).is_some());
        assert_eq!(tokens.0.lock().len(), 1);
    }
}
