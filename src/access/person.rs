//! Somebody who is signed in, in a browser.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::role::Role;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub role: Role,
    /// What the store knows this browser by.
    pub(crate) browser: String,
    pub(super) form_token: SecretString,
}

impl Person {
    /// What this browser's forms carry.
    #[must_use]
    pub fn form_token(&self) -> &str {
        self.form_token.expose_secret()
    }

    /// Whether a form comes from a page that this browser was given.
    #[must_use]
    pub fn wrote(&self, token: &str) -> bool {
        self.form_token().as_bytes().ct_eq(token.as_bytes()).into()
    }
}
