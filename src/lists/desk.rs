//! Imports: begun, read in the background, gone on with after a restart, undone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callcore::number::Country;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::contact::Maker;
use super::error::Error;
use super::file::Source;
use super::look::{Look, mapped};
use super::mapping::Mapping;
use super::spool::{Incoming, Spool, Spooled};
use crate::store::{Actor, ImportRow, ImportState, ListRow, NewImport, RowChunk, Store};
use crate::wallclock::now_ms;

/// Rows of one commit, so that calls that are written down meanwhile wait a moment only.
const CHUNK: usize = 2_000;
/// Chunks that are ready before they are written.
const READY: usize = 2;
/// Files that are read at a time.
const AT_ONCE: usize = 2;
/// Between two looks at whether an import has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Imports that are looked through for one of the same file.
const LOOKED_THROUGH: u32 = 50;

/// Reads files into lists.
#[derive(Clone, Debug)]
pub struct Lists {
    store: Store,
    spool: Spool,
    /// Of numbers that do not name their own, where the list has none.
    country: Option<Country>,
    turns: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Lists {
    /// Files wait in `folder` until they are read. When `stop` is cancelled, imports pause; [`Self::resume`] goes on with
    /// them.
    #[must_use]
    pub fn new(store: Store, folder: PathBuf, country: Option<Country>, stop: CancellationToken) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { store, spool: Spool::new(folder), country, turns, stop }
    }

    /// Goes on with what the last stop has cut off: imports, undoing and deleting.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume(&self) -> Result<usize, Error> {
        let running = self.store.running_imports().await?;
        let cut = running.len();
        for import in running {
            self.start(import);
        }
        self.sweep();
        Ok(cut)
    }

    /// Begins to take a file.
    ///
    /// # Errors
    /// When the folder cannot be written to, or too many files wait.
    pub async fn receive(&self) -> Result<Incoming, Error> {
        let kept: Vec<String> = self.store.running_imports().await?.into_iter().map(|row| row.id).collect();
        self.spool.begin(&kept).await
    }

    /// Whether a file that was received is still here.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        self.spool.path(id).is_some_and(|path| path.exists())
    }

    /// Forgets a file that was received.
    pub fn discard(&self, id: &str) {
        self.spool.discard(id);
    }

    /// Forgets a file that was received, unless its import has begun.
    pub async fn discard_unless_begun(&self, id: &str) {
        match self.store.running_imports().await {
            Ok(running) if running.iter().any(|row| row.id == id) => {}
            Ok(_) => self.discard(id),
            Err(error) => tracing::warn!(%error, id, "a file of contacts stays until it is forgotten"),
        }
    }

    /// A file that was received, as it was told then.
    ///
    /// # Errors
    /// [`Error::Gone`] when there is none.
    pub async fn received(&self, id: &str) -> Result<Spooled, Error> {
        let path = self.spool.path(id).ok_or(Error::Gone)?;
        let id = id.to_owned();
        let measuring = tokio::task::spawn_blocking(move || Spooled::measured(id, &path));
        measuring.await.map_err(|error| unread(&error))?
    }

    /// Looks at a file that was received. `said` are meanings of columns, by their names or places.
    ///
    /// # Errors
    /// When it cannot be read, or `said` names columns or meanings that there are not.
    pub async fn look(
        &self,
        list: &ListRow,
        id: &str,
        said: BTreeMap<String, String>,
    ) -> Result<Look, Error> {
        let path = self.spool.path(id).ok_or(Error::Gone)?;
        let (list, usual) = (list.clone(), self.country);
        let looking = tokio::task::spawn_blocking(move || Look::at(&path, &said, (&list, usual), now_ms()));
        looking.await.map_err(|error| unread(&error))?
    }

    /// Begins to import a file that was received. The same file is imported once at a time: while it runs, that import is
    /// the answer.
    ///
    /// # Errors
    /// When the file cannot be read, the mapping cannot be used, or another import runs.
    pub async fn begin(
        &self,
        list: &ListRow,
        file: Spooled,
        (source, said): (String, BTreeMap<String, String>),
        actor: Actor,
    ) -> Result<ImportRow, Error> {
        if let Some(running) = self.same_file(list, &file.digest, ImportState::Running).await? {
            self.spool.discard(&file.id);
            return Ok(running);
        }
        let path = self.spool.path(&file.id).ok_or(Error::Gone)?;
        let opening = tokio::task::spawn_blocking(move || {
            let source = Source::open(&path, false)?;
            let mapping = mapped(&source, &said)?;
            let faults = mapping.faults();
            if faults.is_empty() { Ok((source.read_as(), mapping)) } else { Err(Error::Mapping(faults)) }
        });
        let (read_as, mapping) = opening.await.map_err(|error| unread(&error))??;
        let import = NewImport {
            id: file.id,
            list_id: list.id.clone(),
            source,
            digest: file.digest,
            read_as: Some(read_as),
            mapping: mapping.to_json(),
            size: file.size,
        };
        let import = self.store.begin_import(import, actor).await?;
        self.start(import.clone());
        Ok(import)
    }

    /// The import of the same file in this state, if there is one among the last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn same_file(
        &self,
        list: &ListRow,
        digest: &str,
        state: ImportState,
    ) -> Result<Option<ImportRow>, Error> {
        let imports = self.store.list_imports(&list.id, None, LOOKED_THROUGH).await?;
        Ok(imports.items.into_iter().find(|row| row.digest == digest && row.state == state))
    }

    /// Waits until an import has ended, at most so long; how it stands then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wait(&self, import: ImportRow, longest: Duration) -> Result<ImportRow, Error> {
        let ending = async {
            loop {
                match self.store.list_import(&import.list_id, &import.id).await? {
                    Some(row) if matches!(row.state, ImportState::Running | ImportState::Undoing) => {
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                    found => return Ok::<_, Error>(found),
                }
            }
        };
        match tokio::time::timeout(longest, ending).await {
            Ok(ended) => Ok(ended?.unwrap_or(import)),
            Err(_) => {
                let now = self.store.list_import(&import.list_id, &import.id).await?;
                Ok(now.unwrap_or(import))
            }
        }
    }

    /// Undoes an import; its contacts are out of the list at once, and gone soon after.
    ///
    /// # Errors
    /// When it cannot be undone.
    pub async fn undo(&self, list_id: &str, import_id: &str, actor: Actor) -> Result<ImportRow, Error> {
        let import = self.store.undo_import(list_id, import_id, actor).await?;
        self.sweep();
        Ok(import)
    }

    /// Deletes a list; false when there is none.
    ///
    /// # Errors
    /// When a campaign calls it, or the database fails.
    pub async fn delete(&self, list_id: &str, actor: Actor) -> Result<bool, Error> {
        let gone = self.store.delete_list(list_id, actor).await?;
        self.sweep();
        Ok(gone)
    }

    /// Takes out, in the background, what belongs to nothing any more.
    fn sweep(&self) {
        let lists = self.clone();
        tokio::spawn(async move {
            loop {
                match lists.store.sweep_lists().await {
                    Ok(true) if !lists.stop.is_cancelled() => {}
                    Ok(_) => return,
                    Err(error) => {
                        tracing::warn!(%error, "contacts that were taken out of a list could not be deleted yet");
                        return;
                    }
                }
            }
        });
    }

    /// Reads the file of an import in the background, from the row on where it stands.
    fn start(&self, import: ImportRow) {
        let lists = self.clone();
        tokio::spawn(async move {
            let Ok(_turn) = lists.turns.acquire().await else { return };
            let ended = match lists.read(&import).await {
                Ok(true) => true,
                // The server stops; the next one goes on.
                Ok(false) => false,
                Err(Error::Store(error)) if error.is_passing() || lists.stop.is_cancelled() => {
                    tracing::warn!(%error, import = import.id, "an import was cut off; it goes on at the next start");
                    false
                }
                Err(error) => {
                    tracing::warn!(%error, import = import.id, "an import failed");
                    if let Err(error) = lists.store.fail_import(&import.id, &error.to_string()).await {
                        tracing::error!(%error, import = import.id, "that an import failed could not be written down");
                    }
                    lists.sweep();
                    true
                }
            };
            if ended {
                lists.spool.discard(&import.id);
            }
        });
    }

    /// Reads the file of an import to its end. False: the server stops.
    async fn read(&self, import: &ImportRow) -> Result<bool, Error> {
        let list = self.store.list(&import.list_id).await?.ok_or(Error::Gone)?;
        let mapping = Mapping::from_json(&import.mapping);
        let mapping =
            mapping.ok_or_else(|| Error::Trouble("what the columns hold was not kept".to_owned()))?;
        let path = self.spool.path(&import.id).ok_or(Error::Gone)?;
        let from = u64::try_from(import.next_row).unwrap_or_default();
        let (ready, mut chunks) = mpsc::channel(READY);
        let usual = self.country;
        let known: Vec<String> = mapping.variables().map(str::to_owned).collect();
        let reading = tokio::task::spawn_blocking(move || {
            let source = Source::open(&path, true)?;
            let mut maker = Maker::new(&mapping, &list, usual, now_ms());
            let (mut row_number, mut chunk) = (0, RowChunk { first_row: from, ..RowChunk::default() });
            let mut left = false;
            source.rows(|row, position| {
                let made = maker.make(row);
                row_number += 1;
                if row_number <= from {
                    return true;
                }
                match made {
                    Ok(contact) => chunk.taken.push(contact),
                    Err(refused) => chunk.refused.push(refused),
                }
                chunk.position = position;
                if chunk.taken.len() + chunk.refused.len() < CHUNK {
                    return true;
                }
                let next = RowChunk { first_row: row_number, ..RowChunk::default() };
                left = ready.blocking_send(std::mem::replace(&mut chunk, next)).is_err();
                !left
            })?;
            if !left {
                // Without anybody who takes it, the whole is not done either.
                left = ready.blocking_send(chunk).is_err();
            }
            Ok::<_, Error>((!left).then(|| maker.more_variables()))
        });
        while let Some(chunk) = chunks.recv().await {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            if self.store.take_rows(&import.id, chunk).await?.is_none() {
                // The list was deleted, and the import with it.
                return Ok(true);
            }
        }
        let Some(more) = reading.await.map_err(|error| unread(&error))?? else { return Ok(false) };
        let columns = known.into_iter().chain(more).collect();
        if let Some(row) = self.store.finish_import(&import.id, columns).await? {
            tracing::info!(
                import = row.id,
                added = row.added,
                duplicates = row.duplicates,
                refused = row.refused,
                "a file was read into a list"
            );
            // Its names.
            self.sweep();
        }
        Ok(true)
    }
}

/// The reader ended in a panic.
fn unread(error: &tokio::task::JoinError) -> Error {
    tracing::error!(%error, "the reader of a file of contacts failed");
    Error::File("the file is damaged and cannot be read; save it again, or save it as CSV".to_owned())
}
