//! The country whose numbers need no country code.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::enums::Region;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{names, plan};

/// A country, or a territory with numbers of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(Region);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a country: write its two letters such as ID, or its calling code such as 62")]
pub struct UnknownCountry {
    given: String,
}

impl Country {
    /// The country of a calling code: `62`; of a code that many share, the one that it is known for.
    pub(super) fn of_code(digits: &str) -> Option<Self> {
        let plain = (1..=3).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        plan::country_of(digits.parse().ok().filter(|_| plain)?).map(Self)
    }

    /// The country that a table names: as [`FromStr`] reads it, and by three letters, by its name in English, in its
    /// own language or in Indonesian, or by `0062`.
    ///
    /// # Errors
    /// When no country is known by this name.
    pub fn named(text: &str) -> Result<Self, UnknownCountry> {
        let unknown = || UnknownCountry { given: text.trim().chars().take(40).collect() };
        names::meant(text).parse().map_err(|_| unknown())
    }

    pub(super) const fn region(self) -> Region {
        self.0
    }

    /// `62`.
    #[must_use]
    pub fn calling_code(self) -> u16 {
        plan::calling_code(self.0)
    }

    /// The `0` that is dialled before the area code within the country, and dropped behind its code.
    pub(super) fn trunk_zero(self) -> Option<&'static str> {
        plan::drops_zero(self.0).then_some("0")
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    /// `ID`, `id`, `62`, `+62`.
    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let given = text.trim();
        let unknown = || UnknownCountry { given: given.chars().take(40).collect() };
        let code = given.strip_prefix('+').unwrap_or(given);
        if code.starts_with(|c: char| c.is_ascii_digit()) {
            return Self::of_code(code).ok_or_else(unknown);
        }
        let letters = given.to_ascii_uppercase();
        // What people write for the United Kingdom, and the standard does not.
        let letters = if letters == "UK" { "GB" } else { &letters };
        plan::country_named(letters).map(Self).ok_or_else(unknown)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrCode;

        impl Visitor<'_> for TextOrCode {
            type Value = Country;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a country such as ID, or its calling code such as 62")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Country, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, code: u64) -> Result<Country, E> {
                self.visit_str(&code.to_string())
            }

            fn visit_i64<E: de::Error>(self, code: i64) -> Result<Country, E> {
                self.visit_str(&code.to_string())
            }

            /// `44.0`, as programs write whole numbers that know no others.
            fn visit_f64<E: de::Error>(self, code: f64) -> Result<Country, E> {
                self.visit_str(&code.to_string())
            }
        }

        deserializer.deserialize_any(TextOrCode)
    }
}
