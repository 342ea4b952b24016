//! The callers' own headers of webhooks at rest: sealed, and deleted with the last delivery.

use std::fs;
use std::path::Path;

use dering::store::{
    Actor, Attempt, CallUpdate, ClaimRequest, DeliveryOutcome, DeliveryRound, KeySource, NewNotification,
    Options, Store, Visibility,
};
use dering::wallclock::now_ms;

use crate::store_fixture::{begun, create_app, later, notification};

const URL: &str = "https://receiver.example/n";
const TOKEN: &str = "Bearer eyJ-a-token-that-opens-doors";

fn found(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

async fn raw(path: &Path, sql: &'static str) {
    let connect = sqlx_sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx_sqlite::SqlitePool::connect_with(connect).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

/// Rows that have headers, of calls and of notifications.
async fn kept(path: &Path) -> (i64, i64) {
    let connect = sqlx_sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
    let pool = sqlx_sqlite::SqlitePool::connect_with(connect).await.unwrap();
    let counts = "SELECT (SELECT count(*) FROM calls WHERE notify_headers <> '{}'), \
                  (SELECT count(*) FROM notifications WHERE headers <> '{}')";
    let counts = sqlx::query_as(counts).fetch_one(&pool).await.unwrap();
    pool.close().await;
    counts
}

fn headed(call_id: &str, status: &str) -> NewNotification {
    let headers = [("authorization".to_owned(), TOKEN.to_owned())].into();
    NewNotification { headers, ..notification(call_id, URL, status) }
}

/// A call with one notification.
async fn call(store: &Store, call_id: &str) {
    let mut batch = begun(call_id, 5);
    if let Some(new) = &mut batch.new {
        new.notify_url = Some(URL.to_owned());
        new.notify_headers = [("authorization".to_owned(), TOKEN.to_owned())].into();
    }
    batch.notifications.push(headed(call_id, "Answered"));
    store.record(batch).await.unwrap();
}

async fn end(store: &Store, call_id: &str) {
    let mut batch = later(call_id);
    batch.update = Some(CallUpdate { ended_ms: Some(now_ms()), ..CallUpdate::default() });
    batch.notifications.push(headed(call_id, "completed"));
    store.record(batch).await.unwrap();
}

/// Claims what is due and has every post end as `verdict`; what the posts carried.
async fn post(store: &Store, verdict: DeliveryOutcome) -> Vec<String> {
    let request = ClaimRequest {
        now_ms: now_ms() + 1,
        lease_ms: 60_000,
        limit: 10,
        per_endpoint: 10,
        ..ClaimRequest::default()
    };
    let claimed =
        store.settle_and_claim(DeliveryRound { request, ..DeliveryRound::default() }).await.unwrap();
    let carried = claimed.claims.iter().map(|claim| claim.headers["authorization"].clone()).collect();
    let settlements =
        claimed.claims.iter().map(|claim| claim.settlement(Attempt::default(), verdict)).collect();
    store.settle_and_claim(DeliveryRound { settlements, ..DeliveryRound::default() }).await.unwrap();
    carried
}

#[tokio::test]
async fn headers_lie_sealed_and_go_with_the_last_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = Store::open(Options::file(&path)).await.unwrap();
    create_app(&store).await;
    call(&store, "c1").await;
    assert!(!found(folder.path(), TOKEN));
    assert_eq!(store.notify_headers("c1").await.unwrap()["authorization"], TOKEN);
    let shown =
        store.deliveries(&dering::store::DeliveryFilter::within(Visibility::all()), None, 10).await.unwrap();
    assert_eq!(shown.items[0].headers["authorization"], TOKEN);

    assert_eq!(post(&store, DeliveryOutcome::Delivered).await, [TOKEN]);
    assert_eq!(kept(&path).await, (1, 1), "the call goes on and will need them");
    end(&store, "c1").await;
    assert_eq!(post(&store, DeliveryOutcome::Delivered).await, [TOKEN]);
    assert_eq!(kept(&path).await, (0, 0));
    assert!(store.notify_headers("c1").await.unwrap().is_empty());
}

#[tokio::test]
async fn headers_of_webhooks_that_were_given_up_stay_until_they_are_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = Store::open(Options::file(&path)).await.unwrap();
    create_app(&store).await;
    call(&store, "c1").await;
    end(&store, "c1").await;
    for _ in 0..2 {
        post(&store, DeliveryOutcome::Dead(dering::store::DeadReason::Exhausted)).await;
    }
    assert_eq!(kept(&path).await, (1, 2));
    store.redeliver(dering::store::DeliveryFilter::within(Visibility::all()), 10).await.unwrap();
    assert_eq!(post(&store, DeliveryOutcome::Delivered).await, [TOKEN]);
    assert_eq!(post(&store, DeliveryOutcome::Delivered).await, [TOKEN]);
    assert_eq!(kept(&path).await, (0, 0));
}

#[tokio::test]
async fn headers_that_earlier_versions_left_in_clear_are_sealed_or_deleted_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = Store::open(Options::file(&path)).await.unwrap();
    create_app(&store).await;
    for call_id in ["over", "running"] {
        call(&store, call_id).await;
    }
    post(&store, DeliveryOutcome::Delivered).await;
    end(&store, "over").await;
    post(&store, DeliveryOutcome::Delivered).await;
    store.close().await;
    raw(&path, "UPDATE calls SET notify_headers = '{\"authorization\":\"Bearer in clear\"}'").await;
    raw(&path, "UPDATE notifications SET headers = '{\"authorization\":\"Bearer in clear\"}'").await;
    raw(
        &path,
        "INSERT INTO planned_calls (call_id, trunk, start_ms, request) VALUES ('running', 'sim', 9, \
         '{\"notify\":{\"url\":\"x\",\"headers\":{\"authorization\":\"Bearer in clear\"}}}')",
    )
    .await;
    assert!(found(folder.path(), "Bearer in clear"));
    let store = Store::open(Options::file(&path)).await.unwrap();
    assert_eq!(store.notify_headers("running").await.unwrap()["authorization"], "Bearer in clear");
    assert!(store.notify_headers("over").await.unwrap().is_empty());
    let plan = store.plan("running").await.unwrap().unwrap();
    assert_eq!(plan.request, r#"{"notify":{"url":"x","headers":{}}}"#);
    store.close().await;
    assert!(!found(folder.path(), "Bearer in clear"), "neither a page nor the journal has it still");
}

#[tokio::test]
async fn headers_are_sealed_anew_with_a_new_server_key_and_given_up_with_a_lost_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = Store::open(Options::file(&path)).await.unwrap();
    create_app(&store).await;
    call(&store, "c1").await;
    store.rekey(None, Actor::operator()).await.unwrap();
    assert_eq!(store.notify_headers("c1").await.unwrap()["authorization"], TOKEN);
    store.close().await;
    let store = Store::open(Options::file(&path)).await.unwrap();
    assert_eq!(store.notify_headers("c1").await.unwrap()["authorization"], TOKEN);
    store.close().await;
    fs::remove_file(folder.path().join("dering.db.key")).unwrap();
    let refused = Store::open(Options::file(&path)).await.unwrap_err().to_string();
    assert!(refused.contains("rekey --lost"), "{refused}");
    Store::give_up_secrets(&path, &KeySource::Beside).await.unwrap();
    assert_eq!(kept(&path).await, (0, 0));
    Store::open(Options::file(&path)).await.unwrap();
}
