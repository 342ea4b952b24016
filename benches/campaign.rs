//! A campaign of a million contacts: taking them over from a list, deciding on all, the next 1,000 that are due, a page.
//!
//! `CONTACTS=100000 cargo bench --bench campaign` for fewer.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails where it stands and prints its figures"
)]

use std::time::Instant;

use callcore::campaign::{Facts, Reason, Rules, Settings, decide};
use dering::store::{
    Actor, ContactSearch, Exclusions, NewCampaign, NewImport, NewList, NewListContact, Options, PlaceFilter,
    PlaceState, RowChunk, Store, ZoneFrom, ZoneVerdict,
};
use dering::wallclock::now_ms;
use serde_json::json;

const CONTACTS: u64 = 1_000_000;
const CHUNK: u64 = 5_000;
const ZONES: [&str; 3] = ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"];

fn main() {
    let contacts = std::env::var("CONTACTS").ok().and_then(|text| text.parse().ok()).unwrap_or(CONTACTS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(contacts));
}

async fn run(contacts: u64) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Options::file(folder.path().join("dering.db"))).await.unwrap();
    let actor = Actor::operator;
    let list =
        store.create_list(NewList { name: "all".into(), ..NewList::default() }, actor()).await.unwrap();
    let import = NewImport {
        id: "im_1".into(),
        list_id: list.id.clone(),
        source: "bench.csv".into(),
        digest: "0".repeat(64),
        read_as: None,
        mapping: json!({}),
        size: contacts,
    };
    store.begin_import(import, actor()).await.unwrap();
    let at = Instant::now();
    for first in (0..contacts).step_by(CHUNK as usize) {
        let rows = (first..(first + CHUNK).min(contacts)).map(|n| NewListContact {
            line: n + 2,
            number: format!("+62811{n:07}"),
            digits: format!("62811{n:07}"),
            zone: Some((ZONES[n as usize % 3].to_owned(), ZoneFrom::Column)),
            name: Some(format!("Contact {n}")),
            ..NewListContact::default()
        });
        let chunk =
            RowChunk { first_row: first, taken: rows.collect(), position: first, ..RowChunk::default() };
        store.take_rows("im_1", chunk).await.unwrap();
    }
    store.finish_import("im_1", Vec::new()).await.unwrap();
    told("import, rows/s", contacts as f64 / at.elapsed().as_secs_f64());
    let at = Instant::now();
    while store.sweep_lists().await.unwrap() {}
    told("names, s", at.elapsed().as_secs_f64());

    let settings = Settings { flow: "f".into(), lists: vec![list.id.clone()], ..Settings::default() };
    let campaign = NewCampaign { name: "c".into(), app_id: "a".into(), settings };
    let campaign = store.create_campaign(campaign, actor()).await.unwrap();
    let at = Instant::now();
    // Out of hours everybody is put off.
    let opens_ms = now_ms() + 1_000;
    let mut verdicts = Vec::new();
    for count in store.list_zones(std::slice::from_ref(&list.id)).await.unwrap() {
        let reason = Reason::OutsideWindow { opens_ms: Some(opens_ms) };
        let (zone, state) = (count.zone, PlaceState::Waiting);
        verdicts.push(ZoneVerdict { zone, state, due_ms: opens_ms, reason });
    }
    told("zones of a list, s", at.elapsed().as_secs_f64());
    let lists = [list.id];
    look_ahead(&store, &campaign.id, &lists, &verdicts, contacts).await;
    told("pre-flight, s", at.elapsed().as_secs_f64());
    let at = Instant::now();
    look_ahead(&store, &campaign.id, &lists, &verdicts, 0).await;
    told("the same once more, s", at.elapsed().as_secs_f64());
    let at = Instant::now();
    store.decide_anew(&campaign.id, &Exclusions::default(), 1).await.unwrap();
    told("deciding anew after an edit, s", at.elapsed().as_secs_f64());
    for _ in 0..3 {
        let at = Instant::now();
        let due = store.due_places(&campaign.id, now_ms(), 1_000).await.unwrap();
        assert_eq!(due.len(), 1_000);
        told("the next 1,000, ms", at.elapsed().as_secs_f64() * 1_000.0);
    }
    plan(&store, &campaign.id, &campaign.settings).await;
    let at = Instant::now();
    store.place_counts(&campaign.id).await.unwrap();
    store.attempt_counts(&campaign.id).await.unwrap();
    told("figures of a page, ms", at.elapsed().as_secs_f64() * 1_000.0);
    let at = Instant::now();
    let filter =
        PlaceFilter { state: Some(PlaceState::Waiting), after: Some(500_000), ..PlaceFilter::default() };
    store.places(&campaign.id, &filter, 50).await.unwrap();
    told("a page of contacts, ms", at.elapsed().as_secs_f64() * 1_000.0);
    search(&store, contacts, &campaign.id, &campaign.settings.lists[0]).await;
    let at = Instant::now();
    store.close_places(&campaign.id).await.unwrap();
    told("closing all places, s", at.elapsed().as_secs_f64());
    let at = Instant::now();
    store.delete_campaign(&campaign.id, actor()).await.unwrap();
    told("deleting the campaign, s", at.elapsed().as_secs_f64());
    store.close().await;
}

/// What a pre-flight writes.
async fn look_ahead(store: &Store, campaign: &str, lists: &[String], verdicts: &[ZoneVerdict], new: u64) {
    let exclusions = Exclusions { never_call: vec!["62811999".into()], ..Exclusions::default() };
    store.drop_unlisted_places(campaign, lists).await.unwrap();
    let at = Instant::now();
    assert_eq!(store.fill_places(campaign, lists, verdicts).await.unwrap(), new);
    told("  taking over, s", at.elapsed().as_secs_f64());
    let at = Instant::now();
    store.exclude_places(campaign, &exclusions).await.unwrap();
    assert_eq!(store.place_zones(campaign).await.unwrap().len(), verdicts.len());
    for verdict in verdicts {
        store.decide_zone(campaign, verdict.clone()).await.unwrap();
    }
    told("  deciding, s", at.elapsed().as_secs_f64());
}

/// What choosing 50 contacts a second costs: asking who is due and deciding on each, before the transaction that reserves their calls.
async fn plan(store: &Store, campaign: &str, settings: &Settings) {
    const ROUNDS: u32 = 20;
    let rules = Rules::new(settings.clone(), None).unwrap();
    let now = now_ms();
    let at = Instant::now();
    for _ in 0..ROUNDS {
        store.open_calls(campaign).await.unwrap();
        store.due_count(campaign, now, 50).await.unwrap();
        store.campaign_usage(campaign, rules.own_day_begin(now), now, &[]).await.unwrap();
        for place in store.due_places(campaign, now, 50).await.unwrap() {
            let facts = Facts { digits: place.digits, zone: place.zone, ..Facts::default() };
            std::hint::black_box(decide(&rules, &facts, now));
        }
    }
    told("planning 50 dials, ms", at.elapsed().as_secs_f64() * 1_000.0 / f64::from(ROUNDS));
}

/// The page of contacts, looked for by each of their marks.
async fn search(store: &Store, contacts: u64, campaign: &str, list: &str) {
    store.put_on_do_not_call(&format!("62811{:07}", contacts / 2), "asked", Actor::operator()).await.unwrap();
    let any = ContactSearch::default;
    let some = |text: &str| Some(text.to_owned());
    let last = (contacts - 1).to_string();
    for (what, search) in [
        ("everybody", any()),
        ("a number", ContactSearch { digits: some("628110000"), ..any() }),
        ("a country", ContactSearch { digits: some("62"), ..any() }),
        ("a rare name", ContactSearch { name: Some(last), ..any() }),
        ("a common name", ContactSearch { name: some("contact"), ..any() }),
        ("a common and a rare name", ContactSearch { name: some("contact 77"), ..any() }),
        ("nobody", ContactSearch { name: some("nobody"), ..any() }),
        ("an id", ContactSearch { external_id: some("c-1"), ..any() }),
        ("a list", ContactSearch { list: some(list), ..any() }),
        ("a campaign", ContactSearch { campaign: some(campaign), ..any() }),
        ("consent", ContactSearch { consent: Some(true), ..any() }),
        ("no consent", ContactSearch { consent: Some(false), ..any() }),
        ("opted out", ContactSearch { opted_out: Some(true), ..any() }),
        ("opted out of a list", ContactSearch { opted_out: Some(true), list: some(list), ..any() }),
        ("consent in a list", ContactSearch { consent: Some(true), list: some(list), ..any() }),
        ("a country and a name", ContactSearch { digits: some("62"), name: some("contact 9"), ..any() }),
    ] {
        let at = Instant::now();
        let found = store.find_contacts(&search, None, 50).await.unwrap();
        let ms = at.elapsed().as_secs_f64() * 1_000.0;
        println!(
            "search: {what:24} {ms:8.2} ms, {} found{}",
            found.items.len(),
            if found.tired { ", tired" } else { "" }
        );
    }
}

fn told(what: &str, figure: f64) {
    println!("{what:32} {figure:.2}");
}
