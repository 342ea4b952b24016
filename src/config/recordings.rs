//! Settings of recordings: where they are stored and for how long.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is kept of calls. A plain path names the folder.
#[derive(Debug)]
pub struct Recordings {
    pub folder: PathBuf,
    /// Days; `None` keeps them. A flow may say otherwise.
    pub keep_days: Option<u32>,
    /// Days until everything said in a call is deleted; `None` keeps it.
    pub keep_words_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    folder: PathBuf,
    keep_days: Option<u32>,
    keep_words_days: Option<u32>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { folder: "data/recordings".into(), keep_days: None, keep_words_days: None }
    }
}

impl From<Fields> for Recordings {
    fn from(fields: Fields) -> Self {
        let Fields { folder, keep_days, keep_words_days } = fields;
        Self { folder, keep_days, keep_words_days }
    }
}

impl Default for Recordings {
    fn default() -> Self {
        Fields::default().into()
    }
}

impl From<PathBuf> for Recordings {
    fn from(folder: PathBuf) -> Self {
        Self { folder, ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for Recordings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Recordings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a folder, or `folder`, `keep_days` and `keep_words_days`")
            }

            fn visit_str<E: serde::de::Error>(self, folder: &str) -> Result<Recordings, E> {
                Ok(PathBuf::from(folder).into())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Recordings, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map)).map(Recordings::from)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_alone_and_all_settings_are_taken_and_a_misspelt_one_is_named() {
        let read = |text: &str| serde_saphyr::from_str::<Recordings>(text);
        let plain = read("data/calls").unwrap();
        assert_eq!((plain.folder.to_str(), plain.keep_days), (Some("data/calls"), None));
        let full = read("{ folder: x, keep_days: 30, keep_words_days: 90 }").unwrap();
        assert_eq!((full.keep_days, full.keep_words_days), (Some(30), Some(90)));
        let error = read("{ keep: 30 }").unwrap_err().to_string();
        assert!(error.contains("keep_days"), "{error}");
    }
}
