//! Trunks with limits: who waits, who is refused, and what people see of it.

use std::time::Duration;

use dering::telemetry::Lateness;
use dering::trunk::ocs::OcsCarrier;
use dering::trunk::{
    DialError, Leg, LegCommand, Limits, Order, QueuePosition, Slot, Ticket, Trunk, TrunkOptions,
};
use serde_json::json;

use crate::peer::within;
use crate::system_fixture::{PERSON, Setup, TestSystem, in_time};
use crate::trunk_fixture::{Scene, ask, connect};

async fn turn(ticket: &mut Ticket) -> QueuePosition {
    within("a turn", ticket.turn()).await.expect("nobody waits for too long")
}

async fn dial(ticket: &mut Ticket) -> Slot {
    loop {
        if let QueuePosition::Dial(slot) = turn(ticket).await {
            return slot;
        }
    }
}

async fn place(trunk: &Trunk, slot: Slot) -> Leg {
    within("a call", trunk.place(Order::to("0811"), slot)).await.expect("the carrier takes the call")
}

#[tokio::test]
async fn a_line_is_free_again_when_the_carriers_side_of_the_call_is_over() {
    let scene = Scene::with(json!({}), |options| options.cdr_wait = Duration::from_millis(20));
    let Some(Scene { mut peer, trunk: carrier, .. }) = scene.await else { return };
    let limits = Limits { calls: Some(1), queue: 2, ..Limits::default() };
    let trunk = Trunk::new(carrier, TrunkOptions { name: "main".into(), limits, ..TrunkOptions::default() });
    let mut first = trunk.enter().expect("a free line");
    let slot = dial(&mut first).await;
    let mut leg = place(&trunk, slot).await;
    connect(&mut peer, &mut leg).await;

    let (mut second, mut third) = (trunk.enter().expect("room"), trunk.enter().expect("room"));
    assert!(trunk.enter().is_err(), "two may wait, no more");
    assert!(matches!(turn(&mut second).await, QueuePosition::Queued { ahead: 0 }));
    assert!(matches!(turn(&mut third).await, QueuePosition::Queued { ahead: 1 }));
    assert_eq!(trunk.load(), (1, 2));
    // The second one gives up: the third moves up.
    drop(second);
    assert!(matches!(turn(&mut third).await, QueuePosition::Queued { ahead: 0 }));

    // The leg is gone, but the carrier still has the call: the line is not free.
    ask(&leg, LegCommand::Hangup).await;
    peer.event("hangup").await;
    assert_eq!(trunk.load(), (1, 1));
    peer.emit("s0", "hangup", json!({"sessionId": "s0"})).await;
    let slot = dial(&mut third).await;
    assert_eq!(trunk.load(), (1, 0));
    drop(slot);
    assert_eq!(trunk.load(), (0, 0));
}

#[tokio::test]
async fn a_carrier_that_asks_to_wait_is_asked_again_when_it_said_and_in_the_order_of_the_queue() {
    let busy = json!({"status": 429, "body": {"status": 429, "errors": "too many calls", "data": null},
                      "headers": {"retry-after": "1"}});
    let Some(Scene { mut peer, trunk: carrier, .. }) = Scene::start(json!({"rest": busy})).await else {
        return;
    };
    let trunk = Trunk::new(carrier, TrunkOptions { name: "main".into(), ..TrunkOptions::default() });
    let mut first = trunk.enter().expect("no limit");
    let slot = dial(&mut first).await;
    let refused =
        within("the answer", trunk.place(Order::to("0811"), slot)).await.expect_err("too many calls");
    let DialError::Busy { reason, wait } = refused else { panic!("{refused}") };
    assert_eq!((reason.as_str(), wait), ("429: too many calls", Duration::from_secs(1)));
    let begun = std::time::Instant::now();
    first.again(wait);
    let mut second = trunk.enter().expect("room");
    assert_eq!(second.ahead(), Some(1), "who comes now waits, too");
    assert!(matches!(turn(&mut first).await, QueuePosition::Queued { ahead: 0 }));
    assert!(matches!(turn(&mut second).await, QueuePosition::Queued { ahead: 1 }));
    peer.tell(json!({"set": {"rest": null}})).await;
    let slot = dial(&mut first).await;
    assert!(begun.elapsed() >= Duration::from_millis(990), "{:?}", begun.elapsed());
    let leg = place(&trunk, slot).await;
    assert_eq!(leg.session_id, "s0", "nobody was dialled before");
    let _slot = dial(&mut second).await;
}

#[tokio::test(start_paused = true)]
async fn calls_wait_while_the_machine_has_too_much_to_do() {
    let (carrier, _task) = nobody();
    let lateness = Lateness::fixed(Duration::from_millis(400));
    let limits = Limits { queue_timeout: Duration::from_secs(5), ..Limits::default() };
    let trunk = Trunk::new(carrier.clone(), TrunkOptions { limits, lateness, ..TrunkOptions::default() });
    let mut waits = trunk.enter().expect("room");
    assert!(matches!(waits.turn().await, Ok(QueuePosition::Queued { ahead: 0 })));
    assert!(matches!(waits.turn().await, Err(DialError::NoLine { .. })));
    let lateness = Lateness::fixed(Duration::from_millis(20));
    let trunk = Trunk::new(carrier, TrunkOptions { limits, lateness, ..TrunkOptions::default() });
    assert!(matches!(trunk.enter().expect("room").turn().await, Ok(QueuePosition::Dial(_))));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_too_long_is_given_up() {
    let (trunk, _task) =
        nowhere(Limits { calls: Some(1), queue_timeout: Duration::from_secs(5), ..Limits::default() });
    let _busy = dial(&mut trunk.enter().expect("a free line")).await;
    let mut waits = trunk.enter().expect("room");
    assert!(matches!(waits.turn().await, Ok(QueuePosition::Queued { ahead: 0 })));
    let given_up = waits.turn().await.expect_err("nobody hangs up");
    assert!(matches!(given_up, DialError::NoLine { waited } if waited.as_secs() == 5), "{given_up}");
}

#[tokio::test(start_paused = true)]
async fn dial_requests_are_spread_over_the_second() {
    let (trunk, _task) = nowhere(Limits { per_second: Some(2.0), ..Limits::default() });
    let start = tokio::time::Instant::now();
    let mut tickets: Vec<Ticket> = (0..4).map(|_| trunk.enter().expect("room")).collect();
    let mut at = Vec::new();
    for ticket in &mut tickets {
        let _slot = dial(ticket).await;
        at.push(start.elapsed().as_millis() / 10 * 10);
    }
    assert_eq!(at, [0, 500, 1_000, 1_500]);
}

/// A line to a carrier that is not there: enough to queue for.
fn nowhere(limits: Limits) -> (Trunk, tokio::task::JoinHandle<()>) {
    let (carrier, task) = nobody();
    (Trunk::new(carrier, TrunkOptions { name: "nowhere".into(), limits, ..TrunkOptions::default() }), task)
}

fn nobody() -> (OcsCarrier, tokio::task::JoinHandle<()>) {
    let mut options = crate::trunk_fixture::options("http://127.0.0.1:9".into());
    options.version = Some(dering::trunk::ocs::Version::V1_0_5);
    OcsCarrier::start(options).expect("a good configuration")
}

#[tokio::test]
async fn a_call_that_waits_is_seen_waiting_and_can_be_cancelled() {
    let system = TestSystem::with(Setup { lines: Some((1, 1)), ..Setup::default() }).await;
    let first = system.dial("stay", PERSON, json!({})).await;
    phase(&system, &first, "answered").await;
    let second = system.dial("stay", PERSON, json!({})).await;
    phase(&system, &second, "queued").await;
    let refused = system.client.try_dial("stay", PERSON, json!({})).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.text().contains("its queue of 1 is full"), "{}", refused.text());
    let live = system.app.calls().live();
    assert!(live.iter().any(|call| call.latest == "next to be dialled"), "{live:?}");
    let metrics = system.client.read("/metrics").await.text();
    assert!(metrics.contains("dering_trunk_calls_queued{trunk=\"main\"} 1"), "{metrics}");

    system.client.hang_up(&second).await;
    let told = system.last_word(&second).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["status"], &told[0]["reason"]),
        (&json!("Failed"), &json!("487 Request Terminated"))
    );
    let call = system.client.read(&format!("/v1/calls/{second}")).await.json();
    assert_eq!((&call["disposition"], &call["outcome"]), (&json!("CANCEL"), &json!("cancelled")), "{call}");

    // Another one waits, and is dialled when the first has ended.
    let third = system.dial("stay", PERSON, json!({})).await;
    phase(&system, &third, "queued").await;
    system.client.hang_up(&first).await;
    phase(&system, &third, "answered").await;
    let events = system.client.read(&format!("/v1/calls/{third}/events")).await.json();
    let kinds: Vec<&str> =
        events["events"].as_array().unwrap().iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds[..5], ["dialled", "queued", "dequeued", "dialling", "placed"], "{kinds:?}");
    assert_eq!(events["events"][1]["detail"]["ahead"], 0);
    system.client.hang_up(&third).await;
    system.last_word(&third).await;
    system.app.shutdown().await;
}

/// Waits until the call is where it should be.
async fn phase(system: &TestSystem, call_id: &str, wanted: &str) {
    let mut changes = system.app.calls().changes();
    in_time(async {
        while !system.app.calls().live().iter().any(|c| c.call_id == call_id && c.phase.as_str() == wanted) {
            changes.changed().await.expect("the server runs");
        }
    })
    .await;
}
