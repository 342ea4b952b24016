//! A server whose disk takes nothing for a while: no outcome is lost, and nobody has to start it again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dering::wallclock::{iso, now_ms};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::house::House;
use crate::system_fixture::{Client, PERSON, each, in_time, is_final, last_word};
use crate::system_process::{Launch, Server};

/// Writes until the disk refuses; the refusal must say so.
async fn write_until_refused(client: &Client) {
    in_time(async {
        loop {
            let later = iso(now_ms() + 7 * 86_400_000);
            let reply = client.try_dial("short", PERSON, json!({ "scheduleAt": later })).await;
            if reply.status == 200 {
                continue;
            }
            let (status, code, detail) = reply.problem();
            assert_eq!((status, code.as_str()), (503, "unavailable"), "{detail}");
            assert!(reply.headers.contains_key("retry-after"), "{:?}", reply.headers);
            return;
        }
    })
    .await;
}

async fn healthy(client: &Client) -> bool {
    let health = client.read("/health").await;
    let ready = client.read("/ready").await;
    assert_eq!(health.status, ready.status, "{} {}", health.text(), ready.text());
    health.status == 200
}

/// A call that ended while nothing could be written has its end told and written down all the same.
async fn ended_call_is_complete(house: &House, client: &Client, call_id: &str) {
    let told = last_word(&house.inbox, call_id).await;
    assert_eq!(each(&told, "status"), ["Answered", "completed"], "{told:?}");
    let call = client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!((&call["state"], &call["disposition"]), (&json!("ended"), &json!("ANSWERED")), "{call}");
    let events = client.read(&format!("/v1/calls/{call_id}/events")).await.json();
    let kinds: Vec<&str> =
        events["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"hangup_requested") && !kinds.contains(&"lines_lost"), "{kinds:?}");
    let rows = client.ledger(call_id, |_| true).await;
    let body = |row: &Value| serde_json::from_str(row["notification"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(rows.iter().filter(|row| is_final(&body(row))).count(), 1, "{rows:?}");
}

#[tokio::test]
async fn a_call_that_ends_while_nothing_can_be_written_loses_nothing() {
    let house = House::start("dering.db").await;
    // The log is such a file, too.
    let log = house.folder.path().join("server.log").display().to_string();
    let script = format!("touch {log}; tail -f --pid=$$ {log} >&2 & exec \"$@\" 2>>{log}");
    let launch = Launch { script: &script, ..Launch::default() };
    let server = Server::launch(house.folder.path(), &house.carrier, launch).await;
    let client = house.client(&server);
    let call_id = house.answered(&client).await;
    assert!(healthy(&client).await);
    // As a full disk would have it: no file takes another byte.
    let usual = getrlimit(Resource::Fsize);
    let full = Rlimit { current: Some(0), ..usual };
    prlimit(Some(server.pid()), Resource::Fsize, full).unwrap();
    write_until_refused(&client).await;
    assert!(!healthy(&client).await);
    assert_eq!(client.hang_up(&call_id).await.status, 202);
    in_time(async {
        while house.carrier.calls() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(!healthy(&client).await);
    prlimit(Some(server.pid()), Resource::Fsize, usual).unwrap();
    ended_call_is_complete(&house, &client, &call_id).await;
    in_time(async { while !healthy(&client).await {} }).await;
    let next = client.dial("short", PERSON, house.told(json!({}))).await;
    last_word(&house.inbox, &next).await;
    server.kill().await;
}

/// How a small file system of one's own is had, if at all.
async fn mounting(folder: &Path) -> Option<Vec<&'static str>> {
    for way in [vec!["unshare", "-m", "sh"], vec!["unshare", "-Urm", "sh"]] {
        let mut command = Command::new(way[0]);
        let script = "mount -t tmpfs -o size=1m tmpfs \"$1\"";
        command.args(&way[1..]).args(["-c", script, "sh"]).arg(folder).stderr(Stdio::null());
        if command.status().await.is_ok_and(|status| status.success()) {
            return Some(way);
        }
    }
    println!("skipped: no file system can be mounted here, not even in a namespace of one's own");
    None
}

#[tokio::test]
async fn a_disk_that_is_full_for_a_minute_loses_nothing() {
    let house = House::start("disk/dering.db").await;
    let folder = house.folder.path();
    let disk = folder.join("disk");
    let Some(shell) = mounting(&disk).await else { return };
    let (kept, config) =
        (folder.join("kept"), format!("flow_versions: {}\n", folder.join("versions").display()));
    std::fs::create_dir(&kept).unwrap();
    let script = format!(
        "cp {disk}/* {kept}/ && mount -t tmpfs -o size=3m,mode=700 tmpfs {disk} && cp {kept}/* {disk}/ && \
         sed -i 's|^database:.*|database: {disk}/dering.db|' {config} && exec \"$@\"",
        disk = disk.display(),
        kept = kept.display(),
        config = folder.join("dering.yaml").display(),
    );
    let launch = Launch { config: &config, script: &script, shell: &shell, ..Launch::default() };
    let server = Server::launch(folder, &house.carrier, launch).await;
    let client = house.client(&server);
    let call_id = house.answered(&client).await;
    // The disk as the server sees it.
    let seen = format!("/proc/{}/root{}/ballast", server.pid().as_raw_nonzero(), disk.display());
    let Err(_full) = std::fs::write(&seen, vec![1; 4 * 1024 * 1024]) else {
        panic!("{seen} is not the small disk");
    };
    write_until_refused(&client).await;
    assert!(!healthy(&client).await);
    assert_eq!(client.hang_up(&call_id).await.status, 202);
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    while tokio::time::Instant::now() < until {
        assert!(!healthy(&client).await, "it is full for the whole minute");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    std::fs::remove_file(&seen).unwrap();
    ended_call_is_complete(&house, &client, &call_id).await;
    in_time(async { while !healthy(&client).await {} }).await;
    let next = client.dial("short", PERSON, house.told(json!({}))).await;
    last_word(&house.inbox, &next).await;
    server.kill().await;
}
