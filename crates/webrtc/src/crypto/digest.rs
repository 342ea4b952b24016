//! Digests: integrity of STUN messages (RFC 8489, section 14.5) and of SRTP, fingerprints of certificates (RFC 8122).

use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use ring::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use str0m::crypto::{Sha1HmacProvider, Sha1Provider, Sha256Provider};

#[derive(Debug)]
pub(super) struct Digests;

/// The bytes of a digest whose algorithm makes so many of them.
fn bytes<const N: usize>(made: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, made) in bytes.iter_mut().zip(made) {
        *byte = *made;
    }
    bytes
}

impl Sha1HmacProvider for Digests {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
        for payload in payloads {
            context.update(payload);
        }
        bytes(context.sign().as_ref())
    }
}

impl Sha1Provider for Digests {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        bytes(digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, data).as_ref())
    }
}

impl Sha256Provider for Digests {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        bytes(digest::digest(&SHA256, data).as_ref())
    }
}
