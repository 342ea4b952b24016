//! What holds at every door of the API: limits of batches, Kore's spellings, headers, what stands in for a plus.

use dering::store::{Actor, AppChange, Rate};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::system_fixture::{APP, BUSY, PERSON, Reply, TestSystem, in_time, reply_to};

/// Sends something to a path, as the app.
async fn send(system: &TestSystem, method: Method, path: &str, body: String) -> Reply {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.request(method, format!("http://{}{path}", system.app.address()));
    reply_to(request.header("auth", system.client.token()).body(body)).await
}

#[tokio::test]
async fn a_batch_asks_for_no_more_than_its_app_may() {
    let system = TestSystem::start().await;
    let rate = Some(Some(Rate { per_second: 0.02, burst: 3 }));
    let change = AppChange { rate, ..AppChange::default() };
    system.app.store().change_app(APP, change, Actor::server()).await.unwrap();
    let line = json!({ "target": format!("tel:{BUSY}") }).to_string();
    let path = "/api/1.1/public/bot/short/smartassist/dialout/batch";
    let reply = send(&system, Method::POST, path, vec![line; 20].join("\n")).await;
    let lines: Vec<Value> = reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<i64> = lines.iter().map(|line| line["status"].as_i64().unwrap()).collect();
    assert_eq!((lines.len(), &statuses[..3]), (20, &[200, 200, 200][..]));
    assert!(statuses[3..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!((&lines[19]["code"], &lines[19]["line"]), (&json!("rate_limited"), &json!(20)));
    assert!((1..=50).contains(&lines[19]["retryAfter"].as_i64().unwrap()), "{}", lines[19]);
    let calls = system.client.read("/v1/calls").await.json();
    assert_eq!(calls["calls"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_batch_waits_a_moment_for_its_turn_rather_than_be_refused() {
    let system = TestSystem::start().await;
    let rate = Some(Some(Rate { per_second: 20.0, burst: 2 }));
    let change = AppChange { rate, ..AppChange::default() };
    system.app.store().change_app(APP, change, Actor::server()).await.unwrap();
    let line = json!({ "target": format!("tel:{BUSY}"), "dryRun": true }).to_string();
    let path = "/api/1.1/public/bot/short/smartassist/dialout/batch";
    let reply = send(&system, Method::POST, path, vec![line; 8].join("\n")).await;
    let numbers: Vec<Value> = reply
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["status"] == 200)
        .map(|line| line["line"].clone())
        .collect();
    assert_eq!(json!(numbers), json!([1, 2, 3, 4, 5, 6, 7, 8]), "{}", reply.text());
}

#[tokio::test]
async fn kores_newer_path_leads_to_the_same_in_any_case() {
    let system = TestSystem::start().await;
    let at = dering::wallclock::iso(dering::wallclock::now_ms() + 600_000);
    let body = json!({ "botId": "short", "target": format!("tel:{PERSON}"), "scheduleAt": at }).to_string();
    let base = "/api/1.1/public/bot/short/V2/smartassist/dialout";
    let placed = send(&system, Method::POST, base, body.clone()).await;
    assert_eq!(placed.status, 200, "{}", placed.text());
    assert!(placed.headers.get("dering-ignored-fields").is_none());
    let call_id = placed.json()["callId"].as_str().unwrap().to_owned();
    let off = send(&system, Method::DELETE, &format!("{base}/{call_id}"), String::new()).await;
    assert_eq!(off.status, 202, "{}", off.text());
    let shout = "/API/1.1/public/bot/short/v2/SmartAssist/DialOut/BATCH";
    let lines = send(&system, Method::POST, shout, format!("\u{feff}{body}\n{body}\n")).await;
    assert_eq!(lines.text().matches("\"status\":200").count(), 2, "{}", lines.text());
    let wrong = send(&system, Method::POST, "/api/1.1/public/bot/short/V3/smartassist/dialout", body).await;
    assert_eq!(wrong.status, 404);
}

#[tokio::test]
async fn metadata_reaches_the_flow_in_whichever_case_and_what_is_missing_is_named() {
    let system = TestSystem::start().await;
    let ask = |metadata: Value| {
        let extra = json!({ "dryRun": true, "metadata": metadata });
        async { system.client.try_dial("named", BUSY, extra).await }
    };
    let known = ask(json!({ "Name": "Ani", "order_no": 7 })).await;
    assert_eq!(known.json()["wouldDial"], true, "{}", known.text());
    let ignored = crate::system_fixture::ignored_but_caller(&known.headers["dering-ignored-fields"]);
    assert_eq!(ignored, "metadata.order_no");
    let lacking = ask(json!({})).await.json();
    assert_eq!(lacking["problem"]["errors"][0]["field"], "metadata.name", "{lacking}");
}

#[tokio::test]
async fn no_answer_is_kept_by_caches_and_no_request_comes_without_a_host() {
    let system = TestSystem::start().await;
    for path in ["/v1/calls", "/v1/nothing", "/health", "/v1/cdr?filter.destination=$contains:+628"] {
        let reply = system.client.read(path).await;
        assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
    }
    let told = in_time(async {
        let mut connection = TcpStream::connect(system.app.address()).await.unwrap();
        connection.write_all(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut told = String::new();
        connection.read_to_string(&mut told).await.unwrap();
        told
    });
    let told = told.await;
    assert!(told.starts_with("HTTP/1.1 400") && told.contains("`Host` is missing"), "{told}");
}

#[tokio::test]
async fn a_record_is_found_by_the_beginning_of_its_number_without_escaping_the_plus() {
    let system = TestSystem::start().await;
    let call_id = system.dial("short", BUSY, json!({})).await;
    system.last_word(&call_id).await;
    let part = &BUSY[..5];
    assert!(part.starts_with('+'), "{part}");
    for value in [format!("$contains:{part}"), format!("$eq:{BUSY}"), format!("$contains:%2B{}", &part[1..])]
    {
        let found = system.client.read(&format!("/v1/cdr?filter.destination={value}")).await.json();
        assert_eq!(found["meta"]["totalItems"], 1, "{value}: {found}");
    }
}
