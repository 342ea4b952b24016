//! Settings to begin with, by country and purpose: dated data with their source. A person picks one and may change all of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

const TABLE: &str = include_str!("presets.json");

/// Settings to begin with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    pub name: String,
    pub title: String,
    /// When it was last compared with its source.
    pub dated: String,
    /// The law or policy that it follows.
    pub source: String,
    /// What to mind.
    pub note: String,
    /// The part of [`super::Settings`] that it sets.
    pub settings: Value,
}

/// All presets.
#[must_use]
pub fn presets() -> Vec<Preset> {
    serde_json::from_str(TABLE).unwrap_or_default()
}
