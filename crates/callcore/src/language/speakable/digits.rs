//! Numbers that are said digit by digit: telephones, cards, accounts, codes.

use super::super::say::spoken_phone;
use super::{Says, Word};

/// Words before figures that are said one by one, and those that may stand between.
const CODES: [&str; 12] = [
    "code",
    "pin",
    "otp",
    "kode",
    "berakhiran",
    "ending",
    "ends",
    "sandi",
    "token",
    "passcode",
    "verifikasi",
    "extension",
];
/// Words before a short number that is dialled, and those behind one that is no count of anything.
const DIALLED: [&str; 7] = ["call", "dial", "phone", "ring", "hubungi", "telepon", "telp"];
const BEHIND_DIALLED: [&str; 20] = [
    "now",
    "if",
    "for",
    "or",
    "and",
    "to",
    "in",
    "when",
    "at",
    "from",
    "immediately",
    "untuk",
    "atau",
    "dan",
    "jika",
    "kalau",
    "bila",
    "sekarang",
    "segera",
    "dari",
];
const LINKS: [&str; 6] = ["is", "in", "adalah", "with", "dengan", "anda"];
/// Digits of a card's number.
const CARD: std::ops::RangeInclusive<usize> = 12..=19;

fn count(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

fn digits_only(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the words before figures say that they are a code: `PIN 1234`, `ending in 1111`, `code is 4821`.
fn is_code(behind: &[Word<'_>]) -> bool {
    let word = |from_end: usize| {
        let at = behind.len().checked_sub(from_end)?;
        behind.get(at).map(|word| word.core.to_lowercase())
    };
    let named = |word: Option<String>| word.is_some_and(|word| CODES.contains(&word.as_str()));
    named(word(1)) || (word(1).is_some_and(|word| LINKS.contains(&word.as_str())) && named(word(2)))
}

impl Says {
    /// The number of a card, in its groups or without; what of it is hidden is left out.
    pub(super) fn card(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> Option<(usize, String)> {
        let first = words.first()?;
        let hidden = |text: &str| {
            text.chars().count() >= 2
                && text.chars().all(|c| matches!(c, '*' | '•' | 'x' | 'X' | '●' | '-'))
                && !text.chars().all(|c| c == '-')
        };
        if hidden(first.core) || ["**", "••", "xx", "XX"].iter().any(|signs| first.core.starts_with(signs))
        {
            return self.hidden(words, hidden);
        }
        if digits_only(first.core) && (4..=8).contains(&first.core.len()) && is_code(behind) {
            return Some((1, self.one_by_one(first.core)));
        }
        if self.is_short_code(behind, words) {
            return Some((1, self.one_by_one(first.core)));
        }
        let mut groups: Vec<&str> = first.core.split('-').collect();
        let mut used = 1;
        if groups.len() == 1 {
            while let Some((last, next)) = words.get(used - 1).zip(words.get(used))
                && last.close.is_empty()
                && digits_only(next.core)
                && groups.len() < 5
            {
                groups.push(next.core);
                used += 1;
            }
        }
        if groups.iter().any(|group| !digits_only(group)) {
            return None;
        }
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let total: usize = lengths.iter().sum();
        if let ([16], [whole]) = (lengths.as_slice(), groups.as_slice()) {
            let fours: Vec<&str> = [0, 4, 8, 12].iter().filter_map(|at| whole.get(*at..at + 4)).collect();
            return Some((used, spoken_phone(&fours.join(" "), self.language)));
        }
        let fours = lengths.len() >= 3
            && lengths
                .split_last()
                .is_some_and(|(last, rest)| rest.iter().all(|n| *n == 4) && (2..=4).contains(last));
        let express = matches!(lengths.as_slice(), [4, 6, 5 | 4]);
        let years = groups.iter().all(|group| group.starts_with("19") || group.starts_with("20"));
        ((fours || express) && CARD.contains(&total) && !years)
            .then(|| (used, spoken_phone(&groups.join(" "), self.language)))
    }

    /// `Call 911 now`, and not `Call 250 people`.
    fn is_short_code(&self, behind: &[Word<'_>], words: &[Word<'_>]) -> bool {
        let Some(first) = words.first() else { return false };
        let dialled = behind.last().is_some_and(|word| {
            word.close.is_empty() && DIALLED.contains(&word.core.to_lowercase().as_str())
        });
        let alone = !first.close.is_empty()
            || words.get(1).is_none_or(|next| BEHIND_DIALLED.contains(&next.core.to_lowercase().as_str()));
        dialled && alone && digits_only(first.core) && (3..=6).contains(&first.core.len())
    }

    pub(super) fn one_by_one(&self, digits: &str) -> String {
        let digits: Vec<String> = digits.chars().map(String::from).collect();
        spoken_phone(&digits.join(" "), self.language).replace(", ", " ")
    }

    /// `**** **** **** 1111`, `xxxx-1111`, `****1111`.
    fn hidden(&self, words: &[Word<'_>], hidden: impl Fn(&str) -> bool) -> Option<(usize, String)> {
        let at = words.iter().position(|word| !hidden(word.core))?;
        let shown = words.get(at)?.core;
        let last = shown.trim_start_matches(['*', '•', '●', 'x', 'X', '-']);
        if !digits_only(last) || !(2..=6).contains(&last.len()) {
            return None;
        }
        Some((at + 1, format!("{} {}", self.pick("ending in", "berakhiran"), self.one_by_one(last))))
    }

    /// A telephone or account number: with a plus or a zero in front, in groups, or very long.
    pub(super) fn phone(&self, words: &[Word<'_>]) -> Option<(usize, String)> {
        let first = words.first()?;
        if let Some(found) = self.american(words) {
            return Some(found);
        }
        if is_vanity(first.core) {
            return Some((1, spoken_phone(first.core, self.language)));
        }
        // `05-06-2026` begins like a number, too.
        if self.date(first.core).is_some() {
            return None;
        }
        let is_group = |text: &str| {
            text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'(' | b')')) && count(text) > 0
        };
        let national = first.core.strip_prefix('+').unwrap_or(first.core);
        if !is_group(national) || national.starts_with('-') {
            return None;
        }
        let plus = first.core.starts_with('+');
        let (mut text, mut used) = (first.core.to_owned(), 1);
        // Groups that follow belong to it while nothing but a bracket stands between them.
        if plus || first.core.starts_with('0') {
            while let (Some(last), Some(next)) = (words.get(used - 1), words.get(used))
                && last.close.trim_start_matches(')').is_empty()
                && is_group(next.core)
                && (plus || count(next.core) >= 3)
                && count(&text) + count(next.core) <= 15
            {
                text.push(' ');
                text.push_str(next.core);
                used += 1;
            }
        }
        let total = count(&text);
        let zero = first.core.starts_with('0') && first.core.len() > 1;
        let groups: Vec<&str> = first.core.split('-').collect();
        let year = |group: &&str| group.len() == 4 && (group.starts_with("19") || group.starts_with("20"));
        let grouped = groups.len() > 1
            && total >= 7
            && groups.iter().all(|group| group.len() >= 3)
            && !groups.iter().all(year);
        let long = groups.len() == 1 && total >= 10;
        let plain_zero = zero && groups.len() == 1;
        let number = (plus && total >= 5) || (zero && total >= 7) || plain_zero || grouped || long;
        number.then(|| (used, spoken_phone(&text, self.language)))
    }

    /// A number of North America: `1-800-555-0199`, `(800) 555-0199`, `800.555.0199`, `1 800 555 0199`.
    fn american(&self, words: &[Word<'_>]) -> Option<(usize, String)> {
        let mut groups: Vec<&str> = Vec::new();
        for (at, word) in words.iter().take(4).enumerate() {
            groups.extend(word.core.split(['-', '.', ')', '(']).filter(|group| !group.is_empty()));
            if groups.iter().any(|group| !digits_only(group)) || groups.len() > 4 {
                return None;
            }
            let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
            let whole = match lengths.as_slice() {
                [1, 3, 3, 4] => groups.first() == Some(&"1"),
                [3, 3, 4] => words
                    .first()
                    .is_some_and(|first| first.open.ends_with('(') || first.core.contains(['-', '.'])),
                _ => false,
            };
            if whole && (at == 0 || words.iter().take(at).all(|word| matches!(word.close, "" | ")"))) {
                return Some((at + 1, spoken_phone(&groups.join(" "), self.language)));
            }
            if lengths.len() >= 4 {
                return None;
            }
        }
        None
    }
}

/// `1-800-FLOWERS`, `800-GO-FEDEX`.
fn is_vanity(text: &str) -> bool {
    let mut groups = text.split('-').peekable();
    if groups.peek() == Some(&"1") {
        groups.next();
    }
    let area = groups.next().is_some_and(|group| group.len() == 3 && digits_only(group));
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let plain = |group: &str| {
        !group.is_empty() && group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    area && letters >= 3 && groups.all(plain)
}
