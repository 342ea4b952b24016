//! Everybody who may call, in memory: a request is admitted without a look into the database. Every change of apps
//! and keys brings a new directory in the moment it is committed, so who is revoked is turned away at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;
use secrecy::SecretString;

use crate::store::error::Error;
use crate::store::keys::{Vault, open_secret};
use crate::store::model::{ClientRecords, Rate, SecretRecord, rate};

/// A secret that is active, or will end.
#[derive(Clone, Debug)]
pub struct AppSecret {
    pub seq: i64,
    pub value: SecretString,
    /// When it ends.
    pub retired_ms: Option<i64>,
}

/// A client app.
#[derive(Clone, Debug)]
pub struct ClientApp {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    pub bots: Vec<String>,
    /// Newest first.
    pub secrets: Vec<AppSecret>,
    pub require_jti: bool,
    /// Seconds.
    pub max_token_age_s: Option<i64>,
    pub rate: Option<Rate>,
    pub deleted: bool,
    pub used: LastUsed,
}

impl ClientApp {
    /// The secrets that hold at `now_ms`, newest first.
    pub fn active_secrets(&self, now_ms: i64) -> impl Iterator<Item = &SecretString> {
        let active = move |secret: &&AppSecret| secret.retired_ms.is_none_or(|end| end > now_ms);
        self.secrets.iter().filter(active).map(|secret| &secret.value)
    }
}

/// A key that is not revoked.
#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub digest: String,
    pub scopes: Vec<String>,
    pub bots: Vec<String>,
    pub app_id: Option<String>,
    pub rate: Option<Rate>,
    pub expires_ms: Option<i64>,
    pub used: LastUsed,
}

/// When somebody was last admitted. Kept in memory and written down now and then, not with each request.
#[derive(Clone, Debug, Default)]
pub struct LastUsed(Arc<Times>);

#[derive(Debug, Default)]
struct Times {
    seen_ms: AtomicI64,
    written_ms: AtomicI64,
}

impl LastUsed {
    /// Remembers a use.
    pub fn at(&self, now_ms: i64) {
        self.0.seen_ms.store(now_ms, Ordering::Relaxed);
    }

    /// What has not been written down, if anything; counts as written from now on.
    fn news(&self) -> Option<i64> {
        let seen = self.0.seen_ms.load(Ordering::Relaxed);
        (self.0.written_ms.swap(seen, Ordering::Relaxed) != seen).then_some(seen)
    }
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    apps: HashMap<String, Arc<ClientApp>>,
    keys: HashMap<String, Arc<ApiKey>>,
}

impl Directory {
    pub(super) fn app(&self, id: &str) -> Option<Arc<ClientApp>> {
        self.any_app(id).filter(|app| !app.deleted)
    }

    /// Also one that was deleted.
    pub(super) fn any_app(&self, id: &str) -> Option<Arc<ClientApp>> {
        self.apps.get(id).cloned()
    }

    pub(super) fn key(&self, id: &str) -> Option<Arc<ApiKey>> {
        self.keys.get(id).cloned()
    }
}

/// The directory that holds now, and the key that opens the secrets in it.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) vault: Vault,
    /// `None` where another process may change the database: then each look is a fresh one.
    known: RwLock<Option<Arc<Directory>>>,
}

/// Times of last uses that are to be written down, by id.
#[derive(Debug, Default)]
pub(super) struct LastUses {
    pub(super) apps: Vec<(String, i64)>,
    pub(super) keys: Vec<(String, i64)>,
}

impl LastUses {
    pub(super) const fn is_empty(&self) -> bool {
        self.apps.is_empty() && self.keys.is_empty()
    }
}

impl Clients {
    pub(super) const fn new(vault: Vault) -> Self {
        Self { vault, known: RwLock::new(None) }
    }

    pub(super) fn keep(&self, directory: &Arc<Directory>) {
        *self.known.write() = Some(Arc::clone(directory));
    }

    pub(super) fn known(&self) -> Option<Arc<Directory>> {
        self.known.read().clone()
    }

    /// Everybody as `records` have them, with what was known of their last use.
    ///
    /// # Errors
    /// When a secret does not open.
    pub(super) fn directory(&self, records: ClientRecords) -> Result<Arc<Directory>, Error> {
        let before = self.known().unwrap_or_default();
        let mut secrets = self.opened(records.secrets)?;
        let apps = records.apps.into_iter().map(|record| {
            let app = ClientApp {
                secrets: secrets.remove(&record.id).unwrap_or_default(),
                used: before.any_app(&record.id).map(|app| app.used.clone()).unwrap_or_default(),
                name: record.name,
                scopes: record.scopes,
                bots: record.bots,
                require_jti: record.require_jti,
                max_token_age_s: record.max_token_age_s,
                rate: rate(record.rate_per_s, record.rate_burst),
                deleted: record.deleted,
                id: record.id,
            };
            (app.id.clone(), Arc::new(app))
        });
        let apps = apps.collect();
        let keys = records.keys.into_iter().map(|record| {
            let key = ApiKey {
                used: before.key(&record.id).map(|key| key.used.clone()).unwrap_or_default(),
                name: record.name,
                digest: record.digest,
                scopes: record.scopes,
                bots: record.bots,
                app_id: record.app_id,
                rate: rate(record.rate_per_s, record.rate_burst),
                expires_ms: record.expires_ms,
                id: record.id,
            };
            (key.id.clone(), Arc::new(key))
        });
        Ok(Arc::new(Directory { apps, keys: keys.collect() }))
    }

    fn opened(&self, records: Vec<SecretRecord>) -> Result<HashMap<String, Vec<AppSecret>>, Error> {
        let mut secrets: HashMap<String, Vec<AppSecret>> = HashMap::new();
        if records.is_empty() {
            return Ok(secrets);
        }
        let key = self.vault.key()?;
        for SecretRecord { app_id, seq, secret, sealed, retired_ms } in records {
            let value = open_secret(&key, &app_id, seq, &secret, sealed)?;
            secrets.entry(app_id).or_default().push(AppSecret { seq, value, retired_ms });
        }
        Ok(secrets)
    }

    /// When apps and keys were last used, those that were since this was asked before.
    pub(super) fn last_used(&self) -> LastUses {
        let Some(directory) = self.known() else { return LastUses::default() };
        let news = |id: &String, used: &LastUsed| used.news().map(|seen| (id.clone(), seen));
        LastUses {
            apps: directory.apps.values().filter_map(|app| news(&app.id, &app.used)).collect(),
            keys: directory.keys.values().filter_map(|key| news(&key.id, &key.used)).collect(),
        }
    }
}
