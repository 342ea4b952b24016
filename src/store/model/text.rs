//! Enums of the core as columns have them: by the names that they have on the wire.

use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};

/// The value of that name.
pub(in crate::store) fn read<'de, T: Deserialize<'de>>(name: &'de str) -> Result<T, sqlx::Error> {
    let name: StrDeserializer<'de, ValueError> = name.into_deserializer();
    T::deserialize(name).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// The name of a value; `None` for what has none.
pub(in crate::store) fn written(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
