//! Times that something takes: `5h 30m`, `1h30m`, `2d`.

use super::super::say::cardinal;
use super::super::tag::Language;
use super::{Says, Spoken, Word, said};

/// Letters of the parts, from long to short: one and many in English, and in Indonesian.
const PARTS: [(char, [&str; 3]); 4] = [
    ('d', ["day", "days", "hari"]),
    ('h', ["hour", "hours", "jam"]),
    ('m', ["minute", "minutes", "menit"]),
    ('s', ["second", "seconds", "detik"]),
];

impl Says {
    /// Hours, or parts from long to short in one word or several; an `m` on its own is a metre.
    pub(super) fn duration(&self, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let mut parts: Vec<(usize, u64)> = Vec::new();
        let mut used = 0;
        while let Some(more) = words.get(used).and_then(|word| parts_of(word.core)) {
            let last = parts.last().map(|(at, _)| *at);
            if last.is_some_and(|last| more.first().is_some_and(|(at, _)| *at <= last)) {
                break;
            }
            parts.extend(more);
            used += 1;
            if words.get(used - 1).is_some_and(|word| !word.close.is_empty()) {
                break;
            }
        }
        let hours = self.language == Language::English && matches!(parts.as_slice(), [(1, _)]);
        if parts.len() < 2 && !hours {
            return None;
        }
        let spoken = parts.into_iter().map(|(at, n)| {
            let [one, many, indonesian] = PARTS.get(at).map_or([""; 3], |(_, names)| *names);
            let name = match self.language {
                Language::Indonesian => indonesian,
                Language::English | Language::Other if n == 1 => one,
                Language::English | Language::Other => many,
            };
            format!("{} {name}", cardinal(n, self.language))
        });
        Some((used, said(spoken.collect::<Vec<_>>().join(" "))))
    }
}

/// The parts of a word, each with its number; `None` when it is made of anything else.
fn parts_of(word: &str) -> Option<Vec<(usize, u64)>> {
    let mut parts: Vec<(usize, u64)> = Vec::new();
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, behind) = rest.split_at(digits);
        let letter = behind.chars().next()?;
        let at = PARTS.iter().position(|(known, _)| *known == letter)?;
        if !(1..=4).contains(&number.len()) || parts.last().is_some_and(|(last, _)| at <= *last) {
            return None;
        }
        parts.push((at, number.parse().ok()?));
        rest = behind.get(1..)?;
    }
    (!parts.is_empty()).then_some(parts)
}
