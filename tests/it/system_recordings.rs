//! What is kept of calls: transcripts in their three forms, recordings and how they end, redacted answers.

use std::path::Path;

use dering::session::{Retention, Swept};
use dering::store::{Options, Store};
use serde_json::{Value, json};

use crate::system_fixture::{
    Carrier, Client, PERSON, PRESSES, TestSystem, create_credentials, in_time, last_word, local,
    write_fixtures,
};
use crate::system_process::Server;

/// Left and right, whatever else stands in the file.
fn sides(wav: &[u8]) -> (Vec<i16>, Vec<i16>) {
    let samples: Vec<i16> =
        wav[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    (samples.iter().step_by(2).copied().collect(), samples.iter().skip(1).step_by(2).copied().collect())
}

#[tokio::test]
async fn a_transcript_is_served_aligned_to_be_read_and_as_captions() {
    let system = TestSystem::start().await;
    let call_id = system.dial("short", PERSON, json!({})).await;
    system.last_word(&call_id).await;
    let path = format!("/v1/calls/{call_id}/transcript");
    let shown = system.client.read(&path).await.json();
    let entries = shown["entries"].as_array().unwrap();
    let bot = entries.iter().find(|entry| entry["speaker"] == "bot" && entry["kind"] == "speech").unwrap();
    assert_eq!((&bot["text"], &bot["heard"]["ms"]), (&json!("[hello.wav]"), &json!(500)), "{shown}");
    assert!(bot["startMs"].as_u64() >= shown["answeredMs"].as_u64(), "{shown}");
    assert!(entries.iter().any(|entry| entry["kind"] == "checkpoint" && entry["text"] == "told"), "{shown}");
    assert_eq!(shown["utterances"][0]["speaker"], "bot");
    let text = system.client.read(&format!("{path}?format=text")).await;
    assert!(text.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert!(text.text().contains("bot     [hello.wav]"), "{}", text.text());
    let captions = system.client.read(&format!("{path}?format=vtt")).await;
    assert!(captions.headers["content-type"].to_str().unwrap().starts_with("text/vtt"));
    assert!(captions.text().starts_with("WEBVTT\n\n00:00:"), "{}", captions.text());
    assert_eq!(system.client.read(&format!("{path}?format=pdf")).await.problem().0, 400);
}

#[tokio::test]
async fn a_redacted_answer_can_be_neither_read_nor_heard_later() {
    let system = TestSystem::start().await;
    let call_id = system.dial("card", PRESSES, json!({})).await;
    let told = system.last_word(&call_id).await;
    assert!(told.iter().any(|body| body["data"]["digits"] == "4711"), "the flow has it: {told:?}");
    for path in ["events", "transcript", "evidence"] {
        let shown = system.client.read(&format!("/v1/calls/{call_id}/{path}")).await.text();
        let tells = ["\"4711\"", "\"dtmf\":\"4\"", "\"dtmf\":\"7\"", "770.0", "852.0"];
        assert!(!tells.iter().any(|tell| shown.contains(tell)), "{path}: {shown}");
    }
    let shown = system.client.read(&format!("/v1/calls/{call_id}/transcript")).await.json();
    let keys: Vec<&Value> =
        shown["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "key").collect();
    assert_eq!(keys.len(), 4, "{shown}");
    assert!(keys.iter().all(|key| key["text"] == "•"), "{shown}");
    // The keys are tones in the callee's audio, too.
    let (callee, bot) = sides(&system.client.read(&format!("/v1/calls/{call_id}/recording")).await.bytes);
    let heard =
        callee.iter().position(|sample| *sample != 0).zip(callee.iter().rposition(|sample| *sample != 0));
    assert_eq!(heard, None, "a key can be heard, of {} samples", callee.len());
    assert!(bot.iter().any(|sample| sample.unsigned_abs() > 1_000), "the question can be heard");
}

#[tokio::test]
async fn recordings_and_words_are_deleted_when_their_time_is_over() {
    let system = TestSystem::start().await;
    let call_id = system.dial("short", PERSON, json!({})).await;
    system.last_word(&call_id).await;
    let folder = system.folder.path().join("recordings");
    let message = folder.join(format!("{call_id}-message-1.wav"));
    std::fs::write(&message, b"RIFF").unwrap();
    let retention = Retention { folder: folder.clone(), keep_days: Some(30), keep_words_days: Some(90) };
    let store = system.app.store();
    let now = dering::wallclock::now_ms();
    let day = 86_400_000;
    assert_eq!(retention.sweep(store, now + 29 * day).await.unwrap(), Swept::default());
    let swept = retention.sweep(store, now + 31 * day).await.unwrap();
    assert_eq!(swept, Swept { recordings: 1, messages: 1, words: 0 });
    assert!(!message.exists() && std::fs::read_dir(&folder).unwrap().next().is_none());
    for path in ["recording", "messages/1"] {
        let (status, code, detail) =
            system.client.read(&format!("/v1/calls/{call_id}/{path}")).await.problem();
        assert_eq!((status, code.as_str()), (410, "gone"), "{detail}");
    }
    assert_eq!(system.client.read(&format!("/v1/calls/{call_id}/transcript")).await.status, 200);
    let swept = retention.sweep(store, now + 91 * day).await.unwrap();
    assert_eq!(swept, Swept { recordings: 0, messages: 0, words: 1 });
    assert_eq!(system.client.read(&format!("/v1/calls/{call_id}/transcript")).await.problem().0, 410);
    let shown = system.client.read(&format!("/v1/calls/{call_id}/events")).await.text();
    assert!(shown.contains("recording_deleted") && shown.contains("words_deleted"), "{shown}");
    assert!(!shown.contains("hello.wav"), "{shown}");
    assert_eq!(retention.sweep(store, now + 200 * day).await.unwrap(), Swept::default());
}

#[tokio::test]
async fn a_call_goes_on_when_its_recording_cannot_be_written() {
    let system = TestSystem::start().await;
    // A file where the folder should be.
    let folder = system.folder.path().join("recordings");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::write(&folder, b"").unwrap();
    let call_id = system.dial("short", PERSON, json!({})).await;
    system.last_word(&call_id).await;
    let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!(call["outcome"], "told", "{call}");
    let shown = system.client.read(&format!("/v1/calls/{call_id}/events")).await.text();
    assert!(shown.contains("recording_failed"), "{shown}");
    assert_eq!(system.client.read(&format!("/v1/calls/{call_id}/recording")).await.problem().0, 404);
}

/// Waits until the file holds this much audio.
async fn grown(path: &Path, bytes: u64) {
    in_time(async {
        while std::fs::metadata(path).map_or(0, |meta| meta.len()) < bytes {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_recording_can_be_played_after_the_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let store = Store::open(Options::file(folder.path().join("dering.db"))).await.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let inbox = dering::outbox::receiver::Inbox::new(vec![secret.clone()]);
    let receiver = dering::outbox::receiver::Receiver::start(inbox.router(), local()).await.unwrap();
    let server = Server::start(folder.path(), &carrier, &[]).await;
    let client = Client::new(server.address, secret.clone(), key.clone());
    let call_id = client.dial("stay", PERSON, json!({ "notifyUrl": receiver.url() })).await;
    let file = folder.path().join(format!("recordings/{call_id}.wav"));
    grown(&file, 44 + 32_000).await;
    server.kill().await;
    // A kill between the samples and the header leaves the lengths of before, and perhaps a torn sample.
    let mut left = std::fs::read(&file).unwrap();
    left[4..8].copy_from_slice(&36_u32.to_le_bytes());
    left[40..44].copy_from_slice(&0_u32.to_le_bytes());
    left.push(7);
    std::fs::write(&file, &left).unwrap();

    let server = Server::start(folder.path(), &carrier, &[]).await;
    let client = Client::new(server.address, secret, key);
    last_word(&inbox, &call_id).await;
    let recording = client.read(&format!("/v1/calls/{call_id}/recording")).await;
    assert_eq!(recording.status, 200);
    let length = u32::from_le_bytes(recording.bytes[40..44].try_into().unwrap()) as usize;
    assert!(length >= 32_000 - 4 && length == recording.bytes.len() - 44, "{length}");
    server.kill().await;
}
