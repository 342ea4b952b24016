//! Connections without a credential on the port of the API: calls, recordings and webhooks go on.

use std::time::Duration;

use dering::net::descriptors;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::House;
use crate::system_fixture::{PERSON, in_time, last_word};
use crate::system_process::{Launch, Server};

/// Strangers that connect and say nothing, or not enough.
async fn crowd(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for n in 0..count {
        let mut stranger = in_time(TcpStream::connect(server.address)).await.unwrap();
        let said: &[u8] = match n % 4 {
            0 => b"POST /api/1.1/public/bot/short/smartassist/dialout HTTP/1.1\r\nhost: x\r\n",
            1 => b"POST /v1/calls HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{",
            _ => b"",
        };
        let _gone = stranger.write_all(said).await;
        crowd.push(stranger);
    }
    crowd
}

#[tokio::test]
async fn a_thousand_silent_connections_stop_nothing_and_are_cut() {
    assert!(descriptors::raise() > 2_000, "this test opens 1,200 connections");
    let house = House::start("dering.db").await;
    let launch =
        Launch { config: "calls: { max: 20 }\n", script: "ulimit -n 600; exec \"$@\"", ..Launch::default() };
    let server = Server::launch(house.folder.path(), &house.carrier, launch).await;
    assert!(server.log().contains("the limit of open files is small"), "{}", server.log());
    let client = house.client(&server);
    let strangers = crowd(&server, 1_126).await;
    for _ in 0..10 {
        let call_id = client.dial("short", PERSON, house.told(json!({}))).await;
        let told = last_word(&house.inbox, &call_id).await;
        assert_eq!(told.last().unwrap()["status"], "completed", "{told:?}");
        let shown = client.read(&format!("/v1/calls/{call_id}/events")).await.text();
        assert!(shown.contains("recording_ready") && !shown.contains("recording_incomplete"), "{shown}");
    }
    assert_eq!(client.read("/health").await.status, 200);
    // Every one of them is cut, whether somebody needed its place or not.
    in_time(async {
        for mut stranger in strangers {
            let mut rest = Vec::new();
            let _cut = stranger.read_to_end(&mut rest).await;
        }
    })
    .await;
    server.kill().await;
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_it_goes() {
    let house = House::start("dering.db").await;
    let launch = Launch { script: "ulimit -S -n 256; exec \"$@\"", ..Launch::default() };
    let server = Server::launch(house.folder.path(), &house.carrier, launch).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid().as_raw_nonzero())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = files.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(soft > 256, "{files}");
    server.kill().await;
}

#[tokio::test]
async fn an_honest_client_that_pauses_is_served_again() {
    let house = House::start("dering.db").await;
    let server = Server::start(house.folder.path(), &house.carrier, &[]).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let mut answer = vec![0; 4096];
    for _ in 0..3 {
        client.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let read = in_time(client.read(&mut answer)).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    server.kill().await;
}
