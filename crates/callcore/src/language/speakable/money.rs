//! Amounts of money in a text.

use super::super::currency::{Currency, currency_name, has_cents, with_cents_named};
use super::super::figure::Figure;
use super::super::say::spoken_number;
use super::super::say_money::spoken_money;
use super::super::scale::{Scale, Size, size};
use super::super::shorthand::currency;
use super::ranges::is_dash;
use super::{Says, Spoken, Word, said};

/// Words before a minus that stands apart: `your balance is - $5`.
const BEFORE_MINUS: [&str; 13] = [
    "is", "of", "balance", "total", "owe", "owes", "saldo", "adalah", "sebesar", "sisa", "utang", "hutang",
    "rugi",
];
/// Smallest whole number that is an amount of its own before another one with a word of size.
const OF_ITS_OWN: u64 = 1_000;
/// Words behind an amount that say nothing of its size.
const FOLLOWING: [&str; 48] = [
    "a", "an", "and", "are", "as", "at", "before", "belum", "by", "can", "dan", "dari", "di", "due", "each",
    "every", "for", "from", "has", "if", "in", "is", "ke", "lagi", "less", "more", "now", "of", "off", "on",
    "only", "or", "per", "plus", "saja", "sampai", "sebelum", "sudah", "tiap", "to", "today", "total",
    "until", "untuk", "was", "will", "with", "yang",
];

/// A number in one or more written words, and what multiplies it.
struct Counted {
    number: String,
    scales: Vec<Scale>,
    /// Whether the words of size are those of the text's language.
    own: bool,
    /// A word of size may mean two.
    unsure: bool,
    /// Words that it takes.
    used: usize,
}

impl Says {
    /// Money: `Rp250.000`, `Rp. 2,5 juta`, `$5.50`, `USD 10`, `10 EUR`, `Rp5.000/bulan`, `-$12.50`, `$5-$10`. An amount
    /// that may be two stays in figures.
    pub(super) fn money(&self, before: &str, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let word = words.first()?;
        let known_minus = BEFORE_MINUS.contains(&before.to_lowercase().as_str());
        if matches!(word.core, "-" | "–") && !before.contains(|c: char| c.is_ascii_digit()) {
            let (used, spoken) = self.money("", words.get(1..)?)?;
            let used = used + 1;
            // Between two dashes something is put in: `the total – $50 – is due`.
            let put_in = words.get(used).is_some_and(|word| is_dash(word.core));
            if known_minus && !put_in {
                return Some((used, said(format!("minus {}", spoken.text))));
            }
            // A sign, or a dash: `Coffee - $5`.
            return (word.core == "-" && !put_in).then(|| (used, as_written(words, used)));
        }
        let stopped = word.stopped();
        let sign = currency(word.core).or_else(|| stopped.as_deref().and_then(currency));
        let apart = matches!(word.close, "" | "." | ":");
        let behind_minus = word.core.strip_prefix('-').and_then(currency);
        if let (Some(code), Some(amount)) = (sign.or(behind_minus).filter(|_| apart), words.get(1)) {
            let minus = if sign.is_none() { "-" } else { "" };
            return self.amount(&format!("{minus}{}", amount.core), code, words, 2);
        }
        let first_digit = word.core.find(|c: char| c.is_ascii_digit())?;
        let (front, behind) = word.core.split_at(first_digit);
        let minus = front.starts_with('-') || front.ends_with('-') || front.starts_with("(-");
        if let Some(code) = currency(front.trim_matches(['-', '(', '+'])) {
            let sign = if minus { "-" } else { "" };
            return self.amount(&format!("{sign}{behind}"), code, words, 1);
        }
        let number = word.core.trim_end_matches(|c: char| !c.is_ascii_digit());
        if let Some(code) = word.core.get(number.len()..).and_then(currency) {
            let figure = self.sum(number, code)?;
            return Some((1, said(spoken_money(&figure, code, self.language)?)));
        }
        self.before_currency(front, words)
    }

    /// `5-10 USD`, `100.000 - 200.000 rupiah`: both ends of a range before its currency.
    fn range_before_currency(&self, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let first = words.first().filter(|word| word.close.is_empty())?;
        let apart = words.get(1).is_some_and(|word| is_dash(word.core));
        let (low, high, used) = if apart {
            let counted = self.counted(words.get(2)?.core, words, 3, "");
            if !counted.scales.is_empty() || counted.unsure {
                return None;
            }
            (first.core, counted.number, counted.used)
        } else {
            let (low, high) = first.core.split_once(['-', '–'])?;
            (low, high.to_owned(), 1)
        };
        if low.starts_with('0') || high.starts_with('0') {
            return None;
        }
        let name = words.get(used)?.core;
        let code = currency(name).or_else(|| Currency::without_cents_named(&name.to_lowercase()))?;
        let range = self.both(&self.sum(low, code)?, &self.sum(&high, code)?, code)?;
        Some((used + 1, said(range)))
    }

    /// From one amount to another of the same currency, which is named once.
    fn both(&self, low: &Figure, high: &Figure, code: &str) -> Option<String> {
        let low = if low.fraction.is_empty() {
            spoken_number(low, self.language)
        } else {
            spoken_money(low, code, self.language)?
        };
        Some(format!("{low} {} {}", self.pick("to", "sampai"), spoken_money(high, code, self.language)?))
    }

    /// A range whose second amount has no currency of its own: `Rp 100.000 – 200.000`, `$1.5-2.5 million`. `first` is the
    /// amount before the dash.
    fn range(&self, first: &Counted, code: &str, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let at = first.used;
        let open = |at: usize| words.get(at).is_some_and(|word| word.close.is_empty());
        if !words.get(at).is_some_and(|word| is_dash(word.core)) || !open(at - 1) || !is_number(&first.number)
        {
            return None;
        }
        let begin = words.get(at + 1).filter(|word| word.open.is_empty())?;
        let second = self.counted(begin.core, words, at + 2, code);
        let next = words.get(second.used).filter(|_| open(second.used - 1));
        let told = words.iter().skip(at).take(8).any(|word| word.core.starts_with('='));
        let word = next.map_or("", |next| next.core);
        let other = word.starts_with(char::is_alphabetic)
            && !FOLLOWING.contains(&word.to_lowercase().as_str())
            && currency(word) != Some(code)
            && second.scales.is_empty()
            && !second.number.contains(['.', ',', ' ']);
        if !is_number(&second.number) || second.number.starts_with('-') || told || other {
            return None;
        }
        let used = second.used;
        let written = || Some((used, as_written(words, used)));
        if first.unsure || second.unsure {
            return written();
        }
        let to = self.pick("to", "sampai");
        match (first.scales.is_empty(), second.scales.is_empty()) {
            (true, true) => {
                let low = Figure::amount(&first.number, code, None, self.language);
                let high = Figure::amount(&second.number, code, None, self.language);
                match low.zip(high).and_then(|(low, high)| self.both(&low, &high, code)) {
                    Some(range) => Some((used, said(range))),
                    None => written(),
                }
            }
            (true, false) => {
                let scaled = Some(second.own);
                let low = Figure::amount(&first.number, code, scaled, self.language);
                let high = Figure::amount(&second.number, code, scaled, self.language);
                let Some((low, high)) = low.zip(high) else { return written() };
                let said_high = self.spoken(&second, code)?;
                if low.whole >= OF_ITS_OWN {
                    let low = self.spoken(first, code)?;
                    return Some((used, said(format!("{low} {to} {said_high}"))));
                }
                // `Rp 500 - 2 juta` leaves out what the first is multiplied by.
                if low.whole > high.whole {
                    return written();
                }
                Some((used, said(format!("{} {to} {said_high}", spoken_number(&low, self.language)))))
            }
            (false, true) => written(),
            (false, false) => {
                let (low, high) = (self.spoken(first, code), self.spoken(&second, code));
                match low.zip(high) {
                    Some((low, high)) => Some((used, said(format!("{low} {to} {high}")))),
                    None => written(),
                }
            }
        }
    }

    /// `Rp 3½ juta`, `$2 1/2 million`: the amount is in the last of the first `used` words and the one behind it.
    fn with_fraction(
        &self,
        code: &str,
        words: &[Word<'_>],
        used: usize,
        text: &str,
    ) -> Option<(usize, Spoken)> {
        let minus = text.starts_with('-');
        let mut from: Vec<Word<'_>> = words.get(used - 1..)?.iter().take(2).copied().collect();
        from.first_mut()?.core = text.trim_start_matches('-');
        let alone = || self.part_alone(from.first()?.core);
        let (taken, number) = self.mixed(&from).or_else(alone)?;
        let mut used = used - 1 + taken;
        let mut scales = Vec::new();
        while let Some(Size::Known(scale)) = words.get(used).map(|word| size(word.core, code, self.language))
        {
            scales.push(scale.said(self.language));
            used += 1;
        }
        let name = currency_name(code, self.language)?;
        let sign = if minus { "minus " } else { "" };
        let scales = if scales.is_empty() { String::new() } else { format!(" {}", scales.join(" ")) };
        Some((used, said(format!("{sign}{number}{scales} {name}"))))
    }

    /// `10 EUR`, `1 250,50 EUR`, `1,5 juta rupiah`.
    fn before_currency(&self, front: &str, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let first = words.first()?;
        if let Some(found) = self.range_before_currency(words).filter(|_| front.is_empty()) {
            return Some(found);
        }
        // The currency decides what `m` is, and stands behind it.
        let code_at = |used: usize| {
            let next = words.get(used)?;
            let name = next.core.to_lowercase();
            let named = || Currency::without_cents_named(&name).filter(|_| front.is_empty());
            currency(next.core)
                .or_else(named)
                .map(|code| (code, true))
                .or_else(|| Some((with_cents_named(&name)?, false)))
        };
        let counted = self.counted(first.core, words, 1, "");
        let (code, certain) = code_at(counted.used)?;
        let counted = self.counted(first.core, words, 1, code);
        let open = words.get(..counted.used)?.iter().all(|word| word.close.is_empty());
        // `20 pounds` may be a weight: such names count behind what only an amount looks like.
        let like_money = counted.used > 1 || self.may_be_two(&counted.number, code);
        if !open || !(certain || like_money) || !is_number(&counted.number) {
            return None;
        }
        let used = counted.used + 1;
        let spoken = self.spoken(&counted, code).map(said);
        Some((used, spoken.unwrap_or_else(|| as_written(words, used))))
    }

    fn may_be_two(&self, number: &str, code: &str) -> bool {
        self.figure(number).is_some() && Figure::amount(number, code, None, self.language).is_none()
    }

    /// An amount in figures behind its sign, with what multiplies it and what it is paid for. `used` words are the sign
    /// and the beginning of the amount, which is `text`.
    fn amount(&self, text: &str, code: &str, words: &[Word<'_>], used: usize) -> Option<(usize, Spoken)> {
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Some(found) = self.with_fraction(code, words, used, text) {
            return Some(found);
        }
        let counted = self.counted(text, words, used, code);
        if let Some(range) = self.range(&counted, code, words) {
            return Some(range);
        }
        let (number, per) = counted
            .number
            .split_once('/')
            .map_or((counted.number.as_str(), None), |(text, per)| (text, Some(per)));
        let number = number.trim_end_matches(",-").trim_end_matches(".-").trim_end_matches(",--");
        let glued = number.trim_start_matches(|c: char| !c.is_alphabetic());
        let number = number.strip_suffix(glued).unwrap_or(number);
        // Ledgers write the sign behind the amount.
        let number =
            number.strip_suffix('-').map_or_else(|| number.to_owned(), |number| format!("-{number}"));
        let mut counted = Counted { number, ..counted };
        if !is_number(&counted.number) {
            return None;
        }
        match size(glued, code, self.language) {
            Size::None if glued.is_empty() => {}
            Size::Known(scale) if counted.scales.is_empty() => {
                counted.scales.push(scale);
                counted.own = scale.is_written(glued, self.language);
            }
            Size::Known(_) | Size::Unsure => counted.unsure = true,
            Size::None => return None,
        }
        let used = counted.used;
        let next = words.get(used).filter(|_| words.get(used - 1).is_some_and(|last| last.close.is_empty()));
        let spoken =
            self.spoken(&counted, code).filter(|_| per.is_some() || !self.cut_short(&counted, code, next));
        let Some(mut text) = spoken else { return Some((used, as_written(words, used))) };
        if let Some(per) = per {
            text = format!("{text} per {}", self.within(per));
        }
        Some((used, said(text)))
    }

    /// The number that begins with `text` in the last of the first `used` words, with its further groups (`1 250 000`)
    /// and the words of size behind it.
    fn counted(&self, text: &str, words: &[Word<'_>], mut used: usize, code: &str) -> Counted {
        let mut number = text.to_owned();
        let open = |used: usize| words.get(used - 1).is_some_and(|last| last.close.is_empty());
        let digits = text.trim_start_matches(['-', '+']);
        let mut grouped = (1..=3).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        while grouped && open(used) {
            let Some(next) = words.get(used).filter(|next| next.open.is_empty()) else { break };
            let (head, tail) = next.core.split_at_checked(3).unwrap_or_default();
            let whole = head.len() == 3 && head.bytes().all(|b| b.is_ascii_digit());
            if !whole || tail.starts_with(|c: char| !matches!(c, '.' | ',' | '/')) {
                break;
            }
            number.push(' ');
            number.push_str(next.core);
            used += 1;
            grouped = tail.is_empty();
        }
        let mut counted = Counted { number, scales: Vec::new(), own: true, unsure: false, used };
        while open(counted.used) && !counted.number.contains('/') {
            let Some(word) = words.get(counted.used) else { break };
            match size(word.core, code, self.language) {
                Size::Known(scale) => {
                    counted.own &= scale.is_written(word.core, self.language);
                    counted.scales.push(scale);
                    counted.used += 1;
                }
                Size::Unsure => {
                    counted.unsure = true;
                    break;
                }
                Size::None => break,
            }
        }
        counted
    }

    fn spoken(&self, counted: &Counted, code: &str) -> Option<String> {
        if counted.unsure {
            return None;
        }
        let scaled = (!counted.scales.is_empty()).then_some(counted.own);
        let figure = Figure::amount(&counted.number, code, scaled, self.language)?;
        if scaled.is_none() {
            return spoken_money(&figure, code, self.language);
        }
        let scales: Vec<&str> = counted.scales.iter().map(|scale| scale.said(self.language)).collect();
        let name = currency_name(code, self.language)?;
        Some(format!("{} {} {name}", spoken_number(&figure, self.language), scales.join(" ")))
    }

    /// Whether decimals that money does not have stand before a word which may say how many thousands are meant.
    fn cut_short(&self, counted: &Counted, code: &str, next: Option<&Word<'_>>) -> bool {
        let figure = Figure::amount(&counted.number, code, None, self.language);
        let decimals = figure.map_or(0, |figure| figure.fraction.len());
        let written = counted.number.rsplit([',', '.']).next().map_or(0, str::len);
        let odd = decimals > 0 && (!has_cents(code) || decimals > 2 || written == 1);
        let unknown = next.is_some_and(|next| {
            next.core.starts_with(char::is_alphabetic)
                && !FOLLOWING.contains(&next.core.to_lowercase().as_str())
        });
        counted.scales.is_empty() && odd && unknown
    }

    fn sum(&self, text: &str, code: &str) -> Option<Figure> {
        is_number(text).then(|| Figure::amount(text, code, None, self.language)).flatten()
    }
}

/// Figures, and what may stand between them in a number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\'' | '’'))
}

/// The first words as they are.
fn as_written(words: &[Word<'_>], used: usize) -> Spoken {
    let mut text = String::new();
    for (at, word) in words.iter().take(used).enumerate() {
        if at > 0 {
            text.push(' ');
            text.push_str(word.open);
        }
        text.push_str(word.core);
        if at + 1 < used {
            text.push_str(word.close);
        }
    }
    said(text)
}
