//! Amounts of money in a text.

use super::super::currency::{Currency, currency_name};
use super::super::figure::Figure;
use super::super::say::spoken_number;
use super::super::say_money::spoken_money;
use super::super::shorthand::{currency, scale};
use super::{Says, Spoken, Word, said};

/// Words before a minus that stands apart: `your balance is - $5`.
const BEFORE_MINUS: [&str; 8] = ["is", "of", "balance", "total", "saldo", "adalah", "sebesar", "sisa"];

impl Says {
    /// Money: `Rp250.000`, `Rp. 2,5 juta`, `$5.50`, `USD 10`, `10 EUR`, `Rp5.000/bulan`, `-$12.50`, `$5-$10`.
    pub(super) fn money(&self, before: &str, words: &[Word<'_>]) -> Option<(usize, Spoken)> {
        let word = words.first()?;
        let next = words.get(1).copied();
        if word.core == "-" && BEFORE_MINUS.contains(&before.to_lowercase().as_str()) {
            let (used, spoken) = self.money("", words.get(1..)?)?;
            return Some((used + 1, said(format!("minus {}", spoken.text))));
        }
        let stopped = word.stopped();
        let sign = currency(word.core).or_else(|| stopped.as_deref().and_then(currency));
        if let (Some(code), Some(amount)) = (sign, next) {
            return self.amount(amount.core, code, words.get(2).copied(), 2);
        }
        if let (Some(sign), Some(amount)) = (word.core.strip_prefix('-').and_then(currency), next) {
            return self.amount(&format!("-{}", amount.core), sign, words.get(2).copied(), 2);
        }
        let first_digit = word.core.find(|c: char| c.is_ascii_digit())?;
        let (front, behind) = word.core.split_at(first_digit);
        let minus = front.starts_with('-') || front.ends_with('-') || front.starts_with("(-");
        if let Some(code) = currency(front.trim_matches(['-', '(', '+'])) {
            let sign = if minus { "-" } else { "" };
            return self.amount(&format!("{sign}{behind}"), code, next, 1);
        }
        let number = word.core.trim_end_matches(|c: char| !c.is_ascii_digit());
        if let Some(code) = word.core.get(number.len()..).and_then(currency) {
            return self.amount(number, code, None, 1);
        }
        let next = next.filter(|_| word.close.is_empty())?;
        let named = || Currency::without_cents_named(&next.core.to_lowercase()).filter(|_| front.is_empty());
        let code = currency(next.core).or_else(named)?;
        self.amount(word.core, code, None, 2)
    }

    /// An amount in figures, with what multiplies it and what it is paid for.
    fn amount(&self, text: &str, code: &str, next: Option<Word<'_>>, used: usize) -> Option<(usize, Spoken)> {
        if let Some(range) = self.amounts(text, code) {
            return Some((used, said(range)));
        }
        let (text, per) = text.split_once('/').map_or((text, None), |(text, per)| (text, Some(per)));
        let text = text.trim_end_matches(",-").trim_end_matches(".-").trim_end_matches(",--");
        let number = text.trim_end_matches(char::is_alphabetic);
        let glued = text.get(number.len()..).unwrap_or_default();
        // Ledgers write the sign behind the amount.
        let (number, behind) = number.strip_suffix('-').map_or((number, false), |number| (number, true));
        let (times, more) = if glued.is_empty() {
            let times = next.and_then(|next| scale(next.core, self.language)).filter(|_| per.is_none());
            (times, usize::from(times.is_some()))
        } else {
            (Some(scale(glued, self.language)?), 0)
        };
        // What is multiplied may have three decimals: `Rp 1.250 million`.
        let mut figure = if times.is_some() { self.figure(number) } else { self.sum(number, code) }?;
        figure.minus |= behind && (figure.whole > 0 || !figure.fraction.is_empty());
        let mut text = match times {
            Some(times) => {
                let name = currency_name(code, self.language)?;
                format!("{} {times} {name}", spoken_number(&figure, self.language))
            }
            None => spoken_money(&figure, code, self.language)?,
        };
        if let Some(per) = per {
            text = format!("{text} per {}", self.within(per));
        }
        Some((used + more, said(text)))
    }

    /// `5-10` and `5.000–Rp10.000` behind a sign.
    fn amounts(&self, text: &str, code: &str) -> Option<String> {
        let (low, high) = text.split_once(['-', '–'])?;
        let at = high.find(|c: char| c.is_ascii_digit())?;
        let sign = high.get(..at).unwrap_or_default();
        let (low, high) = (self.sum(low, code)?, self.sum(high.get(at..)?, code)?);
        if !(sign.is_empty() || currency(sign) == Some(code)) {
            return None;
        }
        let low = if sign.is_empty() {
            spoken_number(&low, self.language)
        } else {
            spoken_money(&low, code, self.language)?
        };
        Some(format!("{low} {} {}", self.pick("to", "sampai"), spoken_money(&high, code, self.language)?))
    }

    fn sum(&self, text: &str, code: &str) -> Option<Figure> {
        Says::is_figure(text).then(|| Figure::sum(text, code, self.language)).flatten()
    }
}
