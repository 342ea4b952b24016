//! A text as it is handed to a speech engine: what is written in signs, figures and short forms is put into
//! words of its language, so that every engine says the same; what would be an order to an engine is gone.

mod clean;
mod digits;
mod durations;
mod figures;
mod fractions;
mod money;
mod pieces;
mod ranges;
#[cfg(test)]
mod tests;

use super::figure::Figure;
use super::say::cardinal;
use super::shorthand::{before_number, currency, in_full, symbol};
use super::tag::Language;

/// The words of `text` for a speech engine. Entities (`&amp;`) are read, and markup (`<…>`), marks of
/// Markdown, phoneme brackets, emoji and control characters dropped in every language; figures, money, dates, times, telephone numbers, short forms and signs become
/// words where the language's words are known here (English, Indonesian).
#[must_use]
pub fn speakable(text: &str, tag: &str) -> String {
    let language = Language::of(tag);
    let clean = clean::cleaned(text);
    let words = pieces::words(&clean);
    if language == Language::Other {
        let clean = clean.replace([clean::LESS, clean::MORE], " ");
        return clean.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let says = Says { language, month_first: tag == "en" || tag.eq_ignore_ascii_case("en-us") };
    let (mut said, mut at) = (String::with_capacity(clean.len() * 2), 0);
    while let Some(word) = words.get(at) {
        let (before, rest) = words.split_at_checked(at).unwrap_or_default();
        let (used, spoken) = says.next(before, rest);
        let last = words.get(at + used - 1).unwrap_or(word);
        // One full stop is enough; that of a short form which has been said in full is none, except at the end.
        let spare = spoken.text.ends_with('.') || (spoken.took_stop && at + used < words.len());
        let close = last.close.strip_prefix('.').filter(|_| spare).unwrap_or(last.close);
        let is_first = spoken.text.is_empty() && word.open.is_empty();
        if !said.is_empty() && !is_first {
            said.push(' ');
        }
        // A bracket that closes within what is said has no partner left: `(021) 555 0100`.
        let inside = used > 1 && !close.contains(')');
        let open = word.open.strip_suffix('(').filter(|_| inside).unwrap_or(word.open);
        for part in [open, &spoken.text, close] {
            said.push_str(part);
        }
        at += used;
    }
    said.trim().to_owned()
}

/// A written word and the signs around it.
#[derive(Clone, Copy, Debug)]
struct Word<'t> {
    open: &'t str,
    core: &'t str,
    close: &'t str,
}

impl<'t> Word<'t> {
    fn of(text: &'t str) -> Self {
        let inner = text.trim_start_matches(['(', '"', '\'', '“', '‘', '«', '¿', '¡']);
        let core = inner.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'', '”', '’', '»', '…']);
        let open = text.get(..text.len() - inner.len()).unwrap_or_default();
        let close = inner.get(core.len()..).unwrap_or_default();
        Self { open, core, close }
    }

    /// The core with the full stop behind it, if there is one.
    fn stopped(&self) -> Option<String> {
        self.close.starts_with('.').then(|| format!("{}.", self.core))
    }
}

/// Words for written words.
struct Spoken {
    text: String,
    /// The full stop behind them belonged to a short form.
    took_stop: bool,
}

fn said(text: impl Into<String>) -> Spoken {
    Spoken { text: text.into(), took_stop: false }
}

struct Says {
    language: Language,
    /// `5/31/2026` is the last of May.
    month_first: bool,
}

impl Says {
    fn pick(&self, english: &'static str, indonesian: &'static str) -> &'static str {
        if self.language == Language::Indonesian { indonesian } else { english }
    }

    /// How many of `words` are said next (at least one), and how. `behind` are those before them.
    fn next(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> (usize, Spoken) {
        let Some(word) = words.first() else { return (1, said("")) };
        let before = behind.last().map_or("", |word| word.core);
        let next = words.get(1).copied();
        if ranges::is_dash(word.core)
            && let Some(spoken) = self.between(behind, words)
        {
            return (1, spoken);
        }
        if let Some(found) = self.money(before, words) {
            return found;
        }
        if let Some((used, text)) = self.card(behind, words).or_else(|| self.phone(words)) {
            return (used, said(text));
        }
        if let Some(found) = self.fraction(behind, words).or_else(|| self.duration(words)) {
            return found;
        }
        if let Some(spoken) = self.sum_in_a_word(word).or_else(|| self.between(behind, words)) {
            return (1, spoken);
        }
        let is_figure = word.core.starts_with(|c: char| c.is_ascii_digit())
            || (word.core.starts_with('-') && word.core.len() > 1);
        if is_figure && let Some(found) = self.figures(behind, words) {
            return found;
        }
        (1, self.word(word, next))
    }

    fn word(&self, word: &Word<'_>, next: Option<Word<'_>>) -> Spoken {
        let counts = next.is_some_and(|next| next.core.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(stopped) = word.stopped() {
            let full = in_full(&stopped, self.language);
            if let Some(full) = full.or_else(|| before_number(&stopped, self.language).filter(|_| counts)) {
                return Spoken { text: full.to_owned(), took_stop: true };
            }
            if currency(&stopped) == Some("IDR") {
                return Spoken { text: "rupiah".to_owned(), took_stop: true };
            }
        }
        if let Some(full) = in_full(word.core, self.language)
            .or_else(|| before_number(word.core, self.language).filter(|_| counts))
        {
            return said(full);
        }
        if word.core == "Rp" {
            return said("rupiah");
        }
        if let Some(n) = word.core.strip_prefix('#').and_then(|n| n.parse::<u64>().ok()) {
            return said(format!("{} {}", self.pick("number", "nomor"), cardinal(n, self.language)));
        }
        if let Some(distance) = self.distance(word.core) {
            return said(distance);
        }
        if let Some(rest) = word.core.strip_prefix("ke-")
            && self.language == Language::Indonesian
            && let Ok(n) = rest.parse::<u64>()
        {
            return said(format!("ke{}", cardinal(n, self.language)));
        }
        let mut chars = word.core.chars();
        if let (Some(sign), None) = (chars.next(), chars.next()) {
            if let Some(spoken) = symbol(sign, self.language) {
                return said(spoken);
            }
            if matches!(sign, '-' | '–' | '—' | '/') {
                return said("");
            }
        }
        said(self.within(word.core))
    }

    /// Signs inside a word.
    fn within(&self, core: &str) -> String {
        let address = core.contains('@') || core.starts_with("www.") || core.contains("://");
        // A note, or a language for programs.
        if let Some(note) = core.strip_suffix('#')
            && matches!(note.as_bytes(), [b'A'..=b'G'])
        {
            return format!("{note} sharp");
        }
        let mut out = String::with_capacity(core.len() + 8);
        for c in core.chars() {
            match c {
                '.' if address => out.push_str(self.pick(" dot ", " titik ")),
                '_' if address => out.push_str(self.pick(" underscore ", " garis bawah ")),
                '-' if address => out.push_str(self.pick(" dash ", " strip ")),
                '&' | '@' | '=' | '%' => {
                    out.push(' ');
                    out.push_str(symbol(c, self.language).unwrap_or_default());
                    out.push(' ');
                }
                '/' | '–' | '—' => out.push(' '),
                '*' | '#' | '•' => {}
                c => out.push(c),
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn figure(&self, text: &str) -> Option<Figure> {
        Self::is_figure(text).then(|| Figure::written(text, self.language)).flatten()
    }

    fn is_figure(text: &str) -> bool {
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
    }
}
