//! The phrases of one locale with what it falls back to, ready for searching.

use std::collections::HashSet;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::file::{Phrase, PhraseFile};
use super::normal::{Normal, is_dense};

/// The files compiled in.
pub(super) const FILES: [(&str, &str); 24] = [
    ("all", include_str!("data/all.txt")),
    ("ar", include_str!("data/ar.txt")),
    ("de", include_str!("data/de.txt")),
    ("en", include_str!("data/en.txt")),
    ("en-au", include_str!("data/en-au.txt")),
    ("es", include_str!("data/es.txt")),
    ("es-mx", include_str!("data/es-mx.txt")),
    ("fr", include_str!("data/fr.txt")),
    ("hi", include_str!("data/hi.txt")),
    ("id", include_str!("data/id.txt")),
    ("it", include_str!("data/it.txt")),
    ("ja", include_str!("data/ja.txt")),
    ("ko", include_str!("data/ko.txt")),
    ("ms", include_str!("data/ms.txt")),
    ("nl", include_str!("data/nl.txt")),
    ("pl", include_str!("data/pl.txt")),
    ("pt", include_str!("data/pt.txt")),
    ("pt-br", include_str!("data/pt-br.txt")),
    ("ru", include_str!("data/ru.txt")),
    ("th", include_str!("data/th.txt")),
    ("tl", include_str!("data/tl.txt")),
    ("tr", include_str!("data/tr.txt")),
    ("vi", include_str!("data/vi.txt")),
    ("zh", include_str!("data/zh.txt")),
];

/// Books made so far, one per file and one for calls whose language is not known.
static BOOKS: [OnceLock<Book>; FILES.len() + 1] = [const { OnceLock::new() }; FILES.len() + 1];

/// Without a language, phrases weaker than this are left out: short words mean other things elsewhere.
const LEAST_IN_ANY: f32 = 2.0;

/// What is searched for in the words of one call.
#[derive(Debug)]
pub(crate) struct Book {
    automaton: Option<AhoCorasick>,
    phrases: Vec<Phrase>,
    digits: HashSet<String>,
}

/// A phrase found in a normalised text, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) phrase: &'a Phrase,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Book {
    /// The book for a locale such as `en-AU`: its own file, that of its language, and what all share. A locale
    /// that has no file gets the shared phrases; no locale, the telling phrases of every language.
    pub(crate) fn for_locale(locale: Option<&str>) -> &'static Self {
        let Some(locale) = locale else {
            return BOOKS[FILES.len()].get_or_init(Self::of_any_language);
        };
        let tag = locale.trim().to_lowercase().replace('_', "-");
        let tag = match tag.split('-').next() {
            Some("fil") => "tl",
            Some("cmn" | "yue") => "zh",
            Some("in") => "id",
            Some(_) | None => &tag,
        };
        let language = tag.split('-').next().unwrap_or(tag);
        let place = |name: &str| FILES.iter().position(|(known, _)| *known == name);
        let most_special = place(tag).or_else(|| place(language)).or_else(|| place("all")).unwrap_or(0);
        BOOKS[most_special].get_or_init(|| Self::of_chain(FILES[most_special].0))
    }

    fn of_chain(name: &str) -> Self {
        let language = name.split('-').next().unwrap_or(name);
        let mut chain = vec![name.to_owned()];
        if language != name {
            chain.push(language.to_owned());
        }
        let also = file(language).also;
        chain.extend(also.filter(|also| *also != name));
        if name != "all" {
            chain.push("all".into());
        }
        let files: Vec<PhraseFile> = chain.iter().map(|name| file(name)).collect();
        let digits = files.iter().flat_map(|file| file.digits.iter().cloned()).collect();
        Self::of(files.into_iter().flat_map(|file| file.phrases), digits)
    }

    fn of_any_language() -> Self {
        let phrases = FILES.iter().flat_map(|(name, _)| file(name).phrases);
        Self::of(phrases.filter(|phrase| phrase.weight >= LEAST_IN_ANY), file("en").digits)
    }

    /// Of phrases that read the same the first one counts.
    fn of(all: impl Iterator<Item = Phrase>, digits: HashSet<String>) -> Self {
        let mut known = HashSet::new();
        let phrases: Vec<Phrase> = all.filter(|phrase| known.insert(phrase.text.clone())).collect();
        // More patterns than the automaton can number would be a mistake in the files; a test loads them all.
        let automaton = AhoCorasick::new(phrases.iter().map(|phrase| &phrase.text)).ok();
        Self { automaton, phrases, digits }
    }

    pub(super) fn normal(&self, text: &str) -> Normal {
        Normal::of(text, &self.digits)
    }

    /// The phrases in `normal`, none of them part of a longer one that was found, too.
    pub(super) fn find(&self, normal: &Normal) -> Vec<Found<'_>> {
        let text = &normal.text;
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let mut found: Vec<Found<'_>> = automaton
            .find_overlapping_iter(text)
            .map(|hit| {
                let phrase = &self.phrases[hit.pattern().as_usize()];
                Found { phrase, start: hit.start(), end: hit.end() }
            })
            .filter(|hit| is_whole(text, hit) && (!hit.phrase.last || normal.stops.contains(&hit.end)))
            .collect();
        found.sort_by_key(|hit| (hit.start, usize::MAX - hit.end));
        let mut end = 0;
        found.retain(|hit| {
            let inside = hit.end <= end;
            end = end.max(hit.end);
            !inside
        });
        found
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.automaton.as_ref().map_or(0, AhoCorasick::patterns_len)
    }
}

/// Whether a hit begins and ends where words do.
fn is_whole(text: &str, hit: &Found<'_>) -> bool {
    let edge = |outside: Option<char>, inside: Option<char>| {
        inside.is_some_and(is_dense) || outside.is_none_or(|c| c == ' ' || is_dense(c))
    };
    let (before, after) = (text[..hit.start].chars().next_back(), text[hit.end..].chars().next());
    let inside = &text[hit.start..hit.end];
    edge(before, inside.chars().next()) && (hit.phrase.stem || edge(after, inside.chars().next_back()))
}

fn file(name: &str) -> PhraseFile {
    let text = FILES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
    // A file that cannot be read is a mistake that a test denies; a call goes on without it.
    PhraseFile::parse(text).unwrap_or_default()
}
