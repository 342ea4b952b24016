//! A text as it is handed to a speech engine: what is written in signs, figures and short forms is put into
//! words of its language, so that every engine says the same; what would be an order to an engine is gone.

use super::Tongue;
use super::calendar::{Date, TimeOfDay};
use super::currency::{currency_name, spoken_money};
use super::figure::Figure;
use super::lexicon::month;
use super::say::{cardinal, spoken_number, spoken_ordinal, spoken_phone};
use super::say_when::{DateStyle, english_year, spoken_date, spoken_time};
use super::shorthand::{before_number, currency, in_full, scale, symbol, unit};

/// The words of `text` for a speech engine. Markup (`<…>`), phoneme brackets, emoji and control characters are
/// dropped in every language; figures, money, dates, times, telephone numbers, short forms and signs become
/// words where the language's words are known here (English, Indonesian).
#[must_use]
pub fn speakable(text: &str, language: &str) -> String {
    let tongue = Tongue::of(language);
    let clean = cleaned(text);
    let words: Vec<Word<'_>> = clean.split_whitespace().map(Word::of).collect();
    if tongue == Tongue::Other {
        return clean.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let says = Says { tongue, month_first: language == "en" || language.eq_ignore_ascii_case("en-us") };
    let (mut said, mut at) = (String::with_capacity(clean.len() * 2), 0);
    while let Some(word) = words.get(at) {
        let before = at.checked_sub(1).and_then(|before| words.get(before)).map_or("", |word| word.core);
        let rest = words.get(at..).unwrap_or_default();
        let (used, spoken) = says.next(before, rest);
        let last = words.get(at + used - 1).unwrap_or(word);
        // One full stop is enough; that of a short form which has been said in full is none, except at the end.
        let spare = spoken.text.ends_with('.') || (spoken.took_stop && at + used < words.len());
        let close = last.close.strip_prefix('.').filter(|_| spare).unwrap_or(last.close);
        let is_first = spoken.text.is_empty() && word.open.is_empty();
        if !said.is_empty() && !is_first {
            said.push(' ');
        }
        for part in [word.open, &spoken.text, close] {
            said.push_str(part);
        }
        at += used;
    }
    said.trim().to_owned()
}

/// Without markup, brackets of phonemes, emoji and signs that nobody says.
fn cleaned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '<' => match markup_end(text.get(at..).unwrap_or_default()) {
                Some(length) => {
                    while chars.as_str().len() + length > text.len() - at {
                        chars.next();
                    }
                    out.push(' ');
                }
                None => out.push(' '),
            },
            '>' | '[' | ']' | '{' | '}' | '|' | '\\' | '^' | '~' | '`' | '_' => out.push(' '),
            c if is_picture(c) => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
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
        '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{20e3}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2500}'..='\u{27bf}'
        | '\u{2b00}'..='\u{2bff}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fffc}'..='\u{fffd}' | '\u{1f000}'..='\u{1faff}' | '\u{e0000}'..='\u{10ffff}')
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
    tongue: Tongue,
    /// `5/31/2026` is the last of May.
    month_first: bool,
}

impl Says {
    fn pick(&self, english: &'static str, indonesian: &'static str) -> &'static str {
        if self.tongue == Tongue::Indonesian { indonesian } else { english }
    }

    /// How many of `words` are said next (at least one), and how.
    fn next(&self, before: &str, words: &[Word<'_>]) -> (usize, Spoken) {
        let Some(word) = words.first() else { return (1, said("")) };
        let next = words.get(1).copied();
        if let Some(found) = self.money(word, words) {
            return found;
        }
        if let Some((used, text)) = self.phone(words) {
            return (used, said(text));
        }
        let is_figure = word.core.starts_with(|c: char| c.is_ascii_digit())
            || (word.core.starts_with('-') && word.core.len() > 1);
        if is_figure && let Some(found) = self.figures(before, word, next) {
            return found;
        }
        (1, self.word(word, next))
    }

    fn word(&self, word: &Word<'_>, next: Option<Word<'_>>) -> Spoken {
        let counts = next.is_some_and(|next| next.core.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(stopped) = word.stopped() {
            let full = in_full(&stopped, self.tongue);
            if let Some(full) = full.or_else(|| before_number(&stopped, self.tongue).filter(|_| counts)) {
                return Spoken { text: full.to_owned(), took_stop: true };
            }
            if currency(&stopped) == Some("IDR") {
                return Spoken { text: "rupiah".to_owned(), took_stop: true };
            }
        }
        if let Some(full) = in_full(word.core, self.tongue)
            .or_else(|| before_number(word.core, self.tongue).filter(|_| counts))
        {
            return said(full);
        }
        if word.core == "Rp" {
            return said("rupiah");
        }
        if let Some(rest) = word.core.strip_prefix("ke-")
            && self.tongue == Tongue::Indonesian
            && let Ok(n) = rest.parse::<u64>()
        {
            return said(format!("ke{}", cardinal(n, self.tongue)));
        }
        let mut chars = word.core.chars();
        if let (Some(sign), None) = (chars.next(), chars.next()) {
            if let Some(spoken) = symbol(sign, self.tongue) {
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
        let mut out = String::with_capacity(core.len() + 8);
        for c in core.chars() {
            match c {
                '.' if address => out.push_str(self.pick(" dot ", " titik ")),
                '&' | '@' | '=' | '%' => {
                    out.push(' ');
                    out.push_str(symbol(c, self.tongue).unwrap_or_default());
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
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
        if plain { Figure::written(text, self.tongue) } else { None }
    }

    /// Money: `Rp250.000`, `Rp. 2,5 juta`, `$5.50`, `USD 10`, `10 EUR`, `Rp5.000/bulan`.
    fn money(&self, word: &Word<'_>, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let next = words.get(1).copied();
        let stopped = word.stopped();
        let sign = currency(word.core).or_else(|| stopped.as_deref().and_then(currency));
        if let (Some(code), Some(amount)) = (sign, next) {
            return self.amount(amount.core, code, words.get(2).copied(), 2);
        }
        let first_digit = word.core.find(|c: char| c.is_ascii_digit())?;
        if let Some(code) = word.core.get(..first_digit).and_then(currency) {
            return self.amount(word.core.get(first_digit..)?, code, next, 1);
        }
        let number = word.core.trim_end_matches(|c: char| !c.is_ascii_digit());
        if let Some(code) = word.core.get(number.len()..).and_then(currency) {
            return self.amount(number, code, None, 1);
        }
        let code = next.filter(|_| word.close.is_empty()).and_then(|next| currency(next.core))?;
        self.amount(word.core, code, None, 2)
    }

    /// An amount in figures, with what multiplies it and what it is paid for.
    fn amount(&self, text: &str, code: &str, next: Option<Word<'_>>, used: usize) -> Option<(usize, Spoken)> {
        let (text, per) = text.split_once('/').map_or((text, None), |(text, per)| (text, Some(per)));
        let text = text.trim_end_matches(",-").trim_end_matches(".-");
        let number = text.trim_end_matches(char::is_alphabetic);
        let glued = text.get(number.len()..).unwrap_or_default();
        let figure = self.figure(number)?;
        let (times, more) = if glued.is_empty() {
            let times = next.and_then(|next| scale(next.core, self.tongue)).filter(|_| per.is_none());
            (times, usize::from(times.is_some()))
        } else {
            (Some(scale(glued, self.tongue)?), 0)
        };
        let mut text = match times {
            Some(times) => {
                let name = currency_name(code, self.tongue)?;
                format!("{} {times} {name}", spoken_number(&figure, self.tongue))
            }
            None => spoken_money(&figure, code, self.tongue)?,
        };
        if let Some(per) = per {
            text = format!("{text} per {}", self.within(per));
        }
        Some((used + more, said(text)))
    }

    /// A telephone or account number: with a plus or a zero in front, in groups, or very long.
    fn phone(&self, words: &[Word<'_>]) -> Option<(usize, String)> {
        let first = words.first()?;
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let is_group = |text: &str| {
            text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'(' | b')')) && digits(text) > 0
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
                && (plus || digits(next.core) >= 3)
                && digits(&text) + digits(next.core) <= 15
            {
                text.push(' ');
                text.push_str(next.core);
                used += 1;
            }
        }
        let count = digits(&text);
        let zero = first.core.starts_with('0') && first.core.len() > 1;
        let groups: Vec<&str> = first.core.split('-').collect();
        let year = |group: &&str| group.len() == 4 && (group.starts_with("19") || group.starts_with("20"));
        let grouped = groups.len() > 1
            && count >= 7
            && groups.iter().all(|group| group.len() >= 3)
            && !groups.iter().all(year);
        let long = groups.len() == 1 && count >= 10;
        let plain_zero = zero && groups.len() == 1;
        let number = (plus && count >= 5) || (zero && count >= 7) || plain_zero || grouped || long;
        number.then(|| (used, spoken_phone(&text, self.tongue)))
    }

    /// What begins with a figure: dates, times, ordinals, ranges, shares, plain numbers and their units.
    fn figures(&self, before: &str, word: &Word<'_>, next: Option<Word<'_>>) -> Option<(usize, Spoken)> {
        let core = word.core;
        if let Some(date) = self.date(core) {
            let style = DateStyle { weekday: false, year: true };
            return Some((1, said(spoken_date(date, style, self.tongue))));
        }
        if let Some(found) = self.time(before, word, next) {
            return Some(found);
        }
        if let Some(n) = self.ordinal(core) {
            return Some((1, said(spoken_ordinal(n, self.tongue))));
        }
        if let Some((low, high)) = core.split_once(['-', '–'])
            && let (Some(low), Some(high)) = (self.end_of_range(low), self.end_of_range(high))
        {
            return Some((1, said(format!("{low} {} {high}", self.pick("to", "sampai")))));
        }
        if let Some(figure) = core.strip_suffix('%').and_then(|number| self.figure(number)) {
            let percent = self.pick("percent", "persen");
            return Some((1, said(format!("{} {percent}", spoken_number(&figure, self.tongue)))));
        }
        if let Some(figure) = self.figure(core) {
            let unit = next.filter(|_| word.close.is_empty()).and_then(|next| unit(next.core, self.tongue));
            if let Some(unit) = unit {
                return Some((2, said(format!("{} {unit}", spoken_number(&figure, self.tongue)))));
            }
            return Some((1, said(self.number(before, &figure, next))));
        }
        // A number and its unit in one word, or a price for something.
        let number = core.trim_end_matches(|c: char| !c.is_ascii_digit());
        let figure = self.figure(number)?;
        let behind = core.get(number.len()..).unwrap_or_default();
        if let Some(per) = behind.strip_prefix('/').filter(|per| per.chars().all(char::is_alphabetic)) {
            return Some((1, said(format!("{} per {per}", spoken_number(&figure, self.tongue)))));
        }
        let unit = unit(behind, self.tongue)?;
        Some((1, said(format!("{} {unit}", spoken_number(&figure, self.tongue)))))
    }

    /// A number on its own; beside a month it is a day or a year.
    fn number(&self, before: &str, figure: &Figure, next: Option<Word<'_>>) -> String {
        let whole = figure.fraction.is_empty() && !figure.minus;
        if self.tongue == Tongue::English && whole {
            let is_month = |word: &str| {
                word.starts_with(char::is_uppercase) && month(&word.to_lowercase(), self.tongue).is_some()
            };
            let beside = is_month(before) || next.is_some_and(|next| is_month(next.core));
            if beside && (1..=31).contains(&figure.whole) {
                return spoken_ordinal(figure.whole, self.tongue);
            }
            let announced = matches!(before, "in" | "since" | "by" | "until" | "year" | "of");
            let near_month = is_month(before) || before.parse::<u32>().is_ok_and(|day| day <= 31);
            if (1_100..2_100).contains(&figure.whole) && (announced || near_month) {
                return english_year(figure.whole);
            }
        }
        spoken_number(figure, self.tongue)
    }

    fn end_of_range(&self, text: &str) -> Option<String> {
        if let Some(time) = clock(text) {
            return Some(spoken_time(time, self.tongue));
        }
        let short = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        self.figure(text).filter(|_| short).map(|figure| spoken_number(&figure, self.tongue))
    }

    /// `2026-05-31`, `31/05/2026`, `31-05-2026`; the day first except in American English.
    fn date(&self, text: &str) -> Option<Date> {
        if let Some(date) = Date::parse(text) {
            return Some(date);
        }
        let separator = if text.contains('/') { '/' } else { '-' };
        let mut parts = text.split(separator).map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(second)), Some(Ok(year)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let year = i32::try_from(if year < 100 { year + 2_000 } else { year }).ok()?;
        let day_first = Date::new(year, second, first);
        let month_first = Date::new(year, first, second);
        if self.month_first { month_first.or(day_first) } else { day_first.or(month_first) }
    }

    /// `14:30`, `2:30 pm`, `2pm`, and behind "pukul" `14.30`.
    fn time(&self, before: &str, word: &Word<'_>, next: Option<Word<'_>>) -> Option<(usize, Spoken)> {
        let core = word.core;
        if self.tongue == Tongue::English {
            let lower = core.to_lowercase();
            let glued = ["am", "pm", "a.m", "p.m"].into_iter().find(|half| lower.ends_with(half));
            let apart = next.filter(|_| glued.is_none() && word.close.is_empty());
            let half = glued.map(str::to_owned).or_else(|| apart.map(|next| next.core.to_lowercase()));
            if let Some(half) = half.filter(|half| matches!(half.as_str(), "am" | "pm" | "a.m" | "p.m")) {
                let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit()).replace('.', ":");
                let (hour, minute) = digits.split_once(':').unwrap_or((&digits, "0"));
                let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
                if (1..=12).contains(&hour) {
                    let hour = hour % 12 + if half.starts_with('p') { 12 } else { 0 };
                    let text = spoken_time(TimeOfDay::new(hour, minute)?, self.tongue);
                    return Some((1 + usize::from(glued.is_none()), said(text)));
                }
            }
        }
        let hour_before = matches!(before.to_lowercase().as_str(), "pukul" | "jam");
        let colon = if hour_before { core.replace('.', ":") } else { core.to_owned() };
        clock(&colon).map(|time| (1, said(spoken_time(time, self.tongue))))
    }

    fn ordinal(&self, text: &str) -> Option<u64> {
        if self.tongue != Tongue::English {
            return None;
        }
        let lower = text.to_lowercase();
        let ending = ["st", "nd", "rd", "th"].into_iter().find_map(|ending| lower.strip_suffix(ending));
        ending?.parse().ok()
    }
}

/// `14:30`, and nothing else.
fn clock(text: &str) -> Option<TimeOfDay> {
    let (hour, minute) = text.split_once(':')?;
    if minute.len() != 2 || hour.is_empty() || hour.len() > 2 {
        return None;
    }
    TimeOfDay::new(hour.parse().ok()?, minute.parse().ok()?)
}
