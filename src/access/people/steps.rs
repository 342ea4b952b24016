//! Signing in in two steps: the password first, then a code, for those who have a second factor or must have one.

use secrecy::{ExposeSecret, SecretString};

use super::browser::{SessionCookie, digest, new_secret, sent};
use super::second_factor::{self, recovery_digest, step_of};
use super::{MINUTE_MS, Visit};
use crate::access::Access;
use crate::access::error::{Error, Wrong};
use crate::access::person::Person;
use crate::access::role::Role;
use crate::store::{Actor, FactorGone, NewFactor, NewStep, Proof, SecondFactor, StepRow};
use crate::wallclock::now_ms;

/// From the password to the code.
const STEP_MS: i64 = 10 * MINUTE_MS;

/// What a password opens.
pub enum Entry {
    /// The pages.
    In(SessionCookie),
    /// The second step, by this secret.
    Code(SecretString),
}

/// A second factor that is being set up, in one browser.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Which time it is that this browser sets one up: the form with the first code says it. Empty at the second step, which is
    /// another one each time.
    pub begun: String,
    /// In base32, to be typed.
    pub secret: SecretString,
    /// The same as an address, to be read from a square.
    pub address: SecretString,
}

/// Somebody who got through the second step.
#[derive(Debug)]
pub struct Through {
    pub cookie: SessionCookie,
    /// Shown once, to who has just set up their second factor.
    pub recovery_codes: Vec<String>,
}

impl Access {
    /// Whether people of this role must have a second factor.
    #[must_use]
    pub fn wants_second_factor(&self, role: Role) -> bool {
        self.0.options.second_factor.contains(&role)
    }

    /// Lets somebody in who has proved who they are, or asks for the second step.
    pub(super) async fn enter(
        &self,
        (person_id, role, has_second_factor): (&str, &str, bool),
        proof: Proof,
        visit: &Visit<'_>,
    ) -> Result<Entry, Error> {
        let must = role.parse().is_ok_and(|role| self.wants_second_factor(role));
        if !must && !has_second_factor {
            return self.let_in(person_id, proof, visit).await.map(Entry::In);
        }
        let secret = new_secret();
        let step = NewStep {
            digest: digest(secret.expose_secret()),
            person_id: person_id.to_owned(),
            until_ms: now_ms() + STEP_MS,
            proof: Proof { code: true, ..proof },
        };
        if !self.store().begin_sign_in_step(step).await? {
            return Err(Error::SignIn);
        }
        Ok(Entry::Code(secret))
    }

    /// Who is at the second step; `None` when it took too long, or too many codes were tried.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn at_second_step(&self, secret: &SecretString) -> Result<Option<StepRow>, Error> {
        Ok(self.store().sign_in_step(&digest(secret.expose_secret()), now_ms()).await?)
    }

    /// Takes a code at the second step: of the telephone, or a recovery code. Who has no second factor yet sets it up by that.
    /// `None`: it took too long, or too many codes were tried.
    ///
    /// # Errors
    /// [`Error::SignIn`] for a code that is not right; [`Error::TooManyLogins`].
    pub async fn finish_second_step(
        &self,
        secret: &SecretString,
        code: &str,
        visit: &Visit<'_>,
    ) -> Result<Option<Through>, Error> {
        let digest = digest(secret.expose_secret());
        let Some(row) = self.store().sign_in_step(&digest, now_ms()).await? else { return Ok(None) };
        let address = self.origin(visit.peer, visit.headers);
        let claimed = format!("person:{}", row.person_id);
        self.slow_down(address, Some(&claimed))?;
        if !self.store().try_sign_in_step(&digest, now_ms()).await? {
            return Ok(None);
        }
        let first = if row.has_second_factor {
            self.code_fits(&row.person_id, code, visit).await?.then_some(None)
        } else {
            let telephone = second_factor::secret_of(secret, "");
            step_of(&telephone, code, now_ms()).map(|step| Some((telephone, step)))
        };
        let Some(first) = first else {
            self.count_sign_in_failure(address, Some(&claimed), Wrong::Code);
            return Err(Error::SignIn);
        };
        if !self.store().end_sign_in_step(&digest).await? {
            return Ok(None);
        }
        let recovery_codes = match first {
            Some(first) => {
                let Some(codes) = self.turn_on(&row.person_id, first, None, visit).await? else {
                    return Ok(None);
                };
                codes
            }
            None => Vec::new(),
        };
        let proof = Proof { password: row.password.map(SecretString::from), code: true };
        let cookie = self.let_in(&row.person_id, proof, visit).await?;
        Ok(Some(Through { cookie, recovery_codes }))
    }

    /// Uses a code up, of the telephone or one for its loss.
    async fn code_fits(&self, person_id: &str, code: &str, visit: &Visit<'_>) -> Result<bool, Error> {
        let store = self.store();
        if let Some(digest) = recovery_digest(code) {
            let actor = self.actor_of(person_id, visit);
            return Ok(store.use_recovery_code(person_id, &digest, actor).await?);
        }
        let factor = store.second_factor(person_id).await?.filter(|factor| factor.confirmed_ms.is_some());
        let step = factor.and_then(|factor| step_of(&factor.secret, code, now_ms()));
        match step {
            Some(step) => Ok(store.use_code(person_id, step).await?),
            None => Ok(false),
        }
    }

    pub(super) fn actor_of(&self, person_id: &str, visit: &Visit<'_>) -> Actor {
        let address = self.origin(visit.peer, visit.headers).map(|address| address.to_string());
        Actor::new(format!("person:{person_id}"), address)
    }

    /// What somebody at the second step, who has no second factor yet, takes over into their telephone. `host` is where the pages
    /// are.
    #[must_use]
    pub fn enrolment_at(&self, step: &SecretString, name: &str, host: &str) -> Enrolment {
        let secret = second_factor::secret_of(step, "");
        let address = second_factor::address(&secret, host, name);
        Enrolment { begun: String::new(), secret, address }
    }

    /// What somebody who is signed in takes over into their telephone: begun now, or as it was `begun` in this browser before. `host`
    /// is where the pages are. `None`: they have a second factor already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrol(
        &self,
        person: &Person,
        begun: &str,
        host: &str,
        visit: &Visit<'_>,
    ) -> Result<Option<Enrolment>, Error> {
        let known = self.store().second_factor(&person.id).await?;
        let cookie = sent(visit.headers, self.is_over_tls());
        let Some(cookie) = cookie.filter(|_| known.is_none_or(|factor| factor.confirmed_ms.is_none())) else {
            return Ok(None);
        };
        let begun = if begun.is_empty() { new_secret().expose_secret().to_owned() } else { begun.to_owned() };
        let secret = second_factor::secret_of(&cookie, &begun);
        let address = second_factor::address(&secret, host, &person.name);
        Ok(Some(Enrolment { begun, secret, address }))
    }

    /// Turns a second factor on, of which a code was shown; its recovery codes, or `None` when there is one already. Only `browser`
    /// stays signed in.
    async fn turn_on(
        &self,
        person_id: &str,
        (secret, step): (SecretString, i64),
        browser: Option<String>,
        visit: &Visit<'_>,
    ) -> Result<Option<Vec<String>>, Error> {
        let codes = second_factor::new_recovery_codes();
        let code_digests = codes.iter().filter_map(|code| recovery_digest(code)).collect();
        let factor = NewFactor { secret, step, code_digests, browser };
        let done =
            self.store().confirm_second_factor(person_id, factor, self.actor_of(person_id, visit)).await?;
        Ok(done.then_some(codes))
    }

    /// The second factor of somebody who is signed in, asked for or being set up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn second_factor(&self, person: &Person) -> Result<Option<SecondFactor>, Error> {
        Ok(self.store().second_factor(&person.id).await?)
    }

    /// Whether somebody has a password, which is asked for before what is grave; who comes from an issuer need not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_password(&self, person: &Person) -> Result<bool, Error> {
        Ok(self.store().person(&person.id).await?.has_password)
    }

    /// Turns on the second factor that somebody is setting up, as it was `begun` in this browser; their recovery codes. Every other
    /// browser of theirs is signed out.
    ///
    /// # Errors
    /// [`Error::SignIn`] for a password, where they have one, or a code that is not right; [`Error::TooManyLogins`].
    pub async fn turn_on_second_factor(
        &self,
        person: &Person,
        password: SecretString,
        (begun, code): (&str, &str),
        visit: &Visit<'_>,
    ) -> Result<Vec<String>, Error> {
        let address = self.origin(visit.peer, visit.headers);
        let claimed = format!("person:{}", person.id);
        if self.has_password(person).await? {
            self.confirm(person, password, visit).await?;
        } else {
            self.slow_down(address, Some(&claimed))?;
        }
        let cookie = sent(visit.headers, self.is_over_tls()).filter(|_| !begun.is_empty());
        let first = cookie.and_then(|cookie| {
            let secret = second_factor::secret_of(&cookie, begun);
            step_of(&secret, code, now_ms()).map(|step| (secret, step))
        });
        let codes = match first {
            Some(first) => self.turn_on(&person.id, first, Some(person.browser.clone()), visit).await?,
            None => None,
        };
        codes.ok_or_else(|| {
            self.count_sign_in_failure(address, Some(&claimed), Wrong::Code);
            Error::SignIn
        })
    }

    /// Turns somebody's own second factor off, for who knows the password and has a code.
    ///
    /// # Errors
    /// [`Error::SignIn`] when one of them is not right; [`Error::TooManyLogins`].
    pub async fn turn_off_second_factor(
        &self,
        person: &Person,
        password: SecretString,
        code: &str,
        visit: &Visit<'_>,
    ) -> Result<(), Error> {
        self.confirm(person, password, visit).await?;
        if !self.code_fits(&person.id, code, visit).await? {
            let claimed = format!("person:{}", person.id);
            let address = self.origin(visit.peer, visit.headers);
            self.count_sign_in_failure(address, Some(&claimed), Wrong::Code);
            return Err(Error::SignIn);
        }
        let actor = self.actor_of(&person.id, visit);
        self.store().drop_second_factor(&person.id, FactorGone::TurnedOff, actor).await?;
        Ok(())
    }
}
