//! The pages in a real browser.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use dering::access::Role;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::peer::{self, Peer};
use crate::system_fixture::{BUSY, FAX, PERSON, TestSystem, in_time, local};

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FIREFOXES: [&str; 2] = ["firefox-esr", "firefox"];

/// Chromium, or one of its kind; says so when there is none.
pub(crate) fn browser() -> Option<PathBuf> {
    program(&BROWSERS)
}

/// Firefox; says so when there is none.
pub(crate) fn firefox() -> Option<PathBuf> {
    program(&FIREFOXES)
}

/// The first of these programs that this computer has.
fn program(names: &[&str]) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    let places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = places.into_iter().find(|place| place.is_file());
    if found.is_none() {
        println!("skipped: {} is not installed", names[0]);
    }
    found
}

/// Passes connections on to `server` and keeps what the browser sends.
async fn relay(server: std::net::SocketAddr) -> (std::net::SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind(local()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((browser, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let (mut from_browser, mut to_browser) = browser.into_split();
                let (mut from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_browser).await });
                let mut block = vec![0; 4096];
                while let Ok(length @ 1..) = from_browser.read(&mut block).await {
                    kept.lock().unwrap().push_str(&String::from_utf8_lossy(&block[..length]));
                    if to_server.write_all(&block[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, sent)
}

#[tokio::test]
async fn the_page_shows_calls_and_renews_itself() {
    let Some(browser) = browser() else { return };
    let system = TestSystem::start().await;
    let talking = system.dial("stay", PERSON, json!({})).await;
    let busy = system.dial("short", BUSY, json!({})).await;
    system.answered(&talking).await;
    system.last_word(&busy).await;

    let (address, sent) = relay(system.app.address()).await;
    let profile = tempfile::tempdir().unwrap();
    let link = system.app.sign_in_link("viewer", Role::Viewer).await.unwrap();
    let page = link.expose_secret().replace(&system.app.address().to_string(), &address.to_string());
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--virtual-time-budget=3500", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(page)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let html = String::from_utf8(in_time(output).await.unwrap().stdout).unwrap();
    assert!(html.contains("…01") && html.contains(">answered<"), "the running call: {html}");
    assert!(html.contains("…03") && html.contains(&format!("/calls/{busy}\"")), "the ended one: {html}");
    assert!(!html.contains(PERSON), "numbers are masked");
    let sent = sent.lock().unwrap().clone();
    let renewals = sent.split("GET /now ").skip(1);
    let admitted = renewals.filter(|request| request.to_lowercase().contains("cookie: dering_session="));
    assert!(admitted.count() >= 1, "the page asks again, with the cookie: {sent}");
    assert!(!html.contains("data-zone=\"\" value=\"\""), "nobody is asked to sign in");
}

/// Waits until it is decided who answered.
async fn decided(system: &TestSystem, call_id: &str) {
    let verdict = async {
        while system.client.read(&format!("/v1/calls/{call_id}")).await.json()["amd"].is_null() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    in_time(verdict).await;
}

#[tokio::test]
async fn people_of_every_role_walk_through_the_console() {
    let Some(browser) = browser() else { return };
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let welcome = system.app.first_link().await.unwrap().unwrap();
    let mut walk = Peer::start(
        "walk.js",
        json!({
            "browser": browser,
            "welcome": welcome.expose_secret(),
            "number": BUSY,
            "shots": std::env::var("DERING_SHOTS").ok(),
        }),
    )
    .await;
    loop {
        let report = walk.report().await;
        if let Some(why) = report["failed"].as_str() {
            panic!("{why}");
        }
        match report["wants"].as_str() {
            Some("calls") => {
                let call = system.dial("stay", PERSON, json!({ "machineDetection": "detect" })).await;
                let other = system.dial("detect", FAX, json!({})).await;
                system.last_word(&other).await;
                decided(&system, &call).await;
                walk.tell(json!({ "call": call, "other": other })).await;
            }
            Some("ended") => {
                let told = system.last_word(report["call"].as_str().unwrap()).await;
                walk.tell(json!({ "told": told.len() })).await;
            }
            Some("refused") => {
                let number = report["number"].as_str().unwrap();
                let reply = system.client.try_dial("short", number, json!({})).await;
                walk.tell(json!({ "status": reply.status })).await;
            }
            Some("again") => walk.tell(json!({})).await,
            Some(other) => panic!("nobody knows how to do {other}"),
            None if report["done"] == true => {
                println!("{} pages looked at", report["looked"].as_array().unwrap().len());
                return;
            }
            None => {}
        }
    }
}
