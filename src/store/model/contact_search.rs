//! Who is looked for among all contacts: those that are kept one by one, and those of lists.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use sqlx::FromRow;

use super::contacts::ContactRow;
use super::state::ZoneFrom;

/// What a contact must be to be found. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactSearch {
    /// The beginning of the number, as it is compared.
    pub digits: Option<String>,
    /// Beginnings of words of the name, in any order, without regard to case and accents.
    pub name: Option<String>,
    /// The whole id that its owner's system has for it.
    pub external_id: Option<String>,
    /// The id of a list.
    pub list: Option<String>,
    /// Whether it is known when they agreed to be called.
    pub consent: Option<bool>,
    /// Whether the number is on the do-not-call list.
    pub opted_out: Option<bool>,
    /// The id of a campaign.
    pub campaign: Option<String>,
}

/// A contact of a list, wherever it is shown without its list.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ListedContactRow {
    pub id: i64,
    pub list_id: String,
    pub list_name: String,
    pub import_id: String,
    /// In the file that it came with, from 1.
    pub line: i64,
    pub number: String,
    pub digits: String,
    pub zone: Option<String>,
    pub zone_from: Option<ZoneFrom>,
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub consent_ms: Option<i64>,
    pub consent_source: Option<String>,
    #[sqlx(json)]
    pub variables: Value,
    /// Since when the number is not to be called.
    pub do_not_call_ms: Option<i64>,
}

/// A contact that was found.
#[derive(Clone, Debug, PartialEq)]
pub enum FoundContact {
    /// One that is kept by itself.
    Kept(ContactRow),
    /// One of a list.
    Listed(ListedContactRow),
}

/// Where contacts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactSource {
    Kept,
    Listed,
}

/// Behind which contact a search goes on. Opaque; tells nobody a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactPlace {
    pub(in crate::store) source: ContactSource,
    /// The row of the contact; 0 is before the first.
    pub(in crate::store) row: i64,
    /// The row of the do-not-call list, where that is gone through.
    pub(in crate::store) listed: i64,
}

impl fmt::Display for ContactPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            ContactSource::Kept => 'k',
            ContactSource::Listed => 'l',
        };
        write!(f, "{source}.{}.{}", self.row, self.listed)
    }
}

impl FromStr for ContactPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || format!("{text:?} is not a place of an earlier page");
        let mut parts = text.split('.');
        let source = match parts.next() {
            Some("k") => ContactSource::Kept,
            Some("l") => ContactSource::Listed,
            Some(_) | None => return Err(bad()),
        };
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(bad);
        let (row, listed) = (number()?, number()?);
        if parts.next().is_some() { Err(bad()) } else { Ok(Self { source, row, listed }) }
    }
}

/// A page of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundContacts {
    pub items: Vec<FoundContact>,
    /// Where the search goes on; `None`: it is at its end.
    pub next: Option<ContactPlace>,
    /// So many contacts were looked at that the page ends here, whether or not it is full.
    pub tired: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_travels_as_text_and_nothing_else_is_one() {
        let place = ContactPlace { source: ContactSource::Listed, row: 12, listed: 3 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "k", "k.1", "x.1.2", "l.1.2.3", "l.a.2", "l.1.99999999999999999999"] {
            assert!(wrong.parse::<ContactPlace>().is_err(), "{wrong}");
        }
    }
}
