//! The description of the API says what the router does, and stands on its own.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use dering::server::{self, description, routes};
use serde_json::Value;
use tower::ServiceExt;

use crate::api_fixture::TestApi;

fn described() -> Value {
    serde_json::to_value(description()).unwrap()
}

/// The paths that a router knows, as its debug output has them: there is no other way to ask.
fn paths(router: &Router) -> BTreeSet<String> {
    let shown = format!("{router:?}");
    let quoted = shown.split('"').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with('/') && !text.contains("__private")).map(str::to_owned).collect()
}

/// The methods that a path takes, as the router says when it is asked for another one.
async fn methods(router: &Router, path: &str) -> BTreeSet<String> {
    let uri: String = path
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/");
    let request = Request::builder().method("PROPFIND").uri(uri).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let allow = response.headers()[header::ALLOW].to_str().unwrap().to_ascii_lowercase();
    let methods = allow.split(',').map(|method| method.trim().to_owned());
    methods.filter(|method| method != "head").collect()
}

/// Pages for people and their files, which are not part of the API: how their paths begin.
const PAGES: [&str; 27] = [
    "",
    "accuracy",
    "audit",
    "callers",
    "calls",
    "calls.csv",
    "campaigns",
    "contacts",
    "do-not-call",
    "docs",
    "embed.js",
    "flows",
    "lists",
    "me",
    "now",
    "people",
    "preferences",
    "problems",
    "ring",
    "settings",
    "sign-in",
    "sign-out",
    "speech",
    "static",
    "trunks",
    "webhooks",
    "welcome",
];

#[tokio::test]
async fn every_route_is_described_with_its_methods_and_nothing_else_is() {
    let router = routes(TestApi::start().await.api.clone());
    let described = described();
    let told = described["paths"].as_object().unwrap();
    let mut known = paths(&router);
    known.retain(|path| !PAGES.contains(&path.split('/').nth(1).unwrap_or_default()));
    assert!(known.len() > 20, "the router's debug output has changed: {known:?}");
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), known);
    for (path, item) in told {
        let item: BTreeSet<String> = item.as_object().unwrap().keys().cloned().collect();
        assert_eq!(item, methods(&router, path).await, "{path}");
    }
}

/// Calls `visit` with every operation.
fn each_operation(described: &Value, mut visit: impl FnMut(&str, &Value)) {
    for item in described["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            visit(operation["operationId"].as_str().unwrap(), operation);
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() {
    let described = described();
    let tags: BTreeSet<&str> =
        described["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = BTreeSet::new();
    each_operation(&described, |name, operation| {
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(operation["summary"].is_string(), "{name} has no summary");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(tag), "{name}: {tag}");
    });
}

#[test]
fn whoever_needs_a_key_is_told_so_and_every_error_is_a_problem() {
    let open = ["flowSchema", "health", "ready", "description", "openRecordingLink", "endBrowserCall"];
    each_operation(&described(), |name, operation| {
        let gated = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_ne!(gated, open.contains(&name), "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let problem = response["$ref"].is_string()
                || response["content"]["application/problem+json"].is_object()
                || ["health", "ready"].contains(&name);
            assert!(problem || status.starts_with(['2', '3']), "{name} answers {status} with something else");
            assert!(!gated || operation["responses"]["401"].is_object(), "{name}");
        }
    });
}

/// Every `$ref` of a document.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn nothing_refers_to_what_is_not_there() {
    let described = described();
    let mut found = BTreeSet::new();
    references(&described, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(described.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn the_webhooks_are_described_with_the_names_of_the_wire() {
    let described = described();
    assert_eq!(described["openapi"], "3.1.0");
    let webhooks: Vec<&String> = described["webhooks"].as_object().unwrap().keys().collect();
    assert_eq!(webhooks, ["amd", "answered", "campaign", "completed", "failed", "flowEvent"]);
    let completed = &described["components"]["schemas"]["Completed"]["properties"];
    for name in
        ["conversationId", "callDuration", "duration", "reasonCode", "ringDurationInMS", "callDisconnectTime"]
    {
        assert!(completed[name].is_object(), "{name}: {completed}");
    }
}

#[tokio::test]
async fn the_try_it_page_takes_everything_from_this_server() {
    let server = TestApi::start().await;
    for path in
        ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"]
    {
        let answer = server.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        if path == "/docs" {
            let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
        }
        assert!(answer.text.len() > 100, "{path}");
    }
}

#[test]
fn the_description_changes_on_purpose_only() {
    insta::assert_snapshot!(server::text());
}
