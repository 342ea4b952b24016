//! Calls from the command line, as an operator places, watches, hears and ends them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::system_fixture::{BUSY, HANGS_UP, PERSON, TestSystem, in_time};
use crate::system_process::dering;

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A command about the server of `folder`.
async fn ask(folder: &Path, arguments: &[&str]) -> Output {
    dering(folder, &[arguments, &["--database", "dering.db"]].concat()).await
}

#[tokio::test]
async fn a_call_is_followed_to_its_end_and_its_exit_code_says_whether_it_was_answered() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let answered = ask(folder, &["call", HANGS_UP, "--flow", "named", "--var", "name=Ani", "--follow"]).await;
    let shown = told(&answered);
    assert_eq!(answered.status.code(), Some(0), "{shown}{}", complained(&answered));
    assert!(shown.starts_with(&format!("calling {HANGS_UP}: call ")), "{shown}");
    assert!(shown.contains("The carrier says: Connected") && shown.contains("Somebody hung up"), "{shown}");
    assert!(shown.lines().last().unwrap().starts_with("answered"), "{shown}");

    let busy = ask(folder, &["call", BUSY, "--flow", "short", "--follow", "--json"]).await;
    assert_eq!(busy.status.code(), Some(3), "{}", complained(&busy));
    let lines: Vec<Value> = told(&busy).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (first, last) = (&lines[0], lines.last().unwrap());
    assert_eq!(
        (first["call_id"].as_str(), last["disposition"].as_str()),
        (last["callId"].as_str(), Some("BUSY"))
    );
    assert!(first.get("contact_id").is_none(), "{first}");
    assert!(lines.iter().any(|line| line["kind"] == "dial_status"), "{lines:?}");

    let refused = ask(folder, &["call", PERSON, "--flow", "nmaed"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(complained(&refused).contains("there is no flow `nmaed`"), "{}", complained(&refused));
    let lacking = ask(folder, &["call", PERSON, "--flow", "named", "--follow"]).await;
    assert!(complained(&lacking).contains("name"), "{}", complained(&lacking));
}

#[tokio::test]
async fn calls_are_listed_shown_heard_exported_and_ended() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let none = ask(folder, &["calls", "list"]).await;
    assert!(told(&none).contains("There are no such calls"), "{}", told(&none));
    let placed = ask(folder, &["call", PERSON, "--flow", "short", "--follow"]).await;
    assert!(placed.status.success(), "{}", complained(&placed));

    let list = told(&ask(folder, &["calls", "list", "--flow", "short"]).await);
    assert!(list.lines().all(|line| line.chars().count() <= 80) && !list.contains('\u{1b}'), "{list}");
    let row = list.lines().nth(1).unwrap();
    assert!(row.contains(PERSON) && row.contains("answered"), "{list}");
    let short = row.split_whitespace().next().unwrap();
    let shown = told(&ask(folder, &["calls", "show", short, "--transcript", "--timeline"]).await);
    assert!(shown.contains("result        answered") && shown.contains("outcome       told"), "{shown}");
    assert!(shown.contains("[check point told]") && shown.contains("The carrier says: Ringing"), "{shown}");
    assert!(told(&ask(folder, &["calls", "list", "--verdict", "machine"]).await).contains("no such calls"));
    let wrong = ask(folder, &["calls", "list", "--verdict", "robot", "--progress", "soon"]).await;
    let complaint = complained(&wrong);
    assert!(complaint.contains("verdict: must be") && complaint.contains("progress: must be"), "{complaint}");

    let csv = told(&ask(folder, &["calls", "export"]).await);
    assert!(csv.starts_with("\u{feff}call,created_utc,") && csv.lines().count() == 2, "{csv}");
    let xlsx = ask(folder, &["calls", "export", "--xlsx", "calls.xlsx"]).await;
    assert!(told(&xlsx).starts_with("calls.xlsx: "), "{}", complained(&xlsx));
    assert!(std::fs::read(folder.join("calls.xlsx")).unwrap().starts_with(b"PK"));

    let both = ask(folder, &["calls", "export", "--xlsx", "other.xlsx", "--json"]).await;
    assert_eq!(both.status.code(), Some(1));
    assert!(complained(&both).contains("--json goes to standard output"), "{}", complained(&both));
    let over = ask(folder, &["calls", "export", "--xlsx", "calls.xlsx"]).await;
    assert!(complained(&over).contains("add --force") && !over.status.success(), "{}", complained(&over));
    assert!(ask(folder, &["calls", "export", "--xlsx", "calls.xlsx", "--force"]).await.status.success());
    assert!(complained(&ask(folder, &["calls", "show", ""]).await).contains("which call?"));

    let saved = ask(folder, &["calls", "play", "last", "--out", "call.wav"]).await;
    assert!(saved.status.success(), "{}", complained(&saved));
    assert!(std::fs::read(folder.join("call.wav")).unwrap().starts_with(b"RIFF"));
    for file in ["call.wav", "calls.xlsx"] {
        let mode = std::fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let over = ask(folder, &["calls", "play", "last", "--out", "call.wav"]).await;
    assert!(complained(&over).contains("add --force"), "{}", complained(&over));
    hears_it_by_a_program_that_is_here(folder).await;

    let running = ask(folder, &["call", PERSON, "--flow", "stay"]).await;
    assert!(running.status.success(), "{}", complained(&running));
    let ended = ask(folder, &["calls", "hangup", "last"]).await;
    assert!(told(&ended).contains("is being ended"), "{}", complained(&ended));
    let followed = ask(folder, &["calls", "follow", "last"]).await;
    assert!(told(&followed).contains("Somebody outside wants it ended"), "{}", told(&followed));
    let again = ask(folder, &["calls", "hangup", "last"]).await;
    assert!(complained(&again).contains("has ended already"), "{}", complained(&again));
}

/// `calls play` with a player that keeps a copy of what it is given.
async fn hears_it_by_a_program_that_is_here(folder: &Path) {
    let programs = folder.join("programs");
    std::fs::create_dir(&programs).unwrap();
    let player = programs.join("aplay");
    std::fs::write(&player, format!("#!/bin/sh\n/bin/cp \"$2\" {}\n", folder.join("heard.wav").display()))
        .unwrap();
    std::fs::set_permissions(&player, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dering"));
    command.args(["calls", "play", "last", "--database", "dering.db"]).current_dir(folder);
    command.env_remove("DERING_CONFIG").env("PATH", &programs).kill_on_drop(true);
    let played = in_time(command.output()).await.unwrap();
    assert!(played.status.success(), "{}", complained(&played));
    let heard = std::fs::read(folder.join("heard.wav")).unwrap();
    assert_eq!(heard, std::fs::read(folder.join("call.wav")).unwrap());
}

#[tokio::test]
async fn commands_about_calls_say_where_a_server_is_missing_and_make_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["calls", "list"][..], &["call", PERSON, "--flow", "short"], &["campaign", "list"]] {
        let output = dering(folder.path(), arguments).await;
        let complaint = complained(&output);
        assert!(
            complaint.contains("no server runs here") && complaint.contains("dering serve"),
            "{complaint}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
    let elsewhere = dering(folder.path(), &["calls", "list", "--server", "http://127.0.0.1:9"]).await;
    assert!(complained(&elsewhere).contains("an API key is needed"), "{}", complained(&elsewhere));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_is_copied_while_the_server_runs_and_a_damaged_copy_is_told() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let placed = ask(folder, &["call", BUSY, "--flow", "short", "--follow"]).await;
    assert_eq!(placed.status.code(), Some(3), "{}", complained(&placed));
    let copied = ask(folder, &["db", "backup", "copy.db"]).await;
    assert!(
        copied.status.success() && complained(&copied).contains("dering.db.key"),
        "{}",
        complained(&copied)
    );
    let mode = std::fs::metadata(folder.join("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let whole = told(&ask(folder, &["db", "check", "copy.db"]).await);
    assert!(whole.starts_with("copy.db is whole: ") && whole.contains("1 calls"), "{whole}");
    assert!(told(&ask(folder, &["db", "check"]).await).contains("is whole"));
    let again = ask(folder, &["db", "backup", "copy.db"]).await;
    assert!(complained(&again).contains("is there already"), "{}", complained(&again));

    let mut bytes = std::fs::read(folder.join("copy.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xa5);
    std::fs::write(folder.join("copy.db"), bytes).unwrap();
    let damaged = ask(folder, &["db", "check", "copy.db"]).await;
    assert_eq!(damaged.status.code(), Some(1));
    assert!(
        told(&damaged).contains("is damaged") && told(&damaged).contains("Do not restore it"),
        "{}",
        told(&damaged)
    );
    let found: Value =
        serde_json::from_str(&told(&ask(folder, &["db", "check", "copy.db", "--json"]).await)).unwrap();
    assert_eq!(found["ok"], false);
    std::fs::write(folder.join("empty.db"), "").unwrap();
    let empty = ask(folder, &["db", "check", "empty.db"]).await;
    assert_eq!(empty.status.code(), Some(1));
    assert!(told(&empty).contains("it has no tables"), "{}", told(&empty));
    let no_file = ask(folder, &["db", "check", "flows"]).await;
    assert!(complained(&no_file).contains("flows is a folder"), "{}", complained(&no_file));
}

#[tokio::test]
async fn an_operator_sees_whether_the_server_is_ready_and_how_calls_ended() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let placed = ask(folder, &["call", HANGS_UP, "--flow", "short", "--follow"]).await;
    assert!(placed.status.success(), "{}", complained(&placed));
    let ready = ask(folder, &["status"]).await;
    let shown = told(&ready);
    assert!(ready.status.success(), "{shown}{}", complained(&ready));
    assert!(shown.starts_with("ready\n") && shown.contains("1 of 1 within reach"), "{shown}");
    let alive = ask(folder, &["status", "--alive"]).await;
    assert_eq!((told(&alive).trim(), alive.status.code()), ("ok", Some(0)), "{}", complained(&alive));
    let url = local_url(folder);
    let elsewhere = dering(folder, &["status", "--server", &url]).await;
    assert!(told(&elsewhere).starts_with("ready\n"), "no key is needed: {}", complained(&elsewhere));
    let host = url.trim_start_matches("http://");
    let bare = dering(folder, &["status", "--server", host]).await;
    assert!(complained(&bare).contains(&format!("write http://{host}")), "{}", complained(&bare));
    let key = ask(folder, &["calls", "list", "--key", "in-vain"]).await;
    assert!(key.status.success() && complained(&key).contains("--key is not used"), "{}", complained(&key));
    let metrics = system.client.read("/metrics").await.text();
    // Tests share a process, and only the first server of it collects metrics.
    if !metrics.is_empty() {
        for line in [
            "# HELP dering_calls_ended_total Calls that ended",
            "# TYPE dering_call_talk_seconds histogram",
            "dering_build_info{",
            "dering_trunk_up{trunk=",
            "dering_disk_free_bytes{of=\"recordings\"}",
            "process_resident_memory_bytes",
            "dering_webhook_attempts_total{result=\"dead\"} 0",
            "dering_recording_blocks_dropped_total 0",
            "dering_store_notifications_dropped_total 0",
            "dering_stt_requests_total{kind=\"final\",outcome=\"failed\"} 0",
            "dering_trunk_queue_refused_total{trunk=",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        let ended = metrics.lines().find(|line| line.starts_with("dering_calls_ended_total{")).unwrap();
        assert!(ended.contains("disposition=\"ANSWERED\"") && ended.contains("flow=\"short\""), "{ended}");
    }
}

/// Where the server of `folder` is.
fn local_url(folder: &Path) -> String {
    let left = std::fs::read(dering::config::local_file(&folder.join("dering.db"))).unwrap();
    let left: Value = serde_json::from_slice(&left).unwrap();
    left["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_whose_server_goes_away_was_placed_all_the_same() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It takes the call and is gone.
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut request = vec![0; 8_192];
        let _read = connection.read(&mut request).await.unwrap();
        let body = "{\"call_id\":\"019aef0c-5e2b-7c31-a8d1-1f0e2f8a9b3c\"}";
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(answer.as_bytes()).await.unwrap();
        let _closed = connection.read(&mut request).await;
    });
    let folder = tempfile::tempdir().unwrap();
    let line = ["call", PERSON, "--flow", "x", "--follow", "--server", &url, "--key", "k"];
    let followed = dering(folder.path(), &line).await;
    in_time(server).await.unwrap();
    let complaint = complained(&followed);
    assert_eq!(followed.status.code(), Some(4), "{complaint}");
    assert!(
        complaint.contains("the call was placed") && complaint.contains("dering calls show 019aef0c"),
        "{complaint}"
    );
}

#[tokio::test]
async fn check_says_what_a_server_would_lack_and_makes_nothing() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let conf = folder.join("conf");
    std::fs::create_dir(&conf).unwrap();
    let config = |token: &str, more: &str| {
        format!(
            "listen: 127.0.0.1:0\nflows: ../flows\ntrunks: [ {{ name: main, url: '{}', token: '{token}' }} ]\n\
             speech_to_text: {{ engine: none }}\n{more}",
            system.carrier.url()
        )
    };
    std::fs::write(conf.join("dering.yaml"), config(system.carrier.token(), "")).unwrap();
    let check = async || {
        let output = dering(folder, &["check", "--config", "conf/dering.yaml", "--json"]).await;
        let found: Value =
            serde_json::from_str(&told(&output)).unwrap_or_else(|_| panic!("{}", complained(&output)));
        let of = |what: &str| {
            let checks = found["checks"].as_array().unwrap();
            let one = checks.iter().find(|check| check["what"] == what).unwrap_or_else(|| panic!("{found}"));
            (one["state"].as_str().unwrap().to_owned(), one["told"].as_str().unwrap().to_owned())
        };
        (of("trunk main"), of("database"), of("configuration"), of("flows"), output.status.code())
    };
    let (trunk, database, configuration, flows, _) = check().await;
    assert_eq!((trunk.0.as_str(), configuration.0.as_str()), ("ok", "ok"), "{trunk:?} {configuration:?}");
    assert!(database.1.contains("conf/data/dering.db: made at the first start"), "{database:?}");
    assert!(flows.1.contains("conf/../flows"), "paths begin at the file: {flows:?}");
    std::fs::write(conf.join("dering.yaml"), config("wrong", "bots: { shop: shrot }\n")).unwrap();
    let (trunk, _, configuration, _, code) = check().await;
    assert_eq!((trunk.0.as_str(), configuration.0.as_str(), code), ("failed", "failed", Some(1)));
    assert!(trunk.1.contains("refuses the token"), "{trunk:?}");
    let shown = told(&dering(folder, &["check", "--config", "conf/dering.yaml"]).await);
    assert!(shown.contains("did you mean `short`?"), "{shown}");
    assert!(
        shown.lines().filter(|line| !line.contains(':')).all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    // A server is as strict, and makes nothing either.
    let refused = dering(folder, &["serve", "--config", "conf/dering.yaml"]).await;
    assert!(complained(&refused).contains("did you mean `short`?"), "{}", complained(&refused));
    assert_eq!(std::fs::read_dir(&conf).unwrap().count(), 1);
}

#[tokio::test]
async fn shells_complete_every_command_and_each_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let written = dering(folder.path(), &["man", "pages"]).await;
    assert!(written.status.success(), "{}", complained(&written));
    let page = |name: &str| std::fs::read_to_string(folder.path().join("pages").join(name)).unwrap();
    assert!(page("dering.1").contains("calls") && page("dering-call.1").contains("Exit status"));
    assert!(page("dering-calls-list.1").contains("disposition"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = told(&dering(folder.path(), &["completions", shell]).await);
        assert!(script.contains("hangup") && script.contains("preflight"), "{shell}");
    }
    let help = told(&dering(folder.path(), &["app", "list", "--help"]).await);
    assert!(help.contains("with the scope admin"), "{help}");
    let help = told(&dering(folder.path(), &["calls", "list", "--help"]).await);
    assert!(help.contains("with the scope read"), "{help}");
}
