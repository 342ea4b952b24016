//! Who may call: client apps with a signed token, people and programs with an API key.
//!
//! `gate` meets every request once: it proves who calls, counts, takes tokens that are good for one request, and leaves
//! a [`Caller`] with the request. What needs a scope or a bot asks the caller; the verbs here that take headers prove
//! the same again without counting.

mod caller;
mod credential;
mod error;
pub(super) mod gate;
mod jws;
mod key;
mod origin;
mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde_json::json;

pub use self::caller::{Caller, Who};
use self::credential::Credential;
pub(super) use self::credential::by_password;
pub use self::error::AuthError;
pub use self::key::{LocalKey, new_api_key, new_app_secret, new_local_key};
pub use self::token::mint;
use super::limits::{Logins, Rates, Standing};
use crate::store::{Act, ApiKey, ClientApp, LastUsed, NewAudit, Rate, Store};
use crate::wallclock::{iso, now_ms};

/// What an app must hold to dial out.
pub const DIALOUT: &str = "SmartAssist Dialout";
/// Reads, and changes nothing.
pub const READ: &str = "read";
/// Uploads flows and decides which version runs.
pub const FLOWS: &str = "flows";
/// Runs campaigns.
pub const CAMPAIGNS: &str = "campaigns";
/// Decides who may do what.
pub const ADMIN: &str = "admin";
/// Every scope there is.
pub const SCOPES: [&str; 5] = [DIALOUT, READ, FLOWS, CAMPAIGNS, ADMIN];
/// Stands for every bot in an app's list.
pub const ANY_BOT: &str = "*";

/// What lets its holder ask for calls and end them.
pub const ASKING: &[&str] = &[DIALOUT, CAMPAIGNS];
/// What lets its holder see calls that others asked for.
pub const SEEING: &[&str] = &[READ, CAMPAIGNS];
/// What lets its holder have webhooks sent again.
pub const RESENDING: &[&str] = &[CAMPAIGNS, ADMIN];

/// The header that pages of other sites cannot send with a browser's remembered password.
const OWN_WISH: &str = "x-dering-request";

/// Who the command line says it runs for; believed with the local key only.
const USER: &str = "dering-user";
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
}

/// Checks callers. Clones share what it remembers.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    options: Options,
    rates: Rates,
    logins: Logins,
}

/// A caller, and what the gate still has to do about it.
struct Proven {
    caller: Caller,
    rate: Option<Rate>,
    used: LastUsed,
    /// The app, the token's `jti`, and until when to remember it.
    once: Option<(String, String, i64)>,
}

impl Auth {
    /// Checks against `store`, without limits.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self::with(store, Options::default())
    }

    /// Checks against `store`.
    #[must_use]
    pub fn with(store: Store, options: Options) -> Self {
        Self(Arc::new(Inner { store, options, rates: Rates::default(), logins: Logins::default() }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The client app that may dial out for `bot_id`: by its token, or by an API key that acts for it.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn dialout(&self, headers: &HeaderMap, bot_id: &str) -> Result<ClientApp, AuthError> {
        self.dialler(None, headers, bot_id).await
    }

    /// The same, where the request may have been met before: who was proven then is not proven again.
    pub(super) async fn dialler(
        &self,
        met: Option<&Caller>,
        headers: &HeaderMap,
        bot_id: &str,
    ) -> Result<ClientApp, AuthError> {
        own_wish(headers)?;
        let app = match met {
            Some(caller) => self.acting(caller, DIALOUT).await?,
            None => self.app(headers, DIALOUT).await?,
        };
        if caller::may_use(&app.bots, bot_id) {
            return Ok(app);
        }
        Err(AuthError::Bot(bot_id.to_owned()))
    }

    /// Whether a caller may place calls of `bot`: its own bots decide, and those of the app it acts for.
    pub(super) async fn may_place(&self, caller: &Caller, bot: &str) -> Result<(), AuthError> {
        caller.require_bot(bot)?;
        let Who::Key(key) = &caller.who else { return Ok(()) };
        match self.app_of(key).await? {
            Some(app) if !caller::may_use(&app.bots, bot) => Err(AuthError::Bot(bot.to_owned())),
            Some(_) | None => Ok(()),
        }
    }

    /// The client app behind a request, if it holds `scope`. Its scopes and bots are those that the token or the key
    /// leaves.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn app(&self, headers: &HeaderMap, scope: &str) -> Result<ClientApp, AuthError> {
        let credential = match Credential::of(headers).ok_or(AuthError::Missing)? {
            Credential::Other(text) => Credential::Token(text),
            credential @ (Credential::Token(_) | Credential::Key(_) | Credential::Unreadable(_)) => {
                credential
            }
        };
        let caller = self.prove(&credential, headers).await?.caller;
        self.acting(&caller, scope).await
    }

    /// The client app that a caller is or acts for.
    async fn acting(&self, caller: &Caller, scope: &str) -> Result<ClientApp, AuthError> {
        caller.hold(scope)?;
        let app = match &caller.who {
            Who::App(app) => Arc::clone(app),
            Who::Key(key) => self.app_of(key).await?.ok_or(AuthError::KeyWithoutApp)?,
            Who::Local(_) => return Err(AuthError::KeyWithoutApp),
        };
        let mut bots = app.bots.clone();
        if let Some(tied) = caller.tied_to() {
            let all = caller::may_use(&bots, ANY_BOT);
            bots = tied.iter().filter(|bot| all || bots.contains(bot)).cloned().collect();
        }
        Ok(ClientApp { scopes: caller.scopes.clone(), bots, ..ClientApp::clone(&app) })
    }

    /// The API key of a request, if it holds `scope`.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn api_key(&self, headers: &HeaderMap, scope: &str) -> Result<ApiKey, AuthError> {
        let caller = self.caller(headers, scope).await?;
        match caller.who {
            Who::Key(key) => Ok(ApiKey::clone(&key)),
            Who::App(_) | Who::Local(_) => Err(AuthError::KeyUnknown),
        }
    }

    /// Whoever sent a request, by token or key, if they hold `scope`.
    ///
    /// # Errors
    /// Says why the caller is turned away.
    pub async fn caller(&self, headers: &HeaderMap, scope: &str) -> Result<Caller, AuthError> {
        let caller = self.anybody(headers).await?;
        caller.hold(scope)?;
        Ok(caller)
    }

    /// Whoever sent a request, whatever they hold.
    pub(super) async fn anybody(&self, headers: &HeaderMap) -> Result<Caller, AuthError> {
        let credential = Credential::of(headers).ok_or(AuthError::KeyMissing)?;
        Ok(self.prove(&credential, headers).await?.caller)
    }

    /// What has to be done now and then, about once a minute: writes down when apps and keys were last used and which
    /// logins failed, and forgets tokens that expired.
    pub async fn run_maintenance(&self) {
        let Inner { store, options, rates, logins } = &*self.0;
        if let Err(error) = store.flush_last_used().await {
            tracing::warn!(%error, "when apps and keys were last used could not be written down");
        }
        if let Err(error) = store.forget_tokens(now_ms()).await {
            tracing::warn!(%error, "tokens that expired could not be forgotten");
        }
        let Some(rate) = options.failed_logins else { return };
        let reports = logins.report(rate, rates.now());
        let unnamed: u64 = reports.iter().skip(NAMED).map(|report| report.count).sum();
        let named = reports.into_iter().take(NAMED).map(|report| {
            let detail =
                json!({ "count": report.count, "since": iso(report.first_ms), "reason": report.reason });
            let act = Act::new("unknown", Some(report.address.to_string()));
            NewAudit::new(act, "login.failed", report.claimed.unwrap_or_default(), detail)
        });
        let mut entries: Vec<_> = named.collect();
        if unnamed > 0 {
            let act = Act::new("unknown", None);
            entries.push(NewAudit::new(
                act,
                "login.failed",
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

    /// What a caller may ask; `None` is no limit.
    fn rate_of(&self, who: &Who) -> Option<Rate> {
        let options = &self.0.options;
        match who {
            Who::App(app) => app.rate.or(options.app_rate),
            Who::Key(key) => key.rate.or(options.key_rate),
            Who::Local(_) => None,
        }
    }

    /// Takes a line of a batch out of what the caller may ask. Lines are counted beside requests, so that a long batch
    /// shuts out none of these.
    pub(super) fn take_line(&self, caller: &Caller) -> Result<(), Standing> {
        let Some(rate) = self.rate_of(&caller.who) else { return Ok(()) };
        self.0.rates.take(&format!("{} lines", caller.actor()), rate).map(|_| ())
    }

    async fn app_of(&self, key: &ApiKey) -> Result<Option<Arc<ClientApp>>, AuthError> {
        let Some(app_id) = &key.app_id else { return Ok(None) };
        Ok(self.store().known_app(app_id).await?)
    }

    /// Checks a credential; changes nothing.
    async fn prove(&self, credential: &Credential, headers: &HeaderMap) -> Result<Proven, AuthError> {
        match credential {
            Credential::Token(token) => self.prove_token(token).await,
            Credential::Key(text) => self.prove_key(text, headers).await,
            Credential::Other(_) => Err(AuthError::KeyUnknown),
            Credential::Unreadable(why) => Err(AuthError::Malformed((*why).to_owned())),
        }
    }

    async fn prove_token(&self, token: &str) -> Result<Proven, AuthError> {
        let options = &self.0.options;
        let app_id = token::claimed_app(token)?;
        let Some(app) = self.store().known_app(&app_id).await? else {
            // Takes as long as a wrong secret does, so that nobody learns which apps there are.
            token::check_for_nothing(token);
            return Err(AuthError::Unsigned { app_id });
        };
        let most = options.max_token_age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        let admitted = token::admit(&app, token, now_ms() as f64 / 1000.0, most)?;
        Ok(Proven {
            rate: self.rate_of(&Who::App(Arc::clone(&app))),
            used: app.used.clone(),
            once: admitted.once.map(|(jti, until_ms)| (app.id.clone(), jti, until_ms)),
            caller: Caller {
                scopes: admitted.scopes,
                bots: app.bots.clone(),
                address: None,
                who: Who::App(app),
            },
        })
    }

    async fn prove_key(&self, text: &str, headers: &HeaderMap) -> Result<Proven, AuthError> {
        let options = &self.0.options;
        let id = key::id(text).ok_or(AuthError::KeyUnknown)?;
        if let Some(local) = options.local.as_ref().filter(|_| id == key::LOCAL) {
            return if local.fits(text) { Ok(local_user(headers)) } else { Err(AuthError::KeyUnknown) };
        }
        let key = self.store().known_key(id).await?;
        // Compared in any case, so that nobody learns from the time it takes which keys there are.
        let fits = key::fits(text, key.as_ref().map_or(key::NO_DIGEST, |key| &key.digest));
        let key = key.filter(|_| fits).ok_or(AuthError::KeyUnknown)?;
        if key.expires_ms.is_some_and(|end| end <= now_ms()) {
            return Err(AuthError::KeyExpired);
        }
        if key.app_id.is_some() && self.app_of(&key).await?.is_none() {
            return Err(AuthError::KeyUnknown);
        }
        Ok(Proven {
            rate: self.rate_of(&Who::Key(Arc::clone(&key))),
            used: key.used.clone(),
            once: None,
            caller: Caller {
                scopes: key.scopes.clone(),
                bots: key.bots.clone(),
                address: None,
                who: Who::Key(key),
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

    /// Where a request came from.
    fn origin(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        origin::of(peer, headers, &self.0.options.trusted_proxies)
    }
}

/// A browser that remembers a key also sends it along with a request that a page of another site made up, but then it
/// cannot send a header of our own.
///
/// # Errors
/// When only a remembered password came.
pub(super) fn own_wish(headers: &HeaderMap) -> Result<(), AuthError> {
    if by_password(headers) && !headers.contains_key(OWN_WISH) {
        return Err(AuthError::CrossSite);
    }
    Ok(())
}

fn local_user(headers: &HeaderMap) -> Proven {
    let user = headers.get(USER).and_then(|user| user.to_str().ok()).unwrap_or("somebody");
    let user = user.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let who = Who::Local(user);
    let bots = vec![ANY_BOT.to_owned()];
    let caller = Caller { who, scopes: SCOPES.map(str::to_owned).to_vec(), bots, address: None };
    Proven { caller, rate: None, used: LastUsed::default(), once: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_password_alone_changes_nothing() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            own_wish(&HeaderMap::from_iter(pairs)).is_ok()
        };
        assert!(!with(&[("authorization", "Basic bWU6a2V5")]));
        assert!(with(&[("authorization", "Basic bWU6a2V5"), ("x-dering-request", "1")]));
        assert!(with(&[("authorization", "Bearer dk_1_x")]));
    }
}
