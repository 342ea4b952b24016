//! Signals: what is read again while calls go on, and how the server stops.

use std::fs;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use dering::outbox::receiver::Receiver;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::house::House;
use crate::system_fixture::{PERSON, arrived, in_time, is_final, last_word, local};
use crate::system_process::Server;

const GHOST: &str = "flow: ghost\nstart: talk\nscenes: { talk: [ { wait: 1s }, { hangup: told } ] }\n";

#[tokio::test]
async fn a_hang_up_signal_ends_no_call_and_reads_flows_and_the_log_filter_again() {
    let house = House::start("dering.db").await;
    let folder = house.folder.path();
    let mut server = Server::start(folder, &house.carrier, &[]).await;
    let client = house.client(&server);
    let call_id = house.answered(&client).await;
    let before = client.try_dial("ghost", PERSON, json!({})).await;
    assert_ne!(before.status, 200, "nobody knows this flow yet");

    fs::write(folder.join("flows/ghost.yaml"), GHOST).unwrap();
    let config = fs::read_to_string(folder.join("dering.yaml")).unwrap();
    fs::write(folder.join("dering.yaml"), format!("{config}log: {{ filter: 'info,dering::api=trace' }}\n"))
        .unwrap();
    server.signal(Signal::HUP);
    in_time(async { while client.try_dial("ghost", PERSON, json!({})).await.status != 200 {} }).await;
    assert!(server.log().contains("info,dering::api=trace"), "{}", server.log());

    // What is wrong changes nothing, and is told.
    fs::write(folder.join("dering.yaml"), "listen: [\n").unwrap();
    server.signal(Signal::HUP);
    in_time(async {
        while !server.log().contains("the configuration stays as it was") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let call = client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!(call["state"], "connected", "{call}");
    assert_eq!(client.hang_up(&call_id).await.status, 202);
    last_word(&house.inbox, &call_id).await;
    server.signal(Signal::TERM);
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_a_second_signal_ends_it_at_once() {
    let house = House::start("dering.db").await;
    let mut server = Server::start(house.folder.path(), &house.carrier, &[]).await;
    let client = house.client(&server);
    house.answered(&client).await;
    for path in ["/health", "/ready"] {
        assert_eq!(client.read(path).await.status, 200, "{path}");
    }
    server.signal(Signal::TERM);
    in_time(async { while client.read("/health").await.status == 200 {} }).await;
    let health = client.read("/health").await;
    assert_eq!(health.status, 503);
    assert!(
        health.text().contains("stopping") && health.headers.contains_key("retry-after"),
        "{}",
        health.text()
    );
    assert_eq!(client.read("/ready").await.status, 503);
    let refused = client.try_dial("short", PERSON, json!({})).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    // The call would go on for 20 s.
    server.signal(Signal::INT);
    let ended = tokio::time::timeout(Duration::from_secs(10), server.ended()).await.unwrap();
    assert_eq!(ended.code(), Some(130), "{}", server.log());
}

#[tokio::test]
async fn the_last_webhooks_of_calls_that_end_together_leave_before_the_server_does() {
    let house = House::start("dering.db").await;
    let folder = house.folder.path();
    fs::write(folder.join("flows/ghost.yaml"), GHOST).unwrap();
    // The calls are over before anything of them is delivered, so the last webhooks are still to be begun.
    let slow = house.inbox.router().layer(from_fn(|request: Request, next: Next| async move {
        let answer = next.run(request).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        answer
    }));
    let slow = Receiver::start(slow, local()).await.unwrap();
    let mut server = Server::start(folder, &house.carrier, &[]).await;
    let client = house.client(&server);
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(client.dial("ghost", PERSON, json!({ "notifyUrl": slow.url() })).await);
    }
    for call_id in &calls {
        arrived(&house.inbox, call_id, |bodies| !bodies.is_empty()).await;
    }
    server.signal(Signal::TERM);
    assert!(server.ended().await.success(), "{}", server.log());
    let told = |call_id: &String| {
        let is_last = |body: &str| serde_json::from_str::<Value>(body).is_ok_and(|body| is_final(&body));
        house.inbox.of(call_id).iter().any(|receipt| is_last(&receipt.body))
    };
    let missing = calls.iter().filter(|call_id| !told(call_id)).count();
    assert_eq!(missing, 0, "last webhooks did not leave: {}", server.log());
}
