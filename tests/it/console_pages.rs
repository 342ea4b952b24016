//! What the pages show, to whom, and what they do with texts that strangers wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Request, header};
use callcore::amd::{EventKind, Subtype};
use callcore::call::{Direction, Disposition, Fact};
use callcore::campaign::Settings;
use dering::access::{Options, Role};
use dering::store::{
    Actor, CallBatch, CallState, CallUpdate, NewCall, NewCampaign, NewEvent, NewTranscript, Speaker, Store,
};
use serde_json::json;

use crate::console_fixture::{Browser, PASSWORD, Pages, leads_to};
use crate::store_fixture::{cdr, notification};

const EVIL: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'";
const FLOW: &str = "flow: ours\nstart: a\nscenes: { a: [ { hangup: done } ] }\n";

fn event(t_ms: u32, kind: &str, detail: serde_json::Value) -> NewEvent {
    NewEvent { at_ms: 1_000 + i64::from(t_ms), t_ms: t_ms.into(), fact: Fact::read(kind, &detail).unwrap() }
}

/// A call that a machine took, with strangers' texts in everything.
async fn call(store: &Store, id: &str, created_ms: i64, text: &str) {
    let new = NewCall {
        app_id: text.to_owned(),
        bot_id: "ours".to_owned(),
        trunk: text.to_owned(),
        direction: Direction::Outbound,
        target: "+6281234567".to_owned(),
        caller: text.to_owned(),
        flow: text.to_owned(),
        flow_digest: "0123456789abcdef".to_owned(),
        metadata: json!({ text: text }),
        state: CallState::Ended,
        created_ms,
        ..NewCall::default()
    };
    let update = CallUpdate {
        session_id: Some(format!("session-{id}")),
        answered_ms: Some(created_ms + 3_000),
        ended_ms: Some(created_ms + 15_000),
        disposition: Some(Disposition::Answered),
        amd_event: Some(EventKind::MachineDetected),
        amd_subtype: Some(Subtype::Voicemail),
        amd_ms: Some(1_400),
        outcome: Some(text.to_owned()),
        last_checkpoint: Some(text.to_owned()),
        message_left: Some(true),
        ..CallUpdate::default()
    };
    let events = vec![
        event(0, "dialled", json!({ "flow": text, "digest": "d", "trunk": text })),
        event(3_100, "prompt", json!({ "play": 1, "bargeIn": "both" })),
        event(
            4_000,
            "prompt_ended",
            json!({ "play": 1, "startMs": 100, "heardMs": 900, "completed": false, "text": text, "words": 5, "heardText": text, "heardWords": 2 }),
        ),
        event(
            5_000,
            "transcript",
            json!({ "startMs": 1_000, "endMs": 2_000, "text": text, "confidence": 0.3 }),
        ),
        event(6_000, "digit", json!({ "key": text, "interrupts": false })),
        event(6_100, "checkpoint", json!({ "name": text })),
        event(7_000, "set", json!({ "variable": text, "value": text })),
        event(15_000, "ended", json!({ "outcome": text, "cause": 16 })),
    ];
    let said = NewTranscript {
        t_ms: 1,
        end_t_ms: None,
        speaker: Speaker::Callee,
        source: text.to_owned(),
        text: text.to_owned(),
        confidence: None,
    };
    let batch = CallBatch {
        call_id: id.to_owned(),
        new: Some(new),
        update: Some(update),
        events,
        transcripts: vec![said],
        cdr: Some(cdr(&format!("session-{id}"), "+6281234567", 4)),
        notifications: vec![notification(id, "https://receiver.invalid/hook", text)],
        ..CallBatch::default()
    };
    store.record(batch).await.unwrap();
}

#[tokio::test]
async fn a_text_of_a_stranger_never_becomes_markup() {
    let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
    let browser = pages.signed_in(Role::Admin).await;
    pages.invite(EVIL, Role::Viewer).await;
    let strange = Browser::new(&pages);
    strange.sign_in(EVIL, PASSWORD).await;
    call(pages.api.store(), "c1", 5_000, EVIL).await;
    let delivery = pages.api.store().notifications("c1").await.unwrap().remove(0).id;
    let query = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22";
    let mut paths = vec![
        "/".to_owned(),
        "/now".to_owned(),
        "/calls".to_owned(),
        "/calls/c1".to_owned(),
        "/me".to_owned(),
    ];
    paths.extend(["/webhooks?state=all".to_owned(), format!("/webhooks/{delivery}")]);
    for name in ["flow", "outcome", "trunk", "appId", "number", "verdict"] {
        paths.push(format!("/calls?{name}={query}111"));
    }
    paths.extend([
        format!("/{query}"),
        format!("/calls/{query}"),
        format!("/webhooks/{query}"),
        format!("/sign-in?next={query}"),
    ]);
    for path in paths {
        for browser in [&browser, &strange] {
            let answer = browser.get(&path).await;
            assert!(
                !answer.text.contains("<script>alert") && !answer.text.contains("<img src=x"),
                "{path}: {}",
                answer.text
            );
            assert!(answer.status != 500, "{path}");
        }
    }
    let page = browser.get("/calls/c1").await.text;
    assert!(page.contains("&lt;script&gt;alert(1)"), "it is shown, as text: {page}");
    assert!(page.contains("a machine (voicemail)") && page.contains("A message was left."), "{page}");
}

/// A campaign with one contact; its id.
async fn campaign(store: &Store) -> String {
    let list = crate::system_campaigns::list(store, "people", &["+6281234567890".to_owned()]).await;
    let settings = Settings { flow: "ours".into(), lists: vec![list.clone()], ..Settings::default() };
    let campaign = NewCampaign { name: "May".into(), app_id: "shop".into(), settings };
    let row = store.create_campaign(campaign, Actor::operator()).await.unwrap();
    store.fill_places(&row.id, &[list], &[]).await.unwrap();
    row.id
}

/// Every page and form that somebody may ask for.
const PAGES: [(&str, &str); 77] = [
    ("GET", "/"),
    ("GET", "/now"),
    ("GET", "/me"),
    ("GET", "/calls"),
    ("GET", "/calls.csv"),
    ("GET", "/calls/c1"),
    ("GET", "/calls/c1/changes?after=1000"),
    ("GET", "/calls/c1/live.wav"),
    ("POST", "/calls/c1/watch"),
    ("GET", "/calls/c1/camera.webm"),
    ("GET", "/calls/c1/recording.wav"),
    ("GET", "/calls/c1/evidence.svg"),
    ("GET", "/webhooks"),
    ("GET", "/webhooks/DELIVERY"),
    ("POST", "/calls/c1/label"),
    ("POST", "/calls/c1/hang-up"),
    ("POST", "/webhooks/redeliver"),
    ("POST", "/webhooks/DELIVERY/redeliver"),
    ("POST", "/me/password"),
    ("GET", "/do-not-call"),
    ("POST", "/do-not-call/add"),
    ("POST", "/do-not-call/remove"),
    ("GET", "/contacts"),
    ("GET", "/contacts/nobody"),
    ("GET", "/contacts/listed/1"),
    ("POST", "/contacts/import"),
    ("POST", "/contacts/nobody/delete"),
    ("POST", "/do-not-call/import"),
    ("GET", "/trunks"),
    ("GET", "/speech"),
    ("GET", "/settings"),
    ("GET", "/campaigns"),
    ("GET", "/campaigns/new"),
    ("POST", "/campaigns/new"),
    ("GET", "/campaigns/CAMPAIGN"),
    ("GET", "/campaigns/CAMPAIGN/edit"),
    ("POST", "/campaigns/CAMPAIGN/edit"),
    ("POST", "/campaigns/CAMPAIGN/preflight"),
    ("GET", "/campaigns/CAMPAIGN/report"),
    ("GET", "/campaigns/CAMPAIGN/report/contacts.csv"),
    ("GET", "/campaigns/CAMPAIGN/compare"),
    ("GET", "/campaigns/CAMPAIGN/contacts"),
    ("GET", "/campaigns/CAMPAIGN/contacts/1"),
    ("GET", "/accuracy"),
    ("GET", "/accuracy/next"),
    ("POST", "/accuracy/next"),
    ("GET", "/accuracy/what-if"),
    ("POST", "/accuracy/what-if"),
    ("GET", "/accuracy/tune"),
    ("POST", "/accuracy/tune"),
    ("POST", "/accuracy/tune/promote"),
    ("POST", "/accuracy/tune/take-back"),
    ("POST", "/accuracy/cancel"),
    ("GET", "/flows"),
    ("GET", "/flows/ours"),
    ("GET", "/flows/ours/latest/graph.svg"),
    ("GET", "/flows/new"),
    ("POST", "/flows/new"),
    ("POST", "/flows/ours/run"),
    ("GET", "/flows/ours/talk"),
    ("POST", "/flows/ours/talk"),
    ("GET", "/audit"),
    ("GET", "/people"),
    ("POST", "/people"),
    ("POST", "/people/nobody"),
    ("POST", "/people/nobody/link"),
    ("POST", "/people/nobody/second-factor"),
    ("POST", "/people/nobody/openid"),
    ("POST", "/me/second-factor"),
    ("POST", "/flows/bundle"),
    ("GET", "/sign-in/openid"),
    ("GET", "/callers"),
    ("GET", "/sign-in"),
    ("GET", "/welcome"),
    ("GET", "/ring"),
    ("GET", "/embed.js"),
    ("POST", "/preferences"),
];

#[tokio::test]
async fn each_role_may_what_it_may_and_nobody_else_anything() {
    let mut outcomes = vec![BTreeMap::<String, Vec<&str>>::new(); PAGES.len()];
    for role in
        [None, Some(Role::Viewer), Some(Role::CampaignManager), Some(Role::FlowAuthor), Some(Role::Admin)]
    {
        let pages = Pages::with(&[("ours.yaml", FLOW)], Options::default()).await;
        call(pages.api.store(), "c1", 5_000, "ours").await;
        let delivery = pages.api.store().notifications("c1").await.unwrap().remove(0).id;
        let campaign = campaign(pages.api.store()).await;
        let browser = match role {
            Some(role) => pages.signed_in(role).await,
            None => Browser::new(&pages),
        };
        let token = if role.is_some() { browser.token().await } else { String::new() };
        for ((method, path), answers) in PAGES.iter().zip(&mut outcomes) {
            let path = path.replace("DELIVERY", &delivery).replace("CAMPAIGN", &campaign);
            let answer = match *method {
                "GET" => browser.get(&path).await,
                _ => browser.post(&path, &[("token", &token), ("truth", "human")]).await,
            };
            let who = role.map_or("nobody", Role::as_str);
            answers.entry(answer.status.to_string()).or_default().push(who);
        }
    }
    let mut table = String::new();
    for ((method, path), answers) in PAGES.iter().zip(outcomes) {
        writeln!(table, "{method} {path}").unwrap();
        for (outcome, who) in answers {
            writeln!(table, "    {outcome}: {}", who.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_cookie_opens_pages_and_nothing_of_the_api() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Admin).await;
    call(pages.api.store(), "c1", 5_000, "ours").await;
    for path in ["/v1/calls", "/v1/calls/c1", "/v1/calls/c1/recording", "/v1/apps", "/v1/people", "/metrics"]
    {
        assert_eq!(browser.get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn errors_are_pages_for_browsers_and_documents_for_programs() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::Viewer).await;
    let missing = browser.get("/calls/nobody").await;
    assert_eq!(missing.status, 404);
    assert!(
        missing.text.starts_with("<!doctype html>") && missing.text.contains("There is no call nobody."),
        "{}",
        missing.text
    );
    assert_eq!(browser.get("/nothing").await.status, 404);
    let wrong = browser.get("/calls?direction=sideways").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("Direction: must be &quot;outbound&quot;"), "{}", wrong.text);
    for path in ["/calls/nobody", "/nothing", "/"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = pages.api.send(request).await;
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn the_list_narrows_pages_and_counts_as_its_address_says() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    for n in 0..60 {
        call(
            pages.api.store(),
            &format!("c{n:02}"),
            1_764_460_800_000 + n,
            if n % 2 == 0 { "even" } else { "odd" },
        )
        .await;
    }
    let all = browser.get("/calls").await.text;
    assert!(
        all.contains("<b>60</b> calls") && all.contains("/calls/c59\"") && !all.contains("/calls/c09\""),
        "{all}"
    );
    let older = all
        .split("rel=\"next\" href=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&#x2F;", "/")
        .replace("&amp;", "&");
    let rest = browser.get(&older).await.text;
    assert!(
        rest.contains("/calls/c09\"") && rest.contains("/calls/c00\"") && !rest.contains("rel=\"next\""),
        "{rest}"
    );
    assert!(rest.contains("Back to the newest"));
    let odd = browser.get("/calls?flow=odd&verdict=machine").await.text;
    assert!(
        odd.contains("<b>30</b> calls") && odd.contains("/calls/c59\"") && !odd.contains("/calls/c58\""),
        "{odd}"
    );
    assert!(odd.contains("Who answered: <b>Machine</b>"), "{odd}");
    assert!(browser.get("/calls?since=2025-11-30&until=2025-11-30").await.text.contains("<b>60</b> calls"));
    assert!(browser.get("/calls?since=2025-12-01").await.text.contains("No call fits"));
    assert!(
        browser.get("/calls?number=081234567").await.text.contains("<b>60</b> calls")
            || browser.get("/calls?number=81234567").await.text.contains("<b>0</b> calls")
    );
    assert!(browser.get("/calls?number=1234").await.text.contains("<b>60</b> calls"), "a part of it");
    assert!(browser.get("/calls?number=%2B6281234567").await.text.contains("<b>60</b> calls"), "all of it");
    assert_eq!(leads_to(&browser.get("/calls?q=c07").await), "/calls/c07");
    assert_eq!(leads_to(&browser.get("/calls?q=session-c07").await), "/calls/c07");
    assert_eq!(leads_to(&browser.get("/calls?q=%2B62812").await), "/calls?number=%2B62812");
    let csv = browser.get("/calls.csv?flow=odd").await;
    assert_eq!(csv.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"calls.csv\"");
    assert_eq!(csv.text.lines().count(), 31);
    assert!(csv.text.contains(",+6281234567,odd,"), "{}", csv.text);
}

#[tokio::test]
async fn a_viewer_sees_no_number_whole() {
    let pages = Pages::open().await;
    let viewer = pages.signed_in(Role::Viewer).await;
    call(pages.api.store(), "c1", 5_000, "ours").await;
    for path in ["/", "/calls", "/calls/c1", "/calls.csv"] {
        let text = viewer.get(path).await.text;
        assert!(!text.contains("81234567") && (path == "/" || text.contains("…67")), "{path}: {text}");
    }
    for path in ["/calls?number=8123", "/calls.csv?number=8123", "/do-not-call?q=%2B62", "/contacts?q=812"] {
        let refused = viewer.get(path).await;
        assert!(refused.status == 403 && refused.text.contains("masked"), "{path}: {}", refused.text);
    }
    assert_eq!(viewer.get("/contacts?q=budi").await.status, 200);
}

#[tokio::test]
async fn what_a_person_says_who_answered_is_kept_beside_the_verdict() {
    let pages = Pages::open().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    call(pages.api.store(), "c1", 5_000, "ours").await;
    assert_eq!(browser.press("/calls/c1/label", &[("truth", "nonsense")]).await.status, 422);
    assert_eq!(
        leads_to(&browser.press("/calls/c1/label", &[("truth", "human")]).await),
        "/calls/c1?done=labelled"
    );
    let page = browser.get("/calls/c1?done=labelled").await.text;
    assert!(page.contains("campaign_manager says it was: a person.") && page.contains("Thank you"), "{page}");
    assert!(page.contains("a machine (voicemail)"), "the verdict stays");
    let kept = pages.api.store().call_label("c1").await.unwrap().unwrap();
    assert_eq!(
        (kept.truth.as_str(), kept.verdict.as_deref()),
        ("human", Some("amd_machine_detected voicemail"))
    );
}

#[tokio::test]
async fn pages_speak_indonesian_and_tell_times_in_the_zone_of_who_looks() {
    let pages = Pages::open().await;
    let browser = Browser::new(&pages).speaking("id-ID,id;q=0.9");
    let door = browser.get("/sign-in").await.text;
    assert!(door.contains("<html lang=\"id\"") && door.contains("Kata sandi"), "{door}");
    pages.invite("Rini", Role::CampaignManager).await;
    let form = [("name", "Rini"), ("password", PASSWORD), ("zone", "Asia/Jakarta")];
    browser.post("/sign-in", &form).await;
    call(pages.api.store(), "c1", 1_764_464_400_000, "ours").await;
    let list = browser.get("/calls").await.text;
    assert!(list.contains("2025-11-30 08:00:00 WIB") && list.contains("Kotak suara"), "{list}");
    let settings = [("language", "en"), ("theme", "dark"), ("zone", "Mars/Olympus"), ("back", "/calls")];
    assert_eq!(leads_to(&browser.press("/preferences", &settings).await), "/calls");
    let list = browser.get("/calls").await.text;
    assert!(
        list.contains("data-theme=\"dark\"") && list.contains("lang=\"en\"") && list.contains("WIB"),
        "{list}"
    );
}
