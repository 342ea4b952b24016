//! Lists of contacts, and the files that are read into them.

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{
    Actor, Cursor, ImportRow, ListContactRow, ListRow, ListSearch, NewImport, NewList, Page, RowChunk,
    RowErrorRow,
};

verbs! {
    /// Makes an empty list.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when there is one of that name.
    fn create_list(&self, list: NewList, actor: Actor) -> ListRow;

    /// At most `limit` lists, newest first, behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    fn lists(&self, after: Option<&Cursor>, limit: u32) -> Page<ListRow>;

    /// The list of this id or name.
    ///
    /// # Errors
    /// When the database fails.
    fn list(&self, id_or_name: &str) -> Option<ListRow>;

    /// Deletes a list; false when there is none. An import into it ends. Its contacts are taken out by
    /// [`Self::sweep_lists`].
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::store::Error::Conflict) when a campaign calls it.
    fn delete_list(&self, id: &str, actor: Actor) -> bool;

    /// Begins an import.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::store::Error::Conflict) while another one runs or is being undone;
    /// [`Error::NoSuch`](crate::store::Error::NoSuch) when there is no such list.
    fn begin_import(&self, import: NewImport, actor: Actor) -> ImportRow;

    /// Writes rows of a running import down, and from where it goes on, in one transaction. Of several rows with one
    /// number the first is kept. `None`: it runs no more.
    ///
    /// # Errors
    /// When the database fails, or the rows do not follow those that were written last.
    fn take_rows(&self, import_id: &str, rows: RowChunk) -> Option<ImportRow>;

    /// Ends an import whose rows are all written,  `columns` are the variables that it has. `None`: it runs no more.
    ///
    /// # Errors
    /// When the database fails.
    fn finish_import(&self, import_id: &str, columns: Vec<String>) -> Option<ImportRow>;

    /// Gives a running import up, for a reason. What it has added is taken out by [`Self::sweep_lists`].
    ///
    /// # Errors
    /// When the database fails.
    fn fail_import(&self, import_id: &str, problem: &str) -> ();

    /// Begins to undo an import; [`Self::sweep_lists`] takes its contacts out.
    ///
    /// # Errors
    /// [`Error::Conflict`](crate::store::Error::Conflict) when it is not done, another one runs, or a campaign has its
    /// contacts; [`Error::NoSuch`](crate::store::Error::NoSuch) when there is none.
    fn undo_import(&self, list_id: &str, import_id: &str, actor: Actor) -> ImportRow;

    /// Does some of what is left to do after rows have come or gone: takes contacts out that belong to a deleted list or to an import that
    /// is being undone, and indexes the names of new ones, by which [`Self::find_contacts`] looks for them. Whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    fn sweep_lists(&self) -> bool;

    /// The imports that run, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    fn running_imports(&self) -> Vec<ImportRow>;

    /// At most `limit` imports of a list, newest first, behind `after`.
    ///
    /// # Errors
    /// When the database fails.
    fn list_imports(&self, list_id: &str, after: Option<&Cursor>, limit: u32) -> Page<ImportRow>;

    /// One import of a list.
    ///
    /// # Errors
    /// When the database fails.
    fn list_import(&self, list_id: &str, import_id: &str) -> Option<ImportRow>;

    /// Why rows of an import were not taken, by line; at most [`KEPT_ERRORS`](crate::store::KEPT_ERRORS) of each kind are kept.
    ///
    /// # Errors
    /// When the database fails.
    fn import_errors(&self, import_id: &str, limit: u32) -> Vec<RowErrorRow>;

    /// At most `limit` contacts of a list in the order of its files, behind the one with the id `after`.
    ///
    /// # Errors
    /// When the database fails.
    fn list_contacts(
        &self,
        list_id: &str,
        search: Option<&ListSearch>,
        after: Option<i64>,
        limit: u32,
    ) -> Page<ListContactRow, i64>;
}
