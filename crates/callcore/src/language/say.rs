//! Numbers as words, so that every speech engine reads them alike.

use super::figure::Figure;
use super::number_words::{ENGLISH, ENGLISH_SCALES, ENGLISH_TENS, INDONESIAN, INDONESIAN_SCALES};
use super::tag::Language;

/// A number from a thousand million million on is left in figures.
const MAX_SPOKEN: u64 = 999_999_999_999_999;

/// A whole number in words; in figures where the language is not known here.
pub(crate) fn cardinal(n: u64, language: Language) -> String {
    let mut words = Vec::new();
    match language {
        _ if n > MAX_SPOKEN => return n.to_string(),
        Language::Other => return n.to_string(),
        Language::English => english(n, &mut words),
        Language::Indonesian => indonesian(n, &mut words),
    }
    words.join(" ")
}

fn word(words: &[&'static str], at: u64) -> &'static str {
    usize::try_from(at).ok().and_then(|at| words.get(at)).copied().unwrap_or_default()
}

fn english(mut n: u64, words: &mut Vec<String>) {
    if n == 0 {
        words.push("zero".to_owned());
    }
    for (scale, name) in ENGLISH_SCALES {
        if n >= scale {
            english(n / scale, words);
            words.push(name.to_owned());
            n %= scale;
        }
    }
    if n >= 100 {
        words.push(word(&ENGLISH, n / 100).to_owned());
        words.push("hundred".to_owned());
        n %= 100;
    }
    match n {
        0 => {}
        1..=19 => words.push(word(&ENGLISH, n).to_owned()),
        _ if n.is_multiple_of(10) => words.push(word(&ENGLISH_TENS, n / 10 - 2).to_owned()),
        _ => words.push(format!("{}-{}", word(&ENGLISH_TENS, n / 10 - 2), word(&ENGLISH, n % 10))),
    }
}

fn indonesian(mut n: u64, words: &mut Vec<String>) {
    if n == 0 {
        words.push("nol".to_owned());
    }
    for (scale, name) in INDONESIAN_SCALES {
        if n >= scale {
            if n / scale == 1 && scale == 1_000 {
                words.push("seribu".to_owned());
            } else {
                indonesian(n / scale, words);
                words.push(name.to_owned());
            }
            n %= scale;
        }
    }
    if n >= 100 {
        match n / 100 {
            1 => words.push("seratus".to_owned()),
            hundreds => words.push(format!("{} ratus", word(&INDONESIAN, hundreds))),
        }
        n %= 100;
    }
    match n {
        0 => {}
        1..=11 => words.push(word(&INDONESIAN, n).to_owned()),
        12..=19 => words.push(format!("{} belas", word(&INDONESIAN, n - 10))),
        _ => {
            words.push(format!("{} puluh", word(&INDONESIAN, n / 10)));
            if !n.is_multiple_of(10) {
                words.push(word(&INDONESIAN, n % 10).to_owned());
            }
        }
    }
}

/// One digit by its name.
fn digit(c: char, language: Language) -> String {
    let n = c.to_digit(10).map(u64::from);
    n.map_or_else(|| c.to_string(), |n| cardinal(n, language))
}

/// A number in words, with its sign and decimals: `minus two point five`.
pub(crate) fn spoken_number(figure: &Figure, language: Language) -> String {
    let Figure { minus, whole, fraction } = figure;
    if language == Language::Other {
        let sign = if *minus { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        return format!("{sign}{whole}{point}{fraction}");
    }
    let point = if language == Language::Indonesian { "koma" } else { "point" };
    let mut words = Vec::new();
    if *minus {
        words.push("minus".to_owned());
    }
    words.push(cardinal(*whole, language));
    if !fraction.is_empty() {
        words.push(point.to_owned());
        words.extend(fraction.chars().map(|c| digit(c, language)));
    }
    words.join(" ")
}

/// A place in a row: `twenty-first`, `kedua puluh satu`.
pub(crate) fn spoken_ordinal(n: u64, language: Language) -> String {
    match language {
        Language::Other => n.to_string(),
        Language::Indonesian if n == 1 => "pertama".to_owned(),
        Language::Indonesian => format!("ke{}", cardinal(n, language)),
        Language::English => english_ordinal(n),
    }
}

fn english_ordinal(n: u64) -> String {
    let words = cardinal(n, Language::English);
    let cut = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (before, last) = words.split_at(cut);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", tens.trim_end_matches('y')),
        other => format!("{other}th"),
    };
    format!("{before}{last}")
}

/// Words before an extension.
const EXTENSIONS: [&str; 6] = ["ext", "extension", "ekstensi", "extn", "eks", "x"];

/// A telephone number digit by digit, with a pause between its groups: those it is written in, or of three
/// and four digits. Its letters stay (`1-800-FLOWERS`), and an extension is announced.
pub(crate) fn spoken_phone(text: &str, language: Language) -> String {
    let text = text.trim();
    let scheme = text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:"));
    let text = scheme.and_then(|_| text.get(4..)).unwrap_or(text).replace('#', " x ");
    let text = text.trim_start();
    let plus = text.starts_with('+');
    let mut groups: Vec<String> = Vec::new();
    let mut kind = None;
    for c in text.chars() {
        let now = if c.is_ascii_digit() { Some(true) } else { c.is_alphabetic().then_some(false) };
        match groups.last_mut().filter(|_| now.is_some() && now == kind) {
            Some(group) => group.push(c),
            None if now.is_some() => groups.push(c.to_string()),
            None => {}
        }
        kind = now;
    }
    if let [single] = groups.as_slice()
        && single.len() > 4
        && single.starts_with(|c: char| c.is_ascii_digit())
    {
        let digits: Vec<char> = single.chars().collect();
        groups = in_threes(&digits).into_iter().map(String::from_iter).collect();
    }
    let mut spoken = String::new();
    let mut announced = false;
    for group in &groups {
        if !spoken.is_empty() {
            spoken.push_str(if announced { " " } else { ", " });
        }
        let word = group.to_lowercase();
        announced = !spoken.is_empty() && EXTENSIONS.contains(&word.as_str());
        if announced {
            spoken.push_str(if language == Language::Indonesian { "ekstensi" } else { "extension" });
        } else if group.starts_with(|c: char| c.is_ascii_digit()) {
            spoken.push_str(&group.chars().map(|c| digit(c, language)).collect::<Vec<_>>().join(" "));
        } else {
            spoken.push_str(group);
        }
    }
    if plus { format!("plus {spoken}") } else { spoken }
}

/// Groups of three, the last of up to four, so that no digit stands alone.
fn in_threes(digits: &[char]) -> Vec<Vec<char>> {
    let mut groups: Vec<Vec<char>> = digits.chunks(3).map(<[char]>::to_vec).collect();
    if groups.len() > 1
        && groups.last().is_some_and(|last| last.len() == 1)
        && let Some(last) = groups.pop()
        && let Some(before) = groups.last_mut()
    {
        before.extend(last);
    }
    groups
}
