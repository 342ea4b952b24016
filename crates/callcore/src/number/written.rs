//! What people, spreadsheets and programs write for a number.

use super::bad::BadNumber;
use super::spurious;

/// Fewest digits of a number that stands beside another one.
const A_NUMBER: usize = 7;
/// Fewest digits of another number that begins with a zero of its own.
const AN_ABRUPT_END: usize = 6;
/// Most digits of an area code with its country, before a stroke.
const AN_AREA: usize = 7;
/// Fewest digits behind that stroke.
const A_LINE: usize = 4;
/// Words before an extension.
const EXTENSIONS: [&str; 8] = ["extension", "ekstensi", "ext.", "extn", "ext", "eks.", "x", "#"];
/// Words and signs between two numbers.
const BETWEEN: [&str; 11] = ["|", "&", ",", "\n", "\r", "\t", " or ", " and ", " atau ", " dan ", " oder "];
/// The zeros of the decimal digits that are not ASCII: full width and those of other scripts.
const ZEROS: [char; 18] = [
    '\u{ff10}', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}',
];

/// The text without signs that nobody sees, with digits, hyphens, spaces and brackets of any script as ASCII has
/// them.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        let digit = ZEROS.iter().find_map(|zero| {
            let value = u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10)?;
            char::from_digit(value, 10)
        });
        out.push(digit.unwrap_or(match c {
            '\u{ff0b}' | '\u{fe62}' | '\u{207a}' => '+',
            '\u{2010}'..='\u{2015}'
            | '\u{2212}'
            | '\u{2043}'
            | '\u{fe58}'
            | '\u{fe63}'
            | '\u{ff0d}'
            | '\u{30fc}' => '-',
            '\u{ff08}' | '[' | '\u{ff3b}' => '(',
            '\u{ff09}' | ']' | '\u{ff3d}' => ')',
            '\u{ff0e}' | '\u{b7}' | '\u{2022}' | '\u{30fb}' | '\u{2024}' | '\u{2027}' => '.',
            '\u{ff0f}' | '\u{2044}' | '\u{2215}' => '/',
            '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => '"',
            '\u{2018}'..='\u{201b}' => '\'',
            '\u{ff1a}' => ':',
            '\u{ff1b}' => ';',
            '\u{ff0c}' | '\u{3001}' => ',',
            '\n' | '\r' | '\t' => c,
            '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{b}' | '\u{c}' => '\n',
            c if c.is_whitespace() => ' ',
            c => c,
        }));
    }
    out.trim().to_owned()
}

/// Marks of direction, joiners, soft hyphens, and what changes how a sign looks.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}')
}

/// The digits of a number and what else of its writing tells how it is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) plus: bool,
    pub(super) digits: String,
    /// Where zeros in brackets of their own stand among the digits, and how many.
    pub(super) zero: Option<(usize, usize)>,
    /// An extension stood behind it.
    pub(super) extension: bool,
}

impl Written {
    pub(super) fn read(text: &str) -> Result<Self, BadNumber> {
        let text = unwrapped(text);
        check_spreadsheet(text)?;
        let (text, extension) = without_extension(text);
        spurious::check(text)?;
        check_one(text)?;
        let (mut plus, mut digits, mut zero) = (false, String::with_capacity(16), None);
        let mut bracket = None;
        for c in text.chars() {
            match c {
                '0'..='9' => digits.push(c),
                '+' if digits.is_empty() && !plus => plus = true,
                '(' => bracket = Some(digits.len()),
                ')' => {
                    let from = bracket.take().unwrap_or(digits.len());
                    let inside = digits.get(from..).unwrap_or_default();
                    if from > 0 && !inside.is_empty() && inside.bytes().all(|b| b == b'0') {
                        zero = Some((from, inside.len()));
                    }
                }
                ' ' | '-' | '.' | '/' | '\t' | '\n' | '\r' => {}
                _ => return Err(BadNumber::NotANumber),
            }
        }
        if digits.is_empty() {
            return Err(BadNumber::NotANumber);
        }
        Ok(Self { plus, digits, zero, extension })
    }

    /// Where the zero in brackets stands once `cut` digits in front are gone.
    pub(super) fn zero_from(&self, cut: usize) -> Option<(usize, usize)> {
        let (at, length) = self.zero?;
        Some((at.checked_sub(cut)?, length))
    }
}

fn count(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Without what keeps a spreadsheet from making a number of it (`="0812"`, `'0812`), without quotes and without a
/// comma or semicolon behind which nothing stands.
fn unwrapped(text: &str) -> &str {
    let text = text.trim_end_matches([',', ';', ' ']).trim();
    let text = text.strip_prefix('=').filter(|rest| rest.starts_with('"')).unwrap_or(text);
    let text = text.strip_prefix('\'').map_or(text, |rest| rest.strip_suffix('\'').unwrap_or(rest));
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    text.trim_end_matches([',', ';', ' ']).trim()
}

/// Refuses what a spreadsheet has made of a number.
fn check_spreadsheet(text: &str) -> Result<(), BadNumber> {
    let power = text.contains(['e', 'E'])
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || ".,eE+-".contains(c));
    if power {
        return Err(BadNumber::PowerOfTen { shown: text.chars().take(24).collect() });
    }
    let Some((whole, behind)) = text.rsplit_once(['.', ',']) else { return Ok(()) };
    let separators = whole.chars().filter(|c| !c.is_ascii_digit() && *c != '+').count();
    let few = (1..=2).contains(&behind.len()) && behind.bytes().all(|b| b.is_ascii_digit());
    // `01.23.45.67.00` is a number of France: two digits are a fraction only behind the one sign there is.
    if few && count(whole) >= 5 && (behind == "0" || separators == 0) {
        return Err(BadNumber::Decimal { end: text.get(whole.len()..).unwrap_or_default().to_owned() });
    }
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default().trim_start_matches('+');
    let thousands = text.matches(',').count() >= 2
        && (1..=3).contains(&first.len())
        && groups.all(|group| group.len() == 3 && count(group) == 3);
    if thousands { Err(BadNumber::Thousands) } else { Ok(()) }
}

fn without_extension(text: &str) -> (&str, bool) {
    let number =
        text.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches([' ', ':', '=', ')', '.', '-']);
    let length = text.len() - number.len();
    if length == 0 || length > 10 || number.ends_with(|c: char| c.is_ascii_digit()) {
        return (text, false);
    }
    for word in EXTENSIONS {
        let at = number.len().checked_sub(word.len());
        let ends = at.and_then(|at| number.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(word));
        if let Some(before) = at.filter(|_| ends).and_then(|at| number.get(..at))
            && count(before) >= 5
            && !before.ends_with(char::is_alphabetic)
        {
            return (before.trim_end_matches([' ', '(', ',', '-', ';']), true);
        }
    }
    (text, false)
}

/// Refuses a text with two numbers.
fn check_one(text: &str) -> Result<(), BadNumber> {
    let lower = text.to_lowercase();
    let mut pieces = vec![lower.as_str()];
    for between in BETWEEN {
        pieces = pieces.into_iter().flat_map(|piece| piece.split(between)).collect();
    }
    let numbers = pieces.iter().filter(|piece| count(piece) >= A_NUMBER).count();
    let pluses = lower.split('+').filter(|piece| count(piece) >= 5).count();
    if numbers > 1 || (lower.matches('+').count() > 1 && pluses > 1) {
        return Err(BadNumber::Two);
    }
    // `0812…/0813…` are two numbers, and so are `555 0100/01` and `110/112`; `030/1234567` is one with its area.
    if let Some((before, behind)) = text.rsplit_once('/') {
        let area =
            count(before) <= AN_AREA && (count(behind) >= A_LINE || before.starts_with(['0', '+', '(']));
        let line = count(behind) >= A_LINE || count(before) < A_LINE;
        if !area || !line {
            return Err(BadNumber::Two);
        }
    }
    let groups: Vec<&str> = text.split_whitespace().collect();
    let two = groups.windows(2).any(|pair| {
        let [one, other] = pair else { return false };
        let again = other.starts_with(['0', '+']);
        let enough = if again { AN_ABRUPT_END } else { A_NUMBER };
        count(one) >= A_NUMBER && count(other) >= enough && (again || count(one) > A_NUMBER)
    });
    if two { Err(BadNumber::Two) } else { Ok(()) }
}
