//! The values a callee file holds, each checked where it stands so that an error has its place.

use std::fmt;

use callcore::number;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A duration such as `400ms`, `2s` or `1.5s`: at most one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub u64);

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Self).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is not a duration of at most an hour: write 400ms or 2s"))
        })
    }
}

fn duration(text: &str) -> Option<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let number = number.trim_end();
    let unit_ms = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        _ => return None,
    };
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let ms = number.parse::<f64>().ok()? * unit_ms;
    (ms <= 3_600_000.0).then_some(ms.round() as u64)
}

/// Loudness in dBFS RMS, -70 to -3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level(pub f32);

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = f32::deserialize(deserializer)?;
        if (-70.0..=-3.0).contains(&level) {
            Ok(Self(level))
        } else {
            Err(de::Error::custom(format!("a level of {level} dBFS is outside -70 to -3")))
        }
    }
}

/// How much fainter something comes back, 0 to 60 dB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss(pub f32);

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let loss = f32::deserialize(deserializer)?;
        if (0.0..=60.0).contains(&loss) {
            Ok(Self(loss))
        } else {
            Err(de::Error::custom(format!("a loss of {loss} dB is outside 0 to 60")))
        }
    }
}

/// The line's noise floor in dBFS; `None` is a digitally silent line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise(pub Option<f32>);

impl Default for Noise {
    fn default() -> Self {
        Self(Some(-60.0))
    }
}

impl<'de> Deserialize<'de> for Noise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(Self(None));
        }
        match text.parse::<f32>() {
            Ok(level) if (-90.0..=-10.0).contains(&level) => Ok(Self(Some(level))),
            Ok(_) | Err(_) => Err(de::Error::custom(format!(
                "noise `{text}` is neither `off` nor a level from -90 to -10 dBFS"
            ))),
        }
    }
}

/// The frequencies of a beep: one or two, 100 to 3900 Hz.
#[derive(Clone, Debug, PartialEq)]
pub struct Pitch(pub Vec<f32>);

impl<'de> Deserialize<'de> for Pitch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrTwo;

        impl<'de> Visitor<'de> for OneOrTwo {
            type Value = Vec<f32>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a frequency in Hz or a list of two")
            }

            fn visit_u64<E: de::Error>(self, hz: u64) -> Result<Self::Value, E> {
                Ok(vec![hz as f32])
            }

            fn visit_i64<E: de::Error>(self, hz: i64) -> Result<Self::Value, E> {
                Ok(vec![hz as f32])
            }

            fn visit_f64<E: de::Error>(self, hz: f64) -> Result<Self::Value, E> {
                Ok(vec![hz as f32])
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list))
            }
        }

        let hz = deserializer.deserialize_any(OneOrTwo)?;
        if !(1..=2).contains(&hz.len()) || hz.iter().any(|f| !(100.0..=3_900.0).contains(f)) {
            return Err(de::Error::custom("a beep has one or two frequencies from 100 to 3900 Hz"));
        }
        Ok(Self(hz))
    }
}

/// Keys of a telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(pub String);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = String::deserialize(deserializer)?.to_ascii_uppercase();
        let is_key = |key| callcore::audio::tone::dtmf_pair(key).is_some();
        if keys.is_empty() || keys.len() > 64 || !keys.chars().all(is_key) {
            return Err(de::Error::custom(format!("`{keys}` are no keys: use 0-9, *, #, A-D")));
        }
        Ok(Self(keys))
    }
}

/// A dialled number, or the beginning of one and `*`. Compared by digits: `+` and separators do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written, for people.
    pub text: String,
    pub digits: String,
    pub prefix: bool,
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (number, prefix) = text.strip_suffix('*').map_or((text.as_str(), false), |n| (n, true));
        let digits = if prefix { number::key_of_beginning(number, None) } else { number::key(number, None) };
        let separators = |c: char| c.is_ascii_digit() || "+ -().".contains(c);
        if !number.chars().all(separators) || (digits.is_empty() && !prefix) {
            return Err(de::Error::custom(format!(
                "`{text}` is not a number: write +15550001, or +1555* for all that begin so"
            )));
        }
        Ok(Self { text, digits, prefix })
    }
}
