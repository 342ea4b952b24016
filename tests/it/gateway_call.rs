//! Whole calls through the gateway, driven by the reference Socket.IO client.

use callcore::audio::frame::to_pcm16le;
use serde_json::{Value, json};

use crate::gateway_fixture::{Fixture, TOKEN, acknowledged, feed, join, send, status};
use crate::peer::{self, hex};

/// Beeps, waits for the bot, presses a key, hangs up.
const POLITE: &str = "
numbers: ['+15551000']
ring: 100ms
script:
- silence: 100ms
- beep: { hz: 1000, length: 300ms }
- wait_until_bot_stops: { silence: 200ms }
- dtmf: '5'
- hang_up
";

const PATIENT: &str = "
numbers: ['+15552000']
ring: 50ms
";

/// `count` samples that are all different and louder than any noise.
fn ramp(count: usize) -> Vec<i16> {
    (0..count).map(|n| 2_000 + i16::try_from(n).expect("few")).collect()
}

fn position(haystack: &[i16], needle: &[i16]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn happenings(timeline: &Value) -> Vec<String> {
    let entries = timeline["events"].as_array().expect("a list");
    entries.iter().map(|e| e["event"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_call_is_announced_answered_fed_heard_recorded_and_filed() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("polite", POLITE)]).await;
    let mut client = fixture.client(TOKEN).await;
    let id = fixture.call("+1 (555) 1000").await;
    assert_eq!(client.event("newSession").await, json!([{"sessionId": id, "type": "outbound"}]));
    join(&mut client, &id).await;
    for expected in ["Dialing", "Ringing", "Connected"] {
        assert_eq!(client.event("dialStatus").await, json!([{"sessionId": id, "status": expected}]));
    }

    // Odd lengths, an empty chunk, and one of a single byte: 600 ms in all.
    let sent = ramp(4_800);
    let bytes = to_pcm16le(&sent);
    let mut at = 0;
    for length in [4_001, 1, 0, 160, 319, bytes.len()] {
        let end = (at + length).min(bytes.len());
        feed(&mut client, &id, "l16-8k", &bytes[at..end]).await;
        at = end;
    }
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "greeting"}]})).await;
    assert_eq!(client.event("checkPoint").await, json!([{"sessionId": id, "name": "greeting"}]));
    assert_eq!(client.event("dtmf").await, json!([{"sessionId": id, "digit": "5"}]));
    assert_eq!(client.event("hangup").await, json!([{"sessionId": id}]));
    let cdr = client.event("cdr").await[0].clone();

    client.tell(json!({"heard": true})).await;
    let heard = client.wait_for("what was heard", |report| report.get("heard").cloned()).await;
    assert_eq!(heard["shapes"], json!(["string,true,320,pcm16,0"]));
    assert!(heard["loudest"].as_i64().is_some_and(|loudest| loudest > 4_000), "the beep: {heard}");

    assert_eq!(cdr["sessionId"], json!(id));
    assert_eq!(cdr["destination"], "+1 (555) 1000");
    assert_eq!((&cdr["disposition"], &cdr["hangupBy"]), (&json!("ANSWERED"), &json!("CALLEE")));
    assert_eq!(cdr["hangupCauseCode"], 16);
    assert_eq!(cdr["hangupCauseText"], "Call completed successfully");
    assert!(cdr["answerTime"].as_str() > cdr["startTime"].as_str(), "{cdr}");
    let (code, detail) = fixture.rest(&format!("GET /v1/cdr/{id}"), Some(TOKEN), None).await;
    assert_eq!((code, &detail["status"], &detail["errors"]), (200, &json!(200), &json!("")));
    for (field, value) in cdr.as_object().expect("a record") {
        assert_eq!(&detail["data"][field], value, "{field}");
    }
    assert!(detail["data"]["createdAt"].is_string() && detail["data"]["updatedAt"].is_string());

    let (said, heard, timeline) = fixture.recording(&id);
    assert_eq!(said.len(), heard.len());
    let begin = position(&heard, &sent).expect("every sample, in order, without a gap");
    assert!(heard[..begin].iter().chain(&heard[begin + sent.len()..]).all(|s| *s == 0), "and nothing else");
    assert!(
        said.iter().any(|s| *s > 4_000) && said[..700].iter().any(|s| *s != 0),
        "a beep over a live line"
    );
    let order = happenings(&timeline);
    assert_eq!(order[0], "answered");
    assert_eq!(order.last().map(String::as_str), Some("hangup"));
    for expected in
        ["callee_started", "callee_stopped", "bot_started", "bot_stopped", "check_point", "callee_key"]
    {
        assert!(order.iter().any(|e| e == expected), "{expected} in {order:?}");
    }
    assert_eq!(timeline["durationMs"].as_u64(), Some(said.len() as u64 / 8));
}

#[tokio::test]
async fn an_interruption_stops_the_bot_and_what_is_sent_next_is_played() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut client = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut client, "+15552000").await;
    let first = to_pcm16le(&ramp(800));
    assert_eq!(send(&mut client, &id, "pcm16", &first).await["success"], true);
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "begun"}]})).await;
    // Half a minute that nobody shall hear to its end.
    feed(&mut client, &id, "ulaw", &[0x80; 240_000]).await;
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "never"}]})).await;
    assert_eq!(client.event("checkPoint").await[0]["name"], "begun");
    client.tell(json!({"emit": ["interruption", {"sessionId": id}]})).await;
    let second: Vec<i16> = ramp(1_600).iter().map(|s| -s).collect();
    assert_eq!(send(&mut client, &id, "pcm16", &to_pcm16le(&second)).await["success"], true);
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "again"}]})).await;
    assert_eq!(client.event("checkPoint").await[0]["name"], "again", "the check point behind it is dropped");
    client.tell(json!({"emit": ["hangup", {"sessionId": id}]})).await;
    let cdr = client.event("cdr").await[0].clone();
    assert_eq!((&cdr["disposition"], &cdr["hangupBy"]), (&json!("ANSWERED"), &json!("CALLER")));

    let (_, heard, timeline) = fixture.recording(&id);
    let again = position(&heard, &second).expect("what was sent after the interruption");
    let before = position(&heard, &ramp(800)).expect("what was sent first") + 800;
    assert!(again - before < 8_000, "the half minute was cut off");
    let interruption = timeline["events"].as_array().expect("a list").iter();
    let dropped: Vec<u64> = interruption.filter_map(|e| e["droppedMs"].as_u64()).collect();
    assert!(dropped.len() == 1 && dropped[0] > 20_000, "{dropped:?}");
}

#[tokio::test]
async fn compressed_audio_and_keys_reach_the_callee() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut client = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut client, "+15552000").await;
    // One second of 1000 Hz as MP3, cut where no frame ends.
    let mp3 = include_bytes!("../data/tone-24k.mp3");
    for chunk in mp3.chunks(333) {
        assert_eq!(send(&mut client, &id, "mp3", chunk).await, json!({"success": true, "error": null}));
    }
    let alaw = send(&mut client, &id, "alaw", &[0xaa; 800]).await;
    assert_eq!(alaw["success"], true);
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "played"}]})).await;
    client.event("checkPoint").await;
    client.tell(json!({"emit": ["dtmf", {"sessionId": id, "digit": 7, "duration": 200}]})).await;
    client.tell(json!({"emit": ["dtmf", {"sessionId": id, "digit": "#"}]})).await;
    client.tell(json!({"emit": ["checkPoint", {"sessionId": id, "name": "pressed"}]})).await;
    client.event("checkPoint").await;
    let hangup = json!({"sessionId": id}).to_string();
    let (code, answer) = fixture.rest("POST /pbx/hangup", Some(TOKEN), Some(&hangup)).await;
    assert_eq!((code, answer), (200, json!({"status": 200, "errors": "", "data": {"sessionId": id}})));
    client.event("cdr").await;

    let (_, heard, timeline) = fixture.recording(&id);
    let steady: Vec<i16> = heard.iter().copied().filter(|s| s.unsigned_abs() > 8_000).collect();
    assert!(steady.len() > 2_500, "a second of a loud tone: {}", steady.len());
    let alaw_at = position(&heard, &[32_256; 800]).expect("the A-law chunk, whole");
    let tone = &heard[..alaw_at];
    let begin = tone.iter().position(|s| s.unsigned_abs() > 1_000).expect("the tone");
    let crossings = tone[begin..].windows(2).filter(|w| (w[0] < 0) != (w[1] < 0)).count();
    let ms = (alaw_at - begin) / 8;
    assert!((950..1_250).contains(&ms), "about one second: {ms} ms");
    assert!((1_900..2_150).contains(&crossings), "1000 Hz cross zero 2000 times a second: {crossings}");
    let keys: Vec<&str> =
        timeline["events"].as_array().expect("a list").iter().filter_map(|e| e["key"].as_str()).collect();
    assert_eq!(keys, ["7", "#"]);
}

#[tokio::test]
async fn a_call_that_nobody_takes_ends_as_its_callee_says() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[
        ("busy", "numbers: ['+1001']\noutcome: busy\nring: 50ms\n"),
        ("reject", "numbers: ['+1002']\noutcome: reject\nring: 50ms\n"),
        ("away", "numbers: ['+1003']\noutcome: no_answer\nring: 50ms\n"),
        ("congestion", "numbers: ['+1004']\noutcome: congestion\nring: 50ms\n"),
        ("bad", "numbers: ['+1005']\noutcome: bad_number\nring: 50ms\n"),
    ])
    .await;
    let mut client = fixture.client(TOKEN).await;
    for (number, statuses, disposition, cause, text) in [
        ("+1001", &["Dialing", "Busy"][..], "BUSY", 17, "Destination busy"),
        ("+1002", &["Dialing", "Ringing", "Failed"], "FAILED", 21, "Call declined by user"),
        ("+1003", &["Dialing", "Ringing", "Failed"], "NO ANSWER", 19, "Destination not answering"),
        ("+1004", &["Dialing", "Failed"], "FAILED", 34, "Network congestion"),
        ("+1005", &["Dialing", "Failed"], "FAILED", 1, "Invalid destination number"),
        ("089608675796", &["Dialing", "Failed"], "FAILED", 1, "Invalid destination number"),
    ] {
        let id = fixture.call(number).await;
        join(&mut client, &id).await;
        for expected in statuses {
            assert_eq!(client.event("dialStatus").await[0]["status"], *expected, "{number}");
        }
        client.event("hangup").await;
        let cdr = client.event("cdr").await[0].clone();
        assert_eq!(
            (&cdr["disposition"], &cdr["hangupBy"]),
            (&json!(disposition), &json!("CALLEE")),
            "{number}"
        );
        assert_eq!(
            (&cdr["hangupCauseCode"], &cdr["hangupCauseText"]),
            (&json!(cause), &json!(text)),
            "{number}"
        );
        assert_eq!((&cdr["answerTime"], &cdr["billableSeconds"]), (&Value::Null, &json!(0)), "{number}");
    }
    let query = "GET /v1/cdr?limit=2&filter.disposition=$in:FAILED,BUSY&filter.destination=$contains:%2B100";
    let (_, page) = fixture.rest(query, Some(TOKEN), None).await;
    let found: Vec<&str> =
        page["data"].as_array().expect("a list").iter().filter_map(|r| r["destination"].as_str()).collect();
    assert_eq!(found, ["+1005", "+1004"]);
    assert_eq!((&page["meta"]["totalItems"], &page["meta"]["totalPages"]), (&json!(4), &json!(2)));
}

#[tokio::test]
async fn a_call_hung_up_while_it_rings_is_cancelled_by_the_caller() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("slow", "numbers: ['+1001']\nring: 50s\n")]).await;
    let mut client = fixture.client(TOKEN).await;
    let id = fixture.call("+1001").await;
    join(&mut client, &id).await;
    status(&mut client, &id, "Ringing").await;
    let early = send(&mut client, &id, "pcm16", &[0; 320]).await;
    assert_eq!(early, json!({"success": false, "error": "Call is not connected"}));
    client.tell(json!({"emit": ["hangup", {"sessionId": id}]})).await;
    let cdr = client.event("cdr").await[0].clone();
    assert_eq!((&cdr["disposition"], &cdr["hangupBy"]), (&json!("CANCEL"), &json!("CALLER")));
    client.tell(json!({"emit": ["joinRoom", {"sessionId": id}]})).await;
    assert_eq!(client.event("roomJoined").await, json!([{"sessionId": id, "status": "failed"}]));
}

#[tokio::test]
async fn a_queue_that_is_full_is_said_so_and_the_rest_still_plays() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut client = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut client, "+15552000").await;
    // Five minutes may wait; these are six.
    let mut refused = Value::Null;
    for _ in 0..6 {
        let payload = json!({"sessionId": id, "audioData": hex(&[0xff; 480_000]), "audioFormat": "mulaw"});
        let answer = acknowledged(&mut client, "audio", payload).await;
        if answer["success"] == false {
            refused = answer["error"].clone();
        }
    }
    assert!(refused.as_str().is_some_and(|e| e.contains("queue is full")), "{refused}");
    client.tell(json!({"emit": ["interruption", {"sessionId": id}]})).await;
    assert_eq!(send(&mut client, &id, "pcm16", &[0; 320]).await["success"], true);
}

#[tokio::test]
async fn a_stopping_gateway_ends_its_calls_in_order() {
    if !peer::is_ready() {
        return;
    }
    let fixture = Fixture::start(&[("patient", PATIENT)]).await;
    let mut client = fixture.client(TOKEN).await;
    let id = fixture.connect(&mut client, "+15552000").await;
    assert_eq!(fixture.gateway.calls(), 1);
    let recording = fixture.gateway.recording(&id).expect("recordings are on");
    fixture.gateway.shutdown().await;
    assert_eq!(client.event("hangup").await, json!([{"sessionId": id}]));
    let cdr = client.event("cdr").await[0].clone();
    assert_eq!((&cdr["hangupCauseCode"], &cdr["hangupBy"]), (&json!(38), &Value::Null));
    client.wait_for("the end", |report| report.get("disconnected").cloned()).await;
    assert!(recording.exists());
    drop(fixture.folder);
}
