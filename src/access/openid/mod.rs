//! Signing in at an issuer elsewhere: OpenID Connect, the authorization code flow with PKCE.
//!
//! The issuer is configuration, so its host may be private; what it names in its document on other hosts must be public. What it says
//! is believed when the ID token's signature, issuer, audience, time and nonce fit, and the answer came to the browser that asked.

mod id_token;
mod issuer;
mod pending;

use std::collections::BTreeMap;

use parking_lot::Mutex;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

pub use self::id_token::BadToken;
use self::id_token::{Expected, verify};
use self::issuer::Issuer;
use self::pending::{Pending, Waiting};
use super::role::Role;
use crate::wallclock::now_ms;

/// How somebody may sign in elsewhere.
#[derive(Clone, Debug)]
pub struct Options {
    /// As the issuer calls itself, to the letter.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a client that needs none: PKCE protects it.
    pub client_secret: Option<SecretString>,
    /// What the button says: `Sign in with …`.
    pub label: String,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that tells the role; `a.b` is inside an object. `None`: everybody has `default_role`.
    pub role_claim: Option<String>,
    /// Which role a value of that claim gives. The mightiest of several counts.
    pub roles: BTreeMap<String, Role>,
    /// The role of who has no other; `None`: they are refused.
    pub default_role: Option<Role>,
    /// Whoever has the name that the issuer made sure of (the e-mail address) is that person, unless somebody else of the issuer is.
    pub link_by_name: bool,
}

/// Why somebody does not get in by way of an issuer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the issuer cannot be reached: {0}")]
    Away(String),
    #[error("the issuer does not let them in: {0}")]
    Denied(String),
    #[error("the answer of the issuer is not to a question of this browser, or too old")]
    Stale,
    #[error("the ID token is not believed: {0}")]
    Token(#[from] BadToken),
    #[error("the issuer says nothing that gives a role here")]
    NoRole,
    #[error("the issuer has not made sure of an e-mail address")]
    NoName,
    #[error("somebody else has the name {0} here")]
    NameTaken(String),
    #[error("{0} here is somebody else of the issuer already")]
    Linked(String),
    #[error("they are turned away here")]
    Disabled,
    #[error(transparent)]
    Here(#[from] super::Error),
}

/// Who the issuer says somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stranger {
    pub(super) issuer: String,
    /// What the issuer calls them for good.
    pub(super) subject: String,
    /// That the issuer has made sure of.
    pub(super) email: Option<String>,
    /// What the claim for it gives; `None`: nothing, or there is no such claim in the settings.
    pub(super) role: Option<Role>,
}

/// A browser on its way to the issuer.
#[derive(Debug)]
pub struct Departure {
    pub to: Url,
    /// For a cookie: the answer counts in this browser only.
    pub secret: SecretString,
}

/// What an issuer answers with, as it stands in the address.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    pub state: String,
    pub code: String,
    pub error: String,
}

/// An issuer, and who is on the way there.
#[derive(Debug)]
pub(super) struct OpenId {
    pub(super) options: Options,
    issuer: Issuer,
    waiting: Mutex<Waiting>,
}

impl OpenId {
    /// # Errors
    /// When the issuer is no address, or the HTTP client cannot be set up.
    pub(super) fn new(options: Options) -> Result<Self, String> {
        let issuer = Issuer::new(&options.issuer)?;
        Ok(Self { options, issuer, waiting: Mutex::default() })
    }

    /// Where a browser is sent; it comes back to `back`, and goes on to `next`.
    ///
    /// # Errors
    /// [`Refused::Away`].
    pub(super) async fn depart(&self, back: &Url, next: &str) -> Result<Departure, Refused> {
        let known = self.issuer.known().await.map_err(Refused::Away)?;
        let pending = Pending::new(back.clone(), next.to_owned(), now_ms());
        let mut to = known.authorization.clone();
        let scopes: Vec<&str> =
            std::iter::once("openid").chain(self.options.scopes.iter().map(String::as_str)).collect();
        to.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", back.as_str())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", pending.state.expose_secret())
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &pending.challenge())
            .append_pair("code_challenge_method", "S256");
        let secret = pending.browser.clone();
        self.waiting.lock().add(pending, now_ms());
        Ok(Departure { to, secret })
    }

    /// Whether an answer is to a question of this browser, which is not used up by that.
    pub(super) fn awaits(&self, arrival: &Arrival, browser: Option<&SecretString>) -> bool {
        browser.is_some_and(|browser| self.waiting.lock().knows(&arrival.state, browser))
    }

    /// Who came back, and where they go on to. `browser` is what the cookie holds.
    ///
    /// # Errors
    /// Every way in which it can fail.
    pub(super) async fn arrive(
        &self,
        arrival: &Arrival,
        browser: Option<&SecretString>,
    ) -> Result<(Stranger, String), Refused> {
        let pending = browser.and_then(|browser| self.waiting.lock().take(&arrival.state, browser, now_ms()));
        let pending = pending.ok_or(Refused::Stale)?;
        if !arrival.error.is_empty() {
            return Err(Refused::Denied(
                arrival.error.chars().filter(|c| !c.is_control()).take(100).collect(),
            ));
        }
        if arrival.code.is_empty() {
            return Err(Refused::Stale);
        }
        let token =
            self.issuer.redeem(&self.options, &pending, &arrival.code).await.map_err(Refused::Away)?;
        let mut found = self.believed(&token, &pending).await;
        if matches!(found, Err(Refused::Token(BadToken::NoKey | BadToken::Signature))) {
            // Issuers change their keys without notice.
            self.issuer.forget_keys();
            found = self.believed(&token, &pending).await;
        }
        Ok((found?, pending.next))
    }

    async fn believed(&self, token: &str, pending: &Pending) -> Result<Stranger, Refused> {
        let keys = self.issuer.keys().await.map_err(Refused::Away)?;
        let options = &self.options;
        let issuer = self.issuer.name();
        let expected = Expected {
            issuer,
            client_id: &options.client_id,
            nonce: &pending.nonce,
            now_s: now_ms() as f64 / 1_000.0,
        };
        let claims = verify(token, &keys, &expected)?;
        let role = options.role_claim.as_deref().and_then(|claim| {
            let values = claims.texts(claim);
            // Roles are in the order of their might.
            values
                .iter()
                .filter_map(|value| options.roles.get(*value))
                .copied()
                .max_by_key(|role| Role::ALL.iter().position(|known| known == role))
        });
        Ok(Stranger {
            issuer: issuer.to_owned(),
            subject: claims.text("sub").unwrap_or_default().to_owned(),
            email: claims.verified_email().map(str::to_owned),
            role,
        })
    }
}
