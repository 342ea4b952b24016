//! Who may do what: every operation of the description, asked for with every kind of credential.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callcore::call::Direction;
use dering::access::{self, Options, Scope};
use dering::server::description;
use dering::store::{CallBatch, CallState, CallUpdate, NewApiKey, NewApp, NewCall, NewContact, Store};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::api_fixture::TestApi;
use crate::store_fixture::{cdr, notification};

const FLOW: &str = "flow: ours\nstart: a\nscenes: { a: [ { hangup: done } ] }\n";
/// The app that asked for the call, and one that did not.
const SHOP: &str = "shop";
const RIVAL: &str = "rival";

/// The headers that prove somebody.
type Headers = Vec<(&'static str, String)>;

/// An API with one of everything that is the bot `ours`'s: a call that the app [`SHOP`] asked for, its record and its
/// notification; and a contact.
pub(crate) struct Estate {
    pub(crate) api: TestApi,
    secrets: BTreeMap<&'static str, SecretString>,
    local: SecretString,
    delivery: String,
}

impl Estate {
    pub(crate) async fn start() -> Self {
        let (local, key) = access::new_local_key();
        let options = Options { local: Some(key), ..Options::default() };
        let api = TestApi::with(&[("ours.yaml", FLOW)], options).await;
        let store = api.store().clone();
        let mut secrets = BTreeMap::new();
        for id in [SHOP, RIVAL] {
            let secret = access::new_app_secret();
            let app = NewApp {
                id: id.to_owned(),
                name: id.to_owned(),
                scopes: vec![Scope::Dialout.into()],
                bots: vec!["*".to_owned()],
                secret: secret.clone(),
            };
            store.create_app(app).await.unwrap();
            secrets.insert(id, secret);
        }
        let contact = NewContact {
            id: Some("ani".to_owned()),
            number: "+6281234567".to_owned(),
            name: None,
            flow: None,
            metadata: json!({}),
        };
        store.create_contact(contact).await.unwrap();
        store.record(call_of_ours()).await.unwrap();
        let delivery = store.notifications("call-1").await.unwrap().remove(0).id;
        Self { api, secrets, local, delivery }
    }

    /// The path of an operation that is about what is there.
    pub(crate) fn path(&self, pattern: &str) -> String {
        let known = [
            ("{bot_id}", "ours"),
            ("{stream_id}", "ours"),
            ("{call_id}", "call-1"),
            ("{id}", &self.delivery),
            ("{session_id}", "s1"),
            ("{name}", "ours"),
            ("{version}", "latest"),
            ("{label}", "beta"),
            ("{contact_id}", "ani"),
            ("{campaign_id}", "nothing"),
            ("{app_id}", RIVAL),
            ("{secret_id}", "7"),
            ("{key_id}", "nobody"),
            ("{person_id}", "nobody"),
            ("{message}", "1"),
            ("{file}", "call-1.wav"),
            ("{number}", "+6281234567"),
            ("{list_id}", "ls_none"),
            ("{import_id}", "im_none"),
            ("{secret}", "nothing"),
        ];
        let path = known.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(name, value));
        assert!(!path.contains('{'), "{path} has a part that is not known here");
        path
    }

    /// What the command line sends as `Authorization`.
    pub(crate) fn operator(&self) -> String {
        format!("Bearer {}", self.local.expose_secret())
    }

    /// The status of an answer, and its code when it is a problem.
    async fn outcome(&self, (method, pattern): (&str, &str), headers: &Headers) -> String {
        let mut request = Request::builder().method(method).uri(self.path(pattern));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = if method == "GET" { Body::empty() } else { Body::from("{}") };
        let answer = self.api.send(request.body(body).unwrap()).await;
        let code = answer.json()["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{code}", answer.status)
    }
}

fn call_of_ours() -> CallBatch {
    let new = NewCall {
        app_id: SHOP.to_owned(),
        bot_id: "ours".to_owned(),
        trunk: "sim".to_owned(),
        direction: Direction::Outbound,
        target: "+6281234567".to_owned(),
        flow: "ours".to_owned(),
        metadata: json!({}),
        state: CallState::Ended,
        created_ms: 5,
        ..NewCall::default()
    };
    CallBatch {
        call_id: "call-1".to_owned(),
        new: Some(new),
        update: Some(CallUpdate { ended_ms: Some(9), ..CallUpdate::default() }),
        cdr: Some(cdr("s1", "+6281234567", 4)),
        // Never reached, so that it stays on its way.
        notifications: vec![notification("call-1", "https://receiver.invalid/hook", "completed")],
        ..CallBatch::default()
    }
}

/// A key with these scopes for these bots.
async fn key(store: &Store, scopes: &[Scope], bot: &str, app: Option<&str>) -> String {
    let (kept, text) = access::new_api_key("k", scopes);
    let kept = NewApiKey { bots: vec![bot.to_owned()], app_id: app.map(str::to_owned), ..kept };
    store.create_api_key(kept).await.unwrap();
    text.expose_secret().to_owned()
}

fn bearer(text: &str) -> Headers {
    vec![("authorization", format!("Bearer {text}"))]
}

fn password(text: &str) -> Headers {
    vec![("authorization", format!("Basic {}", STANDARD.encode(format!("me:{text}"))))]
}

const CREDENTIALS: [&str; 21] = [
    "nobody",
    "unknown key",
    "forged token",
    "not a credential",
    "revoked key",
    "key without scopes",
    "key: read",
    "key: dial out",
    "key: campaigns",
    "key: flows",
    "key: admin",
    "key of the app: dial out",
    "key of another app: dial out",
    "app that asked for the call",
    "another app",
    "key: all, tied to this bot",
    "key: all, tied to another bot",
    "password: read",
    "password: all",
    "password: all, own wish",
    "command line",
];

async fn headers(estate: &Estate, credential: &str) -> Headers {
    let store = estate.api.store();
    let minted = |app: &str, secret: &SecretString| {
        let token = access::mint(app, secret, Duration::from_secs(60), &[]).unwrap();
        vec![("auth", token.expose_secret().to_owned())]
    };
    match credential {
        "nobody" => Vec::new(),
        "unknown key" => bearer("dk_1_x"),
        "forged token" => minted(SHOP, &"guess".into()),
        "not a credential" => bearer("let me in"),
        "revoked key" => {
            let (kept, text) = access::new_api_key("k", &Scope::ALL);
            let id = kept.id.clone();
            store.create_api_key(kept).await.unwrap();
            store.revoke_api_key(&id).await.unwrap();
            bearer(text.expose_secret())
        }
        "key without scopes" => bearer(&key(store, &[], "*", None).await),
        "key: read" => bearer(&key(store, &[Scope::Read], "*", None).await),
        "key: dial out" => bearer(&key(store, &[Scope::Dialout], "*", None).await),
        "key: campaigns" => bearer(&key(store, &[Scope::Campaigns], "*", None).await),
        "key: flows" => bearer(&key(store, &[Scope::Flows], "*", None).await),
        "key: admin" => bearer(&key(store, &[Scope::Admin], "*", None).await),
        "key of the app: dial out" => bearer(&key(store, &[Scope::Dialout], "*", Some(SHOP)).await),
        "key of another app: dial out" => bearer(&key(store, &[Scope::Dialout], "*", Some(RIVAL)).await),
        "app that asked for the call" => minted(SHOP, &estate.secrets[SHOP]),
        "another app" => minted(RIVAL, &estate.secrets[RIVAL]),
        "key: all, tied to this bot" => bearer(&key(store, &Scope::ALL, "ours", Some(SHOP)).await),
        "key: all, tied to another bot" => bearer(&key(store, &Scope::ALL, "theirs", Some(SHOP)).await),
        "password: read" => password(&key(store, &[Scope::Read], "*", None).await),
        "password: all" => password(&key(store, &Scope::ALL, "*", Some(SHOP)).await),
        "password: all, own wish" => {
            let mut headers = password(&key(store, &Scope::ALL, "*", Some(SHOP)).await);
            headers.push(("x-dering-request", "1".to_owned()));
            headers
        }
        "command line" => bearer(estate.local.expose_secret()),
        other => panic!("{other}"),
    }
}

/// Every operation of the description: its method and path.
fn operations() -> Vec<(String, String)> {
    let described = serde_json::to_value(description()).unwrap();
    let of = |(path, item): (&String, &serde_json::Value)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    described["paths"].as_object().unwrap().iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_operation_answers_every_kind_of_credential_as_it_should() {
    let mut operations = operations();
    // What takes away comes last, so that the others find what they ask for.
    operations.sort_by_key(|(method, path)| (method == "DELETE", path.clone(), method.clone()));
    // By operation: who gets which answer.
    let mut outcomes = vec![BTreeMap::<String, Vec<&str>>::new(); operations.len()];
    for credential in CREDENTIALS {
        let estate = Estate::start().await;
        let headers = headers(&estate, credential).await;
        for ((method, pattern), answers) in operations.iter().zip(&mut outcomes) {
            let outcome = estate.outcome((method, pattern), &headers).await;
            answers.entry(outcome).or_default().push(credential);
        }
    }
    let mut table = String::new();
    for ((method, pattern), answers) in operations.iter().zip(outcomes) {
        writeln!(table, "{method} {pattern}").unwrap();
        for (outcome, who) in answers {
            writeln!(table, "    {outcome}: {}", who.join("; ")).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
