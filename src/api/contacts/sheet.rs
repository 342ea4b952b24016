//! Tables as spreadsheets save them: in any encoding that Excel writes, with commas, semicolons, tabs or strokes
//! between the fields, and with headers as people spell them. Pure.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::columns::{Column, columns, twice};
use crate::lists::columns::{PHONE, plain_name};
use crate::lists::file::record::{Shape, Stray, record};

/// Signs between fields, the likeliest first.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// A table, read as far as its header.
#[derive(Debug)]
pub(in crate::api) struct Sheet {
    text: String,
    separator: char,
    pub(in crate::api) columns: Vec<Column>,
    /// Where the rows begin in `text`, and at which line.
    rows: (usize, u64),
    /// How it was read, where that is not plain CSV: `UTF-16, semicolons`.
    pub(in crate::api) read_as: Option<String>,
}

/// Whether a row has separators and nothing between them, as one that somebody has emptied.
fn is_emptied(row: &str) -> bool {
    row.chars().all(|c| SEPARATORS.contains(&c) || c.is_whitespace() || c == '"')
}

/// One row: its line, from 1, and its fields, or what is wrong with it.
pub(in crate::api) type Row = (u64, Result<Vec<String>, String>);

/// A text without its encoding, its lines ended as on Unix.
pub(in crate::api) fn text(body: &[u8]) -> String {
    with_line_feeds(decoded(body).0)
}

impl Sheet {
    /// Which columns may hold numbers: the one that is taken for the number, and others that are called alike.
    pub(in crate::api) fn number_columns(&self) -> Vec<usize> {
        let is_number = |column: &Column| match column {
            Column::PhoneNumber => true,
            Column::Other(name) => PHONE.contains(&plain_name(name).as_str()),
            Column::ContactId | Column::Name | Column::Flow | Column::Country(_) => false,
        };
        (0..self.columns.len()).filter(|at| self.columns.get(*at).is_some_and(is_number)).collect()
    }

    /// # Errors
    /// A sentence, when no line of the kinds that are known names a column of numbers.
    pub(in crate::api) fn read(body: &[u8]) -> Result<Self, String> {
        let (text, encoding) = decoded(body);
        let text = with_line_feeds(text);
        let (mut at, mut line) = (0, 1);
        let mut told = None;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let first = rest.split_inclusive('\n').next().unwrap_or_default();
            let trimmed = first.trim().trim_matches('"');
            let named = trimmed.strip_prefix("sep=").or_else(|| trimmed.strip_prefix("SEP="));
            if let Some(sign) = named {
                told = if first.contains("=\t") { Some('\t') } else { sign.chars().next() };
            } else if first.is_empty() || !is_emptied(trimmed) {
                break;
            }
            at += first.len();
            line += 1;
        }
        let rest = text.get(at..).unwrap_or_default();
        let candidates = told.map_or_else(|| SEPARATORS.to_vec(), |sign| vec![sign]);
        let header = candidates.iter().find_map(|separator| {
            let (fields, length, lines) = record(rest, *separator, Shape::default()).ok()?;
            let columns = columns(&fields);
            columns.contains(&Column::PhoneNumber).then_some((*separator, fields, columns, length, lines))
        });
        let Some((separator, fields, columns, length, lines)) = header else {
            return Err(no_number(rest));
        };
        if let Some(why) = twice(&fields, &columns) {
            return Err(why);
        }
        let plain = encoding == UTF_8 && separator == ',' && told.is_none();
        let between = match separator {
            ',' => "commas",
            ';' => "semicolons",
            '\t' => "tabs",
            '|' => "vertical bars",
            _ => "other signs",
        };
        let read_as = (!plain).then(|| format!("{} with {between} between the fields", encoding.name()));
        let rows = (at + length, line + lines);
        Ok(Self { text, separator, columns, rows, read_as })
    }

    /// The rows below the header, empty lines left out.
    pub(in crate::api) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let (mut at, mut line) = self.rows;
        let phone = self.columns.iter().position(|column| *column == Column::PhoneNumber).unwrap_or_default();
        let shape = Shape { columns: self.columns.len(), phone };
        std::iter::from_fn(move || {
            loop {
                let rest = self.text.get(at..).filter(|rest| !rest.is_empty())?;
                let first = rest.split_inclusive('\n').next().unwrap_or_default();
                let own = line;
                if first.trim().is_empty() {
                    (at, line) = (at + first.len(), line + 1);
                    continue;
                }
                return Some(match record(rest, self.separator, shape) {
                    Ok((fields, length, lines)) => {
                        (at, line) = (at + length, line + lines);
                        // A row that somebody has emptied keeps its separators.
                        if fields.iter().all(String::is_empty) {
                            continue;
                        }
                        let (given, wanted) = (fields.len(), self.columns.len());
                        let extra = fields.iter().skip(wanted).all(String::is_empty);
                        if given < wanted || !extra {
                            let s = if given == 1 { "" } else { "s" };
                            (own, Err(format!("has {given} field{s}, the header has {wanted}")))
                        } else {
                            (own, Ok(fields))
                        }
                    }
                    Err(Stray::Open { column }) => {
                        (at, line) = (at + first.len(), line + 1);
                        let problem = format!(
                            "a quote opens at character {column} and is not closed before the next row; double it, or \
                             take it out"
                        );
                        (own, Err(problem))
                    }
                    Err(Stray::Swallows { column, length, lines }) => {
                        (at, line) = (at + length, line + lines);
                        let last = own + lines.saturating_sub(1);
                        let problem = format!(
                            "a quote opens at character {column} and closes behind what look like further rows; nothing of \
                             lines {own} to {last} was taken: take the quotes out, or the line breaks between them"
                        );
                        (own, Err(problem))
                    }
                });
            }
        })
    }
}

/// The text, and in which encoding it came.
fn decoded(body: &[u8]) -> (String, &'static Encoding) {
    let encoding = match Encoding::for_bom(body) {
        Some((encoding, _)) => encoding,
        // Every second byte of Western text in UTF-16 is zero.
        None if body.len() > 3 && body.get(1) == Some(&0) && body.get(3) == Some(&0) => UTF_16LE,
        None if body.len() > 3 && body.first() == Some(&0) && body.get(2) == Some(&0) => UTF_16BE,
        None if std::str::from_utf8(body).is_ok() => UTF_8,
        None => WINDOWS_1252,
    };
    let (text, used, _) = encoding.decode(body);
    (text.into_owned(), used)
}

/// With the line ends of Unix, when the lines end in carriage returns alone, as old Macintoshes write them.
fn with_line_feeds(text: String) -> String {
    let lone = text
        .find(['\r', '\n'])
        .and_then(|at| text.get(at..))
        .is_some_and(|rest| rest.starts_with('\r') && !rest.starts_with("\r\n"));
    if lone { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

fn no_number(text: &str) -> String {
    let shown: String = text.lines().next().unwrap_or_default().chars().take(80).collect();
    if text.starts_with("PK\u{3}\u{4}") || text.starts_with("ÐÏ") {
        return "this is a workbook of Excel; save it as CSV and send that".to_owned();
    }
    format!(
        "the first line must name the columns, `phone_number` among them (`Phone Number`, `Nomor HP` and the like are \
         taken, too), with commas, semicolons or tabs between them; it is: {shown}"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &[u8]) -> (Sheet, Vec<Row>) {
        let sheet = Sheet::read(body).unwrap();
        let rows = sheet.rows().collect();
        (sheet, rows)
    }

    fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let mark = if mark { "\u{feff}" } else { "" };
        let units: Vec<u16> = mark.encode_utf16().chain(text.encode_utf16()).collect();
        units.iter().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn files_of_every_spreadsheet_are_read_alike() {
        let plain = "contact_id,phone_number,name,amount\r\na2,+628123,Bu Café,\"120,50\"\r\n";
        let other = |sign: &str| plain.replace("\"120,50\"", "120@50").replace(',', sign).replace('@', ",");
        let (semicolons, tabs) = (other(";"), other("\t"));
        let latin: Vec<u8> = semicolons.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        for body in [
            plain.as_bytes().to_vec(),
            format!("\u{feff}{plain}").into_bytes(),
            semicolons.clone().into_bytes(),
            format!("\u{feff}{semicolons}").into_bytes(),
            tabs.clone().into_bytes(),
            format!("sep=;\r\n{semicolons}").into_bytes(),
            format!("\"sep=;\"\r\n{semicolons}").into_bytes(),
            format!("sep=\t\r\n{tabs}").into_bytes(),
            utf16(&tabs, false, true),
            utf16(&tabs, true, true),
            utf16(&semicolons, false, false),
            utf16(plain, true, false),
            latin,
            other("|").into_bytes(),
            format!("\n\n{plain}").into_bytes(),
            format!(",,,\n\"\", ,\n{plain}").into_bytes(),
        ] {
            let (sheet, rows) = read(&body);
            let (_, fields) = &rows[0];
            assert_eq!(fields.as_ref().unwrap(), &["a2", "+628123", "Bu Café", "120,50"], "{sheet:?}");
            assert_eq!(sheet.columns[1], Column::PhoneNumber);
        }
        let (sheet, _) = read(&utf16(&tabs, false, true));
        assert_eq!(sheet.read_as.as_deref(), Some("UTF-16LE with tabs between the fields"));
        assert_eq!(read(plain.as_bytes()).0.read_as, None);
    }

    #[test]
    fn headers_are_taken_as_people_spell_them() {
        for header in [
            "Phone Number",
            "phone_number",
            "PhoneNumber",
            "PHONE-NUMBER",
            "Nomor HP",
            "No. HP",
            "Telepon",
            "msisdn",
        ] {
            let (sheet, _) = read(format!("Nama,{header},Amount\n").as_bytes());
            let amount = Column::Other("Amount".into());
            assert_eq!(sheet.columns, [Column::Name, Column::PhoneNumber, amount], "{header}");
        }
        // Only one column is the number's.
        let (sheet, _) = read(b"mobile,phone_number\n");
        assert_eq!(sheet.columns, [Column::Other("mobile".into()), Column::PhoneNumber]);
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        for (header, told) in [
            ("phone_number,amount,amount\n", "columns 2 (`amount`) and 3 (`amount`) have one name"),
            ("phone_number,name,phone_number\n", "columns 1 (`phone_number`) and 3 (`phone_number`)"),
            ("Phone Number,phone_number\n", "columns 1 (`Phone Number`) and 2 (`phone_number`)"),
            ("name;phone_number;Name\n", "columns 1 (`name`) and 3 (`Name`)"),
        ] {
            let why = Sheet::read(header.as_bytes()).unwrap_err();
            assert!(why.contains(told), "{header}: {why}");
        }
        for header in ["phone_number,,\n", "mobile,phone_number\n", "phone_number,Due,due\n"] {
            assert!(Sheet::read(header.as_bytes()).is_ok(), "{header}");
        }
    }

    #[test]
    fn a_stray_quote_costs_its_own_row_and_swallows_none() {
        let text = "contact_id,phone_number,name,amount\nq1,+1,Ani,1\nq2,+2,Budi,\"5 inch\nq3,+3,Ani,1\n\
                    q4,+4,\"Ann \"\"A\"\" Lee\",1\nq5,+5,\"Jalan A\nno. 3\",1\nq6,+6,\"x,1\nq7,+7,y\",1\nq8,+8,5\" pipe,1\n";
        let (_, rows) = read(text.as_bytes());
        let good: Vec<(u64, &str)> =
            rows.iter().filter_map(|(line, row)| Some((*line, row.as_ref().ok()?[0].as_str()))).collect();
        // `q6` may be one row of two lines or two rows with a stray quote each: neither is taken.
        assert_eq!(good, [(2, "q1"), (4, "q3"), (5, "q4"), (6, "q5"), (10, "q8")]);
        let bad: Vec<u64> = rows.iter().filter(|(_, row)| row.is_err()).map(|(line, _)| *line).collect();
        assert_eq!(bad, [3, 8]);
        let told = rows[1].1.as_ref().unwrap_err();
        assert!(told.contains("a quote opens at character 12"), "{told}");
        let told = rows[5].1.as_ref().unwrap_err();
        assert!(told.contains("nothing of lines 8 to 9 was taken"), "{told}");
    }

    #[test]
    fn a_field_of_several_lines_is_one_field_and_none_of_its_lines_is_ever_a_row() {
        for (note, kept) in [
            ("line one\nline two", true),
            ("Jl. A, No. 1\nKota B, 12345, Jakarta", true),
            ("a,b,c,d\ncalled,twice,today,and more", true),
            ("\n\n", true),
            ("old entry was:\nq1,+628129999999,Budi,moved", false),
            ("wife:\nq9,+62 812 999 9999,call her,Bogor\nand so on", false),
        ] {
            let text = format!(
                "contact_id,phone_number,name,note\nq1,+628120000001,Budi,\"{note}\"\nq2,+628120000002,Ani,y\n"
            );
            let (_, rows) = read(text.as_bytes());
            let numbers: Vec<&str> = rows
                .iter()
                .filter_map(|(_, row)| row.as_ref().ok())
                .map(|fields| fields[1].as_str())
                .collect();
            let wanted: &[&str] = if kept { &["+628120000001", "+628120000002"] } else { &["+628120000002"] };
            assert_eq!(numbers, wanted, "{note}");
            assert_eq!(rows.iter().filter(|(_, row)| row.is_err()).count(), usize::from(!kept), "{note}");
            if kept {
                assert_eq!(rows[0].1.as_ref().unwrap()[3], note.trim(), "{note}");
            }
        }
    }

    #[test]
    fn lines_may_end_in_carriage_returns_alone() {
        for separator in [',', ';', '\t'] {
            for end in ["\r", "\n", "\r\n"] {
                let text =
                    ["contact_id,phone_number,name", "a2,+628123457002,Budi", "a3,+628123457003,\"A\nB\""]
                        .map(|line| line.replace(',', &separator.to_string()))
                        .join(end);
                let (_, rows) = read(text.as_bytes());
                let fields: Vec<&Vec<String>> = rows.iter().map(|(_, row)| row.as_ref().unwrap()).collect();
                assert_eq!(fields[0], &["a2", "+628123457002", "Budi"], "{text:?}");
                assert_eq!(fields[1], &["a3", "+628123457003", "A\nB"], "{text:?}");
            }
        }
    }

    #[test]
    fn rows_that_were_emptied_are_no_rows() {
        let (_, rows) = read(b"phone_number;name;x\n+1;a;b\n;;\n;;;;;\n \n+2\n");
        let told: Vec<Option<&str>> =
            rows.iter().map(|(_, row)| row.as_ref().err().map(String::as_str)).collect();
        assert_eq!(told, [None, Some("has 1 field, the header has 3")]);
    }

    #[test]
    fn a_column_of_countries_is_known_by_its_name() {
        for header in ["country", "Country", "Country Code", "country_code", "Negara", "Kode Negara"] {
            let (sheet, _) = read(format!("phone_number,{header}\n").as_bytes());
            assert_eq!(sheet.columns[1], Column::Country(header.into()));
        }
        let (sheet, _) = read(b"phone_number,Country Code,country\n");
        assert_eq!(sheet.columns[2], Column::Country("country".into()));
    }

    #[test]
    fn a_file_without_numbers_is_told_what_is_missing() {
        assert!(Sheet::read(b"name\nAlex\n").unwrap_err().contains("phone_number"));
        assert!(Sheet::read(b"").unwrap_err().contains("phone_number"));
        assert!(Sheet::read(b"PK\x03\x04\x14\x00").unwrap_err().contains("workbook"));
    }

    proptest! {
        #[test]
        fn rows_that_were_quoted_come_back(
            rows in prop::collection::vec(prop::collection::vec("[a-z0-9\",; ]{0,8}", 2..=2), 0..20),
            separator in prop::sample::select(vec![',', ';', '\t']),
        ) {
            let mut text = format!("phone_number{separator}b\n");
            for row in &rows {
                let fields: Vec<String> = row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
                text.push_str(&format!("{}\n", fields.join(&separator.to_string())));
            }
            let (_, read) = read(text.as_bytes());
            let read: Vec<Vec<String>> = read.into_iter().filter_map(|(_, row)| row.ok()).collect();
            let trimmed = rows.iter().map(|row| row.iter().map(|field| field.trim().to_owned()).collect());
            // A row of empty fields is none.
            let wanted: Vec<Vec<String>> =
                trimmed.filter(|row: &Vec<String>| row.iter().any(|field| !field.is_empty())).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn any_bytes_are_read_line_by_line(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut all = b"phone_number,b\n".to_vec();
            all.extend(body);
            let (_, rows) = read(&all);
            for pair in rows.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0);
            }
        }
    }
}
