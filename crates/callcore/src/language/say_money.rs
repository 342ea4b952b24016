//! Amounts of money as words.

use super::currency::Currency;
use super::figure::Figure;
use super::say::cardinal;
use super::tag::Language;

/// An amount with its currency: `two dollars and fifty cents`, `dua ratus lima puluh ribu rupiah`. In a
/// language that is not known here: figures and the code.
pub(crate) fn spoken_money(amount: &Figure, code: &str, language: Language) -> Option<String> {
    let currency = Currency::of(code)?;
    let (whole, cents) = amount.rounded(if currency.minor.is_some() { 2 } else { 0 });
    let zero = whole == 0 && cents == 0;
    let minus = amount.minus && !zero;
    if language == Language::Other {
        let sign = if minus { "-" } else { "" };
        let cents = if cents > 0 { format!(".{cents:02}") } else { String::new() };
        return Some(format!("{sign}{whole}{cents} {code}"));
    }
    let english = language == Language::English;
    let mut parts = Vec::new();
    if whole > 0 || zero {
        let [one, many] = currency.english;
        let name = match (english, whole) {
            (false, _) => currency.indonesian,
            (true, 1) => one,
            (true, _) => many,
        };
        parts.push(format!("{} {name}", cardinal(whole, language)));
    }
    if let Some([one, many, indonesian]) = currency.minor.filter(|_| cents > 0) {
        let name = match (english, cents) {
            (false, _) => indonesian,
            (true, 1) => one,
            (true, _) => many,
        };
        parts.push(format!("{} {name}", cardinal(cents, language)));
    }
    let spoken = parts.join(if english { " and " } else { " " });
    Some(if minus { format!("minus {spoken}") } else { spoken })
}
