//! Calls from the dial-out request to the last webhook, as a client of the API sees them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::system_fixture::{
    BUSY, FAX, HANGS_UP, NOBODY, PERSON, REJECTS, RINGS, Reply, TestSystem, each, in_time, is_final,
};

fn events(reply: &Reply) -> Vec<String> {
    let shown = reply.json();
    let kinds = shown["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap());
    kinds.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_call_is_told_by_webhooks_in_order_and_can_be_read_afterwards() {
    let system = TestSystem::start().await;
    let call_id = system.dial("detect", FAX, json!({})).await;
    let told = system.last_word(&call_id).await;
    let statuses = ["Answered", "Call-In-Progress", "Call-In-Progress", "completed"];
    assert_eq!(each(&told, "status"), statuses);
    assert_eq!(
        each(&told, "machineDetection"),
        ["", "amd_machine_detected", "amd_stopped", "amd_machine_detected"]
    );
    assert_eq!(each(&told, "reasonCode"), ["OK", "OK", "OK", "bot-disconnected"]);
    for (n, body) in told.iter().enumerate() {
        assert_eq!(body["conversationId"], call_id.as_str());
        assert_eq!(body["reason"], "200 OK");
        assert_eq!(body["sequence"], n + 1);
        // Ringing takes 150 ms, and what comes before it 200 ms.
        assert!(body["ringDurationInMS"].as_u64().unwrap() >= 100, "{body}");
        assert!(body["connectDurationInMS"].as_u64() > body["ringDurationInMS"].as_u64(), "{body}");
        assert_eq!(body["callConnectTime"].as_str().unwrap().len(), "2025-06-26T12:49:17.600Z".len());
    }
    let last = told.last().unwrap();
    assert!(last["callDuration"].is_u64() && last["callDuration"] == last["duration"], "{last}");
    assert!(last["callDisconnectTime"].as_str() > last["callConnectTime"].as_str(), "{last}");

    let client = &system.client;
    let call = client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!((&call["state"], &call["disposition"]), (&json!("ended"), &json!("ANSWERED")), "{call}");
    assert_eq!((&call["outcome"], &call["causeCode"]), (&json!("known"), &json!(16)), "{call}");
    assert_eq!(
        (&call["amd"]["event"], &call["amd"]["subtype"]),
        (&told[1]["machineDetection"], &json!("fax"))
    );
    assert_eq!(call["sessionId"], last["sessionId"]);
    let timeline = events(&client.read(&format!("/v1/calls/{call_id}/events")).await);
    assert_eq!(timeline.first().map(String::as_str), Some("dialled"), "{timeline:?}");
    for kind in ["placed", "dial_status", "amd", "hangup", "ended"] {
        assert!(timeline.iter().any(|seen| seen == kind), "no {kind} in {timeline:?}");
    }
    assert_eq!(client.read(&format!("/v1/calls/{call_id}/evidence")).await.status, 200);
    let rows = client
        .ledger(&call_id, |rows| rows.iter().all(|row| row["notification"]["state"] == "delivered"))
        .await;
    let bodies: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::from_str(row["notification"]["body"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(bodies, told, "the ledger shows what was sent");
    let recording = client.read(&format!("/v1/calls/{call_id}/recording")).await;
    assert_eq!((recording.status, &recording.bytes[..4]), (200, &b"RIFF"[..]));
    assert!(recording.bytes.len() > 16_000, "the callee's tone of half a second at least");

    let session_id = call["sessionId"].as_str().unwrap();
    let cdr = client.read(&format!("/v1/cdr/{session_id}")).await.json();
    assert_eq!((&cdr["data"]["destination"], &cdr["data"]["disposition"]), (&json!(FAX), &json!("ANSWERED")));
    let found = client.read("/v1/cdr?filter.destination=$contains:551002&filter.disposition=ANSWERED").await;
    assert_eq!(found.json()["data"][0]["sessionId"], session_id);
    let none = client.read("/v1/cdr?filter.billableSeconds=$gte:500").await;
    assert_eq!(none.json()["meta"]["totalItems"], 0);
}

#[tokio::test]
async fn a_bot_that_has_had_its_say_hangs_up_and_its_check_point_is_known() {
    let system = TestSystem::start().await;
    // The bot `sales` runs the flow `short`.
    let call_id = system.dial("sales", PERSON, json!({})).await;
    let told = system.last_word(&call_id).await;
    assert_eq!(each(&told, "status"), ["Answered", "completed"]);
    assert!(told[1].get("machineDetection").is_none(), "nothing was detected: {}", told[1]);
    let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!((&call["flow"], &call["outcome"]), (&json!("short"), &json!("told")), "{call}");
    assert_eq!(call["lastCheckpoint"], "told", "{call}");
}

#[tokio::test]
async fn a_callee_who_hangs_up_is_named_as_the_one_who_did() {
    let system = TestSystem::start().await;
    let call_id = system.dial("stay", HANGS_UP, json!({})).await;
    let told = system.last_word(&call_id).await;
    assert_eq!(each(&told, "reasonCode"), ["OK", "caller-disconnected"]);
    let timeline = events(&system.client.read(&format!("/v1/calls/{call_id}/events")).await);
    assert!(!timeline.contains(&"carrier_lost".to_owned()), "{timeline:?}");
}

#[tokio::test]
async fn calls_that_nobody_takes_fail_with_the_documented_reason() {
    let system = TestSystem::start().await;
    let expected = [
        (BUSY, "486 Busy Here", "Busy Here", "BUSY", "busy"),
        (REJECTS, "480 Temporarily Unavailable", "Temporarily Unavailable", "FAILED", "rejected"),
        (NOBODY, "404 Not Found", "Not Found", "FAILED", "bad_number"),
    ];
    for (number, reason, reason_code, disposition, outcome) in expected {
        let call_id = system.dial("short", number, json!({})).await;
        let told = system.last_word(&call_id).await;
        assert_eq!(each(&told, "status"), ["Failed"], "{number}");
        assert_eq!((each(&told, "reason"), each(&told, "reasonCode")), (vec![reason], vec![reason_code]));
        assert!(told[0]["callDisconnectTime"].is_string(), "{}", told[0]);
        let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!((&call["disposition"], &call["outcome"]), (&json!(disposition), &json!(outcome)));
        let evidence = system.client.read(&format!("/v1/calls/{call_id}/evidence")).await;
        assert_eq!(evidence.problem().0, 404);
        let recording = system.client.read(&format!("/v1/calls/{call_id}/recording")).await;
        assert_eq!(recording.problem().2, "there is no recording of this call");
    }
}

#[tokio::test]
async fn a_call_that_rings_for_too_long_was_not_answered_and_one_hung_up_was_cancelled() {
    let system = TestSystem::start().await;
    let patient = system.dial("short", RINGS, json!({})).await;
    let hasty = system.dial("short", RINGS, json!({ "timeoutInMs": 1000 })).await;
    let told = system.last_word(&hasty).await;
    assert_eq!(each(&told, "reason"), ["480 Temporarily Unavailable"]);
    assert_eq!(system.client.hang_up(&patient).await.status, 202);
    let told = system.last_word(&patient).await;
    assert_eq!(each(&told, "reason"), ["487 Request Terminated"]);
    for (call_id, disposition, outcome) in
        [(&hasty, "NO ANSWER", "no_answer"), (&patient, "CANCEL", "cancelled")]
    {
        let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!(
            (&call["disposition"], &call["outcome"]),
            (&json!(disposition), &json!(outcome)),
            "{call}"
        );
    }
    let ringing = system.client.read("/v1/calls?progress=live").await.json();
    assert_eq!(ringing["calls"], json!([]));
}

#[tokio::test]
async fn a_caller_gets_the_amd_events_that_were_asked_for() {
    let system = TestSystem::start().await;
    let none = system.dial("detect", FAX, json!({ "amdEventsSubscription": [] })).await;
    let some = system.dial("detect", FAX, json!({ "amdEventsSubscription": ["amd_machine_detected"] })).await;
    let told = system.last_word(&none).await;
    assert_eq!(each(&told, "status"), ["Answered", "completed"]);
    assert_eq!(told[1]["sequence"], 2, "what was not sent is not counted");
    let told = system.last_word(&some).await;
    assert_eq!(each(&told, "status"), ["Answered", "Call-In-Progress", "completed"]);
    assert_eq!(told[1]["machineDetection"], "amd_machine_detected");
}

#[tokio::test]
async fn a_machine_is_hung_up_on_when_the_caller_wants_it() {
    let system = TestSystem::start().await;
    let call_id = system.dial("stay", FAX, json!({ "machineDetection": "disconnect" })).await;
    let told = system.last_word(&call_id).await;
    let last = told.last().unwrap();
    assert_eq!(last["machineDetection"], "amd_machine_detected", "{told:?}");
    assert_eq!((&last["status"], &last["reasonCode"]), (&json!("completed"), &json!("bot-disconnected")));
    let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!(call["outcome"], "machine_detected", "{call}");
}

#[tokio::test]
async fn headers_go_along_and_fields_without_a_meaning_are_named() {
    let system = TestSystem::start().await;
    let body = json!({
        "notifyUrl": system.receiver.url(),
        "notifyHeaders": { "x-channel-type": "X42_IVR", "Content-Type": "text/plain" },
        "colour": "red",
        "callControlParameter": { "sttProvider": "deepgram" },
    });
    let reply = system.client.try_dial("short", BUSY, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // No recogniser is configured here.
    let told = "notifyHeaders.Content-Type, colour, callControlParameter.sttProvider";
    assert_eq!(crate::system_fixture::ignored_but_caller(&reply.headers["dering-ignored-fields"]), told);
    let call_id = reply.json()["conversationId"].as_str().unwrap().to_owned();
    system.last_word(&call_id).await;
    let receipt = &system.inbox.of(&call_id)[0];
    assert_eq!(receipt.headers["x-channel-type"], "X42_IVR");
    assert_eq!(receipt.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_call_can_be_hung_up_through_the_api_once() {
    let system = TestSystem::start().await;
    let call_id = system.dial("stay", PERSON, json!({})).await;
    system.answered(&call_id).await;
    let asked = system.client.hang_up(&call_id).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let told = system.last_word(&call_id).await;
    assert_eq!(each(&told, "reasonCode"), ["OK", "bot-disconnected"]);
    let (status, code, detail) = system.client.hang_up(&call_id).await.problem();
    assert_eq!((status, code.as_str(), detail.as_str()), (409, "conflict", "this call has ended already"));
    let (status, _, detail) = system.client.hang_up("no-such-call").await.problem();
    assert_eq!((status, detail.as_str()), (404, "there is no call no-such-call"));
}

#[tokio::test]
async fn a_server_that_stops_lets_its_calls_end_and_takes_no_new_ones() {
    let system = TestSystem::start().await;
    let call_id = system.dial("short", PERSON, json!({})).await;
    system.answered(&call_id).await;
    let inbox = system.inbox.clone();
    let database = system.folder.path().join("dering.db");
    in_time(system.app.shutdown()).await;
    let store = dering::store::Store::open_read_only(&database).await.unwrap();
    assert_eq!(store.call(&call_id).await.unwrap().unwrap().outcome.as_deref(), Some("told"));
    let told = crate::system_fixture::last_word(&inbox, &call_id).await;
    assert!(is_final(told.last().unwrap()));
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_midst_of_its_request_leaves_no_call_behind_that_never_ends() {
    let system = TestSystem::start().await;
    for wait in 0..40 {
        let asking = system.client.try_dial("short", REJECTS, json!({}));
        let _gone = timeout(Duration::from_millis(wait), asking).await;
    }
    let last = system.dial("short", REJECTS, json!({})).await;
    system.last_word(&last).await;
    let all_ended = async {
        loop {
            let calls = system.client.read("/v1/calls?limit=100").await.json();
            let calls = calls["calls"].as_array().unwrap();
            if calls.iter().all(|call| call["state"] == "ended" || call["state"] == "failed") {
                return calls.len();
            }
        }
    };
    assert!(in_time(all_ended).await > 1);
}
