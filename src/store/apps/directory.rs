//! Everybody who may call, in memory: a request is admitted without a look into the database. Every change of apps
//! and keys brings a new directory in the moment it is committed, so who is revoked is turned away at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt;
use secrecy::SecretString;
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::super::seal::ServerKey;
use super::super::vault::{self, Vault};
use super::super::{Error, Store};
use super::{Rate, rate};

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
pub(in super::super) struct Directory {
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
pub(in super::super) struct Clients {
    pub(in super::super) vault: Vault,
    /// `None` where another process may change the database: then each look is a fresh one.
    known: RwLock<Option<Arc<Directory>>>,
}

#[derive(FromRow)]
struct AppLine {
    id: String,
    name: String,
    #[sqlx(json)]
    scopes: Vec<String>,
    #[sqlx(json)]
    bots: Vec<String>,
    require_jti: bool,
    max_token_age_s: Option<i64>,
    rate_per_s: Option<f64>,
    rate_burst: Option<u32>,
    deleted: bool,
}

#[derive(FromRow)]
struct KeyLine {
    id: String,
    name: String,
    digest: String,
    #[sqlx(json)]
    scopes: Vec<String>,
    #[sqlx(json)]
    bots: Vec<String>,
    app_id: Option<String>,
    rate_per_s: Option<f64>,
    rate_burst: Option<u32>,
    expires_ms: Option<i64>,
}

impl Clients {
    pub(in super::super) const fn new(vault: Vault) -> Self {
        Self { vault, known: RwLock::new(None) }
    }

    pub(in super::super) fn keep(&self, directory: &Arc<Directory>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(directory));
    }

    fn known(&self) -> Option<Arc<Directory>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads everybody anew, as this connection sees them.
    pub(in super::super) async fn read(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Arc<Directory>, Error> {
        let before = self.known().unwrap_or_default();
        let mut secrets = read_secrets(connection, || self.vault.key()).await?;
        let lines: Vec<AppLine> = sqlx::query_as(
            "SELECT id, name, scopes, bots, require_jti, max_token_age_s, rate_per_s, rate_burst, \
             deleted_ms IS NOT NULL AS deleted FROM client_apps",
        )
        .fetch_all(&mut *connection)
        .await?;
        let apps = lines.into_iter().map(|line| {
            let app = ClientApp {
                secrets: secrets.remove(&line.id).unwrap_or_default(),
                used: before.any_app(&line.id).map(|app| app.used.clone()).unwrap_or_default(),
                name: line.name,
                scopes: line.scopes,
                bots: line.bots,
                require_jti: line.require_jti,
                max_token_age_s: line.max_token_age_s,
                rate: rate(line.rate_per_s, line.rate_burst),
                deleted: line.deleted,
                id: line.id,
            };
            (app.id.clone(), Arc::new(app))
        });
        let apps = apps.collect();
        let lines: Vec<KeyLine> = sqlx::query_as(
            "SELECT id, name, digest, scopes, bots, app_id, rate_per_s, rate_burst, expires_ms FROM api_keys \
             WHERE revoked_ms IS NULL",
        )
        .fetch_all(connection)
        .await?;
        let keys = lines.into_iter().map(|line| {
            let key = ApiKey {
                used: before.key(&line.id).map(|key| key.used.clone()).unwrap_or_default(),
                name: line.name,
                digest: line.digest,
                scopes: line.scopes,
                bots: line.bots,
                app_id: line.app_id,
                rate: rate(line.rate_per_s, line.rate_burst),
                expires_ms: line.expires_ms,
                id: line.id,
            };
            (key.id.clone(), Arc::new(key))
        });
        Ok(Arc::new(Directory { apps, keys: keys.collect() }))
    }
}

impl Store {
    /// Everybody, from memory; read from the database where another process may change it.
    pub(in super::super) async fn directory(&self) -> Result<Arc<Directory>, Error> {
        match self.clients.known() {
            Some(directory) => Ok(directory),
            None => self.clients.read(&mut *self.readers.acquire().await?).await,
        }
    }

    /// An app that was not deleted, from memory.
    ///
    /// # Errors
    /// When the database fails, or the server key does not fit.
    pub async fn known_app(&self, id: &str) -> Result<Option<Arc<ClientApp>>, Error> {
        Ok(self.directory().await?.app(id))
    }

    /// A key that was not revoked, from memory.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_key(&self, id: &str) -> Result<Option<Arc<ApiKey>>, Error> {
        Ok(self.directory().await?.key(id))
    }

    /// Writes down when apps and keys were last used, those that were since the last time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flush_last_used(&self) -> Result<(), Error> {
        let Some(directory) = self.clients.known() else { return Ok(()) };
        let news = |id: &String, used: &LastUsed| used.news().map(|seen| (id.clone(), seen));
        let apps: Vec<_> = directory.apps.values().filter_map(|app| news(&app.id, &app.used)).collect();
        let keys: Vec<_> = directory.keys.values().filter_map(|key| news(&key.id, &key.used)).collect();
        if apps.is_empty() && keys.is_empty() {
            return Ok(());
        }
        self.write(move |connection| {
            async move {
                for (table, seen) in [
                    ("UPDATE client_apps SET last_used_ms = $2 WHERE id = $1", apps),
                    ("UPDATE api_keys SET last_used_ms = $2 WHERE id = $1", keys),
                ] {
                    for (id, seen_ms) in seen {
                        sqlx::query(table).bind(id).bind(seen_ms).execute(&mut *connection).await?;
                    }
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

/// Secrets by app, newest first; those that ended long ago are left where they are.
async fn read_secrets(
    connection: &mut SqliteConnection,
    key: impl FnOnce() -> Result<ServerKey, Error>,
) -> Result<HashMap<String, Vec<AppSecret>>, Error> {
    let rows: Vec<(String, i64, String, bool, Option<i64>)> = sqlx::query_as(
        "SELECT app_id, seq, secret, key_id IS NOT NULL, retired_ms FROM app_secrets \
         WHERE retired_ms IS NULL OR retired_ms > $1 ORDER BY app_id, seq DESC",
    )
    .bind(crate::wallclock::now_ms())
    .fetch_all(connection)
    .await?;
    let mut secrets: HashMap<String, Vec<AppSecret>> = HashMap::new();
    if rows.is_empty() {
        return Ok(secrets);
    }
    let key = key()?;
    for (app_id, seq, text, sealed, retired_ms) in rows {
        let value = vault::open_row(&key, &app_id, seq, &text, sealed)?;
        secrets.entry(app_id).or_default().push(AppSecret { seq, value, retired_ms });
    }
    Ok(secrets)
}
