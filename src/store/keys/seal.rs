//! The server key and its use: client secrets are stored encrypted with AES-256-GCM (NIST SP 800-38D).
//!
//! An encrypted text is base64 of nonce, ciphertext and tag. The nonce is 96 random bits, which is safe for far more texts
//! than are ever encrypted under one key (2³²). The place of a text is authenticated with it, so a row that
//! was copied to another app cannot be decrypted.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

/// Length of a server key, bytes.
const LENGTH: usize = 32;

/// A key that seals and opens. Clones share it; it never shows itself.
#[derive(Clone)]
pub struct ServerKey(Arc<Inner>);

struct Inner {
    id: String,
    bytes: SecretBox<[u8; LENGTH]>,
    cipher: LessSafeKey,
}

/// What is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server key is 32 random bytes in base64 or hexadecimal; `openssl rand -base64 32` makes one")]
pub struct NoKey;

/// A text that this key does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Unopened;

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerKey").field(&self.0.id).finish()
    }
}

impl ServerKey {
    /// A new key.
    #[must_use]
    pub fn generate() -> Self {
        // AES-256 takes every key of this length.
        loop {
            if let Ok(key) = Self::from_bytes(rand::random()) {
                return key;
            }
        }
    }

    /// Reads a key: base64 with either alphabet, padded or not, or hexadecimal.
    ///
    /// # Errors
    /// [`NoKey`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let text = text.trim();
        let mut bytes = [0; LENGTH];
        if hex::decode_to_slice(text, &mut bytes).is_ok() {
            return Self::from_bytes(bytes);
        }
        let plain: String = text
            .trim_end_matches('=')
            .chars()
            .map(|letter| match letter {
                '+' => '-',
                '/' => '_',
                other => other,
            })
            .collect();
        let bytes = URL_SAFE_NO_PAD.decode(plain).map_err(|_| NoKey)?;
        Self::from_bytes(bytes.try_into().map_err(|_| NoKey)?)
    }

    fn from_bytes(bytes: [u8; LENGTH]) -> Result<Self, NoKey> {
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| NoKey)?);
        let named = Sha256::new().chain_update(b"dering server key").chain_update(bytes).finalize();
        let id = hex::encode(&named[..4]);
        Ok(Self(Arc::new(Inner { id, bytes: SecretBox::new(Box::new(bytes)), cipher })))
    }

    /// What the database calls it: eight hexadecimal digits that tell nothing of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The key as it is written into a file.
    #[must_use]
    pub fn text(&self) -> SecretString {
        STANDARD.encode(self.0.bytes.expose_secret()).into()
    }

    /// Seals `secret` for one place.
    pub(in crate::store) fn seal(&self, place: &str, secret: &SecretString) -> Result<String, Unopened> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut text = secret.expose_secret().as_bytes().to_vec();
        self.0
            .cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut text)
            .map_err(|_| Unopened)?;
        Ok(STANDARD.encode([nonce.as_slice(), &text].concat()))
    }

    /// Opens what was sealed for the same place with the same key.
    pub(in crate::store) fn open(&self, place: &str, sealed: &str) -> Result<SecretString, Unopened> {
        let mut bytes = STANDARD.decode(sealed).map_err(|_| Unopened)?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(Unopened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened)?;
        let opened = self.0.cipher.open_in_place(nonce, Aad::from(place), text).map_err(|_| Unopened)?;
        std::str::from_utf8(opened).map(SecretString::from).map_err(|_| Unopened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_with_the_same_key_and_at_the_same_place() {
        let (key, other) = (ServerKey::generate(), ServerKey::generate());
        let secret = SecretString::from("whsec_x");
        let sealed = key.seal("shop/1", &secret).unwrap();
        assert!(!sealed.contains("whsec"));
        assert_ne!(sealed, key.seal("shop/1", &secret).unwrap(), "the same secret never looks the same");
        assert_eq!(key.open("shop/1", &sealed).unwrap().expose_secret(), "whsec_x");
        assert!(key.open("shop/2", &sealed).is_err());
        assert!(other.open("shop/1", &sealed).is_err());
        for damaged in ["", "AAAA", &sealed[4..], "not base64!"] {
            assert!(key.open("shop/1", damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_key_is_read_in_every_usual_form_and_never_shown() {
        let key = ServerKey::generate();
        let text = key.text().expose_secret().to_owned();
        let hexadecimal: String = hex::encode(STANDARD.decode(&text).unwrap());
        let url_safe = text.replace('+', "-").replace('/', "_");
        for form in [&text, &format!(" {text}\n"), &hexadecimal, &url_safe, text.trim_end_matches('=')] {
            assert_eq!(ServerKey::parse(form).unwrap().id(), key.id(), "{form}");
        }
        for wrong in ["", "hello", &text[4..], &hexadecimal[2..]] {
            assert_eq!(ServerKey::parse(wrong).unwrap_err(), NoKey, "{wrong}");
        }
        assert!(!format!("{key:?}").contains(&text));
    }
}
