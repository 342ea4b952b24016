//! XLSX: a ZIP archive of XML, written forward only. Texts stand in their cells and in no shared table, which would have to be kept until
//! the end.

use std::io::{self, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::{Cell, Row, computes};

/// Rows that a sheet of Excel holds; what is more goes on a further sheet.
const MOST_ROWS: usize = 1_048_576;
/// A part of the archive may have 4 GiB at most, so a sheet ends before.
const MOST_BYTES: u64 = 3 << 30;
/// 1970 on the calendar of a workbook.
const EPOCH_DAYS: f64 = 25_569.0;
const DAY_MS: f64 = 86_400_000.0;
/// Characters that a cell of Excel holds.
const LONGEST: usize = 32_767;

const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
/// Style 1 is the head; style 2 a text that Excel must not compute when somebody edits its cell; style 3 a date with its time.
const STYLES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>"#;
const SHEET: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>"#;
const SHEET_END: &str = "</sheetData></worksheet>";

pub(super) struct Writer {
    archive: ZipWriter<StreamWriter<Sent>>,
    sent: Sent,
    head: &'static [&'static str],
    sheets: usize,
    /// Of the sheet that is being written.
    rows: usize,
    bytes: u64,
}

/// What the archive has written and nobody has taken yet. Clones share it.
#[derive(Clone, Default)]
struct Sent(std::sync::Arc<parking_lot::Mutex<Vec<u8>>>);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    pub(super) fn new(head: &'static [&'static str]) -> io::Result<Self> {
        let sent = Sent::default();
        let archive = ZipWriter::new_stream(sent.clone());
        let mut writer = Self { archive, sent, head, sheets: 0, rows: 0, bytes: 0 };
        writer.part("_rels/.rels", RELATIONS)?;
        writer.part("xl/styles.xml", STYLES)?;
        writer.begin()?;
        Ok(writer)
    }

    fn part(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.archive.start_file(name, options())?;
        self.archive.write_all(text.as_bytes())
    }

    /// Begins a sheet.
    fn begin(&mut self) -> io::Result<()> {
        self.sheets += 1;
        (self.rows, self.bytes) = (0, 0);
        self.part(&format!("xl/worksheets/sheet{}.xml", self.sheets), SHEET)?;
        let mut text = String::from("<row>");
        for name in self.head {
            put_text(&mut text, name, 1);
        }
        text.push_str("</row>");
        self.rows += 1;
        self.archive.write_all(text.as_bytes())
    }

    pub(super) fn write(&mut self, rows: &[Row]) -> io::Result<()> {
        let mut text = String::new();
        for row in rows {
            if self.rows == MOST_ROWS || self.bytes > MOST_BYTES {
                self.archive.write_all(SHEET_END.as_bytes())?;
                self.begin()?;
            }
            text.clear();
            text.push_str("<row>");
            for cell in row {
                put(&mut text, cell);
            }
            text.push_str("</row>");
            self.archive.write_all(text.as_bytes())?;
            self.rows += 1;
            self.bytes += text.len() as u64;
        }
        Ok(())
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.sent.0.lock())
    }

    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.archive.write_all(SHEET_END.as_bytes())?;
        let (mut sheets, mut relations, mut types) = (String::new(), String::new(), String::new());
        for at in 1..=self.sheets {
            sheets.push_str(&format!(r#"<sheet name="{at}" sheetId="{at}" r:id="rId{at}"/>"#));
            relations.push_str(&format!(r#"<Relationship Id="rId{at}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{at}.xml"/>"#));
            types.push_str(&format!(r#"<Override PartName="/xl/worksheets/sheet{at}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>"#));
        }
        let styles = self.sheets + 1;
        self.part("xl/workbook.xml", &format!(r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{sheets}</sheets></workbook>"#))?;
        self.part("xl/_rels/workbook.xml.rels", &format!(r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}<Relationship Id="rId{styles}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#))?;
        self.part("[Content_Types].xml", &format!(r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>{types}</Types>"#))?;
        let sent = self.sent.clone();
        self.archive.finish()?;
        Ok(std::mem::take(&mut *sent.0.lock()))
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn put(text: &mut String, cell: &Cell) {
    match cell {
        Cell::Empty => text.push_str("<c/>"),
        Cell::Whole(number) => text.push_str(&format!("<c><v>{number}</v></c>")),
        Cell::Number(number) => text.push_str(&format!("<c><v>{number}</v></c>")),
        Cell::Moment(ms) => text.push_str(&format!(r#"<c s="3"><v>{}</v></c>"#, serial(*ms))),
        Cell::Text(value) => put_text(text, value, if computes(value) { 2 } else { 0 }),
    }
}

/// Days since 30 December 1899, in UTC: how a workbook counts time from March 1900 on.
fn serial(ms: i64) -> f64 {
    EPOCH_DAYS + ms as f64 / DAY_MS
}

/// A text in its cell; what XML cannot hold is left out.
fn put_text(text: &mut String, value: &str, style: u8) {
    text.push_str(&format!(r#"<c s="{style}" t="inlineStr"><is><t xml:space="preserve">"#));
    for letter in value.chars().take(LONGEST) {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\t' | '\n' | '\r' => text.push(letter),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter < ' ' => {}
            letter => text.push(letter),
        }
    }
    text.push_str("</t></is></c>");
}
