//! Where the server key comes from, and the client secrets it seals: at the first start, when rows in clear are
//! found, and when the key is changed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::audit::{self, Actor, AuditAction, NewAudit};
use super::seal::ServerKey;
use super::{Error, Store, headers};

/// Where the server key is.
#[derive(Clone, Debug, Default)]
pub enum KeySource {
    /// In the file `DATABASE.key`, which is made with mode 0600 when it is absent.
    #[default]
    Beside,
    /// In a file that must be there.
    File(PathBuf),
    /// At hand, from the environment.
    Given(ServerKey),
}

/// Keeps the key at hand.
#[derive(Debug)]
pub(super) struct Vault {
    source: KeySource,
    database: PathBuf,
    key: RwLock<Option<ServerKey>>,
}

/// A secret as a row has it; without a key id it is in clear.
type Row = (String, i64, String, Option<String>);

impl Vault {
    pub(super) fn new(source: KeySource, database: &Path) -> Self {
        Self { source, database: database.to_owned(), key: RwLock::new(None) }
    }

    /// A vault whose key dies with it.
    pub(super) fn forgetful() -> Self {
        Self::new(KeySource::Given(ServerKey::generate()), Path::new(":memory:"))
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.source {
            KeySource::Beside => Some(with_ending(&self.database, ".key")),
            KeySource::File(path) => Some(path.clone()),
            KeySource::Given(_) => None,
        }
    }

    /// The key, read when it is first wanted.
    pub(super) fn key(&self) -> Result<ServerKey, Error> {
        if let Some(key) = &*self.key.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(key.clone());
        }
        let key = self.read()?.ok_or_else(|| self.missing())?;
        self.keep(&key);
        Ok(key)
    }

    fn keep(&self, key: &ServerKey) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
    }

    fn read(&self) -> Result<Option<ServerKey>, Error> {
        match (&self.source, self.file()) {
            (KeySource::Given(key), _) => Ok(Some(key.clone())),
            (KeySource::File(path), _) if !path.exists() => Err(Error::Key(format!(
                "the server key {} does not exist; put it back, or write one with `openssl rand -base64 32`",
                path.display()
            ))),
            (_, Some(path)) => read_file(&path),
            (_, None) => Ok(None),
        }
    }

    fn missing(&self) -> Error {
        let path = self.file().unwrap_or_default();
        Error::Key(format!(
            "the server key {} is missing, without which the client secrets in {} cannot be read; put the file \
             back or set DERING_SECRET_KEY. If it is lost: `dering app rekey --lost`",
            path.display(),
            self.database.display()
        ))
    }

    fn wrong(&self, found: &ServerKey, wanted: &str) -> Error {
        let from = match (&self.source, self.file()) {
            (KeySource::Given(_), _) | (_, None) => "DERING_SECRET_KEY".to_owned(),
            (_, Some(path)) => path.display().to_string(),
        };
        Error::Key(format!(
            "the client secrets in {} were sealed with the server key {wanted}, but {from} holds the key {}; give \
             the right one. If it is lost: `dering app rekey --lost`",
            self.database.display(),
            found.id()
        ))
    }

    /// For a database that has nothing in it yet.
    pub(super) fn expect_no_database_before(&self) -> Result<(), Error> {
        let KeySource::Beside = self.source else { return Ok(()) };
        let key = with_ending(&self.database, ".key");
        if !key.exists() {
            return Ok(());
        }
        Err(Error::Key(format!(
            "the database {} is empty, but the server key {} beside it belongs to one that was in use: is its disk not \
             mounted, or was the file moved? Put it back. To begin anew, move the key away",
            self.database.display(),
            key.display()
        )))
    }

    /// Finds the key that fits the database, makes one for a database without secrets, and seals what is in clear.
    pub(super) async fn open(&self, pool: &SqlitePool) -> Result<(), Error> {
        let mut wanted: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT key_id FROM app_secrets WHERE key_id IS NOT NULL")
                .fetch_all(pool)
                .await?;
        wanted.extend(headers::key_ids(pool).await?);
        let foreign = |key: &ServerKey| wanted.iter().find(|id| *id != key.id()).cloned();
        let key = match (self.read()?, wanted.is_empty()) {
            (Some(key), _) => match foreign(&key) {
                None => key,
                Some(other) => self.unfinished(foreign)?.ok_or_else(|| self.wrong(&key, &other))?,
            },
            (None, false) => self.unfinished(foreign)?.ok_or_else(|| self.missing())?,
            (None, true) => self.make()?,
        };
        seal_clear_rows(pool, &key).await?;
        headers::tidy(pool, &key).await?;
        self.keep(&key);
        Ok(())
    }

    /// A change of the key that was cut off after the database had taken the new one: finishes it.
    fn unfinished(&self, foreign: impl Fn(&ServerKey) -> Option<String>) -> Result<Option<ServerKey>, Error> {
        let Some(path) = self.file() else { return Ok(None) };
        let next = with_ending(&path, ".next");
        let Some(key) = read_file(&next)?.filter(|key| foreign(key).is_none()) else { return Ok(None) };
        fs::rename(&next, &path).map_err(|error| unwritable(&path, &error))?;
        Ok(Some(key))
    }

    fn make(&self) -> Result<ServerKey, Error> {
        let key = ServerKey::generate();
        if let Some(path) = self.file() {
            write_file(&path, &key)?;
            tracing::info!(path = %path.display(), key = key.id(), "made a server key; keep a copy of it apart from the database");
        }
        Ok(key)
    }
}

impl Store {
    /// Seals every client secret with another key, in one transaction, and tells its id. `new` is wanted when the
    /// key comes from the environment; a key file is replaced, with a new key unless `new` is given. Right only
    /// while no server runs.
    ///
    /// # Errors
    /// When the present key does not fit, or the file cannot be written.
    pub async fn rekey(&self, new: Option<ServerKey>, actor: Actor) -> Result<String, Error> {
        let vault = &self.clients.vault;
        let file = vault.file();
        if file.is_none() && new.is_none() {
            return Err(Error::Key(
                "the server key comes from DERING_SECRET_KEY; name a file with the new one: --new-key-file"
                    .to_owned(),
            ));
        }
        let (old, new) = (vault.key()?, new.unwrap_or_else(ServerKey::generate));
        let next = file.as_deref().map(|path| with_ending(path, ".next"));
        if let Some(next) = &next {
            if next.exists() {
                fs::remove_file(next).map_err(|error| unwritable(next, &error))?;
            }
            write_file(next, &new)?;
        }
        let key = new.clone();
        self.write(move |connection| Box::pin(async move { reseal(connection, &old, &key, actor).await }))
            .await?;
        if let (Some(next), Some(path)) = (next, file) {
            fs::rename(next, &path).map_err(|error| unwritable(&path, &error))?;
        }
        vault.keep(&new);
        Ok(new.id().to_owned())
    }

    /// Gives up client secrets whose server key is lost, and tells how many apps need a new one. The old key file,
    /// if there is one, is replaced when the database is next opened.
    ///
    /// # Errors
    /// [`Error::InUse`] while a server runs; when the database fails.
    pub async fn give_up_secrets(path: &Path, source: &KeySource) -> Result<u64, Error> {
        let _lock = super::prepare_file(path)?;
        let pool = super::writing_pool(path).await?;
        super::migrate(&pool, path).await?;
        let mut transaction = pool.begin().await?;
        let apps: i64 =
            sqlx::query_scalar("SELECT count(DISTINCT app_id) FROM app_secrets WHERE key_id IS NOT NULL")
                .fetch_one(&mut *transaction)
                .await?;
        sqlx::query("DELETE FROM app_secrets WHERE key_id IS NOT NULL").execute(&mut *transaction).await?;
        headers::give_up(&mut transaction).await?;
        let detail = serde_json::json!({ "apps": apps });
        audit::append(
            &mut transaction,
            NewAudit::new(Actor::operator(), AuditAction::SecretsGivenUp, "server", detail),
        )
        .await?;
        transaction.commit().await?;
        pool.close().await;
        if let KeySource::Beside = source {
            let key = with_ending(path, ".key");
            if key.exists() {
                fs::rename(&key, with_ending(&key, ".unfit")).map_err(|error| unwritable(&key, &error))?;
            }
        }
        Ok(u64::try_from(apps).unwrap_or_default())
    }
}

/// What a sealed secret belongs to.
pub(super) fn place(app_id: &str, seq: i64) -> String {
    format!("{app_id}/{seq}")
}

/// Opens a row's secret.
pub(super) fn open_row(
    key: &ServerKey,
    app_id: &str,
    seq: i64,
    text: &str,
    sealed: bool,
) -> Result<SecretString, Error> {
    if !sealed {
        return Ok(text.into());
    }
    key.open(&place(app_id, seq), text).map_err(|_| {
        Error::Key(format!(
            "the secret {seq} of client app {app_id} does not open with the server key; the row was changed. \
             Restore the database from a copy"
        ))
    })
}

pub(super) fn sealed(
    key: &ServerKey,
    app_id: &str,
    seq: i64,
    secret: &SecretString,
) -> Result<String, Error> {
    key.seal(&place(app_id, seq), secret)
        .map_err(|_| Error::Key(format!("a secret of client app {app_id} is too long to be sealed")))
}

async fn seal_clear_rows(pool: &SqlitePool, key: &ServerKey) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    let rows: Vec<Row> =
        sqlx::query_as("SELECT app_id, seq, secret, key_id FROM app_secrets WHERE key_id IS NULL")
            .fetch_all(&mut *connection)
            .await?;
    if rows.is_empty() {
        return Ok(());
    }
    // The old text is overwritten in the file, too, and the journal that still has it is cut off.
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *connection).await?;
    let count = rows.len();
    let mut transaction = connection.begin().await?;
    for (app_id, seq, secret, _) in rows {
        put(&mut transaction, key, &app_id, seq, &secret.into()).await?;
    }
    transaction.commit().await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    sqlx::query("PRAGMA secure_delete = OFF").execute(&mut *connection).await?;
    tracing::info!(secrets = count, "client secrets that lay in clear are sealed now");
    Ok(())
}

async fn reseal(
    connection: &mut SqliteConnection,
    old: &ServerKey,
    new: &ServerKey,
    actor: Actor,
) -> Result<(), Error> {
    let rows: Vec<Row> = sqlx::query_as("SELECT app_id, seq, secret, key_id FROM app_secrets")
        .fetch_all(&mut *connection)
        .await?;
    for (app_id, seq, text, key_id) in rows {
        let secret = open_row(old, &app_id, seq, &text, key_id.is_some())?;
        put(connection, new, &app_id, seq, &secret).await?;
    }
    headers::reseal(connection, old, new).await?;
    let detail = serde_json::json!({ "from": old.id(), "to": new.id() });
    audit::append(connection, NewAudit::new(actor, AuditAction::ServerKeyChange, "server", detail)).await
}

async fn put(
    connection: &mut SqliteConnection,
    key: &ServerKey,
    app_id: &str,
    seq: i64,
    secret: &SecretString,
) -> Result<(), Error> {
    sqlx::query("UPDATE app_secrets SET secret = $3, key_id = $4 WHERE app_id = $1 AND seq = $2")
        .bind(app_id)
        .bind(seq)
        .bind(sealed(key, app_id, seq, secret)?)
        .bind(key.id())
        .execute(connection)
        .await?;
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(ending);
    longer.into()
}

fn read_file(path: &Path) -> Result<Option<ServerKey>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::Key(format!("the server key {} cannot be read: {error}", path.display())));
        }
    };
    if fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "other users of this machine may read the server key; chmod 600 it");
    }
    let key = ServerKey::parse(text.expose_secret())
        .map_err(|error| Error::Key(format!("{} holds no server key: {error}", path.display())))?;
    Ok(Some(key))
}

/// Writes a key that is safe on disk when this returns; refuses to write over a file.
fn write_file(path: &Path, key: &ServerKey) -> Result<(), Error> {
    let write = || {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        file.write_all(key.text().expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::Key(format!("the server key {} cannot be written: {error}", path.display()))
}
