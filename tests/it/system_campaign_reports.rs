//! What came of a campaign, as files and in figures, and what it tells receivers of webhooks.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use callcore::campaign::Settings;
use dering::access::{self, Scope};
use dering::app::App;
use dering::campaigns::Refused;
use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{Actor, NewApiKey};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::api_fixture::TestApi;
use crate::system_campaigns::{Campaigns, list, numbers, settings, write_callees};
use crate::system_fixture::{
    APP, Carrier, Client, Reply, config, create_credentials, in_time, local, reply_to,
};

/// Numbers of people who say a word and wait.
const SPEAKS: &str = "numbers: ['+1555400*']\nring: 20ms\ncap: 30s\nscript: [ { silence: 300ms }, { speak: \"Hello?\" }, { silence: 20s } ]\n";

/// Numbers that the network cannot connect.
const FULL: &str = "numbers: ['+1555500*']\nring: 20ms\noutcome: congestion\n";

struct Scene {
    app: App,
    _carrier: Carrier,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        Self::with(None).await
    }

    /// With callees of this test's own.
    async fn with(callees: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_callees(folder.path());
        if let Some(callees) = callees {
            std::fs::write(folder.path().join("callees/own.yaml"), callees).unwrap();
        }
        let carrier = Carrier::start(folder.path()).await;
        let app = Box::pin(App::start(&config(folder.path(), &carrier))).await.unwrap();
        let (secret, _) = create_credentials(app.store()).await;
        // It acts for an app, whose secret signs what its campaigns tell.
        let (kept, key) = access::new_api_key("shop's", &[Scope::Read, Scope::Campaigns]);
        app.store().create_api_key(NewApiKey { app_id: Some(APP.into()), ..kept }).await.unwrap();
        let client = Client::new(app.address(), secret, key);
        Self { app, _carrier: carrier, client, _folder: folder }
    }

    async fn fetch(&self, path: &str) -> Reply {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}{path}", self.app.address());
        reply_to(http.get(url).bearer_auth(self.client.key.expose_secret())).await
    }

    async fn ask(&self, path: &str) -> Value {
        let reply = self.fetch(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }
}

/// What a campaign told, once it is as `wanted`; its calls tell of themselves to the same receiver.
async fn arrived(inbox: &Inbox, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    in_time(async {
        let mut seen = 0;
        loop {
            let receipts = inbox.after(0);
            let signed = receipts.iter().filter(|receipt| receipt.problem.is_none());
            let bodies = signed.map(|receipt| serde_json::from_str::<Value>(&receipt.body).unwrap());
            let bodies: Vec<Value> = bodies.filter(|body| body["campaign_id"].is_string()).collect();
            if wanted(&bodies) {
                return bodies;
            }
            seen = inbox.arrived_after(seen).await.last().map_or(seen, |receipt| receipt.number);
        }
    })
    .await
}

fn named<'b>(bodies: &'b [Value], event: &str) -> Option<&'b Value> {
    bodies.iter().find(|body| body["event"] == event)
}

fn csv(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.headers["content-type"], "text/csv; charset=utf-8");
    reply.text().trim_start_matches('\u{feff}').lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_campaign_is_reported_by_contact_by_attempt_and_in_figures() {
    let scene = Scene::start().await;
    let campaigns = Campaigns::of(&scene.app, &scene.client);
    let mut all = numbers("+1555200", 5);
    all.extend(numbers("+1555300", 2));
    let list = list(scene.app.store(), "report", &all).await;
    let id = campaigns.launched("May report", settings(&list)).await;
    campaigns
        .once(&id, |shown| shown["contacts"]["done"] == 5 && shown["contacts"]["by_rule"]["retry_wait"] == 2)
        .await;

    let contacts = scene.fetch(&format!("/v1/campaigns/{id}/report/contacts.csv")).await;
    assert_eq!(contacts.headers["content-disposition"], "attachment; filename=\"may-report-contacts.csv\"");
    let lines = csv(&contacts);
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert!(
        lines[1].starts_with("+15552000000,,c1,UTC,done,done,done: answered,answered,1,2"),
        "{}",
        lines[1]
    );
    assert!(
        lines[7].contains(",waiting,retry_wait,\"tried again at 2") && lines[7].contains("after busy"),
        "{}",
        lines[7]
    );
    let lines = csv(&scene.fetch(&format!("/v1/campaigns/{id}/report/attempts.csv")).await);
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert!(lines[0].contains(",list,attempt,at_utc,at_contact,weekday,"), "{}", lines[0]);
    assert!(lines[1..].iter().all(|line| line.contains(",report,1,20")), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains(",short,") && line.contains(",no,")).count(), 7);

    let book = scene.fetch(&format!("/v1/campaigns/{id}/report/contacts.xlsx")).await;
    let mut book = Xlsx::new(Cursor::new(book.bytes)).unwrap();
    let sheet = book.worksheet_range("1").unwrap();
    assert_eq!((sheet.height(), sheet.get_value((0, 0))), (8, Some(&Data::String("phone_number".into()))));
    assert_eq!(sheet.get_value((1, 8)), Some(&Data::Float(1.0)));
    let moment = sheet.get_value((1, 9)).unwrap();
    assert!(
        matches!(moment, Data::DateTime(day) if day.as_f64() > 46_000.0),
        "a date that can be sorted: {moment:?}"
    );
    let figures = csv(&scene.fetch(&format!("/v1/campaigns/{id}/report/figures.csv")).await);
    assert!(figures.iter().any(|line| line == "all,,,7,5,0,0,0,0"), "{figures:#?}");
    assert!(figures.iter().any(|line| line == "outcome,busy,2,,,,,,"), "{figures:#?}");
    for wrong in ["report/people.csv", "report/contacts.pdf", "report/contacts"] {
        assert_eq!(scene.fetch(&format!("/v1/campaigns/{id}/{wrong}")).await.status, 404, "{wrong}");
    }

    let report = scene.ask(&format!("/v1/campaigns/{id}/report?days=7")).await;
    let sum = |name: &str| -> i64 {
        report[name].as_array().unwrap().iter().map(|count| count["attempts"].as_i64().unwrap()).sum()
    };
    for facet in ["by_week_hour", "by_attempt", "by_trunk", "by_list", "by_version", "by_hour"] {
        assert_eq!(sum(facet), 7, "{facet}: {report}");
    }
    assert!(report["by_week_hour"][0]["weekday"].is_string(), "the contacts' zone is known: {report}");
    assert_eq!(
        (&report["by_attempt"][0]["attempt"], &report["by_attempt"][0]["answered"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(report["by_list"][0]["name"], "report");
    let abandoned = &report["abandoned"];
    assert_eq!((&abandoned["zone"], &abandoned["days_back"]), (&json!("UTC"), &json!(7)));
    assert_eq!(
        (&abandoned["all"]["people"], &abandoned["all"]["percent"]),
        (&json!(0), &Value::Null),
        "nobody knows who it was"
    );
    assert_eq!(scene.fetch(&format!("/v1/campaigns/{id}/report?days=0")).await.status, 400);

    let calls = scene.ask(&format!("/v1/calls?campaign={id}")).await;
    assert_eq!(calls["calls"].as_array().unwrap().len(), 7, "{calls}");
    assert_eq!(scene.ask("/v1/calls?campaign=cp_other").await["calls"], json!([]));

    let compared = scene.ask(&format!("/v1/campaigns/{id}/compare?with=May%20report")).await;
    let answered = &compared["measures"][0];
    assert_eq!((&answered["first"]["count"], &answered["first"]["of"]), (&json!(5), &json!(7)), "{compared}");
    assert_eq!(answered["words"], "answered: no difference can be told yet");
    for nothing in ["", "?canary=true"] {
        assert_eq!(scene.fetch(&format!("/v1/campaigns/{id}/compare{nothing}")).await.status, 422);
    }
    assert_eq!(scene.fetch(&format!("/v1/campaigns/{id}/compare?with=nobody")).await.status, 404);
    scene.app.shutdown().await;
}

#[tokio::test]
async fn a_bot_that_says_nothing_to_a_person_has_let_them_wait() {
    if std::process::Command::new("espeak-ng").arg("--version").output().is_err() {
        println!("skipped: espeak-ng is not installed");
        return;
    }
    let scene = Scene::with(Some(SPEAKS)).await;
    let campaigns = Campaigns::of(&scene.app, &scene.client);
    let list = list(scene.app.store(), "silent", &numbers("+1555400", 1)).await;
    let mut silent = settings(&list);
    silent["flow"] = json!("detect");
    silent["abandon_limit"] = json!(3);
    silent["zone"] = json!("Asia/Jakarta");
    let id = campaigns.launched("silent", silent).await;
    campaigns.once(&id, |shown| shown["contacts"]["done"] == 1).await;
    let report = scene.ask(&format!("/v1/campaigns/{id}/report")).await;
    let abandoned = &report["abandoned"];
    assert_eq!((&abandoned["zone"], &abandoned["limit_percent"]), (&json!("Asia/Jakarta"), &json!(3.0)));
    let all = json!({ "people": 1, "abandoned": 1, "late": 0, "never": 1, "unknown": 0, "percent": 100.0, "above_limit": true });
    assert_eq!(abandoned["all"], all, "{report}");
    assert_eq!(abandoned["days"][0]["never"], 1);
    let lines = csv(&scene.fetch(&format!("/v1/campaigns/{id}/report/attempts.csv")).await);
    assert!(lines[1].contains(",heard_to_the_end,amd_human_detected,human,never,1,"), "{lines:#?}");
    let compared = scene.ask(&format!("/v1/campaigns/{id}/compare?with={id}")).await;
    assert_eq!(compared["first"]["contacts_reached"], 1, "{compared}");
    scene.app.shutdown().await;
}

#[tokio::test]
async fn a_campaign_posts_to_public_addresses_only() {
    let server = TestApi::start().await;
    let settings =
        Settings { notify_url: Some("http://169.254.169.254/latest".into()), ..Settings::default() };
    let refused =
        server.api.campaigns.create("x", "shop".into(), settings, Actor::operator()).await.unwrap_err();
    let Refused::Wrong(problems) = &refused else { panic!("{refused}") };
    assert!(problems.iter().any(|problem| problem.field == "notify_url"), "{refused}");
}

#[tokio::test]
async fn what_becomes_of_a_campaign_is_told_in_order_and_signed() {
    let scene = Scene::start().await;
    let campaigns = Campaigns::of(&scene.app, &scene.client);
    let inbox = Inbox::new(vec![scene.client.secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let list = list(scene.app.store(), "told", &numbers("+1555200", 3)).await;
    let mut told = settings(&list);
    told["notify_url"] = json!(receiver.url());
    told["starts"] = json!("2099-01-01");
    let id = campaigns.launched("told", told).await;
    for step in ["pause", "resume", "drain"] {
        let (status, answer) = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/{step}"), None).await;
        assert_eq!(status, 200, "{step}: {answer}");
    }
    campaigns.once(&id, |shown| shown["state"] == "stopped").await;
    let bodies = arrived(&inbox, |bodies| bodies.len() == 5).await;
    let events: Vec<(&str, i64)> = bodies
        .iter()
        .map(|body| (body["event"].as_str().unwrap(), body["sequence"].as_i64().unwrap()))
        .collect();
    let names =
        ["launched", "paused", "resumed", "draining", "stopped"].map(|name| format!("campaign.{name}"));
    let expected: Vec<(&str, i64)> = names.iter().map(String::as_str).zip(1..).collect();
    assert_eq!(events, expected);
    assert_eq!(
        (&bodies[1]["state"], &bodies[1]["contacts"]["waiting"]),
        (&json!("paused"), &json!(3)),
        "{}",
        bodies[1]
    );
    assert_eq!(
        (&bodies[4]["state"], &bodies[4]["by"]),
        (&json!("stopped"), &json!("server")),
        "{}",
        bodies[4]
    );
    let ledger = scene.ask("/v1/webhooks/deliveries?kind=campaign.paused").await;
    let delivery = &ledger["deliveries"][0];
    assert_eq!((&delivery["campaignId"], &delivery["callId"]), (&json!(id), &Value::Null), "{ledger}");
    receiver.stop().await;
    scene.app.shutdown().await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_told_once() {
    let scene = Scene::start().await;
    let campaigns = Campaigns::of(&scene.app, &scene.client);
    let inbox = Inbox::new(vec![scene.client.secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let list = list(scene.app.store(), "budget", &numbers("+1555200", 4)).await;
    let mut told = settings(&list);
    told["notify_url"] = json!(receiver.url());
    told["budget"] = json!({ "minutes_in_all": 2 });
    let id = campaigns.launched("budget", told).await;
    campaigns.once(&id, |shown| shown["hold"]["hold"] == "limit" && shown["contacts"]["calling"] == 0).await;
    let bodies = arrived(&inbox, |bodies| named(bodies, "campaign.budget_reached").is_some()).await;
    let reached = named(&bodies, "campaign.budget_reached").unwrap();
    assert_eq!(reached["budget"], json!({ "kind": "all", "used_minutes": 2, "of": 2 }), "{reached}");
    let (status, _) = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/stop"), None).await;
    assert_eq!(status, 200);
    let ledger = scene.ask("/v1/webhooks/deliveries?kind=campaign.budget_reached").await;
    assert_eq!(ledger["deliveries"].as_array().unwrap().len(), 1, "{ledger}");
    receiver.stop().await;
    scene.app.shutdown().await;
}

#[tokio::test]
async fn a_breaker_that_opens_and_closes_is_told() {
    let scene = Scene::with(Some(FULL)).await;
    let campaigns = Campaigns::of(&scene.app, &scene.client);
    let inbox = Inbox::new(vec![scene.client.secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let list = list(scene.app.store(), "breaker", &numbers("+1555500", 20)).await;
    let mut told = settings(&list);
    told["notify_url"] = json!(receiver.url());
    told["pacing"]["breaker"] = json!({ "percent": 50, "of": 5, "pause": "1h" });
    told["retry"] = json!({ "network_fault": { "times": 0 } });
    let id = campaigns.launched("breaker", told).await;
    let bodies = arrived(&inbox, |bodies| named(bodies, "campaign.breaker_opened").is_some()).await;
    let opened = named(&bodies, "campaign.breaker_opened").unwrap();
    assert!(opened["until"].is_string() && opened["state"] == "running", "{opened}");
    assert!(named(&bodies, "campaign.breaker_closed").is_none(), "{bodies:?}");
    for step in ["pause", "resume"] {
        let (status, answer) = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/{step}"), None).await;
        assert_eq!(status, 200, "{step}: {answer}");
    }
    arrived(&inbox, |bodies| named(bodies, "campaign.breaker_closed").is_some()).await;
    let (status, _) = campaigns.ask(Method::POST, &format!("/v1/campaigns/{id}/stop"), None).await;
    assert_eq!(status, 200);
    receiver.stop().await;
    scene.app.shutdown().await;
}
