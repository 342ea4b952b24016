//! Uploads that cost more than they may: refused in words, and the next one is taken.

use std::time::Duration;

use callcore::audio::{tone, wav};
use dering::access::Scope;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::flow_versions::{Author, zipped};
use crate::system_fixture::TestSystem;

const PLAIN: &[u8] = b"flow: plain\nstart: s\nscenes: { s: [ hangup ] }\n";

async fn refused(author: &Author, name: &str, body: Vec<u8>) -> String {
    let (status, code, detail) = author.upload(name, body).await.problem();
    assert_eq!((status, code.as_str()), (422, "invalid"), "{detail}");
    detail
}

#[tokio::test]
async fn sound_that_states_what_no_recording_has_is_refused_in_words() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let plays = "flow: tune\nstart: s\nscenes: { s: [ { play: a.wav } ] }\n";
    let stating = |at: usize, value: &[u8]| {
        let mut sound = wav::write_8k(&[&tone::tone(&[440.0], 900, -20.0)]);
        sound[at..at + value.len()].copy_from_slice(value);
        zipped(&[("tune.yaml", plays.as_bytes()), ("a.wav", &sound)])
    };
    for (body, told) in [
        (stating(24, &1_u32.to_le_bytes()), "states 1 samples per second, and 4000 to 384000 are read"),
        (stating(24, &3_000_000_u32.to_le_bytes()), "states 3000000 samples per second"),
        (stating(22, &60_000_u16.to_le_bytes()), "states 60000 channels"),
        (stating(20, &0x31_u16.to_le_bytes()), "GSM 06.10"),
    ] {
        let detail = refused(&author, "tune", body).await;
        assert!(detail.contains(told) && detail.contains("ffmpeg"), "{detail}");
    }
    let taken = author.upload("tune", stating(24, &16_000_u32.to_le_bytes())).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
}

#[tokio::test]
async fn tests_without_end_are_given_up_and_said_to_be() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    let flow = "flow: round\nstart: s\nlimits: { steps: 100000, call: 60m }\nscenes: { s: [ { say: Again }, { goto: s } ] }\n";
    let cases: String = (0..3_000)
        .map(|n| format!("  c{n}: {{ callee: [ {{ hears: x }} ], expect: {{ outcome: y }} }}\n"))
        .collect();
    let tests = format!("test: round.yaml\ncases:\n{cases}");
    let zip = zipped(&[("round.yaml", flow.as_bytes()), ("round.test.yaml", tests.as_bytes())]);
    let reply = author.upload("round", zip.clone()).await;
    let shown = reply.text();
    assert_eq!(reply.status, 422, "{shown}");
    assert!(shown.contains("the tests take more than 500000 steps together"), "{shown}");
    assert!(shown.contains("tests=false"), "{shown}");
    assert!(shown.len() < 1_000_000, "{} bytes of answer", shown.len());
}

#[tokio::test]
async fn few_uploads_are_taken_at_a_time_and_others_are_told_when_to_come_again() {
    let system = TestSystem::start().await;
    let author = Author::of(&system, &[Scope::Read, Scope::Flows]).await;
    // Two that have said how much they will send, and send nothing.
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut upload = TcpStream::connect(system.app.address()).await.unwrap();
        let head = format!(
            "POST /v1/flows/plain/versions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 99\r\n\r\n",
            author.key
        );
        upload.write_all(head.as_bytes()).await.unwrap();
        slow.push(upload);
    }
    let status = async |wanted: fn(u16) -> bool| loop {
        let reply = author.upload("plain", PLAIN.to_vec()).await;
        if wanted(reply.status) {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let reply = status(|status| status == 429).await;
    assert_eq!(reply.headers["retry-after"], "5");
    assert!(reply.problem().2.contains("2 uploads are being checked already"), "{}", reply.text());
    drop(slow);
    status(|status| matches!(status, 200 | 201)).await;
}
