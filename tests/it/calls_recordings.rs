//! Recordings by links that expire.

use reqwest::Method;
use serde_json::{Value, json};

use crate::calls_fixture::Desk;
use crate::system_fixture::{PERSON, Setup, reply_to};

/// A desk with a recorded call, and a link to its recording.
async fn linked() -> (Desk, String, String) {
    linked_on(Setup::default()).await
}

async fn linked_on(setup: Setup) -> (Desk, String, String) {
    let desk = Desk::with(setup).await;
    let call_id = desk.system.dial("short", PERSON, json!({})).await;
    desk.system.last_word(&call_id).await;
    let made = desk.post(&format!("/v1/calls/{call_id}/recording/link"), json!({"ttlSeconds": 60})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let url = made.json()["url"].as_str().unwrap().to_owned();
    (desk, call_id, url)
}

#[tokio::test]
async fn a_link_opens_one_recording_without_a_key_and_lets_a_player_seek() {
    let (desk, call_id, url) = linked().await;
    let whole = reply_to(desk.bare(Method::GET, &url)).await;
    assert_eq!((whole.status, whole.headers["content-type"].as_bytes()), (200, b"audio/wav".as_slice()));
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    assert_eq!(&whole.bytes[..4], b"RIFF");
    let part = reply_to(desk.bare(Method::GET, &url).header("range", "bytes=8-11")).await;
    assert_eq!((part.status, part.bytes.as_slice()), (206, b"WAVE".as_slice()));
    let beyond = reply_to(desk.bare(Method::GET, &url).header("range", "bytes=99999999-")).await;
    assert_eq!((beyond.status, beyond.problem().1.as_str()), (416, "range_invalid"));
    let with_key = desk.get(&format!("/v1/calls/{call_id}/recording")).await;
    assert_eq!(with_key.bytes, whole.bytes);
}

#[tokio::test]
async fn with_a_public_url_a_link_is_whole_and_opens_behind_that_address() {
    let public_url =
        dering::api::PublicUrl::try_from("https://voice.example.com/dering/".to_owned()).unwrap();
    let (desk, call_id, url) = linked_on(Setup { public_url, ..Setup::default() }).await;
    let path = url.strip_prefix("https://voice.example.com/dering").unwrap();
    assert!(path.starts_with(&format!("/v1/recordings/{call_id}.wav?")), "{url}");
    assert_eq!(reply_to(desk.bare(Method::GET, path)).await.status, 200);
}

#[tokio::test]
async fn a_link_that_was_changed_opens_nothing() {
    let (desk, call_id, url) = linked().await;
    let (path, query) = url.split_once('?').unwrap();
    let longer = query.replacen("expires=", "expires=9", 1);
    let (rest, signature) = query.rsplit_once('=').unwrap();
    let resigned = format!("{rest}={}", signature.chars().rev().collect::<String>());
    for changed in [
        format!("{path}?{longer}"),
        format!("{path}?{resigned}"),
        format!("/v1/recordings/another.wav?{query}"),
        format!("/v1/recordings/{call_id}?{query}"),
        format!("/v1/recordings/..%2F{call_id}.wav?{query}"),
        format!("{path}?{}", query.replacen("key=lk_", "key=lk_0", 1)),
    ] {
        let reply = reply_to(desk.bare(Method::GET, &changed)).await;
        assert_eq!((reply.status, reply.problem().1.as_str()), (403, "link_invalid"), "{changed}");
    }
    assert_eq!(reply_to(desk.bare(Method::GET, path)).await.problem().1, "malformed");
}

#[tokio::test]
async fn links_are_revoked_all_at_once_and_new_ones_work() {
    let (desk, call_id, url) = linked().await;
    assert_eq!(desk.post("/v1/recordings/revoke-links", Value::Null).await.json(), json!({"retired": 1}));
    assert_eq!(reply_to(desk.bare(Method::GET, &url)).await.problem().1, "link_invalid");
    let path = format!("/v1/calls/{call_id}/recording/link");
    let fresh = reply_to(desk.request(Method::POST, &path)).await.json();
    assert_eq!(reply_to(desk.bare(Method::GET, fresh["url"].as_str().unwrap())).await.status, 200);
}

#[tokio::test]
async fn links_last_neither_a_moment_nor_for_ever() {
    let (desk, call_id, _) = linked().await;
    let path = format!("/v1/calls/{call_id}/recording/link");
    for ttl in [json!(1), json!(100_000), json!("long"), json!(-5)] {
        assert_eq!(desk.post(&path, json!({ "ttlSeconds": ttl })).await.problem().1, "malformed", "{ttl}");
    }
    let unrecorded = desk.system.dial("errands", PERSON, json!({})).await;
    let none = desk.post(&format!("/v1/calls/{unrecorded}/recording/link"), json!({})).await;
    assert_eq!(none.problem().0, 404);
}
