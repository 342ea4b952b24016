use serde_json::json;

use super::super::open::open;
use super::*;
use crate::store::model::{
    ContactSearch, ImportState, NewImport, NewListContact, RefusedRow, RowChunk, RowErrorKind, RowProblem,
    ZoneFrom,
};
use crate::store::options::Options;

fn ani() -> Actor {
    Actor::new("person:ani", None)
}

async fn store() -> Engine {
    open(Options::memory()).await.unwrap()
}

async fn list(store: &Engine, name: &str) -> ListRow {
    store.create_list(NewList { name: name.to_owned(), ..NewList::default() }, ani()).await.unwrap()
}

fn import(list: &ListRow, id: &str) -> NewImport {
    NewImport {
        id: id.to_owned(),
        list_id: list.id.clone(),
        source: format!("{id}.csv"),
        digest: "d".to_owned(),
        read_as: None,
        mapping: json!({}),
        size: 100,
    }
}

fn contact(line: u64, digits: &str) -> NewListContact {
    NewListContact {
        line,
        number: format!("+{digits}"),
        digits: digits.to_owned(),
        zone: Some(("Asia/Jakarta".to_owned(), ZoneFrom::Column)),
        name: Some("Ani \"A\" Café".to_owned()),
        variables: json!({ "amount": "120", "n": 1 }).as_object().unwrap().clone(),
        ..NewListContact::default()
    }
}

fn chunk(first_row: u64, numbers: &[&str]) -> RowChunk {
    let taken = numbers.iter().zip(first_row + 2..).map(|(digits, line)| contact(line, digits)).collect();
    RowChunk { first_row, taken, refused: Vec::new(), position: 10 }
}

async fn sweep(store: &Engine) {
    while store.sweep_lists().await.unwrap() {}
}

async fn numbers(store: &Engine, list: &ListRow) -> Vec<String> {
    let page = store.list_contacts(&list.id, None, None, 500).await.unwrap();
    page.items.into_iter().map(|row| row.number).collect()
}

#[tokio::test]
async fn a_number_is_kept_once_and_every_row_is_accounted_for() {
    let store = store().await;
    let (list, other) = (list(&store, "June").await, list(&store, "July").await);
    store.begin_import(import(&other, "im_0"), ani()).await.unwrap();
    store.take_rows("im_0", chunk(0, &["622"])).await.unwrap();
    store.finish_import("im_0", vec![]).await.unwrap();
    store.begin_import(import(&list, "im_1"), ani()).await.unwrap();
    let mut rows = chunk(0, &["621", "622", "621"]);
    rows.refused = vec![RefusedRow {
        line: 9,
        problems: vec![RowProblem { field: Some("phone".to_owned()), problem: "is none".to_owned() }],
    }];
    let row = store.take_rows("im_1", rows).await.unwrap().unwrap();
    assert_eq!((row.rows, row.added, row.duplicates, row.refused, row.elsewhere), (4, 2, 1, 1, 1));
    assert_eq!((row.next_row, row.zone_column), (4, 2));
    // Nothing counts before the whole file is in.
    assert!(numbers(&store, &list).await.is_empty());
    let row = store.take_rows("im_1", chunk(4, &["622", "623"])).await.unwrap().unwrap();
    assert_eq!((row.rows, row.added, row.duplicates), (6, 3, 2));
    // The same rows a second time are nobody's.
    store.take_rows("im_1", chunk(4, &["624"])).await.unwrap_err();
    let row = store.finish_import("im_1", vec!["amount".to_owned()]).await.unwrap().unwrap();
    assert_eq!((row.state, row.version, row.position), (ImportState::Done, 1, 100));
    assert_eq!(numbers(&store, &list).await, ["+621", "+622", "+623"]);
    let now = store.list("june").await.unwrap().unwrap();
    assert_eq!((now.version, now.contacts, now.columns), (1, 3, vec!["amount".to_owned()]));
    let told: Vec<(i64, RowErrorKind, String)> = store
        .import_errors("im_1", 10)
        .await
        .unwrap()
        .into_iter()
        .map(|e| (e.line, e.kind, e.problem))
        .collect();
    assert_eq!(
        told,
        [
            (4, RowErrorKind::Duplicate, "has the number of line 2; the first is kept".to_owned()),
            (6, RowErrorKind::Duplicate, "has the number of line 3; the first is kept".to_owned()),
            (9, RowErrorKind::Refused, "is none".to_owned()),
        ]
    );
    store.begin_import(import(&list, "im_2"), ani()).await.unwrap();
    store.take_rows("im_2", chunk(0, &["621"])).await.unwrap();
    let told = store.import_errors("im_2", 10).await.unwrap().remove(0);
    assert_eq!(told.problem, "has the number of line 2 of im_1.csv; the first is kept");
}

#[tokio::test]
async fn a_contact_is_kept_as_it_came() {
    let store = store().await;
    let list = list(&store, "June").await;
    store.begin_import(import(&list, "im_1"), ani()).await.unwrap();
    let mut bare = contact(3, "622");
    bare.zone = None;
    bare.name = None;
    let rows = RowChunk { taken: vec![contact(2, "6212"), bare], ..RowChunk::default() };
    store.take_rows("im_1", rows).await.unwrap();
    store.finish_import("im_1", vec![]).await.unwrap();
    let page = store.list_contacts(&list.id, None, None, 1).await.unwrap();
    let first = &page.items[0];
    assert_eq!(first.name.as_deref(), Some("Ani \"A\" Café"));
    assert_eq!((first.zone.as_deref(), first.zone_from), (Some("Asia/Jakarta"), Some(ZoneFrom::Column)));
    assert_eq!(first.variables, json!({ "amount": "120", "n": 1 }));
    let second = &store.list_contacts(&list.id, None, page.next, 1).await.unwrap().items[0];
    assert_eq!((&second.name, &second.zone, second.zone_from), (&None, &None, None));
    for (search, found) in [
        (ListSearch::Digits("621".to_owned()), 1),
        (ListSearch::Digits("62".to_owned()), 2),
        (ListSearch::Digits("62123456".to_owned()), 0),
        (ListSearch::Digits("7".to_owned()), 0),
        (ListSearch::Text("café".to_owned()), 1),
        (ListSearch::Text("%".to_owned()), 0),
    ] {
        let page = store.list_contacts(&list.id, Some(&search), None, 5).await.unwrap();
        assert_eq!(page.items.len(), found, "{search:?}");
    }
}

#[tokio::test]
async fn an_import_is_undone_and_one_runs_at_a_time() {
    let store = store().await;
    let list = list(&store, "June").await;
    store.begin_import(import(&list, "im_1"), ani()).await.unwrap();
    let busy = store.begin_import(import(&list, "im_2"), ani()).await.unwrap_err().to_string();
    assert!(busy.contains("im_1.csv is being read into this list"), "{busy}");
    store.undo_import(&list.id, "im_1", ani()).await.unwrap_err();
    store.take_rows("im_1", chunk(0, &["621", "622"])).await.unwrap();
    store.finish_import("im_1", vec![]).await.unwrap();
    assert_eq!(store.undo_import(&list.id, "im_1", ani()).await.unwrap().state, ImportState::Undoing);
    assert!(numbers(&store, &list).await.is_empty());
    store.begin_import(import(&list, "im_2"), ani()).await.unwrap_err();
    sweep(&store).await;
    assert_eq!(store.list_import(&list.id, "im_1").await.unwrap().unwrap().state, ImportState::Undone);
    let now = store.list(&list.id).await.unwrap().unwrap();
    assert_eq!((now.version, now.contacts), (2, 0));
    store.begin_import(import(&list, "im_2"), ani()).await.unwrap();
    store.take_rows("im_2", chunk(0, &["621"])).await.unwrap();
    store.fail_import("im_2", "the file is gone").await.unwrap();
    assert!(store.take_rows("im_2", chunk(1, &["622"])).await.unwrap().is_none());
    sweep(&store).await;
    let failed = store.list_import(&list.id, "im_2").await.unwrap().unwrap();
    assert_eq!((failed.state, failed.problem.as_deref()), (ImportState::Failed, Some("the file is gone")));
    let row = store.begin_import(import(&list, "im_3"), ani()).await.unwrap();
    assert_eq!(row.version, 3);
    assert_eq!(store.running_imports().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_list_leaves_nothing_and_gives_its_name_back() {
    let store = store().await;
    let gone = list(&store, "June").await;
    assert!(
        store.create_list(NewList { name: "JUNE".to_owned(), ..NewList::default() }, ani()).await.is_err()
    );
    store.begin_import(import(&gone, "im_1"), ani()).await.unwrap();
    store.take_rows("im_1", chunk(0, &["621", "622"])).await.unwrap();
    assert!(store.delete_list(&gone.id, ani()).await.unwrap());
    assert!(!store.delete_list(&gone.id, ani()).await.unwrap());
    assert!(store.take_rows("im_1", chunk(2, &["623"])).await.unwrap().is_none());
    assert!(store.finish_import("im_1", vec![]).await.unwrap().is_none());
    sweep(&store).await;
    assert!(store.list(&gone.id).await.unwrap().is_none());
    assert!(store.lists(None, 5).await.unwrap().items.is_empty());
    let new = list(&store, "June").await;
    store.begin_import(import(&new, "im_2"), ani()).await.unwrap();
    let row = store.take_rows("im_2", chunk(0, &["621"])).await.unwrap().unwrap();
    assert_eq!((row.added, row.elsewhere), (1, 0));
    let acts: Vec<String> = store
        .audit_log(&crate::store::AuditFilter::default(), 9)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|row| row.action)
        .collect();
    assert_eq!(acts, ["list.import", "list.create", "list.delete", "list.import", "list.create"]);
}

#[tokio::test]
async fn names_are_found_soon_after_an_import_and_never_after_its_undo() {
    let store = store().await;
    let list = list(&store, "June").await;
    let found = async |store: &Engine| {
        let search = ContactSearch { name: Some("cafe".to_owned()), ..ContactSearch::default() };
        store.find_contacts(&search, None, 50).await.unwrap().items.len()
    };
    // Once undone after its names were indexed, once before.
    for (id, names_first) in [("im_1", true), ("im_2", false)] {
        store.begin_import(import(&list, id), ani()).await.unwrap();
        store.take_rows(id, chunk(0, &["621", "622"])).await.unwrap();
        store.finish_import(id, vec![]).await.unwrap();
        if names_first {
            sweep(&store).await;
            assert_eq!(found(&store).await, 2);
        }
        store.undo_import(&list.id, id, ani()).await.unwrap();
        sweep(&store).await;
        assert_eq!(found(&store).await, 0);
    }
    store.begin_import(import(&list, "im_3"), ani()).await.unwrap();
    store.take_rows("im_3", chunk(0, &["623"])).await.unwrap();
    store.finish_import("im_3", vec![]).await.unwrap();
    sweep(&store).await;
    assert_eq!(found(&store).await, 1);
    let check = "INSERT INTO list_contact_names (list_contact_names, rank) VALUES ('integrity-check', 1)";
    let whole = store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(check).execute(connection).await?;
                Ok(())
            })
        })
        .await;
    whole.expect("the index agrees with the names");
}
