//! Scalars that carriers write in more than one way.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// A scalar that some carriers send as a string and some as a number.
pub(in crate::trunk) struct Text<'a>(pub(in crate::trunk) Cow<'a, str>);

impl Text<'_> {
    /// The value as a whole number; a fraction is cut off.
    pub(in crate::trunk) fn whole(&self) -> Option<u64> {
        let text = self.0.trim();
        text.parse().ok().or_else(|| {
            let number = text.parse::<f64>().ok()?;
            (number.is_finite() && number >= 0.0).then_some(number as u64)
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        if number.is_finite() { Ok(Cow::Owned(number.to_string())) } else { Err(E::custom("not a number")) }
    }
}
