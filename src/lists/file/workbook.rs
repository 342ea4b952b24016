//! Workbooks of Excel (XLSX): the first sheet that has something in it, cell by cell.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader, open_workbook};

use super::delimited::{filled, header_among, misfit};
use super::row::{Content, Row, Visit};
use crate::lists::columns::phone_column;
use crate::lists::limits::{COLUMNS, HEADER_WITHIN, ROW, long_row, wide_row};

type Book = Xlsx<BufReader<File>>;

/// From here on whole numbers may have lost digits; a spreadsheet writes them as powers of ten.
const EXACT: f64 = 1e15;

/// A sheet whose header was found.
#[derive(Clone, Debug)]
pub(super) struct Workbook {
    sheet: String,
    /// Sheets that are not read.
    others: usize,
    pub(super) header: Vec<String>,
    /// The line of the header.
    pub(super) line: u64,
    /// The last line that the sheet says it has.
    last: u64,
}

impl Workbook {
    /// Finds the first sheet that has something in it, and its header.
    ///
    /// # Errors
    /// A sentence, when it cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let mut book = book(path)?;
        let sheets: Vec<(String, bool)> = book
            .sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible))
            .collect();
        let (shown, hidden): (Vec<_>, Vec<_>) = sheets.iter().partition(|(_, visible)| *visible);
        for (name, _) in shown.into_iter().chain(hidden) {
            let mut cells = book.worksheet_cells_reader(name).map_err(|error| unreadable(&error))?;
            let last = u64::from(cells.dimensions().end.0) + 1;
            let mut top = Vec::new();
            each_row(&mut cells, &mut |line, fields| {
                if fields.iter().any(|field| !field.is_empty()) {
                    top.push((line, fields));
                }
                top.len() < HEADER_WITHIN
            })?;
            let named = top.iter().position(|(_, fields)| phone_column(fields).is_some());
            let widths: Vec<usize> = top.iter().map(|(_, fields)| filled(fields)).collect();
            if let Some((line, header)) = top.into_iter().nth(named.unwrap_or_else(|| header_among(&widths)))
            {
                let end = header.iter().rposition(|field| !field.is_empty()).map_or(0, |at| at + 1);
                let header: Vec<String> = header.into_iter().take(end).collect();
                if header.len() > COLUMNS {
                    return Err(format!("the header {}", wide_row(header.len())));
                }
                return Ok(Self { sheet: name.clone(), others: sheets.len() - 1, header, line, last });
            }
        }
        Err("the workbook is empty; its first sheet must have a line that names the columns".to_owned())
    }

    /// How it was read, in words.
    pub(super) fn read_as(&self) -> String {
        let line = if self.line > 1 { format!(", header in line {}", self.line) } else { String::new() };
        let others = match self.others {
            0 => String::new(),
            1 => ", 1 other sheet not read".to_owned(),
            more => format!(", {more} other sheets not read"),
        };
        format!("XLSX, sheet {}{line}{others}", self.sheet)
    }

    /// Calls `visit` with each row below the header, with its place in a file of `size` bytes; empty ones are left out.
    ///
    /// # Errors
    /// A sentence, when the sheet cannot be read on.
    pub(super) fn rows(&self, path: &Path, size: u64, visit: &mut Visit<'_>) -> Result<(), String> {
        let mut book = book(path)?;
        let mut cells = book.worksheet_cells_reader(&self.sheet).map_err(|error| unreadable(&error))?;
        each_row(&mut cells, &mut |line, mut fields| {
            if line <= self.line || fields.iter().all(String::is_empty) {
                return true;
            }
            let given = fields.iter().rposition(|field| !field.is_empty()).map_or(0, |at| at + 1);
            fields.resize(given.max(self.header.len()), String::new());
            let content = if fields.len() > COLUMNS {
                Err(wide_row(given))
            } else if fields.iter().map(String::len).sum::<usize>() > ROW {
                Err(long_row())
            } else {
                match misfit(&fields, self.header.len()) {
                    Some(problem) => Err(problem),
                    None => Ok(Content::Fields(fields)),
                }
            };
            let share = u128::from(size) * u128::from(line) / u128::from(self.last.max(line));
            visit(Row { line, content }, u64::try_from(share).unwrap_or(size))
        })
    }
}

fn book(path: &Path) -> Result<Book, String> {
    open_workbook(path).map_err(|error: calamine::XlsxError| unreadable(&error))
}

fn unreadable(error: &calamine::XlsxError) -> String {
    tracing::debug!(%error, "a workbook cannot be read");
    if matches!(error, calamine::XlsxError::Password) {
        return "the workbook has a password; save it without one, or save it as CSV".to_owned();
    }
    "the workbook is damaged and cannot be read; save it again, or save it as CSV".to_owned()
}

/// Calls `visit` with the line and the fields of each row, until it says false.
fn each_row(
    cells: &mut XlsxCellReader<'_, BufReader<File>>,
    visit: &mut dyn FnMut(u64, Vec<String>) -> bool,
) -> Result<(), String> {
    let mut row: Option<(u32, Vec<String>)> = None;
    while let Some(cell) = cells.next_cell().map_err(|error| unreadable(&error))? {
        let (line, column) = cell.get_position();
        let text = shown(cell.get_value());
        if text.is_empty() {
            continue;
        }
        if row.as_ref().is_some_and(|(own, _)| *own != line)
            && let Some((own, fields)) = row.take()
            && !visit(u64::from(own) + 1, fields)
        {
            return Ok(());
        }
        let (_, fields) = row.get_or_insert_with(|| (line, Vec::new()));
        // One column too many is enough to refuse the row.
        let column = (column as usize).min(COLUMNS);
        if fields.len() <= column {
            fields.resize(column + 1, String::new());
        }
        if let Some(field) = fields.get_mut(column) {
            *field = text;
        }
    }
    if let Some((own, fields)) = row {
        visit(u64::from(own) + 1, fields);
    }
    Ok(())
}

/// A cell as a table in a text has it.
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.trim().to_owned()
        }
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::Bool(yes) => yes.to_string(),
        DataRef::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            if (hour, minute, second) == (0, 0, 0) {
                format!("{year:04}-{month:02}-{day:02}")
            } else {
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
            }
        }
        DataRef::DateTime(at) => number_text(at.as_f64()),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

/// A number without the sign of a decimal where it has none; one that may have lost digits as a power of ten.
pub(in crate::lists) fn number_text(number: f64) -> String {
    if number.abs() < EXACT { number.to_string() } else { format!("{number:E}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cells_are_written_as_people_see_them() {
        for (number, text) in [
            (6_281_234_567_890.0, "6281234567890"),
            (120.5, "120.5"),
            (0.1, "0.1"),
            (-3.0, "-3"),
            (1.5e300, "1.5E300"),
            (6.281_234_567_890_12e15, "6.28123456789012E15"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }
}
