//! What the audit log says of flows and of calls that were ended: written in the transaction of the act.

use dering::access::Scope;
use dering::store::{AuditFilter, AuditRow};
use dering::wallclock::{iso, now_ms};
use reqwest::Method;
use serde_json::json;

use crate::calls_fixture::{Desk, key};
use crate::system_fixture::{PERSON, TestSystem, in_time, reply_to};

/// Entries whose action begins like this, oldest first.
async fn entries(system: &TestSystem, action: &str) -> Vec<AuditRow> {
    let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
    let mut rows = system.app.store().audit_log(&filter, 50).await.unwrap().items;
    rows.reverse();
    rows
}

fn told(rows: &[AuditRow]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (row.action.as_str(), row.subject.as_str())).collect()
}

#[tokio::test]
async fn what_is_done_to_flows_is_in_the_audit_log_and_what_was_refused_is_not() {
    let desk = Desk::start().await;
    let author = key(&desk.system, &[Scope::Flows, Scope::Read]).await;
    let ask = async |method: Method, path: &str, body: String| {
        reply_to(desk.bare(method, path).bearer_auth(&author).body(body)).await.status
    };
    let flow = |outcome: &str| format!("flow: new\nstart: a\nscenes: {{ a: [ {{ hangup: {outcome} }} ] }}\n");
    let versions = "/v1/flows/new/versions";
    assert_eq!(ask(Method::POST, versions, flow("one")).await, 201);
    assert_eq!(ask(Method::POST, &format!("{versions}?label=beta"), flow("two")).await, 201);
    assert_eq!(ask(Method::POST, versions, "flow: new\n".into()).await, 422);
    let latest = json!({ "version": "latest" }).to_string();
    assert_eq!(ask(Method::PUT, "/v1/flows/new/labels/production", latest.clone()).await, 200);
    assert_eq!(ask(Method::PUT, "/v1/flows/new/labels/Not-One!", latest).await, 422);
    assert_eq!(ask(Method::DELETE, "/v1/flows/new/labels/beta", String::new()).await, 200);
    assert_eq!(ask(Method::POST, "/v1/flows/new/rollback", String::new()).await, 200);
    let rows = entries(&desk.system, "flow.").await;
    assert_eq!(
        told(&rows),
        [
            ("flow.upload", "new"),
            ("flow.upload", "new"),
            ("flow.label", "new/beta"),
            ("flow.label", "new/production"),
            ("flow.unlabel", "new/beta"),
            ("flow.rollback", "new"),
        ],
        "each once, and nothing of the folder's own flows"
    );
    assert!(
        rows.iter().all(|row| row.actor.starts_with("key:") && row.address.as_deref() == Some("127.0.0.1"))
    );
    assert_eq!(rows[1].detail["digest"], rows[2].detail["digest"]);
    assert_eq!(rows[5].detail["digest"], rows[0].detail["digest"], "back to the first");
}

#[tokio::test]
async fn who_ended_a_call_is_in_the_audit_log_once_and_with_the_end() {
    let desk = Desk::start().await;
    let ender = key(&desk.system, &[Scope::Campaigns]).await;
    let end = async |call: &str| {
        let path = format!("/v1/calls/{call}/hangup");
        reply_to(desk.bare(Method::POST, &path).bearer_auth(&ender)).await.status
    };
    let later = json!({ "scheduleAt": iso(now_ms() + 3_600_000) });
    let planned = desk.system.dial("stay", PERSON, later).await;
    assert_eq!((end(&planned).await, end(&planned).await), (202, 409));
    // The end of a plan is one transaction, so it is there with the answer.
    assert_eq!(told(&entries(&desk.system, "call.").await), [("call.hangup", planned.as_str())]);

    let running = desk.system.dial("stay", PERSON, json!({})).await;
    desk.system.answered(&running).await;
    assert_eq!(end(&running).await, 202);
    desk.system.last_word(&running).await;
    let rows = entries(&desk.system, "call.").await;
    assert_eq!(told(&rows)[1..], [("call.hangup", running.as_str())]);
    assert!(rows.iter().all(|row| row.actor.starts_with("key:")), "{rows:?}");

    let cancelled =
        desk.system.dial("stay", PERSON, json!({ "scheduleAt": iso(now_ms() + 3_600_000) })).await;
    let path = format!("/api/1.1/public/bot/stay/smartassist/dialout/{cancelled}");
    let by_app = desk.bare(Method::DELETE, &path).header("auth", desk.system.client.token());
    assert_eq!(reply_to(by_app).await.status, 202);
    let rows = entries(&desk.system, "call.").await;
    assert_eq!((rows.len(), rows[2].actor.as_str()), (3, "app:shop"));
    in_time(async {
        while desk.system.carrier.calls() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
}
