//! What the gateway refuses, and that those who behave do not notice.

use dering::gateway::{Error, Gateway};
use dering::trunk::ocs::OcsCarrier;
use dering::trunk::{DialError, Order};
use serde_json::{Value, json};

use crate::gateway_fixture::{Fixture, OTHER_TOKEN, TOKEN, acknowledged, join, joined, options, send};
use crate::peer::{self, Peer, hex};

const PATIENT: &str = "
numbers: ['+15552000']
ring: 50ms
";

#[tokio::test]
async fn a_client_without_a_good_token_is_turned_away() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[]).await;
    for (token, reason) in [
        (Value::Null, "Authentication token is required"),
        (json!("wrong"), "Invalid authentication token"),
        (json!(""), "Invalid authentication token"),
        (json!(7), "Authentication token is required"),
    ] {
        let mut peer = Peer::start("client.js", json!({"url": fixture.url(), "token": token})).await;
        let refused = peer.wait_for("a refusal", |report| report.get("refused").cloned()).await;
        assert_eq!(refused, reason);
    }
    let body = json!({"phoneNumber": "+15552000"}).to_string();
    for (token, reason) in
        [(None, "Authentication token is required"), (Some("wrong"), "Invalid authentication token")]
    {
        for request in ["POST /pbx/call", "POST /pbx/hangup", "GET /v1/cdr", "GET /v1/cdr/x"] {
            let (status, answer) = fixture.rest(request, token, Some(&body)).await;
            assert_eq!((status, answer), (401, json!({"status": 401, "errors": reason, "data": null})));
        }
    }
    assert_eq!(fixture.gateway.calls(), 0);
}

#[tokio::test]
async fn another_account_neither_sees_nor_touches_a_call() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut owner = fixture.client(TOKEN).await;
    let mut stranger = fixture.client(OTHER_TOKEN).await;
    let id = fixture.connect(&mut owner, "+15552000").await;

    stranger.tell(json!({"emit": ["joinRoom", {"sessionId": id}]})).await;
    let first = stranger.report().await;
    assert_eq!(first["event"], "roomJoined", "nothing was announced to it: {first}");
    assert_eq!(first["args"], json!([{"sessionId": id, "status": "failed"}]));
    let answer = send(&mut stranger, &id, "pcm16", &[1; 320]).await;
    assert_eq!(answer, json!({"success": false, "error": "Session not found"}));
    for event in ["hangup", "interruption"] {
        stranger.tell(json!({"emit": [event, {"sessionId": id}]})).await;
    }
    stranger.tell(json!({"emit": ["dtmf", {"sessionId": id, "digit": "1"}]})).await;
    stranger.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "x"}]})).await;
    // Its events are read in order: after this answer all of them were seen.
    send(&mut stranger, &id, "pcm16", &[1; 320]).await;
    let body = json!({"sessionId": id}).to_string();
    let (status, answer) = fixture.rest("POST /pbx/hangup", Some(OTHER_TOKEN), Some(&body)).await;
    assert_eq!((status, &answer["errors"]), (404, &json!("Session not found")));

    assert_eq!(send(&mut owner, &id, "pcm16", &[0; 320]).await["success"], true, "the call goes on");
    owner.tell(json!({"emit": ["hangup", {"sessionId": id}]})).await;
    owner.event("cdr").await;
    let (status, answer) = fixture.rest(&format!("GET /v1/cdr/{id}"), Some(OTHER_TOKEN), None).await;
    assert_eq!((status, &answer["errors"]), (404, &json!("CDR not found")));
    let (_, page) = fixture.rest("GET /v1/cdr", Some(OTHER_TOKEN), None).await;
    assert_eq!(page["data"], json!([]));
    let (_, heard, timeline) = fixture.recording(&id);
    assert!(heard.iter().all(|s| *s == 0), "nothing of the stranger was heard");
    assert!(!timeline.to_string().contains("bot_key"));
}

#[tokio::test]
async fn malformed_events_harm_nobody() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut good = fixture.client(TOKEN).await;
    let mut bad = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut good, "+15552000").await;

    for event in ["joinRoom", "audio", "checkPoint", "dtmf", "interruption", "hangup", "unheard-of"] {
        for payload in [json!(null), json!(5), json!("text"), json!([]), json!({}), json!({"sessionId": 5})] {
            bad.tell(json!({"emit": [event, payload]})).await;
        }
        bad.tell(json!({"emit": [event]})).await;
    }
    for payload in [
        json!({"sessionId": id, "audioData": "text where bytes are due", "audioFormat": "pcm16"}),
        json!({"sessionId": id, "audioData": [1, 2, 3], "audioFormat": "pcm16"}),
        json!({"sessionId": id, "audioFormat": "pcm16"}),
        json!({"sessionId": id, "audioData": hex(&[0; 320]), "audioFormat": "opus"}),
        json!({"sessionId": "no-such", "audioData": hex(&[0; 320]), "audioFormat": "pcm16"}),
    ] {
        let answer = acknowledged(&mut bad, "audio", payload).await;
        assert_eq!(answer["success"], false);
        assert!(answer["error"].as_str().is_some_and(|e| !e.is_empty()), "{answer}");
    }
    for digit in [json!("x"), json!("12"), json!(""), json!(99)] {
        bad.tell(json!({"emit": ["dtmf", {"sessionId": id, "digit": digit, "duration": -1e300}]})).await;
    }
    bad.tell(json!({"emit": ["joinRoom", {"sessionId": "no-such"}]})).await;
    assert_eq!(joined(&mut bad, "no-such").await, "failed");
    // A megabyte at once is more than a chunk, and still in order.
    let answer = send(&mut bad, &id, "pcm16", &vec![0; 1_000_000]).await;
    assert_eq!(answer["success"], true);
    for _ in 0..500 {
        bad.tell(json!({"emit": ["joinRoom", {"sessionId": id}]})).await;
    }
    join(&mut bad, &id).await;
    // What is no Socket.IO at all costs the offender its connection.
    bad.tell(json!({"raw": "2[\"audio\",{]"})).await;
    bad.tell(json!({"raw": "9nonsense"})).await;

    good.tell(json!({"emit": ["interruption", {"sessionId": id}]})).await;
    assert_eq!(send(&mut good, &id, "pcm16", &[0; 320]).await["success"], true);
    good.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "still here"}]})).await;
    assert_eq!(good.event("checkPoint").await[0]["name"], "still here");
}

#[tokio::test]
async fn requests_that_make_no_sense_get_the_documented_envelope() {
    let fixture = Fixture::start(&[]).await;
    let long = format!("{{\"phoneNumber\":\"{}\"}}", "1".repeat(100_000));
    for (request, body, status, reason) in [
        ("POST /pbx/call", Some("{}"), 400, "Phone number is required"),
        ("POST /pbx/call", Some(r#"{"phoneNumber":null}"#), 400, "Phone number is required"),
        ("POST /pbx/call", Some(r#"{"phoneNumber":"call me"}"#), 400, "Invalid phone number format"),
        ("POST /pbx/call", Some(r#"{"phoneNumber":["1"]}"#), 400, "Invalid phone number format"),
        ("POST /pbx/call", Some(r#"{"phoneNumber":1.5}"#), 400, "Invalid phone number format"),
        ("POST /pbx/call", Some("{"), 400, "Invalid request body"),
        ("POST /pbx/call", None, 400, "Invalid request body"),
        ("POST /pbx/call", Some(&long), 413, "too large"),
        ("POST /pbx/hangup", Some("{}"), 400, "Session ID is required"),
        ("POST /pbx/hangup", Some(r#"{"sessionId":"none"}"#), 404, "Session not found"),
        ("GET /v1/cdr/none", None, 404, "CDR not found"),
        ("GET /v1/cdr?page=0", None, 400, "page"),
        ("GET /v1/cdr?filter.duration=$gte:long", None, 400, "filter.duration"),
        ("GET /v1/nothing", None, 404, "Resource not found"),
        ("GET /pbx/call", None, 405, "Method not allowed"),
    ] {
        let (code, answer) = fixture.rest(request, Some(TOKEN), body).await;
        assert_eq!(
            (code, &answer["status"], &answer["data"]),
            (status, &json!(status), &Value::Null),
            "{request}"
        );
        assert!(answer["errors"].as_str().is_some_and(|e| e.contains(reason)), "{request}: {answer}");
    }
    let (code, answer) =
        fixture.rest("POST /pbx/call", Some(TOKEN), Some(r#"{"phoneNumber":89608675796,"extra":1}"#)).await;
    assert_eq!(
        (code, &answer["data"]["phoneNumber"]),
        (200, &json!("89608675796")),
        "numbers are taken, too"
    );
}

#[tokio::test]
async fn what_keeps_a_gateway_from_starting_is_said_in_a_sentence() {
    let fixture = Fixture::start(&[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut second = options(folder.path(), &[]);
    second.listen = fixture.gateway.address();
    let error = Gateway::start(second).await.expect_err("the port is taken");
    assert!(matches!(error, Error::InUse { .. }) && error.to_string().contains("already in use"), "{error}");

    let broken = options(folder.path(), &[("broken", "numbers: ['+1']\nring: soon\n")]);
    let error = Gateway::start(broken).await.expect_err("a broken callee").to_string();
    assert!(error.contains("broken.yaml:2:7"), "{error}");

    let mut nobody = options(folder.path(), &[("broken", "numbers: ['+1']\n")]);
    nobody.accounts.clear();
    assert!(matches!(Gateway::start(nobody).await, Err(Error::NoAccount)));
}

#[tokio::test]
async fn a_gateway_that_has_too_much_to_do_asks_clients_to_wait() {
    // No timer is on time to the microsecond.
    let fixture = Fixture::start_with(&[("patient", PATIENT)], |options| {
        options.max_lateness = std::time::Duration::ZERO;
    })
    .await;
    let url = format!("{}/pbx/call", fixture.url());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = peer::within("a gateway that is late", async {
        loop {
            let request = http.post(&url).bearer_auth(TOKEN).json(&json!({"phoneNumber": "+15552000"}));
            let answer = request.send().await.unwrap();
            if answer.status() != 200 {
                return answer;
            }
        }
    })
    .await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body, json!({"status": 429, "errors": "Too many calls for now", "data": null}));
    // Our own client understands it.
    let (trunk, _task) = OcsCarrier::start(trunk_options(&fixture)).unwrap();
    let refused = peer::within("the answer", async {
        loop {
            if let Err(refused) = trunk.place(Order::to("+15552000")).await {
                return refused;
            }
        }
    })
    .await;
    let DialError::Busy { wait: told, .. } = refused else { panic!("{refused}") };
    assert_eq!(told.as_secs(), wait);
}

fn trunk_options(fixture: &Fixture) -> dering::trunk::ocs::Options {
    let mut options = crate::trunk_fixture::options(fixture.url());
    options.token = TOKEN.into();
    options
}
