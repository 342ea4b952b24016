//! Who may do what, over the API: apps, secrets and keys, limits, tokens that are good once, and the audit log.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request};
use dering::access::{self, Access, Error, Scope};
use dering::api::admin;
use dering::lists::Lists;
use dering::store::{ClientApp, Options, Rate, Store};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const MINUTE: Duration = Duration::from_secs(60);

/// The routes over a database in memory, and an admin's key.
struct Office {
    access: Access,
    store: Store,
    routes: Router,
    key: String,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
    text: String,
}

impl Office {
    async fn open(options: access::Options) -> Self {
        Self::over(Store::open(Options::memory()).await.unwrap(), options).await
    }

    async fn over(store: Store, options: access::Options) -> Self {
        let access = Access::with(store.clone(), options);
        let (kept, key) = access::new_api_key("boss", &[Scope::Admin]);
        store.create_api_key(kept).await.unwrap();
        // No file is sent here.
        let lists = Lists::new(store.clone(), "nowhere".into(), None, CancellationToken::new());
        let routes = admin::alone(&access, lists, None);
        Self { access, store, routes, key: key.expose_secret().to_owned() }
    }

    /// Asks with any credential, from an address.
    async fn ask_as(&self, bearer: &str, from: &str, method: Method, path: &str, body: Value) -> Answer {
        let from: SocketAddr = format!("{from}:40000").parse().unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .extension(ConnectInfo(from));
        if !bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.routes.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        self.ask_as(&self.key, "203.0.113.7", method, path, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Value::Null).await
    }

    /// Makes an app, with what is in `extra`; its secret.
    async fn app(&self, id: &str, extra: Value) -> SecretString {
        let mut body = json!({ "id": id });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let made = self.ask(Method::POST, "/v1/apps", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body["secret"].as_str().unwrap().into()
    }

    /// The client app that may dial out for a bot.
    async fn dialout(&self, headers: &HeaderMap, bot: &str) -> Result<ClientApp, Error> {
        self.access.dialling_app(&self.access.identify(headers).await?, bot).await
    }

    /// Whether a token over `secret` opens dial-out.
    async fn admits(&self, id: &str, secret: &SecretString) -> Result<(), Error> {
        let token = access::mint(id, secret, MINUTE, &[]).unwrap();
        let header = ("auth".parse().unwrap(), token.expose_secret().parse().unwrap());
        self.dialout(&HeaderMap::from_iter([header]), "st-1").await.map(|_| ())
    }
}

impl Answer {
    #[track_caller]
    fn assert_problem(&self, status: u16, code: &str, says: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert!(self.body["detail"].as_str().unwrap().contains(says), "{}", self.text);
    }
}

#[tokio::test]
async fn a_secret_is_rotated_without_an_interruption() {
    let office = Office::open(access::Options::default()).await;
    let old = office.app("shop", json!({ "bots": ["st-1"] })).await;
    office.admits("shop", &old).await.unwrap();

    let made = office.ask(Method::POST, "/v1/apps/shop/secrets", Value::Null).await;
    assert_eq!((made.status, made.body["id"].as_i64()), (201, Some(2)), "{}", made.text);
    let new = SecretString::from(made.body["secret"].as_str().unwrap());
    office.admits("shop", &old).await.unwrap();
    office.admits("shop", &new).await.unwrap();

    let path = "/v1/apps/shop/secrets/1";
    let later = json!({ "retireAt": "2999-01-01T00:00:00Z" });
    assert_eq!(office.ask(Method::PATCH, path, later).await.body["state"], "ending");
    office.admits("shop", &old).await.unwrap();
    let back = office.ask(Method::PATCH, path, json!({ "retireAt": null })).await;
    assert_eq!((back.body["state"].as_str(), &back.body["retireAt"]), (Some("active"), &Value::Null));
    assert_eq!(office.ask(Method::DELETE, path, Value::Null).await.status, 204);
    assert!(matches!(office.admits("shop", &old).await, Err(Error::Unsigned { .. })), "at once");
    office.admits("shop", &new).await.unwrap();

    let last = office.ask(Method::DELETE, "/v1/apps/shop/secrets/2", Value::Null).await;
    last.assert_problem(409, "conflict", "add another one first");
    office.ask(Method::DELETE, path, Value::Null).await.assert_problem(404, "not_found", "active secret 1");
    let listed = office.get("/v1/apps/shop/secrets").await;
    let states: Vec<&str> =
        listed.body["secrets"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["retired", "active"]);
    let all = office.get("/v1/apps").await.text + &listed.text + &office.get("/v1/audit").await.text;
    assert!(!all.contains(old.expose_secret()) && !all.contains(new.expose_secret()), "{all}");
}

#[tokio::test]
async fn one_request_rotates_and_ends_the_others_at_a_time() {
    let office = Office::open(access::Options::default()).await;
    let brought = "0123456789abcdef0123456789abcdef";
    let secret = office.app("shop", json!({ "secret": brought })).await;
    assert_eq!(secret.expose_secret(), brought, "an app may bring the secret it has elsewhere");
    let body = json!({ "retireOthersAt": "2000-01-01T00:00:00Z" });
    let made = office.ask(Method::POST, "/v1/apps/shop/secrets", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(office.admits("shop", &secret).await.is_err(), "a time that has passed is now");
    let short = office.ask(Method::POST, "/v1/apps/shop/secrets", json!({ "secret": "hunter2" })).await;
    short.assert_problem(422, "invalid", "32 to 1024 bytes");
    assert!(!short.text.contains("hunter2"));
    office
        .ask(Method::POST, "/v1/apps/shop/secrets", json!({ "retireOthersAt": "soon" }))
        .await
        .assert_problem(422, "invalid", "retireOthersAt: is no moment");
}

#[tokio::test]
async fn apps_are_made_changed_and_turned_away() {
    let office = Office::open(access::Options::default()).await;
    let secret = office.app("shop", json!({ "name": "The shop", "bots": ["st-1", "st-1"] })).await;
    let shown = office.get("/v1/apps/shop").await.body;
    assert_eq!((&shown["name"], &shown["bots"]), (&json!("The shop"), &json!(["st-1"])));
    assert_eq!((&shown["scopes"], &shown["secret"]), (&json!(["SmartAssist Dialout"]), &Value::Null));

    let changed = office.ask(Method::PATCH, "/v1/apps/shop", json!({ "bots": ["st-2"] })).await;
    assert_eq!((&changed.body["bots"], &changed.body["name"]), (&json!(["st-2"]), &json!("The shop")));
    assert!(matches!(office.admits("shop", &secret).await, Err(Error::Bot(_))));

    for (body, says) in [
        (json!({ "id": "a b" }), "letters, digits"),
        (json!({ "id": "x", "scopes": ["everything"] }), "names no scope"),
        (json!({ "id": "x", "bots": [] }), "must name bots"),
        (json!({ "id": "x", "maxTokenAge": 0 }), "maxTokenAge"),
        (json!({ "id": "x", "rateLimit": { "perSecond": 0, "burst": 1 } }), "rateLimit.perSecond"),
    ] {
        office.ask(Method::POST, "/v1/apps", body).await.assert_problem(422, "invalid", says);
    }
    let unknown = office.ask(Method::PATCH, "/v1/apps/shop", json!({ "bot": ["st-1"] })).await;
    unknown.assert_problem(422, "invalid", "bot: is no field here");
    let nothing = office.ask(Method::PATCH, "/v1/apps/shop", json!({})).await;
    nothing.assert_problem(400, "malformed", "changes nothing");
    let all =
        json!({ "id": "", "bots": ["", 7], "maxTokenAge": 1e12, "rateLimit": { "burst": 0 }, "name": " " });
    let all = office.ask(Method::POST, "/v1/apps", all).await.body;
    let fields: Vec<&str> =
        all["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    let wrong = ["id", "name", "bots[0]", "bots[1]", "maxTokenAge", "rateLimit.perSecond", "rateLimit.burst"];
    assert_eq!(fields, wrong);
    office
        .ask(Method::POST, "/v1/apps", json!({ "id": "shop" }))
        .await
        .assert_problem(409, "conflict", "shop");

    assert_eq!(office.ask(Method::DELETE, "/v1/apps/shop", Value::Null).await.status, 204);
    assert!(matches!(office.admits("shop", &secret).await, Err(Error::Unsigned { .. })));
    office.get("/v1/apps/shop").await.assert_problem(404, "not_found", "shop");
    let again = office.ask(Method::POST, "/v1/apps", json!({ "id": "shop" })).await;
    again.assert_problem(409, "conflict", "exists already");
    assert_eq!(office.store.signing_secrets("shop").await.unwrap().len(), 1, "what is on its way is signed");
}

#[tokio::test]
async fn a_key_is_shown_once_counted_and_revoked_at_once() {
    let office = Office::open(access::Options::default()).await;
    let made = office.ask(Method::POST, "/v1/keys", json!({ "name": "ann", "scopes": ["admin"] })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, key) = (made.body["id"].as_str().unwrap(), made.body["key"].as_str().unwrap());
    let path = format!("/v1/keys/{id}");
    assert_eq!(office.get(&path).await.body["lastUsedAt"], Value::Null);
    let used = office.ask_as(key, "203.0.113.9", Method::GET, "/v1/keys", Value::Null).await;
    assert_eq!(used.status, 200);
    assert!(!used.text.contains(key), "it is never shown again");
    assert!(office.get(&path).await.body["lastUsedAt"].is_string());

    let narrowed = office.ask(Method::PATCH, &path, json!({ "scopes": ["read"] })).await;
    assert_eq!(narrowed.body["scopes"], json!(["read"]));
    office.ask_as(key, "203.0.113.9", Method::GET, "/v1/keys", Value::Null).await.assert_problem(
        403,
        "scope_missing",
        "the API key does not hold it",
    );
    assert_eq!(office.ask(Method::DELETE, &path, Value::Null).await.status, 204);
    office.ask_as(key, "203.0.113.9", Method::GET, "/v1/keys", Value::Null).await.assert_problem(
        401,
        "credentials_invalid",
        "was revoked",
    );
    office.ask(Method::DELETE, &path, Value::Null).await.assert_problem(404, "not_found", id);
    assert_eq!(office.get(&path).await.body["state"], "revoked");
    office.ask_as("", "203.0.113.9", Method::GET, "/v1/keys", Value::Null).await.assert_problem(
        401,
        "credentials_missing",
        "an API key is needed",
    );
}

#[tokio::test]
async fn a_key_places_calls_for_the_app_it_acts_for_and_no_longer() {
    let office = Office::open(access::Options::default()).await;
    office.app("shop", json!({ "bots": ["st-1", "st-2"] })).await;
    let body = json!({ "name": "crm", "scopes": ["SmartAssist Dialout"], "bots": ["st-1"], "appId": "shop" });
    let made = office.ask(Method::POST, "/v1/keys", body.clone()).await;
    let key = made.body["key"].as_str().unwrap();
    let headers =
        HeaderMap::from_iter([("authorization".parse().unwrap(), format!("Bearer {key}").parse().unwrap())]);
    assert_eq!(office.dialout(&headers, "st-1").await.unwrap().id, "shop");
    assert!(matches!(office.dialout(&headers, "st-2").await, Err(Error::Bot(_))));
    office.ask(Method::DELETE, "/v1/apps/shop", Value::Null).await;
    assert!(matches!(office.dialout(&headers, "st-1").await, Err(Error::KeyUnknown)));
    office.ask(Method::POST, "/v1/keys", body).await.assert_problem(404, "not_found", "shop");
}

#[tokio::test]
async fn a_token_that_is_good_once_is_refused_the_second_time_even_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dering.db");
    let store = Store::open(Options::file(&path)).await.unwrap();
    let office = Office::over(store.clone(), access::Options::default()).await;
    let secret = office.app("shop", json!({ "requireJti": true, "scopes": ["admin"] })).await;
    let token = access::mint("shop", &secret, MINUTE, &[]).unwrap();
    let token = token.expose_secret();
    let first = office.ask_as(token, "203.0.113.9", Method::GET, "/v1/apps", Value::Null).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = office.ask_as(token, "203.0.113.9", Method::GET, "/v1/apps", Value::Null).await;
    again.assert_problem(401, "token_replayed", "make a new one with another jti");
    store.close().await;

    let office =
        Office::over(Store::open(Options::file(&path)).await.unwrap(), access::Options::default()).await;
    let again = office.ask_as(token, "203.0.113.9", Method::GET, "/v1/apps", Value::Null).await;
    again.assert_problem(401, "token_replayed", "used before");
    let fresh = access::mint("shop", &secret, MINUTE, &[]).unwrap();
    let fresh =
        office.ask_as(fresh.expose_secret(), "203.0.113.9", Method::GET, "/v1/apps", Value::Null).await;
    assert_eq!(fresh.status, 200, "{}", fresh.text);
}

#[tokio::test]
async fn who_asks_too_much_is_told_when_to_come_back() {
    let slow = Rate { per_second: 0.01, burst: 3 };
    let office = Office::open(access::Options { key_rate: Some(slow), ..access::Options::default() }).await;
    let number =
        |answer: &Answer, name: &str| -> u64 { answer.headers[name].to_str().unwrap().parse().unwrap() };
    for left in [2, 1, 0] {
        let answer = office.get("/v1/keys").await;
        assert_eq!(answer.status, 200);
        assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (3, left));
        assert!(number(&answer, "ratelimit-reset") <= (3 - left) * 100);
    }
    let refused = office.get("/v1/keys").await;
    refused.assert_problem(429, "rate_limited", "try again in");
    assert!((1..=100).contains(&number(&refused, "retry-after")), "{:?}", refused.headers);
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);

    // An app or key of its own has a bucket of its own, and may have a limit of its own.
    let (kept, key) = access::new_api_key("free", &[Scope::Admin]);
    let free = dering::store::NewApiKey { rate: Some(Rate { per_second: 1.0, burst: 50 }), ..kept };
    office.store.create_api_key(free).await.unwrap();
    let answer =
        office.ask_as(key.expose_secret(), "203.0.113.9", Method::GET, "/v1/keys", Value::Null).await;
    assert_eq!((answer.status, number(&answer, "ratelimit-limit")), (200, 50));
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_noted_and_others_are_not() {
    let three = Rate { per_second: 0.01, burst: 3 };
    let office =
        Office::open(access::Options { failed_logins: Some(three), ..access::Options::default() }).await;
    let forged = format!("{}x", office.key);
    let from = |address: &'static str, key: String| {
        let office = &office;
        async move { office.ask_as(&key, address, Method::GET, "/v1/keys", Value::Null).await }
    };
    for _ in 0..3 {
        from("198.51.100.1", forged.clone()).await.assert_problem(401, "credentials_invalid", "not known");
    }
    let slowed = from("198.51.100.1", forged.clone()).await;
    slowed.assert_problem(429, "rate_limited", "too many logins from this address failed");
    assert!(slowed.headers.contains_key("retry-after"));
    from("198.51.100.1", office.key.clone()).await.assert_problem(429, "rate_limited", "try again in");
    assert_eq!(from("198.51.100.2", office.key.clone()).await.status, 200, "the same key from elsewhere");
    let (kept, other) = access::new_api_key("other", &[Scope::Admin]);
    office.store.create_api_key(kept).await.unwrap();
    let beside = from("198.51.100.1", other.expose_secret().to_owned()).await;
    assert_eq!(beside.status, 200, "another key behind the same proxy: {}", beside.text);

    office.access.run_maintenance().await;
    let noted =
        office.store.audit_log(&dering::store::AuditFilter::default(), 1).await.unwrap().items.remove(0);
    assert_eq!((noted.action.as_str(), noted.address.as_deref()), ("login.failed", Some("198.51.100.1")));
    assert_eq!(noted.detail["count"], 3);
    assert!(!noted.detail.to_string().contains("dk_"), "{}", noted.detail);
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_from_where() {
    let office = Office::open(access::Options::default()).await;
    office.app("shop", json!({})).await;
    office.ask(Method::POST, "/v1/apps/shop/secrets", Value::Null).await;
    office.ask(Method::DELETE, "/v1/apps/shop/secrets/1", Value::Null).await;
    office.ask(Method::DELETE, "/v1/apps/nobody", Value::Null).await;
    let log = office.get("/v1/audit?limit=2").await.body;
    let actions = |log: &Value| -> Vec<String> {
        let entries = log["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(actions(&log), ["secret.retire", "secret.create"], "what failed is not there");
    let entry = &log["entries"][0];
    assert_eq!((&entry["subject"], &entry["address"]), (&json!("shop"), &json!("203.0.113.7")));
    assert!(entry["actor"].as_str().unwrap().starts_with("key:"), "{entry}");
    let next = office.get(&format!("/v1/audit?limit=10&after={}", log["next"])).await.body;
    assert_eq!(
        (actions(&next), &next["next"]),
        (vec!["app.create".into(), "key.create".into()], &Value::Null)
    );
    let only = office.get("/v1/audit?action=app.&actor=key:").await.body;
    assert_eq!(actions(&only), ["app.create"]);
    assert_eq!(actions(&office.get("/v1/audit?until=2000-01-01T00:00:00Z").await.body), [""; 0]);
    office.get("/v1/audit?since=yesterday").await.assert_problem(400, "malformed", "since: is no moment");
}
