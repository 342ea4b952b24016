//! What a node holds while its lease runs, and what becomes of it afterwards. Two nodes on one database.

use dering::store::{
    CallBatch, CallRow, ClaimRequest, DeliveryOutcome, DeliveryRound, NodeId, NotificationState, Store,
};
use dering::wallclock::now_ms;

use crate::store_fixture::{begun, create_app, fresh_store, notification};

/// Longer than a lease.
const LATER_MS: i64 = 60_000;

async fn two_nodes() -> (Store, Store) {
    let one = fresh_store().await;
    create_app(&one).await;
    let two = one.as_node(NodeId::fresh());
    assert!(!two.renew_lease(now_ms()).await.unwrap(), "it had none");
    (one, two)
}

fn ids(calls: &[CallRow]) -> Vec<&str> {
    calls.iter().map(|call| call.id.as_str()).collect()
}

fn round(now_ms: i64) -> DeliveryRound {
    let request =
        ClaimRequest { now_ms, lease_ms: 3_600_000, limit: 10, per_endpoint: 10, ..ClaimRequest::default() };
    DeliveryRound { request, ..DeliveryRound::default() }
}

#[tokio::test]
async fn a_call_is_its_nodes_own_while_the_lease_runs_and_taken_over_once_afterwards() {
    let (one, two) = two_nodes().await;
    let now = now_ms();
    two.record(begun("c2", 2)).await.unwrap();
    two.record(begun("c1", 1)).await.unwrap();
    one.record(begun("c3", 3)).await.unwrap();
    assert!(one.take_over_calls(now).await.unwrap().is_empty(), "both nodes live");
    // The second one freezes; the first goes on.
    assert!(one.renew_lease(now + LATER_MS / 3).await.unwrap());
    let taken = one.take_over_calls(now + LATER_MS * 2 / 3).await.unwrap();
    assert_eq!(ids(&taken), ["c1", "c2"]);
    assert!(one.take_over_calls(now + LATER_MS * 2 / 3).await.unwrap().is_empty(), "each is handed out once");
    assert!(!two.renew_lease(now + LATER_MS).await.unwrap(), "it learns that it was away for too long");
    assert!(two.renew_lease(now + LATER_MS).await.unwrap());
}

#[tokio::test]
async fn what_a_lost_node_was_sending_is_sent_by_another_and_its_own_end_comes_too_late() {
    let (one, two) = two_nodes().await;
    let now = now_ms() + 1_000;
    let notifications = vec![notification("c1", "http://127.0.0.1:9/n", "Answered")];
    one.record(CallBatch { notifications, ..begun("c1", 5) }).await.unwrap();
    let lost = two.settle_and_claim(round(now)).await.unwrap().claims.remove(0);
    assert_eq!(one.release_lost_claims(now).await.unwrap(), 0, "the other node lives");
    assert!(one.settle_and_claim(round(now)).await.unwrap().claims.is_empty());
    assert_eq!(one.release_lost_claims(now + LATER_MS).await.unwrap(), 1);
    let again = one.settle_and_claim(round(now + LATER_MS)).await.unwrap().claims.remove(0);
    assert_eq!(again.id, lost.id);
    let settlements = vec![lost.settlement(Default::default(), DeliveryOutcome::Delivered)];
    let late = two.settle_and_claim(DeliveryRound { settlements, ..DeliveryRound::default() }).await.unwrap();
    assert_eq!(late.stale, 1);
    assert_eq!(one.notifications("c1").await.unwrap()[0].state, NotificationState::Sending);
}
