//! People who sign in to the pages, the browsers in which they did, and links that let them in once.

use secrecy::SecretString;
use sqlx::FromRow;

/// Somebody to be.
#[derive(Clone, Debug)]
pub struct NewPerson {
    pub id: String,
    pub name: String,
    /// The name of their role.
    pub role: String,
}

/// Somebody, as a list shows them.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PersonRow {
    pub id: String,
    pub name: String,
    pub role: String,
    pub created_ms: i64,
    /// When they last signed in or were last seen, accurate to some minutes.
    pub last_seen_ms: Option<i64>,
    pub disabled_ms: Option<i64>,
    /// They chose a password.
    pub has_password: bool,
    /// Browsers in which they are signed in.
    pub browsers: i64,
    /// They are asked for a code, too.
    pub has_second_factor: bool,
    /// They may sign in at an issuer elsewhere.
    pub has_openid: bool,
}

/// What it takes to let somebody in.
#[derive(Clone, FromRow)]
pub struct SignInRow {
    pub id: String,
    pub name: String,
    pub role: String,
    /// The PHC form; `None` while they have not chosen one.
    pub password: Option<String>,
    pub disabled: bool,
    /// They are asked for a code, too.
    pub has_second_factor: bool,
}

/// Why somebody is taken for who an issuer says comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedBy {
    /// An admin expects them with this address.
    Expectation,
    /// Their name is the address, and they are linked to nobody yet.
    Name,
    /// They were made for it.
    Creation,
}

/// Somebody is who an issuer calls `subject`.
#[derive(Clone, Debug)]
pub struct NewOpenId {
    pub person_id: String,
    pub issuer: String,
    pub subject: String,
    pub email: String,
    pub by: LinkedBy,
}

/// What of somebody becomes different; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonChange {
    pub role: Option<String>,
    pub disabled: Option<bool>,
}

/// By what somebody proved who they are. It is good as long as nothing of it changed.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The PHC form of the password that they knew.
    pub password: Option<SecretString>,
    /// They gave a code, or owe one.
    pub code: bool,
}

/// A browser that is let in.
#[derive(Clone, Debug)]
pub struct NewBrowser {
    pub proof: Proof,
    /// SHA-256 of its cookie.
    pub digest: String,
    pub person_id: String,
    pub until_ms: i64,
    pub address: Option<String>,
    /// What it says it is.
    pub agent: Option<String>,
}

/// A browser that is signed in, and who in it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct BrowserRow {
    pub digest: String,
    pub person_id: String,
    pub name: String,
    pub role: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    pub until_ms: i64,
    pub address: Option<String>,
    pub agent: Option<String>,
    /// They are asked for a code, too.
    pub has_second_factor: bool,
}

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To choose a password; without a person, to become the first admin.
    Password,
    /// To sign in.
    SignIn,
}

impl LinkPurpose {
    /// As the database has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SignIn => "sign_in",
        }
    }
}

/// A link to be.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// SHA-256 of its secret.
    pub digest: String,
    /// `None`: it makes the first admin.
    pub person_id: Option<String>,
    pub purpose: LinkPurpose,
    pub until_ms: i64,
}

/// A link that is still good.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct LinkRow {
    pub person_id: Option<String>,
    pub name: Option<String>,
    pub purpose: String,
}

impl LinkRow {
    /// Whether it signs in by itself.
    #[must_use]
    pub fn signs_in(&self) -> bool {
        self.purpose == LinkPurpose::SignIn.as_str()
    }
}

/// What a link is used for.
#[derive(Clone)]
pub enum Redeemed {
    /// The password, in the PHC form, that its owner chose.
    Password(String),
    /// The same, of somebody new who becomes the first admin.
    FirstAdmin(NewPerson, String),
    /// It signs in.
    SignIn,
}
