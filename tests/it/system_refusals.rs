//! Requests that cannot be met: each gets a sentence that says what to do, and leaves nothing behind.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dering::access;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::system_fixture::{APP, BUSY, Client, READER, Reply, Setup, TestSystem, reply_to};

fn minted(app: &str, secret: &SecretString, ttl_s: u64) -> String {
    let token = access::mint(app, secret, Duration::from_secs(ttl_s), &[]).unwrap();
    token.expose_secret().to_owned()
}

/// A token that ran out an hour ago.
fn expired(client: &Client) -> String {
    let an_hour_ago = dering::wallclock::now_ms() / 1000 - 3_600;
    signed(client, &json!({ "appId": APP, "iat": an_hour_ago - 60, "exp": an_hour_ago }))
}

/// As any other program would make it.
fn signed(client: &Client, claims: &Value) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(&claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(client.secret.expose_secret().as_bytes()).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn target() -> String {
    json!({ "target": format!("tel:{BUSY}") }).to_string()
}

#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str, says: &str) {
    let (seen_status, seen_code, detail) = reply.problem();
    assert_eq!((seen_status, seen_code.as_str()), (status, code), "{detail}");
    assert!(detail.contains(says), "{detail:?} does not say {says:?}");
}

async fn assert_nothing_was_written(system: &TestSystem) {
    let listed = system.client.read("/v1/calls").await.json();
    assert_eq!(listed["calls"], json!([]));
    assert!(system.inbox.after(0).is_empty());
}

#[tokio::test]
async fn callers_who_may_not_dial_are_told_why() {
    let system = TestSystem::start().await;
    let client = &system.client;
    let missing = client.post_dial("short", "", target()).await;
    assert_refused(&missing, 401, "credentials_missing", "send the header `auth: <JWT>`");
    let nonsense = client.post_dial("short", "nonsense", target()).await;
    assert_refused(&nonsense, 401, "credentials_invalid", "the token cannot be read");
    let forged = minted(APP, &"another secret".into(), 60);
    let forged = client.post_dial("short", &forged, target()).await;
    assert_refused(&forged, 401, "credentials_invalid", "check the app's id and secret");
    let late = client.post_dial("short", &expired(client), target()).await;
    assert_refused(&late, 401, "token_expired", "make a new one");
    let reader = client.post_dial("short", &minted(READER, &client.secret, 60), target()).await;
    assert_refused(&reader, 403, "scope_missing", "SmartAssist Dialout");
    let foreign = client.post_dial("somebody-elses", &client.token(), target()).await;
    assert_refused(&foreign, 403, "bot_not_allowed", "may not use the bot somebody-elses");
    assert_nothing_was_written(&system).await;
}

#[tokio::test]
async fn dial_outs_that_cannot_be_done_say_what_to_change() {
    let system = TestSystem::start().await;
    let client = &system.client;
    let unknown = client.try_dial("ghost", BUSY, json!({})).await;
    assert_refused(&unknown, 404, "not_found", "there is no flow `ghost`; there are `card`");
    let broken = client.try_dial("broken", BUSY, json!({})).await;
    assert_refused(&broken, 422, "invalid", "`dering flow check");
    let mute = client.try_dial("mute", BUSY, json!({})).await;
    assert_refused(&mute, 422, "invalid", "`dering flow check");
    let trunk = client.try_dial("short", BUSY, json!({ "trunk": "other" })).await;
    assert_refused(&trunk, 422, "invalid", "there is no trunk named \"other\"; there are: main");
    let variable = client.try_dial("named", BUSY, json!({})).await;
    assert_refused(&variable, 422, "invalid", "name");
    let number = client.try_dial("short", "12", json!({})).await;
    assert_refused(&number, 400, "malformed", "3 to 15 digits");
    assert_eq!(number.json()["errors"][0]["field"], "target");
    let mode = client.try_dial("short", BUSY, json!({ "machineDetection": "maybe" })).await;
    assert_refused(&mode, 400, "malformed", "\"disconnect\", \"detect\" or \"disabled\"");
    assert_nothing_was_written(&system).await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_with_a_problem_document() {
    let system = TestSystem::start().await;
    let client = &system.client;
    for (body, says) in [
        ("{\"target\":", "the body is not JSON: line 1, it breaks off before its end"),
        ("[]", "the body must be an object, { … }, and not a list"),
        ("", "the body is empty"),
        ("\u{feff}{}", "target: is missing"),
        ("{\"target\":\"tel:123\",\"TARGET\":\"tel:124\"}", "target: stands beside TARGET"),
    ] {
        let reply = client.post_dial("short", &client.token(), body.to_owned()).await;
        assert_refused(&reply, 400, "malformed", says);
    }
    let large = json!({ "target": format!("tel:{BUSY}"), "metadata": { "text": "x".repeat(1_000_000) } });
    let large = client.post_dial("short", &client.token(), large.to_string()).await;
    assert_refused(&large, 413, "too_large", "256 KiB");
    let wrong_method = client.read("/api/1.1/public/bot/short/smartassist/dialout").await;
    assert_refused(&wrong_method, 405, "method_not_allowed", "does not take GET");
    assert_eq!(wrong_method.headers["allow"], "POST");
    assert_refused(&client.read("/v2/calls").await, 404, "not_found", "there is nothing at /v2/calls");
    assert_nothing_was_written(&system).await;
}

#[tokio::test]
async fn webhooks_to_private_addresses_are_refused_unless_they_are_allowed() {
    let system = TestSystem::with(Setup { allow_private: false, ..Setup::default() }).await;
    for url in [system.receiver.url().as_str(), "http://[::1]/x", "http://169.254.169.254/latest"] {
        let reply = system.client.try_dial("short", BUSY, json!({ "notifyUrl": url })).await;
        assert_refused(&reply, 400, "malformed", "not at a public address");
        assert_eq!(reply.json()["errors"][0]["field"], "notifyUrl");
    }
    let contact =
        json!({ "contact_id": "x", "type": "voice", "notify_url": "http://169.254.169.254/latest" });
    let url = format!("http://{}/v1/calls", system.app.address());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = reply_to(http.post(url).bearer_auth(system.client.token()).json(&contact)).await;
    assert_refused(&reply, 400, "malformed", "not at a public address");
    let ftp = system.client.try_dial("short", BUSY, json!({ "notifyUrl": "ftp://example.com" })).await;
    assert_refused(&ftp, 400, "malformed", "http or https");
    assert_nothing_was_written(&system).await;
}

#[tokio::test]
async fn readers_need_a_key_and_queries_that_make_sense() {
    let system = TestSystem::start().await;
    let stranger = Client::new(system.app.address(), "x".into(), "dk_0_wrong".into());
    for path in ["/v1/calls", "/v1/cdr", "/metrics", "/v1/webhooks/endpoints", "/v1/calls/x/recording"] {
        assert_refused(&stranger.read(path).await, 401, "credentials_invalid", "the API key is not known");
    }
    for (path, says) in [
        ("/v1/calls?limit=many", "limit"),
        ("/v1/calls?progress=soon", "must be \"scheduled\", \"live\" or \"ended\""),
        ("/v1/calls?after=nonsense", ""),
        ("/v1/calls?colour=red", "colour"),
        ("/v1/cdr?filter.duration=$about:3", "$about is not supported here"),
    ] {
        assert_refused(&system.client.read(path).await, 400, "malformed", says);
    }
    assert_eq!(system.client.read("/v1/cdr/none").await.problem().0, 404);
    assert_eq!(stranger.read("/health").await.json(), json!({ "status": "ok" }));
}
