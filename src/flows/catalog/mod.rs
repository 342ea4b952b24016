//! Every version of every flow, by name, label and digest. Readers take a snapshot and never wait for one
//! who uploads.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
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

#[derive(Clone, Debug, Default)]
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
        let known = RwLock::default();
        let catalog = Self {
            store,
            root: root.to_owned(),
            known,
            ready: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        catalog.refresh().await?;
        catalog.take_in(folder).await?;
        catalog.tell_of_losses();
        Ok(catalog)
    }

    /// Writes down those of the folder's flows that are new, and hands back their names. A version that is known, but
    /// whose files are gone, gets them again.
    ///
    /// # Errors
    /// A version cannot be written, or the database fails.
    pub async fn take_in(&self, folder: Folder) -> Result<Vec<String>, Error> {
        let broken = folder.broken.into_iter().collect();
        self.change(|known| Known { flows: known.flows.clone(), broken });
        let mut new = Vec::new();
        for usable in folder.flows {
            let name = usable.flow.name().to_owned();
            if !self.now().has(&name, &usable.digest) {
                self.add(usable, "folder".into(), String::new()).await?;
                new.push(name);
            } else if self.is_damaged(&name, &usable.digest).await {
                tracing::warn!(
                    flow = name,
                    "the files of this version were gone or changed; they are made anew"
                );
                self.keep(usable).await?;
            }
        }
        Ok(new)
    }

    async fn is_damaged(&self, name: &str, digest: &str) -> bool {
        let (root, name, digest) = (self.root.clone(), name.to_owned(), digest.to_owned());
        let check = tokio::task::spawn_blocking(move || {
            let damaged = keeping::load(&root, &name, &digest).is_err();
            if damaged {
                // What is left of it would be taken for the whole.
                drop(std::fs::remove_dir_all(root.join(&digest)));
            }
            damaged
        });
        check.await.unwrap_or(false)
    }

    /// Says which versions have no files any more.
    fn tell_of_losses(&self) {
        let known = self.now();
        let rows = known.flows.values().flat_map(|versions| &versions.rows);
        let lost: Vec<&FlowVersionRow> =
            rows.filter(|row| !keeping::text_file(&self.root, &row.digest).exists()).collect();
        if let Some(first) = lost.first() {
            tracing::error!(
                versions = lost.len(),
                flow = first.flow,
                digest = first.digest,
                folder = %self.root.display(),
                "versions of flows have no files any more: put the folder back, or upload them again"
            );
        }
    }

    /// The version that `reference` names: `name`, `name@label` or `name@digest`.
    ///
    /// # Errors
    /// There is none, its file has errors, or its files are damaged.
    pub async fn find(&self, reference: &str) -> Result<Arc<Stored>, Error> {
        let (name, digest) = self.resolve(reference)?;
        if let Some(stored) = self.ready.lock().get(&digest) {
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
        let mut ready = self.ready.lock();
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
        self.keep(usable).await?;
        let (version, entry) = author.uploads(&flow, &digest, message);
        let new = self.store.add_flow_version(version, entry).await?;
        self.refresh().await?;
        let known = self.now();
        let runs = known.flows.get(&flow).and_then(Versions::runs).ok_or_else(|| known.unknown(&flow))?;
        Ok(Added { flow, digest, new, runs })
    }

    /// Writes the files of a version.
    async fn keep(&self, usable: Usable) -> Result<(), Error> {
        let root = self.root.clone();
        let kept = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&root).map_err(|source| Error::Keep { path: root.clone(), source })?;
            keeping::keep(&root, &usable)
        });
        kept.await
            .map_err(|error| Error::Keep { path: self.root.clone(), source: std::io::Error::other(error) })?
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
        Arc::clone(&self.known.read())
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
        self.change(|known| Known { flows, broken: known.broken.clone() });
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&Known) -> Known) {
        let mut known = self.known.write();
        *known = Arc::new(change(&known));
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
mod tests;
