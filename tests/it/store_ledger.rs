//! The webhook ledger: order within a call, leases, fairness among endpoints.

use std::collections::BTreeMap;

use dering::store::{
    Attempt, CallBatch, Claim, ClaimRequest, NewNotification, Options, Store, Tally, Verdict,
};
use dering::wallclock::now_ms;
use secrecy::ExposeSecret;

use crate::store_fixture::{SECRET, begun, create_app, notification, store_with_app};

const URL: &str = "http://127.0.0.1:9/notify";
const LEASE_MS: i64 = 30_000;

async fn with_notifications(store: &Store, call_id: &str, url: &str, statuses: &[&str]) {
    let notifications: Vec<NewNotification> =
        statuses.iter().map(|status| notification(call_id, url, status)).collect();
    store.record(CallBatch { notifications, ..begun(call_id, 5) }).await.unwrap();
}

fn room(now_ms: i64) -> ClaimRequest {
    ClaimRequest { now_ms, lease_ms: LEASE_MS, limit: 100, per_endpoint: 10, in_flight: BTreeMap::new() }
}

async fn claim(store: &Store, request: ClaimRequest) -> Vec<Claim> {
    store.claim(request).await.unwrap().claims
}

fn kinds(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.kind.as_str()).collect()
}

async fn settle(store: &Store, claim: &Claim, now: i64, verdict: Verdict) -> bool {
    let attempt = Attempt { at_ms: now, duration_ms: 4, status: Some(200), ..Attempt::default() };
    store.settle(claim.settlement(attempt, verdict)).await.unwrap()
}

#[tokio::test]
async fn the_next_notification_of_a_call_waits_until_the_one_before_is_settled() {
    let store = store_with_app().await;
    with_notifications(&store, "c1", URL, &["Answered", "completed", "late"]).await;
    let now = now_ms();
    let first = claim(&store, room(now)).await;
    assert_eq!(kinds(&first), ["Answered"]);
    assert_eq!(first[0].secrets[0].expose_secret(), SECRET);
    assert!(claim(&store, room(now)).await.is_empty());

    assert!(settle(&store, &first[0], now, Verdict::Retry { due_ms: now + 5_000 }).await);
    assert!(claim(&store, room(now + 4_999)).await.is_empty());
    let again = claim(&store, room(now + 5_000)).await;
    assert_eq!((again[0].id.as_str(), again[0].attempts), (first[0].id.as_str(), 1));

    assert!(settle(&store, &again[0], now + 5_000, Verdict::Delivered).await);
    let second = claim(&store, room(now + 6_000)).await;
    assert_eq!(kinds(&second), ["completed"]);
    assert!(settle(&store, &second[0], now + 6_000, Verdict::Dead).await);
    assert_eq!(kinds(&claim(&store, room(now + 7_000)).await), ["late"]);

    assert_eq!(store.tally("c1").await.unwrap(), Tally { open: 1, delivered: 1, dead: 1 });
    let attempts = store.attempts(&first[0].id).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_claim_that_is_never_settled_lapses_and_its_late_owner_is_ignored() {
    let store = store_with_app().await;
    with_notifications(&store, "c1", URL, &["Answered"]).await;
    let now = now_ms();
    let lost = claim(&store, room(now)).await.remove(0);
    let look_again = store.claim(room(now + 1)).await.unwrap().next_due_ms;
    assert_eq!(look_again, Some(now + LEASE_MS));

    let taken_over = claim(&store, room(now + LEASE_MS)).await.remove(0);
    assert_eq!(taken_over.id, lost.id);
    assert!(!settle(&store, &lost, now + LEASE_MS, Verdict::Dead).await);
    assert!(settle(&store, &taken_over, now + LEASE_MS, Verdict::Delivered).await);
    assert_eq!(store.attempts(&lost.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_restart_makes_the_claims_of_the_dead_process_due_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::file(folder.path().join("dering.db"));
    let store = Store::open(options.clone()).await.unwrap();
    create_app(&store).await;
    with_notifications(&store, "c1", URL, &["Answered"]).await;
    assert_eq!(claim(&store, room(now_ms())).await.len(), 1);
    store.close().await;

    let store = Store::open(options).await.unwrap();
    assert_eq!(claim(&store, room(now_ms())).await.len(), 1);
}

#[tokio::test]
async fn one_endpoint_cannot_take_all_the_room() {
    let store = store_with_app().await;
    for n in 0..30 {
        with_notifications(&store, &format!("slow-{n}"), "http://slow.test/n", &["slow"]).await;
    }
    with_notifications(&store, "fast-1", "http://fast.test/n", &["fast"]).await;
    let now = now_ms();
    let claims = claim(&store, room(now)).await;
    let fast = claims.iter().filter(|claim| claim.kind == "fast").count();
    assert_eq!((claims.len(), fast), (11, 1));

    let in_flight = BTreeMap::from([("http://slow.test".to_owned(), 7)]);
    assert_eq!(claim(&store, ClaimRequest { in_flight, ..room(now) }).await.len(), 3);
    assert_eq!(claim(&store, ClaimRequest { limit: 4, ..room(now) }).await.len(), 4);
}

#[tokio::test]
async fn a_replaced_secret_stays_active_until_it_is_retired() {
    let store = store_with_app().await;
    let secrets = async || {
        let app = store.app("cs-demo").await.unwrap().unwrap();
        app.secrets.iter().map(|secret| secret.value.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    store.add_secret("cs-demo", "newer".into()).await.unwrap();
    assert_eq!(secrets().await, ["newer", SECRET]);
    store.retire_old_secrets("cs-demo").await.unwrap();
    assert_eq!(secrets().await, ["newer"]);
    let unknown = store.add_secret("cs-nobody", "x".into()).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no client app cs-nobody in the database");
}
