//! The calls that people labelled, as cases.

use std::path::Path;

use anyhow::bail;
use callcore::amd::{EventKind, Subtype};

use super::cases::Case;
use super::verdict::Verdict;
use crate::accuracy::Truth;
use crate::session::read_trace;
use crate::store::{Error, LabelledCall, Store};

/// Which labelled calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Those that were drawn at random and listened to: only their figures say how often verdicts are right.
    #[default]
    Drawn,
    /// Corrections that people made on the pages of calls as well.
    All,
}

impl Which {
    pub const ALL: [Self; 2] = [Self::Drawn, Self::All];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::All => "all",
        }
    }
}

/// Labelled calls.
#[derive(Debug, Default)]
pub(super) struct Labelled {
    pub(super) cases: Vec<Case>,
    /// Calls whose recording was deleted.
    pub(super) gone: Vec<String>,
    /// There are more, labelled earlier.
    pub(super) more: bool,
}

/// At most `most` of them, those that were labelled last.
pub(super) async fn labelled(store: &Store, which: Which, most: u32) -> Result<Labelled, Error> {
    let mut rows = store.labelled_calls(which == Which::Drawn, most + 1).await?;
    let mut found = Labelled { more: rows.len() > most as usize, ..Labelled::default() };
    rows.truncate(most as usize);
    for row in rows {
        let Some(label) = Truth::named(&row.truth).map(told) else { continue };
        // Nothing was decided of it, so there is nothing that could be otherwise.
        if row.verdict.is_none() {
            continue;
        }
        match row.path.clone() {
            Some(path) => found.cases.push(case(store, row, path, label).await?),
            None => found.gone.push(row.call_id),
        }
    }
    Ok(found)
}

/// The calls of a server's database that people labelled, corrections included, whose recordings are there.
pub(crate) fn labelled_in(database: &Path) -> anyhow::Result<Vec<Case>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(async {
        let store = Store::open_read_only(database).await?;
        let found = labelled(&store, Which::All, u32::MAX - 1).await;
        store.close().await;
        found
    })?;
    if found.cases.is_empty() {
        let (path, gone) = (database.display(), found.gone.len());
        bail!(
            "{path} knows no labelled call with a recording ({gone} without); say on the page Accuracy, or on those of calls, who answered"
        );
    }
    Ok(found.cases)
}

async fn case(store: &Store, row: LabelledCall, path: String, label: Verdict) -> Result<Case, Error> {
    let file = std::path::PathBuf::from(path);
    let beside = file.clone();
    let trace = tokio::task::spawn_blocking(move || read_trace(&beside)).await.unwrap_or_default();
    let fax = row.amd_subtype.as_deref() == Some(Subtype::Fax.as_str());
    let before = row.verdict.map(|event: EventKind| Verdict::of(event, fax));
    let mut case = Case { id: row.call_id, file, left: true, ..Case::default() };
    if trace.is_none()
        && let Some(evidence) = store.evidence(&case.id).await?
    {
        case.learn(&evidence);
    }
    Ok(Case { trace, before, label: Some(label), group: Some(row.number), ..case })
}

/// A truth in the words of labels.
const fn told(truth: Truth) -> Verdict {
    match truth {
        Truth::Person => Verdict::Human,
        Truth::Machine(Subtype::Fax) => Verdict::Fax,
        Truth::Machine(_) => Verdict::Machine,
        Truth::Nobody => Verdict::NoSpeech,
    }
}
