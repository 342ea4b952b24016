//! Strangers without the secret on the port for calls: carriers are heard all the same.

use std::net::SocketAddr;
use std::time::Duration;

use dering::app::App;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::inbound_fixture::{CALLER, SHORT, TestSystem};
use crate::system_fixture::in_time;

/// A carrier that knows the secret places a call; whether it is answered.
async fn is_answered(address: SocketAddr, session: String) -> bool {
    let mut request = format!("ws://{address}/").into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Bearer s3cret".parse().unwrap());
    let Ok((mut socket, _)) = tokio_tungstenite::connect_async(request).await else { return false };
    let call =
        json!({ "event": "incoming_call", "callerId": CALLER, "didNumber": SHORT, "sessionId": session });
    if socket.send(Message::text(call.to_string())).await.is_err() {
        return false;
    }
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["event"] == "answer" {
                return true;
            }
        }
    }
    false
}

async fn answered(system: &TestSystem, prefix: &str, calls: usize) -> usize {
    let address = system.address();
    let calls = (0..calls).map(|n| tokio::spawn(is_answered(address, format!("{prefix}{n}"))));
    let results = in_time(futures_util::future::join_all(calls)).await;
    results.into_iter().filter(|result| matches!(result, Ok(true))).count()
}

async fn with_secret() -> TestSystem {
    TestSystem::with(|config| config.inbound.secret = Some("s3cret".into())).await
}

#[tokio::test]
async fn half_open_handshakes_without_the_secret_keep_no_caller_out() {
    let system = with_secret().await;
    let mut crowd = Vec::new();
    for n in 0..440 {
        let mut stranger = TcpStream::connect(system.address()).await.unwrap();
        // Some say nothing, some begin and never end.
        if n % 2 == 0 {
            let _gone = stranger.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n").await;
        }
        crowd.push(stranger);
    }
    assert_eq!(answered(&system, "during", 40).await, 40);
    drop(crowd);
}

#[tokio::test]
async fn strangers_who_keep_coming_keep_no_caller_out() {
    let system = with_secret().await;
    let address = system.address();
    let strangers = tokio::spawn(async move {
        let mut crowd = std::collections::VecDeque::new();
        loop {
            for _ in 0..20 {
                crowd.push_back(TcpStream::connect(address).await);
            }
            crowd.drain(..crowd.len().saturating_sub(300));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(answered(&system, "among", 20).await, 20);
    strangers.abort();
}

#[tokio::test]
async fn many_carriers_that_call_at_once_are_all_heard() {
    let system = with_secret().await;
    assert_eq!(answered(&system, "burst", 150).await, 150);
    shut(system.app).await;
}

async fn shut(app: App) {
    tokio::spawn(app.shutdown()).await.unwrap();
}
