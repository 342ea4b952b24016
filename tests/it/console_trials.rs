//! Labelled calls heard again with other settings, and better settings searched for, from the pages and over the API.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use callcore::amd::{EventKind, Subtype};
use callcore::audio::wav;
use callcore::testing::voice;
use dering::access::{Role, Scope, new_api_key};
use dering::store::{Actor, AuditFilter, CallState, CallUpdate, LabelOrigin, NewRecording, Store};
use dering::trials::Trials;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::api_fixture::Answer;
use crate::console_fixture::{Pages, leads_to};
use crate::store_fixture::{begun, later};

/// Somebody says hello and waits.
fn person() -> Vec<i16> {
    [vec![0; 6_000], voice(500, 140.0), vec![0; 40_000]].concat()
}

/// A greeting that goes on and on.
fn machine() -> Vec<i16> {
    [vec![0; 4_000], voice(5_500, 180.0), vec![0; 16_000]].concat()
}

/// A call with a recording of `audio`, of which a person says `truth`.
async fn labelled(store: &Store, folder: &Path, n: u32, truth: &str, audio: Option<&[i16]>) -> String {
    let id = format!("01900000-0000-7000-8000-{n:012x}");
    let mut first = begun(&id, 1_000);
    if let Some(new) = &mut first.new {
        new.target = format!("+1555200{n:04}");
    }
    store.record(first).await.unwrap();
    let path = folder.join(format!("{id}.wav"));
    if let Some(audio) = audio {
        std::fs::write(&path, wav::write_8k(&[audio, &vec![0; audio.len()]])).unwrap();
    }
    let is_person = truth == "human";
    let mut batch = later(&id);
    batch.update = Some(CallUpdate {
        state: Some(CallState::Ended),
        answered_ms: Some(2_000),
        ended_ms: Some(9_000),
        amd_event: Some(if is_person { EventKind::HumanDetected } else { EventKind::MachineDetected }),
        amd_subtype: Some(if is_person { Subtype::Human } else { Subtype::Voicemail }),
        ..CallUpdate::default()
    });
    batch.recording = Some(NewRecording {
        path: path.display().to_string(),
        channels: 2,
        sample_rate_hz: 8_000,
        duration_ms: 6_000,
        started_ms: 2_000,
        keep_days: None,
    });
    store.record(batch).await.unwrap();
    store.label_call(&id, truth, None, LabelOrigin::Drawn, Actor::server()).await.unwrap();
    id
}

/// So many people and machines; the id of the first of each.
async fn some(pages: &Pages, folder: &Path, people: u32, machines: u32) -> (String, String) {
    let store = pages.api.store();
    crate::store_fixture::create_app(store).await;
    let (mut first, mut ids) = ((String::new(), String::new()), Vec::new());
    for n in 0..people {
        ids.push(labelled(store, folder, n, "human", Some(&person())).await);
    }
    first.0 = ids.first().cloned().unwrap_or_default();
    ids.clear();
    for n in 100..100 + machines {
        ids.push(labelled(store, folder, n, "voicemail", Some(&machine())).await);
    }
    first.1 = ids.first().cloned().unwrap_or_default();
    first
}

/// Waits until the trial that runs is through. It gives way to everything else on this machine, so it may take as long as it
/// likes, but not stand still.
async fn through(pages: &Pages) {
    let (mut reached, mut since) = (None, Instant::now());
    while let Some(job) = pages.api.api.trials.look().running {
        let now_at = Some((job.step, job.done));
        if std::mem::replace(&mut reached, now_at) != now_at {
            since = Instant::now();
        }
        assert!(since.elapsed() < Duration::from_secs(120), "the trial stands still: {job:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ask(pages: &Pages, key: &str, method: &str, path: &str, body: Value) -> Answer {
    let request =
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    pages.api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn key(pages: &Pages, scopes: &[Scope]) -> String {
    let (kept, text) = new_api_key("k", scopes);
    pages.api.store().create_api_key(kept).await.unwrap();
    text.expose_secret().to_owned()
}

#[tokio::test]
async fn labelled_calls_are_heard_again_with_other_settings_beside_their_own() {
    let (pages, folder) = (Pages::open().await, tempfile::tempdir().unwrap());
    let (person, machine) = some(&pages, folder.path(), 2, 2).await;
    let gone = labelled(pages.api.store(), folder.path(), 900, "human", None).await;
    let deleted = labelled(pages.api.store(), folder.path(), 901, "human", None).await;
    pages.api.store().recording_deleted(deleted, 9_000, 0).await.unwrap();
    let browser = pages.signed_in(Role::CampaignManager).await;
    let empty = browser.get("/accuracy/what-if").await.text;
    assert!(empty.contains("Nobody has asked yet") && !empty.contains("hx-get"), "{empty}");
    // Nobody can be certain of a person within 700 ms.
    let form = [("decisionTimeoutMs", "700"), ("calls", "drawn")];
    let begun = browser.press("/accuracy/what-if", &form).await;
    assert_eq!(leads_to(&begun), "/accuracy/what-if", "{}", begun.text);
    through(&pages).await;
    let page = browser.get("/accuracy/what-if").await.text;
    assert!(
        page.contains("Calls heard again: 4. Other verdicts: 4; now right: 0, no longer right: 2."),
        "{page}"
    );
    for id in [&person, &machine] {
        assert!(page.contains(&format!("href=\"/calls/{id}\"")), "{id}: {page}");
    }
    assert!(page.contains("0 of 4") && page.contains("<b>100.0 %</b>"), "undecided before and after: {page}");
    assert!(page.contains("<b>700 ms</b>"), "the median of the verdicts: {page}");
    assert!(
        page.contains("recording was deleted: 1.")
            && page.contains(&format!("{gone}</a> Its recording is gone.")),
        "{page}"
    );
    assert!(page.contains("Decision at the latest after: 700"), "{page}");
    let viewer = pages.signed_in(Role::Viewer).await;
    let seen = viewer.get("/accuracy/what-if").await.text;
    assert!(seen.contains("Calls heard again: 4") && !seen.contains("name=\"decisionTimeoutMs\""), "{seen}");
    assert!(!seen.contains("+15552000000"), "numbers are masked: {seen}");
    assert_eq!(viewer.press("/accuracy/what-if", &form).await.status, 403);
}

#[tokio::test]
async fn everything_that_is_wrong_with_what_is_asked_is_told_at_once() {
    let (pages, folder) = (Pages::open().await, tempfile::tempdir().unwrap());
    let browser = pages.signed_in(Role::FlowAuthor).await;
    let none = browser.press("/accuracy/what-if", &[("bias", "1")]).await;
    assert_eq!(none.status, 422);
    assert!(none.text.contains("No call is labelled yet"), "{}", none.text);
    some(&pages, folder.path(), 1, 0).await;
    let wrong = [("noSpeechTimeoutMs", "1"), ("bias", "99"), ("costRatio", "<b>"), ("toneTimeoutMs", "4000")];
    let answer = browser.press("/accuracy/what-if", &wrong).await;
    assert_eq!(answer.status, 422);
    for told in [
        "id=\"noSpeechTimeoutMs-error\">Must be a whole number from 100 to 120000",
        "id=\"bias-error\">Must be a number from -10 to 10",
        "id=\"costRatio-error\"",
        "value=\"4000\"",
        "value=\"&lt;b&gt;\"",
    ] {
        assert!(answer.text.contains(told), "{told}: {}", answer.text);
    }
    let nothing = browser.press("/accuracy/what-if", &[("calls", "drawn")]).await;
    assert!(nothing.text.contains("Say at least one setting"), "{}", nothing.text);
    let key = key(&pages, &[Scope::Flows, Scope::Read]).await;
    let body = json!({ "timers": { "noSpeechTimeoutMs": 1 }, "amdParams": "x", "colour": 1 });
    let answer = ask(&pages, &key, "POST", "/v1/accuracy/trials/what-if", body).await;
    let fields: Vec<String> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((answer.status, fields.len()), (400, 3), "{fields:?}");
    let few = browser.press("/accuracy/tune", &[("costRatio", "8")]).await;
    assert_eq!(few.status, 422);
    assert!(few.text.contains("1 people and 0 machines are labelled; at least 5"), "{}", few.text);
    let speaks = pages.signed_in(Role::CampaignManager).await.speaking("id");
    let told = speaks.press("/accuracy/what-if", &[("bias", "99")]).await.text;
    assert!(told.contains("Harus angka dari -10 sampai 10"), "{told}");
}

#[tokio::test]
async fn calls_that_cannot_bear_learning_are_told_apart_from_those_that_bear_a_search() {
    let (pages, folder) = (Pages::open().await, tempfile::tempdir().unwrap());
    some(&pages, folder.path(), 5, 5).await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    let form = [("costRatio", "8"), ("fit", "weights")];
    assert_eq!(leads_to(&browser.press("/accuracy/tune", &form).await), "/accuracy/tune");
    through(&pages).await;
    let page = browser.get("/accuracy/tune").await.text;
    let told = "5 people with 5 voices and 5 machines with 5 voices can be heard and say something; to learn from them takes 50 \
                of each with 20 voices.";
    assert!(page.contains(told) && page.contains("Nobody has searched yet"), "{page}");
    let speaks = pages.signed_in(Role::Admin).await.speaking("id");
    let page = speaks.get("/accuracy/tune").await.text;
    assert!(page.contains("untuk belajar perlu 50 masing-masing dengan 20 suara"), "{page}");

    let key = key(&pages, &[Scope::Flows, Scope::Read]).await;
    let wrong = ask(&pages, &key, "POST", "/v1/accuracy/trials/tune", json!({ "fit": "all" })).await;
    let problem = &wrong.json()["errors"][0]["problem"];
    assert_eq!((wrong.status, problem), (400, &json!("must be \"times\" or \"weights\", and not \"all\"")));
    let begun = ask(&pages, &key, "POST", "/v1/accuracy/trials/tune", json!({ "fit": "weights" })).await;
    let running = &begun.json()["running"];
    assert_eq!((begun.status, &running["kind"], &running["steps"]), (202, &json!("learn"), &json!(4)));
    through(&pages).await;
}

#[tokio::test]
async fn of_two_who_begin_at_once_one_is_told_to_wait() {
    let (pages, folder) = (Pages::open().await, tempfile::tempdir().unwrap());
    some(&pages, folder.path(), 4, 4).await;
    let (one, other) = (pages.signed_in(Role::CampaignManager).await, pages.signed_in(Role::Admin).await);
    let answers = [
        one.press("/accuracy/what-if", &[("humanAfterMs", "1200")]).await,
        other.press("/accuracy/tune", &[("costRatio", "4")]).await,
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [303, 409], "{}", answers[1].text);
    assert!(answers[1].text.contains("Another one runs since") && answers[1].text.contains("value=\"4\""));
    let page = one.get("/accuracy/what-if").await.text;
    assert!(
        page.contains("hx-get=\"/accuracy/what-if\"") && page.contains("http-equiv=\"refresh\""),
        "{page}"
    );
    assert_eq!(
        leads_to(&other.press("/accuracy/cancel", &[]).await),
        "/accuracy/what-if?done=trial_cancelled"
    );
    through(&pages).await;
    assert!(pages.api.api.trials.look().what_if.is_none(), "what was given up leaves nothing");
}

#[tokio::test]
async fn what_a_search_finds_is_promoted_by_an_admin_and_taken_back() {
    let (pages, folder) = (Pages::open().await, tempfile::tempdir().unwrap());
    some(&pages, folder.path(), 5, 5).await;
    let (manager, admin) = (pages.signed_in(Role::CampaignManager).await, pages.signed_in(Role::Admin).await);
    let begun = manager.press("/accuracy/tune", &[("costRatio", "2.5")]).await;
    assert_eq!(leads_to(&begun), "/accuracy/tune", "{}", begun.text);
    through(&pages).await;
    let page = manager.get("/accuracy/tune").await.text;
    assert!(page.contains("5 people, 5 machines, 200 sets of parameters"), "{page}");
    assert!(page.contains("This is a small set") && page.contains("costs: {"), "{page}");
    assert!(
        page.contains("An admin can let new calls take these") && !page.contains("tune/promote"),
        "{page}"
    );
    let calls = &pages.api.api.calls;
    let usual = calls.amd_params(None, "ours");
    let tuned = pages.api.api.trials.look().tuned.unwrap();
    let id = tuned.id.to_string();
    assert_eq!(
        manager.press("/accuracy/tune/promote", &[("tuned", &id), ("revision", "0")]).await.status,
        403
    );
    let gone = admin.press("/accuracy/tune/promote", &[("tuned", "7"), ("revision", "0")]).await;
    assert_eq!(gone.status, 409, "{}", gone.text);
    assert_eq!(calls.amd_params(None, "ours"), usual, "nothing changed yet");

    let promoted = admin.press("/accuracy/tune/promote", &[("tuned", &id), ("revision", "0")]).await;
    assert_eq!(leads_to(&promoted), "/accuracy/tune?done=params_promoted");
    assert_eq!(calls.amd_params(None, "ours"), Some(tuned.result.params));
    assert_eq!(
        calls.amd_params(Some("sales"), "ours"),
        callcore::amd::DecisionThresholds::for_purpose("sales")
    );
    let page = admin.get("/accuracy/tune").await.text;
    assert!(page.contains("New calls take parameters that were found on 5 people and 5 machines."), "{page}");
    let late = admin.press("/accuracy/tune/promote", &[("tuned", &id), ("revision", "0")]).await;
    assert_eq!(late.status, 409);
    assert!(late.text.contains("Somebody else changed the parameters meanwhile"), "{}", late.text);

    // It holds after a restart.
    calls.promote_amd(None);
    let store = pages.api.store().clone();
    Trials::open(store.clone(), calls.clone(), CancellationToken::new()).await.unwrap();
    assert_eq!(calls.amd_params(None, "ours"), Some(tuned.result.params));

    let key = key(&pages, &[Scope::Admin, Scope::Read]).await;
    let holds = ask(&pages, &key, "GET", "/v1/accuracy/parameters", Value::Null).await.json();
    assert_eq!((&holds["promoted"], &holds["revision"]), (&json!(true), &json!(1)), "{holds}");
    let back = ask(&pages, &key, "DELETE", "/v1/accuracy/parameters?revision=1", Value::Null).await;
    assert_eq!((back.status, &back.json()["promoted"]), (200, &json!(false)), "{}", back.text);
    assert_eq!(calls.amd_params(None, "ours"), usual);
    let twice = admin.press("/accuracy/tune/take-back", &[("revision", "2")]).await;
    assert_eq!(twice.status, 409);
    let filter = AuditFilter { action: Some("amd_params.".into()), ..AuditFilter::default() };
    let log = store.audit_log(&filter, 10).await.unwrap().items;
    let actions: Vec<&str> = log.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["amd_params.take_back", "amd_params.promote"]);
    assert_eq!(log[1].detail["basis"]["people"], 5, "{}", log[1].detail);
    let shown = admin.get("/accuracy/tune").await.text;
    assert!(
        shown.contains("Took them back") && shown.contains("Promoted what was found on 5 people"),
        "{shown}"
    );
}
