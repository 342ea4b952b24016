//! People who sign in with a name and a password, and stay signed in by a cookie.
//!
//! A cookie opens pages and nothing else: the API takes keys and tokens only, so no page of another site can make a
//! browser ask it for anything. Whether a form comes from one of our pages is for the pages to see.

mod browser;
mod elsewhere;
mod name;
mod password;
mod second_factor;
mod steps;

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use secrecy::{ExposeSecret, SecretString};

pub use self::browser::SessionCookie;
use self::browser::{digest, form_token, new_secret, sent};
pub use self::name::{LONGEST_NAME, is_name};
pub(super) use self::password::Passwords;
pub use self::password::{WeakPassword, judge};
pub use self::steps::{Enrolment, Entry, Through};
use super::error::{Error, Wrong};
use super::person::Person;
use super::principal::{Identity, Intent, Principal};
use super::role::Role;
use super::{ANY_BOT, Access};
use crate::store::{
    Actor, BrowserRow, LinkPurpose, LinkRow, NewBrowser, NewLink, NewPerson, PersonRow, Proof, Redeemed,
};
use crate::wallclock::now_ms;

const MINUTE_MS: i64 = 60_000;
/// A browser that was not seen for so long is out.
const IDLE_MS: i64 = 12 * 60 * MINUTE_MS;
/// And so is one that was let in so long ago.
const LONGEST_MS: i64 = 7 * 24 * 60 * MINUTE_MS;
/// That a browser was seen is written down this often.
const NOTED_EVERY_MS: i64 = 5 * MINUTE_MS;
/// How long a link is good.
const LINK_MS: i64 = 24 * 60 * MINUTE_MS;
/// Longest name that a browser gives itself, characters.
const LONGEST_AGENT: usize = 200;

/// Where a request comes from, and in what.
#[derive(Clone, Debug)]
pub struct Visit<'a> {
    pub headers: &'a HeaderMap,
    pub peer: Option<IpAddr>,
}

/// The path of a link that lets somebody in once, under the address of the pages. Its secret is in the query, which no log
/// holds.
#[must_use]
fn welcome(secret: &SecretString) -> SecretString {
    format!("/welcome?link={}", secret.expose_secret()).into()
}

impl Access {
    /// Whether cookies are for TLS only.
    #[must_use]
    pub fn is_over_tls(&self) -> bool {
        self.0.options.over_tls
    }

    /// Who is signed in in the browser that a request comes from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person(&self, visit: &Visit<'_>) -> Result<Option<Principal>, Error> {
        let Some(cookie) = sent(visit.headers, self.is_over_tls()) else { return Ok(None) };
        let now = now_ms();
        let Some(row) = self.store().browser(&digest(cookie.expose_secret()), now).await? else {
            return Ok(None);
        };
        let Ok(role) = row.role.parse::<Role>() else { return Ok(None) };
        if self.wants_second_factor(role) && !row.has_second_factor {
            // Their role needs one since they were let in: they set it up when they sign in again.
            return Ok(None);
        }
        self.note(&row, now).await;
        let person = Person {
            id: row.person_id,
            name: row.name,
            role,
            browser: row.digest,
            form_token: form_token(&cookie),
        };
        Ok(Some(Principal {
            scopes: role.scopes().to_vec(),
            bots: vec![ANY_BOT.to_owned()],
            address: self.origin(visit.peer, visit.headers),
            intent: Intent::Sent,
            identity: Identity::Person(Arc::new(person)),
        }))
    }

    /// A page that can be shown is shown, also when this cannot be written down.
    async fn note(&self, row: &BrowserRow, now: i64) {
        if now - row.seen_ms < NOTED_EVERY_MS {
            return;
        }
        let until = (now + IDLE_MS).min(row.created_ms + LONGEST_MS);
        if let Err(error) = self.store().keep_browser(&row.digest, now, until).await {
            tracing::warn!(%error, "that a browser was seen could not be written down");
        }
    }

    /// Lets somebody in by name and password, or to the second step. A cookie that the browser had before is good no more.
    ///
    /// # Errors
    /// [`Error::SignIn`] without saying which of both is wrong; [`Error::TooManyLogins`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: SecretString,
        visit: &Visit<'_>,
    ) -> Result<Entry, Error> {
        let address = self.origin(visit.peer, visit.headers);
        let found = self.store().person_to_sign_in(name).await?;
        let claimed = found.as_ref().map(|row| format!("person:{}", row.id));
        self.slow_down(address, claimed.as_deref())?;
        let row = found.filter(|row| !row.disabled);
        let kept = row.as_ref().and_then(|row| row.password.clone());
        let fits = self.0.passwords.fits(password, kept).await;
        match row.filter(|_| fits) {
            Some(row) => {
                let proof = Proof { password: row.password.map(SecretString::from), code: false };
                self.enter((&row.id, &row.role, row.has_second_factor), proof, visit).await
            }
            None => {
                self.count_sign_in_failure(address, claimed.as_deref(), Wrong::Password);
                Err(Error::SignIn)
            }
        }
    }

    /// Whether somebody knows their own password, as one must to change it.
    ///
    /// # Errors
    /// [`Error::SignIn`] when not; [`Error::TooManyLogins`].
    pub async fn confirm(
        &self,
        person: &Person,
        password: SecretString,
        visit: &Visit<'_>,
    ) -> Result<(), Error> {
        let address = self.origin(visit.peer, visit.headers);
        let claimed = format!("person:{}", person.id);
        self.slow_down(address, Some(&claimed))?;
        let row = self.store().person_to_sign_in(&person.name).await?;
        if self.0.passwords.fits(password, row.and_then(|row| row.password)).await {
            return Ok(());
        }
        self.count_sign_in_failure(address, Some(&claimed), Wrong::Password);
        Err(Error::SignIn)
    }

    /// # Errors
    /// [`Error::SignIn`] when what they proved changed meanwhile.
    async fn let_in(&self, person_id: &str, proof: Proof, visit: &Visit<'_>) -> Result<SessionCookie, Error> {
        let cookie = SessionCookie::new(self.is_over_tls());
        let address = self.origin(visit.peer, visit.headers).map(|address| address.to_string());
        let agent = visit.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let browser = NewBrowser {
            proof,
            digest: cookie.digest(),
            person_id: person_id.to_owned(),
            until_ms: now_ms() + IDLE_MS,
            address: address.clone(),
            agent: agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect()),
        };
        let before = sent(visit.headers, self.is_over_tls()).map(|cookie| digest(cookie.expose_secret()));
        let actor = Actor::new(format!("person:{person_id}"), address);
        let opened = self.store().open_browser(browser, before, actor).await?;
        opened.then_some(cookie).ok_or(Error::SignIn)
    }

    /// Gives somebody a new password and lets this browser in again; all others are out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_password(
        &self,
        person: &Person,
        password: SecretString,
        visit: &Visit<'_>,
    ) -> Result<SessionCookie, Error> {
        let hash = self.hashed(password).await?;
        let address = self.origin(visit.peer, visit.headers).map(|address| address.to_string());
        let actor = Actor::new(format!("person:{}", person.id), address);
        self.store().set_password(&person.id, hash.clone(), actor).await?;
        self.let_in(&person.id, Proof { password: Some(hash.into()), code: true }, visit).await
    }

    async fn hashed(&self, password: SecretString) -> Result<String, Error> {
        self.0.passwords.hashed(password).await.ok_or(Error::NoHash)
    }

    /// A link with which somebody chooses a password, once: an invitation, or a way back for who forgot theirs.
    ///
    /// # Errors
    /// When there is no such person, or they are disabled.
    pub async fn password_link(&self, person_id: &str, actor: Actor) -> Result<SecretString, Error> {
        self.link(Some(person_id), LinkPurpose::Password, actor).await
    }

    /// A link that makes the first admin, once. `None`: there is one already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_link(&self) -> Result<Option<SecretString>, Error> {
        if self.store().people().await?.iter().any(|person| person.role == Role::Admin.as_str()) {
            return Ok(None);
        }
        self.link(None, LinkPurpose::Password, Actor::server()).await.map(Some)
    }

    /// A link that signs somebody in, once; they are made when nobody has the name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_link(&self, name: &str, role: Role) -> Result<SecretString, Error> {
        let id = match self.store().person_to_sign_in(name).await? {
            Some(row) => row.id,
            None => self.add_person(name, role, Actor::server()).await?.id,
        };
        self.link(Some(&id), LinkPurpose::SignIn, Actor::server()).await
    }

    async fn link(
        &self,
        person_id: Option<&str>,
        purpose: LinkPurpose,
        actor: Actor,
    ) -> Result<SecretString, Error> {
        let secret = new_secret();
        let link = NewLink {
            digest: digest(secret.expose_secret()),
            person_id: person_id.map(str::to_owned),
            purpose,
            until_ms: now_ms() + LINK_MS,
        };
        self.store().issue_link(link, actor).await?;
        Ok(welcome(&secret))
    }

    /// What a link is good for, if it still is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_link(&self, secret: &str) -> Result<Option<LinkRow>, Error> {
        Ok(self.store().link(&digest(secret), now_ms()).await?)
    }

    /// Uses a link up: its owner has this password from now on, or, where it is nobody's, the first admin is made of this
    /// name. They are signed in, or at the second step. `None`: it is not good any more.
    ///
    /// # Errors
    /// When the name is taken, or the database fails.
    pub async fn choose_password(
        &self,
        secret: &str,
        name: Option<&str>,
        password: SecretString,
        visit: &Visit<'_>,
    ) -> Result<Option<Entry>, Error> {
        let hash = self.hashed(password).await?;
        let used = match name {
            Some(name) => Redeemed::FirstAdmin(new_person(name, Role::Admin), hash),
            None => Redeemed::Password(hash),
        };
        self.redeem(secret, used, visit).await
    }

    /// Uses a link up that signs in. `None`: it is not good any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_by_link(&self, secret: &str, visit: &Visit<'_>) -> Result<Option<Entry>, Error> {
        self.redeem(secret, Redeemed::SignIn, visit).await
    }

    async fn redeem(&self, secret: &str, used: Redeemed, visit: &Visit<'_>) -> Result<Option<Entry>, Error> {
        let address = self.origin(visit.peer, visit.headers).map(|address| address.to_string());
        match self.store().redeem_link(&digest(secret), now_ms(), used, address).await? {
            Some(person_id) => {
                let person = self.store().person(&person_id).await?;
                let who = (person_id.as_str(), person.role.as_str(), person.has_second_factor);
                self.enter(who, Proof::default(), visit).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Adds somebody, who is let in by a link.
    ///
    /// # Errors
    /// When the name is taken.
    pub async fn add_person(&self, name: &str, role: Role, actor: Actor) -> Result<PersonRow, Error> {
        let person = new_person(name, role);
        let id = person.id.clone();
        self.store().add_person(person, actor).await?;
        Ok(self.store().person(&id).await?)
    }
}

fn new_person(name: &str, role: Role) -> NewPerson {
    let id = hex::encode(rand::random::<[u8; 6]>());
    NewPerson { id: format!("p_{id}"), name: name.to_owned(), role: role.into() }
}
