//! People who sign in at an issuer elsewhere: who of ours they are, and who they become.

use reqwest::Url;
use secrecy::SecretString;

use super::Visit;
use super::name::is_name;
use super::steps::Entry;
use crate::access::Access;
use crate::access::error::Wrong;
use crate::access::openid::{Arrival, Departure, OpenId, Refused, Stranger};
use crate::access::role::Role;
use crate::store::{self, LinkedBy, NewOpenId, PersonChange, Proof};

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Here(error.into())
    }
}

impl Access {
    /// What the button of the issuer says; `None`: there is none.
    #[must_use]
    pub fn issuer_label(&self) -> Option<&str> {
        self.0.openid.as_ref().map(|openid| openid.options.label.as_str())
    }

    fn openid(&self) -> Result<&OpenId, Refused> {
        self.0.openid.as_ref().ok_or_else(|| Refused::Away("there is none in the settings".to_owned()))
    }

    /// Sends a browser to the issuer; it comes back to `back` and goes on to `next`.
    ///
    /// # Errors
    /// [`Refused::Away`].
    pub async fn depart(&self, back: &Url, next: &str) -> Result<Departure, Refused> {
        self.openid()?.depart(back, next).await
    }

    /// Takes a browser back from the issuer, and lets who is in it in, or to the second step; and where they go on to.
    ///
    /// # Errors
    /// Every way in which it can fail.
    pub async fn arrive(
        &self,
        arrival: &Arrival,
        browser: Option<&SecretString>,
        visit: &Visit<'_>,
    ) -> Result<(Entry, String), Refused> {
        let openid = self.openid()?;
        // What any page of another site can make a browser send counts for nothing.
        if !openid.awaits(arrival, browser) {
            return Err(Refused::Stale);
        }
        self.slow_down(self.origin(visit.peer, visit.headers), None)?;
        let (stranger, next) = match openid.arrive(arrival, browser).await {
            Ok(found) => found,
            Err(refused) => {
                if matches!(refused, Refused::Token(_) | Refused::Stale) {
                    let address = self.origin(visit.peer, visit.headers);
                    self.count_sign_in_failure(address, None, Wrong::Issuer);
                }
                return Err(refused);
            }
        };
        let role = stranger.role.or(openid.options.default_role);
        let id = self.person_of(openid, &stranger, role, visit).await?;
        let person = self.store().person(&id).await?;
        if person.disabled_ms.is_some() {
            return Err(Refused::Disabled);
        }
        let mut now = person.role.clone();
        if openid.options.role_claim.is_some() {
            let Some(role) = role else {
                // What gave them a role is gone, so they are out in every browser, too.
                self.store().close_browsers_of(&id, store::Actor::server()).await?;
                return Err(Refused::NoRole);
            };
            // Browsers that are signed in have the role at once.
            if role.as_str() != person.role {
                now = self.give_role(&id, role, &person.role, visit).await?;
            }
        }
        let entry = self.enter((&id, &now, person.has_second_factor), Proof::default(), visit).await?;
        Ok((entry, next))
    }

    /// The role that somebody has from now on. The last admin stays one, whatever the issuer says.
    async fn give_role(
        &self,
        id: &str,
        role: Role,
        before: &str,
        visit: &Visit<'_>,
    ) -> Result<String, Refused> {
        let change = PersonChange { role: Some(role.into()), ..PersonChange::default() };
        match self.store().change_person(id, change, self.actor_of(id, visit)).await {
            Ok(()) => Ok(role.into()),
            Err(store::Error::LastAdmin(_)) => {
                tracing::warn!(person = id, "the issuer gives the last admin another role; they stay admin");
                Ok(before.to_owned())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The id of who a stranger is here. Who is nobody yet becomes somebody.
    async fn person_of(
        &self,
        openid: &OpenId,
        stranger: &Stranger,
        role: Option<Role>,
        visit: &Visit<'_>,
    ) -> Result<String, Refused> {
        let store = self.store();
        if let Some(id) = store.openid_person(&stranger.issuer, &stranger.subject).await? {
            return Ok(id);
        }
        // What an issuer has not made sure of makes nobody somebody.
        let email = stranger.email.as_deref().map(str::trim).filter(|email| is_name(email));
        let email = email.ok_or(Refused::NoName)?;
        let expected = store.expected_openid(email).await?;
        let named = store.person_to_sign_in(email).await?;
        let (id, by, refused) = match (expected, named) {
            (Some(id), _) => (id, LinkedBy::Expectation, Refused::Stale),
            (None, Some(row)) if openid.options.link_by_name => {
                // An address may be given to somebody else; what the issuer calls somebody for good may not.
                (row.id, LinkedBy::Name, Refused::Linked(row.name))
            }
            (None, Some(_)) => return Err(Refused::NameTaken(email.to_owned())),
            (None, None) => {
                let role = role.ok_or(Refused::NoRole)?;
                let id = self.add_person(email, role, store::Actor::server()).await?.id;
                (id, LinkedBy::Creation, Refused::Stale)
            }
        };
        let actor = self.actor_of(&id, visit);
        let (issuer, subject) = (stranger.issuer.clone(), stranger.subject.clone());
        let link = NewOpenId { person_id: id, issuer, subject, email: email.to_owned(), by };
        store.link_openid(link, actor).await?.ok_or(refused)
    }
}
