//! Parameters that run in shadow beside the calls of a server.

use callcore::amd::EventKind;
use dering::store::{Actor, CallState, CallUpdate, LabelOrigin, Store};
use dering::trials::{Verdict, in_shadow};
use serde_json::json;

use crate::store_fixture::{begun, create_app, later};
use crate::system_fixture::{FAX, Setup, TestSystem, each};

#[tokio::test]
async fn a_set_in_shadow_is_told_beside_the_verdict_and_changes_nothing() {
    let system = TestSystem::with(Setup { shadow: Some("sales".into()), ..Setup::default() }).await;
    let before = system.client.read("/v1/accuracy/shadow").await;
    assert_eq!(before.status, 200, "{}", before.text());
    let before = before.json();
    assert_eq!((&before["set"], &before["calls"]), (&json!("sales"), &json!(0)));
    let call_id = system.dial("detect", FAX, json!({})).await;
    let bodies = system.last_word(&call_id).await;
    let said = ["", "amd_machine_detected", "amd_stopped", "amd_machine_detected"];
    assert_eq!(each(&bodies, "machineDetection"), said);
    let evidence = system.client.read(&format!("/v1/calls/{call_id}/evidence")).await;
    let shadow = &evidence.json()["shadow"];
    assert_eq!(
        (&shadow["set"], &shadow["event"]),
        (&json!("sales"), &json!("amd_machine_detected")),
        "{}",
        evidence.text()
    );
    let after = system.client.read("/v1/accuracy/shadow").await.json();
    assert_eq!(
        (&after["calls"], &after["differ"], &after["heard"]),
        (&json!(1), &json!(0), &json!(0)),
        "{after}"
    );
}

/// A call that was taken for a person, beside which `sales` said `shadow`.
async fn taken_for_a_person(store: &Store, n: u32, shadow: Option<EventKind>, truth: Option<&str>) -> String {
    let id = format!("01900000-0000-7000-8000-{n:012x}");
    store.record(begun(&id, 1_000)).await.unwrap();
    let mut batch = later(&id);
    batch.update = Some(CallUpdate {
        state: Some(CallState::Ended),
        ended_ms: Some(9_000),
        amd_event: Some(EventKind::HumanDetected),
        ..CallUpdate::default()
    });
    let event = shadow.map(EventKind::as_str);
    batch.evidence =
        Some(json!({ "shadow": { "set": "sales", "event": event, "atMs": event.map(|_| 2_500) } }));
    store.record(batch).await.unwrap();
    if let Some(truth) = truth {
        store.label_call(&id, truth, None, LabelOrigin::Drawn, Actor::server()).await.unwrap();
    }
    id
}

#[tokio::test]
async fn what_it_would_have_decided_otherwise_is_counted_and_held_against_what_people_say() {
    let store = Store::open(dering::store::Options::memory()).await.unwrap();
    create_app(&store).await;
    let machine = Some(EventKind::MachineDetected);
    let mended = taken_for_a_person(&store, 1, machine, Some("voicemail")).await;
    let broken = taken_for_a_person(&store, 2, machine, Some("human")).await;
    let unknown = taken_for_a_person(&store, 3, None, None).await;
    taken_for_a_person(&store, 4, Some(EventKind::HumanDetected), Some("human")).await;
    let found = in_shadow(&store, "sales").await.unwrap();
    assert_eq!((found.calls, found.differ, found.heard), (4, 3, 3));
    assert_eq!((found.usual.machines_called_people.count, found.shadow.machines_called_people.count), (1, 0));
    assert_eq!((found.usual.people_called_machines.count, found.shadow.people_called_machines.count), (0, 1));
    let told: Vec<_> =
        found.changed.iter().map(|call| (call.id.as_str(), call.shadow, call.mends())).collect();
    let expected = [
        (unknown.as_str(), Verdict::Undecided, None),
        (broken.as_str(), Verdict::Machine, Some(false)),
        (mended.as_str(), Verdict::Machine, Some(true)),
    ];
    assert_eq!(told, expected, "the last ones first");
    let other = in_shadow(&store, "careful").await.unwrap();
    assert_eq!((other.calls, other.changed.len()), (0, 0), "another set has its own calls");
}
