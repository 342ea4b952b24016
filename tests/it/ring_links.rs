//! Calls to people in a browser: a link rings, is accepted, declined, or left alone.

use std::net::SocketAddr;
use std::time::Duration;

use callcore::audio::{tone, wav};
use dering::api::{PageOrigins, PublicUrl};
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser_calls::{As, Page, ask, ended};
use crate::peer::{self, Peer};
use crate::system_fixture::{Reply, Setup, TestSystem, each, in_time, reply_to};
use crate::system_page::browser;

const OPEN: &str = "/v1/ring-links/open";
const ACCEPT: &str = "/v1/ring-links/accept";
/// A page of somebody else.
const SHOP: &str = "http://localhost:1234";
const DECLINE: &str = "/v1/ring-links/decline";
/// Speaks for three seconds.
const GREET: &str = "flow: greet\nstart: talk\nscenes:\n  talk:\n    - say: { text: [ { play: tone.wav } ], barge_in: off }\n    - hangup: told\n";

async fn system() -> TestSystem {
    let public_url = PublicUrl::try_from("https://voice.example.com".to_owned()).unwrap();
    let origins = PageOrigins::try_from(vec![SHOP.to_owned()]).unwrap();
    let tone = wav::write_8k(&[&tone::tone(&[440.0], 3_000, -20.0)]);
    let flows = vec![("greet.yaml", GREET.into()), ("tone.wav", tone)];
    let system = TestSystem::with(Setup { public_url, origins, flows, ..Setup::default() }).await;
    let contact = json!({ "contact_id": "jj084", "phone_number": null, "name": "Jaya" });
    let reply = ask(&system, As::Program, Method::POST, "/v1/contacts", &contact).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.json()["phone_number"], Value::Null);
    system
}

async fn call(system: &TestSystem, more: Value) -> Reply {
    let mut body = json!({ "contact_id": "jj084", "type": "voice", "flow": "stay", "notify_url": system.receiver.url() });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask(system, As::App, Method::POST, "/v1/calls", &body).await
}

/// Calls Jaya: the call's id, and the token of the link.
async fn rung(system: &TestSystem, more: Value) -> (String, String) {
    let reply = call(system, more).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let told = reply.json();
    let link = told["ring_link"].as_str().unwrap();
    let token = link.strip_prefix("https://voice.example.com/ring#").unwrap();
    (told["call_id"].as_str().unwrap().to_owned(), token.to_owned())
}

async fn at(system: &TestSystem, path: &str, body: Value) -> Reply {
    ask(system, As::Nobody, Method::POST, path, &body).await
}

/// Waits until a link stands so.
async fn stands(system: &TestSystem, token: &str, wanted: &str) {
    in_time(async {
        while at(system, OPEN, json!({ "token": token })).await.json()["state"] != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn facts(system: &TestSystem, call_id: &str) -> Vec<String> {
    let events = system.client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_link_is_told_rings_when_it_is_opened_and_is_answered_once() {
    let system = system().await;
    let (call_id, token) = rung(&system, json!({ "flow": "short", "caller": "Dering" })).await;
    stands(&system, &token, "ringing").await;
    let news = at(&system, OPEN, json!({ "token": token })).await.json();
    assert_eq!(news, json!({ "state": "ringing", "caller": "Dering", "video": false }));
    let (mut page, offer) = Page::open().await;
    let garbage = at(&system, ACCEPT, json!({ "token": token, "sdp": "garbage" })).await;
    assert_eq!(garbage.status, 422, "an offer that cannot be answered uses nothing up: {}", garbage.text());
    let reply = at(&system, ACCEPT, json!({ "token": token, "sdp": offer })).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let again = at(&system, ACCEPT, json!({ "token": token, "sdp": offer })).await;
    let (status, code, detail) = again.problem();
    assert_eq!((status, code.as_str()), (409, "conflict"));
    assert!(detail.contains("was used"), "{detail}");
    assert_eq!(at(&system, DECLINE, json!({ "token": token })).await.status, 409);
    page.accept(reply.json()["sdp"].as_str().unwrap());
    page.live(|_| false).await;
    assert!(page.heard().iter().filter(|sample| sample.unsigned_abs() > 1_000).count() > 1_000);
    let (kept, record) = ended(&system, &call_id).await;
    assert_eq!((&kept["trunk"], &kept["direction"]), (&json!("browser"), &json!("outbound")));
    assert_eq!((&kept["target"], &kept["outcome"]), (&json!("browser:jj084"), &json!("told")));
    assert!(record.to_string().contains("browser:jj084"), "{record}");
    stands(&system, &token, "ended").await;
    let bodies = system.last_word(&call_id).await;
    assert_eq!(each(&bodies, "status"), ["Call-In-Progress", "Answered", "completed"]);
    assert_eq!(bodies[0]["event"], "ring_link");
    assert!(bodies[0]["data"]["url"].as_str().unwrap().ends_with(&token));
    let sequence: Vec<_> = bodies.iter().map(|body| body["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, [1, 2, 3]);
    let facts = facts(&system, &call_id).await;
    assert!(facts.iter().any(|fact| fact == "ring_link"), "{facts:?}");
    let history = system.client.read("/v1/calls/history?user_id=jj084").await.json();
    let line = &history["call_records"][0];
    assert_eq!((&line["call_id"], &line["contact_id"]), (&json!(call_id), &json!("jj084")));
    assert_eq!(line.get("ring_link"), None, "it is told once");
}

#[tokio::test]
async fn a_link_that_is_declined_left_alone_or_cancelled_ends_its_call_once_and_says_how() {
    let system = system().await;
    let (declined, token) = rung(&system, json!({})).await;
    stands(&system, &token, "ringing").await;
    assert_eq!(at(&system, DECLINE, json!({ "token": token })).await.status, 204);
    let (opened, shown) = rung(&system, json!({ "ring_timeout": 10 })).await;
    stands(&system, &shown, "ringing").await;
    let (alone, _) = rung(&system, json!({ "ring_timeout": 10 })).await;
    let (cancelled, gone) = rung(&system, json!({})).await;
    stands(&system, &gone, "ringing").await;
    assert_eq!(system.client.hang_up(&cancelled).await.status, 202);
    for (call_id, cause, disposition) in [
        (&declined, 21, "FAILED"),
        (&opened, 19, "NO ANSWER"),
        (&alone, 18, "NO ANSWER"),
        (&cancelled, 16, "CANCEL"),
    ] {
        let (call, record) = ended(&system, call_id).await;
        assert_eq!(call["causeCode"], cause, "{call}");
        assert!(record.to_string().to_uppercase().replace('_', " ").contains(disposition), "{record}");
        let bodies = system.last_word(call_id).await;
        assert_eq!(each(&bodies, "status"), ["Call-In-Progress", "Failed"], "one last word");
    }
    stands(&system, &token, "declined").await;
    stands(&system, &shown, "expired").await;
    stands(&system, &gone, "ended").await;
    let (_page, offer) = Page::open().await;
    assert_eq!(at(&system, ACCEPT, json!({ "token": shown, "sdp": offer })).await.status, 409);
    in_time(async {
        while !system.app.calls().live().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_no_link_learns_nothing_and_who_guesses_waits() {
    let system = system().await;
    let (call_id, good) = rung(&system, json!({})).await;
    for token in ["rl_guess", &call_id] {
        let (status, code, _) = at(&system, OPEN, json!({ "token": token })).await.problem();
        assert_eq!((status, code.as_str()), (404, "not_found"));
    }
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(at(&system, DECLINE, json!({ "token": "rl_guess" })).await.status);
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&404), Some(&429)));
    let known = at(&system, OPEN, json!({ "token": good })).await;
    assert_eq!(known.status, 200, "who holds a link does not wait for those who guess from the same address");
    let told = system.client.read(&format!("/v1/calls/{call_id}/notifications")).await.text();
    assert!(told.contains("/ring#rl_…") && !told.contains(&good), "who reads answers no call: {told}");
    let page = system.client.read("/ring").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.headers["cache-control"], "no-store");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn who_wants_no_calls_gets_none_by_number_and_none_by_link() {
    let system = system().await;
    for (id, number, listed) in
        [("numbered", "+15552000071", "+15552000071"), ("linked", "+15552000072", "browser:linked")]
    {
        let contact = json!({ "contact_id": id, "phone_number": number });
        assert_eq!(ask(&system, As::Program, Method::POST, "/v1/contacts", &contact).await.status, 201);
        let wish = json!({ "number": listed, "reason": "told us by mail" });
        let kept = ask(&system, As::Program, Method::POST, "/v1/do-not-call", &wish).await;
        assert_eq!(kept.status, 201, "{}", kept.text());
        for trunk in [json!({ "trunk": "browser" }), json!({})] {
            let mut body = json!({ "contact_id": id, "type": "voice", "flow": "stay" });
            body.as_object_mut().unwrap().extend(trunk.as_object().unwrap().clone());
            let (status, code, _) = ask(&system, As::App, Method::POST, "/v1/calls", &body).await.problem();
            assert_eq!((status, code.as_str()), (403, "do_not_call"), "{id} {trunk}");
        }
        let shown = system.client.read(&format!("/v1/contacts/{id}")).await.json();
        assert_eq!(shown["do_not_call"], true, "{shown}");
        let address = format!("/v1/do-not-call/{}?reason=again", listed.replace('+', "%2B"));
        let removed = ask(&system, As::Program, Method::DELETE, &address, &json!({})).await;
        assert_eq!(removed.status, 204, "{}", removed.text());
    }
}

#[tokio::test]
async fn a_video_call_is_taken_field_by_field_and_its_record_says_how_it_went() {
    let system = system().await;
    let asked = json!({ "type": "VIDEO", "metadata": { "amount": 7 }, "user_id": "siap3943" });
    let reply = call(&system, asked).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let told = reply.json();
    let call_id = told["call_id"].as_str().unwrap();
    assert_eq!((&told["type"], &told["carried"]), (&json!("video"), &Value::Null), "nobody knows yet");
    assert_eq!((&told["contact_id"], &told["user_id"]), (&json!("jj084"), &json!("siap3943")));
    assert_eq!(told["metadata"], json!({ "amount": 7 }));
    assert!(told["ring_link"].is_string() && told["ring_until"].is_string());
    let path = format!("/v1/calls/{call_id}");
    let now = dering_now();
    let ended = ask(&system, As::Program, Method::PATCH, &path, &json!({ "end_time": now })).await.json();
    assert_eq!(ended["type"], "video");
    assert!(ended["end_time"].is_string(), "{ended}");
    let history = system.client.read("/v1/calls/history?user_id=siap3943&limit=10").await.json();
    assert_eq!(history["call_records"][0]["type"], "video");
}

fn dering_now() -> String {
    let now = time::OffsetDateTime::now_utc();
    now.format(&time::format_description::well_known::Rfc3339).unwrap()
}

#[tokio::test]
async fn what_a_link_cannot_do_is_refused_with_a_sentence() {
    let system = system().await;
    for (more, status, words) in [
        (json!({ "trunk": "main" }), 422, "leave `trunk` out"),
        (json!({ "ring_timeout": 1 }), 400, "ring_timeout"),
    ] {
        let (was, _, detail) = call(&system, more).await.problem();
        assert_eq!(was, status, "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
    let number = json!({ "number": "+15552000001", "type": "voice", "flow": "stay", "trunk": "browser" });
    let (status, _, detail) = ask(&system, As::Program, Method::POST, "/v1/calls", &number).await.problem();
    assert_eq!(status, 422, "{detail}");
    assert!(detail.contains("dials no numbers"), "{detail}");
    let forecast = call(&system, json!({ "dry_run": true })).await.json();
    assert_eq!((&forecast["would_dial"], &forecast["trunk"]["name"]), (&json!(true), &json!("browser")));
    let same = json!({ "flow": "stay", "type": "voice", "contact_id": "jj084" });
    let dial = async || {
        let url = format!("http://{}/v1/calls", system.app.address());
        crate::browser_calls::keyed(&system, &url, &same).await
    };
    let (first, second) = (dial().await, dial().await);
    assert_eq!(first.json()["call_id"], second.json()["call_id"], "one call for one key");
    assert!(first.json()["ring_link"].is_string() && second.json().get("ring_link").is_none());
}

#[tokio::test]
async fn pages_of_origins_that_are_named_may_read_the_answers_and_no_others() {
    let system = system().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = async |method: Method, path: &str, origin: &str| {
        let url = format!("http://{}{path}", system.app.address());
        let request = http.request(method, url).header("origin", origin);
        reply_to(request.header("access-control-request-method", "DELETE").body("{}")).await
    };
    let preflight = asked(Method::OPTIONS, "/v1/browser-calls/0123", SHOP).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers["access-control-allow-methods"], "POST, DELETE");
    let answer = asked(Method::POST, OPEN, SHOP).await;
    assert_eq!(answer.status, 400, "what is wrong is told, too");
    assert_eq!(answer.headers["access-control-allow-origin"], SHOP);
    for (path, origin) in [
        (OPEN, "https://evil.example.com"),
        (OPEN, "null"),
        ("/v1/browser-tokens", SHOP),
        ("/v1/calls", SHOP),
        ("/v1/browser-callsx", SHOP),
    ] {
        for method in [Method::OPTIONS, Method::POST] {
            let answer = asked(method.clone(), path, origin).await;
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{method} {path} {origin}");
        }
    }
    let script = system.client.read("/embed.js").await;
    assert_eq!(
        (script.status, &script.headers["content-type"]),
        (200, &"text/javascript; charset=utf-8".parse().unwrap())
    );
}

#[tokio::test]
async fn somebody_takes_calls_in_chromium() {
    let Some(browser) = browser() else { return };
    if !peer::is_ready() {
        return;
    }
    let system = system().await;
    let microphone = system.folder.path().join("microphone.wav");
    let loud = tone::tone(&[300.0, 700.0], 1_000, -12.0);
    std::fs::write(&microphone, wav::write_8k(&[&[vec![0; 8_000], loud].concat()])).unwrap();
    let address: SocketAddr = system.app.address();
    let (accepted, first) = rung(&system, json!({ "flow": "greet", "caller": "Dering" })).await;
    let (declined, second) = rung(&system, json!({})).await;
    let (hung_up, third) = rung(&system, json!({})).await;
    let (cancelled, fourth) = rung(&system, json!({})).await;
    assert_eq!(system.client.hang_up(&cancelled).await.status, 202);
    let token = json!({ "flow": "short" });
    let token = ask(&system, As::Program, Method::POST, "/v1/browser-tokens", &token).await.json();
    let options = json!({
        "shop": SHOP,
        "token": token["token"],
        "browser": browser,
        "base": format!("http://{address}"),
        "microphone": microphone,
        "links": [first, second, third, fourth],
        "pictures": std::env::var("DERING_PICTURES").ok(),
    });
    let mut peer = Peer::start("ring.js", options).await;
    loop {
        let report = peer.report().await;
        if let Some(why) = report["failed"].as_str() {
            panic!("{why}");
        }
        if report["done"] == true {
            println!("{}", report["measured"]);
            break;
        }
    }
    for (call_id, cause) in [(accepted, 16), (declined, 21), (hung_up, 16)] {
        let (call, _) = ended(&system, &call_id).await;
        assert_eq!(call["causeCode"], cause, "{call}");
        assert_eq!(call["answeredMs"].is_null(), cause == 21, "{call}");
    }
}
