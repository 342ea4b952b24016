//! Browsers that are on their way to the issuer and back.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long it may take somebody to sign in there.
const PATIENCE_MS: i64 = 10 * 60_000;
/// Browsers on their way at the same time; the oldest of more is forgotten.
const MOST: usize = 2_000;

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// Goes by way of the issuer.
    pub(super) state: SecretString,
    /// Stays in the browser.
    pub(super) browser: SecretString,
    /// Comes back in the ID token.
    pub(super) nonce: String,
    /// Proves to the issuer that who redeems the code is who asked for it (RFC 7636).
    pub(super) verifier: SecretString,
    pub(super) back: Url,
    pub(super) next: String,
    until_ms: i64,
}

impl Pending {
    pub(super) fn new(back: Url, next: String, now_ms: i64) -> Self {
        Self {
            state: random().into(),
            browser: random().into(),
            nonce: random(),
            verifier: random().into(),
            back,
            next,
            until_ms: now_ms + PATIENCE_MS,
        }
    }

    /// What the issuer is told of the verifier.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret().as_bytes()))
    }
}

/// All of them, by their state.
#[derive(Debug, Default)]
pub(super) struct Waiting(HashMap<String, Pending>);

impl Waiting {
    pub(super) fn add(&mut self, pending: Pending, now_ms: i64) {
        self.0.retain(|_, one| one.until_ms > now_ms);
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, one)| one.until_ms).map(|(state, _)| state.clone());
            oldest.and_then(|state| self.0.remove(&state));
        }
        self.0.insert(pending.state.expose_secret().to_owned(), pending);
    }

    /// Whether this browser is on its way with this state.
    pub(super) fn knows(&self, state: &str, browser: &SecretString) -> bool {
        self.0.get(state).is_some_and(|known| {
            known.browser.expose_secret().as_bytes().ct_eq(browser.expose_secret().as_bytes()).into()
        })
    }

    /// The one of this state, once; `None` when it is too old, or another browser asked.
    pub(super) fn take(&mut self, state: &str, browser: &SecretString, now_ms: i64) -> Option<Pending> {
        if !self.knows(state, browser) {
            return None;
        }
        self.0.remove(state).filter(|one| one.until_ms > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(now_ms: i64) -> Pending {
        Pending::new(Url::parse("http://x.test/").unwrap(), "/".into(), now_ms)
    }

    #[test]
    fn an_answer_counts_once_in_the_browser_that_asked_and_in_time() {
        let mut waiting = Waiting::default();
        let one = pending(0);
        waiting.add(one.clone(), 0);
        let state = one.state.expose_secret();
        assert!(waiting.take("another", &one.browser, 1).is_none());
        assert!(waiting.take(state, &pending(0).browser, 1).is_none(), "another browser uses nothing up");
        assert!(waiting.take(state, &one.browser, 1).is_some());
        assert!(waiting.take(state, &one.browser, 1).is_none(), "once");
        waiting.add(one.clone(), 0);
        assert!(waiting.take(state, &one.browser, PATIENCE_MS).is_none(), "too late");
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let mut waiting = Waiting::default();
        let first = pending(0);
        waiting.add(first.clone(), 0);
        for n in 1..=MOST {
            waiting.add(pending(n as i64), n as i64);
        }
        assert_eq!(waiting.0.len(), MOST);
        assert!(waiting.take(first.state.expose_secret(), &first.browser, 1).is_none(), "the oldest is gone");
        waiting.add(pending(i64::MAX / 2), i64::MAX / 2);
        assert_eq!(waiting.0.len(), 1, "who is too late is forgotten");
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let one = Pending { verifier, ..pending(0) };
        assert_eq!(one.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
