//! Who may call, and what they did: client apps, API keys, the server key, the audit log.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use crate::store::directory::{ApiKey, ClientApp, Directory};
use crate::store::error::Error;
use crate::store::handle::{Backend, Store, verbs};
use crate::store::keys::{KeySource, ServerKey, put_aside};
use crate::store::model::{
    Actor, ApiKeyRow, AppChange, AppPolicy, AppRow, AuditFilter, AuditRow, KeyChange, LinkKey, NewApiKey,
    NewApp, NewAudit, Page, SecretRow,
};
use crate::store::sqlite;
use crate::wallclock::now_ms;

impl Store {
    /// Adds an app with what the server's settings say.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken.
    pub async fn create_app(&self, app: NewApp) -> Result<(), Error> {
        self.add_app(app, AppPolicy::default(), Actor::server()).await
    }

    /// Every app, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apps(&self) -> Result<Vec<AppRow>, Error> {
        self.flush_last_used().await?;
        match &self.backend {
            Backend::Sqlite(engine) => engine.apps().await,
        }
    }

    /// One app as the list has it.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn app_row(&self, id: &str) -> Result<AppRow, Error> {
        self.flush_last_used().await?;
        match &self.backend {
            Backend::Sqlite(engine) => engine.app_row(id).await,
        }
    }

    /// An app and its active secrets, unless it was deleted.
    ///
    /// # Errors
    /// When the database fails, or the server key does not fit.
    pub async fn app(&self, id: &str) -> Result<Option<ClientApp>, Error> {
        Ok(self.known_app(id).await?.map(|app| ClientApp::clone(&app)))
    }

    /// An app that was not deleted, from memory.
    ///
    /// # Errors
    /// When the database fails, or the server key does not fit.
    pub async fn known_app(&self, id: &str) -> Result<Option<Arc<ClientApp>>, Error> {
        Ok(self.directory().await?.app(id))
    }

    /// What signs the webhooks of an app now, newest first; also of an app that was deleted. Empty when there is none.
    ///
    /// # Errors
    /// When the database fails, or the server key does not fit.
    pub async fn signing_secrets(&self, app_id: &str) -> Result<Vec<SecretString>, Error> {
        let now = now_ms();
        let app = self.directory().await?.any_app(app_id);
        Ok(app.map(|app| app.active_secrets(now).cloned().collect()).unwrap_or_default())
    }

    /// Adds a secret beside those that are active; new webhooks carry a signature of each.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    pub async fn add_secret(&self, app_id: &str, secret: SecretString) -> Result<(), Error> {
        self.rotate_secret(app_id, secret, None, Actor::server()).await.map(|_| ())
    }

    /// Keeps a key that the server itself made.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken.
    pub async fn create_api_key(&self, key: NewApiKey) -> Result<(), Error> {
        self.issue_api_key(key, Actor::server()).await
    }

    /// Every key that ever was, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, Error> {
        self.flush_last_used().await?;
        match &self.backend {
            Backend::Sqlite(engine) => engine.api_keys().await,
        }
    }

    /// One key as the list has it.
    ///
    /// # Errors
    /// [`Error::NoSuch`] when there is none.
    pub async fn api_key_row(&self, id: &str) -> Result<ApiKeyRow, Error> {
        self.flush_last_used().await?;
        match &self.backend {
            Backend::Sqlite(engine) => engine.api_key_row(id).await,
        }
    }

    /// A key by its id, unless it was revoked. Whether it expired is for the caller to see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, Error> {
        Ok(self.known_key(id).await?.map(|key| ApiKey::clone(&key)))
    }

    /// A key that was not revoked, from memory.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_key(&self, id: &str) -> Result<Option<Arc<ApiKey>>, Error> {
        Ok(self.directory().await?.key(id))
    }

    /// Turns a key away from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_api_key(&self, id: &str) -> Result<(), Error> {
        self.revoke_api_key_by(id, Actor::server()).await.map(|_| ())
    }

    /// Writes down when apps and keys were last used, those that were since the last time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flush_last_used(&self) -> Result<(), Error> {
        let uses = self.clients.last_used();
        if uses.is_empty() {
            return Ok(());
        }
        match &self.backend {
            Backend::Sqlite(engine) => engine.write_last_used(uses).await,
        }
    }

    /// Seals every client secret with another key, in one transaction, and tells its id. `new` is wanted when the
    /// key comes from the environment; a key file is replaced, with a new key unless `new` is given. Right only
    /// while no server runs.
    ///
    /// # Errors
    /// When the present key does not fit, or the file cannot be written.
    pub async fn rekey(&self, new: Option<ServerKey>, actor: Actor) -> Result<String, Error> {
        let vault = &self.clients.vault;
        let old = vault.key()?;
        let new = vault.prepare(new)?;
        match &self.backend {
            Backend::Sqlite(engine) => engine.reseal(old, new.clone(), actor).await?,
        }
        vault.change(&new)?;
        Ok(new.id().to_owned())
    }

    /// Gives up client secrets whose server key is lost, and tells how many apps need a new one. The old key file,
    /// if there is one, is replaced when the database is next opened.
    ///
    /// # Errors
    /// [`Error::InUse`] while a server runs; when the database fails.
    pub async fn give_up_secrets(path: &Path, source: &KeySource) -> Result<u64, Error> {
        let apps = sqlite::give_up_secrets(path).await?;
        if let KeySource::Beside = source {
            put_aside(path)?;
        }
        Ok(apps)
    }

    /// Everybody, from memory; read from the database where another process may change it.
    async fn directory(&self) -> Result<Arc<Directory>, Error> {
        if let Some(directory) = self.clients.known() {
            return Ok(directory);
        }
        match &self.backend {
            Backend::Sqlite(engine) => engine.everybody().await,
        }
    }
}

verbs! {
    /// Adds an app.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken, also by an app that was deleted.
    fn add_app(&self, app: NewApp, policy: AppPolicy, actor: Actor) -> ();

    /// Changes an app from now on.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    fn change_app(&self, id: &str, change: AppChange, actor: Actor) -> ();

    /// Turns an app away from now on, and the API keys that act for it. Its row stays: its id is not given to
    /// another, and webhooks on their way are still signed.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    fn delete_app(&self, id: &str, actor: Actor) -> ();

    /// Adds a secret; with `others_end_ms` the older ones end then, unless they end before. Tells its number.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    fn rotate_secret(
        &self,
        app_id: &str,
        secret: SecretString,
        others_end_ms: Option<i64>,
        actor: Actor,
    ) -> i64;

    /// Ends every secret of an app but the newest.
    ///
    /// # Errors
    /// When the database fails.
    fn retire_old_secrets(&self, app_id: &str) -> ();

    /// Lets a secret end at `at_ms`, now or later; `None` takes an end back that has not come.
    ///
    /// # Errors
    /// [`Error::NoSuch`] when there is none, or it ended already; [`Error::LastSecret`] when nothing would be left
    /// to sign with.
    fn retire_secret(&self, app_id: &str, seq: i64, at_ms: Option<i64>, actor: Actor) -> ();

    /// Every secret an app ever had, oldest first.
    ///
    /// # Errors
    /// [`Error::UnknownApp`] when there is no such app.
    fn secret_rows(&self, app_id: &str) -> Vec<SecretRow>;

    /// Keeps a key.
    ///
    /// # Errors
    /// [`Error::Exists`] when the id is taken, [`Error::UnknownApp`] when it is to act for an app that is not there.
    fn issue_api_key(&self, key: NewApiKey, actor: Actor) -> ();

    /// Changes a key from now on.
    ///
    /// # Errors
    /// [`Error::NoSuch`] when there is none, or it was revoked.
    fn change_api_key(&self, id: &str, change: KeyChange, actor: Actor) -> ();

    /// Turns a key away from now on. `false`: there is no such key, or it was revoked before.
    ///
    /// # Errors
    /// When the database fails.
    fn revoke_api_key_by(&self, id: &str, actor: Actor) -> bool;

    /// Takes a token of an app, by its `jti`, until it expires. `false`: it was taken before. Returns when that is
    /// durable; waiting takings share one commit.
    ///
    /// # Errors
    /// When the database fails.
    fn take_token(&self, app_id: &str, jti: &str, until_ms: i64) -> bool;

    /// Forgets tokens that expired before `now_ms`; tells how many.
    ///
    /// # Errors
    /// When the database fails.
    fn forget_tokens(&self, now_ms: i64) -> u64;

    /// The key that signs; `fresh` becomes it when there is none.
    ///
    /// # Errors
    /// When the database fails, or the server's own key cannot be read.
    fn signing_key(&self, fresh: LinkKey) -> LinkKey;

    /// The key of that id, unless it is retired.
    ///
    /// # Errors
    /// When the database fails, or the server's own key cannot be read.
    fn link_key(&self, id: &str) -> Option<LinkKey>;

    /// Retires every key: no link that was given out opens anything any more. How many there were.
    ///
    /// # Errors
    /// When the database fails.
    fn retire_link_keys(&self) -> u64;

    /// Writes an entry in a transaction of its own: for acts that are not the store's.
    ///
    /// # Errors
    /// When the database fails.
    fn audit(&self, entry: NewAudit) -> ();

    /// At most `limit` entries, newest first; a page goes on with [`AuditFilter::before`].
    ///
    /// # Errors
    /// When the database fails.
    fn audit_log(&self, filter: &AuditFilter, limit: u32) -> Page<AuditRow, i64>;
}
