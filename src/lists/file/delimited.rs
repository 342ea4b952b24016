//! Tables as spreadsheets save them (CSV): with commas, semicolons, tabs or strokes between the fields, and stray quotes.

use std::io;
use std::path::Path;

use encoding_rs::Encoding;

use super::record::{Shape, Stray, record};
use super::row::{Content, Row, Visit};
use super::text::{AHEAD, Text};
use crate::lists::columns::phone_column;
use crate::lists::limits::{COLUMNS, FIELD, HEADER_WITHIN, ROW, long_row, wide_row};

/// Signs between fields, the likeliest first.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// A table whose header was found.
#[derive(Clone, Debug)]
pub(super) struct Delimited {
    encoding: &'static Encoding,
    separator: char,
    pub(super) header: Vec<String>,
    /// The line of the header.
    pub(super) line: u64,
    /// Bytes of text from its beginning to the row behind the header, and the line of that row.
    rows: (usize, u64),
}

impl Delimited {
    /// Finds out how the table is written. `Err(Ok(_))` says what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, Result<String, io::Error>> {
        let (mut text, encoding) = Text::open(path).map_err(Err)?;
        let window = text.window().map_err(Err)?;
        if window.chars().take(AHEAD).any(|c| c == '\0') {
            return Err(Ok(
                "this is neither a table nor lines of JSON; send CSV, XLSX or JSON lines".to_owned()
            ));
        }
        let (told, lines) = top(window);
        let candidates = told.map_or_else(|| SEPARATORS.to_vec(), |sign| vec![sign]);
        let mut by_separator: Vec<Vec<Self>> = Vec::new();
        for separator in candidates {
            let mut tables = Vec::new();
            for (at, line) in &lines {
                let rest = window.get(*at..).unwrap_or_default();
                let Ok((header, length, took)) = record(rest, separator, Shape::default()) else { continue };
                let rows = (at + length, line + took);
                tables.push(Self { encoding, separator, header, line: *line, rows });
            }
            by_separator.push(tables);
        }
        let named = |table: &&Self| phone_column(&table.header).is_some();
        let first_named = by_separator.iter().flatten().filter(named).min_by_key(|table| table.line);
        let found = first_named.cloned().or_else(|| {
            // The likeliest separator of those that cut as evenly.
            let tables = by_separator.iter().rev().max_by_key(|tables| evenness(tables))?;
            let widths: Vec<usize> = tables.iter().map(|table| filled(&table.header)).collect();
            tables.get(header_among(&widths)).cloned()
        });
        match found {
            Some(table) => table.checked().map_err(Ok),
            None => Err(Ok("the file is empty; its first line must name the columns".to_owned())),
        }
    }

    fn checked(self) -> Result<Self, String> {
        if self.header.len() > COLUMNS {
            return Err(format!("the header {}", wide_row(self.header.len())));
        }
        Ok(self)
    }

    /// How it was read, in words.
    pub(super) fn read_as(&self) -> String {
        let between = match self.separator {
            ',' => "commas",
            ';' => "semicolons",
            '\t' => "tabs",
            '|' => "vertical bars",
            _ => "other signs",
        };
        let line = if self.line > 1 { format!(", header in line {}", self.line) } else { String::new() };
        format!("CSV in {} with {between} between the fields{line}", self.encoding.name())
    }

    /// Calls `visit` with each row below the header; empty ones are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn rows(&self, path: &Path, visit: &mut Visit<'_>) -> io::Result<()> {
        let (mut text, _) = Text::open(path)?;
        let (begin, mut line) = self.rows;
        text.window()?;
        text.skip(begin);
        let phone = phone_column(&self.header).unwrap_or_default();
        let shape = Shape { columns: self.header.len(), phone };
        loop {
            let last = text.is_ended();
            let window = text.window()?;
            let last = last || window.len() < AHEAD;
            if window.is_empty() {
                return Ok(());
            }
            let (row, length, lines) = self.row(window, line, shape, last);
            let own = line;
            line += lines;
            let content = match row {
                Found::Nothing => None,
                Found::Fields(fields) => Some(Ok(Content::Fields(fields))),
                Found::Wrong(problem) => Some(Err(problem)),
                Found::Endless => {
                    line += skip_line(&mut text)?;
                    Some(Err(long_row()))
                }
            };
            text.skip(length);
            if let Some(content) = content
                && !visit(Row { line: own, content }, text.position())
            {
                return Ok(());
            }
        }
    }

    /// The row at the beginning of `window`, and the bytes and lines that it takes.
    fn row(&self, window: &str, line: u64, shape: Shape, last: bool) -> (Found, usize, u64) {
        let end = window.find('\n');
        let Some(length) = end.map(|end| end + 1).or_else(|| last.then_some(window.len())) else {
            return (Found::Endless, 0, 0);
        };
        let first = window.get(..length).unwrap_or_default();
        if length > ROW {
            return (Found::Wrong(long_row()), length, 1);
        }
        if first.trim().is_empty() {
            return (Found::Nothing, length, 1);
        }
        if !first.as_bytes().contains(&b'"') {
            let line = first.strip_suffix('\n').unwrap_or(first);
            let fields: Vec<String> =
                line.split(self.separator).map(|field| field.trim().to_owned()).collect();
            return (self.checked_row(fields), length, 1);
        }
        match record(window, self.separator, shape) {
            Ok((_, length, lines)) if length > ROW => (Found::Wrong(long_row()), length, lines),
            Ok((fields, length, lines)) => (self.checked_row(fields), length, lines),
            Err(Stray::Open { column }) => {
                let problem = format!(
                    "a quote opens at character {column} and is not closed before the next row; double it, or take it out"
                );
                (Found::Wrong(problem), length, 1)
            }
            Err(Stray::Swallows { column, length, lines }) => {
                let to = line + lines.saturating_sub(1);
                let problem = format!(
                    "a quote opens at character {column} and closes behind what look like further rows; nothing of lines \
                     {line} to {to} was taken: take the quotes out, or the line breaks between them"
                );
                (Found::Wrong(problem), length, lines)
            }
        }
    }

    fn checked_row(&self, fields: Vec<String>) -> Found {
        // A row that somebody has emptied keeps its separators.
        if fields.iter().all(String::is_empty) {
            return Found::Nothing;
        }
        match misfit(&fields, self.header.len()) {
            Some(problem) => Found::Wrong(problem),
            None => Found::Fields(fields),
        }
    }
}

/// What stands at a place of the table.
enum Found {
    /// Nothing but separators.
    Nothing,
    Fields(Vec<String>),
    Wrong(String),
    /// A line whose end is farther away than any row is long.
    Endless,
}

/// How many lines are cut into as many fields as others, of two or more; and into how many.
fn evenness(tables: &[Delimited]) -> (usize, usize) {
    let widths: Vec<usize> =
        tables.iter().map(|table| table.header.len()).filter(|width| *width > 1).collect();
    let alike = |width: &usize| widths.iter().filter(|other| *other == width).count();
    widths.iter().map(|width| (alike(width), *width)).max().unwrap_or_default()
}

/// Fields that are not empty.
pub(super) fn filled(fields: &[String]) -> usize {
    fields.iter().filter(|field| !field.is_empty()).count()
}

/// Which line at the top of a table is its header, where no column tells: the first that is not much narrower than others,
/// as a title is. `widths` are their fields that are not empty.
pub(super) fn header_among(widths: &[usize]) -> usize {
    let most = widths.iter().copied().max().unwrap_or_default();
    widths.iter().position(|width| width * 2 > most).unwrap_or_default()
}

/// Why fields are no row of a table with so many columns.
pub(super) fn misfit(fields: &[String], wanted: usize) -> Option<String> {
    let given = fields.len();
    if given < wanted || !fields.iter().skip(wanted).all(String::is_empty) {
        let s = if given == 1 { "" } else { "s" };
        return Some(format!("has {given} field{s}, the header has {wanted}"));
    }
    let long = fields.iter().position(|field| field.len() > FIELD)?;
    Some(format!("field {} is longer than {} KiB", long + 1, FIELD / 1024))
}

/// The separator that the table names itself, and where lines begin that may be its header.
fn top(window: &str) -> (Option<char>, Vec<(usize, u64)>) {
    let (mut told, mut lines) = (None, Vec::new());
    let (mut at, mut line) = (0, 1);
    while lines.len() < HEADER_WITHIN {
        let first = window.get(at..).unwrap_or_default().split_inclusive('\n').next().unwrap_or_default();
        if first.is_empty() {
            break;
        }
        let trimmed = first.trim().trim_matches('"');
        let named = trimmed.strip_prefix("sep=").or_else(|| trimmed.strip_prefix("SEP="));
        if let Some(sign) = named.filter(|_| lines.is_empty()) {
            told = if first.contains("=\t") { Some('\t') } else { sign.chars().next() };
        } else if !trimmed.chars().all(|c| SEPARATORS.contains(&c) || c.is_whitespace() || c == '"') {
            lines.push((at, line));
        }
        at += first.len();
        line += 1;
    }
    (told, lines)
}

/// Leaves a line behind that is longer than the window; how many lines that were.
fn skip_line(text: &mut Text) -> io::Result<u64> {
    loop {
        let window = text.window()?;
        let (length, ended) = match window.find('\n') {
            Some(end) => (end + 1, true),
            None => (window.len(), false),
        };
        text.skip(length);
        if ended || length == 0 {
            return Ok(1);
        }
    }
}
