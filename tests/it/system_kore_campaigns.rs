//! A program that was written for Kore's public campaign API runs a campaign here, over a real carrier.

use std::net::SocketAddr;
use std::time::Duration;

use dering::access::{self, Scope};
use dering::app::App;
use dering::store::NewApp;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::system_campaigns::{numbers, write_callees};
use crate::system_fixture::{Carrier, Reply, config, in_time, reply_to};

const V2: &str = "/campaign/api/v2/public/st-1";
const V1: &str = "/agentassist/api/v1/public/st-1";

/// A program of a client app.
struct Program {
    address: SocketAddr,
    app: &'static str,
    secret: SecretString,
    http: reqwest::Client,
}

impl Program {
    async fn of(app: &App, id: &'static str, scope: Scope) -> Self {
        let secret = access::new_app_secret();
        let new = NewApp {
            id: id.into(),
            name: id.into(),
            scopes: vec![scope.into()],
            bots: vec!["*".into()],
            secret: secret.clone(),
        };
        app.store().create_app(new).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address: app.address(), app: id, secret, http }
    }

    async fn reply(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let token = access::mint(self.app, &self.secret, Duration::from_secs(60), &[]).unwrap();
        let url = format!("http://{}{path}", self.address);
        let request = self.http.request(method, url).header("auth", token.expose_secret());
        let request = request.header("accountId", "67777ce93e25326494e9").header("iid", "st-1");
        reply_to(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
        .await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let reply = self.reply(method, path, body).await;
        (reply.status, serde_json::from_slice(&reply.bytes).unwrap_or(Value::Null))
    }

    /// What is in the envelope of a request that is done.
    async fn done(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!((status, &answer["status"]), (200, &json!("success")), "{path}: {answer}");
        answer["data"].clone()
    }

    async fn once(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = format!("{V1}/campaign/{id}/status?view=status");
        in_time(async {
            loop {
                let shown = self.done(Method::POST, &path, None).await;
                if wanted(&shown) {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }
}

fn campaign(name: &str, list: &str) -> Value {
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let days = days.map(|day| json!({ "day": day, "start": "12:00 AM", "end": "12:00 AM" }));
    json!({
        "name": name, "description": "customers with a contract; consent given in the app", "contactLists": [list],
        "priority": "5", "dialingMode": "Agentless", "queue": "none",
        "dialingStrategy": {
            "callingHours": { "frequency": "WEEKLY", "timezone": "UTC", "days": days },
            "dialingOrder": "FIFO", "maxAttemptsPerRecord": 1, "defaultRetryPeriod": 1, "maxRingTime": 30,
        },
        "schedule": { "isSchedulingEnabled": false }, "experienceFlowName": "short", "enableMachineDetect": "no",
        "campaignType": "voice",
    })
}

async fn system() -> (App, Carrier, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write_callees(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let app = Box::pin(App::start(&config(folder.path(), &carrier))).await.unwrap();
    (app, carrier, folder)
}

#[tokio::test]
async fn a_program_for_kore_fills_a_list_runs_a_campaign_and_reads_what_came_of_it() {
    let (app, _carrier, _folder) = system().await;
    let program = Program::of(&app, "dialer", Scope::Campaigns).await;
    let list =
        json!({ "name": "november", "description": "x", "source": "passiveApi", "allowDuplicates": false });
    let made =
        program.done(Method::POST, &format!("{V2}/campaign/contactList/createContactList"), Some(list)).await;
    assert_eq!((&made["status"], &made["totalRecordCount"]), (&json!("Ready"), &json!(0)));
    let mut data: Vec<Value> = numbers("+1555200", 3)
        .iter()
        .map(|number| json!({ "phoneNumber": number, "uniqueId": format!("K{number}"), "firstName": "Ani" }))
        .collect();
    data.extend(numbers("+1555300", 1).iter().map(|number| json!({ "phoneNumber": number })));
    data.push(json!({ "phoneNumber": "nobody" }));
    let contacts = json!({ "contact_list_name": "november", "data": data });
    let added = program
        .done(Method::POST, "/api/1.1/public/st-1/campaign/contactlist/ADDCONTACTS", Some(contacts))
        .await;
    assert_eq!((&added["added"], &added["refused"]), (&json!(4), &json!(1)), "{added}");
    assert!(added["problems"][0].as_str().unwrap().starts_with("data[4].phone"), "{added}");
    let lists = program
        .done(Method::POST, &format!("{V1}/campaign/contactList/getAllListDetails?type=call"), None)
        .await;
    assert_eq!((&lists[0]["name"], &lists[0]["totalRecordCount"]), (&json!("november"), &json!(4)));

    let path = format!("{V2}/campaign?accountId=6&campaignType=voice");
    let reply = program.reply(Method::POST, &path, Some(campaign("November", "november"))).await;
    assert_eq!(reply.headers["dering-ignored-fields"], "queue");
    let answer: Value = serde_json::from_slice(&reply.bytes).unwrap();
    let made = &answer["data"];
    assert_eq!((&answer["status"], &made["status"]), (&json!("success"), &json!("Preparing")), "{answer}");
    let id = made["_id"].as_str().unwrap();
    program.once(id, |shown| shown["status"] == "Ready").await;
    let shown = program.done(Method::GET, &format!("{V1}/campaign/{id}"), None).await;
    assert_eq!((&shown["contactLists"], &shown["priority"]), (&json!(["november"]), &json!("5")));
    assert!(shown["experienceFlowName"].as_str().unwrap().starts_with("short@"), "{shown}");

    let schedule = format!("{V2}/campaign/schedule?enableSchedule=true&campaignName=November");
    let recurrence =
        json!({ "recurrenceObject": { "recurType": "Daily", "dailyDetails": { "onceEveryNdays": 1 } } });
    let begun = program.done(Method::POST, &schedule, Some(recurrence)).await;
    assert_eq!(
        (&begun["status"], &begun["schedule"]["isSchedulingEnabled"]),
        (&json!("Active"), &json!(true))
    );
    let kept = app.store().campaign(id).await.unwrap().unwrap();
    let consent = "The client app dialer states: customers with a contract; consent given in the app";
    assert_eq!(kept.consent.as_deref(), Some(consent));

    let over = program.once(id, |shown| shown["status"] == "Completed").await;
    assert_eq!((&over["totalContacts"], &over["attempts"]), (&json!(4), &json!(4)), "{over}");
    assert_eq!(over["outcomes"]["busy"], 1, "{over}");
    let path = format!("{V2}/campaign/{id}/status?view=contacts");
    let page = program.done(Method::POST, &path, Some(json!({ "page": 2, "limit": 2 }))).await;
    assert_eq!((&page["totalCount"], &page["totalPages"]), (&json!(4), &json!(2)));
    let (third, fourth) = (&page["results"][0], &page["results"][1]);
    assert_eq!((&third["phoneNumber"], &third["uniqueId"]), (&json!("15552000002"), &json!("K+15552000002")));
    assert_eq!((&third["dialerOutcome"], &third["numberOfAttemptsSoFar"]), (&json!("completed"), &json!(1)));
    assert_eq!(third["botOutboundStatus"], "agentHangUp", "{third}");
    assert!(!third["botSessionId"].as_str().unwrap().is_empty());
    assert_eq!((&fourth["dialerOutcome"], &fourth["botOutboundStatus"]), (&json!("busy"), &json!("")));

    let (status, problem) = program.ask(Method::POST, &schedule, None).await;
    assert_eq!((status, problem["message"].is_string()), (409, true), "{problem}");
    let path = format!("{V1}/campaign/{id}?campaignType=voice");
    program.done(Method::DELETE, &path, None).await;
    assert_eq!(program.ask(Method::GET, &path, None).await.0, 404);
    let path = format!("{V2}/campaign/contactList/november");
    program.done(Method::DELETE, &path, None).await;
    assert_eq!(program.ask(Method::GET, &path, None).await.0, 404);
    app.shutdown().await;
}

#[tokio::test]
async fn a_campaign_of_kore_is_paused_goes_on_and_calls_contacts_that_come_later() {
    let (app, _carrier, _folder) = system().await;
    let program = Program::of(&app, "dialer", Scope::Campaigns).await;
    let add = |numbers: Vec<String>| {
        let data: Vec<Value> = numbers.iter().map(|number| json!({ "phoneNumber": number })).collect();
        let body = json!({ "contact_list_name": "growing", "data": data });
        let path = format!("{V2}/campaign/contactList/addContacts");
        let program = &program;
        async move { program.done(Method::POST, &path, Some(body)).await }
    };
    let list = json!({ "name": "growing", "source": "passiveApi" });
    program.done(Method::POST, &format!("{V2}/campaign/contactList/createContactList"), Some(list)).await;
    add(numbers("+1555200", 1)).await;
    let mut asked = campaign("Growing", "growing");
    asked["experienceFlowName"] = json!("stay");
    asked["schedule"] = json!({ "isSchedulingEnabled": true });
    asked["description"] = Value::Null;
    let made = program.done(Method::POST, &format!("{V2}/campaign"), Some(asked)).await;
    let id = made["id"].as_str().unwrap();
    program.once(id, |shown| shown["contacts"]["calling"] == 1).await;
    let consent = app.store().campaign(id).await.unwrap().unwrap().consent.unwrap();
    assert!(consent.contains("dialer") && consent.contains("gave no ground"), "{consent}");
    let schedule = |enable: bool| format!("{V1}/campaign/SCHEDULE?enableSchedule={enable}&campaignName={id}");
    let held = program.done(Method::POST, &schedule(false), None).await;
    assert_eq!(held["status"], "Paused");
    add(vec!["+15552000009".to_owned()]).await;
    let shown = program.once(id, |shown| shown["totalContacts"] == 2).await;
    assert_eq!((&shown["contacts"]["waiting"], &shown["attempts"]), (&json!(1), &json!(1)));
    program.done(Method::POST, &schedule(true), None).await;
    program.once(id, |shown| shown["contacts"]["calling"] == 2).await;
    let (status, problem) = program.ask(Method::DELETE, &format!("{V2}/campaign/{id}"), None).await;
    assert_eq!(status, 409, "{problem}");
    app.shutdown().await;
}

#[tokio::test]
async fn an_app_sees_its_own_campaigns_and_is_told_all_that_is_wrong() {
    let (app, _carrier, _folder) = system().await;
    let program = Program::of(&app, "dialer", Scope::Campaigns).await;
    let rival = Program::of(&app, "rival", Scope::Campaigns).await;
    let caller = Program::of(&app, "caller", Scope::Dialout).await;
    let list = json!({ "name": "empty", "source": "passiveApi" });
    program.done(Method::POST, &format!("{V2}/campaign/contactList/createContactList"), Some(list)).await;
    let made = program.done(Method::POST, &format!("{V2}/campaign"), Some(campaign("Mine", "empty"))).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(program.done(Method::GET, &format!("{V2}/campaign"), None).await.as_array().unwrap().len(), 1);
    assert_eq!(rival.done(Method::GET, &format!("{V2}/campaign"), None).await, json!([]));
    for (method, path) in [
        (Method::GET, format!("{V2}/campaign/{id}")),
        (Method::DELETE, format!("{V2}/campaign/{id}")),
        (Method::POST, format!("{V2}/campaign/{id}/status")),
        (Method::POST, format!("{V2}/campaign/schedule?enableSchedule=true&campaignName=Mine")),
    ] {
        assert_eq!(rival.ask(method, &path, None).await.0, 404, "{path}");
        let (status, problem) = caller.ask(Method::GET, &format!("{V2}/campaign"), None).await;
        assert_eq!((status, &problem["code"]), (403, &json!("scope_missing")), "{problem}");
    }
    // Nobody can be called: it stays in preparation, and says why.
    let shown = program.once(id, |shown| shown["problems"].is_array()).await;
    assert_eq!(shown["status"], "Preparing");
    let schedule = format!("{V2}/campaign/schedule?enableSchedule=true&campaignName=Mine");
    let (status, problem) = program.ask(Method::POST, &schedule, None).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("contactLists")), "{problem}");

    let mut wrong = campaign("Wrong", "nowhere");
    wrong["experienceFlowName"] = json!("shrt");
    let (status, problem) = program.ask(Method::POST, &format!("{V2}/campaign"), Some(wrong)).await;
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!((status, fields), (422, vec!["experienceFlowName", "contactLists[0]"]), "{problem}");
    assert_eq!(problem["message"], problem["detail"]);
    let mut progressive = campaign("Wrong", "empty");
    progressive["dialingMode"] = json!("Progressive");
    progressive["priority"] = json!("9");
    let (status, problem) = program.ask(Method::POST, &format!("{V2}/campaign"), Some(progressive)).await;
    assert_eq!((status, problem["errors"].as_array().unwrap().len()), (400, 2), "{problem}");
    assert!(problem["message"].as_str().unwrap().contains("needs human agents"), "{problem}");
    app.shutdown().await;
}
