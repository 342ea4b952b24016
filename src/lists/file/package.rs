//! A workbook as the zip that it is, looked through before anything reads it: how much there is in it, unpacked, and whether
//! its parts are what they say.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use crate::lists::limits::{PARTS, SHARED_TEXTS, TOKEN, UNPACKED};

/// Least bytes of a text in the part with the texts that sheets share.
const LEAST: u64 = 5;

/// Looks through a workbook.
///
/// # Errors
/// A sentence, when it is none that can be read, or too large.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|_| broken())?;
    let mut zip = ZipArchive::new(file).map_err(|_| broken())?;
    if zip.len() > PARTS {
        return Err(format!("the workbook has {} parts; {PARTS} are the most", zip.len()));
    }
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| broken())?;
    if !names.iter().any(|name| name.eq_ignore_ascii_case("[Content_Types].xml")) {
        let open_document = names.iter().any(|name| name == "content.xml");
        return Err(if open_document {
            "this is a workbook of LibreOffice (ODS); save it as XLSX or CSV and send that".to_owned()
        } else {
            "this is a zip, and no workbook in it; send the file that is in it".to_owned()
        });
    }
    if names.iter().any(|name| name.to_ascii_lowercase().ends_with(".bin") && name.contains("workbook")) {
        return Err("this is a binary workbook (XLSB); save it as XLSX or CSV and send that".to_owned());
    }
    let mut all = 0;
    for (at, name) in names.iter().enumerate() {
        let lower = name.to_ascii_lowercase();
        if !lower.ends_with(".xml") && !lower.ends_with(".rels") {
            continue;
        }
        let mut part = zip.by_index(at).map_err(|_| broken())?;
        let shared = lower.ends_with("sharedstrings.xml");
        all += look_through(&mut part, UNPACKED - all, shared)?;
    }
    Ok(())
}

fn broken() -> String {
    "the workbook is damaged and cannot be unpacked; save it again, or save it as CSV".to_owned()
}

/// Unpacks a part and tells how large it is.
fn look_through(part: &mut impl Read, room: u64, shared: bool) -> Result<u64, String> {
    let mut buffer = vec![0; 128 * 1024];
    let (mut size, mut run) = (0_u64, 0_usize);
    let mut announced = None;
    loop {
        let got = part.read(&mut buffer).map_err(|_| broken())?;
        let bytes = buffer.get(..got).unwrap_or_default();
        if got == 0 {
            break;
        }
        if shared && size == 0 {
            announced = unique_count(bytes);
        }
        size += got as u64;
        if size > room {
            return Err(format!(
                "the workbook unpacks to more than {} GiB; split it, or send it as CSV",
                UNPACKED >> 30
            ));
        }
        if shared && size > SHARED_TEXTS {
            return Err(format!(
                "the workbook holds more than {} MiB of texts; split it, or send it as CSV",
                SHARED_TEXTS >> 20
            ));
        }
        // A run without a mark is one tag or one text, which is held in memory.
        for piece in bytes.split_inclusive(|byte| *byte == b'<') {
            run += piece.len();
            if run > TOKEN {
                return Err("the workbook holds a text of more than 1 MiB; send it as CSV".to_owned());
            }
            if piece.ends_with(b"<") {
                run = 0;
            }
        }
    }
    // So many are made room for at once.
    if announced.is_some_and(|count| count > size / LEAST + 1) {
        return Err(broken());
    }
    Ok(size)
}

/// How many texts the part says that it has.
fn unique_count(bytes: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(4096)).unwrap_or_default()).into_owned();
    let (_, behind) = text.split_once("uniqueCount")?;
    let digits: String =
        behind.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_measured_and_a_bomb_is_not_read() {
        let part = "<sst uniqueCount=\"2\"><si><t>a</t></si><si><t>b</t></si></sst>";
        assert_eq!(look_through(&mut part.as_bytes(), 1000, true), Ok(part.len() as u64));
        assert!(look_through(&mut part.as_bytes(), 10, false).unwrap_err().contains("4 GiB"));
        let lie = "<sst uniqueCount=\"99999999999999999999\"><si><t>a</t></si></sst>";
        assert!(look_through(&mut lie.as_bytes(), 1000, true).unwrap_err().contains("damaged"));
        let long = format!("<t>{}</t>", "x".repeat(TOKEN + 1));
        assert!(look_through(&mut long.as_bytes(), u64::MAX, false).unwrap_err().contains("1 MiB"));
        let many = "<t>x</t>".repeat(TOKEN / 4);
        assert!(look_through(&mut many.as_bytes(), u64::MAX, false).is_ok());
    }
}
