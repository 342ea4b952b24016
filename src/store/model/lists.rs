//! Lists of contacts, and the files that are read into them.

use serde_json::{Map, Value};
use sqlx::FromRow;

use super::state::{ImportState, RowErrorKind, ZoneFrom};

/// Rows of each kind of which it is kept why they were not taken; the rest is counted.
pub const KEPT_ERRORS: i64 = 1_000;

/// A list as it is made.
#[derive(Clone, Debug, Default)]
pub struct NewList {
    pub name: String,
    /// Two letters.
    pub country: Option<String>,
    /// A name of the IANA data base.
    pub zone: Option<String>,
}

/// A list.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ListRow {
    pub id: String,
    pub name: String,
    /// Of numbers that do not name their own.
    pub country: Option<String>,
    /// Of contacts whose zone nothing else tells.
    pub zone: Option<String>,
    /// Names of variables that were seen.
    #[sqlx(json)]
    pub columns: Vec<String>,
    /// Raised by each import and each undo.
    pub version: i64,
    pub contacts: i64,
    pub author: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// A file that is going to be read into a list.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Also the name of its file, until it is done.
    pub id: String,
    pub list_id: String,
    /// What its sender calls it.
    pub source: String,
    /// SHA-256 of its bytes, in hex.
    pub digest: String,
    pub read_as: Option<String>,
    pub mapping: Value,
    pub size: u64,
}

/// An import.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ImportRow {
    pub id: String,
    pub list_id: String,
    /// That of the list once it is done.
    pub version: i64,
    pub state: ImportState,
    pub source: String,
    pub digest: String,
    /// How the file was read, in words.
    pub read_as: Option<String>,
    #[sqlx(json)]
    pub mapping: Value,
    /// Bytes of the file, and how many of them were read.
    pub size: i64,
    pub position: i64,
    /// Where it goes on after a restart.
    pub next_row: i64,
    /// `added`, `duplicates` and `refused` together.
    pub rows: i64,
    pub added: i64,
    pub duplicates: i64,
    pub refused: i64,
    /// Those added whose number another list has, too.
    pub elsewhere: i64,
    /// Those added whose zone is known by a column, by their number, by the list.
    pub zone_column: i64,
    pub zone_number: i64,
    pub zone_list: i64,
    /// Why it failed.
    pub problem: Option<String>,
    pub author: String,
    pub at_ms: i64,
    pub ended_ms: Option<i64>,
    pub undone_ms: Option<i64>,
}

/// A row that is taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewListContact {
    /// From 1; of a table the header is line 1.
    pub line: u64,
    /// In its one form.
    pub number: String,
    /// As it is compared.
    pub digits: String,
    /// A name of the IANA data base, and how it is known.
    pub zone: Option<(String, ZoneFrom)>,
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub consent_ms: Option<i64>,
    pub consent_source: Option<String>,
    pub variables: Map<String, Value>,
}

/// A row that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    pub line: u64,
    /// All that is wrong with it.
    pub problems: Vec<RowProblem>,
}

/// What is wrong with a row, or with a field of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    pub field: Option<String>,
    pub problem: String,
}

/// Rows of a file that are written down together.
#[derive(Clone, Debug, Default)]
pub struct RowChunk {
    /// How many rows come before it in the file.
    pub first_row: u64,
    pub taken: Vec<NewListContact>,
    pub refused: Vec<RefusedRow>,
    /// Bytes of the file that were read.
    pub position: u64,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct RowErrorRow {
    pub line: i64,
    pub kind: RowErrorKind,
    pub field: Option<String>,
    pub problem: String,
}

/// A contact of a list.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct ListContactRow {
    pub id: i64,
    pub import_id: String,
    pub line: i64,
    pub number: String,
    pub zone: Option<String>,
    pub zone_from: Option<ZoneFrom>,
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub consent_ms: Option<i64>,
    pub consent_source: Option<String>,
    #[sqlx(json)]
    pub variables: Value,
}

/// Which contacts of a list are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListSearch {
    /// Those whose number, as it is compared, begins so.
    Digits(String),
    /// Those with this in their name, or with this id.
    Text(String),
}
