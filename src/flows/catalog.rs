//! Every version of every flow, by name, label and digest. Readers take a snapshot and never wait for one
//! who uploads.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::Serialize;

use super::keeping;
use super::{Author, Error, Folder, LATEST, PRODUCTION, Stored, Usable};
use crate::store::{FlowLabelRow, FlowVersionRow, LabelMove, LabelMoveRow, Store};

/// Versions kept ready in memory; more are read again when a call wants them.
const READY: usize = 256;
/// Fewest characters of a digest that stand for a version.
const SHORTEST_DIGEST: usize = 6;
const LONGEST_LABEL: usize = 40;

/// The flows of a server.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    root: PathBuf,
    known: RwLock<Arc<Known>>,
    ready: Mutex<HashMap<String, Arc<Stored>>>,
    /// Snapshots are taken one after the other, so that an older one never replaces a newer.
    turn: tokio::sync::Mutex<()>,
}

/// What there is at one moment.
#[derive(Debug, Default)]
struct Known {
    flows: BTreeMap<String, Versions>,
    /// Files of the folder with errors, by their name without the ending.
    broken: BTreeMap<String, PathBuf>,
}

#[derive(Debug, Default)]
struct Versions {
    /// Oldest first.
    rows: Vec<FlowVersionRow>,
    labels: BTreeMap<String, String>,
}

/// What a plain name runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Running {
    pub digest: String,
    /// The label that decides it: `production` where it is set, else `latest`.
    pub label: String,
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Added {
    pub flow: String,
    pub digest: String,
    /// False when the flow had this version already.
    pub new: bool,
    /// What a plain name runs now.
    pub runs: Running,
}

/// A flow with its versions, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Described {
    pub flow: String,
    pub runs: Running,
    pub labels: BTreeMap<String, String>,
    pub versions: Vec<FlowVersionRow>,
}

impl Versions {
    fn latest(&self) -> Option<&str> {
        self.rows.last().map(|row| row.digest.as_str())
    }

    fn runs(&self) -> Option<Running> {
        let (digest, label) = match self.labels.get(PRODUCTION) {
            Some(digest) => (digest.as_str(), PRODUCTION),
            None => (self.latest()?, LATEST),
        };
        Some(Running { digest: digest.to_owned(), label: label.to_owned() })
    }

    /// The digest that a label or the beginning of a digest stands for.
    fn resolve(&self, name: &str, wanted: &str) -> Result<String, Error> {
        let labelled = self.labels.get(wanted).map(String::as_str);
        let labelled = labelled.or_else(|| self.latest().filter(|_| wanted == LATEST));
        if let Some(digest) = labelled {
            return Ok(digest.to_owned());
        }
        let mut fitting = self.rows.iter().filter(|row| {
            wanted.len() >= SHORTEST_DIGEST && row.digest.starts_with(&wanted.to_ascii_lowercase())
        });
        match (fitting.next(), fitting.next()) {
            (Some(row), None) => Ok(row.digest.clone()),
            (Some(_), Some(_)) => Err(Error::Ambiguous { name: name.to_owned(), wanted: wanted.to_owned() }),
            (None, _) => {
                let labels: Vec<String> = self
                    .labels
                    .keys()
                    .map(String::as_str)
                    .chain([LATEST])
                    .map(|label| format!("`{label}`"))
                    .collect();
                let known =
                    format!("labels are {}; a digest needs {SHORTEST_DIGEST} characters", labels.join(", "));
                Err(Error::UnknownVersion { name: name.to_owned(), wanted: wanted.to_owned(), known })
            }
        }
    }
}

/// `name@what` taken apart.
fn split(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once('@') {
        Some((name, wanted)) => (name, Some(wanted)),
        None => (reference, None),
    }
}

impl Catalog {
    /// Opens the versions kept below `root`, after writing down those of the folder's flows that are new.
    ///
    /// # Errors
    /// A version cannot be written, or the database fails.
    pub async fn open(store: Store, root: &Path, folder: Folder) -> Result<Self, Error> {
        let broken = folder.broken.into_iter().collect();
        let known = RwLock::new(Arc::new(Known { flows: BTreeMap::new(), broken }));
        let catalog = Self {
            store,
            root: root.to_owned(),
            known,
            ready: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        catalog.refresh().await?;
        for usable in folder.flows {
            if !catalog.now().has(usable.flow.name(), &usable.digest) {
                catalog.add(usable, "folder".into(), String::new()).await?;
            }
        }
        Ok(catalog)
    }

    /// The version that `reference` names: `name`, `name@label` or `name@digest`.
    ///
    /// # Errors
    /// There is none, its file has errors, or its files are damaged.
    pub async fn find(&self, reference: &str) -> Result<Arc<Stored>, Error> {
        let (name, digest) = self.resolve(reference)?;
        if let Some(stored) = self.ready.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Ok(Arc::clone(stored));
        }
        let (root, wanted) = (self.root.clone(), digest.clone());
        let loaded = tokio::task::spawn_blocking(move || keeping::load(&root, &name, &wanted)).await;
        let stored = match loaded {
            Ok(stored) => Arc::new(stored?),
            Err(error) => {
                let (name, reason) = (reference.to_owned(), format!("reading it failed: {error}"));
                return Err(Error::Damaged { name, digest, reason });
            }
        };
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= READY {
            // Calls hold on to theirs; the rest is read again when it is wanted.
            ready.clear();
        }
        ready.insert(digest, Arc::clone(&stored));
        Ok(stored)
    }

    /// The name and the full digest that `reference` stands for now.
    ///
    /// # Errors
    /// There is no such flow or version.
    pub fn resolve(&self, reference: &str) -> Result<(String, String), Error> {
        let (name, wanted) = split(reference);
        let known = self.now();
        let Some(versions) = known.flows.get(name) else { return Err(known.unknown(name)) };
        let digest = match wanted {
            Some(wanted) => versions.resolve(name, wanted)?,
            None => versions.runs().ok_or_else(|| known.unknown(name))?.digest,
        };
        Ok((name.to_owned(), digest))
    }

    /// The text of a version.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn text(&self, reference: &str) -> Result<String, Error> {
        let (name, digest) = self.resolve(reference)?;
        let path = keeping::text_file(&self.root, &digest);
        tokio::fs::read_to_string(path).await.map_err(|error| Error::Damaged {
            name,
            digest,
            reason: error.to_string(),
        })
    }

    /// Keeps a version; the newest one is `latest` from then on.
    ///
    /// # Errors
    /// It cannot be written, or the database fails.
    pub async fn add(&self, usable: Usable, author: Author, message: String) -> Result<Added, Error> {
        let (flow, digest) = (usable.flow.name().to_owned(), usable.digest.clone());
        let root = self.root.clone();
        let kept = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&root).map_err(|source| Error::Keep { path: root.clone(), source })?;
            keeping::keep(&root, &usable)
        });
        kept.await.map_err(|error| Error::Keep {
            path: self.root.clone(),
            source: std::io::Error::other(error),
        })??;
        let (version, entry) = author.uploads(&flow, &digest, message);
        let new = self.store.add_flow_version(version, entry).await?;
        self.refresh().await?;
        let known = self.now();
        let runs = known.flows.get(&flow).and_then(Versions::runs).ok_or_else(|| known.unknown(&flow))?;
        Ok(Added { flow, digest, new, runs })
    }

    /// Points a label of a flow at the version that `wanted` names.
    ///
    /// # Errors
    /// The label cannot be one, there is no such version, or the database fails.
    pub async fn label(
        &self,
        name: &str,
        label: &str,
        wanted: &str,
        author: impl Into<Author>,
    ) -> Result<Running, Error> {
        if label == LATEST {
            let reason = "it always points at the newest version; use `production` to decide what runs";
            return Err(Error::Label { label: label.to_owned(), reason });
        }
        let plain =
            label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
        if !plain || !label.starts_with(|c: char| c.is_ascii_lowercase()) || label.len() > LONGEST_LABEL {
            let reason = "use lower-case letters, digits, `-` and `_`, beginning with a letter";
            return Err(Error::Label { label: label.to_owned(), reason });
        }
        let known = self.now();
        let versions = known.flows.get(name).ok_or_else(|| known.unknown(name))?;
        let digest = versions.resolve(name, wanted)?;
        self.point(name, label, digest, LabelMove::Set, author.into()).await
    }

    /// Takes a label away.
    ///
    /// # Errors
    /// There is none, or the database fails.
    pub async fn unlabel(
        &self,
        name: &str,
        label: &str,
        author: impl Into<Author>,
    ) -> Result<Running, Error> {
        let known = self.now();
        let versions = known.flows.get(name).ok_or_else(|| known.unknown(name))?;
        let Some(digest) = versions.labels.get(label) else {
            let reason = "the flow has no such label, or it is `latest`, which cannot be taken away";
            return Err(Error::Label { label: label.to_owned(), reason });
        };
        self.point(name, label, digest.clone(), LabelMove::TakeAway, author.into()).await
    }

    /// Makes a plain name run `wanted`, or what it ran before: `production` is pointed there.
    ///
    /// # Errors
    /// There is no such version, or none before; or the database fails.
    pub async fn roll_back(
        &self,
        name: &str,
        wanted: Option<&str>,
        author: impl Into<Author>,
    ) -> Result<Running, Error> {
        let known = self.now();
        let versions = known.flows.get(name).ok_or_else(|| known.unknown(name))?;
        let digest = match wanted {
            Some(wanted) => versions.resolve(name, wanted)?,
            None => {
                let moves = self.store.flow_label_moves(name).await?;
                let now = versions.runs().map(|running| running.digest).unwrap_or_default();
                ran_before(&now, &moves, &versions.rows)
                    .ok_or_else(|| Error::NothingBefore { name: name.to_owned() })?
            }
        };
        self.point(name, PRODUCTION, digest, LabelMove::Back, author.into()).await
    }

    /// Every flow, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Described> {
        let known = self.now();
        known.flows.iter().filter_map(|(name, versions)| described(name, versions)).collect()
    }

    /// One flow with its versions.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn describe(&self, name: &str) -> Result<Described, Error> {
        let known = self.now();
        let versions = known.flows.get(name);
        versions.and_then(|versions| described(name, versions)).ok_or_else(|| known.unknown(name))
    }

    async fn point(
        &self,
        name: &str,
        label: &str,
        digest: String,
        what: LabelMove,
        author: Author,
    ) -> Result<Running, Error> {
        let running = |known: &Known| known.flows.get(name).and_then(Versions::runs);
        let ran_before = running(&self.now()).map(|running| running.digest).unwrap_or_default();
        let row = FlowLabelRow { flow: name.to_owned(), label: label.to_owned(), digest };
        let (by, entry) = (author.name().to_owned(), author.moved(&row, what));
        self.store.move_flow_label(row, what, ran_before, by, entry).await?;
        self.refresh().await?;
        let known = self.now();
        running(&known).ok_or_else(|| known.unknown(name))
    }

    fn now(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn refresh(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let mut flows: BTreeMap<String, Versions> = BTreeMap::new();
        for row in self.store.flow_versions().await? {
            flows.entry(row.flow.clone()).or_default().rows.push(row);
        }
        for row in self.store.flow_labels().await? {
            flows.entry(row.flow).or_default().labels.insert(row.label, row.digest);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(Known { flows, broken: known.broken.clone() });
        Ok(())
    }
}

impl Known {
    fn has(&self, name: &str, digest: &str) -> bool {
        self.flows.get(name).is_some_and(|versions| versions.rows.iter().any(|row| row.digest == digest))
    }

    fn unknown(&self, name: &str) -> Error {
        if let Some(file) = self.broken.get(name) {
            return Error::Broken { name: name.to_owned(), file: file.clone() };
        }
        let names: Vec<String> = self.flows.keys().map(|name| format!("`{name}`")).collect();
        let known = if names.is_empty() {
            "the catalog is empty".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        Error::Unknown { name: name.to_owned(), known }
    }
}

fn described(name: &str, versions: &Versions) -> Option<Described> {
    let mut labels = versions.labels.clone();
    labels.insert(LATEST.to_owned(), versions.latest()?.to_owned());
    let rows = versions.rows.iter().rev().cloned().collect();
    Some(Described { flow: name.to_owned(), runs: versions.runs()?, labels, versions: rows })
}

/// What ran before `now`. `moves` are those of the flow's labels, oldest first: what `production` was set to
/// lies on a pile, and a roll-back takes off what lies above its version. Below the pile lie older uploads.
fn ran_before(now: &str, moves: &[LabelMoveRow], rows: &[FlowVersionRow]) -> Option<String> {
    let mut pile: Vec<&str> = Vec::new();
    for moved in moves.iter().filter(|moved| moved.label == PRODUCTION) {
        let Some(digest) = moved.digest.as_deref() else { continue };
        if pile.is_empty() && !moved.ran_before.is_empty() {
            pile.push(&moved.ran_before);
        }
        match pile.iter().rposition(|known| *known == digest) {
            Some(at) if moved.back => pile.truncate(at + 1),
            Some(at) if at + 1 == pile.len() => {}
            Some(_) | None => pile.push(digest),
        }
    }
    let at = pile.iter().rposition(|known| *known == now);
    if let Some(below) = at.and_then(|at| at.checked_sub(1)) {
        return Some(pile[below].to_owned());
    }
    let at = rows.iter().position(|row| row.digest == now)?;
    Some(rows.get(at.checked_sub(1)?)?.digest.clone())
}

#[cfg(test)]
mod tests {
    use super::super::Bundle;
    use super::*;
    use crate::store;

    fn version(outcome: &str) -> Usable {
        let text = format!("flow: a\nstart: s\nscenes: {{ s: [ {{ hangup: {outcome} }} ] }}\n");
        Bundle::read(text.as_bytes()).unwrap().check().unwrap()
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
        let open =
            async || Catalog::open(store.clone(), root.path(), Folder::read(flows.path()).unwrap()).await;
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
}
