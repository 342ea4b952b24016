//! The webhook ledger as people and programs use it: over the API, on its pages, on the command line.

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use dering::access::Role;
use dering::outbox::receiver::{Inbox, Receiver};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::system_fixture::{PERSON, Reply, TestSystem, each, in_time, last_word, local, reply_to};

/// A system with a receiver that wants nothing until it is told otherwise.
struct Scene {
    system: TestSystem,
    receiver: Receiver,
    inbox: Inbox,
    gone: Arc<AtomicBool>,
    http: reqwest::Client,
}

impl Scene {
    async fn start() -> Self {
        let system = TestSystem::start().await;
        let inbox = Inbox::new(vec![system.client.secret.clone()]);
        let gone = Arc::new(AtomicBool::new(true));
        let is_gone = Arc::clone(&gone);
        let router = inbox.router().layer(from_fn(move |request: Request, next: Next| {
            let gone = is_gone.load(Ordering::SeqCst);
            async move {
                if gone {
                    (StatusCode::GONE, "this shop <b>closed</b>").into_response()
                } else {
                    next.run(request).await
                }
            }
        }));
        let receiver = Receiver::start(router, local()).await.unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { system, receiver, inbox, gone, http }
    }

    /// A call whose notifications all become dead letters; its id.
    async fn dead_call(&self) -> String {
        let notify = json!({
            "notifyUrl": self.receiver.url(), "notifyHeaders": { "x-api-key": "topsecret", "x-shop": "7" },
        });
        let call = self.system.client.dial("short", PERSON, notify).await;
        self.system
            .client
            .ledger(&call, |rows| {
                rows.len() == 2 && rows.iter().all(|row| row["notification"]["state"] == "dead")
            })
            .await;
        call
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.system.app.address())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request =
            self.http.request(method, self.url(path)).bearer_auth(self.system.client.key.expose_secret());
        reply_to(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        let reply = self.ask(Method::GET, &format!("/v1/webhooks/deliveries?{query}"), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["deliveries"].as_array().unwrap().clone()
    }

    /// As a browser does it that is signed in by `cookie`.
    async fn browse(&self, cookie: &str, method: Method, path: &str, form: Option<String>) -> Reply {
        let request = self.http.request(method, self.url(path)).header("cookie", cookie);
        reply_to(match form {
            Some(form) => request
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
            None => request.header("accept", "text/html"),
        })
        .await
    }

    /// The cookie of somebody of this role.
    async fn signed_in(&self, role: Role) -> String {
        let link = self.system.app.sign_in_link(role.as_str(), role).await.unwrap();
        let answer = reply_to(self.http.get(link.expose_secret())).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dering"));
        command.arg("webhook").args(arguments).args(["--server", &self.url("")]).kill_on_drop(true);
        command.env("DERING_KEY", self.system.client.key.expose_secret());
        in_time(command.output()).await.unwrap()
    }
}

/// The token of the form on a page.
fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn webhooks_that_failed_are_found_explained_and_sent_again_over_the_api() {
    let scene = Scene::start().await;
    let call = scene.dead_call().await;
    let dead = scene.list("state=dead").await;
    assert_eq!(each(&dead, "kind"), ["completed", "Answered"]);
    assert_eq!((&dead[1]["reason"], &dead[1]["last"]["status"]), (&json!("gone"), &json!(410)));
    assert!(dead[0]["why"].as_str().unwrap().contains("to an earlier notification"), "{}", dead[0]);
    let id = dead[1]["id"].as_str().unwrap();

    let one = scene.ask(Method::GET, &format!("/v1/webhooks/deliveries/{id}"), None).await.json();
    assert_eq!(one["log"][0]["response"], "this shop <b>closed</b>");
    assert_eq!(one["request"]["headers"]["x-api-key"], "(hidden)");
    assert_eq!(
        (&one["request"]["headers"]["x-shop"], &one["request"]["headers"]["webhook-id"]),
        (&json!("7"), &json!(id))
    );
    let body: Value = serde_json::from_str(one["request"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["conversationId"], call);

    let none = scene.ask(Method::POST, "/v1/webhooks/deliveries/msg_0/redeliver", None).await;
    assert_eq!(none.problem().1, "not_found");
    let all = scene.ask(Method::POST, "/v1/webhooks/deliveries/redeliver", Some(json!({}))).await;
    assert_eq!((all.problem().0, all.problem().1), (422, "invalid".into()));
    let odd = scene.ask(Method::GET, "/v1/webhooks/deliveries?since=yesterday", None).await;
    assert!(odd.problem().2.contains("since: is no moment"), "{}", odd.text());

    scene.gone.store(false, Ordering::SeqCst);
    let again = json!({ "callId": call, "since": 1 });
    let counted = scene
        .ask(
            Method::POST,
            "/v1/webhooks/deliveries/redeliver",
            Some(json!({ "callId": call, "dryRun": true })),
        )
        .await;
    assert_eq!((counted.status, &counted.json()["matched"]), (200, &json!(2)));
    let sent = scene.ask(Method::POST, "/v1/webhooks/deliveries/redeliver", Some(again)).await;
    assert_eq!((sent.status, &sent.json()["redelivered"]), (202, &json!(2)), "{}", sent.text());
    let log = dering::store::AuditFilter { action: Some("webhook.".into()), ..Default::default() };
    let log = scene.system.app.store().audit_log(&log, 10).await.unwrap().items;
    assert_eq!((log.len(), &log[0].detail), (1, &json!({ "webhooks": 2 })), "only what was done: {log:?}");
    let told = last_word(&scene.inbox, &call).await;
    assert_eq!(each(&told, "status"), ["Answered", "completed"], "in their old order");
    let receipts = scene.inbox.of(&call);
    assert_eq!(receipts[0].id, id, "under the same id");
    in_time(async {
        while scene.list("state=dead").await.len() + scene.list("state=open").await.len() > 0 {}
    })
    .await;

    // What was delivered may be wanted once more.
    let more = scene.ask(Method::POST, &format!("/v1/webhooks/deliveries/{id}/redeliver"), None).await;
    assert_eq!(more.status, 202, "{}", more.text());
    in_time(async {
        while scene.inbox.of(&call).len() < 3 {
            scene.list("").await;
        }
    })
    .await;
    assert!(scene.inbox.of(&call)[2].duplicate);

    let endpoints = scene.ask(Method::GET, "/v1/webhooks/endpoints", None).await.json();
    let known = &endpoints["endpoints"][0];
    assert_eq!((&known["breaker"], &known["dead"]), (&json!("closed"), &json!(0)), "{known}");
    assert!(scene.receiver.url().starts_with(known["endpoint"].as_str().unwrap()));
    let nobody = reply_to(scene.http.get(scene.url("/v1/webhooks/deliveries"))).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn a_person_sees_on_a_page_why_a_webhook_is_dead_and_sends_it_again() {
    let scene = Scene::start().await;
    let call = scene.dead_call().await;
    let asked = reply_to(scene.http.get(scene.url("/webhooks")).header("accept", "text/html")).await;
    assert_eq!(
        (asked.status, &asked.headers["location"]),
        (303, &"/sign-in?next=%2Fwebhooks".parse().unwrap())
    );

    let manager = scene.signed_in(Role::CampaignManager).await;
    let list = scene.browse(&manager, Method::GET, "/webhooks", None).await.text();
    assert!(list.contains("2 notifications were given up") && list.contains("Send 2 again"), "{list}");
    let dead = scene.list("state=dead").await;
    let id = dead[1]["id"].as_str().unwrap();
    assert!(list.contains(&format!("href=\"/webhooks/{id}\"")), "{list}");
    let one = format!("/webhooks/{id}");
    let page = scene.browse(&manager, Method::GET, &one, None).await.text();
    assert!(page.contains("410 Gone: it wants nothing more of this call"), "{page}");
    assert!(page.contains("this shop &lt;b&gt;closed") && !page.contains("topsecret"), "{page}");
    assert!(page.contains("<button>Send again</button>"), "{page}");
    let viewer = scene.signed_in(Role::Viewer).await;
    let seen = scene.browse(&viewer, Method::GET, &one, None).await.text();
    assert!(seen.contains("410 Gone") && !seen.contains("Send again</button>"), "{seen}");

    scene.gone.store(false, Ordering::SeqCst);
    let press = format!("{one}/redeliver");
    // Another site can make a browser post this, but it cannot know the token.
    let forged = scene.browse(&manager, Method::POST, &press, Some("token=0000".into())).await;
    assert_eq!((forged.problem().0, forged.problem().1), (403, "cross_site".into()));
    let others = scene.browse(&viewer, Method::POST, &press, Some(format!("token={}", token(&seen)))).await;
    assert_eq!(others.status, 403, "a viewer changes nothing");
    assert!(scene.inbox.after(0).is_empty());

    let wish = || Some(format!("token={}", token(&page)));
    let pressed = scene.browse(&manager, Method::POST, &press, wish()).await;
    assert_eq!((pressed.status, &pressed.headers["location"]), (303, &one.parse().unwrap()));
    in_time(async {
        while scene.inbox.of(&call).is_empty() {
            scene.list("").await;
        }
    })
    .await;
    in_time(async {
        while !scene.browse(&manager, Method::GET, &one, None).await.text().contains("The receiver took it") {
        }
    })
    .await;

    let form = format!("token={}&callId={call}&endpoint=&since=", token(&page));
    let all = scene.browse(&manager, Method::POST, "/webhooks/redeliver", Some(form)).await;
    assert_eq!(all.status, 303, "{}", all.text());
    last_word(&scene.inbox, &call).await;
}

#[tokio::test]
async fn the_command_line_lists_shows_and_sends_again() {
    let scene = Scene::start().await;
    let call = scene.dead_call().await;
    let text = |output: Output| {
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let id = scene.list("state=dead").await[1]["id"].as_str().unwrap().to_owned();
    let listed = text(scene.run(&["list"]).await);
    assert!(listed.contains(&id) && listed.contains("completed"), "{listed}");
    let shown = text(scene.run(&["show", &id]).await);
    assert!(shown.contains("410") && shown.contains("this shop <b>closed</b>"), "{shown}");
    let as_json: Value = serde_json::from_str(&text(scene.run(&["show", &id, "--json"]).await)).unwrap();
    assert_eq!(as_json["callId"], call);
    let counted = text(scene.run(&["redeliver", "--call", &call, "--dry-run"]).await);
    assert_eq!(counted, "2 notifications would be sent again\n");
    scene.gone.store(false, Ordering::SeqCst);
    assert_eq!(text(scene.run(&["redeliver", "--since", "1h"]).await), "2 notifications sent again\n");
    last_word(&scene.inbox, &call).await;
    in_time(async { while !scene.list("state=dead").await.is_empty() {} }).await;
    assert_eq!(text(scene.run(&["list"]).await), "there are none\n");
    let endpoints = text(scene.run(&["endpoints"]).await);
    assert!(endpoints.contains("works"), "{endpoints}");
    let wrong = scene.run(&["redeliver"]).await;
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("say which"), "{said}");
}
