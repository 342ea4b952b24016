//! The second factor of people who sign in.

use secrecy::SecretString;
use sqlx::FromRow;

use super::people::Proof;

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

/// A second factor of which a code was shown, so that it can be asked for.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// In base32.
    pub secret: SecretString,
    /// The step of time of the code.
    pub step: i64,
    /// SHA-256 of its recovery codes.
    pub code_digests: Vec<String>,
    /// The browser that stays signed in, by the SHA-256 of its cookie.
    pub browser: Option<String>,
}

/// Why somebody has no second factor any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorGone {
    /// They turned their own off, with password and code.
    TurnedOff,
    /// An admin took it away.
    Reset,
}

/// Somebody who has shown their password and still owes a code.
#[derive(Clone, FromRow)]
pub struct StepRow {
    pub person_id: String,
    pub name: String,
    pub role: String,
    /// The PHC form, where they have one.
    pub password: Option<String>,
    /// They have a second factor; without one they have to set it up first.
    pub has_second_factor: bool,
}

/// Such a moment to be.
#[derive(Clone, Debug)]
pub struct NewStep {
    pub proof: Proof,
    /// SHA-256 of the secret that the browser has.
    pub digest: String,
    pub person_id: String,
    pub until_ms: i64,
}
