//! Campaigns over a real carrier: contacts are called within the rules, what came of it is told, and nobody is called twice.

use std::fs;
use std::time::Duration;

use dering::app::App;
use dering::store::{Actor, NewImport, NewList, NewListContact, RowChunk, Store, ZoneFrom};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::system_fixture::{Carrier, Client, config, create_credentials, in_time, reply_to, write_fixtures};

/// Numbers of people who take the call and listen, of some who hang up, and of some that are busy.
const PEOPLE: &str = "numbers: ['+1555200*']\nring: 20ms\ncap: 10s\n";
const BUSY: &str = "numbers: ['+1555300*']\nring: 20ms\noutcome: busy\n";

pub(crate) struct Campaigns<'a> {
    client: &'a Client,
    address: std::net::SocketAddr,
    http: reqwest::Client,
}

impl<'a> Campaigns<'a> {
    pub(crate) fn of(app: &App, client: &'a Client) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { client, address: app.address(), http }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url).bearer_auth(self.client.key.expose_secret());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let reply = reply_to(request).await;
        (reply.status, serde_json::from_slice(&reply.bytes).unwrap_or(Value::Null))
    }

    async fn done(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Creates, looks ahead, launches; the id.
    pub(crate) async fn launched(&self, name: &str, settings: Value) -> String {
        let made = self
            .done(Method::POST, "/v1/campaigns", Some(json!({ "name": name, "settings": settings })))
            .await;
        let id = made["campaign_id"].as_str().unwrap().to_owned();
        let found = self.done(Method::POST, &format!("/v1/campaigns/{id}/preflight"), None).await;
        assert_eq!(found["blockers"], json!([]), "{found}");
        let consent = json!({ "revision": made["revision"], "consent": "customers with a contract" });
        self.done(Method::POST, &format!("/v1/campaigns/{id}/launch"), Some(consent)).await;
        id
    }

    /// The campaign once it looks as `wanted`.
    pub(crate) async fn once(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        in_time(async {
            loop {
                let shown = self.done(Method::GET, &format!("/v1/campaigns/{id}"), None).await;
                if wanted(&shown) {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }
}

/// A list of numbers whose zone is known.
pub(crate) async fn list(store: &Store, name: &str, numbers: &[String]) -> String {
    let actor = Actor::operator;
    let list = store.create_list(NewList { name: name.into(), ..NewList::default() }, actor()).await.unwrap();
    import(store, &list.id, &format!("im_{name}"), numbers).await;
    list.id
}

/// Numbers that come into a list.
async fn import(store: &Store, list: &str, id: &str, numbers: &[String]) {
    let import = NewImport {
        id: id.to_owned(),
        list_id: list.to_owned(),
        source: "test.csv".into(),
        digest: "0".repeat(64),
        read_as: None,
        mapping: json!({}),
        size: 1,
    };
    let import = store.begin_import(import, Actor::operator()).await.unwrap();
    let taken = numbers.iter().zip(1..).map(|(number, line)| NewListContact {
        line,
        number: number.clone(),
        digits: number.trim_start_matches('+').to_owned(),
        zone: Some(("UTC".into(), ZoneFrom::List)),
        external_id: Some(format!("c{line}")),
        ..NewListContact::default()
    });
    let rows = RowChunk { taken: taken.collect(), position: 1, ..RowChunk::default() };
    store.take_rows(&import.id, rows).await.unwrap();
    store.finish_import(&import.id, Vec::new()).await.unwrap();
}

pub(crate) fn numbers(begin: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{begin}{at:04}")).collect()
}

pub(crate) fn settings(list: &str) -> Value {
    json!({
        "flow": "short", "lists": [list],
        "pacing": { "concurrent": 8, "per_second": 200, "ramp_up": "0s", "breaker": { "percent": 0 } },
        "retry": { "busy": { "times": 1, "after": ["1m"] } },
    })
}

/// Callees of these tests beside those of all.
pub(crate) fn write_callees(folder: &std::path::Path) {
    write_fixtures(folder);
    fs::write(folder.join("callees/people.yaml"), PEOPLE).unwrap();
    fs::write(folder.join("callees/engaged.yaml"), BUSY).unwrap();
}

async fn system() -> (App, Carrier, Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write_callees(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let app = Box::pin(App::start(&config(folder.path(), &carrier))).await.unwrap();
    let (secret, key) = create_credentials(app.store()).await;
    let client = Client::new(app.address(), secret, key);
    (app, carrier, client, folder)
}

#[tokio::test]
async fn a_campaign_calls_everybody_once_and_tells_what_came_of_it() {
    let (app, _carrier, client, _folder) = system().await;
    let campaigns = Campaigns::of(&app, &client);
    let mut all = numbers("+1555200", 12);
    all.extend(numbers("+1555300", 3));
    let list = list(app.store(), "all", &all).await;
    app.store().put_on_do_not_call("15552000003", "asked by letter", Actor::operator()).await.unwrap();
    let id = campaigns.launched("first", settings(&list)).await;
    let ended = |shown: &Value| shown["contacts"]["calling"] == 0 && shown["attempts"] == 14;
    let shown = campaigns.once(&id, |shown| ended(shown) && shown["contacts"]["done"] == 11).await;
    assert_eq!(shown["contacts"]["by_rule"]["do_not_call"], 1, "{shown}");
    assert_eq!(shown["contacts"]["by_rule"]["retry_wait"], 3, "the busy ones wait: {shown}");
    assert_eq!((&shown["outcomes"]["answered"], &shown["outcomes"]["busy"]), (&json!(11), &json!(3)));
    assert_eq!(shown["state"], "running");
    let (_, why) =
        campaigns.ask(Method::GET, &format!("/v1/campaigns/{id}/contacts/+1%20555%20200%200003"), None).await;
    assert_eq!((&why["why"]["rule"], &why["why"]["scope"]), (&json!("do_not_call"), &json!("all")), "{why}");
    let (_, why) = campaigns.ask(Method::GET, &format!("/v1/campaigns/{id}/contacts/c13"), None).await;
    assert_eq!((&why["why"]["rule"], &why["why"]["after"]), (&json!("retry_wait"), &json!("busy")), "{why}");
    assert_eq!(why["calls"].as_array().unwrap().len(), 1);
    let (_, report) = campaigns.ask(Method::GET, &format!("/v1/campaigns/{id}/report"), None).await;
    assert_eq!((&report["funnel"]["attempts"], &report["funnel"]["answered"]), (&json!(14), &json!(11)));
    // Gently: nobody is under way, so it ends at once, and those who waited say why they were not called again.
    let (status, _) = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/drain"), None).await;
    assert_eq!(status, 200);
    let shown = campaigns.once(&id, |shown| shown["state"] == "stopped").await;
    assert_eq!(
        (&shown["contacts"]["waiting"], &shown["contacts"]["by_rule"]["stopped"]),
        (&json!(0), &json!(3))
    );
    app.shutdown().await;
}

/// The day of the week so many days ahead.
fn weekday(offset: i64) -> &'static str {
    let day = (dering::wallclock::now_ms() / 86_400_000 + 3 + offset).rem_euclid(7);
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::try_from(day).unwrap()]
}

#[tokio::test]
async fn what_is_out_of_hours_waits_and_an_edit_lets_it_go_on() {
    let (app, _carrier, client, _folder) = system().await;
    let campaigns = Campaigns::of(&app, &client);
    let list = list(app.store(), "night", &numbers("+1555200", 5)).await;
    let mut closed = settings(&list);
    closed["windows"] = json!([{ "days": [weekday(3)], "from": "08:00", "until": "09:00" }]);
    let id = campaigns.launched("night", closed).await;
    let shown = campaigns.once(&id, |shown| shown["hold"]["hold"] == "nobody_due").await;
    assert_eq!((&shown["attempts"], &shown["contacts"]["by_rule"]["outside_window"]), (&json!(0), &json!(5)));
    let paused = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/pause"), None).await;
    assert_eq!(paused.1["state"], "paused");
    let stale = json!({ "revision": 7, "settings": { "windows": null } });
    let (status, problem) = campaigns.ask(Method::PATCH, &format!("/v1/campaigns/{id}"), Some(stale)).await;
    assert_eq!((status, &problem["revision"]), (409, &json!(1)), "{problem}");
    let edit = json!({ "revision": 1, "settings": { "windows": null } });
    let (status, shown) = campaigns.ask(Method::PATCH, &format!("/v1/campaigns/{id}"), Some(edit)).await;
    assert_eq!(
        (status, &shown["revision"], &shown["contacts"]["by_rule"]["due"]),
        (200, &json!(2), &json!(5)),
        "{shown}"
    );
    let resumed = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/resume"), None).await;
    assert_eq!(resumed.1["state"], "running");
    let shown = campaigns.once(&id, |shown| shown["state"] == "done").await;
    assert_eq!((&shown["contacts"]["done"], &shown["attempts"]), (&json!(5), &json!(5)));
    app.shutdown().await;
}

#[tokio::test]
async fn whoever_has_come_on_a_suppression_list_is_not_called() {
    let (app, _carrier, client, _folder) = system().await;
    let campaigns = Campaigns::of(&app, &client);
    let people = list(app.store(), "people", &numbers("+1555200", 5)).await;
    let paid = list(app.store(), "paid", &numbers("+1555200", 1)).await;
    let mut asked = settings(&people);
    asked["suppression_lists"] = json!(["paid"]);
    asked["windows"] = json!([{ "days": [weekday(3)], "from": "08:00", "until": "09:00" }]);
    let id = campaigns.launched("dunning", asked).await;
    let shown = campaigns.once(&id, |shown| shown["state"] == "running").await;
    assert_eq!(shown["contacts"]["by_rule"]["suppressed"], 1, "{shown}");
    // It would be called without its suppression list, so nobody may take the list away under it.
    let (status, problem) = campaigns.ask(Method::DELETE, &format!("/v1/lists/{paid}"), None).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("suppression list of the campaign"), "{problem}");
    // Another one pays after the launch.
    import(app.store(), &paid, "im_later", &["+15552000003".to_owned()]).await;
    let (_, why) =
        campaigns.ask(Method::GET, &format!("/v1/campaigns/{id}/contacts/+15552000003"), None).await;
    assert_eq!(why["why"]["rule"], "suppressed", "{why}");
    let edit = json!({ "revision": 1, "settings": { "windows": null } });
    let changed = campaigns.done(Method::PATCH, &format!("/v1/campaigns/{id}"), Some(edit)).await;
    assert_eq!(changed["contacts"]["by_rule"]["suppressed"], 2, "{changed}");
    let shown = campaigns.once(&id, |shown| shown["state"] == "done").await;
    assert_eq!((&shown["contacts"]["done"], &shown["attempts"]), (&json!(3), &json!(3)), "{shown}");
    let both = json!({ "name": "both", "settings": { "flow": "short", "lists": ["paid"], "suppression_lists": ["paid"] } });
    let (status, problem) = campaigns.ask(Method::POST, "/v1/campaigns", Some(both)).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("suppression_lists[0]")), "{problem}");
    app.shutdown().await;
}

#[tokio::test]
async fn all_that_is_wrong_with_a_campaign_is_told_at_once_and_nothing_is_kept() {
    let (app, _carrier, client, _folder) = system().await;
    let campaigns = Campaigns::of(&app, &client);
    let wrong = json!({ "name": "x", "settings": {
        "flow": "shrt", "lists": ["nobody"], "trunk": "other", "zone": "Asia/Jakata",
    } });
    let (status, problem) = campaigns.ask(Method::POST, "/v1/campaigns", Some(wrong)).await;
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!((status, fields), (422, vec!["zone", "flow", "lists[0]", "trunk"]), "{problem}");
    let (status, problem) = campaigns
        .ask(
            Method::POST,
            "/v1/campaigns",
            Some(json!({ "name": "x", "settings": { "flows": 1, "caps": 2 } })),
        )
        .await;
    assert_eq!((status, problem["errors"].as_array().unwrap().len()), (422, 2), "{problem}");
    let (_, listed) = campaigns.ask(Method::GET, "/v1/campaigns", None).await;
    assert_eq!(listed["campaigns"], json!([]));
    let (_, presets) = campaigns.ask(Method::GET, "/v1/campaign-presets", None).await;
    assert!(presets["presets"].as_array().unwrap().len() >= 4);
    let list = list(app.store(), "some", &numbers("+1555200", 2)).await;
    let made = campaigns
        .ask(Method::POST, "/v1/campaigns", Some(json!({ "name": "x", "settings": settings(&list) })))
        .await
        .1;
    let id = made["campaign_id"].as_str().unwrap();
    assert!(made["settings"]["flow"].as_str().unwrap().starts_with("short@"), "pinned: {made}");
    let launch = json!({ "revision": 1, "consent": "customers with a contract" });
    let (status, problem) =
        campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/launch"), Some(launch)).await;
    assert_eq!(
        (status, problem["detail"].as_str().unwrap().contains("pre-flight")),
        (409, true),
        "{problem}"
    );
    let (status, _) = campaigns.ask(Method::DELETE, &format!("/v1/campaigns/{id}"), None).await;
    assert_eq!(status, 204);
    app.shutdown().await;
}

#[tokio::test]
async fn a_campaign_that_is_stopped_ends_its_calls_and_begins_none() {
    let (app, carrier, client, _folder) = system().await;
    let campaigns = Campaigns::of(&app, &client);
    let list = list(app.store(), "stopped", &numbers("+1555200", 40)).await;
    let mut staying = settings(&list);
    staying["flow"] = json!("stay");
    let id = campaigns.launched("stopped", staying).await;
    campaigns
        .once(&id, |shown| shown["contacts"]["calling"] == 8 && shown["hold"]["limit"] == "concurrency")
        .await;
    let (status, shown) = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/stop"), None).await;
    assert_eq!((status, &shown["state"]), (200, &json!("stopped")));
    let shown = campaigns.once(&id, |shown| shown["contacts"]["calling"] == 0).await;
    assert_eq!(shown["contacts"]["total"], 40);
    assert_eq!(shown["attempts"], 8, "{shown}");
    in_time(async {
        while carrier.calls() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    app.shutdown().await;
}
