//! What is taken out of a text, or written otherwise, before its words are looked at: entities of HTML, markup,
//! marks of Markdown, emoji, and the signs that have several code points.

use super::super::shorthand::currency;

/// Entities that texts from web pages and templates bring; others stay as they are.
const ENTITIES: [(&str, &str); 40] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ensp", " "),
    ("emsp", " "),
    ("thinsp", " "),
    ("shy", ""),
    ("zwnj", ""),
    ("ndash", "–"),
    ("mdash", "—"),
    ("hellip", "…"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bull", "•"),
    ("middot", "·"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("deg", "°"),
    ("euro", "€"),
    ("pound", "£"),
    ("yen", "¥"),
    ("cent", "¢"),
    ("times", "×"),
    ("divide", "÷"),
    ("plusmn", "±"),
    ("minus", "−"),
    ("frac12", "½"),
    ("frac14", "¼"),
    ("frac34", "¾"),
    ("eacute", "é"),
    ("uuml", "ü"),
    ("num", "#"),
];
/// An entity is no longer than this.
const LONGEST_ENTITY: usize = 10;
/// An entity of an entity, as texts that were escaped twice have it, and no deeper.
const DEEPEST: usize = 3;

const FRACTIONS: [(char, &str); 15] = [
    ('½', "1/2"),
    ('⅓', "1/3"),
    ('⅔', "2/3"),
    ('¼', "1/4"),
    ('¾', "3/4"),
    ('⅕', "1/5"),
    ('⅖', "2/5"),
    ('⅗', "3/5"),
    ('⅘', "4/5"),
    ('⅙', "1/6"),
    ('⅚', "5/6"),
    ('⅛', "1/8"),
    ('⅜', "3/8"),
    ('⅝', "5/8"),
    ('⅞', "7/8"),
];

/// Signs of comparison before a number; markup has letters behind them.
pub(super) const LESS: char = '\u{ff1c}';
pub(super) const MORE: char = '\u{ff1e}';

/// Without entities, markup, brackets of phonemes, emoji and signs that nobody says.
pub(super) fn cleaned(text: &str) -> String {
    let text = without_trunk_zeros(&without_marks(&without_entities(text)));
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        let rest = chars.as_str();
        let next = rest.chars().next().unwrap_or(' ');
        let counts = starts_with_number(rest.trim_start());
        match c {
            // `<=`, `>=`: neither is markup.
            '<' | '>' if next == '=' => {
                out.push_str(if c == '<' { " ≤ " } else { " ≥ " });
                chars.next();
            }
            '<' if counts => out.extend([' ', LESS, ' ']),
            '>' if counts && (before == ' ' || is_digit(next)) => out.extend([' ', MORE, ' ']),
            '<' => match markup_end(text.get(at..).unwrap_or_default()) {
                Some(length) => {
                    while chars.as_str().len() + length > text.len() - at {
                        chars.next();
                    }
                    before = '>';
                    out.push(' ');
                    continue;
                }
                None => out.push(' '),
            },
            '^' if is_digit(before) && is_digit(next) => out.push(c),
            '_' if in_address(&out, rest) => out.push(c),
            '>' | '[' | ']' | '{' | '}' | '|' | '\\' | '^' | '~' | '`' | '_' => out.push(' '),
            c if is_picture(c) => {}
            c if c.is_control() => out.push(' '),
            '\u{2044}' | '\u{2215}' => out.push('/'),
            // A minus of its own, and the hyphens that only keep a line together.
            '\u{2212}' | '\u{fe63}' | '\u{ff0d}' | '\u{2010}'..='\u{2012}' => out.push('-'),
            // People take the dash that they find: `–5%`, `–Rp 250.000`. Behind a number it leads to another one.
            '–' if matches!(before, ' ' | '(' | '\n') && starts_with_number(rest) => {
                let range = before == ' ' && out.trim_end().ends_with(|c: char| is_digit(c) || c == '%');
                out.push_str(if range { "– " } else { "-" });
            }
            c => match FRACTIONS.iter().find(|(sign, _)| *sign == c) {
                Some((_, written)) => {
                    out.push_str(if is_digit(before) { " " } else { "" });
                    out.push_str(written);
                }
                None => out.push(c),
            },
        }
        before = c;
    }
    out
}

/// Whether a text begins with a number, or with a currency and a number.
fn starts_with_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let word = text.split_whitespace().next().unwrap_or_default();
    let digit = word.find(is_digit).unwrap_or(word.len());
    let (sign, number) = word.split_at(digit);
    let behind = text.get(word.len()..).unwrap_or_default().trim_start();
    let counts = !number.is_empty() || behind.starts_with(is_digit);
    counts && text.starts_with(|c: char| !c.is_whitespace()) && (sign.is_empty() || currency(sign).is_some())
}

/// Whether what stands between `before` and `behind` belongs to an address: `bob_smith@example.com`.
fn in_address(before: &str, behind: &str) -> bool {
    let head = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let tail = behind.split(char::is_whitespace).next().unwrap_or_default();
    [head, tail].iter().any(|part| part.contains('@') || part.contains("://") || part.starts_with("www."))
        && !head.is_empty()
        && !tail.is_empty()
}

/// Without the zero in brackets that is not dialled behind the code of a country: `+44 (0)20 7946 0958`.
fn without_trunk_zeros(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("(0)") {
        out.push_str(before);
        let code = out.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
        let code = code.trim_start_matches('(').trim_end_matches(')');
        let digits = code.strip_prefix('+').or_else(|| code.strip_prefix("00")).unwrap_or_default();
        let dialled = (1..=3).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && behind.trim_start_matches([' ', '-']).starts_with(is_digit);
        out.push_str(if dialled { " " } else { "(0)" });
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// `&amp;`, `&#39;` and `&#x27;` as the signs they stand for.
fn without_entities(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..DEEPEST {
        let Some(decoded) = decoded(&text) else { break };
        text = decoded;
    }
    text
}

/// `None` when there was nothing to decode.
fn decoded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let name = behind.split_once(';').map(|(name, _)| name).filter(|name| name.len() <= LONGEST_ENTITY);
        match name.and_then(entity) {
            Some(sign) => {
                out.push_str(&sign);
                rest = behind.split_once(';').map_or("", |(_, rest)| rest);
                found = true;
            }
            None => {
                out.push('&');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

fn entity(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        };
        return code.and_then(char::from_u32).map(String::from);
    }
    let lower = name.to_ascii_lowercase();
    ENTITIES.iter().find(|(known, _)| *known == name || *known == lower).map(|(_, sign)| (*sign).to_owned())
}

/// Without what Markdown marks: headings, lists, emphasis, code, links and rules.
fn without_marks(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.len() >= 3 && ["-", "*", "_", "=", "`"].iter().any(|sign| line.replace(sign, "").is_empty()) {
            continue;
        }
        lines.push(without_links(heading(line)));
    }
    without_emphasis(&lines.join("\n"))
}

/// Without pairs of stars, strokes and tildes beside a word. Longer rows stand for hidden digits: `**** 1111`.
fn without_emphasis(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['*', '_', '~']) {
        let (before, marks) = rest.split_at(at);
        out.push_str(before);
        let sign = marks.chars().next().unwrap_or_default();
        let behind = marks.trim_start_matches(sign);
        let run = marks.get(..marks.len() - behind.len()).unwrap_or_default();
        let beside = !out.ends_with(char::is_whitespace) && !out.is_empty()
            || !behind.starts_with(char::is_whitespace);
        if !((2..=3).contains(&run.len()) && beside) {
            out.push_str(run);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A line without the marks at its beginning. A single `#` or `*` before a small letter is the key: `# to go on`.
fn heading(line: &str) -> &str {
    let marks = line.len() - line.trim_start_matches('#').len();
    let behind = line.trim_start_matches('#').trim_start();
    let apart = line.get(marks..).is_some_and(|rest| rest.starts_with(' '));
    let capital = behind.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
    if apart && (2..=6).contains(&marks) || (apart && marks == 1 && capital) {
        return behind.trim_end_matches('#').trim_end();
    }
    let item = line.strip_prefix("* ").or_else(|| line.strip_prefix("• "));
    item.filter(|item| item.starts_with(char::is_uppercase)).unwrap_or(line)
}

/// `[text](address)` and `![text](address)` as their text.
fn without_links(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('[') {
        let link = behind.split_once("](").and_then(|(text, behind)| {
            let (_, rest) = behind.split_once(')')?;
            (!text.contains(['[', ']'])).then_some((text, rest))
        });
        match link {
            Some((text, behind)) => {
                out.push_str(before.strip_suffix('!').unwrap_or(before));
                out.push_str(text);
                rest = behind;
            }
            None => {
                out.push_str(before);
                out.push('[');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The length of a tag, comment or instruction at the beginning of `text`.
fn markup_end(text: &str) -> Option<usize> {
    let second = text.chars().nth(1)?;
    if !second.is_ascii_alphabetic() && !matches!(second, '/' | '!' | '?') {
        return None;
    }
    text.find('>').map(|at| at + 1)
}

/// Emoji, pictographs, and what changes how they or the text beside them look.
const fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{20e3}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2500}'..='\u{27bf}'
        | '\u{2b00}'..='\u{2bff}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fffc}'..='\u{fffd}' | '\u{1f000}'..='\u{1faff}' | '\u{e0000}'..='\u{10ffff}')
}
