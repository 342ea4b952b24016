//! Files of every kind, as people send them.

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use tempfile::NamedTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::text::AHEAD;
use super::*;
use crate::lists::error::Error;
use crate::lists::limits::{FIELD, ROW};

pub(crate) fn kept(body: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(body).unwrap();
    file
}

/// Rows by their lines: fields, or what is wrong.
type Rows = Vec<(u64, Result<Vec<String>, String>)>;

fn rows_of(path: &Path) -> Result<(Source, Rows), Error> {
    let source = Source::open(path, false)?;
    let mut rows = Vec::new();
    source.rows(|row, _| {
        let fields = row.content.map(|content| match content {
            Content::Fields(fields) => fields,
            Content::Members(members) => {
                members.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
            }
        });
        rows.push((row.line, fields));
        true
    })?;
    Ok((source, rows))
}

fn read(body: &[u8]) -> (Source, Rows) {
    rows_of(kept(body).path()).unwrap()
}

fn refused(body: &[u8]) -> String {
    rows_of(kept(body).path()).unwrap_err().to_string()
}

fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    let units: Vec<u16> = mark.encode_utf16().chain(text.encode_utf16()).collect();
    units.iter().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn tables_of_every_spreadsheet_are_read_alike_and_it_is_told_how() {
    let plain = "id,phone_number,name,amount\r\na2,+628123,Bu Café,\"120,50\"\r\n";
    let other = |sign: &str| plain.replace("\"120,50\"", "120@50").replace(',', sign).replace('@', ",");
    let (semicolons, tabs) = (other(";"), other("\t"));
    let latin: Vec<u8> = semicolons.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (body, told) in [
        (plain.as_bytes().to_vec(), "CSV in UTF-8 with commas between the fields"),
        (format!("\u{feff}{plain}").into_bytes(), "CSV in UTF-8 with commas between the fields"),
        (semicolons.clone().into_bytes(), "CSV in UTF-8 with semicolons between the fields"),
        (tabs.clone().into_bytes(), "CSV in UTF-8 with tabs between the fields"),
        (
            format!("sep=;\r\n{semicolons}").into_bytes(),
            "CSV in UTF-8 with semicolons between the fields, header in line 2",
        ),
        (
            format!("sep=\t\r\n{tabs}").into_bytes(),
            "CSV in UTF-8 with tabs between the fields, header in line 2",
        ),
        (utf16(&tabs, false, true), "CSV in UTF-16LE with tabs between the fields"),
        (utf16(&tabs, true, true), "CSV in UTF-16BE with tabs between the fields"),
        (utf16(plain, true, false), "CSV in UTF-16BE with commas between the fields"),
        (latin, "CSV in windows-1252 with semicolons between the fields"),
        (other("|").into_bytes(), "CSV in UTF-8 with vertical bars between the fields"),
        (
            format!("Customers of June\n\n{plain}").into_bytes(),
            "CSV in UTF-8 with commas between the fields, header in line 3",
        ),
    ] {
        let (source, rows) = read(&body);
        assert_eq!(source.read_as(), told);
        assert_eq!(source.header(), ["id", "phone_number", "name", "amount"]);
        assert_eq!(rows.len(), 1, "{told}: {rows:?}");
        assert_eq!(rows[0].1.as_ref().unwrap(), &["a2", "+628123", "Bu Café", "120,50"], "{told}");
    }
}

#[test]
fn a_header_that_nobody_knows_is_found_below_a_title() {
    for (text, line, header) in [
        ("Kunden Juni\n\nWer;Kontakt;Betrag\nA;1;2\n", 3, ["Wer", "Kontakt", "Betrag"].as_slice()),
        ("Kunden;;\nWer;Kontakt;Betrag\nA;1;2\n", 2, &["Wer", "Kontakt", "Betrag"]),
        ("Wer;Kontakt\n\"Jl. A, 1, 2, 3\";1\nJl. B, 2;2\n", 1, &["Wer", "Kontakt"]),
        ("Wer,Kontakt\nA,1\n", 1, &["Wer", "Kontakt"]),
        ("Wer;;Betrag\nA;1;2\n", 1, &["Wer", "", "Betrag"]),
        ("Kontakt\n1\n", 1, &["Kontakt"]),
    ] {
        let (source, rows) = read(text.as_bytes());
        assert_eq!(
            (source.header_line(), source.header()),
            (Some(line), header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().as_slice())
        );
        assert!(rows.iter().all(|(_, row)| row.is_ok()), "{text}: {rows:?}");
    }
}

#[test]
fn a_stray_quote_costs_its_own_row_and_is_told_with_its_line() {
    let text = "id,phone_number,name,amount\nq1,+1,Ani,1\nq2,+2,Budi,\"5 inch\nq3,+3,Ani,1\nq4,+4,\"Ann \"\"A\"\" Lee\",1\n\
                q5,+5,\"Jalan A\nno. 3\",1\nq6,+6,\"x,1\nq7,+7,y\",1\nq8,+8,5\" pipe,1\n";
    let (_, rows) = read(text.as_bytes());
    let good: Vec<(u64, &str)> =
        rows.iter().filter_map(|(line, row)| Some((*line, row.as_ref().ok()?[0].as_str()))).collect();
    assert_eq!(good, [(2, "q1"), (4, "q3"), (5, "q4"), (6, "q5"), (10, "q8")]);
    let told: Vec<(u64, &str)> =
        rows.iter().filter_map(|(line, row)| Some((*line, row.as_ref().err()?.as_str()))).collect();
    assert!(told[0].0 == 3 && told[0].1.contains("a quote opens at character 12"), "{told:?}");
    assert!(told[1].0 == 8 && told[1].1.contains("nothing of lines 8 to 9 was taken"), "{told:?}");
}

#[test]
fn rows_across_the_borders_of_what_is_read_at_a_time_come_whole() {
    let mut text = "phone_number;name\n".to_owned();
    let mut wanted = 0;
    while text.len() < 5 * AHEAD {
        wanted += 1;
        text.push_str(&format!("+6281{wanted:08};\"Ani é {wanted}\nJunior\"\n"));
    }
    let (_, rows) = read(text.as_bytes());
    assert_eq!(rows.len(), wanted);
    for (at, (line, row)) in rows.iter().enumerate() {
        assert_eq!(*line, 2 * at as u64 + 2);
        assert_eq!(row.as_ref().unwrap()[0], format!("+6281{:08}", at + 1));
    }
}

#[test]
fn what_is_too_large_is_refused_alone() {
    let long = "x".repeat(FIELD + 1);
    let longer = format!("{},{}", "y".repeat(ROW), "z");
    let endless = "w".repeat(3 * AHEAD);
    let text = format!("phone,name\n+1,{long}\n+2,b\n{longer}\n+3,c\n{endless}\n+4,d\n");
    let (_, rows) = read(text.as_bytes());
    let told: Vec<(u64, String)> = rows
        .into_iter()
        .map(|(line, row)| {
            (line, row.map_or_else(|why| why.chars().take(24).collect(), |row| row[0].clone()))
        })
        .collect();
    let told: Vec<(u64, &str)> = told.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(
        told,
        [
            (2, "field 2 is longer than 8"),
            (3, "+2"),
            (4, "is longer than 64 KiB; n"),
            (5, "+3"),
            (6, "is longer than 64 KiB; n"),
            (7, "+4")
        ]
    );
    let wide = vec!["c"; 201].join(",");
    assert!(refused(format!("{wide}\n").as_bytes()).contains("200 are the most"));
    let lines = format!("{{\"phone\":\"+1\"}}\n{{\"phone\":\"{endless}\"}}\n{{\"phone\":\"+2\"}}\n");
    let (_, rows) = read(lines.as_bytes());
    let lines: Vec<(u64, bool)> = rows.iter().map(|(line, row)| (*line, row.is_ok())).collect();
    assert_eq!(lines, [(1, true), (2, false), (3, true)]);
}

#[test]
fn what_is_no_list_is_refused_with_what_it_is() {
    for (body, told) in [
        (b"".as_slice(), "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"[{\"phone\":\"+1\"}]", "list in JSON"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "old Excel"),
        (b"PK\x03\x04nonsense", "damaged"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither a table nor lines of JSON"),
    ] {
        let why = refused(body);
        assert!(why.contains(told), "{told}: {why}");
    }
}

#[test]
fn lines_of_json_are_read_one_by_one() {
    let (source, rows) =
        read(b"\xef\xbb\xbf{\"phone\":\"+1\",\"name\":\"A\"}\n\nnonsense\n{\"phone\":\"+2\",\"due\":3}\r\n");
    assert_eq!(source.header(), ["name", "phone", "due"]);
    let lines: Vec<(u64, bool)> = rows.iter().map(|(line, row)| (*line, row.is_ok())).collect();
    assert_eq!(lines, [(1, true), (3, false), (4, true)]);
}

/// A workbook whose sheets have these cells, as XML.
pub(crate) fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &str| {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    part(
        "[Content_Types].xml",
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>",
    );
    part(
        "_rels/.rels",
        &format!(
            "<Relationships xmlns=\"{package}\"><Relationship Id=\"r\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let (mut names, mut links) = (String::new(), String::new());
    for (at, (name, _)) in sheets.iter().enumerate() {
        names.push_str(&format!("<sheet name=\"{name}\" sheetId=\"{}\" r:id=\"r{at}\"/>", at + 1));
        links.push_str(&format!(
            "<Relationship Id=\"r{at}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>"
        ));
    }
    part(
        "xl/workbook.xml",
        &format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{names}</sheets></workbook>"),
    );
    part(
        "xl/_rels/workbook.xml.rels",
        &format!("<Relationships xmlns=\"{package}\">{links}</Relationships>"),
    );
    part(
        "xl/styles.xml",
        &format!(
            "<styleSheet xmlns=\"{main}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
        ),
    );
    for (at, (_, rows)) in sheets.iter().enumerate() {
        part(
            &format!("xl/worksheets/sheet{at}.xml"),
            &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        );
    }
    zip.finish().unwrap().into_inner()
}

fn text_cell(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[test]
fn a_workbook_is_read_from_its_first_sheet_that_has_something() {
    let head = |line: u32| {
        let cells = ["Nama", "Nomor HP", "Tgl", "Jumlah"].iter().zip(["A", "B", "C", "D"]);
        let cells: String = cells.map(|(name, column)| text_cell(&format!("{column}{line}"), name)).collect();
        format!("<row r=\"{line}\">{cells}</row>")
    };
    let row = format!(
        "<row r=\"4\">{}<c r=\"B4\"><v>6281234567890</v></c><c r=\"C4\" s=\"1\"><v>46188</v></c><c r=\"D4\"><f>1+1</f><v>120.5</v></c></row>\
         <row r=\"5\"><c r=\"B5\"><v>6.28123456789012E+15</v></c></row>\
         <row r=\"6\"><c r=\"A6\"/></row>\
         <row r=\"7\">{}<c r=\"B7\" t=\"e\"><v>#N/A</v></c></row>\
         <row r=\"8\"><c r=\"B8\"><v>1</v></c>{}</row>",
        text_cell("A4", "Ani &amp; Budi"),
        text_cell("A7", "x"),
        text_cell("F8", "beyond"),
    );
    let title = format!("<row r=\"1\">{}</row>", text_cell("A1", "Pelanggan Juni"));
    let book = workbook(&[("Empty", ""), ("Data", &format!("{title}{}{row}", head(3))), ("More", &head(1))]);
    let (source, rows) = read(&book);
    assert_eq!(source.read_as(), "XLSX, sheet Data, header in line 3, 2 other sheets not read");
    assert_eq!(source.header(), ["Nama", "Nomor HP", "Tgl", "Jumlah"]);
    let fields = |at: usize| rows[at].1.as_ref().unwrap().clone();
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 5, 7, 8]);
    assert_eq!(fields(0), ["Ani & Budi", "6281234567890", "2026-06-15", "120.5"]);
    assert_eq!(fields(1), ["", "6.28123456789012E15", "", ""]);
    assert_eq!(fields(2), ["x", "#N/A", "", ""]);
    assert_eq!(rows[3].1.as_ref().unwrap_err(), "has 6 fields, the header has 4");
    assert!(refused(&workbook(&[("Empty", "")])).contains("the workbook is empty"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400), begin in 0..4_usize) {
        let begin: &[u8] = [b"".as_slice(), b"phone,b\n", b"{\"phone\":", b"PK\x03\x04"][begin];
        if let Ok((_, rows)) = rows_of(kept(&[begin, &body].concat()).path()) {
            for pair in rows.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0);
            }
        }
    }

    #[test]
    fn a_broken_workbook_is_read_or_refused(place in 0..3_000_usize, byte: u8) {
        let mut book = workbook(&[("Data", &format!("<row r=\"1\">{}</row>", text_cell("A1", "phone")))]);
        let place = place % book.len();
        book[place] = byte;
        let _either = rows_of(kept(&book).path());
    }

    /// Every line of a table is a row, or in the lines of one that is refused; and what is quoted well comes back.
    #[test]
    fn no_row_is_lost(
        rows in prop::collection::vec(("[a-z\",; \n]{0,12}", any::<bool>(), any::<bool>()), 1..25),
        separator in prop::sample::select(vec![',', ';', '\t']),
    ) {
        let mut text = format!("phone_number{separator}note\n");
        let mut good = Vec::new();
        let (mut lines, mut line) = (Vec::new(), 2);
        for (at, (note, quoted, stray)) in rows.iter().enumerate() {
            let number = format!("+62812345{at:04}");
            let field = match (quoted, stray) {
                (true, _) => format!("\"{}\"", note.replace('"', "\"\"")),
                (false, true) => format!("\"{}", note.replace(['"', '\n'], "")),
                (false, false) => note.replace(['"', '\n', separator], ""),
            };
            if *quoted || !*stray {
                good.push((line, number.clone()));
            }
            lines.push(line);
            let row = format!("{number}{separator}{field}\n");
            line += row.matches('\n').count() as u64;
            text.push_str(&row);
        }
        let (_, read) = read(text.as_bytes());
        let taken: Vec<(u64, String)> =
            read.iter().filter_map(|(line, row)| Some((*line, row.as_ref().ok()?[0].clone()))).collect();
        // Nothing is made up; what is left of a row that was cut in two has no number, and is refused for that.
        for row in taken.iter().filter(|(_, number)| number.contains(|c: char| c.is_ascii_digit())) {
            prop_assert!(good.contains(row), "{row:?} in {text:?}");
        }
        // Nothing is lost: what is no row is told, with its lines.
        let told = |line: u64| read.iter().any(|(at, row)| match row {
            Ok(_) => *at == line,
            Err(why) => {
                let to = why.split(" to ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
                (*at..=to.unwrap_or(*at)).contains(&line)
            }
        });
        for line in lines {
            prop_assert!(told(line), "line {line} of {text:?} is lost: {read:?}");
        }
    }
}
