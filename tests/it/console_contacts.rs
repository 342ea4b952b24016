//! Contacts of every kind on one page: found, and what is known of one number.

use callcore::campaign::Settings;
use dering::access::Role;
use dering::store::{
    Actor, ContactSearch, FoundContact, NewCampaign, NewContact, NewImport, NewList, NewListContact,
    RowChunk, Store, ZoneFrom,
};
use proptest::prelude::*;
use serde_json::json;

use crate::console_fixture::Pages;

/// A list of people: number, name, id and whether they agreed; its id.
async fn list(store: &Store, name: &str, people: &[(&str, &str, &str, bool)]) -> String {
    let actor = Actor::operator;
    let list = store.create_list(NewList { name: name.into(), ..NewList::default() }, actor()).await.unwrap();
    let import = NewImport {
        id: format!("im_{name}"),
        list_id: list.id.clone(),
        source: "test.csv".into(),
        digest: "0".repeat(64),
        read_as: None,
        mapping: json!({}),
        size: 1,
    };
    store.begin_import(import, actor()).await.unwrap();
    let taken = people.iter().zip(2..).map(|((number, name, id, agreed), line)| NewListContact {
        line,
        number: format!("+{number}"),
        digits: (*number).to_owned(),
        zone: Some(("Asia/Jakarta".into(), ZoneFrom::Column)),
        name: (!name.is_empty()).then(|| (*name).to_owned()),
        external_id: (!id.is_empty()).then(|| (*id).to_owned()),
        consent_ms: agreed.then_some(1_700_000_000_000),
        consent_source: agreed.then(|| "on <paper>".to_owned()),
        variables: json!({ "debt": "250.000" }).as_object().unwrap().clone(),
    });
    let rows = RowChunk { taken: taken.collect(), position: 1, ..RowChunk::default() };
    store.take_rows(&format!("im_{name}"), rows).await.unwrap();
    store.finish_import(&format!("im_{name}"), Vec::new()).await.unwrap();
    while store.sweep_lists().await.unwrap() {}
    list.id
}

/// The numbers that are found, page by page of `limit`.
async fn found(store: &Store, search: &ContactSearch, limit: u32) -> Vec<String> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = store.find_contacts(search, after, limit).await.unwrap();
        numbers.extend(page.items.into_iter().map(|found| match found {
            FoundContact::Kept(row) => row.number,
            FoundContact::Listed(row) => row.number,
        }));
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return numbers,
        }
    }
}

async fn full() -> (Pages, [String; 3]) {
    let pages = Pages::open().await;
    let store = pages.api.store();
    let june = [
        ("6281100", "Ani Wijaya", "c-1", true),
        ("6281101", "Budi", "c-2", false),
        ("6281102", "", "", true),
    ];
    let june = list(store, "june", &june).await;
    let july =
        list(store, "july", &[("6281101", "Budi Santoso", "c-2", true), ("6281103", "Ánï", "c-2", false)])
            .await;
    for (number, name) in [("+6281100", "Ani by hand"), ("+6281109", "Cici")] {
        let contact = NewContact {
            number: number.into(),
            name: Some(name.into()),
            metadata: json!({}),
            ..NewContact::default()
        };
        store.create_contact(contact).await.unwrap();
    }
    store.put_on_do_not_call("6281101", "asked by letter", Actor::operator()).await.unwrap();
    let settings = Settings { flow: "ours".into(), lists: vec![june.clone()], ..Settings::default() };
    let campaign = NewCampaign { name: "May".into(), app_id: "shop".into(), settings };
    let campaign = store.create_campaign(campaign, Actor::operator()).await.unwrap();
    store.fill_places(&campaign.id, std::slice::from_ref(&june), &[]).await.unwrap();
    (pages, [june, july, campaign.id])
}

#[tokio::test]
async fn contacts_are_found_by_each_of_their_marks_and_by_several() {
    let (pages, [june, july, campaign]) = full().await;
    let any = ContactSearch::default;
    let some = |text: &str| Some(text.to_owned());
    let july_again = july.clone();
    let cases: Vec<(ContactSearch, &[&str])> = vec![
        (any(), &["09", "00", "03", "01", "02", "01", "00"]),
        (ContactSearch { digits: some("628110"), ..any() }, &["00", "09", "00", "01", "01", "02", "03"]),
        (ContactSearch { digits: some("6281101"), ..any() }, &["01", "01"]),
        (ContactSearch { name: some("an"), ..any() }, &["00", "03", "00"]),
        (ContactSearch { name: some("wij ani"), ..any() }, &["00"]),
        (ContactSearch { external_id: some("c-2"), ..any() }, &["03", "01", "01"]),
        (ContactSearch { list: Some(june), ..any() }, &["02", "01", "00"]),
        (ContactSearch { list: Some(july.clone()), consent: Some(true), ..any() }, &["01"]),
        (ContactSearch { consent: Some(true), ..any() }, &["01", "02", "00"]),
        (ContactSearch { consent: Some(false), ..any() }, &["03", "01"]),
        (ContactSearch { opted_out: Some(true), ..any() }, &["01", "01"]),
        (ContactSearch { opted_out: Some(true), list: Some(july), ..any() }, &["01"]),
        (ContactSearch { opted_out: Some(false), ..any() }, &["09", "00", "03", "02", "00"]),
        (ContactSearch { campaign: Some(campaign.clone()), ..any() }, &["00", "01", "02"]),
        (ContactSearch { campaign: Some(campaign), name: some("budi"), ..any() }, &["01"]),
        (ContactSearch { name: some("Budi Santoso"), ..any() }, &["01"]),
        (ContactSearch { name: some("santosa"), ..any() }, &[]),
        (ContactSearch { name: some("ánÏ"), list: Some(july_again), ..any() }, &["03"]),
        (ContactSearch { name: some("nobody"), ..any() }, &[]),
    ];
    for (search, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|end| format!("+62811{end}")).collect();
        for limit in [1, 2, 50] {
            let mut numbers = found(pages.api.store(), &search, limit).await;
            let mut expected = expected.clone();
            if search.external_id.is_some() || search.opted_out == Some(true) {
                numbers.sort();
                expected.sort();
            }
            assert_eq!(numbers, expected, "{search:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_search_that_finds_few_among_many_stops_and_goes_on() {
    let pages = Pages::open().await;
    let store = pages.api.store();
    let numbers: Vec<String> = (0..12_000).map(|n| format!("62811{n:07}")).collect();
    let people: Vec<_> =
        numbers.iter().zip(0..).map(|(number, n)| (number.as_str(), "Ani", "", n == 7)).collect();
    let list = list(store, "many", &people).await;
    let search = ContactSearch { list: Some(list), consent: Some(true), ..ContactSearch::default() };
    let first = store.find_contacts(&search, None, 50).await.unwrap();
    assert!(first.items.is_empty() && first.tired, "{first:?}");
    let rest = store.find_contacts(&search, first.next, 50).await.unwrap();
    assert!(rest.items.len() == 1 && !rest.tired && rest.next.is_none(), "{rest:?}");
    let agreed = ContactSearch { list: None, ..search };
    assert!(!store.find_contacts(&agreed, None, 50).await.unwrap().tired, "an index leads to the one");
    let browser = pages.signed_in(Role::CampaignManager).await;
    let page = browser.get("/contacts?q=ani&optedOut=yes").await.text;
    assert!(page.contains("The search can go on.") && page.contains("Go on searching"), "{page}");
}

#[tokio::test]
async fn names_that_change_or_go_are_found_as_they_are() {
    let (pages, [june, ..]) = full().await;
    let store = pages.api.store();
    let contact = NewContact {
        id: Some("one".into()),
        number: "+15551".into(),
        name: Some("Dewi".into()),
        metadata: json!({}),
        ..NewContact::default()
    };
    store.put_contacts(vec![contact.clone()]).await.unwrap();
    let by = |name: &str| ContactSearch { name: Some(name.to_owned()), ..ContactSearch::default() };
    assert_eq!(found(store, &by("dewi"), 5).await, ["+15551"]);
    store.put_contacts(vec![NewContact { name: Some("Eka".into()), ..contact.clone() }]).await.unwrap();
    assert_eq!(
        (found(store, &by("dewi"), 5).await, found(store, &by("eka"), 5).await),
        (vec![], vec!["+15551".to_owned()])
    );
    store.put_contacts(vec![NewContact { name: None, ..contact }]).await.unwrap();
    assert!(found(store, &by("eka"), 5).await.is_empty());
    store.delete_contact("one").await.unwrap();
    assert_eq!(found(store, &by("wijaya"), 5).await.len(), 1);
    let campaign = store.campaign_named("May").await.unwrap().unwrap();
    store.delete_campaign(&campaign.id, Actor::operator()).await.unwrap();
    store.delete_list(&june, Actor::operator()).await.unwrap();
    assert!(found(store, &by("wijaya"), 5).await.is_empty(), "the list is gone");
}

#[tokio::test]
async fn the_page_of_contacts_keeps_what_is_looked_for_and_leads_to_one() {
    let (pages, [june, ..]) = full().await;
    let browser = pages.signed_in(Role::CampaignManager).await;
    let page = browser.get(&format!("/contacts?q=ani&list={june}")).await.text;
    assert!(
        page.contains("Ani Wijaya") && !page.contains("Budi") && page.contains("value=\"ani\""),
        "{page}"
    );
    let href = page.split("href=\"/contacts/listed/").nth(1).expect("a link to the contact");
    let id = href.split('"').next().unwrap();
    let one = browser.get(&format!("/contacts/listed/{id}")).await.text;
    for told in ["+6281100", "Ani by hand", "june", "250.000", "Asia/Jakarta", "May", "on &lt;paper&gt;"] {
        assert!(one.contains(told), "{told}: {one}");
    }
    let budi = browser.get("/contacts?q=%2B6281101").await.text;
    assert!(budi.contains("tag dead") && budi.contains("july") && budi.contains("june"), "{budi}");
    let missing = browser.get("/contacts/listed/99999").await;
    assert_eq!(missing.status, 404);
    assert!(browser.get("/contacts?q=nobody").await.text.contains("No contact fits."));
    for (name, value) in [("consent", "maybe"), ("optedOut", "1"), ("after", "x")] {
        let refused = browser.get(&format!("/contacts?{name}={value}")).await;
        let told = format!("{value} cannot be chosen for {name}");
        assert!(refused.status == 422 && refused.text.contains(&told), "{}", refused.text);
    }
}

#[tokio::test]
async fn who_sees_no_numbers_finds_nobody_by_one_and_sees_none() {
    let (pages, _) = full().await;
    let viewer = pages.signed_in(Role::Viewer).await;
    for path in ["/contacts?q=62811", "/contacts?externalId=c-1"] {
        assert_eq!(viewer.get(path).await.status, 403, "{path}");
    }
    let page = viewer.get("/contacts?consent=yes").await.text;
    assert!(page.contains("Ani Wijaya") && !page.contains("6281100"), "{page}");
    let id = page.split("/contacts/listed/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let one = viewer.get(&format!("/contacts/listed/{id}")).await;
    assert!(one.status == 200 && !one.text.contains("628110"), "{}", one.text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_typed_is_looked_for_and_breaks_nothing(text in "\\PC{0,24}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::open(dering::store::Options::memory()).await.unwrap();
            let search = ContactSearch { name: Some(text.clone()), external_id: None, ..ContactSearch::default() };
            store.find_contacts(&search, None, 5).await.unwrap();
        });
    }
}

#[tokio::test]
async fn who_sees_no_numbers_sees_none_in_what_was_written_down_either() {
    let pages = Pages::open().await;
    let contact = NewContact {
        id: Some("k6281277776666".into()),
        number: "+6281277776666".into(),
        name: Some("0812 7777 6666".into()),
        metadata: json!({ "mobile": "+6281277776666", "note": "call (0812) 7777-6666 at 10", "rooms": 12 }),
        ..NewContact::default()
    };
    pages.api.store().put_contacts(vec![contact]).await.unwrap();
    let viewer = pages.signed_in(Role::Viewer).await;
    for path in ["/contacts", "/contacts/k6281277776666"] {
        // Its id is where it is; what stands on the page tells nothing.
        let page = viewer.get(path).await.text.replace("contacts/k6281277776666", "");
        assert!(!page.contains("7777") && !page.contains("6666"), "{path}: {page}");
        assert!(page.contains("…66 at 10") && page.contains("12"), "{path}: {page}");
    }
    let manager = pages.signed_in(Role::CampaignManager).await;
    assert!(manager.get("/contacts").await.text.contains("(0812) 7777-6666"));
}
