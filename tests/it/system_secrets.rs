//! Logs at their most talkative, of a server and of a gateway: no token, secret or key of anybody is in them.

use std::path::Path;

use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::{self, Store};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::system_fixture::{Client, PRESSES, create_credentials, last_word, local, write_fixtures};
use crate::system_killed::{configure, dering, free, is_up};

const TOKEN: &str = "carrier-token-that-nobody-may-read";
const HEADER: &str = "receiver-token-that-nobody-may-read";

/// One whole call over this wire; what both sides logged, and what may not be in it.
async fn logs(folder: &Path, version: &str, media: &str) -> (String, Vec<String>) {
    write_fixtures(folder);
    let (server, carrier) = (free(), free());
    let listen = carrier.to_string();
    let gateway = [
        "gateway",
        "--listen",
        &listen,
        "--token",
        TOKEN,
        "--version",
        version,
        "--callees",
        "callees",
        "--log",
        "trace",
    ];
    let _gateway = dering(folder, "gateway.log", &gateway);
    is_up(carrier).await;
    configure(folder, server, carrier);
    let path = folder.join("dering.yaml");
    let config = std::fs::read_to_string(&path).unwrap();
    let config = config
        .replace("filter: warn", "filter: trace")
        .replace("token: t,", &format!("token: {TOKEN}, version: '{version}', media: {media},"));
    assert!(config.contains("trace") && config.contains(TOKEN), "{config}");
    std::fs::write(&path, config).unwrap();
    let store = Store::open(store::Options::file(folder.join("dering.db"))).await.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let inbox = Inbox::new(vec![secret.clone()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let mut process = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
    is_up(server).await;

    let client = Client::new(server, secret, key);
    let token = client.token();
    let body = json!({
        "target": format!("tel:{PRESSES}"),
        "notifyUrl": receiver.url(),
        "notifyHeaders": { "authorization": format!("Bearer {HEADER}") },
    });
    let reply = client.post_dial("short", &token, body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let call_id = reply.json()["callId"].as_str().unwrap().to_owned();
    let told = last_word(&inbox, &call_id).await;
    assert_eq!(told.last().unwrap()["status"], "completed", "{told:?}");
    assert_eq!(client.read(&format!("/v1/calls/{call_id}")).await.status, 200);
    process.kill().await.unwrap();
    let log = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let own = [&client.secret, &client.key].map(|secret| secret.expose_secret().to_owned());
    let secrets = own.into_iter().chain([token, TOKEN.into(), HEADER.into()]).collect();
    (log("server.log") + &log("gateway.log"), secrets)
}

#[tokio::test]
async fn no_token_is_in_a_log_however_much_is_logged() {
    for (version, media) in [("1.0.4", "socketio"), ("1.0.5", "socketio"), ("1.0.5", "websocket")] {
        let folder = tempfile::tempdir().unwrap();
        let (log, secrets) = logs(folder.path(), version, media).await;
        assert!(log.contains("TRACE") && log.contains("DEBUG"), "{log}");
        for secret in secrets {
            let line = log.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{version} {media}");
        }
    }
}
