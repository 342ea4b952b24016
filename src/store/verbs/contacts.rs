//! Contacts and their calls.

use callcore::number::Country;
use serde_json::Value;

use crate::store::handle::{Backend, Store, verbs};
use crate::store::model::{
    ContactChange, ContactPlace, ContactRow, ContactSearch, Cursor, FoundContacts, HistoryRow, Kept,
    ListedContactRow, Merged, NewContact, Page, PlaceRow, Visibility,
};

verbs! {
    /// Keeps a new contact and hands it back.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::store::Error::Exists) when its id is taken.
    fn create_contact(&self, contact: NewContact) -> ContactRow;

    /// Changes a contact, and hands it back when that could be done.
    ///
    /// # Errors
    /// When the database fails.
    fn change_contact(&self, id: &str, change: ContactChange) -> (Merged, Option<ContactRow>);

    /// Deletes a contact; false when there is none. Its calls stay.
    ///
    /// # Errors
    /// When the database fails.
    fn delete_contact(&self, id: &str) -> bool;

    /// Creates or replaces contacts in one transaction and says for each what became of it. A contact with an id
    /// replaces the one of that id; one without replaces the only one of its number.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    fn put_contacts(&self, contacts: Vec<NewContact>) -> Vec<Kept>;

    /// # Errors
    /// When the database fails.
    fn contact(&self, id: &str) -> Option<ContactRow>;

    /// At most `limit` contacts, newest first, behind `after`. With `search` those whose name or number holds it,
    /// or whose id it is.
    ///
    /// # Errors
    /// When the database fails.
    fn contacts(&self, search: Option<&str>, after: Option<&Cursor>, limit: u32) -> Page<ContactRow>;

    /// At most `limit` contacts of every kind that fit, behind `after`: those kept by themselves, then those of lists. Those
    /// found by number, campaign or wish not to be called come by number, others newest first.
    ///
    /// # Errors
    /// When the database fails.
    fn find_contacts(&self, search: &ContactSearch, after: Option<ContactPlace>, limit: u32) -> FoundContacts;

    /// A contact of a list, unless its list or its file is gone.
    ///
    /// # Errors
    /// When the database fails.
    fn listed_contact(&self, id: i64) -> Option<ListedContactRow>;

    /// At most `limit` contacts kept by themselves with the number `digits`, as it is compared, newest first.
    ///
    /// # Errors
    /// When the database fails.
    fn kept_contacts_of(&self, digits: &str, limit: u32) -> Vec<ContactRow>;

    /// At most `limit` contacts of lists with the number `digits`, as it is compared, and behind them those that share one of
    /// `external_ids`.
    ///
    /// # Errors
    /// When the database fails.
    fn listed_contacts_of(&self, digits: &str, external_ids: &[String], limit: u32) -> Vec<ListedContactRow>;

    /// Where the number `digits`, as it is compared, stands in campaigns; newest campaigns first.
    ///
    /// # Errors
    /// When the database fails.
    fn places_of(&self, digits: &str, limit: u32) -> Vec<PlaceRow>;

    /// At most `limit` calls of contacts within `visibility`, newest first, behind `after`; with `user` those in which that user is
    /// the contact or the one who asked for the call.
    ///
    /// # Errors
    /// When the database fails.
    fn history(
        &self,
        user: Option<&str>,
        visibility: &Visibility,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Page<HistoryRow>;

    /// One call and whose it is; `None` when there is none, or no contact has to do with it.
    ///
    /// # Errors
    /// When the database fails.
    fn contact_call(&self, call_id: &str) -> Option<HistoryRow>;

    /// Merges `patch` into a call's metadata (RFC 7396).
    ///
    /// # Errors
    /// When the database fails.
    fn merge_metadata(&self, call_id: &str, patch: Value) -> Merged;

    /// Puts the numbers that are kept into their one form, those without a country code into that of `country`. Says
    /// how many changed.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    fn put_numbers_into_one_form(&self, country: Option<Country>) -> usize;
}
