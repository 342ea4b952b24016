//! What every kind of file is made of.

use serde_json::{Map, Value};

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Xlsx,
    JsonLines,
}

impl Format {
    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::JsonLines => "jsonlines",
        }
    }
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// A field for each column, without blanks around it.
    Fields(Vec<String>),
    /// Fields by name.
    Members(Map<String, Value>),
}

/// A row, or why it is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// From 1; of a table the header has one, too.
    pub(crate) line: u64,
    pub(crate) content: Result<Content, String>,
}

/// What becomes of the rows: false ends the reading.
pub(super) type Visit<'v> = dyn FnMut(Row, u64) -> bool + 'v;
