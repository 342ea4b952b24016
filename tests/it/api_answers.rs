//! What the API answers, whole: the JSON of everything that can be read, of one call with all that belongs to it. Notifications are
//! left out: the outbox is at work on them meanwhile.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use crate::api_rights::Estate;

/// What is read, by its path in the description.
const READ: [&str; 17] = [
    "/health",
    "/ready",
    "/v1/calls",
    "/v1/calls/history",
    "/v1/calls/{call_id}",
    "/v1/calls/{call_id}/events",
    "/v1/calls/{call_id}/evidence",
    "/v1/calls/{call_id}/transcript",
    "/v1/interactions",
    "/v1/contacts",
    "/v1/contacts/{contact_id}",
    "/v1/cdr",
    "/v1/cdr/{session_id}",
    "/v1/flows",
    "/v1/flows/{name}/versions",
    "/v1/apps",
    "/v1/apps/{app_id}/secrets",
];

/// Puts a word in the place of what differs from one run to the next: ids that are made, digests, the time of day.
fn settled(value: &mut Value) {
    match value {
        Value::String(text) if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            "(digest)".clone_into(text);
        }
        Value::String(text) if text.starts_with("20") && text.len() == 24 && text.ends_with('Z') => {
            if !text.starts_with("2025-07-23") {
                "(time)".clone_into(text);
            }
        }
        Value::Number(number) if number.as_i64().is_some_and(|ms| ms > 1_000_000_000_000) => {
            *value = "(time)".into();
        }
        Value::Array(items) => items.iter_mut().for_each(settled),
        Value::Object(members) => members.values_mut().for_each(settled),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn what_can_be_read_has_the_members_that_it_had() {
    let estate = Estate::start().await;
    let mut told = String::new();
    for pattern in READ {
        let request = Request::builder().uri(estate.path(pattern)).header("authorization", estate.operator());
        let answer = estate.api.send(request.body(Body::empty()).unwrap()).await;
        let mut body = answer.json();
        settled(&mut body);
        writeln!(told, "GET {pattern}: {}\n{body:#}\n", answer.status).unwrap();
    }
    insta::assert_snapshot!(told);
}
