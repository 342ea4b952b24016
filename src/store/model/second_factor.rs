//! The second factor of people who sign in.

use secrecy::SecretString;
use sqlx::FromRow;

/// A second factor, with its secret.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// In base32, as people type it.
    pub secret: SecretString,
    /// Since when it is asked for; `None` while it is being set up.
    pub confirmed_ms: Option<i64>,
    /// The step of time whose code was used last.
    pub last_step: i64,
    /// Recovery codes that are left.
    pub codes_left: i64,
}

/// Somebody who has shown their password and still owes a code.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StepRow {
    pub person_id: String,
    pub name: String,
    pub role: String,
    /// They have a second factor; without one they have to set it up first.
    pub has_second_factor: bool,
}

/// Such a moment to be.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// SHA-256 of the secret that the browser has.
    pub digest: String,
    pub person_id: String,
    pub until_ms: i64,
}
