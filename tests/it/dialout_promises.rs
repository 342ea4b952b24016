//! What a dial-out promises beyond Kore: done once, at its time, in bulk, or only foretold.

use callcore::call::Direction;
use dering::app::App;
use dering::session::{DialRequest, NotifyTarget};
use dering::store::{CallBatch, CallState, NewCall, NewDialOut, NewPlan, Store};
use dering::wallclock::{iso, now_ms};
use serde_json::{Value, json};

use crate::system_fixture::{
    APP, BUSY, Carrier, Client, FAX, NOBODY, PERSON, RINGS, Reply, Setup, TestSystem, config,
    create_credentials, each, in_time, last_word, local, write_fixtures,
};

const MINUTE: i64 = 60_000;

fn dialout(system: &TestSystem, bot: &str) -> String {
    format!("http://{}/api/1.1/public/bot/{bot}/smartassist/dialout", system.app.address())
}

/// Posts `body` with an idempotency key.
async fn keyed(system: &TestSystem, key: &str, body: &Value) -> Reply {
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(dialout(system, "short"));
    let request = request.header("auth", system.client.token()).header("Idempotency-Key", key);
    crate::system_fixture::reply_to(request.body(body.to_string())).await
}

/// Posts a batch; a result per line.
async fn batch(system: &TestSystem, bot: &str, lines: String) -> Vec<Value> {
    let url = format!("{}/batch", dialout(system, bot));
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
    let request = request.header("auth", system.client.token()).body(lines);
    let reply = crate::system_fixture::reply_to(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.headers["content-type"], "application/x-ndjson");
    reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn calls(system: &TestSystem, query: &str) -> Vec<Value> {
    let listed = system.client.read(&format!("/v1/calls?limit=500&{query}")).await.json();
    listed["calls"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_request_that_is_sent_again_with_its_key_is_done_once() {
    let system = TestSystem::start().await;
    let body = json!({ "target": format!("tel:{BUSY}"), "notifyUrl": system.receiver.url() });
    let first = keyed(&system, "order-7", &body).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(first.headers.get("idempotency-replayed").is_none());
    let again = keyed(&system, "\"order-7\"", &body).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = keyed(&system, "order-7", &json!({ "target": format!("tel:{PERSON}") })).await;
    let (status, code, detail) = other.problem();
    assert_eq!((status, code.as_str()), (422, "key_reused"), "{detail}");
    let unreadable = keyed(&system, &"x".repeat(300), &body).await;
    assert!(unreadable.problem().2.starts_with("Idempotency-Key: must be 1 to 255"));
    assert_eq!(calls(&system, "").await.len(), 1);
    // A refused request keeps nothing: it may be put right under the same key.
    let wrong = keyed(&system, "order-8", &json!({ "target": format!("tel:{BUSY}"), "trunk": "none" })).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(keyed(&system, "order-8", &body).await.status, 200);
}

#[tokio::test]
async fn of_many_requests_at_once_with_one_key_one_is_done() {
    let system = TestSystem::start().await;
    let body = json!({ "target": format!("tel:{BUSY}") });
    let replies = futures_util::future::join_all((0..20).map(|_| keyed(&system, "once", &body))).await;
    let first = replies[0].json();
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.json() == first), "{replies:?}");
    let replayed = replies.iter().filter(|reply| reply.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 19);
    assert_eq!(calls(&system, "").await.len(), 1);
}

#[tokio::test]
async fn a_call_waits_for_its_time_and_is_dialled_then() {
    let system = TestSystem::start().await;
    let at = iso(now_ms() + 700);
    let reply = system
        .client
        .try_dial("short", BUSY, json!({ "notifyUrl": system.receiver.url(), "scheduleAt": at }))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["scheduledAt"], at);
    let call_id = reply.json()["callId"].as_str().unwrap().to_owned();
    let listed = calls(&system, "progress=scheduled").await;
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &json!("scheduled")), "{listed:?}");
    assert_eq!(calls(&system, "progress=live").await, [] as [Value; 0]);
    let told = system.last_word(&call_id).await;
    assert_eq!(each(&told, "reason"), ["486 Busy Here"]);
    assert!(told[0]["callDisconnectTime"].as_str() >= Some(at.as_str()), "not before its time: {told:?}");
    assert!(told[0]["connectDurationInMS"].as_u64().unwrap() < 600, "counted from the dialling: {told:?}");
    let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert!(call["beganMs"].as_i64() >= call["startMs"].as_i64(), "{call}");
}

/// A call that was never dialled has a record of its own name, without a second in it, and is in the history.
async fn assert_recorded(
    system: &TestSystem,
    call_id: &str,
    number: &str,
    (disposition, cause, by): (&str, i64, Value),
) {
    let record = system.client.read(&format!("/v1/cdr/{call_id}")).await.json()["data"].clone();
    assert_eq!((&record["sessionId"], &record["destination"]), (&json!(call_id), &json!(number)), "{record}");
    assert_eq!((&record["disposition"], &record["hangupCauseCode"]), (&json!(disposition), &json!(cause)));
    assert_eq!((&record["hangupBy"], &record["answerTime"]), (&by, &Value::Null), "{record}");
    assert_eq!((&record["duration"], &record["billableSeconds"]), (&json!(0), &json!(0)), "{record}");
    assert_eq!((&record["estimated"], &record["startTime"]), (&json!(true), &record["endTime"]), "{record}");
    let listed = system.client.read("/v1/calls?progress=ended&limit=500").await.json();
    assert!(listed["calls"].as_array().unwrap().iter().any(|call| call["callId"] == call_id), "{listed}");
}

#[tokio::test]
async fn a_planned_call_can_be_called_off_and_says_so_once() {
    let system = TestSystem::start().await;
    let person = dering::store::NewContact {
        id: Some("called-off".into()),
        number: PERSON.into(),
        name: None,
        flow: None,
        metadata: json!({}),
    };
    system.app.store().create_contact(person).await.unwrap();
    let later = json!({ "notifyUrl": system.receiver.url(), "scheduleAt": iso(now_ms() + 10 * MINUTE) });
    let by_hang_up = system.client.dial("short", PERSON, later.clone()).await;
    let by_reader = system.client.dial("short", PERSON, later.clone()).await;
    let by_app = system.client.dial("short", PERSON, later).await;
    assert_eq!(system.client.hang_up(&by_hang_up).await.status, 202);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/v1/calls/{by_reader}", system.app.address());
    let key = secrecy::ExposeSecret::expose_secret(&system.client.key).to_owned();
    assert_eq!(crate::system_fixture::reply_to(http.delete(url).bearer_auth(key)).await.status, 202);
    let own = |bot: &str| {
        let url = format!("{}/{by_app}", dialout(&system, bot));
        http.delete(url).header("auth", system.client.token())
    };
    let foreign = crate::system_fixture::reply_to(own("stay")).await;
    assert_eq!(foreign.problem().0, 404, "a call of another bot");
    assert_eq!(crate::system_fixture::reply_to(own("short")).await.status, 202);
    assert_eq!(crate::system_fixture::reply_to(own("short")).await.problem().0, 409);
    for call_id in [&by_hang_up, &by_reader, &by_app] {
        let told = system.last_word(call_id).await;
        assert_eq!(each(&told, "status"), ["Failed"]);
        assert_eq!(each(&told, "reasonCode"), ["Request Terminated"]);
        let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!((&call["outcome"], &call["disposition"]), (&json!("cancelled"), &json!("CANCEL")));
        assert_recorded(&system, call_id, PERSON, ("CANCEL", 16, json!("CALLER"))).await;
    }
    assert_eq!(system.carrier.calls(), 0);
    let history = system.client.read("/v1/calls/history?user_id=called-off").await.json();
    assert_eq!(history["call_records"].as_array().unwrap().len(), 3, "{history}");
}

#[tokio::test]
async fn a_call_that_gets_no_line_in_time_expires() {
    let system = TestSystem::with(Setup { lines: Some((1, 5)), ..Setup::default() }).await;
    let talking = system.dial("stay", PERSON, json!({})).await;
    system.answered(&talking).await;
    let soon = iso(now_ms() + 400);
    let queued = system.dial("short", PERSON, json!({ "expiresAt": soon })).await;
    let planned = batch(
        &system,
        "short",
        json!({ "target": format!("tel:{PERSON}"), "notifyUrl": system.receiver.url(), "expiresAt": soon })
            .to_string(),
    )
    .await;
    for call_id in [queued.as_str(), planned[0]["callId"].as_str().unwrap()] {
        let told = system.last_word(call_id).await;
        assert_eq!(each(&told, "status"), ["Failed"], "{told:?}");
        assert_eq!((&told[0]["reason"], &told[0]["reasonCode"]), (&json!("408 Expired"), &json!("Expired")));
        assert!(told[0]["detail"].as_str().unwrap().contains(&soon), "{told:?}");
        let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!((&call["outcome"], &call["state"]), (&json!("expired"), &json!("ended")), "{call}");
        assert_recorded(&system, call_id, PERSON, ("FAILED", 102, Value::Null)).await;
    }
    let late = system.client.try_dial("short", PERSON, json!({ "expiresAt": iso(now_ms() - 1_000) })).await;
    let (status, _, detail) = late.problem();
    assert_eq!(status, 422, "{detail}");
    assert!(detail.starts_with("the call would begin too late"), "{detail}");
    assert_eq!(system.client.hang_up(&talking).await.status, 202);
}

/// Writes a planned call into a store whose server is down.
async fn plan(store: &Store, call_id: &str, number: &str, url: String, expires_ms: Option<i64>) {
    let start_ms = now_ms() - MINUTE;
    let notify = NotifyTarget { url: url.clone(), headers: Default::default(), amd_events: None };
    let request = DialRequest {
        app_id: APP.into(),
        bot_id: "short".into(),
        flow: "short".into(),
        number: number.into(),
        notify: Some(notify),
        start_ms: Some(start_ms),
        expires_ms,
        ..DialRequest::default()
    };
    let new = NewCall {
        app_id: APP.into(),
        bot_id: "short".into(),
        trunk: "main".into(),
        direction: Direction::Outbound,
        target: number.into(),
        flow: "short".into(),
        metadata: json!({}),
        notify_url: Some(url),
        state: CallState::Scheduled,
        created_ms: start_ms,
        ..NewCall::default()
    };
    let batch = CallBatch { call_id: call_id.into(), new: Some(new), ..CallBatch::default() };
    let request = serde_json::to_string(&request).unwrap();
    let plan = NewPlan { trunk: "main".into(), start_ms, expires_ms, request };
    store.accept(NewDialOut { batch, plan: Some(plan), ..NewDialOut::default() }).await.unwrap();
}

#[tokio::test]
async fn planned_calls_survive_a_restart_and_those_that_are_late_are_dialled_unless_they_expired() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let config = config(folder.path(), &carrier);
    let app = App::start(&config).await.unwrap();
    let (secret, key) = create_credentials(app.store()).await;
    let inbox = dering::outbox::receiver::Inbox::new(vec![secret.clone()]);
    let receiver = dering::outbox::receiver::Receiver::start(inbox.router(), local()).await.unwrap();
    let client = Client::new(app.address(), secret, key);
    let later = json!({ "notifyUrl": receiver.url(), "scheduleAt": iso(now_ms() + 60 * MINUTE) });
    let future = client.dial("short", PERSON, later).await;
    in_time(app.shutdown()).await;

    let store = Store::open(dering::store::Options::file(&config.database)).await.unwrap();
    plan(&store, "late", BUSY, receiver.url(), None).await;
    plan(&store, "too-late", BUSY, receiver.url(), Some(now_ms() - 1_000)).await;
    store.close().await;

    let app = App::start(&config).await.unwrap();
    assert_eq!(each(&last_word(&inbox, "late").await, "reason"), ["486 Busy Here"]);
    assert_eq!(each(&last_word(&inbox, "too-late").await, "reasonCode"), ["Expired"]);
    let call = app.store().call(&future).await.unwrap().unwrap();
    assert_eq!((call.state.as_str(), call.ended_ms), ("scheduled", None), "its time is still to come");
    assert!(inbox.of(&future).is_empty());
    in_time(app.shutdown()).await;
}

#[tokio::test]
async fn a_number_that_asks_for_no_more_calls_is_spared_its_planned_ones() {
    let system = TestSystem::with(Setup { lines: Some((1, 5)), ..Setup::default() }).await;
    let talking = system.dial("stay", PERSON, json!({})).await;
    system.answered(&talking).await;
    let line = json!({ "target": format!("tel:{BUSY}"), "notifyUrl": system.receiver.url() }).to_string();
    let planned = batch(&system, "short", line).await;
    let call_id = planned[0]["callId"].as_str().unwrap();
    let asked = dering::store::NewDoNotCall { at_ms: now_ms(), words: None };
    let batch = CallBatch { call_id: call_id.to_owned(), do_not_call: Some(asked), ..CallBatch::default() };
    system.app.store().record(batch).await.unwrap();
    assert_eq!(system.client.hang_up(&talking).await.status, 202);
    let told = system.last_word(call_id).await;
    assert_eq!((each(&told, "status"), each(&told, "reason")), (vec!["Failed"], vec!["603 Do Not Call"]));
    assert_recorded(&system, call_id, BUSY, ("FAILED", 21, Value::Null)).await;
}

#[tokio::test]
async fn a_number_that_comes_on_the_list_while_its_call_waits_for_a_line_is_not_dialled() {
    let system = TestSystem::with(Setup { lines: Some((1, 5)), ..Setup::default() }).await;
    let talking = system.dial("stay", PERSON, json!({})).await;
    system.answered(&talking).await;
    let waiting = system.dial("short", BUSY, json!({})).await;
    let actor = dering::store::Actor::server();
    let digits = BUSY.trim_start_matches('+');
    assert!(system.app.store().put_on_do_not_call(digits, "asked by letter", actor).await.unwrap());
    assert_eq!(system.client.hang_up(&talking).await.status, 202);
    let told = system.last_word(&waiting).await;
    assert_eq!((each(&told, "status"), each(&told, "reason")), (vec!["Failed"], vec!["603 Do Not Call"]));
    assert!(each(&told, "detail")[0].ends_with(": asked by letter"), "{told:?}");
    let kinds = system.app.store().events(&waiting, 0, 20).await.unwrap();
    assert!(kinds.iter().all(|event| event.kind != "dialling"), "{kinds:?}");
}

#[tokio::test]
async fn a_pin_chooses_another_version_of_the_bots_flow() {
    let system = TestSystem::start().await;
    let digest = system.app.store().flow_versions().await.unwrap();
    let digest = &digest.iter().find(|row| row.flow == "short").unwrap().digest;
    for pin in [format!("short@{}", &digest[..12]), "latest".to_owned(), format!("@{digest}")] {
        let call_id = system.dial("sales", BUSY, json!({ "flow": pin })).await;
        let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
        assert_eq!(call["flowDigest"], digest.as_str(), "{pin}");
    }
    let unknown = system.client.try_dial("sales", BUSY, json!({ "flow": "short@nope" })).await.problem();
    assert_eq!(unknown.0, 404);
    assert!(unknown.2.contains("has no version or label `nope`"), "{}", unknown.2);
    let other = system.client.try_dial("sales", BUSY, json!({ "flow": "stay@latest" })).await.problem();
    assert_eq!(other.0, 400);
    assert!(other.2.contains("runs the flow `short`, not `stay`"), "{}", other.2);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_become_of_a_call_and_does_nothing() {
    let system = TestSystem::with(Setup { lines: Some((1, 1)), ..Setup::default() }).await;
    let foretold = async |bot: &str, extra: Value| {
        let mut all = json!({ "dryRun": true, "notifyUrl": system.receiver.url() });
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let reply = system.client.try_dial(bot, RINGS, all).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    };
    let now = foretold("sales", json!({})).await;
    assert_eq!((&now["when"], &now["wouldDial"]), (&json!("now"), &json!(true)), "{now}");
    assert_eq!(now["trunk"], json!({ "name": "main", "lines": 1, "busy": 0, "waiting": 0, "state": "up" }));
    assert_eq!(now["flow"]["name"], "short");
    assert!(now["estimateBasis"].as_str().unwrap().contains("the flow's longest call"), "{now}");
    let at = iso(now_ms() + MINUTE);
    let scheduled = foretold("sales", json!({ "scheduleAt": at })).await;
    assert_eq!((&scheduled["when"], &scheduled["scheduledAt"]), (&json!("scheduled"), &json!(at)));
    for (bot, extra, code, says) in [
        ("ghost", json!({}), "not_found", "there is no flow `ghost`"),
        ("broken", json!({}), "invalid", "`dering flow check"),
        ("named", json!({}), "invalid", "name"),
        ("sales", json!({ "trunk": "other" }), "invalid", "no trunk named"),
        ("sales", json!({ "flow": "nope" }), "not_found", "no version or label"),
        ("sales", json!({ "expiresAt": iso(now_ms() - 1) }), "invalid", "too late"),
    ] {
        let never = foretold(bot, extra).await;
        assert_eq!((&never["when"], &never["wouldDial"]), (&json!("never"), &json!(false)), "{never}");
        assert_eq!(never["problem"]["code"], code, "{never}");
        assert!(never["problem"]["detail"].as_str().unwrap().contains(says), "{never}");
    }
    assert_eq!(calls(&system, "").await, [] as [Value; 0]);

    let talking = system.dial("stay", PERSON, json!({})).await;
    system.answered(&talking).await;
    let queued = foretold("sales", json!({})).await;
    assert_eq!((&queued["when"], &queued["ahead"]), (&json!("queued"), &json!(0)), "{queued}");
    let waiting = system.dial("short", PERSON, json!({})).await;
    let full = foretold("sales", json!({})).await;
    assert_eq!(full["problem"]["code"], "rate_limited", "{full}");
    assert_eq!(system.client.hang_up(&talking).await.status, 202);
    system.last_word(&waiting).await;
    let learned = foretold("sales", json!({})).await;
    assert_eq!(learned["estimateBasis"], "1 answered call of this flow", "{learned}");
    assert_eq!(learned["estimatedMinutes"], 0.0, "half a second");
    assert_eq!(calls(&system, "").await.len(), 2, "nothing was written for a dry run");
}

#[tokio::test]
async fn a_batch_answers_every_line_and_one_bad_line_harms_no_other() {
    let system = TestSystem::start().await;
    let url = system.receiver.url();
    let busy = json!({ "target": format!("tel:{BUSY}"), "notifyUrl": url, "idempotencyKey": "a" });
    let lines = [
        busy.to_string(),
        "not json".into(),
        String::new(),
        json!({ "target": "tel:12" }).to_string(),
        busy.to_string(),
        json!({ "target": format!("tel:{NOBODY}"), "idempotencyKey": "a" }).to_string(),
        json!({ "target": format!("tel:{NOBODY}"), "colour": 1, "notifyUrl": url }).to_string(),
        json!({ "target": format!("tel:{BUSY}"), "metadata": { "x": "y".repeat(300_000) } }).to_string(),
        json!({ "target": format!("tel:{BUSY}"), "dryRun": true }).to_string(),
    ];
    let results = batch(&system, "short", lines.join("\r\n")).await;
    let numbers: Vec<u64> = results.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 4, 5, 6, 7, 8, 9], "in order, the empty line left out");
    let statuses: Vec<u64> = results.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 400, 400, 200, 422, 200, 413, 200], "{results:?}");
    assert_eq!(results[2]["errors"][0]["field"], "target");
    assert_eq!((&results[3]["callId"], &results[3]["replayed"]), (&results[0]["callId"], &json!(true)));
    assert_eq!(results[4]["code"], "key_reused");
    assert_eq!(results[5]["ignoredFields"], json!(["colour"]));
    assert_eq!(results[7]["wouldDial"], true);
    for (line, reason) in [(0, "486 Busy Here"), (5, "404 Not Found")] {
        let told = system.last_word(results[line]["callId"].as_str().unwrap()).await;
        assert_eq!(each(&told, "reason"), [reason]);
    }
    assert_eq!(calls(&system, "").await.len(), 2);
}

#[tokio::test]
async fn a_batch_larger_than_the_trunk_is_kept_and_dialled_as_lines_come_free() {
    let system = TestSystem::with(Setup { lines: Some((3, 0)), ..Setup::default() }).await;
    let line = json!({ "target": format!("tel:{BUSY}"), "notifyUrl": system.receiver.url() }).to_string();
    let results = batch(&system, "short", vec![line; 12].join("\n")).await;
    assert_eq!(results.len(), 12);
    for result in &results {
        let told = system.last_word(result["callId"].as_str().unwrap()).await;
        assert_eq!(each(&told, "reason"), ["486 Busy Here"], "{result}");
    }
}

#[tokio::test]
async fn a_batch_has_an_end() {
    let system = TestSystem::start().await;
    let line = json!({ "target": "tel:12" }).to_string();
    let results = batch(&system, "short", vec![line; 10_005].join("\n")).await;
    assert_eq!(results.len(), 10_001);
    assert_eq!((&results[9_999]["line"], &results[9_999]["status"]), (&json!(10_000), &json!(400)));
    assert_eq!((&results[10_000]["line"], &results[10_000]["status"]), (&json!(10_001), &json!(413)));
    let stranger = system.client.post_dial("short/smartassist/dialout/batch?", "", String::new()).await;
    assert_ne!(stranger.status, 200);
}

#[tokio::test]
async fn calls_that_a_machine_ended_are_marked_in_the_interactions() {
    let system = TestSystem::start().await;
    let machine = system.dial("stay", FAX, json!({ "machineDetection": "disconnect" })).await;
    let busy = system.dial("short", BUSY, json!({})).await;
    let planned = system.dial("short", BUSY, json!({ "scheduleAt": iso(now_ms() + MINUTE) })).await;
    let told = system.dial("short", PERSON, json!({})).await;
    for call_id in [&machine, &busy, &told] {
        system.last_word(call_id).await;
    }
    let interactions = async |query: &str| -> Vec<(String, String)> {
        let shown = system.client.read(&format!("/v1/interactions?{query}")).await.json();
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        let rows = shown["interactions"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "conversationId"), text(row, "status"))).collect()
    };
    let all = interactions("").await;
    for (call_id, status) in
        [(&machine, "machineDetected"), (&busy, "failed"), (&planned, "scheduled"), (&told, "completed")]
    {
        assert!(all.contains(&(call_id.clone(), status.to_owned())), "{status}: {all:?}");
        assert_eq!(interactions(&format!("status={status}")).await, [(call_id.clone(), status.to_owned())]);
    }
    let wrong = system.client.read("/v1/interactions?status=lost").await.problem();
    assert!(wrong.2.contains("\"scheduled\", \"inProgress\", \"machineDetected\""), "{}", wrong.2);
}
