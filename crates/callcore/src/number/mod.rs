//! Telephone numbers: any spelling in, one normal form to dial, store and compare.
//!
//! The syntax of a number is read here and in `written`; the library behind `plan` knows country codes and trunk
//! prefixes. A number that no numbering plan covers (a test number, a short code) keeps its digits, if its length is possible
//! in its country. An ambiguous number is refused.

mod bad;
mod country;
mod names;
mod plan;
mod spurious;
#[cfg(test)]
mod tests;
mod uri;
mod written;
mod zones;

pub use self::bad::BadNumber;
pub use self::country::{Country, UnknownCountry};
use self::written::Written;
pub use self::zones::zone;

/// Digits of a number; the longest that ITU-T E.164 knows.
const DIGITS: std::ops::RangeInclusive<usize> = 3..=15;
/// Most digits that lead abroad before a number: `00700` in Korea.
const LONGEST_PREFIX: usize = 5;
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

/// A number as somebody wrote it, before it is known to which country it belongs. `007 65 6123 4567` is a call to
/// Singapore where `007` leads abroad, and one to Russia where `00` does: its digits must not be read twice.
#[derive(Debug, PartialEq, Eq)]
pub struct Spelling {
    written: Written,
    /// The digits of a `phone-context`.
    context: Option<String>,
    ignored: Vec<String>,
}

impl Spelling {
    /// Takes a number apart, however it is written: with separators of any script, `(0)` behind its country code, as
    /// `tel:` or `sip:` with `phone-context`.
    ///
    /// # Errors
    /// When the text is not one number, of whatever country.
    pub fn read(text: &str) -> Result<Self, BadNumber> {
        let text = written::folded(text);
        let uri::Parts { user, context, mut ignored } = uri::split(&text)?;
        let written = Written::read(&user)?;
        if written.extension {
            ignored.push(";ext".to_owned());
        }
        let count = written.digits.len();
        if count < *DIGITS.start() {
            return Err(BadNumber::NotANumber);
        }
        // A call abroad has its prefix before the digits that count.
        let prefix = if written.digits.starts_with('0') { LONGEST_PREFIX } else { 0 };
        if count > *DIGITS.end() + prefix {
            return Err(BadNumber::TooLong { count });
        }
        Ok(Self { written, context, ignored })
    }

    /// Whether it says itself to which country it belongs.
    #[must_use]
    pub const fn names_country(&self) -> bool {
        self.written.plus || self.context.is_some()
    }

    /// What is written with it and means nothing here: `;ext`, `;postd`, `@host`.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The number in its one form. `country` is that of a number which does not name its own; without it such a number
    /// stays as it is.
    ///
    /// # Errors
    /// When no country has such a number, or when it could be two.
    pub fn at_home(self, country: Option<Country>) -> Result<Number, BadNumber> {
        let Self { written, context, ignored } = self;
        let dialled = match context {
            Some(context) if !written.plus => in_context(&written, &context)?,
            Some(_) | None => resolve(&written, country)?,
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
        if dialled.starts_with('+') {
            plan::check_length(&dialled)?;
        }
        Ok(Number { dialled, ignored })
    }
}

/// Reads a number of which it is known to which country it belongs if it does not say so: see [`Spelling`].
///
/// # Errors
/// When the text is not one number.
pub fn read(text: &str, country: Option<Country>) -> Result<Number, BadNumber> {
    Spelling::read(text)?.at_home(country)
}

/// The digits by which a number is compared: those of its one form, also where no plan has it. Of a text that is no
/// number, its digits.
#[must_use]
pub fn key(text: &str, country: Option<Country>) -> String {
    match read(text, country) {
        Ok(number) => number.dialled.trim_start_matches('+').to_owned(),
        Err(bad) => bad.written().unwrap_or(text).chars().filter(char::is_ascii_digit).collect(),
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

fn resolve(written: &Written, country: Option<Country>) -> Result<String, BadNumber> {
    let digits = &written.digits;
    if written.plus {
        let rest = digits.strip_prefix("00").unwrap_or(digits);
        return Ok(international(rest, written.zero_from(digits.len() - rest.len())));
    }
    if let Some(found) = country.and_then(|country| abroad(written, country)) {
        return found;
    }
    if country.is_none()
        && let Some(readings) = two_exits(digits)
    {
        return Err(readings);
    }
    if let Some(rest) = digits.strip_prefix("00")
        && plan::begins_with_code(rest)
    {
        return Ok(international(rest, written.zero_from(2)));
    }
    // A zero in brackets stands behind a country code, and nowhere else.
    if let Some((at, _)) = written.zero
        && digits.get(..at).is_some_and(plan::is_code)
    {
        return Ok(international(digits, written.zero));
    }
    country.map_or_else(|| Ok(digits.clone()), |country| national(digits, country))
}

/// A number that begins with its country code; `zero` is where a zero in brackets stands and how long it is.
fn international(digits: &str, zero: Option<(usize, usize)>) -> String {
    let without = without_zero(digits, zero);
    let as_written = format!("+{digits}");
    let candidates = [without.as_deref(), Some(as_written.as_str())];
    if let Some(valid) = candidates.into_iter().flatten().find_map(|candidate| plan::valid(candidate, None)) {
        return valid;
    }
    if let Some(renewed) = plan::renewed(without.as_deref().unwrap_or(&as_written)) {
        return renewed;
    }
    plan::without_trunk_zero(without.as_deref().unwrap_or(&as_written))
}

/// `007 65 6123 4567`: what follows `00` is no number of its country, and what follows three digits is one, as where these
/// lead abroad.
fn two_exits(digits: &str) -> Option<BadNumber> {
    let (two, three) = (digits.strip_prefix("00")?, digits.get(3..)?);
    let one = format!("+{two}");
    let other = plan::valid(&format!("+{three}"), None)?;
    plan::valid(&one, None).is_none().then_some(BadNumber::TwoReadings { one, other })
}

fn without_zero(digits: &str, zero: Option<(usize, usize)>) -> Option<String> {
    let (at, length) = zero?;
    let (code, rest) = (digits.get(..at)?, digits.get(at + length..)?);
    plan::is_code(code).then(|| format!("+{code}{rest}"))
}

/// A number behind the international prefix of its country: `011` in America, `001` in Korea. `None` when it does not
/// begin with one, or when `00` is the prefix there as in most countries and what follows is not known.
fn abroad(written: &Written, country: Country) -> Option<Result<String, BadNumber>> {
    let digits = &written.digits;
    if digits.len() <= SHORT_CODE {
        return None;
    }
    let behind = |cut: usize| {
        let rest = digits.get(cut..)?;
        let without = without_zero(rest, written.zero_from(cut));
        without
            .and_then(|number| plan::valid(&number, None))
            .or_else(|| plan::valid(&format!("+{rest}"), None))
    };
    let exit = plan::exit(digits, country.region());
    let double_zero = digits.starts_with("00");
    let mut found: Vec<String> = match &exit {
        plan::Exit::To(number) => vec![number.clone()],
        plan::Exit::Nowhere | plan::Exit::None => Vec::new(),
    };
    // `00` is written out of habit where another prefix is dialled, too.
    found.extend(double_zero.then(|| behind(2)).flatten());
    found.extend(
        plan::more_exits(country.region())
            .iter()
            .find(|code| digits.starts_with(**code))
            .and_then(|code| behind(code.len())),
    );
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Some(Ok(one.clone())),
        [one, other, ..] => Some(Err(BadNumber::TwoReadings { one: one.clone(), other: other.clone() })),
        // Of a country that there is: how long the number is decides.
        [] if double_zero
            && digits.get(2..).is_some_and(plan::begins_with_code)
            && plan::exits_with_two_zeros(country.region()) =>
        {
            None
        }
        [] => (double_zero || exit == plan::Exit::Nowhere).then_some(Err(BadNumber::NotAbroad { country })),
    }
}

/// A number as it is dialled within its country, or with its country code and without a plus.
fn national(digits: &str, country: Country) -> Result<String, BadNumber> {
    let trunk = country.trunk_zero();
    if digits.len() <= SHORT_CODE && trunk.is_some_and(|zero| !digits.starts_with(zero)) {
        return Ok(digits.to_owned());
    }
    let behind_zero = trunk.and_then(|zero| digits.strip_prefix(zero));
    let code = country.calling_code().to_string();
    let with_code = Some(behind_zero.unwrap_or(digits)).filter(|rest| rest.starts_with(&code));
    let with_plus = with_code.map(|rest| format!("+{rest}"));
    let as_national = plan::valid(digits, Some(country.region()));
    let as_international = with_plus.as_deref().and_then(|number| plan::valid(number, None));
    match (as_national, as_international) {
        (Some(one), Some(other)) if one != other => {
            // People leave a mobile number's zero where it is when they put the code before it; a number with a zero
            // in front is otherwise what it seems to be.
            if behind_zero.is_some() && !plan::is_mobile(&other) {
                return Ok(one);
            }
            Err(BadNumber::TwoReadings { one: other, other: one })
        }
        (None, Some(one)) => Ok(one),
        (Some(one), None) => match with_plus {
            // Nobody writes the area code of a fixed line without its zero.
            Some(other)
                if behind_zero.is_none()
                    && trunk.is_some()
                    && !plan::is_mobile(&one)
                    && plan::check_length(&other).is_ok() =>
            {
                Err(BadNumber::TwoReadings { one: other, other: one })
            }
            Some(_) | None => Ok(one),
        },
        (Some(one), Some(_)) => Ok(one),
        (None, None) => match behind_zero {
            Some(rest) if rest.len() < FEWEST_BEHIND_PREFIX || rest.starts_with('0') => Ok(digits.to_owned()),
            Some(_) if with_plus.is_some_and(|number| plan::check_length(&number).is_ok()) => {
                Err(BadNumber::NotOfCountry { country })
            }
            Some(rest) => Ok(format!("+{code}{rest}")),
            None if digits.len() <= SHORT_CODE => Ok(digits.to_owned()),
            // Of another country, and without its plus.
            None => plan::valid(&format!("+{digits}"), None).ok_or(BadNumber::NotOfCountry { country }),
        },
    }
}

/// A local number and the digits that its `phone-context` puts before it.
fn in_context(written: &Written, context: &str) -> Result<String, BadNumber> {
    match Country::of_code(context) {
        Some(country) => national(&written.digits, country),
        None => Ok(international(&format!("{context}{}", written.digits), None)),
    }
}
