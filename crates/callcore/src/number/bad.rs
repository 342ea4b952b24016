//! Why a text is not the number of one telephone.

use super::country::Country;
use super::plan::Misfit;

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
    #[error(
        "has \"{shown}\" beside the number, which would be dialled with it; leave it out, or write an extension as \
         \"ext 12\""
    )]
    Beside { shown: String },
    #[error("looks like an address of a computer or the number of a version; is this another column?")]
    Address,
    #[error("has {count} digits; no number has more than 15 (are these two numbers?)")]
    TooLong { count: usize },
    #[error("starts with +0; no country code does: write +62812… or, with a country known, 0812…")]
    PlusZero,
    #[error("starts with +{start}…, and no country has such a code")]
    NoSuchCode { start: String, number: String },
    #[error("is too {} for a number of {country}: {number}", if *.long { "long" } else { "short" })]
    Length { country: String, number: String, long: bool },
    #[error("may be {one} or {other}; write it with + and the country code")]
    TwoReadings { one: String, other: String },
    #[error(
        "is no number of {country}; write it with + and the country code, or as it is dialled within {country}"
    )]
    NotOfCountry { country: Country },
    #[error(
        "begins like a call abroad from {country}, and no number of another country follows; write it with + and the \
         country code"
    )]
    NotAbroad { country: Country },
    #[error("looks like a date; is this another column?")]
    Date,
    #[error(
        "looks like a time of day or an amount; is this another column? (a number may be written without dots)"
    )]
    Amount,
}

impl BadNumber {
    /// The number that was written, as `+62812`, where it is one telephone's and only no plan has it.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        match self {
            Self::NoSuchCode { number, .. } | Self::Length { number, .. } => Some(number),
            Self::NotANumber
            | Self::Scheme { .. }
            | Self::Decimal { .. }
            | Self::PowerOfTen { .. }
            | Self::Thousands
            | Self::Two
            | Self::Beside { .. }
            | Self::Address
            | Self::TooLong { .. }
            | Self::PlusZero
            | Self::TwoReadings { .. }
            | Self::NotOfCountry { .. }
            | Self::NotAbroad { .. }
            | Self::Date
            | Self::Amount => None,
        }
    }
}

impl From<Misfit> for BadNumber {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::NoSuchCode { start, number } => Self::NoSuchCode { start, number },
            Misfit::Length { country, number, long } => Self::Length { country, number, long },
            Misfit::NoNumber => Self::NotANumber,
        }
    }
}
