//! A campaign of a million contacts: taking them over from a list, deciding on all, the next 1,000 that are due, a page.
//!
//! `CONTACTS=100000 cargo bench --bench campaign` for fewer.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails where it stands and prints its figures"
)]

use std::time::Instant;

use callcore::campaign::{Decision, Facts, Reason, Rules, Settings, decide};
use dering::store::{
    Actor, ContactSearch, NewCampaign, NewImport, NewList, NewListContact, Options, PlaceFilter, PlaceState,
    RowChunk, Store, ZoneFrom, ZoneVerdict,
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

    let settings = Settings { flow: "f".into(), lists: vec![list.id.clone()], ..Settings::default() };
    let rules = Rules::new(settings.clone(), None).unwrap();
    let campaign = NewCampaign { name: "c".into(), app_id: "a".into(), settings };
    let campaign = store.create_campaign(campaign, actor()).await.unwrap();
    let at = Instant::now();
    let filled = store.fill_places(&campaign.id, &[list.id]).await.unwrap();
    assert_eq!(filled, contacts);
    told("taking over, s", at.elapsed().as_secs_f64());
    let since = Instant::now();
    store.exclude_places(&campaign.id, &["62811999".to_owned()], None).await.unwrap();
    let opens_ms = now_ms() + 1_000;
    for count in store.place_zones(&campaign.id).await.unwrap() {
        let facts = Facts { zone: count.zone.clone(), ..Facts::default() };
        assert!(matches!(decide(&rules, &facts, now_ms()), Decision::Dial { .. }));
        // Out of hours everybody is put off, which is what costs.
        let reason = Reason::OutsideWindow { opens_ms: Some(opens_ms) };
        let verdict = ZoneVerdict { zone: count.zone, state: PlaceState::Waiting, due_ms: opens_ms, reason };
        store.decide_zone(&campaign.id, verdict).await.unwrap();
    }
    told("putting all of them off, s", since.elapsed().as_secs_f64());
    told("pre-flight out of hours, s", at.elapsed().as_secs_f64());
    for _ in 0..3 {
        let at = Instant::now();
        let due = store.due_places(&campaign.id, opens_ms, 1_000).await.unwrap();
        assert_eq!(due.len(), 1_000);
        told("the next 1,000, ms", at.elapsed().as_secs_f64() * 1_000.0);
    }
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
    store.close().await;
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
    println!("{what:28} {figure:.2}");
}
