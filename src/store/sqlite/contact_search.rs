//! Contacts of every kind, looked for.
//!
//! One condition leads: an index gives its rows in order, from where the page before ended. The others are asked of each of
//! these rows, of so many at most that a page is always there at once, however few fit.

use sqlx::{FromRow, QueryBuilder, Row};
use sqlx_sqlite::Sqlite;

use super::contacts::{COLUMNS as KEPT, WISHES as OF_KEPT};
use super::engine::Engine;
use super::query::like;
use crate::store::error::Error;
use crate::store::model::{
    ContactPlace, ContactRow, ContactSearch, ContactSource, FoundContact, FoundContacts, ListedContactRow,
    PlaceRow,
};

/// Rows that are looked at for one page.
const LOOKED_AT: i64 = 10_000;

const LISTED: &str = "SELECT c.id, c.list_id, l.name AS list_name, c.import_id, c.line, c.number, c.digits, c.zone, c.zone_from, \
                      c.external_id, c.name, c.consent_ms, c.consent_source, c.variables, d.at_ms AS do_not_call_ms";
/// What stays out of sight: rows of deleted lists, and of files that are not read or not undone yet.
const OF_LISTS: &str = " CROSS JOIN lists l ON l.id = c.list_id AND l.deleted_ms IS NULL \
                        CROSS JOIN list_imports i ON i.id = c.import_id AND i.state = 'done' \
                        LEFT JOIN do_not_call d ON d.number = c.digits";

/// The condition by whose index contacts are gone through.
enum Lead {
    Id(String),
    ExternalId(String),
    Campaign(String),
    Digits(String),
    /// As the index of texts takes it.
    Name(String),
    OptedOut,
    List(String),
    Consent(bool),
    All,
}

/// Letters up to which the index has beginnings of words; with more it would have to gather every word that fits first.
const INDEXED: usize = 6;

/// The words of a name that is looked for.
fn split(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Words of a name as the index of texts takes them, as far as it has them; `None`: there is no word in it.
fn words(name: &str) -> Option<String> {
    let words = split(name).map(|word| word.chars().take(INDEXED).collect::<String>());
    let words: Vec<String> = words.map(|word| format!("\"{word}\" *")).collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}

impl ContactSource {
    /// The table, its integer key, and the index of its names.
    const fn table(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Kept => ("contacts", "place", "contact_names"),
            Self::Listed => ("list_contacts", "id", "list_contact_names"),
        }
    }

    /// What leads through this source; `None`: nothing of it can fit.
    fn lead(self, search: &ContactSearch) -> Option<Lead> {
        let alone = self == Self::Kept;
        if alone && (search.campaign.is_some() || search.list.is_some() || search.consent.is_some()) {
            return None;
        }
        if let Some(id) = &search.external_id {
            return Some(if alone { Lead::Id(id.clone()) } else { Lead::ExternalId(id.clone()) });
        }
        if let Some(campaign) = &search.campaign {
            return Some(Lead::Campaign(campaign.clone()));
        }
        if let Some(digits) = &search.digits {
            return Some(Lead::Digits(digits.clone()));
        }
        if let Some(name) = &search.name {
            return words(name).map(Lead::Name);
        }
        if search.opted_out == Some(true) {
            return Some(Lead::OptedOut);
        }
        if let Some(list) = &search.list {
            return Some(Lead::List(list.clone()));
        }
        Some(search.consent.map_or(Lead::All, Lead::Consent))
    }
}

/// From where a lead is followed.
struct Begin {
    place: ContactPlace,
    /// The number there, where numbers are in order.
    digits: String,
}

/// Rows of a lead behind a place, in its order: `k` names the contact, `n` the row of the do-not-call list.
fn follow(query: &mut QueryBuilder<Sqlite>, lead: &Lead, from: &Begin, (limit, skip): (i64, i64)) {
    let (table, key, names) = from.place.source.table();
    let row = from.place.row;
    let newest_first = |query: &mut QueryBuilder<Sqlite>, key: &str| {
        if row > 0 {
            query.push(format_args!(" AND {key} < ")).push_bind(row);
        }
        query.push(format_args!(" ORDER BY {key} DESC"));
    };
    match lead {
        Lead::Id(id) => {
            query
                .push(format_args!("SELECT {key} AS k, 0 AS n FROM {table} WHERE id = "))
                .push_bind(id.clone());
            newest_first(query, key);
        }
        Lead::ExternalId(id) => {
            query.push(format_args!("SELECT {key} AS k, 0 AS n FROM {table} WHERE external_id = "));
            query.push_bind(id.clone());
            newest_first(query, key);
        }
        Lead::Campaign(campaign) => {
            query.push("SELECT contact_id AS k, 0 AS n FROM places WHERE campaign_id = ");
            query.push_bind(campaign.clone());
            query.push(" AND digits > ").push_bind(from.digits.clone()).push(" ORDER BY digits");
        }
        Lead::Digits(digits) => {
            query.push(format_args!("SELECT {key} AS k, 0 AS n FROM {table} WHERE digits >= "));
            query.push_bind(from.digits.clone().max(digits.clone()));
            query.push(" AND digits < ").push_bind(format!("{digits}:"));
            query.push(" AND (digits > ").push_bind(from.digits.clone());
            query.push(format_args!(" OR {key} > ")).push_bind(row);
            query.push(format_args!(") ORDER BY digits, {key}"));
        }
        Lead::Name(words) => {
            query.push(format_args!("SELECT rowid AS k, 0 AS n FROM {names} WHERE {names} MATCH "));
            query.push_bind(words.clone());
            newest_first(query, "rowid");
        }
        Lead::OptedOut => {
            query.push(format_args!(
                "SELECT t.{key} AS k, o.place AS n FROM (SELECT rowid AS place, number FROM do_not_call WHERE number >= "
            ));
            query.push_bind(from.digits.clone()).push(" ORDER BY number LIMIT ").push_bind(limit + skip);
            query.push(format_args!(") o CROSS JOIN {table} t ON t.digits = o.number WHERE (o.number > "));
            query.push_bind(from.digits.clone());
            query.push(format_args!(" OR t.{key} > ")).push_bind(row);
            query.push(format_args!(") ORDER BY o.number, t.{key}"));
        }
        Lead::List(list) => {
            query.push(format_args!("SELECT {key} AS k, 0 AS n FROM {table} WHERE list_id = "));
            query.push_bind(list.clone());
            newest_first(query, key);
        }
        Lead::Consent(given) => {
            let is = if *given { "IS NOT NULL" } else { "IS NULL" };
            query.push(format_args!("SELECT {key} AS k, 0 AS n FROM {table} WHERE consent_ms {is}"));
            newest_first(query, key);
        }
        Lead::All => {
            query.push(format_args!("SELECT {key} AS k, 0 AS n FROM {table} WHERE TRUE"));
            newest_first(query, key);
        }
    }
    query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(skip);
}

/// Everything that is asked of each row.
fn narrow(query: &mut QueryBuilder<Sqlite>, source: ContactSource, lead: &Lead, search: &ContactSearch) {
    if let Some(digits) = &search.digits {
        query.push(" AND c.digits >= ").push_bind(digits.clone());
        query.push(" AND c.digits < ").push_bind(format!("{digits}:"));
    }
    if let Some(name) = &search.name {
        of_name(query, source, (name, matches!(lead, Lead::Name(_))));
    }
    match search.opted_out {
        Some(true) => drop(query.push(" AND d.number IS NOT NULL")),
        Some(false) => drop(query.push(" AND d.number IS NULL")),
        None => {}
    }
    if source == ContactSource::Kept {
        return;
    }
    if let Some(list) = &search.list {
        query.push(" AND c.list_id = ").push_bind(list.clone());
    }
    match search.consent {
        Some(true) => drop(query.push(" AND c.consent_ms IS NOT NULL")),
        Some(false) => drop(query.push(" AND c.consent_ms IS NULL")),
        None => {}
    }
    if let Some(campaign) = &search.campaign {
        query.push(" AND EXISTS (SELECT 1 FROM places p WHERE p.contact_id = c.id AND p.campaign_id = ");
        query.push_bind(campaign.clone()).push(")");
    }
}

/// Asks a row for a name, unless the lead has asked already. To ask the index for each row would cost more than to read it, so it is
/// asked only where letters with accents are to be compared.
fn of_name(query: &mut QueryBuilder<Sqlite>, source: ContactSource, (name, leads): (&str, bool)) {
    let (_, key, names) = source.table();
    let Some(indexed) = words(name) else { return };
    if leads && split(name).all(|word| word.chars().count() <= INDEXED) {
        return;
    }
    query.push(" AND (");
    if name.is_ascii() {
        query.push("(TRUE");
        for word in split(name) {
            query.push(" AND c.name LIKE ").push_bind(like(word)).push(" ESCAPE '\\'");
        }
        query.push(") OR c.name GLOB '*[^ -~]*' AND ");
    }
    query.push(format_args!("EXISTS (SELECT 1 FROM {names} w WHERE w.rowid = c.{key} AND {names} MATCH "));
    query.push_bind(indexed).push("))");
}

/// What was found in one source: the rows, each with its place, and where the search goes on in it.
struct Part {
    items: Vec<(FoundContact, ContactPlace)>,
    tired: Option<ContactPlace>,
}

impl Engine {
    pub(in crate::store) async fn find_contacts(
        &self,
        search: &ContactSearch,
        after: Option<ContactPlace>,
        limit: u32,
    ) -> Result<FoundContacts, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let begin = |source| ContactPlace { source, row: 0, listed: 0 };
        let after = after.unwrap_or_else(|| begin(ContactSource::Kept));
        let mut items: Vec<(FoundContact, ContactPlace)> = Vec::new();
        for source in [ContactSource::Kept, ContactSource::Listed] {
            if after.source == ContactSource::Listed && source == ContactSource::Kept {
                continue;
            }
            let Some(lead) = source.lead(search) else { continue };
            let place = if after.source == source { after } else { begin(source) };
            let part = self.find_in(search, &lead, place, limit + 1 - items.len()).await?;
            items.extend(part.items);
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|(_, place)| *place);
                let items = items.into_iter().map(|(item, _)| item).collect();
                return Ok(FoundContacts { items, next, tired: false });
            }
            if let Some(next) = part.tired {
                let items = items.into_iter().map(|(item, _)| item).collect();
                return Ok(FoundContacts { items, next: Some(next), tired: true });
            }
        }
        let items = items.into_iter().map(|(item, _)| item).collect();
        Ok(FoundContacts { items, next: None, tired: false })
    }

    async fn find_in(
        &self,
        search: &ContactSearch,
        lead: &Lead,
        place: ContactPlace,
        limit: usize,
    ) -> Result<Part, Error> {
        let source = place.source;
        let from = Begin { digits: self.digits_at(lead, place).await?, place };
        let (table, key, _) = source.table();
        let mut query = QueryBuilder::<Sqlite>::new(match source {
            ContactSource::Kept => KEPT,
            ContactSource::Listed => LISTED,
        });
        query.push(", s.k AS found_row, s.n AS found_listed FROM (");
        follow(&mut query, lead, &from, (LOOKED_AT, 0));
        query.push(format_args!(") s CROSS JOIN {table} c ON c.{key} = s.k"));
        query.push(match source {
            ContactSource::Kept => OF_KEPT,
            ContactSource::Listed => OF_LISTS,
        });
        query.push(" WHERE TRUE");
        narrow(&mut query, source, lead, search);
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let at = |(row, listed): (i64, i64)| ContactPlace { source, row, listed };
        let rows = query.build().fetch_all(&self.readers).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let found = match source {
                ContactSource::Kept => FoundContact::Kept(ContactRow::from_row(row)?),
                ContactSource::Listed => FoundContact::Listed(ListedContactRow::from_row(row)?),
            };
            items.push((found, at((row.try_get("found_row")?, row.try_get("found_listed")?))));
        }
        if items.len() >= limit {
            return Ok(Part { items, tired: None });
        }
        let tired = self.last_looked_at(lead, &from).await?.map(at);
        Ok(Part { items, tired })
    }

    /// The last of the rows that are looked at, unless the lead ends before.
    async fn last_looked_at(&self, lead: &Lead, from: &Begin) -> Result<Option<(i64, i64)>, Error> {
        if let Lead::OptedOut = lead {
            // The do-not-call list is what is gone through, and few of its numbers may be contacts.
            let query = sqlx::query_as(
                "SELECT 9223372036854775807, rowid FROM do_not_call WHERE number >= $1 ORDER BY number LIMIT 1 OFFSET $2",
            );
            let query = query.bind(from.digits.clone()).bind(LOOKED_AT - 1);
            return Ok(query.fetch_optional(&self.readers).await?);
        }
        let mut query = QueryBuilder::<Sqlite>::new("");
        follow(&mut query, lead, from, (1, LOOKED_AT - 1));
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    /// The number at a place, for leads that go by numbers. What is gone since begins anew.
    async fn digits_at(&self, lead: &Lead, place: ContactPlace) -> Result<String, Error> {
        let (table, key, _) = place.source.table();
        let found: Option<String> = match lead {
            Lead::OptedOut => {
                let query = sqlx::query_scalar("SELECT number FROM do_not_call WHERE rowid = $1");
                query.bind(place.listed).fetch_optional(&self.readers).await?
            }
            Lead::Digits(_) | Lead::Campaign(_) => {
                let mut query = QueryBuilder::<Sqlite>::new("SELECT digits FROM ");
                query.push(format_args!("{table} WHERE {key} = ")).push_bind(place.row);
                query.build_query_scalar().fetch_optional(&self.readers).await?
            }
            Lead::Id(_)
            | Lead::ExternalId(_)
            | Lead::Name(_)
            | Lead::List(_)
            | Lead::Consent(_)
            | Lead::All => None,
        };
        Ok(found.unwrap_or_default())
    }

    pub(in crate::store) async fn listed_contact(&self, id: i64) -> Result<Option<ListedContactRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(LISTED);
        query.push(" FROM list_contacts c").push(OF_LISTS).push(" WHERE c.id = ").push_bind(id);
        Ok(query.build_query_as().fetch_optional(&self.readers).await?)
    }

    pub(in crate::store) async fn kept_contacts_of(
        &self,
        digits: &str,
        limit: u32,
    ) -> Result<Vec<ContactRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(KEPT);
        query.push(" FROM contacts c").push(OF_KEPT).push(" WHERE c.digits = ").push_bind(digits.to_owned());
        query.push(" ORDER BY c.place DESC LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn listed_contacts_of(
        &self,
        digits: &str,
        external_ids: &[String],
        limit: u32,
    ) -> Result<Vec<ListedContactRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(LISTED);
        query.push(" FROM (SELECT id FROM list_contacts WHERE digits = ").push_bind(digits.to_owned());
        query.push(" UNION SELECT id FROM list_contacts WHERE external_id IN (SELECT value FROM json_each(");
        query.push_bind(serde_json::to_string(external_ids).unwrap_or_default());
        query.push("))) s CROSS JOIN list_contacts c ON c.id = s.id").push(OF_LISTS);
        query.push(" ORDER BY c.digits <> ").push_bind(digits.to_owned());
        query.push(", c.id DESC LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn places_of(&self, digits: &str, limit: u32) -> Result<Vec<PlaceRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT p.*, c.name, c.external_id, c.variables, c.consent_ms FROM campaigns k \
             CROSS JOIN places p ON p.campaign_id = k.id AND p.digits = ",
        );
        query.push_bind(digits.to_owned());
        query.push(" LEFT JOIN list_contacts c ON c.id = p.contact_id ORDER BY k.created_ms DESC LIMIT ");
        query.push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_looked_for_is_words_and_no_query() {
        assert_eq!(words("Ani  Bu"), Some("\"Ani\" * AND \"Bu\" *".to_owned()));
        assert_eq!(words("x\" OR NOT a*"), Some("\"x\" * AND \"OR\" * AND \"NOT\" * AND \"a\" *".to_owned()));
        assert_eq!(words("Muhammad"), Some("\"Muhamm\" *".to_owned()));
        assert_eq!(words(" -- ' "), None);
    }
}
