//! What is posted, whether the ledger holds it or somebody tries an address.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::store::Claim;

/// One post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'m> {
    /// Its `webhook-id`.
    pub(super) id: &'m str,
    pub(super) app_id: &'m str,
    pub(super) url: &'m str,
    /// The caller's own.
    pub(super) headers: &'m BTreeMap<String, String>,
    pub(super) body: &'m str,
    /// What signs it, newest first.
    pub(super) secrets: &'m [SecretString],
}

impl<'m> From<&'m Claim> for Message<'m> {
    fn from(claim: &'m Claim) -> Self {
        Self {
            id: &claim.id,
            app_id: &claim.app_id,
            url: &claim.url,
            headers: &claim.headers,
            body: &claim.body,
            secrets: &claim.secrets,
        }
    }
}
