//! The Calls API: a contact is called, a call is ended, the history is told.

use dering::access::{self, Scope};
use dering::store::NewApiKey;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::calls_fixture::Desk;
use crate::system_fixture::{APP, PERSON, in_time, reply_to};

async fn desk() -> Desk {
    let desk = Desk::start().await;
    for (id, flow) in [("jj084", Some("stay")), ("kk001", None)] {
        let contact = json!({"contact_id": id, "phone_number": PERSON, "name": "Jaya", "flow": flow,
                             "metadata": {"amount": 120}});
        assert_eq!(desk.post("/v1/contacts", contact).await.status, 201);
    }
    desk
}

/// Waits until the callee has taken the call.
async fn answered(desk: &Desk, call_id: &str) {
    in_time(async {
        while desk.get(&format!("/v1/calls/{call_id}")).await.json()["answeredMs"].is_null() {}
    })
    .await;
}

#[tokio::test]
async fn a_contact_is_called_and_the_call_is_ended_as_the_document_says() {
    let desk = desk().await;
    let made = desk
        .post(
            "/v1/calls",
            json!({"contact_id": "jj084", "type": "voice", "user_id": "siap3943", "metadata": {"n": 1}}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let call = made.json();
    let call_id = call["call_id"].as_str().unwrap();
    assert_eq!(made.headers["location"], format!("/v1/calls/{call_id}"));
    assert_eq!((&call["contact_id"], &call["type"]), (&json!("jj084"), &json!("voice")));
    assert_eq!(call["metadata"], json!({"n": 1}), "what was sent");
    assert_eq!(call["contact_data"], json!({"name": "Jaya", "amount": 120}), "the contact's own");
    let start = call["start_time"].as_str().unwrap();
    assert!(start.len() == 20 && start.ends_with('Z') && call.get("end_time").is_none(), "{call}");
    answered(&desk, call_id).await;

    let path = format!("/v1/calls/{call_id}");
    let merged = desk.patch(&path, json!({"metadata": {"n": null, "note": "polite"}})).await.json();
    assert_eq!(merged["metadata"], json!({"note": "polite"}));
    for nothing in [json!({}), json!({"metadata": {}}), json!({"metadata": null, "end_time": null})] {
        let (status, code, detail) = desk.patch(&path, nothing).await.problem();
        assert_eq!((status, code.as_str()), (400, "malformed"));
        assert!(detail.starts_with("the body changes nothing"), "{detail}");
    }
    let piece = |name: &str| json!({"metadata": {name: "x".repeat(9_000)}});
    assert_eq!(desk.patch(&path, piece("a")).await.status, 200);
    let (status, _, detail) = desk.patch(&path, piece("b")).await.problem();
    assert!(status == 400 && detail.starts_with("metadata: is larger than 16 KiB"), "{detail}");
    for (end_time, why) in [
        ("2999-01-01T00:00:00Z", "future"),
        ("2023-08-21T08:10:00Z", "before the start"),
        ("soon", "not a time"),
    ] {
        let (status, code, detail) = desk.patch(&path, json!({ "end_time": end_time })).await.problem();
        assert!(status == 400 && code == "malformed" && detail.contains(why), "{detail}");
    }
    let ended = desk.patch(&path, json!({ "end_time": start })).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    let log = desk.get(&format!("/v1/audit?subject={call_id}")).await.json();
    let actions: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let ends = actions.iter().filter(|action| **action == "call.hangup").count();
    assert_eq!((ends, actions.len()), (1, 3), "two changes and one end: {actions:?}");
    assert!(ended.json()["end_time"].as_str().unwrap() >= start);
    let again = desk.patch(&path, json!({ "end_time": start })).await;
    assert_eq!((again.status, again.problem().1.as_str()), (409, "conflict"));
    let hang_up = reply_to(desk.request(Method::POST, &format!("{path}/hangup"))).await;
    assert_eq!((hang_up.status, hang_up.problem().1.as_str()), (409, "conflict"));
    let unknown = reply_to(desk.request(Method::POST, "/v1/calls/nobody/hangup")).await;
    assert_eq!(unknown.problem().0, 404);

    let records = |user: &'static str| {
        let desk = &desk;
        async move {
            let reply = desk.get(&format!("/v1/calls/history?user_id={user}&limit=10")).await.json();
            reply["call_records"].as_array().unwrap().clone()
        }
    };
    let mine = records("siap3943").await;
    assert_eq!(
        (mine.len(), &mine[0]["call_id"], &mine[0]["user_id"]),
        (1, &json!(call_id), &json!("siap3943"))
    );
    assert_eq!(records("jj084").await, mine, "the contact has taken part in it");
    assert_eq!(records("kk001").await, Vec::<Value>::new());
}

#[tokio::test]
async fn suara_is_voice_and_video_goes_by_voice_where_nothing_carries_it() {
    let desk = desk().await;
    let call = desk.post("/v1/calls", json!({"contact_id": "jj084", "type": "suara"})).await.json();
    assert_eq!(call["type"], "voice");
    let video = desk.post("/v1/calls", json!({"contact_id": "jj084", "type": "video"})).await.json();
    assert_eq!((&video["type"], &video["carried"]), (&json!("video"), &json!("voice")));
    assert_eq!(video.get("ring_link"), None, "the contact has a telephone");
    for call in [call, video] {
        let call_id = call["call_id"].as_str().unwrap();
        assert_eq!(desk.system.client.hang_up(call_id).await.status, 202);
    }
}

#[tokio::test]
async fn a_contact_is_called_once_under_a_key_and_what_is_not_followed_is_named() {
    let desk = desk().await;
    let ask = |key: &str, body: Value| {
        let request = desk.request(Method::POST, "/v1/calls").header("Idempotency-Key", key).json(&body);
        reply_to(request)
    };
    let body = json!({"contact_id": "jj084", "type": "VOICE", "metadata": {"n": 1},
                      "notify_headers": {"Host": "x"}});
    let first = ask("order-7", body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.headers["dering-ignored-fields"], "notify_headers.Host, notify_headers, metadata.n");
    let call_id = first.json()["call_id"].clone();
    let again = ask("\"order-7\"", body).await;
    assert_eq!((again.status, &again.json()["call_id"]), (201, &call_id));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = ask("order-7", json!({"contact_id": "kk001", "type": "voice", "flow": "stay"})).await;
    assert_eq!(other.problem().1, "key_reused");
    let (status, _, detail) = ask(" ", json!({"contact_id": "jj084", "type": "voice"})).await.problem();
    assert!(status == 400 && detail.starts_with("Idempotency-Key: must be"), "{detail}");
    let listed = desk.get("/v1/calls/history?user_id=jj084").await.json();
    assert_eq!(listed["call_records"].as_array().unwrap().len(), 1);
    assert_eq!(desk.system.client.hang_up(call_id.as_str().unwrap()).await.status, 202);
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_with_a_reason() {
    let desk = desk().await;
    for (body, status, why) in [
        (json!({"contact_id": "nobody", "type": "voice"}), 404, "contact nobody"),
        (json!({"contact_id": "kk001", "type": "voice"}), 422, "no flow was named"),
        (json!({"contact_id": "kk001", "type": "voice", "flow": "nowhere"}), 404, "nowhere"),
        (json!({"contact_id": "jj084"}), 400, "type"),
        (json!({"contact_id": "jj084", "type": "fax"}), 400, "fax"),
        (json!({"contact_id": "jj084", "type": "voice", "colour": 1}), 400, "colour"),
        (json!({"contact_id": "jj084", "type": "voice", "trunk": "x"}), 422, "no trunk named"),
        (json!([]), 400, "body"),
    ] {
        let problem = desk.post("/v1/calls", body).await.problem();
        assert!(problem.0 == status && problem.2.contains(why), "{problem:?}");
    }
}

#[tokio::test]
async fn a_call_placed_elsewhere_is_in_the_history_of_the_contact_with_its_number() {
    let desk = Desk::start().await;
    desk.post("/v1/contacts", json!({"contact_id": "only", "phone_number": PERSON})).await;
    let call_id = desk.system.dial("errands", PERSON, json!({})).await;
    desk.system.last_word(&call_id).await;
    let history = desk.get("/v1/calls/history?user_id=only").await.json();
    assert_eq!(history["call_records"][0]["call_id"], json!(call_id));
    assert_eq!(history["next"], Value::Null);
}

#[tokio::test]
async fn a_client_app_may_call_with_the_bots_it_holds() {
    let desk = desk().await;
    let token = desk.system.client.token();
    let ask = |flow: &str| {
        let body = json!({"contact_id": "kk001", "type": "voice", "flow": flow});
        reply_to(desk.bare(Method::POST, "/v1/calls").bearer_auth(&token).json(&body))
    };
    assert_eq!(ask("errands").await.status, 201);
    assert_eq!(ask("secret").await.problem().1, "bot_not_allowed");
}

#[tokio::test]
async fn the_webhooks_of_a_contacts_call_are_signed_by_the_app_or_refused_at_once() {
    let desk = desk().await;
    let url = desk.system.receiver.url();
    let body = |url: &str| {
        json!({"contact_id": "kk001", "type": "voice", "flow": "errands", "notify_url": url,
               "notify_headers": {"x-shop": "7"}})
    };
    // The desk's key acts for no app, so nobody could tell whose the webhook is.
    let unsigned = desk.post("/v1/calls", body(&url)).await;
    let (status, code, detail) = unsigned.problem();
    assert_eq!((status, code.as_str()), (422, "invalid"));
    assert!(detail.contains("this key acts for none") && detail.contains("--app"), "{detail}");
    assert_eq!(unsigned.json()["errors"][0]["field"], "notify_url");

    let (kept, key) = access::new_api_key("crm", &[Scope::Campaigns]);
    let acting = NewApiKey { app_id: Some(APP.to_owned()), ..kept };
    desk.system.app.store().create_api_key(acting).await.unwrap();
    let token = desk.system.client.token();
    for bearer in [key.expose_secret(), token.as_str()] {
        // Whoever acts for an app is bound to its bots, too.
        let foreign = json!({"contact_id": "kk001", "type": "voice", "flow": "somebody-elses"});
        let asked = desk.bare(Method::POST, "/v1/calls").bearer_auth(bearer).json(&foreign);
        assert_eq!(reply_to(asked).await.problem().1, "bot_not_allowed");
        let made = reply_to(desk.bare(Method::POST, "/v1/calls").bearer_auth(bearer).json(&body(&url))).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let call_id = made.json()["call_id"].as_str().unwrap().to_owned();
        // The system accepts none but signed ones.
        let told = desk.system.last_word(&call_id).await;
        assert_eq!(told.last().unwrap()["status"], "completed");
        assert_eq!(desk.system.inbox.of(&call_id)[0].headers["x-shop"], "7");
    }
    for (body, why) in [
        (body("ftp://example.com/"), "http or https"),
        (json!({"contact_id": "kk001", "type": "voice", "notify_headers": {"a b": "x"}}), "name of a header"),
    ] {
        let asked = desk.bare(Method::POST, "/v1/calls").bearer_auth(&token).json(&body);
        let (status, _, detail) = reply_to(asked).await.problem();
        assert!(status == 400 && detail.contains(why), "{status}: {detail}");
    }
}
