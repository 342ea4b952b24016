//! API keys and secrets: how they look and how a key is compared.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{ANY_BOT, Scope};
use crate::store::NewApiKey;

/// How every key begins.
pub(super) const PREFIX: &str = "dk_";
/// The id of the key that a server makes for the command line on its own machine.
pub(super) const LOCAL: &str = "local";

/// A new API key: what to keep, and the key itself, which is shown once.
#[must_use]
pub fn new_api_key(name: &str, scopes: &[Scope]) -> (NewApiKey, SecretString) {
    let id: String = rand::random::<[u8; 6]>().iter().map(|byte| format!("{byte:02x}")).collect();
    let key = text(&id);
    let kept = NewApiKey {
        digest: digest(&key),
        id,
        name: name.to_owned(),
        scopes: scopes.iter().copied().map(String::from).collect(),
        bots: vec![ANY_BOT.to_owned()],
        app_id: None,
        rate: None,
        expires_ms: None,
    };
    (kept, key.into())
}

/// A new secret for a client app, in the form of Standard Webhooks.
#[must_use]
pub fn new_app_secret() -> SecretString {
    format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 32]>())).into()
}

/// A key of this process: its text, and the digest it is known by.
#[must_use]
pub fn new_local_key() -> (SecretString, LocalKey) {
    let text = text(LOCAL);
    let digest = digest(&text);
    (text.into(), LocalKey(digest))
}

/// Stands for the key that only who may read the database's folder can know.
#[derive(Clone)]
pub struct LocalKey(String);

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKey")
    }
}

impl LocalKey {
    pub(super) fn fits(&self, text: &str) -> bool {
        fits(text, &self.0)
    }
}

fn text(id: &str) -> String {
    format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// The id in a key's text.
pub(super) fn id(text: &str) -> Option<&str> {
    Some(text.strip_prefix(PREFIX)?.split_once('_')?.0)
}

/// As long as a digest, and none.
pub(super) const NO_DIGEST: &str = "----------------------------------------------------------------";

/// Compares in constant time.
pub(super) fn fits(text: &str, kept: &str) -> bool {
    digest(text).as_bytes().ct_eq(kept.as_bytes()).into()
}

/// A key carries 256 random bits, so a plain digest cannot be turned back.
fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
