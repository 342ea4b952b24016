//! Keys that sign links.

use secrecy::SecretString;

/// A key that is not retired.
#[derive(Clone, Debug)]
pub struct LinkKey {
    pub id: String,
    pub secret: SecretString,
}
