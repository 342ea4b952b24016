//! A campaign whose server is killed with `kill -9` at random moments: nobody is dialled twice for one attempt, and nobody is
//! forgotten. The carrier's records are what counts.
//!
//! `DERING_KILLS=100` for the long run with 1,000 contacts; `DERING_SEED` repeats the moments of an earlier one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use dering::store::{self, PlaceFilter, PlaceState, Store};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::system_campaigns::{list, numbers, settings, write_callees};
use crate::system_fixture::{create_credentials, in_time};
use crate::system_killed::{configure, dering, free, is_up, number};

const KILLS: u64 = 4;
/// Contacts for each kill: calls are under way at all of them.
const CONTACTS: u64 = 10;
const MOST_CONTACTS: u64 = 1_000;
const LONGEST_LIFE: Duration = Duration::from_millis(2_500);
/// For the last calls to end after the last kill.
const PATIENCE: Duration = Duration::from_secs(110);

struct Server {
    http: reqwest::Client,
    address: SocketAddr,
    key: SecretString,
}

impl Server {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url).bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(&body);
        }
        in_time(async { request.send().await.unwrap().json().await.unwrap_or_default() }).await
    }
}

/// How often the carrier has a record of each number.
async fn records(http: &reqwest::Client, carrier: SocketAddr) -> BTreeMap<String, usize> {
    let mut dialled = BTreeMap::new();
    for page in 1.. {
        let url = format!("http://{carrier}/v1/cdr?limit=500&page={page}");
        let answer: Value = http.get(url).bearer_auth("t").send().await.unwrap().json().await.unwrap();
        let records = answer["data"].as_array().unwrap_or_else(|| panic!("no records: {answer}"));
        for record in records {
            *dialled
                .entry(record["destination"].as_str().unwrap().trim_start_matches('+').to_owned())
                .or_default() += 1;
        }
        if records.is_empty() {
            break;
        }
    }
    dialled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_campaign_that_is_killed_again_and_again_calls_everybody_once() {
    let (kills, seed) = (number("DERING_KILLS", KILLS), number("DERING_SEED", 0));
    let seed = if seed == 0 { rand::random::<u32>().into() } else { seed };
    println!("{kills} kills; repeat with DERING_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_callees(folder);
    let (server, carrier) = (free(), free());
    configure(folder, server, carrier);
    let database = folder.join("dering.db");
    let store = Store::open(store::Options::file(&database)).await.unwrap();
    let (_, key) = create_credentials(&store).await;
    let contacts = (kills * CONTACTS).min(MOST_CONTACTS) as usize;
    let list = list(&store, "all", &numbers("+1555200", contacts)).await;
    store.close().await;
    let listen = carrier.to_string();
    let gateway = ["gateway", "--listen", &listen, "--token", "t", "--callees", "callees", "--log", "error"];
    let _gateway = dering(folder, "gateway.log", &gateway);
    is_up(carrier).await;

    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = Server { http: http.clone(), address: server, key };
    let mut process = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
    is_up(server).await;
    let mut rules = settings(&list);
    rules["pacing"]["concurrent"] = json!(12);
    // What the kills cut off is not tried again, so that each number has one record at most.
    rules["retry"] = json!({ "lost": { "times": 0 }, "network_fault": { "times": 0 } });
    let made =
        asked.ask(Method::POST, "/v1/campaigns", Some(json!({ "name": "killed", "settings": rules }))).await;
    let id = made["campaign_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let found = asked.ask(Method::POST, &format!("/v1/campaigns/{id}/preflight"), None).await;
    assert_eq!(found["contacts"], contacts, "{found}");
    let consent = json!({ "revision": 1, "consent": "customers with a contract" });
    asked.ask(Method::POST, &format!("/v1/campaigns/{id}/launch"), Some(consent)).await;
    for _ in 0..kills {
        sleep(LONGEST_LIFE.mul_f64(chance.random::<f64>())).await;
        // On Unix this is SIGKILL.
        process.kill().await.unwrap();
        process = dering(folder, "server.log", &["serve", "--config", "dering.yaml"]);
    }
    is_up(server).await;
    let ended = async {
        loop {
            let shown = asked.ask(Method::GET, &format!("/v1/campaigns/{id}"), None).await;
            if shown["state"] == "done" {
                return shown;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    let log = || std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    let Ok(shown) = ended else {
        let stands = asked.ask(Method::GET, &format!("/v1/campaigns/{id}"), None).await;
        panic!("it does not end: {stands}\n{}", log());
    };
    process.kill().await.unwrap();

    let dialled = records(&http, carrier).await;
    let store = Store::open_read_only(&database).await.unwrap();
    let (mut after, mut seen) = (None, 0);
    loop {
        let filter = PlaceFilter { after, ..PlaceFilter::default() };
        let page = store.places(&id, &filter, 500).await.unwrap();
        for place in &page.items {
            seen += 1;
            assert!(matches!(place.state, PlaceState::Done | PlaceState::Exhausted), "{place:?}\n{}", log());
            let attempts = store.place_attempts(place.id).await.unwrap();
            let outcomes: Vec<&str> = attempts.iter().filter_map(|one| one.outcome.as_deref()).collect();
            assert_eq!(outcomes.len(), attempts.len(), "unsettled: {attempts:?}");
            let counted = outcomes.iter().filter(|outcome| **outcome != "not_dialled").count();
            assert_eq!(counted, 1, "{attempts:?}\n{}", log());
            let records = dialled.get(&place.digits).copied().unwrap_or(0);
            // A call that was cut off between the request and its answer may never have reached the carrier.
            let least = usize::from(!outcomes.contains(&"lost"));
            assert!(
                (least..=1).contains(&records),
                "{records} records: {attempts:?}\nseed {seed}\n{}",
                log()
            );
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, contacts);
    println!(
        "{kills} kills, {contacts} contacts: {} at the carrier, outcomes {}",
        dialled.len(),
        shown["outcomes"]
    );
}
