//! Opening a database: by one process, in the right version, with the right mode.

use std::os::unix::fs::PermissionsExt;

use dering::store::{Error, Options, Store};

use crate::store_fixture::{APP, begun, create_app};

#[tokio::test]
async fn a_second_start_on_the_same_database_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/dering.db");
    let first = Store::open(Options::file(&path)).await.unwrap();
    let refused = Store::open(Options::file(&path)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the database {} is in use by another process; stop that one, or name another database",
            path.display()
        )
    );
    first.record(begun("c1", 5)).await.unwrap();
    first.close().await;
    let second = Store::open(Options::file(&path)).await.unwrap();
    assert!(second.call("c1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_reader_looks_on_while_another_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    assert!(matches!(Store::open_read_only(&path).await, Err(Error::Missing { .. })));

    let owner = Store::open(Options::file(&path)).await.unwrap();
    create_app(&owner).await;
    let reader = Store::open_read_only(&path).await.unwrap();
    assert_eq!(reader.app(APP).await.unwrap().unwrap().name, "Demo dialler");
    assert!(matches!(reader.record(begun("c1", 5)).await, Err(Error::ReadOnly)));
}

#[tokio::test]
async fn only_its_owner_can_read_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = Store::open(Options::file(&path)).await.unwrap();
    store.record(begun("c1", 5)).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    Store::open(Options::file(&path)).await.unwrap().close().await;
    let connect = sqlx_sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx_sqlite::SqlitePool::connect_with(connect).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(later).execute(&pool).await.unwrap();
    pool.close().await;
    assert!(matches!(Store::open(Options::file(&path)).await, Err(Error::Newer { .. })));
}

#[tokio::test]
async fn an_empty_database_beside_a_key_that_was_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    Store::open(Options::file(&path)).await.unwrap().close().await;
    for empty in [false, true] {
        std::fs::remove_file(&path).unwrap();
        if empty {
            std::fs::write(&path, "").unwrap();
        }
        for _again in 0..2 {
            let error = Store::open(Options::file(&path)).await.unwrap_err().to_string();
            assert!(error.contains("is empty") && error.contains("dering.db.key"), "{error}");
        }
    }
    std::fs::remove_file(folder.path().join("dering.db.key")).unwrap();
    Store::open(Options::file(&path)).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "these are notes and not a database, long enough to have a header\n".repeat(40))
        .unwrap();
    let error = Store::open(Options::file(&path)).await.unwrap_err().to_string();
    assert!(error.contains("notes.txt") && error.contains("not a database"), "{error}");
    let error = Store::open(Options::file(folder.path())).await.unwrap_err().to_string();
    assert!(error.contains("cannot be opened"), "{error}");
}
