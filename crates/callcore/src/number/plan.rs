//! What the numbering plans of the world say: the one place that knows the library.

use rlibphonenumber::enums::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use super::Country;

/// The number as `+62812…`, when the plan of its country has it.
pub(super) fn valid(text: &str, country: Option<Country>) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(text, country.map(|country| country.0)).ok()?;
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
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
    let plain = (1..=3).contains(&digits.len()) && !digits.starts_with('0');
    let code = digits.parse::<i32>().ok().filter(|_| plain);
    code.is_some_and(|code| PHONE_NUMBER_UTIL.get_region_for_country_code(code).is_some())
}

/// Whether a number with its country in front can begin like this.
pub(super) fn begins_with_code(digits: &str) -> bool {
    // No area in North America begins with 1: this is `0011…`, an international prefix of its own.
    !digits.starts_with("11") && (1..=3).any(|length| digits.get(..length).is_some_and(is_code))
}

/// A number that no plan has, without the zero that does not belong behind its country code.
pub(super) fn without_trunk_zero(number: &str) -> String {
    let digits = number.trim_start_matches('+');
    for length in 1..=3 {
        if let (Some(code), Some(rest)) = (digits.get(..length), digits.get(length..))
            && is_code(code)
        {
            let drops = Country::of_code(code).is_some_and(|country| drops_zero(country.0));
            let rest = if drops { rest.trim_start_matches('0') } else { rest };
            return format!("+{code}{rest}");
        }
    }
    number.to_owned()
}
