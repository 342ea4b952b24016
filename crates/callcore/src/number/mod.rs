//! Telephone numbers: the one form in which they are dialled, kept and compared, however they were written.
//!
//! What may stand in a number is read here and in `written`; which digits are its country and which its trunk
//! prefix is known to the library behind `plan`. A number that no numbering plan has (one of a test, a short code)
//! keeps its digits.

mod country;
mod plan;
#[cfg(test)]
mod tests;
mod uri;
mod written;

pub use self::country::{Country, UnknownCountry};
use self::written::Written;

/// Digits of a number; the longest that ITU-T E.164 knows.
const DIGITS: std::ops::RangeInclusive<usize> = 3..=15;
/// A trunk prefix before fewer digits belongs to a short code.
const FEWEST_BEHIND_PREFIX: usize = 6;
/// So few digits without the trunk prefix that others have are a short code: `1500678`.
const SHORT_CODE: usize = 7;

/// A number in its one form: `+` and digits, or digits alone where nobody said to which country they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    dialled: String,
    ignored: Vec<String>,
}

impl Number {
    /// As it is dialled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.dialled
    }

    /// What was written with it and means nothing here: `;ext`, `;postd`, `@host`.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    #[must_use]
    pub fn into_parts(self) -> (String, Vec<String>) {
        (self.dialled, self.ignored)
    }
}

/// Why a text is not the number of one telephone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    #[error("is not a phone number: 3 to 15 digits, with the country code, are needed")]
    NotANumber,
    #[error("starts with \"{scheme}:\"; use tel: or sip:")]
    Scheme { scheme: String },
    #[error("ends in \"{end}\": a spreadsheet has made a decimal number of it; format the column as text")]
    Decimal { end: String },
    #[error(
        "is written as a power of ten (\"{shown}\"): a spreadsheet has made a number of it and may have lost digits; \
         format the column as text and enter the number anew"
    )]
    PowerOfTen { shown: String },
    #[error(
        "has commas between thousands: a spreadsheet has made an amount of it; format the column as text"
    )]
    Thousands,
    #[error("holds two numbers; give one")]
    Two,
    #[error("has {count} digits; no number has more than 15 (are these two numbers?)")]
    TooLong { count: usize },
    #[error("starts with +0; no country code does: write +62812… or, with a country known, 0812…")]
    PlusZero,
}

/// Reads a number however it is written: with separators of any script, `00` or `+` before the country, `(0)` behind
/// it, as `tel:` or `sip:` with `phone-context`. `country` is that of a number which does not name its own; without
/// it such a number stays as it is.
///
/// # Errors
/// When the text is not one number.
pub fn read(text: &str, country: Option<Country>) -> Result<Number, BadNumber> {
    let text = written::folded(text);
    let uri::Parts { user, context, mut ignored } = uri::split(&text)?;
    let written = Written::read(&user)?;
    if written.extension {
        ignored.push(";ext".to_owned());
    }
    let dialled = match context {
        Some(context) if !written.plus => in_context(&written, &context),
        Some(_) | None => resolve(&written, country),
    };
    let count = dialled.trim_start_matches('+').len();
    if count > *DIGITS.end() {
        return Err(BadNumber::TooLong { count });
    }
    if count < *DIGITS.start() {
        return Err(BadNumber::NotANumber);
    }
    if dialled.starts_with("+0") {
        return Err(BadNumber::PlusZero);
    }
    Ok(Number { dialled, ignored })
}

/// The digits by which a number is compared: those of its one form. Of a text that is no number, its digits.
#[must_use]
pub fn key(text: &str, country: Option<Country>) -> String {
    match read(text, country) {
        Ok(number) => number.dialled.trim_start_matches('+').to_owned(),
        Err(_) => text.chars().filter(char::is_ascii_digit).collect(),
    }
}

/// Whether two texts are the same number.
#[must_use]
pub fn same(one: &str, other: &str, country: Option<Country>) -> bool {
    let (one, other) = (key(one, country), key(other, country));
    !one.is_empty() && one == other
}

/// The first digits of numbers, as [`key`] has them: `+6221`, `0062 21`, and with a country `021`.
#[must_use]
pub fn key_of_beginning(text: &str, country: Option<Country>) -> String {
    let text = written::folded(text);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if text.trim_start().starts_with('+') {
        return digits;
    }
    if let Some(rest) = digits.strip_prefix("00") {
        return rest.to_owned();
    }
    match country.and_then(|country| Some((country, digits.strip_prefix(country.trunk_zero()?)?))) {
        Some((country, rest)) => format!("{}{rest}", country.calling_code()),
        None => digits,
    }
}

fn resolve(written: &Written, country: Option<Country>) -> String {
    let digits = &written.digits;
    if written.plus {
        let rest = digits.strip_prefix("00").unwrap_or(digits);
        return international(rest, written.zero_from(digits.len() - rest.len()));
    }
    if let Some(rest) = digits.strip_prefix("00")
        && plan::begins_with_code(rest)
    {
        return international(rest, written.zero_from(2));
    }
    // A zero in brackets stands behind a country code, and nowhere else.
    if let Some((at, _)) = written.zero
        && digits.get(..at).is_some_and(plan::is_code)
    {
        return international(digits, written.zero);
    }
    country.map_or_else(|| digits.clone(), |country| national(digits, country))
}

/// A number that begins with its country code; `zero` is where a zero in brackets stands and how long it is.
fn international(digits: &str, zero: Option<(usize, usize)>) -> String {
    let without = zero.and_then(|(at, length)| {
        let (code, rest) = (digits.get(..at)?, digits.get(at + length..)?);
        plan::is_code(code).then(|| format!("+{code}{rest}"))
    });
    let as_written = format!("+{digits}");
    let candidates = [without.as_deref(), Some(as_written.as_str())];
    if let Some(valid) = candidates.into_iter().flatten().find_map(|candidate| plan::valid(candidate, None)) {
        return valid;
    }
    plan::without_trunk_zero(without.as_deref().unwrap_or(&as_written))
}

/// A number as it is dialled within its country.
fn national(digits: &str, country: Country) -> String {
    if digits.len() <= SHORT_CODE && country.trunk_zero().is_some_and(|zero| !digits.starts_with(zero)) {
        return digits.to_owned();
    }
    if let Some(valid) = plan::valid(digits, Some(country)) {
        return valid;
    }
    let trunk = country.trunk_zero().and_then(|prefix| digits.strip_prefix(prefix));
    match trunk {
        Some(rest) if rest.len() >= FEWEST_BEHIND_PREFIX && !rest.starts_with('0') => {
            format!("+{}{rest}", country.calling_code())
        }
        Some(_) => digits.to_owned(),
        // Written with its country code and without a plus.
        None => plan::valid(&format!("+{digits}"), None).unwrap_or_else(|| digits.to_owned()),
    }
}

/// A local number and the digits that its `phone-context` puts before it.
fn in_context(written: &Written, context: &str) -> String {
    match Country::of_code(context) {
        Some(country) => national(&written.digits, country),
        None => international(&format!("{context}{}", written.digits), None),
    }
}
