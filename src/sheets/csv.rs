//! CSV (RFC 4180).

use super::{Cell, Row, computes};
use crate::wallclock::iso;

/// Spreadsheets take UTF-8 without it for something else.
const MARK: &str = "\u{feff}";

pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(head: &[&str]) -> Self {
        Self(format!("{MARK}{}\r\n", head.join(",")).into_bytes())
    }

    pub(super) fn write(&mut self, rows: &[Row]) {
        for row in rows {
            let cells = row.iter().map(|cell| match cell {
                Cell::Empty => String::new(),
                Cell::Text(text) => quoted(text),
                Cell::Whole(number) => number.to_string(),
                Cell::Number(number) => number.to_string(),
                Cell::Moment(ms) => iso(*ms),
            });
            self.0.extend(cells.collect::<Vec<_>>().join(",").bytes());
            self.0.extend(b"\r\n");
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// A line of texts, with its end.
#[must_use]
pub fn line<'t>(cells: impl IntoIterator<Item = &'t str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell. What a spreadsheet would compute is made a text by a quote before it.
fn quoted(cell: &str) -> String {
    let guarded = if computes(cell) { format!("'{cell}") } else { cell.to_owned() };
    if guarded.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", guarded.replace('"', "\"\""));
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for (cell, written) in [
            ("done", "done"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+62812", "+62812"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("＝1+1", "'＝1+1"),
            ("＠SUM(A1)", "'＠SUM(A1)"),
            ("=a\nb", "\"'=a\nb\""),
            ("", ""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }

    #[test]
    fn a_number_of_ours_stays_a_number() {
        let mut writer = Writer::new(&["a"]);
        writer.write(&[vec![Cell::Whole(-3), Cell::Number(0.5), Cell::Empty]]);
        assert!(String::from_utf8(writer.take()).unwrap().ends_with("\r\n-3,0.5,\r\n"));
    }
}
