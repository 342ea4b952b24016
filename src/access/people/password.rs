//! Passwords: hashed with argon2id (RFC 9106), a few at a time, for each takes 19 MiB of memory and some 20 ms of a core.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Fewest characters of a password.
const FEWEST: usize = 10;
/// Most of them.
const MOST: usize = 200;
/// Hashes computed at once.
const AT_ONCE: usize = 2;

/// Why a password will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("is too short; take at least {FEWEST} characters, three words for example")]
    Short,
    #[error("is too long; {MOST} characters are the most")]
    Long,
    #[error("is the name, or one character again and again; take something that nobody guesses")]
    Guessable,
}

/// Judges a password that somebody of this name chose.
///
/// # Errors
/// Says why it will not do.
pub fn judge(password: &SecretString, name: &str) -> Result<(), WeakPassword> {
    let text = password.expose_secret();
    let length = text.chars().count();
    if length < FEWEST {
        return Err(WeakPassword::Short);
    }
    if length > MOST {
        return Err(WeakPassword::Long);
    }
    let plain = text.to_lowercase();
    let repeats = plain.chars().all(|letter| plain.starts_with(letter));
    if repeats || plain.replace(name.to_lowercase().as_str(), "").chars().count() < 4 {
        return Err(WeakPassword::Guessable);
    }
    Ok(())
}

/// Hashes and compares.
#[derive(Clone, Debug)]
pub(in crate::access) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Compared with where there is nobody of the name, so that nobody learns from the time it takes who there is.
static NOBODY: LazyLock<Option<String>> =
    LazyLock::new(|| hash(&URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())));

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

fn fits(password: &str, kept: &str) -> bool {
    PasswordHash::new(kept)
        .is_ok_and(|kept| Argon2::default().verify_password(password.as_bytes(), &kept).is_ok())
}

impl Passwords {
    /// The PHC form to keep; `None` when there is no memory or no randomness for it.
    pub(in crate::access) async fn hashed(&self, password: SecretString) -> Option<String> {
        let _turn = self.0.acquire().await.ok()?;
        tokio::task::spawn_blocking(move || hash(password.expose_secret())).await.ok().flatten()
    }

    /// Whether a password is the one that is kept; takes as long where none is.
    pub(in crate::access) async fn fits(&self, password: SecretString, kept: Option<String>) -> bool {
        let Ok(_turn) = self.0.acquire().await else { return false };
        let compared = tokio::task::spawn_blocking(move || {
            let known = kept.is_some();
            let kept = kept.or_else(|| NOBODY.clone()).unwrap_or_default();
            fits(password.expose_secret(), &kept) && known
        });
        compared.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_nobody_fits_none() {
        let passwords = Passwords::default();
        let hash = passwords.hashed("three quiet words".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(
            passwords.hashed("three quiet words".into()).await.unwrap(),
            hash,
            "each has its own salt"
        );
        assert!(passwords.fits("three quiet words".into(), Some(hash.clone())).await);
        assert!(!passwords.fits("three quiet word".into(), Some(hash)).await);
        assert!(!passwords.fits("three quiet words".into(), None).await);
        assert!(!passwords.fits(String::new().into(), Some("damaged".to_owned())).await);
    }

    #[test]
    fn a_password_that_anybody_guesses_will_not_do() {
        let judged = |text: &str| judge(&text.into(), "Rini");
        assert_eq!(judged("short"), Err(WeakPassword::Short));
        assert_eq!(judged(&"ab".repeat(101)), Err(WeakPassword::Long));
        assert_eq!(judged("aaaaaaaaaaaa"), Err(WeakPassword::Guessable));
        assert_eq!(judged("rinirinirini1"), Err(WeakPassword::Guessable));
        assert_eq!(judged("empat kata yang baik"), Ok(()));
    }
}
