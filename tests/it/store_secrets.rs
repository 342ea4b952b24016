//! Client secrets at rest: sealed, sealed after the fact, sealed anew, and lost.

use std::fs;
use std::path::Path;

use dering::store::{Actor, KeySource, NewApp, Options, ServerKey, Store};
use secrecy::{ExposeSecret, SecretString};

use crate::store_fixture::{APP, SECRET, create_app};

async fn open(path: &Path) -> Store {
    Store::open(Options::file(path)).await.unwrap()
}

async fn refused(path: &Path, key: KeySource) -> String {
    Store::open(Options { key, ..Options::file(path) }).await.unwrap_err().to_string()
}

/// The secrets that sign for the app.
async fn secrets(store: &Store) -> Vec<String> {
    let secrets: Vec<SecretString> = store.signing_secrets(APP).await.unwrap();
    secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
}

/// Whether `text` is in any file beside the database, the database and its journal among them.
fn found(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

async fn raw(path: &Path, sql: &'static str) -> Result<(), String> {
    let connect = sqlx_sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx_sqlite::SqlitePool::connect_with(connect).await.unwrap();
    let done = sqlx::query(sql).execute(&pool).await;
    pool.close().await;
    done.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_stolen_database_file_tells_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = open(&path).await;
    create_app(&store).await;
    assert_eq!(secrets(&store).await, [SECRET]);
    assert!(!found(folder.path(), SECRET));
    store.close().await;
    assert!(!found(folder.path(), SECRET));
    assert_eq!(secrets(&open(&path).await).await, [SECRET], "the key beside the database opens it again");
}

#[tokio::test]
async fn secrets_of_before_are_sealed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = open(&path).await;
    create_app(&store).await;
    store.close().await;
    let clear = "UPDATE app_secrets SET secret = 'whsec_of_the_old_days_in_clear', key_id = NULL";
    raw(&path, clear).await.unwrap();
    assert!(found(folder.path(), "whsec_of_the_old_days"));
    let store = open(&path).await;
    assert_eq!(secrets(&store).await, ["whsec_of_the_old_days_in_clear"]);
    store.close().await;
    assert!(!found(folder.path(), "whsec_of_the_old_days"), "neither a page nor the journal has it still");
}

#[tokio::test]
async fn a_wrong_or_missing_server_key_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let key = ServerKey::generate();
    let given = || KeySource::Given(key.clone());
    let store = Store::open(Options { key: given(), ..Options::file(&path) }).await.unwrap();
    create_app(&store).await;
    store.close().await;
    assert!(!folder.path().join("dering.db.key").exists(), "a key that was given is not written down");

    let missing = refused(&path, KeySource::Beside).await;
    assert!(
        missing.contains("dering.db.key is missing") && missing.contains("DERING_SECRET_KEY"),
        "{missing}"
    );
    assert!(!folder.path().join("dering.db.key").exists(), "no new key hides that the old one is missing");
    let wrong = refused(&path, KeySource::Given(ServerKey::generate())).await;
    assert!(wrong.contains(key.id()) && wrong.contains("give the right one"), "{wrong}");
    let absent = refused(&path, KeySource::File(folder.path().join("none"))).await;
    assert!(absent.contains("none does not exist"), "{absent}");
    fs::write(folder.path().join("short"), "abc").unwrap();
    let short = refused(&path, KeySource::File(folder.path().join("short"))).await;
    assert!(short.contains("holds no server key") && short.contains("openssl rand"), "{short}");

    let file = folder.path().join("server.key");
    fs::write(&file, key.text().expose_secret()).unwrap();
    let store = Store::open(Options { key: KeySource::File(file), ..Options::file(&path) }).await.unwrap();
    assert_eq!(secrets(&store).await, [SECRET]);
}

#[tokio::test]
async fn the_server_key_is_changed_and_a_change_that_was_cut_off_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let file = folder.path().join("dering.db.key");
    let store = open(&path).await;
    create_app(&store).await;
    let old = fs::read_to_string(&file).unwrap();
    store.rekey(None, Actor::operator()).await.unwrap();
    assert_eq!(secrets(&store).await, [SECRET]);
    store.close().await;
    let new = fs::read_to_string(&file).unwrap();
    assert_ne!(new, old);

    // As if the machine had stopped before the new file took the old one's place.
    fs::write(&file, &old).unwrap();
    fs::write(folder.path().join("dering.db.key.next"), &new).unwrap();
    let store = open(&path).await;
    assert_eq!(secrets(&store).await, [SECRET]);
    assert_eq!(fs::read_to_string(&file).unwrap(), new);
    store.close().await;
}

#[tokio::test]
async fn apps_outlive_a_lost_server_key_and_get_new_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = open(&path).await;
    create_app(&store).await;
    store.close().await;
    fs::remove_file(folder.path().join("dering.db.key")).unwrap();
    assert!(refused(&path, KeySource::Beside).await.contains("dering app rekey --lost"));
    assert_eq!(Store::give_up_secrets(&path, &KeySource::Beside).await.unwrap(), 1);
    let store = open(&path).await;
    assert_eq!(store.app(APP).await.unwrap().unwrap().name, "Demo dialler");
    assert_eq!(secrets(&store).await, [""; 0]);
    store.add_secret(APP, "a new one".into()).await.unwrap();
    assert_eq!(secrets(&store).await, ["a new one"]);
}

#[tokio::test]
async fn a_secret_that_was_copied_to_another_app_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = open(&path).await;
    create_app(&store).await;
    let other = NewApp {
        id: "other".to_owned(),
        name: "Other".to_owned(),
        scopes: Vec::new(),
        bots: Vec::new(),
        secret: "another secret".into(),
    };
    store.create_app(other).await.unwrap();
    store.close().await;
    let copy = "UPDATE app_secrets SET secret = (SELECT secret FROM app_secrets WHERE app_id = 'other')";
    raw(&path, copy).await.unwrap();
    let told = refused(&path, KeySource::Beside).await;
    assert!(told.contains("does not open") && told.contains(APP), "{told}");
}

#[tokio::test]
async fn the_audit_log_cannot_be_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = open(&path).await;
    create_app(&store).await;
    store.close().await;
    let replace = "INSERT OR REPLACE INTO audit (seq, at_ms, actor, action, subject, detail) \
                   VALUES (1, 0, 'nobody', 'nothing', 'nowhere', '{}')";
    let upsert = "INSERT INTO audit (seq, at_ms, actor, action, subject, detail) VALUES (1, 0, 'x', 'x', 'x', '{}') \
                  ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'";
    for attempt in [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        replace,
        "REPLACE INTO audit SELECT * FROM audit",
        upsert,
    ] {
        let told = raw(&path, attempt).await.unwrap_err();
        assert!(told.contains("append-only"), "{told}");
    }
}
