//! Who may do what: client apps with a signed token, people and programs with an API key.
//!
//! [`Access::authenticate`] establishes once per request who sent it, counts it, and uses up single-use tokens. The result is a
//! [`Principal`]; whether it may do something is decided by a [`Right`]. How a request arrived (API, page, command line) does
//! not matter here.

mod credential;
mod error;
mod jws;
mod key;
mod limits;
mod openid;
mod origin;
mod people;
mod person;
mod principal;
mod right;
mod role;
mod scope;
mod token;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde_json::json;

use self::credential::{Credential, intent};
pub use self::error::Error;
use self::error::Wrong;
pub use self::key::{LocalKey, new_api_key, new_app_secret, new_local_key};
pub use self::limits::RateLimitStatus;
use self::limits::{Logins, Rates};
use self::openid::OpenId;
pub use self::openid::{Arrival, BadToken, Departure, Options as OpenIdOptions, Refused as OpenIdRefused};
use self::people::Passwords;
pub use self::people::{
    Enrolment, Entry, LONGEST_NAME, SessionCookie, Through, Visit, WeakPassword, is_name,
    judge as judge_password,
};
pub use self::person::Person;
use self::principal::Intent;
pub use self::principal::{Identity, Principal};
pub use self::right::{
    Administer, DialOut, EditFlows, EndCalls, KeepContacts, KeepDoNotCall, LabelCalls, PlaceCalls,
    ResendWebhooks, Right, Rule, RunCampaigns, SeeCalls, SeeCampaigns, SeeContacts, SeeDoNotCall, SeeFlows,
    SeeHistory, SeeServer, ShareRecordings, TalkToFlows, TryVerdicts,
};
pub use self::role::{NoRole, Role};
pub use self::scope::{NoScope, Scope};
pub use self::token::mint;
use crate::store::{Actor, ApiKey, AuditAction, ClientApp, LastUsed, NewAudit, Rate, Store};
use crate::wallclock::{iso, now_ms};

/// Stands for every bot in an app's list.
pub const ANY_BOT: &str = "*";

/// Who the command line says it runs for; believed with the local key only.
const USER: &str = "dering-user";
/// Stands for all addresses where failures are counted by name alone.
const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Addresses that a report of failed logins names one by one.
const NAMED: usize = 20;

/// What holds for everybody; an app or key may have limits of its own.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How old a token may be since its `iat`; `None` leaves that to its `exp`.
    pub max_token_age: Option<Duration>,
    /// What each app may ask; `None` is no limit.
    pub app_rate: Option<Rate>,
    /// What each API key may ask; `None` is no limit.
    pub key_rate: Option<Rate>,
    /// Logins that may fail, for each address and name; `None` slows nobody.
    pub failed_logins: Option<Rate>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The key of the command line on this machine.
    pub local: Option<LocalKey>,
    /// People reach the pages over TLS: their cookies go no other way.
    pub over_tls: bool,
    /// Roles that must have a second factor.
    pub second_factor: Vec<Role>,
    /// Where else people may sign in.
    pub openid: Option<OpenIdOptions>,
}

/// Decides who may do what. Clones share what it remembers.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    options: Options,
    rates: Rates,
    logins: Logins,
    /// Failures to sign in by name alone, wherever they come from.
    names: Logins,
    passwords: Passwords,
    openid: Option<OpenId>,
}

/// What a request proved.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Who sent it, and where they stand with what they may ask; `None` without a limit.
    Known(Principal, Option<RateLimitStatus>),
    /// Nothing, or something wrong. Whether that matters is for what was asked for to say.
    Unknown(Error),
}

/// Somebody, and what is still to be done about the request.
struct Proven {
    principal: Principal,
    rate: Option<Rate>,
    used: LastUsed,
    /// The app, the token's `jti`, and until when to remember it.
    once: Option<(String, String, i64)>,
}

impl Access {
    /// Checks against `store`, without limits.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self::with(store, Options::default())
    }

    /// Checks against `store`.
    #[must_use]
    pub fn with(store: Store, options: Options) -> Self {
        let openid = options.openid.clone().and_then(|options| {
            let made = OpenId::new(options);
            made.inspect_err(|error| tracing::error!("nobody can sign in at the issuer: {error}")).ok()
        });
        Self(Arc::new(Inner {
            openid,
            store,
            options,
            rates: Rates::default(),
            logins: Logins::default(),
            names: Logins::default(),
            passwords: Passwords::default(),
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Proves who sent a request from `peer`, counts the request, and takes a token that is good for one.
    ///
    /// # Errors
    /// When the request must go no further, whatever it asks for: too many of them, too many failed logins, a token that
    /// came again, or no database.
    pub async fn authenticate(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Admission, Error> {
        let Some(credential) = Credential::of(headers) else {
            return Ok(Admission::Unknown(Error::KeyMissing));
        };
        let address = self.origin(peer, headers);
        let inner = &*self.0;
        if let (Some(rate), Some(address)) = (inner.options.failed_logins, address)
            && !inner.logins.is_quiet()
        {
            let claimed = self.claimed(&credential).await;
            if let Some(wait_s) = inner.logins.wait(rate, address, claimed.as_deref(), inner.rates.now()) {
                metrics::counter!("dering_logins_slowed_total").increment(1);
                return Err(Error::TooManyLogins { wait_s });
            }
        }
        let proven = match self.prove(&credential, headers).await {
            Ok(proven) => proven,
            Err(error) => {
                self.count_failure(address, &credential, &error).await;
                return Ok(Admission::Unknown(error));
            }
        };
        let mut principal = proven.principal;
        principal.address = address;
        let status = match proven.rate {
            None => None,
            Some(rate) => Some(inner.rates.take(&principal.subject(), rate).map_err(|status| {
                metrics::counter!("dering_requests_limited_total").increment(1);
                Error::RateLimited(status)
            })?),
        };
        if let Some((app_id, jti, until_ms)) = proven.once
            && !self.store().take_token(&app_id, &jti, until_ms).await?
        {
            self.count_failure(address, &credential, &Error::Replayed).await;
            return Err(Error::Replayed);
        }
        proven.used.at(now_ms());
        Ok(Admission::Known(principal, status))
    }

    /// Whom a request is from, without counting it.
    ///
    /// # Errors
    /// Says why nobody is known by what it brings.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Principal, Error> {
        let credential = Credential::of(headers).ok_or(Error::KeyMissing)?;
        Ok(self.prove(&credential, headers).await?.principal)
    }

    /// Why a request is from no client app, in the words for those who send tokens; `told` is the reason in others.
    pub async fn why_no_app(&self, headers: &HeaderMap, told: Error) -> Error {
        let why = match Credential::of(headers) {
            None => return Error::Missing,
            Some(Credential::Other(text)) => self.prove_token(&text).await,
            Some(Credential::Token(_) | Credential::Key(_) | Credential::Unreadable(_)) => return told,
        };
        why.err().unwrap_or(told)
    }

    /// The client app that `principal` is or acts for, to dial out for `bot_id`. Its scopes and bots are those that the
    /// token or the key leaves.
    ///
    /// # Errors
    /// When there is none, or it may not.
    pub async fn dialling_app(&self, principal: &Principal, bot_id: &str) -> Result<ClientApp, Error> {
        // Reported before a missing scope: a browser that a page tricks into a dial-out lacks nothing else.
        if principal.intent == Intent::Remembered {
            return Err(Error::CrossSite);
        }
        principal.require(&DialOut::RULE)?;
        let app = self.acting_app(principal).await?;
        let mut bots = app.bots.clone();
        if let Some(tied) = principal.tied_to() {
            let all = principal::may_use(&bots, ANY_BOT);
            bots = tied.iter().filter(|bot| all || bots.contains(bot)).cloned().collect();
        }
        if !principal::may_use(&bots, bot_id) {
            return Err(Error::Bot(bot_id.to_owned()));
        }
        let scopes = principal.scopes.iter().copied().map(String::from).collect();
        Ok(ClientApp { scopes, bots, ..ClientApp::clone(&app) })
    }

    /// The client app that `principal` is or acts for, to run campaigns in Kore's way.
    ///
    /// # Errors
    /// When there is none, or it may not: it needs the scope `campaigns`, and must not be tied to bots.
    pub async fn campaigning_app(&self, principal: &Principal) -> Result<Arc<ClientApp>, Error> {
        principal.require(&RunCampaigns::RULE)?;
        self.acting_app(principal).await
    }

    async fn acting_app(&self, principal: &Principal) -> Result<Arc<ClientApp>, Error> {
        match &principal.identity {
            Identity::App(app) => Ok(Arc::clone(app)),
            Identity::Key(key) => self.app_of(key).await?.ok_or(Error::KeyWithoutApp),
            Identity::Local(_) | Identity::Person(_) => Err(Error::KeyWithoutApp),
        }
    }

    /// Whether somebody may place calls of `bot`: their own bots decide, and those of the app they act for.
    ///
    /// # Errors
    /// When they may not.
    pub async fn may_place(&self, principal: &Principal, bot: &str) -> Result<(), Error> {
        principal.require_bot(bot)?;
        let Identity::Key(key) = &principal.identity else { return Ok(()) };
        match self.app_of(key).await? {
            Some(app) if !principal::may_use(&app.bots, bot) => Err(Error::Bot(bot.to_owned())),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes an act that succeeded into the audit log: one that the store does not write down itself, in the
    /// transaction of the act. The act is done; a log that cannot be written is an error for the operator.
    pub async fn record(&self, principal: &Principal, action: AuditAction, subject: &str) {
        let entry = NewAudit::new(principal.actor(), action, subject, json!({}));
        if let Err(error) = self.store().audit(entry).await {
            tracing::error!(%error, "an act could not be written to the audit log");
        }
    }

    /// What has to be done now and then, about once a minute: writes down when apps and keys were last used and which
    /// logins failed, and forgets tokens that expired.
    pub async fn run_maintenance(&self) {
        let Inner { store, options, rates, logins, names, .. } = &*self.0;
        if let Err(error) = store.flush_last_used().await {
            tracing::warn!(%error, "when apps and keys were last used could not be written down");
        }
        if let Err(error) = store.forget_tokens(now_ms()).await {
            tracing::warn!(%error, "tokens that expired could not be forgotten");
        }
        if let Err(error) = store.forget_browsers(now_ms()).await {
            tracing::warn!(%error, "browsers whose time is over could not be forgotten");
        }
        let Some(rate) = options.failed_logins else { return };
        // The same failures are told with their addresses.
        let _told_below = names.report(rate, rates.now());
        let reports = logins.report(rate, rates.now());
        let unnamed: u64 = reports.iter().skip(NAMED).map(|report| report.count).sum();
        let named = reports.into_iter().take(NAMED).map(|report| {
            let detail =
                json!({ "count": report.count, "since": iso(report.first_ms), "reason": report.reason });
            let actor = Actor::new("unknown", Some(report.address.to_string()));
            NewAudit::new(actor, AuditAction::LoginFailed, report.claimed.unwrap_or_default(), detail)
        });
        let mut entries: Vec<_> = named.collect();
        if unnamed > 0 {
            let actor = Actor::new("unknown", None);
            entries.push(NewAudit::new(
                actor,
                AuditAction::LoginFailed,
                "further addresses",
                json!({ "count": unnamed }),
            ));
        }
        for entry in entries {
            if let Err(error) = store.audit(entry).await {
                tracing::warn!(%error, "failed logins could not be written to the audit log");
            }
        }
    }

    /// What somebody may ask; `None` is no limit.
    fn rate_of(&self, identity: &Identity) -> Option<Rate> {
        let options = &self.0.options;
        match identity {
            Identity::App(app) => app.rate.or(options.app_rate),
            Identity::Key(key) => key.rate.or(options.key_rate),
            Identity::Local(_) | Identity::Person(_) => None,
        }
    }

    /// Takes a line of a batch out of what its sender may ask. Lines are counted beside requests, so that a long batch
    /// shuts out none of these.
    ///
    /// # Errors
    /// When none is left; says when the next one is let through.
    pub fn take_line(&self, principal: &Principal) -> Result<(), RateLimitStatus> {
        let Some(rate) = self.rate_of(&principal.identity) else { return Ok(()) };
        self.0.rates.take(&format!("{} lines", principal.subject()), rate).map(|_| ())
    }

    async fn app_of(&self, key: &ApiKey) -> Result<Option<Arc<ClientApp>>, Error> {
        let Some(app_id) = &key.app_id else { return Ok(None) };
        Ok(self.store().known_app(app_id).await?)
    }

    /// Checks a credential; changes nothing.
    async fn prove(&self, credential: &Credential, headers: &HeaderMap) -> Result<Proven, Error> {
        let mut proven = match credential {
            Credential::Token(token) => self.prove_token(token).await?,
            Credential::Key(text) => self.prove_key(text, headers).await?,
            Credential::Other(_) => return Err(Error::KeyUnknown),
            Credential::Unreadable(why) => return Err(Error::Malformed((*why).to_owned())),
        };
        proven.principal.intent = intent(headers);
        Ok(proven)
    }

    async fn prove_token(&self, token: &str) -> Result<Proven, Error> {
        let options = &self.0.options;
        let app_id = token::claimed_app(token)?;
        let Some(app) = self.store().known_app(&app_id).await? else {
            // Takes as long as a wrong secret does, so that nobody learns which apps there are.
            token::check_for_nothing(token);
            return Err(Error::Unsigned { app_id });
        };
        let most = options.max_token_age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        let admitted = token::admit(&app, token, now_ms() as f64 / 1000.0, most)?;
        Ok(Proven {
            rate: self.rate_of(&Identity::App(Arc::clone(&app))),
            used: app.used.clone(),
            once: admitted.once.map(|(jti, until_ms)| (app.id.clone(), jti, until_ms)),
            principal: Principal {
                scopes: admitted.scopes,
                bots: app.bots.clone(),
                address: None,
                intent: Intent::Sent,
                identity: Identity::App(app),
            },
        })
    }

    async fn prove_key(&self, text: &str, headers: &HeaderMap) -> Result<Proven, Error> {
        let options = &self.0.options;
        let id = key::id(text).ok_or(Error::KeyUnknown)?;
        if let Some(local) = options.local.as_ref().filter(|_| id == key::LOCAL) {
            return if local.fits(text) { Ok(local_user(headers)) } else { Err(Error::KeyUnknown) };
        }
        let key = self.store().known_key(id).await?;
        // Compared in any case, so that nobody learns from the time it takes which keys there are.
        let fits = key::fits(text, key.as_ref().map_or(key::NO_DIGEST, |key| &key.digest));
        let key = key.filter(|_| fits).ok_or(Error::KeyUnknown)?;
        if key.expires_ms.is_some_and(|end| end <= now_ms()) {
            return Err(Error::KeyExpired);
        }
        if key.app_id.is_some() && self.app_of(&key).await?.is_none() {
            return Err(Error::KeyUnknown);
        }
        Ok(Proven {
            rate: self.rate_of(&Identity::Key(Arc::clone(&key))),
            used: key.used.clone(),
            once: None,
            principal: Principal {
                scopes: Scope::known(&key.scopes),
                bots: key.bots.clone(),
                address: None,
                intent: Intent::Sent,
                identity: Identity::Key(key),
            },
        })
    }

    /// The app or key that a credential says it is, if there is one: what its failures are counted for.
    async fn claimed(&self, credential: &Credential) -> Option<String> {
        match credential {
            Credential::Token(token) => {
                let id = token::claimed_app(token).ok()?;
                self.store().known_app(&id).await.ok()?.map(|app| format!("app:{}", app.id))
            }
            Credential::Key(text) => {
                let key = self.store().known_key(key::id(text)?).await.ok()?;
                key.map(|key| format!("key:{}", key.id))
            }
            Credential::Other(_) | Credential::Unreadable(_) => None,
        }
    }

    async fn count_failure(&self, address: Option<IpAddr>, credential: &Credential, error: &Error) {
        let inner = &*self.0;
        let (Some(rate), Some(address)) = (inner.options.failed_logins, address) else { return };
        if !error.is_a_guess() {
            return;
        }
        metrics::counter!("dering_logins_failed_total").increment(1);
        let claimed = self.claimed(credential).await;
        let now = (inner.rates.now(), now_ms());
        inner.logins.failed(rate, (address, claimed.as_deref()), &error.to_string(), now);
    }

    /// # Errors
    /// When too many failed to sign in from this address as this person, or as this person from anywhere.
    fn slow_down(&self, address: Option<IpAddr>, claimed: Option<&str>) -> Result<(), Error> {
        let inner = &*self.0;
        let Some(rate) = inner.options.failed_logins else { return Ok(()) };
        let now = inner.rates.now();
        let here = address.and_then(|address| inner.logins.wait(rate, address, claimed, now));
        let anywhere = claimed.and_then(|name| inner.names.wait(rate, ANYWHERE, Some(name), now));
        match here.max(anywhere) {
            Some(wait_s) => {
                metrics::counter!("dering_logins_slowed_total").increment(1);
                Err(Error::TooManyLogins { wait_s })
            }
            None => Ok(()),
        }
    }

    /// `claimed` is a person that is known.
    fn count_sign_in_failure(&self, address: Option<IpAddr>, claimed: Option<&str>, wrong: Wrong) {
        let inner = &*self.0;
        let Some(rate) = inner.options.failed_logins else { return };
        metrics::counter!("dering_logins_failed_total").increment(1);
        let (reason, now) = (wrong.to_string(), (inner.rates.now(), now_ms()));
        if let Some(address) = address {
            inner.logins.failed(rate, (address, claimed), &reason, now);
        }
        if claimed.is_some() {
            inner.names.failed(rate, (ANYWHERE, claimed), &reason, now);
        }
    }

    /// Where a request came from, behind the proxies that are trusted.
    pub(crate) fn origin(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        origin::of(peer, headers, &self.0.options.trusted_proxies)
    }
}

fn local_user(headers: &HeaderMap) -> Proven {
    let user = headers.get(USER).and_then(|user| user.to_str().ok()).unwrap_or("somebody");
    let user = user.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let principal = Principal {
        identity: Identity::Local(user),
        scopes: Scope::ALL.to_vec(),
        bots: vec![ANY_BOT.to_owned()],
        address: None,
        intent: Intent::Sent,
    };
    Proven { principal, rate: None, used: LastUsed::default(), once: None }
}
