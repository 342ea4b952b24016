//! In which encoding a text is: by its mark, by what can be valid, by what is likely.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// So much of a text without a mark is weighed, bytes.
const WEIGHED: usize = 1024 * 1024;
/// A text with so many more valid signs than others is UTF-8 with mistakes, and not something else.
const MISTAKES: u64 = 20;

/// Which encoding a whole text has.
///
/// # Errors
/// When it cannot be read.
pub(super) fn encoding(mut text: impl Read) -> io::Result<&'static Encoding> {
    let mut buffer = vec![0; 256 * 1024];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut weighed = 0;
    let mut utf8 = Utf8::default();
    let mut first = true;
    loop {
        let got = filled(&mut text, &mut buffer)?;
        let bytes = buffer.get(..got).unwrap_or_default();
        if first {
            first = false;
            if let Some(marked) = marked(bytes) {
                return Ok(marked);
            }
        }
        if got == 0 {
            break;
        }
        utf8.check(bytes);
        if weighed < WEIGHED && !bytes.is_ascii() {
            detector.feed(bytes, false);
            weighed += got;
        }
    }
    utf8.end();
    if utf8.wrong == 0 || utf8.right > utf8.wrong * MISTAKES {
        return Ok(UTF_8);
    }
    detector.feed(&[], true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // Western signs are written alike in all of these, and Windows' own is what spreadsheets write.
    Ok(if guess == UTF_8 { WINDOWS_1252 } else { guess })
}

/// The encoding that the first bytes tell.
fn marked(bytes: &[u8]) -> Option<&'static Encoding> {
    let zero = |at: usize| bytes.get(at) == Some(&0);
    match Encoding::for_bom(bytes) {
        Some((encoding, _)) => Some(encoding),
        // Every second byte of Western text in UTF-16 is zero.
        None if bytes.len() > 3 && zero(1) && zero(3) => Some(UTF_16LE),
        None if bytes.len() > 3 && zero(0) && zero(2) => Some(UTF_16BE),
        None => None,
    }
}

/// Reads until the buffer is full or the text ends.
fn filled(text: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while let Some(rest) = buffer.get_mut(at..).filter(|rest| !rest.is_empty()) {
        match text.read(rest) {
            Ok(0) => break,
            Ok(got) => at += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

/// Counts signs of several bytes that are valid, and bytes that are not.
#[derive(Default)]
struct Utf8 {
    right: u64,
    wrong: u64,
    /// The beginning of a sign whose rest has not come yet.
    carried: Vec<u8>,
}

impl Utf8 {
    fn check(&mut self, bytes: &[u8]) {
        if self.carried.is_empty() && bytes.is_ascii() {
            return;
        }
        let joined = [std::mem::take(&mut self.carried).as_slice(), bytes].concat();
        let mut rest = joined.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.count(text);
                    return;
                }
                Err(error) => {
                    let (valid, behind) = rest.split_at(error.valid_up_to());
                    self.count(std::str::from_utf8(valid).unwrap_or_default());
                    let Some(length) = error.error_len() else {
                        self.carried = behind.to_vec();
                        return;
                    };
                    self.wrong += 1;
                    rest = behind.get(length..).unwrap_or_default();
                }
            }
        }
    }

    fn count(&mut self, text: &str) {
        self.right += text.chars().filter(|c| !c.is_ascii()).count() as u64;
    }

    fn end(&mut self) {
        self.wrong += u64::from(!self.carried.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> &'static str {
        encoding(bytes).unwrap().name()
    }

    #[test]
    fn texts_are_known_by_their_bytes() {
        assert_eq!(of(b""), "UTF-8");
        assert_eq!(of(b"plain"), "UTF-8");
        assert_eq!(of("Café".as_bytes()), "UTF-8");
        assert_eq!(of("\u{feff}plain".as_bytes()), "UTF-8");
        let wide: Vec<u8> = "name;x\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(of(&wide), "UTF-16LE");
        assert_eq!(of(b"nama;telp\r\nBu Caf\xe9;0812\r\nPak Andr\xe9;0813\r\n"), "windows-1252");
        let cyrillic: Vec<u8> =
            encoding_rs::WINDOWS_1251.encode("имя;телефон\r\nАнна Петрова;0812\r\n").0.into_owned();
        assert_eq!(of(&cyrillic), "windows-1251");
    }

    #[test]
    fn one_wrong_byte_does_not_make_another_encoding_of_a_text() {
        let mut text = "Café é è ü ö ä ß ñ ç å ø æ œ ê î ô û à ù ë ï â ".repeat(3).into_bytes();
        text.push(0xff);
        assert_eq!(of(&text), "UTF-8");
    }

    #[test]
    fn a_sign_may_lie_across_two_parts() {
        let mut utf8 = Utf8::default();
        for byte in "é漢".bytes() {
            utf8.check(&[byte]);
        }
        utf8.end();
        assert_eq!((utf8.right, utf8.wrong), (2, 0));
    }
}
