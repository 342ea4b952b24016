//! One row of a table (RFC 4180): its fields, quoted or not, and stray quotes. Pure.

/// A quoted field goes on over at most so many lines; more are rows that a stray quote would swallow.
const MOST_LINES: usize = 50;

/// What rows look like: how many fields they have, and at which place the number is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) columns: usize,
    pub(crate) phone: usize,
}

/// A quote at a character, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stray {
    /// It is not closed.
    Open { column: usize },
    /// It is closed behind what look like rows: a field of several lines, or two strays. The bytes and lines up to the
    /// end of the row that it would be.
    Swallows { column: usize, length: usize, lines: u64 },
}

/// The record at the beginning of `text`: its fields, and the bytes and lines that it takes. A record may hold line
/// breaks in quotes, but none that are followed by what looks like rows.
pub(crate) fn record(text: &str, separator: char, shape: Shape) -> Result<(Vec<String>, usize, u64), Stray> {
    let mut fields = Vec::new();
    let mut at = 0;
    let mut swallows = None;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let open = rest.trim_start_matches(' ');
        let (field, length) = if let Some(inner) = open.strip_prefix('"') {
            let begin = at + rest.len() - open.len();
            let column = text.get(..begin).unwrap_or_default().chars().count() + 1;
            let Some((field, length)) = quoted(inner, separator) else {
                return Err(swallows.map_or(Stray::Open { column }, |column| {
                    let length = at + rest.find('\n').map_or(rest.len(), |end| end + 1);
                    Stray::Swallows { column, length, lines: lines_of(text, length) }
                }));
            };
            let taken = rest.len() - open.len() + 1 + length;
            let behind = rest.get(taken..).unwrap_or_default().split('\n').next().unwrap_or_default();
            if looks_like_rows(&field, behind, separator, shape) {
                swallows = swallows.or(Some(column));
            }
            (field, taken)
        } else {
            let length = rest.find([separator, '\n']).unwrap_or(rest.len());
            (rest.get(..length).unwrap_or_default().to_owned(), length)
        };
        fields.push(field.trim().to_owned());
        at += length;
        match text.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) if c == separator => at += c.len_utf8(),
            next => {
                at += next.map_or(0, char::len_utf8);
                let lines = lines_of(text, at);
                return match swallows {
                    Some(column) => Err(Stray::Swallows { column, length: at, lines }),
                    None => Ok((fields, at, lines)),
                };
            }
        }
    }
}

/// The lines of the first bytes of `text`, the last of which may lack its end.
fn lines_of(text: &str, length: usize) -> u64 {
    let taken = text.get(..length).unwrap_or_default();
    (taken.matches('\n').count() + usize::from(!taken.ends_with('\n'))) as u64
}

/// What stands in quotes, and the bytes up to the sign behind them. `None` when they do not close before a separator
/// or the end of a line.
fn quoted(text: &str, separator: char) -> Option<(String, usize)> {
    let mut field = String::new();
    let mut chars = text.char_indices().peekable();
    let mut lines = 0;
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                field.push('"');
            }
            '"' => {
                let behind = text.get(at + 1..)?;
                let blank = behind.len() - behind.trim_start_matches([' ', '\r']).len();
                let next = behind.get(blank..)?.chars().next();
                let closes = next.is_none_or(|next| next == '\n' || next == separator);
                return closes.then_some((field, at + 1 + blank));
            }
            c => {
                lines += usize::from(c == '\n');
                if lines > MOST_LINES {
                    return None;
                }
                field.push(c);
            }
        }
    }
    None
}

/// Whether the line breaks in a field are followed by rows: lines with as many fields as the header, and with figures
/// where the number stands. The last of them may go on `behind` the field.
fn looks_like_rows(field: &str, behind: &str, separator: char, shape: Shape) -> bool {
    let is_row = |line: &str| {
        let fields: Vec<&str> = line.split(separator).collect();
        let number = fields.get(shape.phone).copied().unwrap_or_default();
        let figures = number.contains(|c: char| c.is_ascii_digit()) && !number.contains(char::is_alphabetic);
        fields.len() > 1 && fields.len() >= shape.columns && figures
    };
    let mut lines = field.split('\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none() && line.contains(separator);
        if is_row(line) || (last && is_row(&format!("{line}{behind}"))) {
            return shape.columns > 1;
        }
    }
    false
}
