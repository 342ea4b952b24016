//! Numbers out of what was said: `dua ratus lima puluh ribu`, `twenty five`, `1,5 juta`, `oh eight one two`.

use super::lexicon::{NumberWord, Token, number_word, ordinal, tokens};
use super::tag::Language;

/// A number that begins at one token and goes up to another.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    pub value: f64,
    /// The token behind it.
    pub end: usize,
    /// Its digits, when it is a single digit's name or a piece of figures.
    pub digits: Option<String>,
    pub ordinal: bool,
}

impl Folded {
    /// As a small whole number.
    pub(super) fn small(&self) -> Option<u32> {
        (self.value.fract() == 0.0 && (0.0..10_000.0).contains(&self.value)).then_some(self.value as u32)
    }
}

struct Fold<'t> {
    tokens: &'t [Token],
    language: Language,
    at: usize,
    total: f64,
    group: f64,
    unit: Option<f64>,
    last_scale: f64,
    seen: bool,
    ordinal: bool,
}

/// The number that begins at `start`, as long as it can be.
pub(super) fn fold(tokens: &[Token], start: usize, language: Language) -> Option<Folded> {
    let mut fold = Fold {
        tokens,
        language,
        at: start,
        total: 0.0,
        group: 0.0,
        unit: None,
        last_scale: f64::INFINITY,
        seen: false,
        ordinal: false,
    };
    let minus = fold.word(start) == Some(NumberWord::Minus);
    if minus {
        fold.at += 1;
    }
    while !fold.ordinal && fold.take() {
        fold.seen = true;
    }
    if !fold.seen {
        return None;
    }
    let value = fold.total + fold.group + fold.unit.unwrap_or(0.0);
    let digits = match tokens.get(start)? {
        _ if fold.at != start + 1 => None,
        Token::Figure { raw, .. } => Some(raw.chars().filter(char::is_ascii_digit).collect()),
        Token::Word(word) => match number_word(word, language) {
            Some(NumberWord::Unit(n)) => Some(format!("{n:.0}")),
            _ => None,
        },
        Token::Clock { .. } | Token::Date(_) | Token::Slashed(_) => None,
    };
    let value = if minus { -value } else { value };
    Some(Folded { value, end: fold.at, digits, ordinal: fold.ordinal })
}

impl Fold<'_> {
    fn word(&self, at: usize) -> Option<NumberWord> {
        match self.tokens.get(at)? {
            Token::Word(word) => number_word(word, self.language),
            Token::Figure { .. } | Token::Clock { .. } | Token::Date(_) | Token::Slashed(_) => None,
        }
    }

    fn is_word(&self, at: usize, wanted: &str) -> bool {
        matches!(self.tokens.get(at), Some(Token::Word(word)) if word == wanted)
    }

    /// Whether a number below 100 may still be added to the group.
    fn room_below_hundred(&self) -> bool {
        self.unit.is_none() && self.group % 100.0 == 0.0
    }

    fn room_for_unit(&self) -> bool {
        let below = self.group % 100.0;
        self.unit.is_none() && (below == 0.0 || (below >= 20.0 && below % 10.0 == 0.0))
    }

    /// Takes the next token into the number, if it belongs there.
    fn take(&mut self) -> bool {
        let token = self.tokens.get(self.at);
        if let Some(Token::Figure { value, .. }) = token {
            return self.figure(*value);
        }
        let Some(Token::Word(word)) = token else { return false };
        if let Some(n) = ordinal(word, self.language) {
            let fits = if n < 10.0 { self.room_for_unit() } else { self.room_below_hundred() };
            if fits {
                (self.group, self.ordinal) = (self.group + n, true);
                self.at += 1;
            }
            return fits;
        }
        let one = self.language == Language::English && matches!(word.as_str(), "a" | "an");
        let Some(part) = number_word(word, self.language) else {
            let big = matches!(self.word(self.at + 1), Some(NumberWord::Hundred | NumberWord::Scale(_)));
            let fits = one && big && !self.seen;
            if fits {
                self.unit = Some(1.0);
                self.at += 1;
            }
            return fits;
        };
        let taken = self.part(part);
        if taken {
            self.at += 1;
        }
        taken
    }

    fn figure(&mut self, value: f64) -> bool {
        let fits = self.unit.is_none() && self.group == 0.0;
        if fits {
            self.unit = Some(value);
            self.at += 1;
            let th = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if matches!(w.as_str(), "st" | "nd" | "rd" | "th"));
            if th && self.language == Language::English {
                self.at += 1;
                self.ordinal = true;
            }
        }
        fits
    }

    fn part(&mut self, part: NumberWord) -> bool {
        match part {
            NumberWord::Unit(n) => {
                let next = self.word(self.at + 1);
                let fits = match next {
                    Some(NumberWord::Belas | NumberWord::Puluh) => self.room_below_hundred(),
                    Some(NumberWord::Hundred) => self.unit.is_none() && self.group == 0.0,
                    _ => self.room_for_unit() && (n > 0.0 || self.group == 0.0),
                };
                if fits {
                    self.unit = Some(n);
                }
                fits
            }
            NumberWord::Teen(n) | NumberWord::Tens(n) => {
                let fits = self.room_below_hundred();
                if fits {
                    self.group += n;
                }
                fits
            }
            NumberWord::Belas => self.unit_into(|unit| unit + 10.0),
            NumberWord::Puluh => self.unit_into(|unit| unit * 10.0),
            NumberWord::Hundred => self.group == 0.0 && self.unit_into(|unit| unit * 100.0),
            NumberWord::AHundred => {
                let fits = self.group == 0.0 && self.unit.is_none();
                if fits {
                    self.group = 100.0;
                }
                fits
            }
            NumberWord::Scale(scale) => {
                let count = self.group + self.unit.unwrap_or(0.0);
                self.scale(scale, count)
            }
            NumberWord::AScale(scale) => self.group == 0.0 && self.unit.is_none() && self.scale(scale, 1.0),
            NumberWord::Point => self.seen && self.fraction(),
            NumberWord::Half => {
                let fits = matches!(self.word(self.at + 1), Some(NumberWord::Scale(_)));
                if fits {
                    self.unit = Some(self.unit.unwrap_or(0.0) + 0.5);
                }
                fits
            }
            NumberWord::And => {
                let before = self.word(self.at.wrapping_sub(1));
                let big = matches!(before, Some(NumberWord::Hundred | NumberWord::Scale(_)));
                let after = self.word(self.at + 1);
                let more =
                    matches!(after, Some(NumberWord::Unit(_) | NumberWord::Teen(_) | NumberWord::Tens(_)));
                self.seen && big && more && !self.is_word(self.at + 1, "oh")
            }
            NumberWord::Minus => false,
        }
    }

    fn unit_into(&mut self, of: fn(f64) -> f64) -> bool {
        let unit = self.unit.filter(|unit| (1.0..10.0).contains(unit));
        if let Some(unit) = unit {
            self.group += of(unit);
            self.unit = None;
        }
        unit.is_some()
    }

    fn scale(&mut self, scale: f64, count: f64) -> bool {
        let fits = count > 0.0 && scale < self.last_scale;
        if fits {
            self.total += count * scale;
            (self.group, self.unit, self.last_scale) = (0.0, None, scale);
        }
        fits
    }

    /// The digits behind the point; leaves the position at the last of them.
    fn fraction(&mut self) -> bool {
        let mut digits = String::from("0.");
        let mut at = self.at + 1;
        loop {
            match (self.word(at), self.tokens.get(at)) {
                (Some(NumberWord::Unit(n)), _) if digits.len() < 14 => digits.push_str(&format!("{n:.0}")),
                (None, Some(Token::Figure { raw, .. })) if digits.len() + raw.len() < 16 => {
                    digits.extend(raw.chars().filter(char::is_ascii_digit));
                }
                _ => break,
            }
            at += 1;
        }
        let fraction: Option<f64> = digits.parse().ok().filter(|_| at > self.at + 1);
        if let Some(fraction) = fraction {
            self.unit = Some(self.unit.unwrap_or(0.0) + fraction);
            self.at = at - 1;
        }
        fraction.is_some()
    }
}

/// Every number in the tokens, with where it begins.
fn all(tokens: &[Token], language: Language) -> Vec<(usize, Folded)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match fold(tokens, at, language) {
            Some(folded) => {
                let end = folded.end.max(at + 1);
                found.push((at, folded));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// The number that was said: the longest one, the last of several alike. Digits said one after the other
/// are one number.
pub(crate) fn number(text: &str, language: Language) -> Option<f64> {
    let tokens = tokens(text, language);
    let mut best: Option<(usize, f64)> = None;
    let mut row: Vec<(usize, Folded)> = Vec::new();
    let mut consider = |row: &mut Vec<(usize, Folded)>| {
        let (Some((start, _)), Some((_, last))) = (row.first(), row.last()) else { return };
        let length = last.end - start;
        let digits: Option<String> = row.iter().map(|(_, folded)| folded.digits.as_deref()).collect();
        let joined = digits.filter(|_| row.len() > 1).and_then(|digits| digits.parse().ok());
        let value = joined.unwrap_or(last.value);
        if best.is_none_or(|(longest, _)| length >= longest) {
            best = Some((length, value));
        }
        row.clear();
    };
    for (start, folded) in all(&tokens, language) {
        if row.last().is_some_and(|(_, before)| before.end != start) {
            consider(&mut row);
        }
        row.push((start, folded));
    }
    consider(&mut row);
    best.map(|(_, value)| value).filter(|value| value.is_finite())
}

/// The digits that were said, in order: `oh eight double one`, `0812 3456`, `dua puluh lima`.
pub(crate) fn digits(text: &str, language: Language) -> String {
    let tokens = tokens(text, language);
    let mut digits = String::new();
    let mut times = 1;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let repeat = match token {
            Token::Word(word) if word == "double" || word == "dobel" => 2,
            Token::Word(word) if word == "triple" => 3,
            Token::Word(word) if word == "o" && language == Language::English => {
                digits.push('0');
                1
            }
            Token::Clock { time, .. } => {
                let (hour, minute) = time.clock();
                digits.push_str(&format!("{hour}{minute:02}"));
                1
            }
            Token::Word(_) | Token::Figure { .. } | Token::Date(_) | Token::Slashed(_) => 1,
        };
        if repeat > 1 {
            times = repeat;
            at += 1;
            continue;
        }
        match fold(&tokens, at, language) {
            Some(folded) => {
                let piece = folded.digits.clone().unwrap_or_else(|| format!("{:.0}", folded.value.abs()));
                digits.push_str(&piece.repeat(times));
                at = folded.end.max(at + 1);
            }
            None => at += 1,
        }
        times = 1;
    }
    digits
}
