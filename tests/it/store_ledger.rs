//! The webhook ledger: order within a call, leases, fairness among endpoints.

use std::collections::{BTreeMap, BTreeSet};

use dering::store::{
    Attempt, CallBatch, Claim, ClaimRequest, DeadReason, DeliveryFilter, DeliveryOutcome, DeliveryRound,
    DeliveryState, NewNotification, NotSettled, Options, Store, Tally, Visibility,
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
    ClaimRequest { now_ms, lease_ms: LEASE_MS, limit: 100, per_endpoint: 10, ..ClaimRequest::default() }
}

async fn claim(store: &Store, request: ClaimRequest) -> Vec<Claim> {
    store.settle_and_claim(DeliveryRound { request, ..DeliveryRound::default() }).await.unwrap().claims
}

fn kinds(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.kind.as_str()).collect()
}

async fn settle(store: &Store, claim: &Claim, now: i64, verdict: DeliveryOutcome) -> bool {
    let attempt = Attempt { at_ms: now, duration_ms: 4, status: Some(200), ..Attempt::default() };
    let settlements = vec![claim.settlement(attempt, verdict)];
    store.settle_and_claim(DeliveryRound { settlements, ..DeliveryRound::default() }).await.unwrap().stale
        == 0
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

    assert!(settle(&store, &first[0], now, DeliveryOutcome::Retry { due_ms: now + 5_000 }).await);
    assert!(claim(&store, room(now + 4_999)).await.is_empty());
    let again = claim(&store, room(now + 5_000)).await;
    assert_eq!((again[0].id.as_str(), again[0].attempts), (first[0].id.as_str(), 1));

    assert!(settle(&store, &again[0], now + 5_000, DeliveryOutcome::Delivered).await);
    let second = claim(&store, room(now + 6_000)).await;
    assert_eq!(kinds(&second), ["completed"]);
    assert!(settle(&store, &second[0], now + 6_000, DeliveryOutcome::Dead(DeadReason::Exhausted)).await);
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
    let look_again = store
        .settle_and_claim(DeliveryRound { request: room(now + 1), ..DeliveryRound::default() })
        .await
        .unwrap();
    assert_eq!(look_again.next_due_ms, Some(now + LEASE_MS));

    let taken_over = claim(&store, room(now + LEASE_MS)).await.remove(0);
    assert_eq!(taken_over.id, lost.id);
    assert!(!settle(&store, &lost, now + LEASE_MS, DeliveryOutcome::Dead(DeadReason::Exhausted)).await);
    assert!(settle(&store, &taken_over, now + LEASE_MS, DeliveryOutcome::Delivered).await);
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
    // What is left is shared with whoever may come.
    let quick = BTreeSet::from(["http://slow.test".to_owned()]);
    assert_eq!(claim(&store, ClaimRequest { limit: 4, quick, ..room(now) }).await.len(), 2);
    let held_back = BTreeMap::from([("http://slow.test".to_owned(), 0)]);
    assert!(claim(&store, ClaimRequest { ceilings: held_back, ..room(now) }).await.is_empty());
}

#[tokio::test]
async fn many_ends_are_written_down_at_once_each_with_its_own_attempt() {
    let store = store_with_app().await;
    for call in ["c1", "c2", "c3"] {
        with_notifications(&store, call, URL, &["Answered", "completed"]).await;
    }
    let now = now_ms();
    let claims = claim(&store, room(now)).await;
    let fates = [
        DeliveryOutcome::Delivered,
        DeliveryOutcome::Retry { due_ms: now + 9_000 },
        DeliveryOutcome::Dead(DeadReason::Refused),
    ];
    let settlements = claims.iter().zip(fates).enumerate().map(|(n, (claim, verdict))| {
        let status = Some(200 + u16::try_from(n).unwrap());
        let error = Some(format!("\"{n}\" it said\n"));
        claim.settlement(Attempt { at_ms: now, duration_ms: 4, status, error, ..Attempt::default() }, verdict)
    });
    let turn = DeliveryRound {
        settlements: settlements.collect(),
        request: room(now + 10),
        ..DeliveryRound::default()
    };
    let next = store.settle_and_claim(turn).await.unwrap();
    let mut calls: Vec<_> = next.claims.iter().map(|claim| (claim.call_id.as_str(), claim.seq)).collect();
    calls.sort_unstable();
    assert_eq!((next.stale, calls), (0, vec![("c1", 2), ("c3", 2)]));
    for (n, call) in ["c1", "c2", "c3"].into_iter().enumerate() {
        let row = store.notifications(call).await.unwrap().remove(0);
        let attempt = store.attempts(&row.id).await.unwrap().remove(0);
        assert_eq!(
            (row.attempts, attempt.attempt, attempt.status),
            (1, 1, Some(200 + i64::try_from(n).unwrap()))
        );
        assert_eq!(attempt.error, Some(format!("\"{n}\" it said\n")));
    }
    let dead = store.notifications("c3").await.unwrap().remove(0);
    assert_eq!((dead.state.as_str(), dead.reason.map(|reason| reason.as_str())), ("dead", Some("refused")));
}

/// Settles everything of a call that falls due, one after the other, as `verdict`.
async fn run_out(store: &Store, mut now: i64, verdict: DeliveryOutcome) -> Vec<String> {
    let mut sent = Vec::new();
    loop {
        now += 10;
        let claims = claim(store, room(now)).await;
        if claims.is_empty() {
            return sent;
        }
        for claim in claims {
            sent.push(claim.kind.clone());
            assert!(settle(store, &claim, now, verdict).await);
        }
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_of_this_call_until_somebody_asks() {
    let store = store_with_app().await;
    with_notifications(&store, "c1", URL, &["Answered", "completed"]).await;
    with_notifications(&store, "c2", URL, &["other call"]).await;
    let now = now_ms();
    let first = claim(&store, room(now)).await;
    let gone = first.iter().find(|claim| claim.call_id == "c1").unwrap();
    assert!(settle(&store, gone, now, DeliveryOutcome::Dead(DeadReason::Gone)).await);
    let late = vec![notification("c1", URL, "late"), notification("c1", "http://other.test/", "elsewhere")];
    store.record(CallBatch { notifications: late, ..crate::store_fixture::later("c1") }).await.unwrap();

    assert_eq!(kinds(&claim(&store, room(now + 1_000)).await), ["elsewhere"]);
    let rows = store.notifications("c1").await.unwrap();
    let reasons: Vec<_> = rows.iter().map(|row| row.reason.map(|reason| reason.as_str())).collect();
    assert_eq!(reasons, [Some("gone"), Some("gone"), Some("gone"), None]);
    assert!(store.redeliver_one(&rows[0].id).await.unwrap().is_ok());
    assert_eq!(store.notifications("c1").await.unwrap()[0].reason, None);
}

#[tokio::test]
async fn what_is_sent_again_keeps_its_id_and_goes_in_order_before_what_was_not_sent() {
    let store = store_with_app().await;
    with_notifications(&store, "c1", URL, &["one", "two", "three"]).await;
    let now = now_ms();
    let dead = DeliveryOutcome::Dead(DeadReason::Exhausted);
    assert_eq!(run_out(&store, now, dead).await, ["one", "two", "three"]);
    let dead = store.notifications("c1").await.unwrap();
    let late = vec![notification("c1", URL, "four")];
    store.record(CallBatch { notifications: late, ..crate::store_fixture::later("c1") }).await.unwrap();

    let filter =
        DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::within(Visibility::all()) };
    let again = store.redeliver(filter.clone(), 2).await.unwrap();
    assert_eq!((again.ids, again.more), (vec![dead[0].id.clone(), dead[1].id.clone()], true));
    assert_eq!(again.endpoints, ["http://127.0.0.1:9"]);
    let now = now_ms() + 1_000;
    assert_eq!(run_out(&store, now, DeliveryOutcome::Delivered).await, ["one", "two", "four"]);
    let rows = store.notifications("c1").await.unwrap();
    assert_eq!((rows[0].id.as_str(), rows[0].attempts, rows[0].redelivered), (dead[0].id.as_str(), 2, 1));
    let states: Vec<_> = rows.iter().map(|row| row.state.as_str()).collect();
    assert_eq!(states, ["delivered", "delivered", "dead", "delivered"]);
    // The attempts of the first delivery are kept.
    assert_eq!(store.attempts(&rows[0].id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_on_its_way_is_not_sent_twice() {
    let store = store_with_app().await;
    with_notifications(&store, "c1", URL, &["one", "two"]).await;
    let claims = claim(&store, room(now_ms())).await;
    let second = store.notifications("c1").await.unwrap().remove(1);
    for id in [claims[0].id.as_str(), second.id.as_str()] {
        assert_eq!(store.redeliver_one(id).await.unwrap(), Err(NotSettled::Open));
    }
    assert_eq!(store.redeliver_one("msg_none").await.unwrap(), Err(NotSettled::Unknown));
}

#[tokio::test]
async fn an_earlier_one_that_is_sent_again_waits_for_the_post_in_flight_only() {
    let store = store_with_app().await;
    with_notifications(&store, "c1", URL, &["one", "two"]).await;
    let now = now_ms();
    let failed = claim(&store, room(now)).await.remove(0);
    assert!(settle(&store, &failed, now, DeliveryOutcome::Dead(DeadReason::Exhausted)).await);
    let flying = claim(&store, room(now + 1_000)).await.remove(0);
    let first = store.notifications("c1").await.unwrap().remove(0);
    assert!(store.redeliver_one(&first.id).await.unwrap().is_ok());
    assert!(claim(&store, room(now + 2_000)).await.is_empty(), "never two of a call at once");
    // The post in flight fails; its next attempt is hours away, but the earlier one goes at once.
    assert!(settle(&store, &flying, now + 2_000, DeliveryOutcome::Retry { due_ms: now + 7_200_000 }).await);
    let next = claim(&store, room(now + 3_000)).await;
    assert_eq!(kinds(&next), ["one"]);
    assert!(settle(&store, &next[0], now + 3_000, DeliveryOutcome::Delivered).await);
    assert_eq!(kinds(&claim(&store, room(now + 4_000)).await), ["two"]);
}

#[tokio::test]
async fn the_ledger_is_listed_newest_first_by_pages_and_narrowed_by_what_one_looks_for() {
    let store = store_with_app().await;
    for n in 0..5 {
        with_notifications(&store, &format!("c{n}"), URL, &["Answered"]).await;
    }
    with_notifications(&store, "x", "http://other.test/n?token=1", &["Failed"]).await;
    let all = DeliveryFilter::within(Visibility::all());
    let first = store.deliveries(&all, None, 4).await.unwrap();
    let rest = store.deliveries(&all, first.next.as_deref(), 4).await.unwrap();
    let calls = |page: &dering::store::Page<dering::store::DeliveryRow, String>| {
        page.items.iter().map(|row| row.notification.call_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (calls(&first), calls(&rest)),
        (vec!["x", "c4", "c3", "c2"].into_iter().map(String::from).collect(), vec!["c1".into(), "c0".into()])
    );
    assert_eq!(rest.next, None);
    let count = async |filter: DeliveryFilter| store.count_deliveries(&filter, 100).await.unwrap();
    assert_eq!(count(DeliveryFilter { endpoint: Some("http://other.test".into()), ..all.clone() }).await, 1);
    assert_eq!(count(DeliveryFilter { kind: Some("Answered".into()), ..all.clone() }).await, 5);
    assert_eq!(count(DeliveryFilter { call_id: Some("c2".into()), ..all.clone() }).await, 1);
    assert_eq!(count(DeliveryFilter { state: Some(DeliveryState::Dead), ..all.clone() }).await, 0);
    let made = first.items[0].notification.created_ms;
    assert_eq!(count(DeliveryFilter { since_ms: Some(made + 1), ..all.clone() }).await, 0);
    assert_eq!(count(DeliveryFilter { until_ms: Some(made + 1), ..all.clone() }).await, 6);
    assert_eq!(count(DeliveryFilter { until_ms: Some(made - 5_000), ..all }).await, 0);
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
