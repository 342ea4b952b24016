//! Who sees and ends which calls: scopes that act, keys tied to bots, apps that only dial out.

use std::time::Duration;

use dering::access::{self, Scope};
use dering::store::{NewApiKey, NewApp};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::calls_fixture::{Desk, key};
use crate::system_fixture::{HANGS_UP, PERSON, Reply, in_time, reply_to};

/// Asks with any key or token.
async fn ask(desk: &Desk, bearer: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let request = desk.bare(method, path).bearer_auth(bearer);
    reply_to(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

#[track_caller]
fn assert_refused(reply: &Reply, code: &str, says: &str) {
    let (status, seen, detail) = reply.problem();
    assert_eq!((status, seen.as_str()), (403, code), "{detail}");
    assert!(detail.contains(says), "{detail:?} does not say {says:?}");
}

/// A key that is tied to one bot.
async fn tied(desk: &Desk, bot: &str, scopes: &[Scope]) -> String {
    let (kept, text) = access::new_api_key("tied", scopes);
    let kept = NewApiKey { bots: vec![bot.to_owned()], ..kept };
    desk.system.app.store().create_api_key(kept).await.unwrap();
    text.expose_secret().to_owned()
}

/// A call that the person at the other end has ended, and whose last notification is known to have arrived.
async fn ended_call(desk: &Desk, bot: &str) -> String {
    let call = desk.system.dial(bot, HANGS_UP, json!({})).await;
    desk.system.last_word(&call).await;
    let arrived = |rows: &[Value]| rows.iter().all(|row| row["notification"]["state"] == "delivered");
    desk.system.client.ledger(&call, arrived).await;
    call
}

/// One field of each member of a list.
fn each(reply: &Reply, list: &str, field: &str) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let shown = reply.json();
    let of = |row: &Value| row[field].as_str().unwrap().to_owned();
    shown[list].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn who_only_reads_ends_no_call_and_has_no_webhook_sent_again() {
    let desk = Desk::start().await;
    let reader = key(&desk.system, &[Scope::Read]).await;
    let call = desk.system.dial("stay", PERSON, json!({})).await;
    desk.system.answered(&call).await;
    let path = format!("/v1/calls/{call}");
    for (method, path) in [(Method::POST, format!("{path}/hangup")), (Method::DELETE, path.clone())] {
        assert_refused(&ask(&desk, &reader, method, &path, None).await, "scope_missing", "\"campaigns\"");
    }
    let listed = ask(&desk, &reader, Method::GET, "/v1/webhooks/deliveries", None).await;
    let id = &each(&listed, "deliveries", "id")[0];
    let one = format!("/v1/webhooks/deliveries/{id}/redeliver");
    let many = json!({ "callId": call, "dryRun": true });
    for (path, body) in [(one.as_str(), None), ("/v1/webhooks/deliveries/redeliver", Some(many))] {
        let refused = ask(&desk, &reader, Method::POST, path, body).await;
        assert_refused(&refused, "scope_missing", "\"campaigns\" or \"admin\"");
    }
    assert_eq!(desk.system.client.hang_up(&call).await.status, 202);
}

#[tokio::test]
async fn a_remembered_password_alone_places_and_ends_no_call() {
    let desk = Desk::start().await;
    let campaigner = key(&desk.system, &[Scope::Read, Scope::Campaigns]).await;
    desk.post("/v1/contacts", json!({ "contact_id": "jj084", "phone_number": PERSON, "flow": "stay" })).await;
    let make = json!({ "contact_id": "jj084", "type": "voice" });
    let by_browser = |path: &str| desk.bare(Method::POST, path).basic_auth("me", Some(&campaigner));
    let forged = reply_to(by_browser("/v1/calls").json(&make)).await;
    assert_refused(&forged, "cross_site", "x-dering-request");
    let meant = reply_to(by_browser("/v1/calls").header("x-dering-request", "1").json(&make)).await;
    assert_eq!(meant.status, 201, "{}", meant.text());
    let call = meant.json()["call_id"].as_str().unwrap().to_owned();
    let forged = reply_to(by_browser(&format!("/v1/calls/{call}/hangup"))).await;
    assert_refused(&forged, "cross_site", "x-dering-request");
    let dial_out = "/api/1.1/public/bot/short/smartassist/dialout";
    let forged = reply_to(by_browser(dial_out).body(format!("{{\"target\":\"tel:{PERSON}\"}}"))).await;
    assert_refused(&forged, "cross_site", "x-dering-request");
}

#[tokio::test]
async fn an_app_that_only_dials_out_has_to_do_with_its_own_calls() {
    let desk = Desk::start().await;
    desk.post("/v1/contacts", json!({ "contact_id": "jj084", "phone_number": PERSON })).await;
    let secret = access::new_app_secret();
    let other = NewApp {
        id: "other".into(),
        name: "Other".into(),
        scopes: vec![Scope::Dialout.into()],
        bots: vec!["*".into()],
        secret: secret.clone(),
    };
    desk.system.app.store().create_app(other).await.unwrap();
    let other = access::mint("other", &secret, Duration::from_secs(60), &[]).unwrap();
    let (other, shop) = (other.expose_secret(), desk.system.client.token());
    let call = desk.system.dial("stay", PERSON, json!({})).await;
    desk.system.answered(&call).await;

    let path = format!("/v1/calls/{call}");
    let hang_up = format!("{path}/hangup");
    let foreign = ask(&desk, other, Method::POST, &hang_up, None).await;
    assert_refused(&foreign, "scope_missing", "asked for by somebody else");
    let change = Some(json!({ "metadata": { "n": 1 } }));
    assert_refused(&ask(&desk, other, Method::PATCH, &path, change).await, "scope_missing", "somebody else");
    let history = async |bearer: &str| {
        each(&ask(&desk, bearer, Method::GET, "/v1/calls/history", None).await, "call_records", "call_id")
    };
    assert_eq!(history(other).await, [""; 0]);
    assert_eq!(history(&shop).await, [call.as_str()]);
    assert_eq!(ask(&desk, &shop, Method::POST, &hang_up, None).await.status, 202);
}

#[tokio::test]
async fn who_is_tied_to_bots_sees_and_ends_their_calls_only() {
    let desk = Desk::start().await;
    desk.post("/v1/contacts", json!({ "contact_id": "only", "phone_number": HANGS_UP, "flow": "short" }))
        .await;
    let (own, theirs) = tokio::join!(ended_call(&desk, "short"), ended_call(&desk, "detect"));
    let key = tied(&desk, "short", &[Scope::Read, Scope::Campaigns, Scope::Flows]).await;
    let get = async |path: &str| ask(&desk, &key, Method::GET, path, None).await;

    // Lists show what is its own.
    for (path, list, field) in [
        ("/v1/calls", "calls", "callId"),
        ("/v1/interactions", "interactions", "conversationId"),
        ("/v1/calls/history", "call_records", "call_id"),
        ("/v1/webhooks/deliveries", "deliveries", "callId"),
    ] {
        let mut seen = each(&get(path).await, list, field);
        seen.dedup();
        assert_eq!(seen, [own.as_str()], "{path}");
    }
    assert_eq!(each(&get("/v1/flows").await, "flows", "flow"), ["short"]);
    let records = get("/v1/cdr").await.json();
    assert_eq!((&records["meta"]["totalItems"], records["data"].as_array().unwrap().len()), (&json!(1), 1));
    let all = desk.get("/v1/cdr").await.json();
    let own_session = records["data"][0]["sessionId"].as_str().unwrap().to_owned();
    let sessions = all["data"].as_array().unwrap().iter().map(|row| row["sessionId"].as_str().unwrap());
    let their_session = sessions.into_iter().find(|session| *session != own_session).unwrap().to_owned();
    let deliveries = desk.get(&format!("/v1/webhooks/deliveries?callId={theirs}")).await;
    let delivery = each(&deliveries, "deliveries", "id").remove(0);

    // What is about others is refused, wherever it is asked for.
    for what in [
        "",
        "/events",
        "/sip",
        "/evidence",
        "/amd.svg",
        "/transcript",
        "/notifications",
        "/recording",
        "/messages/1",
    ] {
        assert_refused(&get(&format!("/v1/calls/{theirs}{what}")).await, "bot_not_allowed", "another bot's");
    }
    assert_refused(&get(&format!("/v1/cdr/{their_session}")).await, "bot_not_allowed", "another bot's");
    assert_eq!(get(&format!("/v1/cdr/{own_session}")).await.status, 200);
    assert_refused(
        &get(&format!("/v1/webhooks/deliveries/{delivery}")).await,
        "bot_not_allowed",
        "another bot's",
    );
    for path in ["/v1/calls?botId=detect", "/v1/interactions?botId=detect"] {
        assert_refused(&get(path).await, "bot_not_allowed", "may not use the bot detect");
    }
    for path in ["/metrics", "/v1/webhooks/endpoints"] {
        assert_refused(&get(path).await, "bot_not_allowed", "not tied to bots");
    }
    for (method, path, body) in [
        (Method::POST, format!("/v1/calls/{theirs}/hangup"), None),
        (Method::DELETE, format!("/v1/calls/{theirs}"), None),
        (Method::PATCH, format!("/v1/calls/{theirs}"), Some(json!({ "metadata": { "n": 1 } }))),
        (Method::POST, format!("/v1/calls/{theirs}/recording/link"), None),
        (Method::POST, format!("/v1/webhooks/deliveries/{delivery}/redeliver"), None),
        (Method::POST, "/v1/flows/detect/rollback".to_owned(), None),
    ] {
        let refused = ask(&desk, &key, method, &path, body).await;
        assert_refused(&refused, "bot_not_allowed", "tied to the bots short");
    }
    let everything = json!({ "state": "delivered", "since": 1, "dryRun": true });
    let counted = ask(&desk, &key, Method::POST, "/v1/webhooks/deliveries/redeliver", Some(everything)).await;
    assert_eq!(counted.json()["matched"], json!(2), "{}", counted.text());
    let own_change = Some(json!({ "metadata": { "n": 1 } }));
    let changed = ask(&desk, &key, Method::PATCH, &format!("/v1/calls/{own}"), own_change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

#[tokio::test]
async fn contacts_belong_to_no_bot_but_may_be_called_by_their_id() {
    let desk = Desk::start().await;
    desk.post("/v1/contacts", json!({ "contact_id": "jj084", "phone_number": PERSON, "flow": "stay" })).await;
    let key = tied(&desk, "stay", &[Scope::Read, Scope::Campaigns]).await;
    for (method, path) in [
        (Method::GET, "/v1/contacts"),
        (Method::POST, "/v1/contacts"),
        (Method::POST, "/v1/contacts/import"),
        (Method::GET, "/v1/contacts/jj084"),
        (Method::PATCH, "/v1/contacts/jj084"),
        (Method::DELETE, "/v1/contacts/jj084"),
    ] {
        let refused = ask(&desk, &key, method, path, Some(json!({}))).await;
        assert_refused(&refused, "bot_not_allowed", "contacts belong to no bot");
    }
    let make = |flow: &str| Some(json!({ "contact_id": "jj084", "type": "voice", "flow": flow }));
    let made = ask(&desk, &key, Method::POST, "/v1/calls", make("stay")).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let other = ask(&desk, &key, Method::POST, "/v1/calls", make("short")).await;
    assert_refused(&other, "bot_not_allowed", "may not use the bot short");
    let call = made.json()["call_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/calls/{call}");
    in_time(async { while desk.get(&path).await.json()["answeredMs"].is_null() {} }).await;
    assert_eq!(ask(&desk, &key, Method::POST, &format!("{path}/hangup"), None).await.status, 202);
}
