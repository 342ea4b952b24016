//! A look at a file before it is imported: how it is read, what its columns hold, and what its first rows would become.

use std::collections::BTreeMap;
use std::path::Path;

use callcore::number::Country;
use serde_json::Value;

use super::contact::Maker;
use super::error::Error;
use super::file::{Content, Source};
use super::mapping::Mapping;
use crate::store::{ListRow, NewListContact, RowProblem};

/// Rows that are shown.
const SHOWN: usize = 20;
/// Files up to this size are read to their end for a look, bytes: it takes half a second.
const WHOLE: u64 = 4 * 1024 * 1024;
/// Longest field that is shown, characters.
const LONGEST: usize = 200;

/// A look at a file.
#[derive(Clone, Debug)]
pub struct Look {
    /// `csv`, `xlsx` or `jsonlines`.
    pub format: &'static str,
    /// How it is read, in words.
    pub read_as: String,
    /// The line of the header, where there is one.
    pub header_line: Option<u64>,
    /// What its columns hold.
    pub mapping: Mapping,
    /// What is wrong with that, by column; the file can be imported when nothing is.
    pub faults: Vec<(String, String)>,
    /// Its first rows.
    pub samples: Vec<Sample>,
    /// All of its rows, when there are not too many for a look.
    pub whole: Option<Checked>,
}

/// The rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    pub rows: u64,
    /// Those that would be refused.
    pub refused: u64,
}

/// Reads a file to its end and keeps nothing. Its columns hold what their names tell.
///
/// # Errors
/// When it cannot be read.
pub fn check(path: &Path, list: &ListRow, usual: Option<Country>, now_ms: i64) -> Result<Checked, Error> {
    let source = Source::open(path, false)?;
    let mapping = Mapping::guess(source.header());
    counted(&source, Maker::new(&mapping, list, usual, now_ms))
}

fn counted(source: &Source, mut maker: Maker<'_>) -> Result<Checked, Error> {
    let mut all = Checked { rows: 0, refused: 0 };
    source.rows(|row, _| {
        all.rows += 1;
        all.refused += u64::from(maker.make(row).is_err());
        true
    })?;
    Ok(all)
}

/// A row of a file.
#[derive(Clone, Debug)]
pub struct Sample {
    pub line: u64,
    /// Its fields, in the order of the columns; none when it is no row.
    pub fields: Vec<String>,
    pub taken: Taken,
}

/// What a row would become.
#[derive(Clone, Debug)]
pub enum Taken {
    Contact(Box<NewListContact>),
    Refused(Vec<RowProblem>),
}

/// A mapping for a file: guessed, and as somebody says it.
///
/// # Errors
/// [`Error::Mapping`] when they name columns or meanings that there are not.
pub(super) fn mapped(source: &Source, said: &BTreeMap<String, String>) -> Result<Mapping, Error> {
    Mapping::guess(source.header()).with(said)
}

impl Look {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it cannot be read, or `said` names columns or meanings that there are not.
    pub(super) fn at(
        path: &Path,
        said: &BTreeMap<String, String>,
        (list, usual): (&ListRow, Option<Country>),
        now_ms: i64,
    ) -> Result<Self, Error> {
        let source = Source::open(path, false)?;
        let mapping = mapped(&source, said)?;
        let mut maker = Maker::new(&mapping, list, usual, now_ms);
        let mut samples = Vec::with_capacity(SHOWN);
        source.rows(|row, _| {
            let fields = match &row.content {
                Ok(Content::Fields(fields)) => {
                    fields.iter().take(source.header().len()).map(|field| shortened(field)).collect()
                }
                Ok(Content::Members(members)) => {
                    let shown = |name: &String| members.get(name).map(shown).unwrap_or_default();
                    source.header().iter().map(shown).collect()
                }
                Err(_) => Vec::new(),
            };
            let line = row.line;
            let taken = match maker.make(row) {
                Ok(contact) => Taken::Contact(Box::new(contact)),
                Err(refused) => Taken::Refused(refused.problems),
            };
            samples.push(Sample { line, fields, taken });
            samples.len() < SHOWN
        })?;
        let mut faults = mapping.faults();
        if faults.iter().any(|(column, _)| column == "phone") && looks_like_data(source.header(), list, usual)
        {
            let why = "the first line holds a number where the names of the columns should be; put a line with names above it";
            faults = vec![("phone".to_owned(), why.to_owned())];
        }
        let whole = if faults.is_empty() && source.size() <= WHOLE {
            Some(counted(&source, Maker::new(&mapping, list, usual, now_ms))?)
        } else {
            None
        };
        Ok(Self {
            whole,
            format: source.format().word(),
            read_as: source.read_as(),
            header_line: source.header_line(),
            faults,
            samples,
            mapping,
        })
    }
}

/// Whether a header is a row of a table without one.
fn looks_like_data(header: &[String], list: &ListRow, usual: Option<Country>) -> bool {
    let country = list.country.as_deref().and_then(|country| country.parse().ok()).or(usual);
    header
        .iter()
        .any(|field| callcore::number::read(field, country).is_ok_and(|read| read.as_str().len() > 7))
}

fn shown(value: &Value) -> String {
    shortened(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
