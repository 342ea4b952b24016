//! What goes wrong while calls run: the carrier vanishes, the receiver is away, the server is killed.

use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{self, Store};
use serde_json::{Value, json};

use crate::system_fixture::{
    Carrier, Client, PERSON, RINGS, TestSystem, arrived, create_credentials, each, in_time, is_final,
    last_word, local, write_fixtures,
};
use crate::system_process::Server;

#[tokio::test]
async fn calls_whose_carrier_vanishes_end_with_cause_record_and_webhook() {
    let mut system = TestSystem::start().await;
    let talking = system.dial("stay", PERSON, json!({})).await;
    let ringing = system.dial("stay", RINGS, json!({})).await;
    system.answered(&talking).await;
    let mut changes = system.app.calls().changes();
    let is_ringing = |system: &TestSystem| {
        let live = system.app.calls().live();
        live.iter().any(|call| call.call_id == ringing && call.latest == "ringing")
    };
    while !is_ringing(&system) {
        in_time(changes.changed()).await.unwrap();
    }
    system.carrier.vanish();

    let told = system.last_word(&talking).await;
    assert_eq!(each(&told, "status"), ["Answered", "completed"]);
    assert_eq!(told[1]["reasonCode"], "KoreVG-disconnected", "{}", told[1]);
    let told = system.last_word(&ringing).await;
    assert_eq!(each(&told, "status"), ["Failed"]);
    assert_eq!(told[0]["reasonCode"], "Service Unavailable", "{}", told[0]);
    for (call_id, disposition) in [(&talking, "ANSWERED"), (&ringing, "FAILED")] {
        let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!((&call["state"], &call["causeCode"]), (&json!("ended"), &json!(38)), "{call}");
        assert_eq!((&call["disposition"], &call["outcome"]), (&json!(disposition), &json!("carrier_lost")));
        let cdr =
            system.client.read(&format!("/v1/cdr/{}", call["sessionId"].as_str().unwrap())).await.json();
        assert_eq!(
            (&cdr["data"]["hangupCauseCode"], &cdr["data"]["disposition"]),
            (&json!(38), &json!(disposition))
        );
        let shown = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
        let lost = shown["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "carrier_lost");
        assert_eq!(lost.count(), 1, "{shown}");
    }
    assert_eq!(system.client.read(&format!("/v1/calls/{talking}/recording")).await.status, 200);
}

#[tokio::test]
async fn a_call_to_a_carrier_that_is_away_fails_and_says_so() {
    let mut system = TestSystem::start().await;
    system.carrier.vanish();
    let call_id = system.dial("short", PERSON, json!({})).await;
    let told = system.last_word(&call_id).await;
    assert_eq!(
        (each(&told, "status"), each(&told, "reason")),
        (vec!["Failed"], vec!["503 Service Unavailable"])
    );
    let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!((&call["causeCode"], &call["disposition"]), (&json!(38), &json!("FAILED")), "{call}");
    let cdrs = system.client.read("/v1/cdr").await.json();
    assert_eq!(cdrs["data"][0]["destination"], PERSON, "a call without a session has a record too");
}

#[tokio::test]
async fn a_carrier_that_stops_in_order_ends_its_calls_with_its_own_record() {
    let mut system = TestSystem::start().await;
    let call_id = system.dial("stay", PERSON, json!({})).await;
    system.answered(&call_id).await;
    in_time(system.carrier.stop()).await;
    let told = system.last_word(&call_id).await;
    assert_eq!(told[1]["status"], "completed");
    let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!((&call["causeCode"], &call["disposition"]), (&json!(38), &json!("ANSWERED")), "{call}");
}

#[tokio::test]
async fn a_receiver_that_is_stopped_in_mid_call_misses_nothing() {
    let system = TestSystem::start().await;
    let (mut calls, url) = (Vec::new(), system.receiver.url());
    for _ in 0..3 {
        calls.push(system.dial("stay", PERSON, json!({})).await);
    }
    for call_id in &calls {
        system.answered(call_id).await;
    }
    let TestSystem { carrier, client, inbox, app, receiver, folder } = system;
    let address = receiver.address();
    receiver.stop().await;
    for call_id in &calls {
        assert_eq!(client.hang_up(call_id).await.status, 202);
        let tried = |rows: &[Value]| rows.len() == 2 && rows[1]["attempts"].as_array().unwrap().len() == 1;
        let rows = client.ledger(call_id, tried).await;
        assert_ne!(rows[1]["notification"]["state"], "dead");
    }
    let restarted = Receiver::start(inbox.router(), address).await.unwrap();
    assert_eq!(restarted.url(), url);
    for call_id in &calls {
        let told = last_word(&inbox, call_id).await;
        assert_eq!(each(&told, "status"), ["Answered", "completed"]);
        assert!(inbox.of(call_id).iter().all(|receipt| !receipt.duplicate));
    }
    drop((app, carrier, folder));
}

#[tokio::test]
async fn a_killed_server_gives_each_of_its_calls_one_end_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let store = Store::open(store::Options::file(folder.path().join("dering.db"))).await.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let inbox = Inbox::new(vec![secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let notify = json!({ "notifyUrl": receiver.url() });

    let server = Server::start(folder.path(), &carrier, &[]).await;
    let client = Client::new(server.address, secret.clone(), key.clone());
    let over = client.dial("short", PERSON, notify.clone()).await;
    let talking = client.dial("stay", PERSON, notify.clone()).await;
    last_word(&inbox, &over).await;
    arrived(&inbox, &talking, |bodies| !bodies.is_empty()).await;
    // Cut off while the number is being dialled.
    let accepted = client.dial("stay", RINGS, notify.clone()).await;
    server.kill().await;

    let server = Server::start(folder.path(), &carrier, &[]).await;
    let client = Client::new(server.address, secret, key);
    for (call_id, statuses) in [
        (&over, vec!["Answered", "completed"]),
        (&talking, vec!["Answered", "completed"]),
        (&accepted, vec!["Failed"]),
    ] {
        let told = last_word(&inbox, call_id).await;
        let mut distinct = told.clone();
        distinct.dedup();
        assert_eq!(each(&distinct, "status"), statuses);
        let call = client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!(call["state"], "ended", "{call}");
        let rows = client.ledger(call_id, |_| true).await;
        let finals = rows.iter().filter(|row| {
            is_final(&serde_json::from_str(row["notification"]["body"].as_str().unwrap()).unwrap())
        });
        assert_eq!(finals.count(), 1, "{rows:?}");
    }
    let cdrs = client.read("/v1/cdr").await.json();
    assert_eq!(cdrs["meta"]["totalItems"], 3, "{cdrs}");
    let told = last_word(&inbox, &talking).await;
    assert_eq!(told.last().unwrap()["reasonCode"], "KoreVG-disconnected");
    // Nobody is left on a dead line; only the number being dialled may not have had a session yet.
    in_time(async {
        while carrier.calls() > 1 {
            client.read("/health").await;
        }
    })
    .await;
    server.kill().await;
}
