//! A text in words: at white space, and where people leave none between two things.

use super::super::scale::is_size;
use super::super::shorthand::currency;
use super::Word;
use super::clean::{LESS, MORE};

/// Signs before a number that are words of their own.
const BEFORE_NUMBER: [char; 6] = [LESS, MORE, '≤', '≥', '≈', '≠'];

/// The words of a text that was cleaned.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    for token in text.split_whitespace() {
        let behind_currency = words.last().is_some_and(is_currency);
        let behind_number = words.last().is_some_and(|word| word.core.ends_with(is_digit));
        let mut rest = token;
        if let Some(number) = token.strip_prefix(BEFORE_NUMBER).filter(|number| !number.is_empty()) {
            let (sign, number_and_more) = token.split_at(token.len() - number.len());
            words.push(Word::of(sign));
            rest = number_and_more;
        }
        // The neighbourhood of an address in Indonesia: `RT 05/RW 03`.
        if let Some(number) = rest.strip_suffix("/RW").filter(|number| number.ends_with(is_digit)) {
            words.extend([Word::of(number), Word::of("RW")]);
            continue;
        }
        match joint(rest, behind_currency, behind_number) {
            Some((at, length)) => {
                let (from, dash) = rest.split_at(at);
                let (dash, to) = dash.split_at(length);
                words.extend([Word::of(from), Word::of(dash), Word::of(to)]);
            }
            None => words.push(Word::of(rest)),
        }
    }
    words
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_currency(word: &Word<'_>) -> bool {
    currency(word.core).is_some() || word.stopped().as_deref().and_then(currency).is_some()
}

/// Where a dash joins two amounts or measures, and how long it is: `$100-$200`, `100.000-Rp`, `ribu-200`, `5km-10km`.
/// Between plain numbers it may be something else.
fn joint(token: &str, behind_currency: bool, behind_number: bool) -> Option<(usize, usize)> {
    let dash = |c: char| matches!(c, '-' | '–' | '—');
    let at = token.find(dash)?;
    let sign = token.get(at..)?.chars().next()?;
    let (from, to) = (token.get(..at)?, token.get(at + sign.len_utf8()..)?);
    if to.contains(dash) {
        return None;
    }
    let (front, number) = from.split_at(from.find(is_digit).unwrap_or(from.len()));
    let tail = number.trim_start_matches(|c: char| is_digit(c) || matches!(c, '.' | ','));
    let money = !number.is_empty() && (behind_currency || currency(front.trim_matches(['(', '+'])).is_some());
    let measure =
        !number.is_empty() && front.is_empty() && (tail == "%" || tail.chars().all(char::is_alphabetic));
    let size = behind_number && number.is_empty() && is_size(front);
    let to_sign = to.get(..to.find(is_digit).unwrap_or(to.len())).unwrap_or_default();
    let to_money = !to_sign.is_empty() && currency(to_sign).is_some();
    let to_number = to.starts_with(is_digit);
    let plain = tail.is_empty() && !money;
    let joined = (to_money && !number.is_empty()) || (to_number && (money || size || (measure && !plain)));
    joined.then(|| (at, sign.len_utf8()))
}
