use super::super::{Bundle, Check};
use super::*;
use crate::store;

fn version(outcome: &str) -> Usable {
    let text = format!("flow: a\nstart: s\nscenes: {{ s: [ {{ hangup: {outcome} }} ] }}\n");
    Bundle::read(text.as_bytes(), &Check::default()).unwrap().check(&Check::default()).unwrap()
}

async fn catalog(root: &Path) -> Catalog {
    let store = Store::open(store::Options::memory()).await.unwrap();
    Catalog::open(store, root, Folder::default()).await.unwrap()
}

async fn add(catalog: &Catalog, outcome: &str) -> String {
    catalog.add(version(outcome), "ann".into(), outcome.into()).await.unwrap().digest
}

#[tokio::test]
async fn a_name_runs_the_newest_version_until_production_is_set() {
    let root = tempfile::tempdir().unwrap();
    let catalog = catalog(root.path()).await;
    let (one, two) = (add(&catalog, "one").await, add(&catalog, "two").await);
    assert_eq!(catalog.find("a").await.unwrap().digest, two);
    assert_eq!(catalog.find("a@latest").await.unwrap().digest, two);
    assert_eq!(catalog.find(&format!("a@{}", &one[..8])).await.unwrap().digest, one);
    catalog.label("a", PRODUCTION, &one[..10], "ann").await.unwrap();
    let three = add(&catalog, "three").await;
    assert_eq!(catalog.find("a").await.unwrap().digest, one, "what runs is decided by hand now");
    assert_eq!(catalog.find("a@latest").await.unwrap().digest, three);
    let again = catalog.add(version("one"), "bob".into(), "again".into()).await.unwrap();
    assert!(!again.new && again.runs.digest == one);
    let shown = catalog.describe("a").unwrap();
    let authors: Vec<&str> = shown.versions.iter().map(|row| row.author.as_str()).collect();
    assert_eq!(authors, ["ann"; 3], "a version is written down once");
    let running = catalog.unlabel("a", PRODUCTION, "ann").await.unwrap();
    assert_eq!(running, Running { digest: three, label: LATEST.into() });
}

#[tokio::test]
async fn going_back_goes_back_further_each_time_and_names_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let catalog = catalog(root.path()).await;
    let (one, two) = (add(&catalog, "one").await, add(&catalog, "two").await);
    let (_never_ran, four) = (add(&catalog, "three").await, add(&catalog, "four").await);
    catalog.label("a", PRODUCTION, &two, "ann").await.unwrap();
    catalog.label("a", PRODUCTION, &four, "ann").await.unwrap();
    assert_eq!(catalog.roll_back("a", None, "ann").await.unwrap().digest, two);
    assert_eq!(catalog.roll_back("a", None, "ann").await.unwrap().digest, four, "ran before two was set");
    assert_eq!(catalog.roll_back("a", Some(&one), "ann").await.unwrap().digest, one);
    for (wanted, why) in [("nope", "has no version or label `nope`"), ("b", "no version or label")] {
        let error = catalog.roll_back("a", Some(wanted), "ann").await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let error = catalog.label("a", "Live!", &one, "ann").await.unwrap_err().to_string();
    assert!(error.contains("cannot be a label"), "{error}");
    let error = catalog.label("a", LATEST, &one, "ann").await.unwrap_err().to_string();
    assert!(error.contains("newest version"), "{error}");
    assert!(matches!(catalog.find("b").await, Err(Error::Unknown { .. })));
}

#[tokio::test]
async fn uploads_at_the_same_time_are_all_known_afterwards() {
    let root = tempfile::tempdir().unwrap();
    let catalog = catalog(root.path()).await;
    let outcomes: Vec<String> = (0..12).map(|n| format!("o{n}")).collect();
    futures_util::future::join_all(outcomes.iter().map(|outcome| add(&catalog, outcome))).await;
    assert_eq!(catalog.describe("a").unwrap().versions.len(), 12);
}

#[tokio::test]
async fn the_first_version_has_none_before_it() {
    let root = tempfile::tempdir().unwrap();
    let catalog = catalog(root.path()).await;
    add(&catalog, "one").await;
    assert!(matches!(catalog.roll_back("a", None, "ann").await, Err(Error::NothingBefore { .. })));
}

#[tokio::test]
async fn a_folder_is_written_down_once_and_does_not_undo_uploads() {
    let root = tempfile::tempdir().unwrap();
    let flows = tempfile::tempdir().unwrap();
    std::fs::write(flows.path().join("a.yaml"), &version("one").text).unwrap();
    let store = Store::open(store::Options::memory()).await.unwrap();
    let open = async || Catalog::open(store.clone(), root.path(), Folder::read(flows.path()).unwrap()).await;
    let catalog = open().await.unwrap();
    assert_eq!(catalog.describe("a").unwrap().versions[0].author, "folder");
    let two = add(&catalog, "two").await;
    let catalog = open().await.unwrap();
    assert_eq!(catalog.find("a").await.unwrap().digest, two);
    assert_eq!(catalog.describe("a").unwrap().versions.len(), 2);
    std::fs::write(flows.path().join("a.yaml"), "flow: a\n").unwrap();
    let catalog = open().await.unwrap();
    assert_eq!(catalog.find("a").await.unwrap().digest, two, "a broken file leaves what runs alone");
}

#[tokio::test]
async fn versions_that_were_lost_are_made_anew_from_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let flows = tempfile::tempdir().unwrap();
    std::fs::write(flows.path().join("a.yaml"), &version("one").text).unwrap();
    let store = Store::open(store::Options::memory()).await.unwrap();
    let open = async || Catalog::open(store.clone(), root.path(), Folder::read(flows.path()).unwrap()).await;
    let digest = open().await.unwrap().find("a").await.unwrap().digest.clone();
    let kept = keeping::text_file(root.path(), &digest);
    std::fs::remove_dir_all(root.path().join(&digest)).unwrap();
    assert_eq!(open().await.unwrap().find("a").await.unwrap().digest, digest);
    std::fs::write(&kept, "flow: cut o").unwrap();
    let catalog = open().await.unwrap();
    assert_eq!(catalog.find("a").await.unwrap().digest, digest);
    assert_eq!(catalog.describe("a").unwrap().versions.len(), 1, "it is the same version");
}

#[tokio::test]
async fn the_folder_may_be_read_again() {
    let root = tempfile::tempdir().unwrap();
    let flows = tempfile::tempdir().unwrap();
    let catalog = catalog(root.path()).await;
    let read = async || catalog.take_in(Folder::read(flows.path()).unwrap()).await.unwrap();
    std::fs::write(flows.path().join("a.yaml"), &version("one").text).unwrap();
    assert_eq!(read().await, ["a"]);
    assert_eq!(read().await, [""; 0]);
    std::fs::write(flows.path().join("a.yaml"), &version("two").text).unwrap();
    std::fs::write(flows.path().join("b.yaml"), "flow: b\n").unwrap();
    assert_eq!(read().await, ["a"]);
    assert_eq!(catalog.describe("a").unwrap().versions.len(), 2);
    assert!(matches!(catalog.find("b").await, Err(Error::Broken { .. })));
}
