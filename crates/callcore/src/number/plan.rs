//! What the numbering plans of the world say: the one place that knows the library.

use rlibphonenumber::enums::Region;
use rlibphonenumber::{
    CountryCodeSource, PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, PhoneNumberType, ValidationError,
};

/// Longest calling code, digits.
const LONGEST_CODE: usize = 3;

/// International prefixes of carriers that the library leaves out.
const MORE_EXITS: [(Region, &[&str]); 1] = [(Region::ID, &["001", "007", "008", "009"])];

/// The number as `+62812…`, when the plan of its country has it.
pub(super) fn valid(text: &str, region: Option<Region>) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// What stood between the code of a country and its mobile numbers, and does so no more.
const DROPPED: [(&str, &str); 1] = [("+52", "1")];

/// The number as it is written today, when it has a digit that its country has given up: `+52 1 55…` in Mexico.
pub(super) fn renewed(number: &str) -> Option<String> {
    DROPPED.iter().find_map(|(code, digit)| {
        let rest = number.strip_prefix(code)?.strip_prefix(digit)?;
        valid(&format!("{code}{rest}"), None)
    })
}

/// Whether the number, as `+62812…`, is one of a mobile telephone.
pub(super) fn is_mobile(number: &str) -> bool {
    PHONE_NUMBER_UTIL.parse(number, None).is_ok_and(|number| {
        matches!(number.get_type(), PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile)
    })
}

/// Whether the number, as `+62812…`, is tied to a place.
pub(super) fn is_of_a_place(number: &str) -> bool {
    PHONE_NUMBER_UTIL.parse(number, None).is_ok_and(|number| number.is_geographical())
}

/// Why no plan can have a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    NoSuchCode { start: String, number: String },
    Length { country: String, number: String, long: bool },
    NoNumber,
}

/// Refuses a number, as `+62812…`, of a country that does not exist or of a length that no number of its country has.
/// Numbers that are dialled within one area only pass.
pub(super) fn check_length(number: &str) -> Result<(), Misfit> {
    let digits = number.trim_start_matches('+');
    let misfit = |long: bool| {
        let code = (1..=LONGEST_CODE).filter_map(|length| digits.get(..length)).find(|code| is_code(code));
        let country = code.map_or_else(|| "its country".to_owned(), |code| format!("+{code}"));
        Misfit::Length { country, number: number.to_owned(), long }
    };
    match PHONE_NUMBER_UTIL.parse(number, None) {
        Ok(read) => match read.is_possible_with_reason() {
            Ok(_) => Ok(()),
            Err(ValidationError::InvalidCountryCode) => Err(no_such_code(digits)),
            Err(ValidationError::TooShort | ValidationError::InvalidLength) => Err(misfit(false)),
            Err(ValidationError::TooLong) => Err(misfit(true)),
        },
        Err(ParseError::InvalidCountryCode) => Err(no_such_code(digits)),
        Err(ParseError::TooLongNsn) => Err(misfit(true)),
        Err(ParseError::TooShortAfterIdd | ParseError::TooShortNsn) => Err(misfit(false)),
        Err(ParseError::NotANumber(_)) => Err(Misfit::NoNumber),
    }
}

fn no_such_code(digits: &str) -> Misfit {
    Misfit::NoSuchCode { start: digits.chars().take(LONGEST_CODE).collect(), number: format!("+{digits}") }
}

/// What follows the international prefix that is dialled in a country.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The number does not begin with it.
    None,
    /// No number that there is.
    Nowhere,
    /// A number that there is.
    To(String),
}

/// Reads what stands behind the international prefix of a country, if `digits` begin with it.
pub(super) fn exit(digits: &str, region: Region) -> Exit {
    match PHONE_NUMBER_UTIL.parse_and_keep_raw_input(digits, Some(region)) {
        Ok(read) if read.country_code_source() != CountryCodeSource::FromNumberWithIdd => Exit::None,
        Ok(read) if read.is_valid() => Exit::To(read.format_as(PhoneNumberFormat::E164).into_owned()),
        Ok(_) | Err(ParseError::InvalidCountryCode | ParseError::TooShortAfterIdd) => Exit::Nowhere,
        Err(ParseError::NotANumber(_) | ParseError::TooShortNsn | ParseError::TooLongNsn) => Exit::None,
    }
}

/// International prefixes that are dialled in a country besides those that [`exit`] knows.
pub(super) fn more_exits(region: Region) -> &'static [&'static str] {
    MORE_EXITS.iter().find(|(of, _)| *of == region).map_or(&[], |(_, exits)| exits)
}

/// Whether `00` is the whole international prefix of a country.
pub(super) fn exits_with_two_zeros(region: Region) -> bool {
    let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region) else { return false };
    let number = example.format_as(PhoneNumberFormat::E164);
    exit(&number.replacen('+', "00", 1), region) == Exit::To(number.into_owned())
}

pub(super) fn country_of(code: i32) -> Option<Region> {
    // Satellites and other networks without a country stand under one made-up region.
    PHONE_NUMBER_UTIL.get_region_for_country_code(code).filter(|region| calling_code(*region) > 0)
}

pub(super) fn country_named(letters: &str) -> Option<Region> {
    letters.parse::<Region>().ok().filter(|region| calling_code(*region) > 0)
}

pub(super) fn calling_code(region: Region) -> u16 {
    PHONE_NUMBER_UTIL
        .get_country_code_for_region(region)
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or(0)
}

/// Whether a zero before the area code is dropped behind the country code. Italy's is not.
pub(super) fn drops_zero(region: Region) -> bool {
    let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region) else { return false };
    let with_zero = format!("0{}", example.national_number);
    PHONE_NUMBER_UTIL.parse(&with_zero, Some(region)).is_ok_and(|read| read == example)
}

/// Whether `digits` are a calling code.
pub(super) fn is_code(digits: &str) -> bool {
    let plain = (1..=LONGEST_CODE).contains(&digits.len()) && !digits.starts_with('0');
    let code = digits.parse::<i32>().ok().filter(|_| plain);
    code.is_some_and(|code| PHONE_NUMBER_UTIL.get_region_for_country_code(code).is_some())
}

/// Whether a number with its country in front can begin like this.
pub(super) fn begins_with_code(digits: &str) -> bool {
    // No area in North America begins with 1: this is `0011…`, an international prefix of its own.
    !digits.starts_with("11") && (1..=LONGEST_CODE).any(|length| digits.get(..length).is_some_and(is_code))
}

/// A number that no plan has, without the zero that does not belong behind its country code.
pub(super) fn without_trunk_zero(number: &str) -> String {
    let digits = number.trim_start_matches('+');
    for length in 1..=LONGEST_CODE {
        if let (Some(code), Some(rest)) = (digits.get(..length), digits.get(length..))
            && is_code(code)
        {
            let drops = code.parse().ok().and_then(country_of).is_some_and(drops_zero);
            let rest = if drops { rest.trim_start_matches('0') } else { rest };
            return format!("+{code}{rest}");
        }
    }
    number.to_owned()
}
