//! What an operator needs beside calls: trying receivers of webhooks, carriers and receivers that are in trouble, the access log, a restored
//! copy of the database.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use dering::access::Role;
use dering::outbox::receiver::{Inbox, Receiver};
use dering::store::Store;
use rustix::process::Signal;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::system_fixture::{
    APP, BUSY, Carrier, Client, PERSON, TestSystem, create_credentials, in_time, local, reply_to,
    write_fixtures,
};
use crate::system_process::{Launch, Server, dering};

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

fn lines(output: &Output) -> Vec<Value> {
    told(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A receiver that answers everything with one status.
async fn answering(status: StatusCode) -> Receiver {
    let router = Router::new().fallback(post(move || async move { (status, "as you wish") }));
    Receiver::start(router, local()).await.unwrap()
}

#[tokio::test]
async fn a_receiver_is_tried_with_one_signed_example_of_each_kind() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let url = system.receiver.url();
    let all = ask(folder, &["webhook", "test", &url, "--app", APP]).await;
    let shown = told(&all);
    assert!(all.status.success(), "{shown}{}", complained(&all));
    assert!(shown.starts_with(&format!("POST {url}\n")) && shown.contains("campaign.done"), "{shown}");
    let arrived = system.inbox.after(0);
    assert!(arrived.len() > 15 && arrived.iter().all(|receipt| receipt.valid() && !receipt.duplicate));
    assert!(arrived.iter().all(|receipt| receipt.headers.get("dering-test").is_some_and(|is| is == "true")));

    let unaddressed = ask(folder, &["webhook", "test", "--app", APP]).await;
    assert!(complained(&unaddressed).contains("this app has no webhook yet"), "{}", complained(&unaddressed));
    let call = system.dial("short", BUSY, json!({})).await;
    system.last_word(&call).await;
    let latest = ask(folder, &["webhook", "test", "--app", APP, "--event", "failed", "--json"]).await;
    let result = &lines(&latest)[0];
    assert_eq!((&result["event"], &result["url"]), (&json!("Failed"), &json!(url)), "{result}");
    assert_eq!(
        (&result["status"], &result["taken"], &result["bodyRead"]),
        (&json!(200), &json!(true), &json!(true))
    );

    let refusing = answering(StatusCode::NOT_FOUND).await;
    let one = ["webhook", "test", &refusing.url(), "--app", APP, "--event", "completed"];
    let refused = ask(folder, &one).await;
    assert_eq!(refused.status.code(), Some(1));
    let shown = told(&refused);
    assert!(shown.contains("404") && shown.contains("as you wish"), "{shown}");
    for (wrong, says) in [
        (&["webhook", "test", &url, "--app", "nobody"][..], "there is no client app nobody"),
        (&["webhook", "test", "ftp://a", "--app", APP][..], "http or https"),
        (
            &["webhook", "test", &url, "--app", APP, "--event", "done"][..],
            "there is no example of that kind; there are Answered",
        ),
    ] {
        let refused = ask(folder, wrong).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(complained(&refused).contains(says), "{}", complained(&refused));
    }
}

#[tokio::test]
async fn a_receiver_is_tried_without_a_server_only_where_one_might_post() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "right\n").unwrap();
    std::fs::write(folder.path().join("other"), "wrong\n").unwrap();
    let inbox = Inbox::new(vec!["right".into()]);
    let receiver = Receiver::start(inbox.router(), local()).await.unwrap();
    let url = receiver.url();
    let test = ["webhook", "test", &url, "--secret-file", "secret", "--event", "completed"];
    let guarded = dering(folder.path(), &test).await;
    assert!(complained(&guarded).contains("is not at a public address"), "{}", complained(&guarded));
    assert_eq!((guarded.status.code(), inbox.after(0).len()), (Some(1), 0));
    std::fs::write(folder.path().join("dering.yaml"), "webhooks: { allow: [127.0.0.0/8] }\n").unwrap();
    let taken = dering(folder.path(), &test).await;
    assert!(taken.status.success(), "{}{}", told(&taken), complained(&taken));
    let wrong = ["webhook", "test", &url, "--secret-file", "other", "--json"];
    let refused = dering(folder.path(), &wrong).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(lines(&refused).iter().all(|result| result["status"] == 401), "{}", told(&refused));
    receiver.stop().await;
    let nobody = dering(folder.path(), &["webhook", "test", &url, "--secret-file", "secret", "--json"]).await;
    let results = lines(&nobody);
    assert_eq!((results.len(), &results[0]["status"]), (1, &Value::Null), "{results:?}");
    assert!(complained(&nobody).contains("more were not posted"), "{}", complained(&nobody));
}

#[tokio::test]
async fn what_is_received_goes_on_to_a_local_program_whose_answer_counts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "right").unwrap();
    std::fs::write(folder.path().join("other"), "wrong").unwrap();
    std::fs::write(folder.path().join("dering.yaml"), "webhooks: { allow_private: true }\n").unwrap();
    let program = Inbox::new(vec!["right".into()]);
    let status = Arc::new(AtomicU16::new(503));
    let (kept, answer) = (program.clone(), Arc::clone(&status));
    let router = Router::new().fallback(post(async move |headers, body| {
        let (_number, problem) = kept.file(&headers, &body);
        assert_eq!(problem, None, "headers and body are as they were signed");
        let status = StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap();
        (status, [("retry-after", "7")], "said the program")
    }));
    let local_program = Receiver::start(router, local()).await.unwrap();
    let to = format!("{}?from=listen", local_program.url());
    let mut listening = Command::new(env!("CARGO_BIN_EXE_dering"))
        .args(["webhook", "listen", "--secret-file", "secret", "--forward-to", &to])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(listening.stdout.take().unwrap()).lines();
    let first = in_time(said.next_line()).await.unwrap().unwrap();
    let url = first.strip_prefix("listening on ").unwrap().split(',').next().unwrap().to_owned();
    assert!(first.contains(&to), "{first}");
    let post = async |secret: &str| {
        let test = ["webhook", "test", &url, "--secret-file", secret, "--event", "completed", "--json"];
        lines(&dering(folder.path(), &test).await).remove(0)
    };
    let failed = post("secret").await;
    assert_eq!(
        (&failed["status"], &failed["response"]),
        (&json!(503), &json!("said the program")),
        "{failed}"
    );
    status.store(204, Ordering::SeqCst);
    assert_eq!(post("secret").await["status"], 204);
    assert_eq!(post("other").await["status"], 401);
    assert_eq!(program.after(0).len(), 2, "what is not signed rightly goes nowhere");
    local_program.stop().await;
    let gone = post("secret").await;
    assert_eq!(gone["status"], 502, "{gone}");
    assert!(gone["response"].as_str().unwrap().contains("cannot be reached"), "{gone}");
    let mut shown = String::new();
    while !shown.contains("cannot be reached") {
        shown.push_str(&in_time(said.next_line()).await.unwrap().unwrap());
        shown.push('\n');
    }
    let at = |part: &str| shown.find(part).unwrap_or_else(|| panic!("{part}: {shown}"));
    assert!(at("signature valid") < at("answered 503") && at("answered 503") < at("answered 204"), "{shown}");
    assert!(at("SIGNATURE WRONG") > at("answered 204") && shown.contains("\"callDuration\": 40"), "{shown}");
}

#[tokio::test]
async fn a_receiver_that_refuses_is_told_and_not_held_back() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let refusing = answering(StatusCode::FORBIDDEN).await;
    let call = system.client.dial("short", BUSY, json!({ "notifyUrl": refusing.url() })).await;
    system.client.ledger(&call, |rows| rows.iter().any(|row| row["notification"]["attempts"] == 1)).await;
    let endpoints = system.client.read("/v1/webhooks/endpoints").await.json();
    let endpoint = &endpoints["endpoints"][0];
    assert_eq!((&endpoint["refusing"], &endpoint["breaker"]), (&json!(true), &json!("closed")), "{endpoint}");
    assert_eq!((&endpoint["delivered"], &endpoint["failed"]), (&json!(0), &json!(1)), "{endpoint}");
    let table = ask(folder, &["status"]).await;
    assert!(told(&table).contains("webhooks   refused") && table.status.success(), "{}", told(&table));
    let page = signed_in(&system, "/webhooks").await;
    assert!(page.contains("refuses") && page.contains("403 Forbidden"), "{page}");
}

/// A page as somebody sees it who looks after the server.
async fn signed_in(system: &TestSystem, path: &str) -> String {
    let link = system.app.sign_in_link("ani", Role::Admin).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let http = http.unwrap();
    let opened = reply_to(http.get(link.expose_secret())).await;
    let cookie = opened.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let url = format!("http://{}{path}", system.app.address());
    reply_to(http.get(url).header("cookie", cookie).header("accept", "text/html")).await.text()
}

#[tokio::test]
async fn a_carrier_that_is_away_is_told_before_a_call_and_on_every_page() {
    let mut system = TestSystem::start().await;
    let foretold = async |system: &TestSystem| {
        let wish = json!({ "type": "voice", "number": PERSON, "flow": "short", "dry_run": true });
        let url = format!("http://{}/v1/calls", system.app.address());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let key = system.client.key.expose_secret();
        let answer = reply_to(http.post(url).bearer_auth(key).json(&wish)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let well = foretold(&system).await;
    assert_eq!((&well["would_dial"], &well["when"]), (&json!(true), &json!("now")), "{well}");
    assert_eq!((&well["trunk"]["name"], &well["trunk"]["state"]), (&json!("main"), &json!("up")), "{well}");
    assert!(!signed_in(&system, "/flows").await.contains("has been out of reach since"));
    system.carrier.vanish();
    let away = in_time(async {
        loop {
            let told = foretold(&system).await;
            if told["trunk"]["state"] == "down" {
                return told;
            }
        }
    })
    .await;
    assert!(away["trunk"]["since"].as_str().unwrap().ends_with('Z'), "{away}");
    let dry = system.client.try_dial("sales", PERSON, json!({ "dryRun": true })).await.json();
    assert_eq!((&dry["trunk"]["state"], &dry["trunk"]["since"]), (&json!("down"), &away["trunk"]["since"]));
    for path in ["/", "/flows", "/webhooks"] {
        let page = signed_in(&system, path).await;
        assert!(page.contains("The carrier of trunk main has been out of reach since"), "{path}: {page}");
    }
    assert_eq!(system.client.read("/v1/calls").await.json()["calls"], json!([]), "nothing was written");
}

#[tokio::test]
async fn the_access_log_names_routes_and_askers_and_nothing_secret() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let store = Store::open(dering::store::Options::file(folder.path().join("dering.db"))).await.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let launch = Launch { config: "log: { access: true }\n", ..Launch::default() };
    let server = Server::launch(folder.path(), &carrier, launch).await;
    let client = Client::new(server.address, secret, key.clone());
    let asked = client.read("/v1/calls?number=%2B6281234567890").await;
    assert_eq!(asked.headers["x-request-id"].len(), 32);
    client.read("/v1/calls/secret-call-id").await;
    client.read("/nowhere/6281234567890").await;
    client.try_dial("short", "nonsense", json!({ "dryRun": true })).await;
    let written = |log: &str| log.lines().filter(|line| line.contains("access_log")).count();
    let log = in_time(async {
        loop {
            match server.log() {
                log if written(&log) >= 4 => return log,
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("access_log")).collect();
    let of = |route: &str| {
        *lines.iter().find(|line| line.contains(route)).unwrap_or_else(|| panic!("{route}: {log}"))
    };
    let list = of("route=\"/v1/calls\"");
    assert!(
        list.contains("method=\"GET\"") && list.contains("status=200") && list.contains("who=\"key:"),
        "{list}"
    );
    assert!(list.contains(asked.headers["x-request-id"].to_str().unwrap()), "{list}");
    assert!(list.contains(&format!("bytes={}", asked.bytes.len())), "{list}");
    assert!(of("/v1/calls/{").contains("status=404"), "{log}");
    assert!(of("route=\"none\"").contains("status=404"), "{log}");
    assert!(of("dialout").contains(&format!("who=\"app:{APP}\"")), "{log}");
    for secret in ["6281234567890", "secret-call-id", key.expose_secret()] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret}: {log}");
    }
}

#[tokio::test]
async fn a_restored_copy_is_not_served_until_somebody_says_that_it_takes_the_place_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let path = folder.path();
    let mut server = Server::start(path, &carrier, &[]).await;
    let copied = ask(path, &["db", "backup", "copy.db"]).await;
    assert!(copied.status.success(), "{}", complained(&copied));
    server.signal(Signal::TERM);
    server.ended().await;
    let whole = told(&dering(path, &["db", "check", "copy.db"]).await);
    assert!(whole.contains("is whole") && whole.contains("; a copy of 20"), "{whole}");

    let restore = || std::fs::copy(path.join("copy.db"), path.join("dering.db")).unwrap();
    for ending in ["-wal", "-shm"] {
        drop(std::fs::remove_file(path.join(format!("dering.db{ending}"))));
    }
    restore();
    let refused = Server::try_launch(path, &carrier, Launch::default()).await.err().unwrap();
    for part in [
        "is a copy that `dering db backup` made at 20",
        "hangs up at the carrier",
        "webhooks again",
        "dering db adopt",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(std::fs::read(path.join("dering.db")).unwrap(), std::fs::read(path.join("copy.db")).unwrap());
    let checked = dering(path, &["check", "--offline"]).await;
    let words: Vec<String> = told(&checked).split_whitespace().map(str::to_owned).collect();
    assert!(words.join(" ").contains("after `dering db adopt`") && !checked.status.success(), "{words:?}");

    let adopted = ask(path, &["db", "adopt"]).await;
    assert!(told(&adopted).contains("is the database now"), "{}{}", told(&adopted), complained(&adopted));
    let again = ask(path, &["db", "adopt"]).await;
    assert!(told(&again).contains("is no copy that would have to be adopted"), "{}", told(&again));
    let mut server = Server::start(path, &carrier, &[]).await;
    let used = ask(path, &["db", "adopt"]).await;
    assert!(used.status.success(), "there is nothing to do: {}", complained(&used));
    server.signal(Signal::TERM);
    server.ended().await;
    let missing = dering(path, &["db", "adopt", "nothing.db"]).await;
    assert!(complained(&missing).contains("does not exist"), "{}", complained(&missing));
}
