//! What flows want done outside the conversation, and the list of those who want no calls.

use dering::store::{CallBatch, NewDoNotCall};
use serde_json::{Value, json};

use crate::system_fixture::{BUSY, PERSON, TestSystem, each};

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).map(|event| &event["detail"]).collect()
}

#[tokio::test]
async fn a_flow_notifies_in_order_asks_no_private_address_and_leaves_no_empty_message() {
    let system = TestSystem::start().await;
    let call_id = system.dial("errands", PERSON, json!({})).await;
    let told = system.last_word(&call_id).await;
    assert_eq!(each(&told, "status"), ["Answered", "Call-In-Progress", "completed"]);
    assert_eq!((&told[1]["event"], &told[1]["data"]), (&json!("reached"), &json!({ "n": 1 })));
    assert_eq!(told.iter().map(|body| body["sequence"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(told[2].get("doNotCall"), None);

    let client = &system.client;
    let shown = client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    let events = shown["events"].as_array().unwrap();
    assert_eq!(of_kind(events, "request")[0]["url"], "http://127.0.0.1:9/x");
    let failed = of_kind(events, "errand_failed")[0]["reason"].as_str().unwrap();
    assert!(failed.contains("not at a public address"), "{failed}");
    assert_eq!(of_kind(events, "message")[0]["kept"], false);
    assert!(!shown.to_string().contains("secret"), "{shown}");
    assert_eq!(client.read(&format!("/v1/calls/{call_id}")).await.json()["outcome"], "silent");
    assert_eq!(client.read(&format!("/v1/calls/{call_id}/recording")).await.status, 404, "`recording: off`");
}

#[tokio::test]
async fn a_flow_that_notifies_nobody_says_so_in_its_timeline() {
    let system = TestSystem::start().await;
    let call_id = system.client.dial("errands", PERSON, json!({})).await;
    let path = format!("/v1/calls/{call_id}");
    crate::system_fixture::in_time(async {
        while system.client.read(&path).await.json()["state"] != "ended" {}
    })
    .await;
    let shown = system.client.read(&format!("{path}/events")).await.json();
    let ignored = of_kind(shown["events"].as_array().unwrap(), "notify_ignored").len();
    assert_eq!(ignored, 1, "{shown}");
}

#[tokio::test]
async fn a_number_whose_owner_wants_no_calls_is_refused_unless_the_request_insists() {
    let system = TestSystem::start().await;
    let call_id = system.dial("short", BUSY, json!({})).await;
    system.last_word(&call_id).await;
    let words = Some("stop calling me".to_owned());
    let asked = Some(NewDoNotCall { at_ms: 7, words: words.clone() });
    system
        .app
        .store()
        .record(CallBatch { call_id: call_id.clone(), do_not_call: asked, ..CallBatch::default() })
        .await
        .unwrap();
    let listed = system.app.store().do_not_call(BUSY.trim_start_matches('+')).await.unwrap().unwrap();
    assert_eq!((listed.call_id.as_deref(), listed.at_ms, listed.words), (Some(call_id.as_str()), 7, words));

    let refused = system.client.try_dial("short", BUSY, json!({})).await;
    let (status, code, detail) = refused.problem();
    assert_eq!((status, code.as_str()), (403, "do_not_call"), "{detail}");
    assert!(detail.contains(&call_id) && detail.contains("ignoreDoNotCall"), "{detail}");
    assert!(!detail.contains(BUSY), "{detail}");
    let other = system.client.try_dial("short", PERSON, json!({})).await;
    assert_eq!(other.status, 200, "{}", other.text());
    let insisted = system.client.try_dial("short", BUSY, json!({ "ignoreDoNotCall": true })).await;
    assert_eq!(insisted.status, 200, "{}", insisted.text());
}
