//! Files on their way into lists.

use std::time::Duration;

use super::*;
use crate::store::{Actor, ImportRow, ImportState, ListRow, NewList, Options, Store};
use tokio_util::sync::CancellationToken;

/// A list, and what reads files into it.
struct Bench {
    store: Store,
    folder: tempfile::TempDir,
    list: ListRow,
}

fn ani() -> Actor {
    Actor::new("person:ani", None)
}

impl Bench {
    async fn start() -> Self {
        let store = Store::open(Options::memory()).await.unwrap();
        let new = NewList { name: "June".to_owned(), country: Some("ID".to_owned()), zone: None };
        let list = store.create_list(new, ani()).await.unwrap();
        Self { store, folder: tempfile::tempdir().unwrap(), list }
    }

    fn lists(&self, stop: &CancellationToken) -> Lists {
        Lists::new(self.store.clone(), self.folder.path().to_owned(), None, stop.clone())
    }

    async fn import(&self, lists: &Lists, body: &str) -> ImportRow {
        let mut incoming = lists.receive().await.unwrap();
        for part in body.as_bytes().chunks(1000) {
            incoming.take(part).await.unwrap();
        }
        let file = incoming.end().await.unwrap();
        let begun = lists.begin(&self.list, file, ("june.csv".to_owned(), Default::default()), ani());
        lists.wait(begun.await.unwrap(), Duration::from_secs(60)).await.unwrap()
    }

    async fn numbers(&self) -> Vec<String> {
        let mut numbers = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.list_contacts(&self.list.id, None, after, 500).await.unwrap();
            numbers.extend(page.items.into_iter().map(|row| row.number));
            after = page.next;
            if after.is_none() {
                return numbers;
            }
        }
    }
}

fn table(rows: usize) -> String {
    let mut text = "phone,name\n".to_owned();
    for at in 0..rows {
        // Every tenth is wrong, and every hundredth stands there twice.
        match at % 100 {
            50 => text.push_str("+628120000000,again\n"),
            n if n % 10 == 7 => text.push_str("nothing,x\n"),
            _ => text.push_str(&format!("+62812{at:07},n{at}\n")),
        }
    }
    text
}

#[tokio::test]
async fn a_file_is_read_into_a_list_and_undone() {
    let bench = Bench::start().await;
    let lists = bench.lists(&CancellationToken::new());
    let done = bench.import(&lists, &table(5_000)).await;
    assert_eq!(done.state, ImportState::Done, "{done:?}");
    assert_eq!((done.rows, done.added, done.duplicates, done.refused), (5_000, 4_450, 50, 500));
    assert_eq!(done.read_as.as_deref(), Some("CSV in UTF-8 with commas between the fields"));
    let now = bench.store.list(&bench.list.id).await.unwrap().unwrap();
    assert_eq!((now.contacts, now.version, now.columns.len()), (4_450, 1, 0));
    assert_eq!(bench.numbers().await.len(), 4_450);
    // Its file is gone.
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 0);
    let again = bench.import(&lists, &table(5_000)).await;
    assert_eq!((again.added, again.duplicates, again.refused), (0, 4_500, 500));
    let undone = lists.undo(&bench.list.id, &done.id, ani()).await.unwrap();
    assert!(bench.numbers().await.is_empty());
    let undone = lists.wait(undone, Duration::from_secs(60)).await.unwrap();
    assert_eq!(undone.state, ImportState::Undone);
    assert!(lists.undo(&bench.list.id, "im_none", ani()).await.is_err());
}

#[tokio::test]
async fn an_import_that_was_cut_off_anywhere_goes_on_exactly_there() {
    for cut_at in [1, 2_000, 6_000, 9_000] {
        let bench = Bench::start().await;
        let stop = CancellationToken::new();
        let lists = bench.lists(&stop);
        let mut incoming = lists.receive().await.unwrap();
        incoming.take(table(10_000).as_bytes()).await.unwrap();
        let file = incoming.end().await.unwrap();
        let begun =
            lists.begin(&bench.list, file, ("june.csv".to_owned(), Default::default()), ani()).await.unwrap();
        loop {
            let row = bench.store.list_import(&bench.list.id, &begun.id).await.unwrap().unwrap();
            if row.next_row >= cut_at || row.state != ImportState::Running {
                break;
            }
            tokio::task::yield_now().await;
        }
        stop.cancel();
        // Another server finds it as it is, sooner or later than the first one has let go of it.
        let next = bench.lists(&CancellationToken::new());
        next.resume().await.unwrap();
        let ended = next.wait(begun, Duration::from_secs(60)).await.unwrap();
        assert_eq!(ended.state, ImportState::Done, "{ended:?}");
        assert_eq!((ended.rows, ended.added, ended.duplicates, ended.refused), (10_000, 8_900, 100, 1_000));
        let mut numbers = bench.numbers().await;
        assert_eq!(numbers.len(), 8_900);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 8_900);
    }
}

#[tokio::test]
async fn an_import_whose_file_is_gone_fails_and_leaves_nothing() {
    let bench = Bench::start().await;
    let lists = bench.lists(&CancellationToken::new());
    let import = crate::store::NewImport {
        id: format!("im_{}", "0".repeat(32)),
        list_id: bench.list.id.clone(),
        source: "june.csv".to_owned(),
        digest: String::new(),
        read_as: None,
        mapping: Mapping::guess(&["phone".to_owned()]).to_json(),
        size: 1,
    };
    let begun = bench.store.begin_import(import, ani()).await.unwrap();
    assert_eq!(lists.resume().await.unwrap(), 1);
    let ended = lists.wait(begun, Duration::from_secs(60)).await.unwrap();
    assert_eq!(ended.state, ImportState::Failed);
    assert!(ended.problem.unwrap().contains("send it again"));
}

#[tokio::test]
async fn a_look_shows_what_the_first_rows_would_become() {
    let bench = Bench::start().await;
    let lists = bench.lists(&CancellationToken::new());
    let look = async |body: &str, said: &[(&str, &str)]| {
        let mut incoming = lists.receive().await.unwrap();
        incoming.take(body.as_bytes()).await.unwrap();
        let file = incoming.end().await.unwrap();
        let said =
            said.iter().map(|(column, meaning)| ((*column).to_owned(), (*meaning).to_owned())).collect();
        lists.look(&bench.list, &file.id, said).await
    };
    let seen = look("Nama;Kontak\nAni;0812-3456-7890\nBudi;x\n", &[]).await.unwrap();
    assert!(seen.faults[0].1.contains("no column holds the numbers"), "{:?}", seen.faults);
    let seen = look("Nama;Kontak\nAni;0812-3456-7890\nBudi;x\n", &[("Kontak", "phone")]).await.unwrap();
    assert!(seen.faults.is_empty());
    assert_eq!(seen.samples.len(), 2);
    assert!(matches!(&seen.samples[0].taken, Taken::Contact(contact) if contact.number == "+6281234567890"));
    assert!(
        matches!(&seen.samples[1].taken, Taken::Refused(why) if why[0].field.as_deref() == Some("phone"))
    );
    let seen = look("Ani;0812-3456-7890\nBudi;0812-3456-7891\n", &[]).await.unwrap();
    assert!(seen.faults[0].1.contains("the first line holds a number"), "{:?}", seen.faults);
    assert!(look("a,b\n", &[("c", "phone")]).await.is_err());
    assert_eq!(look(&table(100), &[]).await.unwrap().samples.len(), 20);
}
