//! A number in figures, exact to its last decimal.

use super::currency::has_cents;
use super::tag::Language;

/// A decimal number as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    pub minus: bool,
    pub whole: u64,
    /// The digits behind the point, without trailing zeros.
    pub fraction: String,
}

/// Why a text is not a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misread {
    NotANumber,
    /// `250.000` is 250 or 250,000: the digits on both sides of its sign.
    Ambiguous {
        before: String,
        behind: String,
        minus: bool,
    },
}

impl Misread {
    /// How each of the two numbers is written so that it can only be that one.
    pub(crate) fn hint(&self) -> Option<String> {
        let Self::Ambiguous { before, behind, minus } = self else { return None };
        let sign = if *minus { "-" } else { "" };
        let fraction = behind.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        Some(format!(
            "write {sign}{before}{behind} or {sign}{before},{behind}.0; or {sign}{before}{point}{fraction} if that is \
             what is meant"
        ))
    }
}

/// Spaces and apostrophes that stand between groups of three.
const fn is_group_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}')
}

/// Most digits before and behind the point.
const MAX_DIGITS: usize = 18;

impl Figure {
    /// Reads a number as a program writes it: `-1250.5`.
    pub(crate) fn plain(text: &str) -> Option<Self> {
        let text = text.trim();
        let (minus, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.len() <= MAX_DIGITS && part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0').to_owned();
        let whole = whole.parse().ok()?;
        Some(Self { minus: minus && (whole > 0 || !fraction.is_empty()), whole, fraction })
    }

    /// Reads a number as people write it in this language: `1.250,5` or `1,250.5`. What could be both is
    /// read as the language does it.
    pub(crate) fn written(text: &str, language: Language) -> Option<Self> {
        let (group, point) = match language {
            Language::Indonesian => ('.', ','),
            Language::English | Language::Other => (',', '.'),
        };
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (whole, fraction) = text.split_once(point).unwrap_or((&text, ""));
        let mut groups = whole.trim_start_matches('-').split(group);
        let first = groups.next().unwrap_or_default();
        // A zero groups nothing: `0.125`.
        let can_group = first.len() <= 3 && !first.starts_with('0');
        let grouped = groups.all(|g| g.len() == 3) && (can_group || !whole.contains(group));
        if grouped && !fraction.contains(group) {
            let whole: String = whole.chars().filter(|c| *c != group).collect();
            if let Some(figure) = Self::plain(&format!("{whole}.{fraction}")) {
                return Some(figure);
            }
        }
        // The other language's way, where this one's makes no sense of it: `2.5` in an Indonesian text.
        Self::plain(&text.replace(',', "."))
    }

    /// Reads an amount of money as people write it. A currency without cents never has three decimals, so the sign
    /// before three digits groups, in any language; otherwise the language decides.
    pub(crate) fn sum(text: &str, code: &str, language: Language) -> Option<Self> {
        if has_cents(code) {
            Self::written(text, language)
        } else {
            Self::grouped(text).or_else(|| Self::written(text, language))
        }
    }

    /// Reads an amount of money within a text, in the currency of `code`. `None` where two amounts are possible: a wrong
    /// one is worse than figures. `scaled` is what is multiplied by a word of size of this language (true) or of
    /// another (false).
    pub(super) fn amount(text: &str, code: &str, scaled: Option<bool>, language: Language) -> Option<Self> {
        match Self::certain(text) {
            Ok(figure) => {
                // More decimals than money has may be a group that somebody mistyped: `1234.567`, `1.250,000`.
                let once = |sign: &char| text.matches(*sign).count() == 1;
                let point = text.rfind(['.', ',']).filter(|at| {
                    text.get(*at..).and_then(|rest| rest.chars().next()).as_ref().is_some_and(once)
                });
                let odd = figure.whole > 0 && point.is_some_and(|at| text.len() - at > 3);
                (scaled.is_some() || !odd).then_some(figure)
            }
            Err(Misread::Ambiguous { .. }) => {
                let group = if language == Language::Indonesian { '.' } else { ',' };
                match scaled {
                    None if !has_cents(code) => Self::grouped(text),
                    None => Self::written(text, language).filter(|_| text.contains(group)),
                    Some(own) => Self::written(text, language).filter(|_| own),
                }
            }
            Err(Misread::NotANumber) => None,
        }
    }

    /// A number whose groups of three tell which sign is which: `250.000`, `1,250,000`, `1.250.000,50`.
    fn grouped(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (minus, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let last = digits.rfind(['.', ','])?;
        let (whole, fraction) = match digits.get(last + 1..)? {
            three if three.len() == 3 => (digits, ""),
            fraction => (digits.get(..last)?, fraction),
        };
        let mut groups = whole.split(['.', ',']);
        let first = groups.next().unwrap_or_default();
        // A zero groups nothing: `0.125`.
        let grouped =
            (1..=3).contains(&first.len()) && !first.starts_with('0') && groups.all(|group| group.len() == 3);
        if !grouped || !whole.contains(['.', ',']) {
            return None;
        }
        let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
        Self::plain(&format!("{}{whole}.{fraction}", if minus { "-" } else { "" }))
    }

    /// Reads a number that may come from a person, a program or a spreadsheet of any country, when it can only be
    /// one. What could be two is [`Misread::Ambiguous`].
    pub(crate) fn certain(text: &str) -> Result<Self, Misread> {
        let text = text.trim();
        let (minus, digits) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let spaced = digits.contains(is_group_space);
        let signs: Vec<char> = digits.chars().filter(|c| matches!(c, '.' | ',')).collect();
        let last = signs.last().copied();
        let once = last.is_some_and(|last| signs.iter().filter(|sign| **sign == last).count() == 1);
        let two = signs.iter().any(|sign| Some(*sign) != last);
        // One sign that is there several times groups; of two the last, which must be there once, is the point.
        let point = last.filter(|_| once);
        let (whole, fraction) = match point.and_then(|point| digits.split_once(point)) {
            Some((whole, fraction)) => (whole, fraction),
            None => (digits, ""),
        };
        let separates = |c: char| matches!(c, '.' | ',') || is_group_space(c);
        let groups: Vec<&str> = whole.split(separates).collect();
        let first = groups.first().copied().unwrap_or_default();
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let in_threes = (1..=3).contains(&first.len()) && groups.iter().skip(1).all(|group| group.len() == 3);
        // India groups by two before the last three.
        let indian = groups.len() > 2
            && (1..=2).contains(&first.len())
            && groups.last().is_some_and(|last| last.len() == 3)
            && groups.iter().skip(1).rev().skip(1).all(|group| group.len() == 2);
        let several = !signs.is_empty() && !once;
        let mixed = (two && (several || spaced)) || (spaced && several);
        let good = plain(fraction)
            && groups.iter().all(|group| plain(group))
            && (groups.len() == 1 || in_threes || indian);
        let whole: String = groups.concat();
        if !good || mixed || (whole.is_empty() && fraction.is_empty()) || digits.ends_with(is_group_space) {
            return Err(Misread::NotANumber);
        }
        let lone = groups.len() == 1 && fraction.len() == 3;
        if lone && (1..=3).contains(&whole.len()) && !whole.starts_with('0') {
            return Err(Misread::Ambiguous { before: whole, behind: fraction.to_owned(), minus });
        }
        let sign = if minus { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { &whole };
        Self::plain(&format!("{sign}{whole}.{fraction}")).ok_or(Misread::NotANumber)
    }

    /// Rounded to so many digits behind the point, half away from zero: the whole part, and what is left
    /// in units of the last digit.
    pub(super) fn rounded(&self, digits: usize) -> (u64, u64) {
        let mut padded = self.fraction.clone();
        while padded.len() <= digits {
            padded.push('0');
        }
        let kept = padded.get(..digits).and_then(|kept| kept.parse::<u64>().ok()).unwrap_or_default();
        let up = u64::from(padded.as_bytes().get(digits).is_some_and(|next| *next >= b'5'));
        let unit = 10_u64.pow(u32::try_from(digits).unwrap_or_default());
        let rounded = kept + up;
        (self.whole + rounded / unit, rounded % unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn certain(text: &str) -> String {
        match Figure::certain(text) {
            Ok(Figure { minus, whole, fraction }) => {
                format!("{}{whole}.{fraction}", if minus { "-" } else { "" })
            }
            Err(misread) => misread.hint().unwrap_or_else(|| "no number".to_owned()),
        }
    }

    #[test]
    fn a_number_from_a_spreadsheet_is_read_when_it_can_only_be_one() {
        for (text, read) in [
            ("250000", "250000."),
            ("250,000.0", "250000."),
            ("250.000,0", "250000."),
            ("1.250.000", "1250000."),
            ("1,250,000", "1250000."),
            ("12,34,567", "1234567."),
            ("1 250 000", "1250000."),
            ("250\u{a0}000", "250000."),
            ("1'250'000.50", "1250000.5"),
            ("1 250,50", "1250.5"),
            ("2.5", "2.5"),
            ("2,5", "2.5"),
            ("250.00", "250."),
            ("0.125", "0.125"),
            ("1234.567", "1234.567"),
            (" -12,50 ", "-12.5"),
            ("\u{2212}5", "-5."),
            (".5", "0.5"),
            ("007", "7."),
        ] {
            assert_eq!(certain(text), read, "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.2.3",
            "1,250.000.000",
            "1,250.000,5",
            "1 25",
            "Rp 5",
            "1e5",
            "12 34",
            "٣",
            "1  000",
        ] {
            assert_eq!(certain(text), "no number", "{text}");
        }
    }

    #[test]
    fn what_may_be_two_numbers_is_never_guessed() {
        for (text, hint) in [
            ("250.000", "write 250000 or 250,000.0; or 250 if that is what is meant"),
            ("250,000", "write 250000 or 250,000.0; or 250 if that is what is meant"),
            ("1.250", "write 1250 or 1,250.0; or 1.25 if that is what is meant"),
            ("-12,345", "write -12345 or -12,345.0; or -12.345 if that is what is meant"),
        ] {
            assert_eq!(certain(text), hint);
        }
    }

    #[test]
    fn the_sign_before_three_digits_groups_in_a_currency_without_cents() {
        for (text, whole) in
            [("250.000", 250_000), ("250,000", 250_000), ("1.250.000,00", 1_250_000), ("0.125", 0)]
        {
            for language in [Language::English, Language::Indonesian, Language::Other] {
                assert_eq!(
                    Figure::sum(text, "IDR", language).map(|figure| figure.whole),
                    Some(whole),
                    "{text}"
                );
            }
        }
        assert_eq!(Figure::sum("1.250", "USD", Language::English).map(|figure| figure.whole), Some(1));
        assert_eq!(Figure::sum("1.250", "USD", Language::Indonesian).map(|figure| figure.whole), Some(1_250));
    }

    proptest! {
        #[test]
        fn what_is_certain_is_so_in_both_ways_of_writing(whole in 1_000_u64..1_000_000_000, cents in 0_u64..100) {
            let digits = whole.to_string();
            let grouped = |sign: char| {
                let mut out = String::new();
                for (at, digit) in digits.chars().enumerate() {
                    if at > 0 && (digits.len() - at).is_multiple_of(3) {
                        out.push(sign);
                    }
                    out.push(digit);
                }
                out
            };
            let english = Figure::certain(&format!("{}.{cents:02}", grouped(',')));
            let continental = Figure::certain(&format!("{},{cents:02}", grouped('.')));
            prop_assert_eq!(&english, &continental);
            prop_assert_eq!(english.map(|figure| figure.whole), Ok(whole));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9., '-]{0,20}|\\PC{0,20}") {
            let _read = (Figure::certain(&text), Figure::sum(&text, "IDR", Language::English));
        }
    }
}
